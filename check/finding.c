#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "check/translated.h"
#include "check/verifier.h"
#include "plan/each.h"

/* A difference as the reader gets it: in plan names, with both sides' reasons. */

enum { MAX_BOXES = 12, MAX_SHOWN = 6 };

const char *const vf_kind_name[VF_KINDS] = {
	[VF_EXTRA] = "extra", [VF_MISSING] = "missing",
	[VF_UNDECIDED] = "undecided",
};

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

const char *finding_box(struct verifier *v, const struct space_cube *cube)
{
	struct space_cube clipped = check_cube_clip(v->a, cube), *x = &clipped;
	struct buf b = { 0 };

	put_side(v, x->dim[PK_SRC], &b);
	buf_puts(&b, " to ");
	put_side(v, x->dim[PK_DST], &b);
	buf_puts(&b, ": ");
	put_services(v, x, &b);
	put_interfaces(v, x, &b);
	return buf_take(v->a, &b);
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

static const char *lapsed(struct verifier *v, const struct packet *k,
			  const struct rule **by)
{
	const struct plan *p = v->p;
	uint32_t s = plan_cell(p, k->src), d = plan_cell(p, k->dst);

	for (size_t i = 0; s != NONE && d != NONE && i < p->left_out.n; i++) {
		const struct rule *r = p->left_out.v[i].allow;
		uint32_t end = p->end_allow + 2 * r->id;

		if (!cell_in_end(p, s, end) || !cell_in_end(p, d, end + 1) ||
		    !(v->once || keys_has(r->what.keys,
					  key_of(k->proto, k->detail))))
			continue;
		*by = r;
		if (r->expires.given && p->now >= r->expires.t)
			return arena_printf(v->a, "expired exception \"%s\" "
					    "still open (%s)", r->ident,
					    r->expires.text);
		return arena_printf(v->a, "allow %s has not begun "
				    "(%s) and is open", r->ident,
				    r->starts.text);
	}
	return NULL;
}

static void plan_side(struct verifier *v, const struct packet *k,
		      struct vf_finding *out)
{
	struct answer x = plan_verdict(v->p, k);
	const struct rule *by = NULL;
	struct nearest near;
	char keys[KEY_TEXT];

	out->reason = NONE;
	if (x.n_reason) {
		out->reason = x.reason[0];
		out->plan = reason_ident(v->p, x.reason[0], v->a);
		out->plan_at = reason_span(&v->p->reasons.v[x.reason[0]]);
		if (x.why == WHY_ONLY_IPSEC)
			out->plan = arena_printf(v->a, "%s, only inside IPsec",
						 out->plan);
		else if (!out->opening)
			out->plan = arena_printf(v->a, "%s, but nothing in "
						 "this state", out->plan);
		else if (out->kind == VF_EXTRA)
			out->plan = arena_printf(v->a, "%s, but not across "
						 "these interfaces", out->plan);
		return;
	}
	out->plan = lapsed(v, k, &by);
	if (out->plan) {
		out->plan_at = by->at;
		if (v->once && out->kind == VF_EXTRA && by->expires.given &&
		    v->p->now >= by->expires.t)
			out->expired = by;
		return;
	}
	near = plan_nearest(v->p, k);
	if (near.what == NEAR_NONE)
		return;
	key_text(near.flow.piece.keys, keys);
	out->plan = arena_printf(v->a, "nothing; nearest: %s, %s", keys,
				 reason_ident(v->p, near.flow.piece.reason,
					      v->a));
	out->plan_at = reason_span(&v->p->reasons.v[near.flow.piece.reason]);
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
	out->rule = buf_take(v->a, &b);
}

static const char *packet_text(struct verifier *v,
			       const struct check_finding *x)
{
	struct buf b = { 0 };

	check_packet_text(v->c, x->witness, v->path, &b);
	return buf_take(v->a, &b);
}

static const char *probe_text(struct verifier *v,
			      const struct check_finding *x)
{
	struct buf b = { 0 };

	check_probe_text(v->c, x->witness, v->path, &b);
	return buf_take(v->a, &b);
}

static const char *size_text(struct verifier *v, const struct check_finding *x)
{
	struct buf b = { 0 };

	space_count_text(x->size, &b);
	return buf_take(v->a, &b);
}

/* A box as numbers, interfaces by name. */
static uint64_t hash_cube(const struct verifier *v, const struct space_cube *x,
			  uint64_t h)
{
	for (unsigned f = 0; f < PK_FIELDS; f++) {
		const struct space_ivs *d = x->dim[f];

		h = hash_u64(h, d ? d->n : 0);
		for (size_t i = 0; d && i < d->n; i++) {
			space_val lo = d->r[i].lo, hi = d->r[i].hi;

			for (space_val k = lo; (f == PK_IIF || f == PK_OIF) &&
					       k <= hi; k++) {
				const char *s = v->c->names.v[(size_t)k].text;

				h = hash_str(h, s ? s : "(other)");
			}
			if (f == PK_IIF || f == PK_OIF)
				continue;
			h = hash_u64(hash_u64(h, (uint64_t)lo),
				     (uint64_t)(lo >> 64));
			h = hash_u64(hash_u64(h, (uint64_t)hi),
				     (uint64_t)(hi >> 64));
		}
	}
	return h;
}

/* Do the words of the boxes leave anything out? */
static bool is_short(const struct vf_finding *x)
{
	if (x->more)
		return true;
	for (size_t i = 0; i < x->cubes.n; i++)
		for (unsigned f = 0; f < PK_FIELDS; f++) {
			const struct space_ivs *d = x->cubes.v[i].dim[f];
			bool name = f == PK_IIF || f == PK_OIF;

			if (d && d->n > MAX_SHOWN)
				return true;
			for (size_t k = 0; name && d && k < d->n; k++)
				if (d->r[k].hi - d->r[k].lo >= MAX_SHOWN)
					return true;
		}
	return false;
}

static void fingerprint(struct verifier *v, struct vf_finding *x)
{
	uint64_t h = hash_str(HASH_INIT, vf_kind_name[x->kind]);
	bool brief = is_short(x);

	h = hash_str(h, v->f->name);
	h = hash_str(h, check_path_name[x->path]);
	h = hash_u64(h, x->opening);
	for (size_t i = 0; i < x->n_box; i++)
		h = hash_str(h, x->box[i]);
	for (size_t i = 0; brief && i < x->cubes.n; i++)
		h = hash_cube(v, &x->cubes.v[i], h);
	x->exact = !x->cubes.more;
	snprintf(x->fingerprint, sizeof(x->fingerprint), "%016llx",
		 (unsigned long long)hash_mix(h));
}

static void way_of(struct verifier *v, const struct check_side *rules,
		   struct vf_finding *out)
{
	struct buf b = { 0 };

	out->way = check_trace(v->c, rules, v->path, out->witness);
	check_trace_text(&out->way, &b);
	out->path_text = buf_take(v->a, &b);
}

static bool translates(const struct kr_rule *r)
{
	for (size_t i = 0; r && i < r->n; i++)
		if (r->ex[i]->kind == EX_SNAT || r->ex[i]->kind == EX_DNAT ||
		    r->ex[i]->kind == EX_REDIRECT)
			return true;
	return false;
}

/* The last on the way; NULL: none, which may be what is wrong. */
static const struct kr_rule *translator_of(const struct traces *way)
{
	for (size_t i = way->v.n; i-- > 0;) {
		const struct trace *t = &way->v.v[i];
		const struct kr_rule *r = t->step.n ?
			t->step.v[t->step.n - 1].rule : NULL;

		if (translates(r))
			return r;
	}
	return NULL;
}

static bool passes_otherwise(const struct vf_finding *f)
{
	return f->mistranslated && f->kind == VF_MISSING;
}

/* Planned, and no translation of it is. */
static bool sent_astray(struct verifier *v, const struct vf_finding *f)
{
	return f->kind == VF_MISSING && f->opening &&
	       both(v, f->set, check_planned_on(v->c, v->p, v->f)) == SPACE_NO;
}

struct vf_finding *finding_add(struct verifier *v, const struct check_finding *x,
			       const struct check_side *rules)
{
	/* the plan is the first side: "opens" means more than planned */
	static const enum vf_kind kind[CHECK_KINDS] = {
		[CHECK_OPENS] = VF_EXTRA, [CHECK_CLOSES] = VF_MISSING,
		[CHECK_UNDECIDED] = VF_UNDECIDED,
		[CHECK_TRANSLATES] = VF_UNDECIDED, /* of two rulesets only */
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
		out.box[i] = finding_box(v, &x->cubes.v[i]);
	out.size = size_text(v, x);
	out.cubes = x->cubes;
	out.set = x->set;
	out.by = x->rule[1];
	out.by_policy = x->policy[1];
	memcpy(out.witness, x->witness, sizeof(out.witness));
	out.packet = packet_text(v, x);
	out.probe = probe_text(v, x);
	out.from = party_text(v, k.src);
	out.to = party_text(v, k.dst);
	key_text((struct key_range){ id, id }, key);
	out.service = arena_strdup(v->a, key);
	s = plan_cell(v->p, k.src);
	out.internet = s != NONE && v->p->cell[s].zone != NONE &&
		v->p->topo->zones.v[v->p->cell[s].zone]->zone_kind ==
			ZONE_INTERNET;
	out.outside = both(v, x->set, verifier_outside(v)) != SPACE_NO;
	out.astray = out.opening && out.kind == VF_EXTRA &&
		space_minus(v->c->s, x->set, space_or(v->c->s,
				verifier_routed(v),
				check_publics(v->c, v->p))) != SPACE_NO;
	out.mistranslated = out.kind != VF_UNDECIDED && out.opening &&
		v->mistranslated != SPACE_NO &&
		space_minus(v->c->s, x->set, v->mistranslated) == SPACE_NO;
	rule_side(v, x, &out);
	if (passes_otherwise(&out))
		out.rule = "it passes, but not translated as planned";
	way_of(v, rules, &out);
	if (out.mistranslated || sent_astray(v, &out))
		out.translator = translator_of(&out.way);
	plan_side(v, &k, &out);
	if (verifier_is_limited(v, &out))
		out.plan = arena_printf(v->a, "at a limited rate, %d a second "
					"and %d at once", ECHO_A_SECOND,
					ECHO_BURST);
	fingerprint(v, &out);
	if (verifier_waives(v, &out))
		return NULL;
	vec_push(v->a, &v->out->findings, out);
	v->out->count[out.kind]++;
	v->out->n_expired += out.expired != NULL;
	return &v->out->findings.v[v->out->findings.n - 1];
}

/* ---- does the kernel agree? --------------------------------------------------- */

enum { MAX_REPLAYS = 200 };

const char *const vf_proof_name[VF_PROOFS] = {
	[VF_NOT_TRIED] = "not tried", [VF_CONFIRMED] = "confirmed",
	[VF_REFUTED] = "not confirmed",
};

enum vf_proof vf_proof(const struct vf_finding *f)
{
	if (f->kernel == REPLAY_NOT_TRIED)
		return VF_NOT_TRIED;
	return (f->kernel == REPLAY_PASS) == (f->kind == VF_EXTRA) ?
		VF_CONFIRMED : VF_REFUTED;
}

void finding_replay(struct verifier *v)
{
	size_t n = v->out->findings.n, k = 0;
	struct replay *r = ARENA_ARRAY(v->a, struct replay, n);
	struct vf_finding **of = ARENA_ARRAY(v->a, struct vf_finding *, n);

	for (size_t i = 0; i < n; i++) {
		struct vf_finding *f = &v->out->findings.v[i];

		f->kernel_why = f->kind == VF_UNDECIDED ?
			"it may fare either way" :
			"there are many findings";
		if (passes_otherwise(f))
			f->kernel_why = "it passes: what becomes of it is not "
					"compared";
		if (f->kind == VF_UNDECIDED || passes_otherwise(f) ||
		    k == MAX_REPLAYS)
			continue;
		r[k] = (struct replay){ .packet = f->witness, .path = f->path };
		of[k++] = f;
	}
	check_replay(v->c, v->rs, r, k);
	for (size_t i = 0; i < k; i++) {
		of[i]->kernel = r[i].answer;
		of[i]->kernel_why = r[i].why;
	}
}
