#include "check/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "check/planned.h"
#include "plan/each.h"
#include "plan/sets.h"

enum { MAX_CUBES = 20000, MAX_BOXES = 12, MAX_SHOWN = 6 };

const char *const vf_kind_name[VF_KINDS] = {
	[VF_EXTRA] = "extra", [VF_MISSING] = "missing",
	[VF_UNDECIDED] = "undecided",
};

struct verifier {
	struct arena *a;
	struct check *c;
	const struct plan *p;
	const struct firewall *f;
	struct verified *out;
	const struct verify_options *opt;
	enum check_path path;
	bool opening, before;
};

static uint32_t field_in(struct verifier *v, unsigned field, space_val lo,
			 space_val hi)
{
	return space_interval(v->c->s, field, lo, hi, SPACE_ALL, SPACE_NO);
}

static uint32_t both(struct verifier *v, uint32_t a, uint32_t b)
{
	return space_and(v->c->s, a, b);
}

/* ---- boxes in plan names -------------------------------------------------------- */

/* "fe1", "10.0.8.0/24 in admins", "198.18.0.0/15" */
static void put_addresses(struct verifier *v, struct space_iv iv,
			  struct buf *out)
{
	struct addr_range r = { space_to_addr(iv.lo), space_to_addr(iv.hi) };
	uint32_t lo = plan_cell(v->p, r.lo), hi = plan_cell(v->p, r.hi);
	const struct party *party;
	char text[ADDR_TEXT];

	range_text(r, text);
	if (lo == NONE || v->p->cell[lo].party == NONE ||
	    (hi != lo && (hi == NONE ||
			  v->p->cell[hi].space != v->p->cell[lo].space))) {
		buf_puts(out, text);
		return;
	}
	party = v->p->topo->parties.v[v->p->cell[lo].party];
	if (range_single(r) && party->kind != PARTY_ZONE &&
	    party->kind != PARTY_NETWORK)
		buf_printf(out, "%s (%s)", party->name, text);
	else if (v->p->cell[lo].space != NONE)
		buf_printf(out, "%s in %s", text, v->p->topo->zones
			   .v[v->p->cell[lo].space]->name);
	else
		buf_puts(out, text);
}

static bool whole_family(const struct space_ivs *d)
{
	struct addr last = addr_v4(UINT32_MAX);

	return (d->n == 1 && d->r[0].lo == space_addr(addr_v4(0)) &&
		d->r[0].hi == space_addr(last)) ||
	       (d->n == 2 && d->r[0].lo == 0 &&
		d->r[1].hi == ~(space_val)0);
}

static void put_side(struct verifier *v, const struct space_ivs *d,
		     struct buf *out)
{
	if (!d || whole_family(d)) {
		buf_puts(out, "any");
		return;
	}
	for (size_t i = 0; i < d->n && i < MAX_SHOWN; i++) {
		if (i)
			buf_puts(out, ", ");
		put_addresses(v, d->r[i], out);
	}
	if (d->n > MAX_SHOWN)
		buf_printf(out, " and %zu more", d->n - MAX_SHOWN);
}

/* The services of a cube in this program's words: nft's words without the
 * addresses and interfaces, which are said in plan names. */
static void put_services(struct verifier *v, const struct space_cube *x,
			 struct buf *out)
{
	struct space_cube rest = *x;
	size_t start = out->n;

	rest.dim[PK_SRC] = rest.dim[PK_DST] = NULL;
	rest.dim[PK_IIF] = rest.dim[PK_OIF] = NULL;
	if (v->opening)
		rest.dim[PK_CT] = NULL;
	check_cube_text(v->c, &rest, out);
	if (out->n == start)
		buf_puts(out, "any protocol");
}

static void put_interfaces(struct verifier *v, const struct space_cube *x,
			   struct buf *out)
{
	struct space_cube only = { { NULL } };
	size_t start;

