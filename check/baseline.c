#include <string.h>

#include "check/verifier.h"

/*
 * Differences as waivers. A waiver speaks of two ends and of ports, not of
 * interfaces, source ports or hop limits; so what it may say of a difference
 * are the ends and ports of which every packet differs (whatever the rest),
 * among those that come the way the topology leads them. Of a remainder it is
 * told that there is one: such findings are waived by their ids.
 */
enum { MAX_PREFIXES = 512, MAX_WAIVES = 300, MAX_CUBES = 2000 };

static const uint8_t requests4[] = { 8, 13, 15, 17 }, requests6[] = { 128 };

struct baseline {
	struct verifier *v;
	struct space *s;
	struct vf_finding *out;
	uint32_t said; /* what the waivers written so far take out */
};

static uint32_t without(struct baseline *b, uint32_t set, const uint8_t *field,
			size_t n)
{
	for (size_t i = 0; i < n; i++)
		set = space_project(b->s, &space_op_or, set, field[i]);
	return set;
}

/* Ends and services of the set of which nothing lies in the other set. */
static uint32_t wholly(struct baseline *b, uint32_t set, uint32_t other,
		       const uint8_t *field, size_t n)
{
	return space_minus(b->s, without(b, set, field, n),
			   without(b, other, field, n));
}

/* ---- addresses as prefixes ------------------------------------------------------- */

static bool put_range(struct buf *out, space_val lo, space_val hi, bool v6,
		      unsigned *n)
{
	while (*n < MAX_PREFIXES) {
		unsigned bits = 0, width = v6 ? 128 : 32;
		char text[ADDR_TEXT];

		while (bits < width && !(lo >> bits & 1) &&
		       ((space_val)2 << bits) - 1 <= hi - lo)
			bits++;
		addr_text(space_to_addr(lo), text);
		buf_printf(out, "%s%s", out->n ? " " : "", text);
		if (bits)
			buf_printf(out, "/%u", width - bits);
		++*n;
		if (lo + (((space_val)1 << bits) - 1) >= hi || bits == width)
			return true;
		lo += (space_val)1 << bits;
	}
	return false;
}

/* No packet has an IPv4-mapped address in IPv6: ranges may cross them. */
static bool put_v6(struct buf *out, const struct space_ivs *d)
{
	space_val first = space_addr(addr_v4(0));
	space_val last = space_addr(addr_v4(UINT32_MAX));
	unsigned n = 0;

	for (size_t i = 0; i < d->n; i++) {
		space_val lo = d->r[i].lo, hi = d->r[i].hi;

		if (hi + 1 == first && i + 1 < d->n &&
		    d->r[i + 1].lo == last + 1)
			hi = d->r[++i].hi;
		if (lo == 0 && hi == ~(space_val)0) {
			buf_puts(out, "::/0");
			return true;
		}
		if (!put_range(out, lo, hi, true, &n))
			return false;
	}
	return true;
}

static bool put_addresses(struct buf *out, const struct space_ivs *d, bool v6)
{
	unsigned n = 0;

	if (!d) {
		buf_puts(out, v6 ? "::/0" : "0.0.0.0/0");
		return true;
	}
	if (v6)
		return put_v6(out, d);
	for (size_t i = 0; i < d->n; i++)
		if (!put_range(out, d->r[i].lo, d->r[i].hi, false, &n))
			return false;
	return true;
}

/* ---- services ------------------------------------------------------------------- */

/* tcp="22 80-90"; port 0 has no word and stays unsaid. */
static bool put_ports(struct buf *out, const char *attr,
		      const struct space_ivs *d)
{
	size_t start;

	buf_printf(out, " %s=\"", attr);
	start = out->n;
	for (size_t i = 0; i < d->n; i++) {
		unsigned lo = (unsigned)d->r[i].lo, hi = (unsigned)d->r[i].hi;

		if (hi == 0)
			continue;
		buf_printf(out, "%s%u", out->n > start ? " " : "",
			   lo ? lo : 1);
		if (hi > (lo ? lo : 1))
			buf_printf(out, "-%u", hi);
	}
	buf_putc(out, '"');
	return out->n > start + 1;
}

