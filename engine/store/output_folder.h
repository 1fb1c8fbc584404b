// The output folder of a run: built beside its final name as `.<name>.partial`, renamed as one (docs/durability.md).
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <vector>

namespace tessera {

class PathLock;

// Error(usage) if the output is, contains or lies in one of the sources.
void require_apart(const std::filesystem::path& output, const std::vector<std::filesystem::path>& sources);

// Where the output of that name grows.
std::filesystem::path partial_folder(const std::filesystem::path& final_path);
// Where everything of an output stands, finished or not.
std::filesystem::path folder_of_output(const std::filesystem::path& final_path);

// What the constructor and require_space would refuse, without making anything: for a dry run.
void require_place(const std::filesystem::path& final_path, bool overwrite, uint64_t bytes);

// Refuses (usage) a final name that exists and is not an empty folder, unless overwrite; takes `<name>.lock`. What an
// interrupted run left is removed, unless `resume`.
class OutputFolder {
 public:
  explicit OutputFolder(std::filesystem::path final_path, bool overwrite, bool resume = false);
  ~OutputFolder();  // not committed: removes what it made, unless keep()
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;
  const std::filesystem::path& path() const { return partial_; }
  // Removes all but these files (relative paths) of an interrupted run.
  void clear_except(const std::set<std::filesystem::path>& files) const;
  // Error(world) with needed and free if so many bytes, and one in a hundred more, cannot stand in the folder.
  void require_space(uint64_t bytes) const;
  void commit(bool sync);        // fsync folders, rename without replacing (or exchange), fsync parent
  void keep() { keep_ = true; }  // after a signal: leave it for --resume

 private:
  bool place();
  std::filesystem::path final_, partial_;
  std::filesystem::path aside_;  // where an older output stands while it is exchanged in steps
  std::unique_ptr<PathLock> lock_;
  bool overwrite_ = false, committed_ = false, keep_ = false;
};

}  // namespace tessera