	only.dim[PK_IIF] = x->dim[PK_IIF];
	only.dim[PK_OIF] = x->dim[PK_OIF];
	if (!only.dim[PK_IIF] && !only.dim[PK_OIF])
		return;
	buf_puts(out, " [");
	start = out->n;
	check_cube_text(v->c, &only, out);
	if (out->n > start && out->s[out->n - 1] == ' ')
		out->n--;
	buf_puts(out, "]");
}

static const char *box_text(struct verifier *v, const struct space_cube *x)
{
	struct buf b = { 0 };
	const char *s;

	put_side(v, x->dim[PK_SRC], &b);
	buf_puts(&b, " to ");
	put_side(v, x->dim[PK_DST], &b);
	buf_puts(&b, ": ");
	put_services(v, x, &b);
	put_interfaces(v, x, &b);
	s = arena_strdup(v->a, b.s);
	buf_free(&b);
	return s;
}

/* ---- one finding ------------------------------------------------------------------ */

static struct packet witness_packet(const struct check_finding *x)
{
	unsigned proto = (unsigned)x->witness[PK_PROTO];
	unsigned detail = proto_has_ports(proto) ?
		(unsigned)x->witness[PK_TH2] :
		proto_is_icmp(proto) ? (unsigned)x->witness[PK_TH0] >> 8 : 0;

	return (struct packet){
		.src = space_to_addr(x->witness[PK_SRC]),
		.dst = space_to_addr(x->witness[PK_DST]),
		.proto = (uint8_t)proto, .detail = (uint16_t)detail,
	};
}

static const char *party_text(struct verifier *v, struct addr a)
{
	uint32_t c = plan_cell(v->p, a);
	char text[ADDR_TEXT];
	const char *name = c == NONE ? NULL :
		plan_party_name(v->p, v->p->cell[c].party);

	addr_text(a, text);
	return name ? name : arena_strdup(v->a, text);
}

static struct span reason_place(const struct reason *r)
{
	switch (r->kind) {
	case REASON_FLOW: return r->flow->at;
	case REASON_ALLOW: return r->allow->at;
	case REASON_INPUT: return r->input->at;
	case REASON_IPSEC: return r->ipsec->at;
	}
	return (struct span){ 0 };
}

static const char *lapsed(struct verifier *v, const struct packet *k)
{
	const struct plan *p = v->p;
	uint32_t s = plan_cell(p, k->src), d = plan_cell(p, k->dst);

	for (size_t i = 0; s != NONE && d != NONE && i < p->left_out.n; i++) {
		const struct rule *r = p->left_out.v[i].allow;
		uint32_t end = p->end_allow + 2 * r->id;

		if (cell_in_end(p, s, end) && cell_in_end(p, d, end + 1) &&
		    keys_has(r->what.keys, key_of(k->proto, k->detail)))
			return arena_printf(v->a, "allow %s is out of its time "
					    "(%s) and still open", r->ident,
					    r->expires.given ?
					    r->expires.text : "not started");
	}
	return NULL;
}

static void plan_side(struct verifier *v, const struct packet *k,
		      struct vf_finding *out)
{
	struct answer x = plan_verdict(v->p, k);
	struct nearest near;
	char keys[KEY_TEXT];

	if (x.n_reason) {
		out->plan = reason_ident(v->p, x.reason[0], v->a);
		out->plan_at = reason_place(&v->p->reasons.v[x.reason[0]]);
		if (x.why == WHY_ONLY_IPSEC)
			out->plan = arena_printf(v->a, "%s, only inside IPsec",
						 out->plan);
		else if (out->kind == VF_EXTRA)
			out->plan = arena_printf(v->a, "%s, but not across "
						 "these interfaces", out->plan);
		return;
	}
	out->plan = lapsed(v, k);
	if (out->plan)
		return;
	near = plan_nearest(v->p, k);
	if (near.what == NEAR_NONE)
		return;
	key_text(near.flow.piece.keys, keys);
	out->plan = arena_printf(v->a, "nothing; nearest: %s, %s", keys,
				 reason_ident(v->p, near.flow.piece.reason,
					      v->a));
	out->plan_at = reason_place(&v->p->reasons.v[near.flow.piece.reason]);
}

