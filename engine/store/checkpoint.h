// Checkpoints as bytes. A Reader shows what the headers say (Contents) and gives bytes of storages; a Writer is told
// all tensors first, knows every size and offset before a file is there, and takes the bytes. The floors above never
// see a file format.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/shared.h"
#include "base/value.h"

namespace tessera {

// The dimensions of a mesh, in the order in which places are named and sorted.
enum class MeshDim : uint8_t { tp, pp, vpp, ep, etp };
inline constexpr std::array<const char*, 5> mesh_dim_names = {"tp", "pp", "vpp", "ep", "etp"};
using Coordinates = std::array<int32_t, 5>;  // by MeshDim; ranks of one place, 0 where a dimension is not in use
using Mesh = std::array<int32_t, 5>;         // sizes; 1 where a dimension is not in use
inline constexpr Mesh single_place = {1, 1, 1, 1, 1};

// A run of bytes that stands in one file (or in memory).
using StorageId = uint32_t;
struct Storage {
  uint32_t file = 0;    // index into Contents::files
  uint64_t offset = 0;  // of its first byte in the file
  uint64_t bytes = 0;
  bool packed = false;  // deflated: `offset` is where the packed bytes begin; `bytes` counts what they unpack to
  bool summed = false;  // the format holds a checksum of it
};

// One tensor, or one slab of it: formats that cut tensors (torch_dist) have several for each tensor.
struct Chunk {
  std::vector<int64_t> offsets;  // where the slab begins in the tensor; empty: the whole tensor
  std::vector<int64_t> shape;    // of the slab; empty with empty offsets: the tensor's
  StorageId storage = 0;
  int64_t at = 0;                // first element in the storage, in elements
  std::vector<int64_t> strides;  // in elements; empty: row-major of the slab's shape
};

struct TensorInfo {
  std::string name;  // in the side's own spelling, nested dicts joined with dots; unique within its place
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  uint32_t place = 0;         // index into Contents::places
  std::vector<Chunk> chunks;  // usually one
};

// One rank's part of a checkpoint. (With virtual stages, one rank folder holds several places.)
struct PlaceInfo {
  Coordinates at{};
  std::string label;  // "mp_rank_00"; "" for formats without ranks
};

struct FileInfo {
  std::filesystem::path path;
  uint64_t bytes = 0;
};

// All that can be known without reading a weight.
struct Contents {
  std::string format;               // "safetensors", "bin", "torch", "torch_dist", "memory"
  std::optional<std::string> side;  // "hf" or "mcore" where the format tells
  std::filesystem::path root;       // the folder (or file) that was opened, tracker followed
  Mesh mesh = single_place;
  bool whole = false;               // the one place holds every tensor whole: `mesh` is that of the run that wrote it
  std::vector<PlaceInfo> places;    // sorted by coordinates in order of stage, then tp, ep, etp
  std::vector<int64_t> stages;      // layers that each pipeline stage (vpp * PP + pp) holds; empty: not known
  std::vector<TensorInfo> tensors;  // in file order, places in order
  std::vector<Storage> storages;
  std::vector<FileInfo> files;
  Map config;  // config.json, or the checkpoint's arguments (checkpoint_version, iteration too)
  bool has_config = false;
  Map beside;  // plain values beside weights and arguments, alike on every rank: go along as they are
  std::vector<std::string> left;  // what else stands there and is not read: "rng_state", ...
  bool optimizer = false;         // there is optimizer state, which is not read
  Map companion_config;           // a config.json that came along with a Megatron checkpoint; may be empty
  std::vector<std::filesystem::path> side_files;  // tokenizer, generation_config.json, ...: copied as they are
  std::vector<std::string> warnings;              // "all checksums are 0: not computed", ...
};

class Reader {
 public:
  virtual ~Reader() = default;
  virtual const Contents& contents() const = 0;
  // The tensors, for a reader of several parts: contents() may be without them afterwards.
  virtual std::vector<TensorInfo> hand_over_tensors() { return contents().tensors; }
  // Bytes [at, at + out.size()) of a storage, little-endian whatever the file says. Thread-safe. Throws Error(world).
  virtual void read(StorageId storage, uint64_t at, std::span<std::byte> out) const = 0;
  // Would reading here wait for no disk, the bytes being in memory already? False where that cannot be told.
  virtual bool cached(StorageId, uint64_t /*at*/) const { return false; }
  // Reads the storage once and compares its checksum where the format has one. Throws Error(world).
  virtual void verify(StorageId storage) const = 0;
  // The same of what the files hold beside storages.
  virtual void verify_rest() const {}
  // The CRC-32 that the format holds of the storage's bytes as `read` gives them; none where those that were summed up
  // are others (packed, or big-endian).
  virtual std::optional<uint32_t> checksum(StorageId) const { return std::nullopt; }
  // Every file is still the one that was opened (device, inode, size, mtime). Throws Error(world) "changed during ...".
  virtual void check_unchanged() const {}
};

// --- writing --------------------------------------------------------------------------------------------------------

// Where an output tensor stands in a larger one of the format: that one's name and shape, and the first `at.size()`
// indices, which are the tensor's own; its shape is the rest.
struct OutSlab {
  std::string key;
  std::vector<int64_t> shape, at;
  std::vector<int64_t> shape_before() const { return {shape.begin(), shape.begin() + std::ptrdiff_t(at.size())}; }
};

struct OutTensor {
  SharedText name;
  DType dtype = DType::f32;
  Shared<std::vector<int64_t>> shape;
  uint32_t place = 0;                        // index into OutputSpec::places
  std::shared_ptr<const OutSlab> slab = {};  // none: it is one by itself
  bool linear = false;                       // the weight of a linear layer: some formats keep an object beside it
};

// Everything about an output but the bytes of its tensors.
struct OutputSpec {
  std::filesystem::path path;  // the folder being built (not the final name)
  std::string format;
  Mesh mesh = single_place;
  std::vector<PlaceInfo> places;
  std::vector<int64_t> stages;     // layers in each pipeline stage (vpp * PP + pp); empty: equal shares
  std::vector<OutTensor> tensors;  // places in order, within a place in the order to be written
  Map config;                      // config.json or arguments, complete
  Map beside;                      // further plain values, as Contents::beside
  int64_t iteration = 0;
  bool release = true;  // no iteration: Megatron's `release`
  uint64_t max_shard_size = 5'000'000'000;
  Map options;  // of the format: dummy_optimizer, ...
  std::vector<std::filesystem::path> side_files;
};

// File and byte offset of each output tensor, known before any file is there.
struct OutPlace {
  uint32_t file = 0;
  uint64_t offset = 0, bytes = 0;
};

class WriteBehind;

// A file of which everything is known from the start; its path is relative to OutputSpec::path.
struct SmallFile {
  std::filesystem::path path;
  std::string bytes;
};

// Made: everything is laid out, and nothing on the disk was touched. Then open, write, finish, once each in this order;
// last the marks.
class Writer {
 public:
  virtual ~Writer() = default;
  virtual const std::vector<OutPlace>& places() const = 0;  // by index into OutputSpec::tensors
  virtual const std::vector<FileInfo>& files() const = 0;   // relative paths and final sizes, all of them
  // Folders and files, with their final sizes where the disk can promise them. What stands in a file already (of a run
  // that is gone on with) stays there. Bytes are written back through `behind`, which outlives the writer; without it
  // when the system likes. Throws Error(world).
  virtual void open(WriteBehind* behind) = 0;
  // Bytes of one tensor at `offset` within it. Called front to back for one tensor, by one thread; different tensors
  // from different threads at once. Checksums are taken on the way.
  virtual void write(uint32_t tensor, uint64_t offset, std::span<const std::byte> bytes) = 0;
  // In place of writing a tensor: all its bytes stand in the file already. `crc`: their CRC-32.
  virtual void keep(uint32_t /*tensor*/, uint32_t /*crc*/) {}
  // After the last write: headers, directories, config, side files; everything closed and, if asked, synced.
  virtual void finish(bool sync) = 0;
  // The files by which a reader sees that the rest is whole (index, `.metadata`, tracker), in the order in which they
  // must appear. They are among files(), and whoever commits the output writes them, after finish and everything else.
  virtual std::vector<SmallFile> marks() const { return {}; }
  // After finish, of each file but the marks: the XXH3-128 of all its bytes outside of tensors, in order, as they were
  // meant to be written.
  virtual std::map<std::filesystem::path, std::string> outside() const { return {}; }
};

}  // namespace tessera
