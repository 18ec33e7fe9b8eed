#include "check/load.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "check/netdev.h"
#include "check/read.h"

/*
 * The child makes the namespaces and the interfaces, runs nft, and hands back
 * a netfilter socket and the namespaces by SCM_RIGHTS. The parent then reads
 * over that socket: the owner of a user namespace has all rights in it.
 */
enum stage { ST_OK, ST_USERNS, ST_NETNS, ST_IFACE, ST_EXEC, ST_NFT, ST_SOCKET };

struct report {
	int stage, error;
	char name[IF_NAMESIZE];
};

enum { N_FDS = 3, MAX_RUNS = 6 };

struct job {
	const char *path;
	bool json; /* a listing of nft -j; loaded from json_fd */
	int json_fd;
	int script_fd; /* loaded after it; -1: nothing */
	const char *const *piece; /* what is loaded in place of the file */
	size_t n_piece;
	const char *part[LISTING_PARTS]; /* and of the listing; NULL */
	const struct names *iface;
	int err_fd; /* what nft says */
	uid_t uid;
	gid_t gid;
};

/* Rules with their handles; sets' elements and counts left out. */
static const char *const list_rules[] = { "nft", "-a", "-s", "-t", "list",
					  "ruleset", NULL };

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0) {
		/* seen later, by what is then not allowed */
	}
	close(fd);
}

static bool enter_namespaces(const struct job *j, struct report *r)
{
	char map[64];

	/* root needs no user namespace, and larger files load without */
	if (j->uid == 0 && unshare(CLONE_NEWNET) == 0)
		return true;
	if (unshare(CLONE_NEWUSER) < 0) {
		*r = (struct report){ST_USERNS, errno, ""};
		return false;
	}
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)j->uid);
	write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)j->gid);
	write_file("/proc/self/gid_map", map);
	if (unshare(CLONE_NEWNET) < 0) {
		*r = (struct report){ST_NETNS, errno, ""};
		return false;
	}
	return true;
}

static bool make_ifaces(const struct job *j, struct report *r)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int err = fd < 0 ? errno : 0;

	for (size_t i = 0; !err && i < j->iface->n; i++) {
		const char *name = j->iface->v[i];
		int index = NETDEV_FIRST + (int)i;

		err = netdev_make(fd, name, index);
		if (err) {
			*r = (struct report){ST_IFACE, err, ""};
			snprintf(r->name, sizeof(r->name), "%s", name);
		}
	}
	if (fd >= 0)
		close(fd);
	return !err;
}