static void rule_side(struct verifier *v, const struct check_finding *x,
		      struct vf_finding *out)
{
	struct buf b = { 0 };

	if (x->rule[1]) {
		out->file = x->rule[1]->file;
		out->line = x->rule[1]->line;
	}
	check_rule_text(x->rule[1], x->policy[1], &b);
	out->rule = arena_strdup(v->a, b.s ? b.s : "");
	buf_free(&b);
}

static const char *packet_text(struct verifier *v,
			       const struct check_finding *x)
{
	struct buf b = { 0 };
	const char *s;

	check_packet_text(v->c, x->witness, v->path, &b);
	s = arena_strdup(v->a, b.s ? b.s : "");
	buf_free(&b);
	return s;
}

static const char *size_text(struct verifier *v, const struct check_finding *x)
{
	struct buf b = { 0 };
	const char *s;

	space_count_text(x->size, &b);
	s = arena_strdup(v->a, b.s);
	buf_free(&b);
	return s;
}

static void fingerprint(struct verifier *v, struct vf_finding *x)
{
	uint64_t h = hash_str(HASH_INIT, vf_kind_name[x->kind]);

	h = hash_str(h, v->f->name);
	h = hash_str(h, check_path_name[x->path]);
	h = hash_u64(h, x->opening);
	for (size_t i = 0; i < x->n_box; i++)
		h = hash_str(h, x->box[i]);
	snprintf(x->fingerprint, sizeof(x->fingerprint), "%016llx",
		 (unsigned long long)hash_mix(h));
}

/* The packet as the format writes it; other ICMP than requests has no word. */
static const char *packet_xml(struct verifier *v, const struct packet *k)
{
	if (proto_has_ports(k->proto))
		return arena_printf(v->a, "%s=\"%u\"", k->proto == PROTO_TCP ?
				    "tcp" : "udp", k->detail);
	if (proto_is_icmp(k->proto) && icmp_type_name(k->proto, k->detail))
		return arena_printf(v->a, "%s=\"%u\"",
				    k->proto == PROTO_ICMP ? "icmp" : "icmpv6",
				    k->detail);
	return arena_printf(v->a, "ip=\"%u\"", k->proto);
}

static void add_finding(struct verifier *v, const struct check_finding *x)
{
	/* the plan is the first side: "opens" means more than planned */
	static const enum vf_kind kind[CHECK_KINDS] = {
		[CHECK_OPENS] = VF_EXTRA, [CHECK_CLOSES] = VF_MISSING,
		[CHECK_UNDECIDED] = VF_UNDECIDED,
	};
	struct packet k = witness_packet(x);
	struct vf_finding out = { .kind = kind[x->kind], .path = v->path,
				  .opening = v->opening, .before = v->before,
				  .why = x->why };
	char key[KEY_TEXT];
	uint32_t id = key_of(k.proto, k.detail), s;

	out.n_box = x->cubes.n < MAX_BOXES ? x->cubes.n : MAX_BOXES;
	out.more = x->cubes.n - out.n_box;
	out.box = ARENA_ARRAY(v->a, const char *, out.n_box);
	for (size_t i = 0; i < out.n_box; i++)
		out.box[i] = box_text(v, &x->cubes.v[i]);
	out.size = size_text(v, x);
	out.packet = packet_text(v, x);
	out.from = party_text(v, k.src);
	out.to = party_text(v, k.dst);
	key_text((struct key_range){ id, id }, key);
	out.service = arena_strdup(v->a, key);
	out.packet_xml = packet_xml(v, &k);
	s = plan_cell(v->p, k.src);
	out.internet = s != NONE && v->p->cell[s].zone != NONE &&
		v->p->topo->zones.v[v->p->cell[s].zone]->zone_kind ==
			ZONE_INTERNET;
	rule_side(v, x, &out);
	plan_side(v, &k, &out);
	fingerprint(v, &out);
	vec_push(v->a, &v->out->findings, out);
	v->out->count[out.kind]++;
}

