// Every rank is compared with the first of its kind: what differs is said with both.
#include "store/megatron_agree.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "base/text_hash.h"

namespace tessera {
namespace {

// Arguments that say which process wrote the file. (A list: `q_lora_rank` is none of them.)
constexpr std::array rank_arguments = {"rank",
                                       "local_rank",
                                       "node_rank",
                                       "global_rank",
                                       "data_parallel_rank",
                                       "tensor_model_parallel_rank",
                                       "pipeline_model_parallel_rank",
                                       "virtual_pipeline_model_parallel_rank",
                                       "expert_model_parallel_rank",
                                       "context_parallel_rank",
                                       "hostname"};

bool names_process(std::string_view key) {
  return std::find(rank_arguments.begin(), rank_arguments.end(), key) != rank_arguments.end();
}

bool same_argument(const Value& a, const Value& b) {
  const double *x = a.as_float(), *y = b.as_float();
  return a == b || (x && y && std::isnan(*x) && std::isnan(*y));
}

std::string show_count(const std::optional<int64_t>& count) { return count ? format("{}", *count) : "absent"; }
std::string show_argument(const Value* value) { return value ? show(*value) : "absent"; }

[[noreturn]] void differ(const MegatronRank& rank, const MegatronRank& first, const std::string& what,
                         const std::string& here, const std::string& there) {
  fail_world(format("{}: {} is {}, in {} it is {}", rank.file, what, here, first.file, there));
}

void check_arguments(const MegatronRank& rank, const MegatronRank& first) {
  for (const Map* all : {&*first.args, &*rank.args})
    for (const auto& [key, value] : *all) {
      const Value *here = rank.args->find(key), *there = first.args->find(key);
      if (names_process(key) || (here && there && same_argument(*here, *there))) continue;
      differ(rank, first, "args." + escape(key), show_argument(here), show_argument(there));
    }
}

using Tensors = ViewMap<const TensorInfo*>;

// One rank of a stage.
struct RankTensors {
  std::string name;  // for messages
  Tensors tensors;
};

void check_same_tensors(const RankTensors& rank, const RankTensors& first) {
  const auto fail = [&](const std::string& what) { fail_world(format("{}: {}", rank.name, what)); };
  const auto shown = [](const TensorInfo& t) { return format("{} {}", info(t.dtype).name, show_shape(t.shape)); };
  for (const auto& [name, tensor] : first.tensors)
    if (!rank.tensors.contains(name)) fail(format("no tensor `{}`, which {} has", escape(name), first.name));
  for (const auto& [name, tensor] : rank.tensors) {
    const auto other = first.tensors.find(name);
    if (other == first.tensors.end()) fail(format("tensor `{}` is not in {}", escape(name), first.name));
    if (tensor->shape != other->second->shape || tensor->dtype != other->second->dtype)
      fail(format("`{}` is {}, in {} it is {}", escape(name), shown(*tensor), first.name, shown(*other->second)));
  }
}

std::pair<int32_t, int32_t> stage_of(const PlaceInfo& place) {
  return {place.at[static_cast<size_t>(MeshDim::vpp)], place.at[static_cast<size_t>(MeshDim::pp)]};
}

}  // namespace

void check_same_header(const MegatronRank& rank, const MegatronRank& first) {
  const auto number = [](double value) { return format("{}", value); };
  if (rank.chunks != first.chunks)
    differ(rank, first, "the number of virtual stages", number(rank.chunks), number(first.chunks));
  if (rank.version != first.version)
    differ(rank, first, "checkpoint_version", number(rank.version), number(first.version));
  if (rank.iteration != first.iteration)
    differ(rank, first, "iteration", show_count(rank.iteration), show_count(first.iteration));
  if (rank.args.has_value() != first.args.has_value())
    differ(rank, first, "args", rank.args ? "there" : "absent", first.args ? "there" : "absent");
  if (rank.args) check_arguments(rank, first);
}

void check_stages(const std::vector<PlaceInfo>& places, std::span<const MegatronRank> ranks,
                  const std::string& folder) {
  std::vector<RankTensors> by_place(places.size());
  size_t count = 0;
  for (const MegatronRank& rank : ranks)
    for (const TensorInfo& tensor : rank.reader->contents().tensors) {
      by_place[tensor.place].tensors[tensor.name] = &tensor;
      ++count;
    }
  if (count == 0) fail_world(format("{}: model is empty", ranks[0].file));
  std::map<std::pair<int32_t, int32_t>, size_t> first_of;
  for (size_t i = 0; i < places.size(); ++i) {
    by_place[i].name = format("{}/{}", folder, places[i].label);
    const auto [first, is_first] = first_of.try_emplace(stage_of(places[i]), i);
    if (!is_first) check_same_tensors(by_place[i], by_place[first->second]);
  }
}

}  // namespace tessera
