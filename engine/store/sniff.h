// What a file seems to be, by its first bytes: to choose a reader, and to name what was found in place of a checkpoint.
#pragma once
#include <string_view>

namespace tessera {

enum class FileKind { safetensors, zip, pickle, foreign, unknown };

struct Sniff {
  FileKind kind = FileKind::unknown;
  std::string_view name;  // "a Git LFS pointer: fetch the file itself with `git lfs pull`"; empty if unknown
};

inline constexpr size_t sniff_bytes = 512;
// A stream of torch.save that is a tar archive too is an archive: so torch takes it.
Sniff sniff(std::string_view head);  // the first bytes of a file, up to sniff_bytes of them

}  // namespace tessera
