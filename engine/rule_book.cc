// Folders of rule files, and the way from a path to a checked rule set.
#include "rule_book.h"

#include <algorithm>
#include <map>
#include <system_error>

#include "base/path.h"
#include "base/suggest.h"
#include "base/text.h"
#include "store/file.h"
#include "store/folder.h"

namespace tessera {
namespace {

constexpr uint64_t most_rule_bytes = uint64_t{1} << 20;

std::vector<std::filesystem::path> yaml_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> found;
  if (type_of(folder) != std::filesystem::file_type::directory) return found;
  std::error_code error;
  for (const auto& entry : list_folder(folder, error))
    if (entry.extension() == ".yaml" && type_of(entry) == std::filesystem::file_type::regular) found.push_back(entry);
  if (error) fail_io(folder, "read", error.value());
  return found;
}

// Files of one kind ("", "dialects", "packings") in the folders, the first of each name.
std::vector<std::filesystem::path> by_stem(const std::vector<std::filesystem::path>& folders, const char* kind) {
  std::map<std::string, std::filesystem::path> found;
  for (const auto& folder : folders)
    for (const auto& file : yaml_files(path_in(folder, kind))) found.emplace(file.stem().string(), file);
  std::vector<std::filesystem::path> files;
  for (auto& [stem, file] : found) files.push_back(file);
  return files;
}

std::vector<Dialect> renamings(Session& session, const std::vector<std::filesystem::path>& folders, const char* kind,
                               const RuleFile& file, Diagnostics& diagnostics) {
  std::vector<Dialect> found;
  for (const auto& path : by_stem(folders, kind)) {
    auto dialect = parse_dialect(path, load_rule_text, session.sources, diagnostics);
    if (dialect && file.side(dialect->side)) found.push_back(std::move(*dialect));
  }
  return found;
}

// A dialect and those that it extends, as far as they lie beside it. What is wrong with others is their own business.
std::vector<Dialect> with_parents(Session& session, const std::filesystem::path& path, const Dialect& dialect) {
  Diagnostics unheard;
  std::map<std::string, Dialect> near;
  for (const auto& other : yaml_files(path.parent_path()))
    if (auto parsed = parse_dialect(other, load_rule_text, session.sources, unheard))
      near.emplace(parsed->name, std::move(*parsed));
  near.erase(dialect.name);
  std::vector<Dialect> chain{dialect};
  for (auto parent = near.find(dialect.extends.s); parent != near.end(); parent = near.find(chain.back().extends.s)) {
    chain.push_back(std::move(parent->second));
    near.erase(parent);
  }
  return chain;
}

}  // namespace

std::optional<Dialect> load_renaming(Session& session, const std::filesystem::path& path, Diagnostics& diagnostics) {
  auto found = parse_dialect(path, load_rule_text, session.sources, diagnostics);
  if (!found || found->packing) return found;  // of a packing's lines the first that matches acts
  RuleFile no_rules;
  no_rules.sides = {Text{found->side, {}, {}}};
  no_rules.fixed.resize(1);
  no_rules.derived.resize(1);
  const auto set = link(std::move(no_rules), with_parents(session, path, *found), {}, diagnostics);
  return set && check(*set, diagnostics) ? std::move(found) : std::nullopt;
}

std::optional<std::string> load_rule_text(const std::filesystem::path& path) {
  if (type_of(path) == std::filesystem::file_type::not_found) return std::nullopt;
  const InputFile file(path);
  std::string text(static_cast<size_t>(std::min(file.size(), most_rule_bytes + 1)),
                   '\0');  // one more: R01 says the limit
  file.read(0, std::as_writable_bytes(std::span(text)));
  return text;
}

std::vector<std::filesystem::path> rule_files(const RuleFolders& folders) { return by_stem(folders.folders, ""); }

std::filesystem::path find_rule_file(const std::string& rules, const RuleFolders& folders) {
  if (rules.find('/') != std::string::npos || rules.ends_with(".yaml") ||
      type_of(rules) == std::filesystem::file_type::regular)
    return rules;
  std::vector<std::string> known;
  for (const auto& file : rule_files(folders)) {
    if (file.stem() == rules) return file;
    known.push_back(file.stem().string());
  }
  fail_usage(format("--rules {}: there is no such file, and no family of that name{}; `tessera families` lists them",
                    escape(rules), did_you_mean(rules, known)));
}

std::optional<LoadedRules> load_rules(Session& session, const std::filesystem::path& path, const RuleFolders& folders,
                                      Diagnostics& diagnostics, const LoadText& load) {
  const RulePath rule_path{folders.folders, load};
  auto file = parse_rule_file(path, rule_path, session.sources, diagnostics);
  if (!file || diagnostics.failed()) return std::nullopt;
  std::vector<std::filesystem::path> near{path.parent_path()};
  near.insert(near.end(), folders.folders.begin(), folders.folders.end());
  auto dialects = renamings(session, near, "dialects", *file, diagnostics);
  auto packings = renamings(session, near, "packings", *file, diagnostics);
  if (diagnostics.failed()) return std::nullopt;
  auto set = link(std::move(*file), std::move(dialects), std::move(packings), diagnostics);
  if (!set || !check(*set, diagnostics) || diagnostics.failed()) return std::nullopt;
  return LoadedRules{path, std::move(*set)};
}

}  // namespace tessera
