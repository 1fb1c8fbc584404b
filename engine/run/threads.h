// The same work on several threads.
#pragma once
#include <atomic>
#include <cstddef>
#include <functional>

namespace tessera {

// As many as asked for (0: cores, and some that wait for the disk), but no more than there are jobs.
int worker_count(int asked, size_t jobs);
// Runs `work` `count` times, at the same time where so many threads can be had (this one among them), and waits. What
// the first of them throws sets `stop` and is thrown here when all have ended.
void run_threads(int count, std::atomic<bool>& stop, const std::function<void()>& work);

}  // namespace tessera
