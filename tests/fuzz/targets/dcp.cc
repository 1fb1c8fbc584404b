// `.metadata` of a distributed checkpoint. Slabs of an accepted one lie in their tensors; written again, it reads the
// same.
#include "base/error.h"
#include "fuzz/files.h"
#include "fuzz/target.h"
#include "store/dcp_metadata.h"

namespace tessera::fuzz {
namespace {

void check_slab(const DcpTensor& tensor, const DcpSlab& slab, size_t files) {
  require(slab.offsets.size() == tensor.shape.size() && slab.shape.size() == tensor.shape.size(), "one rank");
  for (size_t i = 0; i < slab.shape.size(); ++i) {
    require(slab.offsets[i] >= 0 && slab.shape[i] >= 0, "nothing negative");
    require(slab.offsets[i] <= tensor.shape[i] && slab.shape[i] <= tensor.shape[i] - slab.offsets[i], "a slab inside");
  }
  require(slab.blob.file < files, "a slab has a file");
}

bool tiles(const DcpTensor& tensor) {
  try {
    require_tiled(tensor, "f");
  } catch (const Error&) {
    return false;
  }
  return true;
}

void run(std::string_view input) {
  static MemoryFile file;
  const DcpMetadata metadata = read_dcp_metadata(file.hold(input));
  for (const DcpTensor& tensor : metadata.tensors) {
    Count whole = 1, sum = 0;
    for (const int64_t size : tensor.shape) whole *= static_cast<uint64_t>(size);
    for (const DcpSlab& slab : tensor.slabs) {
      check_slab(tensor, slab, metadata.files.size());
      Count part = 1;
      for (const int64_t size : slab.shape) part *= static_cast<uint64_t>(size);
      sum += part;
    }
    require(!tiles(tensor) || sum == whole, "slabs that tile have all elements");
  }
  const std::string again = pickle_dcp_metadata(metadata);
  require(pickle_dcp_metadata(read_dcp_metadata(file.hold(again))) == again, "it reads as it was written");
}

const Registered registered({"dcp", run});

}  // namespace
}  // namespace tessera::fuzz
