// Names that are made from a weight's name: text around `<name>` (all of it) or `<stem>` (without a last `.weight`).
// Companions and the fields of encodings are called so, in the files' spelling.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

class NameForm {
 public:
  explicit NameForm(std::string_view text);  // as parsed: one hole

  std::string fill(std::string_view weight) const;
  bool fits(std::string_view name) const;
  // The weights' names that would be filled to this one: none, one, or for a stem two (with and without `.weight`).
  std::vector<std::string> weights(std::string_view name) const;

 private:
  std::string before_, after_;
  bool stem_ = false;
};

}  // namespace tessera
