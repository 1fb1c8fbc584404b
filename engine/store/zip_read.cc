// End records, then the central directory, then each member's local header and descriptor: all must tell one story, and
// members must not share a byte.
#include "store/zip_read.h"

#include <algorithm>
#include <span>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "store/checksum.h"
#include "store/inflate.h"
#include "store/limits.h"
#include "store/zip_names.h"

namespace tessera {
namespace {

constexpr uint32_t full32 = UINT32_MAX;
constexpr size_t end_bytes = 22, end64_bytes = 56, locator_bytes = 20, central_bytes = 46, local_bytes = 30;
constexpr uint64_t flag_descriptor = 8, flag_utf8 = 0x800;
constexpr uint64_t last_version = 63;  // of the format; what a later one would bring is not known

// What the central directory says of a member, beside ZipMember.
struct Entry {
  ZipMember member;
  std::string full_name;
  uint64_t flags = 0, method = 0;
  uint64_t begin = 0, end = 0;  // from its local header to behind its descriptor; offsets in the archive
};

struct Directory {
  uint64_t offset = 0, bytes = 0, count = 0;
};

class ZipParser {
 public:
  ZipParser(const InputFile& file, FileSlice slice) : file_(file), slice_(slice) {}

  ZipDirectory run() {
    const Directory directory = end_records();
    entries(directory);
    for (Entry& entry : entries_) local_header(entry, directory.offset);
    check_disjoint();
    return take();
  }

 private:
  [[noreturn]] void fail(const std::string& what, uint64_t at) const {
    fail_world(format("{}: {}, at byte {}", show_path(file_.path()), what, slice_.offset + at));
  }
  [[noreturn]] void fail(const Entry& entry, const std::string& what, uint64_t at) const {
    fail(format("{}: {}", escape(entry.full_name), what), at);
  }
  std::string bytes(uint64_t at, uint64_t count) const {
    if (at > slice_.bytes || count > slice_.bytes - at) fail(format("{} bytes are wanted beyond the end", count), at);
    std::string out(count, '\0');
    file_.read(slice_.offset + at, std::as_writable_bytes(std::span(out)));
    return out;
  }

  Directory end_records() const {
    if (slice_.bytes < end_bytes) fail("too short for a zip archive", 0);
    const uint64_t at = slice_.bytes - end_bytes;
    const std::string end = bytes(at, end_bytes);
    if (!end.starts_with("PK\5\6")) fail("no end record at the very end: a truncated or padded zip archive", at);
    if (zip_field(end, 4, 2) != 0 || zip_field(end, 6, 2) != 0) fail("a zip archive of several disks", at);
    if (zip_field(end, 20, 2) != 0) fail("a zip archive with a comment", at);
    const Directory small{zip_field(end, 16, 4), zip_field(end, 12, 4), zip_field(end, 10, 2)};
    if (zip_field(end, 8, 2) != small.count) fail("two counts of members", at);
    const bool has64 = at >= locator_bytes && bytes(at - locator_bytes, 4) == "PK\6\7";
    const Directory directory = has64 ? end64(at - locator_bytes) : small;
    const auto agrees = [](uint64_t narrow, uint64_t wide, uint64_t full) { return narrow == wide || narrow == full; };
    if (!agrees(small.count, directory.count, UINT16_MAX) || !agrees(small.bytes, directory.bytes, full32) ||
        !agrees(small.offset, directory.offset, full32))
      fail("the end records disagree", at);
    const uint64_t behind = has64 ? at - locator_bytes - end64_bytes : at;
    if (checked_add(directory.offset, directory.bytes) != behind)
      fail("the central directory does not end at the end records", at);
    return directory;
  }

  Directory end64(uint64_t locator_at) const {
    const std::string locator = bytes(locator_at, locator_bytes);
    if (locator_at < end64_bytes || zip_field(locator, 8, 8) != locator_at - end64_bytes ||
        zip_field(locator, 4, 4) != 0 || zip_field(locator, 16, 4) != 1)
      fail("the zip64 locator does not point at the record before it", locator_at);
    const uint64_t at = locator_at - end64_bytes;
    const std::string end = bytes(at, end64_bytes);
    if (!end.starts_with("PK\6\6") || zip_field(end, 4, 8) != end64_bytes - 12) fail("a broken zip64 end record", at);
    if (zip_field(end, 16, 8) != 0) fail("a zip archive of several disks", at);
    if (zip_field(end, 24, 8) != zip_field(end, 32, 8)) fail("two counts of members", at);
    return {zip_field(end, 48, 8), zip_field(end, 40, 8), zip_field(end, 32, 8)};
  }

