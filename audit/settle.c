#include "audit/settle.h"

#include <string.h>

#include "audit/chatter.h"
#include "audit/icmp.h"
#include "audit/recall.h"
#include "audit/wire.h"
#include "base/keys.h"

/*
 * One flow's judgement: is it the link's own chatter; who opened it; what
 * says the plan of that; what else is wrong with it.
 */
struct hearing {
	struct audit *au;
	const struct conn *c;
	struct opener o;
	unsigned from;	/* side that opened, as far as it is taken to be */
	struct addr src, dst;
	uint16_t sport, dport;
	uint32_t key;
	struct ruling r;
	bool upkeep;	/* of links, to a firewall itself: chatter, too */
};

/* What the opener asked for, were it this side. */
static uint32_t key_from(const struct conn *c, unsigned side)
{
	const struct icmp_query *q;

	if (proto_is_icmp(c->proto)) {
		q = icmp_query(c->proto, c->icmp_type);
		return key_of(c->proto, q ? q->request : c->icmp_type);
	}
	if (proto_has_ports(c->proto))
		return key_of(c->proto, side ? c->aport : c->bport);
	return key_of(c->proto, 0);
}

static void take_side(struct hearing *h, unsigned side)
{
	const struct conn *c = h->c;

	h->from = side;
	h->src = side ? c->b : c->a;
	h->dst = side ? c->a : c->b;
	h->sport = side ? c->bport : c->aport;
	h->dport = side ? c->aport : c->bport;
	h->key = key_from(c, side);
	recall_rule(h->au->recall, h->au->judge, h->src, h->dst, h->key,
		    &h->r);
}

/* Nearer to the plan is the likelier way, where neither is planned. */
static int nearness(const struct ruling *r)
{
	return r->verdict == VERDICT_ALLOWED ? 3 :
	       r->why == WHY_ONLY_IPSEC ? 2 : r->not_judged ? 1 : 0;
}

/* The packets do not say who opened. If one way alone is planned, it was
 * that: a firewall would not have let the other begin. */
static void ask_plan(struct hearing *h)
{
	struct ruling a, b;

	take_side(h, 1);
	b = h->r;
	take_side(h, 0);
	a = h->r;
	if (nearness(&a) != nearness(&b)) {
		unsigned side = nearness(&b) > nearness(&a);

		h->o = (struct opener){ (int)side, HOW_PLAN };
		take_side(h, side);
		return;
	}
	h->o = opener_guess(h->c);
	if (h->o.side == 1)
		take_side(h, 1);
}

/* The content says one side asked, which is not planned, while the reverse
 * is: sniffing may err, so neither is taken for true. */
static bool contradicts(struct hearing *h)
{
	struct hearing back = *h;

	if (h->o.how != HOW_CONTENT || h->r.verdict == VERDICT_ALLOWED ||
	    h->r.not_judged)
		return false;
	take_side(&back, !h->from);
	return back.r.verdict == VERDICT_ALLOWED;
}

static bool spoofed(struct hearing *h)
{
	const struct audit_options *opt = &h->au->opt;
	uint32_t tap = opt->tap_zone && h->c->source < opt->n_tap ?
		       opt->tap_zone[h->c->source] : NONE;

	if (tap == NONE) {
		h->au->t.spoof_unknown++;
		return false;
	}
	if (is_link_source(h->au->judge, h->c, h->src))
		return false;
	return !judge_may_pass(h->au->judge, tap, &h->r, &(struct packet){
			h->src, h->dst, (uint8_t)key_proto(h->key),
			(uint16_t)key_detail(h->key) });
}

/* The class of a flow that the plan denies. */
static enum finding_class denied_class(struct hearing *h,
				       const struct rule **lapsed)
{
	const struct ruling *r = &h->r;

	if (r->why == WHY_ONLY_IPSEC)
		return F_CLEAR_TEXT;
	if (is_link_source(h->au->judge, h->c, h->src))
		return F_UNPLANNED;
	if (r->src.kind == PLACE_UNKNOWN || r->dst.kind == PLACE_UNKNOWN)
		return F_UNKNOWN;
	*lapsed = judge_lapsed(h->au->judge, h->src, h->dst, h->key);
	if (*lapsed)
		return F_LAPSED;
	if (r->src.outside && !r->dst.outside)
		return F_OUTSIDE_IN;
	if (r->src.stranger || r->dst.stranger)
		return F_STRANGER;
	return F_UNPLANNED;
}

static struct finding_end end_of(struct place p, struct addr a)
{
	struct finding_end e = { .place = p };

	if (p.kind == PLACE_UNKNOWN || p.stranger)
		e.addr = a;
	return e;
}

static bool any_data(const struct conn *c, unsigned side)
{
	return c->seen & SEEN_DATA << side;
}

/* Did the two really talk? A TCP answer is more than a reset. */
static bool answered(const struct hearing *h)
{
	const struct conn *c = h->c;
	unsigned to = !h->from;

	if (c->proto == PROTO_TCP)
		return (c->seen & SEEN_SYNACK << to) || any_data(c, to);
	return c->packets[to] > 0;
}

