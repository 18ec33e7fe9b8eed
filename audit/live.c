#include "audit/live.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "audit/nflog.h"

struct iface {
	const char *name;
	pcap_t *pcap;
	uint64_t number;
	uint64_t overruns; /* NFLOG: times the socket had no room */
	uint16_t link, index;
	const char *gone; /* why it can no longer be read; libpcap's */
};

struct live {
	struct iface *iface;
	struct pollfd *fd;
	bool first; /* of the readers */
	size_t n, n_gone, next;
	unsigned snaplen;
	const char *why;
	/* libpcap lends a packet for the length of its callback only, so the
	 * first bytes move here: one place a frame of the batch. */
	uint8_t *stage;
	struct frame *out;
	size_t filled, max;
};

static const struct span no_place;

static void complain(struct diags *d, const char *name, const char *what,
		     int rc, pcap_t *p)
{
	const char *more = p ? pcap_geterr(p) : "";
	const char *kind = rc < 0 ? pcap_statustostr(rc) : "";

	if (!strcmp(kind, more))
		more = "";
	diag_add(d, SEV_ERROR, no_place, "interface \"%s\" %s: %s%s%s%s", name,
		 what, kind, *kind && *more ? ": " : "", more,
		 rc == PCAP_ERROR_PERM_DENIED ?
		 " (capturing needs CAP_NET_RAW)" : "");
}

static int activate(pcap_t *p, const char *name, const struct live_options *opt,
		    unsigned snaplen)
{
	unsigned mb = opt->buffer_mb ? opt->buffer_mb : LIVE_BUFFER_MB;

	/* libpcap reads NFLOG into a buffer of the snap length; the kernel
	 * sends several packets in one message, and what does not fit would
	 * be lost. */
	if (nflog_name(name))
		snaplen = FRAME_MAX;
	pcap_set_snaplen(p, (int)snaplen);
	pcap_set_promisc(p, 1);
	pcap_set_timeout(p, LIVE_TIMEOUT_MS);
	pcap_set_buffer_size(p, (int)(mb * 1024 * 1024));
	pcap_set_tstamp_precision(p, PCAP_TSTAMP_PRECISION_NANO);
	return pcap_activate(p);
}

static bool set_filter(pcap_t *p, const char *name, const char *text,
		       struct diags *d)
{
	struct bpf_program prog;
	int rc;

	if (!text)
		return true;
	rc = pcap_compile(p, &prog, text, 1, PCAP_NETMASK_UNKNOWN);
	if (rc == 0) {
		rc = pcap_setfilter(p, &prog);
		pcap_freecode(&prog);
	}
	if (rc != 0)
		complain(d, name, "refuses the filter", 0, p);
	return rc == 0;
}

/* ---- direction ------------------------------------------------------------- */

/* An address that other machines may talk to. */
static bool is_address(const struct sockaddr *a)
{
	const struct sockaddr_in6 *v6 = (const void *)a;

	if (!a || a->sa_family != AF_INET6)
		return a && a->sa_family == AF_INET;
	return !IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr);
}

/* Does it carry traffic of the machine's own? */
static bool takes_part(const char *name)
{
	struct ifaddrs *list, *i;
	bool found = false;

	if (getifaddrs(&list) < 0)
		return true;
	for (i = list; i; i = i->ifa_next)
		if (!strcmp(i->ifa_name, name) && is_address(i->ifa_addr))
			found = !(i->ifa_flags & IFF_LOOPBACK);
	freeifaddrs(list);
	return found;
}

static pcap_direction_t direction(const char *name, enum live_direction d)
{
	if (d == LIVE_IN)
		return PCAP_D_IN;
	/* Of "any", libpcap itself takes loopback's packets once. */
	if (d == LIVE_BOTH || !strcmp(name, "any") || takes_part(name))
		return PCAP_D_INOUT;
	return PCAP_D_IN;
}