  void entries(const Directory& directory) {
    if (directory.count == 0) fail("a zip archive without members", directory.offset);
    if (directory.count > limits::zip_members)
      fail(format("{} members (limit {})", directory.count, limits::zip_members), directory.offset);
    if (directory.bytes > limits::zip_directory)
      fail(format("a directory of {} (limit {})", show_bytes(directory.bytes), show_bytes(limits::zip_directory)),
           directory.offset);
    const std::string raw = bytes(directory.offset, directory.bytes);
    size_t at = 0;
    for (uint64_t i = 0; i < directory.count; ++i) at = entry(raw, at, directory.offset);
    if (at != raw.size()) fail("the directory is larger than its entries", directory.offset + at);
  }

  size_t entry(const std::string& raw, size_t at, uint64_t base) {
    const uint64_t here = base + at;
    const std::string_view rest = std::string_view(raw).substr(at);
    if (rest.size() < central_bytes || !rest.starts_with("PK\1\2")) fail("a broken entry in the directory", here);
    const size_t name = zip_field(rest, 28, 2), extra = zip_field(rest, 30, 2), comment = zip_field(rest, 32, 2);
    if (rest.size() < central_bytes + name + extra + comment) fail("an entry that is cut short", here);
    Entry made;
    made.full_name = rest.substr(central_bytes, name);
    if (const std::string_view fault = fault_of_name(made.full_name); !fault.empty())
      fail(made, std::string(fault), here);
    if (comment != 0) fail(made, "it has a comment", here);
    if (zip_field(rest, 34, 2) != 0) fail(made, "it is on another disk", here);
    if (const uint64_t version = zip_field(rest, 6, 1); version > last_version)
      fail(made, format("version {}.{} of the format is needed, the last one is 6.3", version / 10, version % 10),
           here);
    made.flags = zip_field(rest, 8, 2);
    made.method = zip_field(rest, 10, 2);
    if ((made.flags & ~(flag_descriptor | flag_utf8)) != 0)
      fail(made, format("flags {:#06x} (encrypted, patched or masked)", made.flags), here);
    if (made.method != 0 && made.method != 8) fail(made, format("compression method {}", made.method), here);
    made.member.deflated = made.method == 8;
    made.member.crc = static_cast<uint32_t>(zip_field(rest, 16, 4));
    uint64_t wide[3] = {zip_field(rest, 24, 4), zip_field(rest, 20, 4), zip_field(rest, 42, 4)};
    widen(made, rest.substr(central_bytes + name, extra), wide, here);
    made.member.bytes = wide[0];
    made.member.packed = wide[1];
    made.begin = wide[2];
    if (!made.member.deflated && wide[0] != wide[1]) fail(made, "it is stored, in two sizes", here);
    if (is_inflated_too_far(wide[1], wide[0]))
      fail(made,
           format("it inflates {} to {} (limit {}:1)", show_bytes(wide[1]), show_bytes(wide[0]), limits::inflate_ratio),
           here);
    entries_.push_back(std::move(made));
    return at + central_bytes + name + extra;
  }

  // The bytes of the zip64 extra field, or nothing. Extra fields must fill their space.
  std::string_view zip64_extra(const Entry& entry, std::string_view extra, uint64_t here) const {
    std::string_view found;
    while (!extra.empty()) {
      const size_t length = extra.size() < 4 ? SIZE_MAX : zip_field(extra, 2, 2);
      if (length > extra.size() - std::min<size_t>(4, extra.size())) fail(entry, "a broken extra field", here);
      if (zip_field(extra, 0, 2) == 1) {
        if (found.data()) fail(entry, "two zip64 fields", here);
        found = extra.substr(4, length);
      }
      extra.remove_prefix(4 + length);
    }
    return found;
  }

  // Fields that are all ones stand in the zip64 extra field, in this order.
  void widen(const Entry& entry, std::string_view extra, std::span<uint64_t> fields, uint64_t here) const {
    const std::string_view body = zip64_extra(entry, extra, here);
    size_t at = 0;
    for (uint64_t& field : fields) {
      if (field != full32) continue;
      if (body.size() < at + 8) fail(entry, "a size or offset is missing", here);
      field = zip_field(body, at, 8);
      at += 8;
    }
  }

