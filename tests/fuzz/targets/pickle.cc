// The pickle machine, as data.pkl of an archive.
#include "fuzz/target.h"
#include "fuzz/trees.h"

namespace tessera::fuzz {
namespace {

void run(std::string_view input) {
  check_pickle(read_pickle(std::string(input), {.file = "f: data.pkl", .storage_folder = "data/"}));
}

const Registered registered({"pickle", run});

}  // namespace
}  // namespace tessera::fuzz