static bool set_direction(pcap_t *p, const char *name, enum live_direction d,
			  struct diags *diags)
{
	if (nflog_name(name) || pcap_setdirection(p, direction(name, d)) == 0)
		return true;
	complain(diags, name, "cannot tell directions apart", 0, p);
	return false;
}

/* ---- fan-out (packet(7), PACKET_FANOUT) ------------------------------------ */

/* The first of a group is given a free number by the kernel, the others join
 * it. The hash is the same for both directions (flow dissector, symmetric).
 * IPv4 is put together first: only then have fragments ports to hash. */
static bool join_group(struct iface *f, uint16_t *group, bool first,
		       struct diags *d)
{
	int fd = pcap_fileno(f->pcap);
	uint32_t kind = PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_DEFRAG |
			(first ? PACKET_FANOUT_FLAG_UNIQUEID : 0);
	uint32_t v = kind << 16 | (first ? 0 : *group);
	socklen_t len = sizeof(v);

	if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &v, sizeof(v)) == 0 &&
	    getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &v, &len) == 0) {
		*group = (uint16_t)v;
		return true;
	}
	diag_add(d, SEV_ERROR, no_place, "interface \"%s\": --fanout: %s",
		 f->name, strerror(errno));
	return false;
}

/* ---- opening ------------------------------------------------------------- */

static bool open_iface(struct iface *f, const char *name, uint16_t index,
		       const struct live *l, const struct live_options *opt,
		       struct diags *d)
{
	char err[PCAP_ERRBUF_SIZE];
	int rc;

	*f = (struct iface){ .name = name, .index = index };
	f->pcap = pcap_create(name, err);
	if (!f->pcap) {
		diag_add(d, SEV_ERROR, no_place, "interface \"%s\": %s", name,
			 err);
		return false;
	}
	rc = activate(f->pcap, name, opt, l->snaplen);
	if (rc < 0) {
		complain(d, name, "cannot be opened", rc, f->pcap);
		return false;
	}
	f->link = (uint16_t)pcap_datalink(f->pcap);
	if (pcap_setnonblock(f->pcap, 1, err) < 0) {
		diag_add(d, SEV_ERROR, no_place, "interface \"%s\": %s", name,
			 err);
		return false;
	}
	if (nflog_name(name))
		nflog_hurry(pcap_fileno(f->pcap), name, LIVE_TIMEOUT_MS / 10);
	return set_direction(f->pcap, name, opt->direction, d) &&
	       set_filter(f->pcap, name, opt->filter, d);
}

static struct live *reader(struct arena *a, size_t n,
			   const struct live_options *opt, bool first)
{
	struct live *l = ARENA_NEW(a, struct live);

	l->first = first;
	l->snaplen = opt->snaplen ? opt->snaplen : LIVE_SNAPLEN;
	l->iface = ARENA_ARRAY(a, struct iface, n);
	l->fd = ARENA_ARRAY(a, struct pollfd, n);
	l->stage = arena_alloc_raw(a, (size_t)l->snaplen * FRAME_BATCH);
	return l;
}

/* One interface for all readers. What a netlink socket delivers cannot be
 * shared: the first reader has it alone. */
static bool open_shared(struct live **out, unsigned readers, const char *name,
			uint16_t index, const struct live_options *opt,
			struct diags *d)
{
	bool alone = nflog_name(name);
	uint16_t group = 0;

	for (unsigned k = 0; k < (alone ? 1 : readers); k++) {
		struct live *l = out[k];
		struct iface *f = &l->iface[l->n];
		bool ok = open_iface(f, name, index, l, opt, d);

		l->n++;
		if (!ok || (!alone && readers > 1 &&
			    !join_group(f, &group, k == 0, d)))
			return false;
		l->fd[l->n - 1] = (struct pollfd){
			pcap_get_selectable_fd(f->pcap), POLLIN, 0 };
	}
	return true;
}

bool live_open(struct arena *a, const char *const *names, size_t n,
	       const struct live_options *opt, struct live **out,
	       struct diags *d)
{
	unsigned readers = opt->fanout ? opt->fanout : 1;
	bool ok = n > 0;

