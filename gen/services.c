#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "gen/internal.h"

enum { MAX_COMMENT = 128, MAX_NAME = 200 };

/* One way to say a part of a piece in a rule. */
enum what { PORT, PORTS, PROTOCOLS, ICMP_REQUEST };

struct part {
	enum what what;
	unsigned proto; /* PORT, PORTS, ICMP_REQUEST */
	unsigned lo, hi; /* ports, protocols or type */
	unsigned families;
	double breadth;
	uint32_t reason;
};

struct parts {
	struct part *v;
	size_t n, cap;
};

/* prefix/label, or prefix/label/2 and so on; true if it was free. */
static bool take_name(struct gen *g, const char *prefix, const char *label,
		      uint32_t number, struct buf *b, struct map_entry **e)
{
	int is_new;

	b->n = 0;
	buf_printf(b, "%s%s%s", prefix, label ? "/" : "", label ? label : "");
	/* a leg's name, HOST@ZONE, is none of nft's */
	for (char *at = b->s; (at = strchr(at, '@')); at++)
		*at = '.';
	if (number > 1)
		buf_printf(b, "/%u", number);
	if (b->n > MAX_NAME) {
		uint64_t h = hash_mix(hash_bytes(HASH_INIT, b->s, b->n));

		b->n = MAX_NAME - 18;
		buf_printf(b, "/%016llx", (unsigned long long)h);
	}
	*e = map_add(g->scratch, &g->names, b->s, b->n, &is_new);
	return is_new;
}

const char *unique_name(struct gen *g, const char *prefix, const char *label)
{
	struct buf b = { 0 };
	struct map_entry *first, *e;
	uint32_t number;

	if (!take_name(g, prefix, label, 1, &b, &first)) {
		/* of a thousand alike, the next is not far */
		number = first->val.u > 1 ? first->val.u : 1;
		while (!take_name(g, prefix, label, ++number, &b, &e))
			;
		take_name(g, prefix, label, 1, &b, &first); /* may have moved */
		first->val.u = number;
		take_name(g, prefix, label, number, &b, &e);
	}
	return buf_take(g->arena, &b);
}

/* The most specific reason first; all of them as far as there is room. */
const char *reason_comment(struct gen *g, const uint32_t *reasons, size_t n)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < n; i++) {
		const char *s = reason_ident(g->p, reasons[i], g->scratch);

		if (i && b.n + 2 + strlen(s) > MAX_COMMENT - 10) {
			buf_printf(&b, "; +%zu", n - i);
			break;
		}
		buf_printf(&b, "%s%s", i ? "; " : "", s);
	}
	if (b.n > MAX_COMMENT) {
		uint64_t h = hash_mix(hash_bytes(HASH_INIT, b.s, b.n));

		b.n = MAX_COMMENT - 10;
		buf_printf(&b, "~%08x", (unsigned)(h >> 32));
	}
	return buf_take(g->arena, &b);
}

struct pieces {
	struct piece *v;
	size_t n, cap;
};

/* The same pieces with the ports that a published address shows. */
static void face_pieces(struct gen *g, const struct entry *e,
			struct pieces *all)
{
	struct face f = { e->face, e->face_id };
	struct pieces out = { 0 };

	for (size_t i = 0; i < all->n; i++) {
		struct key_range r = all->v[i].keys;
		struct key_set k = face_keys(g->p, f,
					     (struct key_set){ &r, 1 },
					     g->scratch);

		for (size_t x = 0; x < k.n; x++) {
			struct piece one = all->v[i];

			one.keys = k.r[x];
			vec_push(g->scratch, &out, one);
		}
	}
	*all = out;
}

size_t entry_pieces(struct gen *g, const struct entry *e,
		    const struct piece **out)
{
	const struct plan *p = g->p;
	struct pieces v = { 0 };
	const struct svcset *s = &p->svcsets.v[e->svc];
	size_t n = 0;

	for (size_t i = 0; !e->ike && i < s->n; i++)
		if (!s->v[i].carried)
			vec_push(g->scratch, &v, s->v[i]);
	for (size_t i = 0; e->ike && i < p->lists.len[e->ike]; i++) {
		uint32_t id = p->lists.v[e->ike][i];
		struct key_set k = ipsec_keys(g->scratch,
					      p->topo->ipsecs.v[id], e->nat);

		for (size_t x = 0; x < k.n; x++)
			vec_push(g->scratch, &v, (struct piece){
					.keys = k.r[x], .pin = NONE,
					.reason = p->ipsec_reason + id });
	}
	if (e->face != FACE_OWN)
		face_pieces(g, e, &v);
	for (size_t i = 0; i < v.n; i++)
		if (!e->counted || !piece_exact(&v.v[i]))
			v.v[n++] = v.v[i];
	*out = v.v;
	return n;
}

static void push_icmp(struct gen *g, struct parts *out, struct part like,
		      unsigned proto, unsigned lo, unsigned hi)
{
	for (unsigned t = lo; t <= hi && t < 256; t++) {
		if (!icmp_type_name(proto, t))
			continue;
		like.what = ICMP_REQUEST;
		like.proto = proto;
		like.lo = like.hi = t;
		vec_push(g->scratch, out, like);
	}
}

static void push_ports(struct gen *g, struct parts *out, struct part like,
		       unsigned proto, unsigned lo, unsigned hi)
{
	if (lo == 0 && hi == 0xffff) {
		like.what = PROTOCOLS;
		like.lo = like.hi = proto;
	} else {
		like.what = lo == hi ? PORT : PORTS;
		like.proto = proto;
		like.lo = lo;
		like.hi = hi;
	}
	vec_push(g->scratch, out, like);
}

