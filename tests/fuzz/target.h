// One reader held to what it promises: whatever the bytes, it accepts them and what it made of them is sound, or it
// refuses. Everything else is a finding: another exception, a broken promise, too much time or memory, a crash.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::fuzz {

// Sums and products that cannot overflow.
__extension__ using Wide = __int128;
__extension__ using Count = unsigned __int128;

struct Target {
  const char* name;                     // of its folders: corpus/<name>, found/<name>
  void (*run)(std::string_view input);  // may throw Error and Refused
  double seconds = 1;                   // of processor time that a release build may take for one input
};

// All that are linked in: one in a fuzzer, every one in the program that replays.
std::vector<Target>& targets();
struct Registered {
  explicit Registered(const Target& target) { targets().push_back(target); }
};

// A promise; a broken one is a finding.
void require(bool holds, std::string_view promise);

// What is wrong with the target on this input; nothing if all is well.
std::optional<std::string> finding(const Target& target, std::string_view input);

}  // namespace tessera::fuzz
