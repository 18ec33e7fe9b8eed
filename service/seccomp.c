#include "service/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#define ARCH 0
#endif

/* What an auditor does all day, the most frequent first. */
static const int allowed[] = {
	SYS_read, SYS_ppoll, SYS_recvfrom, SYS_write, SYS_futex,
#ifdef SYS_poll
	SYS_poll,
#endif
	SYS_clock_gettime, SYS_clock_nanosleep, SYS_nanosleep,
	SYS_gettimeofday, SYS_getrandom,
	/* memory; mmap and mprotect stand below */
	SYS_munmap, SYS_mremap, SYS_madvise, SYS_brk,
	/* files that are open, or that Landlock lets it open */
	SYS_openat, SYS_close, SYS_fstat, SYS_newfstatat, SYS_statx,
	SYS_lseek, SYS_pread64, SYS_readv, SYS_writev, SYS_fcntl, SYS_dup,
	SYS_fadvise64, SYS_fsync, SYS_fdatasync, SYS_ftruncate, SYS_fchmod,
	SYS_unlinkat, SYS_renameat, SYS_renameat2, SYS_readlinkat,
	SYS_faccessat, SYS_faccessat2, SYS_getdents64, SYS_umask, SYS_getcwd,
#ifdef SYS_open
	SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_unlink,
	SYS_rename,
#endif
	/* sockets that it has; sending stands below */
	SYS_recvmsg, SYS_getsockopt, SYS_getsockname,
	/* itself */
	SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn,
	SYS_rt_sigtimedwait, SYS_restart_syscall, SYS_sigaltstack,
	SYS_getpid, SYS_gettid, SYS_getuid, SYS_geteuid, SYS_getgid,
	SYS_getegid, SYS_sched_yield, SYS_sched_getaffinity, SYS_sysinfo,
	SYS_uname, SYS_set_robust_list, SYS_exit, SYS_exit_group,
#ifdef SYS_rseq
	SYS_rseq,
#endif
#ifdef SYS_time
	SYS_time,
#endif
};

/* Allowed while the lower half of an argument, masked, has this value. */
static const struct {
	int nr;
	unsigned arg;
	uint32_t mask, value;
} conditional[] = {
	{ SYS_mmap, 2, PROT_EXEC, 0 },
	{ SYS_mprotect, 2, PROT_EXEC, 0 },
	{ SYS_clone, 0, CLONE_THREAD, CLONE_THREAD },
	{ SYS_ioctl, 1, UINT32_MAX, TCGETS },
	{ SYS_ioctl, 1, UINT32_MAX, TIOCGWINSZ },
	/* libpcap asks whether an interface is down or gone */
	{ SYS_ioctl, 1, UINT32_MAX, SIOCGIFFLAGS },
};

/* Nothing here does this by mistake. */
static const int deadly[] = {
	SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv,
	SYS_process_vm_writev, SYS_bpf, SYS_mount, SYS_umount2,
	SYS_pivot_root, SYS_setns, SYS_unshare, SYS_init_module,
	SYS_finit_module, SYS_kexec_load, SYS_perf_event_open,
	SYS_userfaultfd, SYS_add_key, SYS_keyctl, SYS_request_key,
#ifdef SYS_io_uring_setup
	SYS_io_uring_setup,
#endif
};

/* Allowed on these descriptors alone: a capturing socket could send, too. */
static const int sending[] = { SYS_sendto, SYS_connect };

enum {
	N_ALLOWED = sizeof(allowed) / sizeof(*allowed),
	N_CONDITIONAL = sizeof(conditional) / sizeof(*conditional),
	N_DEADLY = sizeof(deadly) / sizeof(*deadly),
	N_SENDING = sizeof(sending) / sizeof(*sending),
	ROOM = 16 + 2 * N_ALLOWED + 6 * N_CONDITIONAL + 2 * N_DEADLY +
	       6 * N_SENDING * SECCOMP_SEND,
};

struct program {
	struct sock_filter v[ROOM];
	unsigned short n;
};

static void put(struct program *p, uint16_t code, uint32_t k, uint8_t yes,
		uint8_t no)
{
	p->v[p->n++] = (struct sock_filter){ code, yes, no, k };
}

static void load(struct program *p, size_t offset)
{
	put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* if (accumulator == k) return action; */
static void when(struct program *p, uint32_t k, uint32_t action)
{
	put(p, BPF_JMP | BPF_JEQ | BPF_K, k, 0, 1);
	put(p, BPF_RET | BPF_K, action, 0, 0);
}

/* The lower half of an argument comes first on the machines known here. */
static void allow_if(struct program *p, int nr, unsigned arg, uint32_t mask,
		     uint32_t value)
{
	put(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 5);
	load(p, offsetof(struct seccomp_data, args) + 8u * arg);
	put(p, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
	when(p, value, SECCOMP_RET_ALLOW);
	load(p, offsetof(struct seccomp_data, nr));
}

static void build(struct program *p, const int *send, size_t n_send)
{
	p->n = 0;
	load(p, offsetof(struct seccomp_data, arch));
	put(p, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	put(p, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	load(p, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < N_ALLOWED; i++)
		when(p, (uint32_t)allowed[i], SECCOMP_RET_ALLOW);
	for (size_t i = 0; i < N_CONDITIONAL; i++)
		allow_if(p, conditional[i].nr, conditional[i].arg,
			 conditional[i].mask, conditional[i].value);
	for (size_t i = 0; i < n_send && i < SECCOMP_SEND; i++)
		for (size_t k = 0; k < N_SENDING; k++)
			allow_if(p, sending[k], 0, UINT32_MAX,
				 (uint32_t)send[i]);
	for (size_t i = 0; i < N_DEADLY; i++)
		when(p, (uint32_t)deadly[i], SECCOMP_RET_KILL_PROCESS);
#ifdef SYS_clone3
	/* Its flags are in memory, which a filter cannot read: the C library
	 * falls back to clone. */
	when(p, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
#endif
	put(p, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM, 0, 0);
}

int seccomp_enter(const int *send, size_t n_send, const char **why)
{
	struct program p;
	struct sock_fprog prog;

	if (!ARCH) {
		*why = "no list of system calls for this machine: they are "
		       "not fenced off";
		errno = ENOSYS;
		return -1;
	}
	build(&p, send, n_send);
	prog = (struct sock_fprog){ p.n, p.v };
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		    SECCOMP_FILTER_FLAG_TSYNC, &prog) == 0)
		return 0;
	*why = "this kernel has no seccomp filters: system calls are not "
	       "fenced off";
	if (errno == EINVAL)
		errno = ENOSYS;
	return -1;
}
