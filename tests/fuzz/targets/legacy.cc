// The stream that torch.save wrote before 1.6. The bytes are what stands behind its magic number.
#include "fuzz/files.h"
#include "fuzz/target.h"
#include "fuzz/trees.h"
#include "store/torch_file.h"

namespace tessera::fuzz {
namespace {

using namespace std::string_view_literals;
constexpr std::string_view magic = "\x80\x02\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19."sv;

void run(std::string_view input) {
  static MemoryFile file;
  const TorchFile read = read_torch_file(file.hold(std::string(magic) + std::string(input)));
  check_pickle(read.tree);
  uint64_t sum = 0;
  for (const TorchStorage& storage : read.archive.storages()) {
    require(storage.offset <= read.archive.file().size(), "a storage begins in the file");
    require(storage.bytes <= read.archive.file().size() - storage.offset, "a storage ends in the file");
    sum += storage.bytes + 8;
  }
  require(sum <= input.size(), "storages share no byte");
}

const Registered registered({"legacy", run});

}  // namespace
}  // namespace tessera::fuzz
