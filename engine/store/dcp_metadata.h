// `.metadata` of a distributed checkpoint (torch.distributed.checkpoint): which slab of which tensor stands where. A
// pickle, read as inert data.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "store/zip_read.h"

namespace tessera {

// An archive of torch.save in one of the data files.
struct DcpBlob {
  uint32_t file = 0;  // index into DcpMetadata::files
  FileSlice slice;    // not yet held against the file
};

struct DcpSlab {
  std::vector<int64_t> offsets, shape;  // of the tensor's rank
  DcpBlob blob;
};

struct DcpTensor {
  std::string name;
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  std::vector<DcpSlab> slabs;  // lie within the shape
};

// A value that is no tensor.
struct DcpObject {
  std::string name;
  DcpBlob blob;
};

struct DcpMetadata {
  std::vector<DcpTensor> tensors;  // in the order of the pickle
  std::vector<DcpObject> objects;
  std::vector<std::string> files;  // plain names, "__0_0.distcp"
};

// Throws Error(world) with the file, the tensor and what is wrong: an unknown form, a slab without a place or beyond
// its tensor, sizes that do not fit 64 bits, a path that is no plain name.
DcpMetadata read_dcp_metadata(const std::filesystem::path& path);

// The other way: a pickle that torch reads.
std::string pickle_dcp_metadata(const DcpMetadata& metadata);

// Every element of the tensor is in exactly one slab. Error(world) "<where>: `<name>`: ..." with the slabs at fault.
void require_tiled(const DcpTensor& tensor, const std::string& where);

}  // namespace tessera
