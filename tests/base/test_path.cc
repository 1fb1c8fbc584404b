#include <doctest/doctest.h>

#include <random>
#include <string>

#include "base/path.h"

using namespace tessera;
namespace fs = std::filesystem;

namespace {

// Of these pieces, up to eight; every form that a path can have comes soon.
std::string drawn_path(std::mt19937& draw) {
  const char* const pieces[] = {"/", "/", "/", ".", "..", "a", "b", ".c", "..d", "e.."};
  std::string text;
  for (unsigned count = draw() % 9; count > 0; --count) text += pieces[draw() % std::size(pieces)];
  return text;
}

// Nor doubled ones at the root, which it keeps.
fs::path without_slash(const fs::path& path) {
  if (path.is_absolute() && path.relative_path().empty()) return "/";
  return path.has_filename() ? path : path.parent_path();
}

}  // namespace

TEST_CASE("paths: what std::filesystem says, but for slashes at the end") {
  std::mt19937 draw(1);
  for (int i = 0; i < 20000; ++i) {
    const fs::path a = drawn_path(draw), b = drawn_path(draw);
    CAPTURE(a);
    CAPTURE(b);
    if (!b.empty()) CHECK(path_in(a, b).native() == (a / b).native());
    CHECK(plain_path(a).native() == without_slash(a.lexically_normal()).native());
    CHECK(full_path(a).native() == without_slash(fs::absolute(a.empty() ? "." : a).lexically_normal()).native());
    if (a.empty() || b.empty()) continue;
    CHECK(absolute_path(a).native() == fs::absolute(a).native());
    const fs::path folder = full_path(a), inside = plain_path(folder / b.relative_path());
    const fs::path within = inside.lexically_relative(folder);
    const bool below = within != "." && *within.begin() != "..";
    CHECK(name_within(folder, inside) == (below ? std::optional(within.native()) : std::nullopt));
  }
}

TEST_CASE("paths: an empty name is the folder, and a folder is not within itself") {
  CHECK(path_in("a", "") == "a");
  CHECK(path_in("", "").empty());
  CHECK(plain_path("").empty());
  CHECK(name_within("a", "ab/c") == std::nullopt);
  CHECK(name_within("a", "a") == std::nullopt);
  CHECK(name_within("a/", "a/b") == "b");
  CHECK(name_within("/", "/b") == "b");
}
