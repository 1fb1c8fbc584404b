// The world's failures (a bad file, a full disk) and wrong usage: thrown, caught once in main. The author's mistakes
// are Diagnostics; ours are assertions.
#pragma once
#include <stdexcept>
#include <string>

#include "base/diagnostic.h"

namespace tessera {

// The value is the exit status.
enum class Fault { mapping = 1, usage = 2, world = 3 };

class Error : public std::runtime_error {
 public:
  Error(Fault fault, const std::string& message) : std::runtime_error(message), fault_(fault) {}
  Fault fault() const { return fault_; }

 private:
  Fault fault_;
};

// A file could be read, but its bytes are not what its checksum says. `verify` tells it apart from a failing disk.
class Damaged : public Error {
 public:
  explicit Damaged(const std::string& message) : Error(Fault::world, message) {}
};

// Rules or mapping were refused: carries what was collected. Exit status 1.
class Refused : public Error {
 public:
  explicit Refused(Diagnostics collected) : Error(Fault::mapping, "refused"), diagnostics(std::move(collected)) {}
  Diagnostics diagnostics;
};

// message: "<file>: <what>[, at byte N]"; names from files already escaped (base/text.h).
[[noreturn]] void fail_world(const std::string& message);
[[noreturn]] void fail_usage(const std::string& message);

}  // namespace tessera
