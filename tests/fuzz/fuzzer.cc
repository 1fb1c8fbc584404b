// libFuzzer's entrance to the one target that this program is linked with.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tessera::fuzz;
  const auto what = finding(targets().front(), {reinterpret_cast<const char*>(data), size});
  if (!what) return 0;
  std::fprintf(stderr, "FINDING %s: %s\n", targets().front().name, what->c_str());
  std::abort();
}
