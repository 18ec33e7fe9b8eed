#include "audit/settle.h"

#include <assert.h>

#include "audit/frag.h"
#include "audit/quick.h"
#include "audit/recall.h"
#include "audit/rest.h"
#include "audit/sniff.h"
#include "base/keys.h"

/*
 * How this works. Frames come in batches. Step one decodes each; then the
 * hashes of their flows start the fetch of the index, and the index that of
 * the flows; the last step counts. Only the first payloads of a flow are
 * looked into, and a flow is judged once, when it ends or is evicted
 * (settle.c), or soon after its start where findings are to be told at once.
 */
static void flow_closed(void *ctx, struct conn *c)
{
	settle_flow(ctx, c);
}

static void use_plan(struct audit *au, const struct judge *j)
{
	size_t zones = j->plan->topo->zones.n;

	au->judge = j;
	recall_clear(au->recall);
	au->reason_hits = ARENA_ARRAY(au->arena, uint64_t, j->plan->reasons.n);
	au->zone_flows = ARENA_ARRAY(au->arena, uint64_t, zones * zones);
}

/* Taps in different zones see the same packet twice; files of one tap follow
 * each other. */
static bool several_taps(const struct audit_options *opt)
{
	for (size_t i = 1; opt->tap_zone && i < opt->n_tap; i++)
		if (opt->tap_zone[i] != opt->tap_zone[0])
			return true;
	return false;
}

struct audit *audit_new(struct arena *a, const struct judge *j,
			const struct audit_options *opt)
{
	struct audit *au = ARENA_NEW(a, struct audit);

	au->arena = a;
	au->opt = *opt;
	if (!au->opt.max_flows)
		au->opt.max_flows = AUDIT_MAX_FLOWS;
	au->flows = flows_new(au->opt.max_flows, opt->seed, flow_closed, au);
	if (several_taps(opt))
		flows_taps(au->flows, opt->tap_zone);
	au->frags = frags_new(a, opt->seed);
	au->findings = findings_new(a, opt->seed);
	au->recall = recall_new(a);
	au->rests = rests_new(a);
	use_plan(au, j);
	if (opt->early)
		au->wait = arena_alloc_raw(a, au->opt.max_flows * 4);
	return au;
}

void audit_free(struct audit *au)
{
	if (au)
		flows_free(au->flows);
}

/* Fragments and tunnels, which are rare: false if it is not to be counted. */
static __attribute__((noinline)) bool special(struct audit *au, struct pkt *p,
					      uint64_t ts)
{
	if (au->opt.mirror && !(p->flags & PKT_INNER)) {
		au->t.outer++;
		return false;
	}
	if (p->flags & PKT_FIRST_FRAG)
		frags_note(au->frags, p, ts);
	if ((p->flags & PKT_LATER_FRAG) && !frags_find(au->frags, p, ts)) {
		au->t.blind++;
		return false;
	}
	return true;
}

/* Its hints from hint on; the next free one. */
static __attribute__((noinline)) struct flow_hint *
decode_slow(struct audit *au, const struct frame *f, struct flow_hint *hint)
{
	struct pkt *p = &au->pkt[au->n_pkt];
	size_t k = decode_frame(f, p, &au->decoded);

	for (size_t l = 0; l < k; l++) {
		struct pkt *to = &au->pkt[au->n_pkt];

		if ((p[l].flags || au->opt.mirror) &&
		    !special(au, &p[l], f->ts))
			continue;
		if (to != &p[l])
			*to = p[l];
		*hint = (struct flow_hint){ .frame = f, .pkt = to };
		flow_hash(au->flows, to, hint++);
		au->n_pkt++;
	}
	return hint;
}

static void decode_batch(struct audit *au, const struct frame *f, size_t n)
{
	/* Who wants the packets themselves gets them all; which tap saw them
	 * first, only the long way looks at. */
	bool quick = !au->opt.mirror && !au->opt.on_evidence &&
		     !flows_have_taps(au->flows);
	const struct flows *t = au->flows;
	struct flow_hint *hint = au->hint;
	uint32_t headers;
	uint64_t bytes = 0, last = au->t.last;

	au->n_pkt = 0;
	for (const struct frame *end = f + n; f < end; f++) {
		bytes += f->len;
		last = f->ts > last ? f->ts : last;
		headers = quick ? quick_headers(f) : 0;
		if (__builtin_expect(headers, 1))
			quick_hash(t, f, headers, hint++);
		else
			hint = decode_slow(au, f, hint);
	}
	au->n = (size_t)(hint - au->hint);
	au->t.bytes += bytes;
	au->t.last = last;
}

