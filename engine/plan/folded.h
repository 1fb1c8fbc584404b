// Many names told as few: numbers that vary become `<0..31>`.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tessera {

// A name taken apart at its numbers.
struct NumberedName {
  std::vector<std::string> texts;  // one more than there are numbers
  std::vector<int64_t> numbers;
};
// Runs of more than 18 digits, or with leading zeros, stay text.
NumberedName split_numbers(const std::string& name);

struct FoldedName {
  std::string text;                // "layers.<0..31>.mlp.w"
  size_t count = 0;                // how many names it stands for
  std::string count_text() const;  // " (32 tensors)", nothing for one
};
// Names that differ in their numbers alone become one, in order of first appearance.
std::vector<FoldedName> fold_names(const std::vector<std::string>& names);

}  // namespace tessera
