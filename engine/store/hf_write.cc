// Hugging Face folders as save_pretrained writes them: shards, config.json, side files; the index is the mark that the
// rest is whole.
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "base/path.h"
#include "base/text.h"
#include "store/hash_file.h"
#include "store/hf_dir.h"
#include "store/safetensors.h"
#include "store/shards.h"
#include "store/side_files.h"
#include "store/torch_write.h"

namespace tessera {
namespace {

// pytorch_model.bin, or one shard of it, as a Writer.
class BinFile : public Writer {
 public:
  BinFile(const std::filesystem::path& path, std::span<const OutTensor> tensors)
      : archive_(path, pickle_state_dict(tensors), sizes_of(tensors)) {
    for (size_t i = 0; i < tensors.size(); ++i) places_.push_back({0, archive_.offset(i), tensor_bytes(tensors[i])});
    files_ = {{path.filename(), archive_.size()}};
  }
  const std::vector<OutPlace>& places() const override { return places_; }
  const std::vector<FileInfo>& files() const override { return files_; }
  void open(WriteBehind* behind) override { archive_.open(behind); }
  void write(uint32_t tensor, uint64_t offset, std::span<const std::byte> bytes) override {
    archive_.write(tensor, offset, bytes);
  }
  void keep(uint32_t tensor, uint32_t crc) override { archive_.keep(tensor, crc); }
  void finish(bool sync) override { archive_.finish(sync); }
  std::map<std::filesystem::path, std::string> outside() const override {
    return {{files_[0].path, archive_.hash_outside()}};
  }

  static std::vector<uint64_t> sizes_of(std::span<const OutTensor> tensors) {
    std::vector<uint64_t> sizes;
    for (const OutTensor& tensor : tensors) sizes.push_back(tensor_bytes(tensor));
    return sizes;
  }

 private:
  TorchArchiveWriter archive_;
  std::vector<OutPlace> places_;
  std::vector<FileInfo> files_;
};

// How the weights of one format are named and written.
struct Weights {
  std::string_view stem, extension, index;
  std::unique_ptr<Writer> (*create)(const std::filesystem::path& path, std::span<const OutTensor> tensors);
};

template <class File>
std::unique_ptr<Writer> create_file(const std::filesystem::path& path, std::span<const OutTensor> tensors) {
  return std::make_unique<File>(path, tensors);
}
constexpr Weights safetensors = {"model", ".safetensors", "model.safetensors.index.json",
                                 create_file<SafetensorsWriter>};
constexpr Weights bin = {"pytorch_model", ".bin", "pytorch_model.bin.index.json", create_file<BinFile>};

// As Python's json.dumps(value, indent=2, sort_keys=True) + "\n".
std::string pretty(Map map) { return to_json(Value(std::move(map)), {.indent = 2, .sort_keys = true}) + "\n"; }

class HfWriter : public Writer {
 public:
  HfWriter(const OutputSpec& spec, const Weights& weights);
  const std::vector<OutPlace>& places() const override { return places_; }
  const std::vector<FileInfo>& files() const override { return files_; }
  void open(WriteBehind* behind) override;
  void write(uint32_t tensor, uint64_t offset, std::span<const std::byte> bytes) override;
  void keep(uint32_t tensor, uint32_t crc) override;
  void finish(bool sync) override;
  std::vector<SmallFile> marks() const override { return marks_; }
  std::map<std::filesystem::path, std::string> outside() const override { return outside_; }

 private:
  void add_shard(const OutputSpec& spec, const std::string& name, const Weights& weights,
                 const std::vector<uint32_t>& of);
  void add_index(const OutputSpec& spec, std::string_view name);
  void add_small(std::vector<SmallFile>& files, std::string_view name, std::string text);

  std::filesystem::path folder_;
  std::vector<std::unique_ptr<Writer>> shards_;
  std::vector<uint32_t> local_;  // by tensor: its number within its shard
  std::vector<OutPlace> places_;
  std::vector<FileInfo> files_;  // shards first, in order
  std::optional<SideFiles> side_files_;
  std::vector<SmallFile> small_, marks_;
  std::map<std::filesystem::path, std::string> outside_;
};

HfWriter::HfWriter(const OutputSpec& spec, const Weights& weights)
    : folder_(spec.path), local_(spec.tensors.size()), places_(spec.tensors.size()) {
  if (spec.mesh != single_place) fail_usage(format("format `{}` has no ranks: every mesh size must be 1", spec.format));
  const auto shards = split_shards(BinFile::sizes_of(spec.tensors), spec.max_shard_size);
  for (size_t i = 0; i < shards.size(); ++i)
    add_shard(spec, shard_name(weights.stem, weights.extension, i, shards.size()), weights, shards[i]);
  if (!spec.config.empty()) add_small(small_, "config.json", pretty(spec.config));
  if (shards.size() > 1) add_index(spec, weights.index);
  side_files_.emplace(spec, files_);
}

void HfWriter::add_shard(const OutputSpec& spec, const std::string& name, const Weights& weights,
                         const std::vector<uint32_t>& of) {
  std::vector<OutTensor> tensors;
  for (const uint32_t i : of) tensors.push_back(spec.tensors[i]);
  shards_.push_back(weights.create(path_in(folder_, name), tensors));
  const auto file = static_cast<uint32_t>(files_.size());
  for (uint32_t k = 0; k < of.size(); ++k) {
    local_[of[k]] = k;
    places_[of[k]] = shards_.back()->places()[k];
    places_[of[k]].file = file;
  }
  files_.push_back(shards_.back()->files()[0]);
}

void HfWriter::add_index(const OutputSpec& spec, std::string_view name) {
  Map metadata, weight_map, index;
  uint64_t total = 0;
  for (size_t i = 0; i < spec.tensors.size(); ++i) {
    weight_map[spec.tensors[i].name] = files_[places_[i].file].path.string();
    total += places_[i].bytes;
  }
  metadata["total_size"] = static_cast<int64_t>(total);
  index["metadata"] = std::move(metadata);
  index["weight_map"] = std::move(weight_map);
  add_small(marks_, name, pretty(std::move(index)));
}

void HfWriter::add_small(std::vector<SmallFile>& files, std::string_view name, std::string text) {
  files_.push_back({name, text.size()});
  files.push_back({name, std::move(text)});
}

void HfWriter::open(WriteBehind* behind) {
  for (const auto& shard : shards_) shard->open(behind);
}

void HfWriter::write(uint32_t tensor, uint64_t offset, std::span<const std::byte> bytes) {
  shards_[places_[tensor].file]->write(local_[tensor], offset, bytes);
}

void HfWriter::keep(uint32_t tensor, uint32_t crc) { shards_[places_[tensor].file]->keep(local_[tensor], crc); }

void HfWriter::finish(bool sync) {
  for (const auto& shard : shards_) {
    shard->finish(sync);
    outside_.merge(shard->outside());
  }
  side_files_->copy(folder_, sync, outside_);
  for (const SmallFile& file : small_) {
    write_whole_file(path_in(folder_, file.path), file.bytes, sync);
    outside_[file.path] = hash_text(file.bytes);
  }
}

}  // namespace

std::unique_ptr<Writer> create_safetensors(const OutputSpec& spec) {
  return std::make_unique<HfWriter>(spec, safetensors);
}
std::unique_ptr<Writer> create_bin(const OutputSpec& spec) { return std::make_unique<HfWriter>(spec, bin); }

}  // namespace tessera
