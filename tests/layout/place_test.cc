// place() against layouts written out coordinate by coordinate.
#include <doctest/doctest.h>

#include <stdexcept>

#include "base/text.h"
#include "layout/layout.h"
#include "samples.h"

using namespace tessera;
using namespace tessera::samples;

namespace {

int64_t coordinate(const PartPlace& part, uint32_t dimension, const std::array<int64_t, axis_count>& index) {
  int64_t at = part.offset[dimension];
  for (const auto* steps : {&part.steps, &part.others})
    for (const Step& step : *steps)
      if (step.dimension == dimension) at += index[axis_id(step.axis)] * step.step;
  return at;
}

// Every element of the written-out tensor that is one part's lies where place() says.
bool lies_right(const Sample& sample, const Sizes& sizes) {
  Placed placed = place(sample.layout, sample.parts, "", width_of(sizes));
  auto dimensions = written_out(sample, sizes);
  Extents shape;
  for (const auto& dimension : dimensions) shape.push_back(static_cast<int64_t>(dimension.size()));
  if (placed.shape != shape || placed.parts.size() != sample.parts.size()) return false;
  bool right = true;
  each_index(shape, [&](const std::vector<int64_t>& at) {
    std::array<int64_t, axis_count> index{};
    unsigned parts = 0;
    for (size_t k = 0; k < shape.size(); ++k) {
      const Coordinate& here = dimensions[k][static_cast<size_t>(at[k])];
      for (size_t a = 0; a < axis_count; ++a) index[a] = std::max(index[a], here.index[a]);
      parts |= here.parts;
    }
    for (const auto& [name, part] : placed.parts)
      if (part_bit(name) == parts)
        for (uint32_t k = 0; k < shape.size(); ++k) right &= coordinate(part, k, index) == at[k];
  });
  return right;
}

void check_all(const std::vector<Sample>& list, const std::vector<Sizes>& sizes) {
  for (const Sample& sample : list)
    for (const Sizes& size : sizes)
      if (!lies_right(sample, size)) FAIL_CHECK(sample.text);
}

std::string show(const PartPlace& part) {
  std::string text;
  for (int64_t offset : part.offset) text += format("{} ", offset);
  for (const Step& step : part.steps) text += format("{}{}*{} ", step.axis, step.dimension, step.step);
  text += "/";
  for (const Step& step : part.others) text += format(" {}{}*{}", step.axis, step.dimension, step.step);
  return text;
}

}  // namespace

TEST_CASE("layouts without sums lie as written out") { check_all(plain_samples(), all_sizes()); }
TEST_CASE("layouts with sums lie as written out") { check_all(sum_samples(), few_sizes()); }

TEST_CASE("the worked example of Llama-3-8B, rank 1 of 2") {
  std::string text = "(g q+k+v d) h";
  Layout layout = std::get<Layout>(parse_layout(text, 0, text.size()));
  std::map<std::string, PartAxes> parts = {
      {"q", {{"g", "r", "d", "h"}, {}}}, {"k", {{"g", "d", "h"}, {}}}, {"v", {{"g", "d", "h"}, {}}}};
  std::map<std::string, int64_t> sizes = {{"g", 4}, {"r", 4}, {"d", 128}, {"h", 4096}};
  Placed placed = place(layout, parts, "", [&](const std::string& axis) { return sizes.at(axis); });
  CHECK(placed.shape == Extents{3072, 4096});
  CHECK(show(placed.parts.at("q")) == "0 0 g0*768 r0*128 d0*1 h1*1 /");
  CHECK(show(placed.parts.at("k")) == "512 0 g0*768 d0*1 h1*1 /");
  CHECK(show(placed.parts.at("v")) == "640 0 g0*768 d0*1 h1*1 /");
}

TEST_CASE("starred and foreign axes are not the part's own, captures are not laid") {
  struct Row {
    const char *text, *part;
    PartAxes axes;
    const char* lies;
  };
  const Row table[] = {
      {"(a b* q+k+v c) d", "q", {{"a", "b", "r", "c", "d"}, {}}, "0 0 a0*20 b0*10 r0*2 c0*1 d1*1 /"},
      {"(a b* q+k+v c) d", "k", {{"a", "c", "d"}, {}}, "6 0 a0*20 c0*1 d1*1 / b0*10"},
      {"(a b* q+k+v c) d", "v", {{"a", "c", "d"}, {}}, "8 0 a0*20 c0*1 d1*1 / b0*10"},
      {"s q+k", "q", {{"t", "r", "a"}, {"t"}}, "0 0 r1*2 a1*1 / s0*1"},
      {"s q+k", "k", {{"t"}, {"t"}}, "0 6 / s0*1"},
  };
  const Sizes sizes = {2, 2, 2, 5, 3, 2, 7};  // a b c d r s t
  for (const Row& row : table) {
    CAPTURE(row.text);
    CAPTURE(row.part);
    std::string text = row.text;
    Layout layout = std::get<Layout>(parse_layout(text, 0, text.size()));
    std::map<std::string, PartAxes> parts;
    for (const Row& other : table)
      if (std::string(other.text) == text) parts[other.part] = other.axes;
    CHECK(show(place(layout, parts, "", width_of(sizes)).parts.at(row.part)) == row.lies);
  }
}

TEST_CASE("scalars, empty places, the name of the whole") {
  Placed scalar = place(Layout{}, {{"x", {}}}, "x", [](const std::string&) { return int64_t{1}; });
  CHECK(scalar.shape.empty());
  CHECK(scalar.parts.at("x").steps.empty());
  Sample sample = samples::sample("(a b) c");
  Placed empty = place(sample.layout, sample.parts, "", width_of({0, 2, 3}));
  CHECK(empty.shape == Extents{0, 3});
}

TEST_CASE("more than 2^62 elements are refused") {
  auto shape = [](const std::string& text, int64_t size) {
    Sample sample = samples::sample(text);
    return place(sample.layout, sample.parts, "", [&](const std::string&) { return size; }).shape;
  };
  CHECK(shape("a b", int64_t{1} << 31) == Extents{int64_t{1} << 31, int64_t{1} << 31});
  CHECK_THROWS_AS(shape("a b", (int64_t{1} << 31) + 1), std::overflow_error);
  CHECK_THROWS_AS(shape("(a b c)", int64_t{1} << 31), std::overflow_error);
  CHECK_THROWS_AS(shape("(a q+k+v b)", int64_t{1} << 31), std::overflow_error);
  CHECK_THROWS_AS(shape("q:a+k:a", int64_t{1} << 62), std::overflow_error);
}
