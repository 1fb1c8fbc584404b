#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/id_table.h"
#include "base/shared.h"

using namespace tessera;

TEST_CASE("a shared value is one in memory, and equal to what is equal") {
  const Shared<std::vector<int64_t>> shape{2, 3}, same = shape, other{2, 3};
  CHECK(&*shape == &*same);
  CHECK(&*shape != &*other);
  CHECK(shape == other);
  CHECK(shape == std::vector<int64_t>{2, 3});
  CHECK(shape.size() == 2);
  CHECK(shape[1] == 3);
  CHECK(Shared<std::vector<int64_t>>().empty());
}

TEST_CASE("a shared value outlives whoever made it, and is moved, assigned to and swapped like any") {
  SharedText text;
  {
    SharedText made("a name longer than what a string holds in itself");
    text = made;
  }
  SharedText moved = std::move(text);
  text = "another";
  std::swap(text, moved);
  CHECK(text == "a name longer than what a string holds in itself");
  CHECK(moved == std::string("another"));
  text = text;
  CHECK(text->size() == 48);
  CHECK(SharedText("a") < SharedText("b"));
}

TEST_CASE("an id table finds every id by its key, also where hashes are equal") {
  std::map<int, uint32_t> known;
  std::vector<int> keys;
  IdTable table;
  const auto find = [&](int key) {
    return table.find(static_cast<uint64_t>(key % 50), [&](uint32_t id) { return keys[id] == key; });
  };
  CHECK(find(1) == IdTable::none);
  for (int i = 0; i < 5000; ++i) {
    const int key = (i * 7919) % 1000;
    const auto fresh = static_cast<uint32_t>(keys.size());
    const uint32_t id = table.find_or_add(static_cast<uint64_t>(key % 50), fresh,
                                          [&](uint32_t known_id) { return keys[known_id] == key; });
    CHECK((id == fresh) == !known.contains(key));
    if (id == fresh) keys.push_back(key);
    CHECK(known.emplace(key, id).first->second == id);
  }
  CHECK(keys.size() == 1000);
  for (const auto& [key, id] : known) CHECK(find(key) == id);
  CHECK(find(1000) == IdTable::none);
}