	for (unsigned k = 0; k < readers; k++)
		out[k] = reader(a, n, opt, k == 0);
	for (size_t i = 0; i < n && ok; i++)
		ok = open_shared(out, readers, names[i], (uint16_t)i, opt, d);
	for (unsigned k = 0; k < readers && !ok; k++)
		live_close(out[k]);
	return ok;
}

void live_close(struct live *l)
{
	for (size_t i = 0; l && i < l->n; i++)
		if (l->iface[i].pcap)
			pcap_close(l->iface[i].pcap);
}

struct take {
	struct live *l;
	struct iface *f;
};

static void take(u_char *user, const struct pcap_pkthdr *h, const u_char *data)
{
	const struct take *t = (const void *)user;
	struct live *l = t->l;
	struct frame *f = &l->out[l->filled];
	uint8_t *place = l->stage + l->filled * l->snaplen;
	uint32_t cap = h->caplen < l->snaplen ? h->caplen : l->snaplen;

	/* The batch may be full while NFLOG has more in the same message. */
	if (l->filled == l->max) {
		t->f->overruns++;
		return;
	}
	memcpy(place, data, cap);
	*f = (struct frame){
		.data = place, .caplen = cap, .len = h->len,
		.ts = (uint64_t)h->ts.tv_sec * 1000000000 +
		      (uint64_t)h->ts.tv_usec, /* nanoseconds, as asked for */
		.number = ++t->f->number, .link = t->f->link,
		.source = t->f->index,
	};
	l->filled++;
}

static void collect(struct live *l, struct iface *f)
{
	struct take t = { l, f };
	int room = (int)(l->max - l->filled);
	int rc;

	if (f->gone)
		return;
	errno = 0;
	rc = room ? pcap_dispatch(f->pcap, room, take, (u_char *)&t) : 0;
	/* For NFLOG libpcap takes "nothing there" for an error. */
	if (rc != PCAP_ERROR || errno == EAGAIN || errno == EINTR)
		return;
	if (errno == ENOBUFS) {
		f->overruns++;
		return;
	}
	f->gone = pcap_geterr(f->pcap);
	l->fd[f - l->iface].fd = -1;
	l->n_gone++;
}

/* Once round all interfaces, beginning with another one each time. False: none
 * is left, which the first reader tells for all. */
static bool round_all(struct live *l)
{
	for (size_t i = 0; i < l->n; i++)
		collect(l, &l->iface[(l->next + i) % l->n]);
	l->next = l->n ? (l->next + 1) % l->n : 0;
	return !l->first || l->n_gone < l->n || l->filled;
}

long live_read(struct live *l, struct frame *out, size_t max)
{
	l->out = out;
	l->filled = 0;
	l->max = max < FRAME_BATCH ? max : FRAME_BATCH;
	if (!round_all(l))
		return -1;
	if (l->filled)
		return (long)l->filled;
	if (poll(l->fd, l->n, LIVE_TIMEOUT_MS) < 0 && errno != EINTR) {
		l->why = strerror(errno);
		return -1;
	}
	return round_all(l) ? (long)l->filled : -1;
}

const char *live_why(const struct live *l)
{
	return l->why ? l->why : "no interface is left";
}

const char *live_gone(const struct live *l, size_t i)
{
	for (size_t k = 0; k < l->n; k++)
		if (l->iface[k].index == i)
			return l->iface[k].gone;
	return NULL;
}

struct live_stats live_stats(struct live *l, size_t i)
{
	struct live_stats s = { 0 };
	struct pcap_stat st;

	for (size_t k = 0; k < l->n; k++) {
		struct iface *f = &l->iface[k];

		if (f->index != i)
			continue;
		s.packets = f->number;
		s.dropped = f->overruns;
		if (pcap_stats(f->pcap, &st) == 0) {
			s.dropped += st.ps_drop;
			s.if_dropped = st.ps_ifdrop;
		}
	}
	return s;
}
