// Boxes: volume, reach, merging, windows, text.
#include "layout/box.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <stdexcept>

#include "samples.h"

using namespace tessera;
using namespace tessera::samples;

namespace {

// What a box does: pairs (from, to), sorted.
std::vector<std::pair<int64_t, int64_t>> effect(const Box& box) {
  std::vector<std::pair<int64_t, int64_t>> pairs;
  each_index(box.shape, [&](const std::vector<int64_t>& index) {
    pairs.emplace_back(affine(box.from, index), affine(box.to, index));
  });
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

// The same copy with axes cut in two, ones put in, all in another order.
Box scattered(const Box& box, std::mt19937& random) {
  struct Axis {
    int64_t n, from, to;
  };
  std::vector<Axis> axes = {{1, static_cast<int64_t>(random() % 5), 7}};
  for (size_t a = 0; a < box.shape.size(); ++a) {
    int64_t n = box.shape[a], from = box.from.strides[a], to = box.to.strides[a];
    int64_t inner = n % 2 == 0 ? 2 : 1;
    axes.push_back({n / inner, from * inner, to * inner});
    axes.push_back({inner, from, to});
  }
  std::shuffle(axes.begin(), axes.end(), random);
  Box out{{}, {box.from.offset, {}}, {box.to.offset, {}}};
  for (const Axis& axis : axes) {
    out.shape.push_back(axis.n);
    out.from.strides.push_back(axis.from);
    out.to.strides.push_back(axis.to);
  }
  return out;
}

void check_merge(const Box& box, std::mt19937& random) {
  Box merged = merge(box);
  bool right = effect(merged) == effect(box) && merged.shape.size() <= box.shape.size();
  right &= merge(merged) == merged && merge(scattered(box, random)) == merged;
  if (!right) FAIL_CHECK(to_text(box) << " became " << to_text(merged));
}

}  // namespace

TEST_CASE("merge: the worked example, ones, empty boxes") {
  // k_proj of Llama-3-8B to rank 1 of 2: four runs of 1 MiB
  Box k{{4, 128, 4096}, {2097152, {524288, 4096, 1}}, {2097152, {3145728, 4096, 1}}};
  CHECK(to_text(merge(k)) == "copy([4, 524288], 2097152 + [524288, 1] -> 2097152 + [3145728, 1])");
  CHECK(to_text(merge({{1, 1}, {3, {5, 6}}, {0, {1, 1}}})) == "copy([], 3 + [] -> [])");
  CHECK(to_text(merge({{2, 3}, {0, {1, 2}}, {0, {3, 1}}})) == "copy([2, 3], [1, 2] -> [3, 1])");
  CHECK(to_text(merge({{3, 2}, {0, {2, 1}}, {0, {1, 3}}})) == "copy([2, 3], [1, 2] -> [3, 1])");
  CHECK(to_text(merge({{2, 4}, {9, {0, 0}}, {0, {4, 1}}})) ==
        "copy([8], 9 + [0] -> [1])");  // one value, written 8 times
  CHECK(volume(merge({{2, 0}, {0, {1, 1}}, {5, {1, 1}}}).shape) == 0);
}

TEST_CASE("merge keeps the copy and finds the fewest axes, for all pairs of small layouts") {
  std::mt19937 random(2);
  std::vector<Sample> all = plain_samples();
  for (const Sizes& sizes : few_sizes())
    for (const Sample& from : all)
      for (const Sample& to : all) {
        bool same_axes = from.parts.at("").axes.size() == to.parts.at("").axes.size();
        Image a = images(from, sizes)[0], b = images(to, sizes)[0];
        if (same_axes && a.shape == b.shape) check_merge({a.shape, a.at, b.at}, random);
      }
}

TEST_CASE("merge keeps the copy between sums and whole parts") {
  std::mt19937 random(3);
  for (const Sample& sample : sum_samples())
    for (const Image& image : images(sample, few_sizes()[0])) {
      Strided whole{0, row_major(image.shape)};
      check_merge(Box{image.shape, whole, image.at}, random);
    }
}

TEST_CASE("reach and volume") {
  CHECK(volume({}) == 1);
  CHECK(volume({3, 0, 5}) == 0);
  CHECK_THROWS_AS(volume({int64_t{1} << 32, int64_t{1} << 32}), std::overflow_error);
  for (const Sample& sample : sum_samples())
    for (const Image& image : images(sample, few_sizes()[0])) {
      std::vector<int64_t> all = numbers(image);
      Reach span = reach(image.shape, image.at);
      auto [least, most] = std::minmax_element(all.begin(), all.end());
      bool right = span.begin == *least && span.end == *most + 1;
      if (!right || volume(image.shape) != static_cast<int64_t>(all.size())) FAIL_CHECK(sample.text);
    }
  CHECK(reach({2, 0}, {7, {3, 1}}).begin == 7);
  CHECK(reach({2, 0}, {7, {3, 1}}).end == 7);
}

TEST_CASE("restrict takes a window of both ends") {
  Box box{{3, 4}, {10, {4, 1}}, {0, {1, 3}}};
  CHECK(to_text(restrict(box, {{1, 2}, {2, 1}})) == "copy([2, 1], 16 + [4, 1] -> 7 + [1, 3])");
}