  void local_header(Entry& entry, uint64_t directory) const {
    const uint64_t at = entry.begin;
    if (at > directory || directory - at < local_bytes) fail(entry, "its header does not lie in the file", at);
    const std::string head = bytes(at, local_bytes);
    if (!head.starts_with("PK\3\4")) fail(entry, "no header where the directory says", at);
    const size_t name = zip_field(head, 26, 2), extra = zip_field(head, 28, 2);
    const uint64_t data = at + local_bytes + name + extra;
    if (data > directory || entry.member.packed > directory - data) fail(entry, "it does not lie in the file", at);
    const std::string rest = bytes(at + local_bytes, name + extra);
    const auto differs = [&](const char* what) {
      fail(entry, format("its header and the directory disagree on its {}", what), at);
    };
    if (rest.compare(0, name, entry.full_name) != 0) differs("name");
    if (zip_field(head, 6, 2) != entry.flags) differs("flags");
    if (zip_field(head, 8, 2) != entry.method) differs("method");
    uint64_t sizes[2] = {zip_field(head, 22, 4), zip_field(head, 18, 4)};
    widen(entry, std::string_view(rest).substr(name), sizes, at);
    const bool described = (entry.flags & flag_descriptor) != 0;
    const auto agrees = [&](uint64_t local, uint64_t central) { return local == central || (described && local == 0); };
    if (!agrees(sizes[0], entry.member.bytes) || !agrees(sizes[1], entry.member.packed)) differs("size");
    if (!agrees(zip_field(head, 14, 4), entry.member.crc)) differs("checksum");
    entry.member.offset = slice_.offset + data;
    entry.end = data + entry.member.packed;
    if (described) entry.end += descriptor(entry, directory);
  }

  // The size of the data descriptor, which is written with a signature or without, with narrow or wide sizes.
  uint64_t descriptor(const Entry& entry, uint64_t directory) const {
    const std::string found = bytes(entry.end, std::min<uint64_t>(24, directory - entry.end));
    for (const size_t crc : {found.starts_with("PK\7\10") ? size_t{4} : size_t{0}, size_t{0}})
      for (const size_t width : {size_t{4}, size_t{8}}) {
        const size_t sizes = crc + 4, end = sizes + 2 * width;
        if (found.size() >= end && zip_field(found, crc, 4) == entry.member.crc &&
            zip_field(found, sizes, width) == entry.member.packed &&
            zip_field(found, sizes + width, width) == entry.member.bytes)
          return end;
      }
    fail(entry, "the descriptor behind it is missing or disagrees", entry.end);
  }

  void check_disjoint() const {
    std::vector<const Entry*> order;
    for (const Entry& entry : entries_) order.push_back(&entry);
    std::sort(order.begin(), order.end(), [](const Entry* a, const Entry* b) { return a->begin < b->begin; });
    if (order[0]->begin != 0) fail("bytes before the first member", 0);
    for (size_t i = 1; i < order.size(); ++i)
      if (order[i]->begin < order[i - 1]->end)
        fail(*order[i], format("it overlaps {}", escape(order[i - 1]->full_name)), order[i]->begin);
  }

  ZipDirectory take() {
    ZipDirectory out;
    TextSet folded;
    out.prefix = entries_[0].full_name.substr(0, entries_[0].full_name.find('/'));
    out.has_checksums = false;
    for (Entry& entry : entries_) {
      if (!entry.full_name.starts_with(out.prefix + '/'))
        fail(entry, format("it is not under {}/", escape(out.prefix)), entry.begin);
      entry.member.name = entry.full_name.substr(out.prefix.size() + 1);
      if (!out.by_name.emplace(entry.member.name, out.members.size()).second)
        fail(entry, "it is there twice", entry.begin);
      if (!folded.insert(lower(entry.member.name)).second)
        fail(entry, "another member's name differs in case alone: torch takes them for one", entry.begin);
      if (entry.member.crc != 0) out.has_checksums = true;
      out.members.push_back(std::move(entry.member));
    }
    return out;
  }

  const InputFile& file_;
  FileSlice slice_;
  std::vector<Entry> entries_;
};

}  // namespace

const ZipMember* ZipDirectory::find(const std::string& name) const {
  const auto found = by_name.find(name);
  return found == by_name.end() ? nullptr : &members[found->second];
}

ZipDirectory read_zip(const InputFile& file, FileSlice slice) { return ZipParser(file, slice).run(); }

std::string read_member(const InputFile& file, const ZipDirectory& zip, const ZipMember& member, uint64_t limit) {
  const std::string where = format("{}: {}", show_path(file.path()), escape(member.name));
  if (member.bytes > limit) fail_world(format("{}: {} bytes (limit {})", where, member.bytes, limit));
  std::string out;
  if (member.deflated) {
    inflate(file, {member.offset, member.packed, member.bytes}, escape(member.name),
            [&](std::span<const std::byte> block) {
              out.append(reinterpret_cast<const char*>(block.data()), block.size());
              return true;
            });
  } else {
    out.resize(member.bytes);
    file.read(member.offset, std::as_writable_bytes(std::span(out)));
  }
  if (zip.has_checksums && crc32(std::as_bytes(std::span(out))) != member.crc)
    fail_world(format("{}: its checksum (CRC-32) is wrong", where));
  return out;
}

}  // namespace tessera
