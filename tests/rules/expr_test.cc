// Expressions: grammar, values, faults, names, ranges. Expectations follow docs/language.md, "Configuration".
#include "rules/expr.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "base/text.h"

using namespace tessera;

namespace {

Text text_of(std::string s) {
  const auto end = static_cast<uint32_t>(s.size());
  return {std::move(s), {0, 0, end}, {}};
}

Map sample() {
  Map map;
  map.insert("n", 7);
  map.insert("big", int64_t{9223372036854775807});
  map.insert("half", 0.5);
  map.insert("yes", true);
  map.insert("no", false);
  map.insert("nil", Value());
  map.insert("word", "abc");
  map.insert("umlaut",
             "a\xC3\xA4"
             "a");
  map.insert("list", List{1, 1, 0, 1});
  Map rope;
  rope.insert("factor", 8.0);
  rope.insert("type", Value());
  map.insert("rope", std::move(rope));
  return map;
}

struct Outcome {
  std::optional<Expr> expr;
  std::optional<Value> value;
  EvalFault fault;
  Diagnostics diagnostics;
};

Outcome run(const std::string& text) {
  static const Map names = sample();
  Outcome out;
  out.expr = parse_expression(text_of(text), out.diagnostics);
  if (out.expr)
    out.value = evaluate(
        *out.expr, [](std::string_view name) { return names.find(name); }, &out.fault);
  return out;
}

std::string shown(const std::string& text) {
  const Outcome out = run(text);
  if (!out.expr) return "R01 " + out.diagnostics.list().at(0).message;
  return out.value ? show(*out.value) : "fault: " + out.fault.message;
}

struct Row {
  const char* text;
  const char* result;
};

template <size_t n>
void check_rows(const std::array<Row, n>& rows) {
  for (const Row& row : rows) {
    CAPTURE(std::string(row.text));
    CHECK(shown(row.text) == std::string(row.result));
  }
}

}  // namespace

TEST_CASE("precedence and grouping") {
  check_rows<18>({{{"1 + 2 * 3", "7"},
                   {"(1 + 2) * 3", "9"},
                   {"10 - 4 - 3", "3"},
                   {"2 ** 3 ** 2", "512"},
                   {"-2 ** 2", "-4"},
                   {"2 ** -1", "0.5"},
                   {"--3", "3"},
                   {"7 // 2 * 2", "6"},
                   {"1 + 1 == 2", "true"},
                   {"not 1 == 2", "true"},
                   {"not no and yes", "true"},
                   {"no and no or yes", "true"},
                   {"yes or no and no", "true"},
                   {"n not in [1, 2]", "true"},
                   {"not n in [7]", "false"},
                   {"[1, 2][1]", "2"},
                   {"rope.factor * 2", "16.0"},
                   {"[0] * 2 + [1]", "[0, 0, 1]"}}});
}

TEST_CASE("whole numbers are checked, division floors") {
  check_rows<17>({{{"7 // 2", "3"},
                   {"-7 // 2", "-4"},
                   {"7 // -2", "-4"},
                   {"7 % 3", "1"},
                   {"-7 % 3", "2"},
                   {"7 % -3", "-2"},
                   {"6 / 3", "2.0"},
                   {"2 ** 62", "4611686018427387904"},
                   {"2 ** 63", "fault: overflow: the result does not fit 64 bits"},
                   {"big + 1", "fault: overflow: the result does not fit 64 bits"},
                   {"-big - 1", "-9223372036854775808"},
                   {"(-big - 1) // -1", "fault: overflow: the result does not fit 64 bits"},
                   {"(-big - 1) % -1", "0"},
                   {"-(-big - 1)", "fault: overflow: the result does not fit 64 bits"},
                   {"n // 0", "fault: division by zero"},
                   {"n % (3 - 3)", "fault: division by zero"},
                   {"(-1) ** big", "-1"}}});
}

