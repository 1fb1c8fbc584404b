/* faults.so: an LD_PRELOAD shim for what strace cannot do honestly. cc -shared -fPIC -O1 -o faults.so faults.c -ldl
   FAULT_SHORT=1        every read/write of more than one byte moves only half (really moves it, unlike a faked return value)
   FAULT_EINTR=N        every N-th read/write/open/fsync/fallocate returns EINTR once
   FAULT_MALLOC=N       the N-th malloc/calloc/realloc/aligned allocation fails; FAULT_MALLOC_ON=1: and all after it
   FAULT_COUNT=FILE     at exit, append the number of allocations to FILE
   FAULT_AT=N           before the N-th write to a file, once: FAULT_SIGNAL=S is raised; FAULT_FLIP=1: what it writes has a bit flipped
   FAULT_WRITES=FILE    at exit, append the number of writes to files to FILE
   FAULT_SLOW=N         after FAULT_AT writes, every pread takes N ms more, whatever signals come: a slow disk cannot be interrupted
   FAULT_SLOW_SYNC=N    the same of fsync and fdatasync
   FAULT_WAITS=FILE     gets a byte when the first of these begins to wait
   FAULT_SYNC=N         the N-th fsync or fdatasync fails with EIO (those before and after it work)
   FAULT_SYNCS=FILE     at exit, append the number of fsyncs and fdatasyncs to FILE
   FAULT_FREE=N         statvfs says that N bytes are free
   FAULT_STAT=END       stat or lstat of a path that ends so fails with EIO
   FAULT_THREADS=N      only N threads can be started                                                                        */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static atomic_long calls, allocs, writes, syncs, threads;
static long eintr, nth, on, shorter, ready, at, number, flip, slow, slow_sync, bad_sync, most_free, most_threads;
static int count_to, writes_to, syncs_to, waits; /* -1: not asked for */
static char* bad_stat;

/* Files to report to are opened before the program confines itself, and out of the way of its own numbers. */
static int report(const char* name) {
  const char* file = getenv(name);
  int fd = file ? open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
  int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 900);
  if (high < 0) return fd;
  close(fd);
  return high;
}

