#include "plan/diff_words.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_NAMES = 4 };

/* Cells of a party and of all in it, by family. */
struct tally {
	uint32_t all[2], full[2], some[2];
};

struct diff_words {
	struct arena *a;
	const struct plan *p;
	const struct addr *skip;
	size_t n_skip;
	struct tally *of;	/* by party id */
	uint32_t *child, *next; /* by party id: the first in it, its sibling */
	struct addr_set said;	/* what is put into words */
	bool family[2];		/* some of it is in IPv6, IPv4 */
	VEC(const char *) names;
};

static bool counts(const struct cell *c)
{
	return c->cls != NONE && c->party != NONE;
}

struct diff_words *diff_words_new(struct arena *a, const struct plan *p,
				  const struct addr *skip, size_t n_skip)
{
	size_t n = p->topo->parties.n;
	struct diff_words *w = ARENA_NEW(a, struct diff_words);

	*w = (struct diff_words){
		.a = a, .p = p, .skip = skip, .n_skip = n_skip,
		.of = ARENA_ARRAY(a, struct tally, n),
		.child = ARENA_ARRAY(a, uint32_t, n),
		.next = ARENA_ARRAY(a, uint32_t, n),
	};
	for (size_t i = 0; i < n; i++)
		w->child[i] = w->next[i] = NONE;
	for (size_t i = n; i--;) {
		const struct party *x = p->topo->parties.v[i];

		if (!x->parent)
			continue;
		w->next[i] = w->child[x->parent->id];
		w->child[x->parent->id] = (uint32_t)i;
	}
	for (size_t i = 0; i < p->n_cell; i++) {
		const struct cell *c = &p->cell[i];
		const struct party *x = counts(c) ?
			p->topo->parties.v[c->party] : NULL;

		for (; x; x = x->parent)
			w->of[x->id].all[addr_is_v4(c->lo)]++;
	}
	return w;
}

/* ---- what is meant -------------------------------------------------------------- */

static int compare(const void *x, const void *y)
{
	return addr_cmp(*(const struct addr *)x, *(const struct addr *)y);
}

/* Is all that is missing between the two skipped? */
static bool bridged(const struct diff_words *w, struct addr end,
		    struct addr begin)
{
	struct addr a = addr_next(end);

	for (size_t i = 0; i <= w->n_skip; i++, a = addr_next(a)) {
		if (addr_eq(a, begin))
			return true;
		if (!w->n_skip || !bsearch(&a, w->skip, w->n_skip, sizeof(a),
					   compare))
			return false;
	}
	return false;
}

static void set_said(struct diff_words *w, const struct space_ivs *r)
{
	w->said.n = 0;
	w->said.r = ARENA_ARRAY(w->a, struct addr_range, r->n);
	for (size_t i = 0; i < r->n; i++) {
		struct addr_range x = { space_to_addr(r->r[i].lo),
					space_to_addr(r->r[i].hi) };

		if (w->said.n && bridged(w, w->said.r[w->said.n - 1].hi, x.lo))
			w->said.r[w->said.n - 1].hi = x.hi;
		else
			w->said.r[w->said.n++] = x;
	}
}

static void tally_cell(struct diff_words *w, const struct cell *c, bool full)
{
	bool v4 = addr_is_v4(c->lo);

	for (const struct party *x = w->p->topo->parties.v[c->party]; x;
	     x = x->parent) {
		w->of[x->id].some[v4]++;
		w->of[x->id].full[v4] += full;
	}
}

static void tally_said(struct diff_words *w)
{
	const struct plan *p = w->p;

	for (size_t i = 0; i < p->topo->parties.n; i++)
		for (int f = 0; f < 2; f++)
			w->of[i].full[f] = w->of[i].some[f] = 0;
	w->family[0] = w->family[1] = false;
	for (size_t i = 0; i < w->said.n; i++) {
		struct addr_range r = w->said.r[i];

		w->family[addr_is_v4(r.lo)] = true;
		for (size_t k = plan_first_cell(p, r.lo); k < p->n_cell &&
		     addr_cmp(p->cell[k].lo, r.hi) <= 0; k++)
			if (counts(&p->cell[k]))
				tally_cell(w, &p->cell[k],
					   addr_cmp(r.lo, p->cell[k].lo) <= 0 &&
					   addr_cmp(p->cell[k].hi, r.hi) <= 0);
	}
}

/* ---- in words ------------------------------------------------------------------- */

static bool has_some(const struct tally *t)
{
	return t->some[0] || t->some[1];
}

static bool is_full(const struct diff_words *w, const struct tally *t)
{
	for (int f = 0; f < 2; f++)
		if (w->family[f] && t->full[f] != t->all[f])
			return false;
	return has_some(t);
}