static bool refused(const struct hearing *h)
{
	const struct conn *c = h->c;

	return !answered(h) && ((c->seen & SEEN_RST << !h->from) ||
				(c->seen & SEEN_ERROR * 3));
}

static void count_in(struct hearing *h, struct finding *f)
{
	const struct conn *c = h->c;

	f->flows++;
	f->answered += answered(h);
	f->refused += refused(h);
	f->passed += (c->seen & SEEN_ROUTED << h->from) != 0;
	f->packets += c->packets[0] + c->packets[1];
	f->bytes += c->bytes[0] + c->bytes[1];
	f->how[h->o.how]++;
	if (f->flows == 1 || c->first < f->first)
		f->first = c->first;
	if (c->last > f->last)
		f->last = c->last;
	finding_spread(f, h->c->proto, h->dport,
		       f->dst.any ? h->dst : h->src);
	finding_port(f, h->dport);
	if (f->n_sample < FINDING_SAMPLES)
		f->sample[f->n_sample++] = (struct sample){
			h->src, h->dst, h->sport, h->dport, c->source,
			c->proto, c->number, c->first };
}

/* A finding that speaks of this flow; the rest is the caller's. */
static struct finding about(const struct hearing *h, enum finding_class cls)
{
	return (struct finding){
		.cls = cls, .key = h->key, .reason = h->r.reason,
		.why = h->r.why, .src = end_of(h->r.src, h->src),
		.dst = end_of(h->r.dst, h->dst),
	};
}

/* Counts it (over) or tells of it, or both if it was never told of. */
static void report(struct hearing *h, struct finding *proto, bool over)
{
	struct audit *au = h->au;
	unsigned told = proto->cls == F_CREDENTIALS ? NOTE_TOLD_SECRET :
						      NOTE_JUDGED;
	bool is_new;

	if (over)
		count_in(h, findings_place(au->findings, proto, &is_new));
	if (h->c->note & told)
		return;
	au->t.by_class[proto->cls]++;
	if (!au->opt.on_flow)
		return;
	count_in(h, proto);
	au->opt.on_flow(au->opt.ctx, h->c, proto);
}

static enum app spoken(const struct conn *c)
{
	enum app a = c->app[0], b = c->app[1];

	if (a == APP_UNKNOWN || a == APP_MAIL_OR_FTP)
		return b == APP_UNKNOWN ? a : b;
	return a;
}

/* What may be wrong with a flow that is planned. */
static bool planned_findings(struct hearing *h, bool over)
{
	const struct packet *own = &h->r.own;
	enum app want = judge_expects(h->au->judge, h->r.reason,
				      key_of(own->proto, own->detail));
	enum app got = spoken(h->c);
	struct finding f;

	if (app_fits(want, got))
		return false;
	/* A protocol that begins in the clear may go over to TLS; seen from
	 * the middle, that is all there is. */
	if (got == APP_TLS && want != APP_HTTP && want != APP_DNS &&
	    !(h->c->seen & SEEN_SYN * 3))
		return false;
	f = about(h, F_PROTOCOL);
	f.want = (uint16_t)want;
	f.extra = (uint16_t)got;
	report(h, &f, over);
	return true;
}

/* What keeps links alive, and goes to a firewall itself. */
static bool firewall_takes(const struct hearing *h)
{
	const struct party *d;

	if (h->au->opt.housekeeping || h->r.verdict == VERDICT_ALLOWED ||
	    h->r.dst.kind != PLACE_FIREWALL)
		return false;
	d = h->au->judge->plan->topo->parties.v[h->r.dst.party];
	return plan_firewall_takes(d->firewall, h->r.src.zone,
				   &(struct packet){ h->src, h->dst,
						     (uint8_t)key_proto(h->key),
						     (uint16_t)key_detail(
							     h->key) });
}

/* Who opened it, and what the plan says of that. */
static void hear(struct hearing *h, struct audit *au, const struct conn *c)
{
	h->au = au;
	h->c = c;
	h->o = opener_seen(h->c);
	if (h->o.side >= 0)
		take_side(h, (unsigned)h->o.side);
	else
		ask_plan(h);
	h->upkeep = firewall_takes(h);
}

static void count_zone(struct hearing *h)
{
	size_t zones = h->au->judge->plan->topo->zones.n;

	if (h->r.src.zone != NONE && h->r.dst.zone != NONE)
		h->au->zone_flows[h->r.src.zone * zones + h->r.dst.zone]++;
}

/* True if anything is wrong with it. */
static bool judge_denied(struct hearing *h, bool over)
{
	struct finding f;

	if (is_link_source(h->au->judge, h->c, h->src))
		h->r.src = (struct place){ PLACE_UNKNOWN, NONE, NONE, false,
					   false };
	f = about(h, F_UNPLANNED);
	if (contradicts(h) || h->r.verdict == VERDICT_UNKNOWN) {
		f.cls = F_UNDETERMINED;
		h->au->t.undetermined += over;
	} else {
		f.cls = denied_class(h, &f.lapsed);
	}
	report(h, &f, over);
	return true;
}

