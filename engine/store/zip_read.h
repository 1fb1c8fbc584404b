// The directory of a torch archive, read strictly: what two readers could read differently is refused (docs:
// reliability, torch archives). Members are all under one prefix; only stored and deflated ones are known.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/text_hash.h"
#include "store/file.h"

namespace tessera {

struct ZipMember {
  std::string name;     // without the prefix: "data.pkl", "data/0"
  uint64_t offset = 0;  // in the file, of its first (packed) byte
  uint64_t packed = 0;  // bytes in the file
  uint64_t bytes = 0;
  uint32_t crc = 0;
  bool deflated = false;
};

// An archive may be a slice of a file (torch_dist); offsets here are those of the file.
struct FileSlice {
  uint64_t offset = 0, bytes = 0;
};

struct ZipDirectory {
  std::string prefix;
  std::vector<ZipMember> members;  // as the central directory lists them
  TextMap<size_t> by_name;         // index into members
  bool has_checksums = true;       // false: every CRC is 0, "not computed"
  const ZipMember* find(const std::string& name) const;
};

// Throws Error(world) "<file>: [<member>: ]<what>, at byte N".
ZipDirectory read_zip(const InputFile& file, FileSlice slice);

// The whole member, inflated if it is, checked against its CRC where there is one. Error(world) above `limit` bytes.
std::string read_member(const InputFile& file, const ZipDirectory& zip, const ZipMember& member, uint64_t limit);

}  // namespace tessera
