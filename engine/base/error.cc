// The two ways to fail from anywhere.
#include "base/error.h"

namespace tessera {

void fail_world(const std::string& message) { throw Error(Fault::world, message); }
void fail_usage(const std::string& message) { throw Error(Fault::usage, message); }

}  // namespace tessera
