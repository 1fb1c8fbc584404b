// A child process confines itself and then tries what a parser that was taken over would try.
#include "cli/confine.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "store/temp_folder.h"

namespace fs = std::filesystem;
using tessera::cli::confine;
using tessera::cli::Needs;
using tessera::testing::TempFolder;

namespace {

#ifdef TESSERA_INSTRUMENTED
constexpr bool instrumented = true;  // confine() does nothing there
#else
constexpr bool instrumented = false;
#endif

constexpr int allowed = 0;

// errno of `attempt` in a process of its own, 0 if it was not refused, 1000 + signal if that ended it.
int outcome(const std::function<long()>& attempt, const Needs& needs = {}, bool confined = true) {
  const pid_t child = fork();
  if (child == 0) {
    if (confined) confine(needs);
    errno = 0;
    _exit(attempt() < 0 ? errno : allowed);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

long file(const fs::path& path, int flags) { return open(path.c_str(), flags | O_CLOEXEC, 0666); }
long landlock_version() { return syscall(444, nullptr, size_t{0}, 1); }

struct Folders {
  TempFolder work;
  fs::path in = work.path() / "in", out = work.path() / "out", other = work.path() / "other";
  Needs reach{{in}, {out}};
  Folders() {
    for (const fs::path& folder : {in, out, other}) {
      fs::create_directory(folder);
      std::ofstream(folder / "file") << "text";
    }
  }
};

}  // namespace

TEST_CASE("a confined process starts no program and no process") {
  if (instrumented) return;
  const auto run = [] {
    const char* words[] = {"/bin/true", nullptr};
    return long(execve(words[0], const_cast<char**>(words), nullptr));
  };
  CHECK(outcome(run, {{"/"}, {}}, false) == allowed);  // it replaces the child, and ends with 0
  CHECK(outcome(run, {{"/"}, {}}) == EPERM);
  CHECK(outcome([] { return syscall(SYS_execveat, AT_FDCWD, "/bin/true", nullptr, nullptr, 0); }, {{"/"}, {}}) ==
        EPERM);
  CHECK(outcome([] { return long(fork()); }) == EPERM);
  CHECK(outcome([] { return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }) == EPERM);
  CHECK(outcome([] { return syscall(435, nullptr, 0); }) == ENOSYS);  // clone3
  CHECK(outcome([] { return ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }) == EPERM);
  CHECK(outcome([] { return long(kill(getppid(), 0)); }) == EPERM);
}

TEST_CASE("it reaches no network, by no way") {
  if (instrumented) return;
  CHECK(outcome([] { return long(socket(AF_INET, SOCK_STREAM, 0)); }, {}, false) == allowed);
  for (const int family : {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK})
    CHECK(outcome([=] { return long(socket(family, SOCK_STREAM, 0)); }) == EPERM);
  CHECK(outcome([] {
          int pair[2];
          return long(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
        }) == EPERM);
  CHECK(outcome([] { return syscall(425, 8, nullptr); }) == EPERM);  // io_uring_setup: a ring could open sockets
  const int before = socket(AF_INET, SOCK_STREAM, 0);                // one that was there
  const auto connect_it = [before] {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(9);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return long(connect(before, reinterpret_cast<const sockaddr*>(&to), sizeof to));
  };
  CHECK(outcome(connect_it) == EPERM);
  close(before);
}

TEST_CASE("doors into the kernel, rights and owners are shut") {
  if (instrumented) return;
  for (const long call : {long(SYS_bpf), long(SYS_perf_event_open), long(SYS_userfaultfd), long(SYS_mount),
                          long(SYS_unshare), long(SYS_setns), long(SYS_keyctl), long(SYS_fchmodat), long(SYS_fchownat),
                          long(SYS_setuid), long(SYS_process_vm_readv), long(SYS_mknodat), long(SYS_open_by_handle_at)})
    CHECK_MESSAGE(outcome([=] { return syscall(call, 0, 0, 0, 0, 0, 0); }) == EPERM, call);
  CHECK(outcome([] { return syscall(471, 0, 0, 0, 0, 0, 0); }) == ENOSYS);  // a call that came after this program
#ifdef __x86_64__
  CHECK(outcome([] { return syscall(0x40000000 | 59, 0, 0, 0, 0, 0, 0); }) == ENOSYS);  // execve by its other number
#endif
}

TEST_CASE("nothing is typed at the terminal it was started from") {
  if (instrumented) return;
  int master = -1, terminal = -1;
  if (openpty(&master, &terminal, nullptr, nullptr, nullptr) != 0) return;
  CHECK(outcome([=] { return long(ioctl(terminal, TIOCSTI, "x")); }) == EPERM);
  CHECK(outcome([=] {
          winsize size{};
          return long(ioctl(terminal, TIOCGWINSZ, &size));
        }) == allowed);
  close(master);
  close(terminal);
}

TEST_CASE("files: sources are read, the output's folder is written, all others are shut") {
  if (instrumented || landlock_version() < 1) return;
  const Folders at;
  CHECK(outcome([&] { return file(at.in / "file", O_RDONLY); }, at.reach) == allowed);
  CHECK(outcome([&] { return file(at.in / "file", O_WRONLY); }, at.reach) == EACCES);
  CHECK(outcome([&] { return file(at.in / "new", O_WRONLY | O_CREAT); }, at.reach) == EACCES);
  CHECK(outcome([&] { return long(unlink((at.in / "file").c_str())); }, at.reach) == EACCES);
  CHECK(outcome([&] { return file(at.other / "file", O_RDONLY); }, at.reach) == EACCES);
  CHECK(outcome([&] { return file(at.other / "file", O_RDONLY); }, at.reach, false) == allowed);
  CHECK(outcome([&] { return file(at.other, O_RDONLY | O_DIRECTORY); }, at.reach) == EACCES);
  CHECK(outcome([&] { return file("/etc/passwd", O_RDONLY); }, at.reach) == EACCES);
  CHECK(outcome([&] { return file(at.out / "new", O_RDWR | O_CREAT); }, at.reach) == allowed);
  CHECK(outcome([&] { return long(mkdir((at.out / "folder").c_str(), 0777)); }, at.reach) == allowed);
  CHECK(outcome([&] { return long(rename((at.out / "folder").c_str(), (at.out / "final").c_str())); }, at.reach) ==
        allowed);
  CHECK(outcome([&] { return long(rename((at.out / "new").c_str(), (at.in / "new").c_str())); }, at.reach) != allowed);
  CHECK(outcome([&] { return long(symlink("/etc/passwd", (at.out / "link").c_str())); }, at.reach) == EACCES);
  CHECK(outcome([&] { return long(mkfifo((at.out / "fifo").c_str(), 0666)); }, at.reach) == EPERM);
}

TEST_CASE("a link in a source is followed to the file that was allowed, and to no other") {
  if (instrumented || landlock_version() < 1) return;
  const Folders at;
  fs::create_symlink(at.other / "file", at.in / "link");
  CHECK(outcome([&] { return file(at.in / "link", O_RDONLY); }, {{at.in}, {}}) == EACCES);
  CHECK(outcome([&] { return file(at.in / "link", O_RDONLY); }, {{at.in, at.in / "link"}, {}}) == allowed);
  CHECK(outcome([&] { return file(at.other, O_RDONLY | O_DIRECTORY); }, {{at.in, at.in / "link"}, {}}) == EACCES);
}

TEST_CASE("threads start, and are confined as the one that started them") {
  if (instrumented) return;
  const auto in_a_thread = [] {
    long fd = 0;
    std::thread([&] { fd = socket(AF_INET, SOCK_STREAM, 0); }).join();
    errno = EPERM;
    return fd;
  };
  CHECK(outcome(in_a_thread, {}, false) == allowed);
  CHECK(outcome(in_a_thread) == EPERM);
}

TEST_CASE("a path that is not there is no fault") {
  CHECK(outcome([] { return 0L; }, {{"/no/such/path"}, {"/no/such/folder"}}) == allowed);
}