/* Of a party, less those in it. */
static struct tally own_tally(const struct diff_words *w, uint32_t id)
{
	struct tally t = w->of[id];

	for (uint32_t c = w->child[id]; c != NONE; c = w->next[c])
		for (int f = 0; f < 2; f++) {
			t.all[f] -= w->of[c].all[f];
			t.full[f] -= w->of[c].full[f];
			t.some[f] -= w->of[c].some[f];
		}
	return t;
}

static bool done(const struct diff_words *w)
{
	return w->names.n > MAX_NAMES;
}

static void add_name(struct diff_words *w, const char *name)
{
	if (!done(w))
		vec_push(w->a, &w->names, name);
}

typedef VEC(const char *) name_list;

/* What is missing from a party, if that is whole parties and not all of it. */
static bool find_missing(const struct diff_words *w, uint32_t id,
			 name_list *out)
{
	struct tally own = own_tally(w, id);

	for (int f = 0; f < 2; f++)
		if (w->family[f] && own.full[f] != own.all[f])
			return false;
	for (uint32_t c = w->child[id]; c != NONE; c = w->next[c]) {
		const struct tally *t = &w->of[c];
		uint32_t all = 0, full = 0, some = 0;

		for (int f = 0; f < 2; f++) {
			all += w->family[f] ? t->all[f] : 0;
			full += t->full[f];
			some += t->some[f];
		}
		if (all && !some)
			vec_push(w->a, out,
				 plan_party_name(w->p, c));
		else if (full != all && !find_missing(w, c, out))
			return false;
	}
	return true;
}

static void add_but(struct diff_words *w, uint32_t id, const name_list *missing)
{
	struct buf b = { 0 };

	buf_printf(&b, "%s (not ", plan_party_name(w->p, id));
	for (size_t i = 0; i < missing->n && i < MAX_NAMES; i++)
		buf_printf(&b, "%s%s", i ? ", " : "", missing->v[i]);
	if (missing->n > MAX_NAMES)
		buf_printf(&b, " and %zu more", missing->n - MAX_NAMES);
	buf_puts(&b, ")");
	add_name(w, buf_take(w->a, &b));
}

static struct addr_range range_and(struct addr_range x, struct addr_range y)
{
	return (struct addr_range){
		addr_cmp(x.lo, y.lo) < 0 ? y.lo : x.lo,
		addr_cmp(x.hi, y.hi) < 0 ? x.hi : y.hi };
}

/* Its own addresses that are meant, neighbours as one. */
static void add_addresses(struct diff_words *w, uint32_t id)
{
	const struct plan *p = w->p;
	char text[ADDR_TEXT];

	for (size_t i = 0; i < w->said.n && !done(w); i++) {
		struct addr_range r = w->said.r[i], at;
		bool open = false;

		for (size_t k = plan_first_cell(p, r.lo); k < p->n_cell &&
		     addr_cmp(p->cell[k].lo, r.hi) <= 0; k++) {
			const struct cell *c = &p->cell[k];
			struct addr_range x = range_and(r, (struct addr_range){
					c->lo, c->hi });

			if (!counts(c) || c->party != id)
				continue;
			if (open && addr_eq(addr_next(at.hi), x.lo)) {
				at.hi = x.hi;
				continue;
			}
			if (open) {
				range_text(at, text);
				add_name(w, arena_strdup(w->a, text));
			}
			at = x;
			open = true;
		}
		if (open) {
			range_text(at, text);
			add_name(w, arena_strdup(w->a, text));
		}
	}
}

static void put_party(struct diff_words *w, uint32_t id)
{
	struct tally own = own_tally(w, id);
	name_list missing = { 0 };

	if (done(w) || !has_some(&w->of[id]))
		return;
	if (is_full(w, &w->of[id])) {
		add_name(w, plan_party_name(w->p, id));
		return;
	}
	if (has_some(&own) && find_missing(w, id, &missing) &&
	    missing.n) {
		add_but(w, id, &missing);
		return;
	}
	if (has_some(&own))
		add_addresses(w, id);
	for (uint32_t c = w->child[id]; c != NONE; c = w->next[c])
		put_party(w, c);
}

const char *diff_words_text(struct diff_words *w, const struct space_ivs *r)
{
	struct buf b = { 0 };

	w->names.n = 0;
	set_said(w, r);
	tally_said(w);
	for (uint32_t i = 0; i < w->p->topo->parties.n; i++)
		if (!w->p->topo->parties.v[i]->parent)
			put_party(w, i);
	for (size_t i = 0; i < w->names.n && i < MAX_NAMES; i++)
		buf_printf(&b, "%s%s", i ? ", " : "", w->names.v[i]);
	if (done(w))
		buf_puts(&b, " and more");
	return buf_take(w->a, &b);
}