static bool put_services(struct buf *out, const struct space_cube *x)
{
	const struct space_ivs *p = x->dim[PK_PROTO], *d = x->dim[PK_TH2];
	struct buf numbers = { 0 };
	bool good = p != NULL;

	for (size_t i = 0; good && i < p->n; i++)
		for (space_val k = p->r[i].lo; good && k <= p->r[i].hi; k++) {
			if (d && (k == PROTO_TCP || k == PROTO_UDP))
				good = put_ports(out, k == PROTO_TCP ? "tcp" :
						 "udp", d);
			else if (d)
				good = false;
			else
				buf_printf(&numbers, "%s%u",
					   numbers.n ? " " : "", (unsigned)k);
		}
	if (good && numbers.n)
		buf_printf(out, " ip=\"%s\"", numbers.s);
	buf_free(&numbers);
	return good;
}

/* ---- one waiver a cube ----------------------------------------------------------- */

static bool say(struct baseline *b, const struct space_cube *x,
		const char *services)
{
	const struct space_ivs *f = x->dim[PK_FAMILY];
	struct buf from = { 0 }, to = { 0 }, what = { 0 };
	bool v6 = f && f->r[0].lo == 1, good = f && f->n == 1 &&
		f->r[0].lo == f->r[0].hi && b->out->waive.n < MAX_WAIVES;

	good = good && put_addresses(&from, x->dim[PK_SRC], v6) &&
	       put_addresses(&to, x->dim[PK_DST], v6);
	/* ::/0 to ::/0 would say IPv4 too */
	if (good && v6 && !strcmp(from.s, "::/0") && !strcmp(to.s, "::/0"))
		good = false;
	if (good && services)
		buf_puts(&what, services);
	else if (good)
		good = put_services(&what, x);
	if (good)
		vec_push(b->v->a, &b->out->waive,
			 arena_printf(b->v->a, "from=\"%s\" to=\"%s\"%s",
				      from.s, to.s, what.s));
	buf_free(&from);
	buf_free(&to);
	buf_free(&what);
	return good;
}

/* The packets of a cube that its waiver takes out. */
static uint32_t cube_set(struct baseline *b, const struct space_cube *x)
{
	uint32_t out = SPACE_ALL;

	for (unsigned f = PK_FIELDS; f-- > 0;) {
		const struct space_ivs *d = x->dim[f];
		uint32_t one = SPACE_NO;

		if (!d)
			continue;
		for (size_t k = 0; k < d->n; k++)
			one = space_or(b->s, one, field_in(b->v, f, d->r[k].lo,
							   d->r[k].hi));
		if (f == PK_TH2)
			one = space_minus(b->s, one, field_in(b->v, f, 0, 0));
		out = both(b->v, out, one);
	}
	return out;
}

/* services NULL: those of the cubes; else they say the packets `only`. */
static void say_all(struct baseline *b, uint32_t set, const char *services,
		    uint32_t only)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		uint32_t fam = both(b->v, set,
				    field_in(b->v, PK_FAMILY, v6, v6));
		struct space_cubes c = space_to_cubes(b->s, fam, b->v->a,
						      MAX_CUBES);

		for (size_t i = 0; i < c.n && !c.more; i++)
			if (say(b, &c.v[i], services))
				b->said = space_or(b->s, b->said, both(b->v,
						cube_set(b, &c.v[i]), only));
	}
}

static void say_icmp(struct baseline *b, uint32_t set, uint32_t other,
		     const uint8_t *ends, size_t n_ends, bool v6)
{
	static const char *const attr[] = { "icmp", "icmpv6" };
	const uint8_t *type = v6 ? requests6 : requests4;
	size_t n = v6 ? sizeof(requests6) : sizeof(requests4);
	unsigned proto = v6 ? PROTO_ICMPV6 : PROTO_ICMP;

	for (size_t i = 0; i < n; i++) {
		space_val first = (space_val)type[i] << 8;
		uint32_t only = both(b->v,
			both(b->v, field_in(b->v, PK_FAMILY, v6, v6),
			     field_in(b->v, PK_PROTO, proto, proto)),
			field_in(b->v, PK_TH0, first, first + 255));
		uint32_t hit = wholly(b, both(b->v, set, only),
				      both(b->v, other, only), ends, n_ends);

		hit = both(b->v, hit, both(b->v,
			field_in(b->v, PK_PROTO, proto, proto),
			field_in(b->v, PK_FAMILY, v6, v6)));
		hit = space_minus(b->s, hit, b->said);
		hit = space_project(b->s, &space_op_or, hit, PK_PROTO);
		if (hit != SPACE_NO)
			say_all(b, hit, arena_printf(b->v->a, " %s=\"%u\"",
						     attr[v6], type[i]), only);
	}
}

