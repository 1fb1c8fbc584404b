// Landlock for files, a seccomp filter for system calls, no_new_privs for both. Raw system calls, so that neither a
// library nor new headers are needed; numbers are checked by tests/cli on the processor that they are for.
#include "confine.h"

#if defined(__linux__) && !defined(TESSERA_INSTRUMENTED)  // what counts or checks needs what is given up

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

#include "base/error.h"
#include "base/text.h"
#include "forbidden_calls.h"

namespace tessera::cli {
namespace {

[[noreturn]] void fail_confine(const char* what) {
  fail_world(format("cannot confine itself ({}: {}); --no-sandbox goes without", what,
                    std::generic_category().message(errno)));
}

// linux/landlock.h as far as it is used: older systems have an older one, or none.
namespace landlock {

constexpr long create = 444, add = 445, restrict_self = 446;
constexpr unsigned ask_version = 1;
constexpr int beneath = 1;
enum : uint64_t {
  execute = 1 << 0,
  write_file = 1 << 1,
  read_file = 1 << 2,
  read_folder = 1 << 3,
  remove_folder = 1 << 4,
  remove_file = 1 << 5,
  make_folder = 1 << 7,
  make_file = 1 << 8,
  all_of_first = (1 << 13) - 1,  // with devices, sockets, FIFOs and links, which nobody may make
  refer = 1 << 13,               // since version 2: move to another folder
  truncate = 1 << 14,            // 3
  use_device = 1 << 15,          // 5: ioctl
};
constexpr uint64_t reading = read_file | read_folder;
constexpr uint64_t writing =
    reading | write_file | remove_folder | remove_file | make_folder | make_file | refer | truncate;
constexpr uint64_t of_files = execute | write_file | read_file | truncate | use_device;
constexpr uint64_t all_ports = 3;  // 4: bind and connect of TCP
constexpr uint64_t outside = 3;    // 6: abstract sockets of others, signals to others

struct Ruleset {
  uint64_t files, ports, scopes;
};
struct __attribute__((packed)) Beneath {
  uint64_t allowed;
  int32_t folder;
};

Ruleset of_version(long version) {
  Ruleset set{all_of_first, 0, 0};
  if (version >= 2) set.files |= refer;
  if (version >= 3) set.files |= truncate;
  if (version >= 4) set.ports = all_ports;
  if (version >= 5) set.files |= use_device;
  if (version >= 6) set.scopes = outside;
  return set;
}

}  // namespace landlock

void allow(int ruleset, const std::filesystem::path& path, uint64_t rights) {
  const int fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);
  if (fd < 0) return;  // whoever wants it will say what is wrong with it
  struct stat status {};
  if (fstat(fd, &status) == 0 && !S_ISDIR(status.st_mode)) rights &= landlock::of_files;
  const landlock::Beneath rule{rights, fd};
  const bool added = syscall(landlock::add, ruleset, landlock::beneath, &rule, 0) == 0;
  const int error = errno;
  ::close(fd);
  errno = error;
  if (!added && error != EBADFD)
    fail_confine("landlock_add_rule");  // that: a pipe and the like, which Landlock leaves alone
}

void confine_files(const Needs& needs) {
  const long version = syscall(landlock::create, nullptr, size_t{0}, landlock::ask_version);
  if (version < 1) return;
  const landlock::Ruleset set = landlock::of_version(version);
  const int ruleset = int(syscall(landlock::create, &set, sizeof set, 0));
  if (ruleset < 0) fail_confine("landlock_create_ruleset");
  for (const auto& path : needs.read) allow(ruleset, path, set.files & landlock::reading);
  for (const auto& path : needs.write) allow(ruleset, path, set.files & landlock::writing);
  const bool done = syscall(landlock::restrict_self, ruleset, 0) == 0;
  ::close(ruleset);
  if (!done) fail_confine("landlock_restrict_self");
}

void confine_calls() {
  const std::vector<sock_filter> program = refusing_program();
  if (program.empty()) return;
  const sock_fprog filter{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
  const bool done = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) == 0;
  const bool is_there =
      errno != ENOSYS && errno != EINVAL && errno != EPERM;  // the last: a container's filter refuses it
  if (!done && is_there) fail_confine("seccomp");
}

}  // namespace

void confine(const Needs& needs) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return;
  confine_files(needs);
  confine_calls();
}

}  // namespace tessera::cli

#else

namespace tessera::cli {
void confine(const Needs&) {}
}  // namespace tessera::cli

#endif
