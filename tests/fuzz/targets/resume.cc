// The state that an interrupted run leaves. Whatever stands there, keys and hashes of what is read have their form.
#include <algorithm>

#include "fuzz/files.h"
#include "fuzz/target.h"
#include "store/resume_state.h"

namespace tessera::fuzz {
namespace {

bool is_hash(const std::string& text) {
  return text.size() == 32 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

void run(std::string_view input) {
  static MemoryFolder folder(resume_file);
  const auto state = read_resume_state(folder.hold(input));
  if (!state) return;
  require(is_hash(state->key.plan) && is_hash(state->key.sources), "keys are hashes");
  for (const auto& [tensor, hash] : state->finished) require(is_hash(hash), "hashes are hashes");
}

const Registered registered({"resume", run});

}  // namespace
}  // namespace tessera::fuzz
