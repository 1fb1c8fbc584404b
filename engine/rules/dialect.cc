// Dialects and packings: bijective renamings of one side's names.
#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "rules/parse_form.h"
#include "rules/source_file.h"

namespace tessera {
namespace {

std::optional<Pattern> parse_side(const Text& text, const Form& form) {
  PatternFault fault;
  auto pattern = parse_pattern(text.s, false, fault);
  if (!pattern) form.wrong(text.at(fault.begin, fault.end), fault.message);
  return pattern;
}

std::vector<std::pair<std::string, HoleKind>> holes_of(const Pattern& pattern) {
  std::vector<std::pair<std::string, HoleKind>> holes;
  for (const PatternPiece& piece : pattern)
    if (piece.hole) holes.emplace_back(piece.name, *piece.hole);
  std::sort(holes.begin(), holes.end());
  return holes;
}

// In a dialect both sides of a line have the same holes; in a packing the right one may lack some, which are indices.
bool check_holes(const RenameLine& line, bool packing, const Form& form) {
  const auto left = holes_of(line.left), right = holes_of(line.right);
  if (!std::includes(left.begin(), left.end(), right.begin(), right.end()) ||
      (!packing && left.size() != right.size())) {
    form.wrong(line.right_text.span,
               packing ? "a hole on the right stands on the left too" : "both sides of a line have the same holes");
    return false;
  }
  for (const auto& hole : left) {
    if (hole.second == HoleKind::number || std::find(right.begin(), right.end(), hole) != right.end()) continue;
    form.wrong(line.left_text.span, format("the hole `{}` is missing on the right, so it is an index: a number, `<{}>`",
                                           hole.first, hole.first));
    return false;
  }
  return true;
}

// Two names of a pattern that stand for all: what matches both matches every name that the pattern can make.
std::vector<std::string> samples_of(const Pattern& pattern) {
  std::vector<std::string> samples;
  for (const char* rest : {"u", "u.v.w.x"}) {
    std::vector<std::string> holes;
    for (const PatternPiece& piece : pattern)
      if (piece.hole)
        holes.emplace_back(*piece.hole == HoleKind::number ? "908172" : *piece.hole == HoleKind::word ? "u" : rest);
    samples.push_back(render(pattern, holes));
  }
  return samples;
}

constexpr size_t most_packing_lines = 500;  // each is compared with each

// R06 for a line of a packing whose names an earlier one takes all.
void check_reached(const std::vector<RenameLine>& lines, const Form& form) {
  std::vector<Matcher> matchers;
  for (const RenameLine& line : lines) {
    const auto names = samples_of(line.left);
    const auto takes_all = [&](const Matcher& matcher) {
      return std::ranges::all_of(names, [&](const std::string& name) { return matcher.match(name); });
    };
    const auto earlier = std::ranges::find_if(matchers, takes_all) - matchers.begin();
    matchers.emplace_back(line.left);
    if (earlier + 1 == std::ssize(matchers)) continue;
    Diagnostic& unreached = form.diagnostics.error("R06", line.left_text.span,
                                                   "this line never acts: an earlier one takes all of its names",
                                                   "the first line that matches acts: put it higher");
    unreached.related.push_back({lines[static_cast<size_t>(earlier)].left_text.span, "the earlier line"});
  }
}

void parse_rename(const Node& node, const Form& form, Dialect& dialect) {
  if (!form.is_map(node, dialect.packing ? "`pack`" : "`rename`")) return;
  if (dialect.packing && node.entries.size() > most_packing_lines)
    return form.wrong(node.span, format("a packing has at most {} lines", most_packing_lines));
  for (const auto& [key, value] : node.entries) {
    const Text* right = form.text(value, "the name in the files");
    if (!right) continue;
    auto left_pattern = parse_side(key, form), right_pattern = parse_side(*right, form);
    if (!left_pattern || !right_pattern) continue;
    RenameLine line{key, *right, *std::move(left_pattern), *std::move(right_pattern)};
    if (check_holes(line, dialect.packing, form)) dialect.rename.push_back(std::move(line));
  }
  if (dialect.packing) check_reached(dialect.rename, form);
}

void parse_keys(const Node& node, const Form& form, Dialect& dialect) {
  if (!form.is_map(node, "`config`")) return;
  for (const auto& [key, value] : node.entries) {
    const Text* right = form.text(value, "a configuration key");
    if (right && form.is_key_path(key) && form.is_key_path(*right)) dialect.config.emplace_back(key, *right);
  }
}

Form::Fields fields_of(const Form& form, Dialect& dialect) {
  const auto word = [&](std::string& out, std::string_view what) {
    return [&form, &out, what](const Text&, const Node& node) {
      if (const auto name = form.word(node, what)) out = name->s;
    };
  };
  Form::Fields fields{
      {dialect.packing ? "packing" : "dialect", word(dialect.name, dialect.packing ? "a packing" : "a dialect")},
      {"side", word(dialect.side, "a side")},
      {"what",
       [&](const Text&, const Node& node) {
         if (const Text* what = form.text(node, "a description")) dialect.what = what->s;
       }},
      {dialect.packing ? "pack" : "rename", [&](const Text&, const Node& node) { parse_rename(node, form, dialect); }}};
  if (dialect.packing) {
    fields.emplace_back("when",
                        [&](const Text&, const Node& node) { dialect.when = form.expression(node, "a condition"); });
  } else {
    fields.emplace_back("config", [&](const Text&, const Node& node) { parse_keys(node, form, dialect); });
    fields.emplace_back("extends", [&](const Text&, const Node& node) {
      if (const auto parent = form.word(node, "a dialect")) dialect.extends = *parent;
    });
  }
  return fields;
}

}  // namespace

bool is_renaming(const std::filesystem::path& path, const std::string& text) {
  Sources sources;
  Diagnostics unheard;
  const auto root = parse_source(path, text, sources, unheard);
  if (root && (root->find("rules") || root->find("family"))) return false;
  if (root && (root->find("dialect") || root->find("packing"))) return true;
  const auto folder = path.parent_path().filename();
  return folder == "dialects" || folder == "packings";
}

std::optional<Dialect> parse_dialect(const std::filesystem::path& path, const LoadText& load, Sources& sources,
                                     Diagnostics& diagnostics) {
  auto text = load(path);
  if (!text) fail_world(escape(path.string()) + ": no such dialect file");
  const auto root = parse_source(path, *std::move(text), sources, diagnostics);
  if (!root) return std::nullopt;
  Dialect dialect;
  dialect.path = path.string();
  dialect.packing = root->find("packing") != nullptr;
  const std::vector<Text> no_sides;
  const Form form{no_sides, diagnostics};
  const size_t errors = diagnostics.error_count();
  form.fields(*root, dialect.packing ? "a packing" : "a dialect", fields_of(form, dialect));
  if (diagnostics.error_count() == errors && (dialect.name.empty() || dialect.side.empty()))
    form.wrong({root->span.source, root->span.begin, root->span.begin}, "a dialect says its name and its side");
  return diagnostics.error_count() == errors ? std::optional(std::move(dialect)) : std::nullopt;
}

}  // namespace tessera
