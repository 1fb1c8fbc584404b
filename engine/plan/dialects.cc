// Renaming by the lines of dialects. The way to the files is a function, since no two left sides in use meet; the way
// back is tried line by line and kept only where the way to the files agrees.
#include "plan/dialects.h"

#include <algorithm>
#include <map>

#include "base/suggest.h"
#include "base/text.h"

namespace tessera {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

const Dialect* parent_of(const RuleSet& rules, const Dialect& dialect) {
  for (const Dialect& other : rules.dialects)
    if (other.name == dialect.extends.s && other.side == dialect.side) return &other;
  return nullptr;
}

size_t depth_of(const RuleSet& rules, const Dialect& dialect) {
  size_t depth = 0;
  for (const Dialect* up = parent_of(rules, dialect); up; up = parent_of(rules, *up)) ++depth;
  return depth;
}

std::vector<std::string> hole_names(const Pattern& pattern) {
  std::vector<std::string> names;
  for (const PatternPiece& piece : pattern)
    if (piece.hole) names.push_back(piece.name);
  return names;
}

// The texts for the holes of `to`, given those of `from` by name. Nothing if a hole that stands twice held two texts.
std::optional<std::vector<std::string>> carry_holes(const Pattern& from, const std::vector<std::string>& texts,
                                                    const Pattern& to) {
  const std::vector<std::string> names = hole_names(from);
  const auto text_of = [&](const std::string& name) {
    return texts[static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin())];
  };
  for (size_t i = 0; i < names.size(); ++i)
    if (texts[i] != text_of(names[i])) return std::nullopt;
  std::vector<std::string> carried;
  for (const std::string& name : hole_names(to)) carried.push_back(text_of(name));
  return carried;
}

std::optional<std::string> rewrite(std::string_view name, const Matcher& matcher, const Pattern& from,
                                   const Pattern& to) {
  std::vector<std::string> texts;
  if (!matcher.match(name, texts)) return std::nullopt;
  const auto carried = carry_holes(from, texts, to);
  if (!carried) return std::nullopt;
  return render(to, *carried);
}

constexpr size_t most_steps = 20'000'000;  // of telling lines, or lines and names, from each other

// R05 for each line that meets an earlier one of its depth.
void check_lines(const std::vector<const RenameLine*>& lines, Diagnostics& diagnostics) {
  size_t steps = 0;
  for (size_t later = 0; later < lines.size(); ++later)
    for (size_t earlier = 0; earlier < later; ++earlier)
      if (steps > most_steps) {
        diagnostics.error("R05", lines[later]->left_text.span, "too many lines to tell each from each other");
        return;
      } else if (can_meet(lines[earlier]->left, lines[later]->left, &steps)) {
        Diagnostic& meeting =
            diagnostics.error("R05", lines[later]->left_text.span,
                              format("two lines of the dialects in use rename the same names: `{}` and `{}`",
                                     lines[earlier]->left_text.s, lines[later]->left_text.s),
                              "use one of the two dialects");
        meeting.related.push_back({lines[earlier]->left_text.span, "the other line"});
        break;
      }
}

}  // namespace

Renamer::Renamer(const RuleSet& rules, SideId side, const std::vector<std::string>& dialects) {
  for (const Dialect* dialect : dialects_in_use(rules, side, dialects))
    for (const RenameLine& line : dialect->rename)
      lines_.push_back({&line, depth_of(rules, *dialect), Matcher(line.left), Matcher(line.right)});
  std::stable_sort(lines_.begin(), lines_.end(), [](const Line& a, const Line& b) { return a.depth < b.depth; });
}

std::string Renamer::to_file(std::string_view rule_name) const {
  std::vector<const RenameLine*> acted;
  return to_file(rule_name, acted);
}

std::vector<const RenameLine*> Renamer::acting(std::string_view rule_name) const {
  std::vector<const RenameLine*> acted;
  to_file(rule_name, acted);
  return acted;
}

