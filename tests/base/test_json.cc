#include <doctest/doctest.h>

#include <chrono>
#include <limits>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

using namespace tessera;

namespace {

// The message, or "" when the text was accepted.
std::string refusal(std::string_view text, const JsonLimits& limits = {}) {
  try {
    parse_json(text, "config.json", limits);
  } catch (const Error& error) {
    CHECK(error.fault() == Fault::world);
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

std::string nested(size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

}  // namespace

TEST_CASE("JSON values") {
  const Value value = parse_json(R"( {"a": [1, -2, 1.5, true, false, null, "x"], "z": {"b": {}}, "c": []} )", "f");
  const Map& map = *value.as_map();
  CHECK(*map.find("a") == Value(List{1, -2, 1.5, true, false, Value(), "x"}));
  CHECK(map.entries()[1].first == "z");
  CHECK(find_path(map, "z.b")->as_map()->empty());
  CHECK(map.find("c")->as_list()->empty());
  CHECK(parse_json("7", "f") == Value(7));
  CHECK(parse_json("\"\\u00e9\\ud83d\\ude00\\n\"", "f") == Value("\xC3\xA9\xF0\x9F\x98\x80\n"));
  CHECK(parse_json("\"\\u0000\"", "f") == Value(std::string("\0", 1)));
}

TEST_CASE("JSON numbers are exact or kept as text") {
  struct Row {
    const char* text;
    Value value;
  };
  const Row rows[] = {{"9223372036854775807", INT64_MAX},
                      {"-9223372036854775808", INT64_MIN},
                      {"9223372036854775808", Opaque{"number", "9223372036854775808"}},
                      {"18446744073709551616", Opaque{"number", "18446744073709551616"}},
                      {"-9223372036854775809", Opaque{"number", "-9223372036854775809"}},
                      {"1e400", Opaque{"number", "1e400"}},
                      {"-1.5E400", Opaque{"number", "-1.5E400"}},
                      {"1e-400", 0.0},
                      {"1.0", 1.0},
                      {"1e2", 100.0},
                      {"1e-05", 0.00001},
                      {"-0.0", -0.0},
                      {"-0", -0.0},  // no integer has a sign and no size: shapes refuse it
                      {"0", 0}};
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(parse_json(row.text, "f") == row.value);
  }
  CHECK(parse_json("[" + std::string(10'000, '8') + "]", "f") ==
        Value(List{Opaque{"number", std::string(10'000, '8')}}));
}

TEST_CASE("what is not JSON is refused, with the file and the byte") {
  struct Row {
    std::string text;
    size_t byte;
  };
  const Row rows[] = {
      {"", 0},
      {"{", 1},
      {"{\"a\":1,}", 7},
      {"[1,]", 3},
      {"[1 2]", 3},
      {"{'a':1}", 1},
      {"{\"a\" 1}", 5},
      {"{:}", 1},
      {"{\"\":}", 4},
      {"{} x", 3},
      {"{}{}", 2},
      {"// c\n{}", 0},
      {"{\"a\":NaN}", 5},
      {"[Infinity]", 1},
      {"[-Infinity]", 2},
      {"[nul]", 4},
      {"[True]", 1},
      {"[01]", 2},
      {"[0x8]", 2},
      {"[+1]", 1},
      {"[.5]", 1},
      {"[1.]", 3},
      {"[1e]", 3},
      {"\xEF\xBB\xBF{}", 0},
      {"{}\n" + std::string(2, '\0'), 3},
      {std::string("\"a\0\"", 4), 2},
      {"\"a\nb\"", 2},
      {"\"\\q\"", 2},
      {"\"\\ud800\"", 7},
      {"\"\\udc00\\ud800\"", 6},
      {"\"\\ud800x\"", 7},
      {"\"\\u12g4\"", 5},
      {"\"\xFF\"", 1},
      {"\"\xED\xA0\x80\"", 2},
      {"{\xC2\xA0}", 1},
      {"\"abc", 4},
  };
  for (const Row& row : rows) {
    CAPTURE(escape(row.text));
    const std::string message = refusal(row.text);
    CHECK(message.starts_with("config.json: not valid JSON: "));
    const std::string byte = format("at byte {}", row.byte);
    CAPTURE(message);
    CHECK(message.ends_with(byte));
  }
}

TEST_CASE("JSON refusals show no raw text of the file") {
  CHECK(refusal("[\x1b]").find('\x1b') == std::string::npos);
  CHECK(refusal("[abc\x1b[2J]").find('\x1b') == std::string::npos);
  CHECK(refusal("{\"\\u001b[2J\":1,\"\\u001b[2J\":2}").find('\x1b') == std::string::npos);
  CHECK(refusal("[" + std::string(1000, 'x')).size() < 300);
}

TEST_CASE("no key twice, at any level, however it is spelt") {
  CHECK(contains(refusal(R"({"a":1,"b":{},"a":2})"), "key \"a\" stands twice"));
  CHECK(contains(refusal(R"([{"x":{"a":1,"\u0061":1}}])"), "key \"a\" stands twice"));
  CHECK(contains(refusal(R"({"":1,"":1})"), "key \"\" stands twice"));
  CHECK(contains(refusal(R"({"a":1,"a":2})"), "at byte 9"));
  std::string many = "{";
  for (int i = 0; i < 100; ++i) many += "\"" + std::to_string(i) + "\":0,";
  CHECK(refusal(many + "\"x\":0}") == "");
  CHECK(contains(refusal(many + "\"7\":0}"), "key \"7\" stands twice"));
  CHECK(refusal(R"({"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]})") == "");
}

TEST_CASE("JSON depth and size are limited") {
  CHECK(refusal(nested(64)) == "");
  CHECK(contains(refusal(nested(65)), "nested more than 64 deep, at byte 64"));
  CHECK(contains(refusal(nested(9), {.depth = 8}), "nested more than 8 deep"));
  CHECK(refusal(nested(8), {.depth = 8}) == "");
  CHECK(contains(refusal(std::string(1'000'000, '[')), "nested more than 64 deep"));
  CHECK(refusal("12345", {.bytes = 5}) == "");
  CHECK(contains(refusal("123456", {.bytes = 5}), "more than the limit of 5"));
}

TEST_CASE("JSON with very many keys is read in linear time") {
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i)
    text += format("{}\"model.layers.{}.weight\":\"model-00001-of-00002.safetensors\"", i ? "," : "", i);
  text += "}";
  const auto start = std::chrono::steady_clock::now();
  const Value value = parse_json(text, "index.json");
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));  // quadratic: minutes
  CHECK(value.as_map()->size() == 200'000);
}

TEST_CASE("JSON is printed as Python does") {
  const std::string text = R"({"b":[1,2.0,1e-05,true,null],"a":{"é😀":"\"\\\n\u0001"},"e":[],"o":{}})";
  const Value value = parse_json(text, "f");
  CHECK(to_json(value) == R"({"b":[1,2.0,1e-05,true,null],"a":{"\u00e9\ud83d\ude00":"\"\\\n\u0001"},"e":[],"o":{}})");
  CHECK(to_json(value, {.ascii = false}) == text);
  CHECK(to_json(value, {.indent = 2, .sort_keys = true}) == R"({
  "a": {
    "\u00e9\ud83d\ude00": "\"\\\n\u0001"
  },
  "b": [
    1,
    2.0,
    1e-05,
    true,
    null
  ],
  "e": [],
  "o": {}
})");
}

TEST_CASE("what JSON has no word for") {
  CHECK(to_json(List{Opaque{"number", "1e400"}, Opaque{"dtype", "torch.float32"}}) == R"([1e400,"torch.float32"])");
  CHECK(to_json(List{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()}) ==
        "[Infinity,-Infinity]");
  CHECK(to_json("\xFF\x7F") == "\"\\ufffd\\u007f\"");
  CHECK(to_json("\xFF", {.ascii = false}) == "\"\xEF\xBF\xBD\"");
}

TEST_CASE("what is printed reads back the same") {
  const Value value =
      parse_json(R"({"a":[0.1,1e300,-5,"\ud83d\ude00\u0000"],"b":{"c":{"d":[[],{}]}},"n":18446744073709551615})", "f");
  CHECK(parse_json(to_json(value), "f") == value);
  CHECK(parse_json(to_json(value, {.indent = 4, .sort_keys = true, .ascii = false}), "f") == value);
}
