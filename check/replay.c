#include "check/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>

#include "check/connection.h"
#include "check/frame.h"
#include "check/netdev.h"

/*
 * A child enters the namespace. A packet is a frame put into the far end of
 * its interface's cable; the default route leads to the interface that it
 * should leave by, and it passed if it comes out of that cable, or, sent to
 * this machine, reaches a raw socket. The child stays on one CPU, where the
 * kernel handles frames in order: when a marker frame sent behind it arrives,
 * so has the packet, or never will.
 *
 * What is dropped is sent once more through a namespace without rules: where
 * the kernel itself forwards no such packet, the rules have not been tried.
 * A packet that does not open a connection gets what has to be before it
 * (connection.h), and must then get through where nothing but its state passes.
 */
enum { MARKER_TYPE = 0x88b5 };
enum { MARKER_WAIT = 2000, WARM_WAIT = 20 /* ms */, WARM_TRIES = 50 };
enum { END_IN, END_OUT, ENDS };

struct lane {
	int index, peer, near, far; /* near, far: packet sockets, -1 */
	uint8_t mac[6];
	char name[IF_NAMESIZE];
};

struct replayer {
	const struct check *c;
	int rtnl, nfnl;
	struct lane lane[ENDS];
	uint16_t mark;
	char other[32]; /* a second name of a class */
};

/* As it goes through the pipe. */
struct told {
	int answer;
	char why[100];
};

static void sysctl_set(const char *family, const char *conf, const char *key,
		       const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family,
		 conf, key);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, value, strlen(value)) < 0) {
		/* the packet then does not arrive, which is asked about */
	}
	close(fd);
}

static void make_router(void)
{
	sysctl_set("ipv4", "all", "forwarding", "1");
	sysctl_set("ipv4", "default", "forwarding", "1");
	sysctl_set("ipv4", "all", "rp_filter", "0");
	sysctl_set("ipv4", "all", "send_redirects", "0");
	sysctl_set("ipv6", "all", "forwarding", "1");
	sysctl_set("ipv6", "default", "forwarding", "1");
}

/* ---- cables -------------------------------------------------------------------- */

static int packet_socket(int index)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_ll a = { .sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ALL),
				 .sll_ifindex = index };

	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void lane_close(struct lane *l)
{
	if (l->near >= 0)
		close(l->near);
	if (l->far >= 0)
		close(l->far);
	l->near = l->far = -1;
}

/* The cable of the interface; made where there is none of that name. */
static const char *lane_open(struct replayer *r, struct lane *l,
			     const char *name)
{
	struct ifreq q = { 0 };

	snprintf(l->name, sizeof(l->name), "%s", name);
	l->index = (int)if_nametoindex(name);
	for (int i = NETDEV_FIRST; !l->index && i < NETDEV_PEER; i++) {
		char other[IF_NAMESIZE];

		if (!if_indextoname((unsigned)i, other))
			l->index = netdev_make(r->rtnl, name, i) ? -1 : i;
	}
	l->peer = l->index > 0 ? netdev_peer(l->index) : 0;
	if (!l->peer)
		return "the interface has no other end to send from";
	sysctl_set("ipv4", name, "rp_filter", "0");
	sysctl_set("ipv6", name, "accept_ra", "0");
	if (netdev_up(r->rtnl, l->peer, false) ||
	    netdev_up(r->rtnl, l->index, false))
		return "the interface does not go up";
	l->near = packet_socket(l->index);
	l->far = packet_socket(l->peer);
	memcpy(q.ifr_name, l->name, sizeof(q.ifr_name));
	if (l->near < 0 || l->far < 0 || ioctl(l->near, SIOCGIFHWADDR, &q) < 0)
		return "no packet socket";
	memcpy(l->mac, q.ifr_hwaddr.sa_data, 6);
	return NULL;
}

/* ---- sending, and waiting for what came of it -------------------------------------- */

/* Is there a frame with this type, or carrying the mark, among those that came
 * in? What this machine sent itself does not count. */
static bool came(int fd, uint16_t type, uint16_t mark)
{
	uint8_t b[2048];
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);
	bool found = false;
	ssize_t n;

	while ((n = recvfrom(fd, b, sizeof(b), 0, (struct sockaddr *)&from,
			     &len)) > 0) {
		len = sizeof(from);
		if (from.sll_pkttype == PACKET_OUTGOING || n < FRAME_ETHER)
			continue;
		found |= type ? ((unsigned)b[12] << 8 | b[13]) == type :
				frame_has_mark(b, (unsigned)n, mark);
	}
	return found;
}

