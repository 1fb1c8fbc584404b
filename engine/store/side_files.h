// What goes along with a checkpoint as it is: tokenizer, generation_config.json and the like.
#pragma once
#include <map>

#include "store/checkpoint.h"
#include "store/file.h"

namespace tessera {

class SideFiles {
 public:
  // Opens them and appends them to `files`, which are the output's own and come first: a side file of such a name, or
  // of one by which a reader would take the folder for another checkpoint, is left out. Error(world): a name that no
  // manifest can hold.
  SideFiles(const OutputSpec& spec, std::vector<FileInfo>& files);
  // Into the output; their hashes are added to `outside`.
  void copy(const std::filesystem::path& folder, bool sync,
            std::map<std::filesystem::path, std::string>& outside) const;

 private:
  std::vector<InputFile> open_;
};

}  // namespace tessera