TEST_CASE("floats") {
  check_rows<12>({{{"1e-5", "1e-05"},
                   {"1.5e3", "1500.0"},
                   {"2.5 + 1", "3.5"},
                   {"-7.5 // 2", "-4.0"},
                   {"-7.5 % 2", "0.5"},
                   {"1.0 / 0.0", "fault: division by zero"},
                   {"1e308 * 10", "fault: overflow: the result is no finite number"},
                   {"(-1.0) ** 0.5", "fault: overflow: the result is no finite number"},
                   {"10000.0 ** (-2 * 1 / 4)", "0.01"},
                   {"big < 9223372036854775808.0", "true"},
                   {"big >= 9223372036854775807.0", "false"},
                   {"1e400", "R01 this number does not fit a 64-bit float"}}});
}

TEST_CASE("equality: types differ, but 1 is 1.0") {
  check_rows<10>({{{"1 == 1.0", "true"},
                   {"true == 1", "false"},
                   {"none == false", "false"},
                   {"none == nil", "true"},
                   {"\"1\" == 1", "false"},
                   {"[1, 2] == [1.0, 2]", "true"},
                   {"\"a\" != \"b\"", "true"},
                   {"1 in [1.0]", "true"},
                   {"true in [1]", "false"},
                   {"\"a\" < \"b\"", "true"}}});
}

TEST_CASE("and, or: values, and names without a value") {
  check_rows<21>({{{"0 or 5", "0"},
                   {"none or 5", "5"},
                   {"no or 5", "5"},
                   {"\"\" or 5", "\"\""},
                   {"yes and 5", "5"},
                   {"none and 5", "none"},
                   {"0 and 5", "5"},
                   {"missing or 5", "5"},
                   {"missing.deep or 5", "5"},
                   {"rope.missing or 5", "5"},
                   {"missing or other or 5", "5"},
                   {"yes and missing or 5", "5"},
                   {"missing", "fault: `missing` has no value"},
                   {"missing or other", "fault: `other` has no value"},
                   {"missing and 5 or 6", "fault: `missing` has no value"},
                   {"rope.missing", "none"},
                   {"(missing + 1) or 5", "fault: `missing` has no value"},
                   {"rope.type", "none"},
                   {"nil.factor", "none"},
                   {"nil.factor.deeper", "none"},
                   {"no and missing", "false"}}});
}

TEST_CASE("other mixes of types are faults") {
  check_rows<12>({{{"1 + \"a\"", "fault: `+` between an integer and a string"},
                   {"true + 1", "fault: `+` between a bool and an integer"},
                   {"none < 1", "fault: `<` between none and an integer"},
                   {"[1] < [2]", "fault: `<` between a list and a list"},
                   {"2 * [1]", "fault: `*` between an integer and a list"},
                   {"[1] * -1", "fault: a list cannot stand fewer than 0 times"},
                   {"-\"a\"", "fault: `-` before a string"},
                   {"\"a\" in \"abc\"", "fault: `in` between a string and a string"},
                   {"n.part", "fault: an integer has no `part`"},
                   {"n[0]", "fault: an index into an integer"},
                   {"nil[0]", "fault: an index into none"},
                   {"list[\"a\"]", "fault: a whole number is wanted, this is a string"}}});
}

TEST_CASE("lists, texts and comprehensions") {
  check_rows<17>({{{"[]", "[]"},
                   {"list[2]", "0"},
                   {"list[4]", "fault: index 4 is out of range: there are 4 items"},
                   {"list[-1]", "fault: index -1 is out of range: there are 4 items"},
                   {"umlaut[1] == word[0]", "false"},
                   {"umlaut[2] == word[0]", "true"},
                   {"word + \"d\"", "\"abcd\""},
                   {"[2 * l for l in 0..4]", "[0, 2, 4, 6]"},
                   {"[l for l in 0..n where l % 3 == 1]", "[1, 4]"},
                   {"[l for l in 5..2]", "[]"},
                   {"[[l, m] for l in 0..2]", "fault: `m` has no value"},
                   {"[[l * m for m in 0..l] for l in 1..4]", "[[0], [0, 2], [0, 3, 6]]"},
                   {"[[l for l in 0..l] for l in 0..3]", "[[], [0], [0, 1]]"},
                   {"[n for n in 0..2][1] + n", "8"},
                   {"[l for l in 0..2.0]", "fault: a whole number is wanted, this is a float"},
                   {"[l for l in 0..n where l]", "fault: a condition is true or false, this is an integer"},
                   {"[l for l in 0..n where nil]", "[]"}}});
}

