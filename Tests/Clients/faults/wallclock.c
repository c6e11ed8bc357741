// Runs a program whose wall clock is that of the machine moved by so many nanoseconds as a file says, which may change at any moment.
//
// usage: wallclock FILE PROGRAM [ARGUMENT...]
//
// A static executable asks the vDSO, which no preloaded library and no injected call reaches. So the program is traced: at its start the address of the vDSO is
// taken out of its auxiliary vector (getauxval(3)), glibc then asks the kernel, and a filter (seccomp(2)) hands each question for the wall clock, and no other
// call, to us. It is answered here: the call itself is left out. The monotonic clock stays what it is. Ends as the program does.
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset;
static volatile pid_t program;

static void fail(const char *what) {
  perror(what);
  exit(70);
}

static void pass_on(int number) {
  if (program > 0) kill(program, number);
}

/// The child: asks for its calls to be filtered, and becomes the program.
static void become(char **words) {
  struct sock_filter code[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 6),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_gettimeofday, 5, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_time, 4, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_gettime, 0, 2),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CLOCK_REALTIME, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
  };
  struct sock_fprog filter = {.len = sizeof code / sizeof *code, .filter = code};
  if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) fail("wallclock: ptrace");
  raise(SIGSTOP);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) fail("wallclock: seccomp");
  execv(words[0], words);
  fail(words[0]);
}

/// The program has just begun: above its stack pointer lie its arguments, its environment and the auxiliary vector.
static void hide_vdso(pid_t pid) {
  struct user_regs_struct registers;
  if (ptrace(PTRACE_GETREGS, pid, 0, &registers) != 0) fail("wallclock: registers");
  uint64_t place = registers.rsp + 8;
  for (int lists = 0; lists < 2; place += 8)
    if (ptrace(PTRACE_PEEKDATA, pid, place, 0) == 0) lists++;
  for (;; place += 16) {
    uint64_t type = ptrace(PTRACE_PEEKDATA, pid, place, 0);
    if (type == AT_SYSINFO_EHDR && ptrace(PTRACE_POKEDATA, pid, place, AT_IGNORE) != 0) fail("wallclock: auxiliary vector");
    if (type == AT_NULL || type == AT_SYSINFO_EHDR) return;
  }
}

/// A thread is about to ask what time it is: gives the answer in the place of the kernel.
static void answer(pid_t thread) {
  struct user_regs_struct registers;
  if (ptrace(PTRACE_GETREGS, thread, 0, &registers) != 0) return;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  int64_t moved = now.tv_sec * 1000000000LL + now.tv_nsec + *offset;
  struct timespec exact = {moved / 1000000000, moved % 1000000000};
  struct timeval coarse = {exact.tv_sec, exact.tv_nsec / 1000};
  int is_exact = registers.orig_rax == SYS_clock_gettime;
  uint64_t target = is_exact ? registers.rsi : registers.rdi;
  size_t length = registers.orig_rax == SYS_time ? sizeof exact.tv_sec : is_exact ? sizeof exact : sizeof coarse;
  struct iovec here = {is_exact ? (void *)&exact : (void *)&coarse, length}, there = {(void *)target, length};
  int failed = target != 0 && process_vm_writev(thread, &here, 1, &there, 1, 0) != (ssize_t)length;
  registers.rax = failed ? (uint64_t)-EFAULT : registers.orig_rax == SYS_time ? (uint64_t)exact.tv_sec : 0;
  registers.orig_rax = -1;
  ptrace(PTRACE_SETREGS, thread, 0, &registers);
}

int main(int count, char **words) {
  if (count < 3) return 64;
  int file = open(words[1], O_RDONLY);
  offset = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
  if (file < 0 || offset == MAP_FAILED) fail(words[1]);
  program = fork();
  if (program == 0) become(words + 2);
  for (int number = 1; number < 32; number++)
    if (number == SIGHUP || number == SIGINT || number == SIGTERM || number == SIGUSR1 || number == SIGUSR2) signal(number, pass_on);
  int status;
  if (waitpid(program, &status, 0) != program || !WIFSTOPPED(status)) return 70;
  long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
  if (ptrace(PTRACE_SETOPTIONS, program, 0, options) != 0) fail("wallclock: options");
  ptrace(PTRACE_CONT, program, 0, 0);
  for (;;) {
    pid_t thread = waitpid(-1, &status, __WALL);
    if (thread < 0 && errno == EINTR) continue;
    if (thread < 0) return 70;
    if (!WIFSTOPPED(status)) {
      if (thread != program) continue;
      if (WIFEXITED(status)) return WEXITSTATUS(status);
      signal(WTERMSIG(status), SIG_DFL);
      raise(WTERMSIG(status));
      return 70;
    }
    int number = WSTOPSIG(status), event = status >> 16;
    if (event == PTRACE_EVENT_SECCOMP) answer(thread);
    if (event == PTRACE_EVENT_EXEC) hide_vdso(thread);
    // A new thread begins with a stop of its own, which nobody sent.
    ptrace(PTRACE_CONT, thread, 0, event != 0 || number == SIGSTOP || number == SIGTRAP ? 0 : number);
  }
}
