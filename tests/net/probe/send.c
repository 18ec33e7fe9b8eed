#include "probe.h"

/* Packets are sent, watched, and kept apart for conntrack. */

uint32_t new_watch(int in, int out, const struct spec *s)
{
	struct watch *w;

	if (watch_count == watch_room) {
		watch_room = watch_room ? watch_room * 2 : 1024;
		watches = must(realloc(watches, watch_room * sizeof *watches));
	}
	w = &watches[watch_count];
	memset(w, 0, sizeof *w);
	w->proto = s->proto;
	w->type = is_icmp(s) ? s->dport : -1;
	w->in = in;
	w->out = out;
	w->elsewhere = -1;
	w->as = s->o.as;
	return (uint32_t)watch_count++;
}

/* The firewall itself sends. */
static void send_own(int out, const struct packet *p, bool v6)
{
	uint32_t mark = (uint32_t)(out + 1) << 8;
	int fd = hdrincl_socket[v6];

	setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark);
	if (v6) {
		struct sockaddr_in6 to = {.sin6_family = AF_INET6};

		memcpy(&to.sin6_addr, p->b + 24, 16);
		if (to.sin6_addr.s6_addr[0] == 0xfe ||
		    to.sin6_addr.s6_addr[0] == 0xff)
			to.sin6_scope_id = (uint32_t)ifaces[out].fw_index;
		if (sendto(fd, p->b, p->length, 0, (struct sockaddr *)&to,
			   sizeof to) < 0 &&
		    option_verbose)
			perror("probe: send as the firewall");
	} else {
		struct sockaddr_in to = {.sin_family = AF_INET};

		memcpy(&to.sin_addr, p->b + 16, 4);
		if (sendto(fd, p->b, p->length, 0, (struct sockaddr *)&to,
			   sizeof to) < 0 &&
		    option_verbose)
			perror("probe: send as the firewall");
	}
}

void transmit(int in, int out, struct spec *s)
{
	struct packet p, f;
	int k;

	if (s->o.frag > 1 && s->o.size < 24 * s->o.frag)
		s->o.size = 24 * s->o.frag;
	build(&p, s);
	if (has_ports(s->proto) && s->sport >= 0)
		by_sport[s->sport & 0xffff] = s->id + 1;
	if (out == SELF && in != SELF)
		join(in, &s->dst);
	if (in == SELF) {
		send_own(out, &p, s->src.v6);
		return;
	}
	if (s->o.frag <= 1) {
		inject(in, out, p.b, p.length);
		return;
	}
	for (k = 0; k < s->o.frag; k++) {
		if (s->o.frag_only > 0 && s->o.frag_only != k + 1)
			continue;
		fragment(&p, s->src.v6, s->id, k, s->o.frag, &f);
		inject(in, out, f.b, f.length);
	}
}

/* The answer; *owned is set if it is to be freed. */
const char *verdict(const struct watch *w, char **owned)
{
	*owned = NULL;
	if (w->seen > 0 && w->changed)
		return "changed";
	if (w->seen == 1)
		return "pass";
	if (w->seen > 1)
		return *owned = format_text("pass x%u", w->seen);
	if (w->elsewhere >= 0)
		return *owned = format_text("elsewhere %s",
					    ifaces[w->elsewhere].name);
	if (w->local)
		return "elsewhere self";
	if (w->rejected && option_rejects)
		return "reject";
	return "drop";
}

struct key {
	uint8_t b[40];
};

static struct key *keys;
static bool *key_used;
static const size_t key_room = 4 * GENERATION;
static size_t key_count;

static void clear_keys(void)
{
	if (keys == NULL) {
		keys = must(calloc(key_room, sizeof *keys));
		key_used = must(calloc(key_room, sizeof *key_used));
	}
	memset(key_used, 0, key_room * sizeof *key_used);
	key_count = 0;
}

