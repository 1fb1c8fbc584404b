// What a rank file says of itself. Optimizer and random state are not looked at; tensors are those below `model`.
#include "store/megatron_rank.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "store/hf_dir.h"
#include "store/limits.h"

namespace tessera {
namespace {

constexpr int64_t most_ranks = 1'000'000;  // of one dimension: products of three fit 64 bits
constexpr std::array known_versions = {0.0, 1.0, 2.0, 3.0};

class HeaderReader {
 public:
  HeaderReader(const PickleTree& tree, PickleId dict, MegatronHeader& header)
      : tree_(tree), dict_(dict), header_(header) {}

  void arguments() {
    const auto args = find("args");
    if (!args || tree_.is(*args, PickleKind::none)) return;
    Value value = to_value(tree_, *args);
    if (!value.as_map()) fail(format("args is of kind {}, not a namespace or dict with text keys", kind(*args)));
    header_.args = std::move(*value.as_map());
  }

  void version() {
    const auto found = find("checkpoint_version");
    if (!found) return;
    const bool integer = tree_.is(*found, PickleKind::integer);
    if (!integer && !tree_.is(*found, PickleKind::real))
      fail(format("checkpoint_version is of kind {}, not a number", kind(*found)));
    header_.version = integer ? static_cast<double>(tree_.at(*found).value) : tree_.at(*found).real();
    if (std::find(known_versions.begin(), known_versions.end(), header_.version) == known_versions.end())
      fail(format("checkpoint_version is {}; known are 0, 1, 2 and 3", header_.version));
  }

  void iteration() {
    const auto found = find("iteration");
    if (!found || tree_.is(*found, PickleKind::none)) return;
    const bool count = tree_.is(*found, PickleKind::integer) && tree_.at(*found).value >= 0;
    if (!count || tree_.at(*found).value > limits::iteration)
      fail("iteration is not a count that a folder's name can hold");
    header_.iteration = tree_.at(*found).value;
  }

  void others() {
    const std::vector<PickleId>& pairs = tree_.items(dict_);
    for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
      if (!tree_.is(pairs[i], PickleKind::text) || is_read(tree_.text(pairs[i]))) continue;
      const std::string key(tree_.text(pairs[i]));
      if (key == "optimizer" && holds_tensor(pairs[i + 1])) header_.optimizer = true;
      if (is_simple(pairs[i + 1]))
        header_.beside[key] = to_value(tree_, pairs[i + 1]);
      else if (!tree_.is(pairs[i + 1], PickleKind::none))
        header_.left.push_back(key);
    }
  }

 private:
  static bool is_read(std::string_view key) {
    return key == "args" || key == "checkpoint_version" || key == "iteration" || key == "content_metadata" ||
           (key.starts_with("model") && key.find_first_not_of("0123456789", 5) == key.npos);
  }
  bool is_simple(PickleId id) const {
    constexpr std::array kinds = {PickleKind::boolean, PickleKind::integer, PickleKind::real, PickleKind::text};
    return std::any_of(kinds.begin(), kinds.end(), [&](PickleKind kind) { return tree_.is(id, kind); });
  }
  bool holds_tensor(PickleId id) const {
    std::vector<PickleId> open = {id};
    std::set<PickleId> seen;
    while (!open.empty()) {
      const PickleId at = open.back();
      open.pop_back();
      if (!seen.insert(at).second) continue;
      if (tree_.is(at, PickleKind::tensor)) return true;
      if (tree_.is(at, PickleKind::dict) || tree_.is(at, PickleKind::list) || tree_.is(at, PickleKind::tuple))
        open.insert(open.end(), tree_.items(at).begin(), tree_.items(at).end());
    }
    return false;
  }

  [[noreturn]] void fail(const std::string& what) const { fail_world(format("{}: {}", header_.file, what)); }
  const char* kind(PickleId id) const { return name_of(tree_.at(id).kind); }
  std::optional<PickleId> find(std::string_view key) const { return tree_.find(dict_, key); }

  const PickleTree& tree_;
  PickleId dict_;
  MegatronHeader& header_;
};

class RankFile {
 public:
  explicit RankFile(TorchFile file) : file_(std::move(file)) { rank_.file = show_path(file_.archive.file().path()); }

