// Many names told as few: numbers that vary become `<0..31>`.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace tessera {

struct FoldedName {
  std::string text;                // "layers.<0..31>.mlp.w"
  size_t count = 0;                // how many names it stands for
  std::string count_text() const;  // " (32 tensors)", nothing for one
};
// Names that differ in their numbers alone become one, in order of first appearance.
std::vector<FoldedName> fold_names(const std::vector<std::string>& names);

}  // namespace tessera
