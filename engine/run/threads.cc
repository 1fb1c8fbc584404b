#include "run/threads.h"

#include <algorithm>
#include <thread>

#include "store/parallel.h"

namespace tessera {

int worker_count(int asked, size_t jobs) {
  const int cores = int(std::max(1u, std::thread::hardware_concurrency()));
  constexpr int waiting = 2;  // for the disk, while the others compute
  return std::clamp(asked > 0 ? asked : cores + waiting, 1, int(std::max<size_t>(1, jobs)));
}

void run_threads(int count, std::atomic<bool>& stop, const std::function<void()>& work) {
  in_parallel(size_t(count), count, [&](size_t) {
    try {
      work();
    } catch (...) {
      stop = true;
      throw;
    }
  });
}

}  // namespace tessera
