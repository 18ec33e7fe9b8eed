#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "service/notify.h"
#include "service/sandbox.h"
#include "service/syslog.h"

/* ---- the sandbox: what is tried within it, in a child each --------------- */

enum { DONE = 10, REFUSED, ODD, NOT_FENCED };

static char folder[] = "/tmp/test-service-XXXXXX";
static char inside[64], outside[64], made[64];
static int pair[2], other[2]; /* may be sent on; may not */

static int refused(int rc)
{
	return rc >= 0 ? DONE : errno == EPERM || errno == EACCES ? REFUSED :
								    ODD;
}

static int open_inside(void)
{
	return refused(open(inside, O_RDONLY));
}

static int open_outside(void)
{
	return refused(open(outside, O_RDONLY));
}

static int write_inside(void)
{
	return refused(open(inside, O_WRONLY));
}

static int list_root(void)
{
	return refused(open("/", O_RDONLY | O_DIRECTORY));
}

static int make_file(void)
{
	return refused(open(made, O_WRONLY | O_CREAT | O_EXCL, 0600));
}

static int make_directory(void)
{
	return refused(mkdir(made, 0700));
}

static int make_socket(void)
{
	return refused(socket(AF_INET, SOCK_STREAM, 0));
}

static int send_here(void)
{
	return refused((int)send(pair[0], "x", 1, 0));
}

static int send_there(void)
{
	return refused((int)send(other[0], "x", 1, 0));
}

static int run_program(void)
{
	char *const argv[] = { (char[]){ "true" }, NULL };

	execv("/bin/true", argv);
	return refused(-1);
}

static int start_process(void)
{
	return refused(fork());
}

static int kill_other(void)
{
	return refused(kill(getppid(), 0));
}

static int trace(void)
{
	return refused((int)ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int make_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return refused(p == MAP_FAILED ? -1 : 0);
}

static int turn_to_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return refused(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static void *nothing(void *arg)
{
	return arg;
}

static int start_thread(void)
{
	pthread_t t;

	return pthread_create(&t, NULL, nothing, NULL) == 0 &&
	       pthread_join(t, NULL) == 0 ? DONE : ODD;
}

static int allocate(void)
{
	char *p = malloc(64 << 20);
	int rc;

	if (!p)
		return ODD;
	memset(p, 1, 64 << 20);
	rc = p[12345] == 1 ? DONE : ODD;
	free(p);
	return rc;
}

static int fenced(const struct sandbox_state *st)
{
	return st->landlock > 0 && st->seccomp;
}

/* Its exit code, or minus the signal that ended it. */
static int try_within(int (*act)(void))
{
	const struct sandbox_path path[] = {
		{ inside, SANDBOX_READ },
		{ "/nonexistent/path", SANDBOX_READ },
	};
	struct sandbox s = { path, 2, &pair[0], 1 };
	struct sandbox_state st;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (sandbox_enter(&s, &st) < 0)
			_exit(ODD);
		_exit(fenced(&st) ? act() : NOT_FENCED);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static const struct {
	const char *what;
	int (*act)(void);
	int want;
} acts[] = {
	{ "reads what it may", open_inside, DONE },
	{ "reads nothing else", open_outside, REFUSED },
	{ "writes not what it may read", write_inside, REFUSED },
	{ "lists no directory", list_root, REFUSED },
	{ "makes no file", make_file, REFUSED },
	{ "makes no directory", make_directory, REFUSED },
	{ "makes no socket", make_socket, REFUSED },
	{ "sends on its socket", send_here, DONE },
	{ "sends on no other", send_there, REFUSED },
	{ "runs no program", run_program, -SIGSYS },
	{ "starts no process", start_process, REFUSED },
	{ "sends no signal", kill_other, REFUSED },
	{ "traces nobody", trace, -SIGSYS },
	{ "makes no code", make_code, REFUSED },
	{ "turns nothing to code", turn_to_code, REFUSED },
	{ "starts threads", start_thread, DONE },
	{ "gets memory", allocate, DONE },
};

static void touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0644);

	CU_ASSERT(fd >= 0);
	close(fd);
}

static void test_sandbox(void)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(inside, sizeof(inside), "%s/inside", folder);
	snprintf(outside, sizeof(outside), "%s/outside", folder);
	snprintf(made, sizeof(made), "%s/made", folder);
	touch(inside);
	touch(outside);
	CU_ASSERT(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
	CU_ASSERT(socketpair(AF_UNIX, SOCK_DGRAM, 0, other) == 0);
	for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++) {
		int got = try_within(acts[i].act);

		if (got == NOT_FENCED) {
			printf("skipped sandbox: not in this kernel or build\n");
			break;
		}
		if (got != acts[i].want)
			printf("    %s: %d, not %d\n", acts[i].what, got,
			       acts[i].want);
		CU_ASSERT_EQUAL(got, acts[i].want);
	}
	unlink(inside);
	unlink(outside);
	unlink(made);
	rmdir(folder);
}

