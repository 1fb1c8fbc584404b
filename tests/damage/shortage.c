/* shortage.so: an LD_PRELOAD shim that lets memory or threads run out at a chosen place, counted from main on.
   cc -shared -fPIC -O1 -o shortage.so shortage.c -ldl
   SHORT_MALLOC=N     the N-th allocation fails; with SHORT_ALL=1 so do all after it
   SHORT_WORKERS=1    only those of threads other than the first are counted, and fail
   SHORT_THREADS=N    the N-th thread and all after it cannot be started
   SHORT_COUNT=FILE   at the end, the number of allocations is written there                                        */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_long allocations, threads;
static long at, all, workers, threads_at;
static int ready;
static pid_t first;

extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void* __libc_memalign(size_t, size_t);

static int refuse(void) {
  if (!ready || (workers && gettid() == first)) return 0;
  long n = atomic_fetch_add(&allocations, 1) + 1;
  if (!at || n < at || (n > at && !all)) return 0;
  errno = ENOMEM;
  return 1;
}
void* malloc(size_t n) { return refuse() ? NULL : __libc_malloc(n); }
void* calloc(size_t a, size_t b) { return refuse() ? NULL : __libc_calloc(a, b); }
void* realloc(void* p, size_t n) { return refuse() ? NULL : __libc_realloc(p, n); }
void* memalign(size_t a, size_t n) { return refuse() ? NULL : __libc_memalign(a, n); }
void* aligned_alloc(size_t a, size_t n) { return refuse() ? NULL : __libc_memalign(a, n); }
int posix_memalign(void** p, size_t a, size_t n) {
  if (refuse()) return ENOMEM;
  *p = __libc_memalign(a, n);
  return *p ? 0 : ENOMEM;
}

int pthread_create(pthread_t* t, const pthread_attr_t* a, void* (*f)(void*), void* p) {
  static __typeof__(&pthread_create) real;
  if (!real) real = (__typeof__(&pthread_create))dlsym(RTLD_NEXT, "pthread_create");
  if (threads_at && atomic_fetch_add(&threads, 1) + 1 >= threads_at) return EAGAIN;
  return real(t, a, f, p);
}

static long number(const char* name) {
  const char* text = getenv(name);
  return text ? atol(text) : 0;
}
static int (*real_main)(int, char**, char**);
static int counted_main(int count, char** words, char** environment) {
  at = number("SHORT_MALLOC");
  all = number("SHORT_ALL");
  workers = number("SHORT_WORKERS");
  threads_at = number("SHORT_THREADS");
  first = gettid();
  const char* file = getenv("SHORT_COUNT");
  int fd = file ? open(file, O_WRONLY | O_CREAT | O_TRUNC, 0644) : -1; /* before the program confines itself */
  ready = 1;
  int status = real_main(count, words, environment);
  ready = 0;
  if (fd >= 0) dprintf(fd, "%ld\n", (long)allocations);
  return status;
}
int __libc_start_main(int (*main)(int, char**, char**), int count, char** words, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void* stack_end) {
  __typeof__(&__libc_start_main) real = (__typeof__(&__libc_start_main))dlsym(RTLD_NEXT, "__libc_start_main");
  real_main = main;
  return real(counted_main, count, words, init, fini, rtld_fini, stack_end);
}