TEST_CASE("functions") {
  check_rows<31>({{{"len(list)", "4"},
                   {"len(umlaut)", "3"},
                   {"len(n)", "fault: a list or a text is wanted, this is an integer"},
                   {"min(3, 1, 2)", "1"},
                   {"max(3, 1.5)", "3"},
                   {"min(3)", "fault: `min` with 1 arguments"},
                   {"ceil(7 / 2)", "4"},
                   {"ceil(-3.5)", "-3"},
                   {"ceil(3)", "3"},
                   {"ceil(1e300)", "fault: overflow: the result does not fit 64 bits"},
                   {"sqrt(16)", "4.0"},
                   {"sqrt(-1)", "fault: the result is no finite number"},
                   {"log(0)", "fault: the result is no finite number"},
                   {"exp(0)", "1.0"},
                   {"bf16(1.00390625)", "1.0"},       // half way between 1 and 1 + 2^-7: to even
                   {"bf16(1.01171875)", "1.015625"},  // half way between 1 + 2^-7 and 1 + 2^-6: to even
                   {"bf16(3)", "3.0"},
                   {"count_leading(list, 1)", "2"},
                   {"count_leading(\"aab\", \"a\")", "2"},
                   {"count_leading([], 1)", "0"},
                   {"positions(list, 1)", "[0, 1, 3]"},
                   {"positions(\"a-a\", \"a\")", "[0, 2]"},
                   {"put([1] * 4, [1, 3], 0)", "[1, 0, 1, 0]"},
                   {"put([1], [1], 0)", "fault: index 1 is out of range: the list has 1 items"},
                   {"put([1], 0, 0)", "fault: a list of places is wanted, this is an integer"},
                   {"join([\"a\", \"b\"], \"-\")", "\"a-b\""},
                   {"join([], \"-\")", "\"\""},
                   {"join([1], \"-\")", "fault: a text is wanted, this is an integer"},
                   {"join([i % 2 == 0 and \"E\" or \"-\" for i in 0..4], \"\")", "\"E-E-\""},
                   {"len(list, 1)", "fault: `len` with 2 arguments"},
                   {"open(list)", "fault: there is no function `open`"}}});
}

TEST_CASE("work and lists are bounded") {
  CHECK(shown("len([l for l in 0..1000000])") == "1000000");
  CHECK(shown("len([l for l in 0..1000001])") == "fault: a list has at most 1000000 items");
  CHECK(shown("[0] * 1000001") == "fault: a list has at most 1000000 items");
  CHECK(shown("[0] * 600000 + [0] * 600000") == "fault: a list has at most 1000000 items");
  CHECK(shown("[[0] * 1000000] * 1000000") == "fault: this expression makes too many values");
  CHECK(shown("[[0] * 1000 for l in 0..1000000]") == "fault: this expression makes too many values");
  CHECK(shown("[0 for l in 0..1000000 where len([m for m in 0..1000 where no]) > 0]") ==
        "fault: this expression takes too long");
}

