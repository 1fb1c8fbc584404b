/* What a parser that was taken over might do, done at the first read of a source: for LD_PRELOAD. Says on stderr what it was let
   do, each after `let: `, then `tried`. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void say(const char* text) {
  if (write(2, text, strlen(text)) < 0) abort();
}

static void let(const char* what, long result) {
  if (result < 0) return;
  say("let: ");
  say(what);
  say("\n");
}

static void try_all(void) {
  char* words[] = {"/bin/true", NULL};
  const pid_t child = (pid_t)syscall(SYS_clone, 17 /* SIGCHLD */, 0, 0, 0, 0);
  if (child == 0) {
    execve(words[0], words, NULL);
    _exit(0);
  }
  let("a process", child);
  let("a socket", socket(AF_INET, SOCK_STREAM, 0));
  let("a secret", open(getenv("TRY_READ"), O_RDONLY));
  let("the source, to write", open(getenv("TRY_WRITE"), O_WRONLY));
  let("a file elsewhere", open(getenv("TRY_MAKE"), O_WRONLY | O_CREAT, 0666));
  if (child < 0) let("a program", execve(words[0], words, NULL));
  say("tried\n");
}

ssize_t pread(int fd, void* into, size_t count, off_t offset) {
  static int tried;
  static ssize_t (*next)(int, void*, size_t, off_t);
  if (!next) next = (ssize_t(*)(int, void*, size_t, off_t))dlsym(RTLD_NEXT, "pread");
  if (!tried++) try_all();
  return next(fd, into, count, offset);
}

ssize_t pread64(int fd, void* into, size_t count, off_t offset) { return pread(fd, into, count, offset); }