/* A marker put in at one end of the cable arrives at the other. */
static bool cross(const struct lane *l, int from, int to, int wait)
{
	uint8_t marker[60] = { 0 };
	struct pollfd p = { .fd = to, .events = POLLIN };

	memcpy(marker, l->mac, 6);
	marker[6] = 2;
	marker[12] = MARKER_TYPE >> 8;
	marker[13] = MARKER_TYPE & 255;
	if (send(from, marker, sizeof(marker), 0) < 0)
		return false;
	while (poll(&p, 1, wait) > 0)
		if (came(to, MARKER_TYPE, 0))
			return true;
	return false;
}

static bool settle(const struct lane *l)
{
	return cross(l, l->far, l->near, MARKER_WAIT);
}

/* A fresh cable swallows frames until the kernel has noticed that both ends
 * are up. */
static const char *warm(const struct lane *l)
{
	for (unsigned i = 0; i < WARM_TRIES; i++)
		if (cross(l, l->far, l->near, WARM_WAIT)) {
			for (unsigned k = 0; k < WARM_TRIES; k++)
				if (cross(l, l->near, l->far, WARM_WAIT))
					return NULL;
			return NULL; /* an egress chain may drop markers */
		}
	return "the interface does not carry frames";
}

static const char *send_frame(struct replayer *r, const space_val *p)
{
	struct lane *l = &r->lane[END_IN];
	struct frame f;
	const char *why;

	if (!frame_build(p, ++r->mark, l->mac, &f, &why))
		return why;
	connection_forget(r->nfnl);
	why = connection_make(r->nfnl, p);
	if (why)
		return why;
	/* twice: the first may still be on its way out of the second cable */
	if (send(l->far, f.b, f.n, 0) < 0 || !settle(l) || !settle(l))
		return "the kernel takes no frames";
	return NULL;
}

static const char *try_forward(struct replayer *r, const space_val *p,
			       bool *passed)
{
	struct lane *out = &r->lane[END_OUT];
	const char *why;

	if (netdev_route_default(r->rtnl, p[PK_FAMILY], out->index))
		return "no route to where it should leave";
	came(out->far, 0, 0);
	why = send_frame(r, p);
	if (!why)
		*passed = came(out->far, 0, r->mark);
	return why;
}

static bool raw_came(int fd, const space_val *p)
{
	uint8_t b[256];
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	bool found = false;

	while (recvfrom(fd, b, sizeof(b), MSG_DONTWAIT,
			(struct sockaddr *)&from, &len) >= 0) {
		const struct sockaddr_in6 *s6 = (const void *)&from;
		const struct sockaddr_in *s4 = (const void *)&from;
		struct addr a = from.ss_family == AF_INET ?
			addr_v4(ntohl(s4->sin_addr.s_addr)) :
			addr_from_v6_bytes(s6->sin6_addr.s6_addr);

		found |= space_addr(a) == p[PK_SRC];
		len = sizeof(from);
	}
	return found;
}

static const char *try_input(struct replayer *r, const space_val *p,
			     bool *passed)
{
	struct addr to = space_to_addr(p[PK_DST]);
	int fd = socket(p[PK_FAMILY] ? AF_INET6 : AF_INET,
			SOCK_RAW | SOCK_CLOEXEC, (int)p[PK_PROTO]);
	const char *why = "no raw socket";

	if (fd < 0)
		return why;
	if (netdev_route_local(r->rtnl, to, true))
		why = "the address cannot be this machine's";
	else
		why = send_frame(r, p);
	if (!why)
		*passed = raw_came(fd, p);
	netdev_route_local(r->rtnl, to, false);
	close(fd);
	return why;
}

static const char *try_one(struct replayer *r, const struct replay *x,
			   const char *const *name, bool *passed)
{
	bool fwd = x->path == PATH_FORWARD;
	const char *why = NULL;

	for (unsigned i = 0; !why && i < (fwd ? 2 : 1); i++) {
		why = lane_open(r, &r->lane[i], name[i]);
		if (!why)
			why = warm(&r->lane[i]);
	}
	if (!why)
		why = (fwd ? try_forward : try_input)(r, x->packet, passed);
	for (unsigned i = 0; i < ENDS; i++)
		lane_close(&r->lane[i]);
	return why;
}

