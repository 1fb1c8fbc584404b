// Rules become a plan for the checkpoint that they declare, and the plan is carried out. The first line of the input is
// JSON: {"from": SIDE, "to": SIDE, "mesh": {"from": [tp, pp, vpp, ep, etp], "to": [...]}, "config": {...},
// "options": {...}}; a rule file follows. Of an accepted plan each box lies in its tensors, each element of an output
// is written once, and executor and interpreter (tests/conformance) make the same bits.
#include "plan/plan.h"

#include <cstring>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "conformance/carry_out.h"
#include "fuzz/target.h"
#include "rules/parse.h"

namespace tessera::fuzz {
namespace {

constexpr int64_t most_elements = 1 << 14, most_rank = 4, most_ranks = 16;
constexpr size_t most_tensors = 500;

// The front of the input was read, but this target has no use for it.
struct Useless {};

struct Asked {
  Map head;
  Sources sources;
  Diagnostics diagnostics;
  std::optional<RuleSet> rules;
};

void read(std::string_view input, Asked& asked) {
  const size_t line = input.find('\n');
  if (line == input.npos) throw Useless();
  Value head = parse_json(input.substr(0, line), "head");
  if (!head.as_map()) throw Useless();
  asked.head = std::move(*head.as_map());
  const std::string text(input.substr(line + 1));
  const LoadText load = [&](const std::filesystem::path& path) {
    return path == "rules.yaml" ? std::optional(text) : std::nullopt;
  };
  auto file = parse_rule_file("rules.yaml", {{}, load}, asked.sources, asked.diagnostics);
  if (!file || asked.diagnostics.failed()) throw Useless();
  asked.rules = link(*std::move(file), {}, {}, asked.diagnostics);
  if (!asked.rules || !check(*asked.rules, asked.diagnostics)) throw Useless();
}

const Map& map_at(const Map& map, const char* key) {
  static const Map none;
  const Value* value = map.find(key);
  return value && value->as_map() ? *value->as_map() : none;
}

EndSpec end_at(const Asked& asked, const char* key) {
  const Value* side = asked.head.find(key);
  const auto id = side && side->as_string() ? asked.rules->file.side(*side->as_string()) : std::nullopt;
  if (!id) throw Useless();
  EndSpec end;
  end.side = *id;
  const Value* mesh = map_at(asked.head, "mesh").find(key);
  int64_t ranks = 1;
  for (size_t d = 0; mesh && mesh->as_list() && d < mesh->as_list()->size() && d < end.mesh.size(); ++d) {
    const int64_t* size = (*mesh->as_list())[d].as_int();
    if (!size || *size < 1 || *size > most_rank || (ranks *= *size) > most_ranks) throw Useless();
    end.mesh[d] = static_cast<int32_t>(*size);
  }
  return end;
}

ConfigRequest request_of(const Asked& asked) {
  ConfigRequest request;
  request.rules = &*asked.rules;
  request.from = end_at(asked, "from");
  request.to = end_at(asked, "to");
  request.config = &map_at(asked.head, "config");
  request.settings = map_at(asked.head, "options");
  for (const OptionDecl& option : asked.rules->file.options)
    if (!option.values.empty() && !request.config->find(option.name.s))
      request.settings.insert(option.name.s, option.values.front());
  return request;
}

// Element i of each tensor is i, so that copies of one tensor agree and no rearrangement goes unseen.
std::vector<std::byte> counted(int64_t elements) {
  std::vector<std::byte> bytes(static_cast<size_t>(elements) * sizeof(float));
  for (int64_t i = 0; i < elements; ++i) {
    const float value = static_cast<float>(i) + 1;
    std::memcpy(bytes.data() + static_cast<size_t>(i) * sizeof value, &value, sizeof value);
  }
  return bytes;
}

// All that the rules declare for the source.
MemoryCheckpoint declared(const ConfigRequest& request, Diagnostics& diagnostics) {
  const auto model = bind(request, diagnostics);
  const auto list = model ? declared_tensors(*model, model->from, diagnostics) : std::nullopt;
  if (!list || list->size() > most_tensors) throw Useless();
  MemoryCheckpoint memory;
  memory.edit().mesh = request.from.mesh;
  for (const Coordinates& at : places_of(request.from)) memory.add_place(at);
  int64_t sum = 0;
  for (const Declared& tensor : *list) {
    if (tensor.optional) continue;
    const int64_t elements = volume(tensor.shape);
    if (elements > most_elements || (sum += elements) > most_elements) throw Useless();
    memory.add(tensor.place, tensor.name, DType::f32, tensor.shape, counted(elements));
  }
  return memory;
}

void check_end(const Graph& graph, TensorId id, const Extents& shape, const Strided& at, bool output) {
  require(id < graph.tensors.size() && graph.tensors[id].output == output, "a move has its ends");
  const Reach reached = reach(shape, at);
  require(reached.begin >= 0 && reached.end <= volume(graph.tensors[id].shape), "a box lies in its tensor");
}

// How often each element of an output is written.
void count_writes(const Move& move, std::vector<uint8_t>& times) {
  std::vector<int64_t> index(move.box->shape.size(), 0);
  for (int64_t n = volume(move.box->shape); n > 0; --n) {
    int64_t at = move.box->to.offset;
    for (size_t k = 0; k < index.size(); ++k) at += index[k] * move.box->to.strides[k];
    require(times.at(static_cast<size_t>(at))++ == 0, "an element is written once");
    for (size_t k = index.size(); k-- > 0 && ++index[k] == move.box->shape[k];) index[k] = 0;
  }
}

void check_graph(const Graph& graph) {
  std::vector<std::vector<uint8_t>> times(graph.tensors.size());
  for (size_t id = 0; id < graph.tensors.size(); ++id)
    if (graph.tensors[id].output) times[id].resize(static_cast<size_t>(volume(graph.tensors[id].shape)));
  for (const Move& move : graph.moves) {
    const Box& box = move.box;
    require(box.shape.size() == box.from.strides.size() || move.from == none_id, "a stride for each axis");
    if (move.from != none_id) check_end(graph, move.from, box.shape, box.from, false);
    if (move.to != none_id) check_end(graph, move.to, box.shape, box.to, op_writes(move.op));
    if (op_writes(move.op)) count_writes(move, times.at(move.to));
  }
  for (const auto& tensor : times)
    for (const uint8_t one : tensor) require(one == 1, "every element is written");
}

void run(std::string_view input) {
  Asked asked;
  try {
    read(input, asked);
    const ConfigRequest request = request_of(asked);
    const MemoryCheckpoint source = declared(request, asked.diagnostics);
    const auto plan = make_plan(request, source.contents(), {}, asked.diagnostics);
    require(plan || asked.diagnostics.failed(), "what is not planned is told");
    if (!plan) return;
    check_graph(plan->graph);
    Diagnostics by_executor, by_interpreter;
    const auto made = carry_out(plan->graph, plan->model.to, source, Means::executor, asked.sources, by_executor);
    const auto wanted =
        carry_out(plan->graph, plan->model.to, source, Means::interpreter, asked.sources, by_interpreter);
    require(by_executor.failed() == by_interpreter.failed(), "executor and interpreter refuse the same");
    if (by_executor.failed()) return;
    const std::string text = difference(made, wanted, 0);
    require(text.empty(), text);
  } catch (const Useless&) {
  }
}

const Registered registered({"plan", run, 10});

}  // namespace
}  // namespace tessera::fuzz
