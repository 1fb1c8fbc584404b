// latest_checkpointed_iteration.txt of a folder that has `release` and one iteration: it leads there or nowhere.
#include "fuzz/files.h"
#include "fuzz/target.h"
#include "store/megatron_dir.h"

namespace tessera::fuzz {
namespace {

struct Folder : MemoryFolder {
  Folder() : MemoryFolder(megatron_tracker) {
    for (const char* name : {"release", "iter_0000005"}) std::filesystem::create_directory(hold("") / name);
  }
};

void run(std::string_view input) {
  static Folder folder;
  const auto found = find_megatron(folder.hold(input));
  require(found.has_value(), "a tracker makes it a checkpoint");
  const std::string name = found->folder.filename();
  require(found->folder.parent_path() == found->root, "it leads into its own folder");
  require(found->release ? name == "release" : name == "iter_0000005" && found->iteration == 5, "to what is there");
}

const Registered registered({"tracker", run});

}  // namespace
}  // namespace tessera::fuzz
