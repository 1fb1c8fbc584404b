// Texts go into the hash with their lengths, numbers as they are: no two plans give one stream.
#include "fingerprint.h"

#include "base/json.h"
#include "rules/yaml.h"
#include "store/checksum.h"

namespace tessera {
namespace {

class Feed {
 public:
  void number(uint64_t value) { hasher_.add(std::as_bytes(std::span(&value, 1))); }
  void number(int64_t value) { number(static_cast<uint64_t>(value)); }
  void number(double value) { hasher_.add(std::as_bytes(std::span(&value, 1))); }
  void text(std::string_view value) {
    number(uint64_t{value.size()});
    hasher_.add(std::as_bytes(std::span(value)));
  }
  template <class Numbers>
  void numbers(const Numbers& values) {
    number(uint64_t{values.size()});
    for (const auto value : values) number(int64_t{value});
  }
  void map(const Map& value) { text(to_json(Value(value), {.sort_keys = true})); }
  std::string hex() const { return hasher_.hex(); }

 private:
  Hasher hasher_;
};

void add_end(Feed& feed, const EndSpec& end) {
  feed.number(uint64_t{end.side});
  feed.numbers(end.mesh);
  feed.numbers(end.stages);
  feed.number(uint64_t{end.whole});
  for (const Coordinates& at : end.places) feed.numbers(at);
  for (const auto& [dim, table] : end.tables)
    for (const auto& slots : table) feed.numbers(slots);
  for (const std::string& dialect : end.dialects) feed.text(dialect);
}

void add_strided(Feed& feed, const Strided& at) {
  feed.number(at.offset);
  feed.numbers(at.strides);
}

void add_move(Feed& feed, const Move& move) {
  for (const uint64_t n :
       {uint64_t(move.op), uint64_t{move.from}, uint64_t{move.to}, uint64_t{move.program}, uint64_t{move.fill}})
    feed.number(n);
  feed.numbers(move.box->shape);
  add_strided(feed, move.box->from);
  add_strided(feed, move.box->to);
}

// A fill that is a function is not looked into: rules and configuration, which made it, are in the hash.
void add_graph(Feed& feed, const Graph& graph) {
  for (const Tensor& tensor : graph.tensors) {
    feed.text(tensor.name);
    feed.text(info(tensor.dtype).name);
    feed.numbers(tensor.shape);
    for (const uint64_t n :
         {uint64_t{tensor.place}, uint64_t{tensor.output}, uint64_t{tensor.index}, uint64_t{tensor.stored}})
      feed.number(n);
  }
  for (const Move& move : graph.moves) add_move(feed, move);
  for (const Program& program : graph.programs)
    for (const ScalarStep& step : program) {
      feed.number(uint64_t(step.kind));
      feed.number(step.operand);
    }
  for (const FillValue& fill : graph.fills) {
    feed.number(fill.constant);
    feed.number(fill.integer);
  }
  for (const Stored& stored : graph.stored) {
    feed.number(uint64_t(stored.kind));
    feed.numbers(stored.block);
    feed.numbers(stored.fields);
  }
}

void add_output(Feed& feed, const OutputSpec& spec) {
  feed.text(spec.format);
  feed.numbers(spec.mesh);
  feed.numbers(spec.stages);
  for (const OutTensor& tensor : spec.tensors) {
    feed.text(tensor.name);
    feed.text(info(tensor.dtype).name);
    feed.numbers(tensor.shape);
    feed.number(uint64_t{tensor.place});
    feed.number(uint64_t{tensor.linear});
    feed.text(tensor.slab ? tensor.slab->key : "");
    if (tensor.slab) feed.numbers(tensor.slab->at);
  }
  for (const Map* map : {&spec.config, &spec.beside, &spec.options}) feed.map(*map);
  feed.number(spec.iteration);
  feed.number(uint64_t{spec.release});
  feed.number(spec.max_shard_size);
}

}  // namespace

std::string program_version() { return TESSERA_VERSION; }

std::string plan_hash(const Prepared& prepared) {
  const Model& model = prepared.plan.model;
  Feed feed;
  feed.text(program_version());
  feed.text(to_yaml(prepared.rules.set.file.flat));
  for (const Map* map : {&model.config, &model.options, &model.lets}) feed.map(*map);
  add_end(feed, model.from);
  add_end(feed, model.to);
  add_graph(feed, prepared.plan.graph);
  add_output(feed, prepared.output);
  return feed.hex();
}

}  // namespace tessera