/* ---- all of them -------------------------------------------------------------------- */

/* In and out by the same class of names: by another name of it, so that the
 * packet is not sent back where it came from. */
static void names_of(struct replayer *r, const struct replay *x,
		     const char **name)
{
	const struct pk_name *in = &r->c->names.v[(size_t)x->packet[PK_IIF]];
	const struct pk_name *out = &r->c->names.v[(size_t)x->packet[PK_OIF]];

	name[END_IN] = in->like;
	name[END_OUT] = out->like;
	if (in != out || in->exact || strlen(in->like) > IF_NAMESIZE - 2)
		return;
	snprintf(r->other, sizeof(r->other), "%s2", in->like);
	name[END_OUT] = r->other;
}

static const char *cannot_send(struct replayer *r,
			       const struct replay *x)
{
	const char *name[ENDS];

	names_of(r, x, name);
	if (x->path == PATH_OUTPUT)
		return "it would be this machine's own";
	if (!strcmp(name[END_IN], "lo") || !strcmp(name[END_OUT], "lo"))
		return "nothing can be sent into lo";
	return NULL;
}

static bool start(struct replayer *r)
{
	make_router();
	for (unsigned i = 0; i < ENDS; i++)
		r->lane[i].near = r->lane[i].far = -1;
	r->rtnl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	r->nfnl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
			 NETLINK_NETFILTER);
	if (r->rtnl < 0 || r->nfnl < 0 || netdev_up(r->rtnl, 1, true))
		return false;
	/* nobody's: 198.18.0.0/15 is for such tests (RFC 2544), fd00::/8 is
	 * anybody's */
	netdev_address(r->rtnl, 1, addr_v4(0xc613fffe));
	netdev_address(r->rtnl, 1, (struct addr){ UINT64_C(0xfd5070706c616e00),
						  0xfffe });
	return true;
}

static void stop(struct replayer *r)
{
	close(r->rtnl);
	close(r->nfnl);
}

static const char *const bare[ENDS] = { "ppin", "ppout" };

static void tell(struct told *t, const char *why, bool passed)
{
	t->answer = why ? REPLAY_NOT_TRIED : passed ? REPLAY_PASS : REPLAY_DROP;
	snprintf(t->why, sizeof(t->why), "%s", why ? why : "");
}

static bool untracked(const struct replay *x)
{
	return x->packet[PK_CT] == CT_UNTRACKED;
}

/* Those that are to be untracked, or the others. */
static void try_all(struct replayer *r, const struct replay *v, size_t n,
		    bool not_tracked, struct told *out)
{
	for (size_t i = 0; i < n; i++) {
		const char *why = cannot_send(r, &v[i]), *name[ENDS];
		bool passed = false;

		if (untracked(&v[i]) != not_tracked)
			continue;
		names_of(r, &v[i], name);
		if (!why)
			why = try_one(r, &v[i], name, &passed);
		tell(&out[i], why, passed);
	}
}

/* In front of all rules, where conntrack has not seen the packet. */
static void try_untracked(struct replayer *r, const struct replay *v, size_t n,
			  struct told *out)
{
	bool any = false;

