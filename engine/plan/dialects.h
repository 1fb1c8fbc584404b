// Dialects in use at one end: bijective renamings of its side's names and configuration keys (docs/language.md
// section 9). Rules never see them: they stand between the rules' names and the files'.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "layout/name.h"
#include "plan/model.h"

namespace tessera {

// The renaming of names, both ways.
// A dialect that extends another renames what that one has written, and brings it along.
class Renamer {
 public:
  // `dialects`: full names, as check_dialects accepted them.
  Renamer(const RuleSet& rules, SideId side, const std::vector<std::string>& dialects);

  // How the files spell a name of the rules; the name itself where no line matches.
  std::string to_file(std::string_view rule_name) const;
  bool acts(std::string_view rule_name) const { return to_file(rule_name) != rule_name; }
  // The lines that act on the way, in order.
  std::vector<const RenameLine*> acting(std::string_view rule_name) const;
  // Every name that the files would spell so: the name itself unless a line renames it, and what the lines make of it
  // read backwards. For `ignore` and messages; what is mapped is found by enumerating the rules' names, not by this.
  std::vector<std::string> to_rule(std::string_view file_name) const;
  bool idle() const { return lines_.empty(); }  // no line at all: names stay as they are

 private:
  std::string to_file(std::string_view rule_name, std::vector<const RenameLine*>& acted) const;
  struct Line {
    const RenameLine* text;
    size_t depth;  // how many dialects the line's own one builds on: their lines come first
    Matcher left, right;
  };
  std::vector<Line> lines_;  // by depth
};

// The dialects of one side, in order of the rule set.
std::vector<const Dialect*> dialects_of(const RuleSet& rules, SideId side);

// Those named and those that they extend, in order of the rule set.
std::vector<const Dialect*> dialects_in_use(const RuleSet& rules, SideId side, const std::vector<std::string>& names);

// Can a line of the dialect, or of those that it extends, rename a name of these rules at all?
bool may_rename(const RuleSet& rules, SideId side, const Dialect& dialect);

// Every dialect of the end's side by name, true where it is in use there: what expressions see.
Map dialect_flags(const RuleSet& rules, const EndSpec& end);

// The end's dialects are known for its side (R02), and no two of their lines meet (R05, at the later line).
bool check_dialects(const RuleSet& rules, const EndSpec& end, Diagnostics& diagnostics);

}  // namespace tessera
