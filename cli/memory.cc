// Memory as the operating system gives it: glibc's defaults are made for processes that own the machine.
#include "memory.h"

#include <execinfo.h>
#include <malloc.h>
#include <pthread.h>

namespace tessera::cli {

// Each thread takes 8 MiB of stack and a heap of 64 MiB by default: address space that a limit (ulimit -v) may not
// have. And an exception that passes through the C library loads libgcc then, which wants memory when there may be
// none.
void prepare_memory() {
  constexpr size_t stack = size_t{1} << 20;
  mallopt(M_ARENA_MAX, 2);
  // Plans are many small things: the fast lists cost more at each large allocation than they save.
  mallopt(M_MXFAST, 0);
  pthread_attr_t attributes;
  if (pthread_getattr_default_np(&attributes) == 0) {
    pthread_attr_setstacksize(&attributes, stack);
    pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
  }
  void* frame = nullptr;
  backtrace(&frame, 1);  // for its side effect: libgcc is there from now on
}

}  // namespace tessera::cli
