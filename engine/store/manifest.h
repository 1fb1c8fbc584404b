// `tessera.json` in the root of an output: what it was made of, and what every byte of it must be. Nothing in it tells
// a date, a host or a path, so equal runs write equal manifests. schemas/manifest.schema.json.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "store/checkpoint.h"

namespace tessera {

inline constexpr const char* manifest_file = "tessera.json";

// Hashes are XXH3-128 in 32 digits; empty where none were taken (--no-hash).
struct ManifestSource {
  std::string file;  // within the source
  uint64_t bytes = 0;
  std::string headers;  // of what its headers say
};
struct ManifestFile {
  std::string file;  // within the output
  uint64_t bytes = 0;
  std::string outside;  // of its bytes outside tensors
};
struct ManifestTensor {
  std::string name;
  uint32_t file = 0;  // index into Manifest::files
  uint64_t offset = 0, bytes = 0;
  std::string hash;
};

struct Manifest {
  std::string version;  // of the program
  std::string plan;     // hash of everything that decides the output's bytes, but the source's
  bool hashed = true;
  std::vector<ManifestSource> sources;
  std::vector<ManifestFile> files;      // all but the manifest itself
  std::vector<ManifestTensor> tensors;  // of one file in order of their bytes
};

// With hashes the text ends in one of all that stands before it: a manifest is judged by itself.
std::string to_text(const Manifest& manifest);
// Strict: what to_text could not have written is refused, as is a path that leads out of the output. Error(world) that
// names `file`.
Manifest parse_manifest(std::string_view text, const std::string& file);

// Files of a source with what their headers say.
std::vector<ManifestSource> manifest_sources(const Contents& source, bool hashed);
// Files and tensors of an output that is finished; `hashes` by tensor (none: without hashes).
void describe_output(Manifest& manifest, const OutputSpec& spec, const Writer& writer,
                     const std::vector<std::string>& hashes);

}  // namespace tessera
