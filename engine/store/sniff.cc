// A table of magic bytes. Nothing is decided here: the reader that is chosen judges every byte for itself.
#include "store/sniff.h"

#include <algorithm>
#include <array>

namespace tessera {
namespace {

using namespace std::string_view_literals;

struct Magic {
  size_t at;
  std::string_view bytes;
  Sniff meaning;
};

constexpr std::array table = {
    Magic{0, "PK\x03\x04"sv, {FileKind::zip, "a zip archive, as torch.save writes"}},
    Magic{0, "PK\x05\x06"sv, {FileKind::zip, "an empty zip archive"}},
    Magic{4, "\0\0\0\0{"sv, {FileKind::safetensors, "a safetensors file"}},
    Magic{0, "\x80"sv, {FileKind::pickle, "a pickle, as older versions of torch.save write"}},
    Magic{8, "{"sv, {FileKind::safetensors, "a safetensors file"}},
    Magic{0,
          "version https://git-lfs"sv,
          {FileKind::foreign, "a Git LFS pointer: fetch the file itself with `git lfs pull`"}},
    Magic{0, "GGUF"sv, {FileKind::foreign, "a GGUF file"}},
    Magic{0, "ggml"sv, {FileKind::foreign, "a GGML file"}},
    Magic{0, "PYTORCH1"sv, {FileKind::foreign, "a PYTORCH1 file, a preview format that nothing reads any more"}},
    Magic{0, "\x89HDF\r\n"sv, {FileKind::foreign, "an HDF5 file"}},
    Magic{0, "\x93NUMPY"sv, {FileKind::foreign, "a NumPy array"}},
    Magic{0, "\x89PNG"sv, {FileKind::foreign, "a PNG image"}},
    Magic{0, "%PDF"sv, {FileKind::foreign, "a PDF document"}},
    Magic{0, "\x1f\x8b"sv, {FileKind::foreign, "a gzip archive: unpack it first"}},
    Magic{0, "\x28\xb5\x2f\xfd"sv, {FileKind::foreign, "a zstd archive: unpack it first"}},
    Magic{0,
          "\xfd"
          "7zXZ"sv,
          {FileKind::foreign, "an xz archive: unpack it first"}},
    Magic{0, "7z\xbc\xaf"sv, {FileKind::foreign, "a 7z archive: unpack it first"}},
    Magic{257, "ustar"sv, {FileKind::foreign, "a tar archive: unpack it first"}},
    Magic{0,
          "\x7f"
          "ELF"sv,
          {FileKind::foreign, "an ELF program"}},
    Magic{0, "<!"sv, {FileKind::foreign, "an HTML page, perhaps the error page of a download"}},
    Magic{0, "<html"sv, {FileKind::foreign, "an HTML page, perhaps the error page of a download"}},
    Magic{0, "<?xml"sv, {FileKind::foreign, "an XML document"}},
    Magic{0, "{"sv, {FileKind::foreign, "a JSON text"}},
};

}  // namespace

Sniff sniff(std::string_view head) {
  const auto fits = [&](const Magic& m) { return head.size() > m.at && head.substr(m.at).starts_with(m.bytes); };
  const auto found = std::find_if(table.begin(), table.end(), fits);
  return found == table.end() ? Sniff{} : found->meaning;
}

}  // namespace tessera
