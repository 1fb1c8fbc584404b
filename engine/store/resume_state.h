// What an interrupted run leaves in its partial folder beside the files: whose it is, and which tensors were finished
// with which hash. Nothing of it is believed: a tensor is kept only when its bytes are read again and have the hash.
#pragma once
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "store/posix.h"

namespace tessera {

inline constexpr const char* resume_file = ".tessera-resume";

// A run may go on with what another one began if both are equal.
struct ResumeKey {
  std::string plan, sources;  // hashes
  bool operator==(const ResumeKey&) const = default;
};

struct ResumeState {
  ResumeKey key;
  std::map<uint32_t, std::string> finished;  // tensor -> XXH3-128
};

// nullopt if there is none, or none that can be read. Lines that were cut short are left out.
std::optional<ResumeState> read_resume_state(const std::filesystem::path& folder);

// Appends to the state of a folder; begins it where there is none.
class ResumeLog {
 public:
  ResumeLog(const std::filesystem::path& folder, const ResumeKey& key);
  void add(uint32_t tensor, const std::string& hash);  // from any thread
  void remove();                                       // nothing is left to be resumed

 private:
  void append(const std::string& text);
  std::filesystem::path path_;
  Descriptor file_;
  std::mutex mutex_;
};

}  // namespace tessera
