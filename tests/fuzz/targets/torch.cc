// A whole file of torch.save as a checkpoint: a zip archive (seeds say that they have no checksums) or the legacy
// stream. Each chunk lies in its storage, and each storage can be read.
#include <algorithm>

#include "base/error.h"
#include "fuzz/files.h"
#include "fuzz/target.h"
#include "store/torch_file.h"

namespace tessera::fuzz {
namespace {

constexpr uint64_t most_bytes = 64 << 10;  // read of one storage

void check_chunk(const Contents& contents, const TensorInfo& tensor, const Chunk& chunk) {
  const std::vector<int64_t>& shape = chunk.shape.empty() ? tensor.shape : chunk.shape;
  Count last = static_cast<uint64_t>(chunk.at);
  bool empty = false;
  for (size_t i = 0; i < shape.size(); ++i) {
    empty |= shape[i] == 0;
    if (!chunk.strides.empty() && shape[i] > 0)
      last += static_cast<Count>(shape[i] - 1) * static_cast<uint64_t>(chunk.strides[i]);
  }
  const uint64_t bytes = contents.storages.at(chunk.storage).bytes;
  require(empty || (last + 1) * byte_size(tensor.dtype) <= bytes, "a chunk lies in its storage");
}

void run(std::string_view input) {
  static MemoryFile file;
  const auto reader = open_torch_file(file.hold(input));
  const Contents& contents = reader->contents();
  for (const TensorInfo& tensor : contents.tensors)
    for (const Chunk& chunk : tensor.chunks) check_chunk(contents, tensor, chunk);
  for (StorageId id = 0; id < contents.storages.size(); ++id) {
    std::vector<std::byte> bytes(std::min(most_bytes, contents.storages[id].bytes));
    reader->read(id, 0, bytes);
    if (contents.storages[id].bytes <= most_bytes) reader->verify(id);
  }
}

const Registered registered({"torch", run});

}  // namespace
}  // namespace tessera::fuzz
