// Hash tables by text that came from files. Their hash has a key drawn afresh by each process: who writes a file cannot
// choose texts that meet in one place of a table, and so make a reader slow. No result may depend on the order of such
// a table.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace tessera {

uint64_t text_hash(std::string_view text);

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return static_cast<size_t>(text_hash(text)); }
};

// Keys are found by a std::string_view; the last two hold views, whose texts must outlive them.
template <class T>
using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;
using TextSet = std::unordered_set<std::string, TextHash, std::equal_to<>>;
template <class T>
using ViewMap = std::unordered_map<std::string_view, T, TextHash>;
using ViewSet = std::unordered_set<std::string_view, TextHash>;

}  // namespace tessera