static void compare(struct verifier *v, const struct check_side *plan,
		    const struct check_side *rules, enum check_scope scope)
{
	struct check_findings f = check_compare(v->c, plan, rules, scope,
						v->path, MAX_CUBES);

	for (size_t i = 0; i < f.n; i++)
		add_finding(v, &f.v[i]);
}

/* ---- waivers, and what was so before ------------------------------------------- */

static bool in_force(const struct verifier *v, const struct waiver *w)
{
	return v->p->now < w->expires.t &&
	       (!w->firewall || !strcmp(w->firewall, v->f->name)) &&
	       (!strcmp(w->kind, "extra") || !strcmp(w->kind, "missing"));
}

static uint32_t waived_packets(struct verifier *v, const struct waiver *w)
{
	struct addr_set src = plan_ends_set(v->p, &w->from, v->a);
	struct addr_set dst = plan_ends_set(v->p, &w->to, v->a);
	struct key_set keys = plan_packets_keys(v->p, &w->what, v->a);

	return check_packets(v->c, w->any_from ? NULL : &src,
			     w->any_to ? NULL : &dst,
			     w->any_packets ? NULL : &keys);
}

/* Where rules and plan differ as waived, the plan is taken to say what the
 * rules say. */
static uint32_t waive(struct verifier *v, uint32_t plan,
		      const struct check_side *rules)
{
	struct space *s = v->c->s;
	uint32_t may = check_passes(v->c, rules, true);
	uint32_t sure = check_passes(v->c, rules, false);
	uint32_t out = plan;

	for (size_t i = 0; v->opt->waivers && i < v->opt->waivers->list.n; i++) {
		const struct waiver *w = v->opt->waivers->list.v[i];
		uint32_t set, hit;

		if (!in_force(v, w))
			continue;
		set = waived_packets(v, w);
		if (!strcmp(w->kind, "extra")) {
			hit = space_and(s, set, space_minus(s, may, plan));
			out = space_or(s, out, hit);
		} else {
			hit = space_and(s, set, space_minus(s, plan, sure));
			out = space_minus(s, out, hit);
		}
		if (space_and(s, hit, v->c->possible) != SPACE_NO)
			v->opt->used[i] = true;
	}
	return out;
}

/* What the change brought first, then what was so before it. */
static void compare_openings(struct verifier *v, struct check_side plan,
			     const struct check_side *rules)
{
	struct space *s = v->c->s;
	uint32_t possible = v->c->possible, may, sure, deviates;
	struct check_side old;

	v->opening = true;
	plan.d = waive(v, plan.d, rules);
	if (!v->opt->old) {
		compare(v, &plan, rules, CHECK_OPENING);
		return;
	}
	old = check_rules(v->c, v->opt->old, v->path);
	may = check_passes(v->c, &old, true);
	sure = check_passes(v->c, &old, false);
	deviates = space_or(s, space_minus(s, may, plan.d),
			    space_minus(s, plan.d, sure));
	v->c->possible = space_minus(s, possible, deviates);
	compare(v, &plan, rules, CHECK_OPENING);
	v->c->possible = space_and(s, possible, deviates);
	v->before = true;
	compare(v, &plan, rules, CHECK_OPENING);
	v->before = false;
	v->c->possible = possible;
}

/* ---- what is judged ------------------------------------------------------------------ */

/* ICMP errors that tracking ties to a connection; redirects are none of them
 * (type 5; 137 in IPv6). */
