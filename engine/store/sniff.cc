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

constexpr Sniff tar{FileKind::foreign, "a tar archive: unpack it first"};

constexpr std::array table = {
    Magic{0, "PK\x03\x04"sv, {FileKind::zip, "a zip archive, as torch.save writes"}},
    Magic{0, "PK\x05\x06"sv, {FileKind::zip, "an empty zip archive"}},
    Magic{4, "\0\0\0\0{"sv, {FileKind::safetensors, "a safetensors file"}},
    Magic{0, "\x80"sv, {FileKind::pickle, "a pickle"}},
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
    Magic{257, "ustar"sv, tar},
    Magic{0,
          "\x7f"
          "ELF"sv,
          {FileKind::foreign, "an ELF program"}},
    Magic{0, "<!"sv, {FileKind::foreign, "an HTML page, perhaps the error page of a download"}},
    Magic{0, "<html"sv, {FileKind::foreign, "an HTML page, perhaps the error page of a download"}},
    Magic{0, "<?xml"sv, {FileKind::foreign, "an XML document"}},
    Magic{0, "{"sv, {FileKind::foreign, "a JSON text"}},
};

// A field of a header as Python's tarfile reads it, or more leniently: digits alone count.
uint64_t tar_number(std::string_view field) {
  const bool binary = (static_cast<uint8_t>(field[0]) & 0x80) != 0;
  uint64_t number = 0;
  for (const char c : binary ? field.substr(1) : field.substr(0, field.find('\0')))
    if (binary)
      number = number << 8 | static_cast<uint8_t>(c);
    else if (c >= '0' && c <= '7')
      number = number << 3 | static_cast<uint64_t>(c - '0');
  return number;
}

// Has it the sum of its bytes, with blanks in place of the sum? Old archives say by nothing else what they are. Some
// writers summed chars with signs.
bool is_tar(std::string_view head) {
  constexpr size_t block = 512, sum_at = 148, sum_bytes = 8;
  if (head.size() < block) return false;
  int64_t plain = 0, with_signs = 0;
  for (size_t i = 0; i < block; ++i) {
    const char c = i - sum_at < sum_bytes ? ' ' : head[i];
    plain += static_cast<uint8_t>(c);
    with_signs += static_cast<int8_t>(c);
  }
  const auto said = static_cast<int64_t>(tar_number(head.substr(sum_at, sum_bytes)));
  return said == plain || said == with_signs;
}

}  // namespace

Sniff sniff(std::string_view head) {
  const auto fits = [&](const Magic& m) { return head.size() > m.at && head.substr(m.at).starts_with(m.bytes); };
  const auto found = std::find_if(table.begin(), table.end(), fits);
  const Sniff seen = found == table.end() ? Sniff{} : found->meaning;
  return (seen.kind == FileKind::pickle || seen.kind == FileKind::unknown) && is_tar(head) ? tar : seen;
}

}  // namespace tessera
