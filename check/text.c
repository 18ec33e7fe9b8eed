#include <linux/netfilter.h>

#include "check/check.h"

/* Findings in words: nft's where nft has them. */

enum { MAX_SHOWN = 8 }; /* intervals of one field */

const char *const check_path_name[PATHS] = {"forward", "input", "output"};
const char *const check_kind_name[CHECK_KINDS] = {"opens", "closes",
						  "translates", "undecided"};

static const char *const flag_name[] = {"fin", "syn", "rst", "psh",
					"ack", "urg", "ecn", "cwr"};

static void flags_text(unsigned v, struct buf *out)
{
	bool any = false;

	for (unsigned i = 0; i < 8; i++)
		if (v >> i & 1) {
			buf_printf(out, "%s%s", any ? "|" : "", flag_name[i]);
			any = true;
		}
	if (!any)
		buf_puts(out, "none");
}

static const char *iface_text(const struct check *c, space_val id)
{
	const struct pk_name *n = &c->names.v[(size_t)id];

	return n->text ? n->text : "(other)";
}

static void one(const struct check *c, unsigned field, space_val v,
		struct buf *out)
{
	char text[ADDR_TEXT], proto[KEY_TEXT];

	switch (field) {
	case PK_IIF:
	case PK_OIF:
		buf_puts(out, iface_text(c, v));
		break;
	case PK_CT:
		buf_puts(out, pk_ct_name[(size_t)v]);
		break;
	case PK_DIR:
		buf_puts(out, v ? "reply" : "original");
		break;
	case PK_PROTO:
		buf_puts(out, proto_name((unsigned)v, proto));
		break;
	case PK_SRC:
	case PK_DST:
		addr_text(space_to_addr(v), text);
		buf_puts(out, text);
		break;
	case PK_FLAGS:
		flags_text((unsigned)v, out);
		break;
	default:
		buf_u64(out, (unsigned long long)v);
	}
}

static bool by_name(unsigned field)
{
	return field == PK_IIF || field == PK_OIF || field == PK_CT ||
	       field == PK_FLAGS;
}

static void interval(const struct check *c, unsigned field, struct space_iv iv,
		     struct buf *out)
{
	char text[ADDR_TEXT];

	if (field == PK_SRC || field == PK_DST) {
		range_text((struct addr_range){space_to_addr(iv.lo),
					       space_to_addr(iv.hi)},
			   text);
		buf_puts(out, text);
		return;
	}
	one(c, field, iv.lo, out);
	if (iv.lo == iv.hi)
		return;
	if (!by_name(field)) {
		buf_putc(out, '-');
		one(c, field, iv.hi, out);
		return;
	}
	for (space_val v = iv.lo + 1; v <= iv.hi; v++) {
		buf_puts(out, ", ");
		if (v > iv.lo + MAX_SHOWN) {
			buf_printf(out, "and %u more",
				   (unsigned)(iv.hi - v + 1));
			return;
		}
		one(c, field, v, out);
	}
}

static void set_text(const struct check *c, unsigned field,
		     const struct space_ivs *d, struct buf *out)
{
	bool many = d->n > 1 || (by_name(field) && d->r[0].lo != d->r[0].hi);

	if (many)
		buf_puts(out, "{ ");
	for (size_t i = 0; i < d->n && i < MAX_SHOWN; i++) {
		if (i)
			buf_puts(out, ", ");
		interval(c, field, d->r[i], out);
	}
	if (d->n > MAX_SHOWN)
		buf_printf(out, ", and %zu more", d->n - MAX_SHOWN);
	if (many)
		buf_puts(out, " }");
}

/* Which of nft's protocols a cube is about, to name its ports by. */
static const char *proto_of(const struct space_cube *x)
{
	const struct space_ivs *d = x->dim[PK_PROTO];

	if (!d || d->n != 1 || d->r[0].lo != d->r[0].hi)
		return NULL;
	switch ((unsigned)d->r[0].lo) {
	case 1:
		return "icmp";
	case 6:
		return "tcp";
	case 17:
		return "udp";
	case 58:
		return "icmpv6";
	default:
		return NULL;
	}
}

