// data.pkl first, then byteorder, storages, version. Everything but the storages' bytes and checksums is known from the
// start; those are taken as they pass, and the rest is written at the end.
#include "store/torch_write.h"

#include <cassert>
#include <optional>

#include "store/checksum.h"
#include "store/file.h"
#include "store/pickle_write.h"
#include "store/zip_write.h"

namespace tessera {

namespace {

// A member that is known whole.
struct Small {
  size_t member;
  std::string bytes;
};

struct Progress {
  uint64_t at = 0;
  uint32_t crc = 0;
};

std::span<const std::byte> as_bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

}  // namespace

std::string pickle_state_dict(std::span<const OutTensor> tensors) {
  PickleWriter pickle;
  pickle.begin_ordered_dict();
  for (size_t i = 0; i < tensors.size(); ++i) {
    pickle.text(tensors[i].name);
    pickle.tensor(i, tensors[i].dtype, tensors[i].shape);
  }
  pickle.end_dict();
  return pickle.finish();
}

uint64_t tensor_bytes(const OutTensor& tensor) {
  uint64_t bytes = byte_size(tensor.dtype);
  for (int64_t extent : tensor.shape) bytes *= static_cast<uint64_t>(extent);
  return bytes;
}

struct TorchArchiveWriter::State {
  std::filesystem::path path;
  ZipLayout layout;
  std::vector<Small> small;
  size_t first_storage = 0;
  std::vector<Progress> progress;  // by storage
  std::optional<OutputFile> file;

  void add_small(const std::string& name, std::string bytes) {
    const size_t member = layout.add(name, bytes.size());
    small.push_back({member, std::move(bytes)});
  }
  void put(uint64_t offset, const std::string& text) { file->write(offset, as_bytes(text)); }
};

TorchArchiveWriter::TorchArchiveWriter(const std::filesystem::path& path, std::string pickle,
                                       const std::vector<uint64_t>& storage_bytes)
    : state_(std::make_unique<State>()) {
  state_->path = path;
  const std::string prefix = path.stem().string() + "/";
  state_->add_small(prefix + "data.pkl", std::move(pickle));
  state_->add_small(prefix + "byteorder", "little");
  state_->first_storage = state_->layout.count();
  state_->progress.resize(storage_bytes.size());
  for (size_t i = 0; i < storage_bytes.size(); ++i)
    state_->layout.add(prefix + "data/" + std::to_string(i), storage_bytes[i]);
  state_->add_small(prefix + "version", "3\n");
}

TorchArchiveWriter::TorchArchiveWriter(TorchArchiveWriter&&) noexcept = default;
TorchArchiveWriter::~TorchArchiveWriter() = default;

uint64_t TorchArchiveWriter::size() const { return state_->layout.size(); }
uint64_t TorchArchiveWriter::offset(size_t storage) const {
  return state_->layout.offset(state_->first_storage + storage);
}

void TorchArchiveWriter::open() { state_->file.emplace(state_->path, state_->layout.size()); }

void TorchArchiveWriter::write(size_t storage, uint64_t at, std::span<const std::byte> bytes) {
  Progress& progress = state_->progress[storage];
  assert(at == progress.at && bytes.size() <= state_->layout.bytes(state_->first_storage + storage) - at);
  progress.crc = crc32(bytes, progress.crc);
  progress.at += bytes.size();
  state_->file->write(offset(storage) + at, bytes);
}

void TorchArchiveWriter::finish(bool sync) {
  const ZipLayout& layout = state_->layout;
  std::vector<uint32_t> crcs(layout.count());
  for (size_t i = 0; i < state_->progress.size(); ++i) crcs[state_->first_storage + i] = state_->progress[i].crc;
  for (const Small& small : state_->small) {
    crcs[small.member] = crc32(as_bytes(small.bytes));
    state_->put(layout.offset(small.member), small.bytes);
  }
  for (size_t member = 0; member < layout.count(); ++member) {
    state_->put(layout.header_offset(member), layout.header(member));
    state_->put(layout.descriptor_offset(member), ZipLayout::descriptor(crcs[member], layout.bytes(member)));
  }
  state_->put(layout.directory_offset(), layout.directory(crcs));
  state_->file->close(sync);
}

}  // namespace tessera
