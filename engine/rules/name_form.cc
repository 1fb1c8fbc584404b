// Text before the hole, text behind it.
#include "rules/name_form.h"

namespace tessera {
namespace {

constexpr std::string_view last_word = ".weight";

}  // namespace

NameForm::NameForm(std::string_view text) {
  const size_t open = text.find('<'), close = text.find('>');
  if (open == text.npos || close == text.npos || close < open) {
    before_ = text;
    return;
  }
  before_ = text.substr(0, open);
  after_ = text.substr(close + 1);
  stem_ = text.substr(open, close - open + 1) == "<stem>";
}

std::string NameForm::fill(std::string_view weight) const {
  if (stem_ && weight.ends_with(last_word)) weight.remove_suffix(last_word.size());
  return before_ + std::string(weight) + after_;
}

bool NameForm::fits(std::string_view name) const {
  return name.size() > before_.size() + after_.size() && name.starts_with(before_) && name.ends_with(after_);
}

std::vector<std::string> NameForm::weights(std::string_view name) const {
  if (!fits(name)) return {};
  const std::string inner(name.substr(before_.size(), name.size() - before_.size() - after_.size()));
  return stem_ ? std::vector{inner + std::string(last_word), inner} : std::vector{inner};
}

}  // namespace tessera
