// A file's text becomes a source and a tree.
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "rules/yaml.h"

namespace tessera {

// nullopt after an R01. A text beyond the limit is not even kept.
std::optional<Node> parse_source(const std::filesystem::path& path, std::string text, Sources& sources,
                                 Diagnostics& diagnostics);

}  // namespace tessera
