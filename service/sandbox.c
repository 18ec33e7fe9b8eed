#include "service/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "service/seccomp.h"

/* ---- Landlock (kernel: Documentation/userspace-api/landlock.rst) --------- */

/* Rights that came after the header of Debian 12. */
#define FS_TRUNCATE (1ull << 14)  /* ABI 3 */
#define FS_IOCTL_DEV (1ull << 15) /* ABI 5 */
#define NET_TCP 3ull		  /* ABI 4: bind and connect */
#define SCOPES 3ull		  /* ABI 6: abstract sockets and signals */

struct rules {
	uint64_t fs, net, scoped;
};

#define FS_FIRST ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1) /* ABI 1 */
/* What a file that is no directory can be given. */
#define FS_OF_FILE (LANDLOCK_ACCESS_FS_EXECUTE | \
		    LANDLOCK_ACCESS_FS_WRITE_FILE | \
		    LANDLOCK_ACCESS_FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

static struct rules handled(long abi)
{
	struct rules r = { .fs = FS_FIRST };

	if (abi >= 2)
		r.fs |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		r.fs |= FS_TRUNCATE;
	if (abi >= 4)
		r.net = NET_TCP;
	if (abi >= 5)
		r.fs |= FS_IOCTL_DEV;
	if (abi >= 6)
		r.scoped = SCOPES;
	return r;
}

static size_t attr_size(long abi)
{
	return abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
}

static uint64_t rights(unsigned may)
{
	uint64_t fs = 0;

	if (may & (SANDBOX_READ | SANDBOX_REPLACE))
		fs |= LANDLOCK_ACCESS_FS_READ_FILE |
		      LANDLOCK_ACCESS_FS_READ_DIR;
	if (may & (SANDBOX_WRITE | SANDBOX_REPLACE))
		fs |= LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE;
	if (may & SANDBOX_REPLACE)
		fs |= LANDLOCK_ACCESS_FS_MAKE_REG |
		      LANDLOCK_ACCESS_FS_REMOVE_FILE;
	return fs;
}

static int add_path(int ruleset, const struct sandbox_path *p,
		    const struct rules *all)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = rights(p->may) & all->fs,
		.parent_fd = open(p->path, O_PATH | O_CLOEXEC),
	};
	struct stat st;
	long rc;

	if (rule.parent_fd < 0)
		return errno == ENOENT || errno == EACCES ? 0 : -1;
	if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed_access &= FS_OF_FILE;
	rc = syscall(SYS_landlock_add_rule, ruleset,
		     LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	if (rc < 0 && errno == EBADFD) /* a pipe: Landlock lets those be */
		rc = 0;
	close(rule.parent_fd);
	return rc == 0 ? 0 : -1;
}

static int fence(const struct sandbox *s, struct sandbox_state *st)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
			   LANDLOCK_CREATE_RULESET_VERSION);
	struct rules all;
	int fd, rc = 0;

	if (abi < 1) {
		st->missing = "this kernel has no Landlock: files are not "
			      "fenced off";
		return 0;
	}
	all = handled(abi);
	fd = (int)syscall(SYS_landlock_create_ruleset, &all, attr_size(abi),
			  0);
	st->missing = "Landlock refuses the rules for files";
	if (fd < 0)
		return -1;
	for (size_t i = 0; i < s->n_path; i++)
		rc |= add_path(fd, &s->path[i], &all);
	if (rc == 0)
		rc = syscall(SYS_landlock_restrict_self, fd, 0) == 0 ? 0 : -1;
	close(fd);
	if (rc == 0) {
		st->landlock = (int)abi;
		st->missing = NULL;
	}
	return rc;
}

/* Under a sanitizer the program needs more than it does by itself. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

int sandbox_enter(const struct sandbox *s, struct sandbox_state *st)
{
	const char *no_fence;

	*st = (struct sandbox_state){ .missing = NULL };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		st->missing = "no_new_privs is refused";
		return -1;
	}
	if (SANITIZED) {
		st->missing = "built with sanitizers: no sandbox";
		return 0;
	}
	if (fence(s, st) < 0)
		return -1;
	no_fence = st->missing;
	if (seccomp_enter(s->send, s->n_send, &st->missing) == 0) {
		st->seccomp = true;
		st->missing = no_fence;
	} else if (errno != ENOSYS) {
		return -1;
	}
	return 0;
}

/* ---- user and capabilities ------------------------------------------------ */

/* Only who may set capabilities may take them out of the bounding set; for
 * others no_new_privs does the same. */
static void drop_bounding(uint64_t keep)
{
	for (unsigned long c = 0; c <= 63; c++)
		if (!(keep >> c & 1) && prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0)
			return;
}

int sandbox_drop_capabilities(uint64_t keep)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3,
						 0 };
	struct __user_cap_data_struct left[2];

	drop_bounding(keep);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	memset(left, 0, sizeof(left));
	left[0].effective = left[0].permitted = (uint32_t)keep;
	left[1].effective = left[1].permitted = (uint32_t)(keep >> 32);
	return syscall(SYS_capset, &head, left) == 0 ? 0 : -1;
}

int sandbox_become(const char *user, const char **why)
{
	struct passwd pw, *found = NULL;
	char text[4096];

	*why = "there is no such user";
	if (getpwnam_r(user, &pw, text, sizeof(text), &found) != 0 || !found)
		return -1;
	*why = "the user may not be changed";
	if (geteuid() == pw.pw_uid && pw.pw_uid != 0)
		return 0;
	drop_bounding(0);
	if (setgroups(0, NULL) < 0 ||
	    setresgid(pw.pw_gid, pw.pw_gid, pw.pw_gid) < 0 ||
	    setresuid(pw.pw_uid, pw.pw_uid, pw.pw_uid) < 0)
		return -1;
	*why = "it could become root again";
	if (pw.pw_uid != 0 && setresuid(-1, 0, -1) == 0)
		return -1;
	return 0;
}
