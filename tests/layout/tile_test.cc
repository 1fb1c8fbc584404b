// intersects() and tile() against sets and bitmaps.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "base/text.h"
#include "layout/box.h"
#include "samples.h"

using namespace tessera;
using namespace tessera::samples;

namespace {

bool share_a_number(const Image& a, const Image& b) {
  std::vector<int64_t> of_a = numbers(a), of_b = numbers(b), both;
  std::sort(of_a.begin(), of_a.end());
  std::sort(of_b.begin(), of_b.end());
  std::set_intersection(of_a.begin(), of_a.end(), of_b.begin(), of_b.end(), std::back_inserter(both));
  return !both.empty();
}

// What tile() must say, from a count for each element.
std::string judged_by_bitmap(const std::vector<Image>& images, int64_t total, const std::optional<Untiled>& said) {
  std::vector<int> count(static_cast<size_t>(total), 0);
  bool outside = false;
  for (const Image& image : images)
    for (int64_t number : numbers(image)) {
      if (number < 0 || number >= total)
        outside = true;
      else
        ++count[static_cast<size_t>(number)];
    }
  int most = *std::max_element(count.begin(), count.end()), least = *std::min_element(count.begin(), count.end());
  auto holds = [&](size_t image, int64_t element) {
    std::vector<int64_t> all = numbers(images[image]);
    return std::count(all.begin(), all.end(), element) > 0;
  };
  if (!said) return outside || most != 1 || least != 1 ? "a fault was not seen" : "";
  switch (said->kind) {
    case Untiled::Kind::outside:
      return holds(said->first, said->element) && (said->element < 0 || said->element >= total) ? "" : "not outside";
    case Untiled::Kind::twice: {
      if (said->first >= said->second) return "the two images are one";
      for (int64_t n = 0; n < said->element; ++n)
        if (holds(said->first, n) && holds(said->second, n)) return "not the first that both take";
      return holds(said->first, said->element) && holds(said->second, said->element) ? "" : "not taken twice";
    }
    case Untiled::Kind::hole: {
      if (outside || most > 1) return "a worse fault was not seen";
      auto first = std::find(count.begin(), count.end(), 0);
      return first - count.begin() == said->element ? "" : "not the first hole";
    }
    case Untiled::Kind::undecided:
      return "undecided";
  }
  return "";
}

void check_tile(const std::vector<Image>& images, int64_t total, const std::string& what) {
  std::string wrong = judged_by_bitmap(images, total, tile(images, total));
  if (!wrong.empty()) FAIL_CHECK(what << ": " << wrong);
}

int64_t total_of(const Sample& sample, const Sizes& sizes) {
  return volume(place(sample.layout, sample.parts, "", width_of(sizes)).shape);
}

// Cuts an image in two along one axis.
void cut_one(std::vector<Image>& images, std::mt19937& random) {
  size_t i = random() % images.size();
  if (images[i].shape.empty()) return;
  size_t axis = random() % images[i].shape.size();
  int64_t n = images[i].shape[axis];
  if (n < 2) return;
  Image rest = images[i];
  int64_t keep = 1 + static_cast<int64_t>(random()) % (n - 1);
  images[i].shape[axis] = keep;
  rest.shape[axis] = n - keep;
  rest.at.offset += keep * rest.at.strides[axis];
  images.push_back(rest);
}

bool is_nested(const Image& image) {
  Box sorted = merge({image.shape, image.at, image.at});
  int64_t finer = 1;
  for (size_t a = sorted.shape.size(); a-- > 0; finer += (sorted.shape[a] - 1) * sorted.to.strides[a])
    if (sorted.to.strides[a] < finer) return false;
  return true;
}

// Six ways to spoil a tiling; false if this one made an image that no layout has.
bool change_one(std::vector<Image>& images, int change, std::mt19937& random) {
  std::swap(images[random() % images.size()], images.back());
  Image& one = images.back();
  size_t axis = one.shape.empty() ? 0 : random() % one.shape.size();
  if (change == 0) images.pop_back();
  if (change == 1) images.push_back(Image(one));
  if (change == 2) one.at.offset += 1 + static_cast<int64_t>(random() % 5);
  if (change == 3) one.at.offset -= 1;
  if (change == 4 && !one.shape.empty()) --one.shape[axis];
  if (change == 5 && !one.shape.empty()) ++one.shape[axis];
  return images.empty() || is_nested(images.back());
}

}  // namespace

TEST_CASE("intersects: parts of layouts, shifted against each other") {
  std::vector<Image> pool;
  std::vector<Sample> all = sum_samples();
  for (size_t i = 0; i < all.size(); i += 37)
    for (const Image& image : images(all[i], few_sizes()[i % 3])) pool.push_back(image);
  std::mt19937 random(4);
  size_t met = 0, apart = 0;
  for (int i = 0; i < 40000; ++i) {
    Image a = pool[random() % pool.size()], b = pool[random() % pool.size()];
    a.at.offset += static_cast<int64_t>(random() % 7);
    bool expected = share_a_number(a, b);
    ++(expected ? met : apart);
    if (intersects(a, b) != expected) FAIL_CHECK(to_text(Box{a.shape, a.at, b.at}));
  }
  CHECK(met > 1000);
  CHECK(apart > 1000);
}

