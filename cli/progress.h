// How far a verb has come, on stderr.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "base/text.h"
#include "verbs.h"

namespace tessera::cli {

// One line that is written over on a terminal; a line every few seconds elsewhere.
class Progress {
 public:
  explicit Progress(const Global& global)
      : terminal_(global.use_progress()), quiet_(global.quiet || global.progress == "never") {}

  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }  // before what is said of a failure

  void operator()(uint64_t done, uint64_t total) {
    const auto now = std::chrono::steady_clock::now();
    const auto pause = terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(5000);
    if (quiet_ || now - last_ < pause) return;
    last_ = now;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    const double rate = double(done) / std::max(seconds, 1e-3);
    const auto left = int64_t(double(total - done) / std::max(rate, 1.0));
    std::fprintf(stderr, "%s%s of %s, %s/s, %lld s left%s", terminal_ ? "\r\033[K" : "", show_bytes(done).c_str(),
                 show_bytes(total).c_str(), show_bytes(uint64_t(rate)).c_str(), static_cast<long long>(left),
                 terminal_ ? "" : "\n");
    shown_ = true;
  }
  void clear() {
    if (shown_ && terminal_) std::fputs("\r\033[K", stderr);
    shown_ = false;
  }

 private:
  bool terminal_, quiet_, shown_ = false;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now(), last_ = start_;
};

}  // namespace tessera::cli
