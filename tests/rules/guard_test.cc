// Conditions against each other, and ranges in linear normal form.
#include "rules/guard.h"

#include <doctest/doctest.h>

#include <string>

#include "base/text.h"

using namespace tessera;

namespace {

Expr expression(const std::string& s) {
  Diagnostics diagnostics;
  auto expr = parse_expression(Text{s, {0, 0, static_cast<uint32_t>(s.size())}, {}}, diagnostics);
  REQUIRE(expr);
  return *expr;
}

Knowledge knowledge() {
  Knowledge known;
  known.choices["order"] = {"v2", "v1", "v0"};
  known.choices["version"] = {3.0, 2.0, 1.0, 0.0};
  return known;
}

Walk walked(const std::vector<std::string>& conditions, const Knowledge& known = knowledge()) {
  std::vector<Clause> clauses;
  for (const std::string& condition : conditions) clauses.push_back({expression(condition), true, {}});
  return walk(clauses, known);
}

// A literal that differs from others in its last letter only.
std::string long_text(char last) { return '"' + std::string(250, 'x') + last + '"'; }

struct Row {
  std::vector<std::string> conditions;
  bool possible;
};

}  // namespace

TEST_CASE("conditions that hold together, and that never do") {
  const std::vector<Row> rows = {
      {{"a"}, true},
      {{"a", "not a"}, false},
      {{"a and b", "not b or not a"}, false},
      {{"a or b", "not a"}, true},
      {{"a or b", "not (a or b)"}, false},
      {{"order == \"v2\"", "order == \"v1\""}, false},
      {{"order == \"v3\""}, false},  // not in its list
      {{"order != \"v2\"", "order != \"v1\"", "order != \"v0\""}, false},
      {{"order in [\"v2\", \"v1\"]", "order == \"v0\""}, false},
      {{"version >= 2.0", "version == 1.0"}, false},
      {{"version >= 2.0", "version < 3.0"}, true},
      {{"version < 2.0", "version != 1.0", "version not in [0.0]"}, false},
      {{"x == 1", "x == 2"}, false},
      {{"x == 1", "x == 1.0"}, true},
      {{"x != 1", "x != 2"}, true},  // another value
      {{"x in [1, 2]", "x != 1", "x != 2"}, false},
      {{"x > 1", "x == 1"}, false},
      {{"x > 1", "x < 1"}, false},
      {{"x > 1", "x < 2"}, true},  // 1.5: nothing says that x is whole
      {{"x >= 1", "x <= 1", "x != 1"}, false},
      {{"1 < x", "x <= 1"}, false},
      {{"x >= 9007199254740993", "x <= 9007199254740993 and x > 9007199254740992"},
       true},  // no float tells these apart
      {{"x > 9007199254740992", "x < 9007199254740994"}, true},
      {{"x > 9223372036854775804", "x < 9223372036854775806"}, true},
      {{"x > 9223372036854775804", "x < 9223372036854775805"}, false},
      {{"x < -9223372036854775807"}, true},
      {{"x > 9223372036854775807"}, true},
      {{"x > 1.7e308"}, true},
      {{"x < \"m\""}, true},
      {{"x < \"m\"", "x >= \"m\""}, false},
      {{"\"m\" > x", "x <= \"m\""}, true},
      {{"x <= \"m\"", "x >= \"m\""}, true},
      {{"l >= start", "l < start"}, false},
      {{"start <= l", "not (l >= start)"}, false},
      {{"a < b", "b < a"}, false},
      {{"a <= b", "b <= a"}, true},
      {{"a <= b", "b <= a", "a != b"}, false},
      {{"l % 4 == 3", "l % 4 != 3"}, false},
      {{"l % 4 == 3", "l % 2 == 1"}, true},  // two terms: a doubt
      {{"moe[l]", "not moe[l]"}, false},
      {{"moe[l]", "not (not moe[l] and n > 1)"}, true},
      {{"l in dense", "l not in dense"}, false},
      {{"(l + 1) % step == 0 and l >= start and step != -1", "(l + 1) % step != 0 or l < start or step == -1"}, false},
      {{"f(l, " + long_text('a') + ")", "not f(l, " + long_text('b') + ")"}, true},  // two terms
      {{"f(l, " + long_text('a') + ")", "not f(l, " + long_text('a') + ")"}, false},
      {{"tied == true", "not tied"}, false},
      {{"tied != true", "tied"}, true},  // 3 holds too
      {{"tied == none", "tied"}, false},
      {{"not tied", "tied != none", "tied != false"}, false},
      {{"1 > 2"}, false},
      {{"true"}, true},
  };
  for (const Row& row : rows) {
    CAPTURE(join(row.conditions, "; "));
    CHECK(walked(row.conditions).result == (row.possible ? Walk::Result::possible : Walk::Result::never));
  }
}

