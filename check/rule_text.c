#include <string.h>

#include <linux/netfilter.h>

#include "check/repair.h"

/*
 * A box as the matches of one nft rule, exactly: what nft 1.0.6 has no words
 * for (a name that stands for many, hop limits, marks) is not said at all.
 */
enum { MAX_WORDS = 1500 };

struct writer {
	struct buf *out;
	bool good;
};

static void match(struct writer *w, const char *what)
{
	if (w->out->n)
		buf_putc(w->out, ' ');
	buf_puts(w->out, what);
}

/* ---- interface names: those in the set, or all but those outside ----------------- */

static bool has(const struct space_ivs *d, space_val x)
{
	for (size_t i = 0; i < d->n; i++)
		if (x >= d->r[i].lo && x <= d->r[i].hi)
			return true;
	return false;
}

static bool put_names(const struct pk_names *names, const struct space_ivs *d,
		      bool inside, struct buf *out)
{
	size_t n = 0, k = 0;

	for (size_t i = 0; i < names->n; i++) {
		if (has(d, i) != inside)
			continue;
		if (!names->v[i].exact || !names->v[i].text)
			return false;
		n++;
	}
	buf_puts(out, inside ? " " : " != ");
	buf_puts(out, n > 1 ? "{ " : "");
	for (size_t i = 0; i < names->n; i++)
		if (has(d, i) == inside)
			buf_printf(out, "%s\"%s\"", k++ ? ", " : "",
				   names->v[i].text);
	buf_puts(out, n > 1 ? " }" : "");
	return n > 0;
}

static void put_iface(struct writer *w, const struct pk_names *names,
		      const struct space_ivs *d, const char *what)
{
	struct buf b = { 0 };

	if (!d)
		return;
	if (!put_names(names, d, true, &b)) {
		b.n = 0;
		w->good &= put_names(names, d, false, &b);
	}
	if (w->good) {
		match(w, what);
		buf_puts(w->out, b.s);
	}
	buf_free(&b);
}

/* ---- numbers and addresses --------------------------------------------------------- */

static void put_value(struct buf *out, space_val v, bool addr)
{
	char text[ADDR_TEXT];

	if (!addr) {
		buf_u64(out, (unsigned long long)v);
		return;
	}
	addr_text(space_to_addr(v), text);
	buf_puts(out, text);
}

static void put_set(struct writer *w, const char *what,
		    const struct space_ivs *d, bool addr)
{
	if (!d)
		return;
	match(w, what);
	buf_puts(w->out, d->n > 1 ? " { " : " ");
	for (size_t i = 0; i < d->n; i++) {
		if (i)
			buf_puts(w->out, ", ");
		put_value(w->out, d->r[i].lo, addr);
		if (d->r[i].lo == d->r[i].hi)
			continue;
		buf_putc(w->out, '-');
		put_value(w->out, d->r[i].hi, addr);
	}
	if (d->n > 1)
		buf_puts(w->out, " }");
}

static bool whole(const struct space_ivs *d, bool v6)
{
	return v6 ? d->r[0].lo == 0 && d->r[d->n - 1].hi == ~(space_val)0 &&
		    d->n <= 2 :
		    d->n == 1 && d->r[0].lo == space_addr(addr_v4(0)) &&
		    d->r[0].hi == space_addr(addr_v4(UINT32_MAX));
}

static void put_addresses(struct writer *w, const struct space_cube *x,
			  const char *table_family)
{
	static const char *const name[2][2] = { { "ip saddr", "ip daddr" },
						{ "ip6 saddr", "ip6 daddr" } };
	const struct space_ivs *f = x->dim[PK_FAMILY];
	bool v6 = f && f->r[0].lo == 1, said = false;

	if ((x->dim[PK_SRC] || x->dim[PK_DST]) && !f)
		w->good = false;
	for (unsigned i = 0; i < 2 && w->good; i++) {
		const struct space_ivs *d = x->dim[i ? PK_DST : PK_SRC];

		if (!d || whole(d, v6))
			continue;
		put_set(w, name[v6][i], d, true);
		said = true;
	}
	if (f && !said && !strcmp(table_family, "inet"))
		match(w, v6 ? "meta nfproto ipv6" : "meta nfproto ipv4");
}

static bool is_one(const struct space_ivs *d, space_val x)
{
	return d && d->n == 1 && d->r[0].lo == x && d->r[0].hi == x;
}

/* nft lists two bytes behind a protocol that its rule merely names as "th
 * sport", without the protocol; types of ICMP bring it themselves. */
static bool put_types(struct writer *w, const struct space_cube *x)
{
	const struct space_ivs *d = x->dim[PK_TH0];
	bool v4 = is_one(x->dim[PK_PROTO], PROTO_ICMP);

	if (!d || x->dim[PK_TH2] ||
	    (!v4 && !is_one(x->dim[PK_PROTO], PROTO_ICMPV6)))
		return false;
	for (size_t i = 0; i < d->n; i++)
		if (d->r[i].lo & 255 || (d->r[i].hi & 255) != 255)
			return false;
	match(w, v4 ? "icmp type {" : "icmpv6 type {");
	for (size_t i = 0; i < d->n; i++) {
		unsigned lo = (unsigned)(d->r[i].lo >> 8);
		unsigned hi = (unsigned)(d->r[i].hi >> 8);

		buf_printf(w->out, "%s %u", i ? "," : "", lo);
		if (lo != hi)
			buf_printf(w->out, "-%u", hi);
	}
	buf_puts(w->out, " }");
	return true;
}

static void put_services(struct writer *w, const struct space_cube *x)
{
	if (put_types(w, x))
		return;
	put_set(w, "meta l4proto", x->dim[PK_PROTO], false);
	put_set(w, "th sport", x->dim[PK_TH0], false);
	put_set(w, "th dport", x->dim[PK_TH2], false);
}

/* ---- states ------------------------------------------------------------------------ */

static void put_states(struct writer *w, const struct space_cube *x)
{
	const struct space_ivs *ct = x->dim[PK_CT], *dir = x->dim[PK_DIR];
	unsigned n = 0;

	if (dir)
		match(w, dir->r[0].lo ? "ct direction reply" :
					"ct direction original");
	if (!ct)
		return;
	match(w, "ct state ");
	for (unsigned i = 0; i < 5; i++)
		if (has(ct, i))
			buf_printf(w->out, "%s%s", n++ ? "," : "",
				   pk_ct_name[i]);
}

static bool unsayable(const struct space_cube *x)
{
	return x->dim[PK_TOS] || x->dim[PK_TTL] || x->dim[PK_TYPE] ||
	       x->dim[PK_MARK];
}

bool repair_match(const struct check *c, const struct space_cube *x,
		  bool opening, const char *table_family, struct buf *out)
{
	static const struct space_iv fresh[] = { { CT_NEW, CT_NEW } };
	static const struct space_ivs only_new = {
		1, (struct space_iv *)(uintptr_t)fresh };
	struct space_cube y = *x;
	struct writer w = { out, !unsayable(x) };

	if (opening)
		y.dim[PK_CT] = &only_new;
	put_iface(&w, &c->names, y.dim[PK_IIF], "iifname");
	put_iface(&w, &c->names, y.dim[PK_OIF], "oifname");
	put_addresses(&w, &y, table_family);
	put_services(&w, &y);
	if (y.dim[PK_FLAGS])
		put_set(&w, "tcp flags ==", y.dim[PK_FLAGS], false);
	if (y.dim[PK_FLAGS] && y.dim[PK_FLAGS]->n > 1)
		w.good = false;
	put_states(&w, &y);
	return w.good && out->n < MAX_WORDS;
}
