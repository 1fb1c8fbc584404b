// The axes of a draft: one for each size that dimensions have, one for each place of captured numbers.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "plan/draft.h"
#include "plan/draft_known.h"
#include "plan/draft_sizes.h"

namespace tessera {

class DraftAxes {
 public:
  // `known`: its axes are used again, and their names are taken; may be nullptr.
  DraftAxes(const SizeGuesser& guesser, const Known* known, std::set<std::string> taken);

  // The axis of a place of numbers; `size_text` of it by then. A known name is used as it is.
  std::string index_axis(const IndexAxis& place, const std::string& known_name);
  const std::string& size_text(const std::string& axis) const { return size_texts_.at(axis); }
  // The axes whose product is a dimension of this size; none: the dimension is 1.
  std::vector<std::string> dimension(int64_t size);
  std::string one_axis(int64_t size);
  // A further axis like this one, for the second dimension of one size in one tensor: `turn` 2, 3, ...
  std::string another(const std::string& axis, size_t turn);

  const std::vector<DraftLine>& lines() const { return lines_; }
  const std::set<std::string>& keys() const { return keys_; }  // of the configuration, that sizes speak of

 private:
  std::string add(const std::vector<std::string>& wishes, const std::string& size, const std::string& split,
                  std::string comment);
  std::string fresh_name(const std::vector<std::string>& wishes);
  const KnownAxis* known_axis(int64_t size) const;
  void speak(const std::string& expression);

  const SizeGuesser& guesser_;
  const Known* known_;
  std::set<std::string> taken_;
  std::map<std::string, std::string> by_size_;     // expression -> axis
  std::map<std::string, std::string> size_texts_;  // axis -> expression
  std::map<std::pair<std::string, size_t>, std::string> others_;
  std::vector<DraftLine> lines_;
  std::set<std::string> keys_;
};

}  // namespace tessera
