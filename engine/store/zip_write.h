// The layout of an archive as torch writes it: stored members, data at multiples of 64, sizes and CRC-32 behind the
// data and in the directory, zip64 end records always. Pure: members in, offsets and bytes out.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

class ZipLayout {
 public:
  // Returns the member's number. All members must be there before offsets are asked for.
  size_t add(std::string name, uint64_t bytes);
  size_t count() const { return members_.size(); }
  uint64_t header_offset(size_t member) const { return members_[member].header; }
  std::string header(size_t member) const;  // up to the first byte of its data
  uint64_t offset(size_t member) const { return members_[member].data; }
  uint64_t bytes(size_t member) const { return members_[member].bytes; }
  uint64_t descriptor_offset(size_t member) const { return members_[member].data + members_[member].bytes; }
  static std::string descriptor(uint32_t crc, uint64_t bytes);  // empty for empty members
  uint64_t directory_offset() const { return end_; }
  std::string directory(const std::vector<uint32_t>& crcs) const;  // and end records, to the end of the file
  uint64_t size() const { return end_ + directory_bytes_ + end_bytes; }

 private:
  static constexpr uint64_t end_bytes = 56 + 20 + 22;
  struct Member {
    std::string name;
    uint64_t header = 0, data = 0, bytes = 0;
  };
  static bool is_large(const Member& member);
  static std::string directory_entry(const Member& member, uint32_t crc);
  std::vector<Member> members_;
  uint64_t end_ = 0, directory_bytes_ = 0;
};

}  // namespace tessera