TEST_CASE("what is known of the mesh, and what is required, enters the walk") {
  Knowledge known = knowledge();
  known.known["pp"] = 1;
  known.known["vpp"] = 1;
  CHECK(walked({"pp * vpp > 1"}, known).never());
  CHECK(walked({"pp > 1 and tied"}, known).never());
  CHECK_FALSE(walked({"not (pp * vpp > 1)"}, known).never());
  known.required.push_back(expression("not bias and n > 0"));
  CHECK(walked({"bias"}, known).never());
  CHECK_FALSE(walked({"other"}, known).never());
}

TEST_CASE("an example is what an author would write, without what is only required") {
  Knowledge known = knowledge();
  known.required.push_back(expression("unheard > 2"));
  CHECK(walked({"order != \"v2\"", "tied", "a < b"}, known).example == "order == \"v1\" and tied and a < b");
  CHECK(walked({"not tied", "l in dense"}, known).example == "not tied and l in dense");
}

TEST_CASE("too many combinations are undecided, not never") {
  std::string all = "x0";
  for (int i = 1; i < 24; ++i) all += format(" and (x{} or y{}) and (not x{} or not y{})", i, i, i, i);
  CHECK_FALSE(walked({all}).never());
  std::string odd = "(c0 == d0) == e0";
  for (int i = 1; i < 20; ++i) odd += format(" and (p{} or q{})", i, i);
  CHECK_FALSE(walked({odd, "z == 1", "z == 1 or w"}).never());
}

TEST_CASE("axes of two sites are two unknowns until a name makes them one") {
  const Expr odd = expression("l % 2 == 1"), even = expression("l % 2 == 0");
  CHECK(walk({{odd, true, {}}, {even, true, {}}}, {}).never());
  CHECK_FALSE(walk({{odd, true, {}}, {even, true, {{"l", "l'"}}}}, {}).never());
  const Expr bound = expression("[l for l in 0..l] == x");  // the bound name is not the axis
  CHECK(canonical_text(bound, static_cast<uint32_t>(bound.nodes.size() - 1), {{"l", "m"}}) ==
        "([l for l in 0..m] == x)");
}

TEST_CASE("linear normal forms") {
  const std::vector<std::pair<const char*, const char*>> equal = {
      {"l + 1 - 1", "l"},
      {"2 * (a + b) - b", "b + 2 * a"},
      {"6 // 2 + n", "n + 3"},
      {"-7 // 2", "-4"},
      {"-7 % 2", "1"},
      {"3 * n - n - n", "n"},
      {"n // 2 + n // 2", "2 * (n // 2)"},
      {"len(x) - len(x)", "0"},
      {"rope.n + 0", "rope.n"},
      {"n * m - n * m", "0"},
  };
  for (const auto& pair : equal) {
    CAPTURE(pair.first);
    CHECK(linear_form(expression(pair.first)) == linear_form(expression(pair.second)));
    CHECK(linear_form(expression(pair.first)));
  }
  CHECK_FALSE(linear_form(expression("1.5 + n")));
  CHECK_FALSE(linear_form(expression("\"a\" + n")));
  CHECK_FALSE(linear_form(expression("9223372036854775807 + n")));
  CHECK(linear_form(expression("n // 2")) != linear_form(expression("n // 3")));
}

TEST_CASE("proofs about ranges use what is required, in chains") {
  std::vector<Linear> facts;
  add_facts(expression("k <= m and m < n"), facts);
  add_facts(expression("a == b + 2"), facts);
  const auto proved = [&](const char* form) { return proves_nonnegative(*linear_form(expression(form)), facts); };
  CHECK(proved("m - k"));
  CHECK(proved("n - m - 1"));
  CHECK(proved("n - k"));
  CHECK(proved("2 * m - 2 * k"));
  CHECK(proved("a - b"));
  CHECK(proved("b + 2 - a"));
  CHECK(proved("3"));
  CHECK_FALSE(proved("k - m"));
  CHECK_FALSE(proved("n - k - 2"));
  CHECK_FALSE(proved("b - a"));
  CHECK_FALSE(proved("n"));
  CHECK_FALSE(proved("-1"));
}
