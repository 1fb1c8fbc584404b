// All that a handler does is safe in a handler: atomics, write, setitimer, _exit.
#include "interrupt.h"

#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <string_view>

namespace tessera::cli::interrupt {
namespace {

enum Phase { planning, in_writing, in_commit };
constexpr suseconds_t patience = 500'000;  // microseconds

std::atomic<int> signalled{0};
std::atomic<Phase> phase{planning};
const std::string nothing = "interrupted: nothing was written\n";
std::atomic<const std::string*> said{&nothing};

void on_signal(int number) {
  if (signalled.exchange(number) || phase == planning) end();
  if (phase == in_commit) return;
  const itimerval once{{0, 0}, {0, patience}};
  setitimer(ITIMER_REAL, &once, nullptr);
}

void on_timer(int) { end(); }

}  // namespace

void catch_signals() {
  std::signal(SIGALRM, on_timer);
  for (const int number : {SIGINT, SIGTERM, SIGHUP})
    if (std::signal(number, on_signal) == SIG_IGN) std::signal(number, SIG_IGN);  // nohup: it stays so
}

void writing(const std::string& message) {
  static std::string kept;
  kept = message;
  said = &kept;
  phase = in_writing;
}

void committing() { phase = in_commit; }

int number() { return signalled; }

void end() {
  constexpr std::string_view wipe = "\r\033[K";  // the line of progress
  if (isatty(STDERR_FILENO)) [[maybe_unused]]
    const ssize_t wiped = ::write(STDERR_FILENO, wipe.data(), wipe.size());
  [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, said.load()->data(), said.load()->size());
  _exit(128 + signalled);
}

}  // namespace tessera::cli::interrupt