/* Payloads of one side that are looked into while they mean nothing. */
enum { LOOK_UNKNOWN = 3 };

/* What is spoken after these first bytes holds no secret of a kind that we
 * could see. */
static bool app_is_dull(unsigned a)
{
	return a == APP_TLS || a == APP_KERBEROS || a == APP_DNS ||
	       a == APP_SMB || a == APP_SSH || a == APP_IKE || a == APP_NTP;
}

/* Nothing known in its first payloads: nothing will be. When that is so, no
 * branch foretells. */
static void give_up(struct conn *c, unsigned side)
{
	uint32_t in_vain = (c->app[side] == APP_UNKNOWN) &
			   (c->look[side] + LOOK_UNKNOWN <= FLOW_LOOK);

	c->look[side] &= (uint8_t)(unforeseen(in_vain) - 1);
}

/* A payload that is looked into; the first bytes were there before. */
struct text {
	const uint8_t *p;
	size_t n, known;
};

static void rpc(struct audit *au, struct conn *c, const struct text *x,
		unsigned side, const struct frame *fr)
{
	struct epm_tower t[8];
	size_t told = epm_towers(x->p, x->known, t, 8);
	size_t n = epm_towers(x->p, x->n, t, 8);

	for (size_t i = told; i < n; i++)
		settle_rpc(au, c, side, &t[i], fr);
}

/* One side of one flow, as long as it is in the table; not 0. */
static uint32_t owner_of(const struct audit *au, const struct conn *c,
			 unsigned side)
{
	return (uint32_t)(c - flows_at(au->flows, 0)) * 2 + side + 1;
}

/* The payload tells something. */
static __attribute__((noinline)) void
heed(struct audit *au, struct conn *c, struct sniffed s, const struct text *x,
     unsigned side, const struct frame *fr)
{
	uint32_t of = owner_of(au, c, side);

	if (c->app[side] == APP_UNKNOWN || c->app[side] == APP_MAIL_OR_FTP)
		c->app[side] = s.app;
	/* Only what comes first tells: later, another host's words may be
	 * passed through. */
	if (s.who != SAID_EITHER)
		c->seen |= (s.who == SAID_BY_CLIENT ? SEEN_CLIENT :
						      SEEN_SERVER) << side;
	if (s.secret) {
		c->note |= NOTE_CREDENTIALS;
		/* It was told of as it was then: now there is more to tell. */
		if (au->wait && (c->note & NOTE_JUDGED) &&
		    !(c->note & NOTE_TOLD_SECRET))
			settle_early(au, c);
	}
	if (s.app == APP_DCERPC && s.who == SAID_BY_SERVER)
		rpc(au, c, x, side, fr);
	if (s.more && rests_keep(au->rests, of, x->p, x->n))
		c->seen |= (uint32_t)SEEN_CUT << side;
	if (s.last || app_is_dull(s.app))
		c->look[side] = 0;
}

/* It may tell something. False: it tells nothing, or not all. */
static __attribute__((noinline)) bool
look_closely(struct audit *au, struct conn *c, const uint8_t *payload,
	     size_t have, unsigned side, const struct frame *fr)
{
	struct text x = { payload, have, 0 };
	struct sniffed s;

	if (c->seen & (uint32_t)SEEN_CUT << side) {
		c->seen &= ~((uint32_t)SEEN_CUT << side);
		x.p = rests_join(au->rests, owner_of(au, c, side), payload,
				 &x.n, &x.known);
	}
	s = c->proto == PROTO_TCP ? sniff_tcp(x.p, x.n) :
				    sniff_udp(payload, have);
	if (sniffed_nothing(s))
		return false;
	heed(au, c, s, &x, side, fr);
	return !s.more;
}

