// A line of text for each tensor, appended when it is finished: a kill leaves at most one line cut short.
#include "store/resume_state.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/path.h"
#include "base/text.h"
#include "store/file.h"
#include "store/limits.h"

namespace tessera {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view begins = "tessera-resume 1";

bool is_hash(std::string_view word) {
  return word.size() == 32 && word.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::optional<ResumeKey> read_key(const std::string& line) {
  const std::vector<std::string> words = split(line, ' ');
  if (words.size() != 4 || words[0] + " " + words[1] != begins || !is_hash(words[2]) || !is_hash(words[3]))
    return std::nullopt;
  return ResumeKey{words[2], words[3]};
}

void read_finished(const std::string& line, ResumeState& state) {
  const std::vector<std::string> words = split(line, ' ');
  uint32_t tensor = 0;
  if (words.size() != 2 || !is_hash(words[1])) return;
  const auto [end, error] = std::from_chars(words[0].data(), words[0].data() + words[0].size(), tensor);
  if (error == std::errc() && end == words[0].data() + words[0].size()) state.finished[tensor] = words[1];
}

}  // namespace

std::optional<ResumeState> read_resume_state(const fs::path& folder) {
  const fs::path path = path_in(folder, resume_file);
  std::error_code ignored;
  if (fs::symlink_status(path, ignored).type() != fs::file_type::regular) return std::nullopt;
  std::vector<std::string> lines = split(InputFile(path).read_all(limits::resume_bytes), '\n');
  lines.pop_back();  // behind the last line break: nothing, or a line cut short
  const auto key = lines.empty() ? std::nullopt : read_key(lines[0]);
  if (!key) return std::nullopt;
  ResumeState state{*key, {}};
  for (size_t i = 1; i < lines.size(); ++i) read_finished(lines[i], state);
  return state;
}

ResumeLog::ResumeLog(const fs::path& folder, const ResumeKey& key) : path_(path_in(folder, resume_file)) {
  file_ = open_file(path_, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK, "create");
  const bool fresh = status_of(file_, path_).st_size == 0;
  append(fresh ? format("{} {} {}\n", begins, key.plan, key.sources) : "\n");
}

void ResumeLog::add(uint32_t tensor, const std::string& hash) {
  const std::lock_guard lock(mutex_);
  append(format("{} {}\n", tensor, hash));
}

void ResumeLog::append(const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const ssize_t n = retry([&] { return ::write(file_.get(), text.data() + at, text.size() - at); });
    if (n <= 0) fail_io(path_, "write", n == 0 ? ENOSPC : errno);
    at += static_cast<size_t>(n);
  }
}

void ResumeLog::remove() {
  if (::unlink(path_.c_str()) != 0) fail_io(path_, "remove", errno);
}

}  // namespace tessera
