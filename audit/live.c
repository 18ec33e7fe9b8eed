#include "audit/live.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <string.h>

struct iface {
	const char *name;
	pcap_t *pcap;
	uint64_t number;
	uint64_t overruns; /* NFLOG: times the socket had no room */
	uint16_t link, index;
};

struct live {
	struct iface *iface;
	struct pollfd *fd;
	size_t n, next;
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

	diag_add(d, SEV_ERROR, no_place, "interface \"%s\" %s: %s%s%s%s", name,
		 what, rc < 0 ? pcap_statustostr(rc) : more,
		 rc < 0 && *more ? ": " : "", rc < 0 ? more : "",
		 rc == PCAP_ERROR_PERM_DENIED ?
		 " (capturing needs CAP_NET_RAW)" : "");
}

/* libpcap reads NFLOG into a buffer of the snap length; the kernel sends
 * several packets in one message, and what does not fit would be lost. */
static bool is_nflog(const char *name)
{
	return !strncmp(name, "nflog", 5);
}

static int activate(pcap_t *p, const char *name, const struct live_options *opt,
		    unsigned snaplen)
{
	unsigned mb = opt->buffer_mb ? opt->buffer_mb : LIVE_BUFFER_MB;

	if (is_nflog(name))
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
	return set_filter(f->pcap, name, opt->filter, d);
}

struct live *live_open(struct arena *a, const char *const *names, size_t n,
		       const struct live_options *opt, struct diags *d)
{
	struct live *l = ARENA_NEW(a, struct live);
	bool ok = n > 0;

	l->snaplen = opt->snaplen ? opt->snaplen : LIVE_SNAPLEN;
	l->iface = ARENA_ARRAY(a, struct iface, n);
	l->fd = ARENA_ARRAY(a, struct pollfd, n);
	l->stage = arena_alloc_raw(a, (size_t)l->snaplen * FRAME_BATCH);
	for (size_t i = 0; i < n; i++) {
		ok &= open_iface(&l->iface[i], names[i], (uint16_t)i, l, opt,
				 d);
		l->n++;
		if (ok)
			l->fd[i] = (struct pollfd){
				pcap_get_selectable_fd(l->iface[i].pcap),
				POLLIN, 0 };
	}
	if (ok)
		return l;
	live_close(l);
	return NULL;
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

static bool collect(struct live *l, struct iface *f)
{
	struct take t = { l, f };
	int room = (int)(l->max - l->filled);
	int rc;

	errno = 0;
	rc = room ? pcap_dispatch(f->pcap, room, take, (u_char *)&t) : 0;
	/* For NFLOG libpcap takes "nothing there" for an error. */
	if (rc != PCAP_ERROR || errno == EAGAIN || errno == EINTR)
		return true;
	if (errno == ENOBUFS) {
		f->overruns++;
		return true;
	}
	l->why = pcap_geterr(f->pcap);
	return false;
}

/* Once round all interfaces, beginning with another one each time. */
static bool round_all(struct live *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!collect(l, &l->iface[(l->next + i) % l->n]))
			return false;
	l->next = (l->next + 1) % l->n;
	return true;
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
	return l->why ? l->why : "cannot be read";
}

struct live_stats live_stats(struct live *l, size_t i)
{
	struct live_stats s = { .packets = l->iface[i].number };
	struct pcap_stat st;

	if (pcap_stats(l->iface[i].pcap, &st) == 0) {
		s.dropped = st.ps_drop;
		s.if_dropped = st.ps_ifdrop;
	}
	s.dropped += l->iface[i].overruns;
	return s;
}

/* ---- the filter for files: compiled once a link type --------------------- */

enum { FILTER_LINKS = 8 };

struct filter {
	const char *text;
	struct compiled {
		uint16_t link;
		bool ok;
		struct bpf_program prog;
	} of[FILTER_LINKS];
	size_t n;
};

static struct compiled *compile(struct filter *f, uint16_t link,
				const char **why, struct arena *a)
{
	struct compiled *c = &f->of[f->n];
	pcap_t *p = pcap_open_dead(link, FRAME_MAX);

	if (!p)
		return NULL;
	c->link = link;
	c->ok = pcap_compile(p, &c->prog, f->text, 1,
			     PCAP_NETMASK_UNKNOWN) == 0;
	if (!c->ok && why)
		*why = arena_strdup(a, pcap_geterr(p));
	pcap_close(p);
	f->n++;
	return c;
}

struct filter *filter_new(struct arena *a, const char *expression,
			  const char **why)
{
	struct filter *f = ARENA_NEW(a, struct filter);
	struct compiled *c;

	f->text = arena_strdup(a, expression);
	*why = "cannot be compiled";
	c = compile(f, LINK_ETHERNET, why, a);
	return c && c->ok ? f : NULL;
}

void filter_free(struct filter *f)
{
	for (size_t i = 0; f && i < f->n; i++)
		if (f->of[i].ok)
			pcap_freecode(&f->of[i].prog);
}

static struct compiled *for_link(struct filter *f, uint16_t link)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->of[i].link == link)
			return &f->of[i];
	return f->n < FILTER_LINKS ? compile(f, link, NULL, NULL) : NULL;
}

size_t filter_frames(struct filter *f, struct frame *v, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct compiled *c = for_link(f, v[i].link);
		struct pcap_pkthdr h = { .caplen = v[i].caplen,
					 .len = v[i].len };

		if (c && c->ok && pcap_offline_filter(&c->prog, &h, v[i].data))
			v[kept++] = v[i];
	}
	return kept;
}
