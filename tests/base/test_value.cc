#include <doctest/doctest.h>

#include <cmath>

#include "base/text.h"
#include "base/value.h"

using namespace tessera;

namespace {

Map map_of(std::vector<std::pair<std::string, Value>> entries) {
  Map map;
  for (auto& [key, value] : entries) map.insert(key, value);
  return map;
}

std::vector<std::string> keys(const Map& map) {
  std::vector<std::string> out;
  for (const auto& [key, value] : map) out.push_back(key);
  return out;
}

}  // namespace

TEST_CASE("a map keeps the order of its keys, each once") {
  Map map;
  CHECK(map.insert("b", 1));
  CHECK(map.insert("a", 2));
  CHECK_FALSE(map.insert("b", 3));
  CHECK(*map.find("b") == Value(1));
  map["c"] = 4;
  map["a"] = 5;
  CHECK(keys(map) == std::vector<std::string>{"b", "a", "c"});
  CHECK(map.back() == Value(4));
  CHECK(*map.find("a") == Value(5));
  CHECK(map.find("d") == nullptr);
  CHECK(map.erase("b"));
  CHECK_FALSE(map.erase("b"));
  CHECK(keys(map) == std::vector<std::string>{"a", "c"});
}

TEST_CASE("a long map finds every key, also after copies and erasure") {
  Map map;
  for (int i = 0; i < 5000; ++i) REQUIRE(map.insert(std::to_string(i), i));
  for (int i = 0; i < 5000; ++i) REQUIRE_FALSE(map.insert(std::to_string(i), -1));
  Map copy = map;
  for (int i = 0; i < 5000; i += 500) REQUIRE(copy.erase(std::to_string(i)));
  CHECK(copy.size() == 4990);
  for (int i = 0; i < 5000; ++i) {
    REQUIRE(*map.find(std::to_string(i)) == Value(i));
    REQUIRE((copy.find(std::to_string(i)) != nullptr) == (i % 500 != 0));
  }
  CHECK(map.find("5000") == nullptr);
  while (copy.size() > 4980) REQUIRE(copy.erase(copy.begin()->first));
  CHECK(copy.find("4999") != nullptr);
}

TEST_CASE("equality: by type and value; maps without order") {
  CHECK(Value(1) == Value(int64_t{1}));
  CHECK_FALSE(Value(1) == Value(true));
  CHECK_FALSE(Value(1) == Value(1.0));
  CHECK_FALSE(Value() == Value(false));
  CHECK(Value(List{1, "a"}) == Value(List{1, "a"}));
  CHECK(Value(map_of({{"a", 1}, {"b", 2}})) == Value(map_of({{"b", 2}, {"a", 1}})));
  CHECK_FALSE(Value(map_of({{"a", 1}})) == Value(map_of({{"a", 1}, {"b", 2}})));
  CHECK_FALSE(Value(map_of({{"a", 1}})) == Value(map_of({{"b", 1}})));
  CHECK_FALSE(Value("torch.float32") == Value(Opaque{"dtype", "torch.float32"}));
}

TEST_CASE("same value: the rule language's ==") {
  CHECK(same_value(1, 1.0));
  CHECK(same_value(2.0, 2));
  CHECK_FALSE(same_value(1, 1.5));
  CHECK_FALSE(same_value(1, true));
  CHECK_FALSE(same_value("1", 1));
  CHECK_FALSE(same_value(Value(), false));
  CHECK(same_value(Value(), Value()));
  CHECK(same_value(List{1, List{2}}, List{1.0, List{2.0}}));
  CHECK_FALSE(same_value(List{1}, List{1, 2}));
  CHECK(same_value(map_of({{"a", 1}, {"b", 2.0}}), map_of({{"b", 2}, {"a", 1.0}})));
  CHECK_FALSE(same_value(int64_t{9007199254740993}, 9007199254740992.0));  // no rounding on the way
  CHECK_FALSE(same_value(INT64_MAX, 9223372036854775808.0));
  CHECK(same_value(INT64_MIN, -9223372036854775808.0));
  CHECK_FALSE(same_value(0, std::nan("")));
}

TEST_CASE("values are shown as an author writes them") {
  CHECK(show({}) == "none");
  CHECK(show(true) == "true");
  CHECK(show(-3) == "-3");
  CHECK(show(1e-5) == "1e-05");
  CHECK(show(3.0) == "3.0");
  CHECK(show("gelu\n") == "\"gelu\\x0a\"");
  CHECK(show(List{1, List{}, "x"}) == "[1, [], \"x\"]");
  CHECK(show(map_of({{"type", "linear"}, {"factor", 2}})) == "{ type: \"linear\", factor: 2 }");
  CHECK(show(Map{}) == "{}");
  CHECK(show(Opaque{"dtype", "torch.float32"}) == "torch.float32");
  CHECK(show(List(100'000, 7)).size() == 200);
}

TEST_CASE("types have names") {
  CHECK(type_name({}) == std::string("none"));
  CHECK(type_name(false) == std::string("bool"));
  CHECK(type_name(0) == std::string("integer"));
  CHECK(type_name(0.0) == std::string("float"));
  CHECK(type_name("") == std::string("string"));
  CHECK(type_name(List{}) == std::string("list"));
  CHECK(type_name(Map{}) == std::string("map"));
  CHECK(type_name(Opaque{"dtype", "x"}) == std::string("dtype"));
}

TEST_CASE("paths") {
  Map map = map_of({{"n", 4}, {"rope", map_of({{"factor", 2.0}, {"type", Value()}})}, {"gone", Value()}});
  CHECK(*find_path(map, "n") == Value(4));
  CHECK(*find_path(map, "rope.factor") == Value(2.0));
  CHECK(find_path(map, "rope.type") == nullptr);  // none is absent
  CHECK(find_path(map, "gone.deep") == nullptr);
  CHECK(find_path(map, "n.factor") == nullptr);
  CHECK(find_path(map, "rope.factor.x") == nullptr);
  CHECK(find_path(map, "") == nullptr);

  CHECK(set_path(map, "rope.factor", 4));
  CHECK(set_path(map, "gone.a.b", "new"));  // none gives way to a map
  CHECK_FALSE(set_path(map, "n.x", 1));
  CHECK(*find_path(map, "rope.factor") == Value(4));
  CHECK(*find_path(map, "gone.a.b") == Value("new"));
  CHECK(*find_path(map, "n") == Value(4));

  CHECK(erase_path(map, "gone.a.b"));
  CHECK_FALSE(erase_path(map, "gone.a.b"));
  CHECK_FALSE(erase_path(map, "n.x"));
  CHECK_FALSE(erase_path(map, "nothing.at.all"));
  CHECK(map.find("nothing") == nullptr);  // looking creates nothing
  CHECK(find_path(map, "gone.a") != nullptr);
}
