// One archive for each output tensor, one behind the other in data files; then what describes them; `.metadata` and the
// tracker are the marks that the rest is whole. Offsets are known from the start, so tensors are written straight to
// their places.
#include <algorithm>
#include <cassert>
#include <optional>

#include "base/error.h"
#include "base/path.h"
#include "base/text.h"
#include "base/text_hash.h"
#include "store/checksum.h"
#include "store/dcp_metadata.h"
#include "store/file.h"
#include "store/hash_file.h"
#include "store/megatron_pickle.h"
#include "store/side_files.h"
#include "store/torch_dist.h"
#include "store/torch_write.h"

namespace tessera {

namespace fs = std::filesystem;

namespace {

constexpr const char* backend =
    R"({"sharded_backend": "torch_dist", "sharded_backend_version": 1, "common_backend": "torch", "common_backend_version": 1})";

std::string pickle_common(const OutputSpec& spec) {
  PickleWriter pickle;
  pickle.begin_dict();
  Map beside = spec.beside;
  if (!beside.find("num_floating_point_operations_so_far")) beside["num_floating_point_operations_so_far"] = 0;
  put_header(pickle, spec.config, spec.release ? 0 : spec.iteration, beside);
  pickle.text("content_metadata");
  pickle.begin_dict();
  pickle.text("singleton_local_shards");
  pickle.boolean(false);
  pickle.end_dict();
  pickle.end_dict();
  return pickle.finish();
}

// [None]: what an object that holds nothing is stored as.
std::string pickle_nothing() {
  PickleWriter pickle;
  pickle.begin_list();
  pickle.none();
  pickle.end_list();
  return pickle.finish();
}

std::string dotted(const std::vector<int64_t>& numbers) { return format("{}", fmt::join(numbers, ".")); }

// The object beside a linear layer's weight: "a.b._extra_state/shard_3_32" for index 3 of 32.
std::string extra_state_of(const std::string& weight, const std::vector<int64_t>& at, const std::vector<int64_t>& of) {
  constexpr std::string_view end = ".weight";
  if (!weight.ends_with(end)) return {};
  return format("{}._extra_state/shard_{}_{}", weight.substr(0, weight.size() - end.size()),
                at.empty() ? "0" : dotted(at), at.empty() ? "1" : dotted(of));
}

class TorchDistWriter : public Writer {
 public:
  explicit TorchDistWriter(const OutputSpec& spec)
      : root_(spec.path),
        folder_(spec.release ? "release" : format("iter_{:07}", spec.iteration)),
        tensors_(spec.tensors) {
    assert(spec.places.size() == 1);
    const std::string tracker = spec.release ? "release" : format("{}", spec.iteration);
    lay_out(spec.max_shard_size);
    for (size_t i = 0; i < sizes_.size(); ++i) files_.push_back({path_in(folder_, metadata_.files[i]), sizes_[i]});
    common_.emplace(path_in(path_in(root_, folder_), "common.pt"), pickle_common(spec), std::vector<uint64_t>());
    files_.push_back({path_in(folder_, "common.pt"), common_->size()});
    add_small(small_, "metadata.json", backend);
    add_small(marks_, ".metadata", pickle_dcp_metadata(metadata_));
    side_files_.emplace(spec, files_);
    files_.push_back({megatron_tracker, tracker.size()});
    marks_.push_back({megatron_tracker, tracker});
  }

  const std::vector<OutPlace>& places() const override { return places_; }
  const std::vector<FileInfo>& files() const override { return files_; }

  void open(WriteBehind* behind) override {
    std::error_code error;
    fs::create_directories(path_in(root_, folder_), error);
    if (error) fail_io(path_in(root_, folder_), "create", error.value());
    for (size_t i = 0; i < sizes_.size(); ++i) data_.emplace_back(path_in(root_, files_[i].path), sizes_[i], behind);
    common_->open(nullptr);
  }

  void write(uint32_t tensor, uint64_t offset, std::span<const std::byte> bytes) override {
    assert(offset == written_[tensor] && bytes.size() <= places_[tensor].bytes - offset);
    crcs_[tensor] = crc32(bytes, crcs_[tensor]);
    written_[tensor] += bytes.size();
    data_[places_[tensor].file].write(places_[tensor].offset + offset, bytes);
  }

  void keep(uint32_t tensor, uint32_t crc) override { crcs_[tensor] = crc; }