  MegatronRank take() {
    if (!tree().is(tree().root, PickleKind::dict))
      fail(format("its value is of kind {}, not a dict", kind(tree().root)));
    read_header(tree(), tree().root, rank_);
    const std::vector<PickleId> chunks = models();
    rank_.chunks = static_cast<uint32_t>(chunks.size());
    std::vector<StateDict> states;
    for (PickleId chunk : chunks) states.push_back(state_dict(tree(), chunk, true, rank_.file));
    Contents about;
    about.warnings = std::move(file_.warnings);
    rank_.reader = std::make_unique<TorchReader>(std::move(file_.archive), std::move(about));
    for (uint32_t chunk = 0; chunk < states.size(); ++chunk)
      for (StateTensor& tensor : states[chunk].tensors) rank_.reader->add(tree(), std::move(tensor), chunk);
    return std::move(rank_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { fail_world(format("{}: {}", rank_.file, what)); }
  const PickleTree& tree() const { return file_.tree; }
  const char* kind(PickleId id) const { return name_of(tree().at(id).kind); }
  std::optional<PickleId> find(std::string_view key) const { return tree().find(tree().root, key); }

  std::vector<PickleId> models() const {
    std::vector<PickleId> chunks;
    while (const auto chunk = find(format("model{}", chunks.size()))) {
      chunks.push_back(*chunk);
      if (chunks.size() > limits::virtual_stages) fail(format("more than {} virtual stages", limits::virtual_stages));
    }
    const auto whole = find("model");
    if (whole) {
      if (!chunks.empty()) fail("it holds both `model` and `model0`");
      chunks.push_back(*whole);
    }
    if (chunks.empty()) fail("it holds no `model` (nor `model0`, `model1`, ...)");
    const std::vector<PickleId>& pairs = tree().items(tree().root);
    const size_t numbered = whole ? 0 : chunks.size();
    for (size_t i = 0; i < pairs.size(); i += 2)
      if (tree().is(pairs[i], PickleKind::text) && is_chunk_beyond(tree().text(pairs[i]), numbered))
        fail(format("it holds `{}` without the chunks before it", escape(tree().text(pairs[i]))));
    for (PickleId chunk : chunks)
      if (!tree().is(chunk, PickleKind::dict)) fail(format("model is of kind {}, not a dict", kind(chunk)));
    return chunks;
  }

  static bool is_chunk_beyond(std::string_view key, size_t count) {
    if (!key.starts_with("model") || key.size() == 5 ||
        key.find_first_not_of("0123456789", 5) != std::string_view::npos)
      return false;
    return key.size() > 8 || std::stoul(std::string(key.substr(5))) >= count;
  }

  TorchFile file_;
  MegatronRank rank_;
};

}  // namespace

void read_header(const PickleTree& tree, PickleId dict, MegatronHeader& header) {
  HeaderReader reader(tree, dict, header);
  reader.arguments();
  reader.version();
  reader.iteration();
  reader.others();
}

bool is_megatron_dict(const PickleTree& tree) {
  if (!tree.is(tree.root, PickleKind::dict)) return false;
  const auto holds_dict = [&](const char* key) {
    const auto found = tree.find(tree.root, key);
    return found && tree.is(*found, PickleKind::dict);
  };
  const bool has_header = holds_dict("args") || tree.find(tree.root, "checkpoint_version");
  return has_header && (holds_dict("model") || holds_dict("model0"));
}

MegatronRank read_megatron_rank(TorchFile file) { return RankFile(std::move(file)).take(); }

std::optional<int32_t> size_argument(const MegatronHeader& header, const char* key, bool none_is_absent) {
  const Value* value = header.args ? header.args->find(key) : nullptr;
  if (!value || (none_is_absent && value->is_none())) return std::nullopt;
  const int64_t* size = value->as_int();
  if (!size || *size < 1 || *size > most_ranks)
    fail_world(format("{}: args.{} is {}, not a count of ranks", header.file, key, show(*value)));
  return static_cast<int32_t>(*size);
}

Mesh mesh_of_arguments(const MegatronHeader& header, Mesh mesh) {
  const auto set = [&](MeshDim dim, std::optional<int32_t> size) {
    if (size) mesh[static_cast<size_t>(dim)] = *size;
  };
  set(MeshDim::tp, size_argument(header, "model_parallel_size"));
  set(MeshDim::tp, size_argument(header, "tensor_model_parallel_size"));
  set(MeshDim::pp, size_argument(header, "pipeline_model_parallel_size"));
  set(MeshDim::ep, size_argument(header, "expert_model_parallel_size"));
  mesh[static_cast<size_t>(MeshDim::etp)] = mesh[static_cast<size_t>(MeshDim::tp)];
  set(MeshDim::etp, size_argument(header, "expert_tensor_parallel_size", true));
  return mesh;
}

void describe_header(const MegatronHeader& header, const MegatronPath& where, Contents& contents) {
  if (where.iteration && header.iteration && *where.iteration != *header.iteration)
    fail_world(
        format("{}: iteration is {}, its folder's name says {}", header.file, *header.iteration, *where.iteration));
  contents.side = "mcore";
  contents.has_config = header.args.has_value();
  if (header.args) contents.config = *header.args;
  contents.config["checkpoint_version"] = header.version;
  contents.config.erase("iteration");
  const std::optional<int64_t> iteration = header.iteration ? header.iteration : where.iteration;
  if (!where.release && iteration) contents.config["iteration"] = *iteration;
  contents.beside = header.beside;
  contents.left = header.left;
  contents.optimizer = header.optimizer;
  if (auto companion = read_config(where.root)) contents.companion_config = std::move(*companion);
  contents.side_files = side_files_of(where.root);
}

}  // namespace tessera