static uint32_t protocols(struct baseline *b, unsigned p, unsigned q)
{
	return space_or(b->s, field_in(b->v, PK_PROTO, p, p),
			field_in(b->v, PK_PROTO, q, q));
}

/* What has ports, then what has none; ICMP comes by its types. */
static void say_services(struct baseline *b, uint32_t set, uint32_t other,
			 const uint8_t *field, size_t n)
{
	uint32_t icmp = protocols(b, PROTO_ICMP, PROTO_ICMPV6);
	uint32_t ports = protocols(b, PROTO_TCP, PROTO_UDP);
	uint32_t plain = space_not(b->s, space_or(b->s, icmp, ports));
	uint32_t part[] = { ports, plain };

	for (unsigned i = 0; i < 2; i++) {
		uint32_t hit = wholly(b, both(b->v, set, part[i]),
				      both(b->v, other, part[i]), field, n);

		say_all(b, space_minus(b->s, both(b->v, hit, part[i]),
				       b->said), NULL, SPACE_ALL);
	}
}

/* Any protocol, but for the other family's ICMP: as the format means it. */
static void say_any(struct baseline *b, uint32_t set, uint32_t other,
		    const uint8_t *field, size_t n)
{
	uint32_t cross = space_or(b->s,
		both(b->v, field_in(b->v, PK_FAMILY, 0, 0),
		     field_in(b->v, PK_PROTO, PROTO_ICMPV6, PROTO_ICMPV6)),
		both(b->v, field_in(b->v, PK_FAMILY, 1, 1),
		     field_in(b->v, PK_PROTO, PROTO_ICMP, PROTO_ICMP)));

	say_all(b, wholly(b, space_minus(b->s, set, cross),
			  space_minus(b->s, other, cross), field, n),
		" ip=\"any\"", space_not(b->s, cross));
}

static bool has_addresses(const struct firewall *f)
{
	for (size_t i = 0; i < f->interfaces.n; i++)
		if (f->interfaces.v[i]->n_address)
			return true;
	return false;
}

void baseline_add(struct verifier *v, const struct check_finding *x,
		  uint32_t all, struct vf_finding *out)
{
	static const uint8_t rest[] = { PK_MARK, PK_TYPE, PK_TTL, PK_TOS,
					PK_FLAGS, PK_TH0, PK_DIR, PK_CT,
					PK_OIF, PK_IIF, PK_TH2, PK_PROTO };
	enum { EVERYTHING = sizeof(rest), BUT_PORTS = EVERYTHING - 2 };
	struct baseline b = { .v = v, .s = v->c->s, .out = out,
			      .said = SPACE_NO };
	uint32_t routed = verifier_routed(v);
	uint32_t within = check_within(v->c, CHECK_OPENING, v->path);
	uint32_t set = both(v, x->set, routed);
	uint32_t other = space_minus(b.s, both(v, within, routed), all);

	/* to a firewall of unknown addresses: the far end cannot be said */
	if (v->path == PATH_FORWARD || has_addresses(v->f)) {
		say_any(&b, set, other, rest, EVERYTHING);
		say_services(&b, set, other, rest, BUT_PORTS);
		say_icmp(&b, set, other, rest, EVERYTHING, false);
		say_icmp(&b, set, other, rest, EVERYTHING, true);
	}
	out->unsaid = space_minus(b.s, x->set, both(v, b.said, routed)) !=
		      SPACE_NO;
}