/* In a child; only root may become another. */
static int become(const char *user)
{
	const char *why;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int rc = sandbox_become(user, &why);

		if (rc == 0)
			rc = sandbox_drop_capabilities(0);
		if (rc == 0 && setuid(0) == 0 && getuid() != geteuid())
			_exit(ODD);
		_exit(rc == 0 ? getuid() != 0 ? DONE : ODD : REFUSED);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : ODD;
}

/* Root of a user namespace may know no other user. */
static bool knows_all_users(void)
{
	unsigned long from, to, n = 0;
	FILE *f = fopen("/proc/self/uid_map", "re");

	if (!f || fscanf(f, "%lu %lu %lu", &from, &to, &n) != 3)
		n = 0;
	if (f)
		fclose(f);
	return n == UINT32_MAX;
}

static void test_become(void)
{
	CU_ASSERT_EQUAL(become("no-such-user-here"), REFUSED);
	if (geteuid() == 0 && knows_all_users()) {
		CU_ASSERT_EQUAL(become("nobody"), DONE);
	} else {
		CU_ASSERT_NOT_EQUAL(become("nobody"), ODD);
	}
}

/* ---- messages --------------------------------------------------------------- */

static void message(struct buf *out, const char *value, const char *words)
{
	const struct syslog_head h = {
		.severity = SYSLOG_WARNING, .time = "2026-11-24T08:00:00.5Z",
		.host = "a host\n", .app = "portplan", .id = "x", .pid = 7,
	};

	syslog_begin(out, &h, "e@32473");
	syslog_param(out, "k", value);
	syslog_param(out, "none", NULL);
	syslog_end(out, words);
}

static void test_syslog_text(void)
{
	struct buf b = { 0 };

	message(&b, "a\"b\\c]d\ne", "some\nwords");
	CU_ASSERT_STRING_EQUAL(b.s, "<28>1 2026-11-24T08:00:00.5Z ahost "
			       "portplan 7 x [e@32473 k=\"a\\\"b\\\\c\\]d?e\"]"
			       " some?words");
	buf_free(&b);
}

static int listen_at(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	unlink(path);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	return bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0 ? fd :
								       -1;
}

static bool hears(int fd, const char *want)
{
	char text[256] = "";

	return recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT) > 0 &&
	       !strcmp(text, want);
}

/* A log that was restarted hears what is sent after that. */
static void test_syslog_socket(void)
{
	char path[] = "/tmp/test-syslog-XXXXXX";
	int fd = mkstemp(path);
	struct buf b = { 0 };
	const char *why;
	struct syslog *s;

	close(fd);
	fd = listen_at(path);
	s = syslog_open(path, false, &why);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	buf_puts(&b, "one");
	syslog_send(s, &b);
	CU_ASSERT(hears(fd, "one"));
	close(fd);
	syslog_send(s, &b);
	CU_ASSERT_EQUAL(syslog_lost(s), 1);
	fd = listen_at(path);
	syslog_send(s, &b);
	CU_ASSERT(hears(fd, "one"));
	CU_ASSERT_EQUAL(syslog_lost(s), 1);
	syslog_close(s);
	close(fd);
	unlink(path);
	buf_free(&b);
	CU_ASSERT_PTR_NULL(syslog_open("/nonexistent/log", true, &why));
	CU_ASSERT_STRING_EQUAL(why, "No such file or directory");
}

static void test_notify(void)
{
	char path[] = "/tmp/test-notify-XXXXXX";
	int fd = mkstemp(path), n;

	close(fd);
	fd = listen_at(path);
	n = notify_open(path);
	CU_ASSERT(n >= 0);
	notify_send(n, "STATUS=%d packets", 3);
	CU_ASSERT(hears(fd, "STATUS=3 packets"));
	close(n);
	close(fd);
	unlink(path);
	CU_ASSERT_EQUAL(notify_open(NULL), -1);
	CU_ASSERT_EQUAL(notify_open("relative"), -1);
	notify_send(-1, "READY=1");
}

static CU_TestInfo tests[] = {
	{ "sandbox", test_sandbox },
	{ "become", test_become },
	{ "syslog_text", test_syslog_text },
	{ "syslog_socket", test_syslog_socket },
	{ "notify", test_notify },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("service", tests);
}