  void finish(bool sync) override {
    if (!metadata_.objects.empty()) put(0, 0, nothing_.head());
    for (size_t i = 0; i < tensors_.size(); ++i) {
      const TorchBlob blob = blob_of(tensors_[i]);
      put(places_[i].file, places_[i].offset - blob.data_offset(), blob.head());
      put(places_[i].file, places_[i].offset + places_[i].bytes, blob.tail(crcs_[i]));
    }
    for (size_t i = 0; i < data_.size(); ++i) {
      data_[i].close(sync);
      outside_[files_[i].path] = data_[i].hash_of_put();
    }
    common_->finish(sync);
    outside_[path_in(folder_, "common.pt")] = common_->hash_outside();
    for (const SmallFile& file : small_) {
      write_whole_file(path_in(root_, file.path), file.bytes, sync);
      outside_[file.path] = hash_text(file.bytes);
    }
    side_files_->copy(root_, sync, outside_);
  }

  std::vector<SmallFile> marks() const override { return marks_; }
  std::map<fs::path, std::string> outside() const override { return outside_; }

 private:
  static std::vector<int64_t> slab_shape(const OutTensor& tensor) {
    std::vector<int64_t> shape(tensor.slab ? tensor.slab->at.size() : 0, 1);
    shape.insert(shape.end(), tensor.shape.begin(), tensor.shape.end());
    return shape;
  }
  static TorchBlob blob_of(const OutTensor& tensor) { return TorchBlob(tensor.dtype, slab_shape(tensor)); }

  void put(uint32_t file, uint64_t offset, const std::string& text) { data_[file].put(offset, text); }

  void add_small(std::vector<SmallFile>& files, const char* name, std::string text) {
    files_.push_back({path_in(folder_, name), text.size()});
    files.push_back({path_in(folder_, name), std::move(text)});
  }

  void lay_out(uint64_t most) {
    for (const OutTensor& tensor : tensors_)
      if (tensor.linear) add_object(tensor);
    begin_file();
    if (!metadata_.objects.empty()) sizes_[0] = nothing_.size();
    for (DcpObject& object : metadata_.objects) object.blob = {0, {0, nothing_.size()}};
    for (const OutTensor& tensor : tensors_) add_slab(tensor, most);
    written_.resize(tensors_.size());
    crcs_.resize(tensors_.size());
  }

  void begin_file() {
    metadata_.files.push_back(format("__{}_0.distcp", sizes_.size()));
    sizes_.push_back(0);
  }

  void add_object(const OutTensor& tensor) {
    std::string name = tensor.slab ? extra_state_of(tensor.slab->key, tensor.slab->at, tensor.slab->shape_before())
                                   : extra_state_of(tensor.name, {}, {});
    if (!name.empty()) metadata_.objects.push_back({std::move(name), {}});
  }

  void add_slab(const OutTensor& tensor, uint64_t most) {
    const TorchBlob blob = blob_of(tensor);
    if (sizes_.back() > 0 && sizes_.back() + blob.size() > most) begin_file();
    const auto file = static_cast<uint32_t>(sizes_.size() - 1);
    places_.push_back({file, sizes_.back() + blob.data_offset(), tensor_bytes(tensor)});
    DcpSlab slab{tensor.slab ? tensor.slab->at : std::vector<int64_t>(),
                 slab_shape(tensor),
                 {file, {sizes_.back(), blob.size()}}};
    slab.offsets.resize(slab.shape.size(), 0);
    entry_of(tensor).slabs.push_back(std::move(slab));
    sizes_.back() += blob.size();
  }

  DcpTensor& entry_of(const OutTensor& tensor) {
    const std::string& key = tensor.slab ? tensor.slab->key : *tensor.name;
    const auto [at, fresh] = entries_.try_emplace(key, metadata_.tensors.size());
    if (fresh) metadata_.tensors.push_back({key, tensor.dtype, tensor.slab ? tensor.slab->shape : *tensor.shape, {}});
    return metadata_.tensors[at->second];
  }

  fs::path root_;
  std::string folder_;
  std::vector<OutTensor> tensors_;
  DcpMetadata metadata_;
  TextMap<size_t> entries_;                    // key -> metadata_.tensors
  const TorchBlob nothing_{pickle_nothing()};  // at the start of the first file; every object is it
  std::vector<uint64_t> sizes_;                // by data file
  std::vector<OutPlace> places_;               // by tensor, with what follows
  std::vector<uint64_t> written_;
  std::vector<uint32_t> crcs_;
  std::vector<OutputFile> data_;
  std::optional<TorchArchiveWriter> common_;
  std::vector<SmallFile> small_, marks_;
  std::optional<SideFiles> side_files_;
  std::vector<FileInfo> files_;  // data files first
  std::map<fs::path, std::string> outside_;
};

}  // namespace

std::unique_ptr<Writer> create_torch_dist(const OutputSpec& spec) { return std::make_unique<TorchDistWriter>(spec); }

}  // namespace tessera
