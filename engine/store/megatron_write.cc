// Writing the `torch` format: one archive for each rank folder, all of them laid out before the first byte; the tracker
// is the mark that the rest is whole.
#include <algorithm>
#include <map>
#include <optional>

#include "base/error.h"
#include "base/path.h"
#include "base/text.h"
#include "store/file.h"
#include "store/megatron_dir.h"
#include "store/megatron_pickle.h"
#include "store/side_files.h"
#include "store/torch_write.h"

namespace tessera {

namespace fs = std::filesystem;

namespace {

constexpr auto vpp = static_cast<size_t>(MeshDim::vpp), ep = static_cast<size_t>(MeshDim::ep);

DummyOptimizer dummy_optimizer(const Map& options) {
  const Value* value = options.find("dummy_optimizer");
  if (!value || value->is_none() || *value == Value(false)) return DummyOptimizer::none;
  if (*value == Value(true)) return DummyOptimizer::in_each_rank;
  if (*value == Value("distributed")) return DummyOptimizer::distributed;
  fail_usage(format("dummy_optimizer is {}: true, false or \"distributed\" are known", show(*value)));
}

int64_t data_parallel_size(const Map& config) {
  const Value* value = config.find("data_parallel_size");
  return value && value->as_int() ? std::max<int64_t>(*value->as_int(), 1) : 1;
}

class MegatronWriter : public Writer {
 public:
  explicit MegatronWriter(const OutputSpec& spec)
      : root_(spec.path),
        folder_(spec.release ? "release" : format("iter_{:07}", spec.iteration)),
        optimizer_(dummy_optimizer(spec.options)),
        tracker_(spec.release ? "release" : format("{}", spec.iteration)),
        places_(spec.tensors.size()),
        storage_(spec.tensors.size()) {
    add_ranks(spec);
    if (optimizer_ == DummyOptimizer::distributed) add_optimizers(spec);
    side_files_.emplace(spec, files_);
    files_.push_back({megatron_tracker, tracker_.size()});
  }

  const std::vector<OutPlace>& places() const override { return places_; }
  const std::vector<FileInfo>& files() const override { return files_; }

  void open(WriteBehind* behind) override {
    for (size_t i = 0; i < archives_.size(); ++i) {
      const fs::path folder = path_in(root_, files_[i].path).parent_path();
      std::error_code error;
      fs::create_directories(folder, error);
      if (error) fail_io(folder, "create", error.value());
      archives_[i].open(behind);
    }
  }

  void write(uint32_t tensor, uint64_t offset, std::span<const std::byte> bytes) override {
    archives_[places_[tensor].file].write(storage_[tensor], offset, bytes);
  }

  void keep(uint32_t tensor, uint32_t crc) override { archives_[places_[tensor].file].keep(storage_[tensor], crc); }

  void finish(bool sync) override {
    for (size_t i = 0; i < archives_.size(); ++i) {
      archives_[i].finish(sync);
      outside_[files_[i].path] = archives_[i].hash_outside();
    }
    side_files_->copy(root_, sync, outside_);
  }

  std::vector<SmallFile> marks() const override { return {{megatron_tracker, tracker_}}; }
  std::map<fs::path, std::string> outside() const override { return outside_; }

 private:
  // What goes into one rank's file: tensors of each virtual stage, as numbers in OutputSpec::tensors.
  struct Rank {
    std::vector<std::vector<uint32_t>> chunks;
    std::vector<bool> taken;  // by virtual stage: some place is there already
  };

  void add_ranks(const OutputSpec& spec) {
    const auto chunks = static_cast<size_t>(spec.mesh[vpp]);
    std::map<std::string, Rank> ranks;
    std::vector<std::vector<uint32_t>*> of_place;
    for (const PlaceInfo& place : spec.places) {
      const std::string label = megatron_label(place.at, spec.mesh);
      Rank& rank = ranks.try_emplace(label, Rank{std::vector<std::vector<uint32_t>>(chunks), std::vector<bool>(chunks)})
                       .first->second;
      const auto chunk = static_cast<size_t>(place.at[vpp]);
      if (rank.taken.at(chunk))
        fail_usage(
            format("two ranks would share the folder {}: with this expert_tensor_parallel_size only the format "
                   "torch_dist can hold them",
                   label));
      rank.taken[chunk] = true;
      of_place.push_back(&rank.chunks[chunk]);
    }
    for (uint32_t i = 0; i < spec.tensors.size(); ++i) of_place[spec.tensors[i].place]->push_back(i);
    const bool legacy = std::any_of(spec.tensors.begin(), spec.tensors.end(),
                                    [](const OutTensor& tensor) { return is_legacy_name(tensor.name); });
    for (const auto& [label, rank] : ranks) add_rank(spec, label, rank, legacy);
  }

  void add_rank(const OutputSpec& spec, const std::string& label, const Rank& rank, bool legacy) {
    RankModel model{{}, legacy};
    std::vector<uint64_t> sizes;
    for (const std::vector<uint32_t>& chunk : rank.chunks) {
      std::vector<const OutTensor*>& tensors = model.chunks.emplace_back();
      for (uint32_t i : chunk) {
        places_[i].file = static_cast<uint32_t>(archives_.size());
        storage_[i] = sizes.size();
        tensors.push_back(&spec.tensors[i]);
        sizes.push_back(tensor_bytes(spec.tensors[i]));
      }
    }
    const bool split = optimizer_ == DummyOptimizer::distributed;
    add_archive(path_in(path_in(folder_, label), split ? "model_rng.pt" : "model_optim_rng.pt"),
                pickle_rank(model, spec, optimizer_), sizes);
    for (const std::vector<uint32_t>& chunk : rank.chunks)
      for (uint32_t i : chunk) {
        places_[i].offset = archives_.back().offset(storage_[i]);
        places_[i].bytes = sizes[storage_[i]];
      }
  }

  // One optim.pt for each data-parallel rank, which is the last number of its folder.
  void add_optimizers(const OutputSpec& spec) {
    if (spec.mesh[ep] > 1)
      fail_usage(
          "dummy_optimizer = \"distributed\" is not for expert-parallel checkpoints: its folders would be taken for "
          "ranks");
    const std::string pickle = pickle_dummy_optimizer();
    for (const PlaceInfo& place : spec.places)
      for (int64_t rank = 0; rank < data_parallel_size(spec.config) && place.at[vpp] == 0; ++rank)
        add_archive(
            path_in(path_in(folder_, format("{}_{:03}", megatron_label(place.at, spec.mesh), rank)), "optim.pt"),
            pickle, {});
  }

  void add_archive(const fs::path& path, std::string pickle, const std::vector<uint64_t>& sizes) {
    archives_.emplace_back(path_in(root_, path), std::move(pickle), sizes);
    files_.push_back({path, archives_.back().size()});
  }

  fs::path root_;
  std::string folder_;
  DummyOptimizer optimizer_;
  std::string tracker_;
  std::vector<OutPlace> places_;
  std::vector<size_t> storage_;  // by tensor: in its archive
  std::vector<TorchArchiveWriter> archives_;
  std::optional<SideFiles> side_files_;
  std::vector<FileInfo> files_;  // archives first, in order
  std::map<fs::path, std::string> outside_;
};

}  // namespace

std::unique_ptr<Writer> create_megatron(const OutputSpec& spec) { return std::make_unique<MegatronWriter>(spec); }

}  // namespace tessera
