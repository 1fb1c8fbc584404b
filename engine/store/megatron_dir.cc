// Reading the `torch` format: every rank's file is opened, and together they must be one checkpoint: no rank missing or
// left over, one set of arguments, and in each stage one set of names, shapes and dtypes.
#include "store/megatron_dir.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/error.h"
#include "base/path.h"
#include "base/text.h"
#include "store/file.h"
#include "store/folder.h"
#include "store/hf_dir.h"
#include "store/joined.h"
#include "store/megatron_agree.h"
#include "store/megatron_rank.h"
#include "store/megatron_stages.h"

namespace tessera {

namespace fs = std::filesystem;

namespace {

struct RankFolder {
  std::string name;
  std::vector<int32_t> numbers;  // of "mp_rank_00_001": 0, 1
  fs::path file;
};

// nullopt: not a name that Megatron writes.
std::optional<std::vector<int32_t>> numbers_of(const std::string& name) {
  const std::vector<std::string> parts = split(std::string_view(name).substr(std::string_view("mp_rank_").size()), '_');
  std::vector<int32_t> numbers;
  std::string again = "mp_rank";
  for (const std::string& part : parts) {
    if (part.empty() || part.size() > 6 || part.find_first_not_of("0123456789") != std::string::npos)
      return std::nullopt;
    numbers.push_back(std::stoi(part));
    again += format("_{:0{}}", numbers.back(), numbers.size() == 1 ? 2 : 3);
  }
  if (again != name || numbers.size() > 4) return std::nullopt;
  return numbers;
}

// Of a distributed optimizer. Conversion tools of old wrote an optim.pt that holds nothing, in about a kilobyte.
bool has_optimizer_file(const fs::path& folder) {
  std::error_code error;
  const uintmax_t bytes = fs::file_size(path_in(folder, "optim.pt"), error);
  return (!error && bytes > 65536) || fs::exists(path_in(folder, "distrib_optim.pt"), error);
}

// What ranks say differently beside their weights is nothing that the checkpoint says.
void keep_common(std::vector<MegatronRank>& ranks) {
  MegatronRank& first = ranks[0];
  Map common;
  for (const Map::Entry& said : first.beside) {
    const bool alike = std::all_of(ranks.begin(), ranks.end(), [&](const MegatronRank& rank) {
      const Value* there = rank.beside.find(said.first);
      return there && *there == said.second;
    });
    if (alike)
      common.insert(said.first, said.second);
    else
      first.left.push_back(said.first);
  }
  first.beside = std::move(common);
}

class Checkpoint {
 public:
  explicit Checkpoint(MegatronPath where) : where_(std::move(where)) {}

  std::unique_ptr<Reader> open() {
    list_folders();
    for (const RankFolder& folder : folders_) {
      ranks_.push_back(read_megatron_rank(read_torch_file(folder.file)));
      check_same_header(ranks_.back(), ranks_.front());
    }
    keep_common(ranks_);
    mesh_ = mesh_of_arguments(ranks_[0], mesh_of_folders());
    mesh_[static_cast<size_t>(MeshDim::vpp)] = static_cast<int32_t>(ranks_[0].chunks);
    check_folders();
    Contents contents = describe();
    number_places(contents);
    check_stages(contents.places, ranks_, show_path(where_.folder));
    std::vector<std::unique_ptr<Reader>> parts;
    for (const PlaceInfo& place : contents.places)
      if (auto& reader = ranks_[index_.at(place.label)].reader) parts.push_back(std::move(reader));
    auto joined = std::make_unique<JoinedReader>(std::move(contents), std::move(parts));
    settle_stages(joined->edit());
    return joined;
  }

 private:
  [[noreturn]] void fail(const std::string& name, const std::string& what) const {
    fail_world(format("{}: {}", show_path(path_in(where_.folder, name)), what));
  }

  void list_folders() {
    std::error_code error;
    for (const fs::path& entry : list_folder(where_.folder, error))
      if (const std::string name = entry.filename().string(); name.starts_with("mp_rank_")) add_folder(name);
    if (error) fail_world(format("{}: {}", show_path(where_.folder), error.message()));
    if (folders_.empty()) fail_world(format("{}: no mp_rank_* folders in it", show_path(where_.folder)));
    std::sort(folders_.begin(), folders_.end(),
              [](const RankFolder& a, const RankFolder& b) { return a.numbers < b.numbers; });
    for (const RankFolder& folder : folders_)
      if (folder.numbers.size() != folders_[0].numbers.size())
        fail(folder.name, format("not named like {}: one checkpoint has one kind of rank folders", folders_[0].name));
  }

  // A folder that holds only optimizer state is no rank: its last number counts data-parallel ranks.
  void add_folder(const std::string& name) {
    const auto numbers = numbers_of(name);
    if (!numbers)
      fail(escape(name), "not a rank folder's name: mp_rank_TT[_PPP][_EEE], such as mp_rank_01 or mp_rank_01_002");
    const fs::path folder = path_in(where_.folder, name);
    std::error_code error;
    if (!fs::is_directory(folder, error)) fail(name, error ? error.message() : "not a folder");
    for (const char* file : {"model_optim_rng.pt", "model_rng.pt"}) {
      if (fs::symlink_status(path_in(folder, file), error).type() == fs::file_type::not_found) continue;
      folders_.push_back({name, *numbers, path_in(folder, file)});
      optimizer_ |= has_optimizer_file(folder);
      return;
    }
    optimizer_ |= has_optimizer_file(folder);
    if (!fs::exists(path_in(folder, "optim.pt"), error)) fail(name, "no model_optim_rng.pt or model_rng.pt in it");
  }

