// data.pkl first, then byteorder, storages, version. Everything but the storages' bytes and checksums is known from the
// start; those are taken as they pass, and the rest is written at the end.
#include "store/torch_write.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <optional>

#include "store/checksum.h"
#include "store/file.h"
#include "store/pickle_write.h"

namespace tessera {

namespace {

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

ArchiveMembers::ArchiveMembers(const std::string& prefix, std::string pickle, std::span<const uint64_t> storage_bytes) {
  const auto add = [&](const std::string& name, std::string bytes) {
    layout.add(prefix + "/" + name, bytes.size());
    known.push_back(std::move(bytes));
  };
  add("data.pkl", std::move(pickle));
  add("byteorder", "little");
  first_storage = layout.count();
  for (size_t i = 0; i < storage_bytes.size(); ++i) {
    layout.add(prefix + "/data/" + std::to_string(i), storage_bytes[i]);
    known.emplace_back();
  }
  add("version", "3\n");
}

std::vector<uint32_t> ArchiveMembers::checksums(std::span<const uint32_t> of_storages) const {
  std::vector<uint32_t> crcs;
  for (const std::string& bytes : known) crcs.push_back(crc32(as_bytes(bytes)));
  std::copy(of_storages.begin(), of_storages.end(), crcs.begin() + static_cast<ptrdiff_t>(first_storage));
  return crcs;
}

namespace {

std::string pickle_tensor(DType dtype, std::span<const int64_t> shape) {
  PickleWriter pickle;
  pickle.tensor(0, dtype, shape);
  return pickle.finish();
}

uint64_t bytes_of(DType dtype, std::span<const int64_t> shape) {
  return tensor_bytes({"", dtype, std::vector(shape.begin(), shape.end())});
}

}  // namespace

TorchBlob::TorchBlob(DType dtype, std::span<const int64_t> shape)
    : archive_("archive", pickle_tensor(dtype, shape), std::array{bytes_of(dtype, shape)}),
      bytes_(bytes_of(dtype, shape)) {}
TorchBlob::TorchBlob(std::string pickle) : archive_("archive", std::move(pickle), {}) {}

uint64_t TorchBlob::size() const { return archive_.layout.size(); }
uint64_t TorchBlob::data_offset() const {
  const bool tensor = archive_.first_storage + 1 < archive_.layout.count();
  return tensor ? archive_.layout.offset(archive_.first_storage) : size();
}

// Members stand one behind the other, so their records put together are the bytes of the file.
std::string TorchBlob::members(size_t first, size_t last, const std::vector<uint32_t>& crcs) const {
  std::string out;
  for (size_t i = first; i < last; ++i)
    out += archive_.layout.header(i) + archive_.known[i] + ZipLayout::descriptor(crcs[i], archive_.known[i].size());
  return out;
}

std::string TorchBlob::head() const {
  const std::vector<uint32_t> crcs = archive_.checksums({});
  if (data_offset() == size()) return members(0, archive_.layout.count(), crcs) + archive_.layout.directory(crcs);
  return members(0, archive_.first_storage, crcs) + archive_.layout.header(archive_.first_storage);
}

std::string TorchBlob::tail(uint32_t crc) const {
  const std::vector<uint32_t> crcs = archive_.checksums(std::array{crc});
  return ZipLayout::descriptor(crc, bytes_) + members(archive_.first_storage + 1, archive_.layout.count(), crcs) +
         archive_.layout.directory(crcs);
}

struct TorchArchiveWriter::State {
  std::filesystem::path path;
  ArchiveMembers members;
  std::vector<uint64_t> written;  // by storage
  std::vector<uint32_t> crcs;     // of what was written
  std::optional<OutputFile> file;
};

TorchArchiveWriter::TorchArchiveWriter(const std::filesystem::path& path, std::string pickle,
                                       const std::vector<uint64_t>& storage_bytes)
    : state_(new State{path,
                       ArchiveMembers(path.stem().string(), std::move(pickle), storage_bytes),
                       std::vector<uint64_t>(storage_bytes.size()),
                       std::vector<uint32_t>(storage_bytes.size()),
                       {}}) {}

TorchArchiveWriter::TorchArchiveWriter(TorchArchiveWriter&&) noexcept = default;
TorchArchiveWriter::~TorchArchiveWriter() = default;

uint64_t TorchArchiveWriter::size() const { return state_->members.layout.size(); }
uint64_t TorchArchiveWriter::offset(size_t storage) const {
  return state_->members.layout.offset(state_->members.first_storage + storage);
}

void TorchArchiveWriter::open(WriteBehind* behind) { state_->file.emplace(state_->path, size(), behind); }

void TorchArchiveWriter::write(size_t storage, uint64_t at, std::span<const std::byte> bytes) {
  assert(at == state_->written[storage]);
  assert(bytes.size() <= state_->members.layout.bytes(state_->members.first_storage + storage) - at);
  state_->crcs[storage] = crc32(bytes, state_->crcs[storage]);
  state_->written[storage] += bytes.size();
  state_->file->write(offset(storage) + at, bytes);
}

void TorchArchiveWriter::keep(size_t storage, uint32_t crc) { state_->crcs[storage] = crc; }

void TorchArchiveWriter::finish(bool sync) {
  const ZipLayout& layout = state_->members.layout;
  const std::vector<uint32_t> crcs = state_->members.checksums(state_->crcs);
  const auto put = [&](uint64_t offset, const std::string& text) { state_->file->put(offset, text); };
  for (size_t member = 0; member < layout.count(); ++member) {
    put(layout.header_offset(member), layout.header(member));
    put(layout.offset(member), state_->members.known[member]);
    put(layout.descriptor_offset(member), ZipLayout::descriptor(crcs[member], layout.bytes(member)));
  }
  put(layout.directory_offset(), layout.directory(crcs));
  state_->file->close(sync);
}

std::string TorchArchiveWriter::hash_outside() const { return state_->file->hash_of_put(); }

}  // namespace tessera
