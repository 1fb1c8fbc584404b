// The executor on checkpoints in memory: small budgets, views, several chunks, comparisons, fills.
#include <doctest/doctest.h>

#include <cstring>
#include <numeric>

#include "layout/layout.h"
#include "run/executor.h"
#include "store/memory.h"

using namespace tessera;

namespace {

std::vector<std::byte> bytes_of(const std::vector<float>& values) {
  std::vector<std::byte> bytes(values.size() * 4);
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::vector<float> count_up(int64_t n, float first = 0) {
  std::vector<float> values(static_cast<size_t>(n));
  std::iota(values.begin(), values.end(), first);
  return values;
}

struct Bench {
  MemoryCheckpoint source;
  Graph graph;
  OutputSpec spec;

  Bench() {
    source.add_place({});
    spec.places.push_back({});
  }

  TensorId from(const std::string& name, std::vector<int64_t> shape, const std::vector<float>& values) {
    source.add(0, name, DType::f32, shape, bytes_of(values));
    graph.tensors.push_back({name, DType::f32, shape, 0, false, uint32_t(source.contents().tensors.size() - 1), {}});
    return TensorId(graph.tensors.size() - 1);
  }
  TensorId to(const std::string& name, std::vector<int64_t> shape, DType dtype = DType::f32) {
    spec.tensors.push_back({name, dtype, shape, 0});
    graph.tensors.push_back({name, dtype, shape, 0, true, uint32_t(spec.tensors.size() - 1), {}});
    return TensorId(graph.tensors.size() - 1);
  }
  void move(Op op, TensorId a, TensorId b, Box box, uint32_t fill = none_id) {
    Move m;
    m.op = op, m.from = a, m.to = b, m.box = std::move(box), m.fill = fill;
    graph.moves.push_back(m);
  }
  MemoryCheckpoint run(uint64_t memory, int threads, Diagnostics& diagnostics) {
    MemoryWriter writer(spec);
    RunOptions options;
    options.memory = memory;
    options.threads = threads;
    Sources sources;
    execute(graph, source, writer, options, sources, diagnostics);
    writer.finish(false);
    return writer.take();
  }
};

std::vector<float> floats(const MemoryCheckpoint& made, size_t tensor) {
  const auto bytes = made.bytes(tensor);
  std::vector<float> values(bytes.size() / 4);
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

}  // namespace

TEST_CASE("a transpose larger than the budget is right at every budget and thread count") {
  const int64_t rows = 700, columns = 900;
  Bench bench;
  const TensorId a = bench.from("a", {rows, columns}, count_up(rows * columns));
  const TensorId b = bench.to("b", {columns, rows});
  bench.move(Op::copy, a, b, {{columns, rows}, {0, {1, columns}}, {0, {rows, 1}}});
  for (uint64_t memory : {uint64_t{64} << 10, uint64_t{1} << 20, uint64_t{256} << 20}) {
    for (int threads : {1, 3}) {
      Diagnostics diagnostics;
      const auto made = bench.run(memory, threads, diagnostics);
      const auto got = floats(made, 0);
      int64_t wrong = 0;
      for (int64_t c = 0; c < columns; ++c)
        for (int64_t r = 0; r < rows; ++r) wrong += got[size_t(c * rows + r)] != float(r * columns + c);
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("a source that is a transposed view, and one in chunks") {
  Bench bench;
  const int64_t n = 300, m = 200;
  const TensorId view = bench.from("view", {n, m}, count_up(n * m));
  bench.source.edit().tensors[0].chunks[0].strides = {1, n};
  const TensorId cut = bench.from("cut", {n, m}, count_up(n * m));
  auto& chunks = bench.source.edit().tensors[1].chunks;
  chunks = {{{0, 0}, {n, 50}, chunks[0].storage, 0, {}}, {{0, 50}, {n, m - 50}, chunks[0].storage, n * 50, {}}};
  const TensorId x = bench.to("x", {n, m}), y = bench.to("y", {n, m});
  const Box whole{{n * m}, {0, {1}}, {0, {1}}};
  bench.move(Op::copy, view, x, whole);
  bench.move(Op::copy, cut, y, whole);
  for (uint64_t memory : {uint64_t{64} << 10, uint64_t{64} << 20}) {
    Diagnostics diagnostics;
    const auto made = bench.run(memory, 1, diagnostics);
    const auto first = floats(made, 0), second = floats(made, 1);
    int64_t wrong = 0;
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < m; ++j) {
        wrong += first[size_t(i * m + j)] != float(i + j * n);
        wrong += second[size_t(i * m + j)] != float(j < 50 ? i * 50 + j : n * 50 + i * (m - 50) + j - 50);
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("a source in many slabs, some of them views, at every budget") {
  const int64_t n = 240, m = 200;
  Bench bench;
  const TensorId cut = bench.from("cut", {n, m}, count_up(n * m));  // only its header is used
  auto& chunks = bench.source.edit().tensors[0].chunks;
  chunks.clear();
  for (int64_t r = 0; r < n; r += 60)
    for (int64_t c = 0; c < m; c += 100) {
      std::vector<float> values;  // stored column by column in every second slab
      const bool across = (r / 60 + c / 100) % 2 != 0;
      for (int64_t i = 0; i < 60 * 100; ++i)
        values.push_back(across ? float((r + i % 60) * m + c + i / 60) : float((r + i / 100) * m + c + i % 100));
      bench.source.add(0, "slab", DType::f32, {60, 100}, bytes_of(values));
      const StorageId storage = bench.source.contents().tensors.back().chunks[0].storage;
      bench.source.edit().tensors.pop_back();
      bench.source.edit().tensors[0].chunks.push_back(
          {{r, c}, {60, 100}, storage, 0, across ? std::vector<int64_t>{1, 60} : std::vector<int64_t>{}});
    }
  const TensorId same = bench.to("same", {n, m}), turned = bench.to("turned", {m, n});
  bench.move(Op::copy, cut, same, {{n * m}, {0, {1}}, {0, {1}}});
  bench.move(Op::copy, cut, turned, {{m, n}, {0, {1, m}}, {0, {n, 1}}});
  for (uint64_t memory : {uint64_t{64} << 10, uint64_t{300} << 10, uint64_t{64} << 20})
    for (int threads : {1, 3}) {
      Diagnostics diagnostics;
      const auto made = bench.run(memory, threads, diagnostics);
      CHECK(floats(made, 0) == count_up(n * m));
      const auto got = floats(made, 1);
      int64_t wrong = 0;
      for (int64_t c = 0; c < m; ++c)
        for (int64_t r = 0; r < n; ++r) wrong += got[size_t(c * n + r)] != float(r * m + c);
      CHECK(wrong == 0);
    }
}

TEST_CASE("fills: a constant, a function of the index, beside a copy") {
  Bench bench;
  const TensorId a = bench.from("a", {3}, {7, 8, 9});
  const TensorId b = bench.to("b", {5}), mask = bench.to("mask", {3, 3});
  bench.move(Op::copy, a, b, {{3}, {0, {1}}, {0, {1}}});
  FillValue constant, triangle;
  constant.constant = -1;
  triangle.at = [](const std::vector<int64_t>& i) { return i[1] <= i[0] ? 1.0 : 0.0; };
  bench.graph.fills = {constant, triangle};
  bench.move(Op::fill, none_id, b, {{2}, {0, {0}}, {3, {1}}}, 0);
  bench.move(Op::fill, none_id, mask, {{3, 3}, {0, {0, 0}}, {0, {3, 1}}}, 1);
  Diagnostics diagnostics;
  const auto made = bench.run(1 << 20, 1, diagnostics);
  CHECK(floats(made, 0) == std::vector<float>{7, 8, 9, -1, -1});
  CHECK(floats(made, 1) == std::vector<float>{1, 0, 0, 1, 1, 0, 1, 1, 1});
}

TEST_CASE("replicas and constants are compared; the first difference is named") {
  for (const bool equal : {true, false}) {
    Bench bench;
    auto values = count_up(100000);
    const TensorId a = bench.from("a", {100000}, values);
    if (!equal) values[77777] = -1;
    const TensorId b = bench.from("b", {100000}, values);
    bench.move(Op::compare, b, a, {{100000}, {0, {1}}, {0, {1}}});
    Diagnostics diagnostics;
    bench.run(64 << 10, 2, diagnostics);
    CHECK(diagnostics.failed() == !equal);
    if (!equal) {
      CHECK(diagnostics.list()[0].id == "X01");
      CHECK(diagnostics.list()[0].message.find("[77777]") != std::string::npos);
    }
  }
  Bench bench;
  const TensorId zeros = bench.from("zeros", {4}, {0, 0, 3, 0});
  bench.graph.fills.emplace_back();
  bench.move(Op::compare_fill, zeros, none_id, {{4}, {0, {1}}, {0, {0}}}, 0);
  Diagnostics diagnostics;
  bench.run(1 << 20, 1, diagnostics);
  CHECK(diagnostics.failed());
}

TEST_CASE("an interruption stops between tiles") {
  Bench bench;
  const TensorId a = bench.from("a", {1 << 20}, count_up(1 << 20));
  const TensorId b = bench.to("b", {1 << 20});
  bench.move(Op::copy, a, b, {{1 << 20}, {0, {1}}, {0, {1}}});
  MemoryWriter writer(bench.spec);
  RunOptions options;
  options.memory = 1 << 20;
  int asked = 0;
  options.interrupted = [&] { return ++asked == 3; };
  Sources sources;
  Diagnostics diagnostics;
  const RunResult result = execute(bench.graph, bench.source, writer, options, sources, diagnostics);
  CHECK(result.interrupted);
  CHECK(result.bytes_written < uint64_t{4} << 20);
}

TEST_CASE("the first outputs with infinite values are told, whichever thread made them") {
  Bench bench;
  std::vector<std::pair<TensorId, uint64_t>> want;
  for (int i = 0; i < 60; ++i) {
    const bool beyond = i % 2;
    const std::string name = std::to_string(i);
    const TensorId a = bench.from("a" + name, {2}, {1.0001f, beyond ? 1e9f : 2.0f}),
                   b = bench.to("b" + name, {2}, DType::f16);
    bench.move(Op::copy, a, b, {{2}, {0, {1}}, {0, {1}}});
    if (beyond && want.size() < 20) want.emplace_back(b, 1);
  }
  for (const int threads : {1, 3}) {
    MemoryWriter writer(bench.spec);
    RunOptions options;
    options.threads = threads;
    Sources sources;
    Diagnostics diagnostics;
    const RunResult result = execute(bench.graph, bench.source, writer, options, sources, diagnostics);
    CHECK(result.overflowed == want);
    CHECK(result.loss.rounded == 60);
    CHECK(result.loss.overflowed == 30);
  }
}
