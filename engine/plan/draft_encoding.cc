// `<name>SUFFIX`, one number for each block of `<name>`.
#include "plan/draft_encoding.h"

#include <map>

#include "base/text.h"

namespace tessera {
namespace {

bool is_f8(DType dtype) {
  return dtype == DType::f8_e4m3 || dtype == DType::f8_e5m2 || dtype == DType::f8_e4m3fnuz ||
         dtype == DType::f8_e5m2fnuz;
}

// Texts and captures but for the last text: equal for tensors that stand side by side at the same places.
std::string key_of(const Folded& tensor) {
  std::string key;
  for (size_t i = 0; i + 1 < tensor.texts.size(); ++i) key += tensor.texts[i] + "<>";
  for (const Capture& capture : tensor.captures) key += "|" + fold_numbers(capture.indices);
  return key;
}

// The only block size that gives so many blocks in each dimension; 128 before others.
std::optional<std::vector<int64_t>> block_of(const std::vector<int64_t>& weight, const std::vector<int64_t>& scales) {
  if (weight.size() != 2 || scales.size() != 2) return std::nullopt;
  std::vector<int64_t> block;
  for (size_t k = 0; k < 2; ++k) {
    int64_t found = 0;
    for (int64_t size : {128, 64, 32, 16, 8, 4, 2, 256, 512})
      if (!found && (weight[k] + size - 1) / size == scales[k]) found = size;
    if (!found) return std::nullopt;
    block.push_back(found);
  }
  return block;
}

struct Scales {
  uint32_t tensor = 0;
  std::string suffix;
  std::vector<int64_t> block;
};

// The tensor whose name goes on where the weight's ends, with a number for each block.
std::optional<Scales> scales_of(const Folded& weight, const Folds& folds, const std::vector<uint32_t>& beside) {
  for (uint32_t i : beside) {
    const Folded& other = folds.tensors[i];
    const std::string &name = other.texts.back(), &stem = weight.texts.back();
    if (is_f8(other.dtype) || name.size() <= stem.size() || !name.starts_with(stem)) continue;
    if (const auto block = block_of(weight.shape, other.shape)) return Scales{i, name.substr(stem.size()), *block};
  }
  return std::nullopt;
}

}  // namespace

void find_encodings(const Folds& folds, const std::string& side, std::set<uint32_t>& encoded, Draft& draft) {
  std::map<std::string, std::vector<uint32_t>> by_place;
  for (uint32_t i = 0; i < folds.tensors.size(); ++i) by_place[key_of(folds.tensors[i])].push_back(i);
  std::optional<Scales> first;
  for (const Folded& weight : folds.tensors) {
    if (!is_whole_bytes(weight.dtype)) draft.tail.push_back("packed numbers: " + shown_name(weight));
    if (!is_f8(weight.dtype)) continue;
    const auto scales = scales_of(weight, folds, by_place[key_of(weight)]);
    if (scales && (!first || (first->suffix == scales->suffix && first->block == scales->block))) {
      encoded.insert(scales->tensor);
      first = scales;
    } else {
      draft.tail.push_back("fp8, and no scales of its blocks were recognised: " + shown_name(weight));
    }
  }
  if (first)
    draft.encodings.push_back({"fp8",
                               format("{{ kind: fp8_block, block: [{}, {}], on: {{ {}: <name>{} }}, write: never }}",
                                      first->block[0], first->block[1], side, first->suffix),
                               "guess: by the scales' shapes"});
}

}  // namespace tessera
