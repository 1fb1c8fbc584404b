#include "store/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

namespace tessera {
namespace {

// This thread works too, so what cannot be started is only slower.
void start(std::vector<std::jthread>& threads, size_t count, const std::function<void()>& work) {
  try {
    threads.reserve(count);
    while (threads.size() < count) threads.emplace_back(work);
  } catch (const std::system_error&) {
  } catch (const std::bad_alloc&) {
  }
}

}  // namespace

int thread_count(int asked, size_t things) {
  const int cores = int(std::max(1u, std::thread::hardware_concurrency()));
  return std::clamp(asked > 0 ? asked : cores, 1, int(std::clamp<size_t>(things, 1, 1 << 16)));
}

void in_parallel(size_t count, int threads, const std::function<void(size_t)>& f) {
  std::atomic<size_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  size_t failed = count;
  const auto work = [&] {
    size_t i = next++;
    try {
      for (; i < count; i = next++) f(i);
    } catch (...) {
      next = count;
      const std::lock_guard lock(mutex);
      if (i >= failed) return;
      failed = i;
      failure = std::current_exception();
    }
  };
  std::vector<std::jthread> others;
  start(others, size_t(std::max(1, thread_count(threads, count))) - 1, work);
  work();
  others.clear();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace tessera