static bool all_of_family(const struct space_ivs *d, bool v4)
{
	struct addr first = addr_v4(0), last = addr_v4(~0u);

	if (v4)
		return d->n == 1 && d->r[0].lo == space_addr(first) &&
		       d->r[0].hi == space_addr(last);
	return d->n == 2 && d->r[0].lo == 0 &&
	       d->r[0].hi + 1 == space_addr(first) &&
	       d->r[1].lo == space_addr(last) + 1 &&
	       d->r[1].hi == ~(space_val)0;
}

/* " type 8" where the set is whole types. */
static bool icmp_types(const struct space_ivs *d, struct buf *out)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->r[i].lo & 255 || (d->r[i].hi & 255) != 255)
			return false;
	buf_puts(out, d->n > 1 ? " type { " : " type ");
	for (size_t i = 0; i < d->n; i++) {
		buf_printf(out, "%s%u", i ? ", " : "",
			   (unsigned)(d->r[i].lo >> 8));
		if (d->r[i].lo >> 8 != d->r[i].hi >> 8)
			buf_printf(out, "-%u", (unsigned)(d->r[i].hi >> 8));
	}
	if (d->n > 1)
		buf_puts(out, " }");
	return true;
}

/* Addresses of the other family, which no such packet has, are left out. */
static const struct space_ivs *of_family(struct arena *a,
					 const struct space_ivs *d, bool v4)
{
	space_val first = space_addr(addr_v4(0));
	space_val last = space_addr(addr_v4(UINT32_MAX));
	struct space_ivs *out = ARENA_NEW(a, struct space_ivs);

	out->r = ARENA_ARRAY(a, struct space_iv, d->n + 1);
	for (size_t i = 0; i < d->n; i++) {
		struct space_iv x = d->r[i];

		if (v4 && (x.hi < first || x.lo > last))
			continue;
		if (v4) {
			x.lo = x.lo < first ? first : x.lo;
			x.hi = x.hi > last ? last : x.hi;
		} else if (x.lo >= first && x.hi <= last) {
			continue;
		} else if (x.lo < first && x.hi > last) {
			out->r[out->n++] = (struct space_iv){ x.lo, first - 1 };
			x.lo = last + 1;
		}
		out->r[out->n++] = x;
	}
	return out->n ? out : d;
}

struct space_cube check_cube_clip(struct arena *a, const struct space_cube *x)
{
	const struct space_ivs *f = x->dim[PK_FAMILY];
	struct space_cube out = *x;

	if (!f || f->n != 1 || f->r[0].lo != f->r[0].hi)
		return out;
	if (x->dim[PK_SRC])
		out.dim[PK_SRC] = of_family(a, x->dim[PK_SRC], !f->r[0].lo);
	if (x->dim[PK_DST])
		out.dim[PK_DST] = of_family(a, x->dim[PK_DST], !f->r[0].lo);
	return out;
}

static void word(struct buf *out, size_t start, const char *w)
{
	if (out->n > start)
		buf_putc(out, ' ');
	buf_puts(out, w);
}

static void dim(const struct check *c, const struct space_cube *x,
		unsigned field, const char *name, struct buf *out, size_t start)
{
	if (!x->dim[field])
		return;
	word(out, start, name);
	buf_putc(out, ' ');
	set_text(c, field, x->dim[field], out);
}

static unsigned bits_in(unsigned v)
{
	unsigned n = 0;

	for (; v; v &= v - 1)
		n++;
	return n;
}

/* Are the set's values those whose bits in *mask are *value? */
static bool flag_mask(const struct space_ivs *d, unsigned *mask,
		      unsigned *value)
{
	unsigned all = 0xff, any = 0, n = 0;

	for (size_t i = 0; i < d->n; i++)
		for (unsigned v = (unsigned)d->r[i].lo;
		     v <= (unsigned)d->r[i].hi; v++, n++) {
			all &= v;
			any |= v;
		}
	*mask = ~(all ^ any) & 0xff;
	*value = all;
	return *mask && n == 1u << (8 - bits_in(*mask));
}

static void flags_dim(const struct check *c, const struct space_cube *x,
		      struct buf *out, size_t start)
{
	const struct space_ivs *d = x->dim[PK_FLAGS];
	unsigned mask, value;