TEST_CASE("intersects: strides of any kind") {
  std::mt19937 random(5);
  auto any_image = [&] {
    Image image;
    image.at.offset = static_cast<int64_t>(random() % 30);
    for (size_t axes = random() % 4; axes-- > 0;) {
      image.shape.push_back(static_cast<int64_t>(random() % 5));
      image.at.strides.push_back(static_cast<int64_t>(random() % 14));
    }
    return image;
  };
  for (int i = 0; i < 100000; ++i) {
    Image a = any_image(), b = any_image();
    if (intersects(a, b) != share_a_number(a, b)) FAIL_CHECK("seed step " << i);
  }
}

TEST_CASE("intersects: real sizes, and a search that is cut short") {
  Image rows{{4096, 2048}, {0, {8192, 1}}}, columns{{4096, 2048}, {2048, {8192, 1}}};
  CHECK(intersects(rows, columns) == false);
  CHECK(intersects(rows, {{1}, {8192 * 4095 + 2047, {1}}}) == true);
  CHECK(intersects(rows, {{1}, {8192 * 4095 + 2048, {1}}}) == false);
  // 1 + i * (2^20 + 1) = j * 2^20 only at i = 2^20 - 1, j = 2^20, one beyond the column
  Image diagonal{{1 << 20}, {1, {(1 << 20) + 1}}}, column{{1 << 20}, {0, {1 << 20}}};
  CHECK(intersects(diagonal, column, 10) == std::nullopt);
  CHECK(intersects(diagonal, column, 1 << 21) == false);
  ++column.shape[0];
  CHECK(intersects(diagonal, column) == true);
}

TEST_CASE("tile: all parts of a layout tile it, unless parts of a diagonal leave it") {
  size_t whole = 0;
  for (const Sample& sample : all_samples())
    for (const Sizes& sizes : few_sizes()) {
      std::vector<Image> all = images(sample, sizes);
      check_tile(all, total_of(sample, sizes), sample.text);
      whole += !tile(all, total_of(sample, sizes));
    }
  CHECK(whole > 5000);
}

TEST_CASE("tile: cut to pieces it still tiles; with one change it does not") {
  std::mt19937 random(6);
  std::map<Untiled::Kind, size_t> seen;
  const Sizes sizes = few_sizes()[0];
  for (const Sample& sample : sum_samples()) {
    std::vector<Image> all = images(sample, sizes);
    int64_t total = total_of(sample, sizes);
    for (int cuts = 0; cuts < 4; ++cuts) cut_one(all, random);
    check_tile(all, total, sample.text + ", cut");
    for (int change = 0; change < 6; ++change) {
      std::vector<Image> changed = all;
      if (!change_one(changed, change, random)) continue;
      check_tile(changed, total, format("{}, change {}", sample.text, change));
      if (auto said = tile(changed, total)) ++seen[said->kind];
    }
  }
  for (auto kind : {Untiled::Kind::hole, Untiled::Kind::twice, Untiled::Kind::outside}) CHECK(seen[kind] > 500);
}

TEST_CASE("tile: nothing, too much, real sizes") {
  CHECK_FALSE(tile({}, 0));
  auto empty = tile({}, 5);
  REQUIRE(empty);
  CHECK(empty->kind == Untiled::Kind::hole);
  CHECK(empty->element == 0);
  // qkv of many ranks: 512 groups of (4 q + k + v) heads of 128, rows of 8192 transposed: all images interleave
  const int64_t groups = 128, heads = 6, d = 128, h = 8192, row = groups * heads * d;
  std::vector<Image> all;
  for (int64_t g = 0; g < groups; ++g)
    for (int64_t part : {0, 4, 5}) all.push_back({{h, part == 0 ? 4 : 1, d}, {(g * heads + part) * d, {row, d, 1}}});
  CHECK_FALSE(tile(all, row * h));
  Image lost = all[100];
  all.erase(all.begin() + 100);
  auto hole = tile(all, row * h);
  REQUIRE(hole);
  CHECK(hole->kind == Untiled::Kind::hole);
  CHECK(hole->element == lost.at.offset);
  all.push_back(lost);
  all.push_back({{2}, {lost.at.offset + row + 3, {row, 1}}});
  all.back().at.strides = {row};
  auto twice = tile(all, row * h);
  REQUIRE(twice);
  CHECK(twice->kind == Untiled::Kind::twice);
  CHECK(twice->element == lost.at.offset + row + 3);
  CHECK(twice->first == all.size() - 2);
  CHECK(twice->second == all.size() - 1);
}
