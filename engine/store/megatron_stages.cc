// Counting is by names, which cannot lie; arguments are only compared.
#include "store/megatron_stages.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "store/file.h"
#include "store/limits.h"

namespace tessera {
namespace {

constexpr auto pp = static_cast<size_t>(MeshDim::pp), vpp = static_cast<size_t>(MeshDim::vpp);

int64_t stages_of(const Mesh& mesh) { return int64_t{mesh[pp]} * mesh[vpp]; }

// A name's place in a stack of layers: `decoder.layers` and 3.
struct Layer {
  std::string_view stack;
  int64_t number;
};

std::optional<Layer> layer_of(std::string_view name) {
  constexpr std::string_view word = "layers.";
  const size_t at = name.find(word);
  if (at == name.npos || (at > 0 && name[at - 1] != '.') || name.starts_with("mtp.")) return std::nullopt;
  const std::string_view rest = name.substr(at + word.size());
  const size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
  if (digits == 0 || digits > 9 || digits == rest.size() || rest[digits] != '.') return std::nullopt;
  return Layer{name.substr(0, at), std::stoll(std::string(rest.substr(0, digits)))};
}

size_t stage_of(const Contents& contents, const TensorInfo& tensor) {
  const Coordinates& at = contents.places[tensor.place].at;
  return static_cast<size_t>(int64_t{at[vpp]} * contents.mesh[pp] + at[pp]);
}

// By stage, how many numbers 0, 1, ... there are; nothing if there are several stacks, or numbers are left out.
std::vector<int64_t> counted(const Contents& contents) {
  std::set<std::string_view> stacks;
  std::vector<std::set<int64_t>> numbers(static_cast<size_t>(stages_of(contents.mesh)));
  for (const TensorInfo& tensor : contents.tensors) {
    const auto layer = layer_of(tensor.name);
    if (!layer) continue;
    stacks.insert(layer->stack);
    numbers[stage_of(contents, tensor)].insert(layer->number);
  }
  std::vector<int64_t> counts;
  for (const auto& stage : numbers) {
    if (!stage.empty() && *stage.rbegin() + 1 != std::ssize(stage)) return {};
    counts.push_back(std::ssize(stage));
  }
  return stacks.size() == 1 ? counts : std::vector<int64_t>{};
}

// Where a place's ranks are in the last stage.
Coordinates at_the_end(const Contents& contents, uint32_t place) {
  Coordinates at = contents.places[place].at;
  at[pp] = contents.mesh[pp] - 1;
  at[vpp] = contents.mesh[vpp] - 1;
  return at;
}

void gather_at_the_end(Contents& contents) {
  std::map<Coordinates, uint32_t> places;
  for (uint32_t i = 0; i < contents.places.size(); ++i) places.emplace(contents.places[i].at, i);
  const size_t last = static_cast<size_t>(stages_of(contents.mesh)) - 1;
  std::vector<TensorInfo*> astray;
  std::set<std::pair<uint32_t, std::string_view>> there;
  for (TensorInfo& tensor : contents.tensors) {
    if (layer_of(tensor.name)) continue;
    const size_t stage = stage_of(contents, tensor);
    if (stage == last) there.emplace(tensor.place, tensor.name);
    if (stage != 0 && stage != last) astray.push_back(&tensor);
  }
  for (TensorInfo* tensor : astray)
    if (const auto end = places.find(at_the_end(contents, tensor->place));
        end != places.end() && there.emplace(end->second, tensor->name).second)
      tensor->place = end->second;
}

// --- what arguments say ---------------------------------------------------------------------------------------------

std::optional<int64_t> count_argument(const Map& args, const char* key) {
  const Value* value = args.find(key);
  const int64_t* count = value ? value->as_int() : nullptr;
  return count && *count >= 0 && *count <= limits::stage_layers ? std::optional(*count) : std::nullopt;
}

bool flag_argument(const Map& args, const char* key) {
  const Value* value = args.find(key);
  return value && value->as_bool() && *value->as_bool();
}

// `unit*n` becomes n units, none of which may be absurd: nullopt.
std::optional<std::string> repeated(const std::string& unit, std::string_view text, size_t& at) {
  size_t digits = at;
  while (digits < text.size() && digits < at + 6 && text[digits] >= '0' && text[digits] <= '9') ++digits;
  if (digits == at) return std::nullopt;
  const auto times = std::stoull(std::string(text.substr(at, digits - at)));
  if (times * unit.size() > uint64_t{limits::stage_layers}) return std::nullopt;
  at = digits;
  std::string out;
  for (uint64_t i = 0; i < times; ++i) out += unit;
  return out;
}

// "Et*3|(tt|)*2m|L" with its repetitions written out: first those of groups, then those of letters.
std::optional<std::string> unrolled(std::string text) {
  std::erase(text, ',');
  for (const bool groups : {true, false}) {
    const size_t closes = groups ? text.rfind(')') + 1 : 0;  // none from here on
    std::string out;
    for (size_t at = 0; at < text.size();) {
      std::string unit(1, text[at++]);
      const size_t close = unit == "(" && at < closes ? text.find(')', at) : text.npos;
      if (close != text.npos) {
        unit = text.substr(at, close - at);
        at = close + 1;
      }
      if (at < text.size() && text[at] == '*' && (!groups || close != text.npos)) {
        const auto more = repeated(unit, text, ++at);
        if (!more) return std::nullopt;
        unit = *more;
      }
      out += unit;
      if (std::ssize(out) > limits::stage_layers) return std::nullopt;
    }
    text = std::move(out);
  }
  return text;
}

std::optional<std::vector<int64_t>> stages_of_layout(const std::string& layout, const Mesh& mesh) {
  const auto text = unrolled(layout);
  if (!text || text->find_first_not_of("Etm|L") != text->npos) return std::nullopt;
  std::vector<int64_t> counts;
  for (const std::string& stage : split(*text, '|')) counts.push_back(std::count(stage.begin(), stage.end(), 't'));
  return std::ssize(counts) == stages_of(mesh) ? std::optional(counts) : std::nullopt;
}

// First and last stage by themselves, the rest in equal shares.
std::optional<std::vector<int64_t>> stages_of_ends(const Map& args, int64_t layers, int64_t stages) {
  const auto first = count_argument(args, "decoder_first_pipeline_num_layers");
  const auto last = count_argument(args, "decoder_last_pipeline_num_layers");
  if (!first && !last) return std::nullopt;
  const int64_t middle = stages - (first ? 1 : 0) - (last ? 1 : 0),
                rest = layers - first.value_or(0) - last.value_or(0);
  if (middle < 0 || rest < 0 || (middle == 0 ? rest != 0 : rest % middle != 0)) return std::nullopt;
  std::vector<int64_t> counts(static_cast<size_t>(stages), middle ? rest / middle : 0);
  if (first) counts.front() = *first;
  if (last) counts.back() = *last;
  return counts;
}

// Embedding and loss count as layers of the first and the last stage.
std::optional<std::vector<int64_t>> stages_of_accounts(const Map& args, int64_t layers, int64_t stages) {
  const int64_t embedding = flag_argument(args, "account_for_embedding_in_pipeline_split");
  const int64_t loss = flag_argument(args, "account_for_loss_in_pipeline_split");
  const int64_t all = layers + embedding + loss;
  if (all % stages != 0 || all / stages < embedding + (stages == 1 ? loss : 0)) return std::nullopt;
  std::vector<int64_t> counts(static_cast<size_t>(stages), all / stages);
  counts.front() -= embedding;
  counts.back() -= loss;
  return counts;
}

// --- what is said of them -------------------------------------------------------------------------------------------

bool is_even(const std::vector<int64_t>& counts) {
  return std::ranges::adjacent_find(counts, std::ranges::not_equal_to()) == counts.end();
}

// "Ettt|tt|mL"
std::string layout_of(const std::vector<int64_t>& counts, int64_t mtp_modules) {
  std::vector<std::string> stages;
  for (const int64_t count : counts)
    stages.push_back(count > 1 ? format("t*{}", count) : std::string(static_cast<size_t>(count), 't'));
  stages.front() = "E" + stages.front();
  stages.back() += (mtp_modules ? format("m*{}", mtp_modules) : "") + "L";
  return join(stages, "|");
}

}  // namespace

std::optional<std::vector<int64_t>> said_stages(const Map& args, const Mesh& mesh) {
  const Value* layout = args.find("pipeline_model_parallel_layout");
  if (layout && layout->as_string()) return stages_of_layout(*layout->as_string(), mesh);
  const auto layers = count_argument(args, "num_layers");
  if (!layers || mesh[vpp] > 1) return std::nullopt;
  const auto ends = stages_of_ends(args, *layers, mesh[pp]);
  return ends ? ends : stages_of_accounts(args, *layers, mesh[pp]);
}

void settle_stages(Contents& contents) {
  if (stages_of(contents.mesh) == 1) return;
  contents.stages = counted(contents);
  gather_at_the_end(contents);
  const auto said = said_stages(contents.config, contents.mesh);
  if (contents.stages.empty() || !said || contents.stages == *said) return;
  if (std::reduce(contents.stages.begin(), contents.stages.end()) != std::reduce(said->begin(), said->end())) return;
  const auto [told, held] = std::ranges::mismatch(*said, contents.stages);
  fail_world(format("{}: by its arguments stage {} holds {} layers, in the files it holds {}", show_path(contents.root),
                    told - said->begin(), *told, *held));
}

void say_stages(Map& args, const std::vector<int64_t>& counts, const Mesh& mesh) {
  for (const char* key :
       {"decoder_first_pipeline_num_layers", "decoder_last_pipeline_num_layers", "pipeline_model_parallel_layout",
        "num_layers_per_virtual_pipeline_stage", "num_virtual_stages_per_pipeline_rank"})
    if (args.find(key)) args[key] = Value();
  for (const char* key : {"account_for_embedding_in_pipeline_split", "account_for_loss_in_pipeline_split"})
    if (args.find(key)) args[key] = false;
  if (counts.empty() || is_even(counts)) {
    const auto layers = count_argument(args, "num_layers");
    if (layers && mesh[vpp] > 1) args["num_layers_per_virtual_pipeline_stage"] = *layers / stages_of(mesh);
    return;
  }
  const int64_t mtp = count_argument(args, "mtp_num_layers").value_or(0);
  if (mtp > 0 && counts.back() == 0)
    fail_usage(
        "--place: with multi-token prediction Megatron keeps the final norm with the last layer: "
        "the last stage wants one");
  const std::vector<int64_t> middle(counts.begin() + 1, counts.end() - 1);
  const bool filled = counts.front() > 0 && counts.back() > 0;  // Megatron takes no 0 for the ends
  if (mesh[vpp] == 1 && filled && is_even(middle)) {
    args["decoder_first_pipeline_num_layers"] = counts.front();
    args["decoder_last_pipeline_num_layers"] = counts.back();
  } else {
    args["pipeline_model_parallel_layout"] = layout_of(counts, mtp);
  }
}

}  // namespace tessera
