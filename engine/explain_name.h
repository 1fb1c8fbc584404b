// What NAME means to `explain`: which tensor of which end, and which element of it.
#pragma once
#include "planning.h"

namespace tessera {

// One tensor that was asked for.
struct Subject {
  bool output = false;
  TensorId id = none_id;                      // none_id: a source tensor that no move or omission names
  uint32_t source = none_id;                  // of a source tensor: index into Contents::tensors
  std::optional<std::vector<int64_t>> index;  // of one element
};

struct Asked {
  std::vector<Subject> subjects;   // at most one for each end, the source's first
  std::vector<std::string> notes;  // what else has the name
};

// NAME is `[PLACE:]name[index]`: a tensor as the files or the rules spell it, folded (`layers.<0..3>.w`: the first of
// them), or a rule's full name (its first tensor). PLACE: a rank's folder, or ranks such as `tp1` or `vpp0`, with
// colons between. Error(usage) with the nearest names, or for an index that is not there.
Asked find_subjects(const Prepared& prepared, const std::string& text);

// The folder of a rank, as `inspect` shows it; "" for formats without ranks.
std::string place_label(const Prepared& prepared, bool output, uint32_t place);
Coordinates place_at(const Prepared& prepared, bool output, uint32_t place);

}  // namespace tessera
