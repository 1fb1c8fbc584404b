// The same work on many things by several threads.
#pragma once
#include <cstddef>
#include <functional>

namespace tessera {

// 0: cores.
int thread_count(int asked, size_t things);
// f(0) .. f(count - 1), begun in this order, by at most `threads` threads; fewer where no more can be had. After an
// exception nothing more is begun, and that of the first of those that failed is thrown on: the same one for any number
// of threads.
void in_parallel(size_t count, int threads, const std::function<void(size_t)>& f);

}  // namespace tessera