	if (!d)
		return;
	word(out, start, "tcp flags");
	if (flag_mask(d, &mask, &value) && mask != 0xff) {
		buf_puts(out, " & ");
		flags_text(mask, out);
		buf_puts(out, " == ");
		if (value)
			flags_text(value, out);
		else
			buf_putc(out, '0');
		return;
	}
	buf_putc(out, ' ');
	set_text(c, PK_FLAGS, d, out);
}

static void address_dim(const struct check *c, const struct space_cube *x,
			unsigned field, bool v4, struct buf *out, size_t start)
{
	const char *name = v4 ? (field == PK_SRC ? "ip saddr" : "ip daddr")
			      : (field == PK_SRC ? "ip6 saddr" : "ip6 daddr");

	if (x->dim[field] && !all_of_family(x->dim[field], v4))
		dim(c, x, field, name, out, start);
}

static void services(const struct check *c, const struct space_cube *x,
		     struct buf *out, size_t start)
{
	const char *p = proto_of(x);
	bool icmp = p && p[0] == 'i';

	if (!p)
		dim(c, x, PK_PROTO, "meta l4proto", out, start);
	else if (!x->dim[PK_TH0] && !x->dim[PK_TH2])
		word(out, start, p);
	if (icmp && x->dim[PK_TH0]) {
		word(out, start, p);
		if (!icmp_types(x->dim[PK_TH0], out)) {
			buf_puts(out, " type,code ");
			set_text(c, PK_TH0, x->dim[PK_TH0], out);
		}
	} else {
		dim(c, x, PK_TH0,
		    p ? arena_printf(c->arena, "%s sport", p) : "th sport", out,
		    start);
	}
	dim(c, x, PK_TH2,
	    p ? arena_printf(c->arena, "%s dport", p) : "th dport", out, start);
	flags_dim(c, x, out, start);
}

void check_cube_text(const struct check *c, const struct space_cube *cube,
		     struct buf *out)
{
	struct space_cube clipped = check_cube_clip(c->arena, cube), *x = &clipped;
	const struct space_ivs *f = x->dim[PK_FAMILY];
	bool known = f != NULL, v4 = known && f->r[0].lo == 0;
	size_t start = out->n;

	dim(c, x, PK_IIF, "iifname", out, start);
	dim(c, x, PK_OIF, "oifname", out, start);
	if (known && (!x->dim[PK_SRC] || all_of_family(x->dim[PK_SRC], v4)) &&
	    (!x->dim[PK_DST] || all_of_family(x->dim[PK_DST], v4)))
		word(out, start, v4 ? "ip" : "ip6");
	address_dim(c, x, PK_SRC, v4, out, start);
	address_dim(c, x, PK_DST, v4, out, start);
	services(c, x, out, start);
	dim(c, x, PK_CT, "ct state", out, start);
	dim(c, x, PK_DIR, "ct direction", out, start);
	dim(c, x, PK_TOS, "tos", out, start);
	dim(c, x, PK_TTL, v4 ? "ip ttl" : "ip6 hoplimit", out, start);
	dim(c, x, PK_TYPE, "meta pkttype", out, start);
	dim(c, x, PK_MARK, "meta mark", out, start);
	if (out->n == start)
		buf_puts(out, "everything");
}

/* Where the header is not as hosts send it: as written, it is the packet. */
static void unusual(const struct check *c, const space_val *p, struct buf *out)
{
	static const struct {
		enum pk_field field;
		const char *name;
		unsigned usual;
	} rest[] = {
		{ PK_TTL, "ttl", 64 },
		{ PK_TOS, "tos", 0 },
		{ PK_TYPE, "pkttype", 0 },
		{ PK_MARK, "mark", 0 },
	};

	for (size_t i = 0; i < sizeof(rest) / sizeof(*rest); i++) {
		space_val x = p[rest[i].field];

		if (x == rest[i].usual)
			continue;
		buf_printf(out, " %s ", rest[i].name);
		one(c, rest[i].field, x, out);
	}
}

void check_packet_text(const struct check *c, const space_val *p,
		       enum check_path path, struct buf *out)
{
	unsigned proto = (unsigned)p[PK_PROTO];
	bool ports = proto_has_ports(proto) || proto == PROTO_SCTP;
	char src[ADDR_TEXT], dst[ADDR_TEXT], name[KEY_TEXT];

