// The directory of a zip archive. Members of an accepted one lie in the file, share no byte, and have names that are
// plain and unique; what is inflated has the size that was declared.
#include <algorithm>

#include "fuzz/files.h"
#include "fuzz/target.h"
#include "store/zip_names.h"
#include "store/zip_read.h"

namespace tessera::fuzz {
namespace {

constexpr size_t most_read = 4;             // members
constexpr uint64_t most_bytes = 256 << 10;  // of one

void check(const ZipDirectory& zip, uint64_t size) {
  require(!zip.members.empty() && zip.members.size() == zip.by_name.size(), "names are unique");
  std::vector<const ZipMember*> order;
  for (const ZipMember& member : zip.members) {
    require(zip.find(member.name) == &member, "a member is found by its name");
    require(fault_of_name(zip.prefix + "/" + member.name).empty(), "names are plain");
    require(member.deflated || member.packed == member.bytes, "a stored member has one size");
    order.push_back(&member);
  }
  std::ranges::sort(order, {}, [](const ZipMember* member) { return member->offset; });
  uint64_t end = 0;
  for (const ZipMember* member : order) {
    require(member->offset > end, "members are disjoint, with a header before each");
    require(member->offset <= size && member->packed <= size - member->offset, "members lie in the file");
    end = member->offset + member->packed;
  }
}

void run(std::string_view input) {
  static MemoryFile file;
  const InputFile in(file.hold(input));
  const ZipDirectory zip = read_zip(in, {0, in.size()});
  check(zip, in.size());
  for (size_t i = 0; i < std::min(most_read, zip.members.size()); ++i)
    require(read_member(in, zip, zip.members[i], most_bytes).size() == zip.members[i].bytes, "a member has its size");
}

const Registered registered({"zip", run});

}  // namespace
}  // namespace tessera::fuzz
