// Renaming by the lines of dialects. The way to the files is a function, since no two left sides in use meet; the way
// back is tried line by line and kept only where the way to the files agrees.
#include "plan/dialects.h"

#include <algorithm>

#include "base/suggest.h"
#include "base/text.h"

namespace tessera {
namespace {

bool in_use(const EndSpec& end, const std::string& dialect) {
  return std::find(end.dialects.begin(), end.dialects.end(), dialect) != end.dialects.end();
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

// R05 for each line that meets an earlier one.
void check_lines(const std::vector<const RenameLine*>& lines, Diagnostics& diagnostics) {
  for (size_t later = 0; later < lines.size(); ++later)
    for (size_t earlier = 0; earlier < later; ++earlier)
      if (can_meet(lines[earlier]->left, lines[later]->left)) {
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
  for (const Dialect* dialect : dialects_of(rules, side))
    if (std::find(dialects.begin(), dialects.end(), dialect->name) != dialects.end())
      for (const RenameLine& line : dialect->rename) lines_.push_back({&line, Matcher(line.left), Matcher(line.right)});
}

std::string Renamer::to_file(std::string_view rule_name) const {
  for (const Line& line : lines_)
    if (auto renamed = rewrite(rule_name, line.left, line.text->left, line.text->right)) return *std::move(renamed);
  return std::string(rule_name);
}

std::vector<std::string> Renamer::to_rule(std::string_view file_name) const {
  std::vector<std::string> candidates = {std::string(file_name)};
  for (const Line& line : lines_)
    if (auto renamed = rewrite(file_name, line.right, line.text->right, line.text->left))
      candidates.push_back(*std::move(renamed));
  std::erase_if(candidates, [&](const std::string& candidate) { return to_file(candidate) != file_name; });
  return candidates;
}

std::vector<const Dialect*> dialects_of(const RuleSet& rules, SideId side) {
  std::vector<const Dialect*> found;
  for (const Dialect& dialect : rules.dialects)
    if (dialect.side == rules.file.sides[side].s) found.push_back(&dialect);
  return found;
}

Map dialect_flags(const RuleSet& rules, const EndSpec& end) {
  Map flags;
  for (const Dialect* dialect : dialects_of(rules, end.side)) flags[dialect->name] = in_use(end, dialect->name);
  return flags;
}

bool check_dialects(const RuleSet& rules, const EndSpec& end, Diagnostics& diagnostics) {
  const size_t before = diagnostics.error_count();
  std::vector<std::string> known;
  std::vector<const RenameLine*> lines;
  for (const Dialect* dialect : dialects_of(rules, end.side)) {
    known.push_back(dialect->name);
    if (!in_use(end, dialect->name)) continue;
    for (const RenameLine& line : dialect->rename) lines.push_back(&line);
  }
  for (const std::string& name : end.dialects)
    if (std::find(known.begin(), known.end(), name) == known.end())
      diagnostics.error(
          "R02", {},
          format("`{}` is no dialect of {}{}", escape(name), rules.file.sides[end.side].s, did_you_mean(name, known)));
  check_lines(lines, diagnostics);
  return diagnostics.error_count() == before;
}

}  // namespace tessera
