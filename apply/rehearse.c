#include "apply/apply.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/netlink.h>

/*
 * A child makes the namespace and hands back a socket in it; all else happens
 * here. The namespace lives as long as the socket.
 */
static void write_map(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0) {
		/* seen later, by what is then not allowed */
	}
	close(fd);
}

/* Root needs no user namespace, and its sockets take more. */
static int enter(uid_t uid, gid_t gid)
{
	char map[64];

	if (unshare(CLONE_NEWNET) == 0)
		return 0;
	if (unshare(CLONE_NEWUSER) < 0)
		return -1;
	write_map("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)uid);
	write_map("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)gid);
	write_map("/proc/self/gid_map", map);
	return unshare(CLONE_NEWNET);
}

union control {
	char b[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static void send_fd(int to, int fd)
{
	union control u = { { 0 } };
	char c = 0;
	struct iovec iov = { &c, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = u.b,
			    .msg_controllen = sizeof(u.b) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	while (sendmsg(to, &m, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

static int receive_fd(int from)
{
	union control u;
	char c;
	struct iovec iov = { &c, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = u.b,
			    .msg_controllen = sizeof(u.b) };
	struct cmsghdr *h;
	int fd = -1;
	ssize_t n;

	do {
		n = recvmsg(from, &m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	h = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	if (h && h->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(h), sizeof(fd));
	return fd;
}

static int socket_in_namespace(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int pair[2], fd;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		struct sockaddr_nl self = { .nl_family = AF_NETLINK };

		fd = enter(uid, gid) < 0 ? -1 :
			socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
			       NETLINK_NETFILTER);
		if (fd >= 0 && bind(fd, (struct sockaddr *)&self,
				    sizeof(self)) == 0)
			send_fd(pair[1], fd);
		_exit(0);
	}
	close(pair[1]);
	fd = pid < 0 ? -1 : receive_fd(pair[0]);
	close(pair[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return fd;
}

int rehearse(const struct state_dir *s, const char *name, const char *table,
	     int *fd, struct buf *err)
{
	struct state_dir copy = *s;
	struct generations g;
	enum batch_result r = BATCH_FAILED;
	struct nft n;
	int slot, own = socket_in_namespace();

	if (own < 0) {
		buf_puts(err, "cannot make a network namespace to try it in: "
			      "root, or user namespaces, are needed\n");
		return -1;
	}
	nft_adopt(&n, own);
	if (generations_read(&n, table, &g, err) == 0)
		r = load_plan_file(&copy, name, &n, table, &g, &slot, err);
	if (r == BATCH_DONE)
		r = switch_to(&n, table, &g, slot, true, &g.generation, err);
	if (fd)
		*fd = r == BATCH_DONE ? fcntl(own, F_DUPFD_CLOEXEC, 3) : -1;
	nft_close(&n);
	return r == BATCH_DONE ? 0 : -1;
}
