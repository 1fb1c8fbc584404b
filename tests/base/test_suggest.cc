#include <doctest/doctest.h>

#include "base/suggest.h"

using namespace tessera;

TEST_CASE("the nearest name, if it is near") {
  const std::vector<std::string> names = {
      "hidden_size", "num_attention_heads", "num_key_value_heads", "tp", "copy", "h", "pp"};
  struct Row {
    const char *word, *nearest;  // "": none is meant
  };
  const Row rows[] = {{"hiden_size", "hidden_size"},
                      {"hidden_sizes", "hidden_size"},
                      {"Hidden_Size", "hidden_size"},
                      {"num_key_value_head", "num_key_value_heads"},
                      {"num_atention_head", "num_attention_heads"},
                      {"cpoy", "copy"},  // one transposition
                      {"ycop", ""},      // two edits of four letters
                      {"g", ""},         // nothing of it would be left
                      {"vocabulary", ""},
                      {"", ""}};
  for (const Row& row : rows) {
    CAPTURE(row.word);
    CHECK(nearest(row.word, names).value_or("") == row.nearest);
  }
  CHECK(nearest("x", {}) == std::nullopt);
  CHECK(nearest("same", {"sane", "same_", "samx"}) == "sane");  // equally near: the first
  CHECK(nearest(std::string(100'000, 'a'), {std::string(100'000, 'b')}) == std::nullopt);
}

TEST_CASE("did you mean") {
  CHECK(did_you_mean("hiden", {"hidden"}) == " (did you mean `hidden`?)");
  CHECK(did_you_mean("hiden", {"other"}) == "");
}
