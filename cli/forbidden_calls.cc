// A list of what is refused, not of what is allowed: C library, allocator and libtorch call what they like of the rest,
// differently in each version. What the list cannot name, calls that kernels will have some day, is answered as by a
// kernel without them.
#if defined(__linux__)
#include "forbidden_calls.h"

#include <linux/audit.h>
#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace tessera::cli {
namespace {

#if defined(__x86_64__)
constexpr uint32_t processor = AUDIT_ARCH_X86_64;
constexpr std::array of_this_processor = {SYS_fork,  SYS_vfork, SYS_iopl,  SYS_ioperm, SYS_modify_ldt,
                                          SYS_mknod, SYS_chmod, SYS_chown, SYS_lchown};
#elif defined(__aarch64__)
constexpr uint32_t processor = AUDIT_ARCH_AARCH64;
constexpr std::array<int, 0> of_this_processor = {};
#else
constexpr uint32_t processor = 0;
constexpr std::array<int, 0> of_this_processor = {};
#endif

// Since Linux 5.1 all processors have the same numbers: these are written out, for headers that do not know them yet.
enum : int {
  pidfd_send_signal = 424,
  io_uring_setup = 425,
  io_uring_enter = 426,
  io_uring_register = 427,
  open_tree = 428,
  move_mount = 429,
  fsopen = 430,
  fsconfig = 431,
  fsmount = 432,
  fspick = 433,
  pidfd_open = 434,
  clone3 = 435,
  pidfd_getfd = 438,
  process_madvise = 440,
  mount_setattr = 442,
  quotactl_fd = 443,
  process_mrelease = 448,
  fchmodat2 = 452,
  setxattrat = 463,
  removexattrat = 466,
  open_tree_attr = 467,
  newest = 470
};

constexpr std::array refused = {
    // other programs and processes
    SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, int(process_madvise),
    int(process_mrelease), SYS_kcmp, SYS_kill, SYS_tkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
    int(pidfd_send_signal), int(pidfd_open), int(pidfd_getfd), SYS_setns, SYS_unshare, SYS_personality,
    // the network, and messages between processes
    SYS_socket, SYS_socketpair, SYS_bind, SYS_listen, SYS_accept, SYS_accept4, SYS_connect, SYS_sendto, SYS_sendmsg,
    SYS_sendmmsg, SYS_recvfrom, SYS_recvmsg, SYS_recvmmsg, SYS_setsockopt, SYS_shutdown, SYS_shmget, SYS_shmat,
    SYS_shmctl, SYS_msgget, SYS_msgsnd, SYS_msgrcv, SYS_msgctl, SYS_semget, SYS_semop, SYS_semtimedop, SYS_semctl,
    SYS_mq_open, SYS_mq_unlink,
    // rights and ownership, of files too: Landlock leaves these alone
    SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid, SYS_setgroups, SYS_setfsuid,
    SYS_setfsgid, SYS_capset, SYS_fchmod, SYS_fchmodat, int(fchmodat2), SYS_fchown, SYS_fchownat, SYS_setxattr,
    SYS_lsetxattr, SYS_fsetxattr, SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr, int(setxattrat),
    int(removexattrat), SYS_mknodat, SYS_name_to_handle_at, SYS_open_by_handle_at,
    // doors into the kernel, and the machine itself
    SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, int(io_uring_setup), int(io_uring_enter), int(io_uring_register),
    SYS_add_key, SYS_request_key, SYS_keyctl, SYS_fanotify_init, SYS_init_module, SYS_finit_module, SYS_delete_module,
    SYS_kexec_load, SYS_kexec_file_load, SYS_mount, SYS_umount2, int(open_tree), int(open_tree_attr), int(move_mount),
    int(fsopen), int(fsconfig), int(fsmount), int(fspick), int(mount_setattr), SYS_pivot_root, SYS_chroot, SYS_swapon,
    SYS_swapoff, SYS_reboot, SYS_acct, SYS_quotactl, int(quotactl_fd), SYS_syslog, SYS_vhangup, SYS_sethostname,
    SYS_setdomainname, SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex};

constexpr uint32_t no = SECCOMP_RET_ERRNO | EPERM, unknown = SECCOMP_RET_ERRNO | ENOSYS;

sock_filter load(size_t at) { return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(at)); }
// The lower half; the upper one of flags and request numbers is not looked at by the kernel either.
sock_filter load_argument(size_t i) { return load(offsetof(seccomp_data, args) + i * sizeof(uint64_t)); }
sock_filter end(uint32_t verdict) { return BPF_STMT(BPF_RET | BPF_K, verdict); }
// Skips so many lines unless the loaded number is (has, is at least) `k`.
sock_filter unless(uint16_t how, uint32_t k, uint8_t skip) { return BPF_JUMP(BPF_JMP | how | BPF_K, k, 0, skip); }

}  // namespace

std::vector<sock_filter> refusing_program() {
  if (!processor) return {};
  constexpr size_t number = offsetof(seccomp_data, nr);
  std::vector<sock_filter> program{load(offsetof(seccomp_data, arch)),
                                   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, processor, 1, 0), end(SECCOMP_RET_KILL_PROCESS),
                                   load(number)};
  const auto add = [&](std::initializer_list<sock_filter> lines) { program.insert(program.end(), lines); };
  add({unless(BPF_JGE, newest + 1, 1), end(unknown)});  // the 32-bit calls of x86_64 too: their numbers are above 2^30
  add({unless(BPF_JEQ, clone3, 1), end(unknown)});      // its flags stand in memory, so the C library shall use clone
  add({unless(BPF_JEQ, SYS_clone, 4), load_argument(0), unless(BPF_JSET, CLONE_THREAD, 1), end(SECCOMP_RET_ALLOW),
       end(no)});
  add({unless(BPF_JEQ, SYS_ioctl, 5), load_argument(1), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 1, 0),  // types at
       BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX, 0, 1), end(no), load(number)});  // the terminal
  for (const int call : refused) add({unless(BPF_JEQ, static_cast<uint32_t>(call), 1), end(no)});
  for (const int call : of_this_processor) add({unless(BPF_JEQ, static_cast<uint32_t>(call), 1), end(no)});
  add({end(SECCOMP_RET_ALLOW)});
  return program;
}

}  // namespace tessera::cli
#endif
