// From YAML nodes to the AST. Errors (R01) are collected; parsing goes on after one where it can.
#pragma once
#include <filesystem>
#include <functional>
#include <optional>

#include "rules/ast.h"

namespace tessera {

// Reads a rule file's text by path; nullopt if there is none. (The floor knows no file system beyond this.)
using LoadText = std::function<std::optional<std::string>(const std::filesystem::path&)>;

// Where `extends: NAME`, dialects and families are looked for after the file's own folder.
struct RulePath {
  std::vector<std::filesystem::path> folders;
  LoadText load;
};

// Parses a rule file, follows `extends` (a ring is R01), returns the AST of the merged tree. nullopt if it cannot be
// read as a rule file at all; with errors in `diagnostics` the AST may be partial.
std::optional<RuleFile> parse_rule_file(const std::filesystem::path& path, const RulePath& rule_path, Sources& sources,
                                        Diagnostics& diagnostics);
// Is this a dialect or a packing, not a rule file? By a section of that name, or by its folder where it cannot be read.
bool is_renaming(const std::filesystem::path& path, const std::string& text);
std::optional<Dialect> parse_dialect(const std::filesystem::path& path, const LoadText& load, Sources& sources,
                                     Diagnostics& diagnostics);

// place , { "|" , value-op }: one address. nullopt after an R01.
std::optional<Address> parse_address(const Text& text, const Text& label, Diagnostics& diagnostics);

}  // namespace tessera
