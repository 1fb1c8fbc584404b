// The pickle machine, as data.pkl of an archive.
#include "fuzz/target.h"
#include "fuzz/trees.h"

namespace tessera::fuzz {
namespace {

void run(std::string_view input) {
  check_pickle(read_pickle(std::string(input), {.file = "f: data.pkl", .storage_folder = "data/"}));
}

// A million values, which 200 bytes may unfold to, are printed in 0.3 s; in 2.3 s where comparisons are counted.
const Registered registered({"pickle", run, 2});

}  // namespace
}  // namespace tessera::fuzz