/* All that plan it were seen in use, not only the most specific. */
static void count_reasons(struct hearing *h)
{
	for (size_t i = 0; i < h->r.n_reason; i++)
		h->au->reason_hits[h->r.reasons[i]]++;
}

static bool judge_flow(struct hearing *h, bool over)
{
	bool wanting = false;

	if (spoofed(h)) {
		struct finding f = about(h, F_SPOOFED);

		report(h, &f, over);
		wanting = true;
	} else if (h->r.verdict == VERDICT_ALLOWED) {
		wanting = planned_findings(h, over);
		if (over)
			count_reasons(h);
	} else if (!h->r.not_judged && !h->upkeep) {
		wanting = judge_denied(h, over);
	}
	if (h->c->note & NOTE_CREDENTIALS) {
		struct finding f = about(h, F_CREDENTIALS);

		f.extra = (uint16_t)spoken(h->c);
		report(h, &f, over);
		wanting = true;
	}
	return wanting;
}

static void count_chatter(struct audit *au, const struct conn *c)
{
	au->t.housekeeping++;
	au->t.housekeeping_packets += c->packets[0] + c->packets[1];
}

static void count_over(struct hearing *h, bool wanting)
{
	struct audit_totals *t = &h->au->t;
	const struct conn *c = h->c;

	t->how[h->o.how]++;
	if (h->r.verdict == VERDICT_ALLOWED)
		count_zone(h);
	if (wanting)
		t->wanting++;
	else if (h->r.verdict == VERDICT_ALLOWED)
		t->planned++;
	else if (h->r.elsewhere)
		t->elsewhere++;
	else if (h->upkeep)
		count_chatter(h->au, c);
	else
		t->inside++;
	/* A lone SYN has no other side to be missed. */
	if (c->proto == PROTO_TCP && (c->seen & SEEN_DATA * 3)) {
		t->one_way_of++;
		t->one_way += !c->packets[0] || !c->packets[1];
	}
}

void settle_flow(struct audit *au, struct conn *c)
{
	struct hearing h;
	bool wanting;

	if (c->note & NOTE_MERGED)
		return;
	au->t.flows++;
	if (!au->opt.housekeeping && is_chatter(au->judge, c)) {
		count_chatter(au, c);
		return;
	}
	hear(&h, au, c);
	wanting = judge_flow(&h, true);
	count_over(&h, wanting);
	if (au->opt.all && au->opt.on_flow && !wanting && !h.upkeep) {
		struct finding f = about(&h, F_NONE);

		count_in(&h, &f);
		au->opt.on_flow(au->opt.ctx, c, &f);
	}
}

void settle_early(struct audit *au, struct conn *c)
{
	struct hearing h;

	if (!au->opt.housekeeping && is_chatter(au->judge, c))
		return;
	hear(&h, au, c);
	judge_flow(&h, false);
	if (c->note & NOTE_CREDENTIALS)
		c->note |= NOTE_TOLD_SECRET;
	c->note |= NOTE_JUDGED;
}

bool settle_suspect(struct audit *au, const struct conn *c)
{
	struct hearing h;

	if (!au->opt.housekeeping && is_chatter(au->judge, c))
		return false;
	hear(&h, au, c);
	return h.r.verdict != VERDICT_ALLOWED && !h.r.not_judged && !h.upkeep;
}

/* A set of one interface, for finding.rpc. */
static uint64_t interface_bit(const uint8_t uuid[16])
{
	size_t i = 0;

	while (i < n_rpc_interfaces && memcmp(rpc_interfaces[i].uuid, uuid, 16))
		i++;
	return UINT64_C(1) << (i < n_rpc_interfaces ? i : RPC_OTHER);
}

void settle_rpc(struct audit *au, const struct conn *c, unsigned server,
		const struct epm_tower *t, const struct frame *fr)
{
	struct hearing h = { .au = au, .c = c,
			     .o = { (int)!server, HOW_CONTENT } };
	struct finding f, *into;
	bool is_new;

	take_side(&h, !server);
	h.key = key_of(PROTO_TCP, t->port);
	h.r = judge_rule(au->judge, h.src, h.dst, h.key);
	if (h.r.verdict == VERDICT_ALLOWED || h.r.not_judged)
		return;
	f = about(&h, F_RPC_PORT);
	f.extra = t->port;
	f.rpc = interface_bit(t->uuid);
	h.dport = t->port;
	into = findings_place(au->findings, &f, &is_new);
	into->rpc |= f.rpc;
	count_in(&h, into);
	au->t.by_class[F_RPC_PORT]++;
	count_in(&h, &f);
	f.sample[0].number = fr->number;
	if (is_new)
		into->sample[0].number = fr->number;
	if (au->opt.on_flow)
		au->opt.on_flow(au->opt.ctx, c, &f);
}