/* Of a payload of so many bytes on the wire, some or none are at hand. */
static inline void look(struct audit *au, struct conn *c,
			const uint8_t *payload, uint32_t have, uint32_t data,
			unsigned side, const struct frame *fr)
{
	bool stream = c->proto == PROTO_TCP;
	bool may = stream ? (have && sniff_tcp_may_be(*payload)) ||
			    (c->seen & (uint32_t)SEEN_CUT << side) :
			    c->proto == PROTO_UDP;

	c->look[side]--;
	au->t.looked++;
	if (may ? !look_closely(au, c, payload, have, side, fr) : stream)
		au->t.unread += have < data;
	give_up(c, side);
}

static bool starts_flow(const struct conn *c)
{
	return c->packets[0] + c->packets[1] <= 1;
}

static void wait_for(struct audit *au, const struct conn *c)
{
	size_t cap = au->opt.max_flows;

	if (au->wait_n < cap)
		au->wait[(au->wait_at + au->wait_n++) % cap] =
			(uint32_t)(c - flows_at(au->flows, 0));
}

static void begin(struct audit *au, struct conn *c)
{
	if (au->opt.known)
		known_recall(au->opt.known, c);
	if (au->wait)
		wait_for(au, c);
}

/* Two seconds: the handshake is over, or never will be. */
static void judge_waiting(struct audit *au)
{
	const uint64_t delay = UINT64_C(2000000000);

	while (au->wait_n) {
		struct conn *c = flows_at(au->flows, au->wait[au->wait_at]);

		if (c->first + delay > au->t.last && !(c->seen & SEEN_RST * 3))
			return;
		if (!(c->note & NOTE_JUDGED))
			settle_early(au, c);
		au->wait_at = (au->wait_at + 1) % au->opt.max_flows;
		au->wait_n--;
	}
}

/* Enough packets of a flow to show what it was. */
enum { EVIDENCE_PACKETS = 12 };

static void evidence(struct audit *au, struct conn *c, const struct pkt *p,
		     const struct frame *fr)
{
	if (!(c->note & NOTE_EVIDENCE_CHECKED)) {
		c->note |= NOTE_EVIDENCE_CHECKED;
		if (settle_suspect(au, c))
			c->note |= NOTE_EVIDENCE;
	}
	if ((c->note & (NOTE_EVIDENCE | NOTE_CREDENTIALS)) &&
	    c->packets[0] + c->packets[1] <= EVIDENCE_PACKETS)
		au->opt.on_evidence(au->opt.ctx, fr, p);
}

static void count_slow(struct audit *au, const struct flow_hint *hint,
		       const struct pkt *p)
{
	const struct frame *fr = hint->frame;
	unsigned side;
	struct conn *c = flows_add(au->flows, p, hint, fr, &side);

	if (!c)
		return;
	if (p->data && c->look[side] && !(p->flags & PKT_QUOTED))
		look(au, c, p->payload, p->have, p->data, side, fr);
	if ((au->wait || au->opt.known) && starts_flow(c))
		begin(au, c);
	if (au->opt.on_evidence)
		evidence(au, c, p, fr);
}

/* What was put off, up to end. An earlier look may have been the last. */
static __attribute__((noinline)) void look_now(struct audit *au,
					       const struct to_look *end)
{
	for (const struct to_look *l = au->look; l < end; l++) {
		const struct frame *f = l->hint->frame;
		struct conn *c = l->hint->flow;
		uint32_t data = l->hint->data;

		if (c->look[l->side])
			look(au, c, f->data + plain_start(f, data),
			     plain_have(f, data), data, l->side, f);
	}
}

/* More than plain, or a flow begins, and another may end for it. */
static __attribute__((noinline)) void take_apart(struct audit *au,
						 const struct flow_hint *hint)
{
	struct pkt p[PKT_LAYERS];

	if (!hint->pkt)
		decode_frame(hint->frame, p, &au->decoded);
	count_slow(au, hint, hint->pkt ? hint->pkt : p);
}

/* Which payloads are to be looked into is hard to foretell: noted without a
 * branch, they are looked into when all are counted. */
