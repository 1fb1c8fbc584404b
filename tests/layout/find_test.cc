// Numbers back to indices, against walking the whole box.
#include <doctest/doctest.h>

#include "layout/box.h"
#include "layout/layout.h"
#include "samples.h"

using namespace tessera;
using namespace tessera::samples;

TEST_CASE("indices_at: what a walk finds, for strides in any order, repeated and overlapping") {
  const std::vector<std::pair<Extents, Strided>> boxes = {
      {{}, {7, {}}},
      {{4, 3}, {5, {3, 1}}},
      {{3, 4}, {0, {1, 3}}},
      {{2, 3, 4}, {10, {24, 1, 5}}},
      {{3, 2, 5}, {1, {0, 40, 7}}},
      {{4, 4}, {0, {3, 2}}},
      {{1, 0}, {0, {1, 1}}},
  };
  for (const auto& box : boxes)
    for (int64_t number = -1; number < 120; ++number) {
      std::vector<std::vector<int64_t>> walked;
      each_index(box.first, [&](const std::vector<int64_t>& index) {
        if (affine(box.second, index) == number) walked.push_back(index);
      });
      CAPTURE(number);
      CHECK(indices_at(box.first, box.second, number, 1000) == walked);
    }
}

TEST_CASE("indices_at: no more than asked for, however many there are") {
  CHECK(indices_at({1'000'000'000, 2}, {0, {0, 1}}, 1, 3) == std::vector<std::vector<int64_t>>{{0, 1}, {1, 1}, {2, 1}});
}

TEST_CASE("coordinates_of: row-major, and none of a scalar") {
  CHECK(coordinates_of(23, {2, 3, 4}) == std::vector<int64_t>{1, 2, 3});
  CHECK(coordinates_of(4, {2, 3, 4}) == std::vector<int64_t>{0, 1, 0});
  CHECK(coordinates_of(0, {}).empty());
}