	addr_text(space_to_addr(p[PK_SRC]), src);
	addr_text(space_to_addr(p[PK_DST]), dst);
	if (path != PATH_OUTPUT)
		buf_printf(out, "in %s ", iface_text(c, p[PK_IIF]));
	if (path != PATH_INPUT)
		buf_printf(out, "out %s ", iface_text(c, p[PK_OIF]));
	buf_printf(out, "%s > %s %s", src, dst, proto_name(proto, name));
	if (ports)
		buf_printf(out, "/%u sport %u", (unsigned)p[PK_TH2],
			   (unsigned)p[PK_TH0]);
	if (proto_is_icmp(proto))
		buf_printf(out, " type %u code %u", (unsigned)p[PK_TH0] >> 8,
			   (unsigned)p[PK_TH0] & 255);
	if (proto == PROTO_TCP) {
		buf_puts(out, " flags ");
		flags_text((unsigned)p[PK_FLAGS], out);
	}
	unusual(c, p, out);
	buf_printf(out, ", ct %s", pk_ct_name[(size_t)p[PK_CT]]);
	if (p[PK_DIR])
		buf_puts(out, " reply");
}

void check_rule_text(const struct kr_rule *r, const struct kr_chain *policy,
		     struct buf *out)
{
	const struct kr_chain *c = r ? r->chain : policy;
	const char *text = r ? kr_rule_text(r) : NULL;

	if (r && r->line)
		buf_printf(out, "%s:%u: ", r->file, (unsigned)r->line);
	if (!c) {
		buf_puts(out, "no rule: no base chain sees it");
		return;
	}
	buf_printf(out, "%s %s, chain %s: ", kr_family_name(c->table->family),
		   c->table->name, c->name);
	if (!r)
		buf_printf(out, "policy %s",
			   c->policy == KR_DROP ? "drop" : "accept");
	else if (text)
		buf_puts(out, text);
	else
		buf_printf(out, "handle %llu", (unsigned long long)r->handle);
	if (r && r->comment && !text)
		buf_printf(out, " comment \"%s\"", r->comment);
}

void check_not_judged(const struct kruleset *rs, struct buf *out)
{
	for (size_t i = 0; i < rs->table.n; i++) {
		const struct kr_table *t = rs->table.v[i];

		if (t->family == NFPROTO_BRIDGE || t->family == NFPROTO_ARP)
			buf_printf(out, "%s%s %s", out->n ? ", " : "",
				   kr_family_name(t->family), t->name);
	}
}

/* Connection-opening packets only: others need a connection before them. */
void check_probe_text(const struct check *c, const space_val *p,
		      enum check_path path, struct buf *out)
{
	unsigned proto = (unsigned)p[PK_PROTO], th2 = (unsigned)p[PK_TH2];
	char src[ADDR_TEXT], dst[ADDR_TEXT];
	bool ports = proto_has_ports(proto) || proto == PROTO_SCTP;

	if (p[PK_CT] != CT_NEW || path == PATH_OUTPUT)
		return;
	addr_text(space_to_addr(p[PK_SRC]), src);
	addr_text(space_to_addr(p[PK_DST]), dst);
	buf_printf(out, "%s fw %s ", path == PATH_INPUT ? "in" : "at",
		   c->names.v[(size_t)p[PK_IIF]].like);
	if (path == PATH_FORWARD)
		buf_printf(out, "%s ", c->names.v[(size_t)p[PK_OIF]].like);
	buf_printf(out, "%s %s %u %u ttl=%u", src, dst, proto,
		   proto_is_icmp(proto) ? (unsigned)p[PK_TH0] >> 8
		   : ports		? th2
					: 0,
		   (unsigned)p[PK_TTL]);
	if (p[PK_TOS])
		buf_printf(out, " tos=%u", (unsigned)p[PK_TOS]);
	if (ports)
		buf_printf(out, " sport=%u", (unsigned)p[PK_TH0]);
	if (proto_is_icmp(proto))
		buf_printf(out, " code=%u", (unsigned)p[PK_TH0] & 255);
	if (proto != PROTO_TCP)
		return;
	buf_puts(out, " flags=");
	if (!p[PK_FLAGS])
		buf_puts(out, "none");
	for (unsigned i = 0; i < 8; i++)
		if (p[PK_FLAGS] >> i & 1)
			buf_putc(out, "FSRPAUEC"[i]);
}