/* A range of keys, taken apart by protocol. */
static void push_piece(struct gen *g, struct parts *out, const struct piece *p,
		       unsigned families)
{
	unsigned first = key_proto(p->keys.lo), last = key_proto(p->keys.hi);
	struct part like = { .reason = p->reason, .families = families,
			     .breadth = g->p->reasons.v[p->reason].breadth *
					((double)p->keys.hi - p->keys.lo + 1) };

	for (unsigned proto = first; proto <= last; proto++) {
		unsigned lo = proto == first ? key_detail(p->keys.lo) : 0;
		unsigned hi = proto == last ? key_detail(p->keys.hi) : 0xffff;
		struct part *prev = out->n ? &out->v[out->n - 1] : NULL;

		if (proto_is_icmp(proto)) {
			push_icmp(g, out, like, proto, lo, hi);
		} else if (proto_has_ports(proto) && (lo || hi < 0xffff)) {
			push_ports(g, out, like, proto, lo, hi);
		} else if (proto_has_ports(proto) || lo == 0) {
			if (proto > first && prev &&
			    prev->what == PROTOCOLS && prev->hi + 1 == proto &&
			    prev->reason == p->reason) {
				prev->hi = proto;
				continue;
			}
			like.what = PROTOCOLS;
			like.lo = like.hi = proto;
			vec_push(g->scratch, out, like);
		}
	}
}

/* Exact ports first, then ranges, the narrower before the wider, so that the
 * counter of the most specific one counts. */
static int part_order(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	if (x->what != y->what)
		return x->what < y->what ? -1 : 1;
	if (x->what != PORT && x->hi - x->lo != y->hi - y->lo)
		return x->hi - x->lo < y->hi - y->lo ? -1 : 1;
	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	if (x->families != y->families)
		return x->families < y->families ? -1 : 1;
	if (x->breadth < y->breadth || x->breadth > y->breadth)
		return x->breadth < y->breadth ? -1 : 1;
	return x->reason < y->reason ? -1 : x->reason > y->reason;
}

static bool same_part(const struct part *x, const struct part *y)
{
	return x->what == y->what && x->proto == y->proto && x->lo == y->lo &&
	       x->hi == y->hi && x->families == y->families;
}

/* The reasons of equal parts, together. */
static size_t together(struct gen *g, const struct part *v, size_t n,
		       const char **comment)
{
	VEC(uint32_t) reasons = { 0 };
	size_t k = 0;

	for (; k < n && same_part(&v[k], v); k++)
		if (!k || v[k].reason != v[k - 1].reason)
			vec_push(g->scratch, &reasons, v[k].reason);
	*comment = reason_comment(g, reasons.v, reasons.n);
	return k;
}

static void part_rule(struct gen *g, struct rs_chain *c, const struct part *p,
		      const char *comment)
{
	struct rs_rule *r = rs_add_rule(g->rs, c, comment);

	if (p->families != (FAM_V4 | FAM_V6))
		rs_match(g->rs, r, RS_NFPROTO, p->families == FAM_V4 ? 4 : 6,
			 p->families == FAM_V4 ? 4 : 6);
	switch (p->what) {
	case PORT:
	case PORTS:
		rs_match(g->rs, r, RS_L4PROTO, p->proto, p->proto);
		rs_match(g->rs, r, RS_DPORT, p->lo, p->hi);
		break;
	case PROTOCOLS:
		rs_match(g->rs, r, RS_L4PROTO, p->lo, p->hi);
		break;
	case ICMP_REQUEST:
		rs_match(g->rs, r, RS_NFPROTO, p->proto == PROTO_ICMP ? 4 : 6,
			 p->proto == PROTO_ICMP ? 4 : 6);
		rs_match(g->rs, r, p->proto == PROTO_ICMP ? RS_ICMP_TYPE :
							    RS_ICMPV6_TYPE,
			 p->lo, p->hi);
		break;
	}
	rs_simple(g->rs, r, RS_COUNTER);
	accept_new(g, r);
}

static struct parts all_parts(struct gen *g, const struct entry *entries,
			      const struct mix *m)
{
	struct parts out = { 0 };

	for (size_t i = 0; i < m->n; i++) {
		const struct entry *e = &entries[m->entry[i]];
		const struct piece *v;
		size_t n = entry_pieces(g, e, &v);

		for (size_t k = 0; k < n; k++)
			push_piece(g, &out, &v[k],
				   e->ike ? e->families : FAM_V4 | FAM_V6);
	}
	if (out.n)
		qsort(out.v, out.n, sizeof(*out.v), part_order);
	return out;
}

void service_rules(struct gen *g, struct rs_chain *c, const char *name,
		   const struct entry *entries, const struct mix *m)
{
	static const enum rs_field key[] = { RS_L4PROTO, RS_DPORT };
	struct parts parts = all_parts(g, entries, m);
	struct rs_set *set = NULL;
	size_t i = 0;

	while (i < parts.n) {
		const struct part *p = &parts.v[i];
		struct rs_elem *e;
		const char *comment;

		i += together(g, p, parts.n - i, &comment);
		if (p->what != PORT || p->families != (FAM_V4 | FAM_V6)) {
			part_rule(g, c, p, comment);
			continue;
		}
		if (!set) {
			struct rs_rule *r = rs_add_rule(g->rs, c, NULL);

			set = rs_add_set(g->rs, name, false, 2, key);
			set->counter = true;
			rs_lookup(g->rs, r, set);
			accept_new(g, r);
		}
		e = rs_add_elem(g->rs, set);
		e->comment = comment;
		e->key[0].lo.lo = e->key[0].hi.lo = p->proto;
		e->key[1].lo.lo = e->key[1].hi.lo = p->lo;
	}
}