static void count_batch(struct audit *au)
{
	const struct flow_hint *hint = au->hint, *end = hint + au->n;
	struct flows *t = au->flows;
	struct to_look *look = au->look;

	for (; hint < end; hint++) {
		unsigned side;

		if (__builtin_expect(hint->pkt || !quick_add(t, hint, &side),
				     0)) {
			look_now(au, look);
			take_apart(au, hint);
			look = au->look;
			continue;
		}
		*look = (struct to_look){ hint, side };
		look += unforeseen((hint->data != 0) &
				   (hint->flow->look[side] != 0));
	}
	look_now(au, look);
}

void audit_frames(struct audit *au, const struct frame *f, size_t n)
{
	if (!n)
		return;
	if (!au->t.frames)
		au->t.first = f[0].ts;
	au->t.frames += n;
	decode_batch(au, f, n);
	au->t.packets += au->n;
	flows_prefetch(au->flows, au->n, au->hint);
	count_batch(au);
	if (au->wait_n)
		judge_waiting(au);
}

void audit_replan(struct audit *au, const struct judge *j,
		  const uint32_t *tap_zone)
{
	au->opt.tap_zone = tap_zone;
	au->findings = findings_replaced(au->findings, j);
	use_plan(au, j);
}

void audit_tick(struct audit *au, uint64_t now)
{
	if (au->t.frames && now > au->t.last)
		au->t.last = now;
	if (au->wait_n)
		judge_waiting(au);
}

void audit_known(const struct audit *au, struct arena *a, known_list *l)
{
	for (size_t i = 0; i < flows_count(au->flows); i++)
		known_add(flows_at(au->flows, i), au->t.last, a, l);
}

/* ---- several auditors of one wire ---------------------------------------- */

static void add_all(uint64_t *into, const uint64_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		into[i] += v[i];
}

/* All of them are counters but two. */
void audit_totals_add(struct audit_totals *t, const struct audit_totals *o)
{
	struct audit_totals sum = *t;

	static_assert(sizeof(*t) % sizeof(uint64_t) == 0, "counters only");
	add_all((uint64_t *)&sum, (const uint64_t *)o,
		sizeof(*t) / sizeof(uint64_t));
	sum.first = !t->frames || (o->frames && o->first < t->first) ?
		    o->first : t->first;
	sum.last = o->last > t->last ? o->last : t->last;
	*t = sum;
}

/* Flows of one that another knows too. */
static void join_flows(struct audit *au, struct audit *other)
{
	for (size_t i = 0; i < flows_count(other->flows); i++) {
		struct conn *c = flows_at(other->flows, i), *same;
		unsigned side;

		same = c->note & NOTE_MERGED ? NULL :
		       flows_same(au->flows, c, &side);
		if (!same)
			continue;
		flows_join(au->flows, same, c, side);
		c->note |= NOTE_MERGED;
	}
}

static void take_in(struct audit *au, struct audit *other)
{
	const struct plan *p = au->judge->plan;
	size_t zones = p->topo->zones.n;

	audit_finish(other);
	findings_absorb(au->findings, other->findings);
	flows_add_stats(au->flows, other->flows);
	audit_totals_add(&au->t, &other->t);
	add_all(au->decoded.undecoded, other->decoded.undecoded, UD_N);
	add_all(au->reason_hits, other->reason_hits, p->reasons.n);
	add_all(au->zone_flows, other->zone_flows, zones * zones);
}

void audit_merge(struct audit *const *v, size_t n)
{
	for (size_t k = n; k-- > 1;)
		for (size_t i = 0; i < k; i++)
			join_flows(v[i], v[k]);
	for (size_t k = 1; k < n; k++)
		take_in(v[0], v[k]);
}

void audit_finish(struct audit *au)
{
	flows_close_all(au->flows);
}

const struct audit_totals *audit_totals(const struct audit *au)
{
	return &au->t;
}

const struct flow_stats *audit_flow_stats(const struct audit *au)
{
	return flows_stats(au->flows);
}

const struct decode_stats *audit_decode_stats(const struct audit *au)
{
	return &au->decoded;
}

struct finding **audit_findings(struct audit *au, size_t *n)
{
	return findings_sorted(au->findings, n);
}

const uint64_t *audit_reason_hits(const struct audit *au)
{
	return au->reason_hits;
}

const uint64_t *audit_zone_flows(const struct audit *au)
{
	return au->zone_flows;
}
