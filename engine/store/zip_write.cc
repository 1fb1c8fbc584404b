// Records are put together field by field; the names beside the calls are those of the zip specification.
#include "store/zip_write.h"

#include <algorithm>

namespace tessera {
namespace {

constexpr uint64_t full32 = UINT32_MAX, alignment = 64;

class Record {
 public:
  explicit Record(std::string_view signature) : bytes_(signature) {}
  Record& field(size_t width, uint64_t value) {
    for (size_t i = 0; i < width; ++i) bytes_ += static_cast<char>(value >> (8 * i) & 0xFF);
    return *this;
  }
  Record& raw(std::string_view text) {
    bytes_ += text;
    return *this;
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Bit 3: a descriptor follows the data, if there is any; bit 11: the name is UTF-8.
uint64_t flags(uint64_t bytes) { return bytes == 0 ? 0x0800 : 0x0808; }

}  // namespace

bool ZipLayout::is_large(const Member& member) { return member.bytes >= full32; }

size_t ZipLayout::add(std::string name, uint64_t bytes) {
  Member member{std::move(name), end_, 0, bytes};
  const uint64_t start = end_ + 30 + member.name.size() + (is_large(member) ? 20 : 0) + 4;
  member.data = (start + alignment - 1) / alignment * alignment;
  end_ = member.data + bytes + descriptor(0, bytes).size();
  directory_bytes_ += directory_entry(member, 0).size();
  members_.push_back(std::move(member));
  return members_.size() - 1;
}

std::string ZipLayout::header(size_t index) const {
  const Member& member = members_[index];
  const bool large = is_large(member);
  const uint64_t padding = member.data - member.header - 30 - member.name.size() - (large ? 20 : 0) - 4;
  Record out("PK\3\4");
  out.field(2, 0).field(2, flags(member.bytes)).field(2, 0).field(4, 0);  // version, flags, method, time and date
  out.field(4, 0)
      .field(4, large ? full32 : 0)
      .field(4, large ? full32 : 0);  // CRC, packed size, size: see the descriptor
  out.field(2, member.name.size()).field(2, (large ? 20 : 0) + 4 + padding).raw(member.name);
  if (large) out.field(2, 1).field(2, 16).field(8, member.bytes).field(8, member.bytes);
  out.raw("FB").field(2, padding).raw(std::string(padding, 'Z'));
  return out.take();
}

std::string ZipLayout::descriptor(uint32_t crc, uint64_t bytes) {
  if (bytes == 0) return {};
  const size_t width = bytes >= full32 ? 8 : 4;
  return Record("PK\7\10").field(4, crc).field(width, bytes).field(width, bytes).take();
}

std::string ZipLayout::directory_entry(const Member& member, uint32_t crc) {
  const bool far = member.header >= full32;
  const uint64_t extra = (is_large(member) ? 16u : 0u) + (far ? 8u : 0u);
  const uint64_t size = std::min(member.bytes, full32);
  Record out("PK\1\2");
  out.field(2, 0).field(2, 0).field(2, flags(member.bytes)).field(2, 0).field(4, 0);  // versions, flags, method, time
                                                                                      // and date
  out.field(4, crc).field(4, size).field(4, size);
  out.field(2, member.name.size())
      .field(2, extra == 0 ? 0 : 4 + extra)
      .field(2, 0);  // lengths of name, extra field, comment
  out.field(2, 0).field(2, 0).field(4, 0).field(4, std::min(member.header, full32));  // disk, attributes, offset
  out.raw(member.name);
  if (extra != 0) out.field(2, 1).field(2, extra);
  if (is_large(member)) out.field(8, member.bytes).field(8, member.bytes);
  if (far) out.field(8, member.header);
  return out.take();
}

std::string ZipLayout::directory(const std::vector<uint32_t>& crcs) const {
  std::string out;
  for (size_t i = 0; i < members_.size(); ++i) out += directory_entry(members_[i], crcs[i]);
  const uint64_t count = members_.size(), end64 = end_ + directory_bytes_;
  Record record("PK\6\6");
  record.field(8, 44).field(2, 0x031E).field(2, 45).field(4, 0).field(4, 0);  // size, made by, needed, disks
  record.field(8, count).field(8, count).field(8, directory_bytes_).field(8, end_);
  record.raw("PK\6\7").field(4, 0).field(8, end64).field(4, 1);
  const uint64_t few = std::min<uint64_t>(count, UINT16_MAX);
  record.raw("PK\5\6").field(2, 0).field(2, 0).field(2, few).field(2, few);
  record.field(4, std::min(directory_bytes_, full32)).field(4, std::min(end_, full32)).field(2, 0);
  return out + record.take();
}

}  // namespace tessera