  // What names of folders tell. A single second number is that of the stage, or of the expert rank if the arguments
  // know of one stage only or, where they are silent, if every rank has the same names.
  Mesh mesh_of_folders() const {
    const size_t width = folders_[0].numbers.size();
    if (width > 3) fail(folders_[0].name, "has more numbers than tensor, pipeline and expert rank");
    const std::optional<int32_t> stages = size_argument(ranks_[0], "pipeline_model_parallel_size");
    const bool experts = width == 2 && (stages ? *stages == 1 : same_names());
    const std::array<MeshDim, 3> dims = {MeshDim::tp, experts ? MeshDim::ep : MeshDim::pp, MeshDim::ep};
    Mesh mesh = single_place;
    for (const RankFolder& folder : folders_)
      for (size_t i = 0; i < width; ++i) {
        int32_t& size = mesh[static_cast<size_t>(dims[i])];
        size = std::max(size, folder.numbers[i] + 1);
      }
    return mesh;
  }

  bool same_names() const {
    const auto names = [](const MegatronRank& rank) {
      std::vector<std::string_view> out;
      for (const TensorInfo& tensor : rank.reader->contents().tensors) out.push_back(tensor.name);
      std::sort(out.begin(), out.end());
      return out;
    };
    const std::vector<std::string_view> first = names(ranks_[0]);
    return std::all_of(ranks_.begin(), ranks_.end(), [&](const MegatronRank& rank) { return names(rank) == first; });
  }

  std::string show_mesh() const {
    return format(
        "the checkpoint has tensor_model_parallel_size {}, pipeline_model_parallel_size {}, expert_model_parallel_size "
        "{}",
        size(MeshDim::tp), size(MeshDim::pp), size(MeshDim::ep));
  }
  int32_t size(MeshDim dim) const { return mesh_[static_cast<size_t>(dim)]; }

  // Exactly the ranks of the mesh. Sizes may be absurd: no more is looked for than there are folders, and one.
  void check_folders() {
    for (size_t i = 0; i < folders_.size(); ++i) index_[folders_[i].name] = i;
    const auto most = static_cast<int64_t>(folders_.size()) + 1;
    const int64_t of_stage = megatron_ranks_of_stage(mesh_);
    int64_t found = 0;
    for (int32_t stage = 0; stage < size(MeshDim::pp) && found < most; ++stage)
      for (int64_t number = 0; number < of_stage && found < most; ++number, ++found) {
        Coordinates at = megatron_rank(mesh_, number);
        at[static_cast<size_t>(MeshDim::pp)] = stage;
        const std::string label = megatron_label(at, mesh_);
        if (!index_.contains(label)) fail(label, format("this rank is missing: {}", show_mesh()));
        if (!expected_.insert(label).second)
          fail(label,
               "expert ranks that share a folder cannot be told apart: expert_tensor_parallel_size does not fold over "
               "tensor_model_parallel_size");
      }
    for (const RankFolder& folder : folders_)
      if (!expected_.contains(folder.name)) fail(folder.name, format("a rank too many: {}", show_mesh()));
  }

  Contents describe() {
    Contents contents;
    contents.format = "torch";
    contents.root = where_.root;
    contents.mesh = mesh_;
    contents.places = megatron_places(mesh_);
    describe_header(ranks_[0], where_, contents);
    contents.optimizer |= optimizer_;
    return contents;
  }

  // Tensors of chunk i of a file go to the place of that chunk.
  void number_places(const Contents& contents) {
    std::vector<std::vector<uint32_t>> places(ranks_.size(), std::vector<uint32_t>(ranks_[0].chunks));
    for (uint32_t place = 0; place < contents.places.size(); ++place) {
      const PlaceInfo& info = contents.places[place];
      places[index_.at(info.label)][static_cast<size_t>(info.at[static_cast<size_t>(MeshDim::vpp)])] = place;
    }
    for (size_t i = 0; i < ranks_.size(); ++i) ranks_[i].reader->renumber(places[i]);
  }

  MegatronPath where_;
  Mesh mesh_ = single_place;
  bool optimizer_ = false;  // in files of its own
  std::vector<RankFolder> folders_;
  std::vector<MegatronRank> ranks_;      // as folders_
  std::map<std::string, size_t> index_;  // label -> folder
  std::set<std::string> expected_;
};

}  // namespace

std::unique_ptr<Reader> open_megatron(const fs::path& path) {
  const std::optional<MegatronPath> where = find_megatron(path);
  if (!where)
    fail_world(
        format("{}: no Megatron checkpoint: neither {} nor mp_rank_* folders", show_path(path), megatron_tracker));
  return Checkpoint(*where).open();
}

}  // namespace tessera
