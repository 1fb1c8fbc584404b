// tessera.json, as it stands and with its own hash made right. What was read is written as what reads the same.
#include "store/manifest.h"

#include "base/error.h"
#include "base/text.h"
#include "fuzz/target.h"
#include "store/hash_file.h"

namespace tessera::fuzz {
namespace {

void check(const std::string& text) {
  const Manifest manifest = parse_manifest(text, "tessera.json");
  for (const ManifestTensor& tensor : manifest.tensors) {
    require(tensor.file < manifest.files.size(), "a tensor has a file");
    const uint64_t size = manifest.files[tensor.file].bytes;
    require(tensor.offset <= size && tensor.bytes <= size - tensor.offset, "a tensor lies in its file");
  }
  for (const ManifestFile& file : manifest.files)
    for (const std::string& part : split(file.file, '/'))
      require(!part.empty() && part != "." && part != "..", "a file lies in the folder");
  const std::string written = to_text(manifest);
  require(to_text(parse_manifest(written, "again")) == written, "it reads as it was written");
}

// A hash of 32 digits at the end, after `"self": "`, is replaced by the right one.
std::string mended(std::string text) {
  constexpr std::string_view tail = "\"\n}\n";
  if (text.size() < tail.size() + 32 || !text.ends_with(tail)) return text;
  const size_t at = text.size() - tail.size() - 32;
  return text.substr(0, at) + hash_text(std::string_view(text).substr(0, at)) + std::string(tail);
}

void run(std::string_view input) { check(mended(std::string(input))); }

const Registered registered({"manifest", run});

}  // namespace
}  // namespace tessera::fuzz