std::string Renamer::to_file(std::string_view rule_name, std::vector<const RenameLine*>& acted) const {
  std::string name(rule_name);
  std::optional<size_t> done;  // the depth that has renamed it last
  for (const Line& line : lines_) {
    if (done == line.depth) continue;
    auto renamed = rewrite(name, line.left, line.text->left, line.text->right);
    if (!renamed) continue;
    name = *std::move(renamed);
    acted.push_back(line.text);
    done = line.depth;
  }
  return name;
}

std::vector<std::string> Renamer::to_rule(std::string_view file_name) const {
  std::vector<std::string> candidates = {std::string(file_name)};
  for (auto end = lines_.rbegin(); end != lines_.rend();) {
    const size_t depth = end->depth, before = candidates.size();
    for (; end != lines_.rend() && end->depth == depth; ++end)
      for (size_t i = 0; i < before; ++i)
        if (auto renamed = rewrite(candidates[i], end->right, end->text->right, end->text->left))
          candidates.push_back(*std::move(renamed));
  }
  std::sort(candidates.begin(), candidates.end());
  candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
  std::erase_if(candidates, [&](const std::string& candidate) { return to_file(candidate) != file_name; });
  return candidates;
}

std::vector<const Dialect*> dialects_of(const RuleSet& rules, SideId side) {
  std::vector<const Dialect*> found;
  for (const Dialect& dialect : rules.dialects)
    if (dialect.side == rules.file.sides[side].s) found.push_back(&dialect);
  return found;
}

std::vector<const Dialect*> dialects_in_use(const RuleSet& rules, SideId side, const std::vector<std::string>& names) {
  std::vector<std::string> all = names;
  for (size_t i = 0; i < all.size(); ++i)
    for (const Dialect* dialect : dialects_of(rules, side))
      if (dialect->name == all[i] && !dialect->extends.empty() && !contains(all, dialect->extends.s))
        all.push_back(dialect->extends.s);
  std::vector<const Dialect*> found = dialects_of(rules, side);
  std::erase_if(found, [&](const Dialect* dialect) { return !contains(all, dialect->name); });
  return found;
}

bool may_rename(const RuleSet& rules, SideId side, const Dialect& dialect) {
  const auto lines = dialects_in_use(rules, side, {dialect.name});
  size_t steps = 0;  // when there have been too many, the answer is yes
  const auto meets = [&](const Address& address) {
    const Pattern name = pattern_of(address.name);
    return std::ranges::any_of(lines, [&](const Dialect* one) {
      return std::ranges::any_of(
          one->rename, [&](const RenameLine& line) { return steps > most_steps || can_meet(line.left, name, &steps); });
    });
  };
  const auto any = [&](const SideForm& form) {
    return std::ranges::any_of(form, [&](const Alternative& a) { return std::ranges::any_of(a.addresses, meets); });
  };
  return std::ranges::any_of(rules.rules, [&](const Rule& rule) { return any(rule.sides[side]); }) ||
         std::ranges::any_of(rules.copies, [&](const Copy& copy) { return copy.side == side && any(copy.form); });
}

Map dialect_flags(const RuleSet& rules, const EndSpec& end) {
  Map flags;
  for (const Dialect* dialect : dialects_of(rules, end.side)) flags[dialect->name] = false;
  for (const Dialect* dialect : dialects_in_use(rules, end.side, end.dialects)) flags[dialect->name] = true;
  return flags;
}

bool check_dialects(const RuleSet& rules, const EndSpec& end, Diagnostics& diagnostics) {
  const size_t before = diagnostics.error_count();
  std::vector<std::string> known;
  for (const Dialect* dialect : dialects_of(rules, end.side)) known.push_back(dialect->name);
  std::map<size_t, std::vector<const RenameLine*>> lines;
  for (const Dialect* dialect : dialects_in_use(rules, end.side, end.dialects))
    for (const RenameLine& line : dialect->rename) lines[depth_of(rules, *dialect)].push_back(&line);
  for (const std::string& name : end.dialects)
    if (std::find(known.begin(), known.end(), name) == known.end())
      diagnostics.error(
          "R02", {},
          format("`{}` is no dialect of {}{}", escape(name), rules.file.sides[end.side].s, did_you_mean(name, known)));
  for (const auto& [depth, of_depth] : lines) check_lines(of_depth, diagnostics);
  return diagnostics.error_count() == before;
}

}  // namespace tessera