TEST_CASE("mistakes of form, and where they are") {
  struct Mistake {
    const char* text;
    uint32_t at;
    const char* message;
  };
  const Mistake mistakes[] = {
      {"", 0, "an expression is missing"},
      {"3 //", 4, "the expression breaks off: a value is missing"},
      {"(n", 2, "the expression breaks off: `)` is missing"},
      {"n * * 2", 4, "`*` cannot stand here: a value is missing"},
      {"1 < 2 < 3", 6, "`<` cannot stand here: the expression should end before it"},
      {"3, 4", 1, "`,` cannot stand here: the expression should end before it"},
      {"n = 3", 2, "`=` cannot stand here: the expression should end before it"},
      {"a b", 2, "`b` cannot stand here: the expression should end before it"},
      {"'abc'", 0, "a text stands in double quotes"},
      {"\"abc", 0, "this text has no closing `\"`"},
      {"\"a\\n\"", 0, "a text in an expression has no escapes"},
      {"3x", 0, "`3x` is not a number"},
      {"0o3", 0, "`0o3` is not a number"},
      {"010", 0, "a number has no leading zeros"},
      {".5", 0, "`.` cannot stand here: a value is missing"},
      {"1.", 2, "the expression breaks off: a name is missing"},
      {"4 \xE2\x88\x92 1", 2, "`\xE2\x88\x92` is not part of an expression"},
      {"9223372036854775808", 0, "this number does not fit 64 bits"},
      {"[i for i in n]", 13, "`]` cannot stand here: `..` is missing"},
      {"[i for in in 0..2]", 7, "`in` cannot stand here: a name is missing"},
      {"[1, ]", 4, "`]` cannot stand here: a value is missing"},
      {"min(1, )", 7, "`)` cannot stand here: a value is missing"},
      {"a not b", 6, "`b` cannot stand here: `in` is missing"},
      {"for", 0, "`for` cannot stand here: a value is missing"},
  };
  for (const Mistake& mistake : mistakes) {
    CAPTURE(std::string(mistake.text));
    const Outcome out = run(mistake.text);
    REQUIRE(!out.expr);
    REQUIRE(out.diagnostics.error_count() == 1);
    CHECK(out.diagnostics.list()[0].id == "R01");
    CHECK(out.diagnostics.list()[0].message == std::string(mistake.message));
    CHECK(out.diagnostics.list()[0].span.begin == mistake.at);
  }
}

TEST_CASE("length and depth are limited") {
  const auto repeat = [](std::string_view piece, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += piece;
    return out;
  };
  CHECK(shown(repeat("(", 60) + "3" + repeat(")", 60)) == "3");
  CHECK(shown(repeat("(", 70) + "3" + repeat(")", 70)) == "R01 this expression nests too deep");
  CHECK(shown(repeat("-", 70) + "3") == "R01 this expression nests too deep");
  CHECK(shown(repeat("not ", 70) + "yes") == "R01 this expression nests too deep");
  CHECK(shown(repeat("2 ** ", 70) + "2") == "R01 this expression nests too deep");
  CHECK(shown(repeat("[", 70) + repeat("]", 70)) == "R01 this expression nests too deep");
  CHECK(shown("1" + repeat("+1", 60)) == "61");
  CHECK(shown("1" + repeat("+1", 70)) == "R01 this expression nests too deep");
  CHECK(shown("1" + repeat(" ", 4094)) == "1");
  CHECK(shown("1" + repeat(" ", 4096)) == "R01 an expression has at most 4096 bytes");
}

TEST_CASE("a fault points at the words that cause it") {
  const auto place = [](const std::string& text) {
    const Outcome out = run(text);
    REQUIRE(!out.value);
    return text.substr(out.fault.span.begin, out.fault.span.end - out.fault.span.begin);
  };
  CHECK(place("n + missing * 2") == "missing");
  CHECK(place("n + (n // 0)") == "n // 0");
  CHECK(place("(n - n) // 0 + 1") == "(n - n) // 0");
  CHECK(place("rope.missing + 1") == "rope.missing + 1");
  CHECK(place("1 + min(2)") == "min(2)");
}

