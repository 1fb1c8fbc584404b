// The judge of one run: which ends are allowed.
#include "fuzz/target.h"

#include <ctime>
#include <stdexcept>

#include "base/error.h"
#include "base/text.h"

namespace tessera::fuzz {
namespace {

struct Broken : std::logic_error {
  using std::logic_error::logic_error;
};

double processor_time() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

std::optional<std::string> outcome(const Target& target, std::string_view input) {
  try {
    target.run(input);
  } catch (const Error& error) {
    if (error.fault() == Fault::usage) return format("blames the command line: {}", error.what());
    if (std::string_view(error.what()).empty()) return "refuses without a word";
  } catch (const std::exception& error) {
    return error.what();
  }
  return std::nullopt;
}

}  // namespace

std::vector<Target>& targets() {
  static std::vector<Target> all;
  return all;
}

void require(bool holds, std::string_view promise) {
  if (!holds) throw Broken(format("broken promise: {}", promise));
}

std::optional<std::string> finding(const Target& target, std::string_view input) {
  const double begin = processor_time();
  if (auto what = outcome(target, input)) return what;
  const double took = processor_time() - begin;
  if (took > target.seconds * TESSERA_SLOWER) return format("takes {:.1f} s", took);
  return std::nullopt;
}

}  // namespace tessera::fuzz