__attribute__((constructor)) static void start(void) {
  const char* s;
  shorter = (s = getenv("FAULT_SHORT")) ? atol(s) : 0;
  eintr = (s = getenv("FAULT_EINTR")) ? atol(s) : 0;
  nth = (s = getenv("FAULT_MALLOC")) ? atol(s) : 0;
  on = (s = getenv("FAULT_MALLOC_ON")) ? atol(s) : 0;
  count_to = report("FAULT_COUNT");
  writes_to = report("FAULT_WRITES");
  at = (s = getenv("FAULT_AT")) ? atol(s) : 0;
  number = (s = getenv("FAULT_SIGNAL")) ? atol(s) : 0;
  flip = (s = getenv("FAULT_FLIP")) ? atol(s) : 0;
  slow = (s = getenv("FAULT_SLOW")) ? atol(s) : 0;
  slow_sync = (s = getenv("FAULT_SLOW_SYNC")) ? atol(s) : 0;
  waits = report("FAULT_WAITS");
  bad_stat = getenv("FAULT_STAT");
  bad_sync = (s = getenv("FAULT_SYNC")) ? atol(s) : 0;
  syncs_to = report("FAULT_SYNCS");
  most_free = (s = getenv("FAULT_FREE")) ? atol(s) : -1;
  most_threads = (s = getenv("FAULT_THREADS")) ? atol(s) : -1;
  allocs = 0;
  ready = 1;
}
static void say(int fd, long n) {
  char b[32];
  int length = snprintf(b, sizeof b, "%ld\n", n);
  ssize_t r = write(fd, b, length);
  (void)r;
}
__attribute__((destructor)) static void finish(void) {
  ready = 0;
  if (count_to >= 0) say(count_to, allocs);
  if (writes_to >= 0) say(writes_to, writes);
  if (syncs_to >= 0) say(syncs_to, syncs);
}
/* True if this write is to be flipped. */
static int strike(void) {
  if (!ready || atomic_fetch_add(&writes, 1) + 1 != at) return 0;
  if (number) raise((int)number);
  return (int)flip;
}
static void wait_for_disk(long ms) {
  if (!ready || !ms || writes < at) return;
  if (waits >= 0) say(waits, 1);
  struct timespec left = {ms / 1000, ms % 1000 * 1000000};
  while (nanosleep(&left, &left) != 0) {}
}
static int sync_fails(void) {
  if (!ready || atomic_fetch_add(&syncs, 1) + 1 != bad_sync) return 0;
  errno = EIO;
  return 1;
}
typedef ssize_t (*pwrite_call)(int, const void*, size_t, off64_t);
static ssize_t put(pwrite_call real, int fd, const void* p, size_t n, off64_t o) {
  if (!strike() || n == 0) return real(fd, p, n, o);
  char byte = (char)(*(const char*)p ^ 4);
  return real(fd, &byte, 1, o);
}
#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define INTERRUPT() do { if (ready && eintr && atomic_fetch_add(&calls, 1) % eintr == eintr - 1) { errno = EINTR; return -1; } } while (0)
#define LESS(n) (ready && shorter && (n) > 1 ? (n) / 2 : (n))
ssize_t read(int fd, void* p, size_t n) { REAL(read); INTERRUPT(); return real(fd, p, LESS(n)); }
ssize_t write(int fd, const void* p, size_t n) { REAL(write); if (fd > 2) INTERRUPT(); if (fd > 2) strike(); return real(fd, p, fd > 2 ? LESS(n) : n); }
ssize_t pread(int fd, void* p, size_t n, off_t o) { REAL(pread); wait_for_disk(slow); INTERRUPT(); return real(fd, p, LESS(n), o); }
ssize_t pwrite(int fd, const void* p, size_t n, off_t o) { REAL(pwrite); INTERRUPT(); return put((pwrite_call)real, fd, p, LESS(n), o); }
ssize_t pread64(int fd, void* p, size_t n, off64_t o) { REAL(pread64); wait_for_disk(slow); INTERRUPT(); return real(fd, p, LESS(n), o); }
ssize_t pwrite64(int fd, const void* p, size_t n, off64_t o) { REAL(pwrite64); INTERRUPT(); return put((pwrite_call)real, fd, p, LESS(n), o); }
ssize_t readv(int fd, const struct iovec* v, int n) { REAL(readv); INTERRUPT(); return shorter && ready && n > 0 ? read(fd, v[0].iov_base, v[0].iov_len) : real(fd, v, n); }
ssize_t writev(int fd, const struct iovec* v, int n) { REAL(writev); if (fd > 2) INTERRUPT(); return shorter && ready && fd > 2 && n > 0 ? write(fd, v[0].iov_base, v[0].iov_len) : real(fd, v, n); }
ssize_t preadv(int fd, const struct iovec* v, int n, off_t o) { REAL(preadv); wait_for_disk(slow); INTERRUPT(); return shorter && ready && n > 0 ? pread(fd, v[0].iov_base, v[0].iov_len, o) : real(fd, v, n, o); }
ssize_t pwritev(int fd, const struct iovec* v, int n, off_t o) { REAL(pwritev); INTERRUPT(); return shorter && ready && n > 0 ? pwrite(fd, v[0].iov_base, v[0].iov_len, o) : real(fd, v, n, o); }
int fsync(int fd) { REAL(fsync); INTERRUPT(); wait_for_disk(slow_sync); return sync_fails() ? -1 : real(fd); }
int fdatasync(int fd) { REAL(fdatasync); INTERRUPT(); wait_for_disk(slow_sync); return sync_fails() ? -1 : real(fd); }
int statvfs(const char* path, struct statvfs* to) {
  REAL(statvfs);
  int done = real(path, to);
  if (ready && most_free >= 0) { to->f_frsize = 1; to->f_bavail = (fsblkcnt_t)most_free; }
  return done;
}
static int stat_fails(const char* path) {
  size_t whole = strlen(path), end = bad_stat ? strlen(bad_stat) : 0;
  if (!ready || !end || whole < end || strcmp(path + whole - end, bad_stat) != 0) return 0;
  errno = EIO;
  return 1;
}
int stat(const char* path, struct stat* to) { REAL(stat); return stat_fails(path) ? -1 : real(path, to); }
int lstat(const char* path, struct stat* to) { REAL(lstat); return stat_fails(path) ? -1 : real(path, to); }
int pthread_create(pthread_t* thread, const pthread_attr_t* how, void* (*start_at)(void*), void* with) {
  REAL(pthread_create);
  if (ready && most_threads >= 0 && atomic_fetch_add(&threads, 1) >= most_threads) return EAGAIN;
  return real(thread, how, start_at, with);
}

extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void* __libc_memalign(size_t, size_t);
static int refuse(void) {
  if (!ready) return 0;
  long k = atomic_fetch_add(&allocs, 1) + 1;
  if (nth && (k == nth || (on && k > nth))) { errno = ENOMEM; return 1; }
  return 0;
}
void* malloc(size_t n) { return refuse() ? NULL : __libc_malloc(n); }
void* calloc(size_t a, size_t b) { return refuse() ? NULL : __libc_calloc(a, b); }
void* realloc(void* p, size_t n) { return refuse() ? NULL : __libc_realloc(p, n); }
void* aligned_alloc(size_t a, size_t n) { return refuse() ? NULL : __libc_memalign(a, n); }
int posix_memalign(void** p, size_t a, size_t n) { if (refuse()) return ENOMEM; *p = __libc_memalign(a, n); return *p ? 0 : ENOMEM; }