TEST_CASE("a quoted text leads back to its bytes") {
  Text text{"tie or x", {0, 10, 20}, {10, 11, 12, 13, 14, 15, 16, 18, 20}};  // x is written with two bytes
  Diagnostics diagnostics;
  const auto expr = parse_expression(text, diagnostics);
  REQUIRE(expr);
  const auto names = names_of(*expr);
  REQUIRE(names.size() == 2);
  CHECK(names[1].span == Span{0, 18, 20});
  CHECK(expr->span() == Span{0, 10, 20});
}

TEST_CASE("names: whole paths, without bound ones") {
  const auto names = [](const std::string& text) {
    Diagnostics diagnostics;
    std::vector<std::string> out;
    for (const NameUse& use : names_of(*parse_expression(text_of(text), diagnostics))) out.push_back(use.path);
    return join(out, " ");
  };
  CHECK(names("rope.factor.x + n") == "rope.factor.x n");
  CHECK(names("[l + m for l in l..n where l in k.j]") == "m l n k.j");
  CHECK(names("put(a, [b[c]], none)") == "a b c");
  CHECK(names("[[l for m in 0..l] for l in 0..n]") == "n");
  Diagnostics diagnostics;
  const auto expr = parse_expression(text_of("(a.b)[0]"), diagnostics);
  CHECK(dotted_path(*expr, expr->root().args[0]) == "a.b");
  CHECK(!dotted_path(*expr, static_cast<uint32_t>(expr->nodes.size() - 1)));
}

TEST_CASE("conditions and whole numbers") {
  const auto condition = [](const std::string& text) -> std::string {
    Diagnostics diagnostics;
    EvalFault fault;
    const auto expr = parse_expression(text_of(text), diagnostics);
    const auto value = evaluate_condition(
        *expr, [](std::string_view) -> const Value* { return nullptr; }, &fault);
    return value ? (*value ? "true" : "false") : fault.message;
  };
  CHECK(condition("1 < 2") == "true");
  CHECK(condition("none") == "false");
  CHECK(condition("missing or none") == "false");
  CHECK(condition("3") == "a condition is true or false, this is an integer");
  Diagnostics diagnostics;
  EvalFault fault;
  const auto half = parse_expression(text_of("3 / 2"), diagnostics);
  CHECK(!evaluate_int(
      *half, [](std::string_view) -> const Value* { return nullptr; }, &fault));
  CHECK(fault.message == "a whole number is wanted, this is 1.5 (float)");
  CHECK(evaluate_int(
            literal(5, {}), [](std::string_view) -> const Value* { return nullptr; }, nullptr) == 5);
}

TEST_CASE("ranges") {
  const auto range = [](const std::string& text) -> std::string {
    Diagnostics diagnostics;
    const auto parsed = parse_range(text_of(text), diagnostics);
    if (!parsed) return diagnostics.list().at(0).message;
    return parsed->axis.s + "|" + to_text(parsed->lo) + "|" + to_text(parsed->hi) +
           (parsed->where ? "|" + to_text(*parsed->where) : "");
  };
  const std::string form = "a range is `axis in low..high`, perhaps with `where` and a condition";
  CHECK(range("l in 0..n") == "l|0|n");
  CHECK(range("l in a.b + 1..(n - 2) * 3 where moe[l] and l in [1]") == "l|a.b + 1|(n - 2) * 3|moe[l] and l in [1]");
  CHECK(range("k in 0..2 * n where k % 2 == 0") == "k|0|2 * n|k % 2 == 0");
  CHECK(range("l in 2") == form);
  CHECK(range("l 0..2") == form);
  CHECK(range("in 0..2") == form);
  CHECK(range("l in 0..2..4") == "`..` cannot stand here: the expression should end before it");
  CHECK(range("l in 0..") == "the expression breaks off: a value is missing");
  CHECK(range("l in 0..2 where") == "the expression breaks off: a value is missing");
  CHECK(range("l in -3..2") == "a range runs over whole numbers from 0 on");
  CHECK(range("l in 0..2.5") == "a range runs over whole numbers from 0 on");
  CHECK(range("l in 0..\"a\"") == "a range runs over whole numbers from 0 on");
}