	for (size_t i = 0; i < n; i++)
		any |= untracked(&v[i]);
	if (!any)
		return;
	if (check_run_nft("table inet portplan_replay {\nchain first { type "
			  "filter hook prerouting priority -500; notrack; }\n"
			  "}\n")) {
		try_all(r, v, n, true, out);
		check_run_nft("delete table inet portplan_replay\n");
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (untracked(&v[i]))
			tell(&out[i], "nft cannot keep it from being tracked",
			     false);
}

static void try_without_rules(struct replayer *r, const struct replay *v,
			      size_t n, struct told *out)
{
	for (size_t i = 0; i < n; i++) {
		bool passed = false;

		if (out[i].answer != REPLAY_DROP ||
		    v[i].packet[PK_CT] != CT_NEW)
			continue;
		if (try_one(r, &v[i], bare, &passed) || !passed)
			tell(&out[i], "the kernel itself drops such a packet",
			     false);
	}
}

/* Only what conntrack sees in that state gets through. */
static bool let_through(enum pk_ct state, unsigned dir)
{
	static const char *const direction[] = { "original", "reply" };
	char script[512], match[80];

	snprintf(match, sizeof(match), "ct state %s%s%s accept",
		 pk_ct_name[state], state == CT_INVALID ||
		 state == CT_UNTRACKED ? "" : " ct direction ",
		 state == CT_INVALID || state == CT_UNTRACKED ? "" :
		 direction[dir]);
	snprintf(script, sizeof(script), "flush ruleset\n"
		 "table inet seen {\n"
		 "chain first { type filter hook prerouting priority -500; %s "
		 "}\n"
		 "chain forward { type filter hook forward priority 0; policy "
		 "drop; %s; }\n"
		 "chain input { type filter hook input priority 0; policy "
		 "drop; %s; }\n}\n", state == CT_UNTRACKED ? "notrack;" : "",
		 match, match);
	return check_run_nft(script);
}

/* Was a packet seen in the state that it was meant to be in? */
static void confirm_states(struct replayer *r, const struct replay *v, size_t n,
			   struct told *out)
{
	for (unsigned k = 0; k < 2 * (CT_UNTRACKED + 1); k++) {
		enum pk_ct state = (enum pk_ct)(k / 2);
		bool ready = false;

		for (size_t i = 0; i < n && state != CT_NEW; i++) {
			bool passed = false;

			if (out[i].answer == REPLAY_NOT_TRIED ||
			    v[i].packet[PK_CT] != (space_val)state ||
			    v[i].packet[PK_DIR] != k % 2)
				continue;
			ready = ready || let_through(state, k % 2);
			if (!ready || try_one(r, &v[i], bare, &passed) ||
			    !passed)
				tell(&out[i], "the kernel alone does not take "
				     "such a packet for that, or drops it",
				     false);
		}
	}
}

/* Is anything left to be held against the kernel without the rules? */
static bool any_doubt(const struct replay *v, const struct told *t, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (t[i].answer == REPLAY_DROP ||
		    (t[i].answer == REPLAY_PASS &&
		     v[i].packet[PK_CT] != CT_NEW))
			return true;
	return false;
}

static void stay_on_one_cpu(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET((size_t)(cpu < 0 ? 0 : cpu), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static _Noreturn void child(struct replayer *r, const struct kruleset *rs,
			    const struct replay *v, size_t n, struct told *t,
			    int to)
{
	const char *p = (const char *)t;
	size_t left = n * sizeof(*t);
	ssize_t put;

	/* EINVAL: it is in this user namespace already */
	if ((setns(rs->userns, CLONE_NEWUSER) < 0 && errno != EINVAL) ||
	    setns(rs->netns, CLONE_NEWNET) < 0)
		_exit(1);
	stay_on_one_cpu();
	if (!start(r))
		_exit(1);
	try_all(r, v, n, false, t);
	try_untracked(r, v, n, t);
	stop(r);
	if (any_doubt(v, t, n)) {
		if (unshare(CLONE_NEWNET) || !start(r))
			_exit(1);
		try_without_rules(r, v, n, t);
		confirm_states(r, v, n, t);
	}
	while (left && (put = write(to, p, left)) > 0) {
		p += put;
		left -= (size_t)put;
	}
	_exit(0);
}

static bool read_all(int fd, void *to, size_t n)
{
	char *p = to;

	while (n) {
		ssize_t got = read(fd, p, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
	}
	return true;
}

static void not_tried(struct replay *v, size_t n, const char *why)
{
	for (size_t i = 0; i < n; i++) {
		v[i].answer = REPLAY_NOT_TRIED;
		v[i].why = why;
	}
}

void check_replay(struct check *c, const struct kruleset *rs, struct replay *v,
		  size_t n)
{
	struct replayer r = { .c = c, .mark = 0x5050 };
	struct told *t = ARENA_ARRAY(c->arena, struct told, n);
	int fd[2];
	bool good;
	pid_t pid;

	if (!n)
		return;
	not_tried(v, n, rs->netns < 0 ? "not into a running firewall" :
					"the namespace cannot be entered");
	if (rs->netns < 0 || pipe2(fd, O_CLOEXEC) < 0)
		return;
	pid = fork();
	if (pid == 0)
		child(&r, rs, v, n, t, fd[1]);
	close(fd[1]);
	good = pid > 0 && read_all(fd[0], t, n * sizeof(*t));
	close(fd[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	for (size_t i = 0; good && i < n; i++) {
		v[i].answer = (enum replay_answer)t[i].answer;
		v[i].why = t[i].why;
	}
}