static uint32_t icmp_errors(struct verifier *v)
{
	uint32_t v4 = both(v, field_in(v, PK_PROTO, PROTO_ICMP, PROTO_ICMP),
			   space_not(v->c->s, field_in(v, PK_TH0, 5 << 8,
						       (5 << 8) + 255)));
	uint32_t v6 = both(v, field_in(v, PK_PROTO, PROTO_ICMPV6, PROTO_ICMPV6),
			   space_not(v->c->s, field_in(v, PK_TH0, 137 << 8,
						       (137 << 8) + 255)));

	v4 = both(v, v4, field_in(v, PK_FAMILY, 0, 0));
	v6 = both(v, v6, field_in(v, PK_FAMILY, 1, 1));
	return both(v, field_in(v, PK_CT, CT_RELATED, CT_RELATED),
		    space_or(v->c->s, v4, v6));
}

/* Interfaces between which something is planned, in either direction. */
static uint32_t spoken_between(struct verifier *v, uint32_t planned)
{
	struct space *s = v->c->s;
	uint32_t out = SPACE_NO;

	for (size_t i = 0; i < v->c->names.n; i++)
		for (size_t k = 0; k < v->c->names.n; k++) {
			uint32_t there = both(v, field_in(v, PK_IIF, i, i),
					      field_in(v, PK_OIF, k, k));
			uint32_t back = both(v, field_in(v, PK_IIF, k, k),
					     field_in(v, PK_OIF, i, i));

			if (space_and(s, planned, there) != SPACE_NO ||
			    space_and(s, planned, back) != SPACE_NO)
				out = space_or(s, out, there);
		}
	return out;
}

/* Without a planned connection nothing is established: whether rules pass it
 * then cannot matter. The plan's side says what the rules say there. */
static void other_states(struct verifier *v, const struct check_side *rules,
			 uint32_t where)
{
	struct space *s = v->c->s;
	uint32_t est = field_in(v, PK_CT, CT_ESTABLISHED, CT_ESTABLISHED);
	uint32_t must = both(v, est, where);
	uint32_t errors = icmp_errors(v);
	uint32_t may = check_passes(v->c, rules, true);
	uint32_t free_ = space_or(s, space_minus(s, est, must), errors);
	struct check_side expect = {
		NULL, space_or(s, must, space_and(s, may, free_)) };

	v->opening = false;
	compare(v, &expect, rules, CHECK_OTHER);
}

static void self_get(const void *ctx, size_t box, unsigned field, space_val *lo,
		     space_val *hi)
{
	const struct addr *a = ctx;

	(void)field;
	*lo = *hi = space_addr(a[box]);
}

/* A packet from an address to itself is none that a network carries; a map
 * from sources to destinations cannot tell it apart, so it is not judged. */
static uint32_t to_itself(struct verifier *v)
{
	static const uint8_t fields[] = { PK_DST, PK_SRC };
	struct addr *a = ARENA_ARRAY(v->a, struct addr, v->p->n_cell);
	struct space_boxes b = { .nfields = 2, .field = fields,
				 .get = self_get, .ctx = a };

	for (size_t i = 0; i < v->p->n_cell; i++)
		if (v->p->cell[i].zone != NONE &&
		    addr_eq(v->p->cell[i].lo, v->p->cell[i].hi))
			a[b.n++] = v->p->cell[i].lo;
	return b.n ? space_union(v->c->s, &b) : SPACE_NO;
}

static void forward(struct verifier *v, const struct kruleset *rs)
{
	struct check_side plan = check_planned_forward(v->c, v->p, v->f);
	struct check_side rules = check_rules(v->c, rs, PATH_FORWARD);

	v->path = PATH_FORWARD;
	compare_openings(v, plan, &rules);
	other_states(v, &rules, spoken_between(v, plan.d));
}

/* Packets to the firewall that keep the link alive (the format, `input`):
 * not judged. */
