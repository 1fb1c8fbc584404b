// Small layouts for the tests of this floor, all of them, and what they mean computed the slow way: every dimension is
// written out as the list of its coordinates, with the axis indices and parts that stand at each.
#pragma once
#include <array>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "layout/box.h"
#include "layout/layout.h"

namespace tessera::samples {

inline const std::vector<std::string> axis_names = {"a", "b", "c", "d", "r", "s", "t"};
inline constexpr size_t axis_count = 7;
size_t axis_id(const std::string& name);
using Sizes = std::array<int64_t, axis_count>;

// A layout and its parts. In sums, part q lays r bare, v lays s and t, k and w lay nothing.
struct Sample {
  std::string text;
  Layout layout;
  std::map<std::string, PartAxes> parts;  // "" for a layout without sums
};
Sample sample(const std::string& text);

// Layouts of up to four axes in every order and grouping; `sums` of them hold a sum (or a block diagonal of two).
std::vector<Sample> plain_samples();
std::vector<Sample> sum_samples();
std::vector<Sample> all_samples();

// All sizes up to 3 of a..d; r, s, t fixed.
std::vector<Sizes> all_sizes();
std::vector<Sizes> few_sizes();

struct Coordinate {
  std::array<int64_t, axis_count> index;  // -1: not laid here
  unsigned parts = 0;                     // bits: q k v w
};
unsigned part_bit(const std::string& part);
// The coordinates of each dimension, in order.
std::vector<std::vector<Coordinate>> written_out(const Sample& sample, const Sizes& sizes);

Width width_of(const Sizes& sizes);
// The elements of each part (starred and foreign axes included) in the contiguous tensor.
std::vector<Image> images(const Sample& sample, const Sizes& sizes);

// Every number of an image, in index order.
std::vector<int64_t> numbers(const Image& image);
int64_t affine(const Strided& at, const std::vector<int64_t>& index);
void each_index(const Extents& shape, const std::function<void(const std::vector<int64_t>&)>& visit);

}  // namespace tessera::samples