/* 127: no nft there */
static int run_nft(const char *const *argv, int out, int err)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return 127;
	if (pid == 0) {
		char *const *args = (char *const *)(uintptr_t)argv;

		dup2(out, STDOUT_FILENO);
		dup2(err, STDERR_FILENO);
		execvp("nft", args);
		execv("/usr/sbin/nft", args);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 127;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void send_back(int to, const struct report *r, const int *fd)
{
	union {
		char b[CMSG_SPACE(sizeof(int) * N_FDS)];
		struct cmsghdr align;
	} u = {{0}};
	struct report copy = *r;
	struct iovec iov = {&copy, sizeof(copy)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;

	if (r->stage == ST_OK) {
		m.msg_control = u.b;
		m.msg_controllen = sizeof(u.b);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * N_FDS);
		memcpy(CMSG_DATA(c), fd, sizeof(int) * N_FDS);
	}
	while (sendmsg(to, &m, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

static int open_netfilter(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
}

static int text_file(const char *text, size_t n)
{
	int fd = memfd_create("nft-input", MFD_CLOEXEC);

	if (fd >= 0 && (write(fd, text, n) != (ssize_t)n ||
			lseek(fd, 0, SEEK_SET) < 0)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* In place of standard input; it is a child that does so. */
static int run_script(int fd, int err, const char *option)
{
	const char *argv[] = {"nft", option, "-", NULL};

	if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
		return 1;
	return run_nft(argv, err, err);
}

static int run_text(const struct job *j, const char *text, const char *option)
{
	int fd = text_file(text, strlen(text));
	int rc = run_script(fd, j->err_fd, option);

	if (fd >= 0)
		close(fd);
	return rc;
}

static int load_all(const struct job *j)
{
	const char *argv[] = {"nft", j->json ? "-jf" : "-f",
			      j->json ? "-" : j->path, NULL};
	int rc = 0;

	if (!j->n_piece && !j->part[0])
		rc = run_nft(argv, j->err_fd, j->err_fd);
	for (size_t i = 0; !rc && i < j->n_piece; i++)
		rc = run_text(j, j->piece[i], "-f");
	for (size_t i = 0; !rc && j->part[0] && i < LISTING_PARTS; i++)
		rc = run_text(j, j->part[i], i == LISTING_MAPS ? "-f" : "-jf");
	if (!rc && j->script_fd >= 0)
		rc = run_script(j->script_fd, j->err_fd, "-f");
	return rc;
}

static _Noreturn void child(const struct job *j, int to)
{
	struct report r = {ST_OK, 0, ""};
	int fd[N_FDS] = {-1, -1, -1}, rc;

	if (j->json)
		dup2(j->json_fd, STDIN_FILENO);
	if (enter_namespaces(j, &r) && make_ifaces(j, &r)) {
		rc = load_all(j);
		if (rc)
			r = (struct report){rc == 127 ? ST_EXEC : ST_NFT, rc,
					    ""};
	}
	if (r.stage == ST_OK) {
		fd[0] = open_netfilter();
		fd[1] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
		fd[2] = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
		if (fd[0] < 0 || fd[1] < 0 || fd[2] < 0)
			r = (struct report){ST_SOCKET, errno, ""};
	}
	send_back(to, &r, fd);
	_exit(0);
}

static bool receive_back(int from, struct report *r, int *fd)
{
	union {
		char b[CMSG_SPACE(sizeof(int) * N_FDS)];
		struct cmsghdr align;
	} u;
	struct iovec iov = {r, sizeof(*r)};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = u.b,
			   .msg_controllen = sizeof(u.b)};
	struct cmsghdr *c;
	ssize_t got;

	do {
		got = recvmsg(from, &m, MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got != sizeof(*r))
		return false;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int) * N_FDS))
		memcpy(fd, CMSG_DATA(c), sizeof(int) * N_FDS);
	return true;
}

/* All of a file; NUL behind it. */
static char *slurp(struct arena *a, int fd, size_t *n)
{
	struct buf b = {0};
	char chunk[16384], *s;
	ssize_t got;

	while ((got = read(fd, chunk, sizeof(chunk))) > 0)
		buf_put(&b, chunk, (size_t)got);
	*n = b.n;
	s = buf_take(a, &b);
	return got < 0 ? NULL : s;
}

static const char too_long[] =
	"  it is more than an ordinary user may send the kernel at once "
	"(net.core.wmem_default): run this as root\n";
static const char refused_as_long[] = "Message too long";
static const char refused_map[] = "Invalid map type";

static void explain(const struct report *r, const char *path, const char *said,
		    struct buf *err)
{
	static const char *const text[] = {
		[ST_USERNS] =
			"cannot make a private user namespace to load it in",
		[ST_NETNS] =
			"cannot make a private network namespace to load it in",
		[ST_IFACE] = "cannot make an interface it needs",
		[ST_EXEC] = "cannot run nft, which loads it",
		[ST_NFT] = "nft refuses it",
		[ST_SOCKET] = "cannot open a netlink socket",
	};

	buf_printf(err, "%s: %s", path, text[r->stage]);
	if (r->stage == ST_IFACE)
		buf_printf(err, " (\"%s\")", r->name);
	if (r->stage != ST_NFT && r->stage != ST_EXEC)
		buf_printf(err, ": %s", strerror(r->error));
	buf_putc(err, '\n');
	if (r->stage == ST_USERNS || r->stage == ST_NETNS)
		buf_puts(err, "  allow user namespaces (sysctl "
			      "kernel.unprivileged_userns_clone=1, "
			      "user.max_user_namespaces; containers: "
			      "--security-opt seccomp=unconfined), or run this "
			      "as root\n");
	buf_puts(err, said);
	if (strstr(said, refused_as_long))
		buf_puts(err, too_long);
}

static void take_texts(struct kruleset *rs, int listing)
{
	size_t n;
	char *text = listing >= 0 ? slurp(rs->arena, listing, &n) : NULL;

	if (text)
		rules_texts(rs, text, n);
	if (listing >= 0)
		close(listing);
}

/* What nft lists in the namespaces that the rules are loaded in. */
static void listed_texts(struct kruleset *rs)
{
	int fd = rs->netns < 0 ? -1 : memfd_create("nft-listing", MFD_CLOEXEC);
	pid_t pid = fd < 0 ? -1 : fork();

	if (pid == 0) {
		/* EINVAL: it is in this user namespace already */
		if ((setns(rs->userns, CLONE_NEWUSER) < 0 && errno != EINVAL) ||
		    setns(rs->netns, CLONE_NEWNET) < 0)
			_exit(1);
		_exit(run_nft(list_rules, fd, open("/dev/null", O_WRONLY)));
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	take_texts(rs, fd);
}

/* What came of pieces are the rules of the text, each in its place? */
static bool all_found(const struct kruleset *rs)
{
	for (size_t i = 0; i < rs->rule.n; i++) {
		const char *chain = rs->rule.v[i]->chain->name;

		/* nft's name of one without a name */
		if (!rs->rule.v[i]->line && strncmp(chain, "__chain", 7) != 0)
			return false;
	}
	return true;
}

static struct kruleset *take(struct arena *a, const struct job *j,
			     const char *text, size_t n, const int *fd,
			     struct buf *err)
{
	struct kruleset *rs = kr_read(a, fd[0], j->path, NULL, err);

	close(fd[0]);
	if (!rs) {
		close(fd[1]);
		close(fd[2]);
		return NULL;
	}
	rs->netns = fd[1];
	rs->userns = fd[2];
	vec_push(a, &rs->iface, (struct kr_iface){"lo", 1});
	for (size_t i = 0; i < j->iface->n; i++)
		vec_push(a, &rs->iface,
			 (struct kr_iface){j->iface->v[i],
					   NETDEV_FIRST + (uint32_t)i});
	rs->texts = listed_texts;
	if (!j->json)
		rules_lines(rs, j->path, text, n);
	if (j->n_piece && !all_found(rs)) {
		buf_printf(err, "%s: it is not what its pieces are\n%s",
			   j->path, too_long);
		check_unload(rs);
		return NULL;
	}
	return rs;
}

static struct kruleset *run_job(struct arena *a, const struct job *j,
				const char *text, size_t n, struct buf *err)
{
	struct report r = {ST_SOCKET, 0, ""};
	int pair[2], fd[N_FDS] = {-1, -1, -1};
	size_t len;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		buf_printf(err, "%s: cannot start what loads it: %s\n",
			   j->path, strerror(errno));
		return NULL;
	}
	pid = fork();
	if (pid == 0)
		child(j, pair[1]);
	if (pid < 0)
		r.error = errno;
	close(pair[1]);
	if (pid > 0 && !receive_back(pair[0], &r, fd))
		r = (struct report){ST_SOCKET, EPIPE, ""};
	close(pair[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (r.stage == ST_OK && fd[0] >= 0)
		return take(a, j, text, n, fd, err);
	lseek(j->err_fd, 0, SEEK_SET);
	explain(&r, j->path, slurp(a, j->err_fd, &len), err);
	return NULL;
}

static void rewind_all(const struct job *j)
{
	const int in[] = {j->json_fd, j->script_fd};

	for (unsigned i = 0; i < 2; i++)
		if (in[i] >= 0)
			lseek(in[i], 0, SEEK_SET);
	if (lseek(j->err_fd, 0, SEEK_SET) == 0 && ftruncate(j->err_fd, 0) < 0)
		return; /* what nft said before stands before it */
}

static bool take_parts(struct arena *a, struct job *j, const char *text,
		       size_t n)
{
	struct buf part[LISTING_PARTS] = { 0 };
	bool ok = listing_apart(a, text, n, part);

	for (size_t i = 0; i < LISTING_PARTS; i++) {
		if (ok)
			j->part[i] = arena_strdup(a, part[i].s);
		buf_free(&part[i]);
	}
	return ok;
}

/* Is there something to do otherwise after what nft said? */
static bool mended(struct arena *a, struct job *j, struct names *need,
		   const char *text, size_t n, const char *said)
{
	if (!j->json && !j->n_piece && strstr(said, refused_as_long)) {
		j->piece = rules_pieces(a, text, n, &j->n_piece);
		return j->n_piece != 0;
	}
	if (j->json && !j->part[0] && strstr(said, refused_map))
		return take_parts(a, j, text, n);
	return names_complained(a, need, said);
}

/* Interfaces that were not found in the text (behind `fwd to`, in a variable)
 * nft itself names; what is too long for it goes in pieces. */
static struct kruleset *run_again(struct arena *a, struct job *j,
				  struct names *need, const char *text,
				  size_t n, struct buf *err)
{
	struct kruleset *rs = NULL;
	struct buf said = {0};

	for (unsigned i = 0; i < MAX_RUNS; i++) {
		said.n = 0;
		rewind_all(j);
		rs = run_job(a, j, text, n, &said);
		if (rs || !said.n || !mended(a, j, need, text, n, said.s))
			break;
	}
	if (said.n)
		buf_put(err, said.s, said.n);
	buf_free(&said);
	return rs;
}

static int listing_file(const char *text, size_t n)
{
	struct buf b = {0};
	int fd;

	listing_in_order(text, n, &b);
	fd = text_file(b.s, b.n);
	buf_free(&b);
	return fd;
}

struct kruleset *check_load_file(struct arena *a, const char *path,
				 const char *const *iface, size_t n,
				 struct buf *err)
{
	return check_load_amended(a, path, iface, n, NULL, err);
}

struct kruleset *check_load_amended(struct arena *a, const char *path,
				    const char *const *iface, size_t n,
				    const char *script, struct buf *err)
{
	struct names need = {0};
	struct job j = {.path = path, .json_fd = -1, .script_fd = -1,
			.iface = &need,
			.err_fd = -1, .uid = geteuid(), .gid = getegid()};
	struct kruleset *rs = NULL;
	size_t len;
	char *text = NULL;
	unsigned compat;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		text = slurp(a, fd, &len);
	if (!text) {
		buf_printf(err, "%s: %s\n", path, strerror(errno));
		goto out;
	}
	compat = listing_compat_line(text, len);
	if (compat) {
		buf_printf(err, "%s:%u: an xtables compat expression: nft has "
			   "no words for this rule of iptables-nft\n", path,
			   compat);
		goto out;
	}
	j.json = text[strspn(text, " \t\r\n")] == '{';
	(j.json ? names_needed_json : names_needed)(a, &need, text, len);
	for (size_t i = 0; i < n; i++)
		names_add(a, &need, iface[i], strlen(iface[i]));
	j.err_fd = memfd_create("nft-messages", MFD_CLOEXEC);
	if (j.json)
		j.json_fd = listing_file(text, len);
	if (script) {
		names_needed(a, &need, script, strlen(script));
		j.script_fd = text_file(script, strlen(script));
	}
	if (j.err_fd < 0 || (j.json && j.json_fd < 0) ||
	    (script && j.script_fd < 0))
		buf_printf(err, "%s: %s\n", path, strerror(errno));
	else
		rs = run_again(a, &j, &need, text, len, err);
out:
	if (fd >= 0)
		close(fd);
	if (j.json_fd >= 0)
		close(j.json_fd);
	if (j.script_fd >= 0)
		close(j.script_fd);
	if (j.err_fd >= 0)
		close(j.err_fd);
	return rs;
}

bool check_run_nft(const char *script)
{
	const char *load[] = {"nft", "-f", "-", NULL};
	int fd = text_file(script, strlen(script)), rc = 1;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int kept = dup(STDIN_FILENO);

	if (fd >= 0 && null >= 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO)
		rc = run_nft(load, null, null);
	if (kept >= 0)
		dup2(kept, STDIN_FILENO);
	for (unsigned i = 0; i < 3; i++) {
		int x = i == 0 ? fd : i == 1 ? null : kept;

		if (x >= 0)
			close(x);
	}
	return rc == 0;
}

/* What nft says of the ruleset here; -1: nothing. */
static int listing_of(const char *const *argv)
{
	int fd = memfd_create("nft-listing", 0), null;

	if (fd < 0)
		return -1;
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (run_nft(argv, fd, null) || lseek(fd, 0, SEEK_SET) < 0) {
		close(fd);
		fd = -1;
	}
	if (null >= 0)
		close(null);
	return fd;
}

static void live_texts(struct kruleset *rs)
{
	take_texts(rs, listing_of(list_rules));
}

/* Nothing is tried in a running firewall, but in a copy of its ruleset. */
static void live_copy(struct kruleset *rs)
{
	const char *list[] = {"nft", "-s", "list", "ruleset", NULL};
	int fd = listing_of(list);
	struct buf ignored = {0};
	struct kruleset *copy;

	if (fd < 0)
		return;
	/* stays open: nft is handed its name */
	rs->copy = arena_printf(rs->arena, "/proc/self/fd/%d", fd);
	copy = check_load_file(rs->arena, rs->copy, NULL, 0, &ignored);
	buf_free(&ignored);
	if (!copy || copy->rule.n != rs->rule.n ||
	    copy->chain.n != rs->chain.n) {
		check_unload(copy);
		close(fd);
		rs->copy = NULL;
		return;
	}
	rs->netns = copy->netns;
	rs->userns = copy->userns;
}

struct kruleset *check_read_live(struct arena *a, const struct kr_known *known,
				 struct buf *err)
{
	int fd = open_netfilter();
	struct kruleset *rs;
	struct if_nameindex *list;

	if (fd < 0) {
		buf_printf(err, "netlink socket: %s\n", strerror(errno));
		return NULL;
	}
	rs = kr_read(a, fd, "live", known, err);
	close(fd);
	list = rs ? if_nameindex() : NULL;
	for (struct if_nameindex *i = list; i && i->if_name; i++)
		vec_push(a, &rs->iface,
			 (struct kr_iface){arena_strdup(a, i->if_name),
					   i->if_index});
	if (list)
		if_freenameindex(list);
	return rs;
}

struct kruleset *check_load_live(struct arena *a, struct buf *err)
{
	struct kruleset *rs = check_read_live(a, NULL, err);

	if (rs) {
		live_texts(rs);
		live_copy(rs);
	}
	return rs;
}

void check_unload(struct kruleset *rs)
{
	if (rs && rs->netns >= 0)
		close(rs->netns);
	if (rs && rs->userns >= 0)
		close(rs->userns);
	if (rs)
		rs->netns = rs->userns = -1;
}