static uint32_t housekeeping(struct verifier *v)
{
	static const struct { uint8_t v6, proto; int lo, hi; } link[] = {
		{ 0, 2, -1, 0 },		      /* IGMP */
		{ 0, PROTO_ICMP, 8 << 8, (8 << 8) + 255 },
		{ 1, PROTO_ICMPV6, 128 << 8, (128 << 8) + 255 },
		{ 1, PROTO_ICMPV6, 130 << 8, (136 << 8) + 255 },
		{ 1, PROTO_ICMPV6, 143 << 8, (143 << 8) + 255 },
	};
	uint32_t out = SPACE_NO;

	for (size_t i = 0; i < sizeof(link) / sizeof(*link); i++) {
		uint32_t x = both(v, field_in(v, PK_FAMILY, link[i].v6,
					      link[i].v6),
				  field_in(v, PK_PROTO, link[i].proto,
					   link[i].proto));

		if (link[i].lo >= 0)
			x = both(v, x, field_in(v, PK_TH0,
						(space_val)link[i].lo,
						(space_val)link[i].hi));
		out = space_or(v->c->s, out, x);
	}
	for (size_t i = 0; i < v->c->names.n; i++)
		if (v->c->names.v[i].text &&
		    !strcmp(v->c->names.v[i].text, "lo"))
			out = space_or(v->c->s, out,
				       field_in(v, PK_IIF, i, i));
	if (v->f->nodes.n)
		out = space_or(v->c->s, out, field_in(v, PK_PROTO, PROTO_VRRP,
						      PROTO_VRRP));
	for (size_t i = 0; i < v->f->interfaces.n; i++)
		if (v->f->interfaces.v[i]->dhcp)
			return space_or(v->c->s, out, both(v,
				field_in(v, PK_PROTO, PROTO_UDP, PROTO_UDP),
				space_or(v->c->s,
					 field_in(v, PK_TH2, 68, 68),
					 field_in(v, PK_TH2, 546, 546))));
	return out;
}

static void input(struct verifier *v, const struct kruleset *rs)
{
	uint32_t possible = v->c->possible;
	struct check_side plan, rules;

	if (!v->f->inputs.n)
		return;
	v->c->possible = space_minus(v->c->s, possible, housekeeping(v));
	plan = check_planned_input(v->c, v->p, v->f);
	rules = check_rules(v->c, rs, PATH_INPUT);
	v->path = PATH_INPUT;
	compare_openings(v, plan, &rules);
	other_states(v, &rules, SPACE_ALL);
	v->c->possible = possible;
}

static const char *not_judged(struct verifier *v, const struct kruleset *rs)
{
	struct buf b = { 0 };
	const char *s;

	buf_puts(&b, "output chains; traffic inside zones");
	if (!v->f->inputs.n)
		buf_puts(&b, "; input, since the topology says none");
	if (rs) {
		struct buf t = { 0 };

		check_not_judged(rs, &t);
		if (t.n)
			buf_printf(&b, "; table %s", t.s);
		buf_free(&t);
	}
	s = arena_strdup(v->a, b.s);
	buf_free(&b);
	return s;
}

static int order(const void *a, const void *b)
{
	const struct vf_finding *x = a, *y = b;

	if (x->opening != y->opening)
		return x->opening ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->internet != y->internet)
		return x->internet ? -1 : 1;
	return strcmp(x->fingerprint, y->fingerprint);
}

void verify_firewall(struct arena *a, const struct plan *p,
		     const struct firewall *f, struct kruleset *rules,
		     const struct verify_options *opt, struct verified *out)
{
	struct kruleset *both_rules[2] = { rules, opt->old };
	size_t n;
	const char **names = check_interface_names(a, f, &n);
	struct verifier v = { .a = a, .p = p, .f = f, .out = out, .opt = opt };

	out->firewall = f;
	v.c = check_new(a, both_rules, opt->old ? 2 : 1, names, n);
	v.c->possible = space_minus(v.c->s, v.c->possible, to_itself(&v));
	forward(&v, rules);
	input(&v, rules);
	out->not_judged = not_judged(&v, rules);
	if (out->findings.n)
		qsort(out->findings.v, out->findings.n,
		      sizeof(*out->findings.v), order);
	check_free(v.c);
}
