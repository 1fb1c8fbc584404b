// clip() against the sets it stands for.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

#include "layout/box.h"
#include "samples.h"

using namespace tessera;
using namespace tessera::samples;

namespace {

std::vector<int64_t> clipped_numbers(const Image& image, const std::vector<Window>& windows) {
  std::vector<int64_t> all;
  for (const Window& window : windows) {
    Box part = restrict({image.shape, image.at, image.at}, window);
    for (int64_t number : numbers({part.shape, part.from})) all.push_back(number);
  }
  std::sort(all.begin(), all.end());
  return all;
}

// In every interval: exactly the numbers in it, each index once, in few windows.
bool clips_right(const Image& image) {
  std::vector<int64_t> all = numbers(image);
  std::sort(all.begin(), all.end());
  Reach span = reach(image.shape, image.at);
  for (int64_t lo = span.begin - 1; lo <= span.end; ++lo)
    for (int64_t hi = lo; hi <= span.end + 1; ++hi) {
      std::vector<Window> windows = clip(image.shape, image.at, lo, hi);
      std::vector<int64_t> wanted(std::lower_bound(all.begin(), all.end(), lo),
                                  std::lower_bound(all.begin(), all.end(), hi));
      if (windows.size() > 2 * image.shape.size() + 1 || clipped_numbers(image, windows) != wanted) return false;
    }
  return true;
}

}  // namespace

TEST_CASE("clip: layouts, every interval") {
  const Sizes sizes = {2, 3, 2, 2, 2, 2, 1};
  std::vector<Sample> all = all_samples();
  for (size_t i = 0; i < all.size(); i += 5)  // neighbours differ little
    for (const Image& image : images(all[i], sizes))
      if (image.shape.size() <= 3 && !clips_right(image)) FAIL_CHECK(all[i].text);
}

TEST_CASE("clip: axes with stride 0 stay whole, gaps, empty shapes, wide intervals") {
  CHECK(clips_right({{3, 2}, {4, {5, 0}}}));
  CHECK(clips_right({{2, 3, 2}, {1, {0, 7, 2}}}));
  CHECK(clips_right({{2, 2, 3}, {0, {3, 20, 1}}}));
  CHECK(clips_right({{}, {6, {}}}));
  CHECK(clip({0, 3}, {0, {3, 1}}, 0, 10).empty());
  auto all = clip({4, 3}, {2, {3, 1}}, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
  REQUIRE(all.size() == 1);
  CHECK(all[0].shape == Extents{4, 3});
  CHECK(clip({4, 3}, {2, {3, 1}}, 5, 5).empty());
  CHECK(clip({4, 3}, {2, {3, 1}}, 9, 3).empty());
}

TEST_CASE("clip: numbers of real size") {
  // rows 1000..2000 of a [32000, 4096] tensor, from the middle of one row to the middle of another
  auto windows = clip({32000, 4096}, {0, {4096, 1}}, 1000 * 4096 + 5, 2000 * 4096 + 6);
  REQUIRE(windows.size() == 3);
  int64_t count = 0;
  for (const Window& window : windows) count += volume(window.shape);
  CHECK(count == 1000 * 4096 + 1);
}