/* False if the key, or its reverse, is there already. */
static bool add_key(const struct spec *s)
{
	struct key k;
	uint8_t a[18], b[18];
	uint64_t h = 1469598103934665603ull;
	bool ports = has_ports(s->proto);
	size_t i;

	memset(&k, 0, sizeof k);
	memcpy(a, s->src.b, 16);
	memcpy(b, s->dst.b, 16);
	put16(a + 16, ports || is_icmp(s) ? (unsigned)s->sport : 0);
	put16(b + 16, ports	   ? (unsigned)s->dport
		      : is_icmp(s) ? (unsigned)s->sport
				   : 0);
	memcpy(k.b, memcmp(a, b, 18) < 0 ? a : b, 18);
	memcpy(k.b + 18, memcmp(a, b, 18) < 0 ? b : a, 18);
	k.b[36] = (uint8_t)s->proto;
	k.b[37] = s->src.v6;
	for (i = 0; i < sizeof k; i++)
		h = (h ^ k.b[i]) * 1099511628211ull;
	for (i = h % key_room; key_used[i]; i = (i + 1) % key_room)
		if (memcmp(&keys[i], &k, sizeof k) == 0)
			return false;
	key_used[i] = true;
	keys[i] = k;
	key_count++;
	return true;
}

/* Translated, it must not look like another probe's either. */
static bool add_keys(const struct spec *s)
{
	const struct look *as = &s->o.as;
	struct spec t = *s;

	if (!add_key(s))
		return false;
	if (!as->given)
		return true;
	t.src = as->src;
	t.src.v6 = as->dst.v6;
	t.dst = as->dst;
	if (has_ports(s->proto))
		t.dport = as->port;
	if (memcmp(t.src.b, s->src.b, 16) == 0 &&
	    memcmp(t.dst.b, s->dst.b, 16) == 0 && t.dport == s->dport)
		return true;
	return add_key(&t);
}

int take_port(void)
{
	if (++next_port > 60999)
		next_port = 20000;
	return (int)next_port;
}

/* Gives a probe its source port or identifier; false if it has to wait for a
 * flush. */
static bool place(struct spec *s)
{
	int tries;

	if (s->o.sport >= 0 || !(has_ports(s->proto) || is_icmp(s))) {
		s->sport = s->o.sport >= 0 ? s->o.sport : 0;
		return add_keys(s);
	}
	for (tries = 0; tries < 64; tries++) {
		s->sport = take_port();
		if (add_keys(s))
			return true;
	}
	return false;
}

/* Sends probes from the list, as many as conntrack can tell apart. */
void run_probes(struct probe *probes, size_t count)
{
	size_t *batch = must(malloc((GENERATION + 1) * sizeof *batch));
	size_t left = count, from = 0, n, i;
	int in_chunk;

	for (i = 0; i < count; i++)
		if (probes[i].error == NULL)
			want_raw(probes[i].s.src.v6, probes[i].s.proto);
		else
			left--;
	while (left > 0) {
		uint64_t lost = frames_lost;
		bool again;

		flush_conntrack();
		clear_keys();
		watch_count = 0;
		memset(by_sport, 0, sizeof by_sport);
		while (from < count &&
		       (probes[from].done || probes[from].error != NULL))
			from++;
		for (n = 0, i = from; i < count && n < GENERATION; i++) {
			struct probe *p = &probes[i];

			if (p->done || p->error != NULL || !place(&p->s))
				continue;
			batch[n++] = i;
			p->s.id = new_watch(p->in, p->out, &p->s);
		}
		for (i = 0, in_chunk = 0; i < n; i++) {
			struct probe *p = &probes[batch[i]];

			transmit(p->in, p->out, &p->s);
			if (++in_chunk == CHUNK) {
				settle();
				in_chunk = 0;
			}
		}
		settle();
		again = option_resend || frames_lost != lost;
		for (i = 0, in_chunk = 0; again && i < n; i++) {
			struct probe *p = &probes[batch[i]];
			const struct watch *w = &watches[p->s.id];

			if (w->seen > 0)
				continue;
			transmit(p->in, p->out, &p->s);
			if (++in_chunk == CHUNK) {
				settle();
				in_chunk = 0;
			}
		}
		if (again)
			settle();
		for (i = 0; i < n; i++) {
			struct probe *p = &probes[batch[i]];

			p->answer =
				verdict(&watches[p->s.id], &p->answer_owned);
			p->done = true;
		}
		left -= n;
		if (n == 0)
			die(2, "no probe can be placed");
	}
	free(batch);
}
