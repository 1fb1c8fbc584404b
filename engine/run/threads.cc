#include "run/threads.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace tessera {

int worker_count(int asked, size_t jobs) {
  const int cores = int(std::max(1u, std::thread::hardware_concurrency()));
  constexpr int waiting = 2;  // for the disk, while the others compute
  return std::clamp(asked > 0 ? asked : cores + waiting, 1, int(std::max<size_t>(1, jobs)));
}

void run_threads(int count, std::atomic<bool>& stop, const std::function<void()>& work) {
  std::mutex mutex;
  std::exception_ptr failure;
  const auto guarded = [&] {
    try {
      work();
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
      stop = true;
    }
  };
  std::vector<std::jthread> threads;
  try {
    for (int i = 1; i < count; ++i) threads.emplace_back(guarded);
  } catch (const std::system_error&) {  // this thread works too, so what cannot be started is only slower
  }
  guarded();
  threads.clear();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace tessera
