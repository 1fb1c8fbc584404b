// config.json and the JSON reader. What was read prints as JSON that reads the same.
#include "base/json.h"
#include "fuzz/target.h"

namespace tessera::fuzz {
namespace {

void run(std::string_view input) {
  const Value value = parse_json(input, "config.json");
  show(value);
  for (const bool ascii : {true, false}) {
    const std::string text = to_json(value, {.indent = ascii ? 2 : -1, .ascii = ascii});
    const Value again = parse_json(text, "again", {.depth = 64, .bytes = SIZE_MAX});
    require(again == value, "it prints as what it is");
  }
}

const Registered registered({"config", run});

}  // namespace
}  // namespace tessera::fuzz
