#include "check/drift.h"

#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/hash.h"

const char *const drift_what_name[DRIFT_WHATS] = {
	[DRIFT_TABLE] = "table", [DRIFT_CHAIN] = "chain",
	[DRIFT_RULE] = "rule", [DRIFT_SET] = "set",
	[DRIFT_ELEMENT] = "element", [DRIFT_OBJECT] = "object",
};

const char *const drift_how_name[DRIFT_HOWS] = {
	[DRIFT_ADDED] = "added", [DRIFT_DELETED] = "deleted",
	[DRIFT_CHANGED] = "changed", [DRIFT_RENAMED] = "renamed",
	[DRIFT_REPLACED] = "replaced", [DRIFT_ANEW] = "made anew",
};

/* A table, before and after; one of them may be NULL. */
struct comparison {
	struct arena *a;
	const struct kruleset *rs[2];
	const struct kr_table *t[2];
	bool anew; /* its objects have other handles */
	struct map chain[2]; /* of the table, by handle */
	const struct drift_options *opt;
	struct drifts *out;
};

enum { BEFORE, AFTER };

static void differ(struct comparison *c, enum drift_what what,
		   enum drift_how how, const char *name, const char *detail)
{
	const struct kr_table *t = c->t[AFTER] ? c->t[AFTER] : c->t[BEFORE];

	if (c->out->v.n < c->opt->most)
		vec_push(c->a, &c->out->v,
			 (struct drift){ what, how, t->family, t->name, name,
					 detail });
	else
		c->out->more++;
}

/* No words are made of what is not listed. */
static bool full(struct comparison *c)
{
	if (c->out->v.n < c->opt->most)
		return false;
	c->out->more++;
	return true;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static const char *kept(struct comparison *c, struct buf *b)
{
	const char *s = arena_strdup(c->a, b->s ? b->s : "");

	buf_free(b);
	return s;
}

/* ---- rules ------------------------------------------------------------------------- */

typedef VEC(size_t) places; /* in a chain, from 0 on */

static bool same_rule(const struct comparison *c, const struct kr_rule *x,
		      const struct kr_rule *y)
{
	return (c->anew || x->handle == y->handle) && x->hash == y->hash &&
	       same_text(x->comment, y->comment);
}

static uint64_t rule_key(const struct comparison *c, const struct kr_rule *r)
{
	uint64_t h = hash_u64(r->hash, c->anew ? 0 : r->handle);

	return r->comment ? hash_str(h, r->comment) : h;
}

/* What of v[from..to) is not among w[from..to_w). */
static void only_in(struct comparison *c, const struct kr_chain *v, size_t from,
		    size_t to, const struct kr_chain *w, size_t to_w,
		    places *out)
{
	struct map there = { 0 };

	for (size_t i = from; i < to_w; i++) {
		uint64_t k = rule_key(c, w->rule.v[i]);

		map_add(c->a, &there, &k, sizeof(k), NULL);
	}
	for (size_t i = from; i < to; i++) {
		uint64_t k = rule_key(c, v->rule.v[i]);

		if (!map_find(&there, &k, sizeof(k)))
			vec_push(c->a, out, i);
	}
}

static void put_rule(const struct kr_chain *v, size_t at, struct buf *b)
{
	buf_printf(b, "%zu: ", at + 1);
	rule_words(v->rule.v[at], b);
}

static void one_rule(struct comparison *c, enum drift_how how,
		     const struct kr_chain *v, size_t at)
{
	struct buf b = { 0 };

	if (full(c))
		return;
	put_rule(v, at, &b);
	differ(c, DRIFT_RULE, how, v->name, kept(c, &b));
}

static void replaced(struct comparison *c, const struct kr_chain *v,
		     const struct kr_chain *w, size_t at)
{
	const struct kr_rule *x = v->rule.v[at], *y = w->rule.v[at];
	struct buf b = { 0 };

	if (full(c))
		return;
	put_rule(w, at, &b);
	if (x->hash == y->hash && same_text(x->comment, y->comment)) {
		buf_puts(&b, "; by the same, whose counts begin anew");
	} else {
		buf_puts(&b, "; it was: ");
		rule_words(x, &b);
	}
	differ(c, DRIFT_RULE, DRIFT_REPLACED, w->name, kept(c, &b));
}

/* Equal at both ends; what lies between may differ. */
static void compare_rules(struct comparison *c, const struct kr_chain *x,
			  const struct kr_chain *y)
{
	size_t n = x->rule.n, m = y->rule.n, at = 0, i = 0, k = 0;
	places gone = { 0 }, come = { 0 };

	while (at < n && at < m &&
	       same_rule(c, x->rule.v[at], y->rule.v[at]))
		at++;
	while (n > at && m > at &&
	       same_rule(c, x->rule.v[n - 1], y->rule.v[m - 1]))
		n--, m--;
	only_in(c, x, at, n, y, m, &gone);
	only_in(c, y, at, m, x, n, &come);
	while (i < gone.n || k < come.n) {
		if (i < gone.n && k < come.n && gone.v[i] == come.v[k]) {
			replaced(c, x, y, gone.v[i++]);
			k++;
		} else if (k == come.n ||
			   (i < gone.n && gone.v[i] < come.v[k])) {
			one_rule(c, DRIFT_DELETED, x, gone.v[i++]);
		} else {
			one_rule(c, DRIFT_ADDED, y, come.v[k++]);
		}
	}
	if (!gone.n && !come.n && n > at)
		differ(c, DRIFT_CHAIN, DRIFT_CHANGED, y->name,
		       "its rules stand in another order");
}

/* ---- chains ------------------------------------------------------------------------ */

static const char *hook_name(const struct kr_chain *c)
{
	static const char *const name[] = {
		[NF_INET_PRE_ROUTING] = "prerouting",
		[NF_INET_LOCAL_IN] = "input", [NF_INET_FORWARD] = "forward",
		[NF_INET_LOCAL_OUT] = "output",
		[NF_INET_POST_ROUTING] = "postrouting",
	};

	if (c->dev)
		return c->hook ? "egress" : "ingress";
	return c->hook < sizeof(name) / sizeof(*name) ? name[c->hook] :
							"ingress";
}

static const char *policy_name(const struct kr_chain *c)
{
	return c->policy == KR_DROP ? "drop" : "accept";
}

static void put_base(const struct kr_chain *c, struct buf *b)
{
	if (!c->base) {
		buf_puts(b, "no base chain");
		return;
	}
	buf_printf(b, "%s hook %s priority %d policy %s",
		   c->nat ? "nat" : "filter", hook_name(c), (int)c->prio,
		   policy_name(c));
	for (size_t i = 0; c->dev && c->dev[i]; i++)
		buf_printf(b, "%s\"%s\"", i ? ", " : " device ", c->dev[i]);
}

static void compare_base(struct comparison *c, const struct kr_chain *x,
			 const struct kr_chain *y)
{
	struct buf was = { 0 }, is = { 0 };

	put_base(x, &was);
	put_base(y, &is);
	if (strcmp(was.s, is.s)) {
		buf_printf(&is, "; it was: %s", was.s);
		differ(c, DRIFT_CHAIN,
		       c->anew || x->handle == y->handle ? DRIFT_CHANGED :
							   DRIFT_ANEW,
		       y->name, kept(c, &is));
	} else if (!c->anew && x->handle != y->handle) {
		differ(c, DRIFT_CHAIN, DRIFT_ANEW, y->name, "");
	}
	buf_free(&was);
	buf_free(&is);
}

static void new_chain(struct comparison *c, const struct kr_chain *x)
{
	struct buf b = { 0 };

	if (x->base)
		put_base(x, &b);
	differ(c, DRIFT_CHAIN, DRIFT_ADDED, x->name, kept(c, &b));
	for (size_t i = 0; i < x->rule.n; i++)
		one_rule(c, DRIFT_ADDED, x, i);
}

/* By its handle, else by its name. */
static const struct kr_chain *known_chain(const struct comparison *c, int side,
					  const struct kr_chain *x)
{
	const struct map_entry *e = c->anew ? NULL :
		map_find(&c->chain[side], &x->handle, sizeof(x->handle));

	return e ? e->val.cp : kr_find_chain(c->t[side], x->name);
}

static void index_chains(struct comparison *c, int side)
{
	const struct kruleset *rs = c->rs[side];

	c->chain[side] = (struct map){ 0 };
	for (size_t i = 0; i < rs->chain.n; i++) {
		const struct kr_chain *x = rs->chain.v[i];

		if (x->table == c->t[side])
			map_add(c->a, &c->chain[side], &x->handle,
				sizeof(x->handle), NULL)->val.cp = x;
	}
}

static void compare_chain(struct comparison *c, const struct kr_chain *x,
			  const struct kr_chain *y)
{
	if (strcmp(x->name, y->name))
		differ(c, DRIFT_CHAIN, DRIFT_RENAMED, y->name,
		       arena_printf(c->a, "it was: %s", x->name));
	compare_base(c, x, y);
	compare_rules(c, x, y);
}

static void compare_chains(struct comparison *c)
{
	index_chains(c, BEFORE);
	index_chains(c, AFTER);
	for (size_t i = 0; i < c->rs[AFTER]->chain.n; i++) {
		const struct kr_chain *y = c->rs[AFTER]->chain.v[i], *x;

		if (y->table != c->t[AFTER])
			continue;
		x = known_chain(c, BEFORE, y);
		if (x)
			compare_chain(c, x, y);
		else
			new_chain(c, y);
	}
	for (size_t i = 0; i < c->rs[BEFORE]->chain.n; i++) {
		const struct kr_chain *x = c->rs[BEFORE]->chain.v[i];

		if (x->table == c->t[BEFORE] && !known_chain(c, AFTER, x))
			differ(c, DRIFT_CHAIN, DRIFT_DELETED, x->name,
			       x->rule.n ? arena_printf(c->a, "with %zu rule%s",
							x->rule.n,
							plural(x->rule.n)) :
					   "");
	}
}

/* ---- elements ------------------------------------------------------------------------ */

typedef VEC(struct kr_elem) elements;

static int by_key(const void *a, const void *b)
{
	const struct kr_elem *x = a, *y = b;
	int d = memcmp(x->key.b, y->key.b, x->key.len);

	/* where one range ends, the next may begin */
	return d ? d : (int)(y->flags & NFT_SET_ELEM_INTERVAL_END) -
		       (int)(x->flags & NFT_SET_ELEM_INTERVAL_END);
}

/* The last value of a range, of which the kernel keeps the one behind. */
static void step_back(struct kr_data *d)
{
	for (unsigned i = d->len; i-- > 0;)
		if (d->b[i]--)
			break;
}

/* Sorted; a range of which the kernel keeps begin and end apart is one. What
 * times out is left out. */
static void read_elements(struct comparison *c, const struct kr_set *s,
			  elements *out)
{
	elements all = { 0 };
	bool apart = s->flags & NFT_SET_INTERVAL && !s->nfields;

	for (size_t i = 0; i < s->elem.n; i++)
		if (!s->elem.v[i].timed)
			vec_push(c->a, &all, s->elem.v[i]);
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_key);
	for (size_t i = 0; i < all.n; i++) {
		struct kr_elem *e = &all.v[i];

		if (e->flags & NFT_SET_ELEM_INTERVAL_END)
			continue;
		if (apart && !e->end.len && i + 1 < all.n &&
		    all.v[i + 1].flags & NFT_SET_ELEM_INTERVAL_END) {
			e->end = all.v[i + 1].key;
			step_back(&e->end);
		}
		vec_push(c->a, out, *e);
	}
}

static size_t element_key(const struct kr_elem *e, uint8_t *out)
{
	size_t n = 0;

	out[n++] = e->flags & NFT_SET_ELEM_CATCHALL ? 1 : 0;
	memcpy(out + n, e->key.b, e->key.len);
	n += e->key.len;
	memcpy(out + n, e->end.b, e->end.len);
	return n + e->end.len;
}

static void index_elements(struct comparison *c, const elements *v,
			   struct map *out)
{
	uint8_t key[2 * KR_DATA + 1];

	for (size_t i = 0; i < v->n; i++)
		map_add(c->a, out, key, element_key(&v->v[i], key),
			NULL)->val.cp = &v->v[i];
}

static const struct kr_elem *same_element(const struct map *m,
					  const struct kr_elem *e)
{
	uint8_t key[2 * KR_DATA + 1];
	struct map_entry *found = map_find(m, key, element_key(e, key));

	return found ? found->val.cp : NULL;
}

static bool same_value(const struct kr_elem *x, const struct kr_elem *y)
{
	return x->data.len == y->data.len &&
	       !memcmp(x->data.b, y->data.b, x->data.len) &&
	       x->verdict == y->verdict && same_text(x->target, y->target) &&
	       same_text(x->comment, y->comment);
}

static void one_element(struct comparison *c, enum drift_how how,
			const struct kr_set *s, const struct kr_elem *e,
			const struct kr_elem *was)
{
	struct buf b = { 0 };

	if (full(c))
		return;
	element_words(s, e, &b);
	if (was) {
		buf_puts(&b, "; it was: ");
		element_words(s, was, &b);
	}
	differ(c, DRIFT_ELEMENT, how, s->name, kept(c, &b));
}

static void compare_elements(struct comparison *c, const struct kr_set *x,
			     const struct kr_set *y)
{
	elements was = { 0 }, is = { 0 };
	struct map in_was = { 0 }, in_is = { 0 };

	read_elements(c, x, &was);
	read_elements(c, y, &is);
	index_elements(c, &was, &in_was);
	index_elements(c, &is, &in_is);
	if (was.n > 1 && !is.n) {
		differ(c, DRIFT_ELEMENT, DRIFT_DELETED, y->name,
		       arena_printf(c->a, "all %zu: the set was flushed",
				    was.n));
		return;
	}
	for (size_t i = 0; i < was.n; i++)
		if (!same_element(&in_is, &was.v[i]))
			one_element(c, DRIFT_DELETED, x, &was.v[i], NULL);
	for (size_t i = 0; i < is.n; i++) {
		const struct kr_elem *e = same_element(&in_was, &is.v[i]);

		if (!e)
			one_element(c, DRIFT_ADDED, y, &is.v[i], NULL);
		else if (!same_value(e, &is.v[i]))
			one_element(c, DRIFT_CHANGED, y, &is.v[i], e);
	}
}

/* ---- sets ----------------------------------------------------------------------------- */

static bool named(const struct kr_set *s, const struct kr_table *t)
{
	return s->table == t && !(s->flags & NFT_SET_ANONYMOUS);
}

static void new_set(struct comparison *c, const struct kr_set *s)
{
	elements v = { 0 };

	differ(c, DRIFT_SET, DRIFT_ADDED, s->name, "");
	read_elements(c, s, &v);
	for (size_t i = 0; i < v.n; i++)
		one_element(c, DRIFT_ADDED, s, &v.v[i], NULL);
}

static void compare_sets(struct comparison *c)
{
	for (size_t i = 0; i < c->rs[AFTER]->set.n; i++) {
		const struct kr_set *y = c->rs[AFTER]->set.v[i], *x;

		if (!named(y, c->t[AFTER]))
			continue;
		x = kr_find_set(c->t[BEFORE], y->name);
		if (!x) {
			new_set(c, y);
			continue;
		}
		if (x->flags != y->flags || x->key_len != y->key_len ||
		    x->key_type != y->key_type || x->obj_type != y->obj_type)
			differ(c, DRIFT_SET, DRIFT_CHANGED, y->name,
			       "it is of another type");
		else if (!c->anew && x->handle != y->handle)
			differ(c, DRIFT_SET, DRIFT_ANEW, y->name, "");
		compare_elements(c, x, y);
	}
	for (size_t i = 0; i < c->rs[BEFORE]->set.n; i++) {
		const struct kr_set *x = c->rs[BEFORE]->set.v[i];

		if (named(x, c->t[BEFORE]) && !kr_find_set(c->t[AFTER], x->name))
			differ(c, DRIFT_SET, DRIFT_DELETED, x->name, "");
	}
}

/* ---- objects, tables ---------------------------------------------------------------- */

static bool has_object(const struct kr_table *t, const struct kr_obj *o)
{
	for (size_t i = 0; t && i < t->obj.n; i++)
		if (t->obj.v[i].type == o->type &&
		    !strcmp(t->obj.v[i].name, o->name))
			return true;
	return false;
}

static void objects_only_in(struct comparison *c, int side, enum drift_how how)
{
	for (size_t i = 0; c->t[side] && i < c->t[side]->obj.n; i++)
		if (!has_object(c->t[!side], &c->t[side]->obj.v[i]))
			differ(c, DRIFT_OBJECT, how,
			       c->t[side]->obj.v[i].name, "");
}

static void compare_content(struct comparison *c)
{
	compare_sets(c);
	compare_chains(c);
	objects_only_in(c, BEFORE, DRIFT_DELETED);
	objects_only_in(c, AFTER, DRIFT_ADDED);
}

static void compare_table(struct comparison *c)
{
	const struct kr_table *x = c->t[BEFORE], *y = c->t[AFTER];
	size_t before = c->out->v.n + c->out->more;
	uint32_t flipped;

	if (!x || !y) {
		differ(c, DRIFT_TABLE, y ? DRIFT_ADDED : DRIFT_DELETED, "", "");
		if (y)
			compare_content(c);
		return;
	}
	flipped = x->flags ^ y->flags;
	c->anew = x->handle != y->handle;
	if (flipped & NFT_TABLE_F_DORMANT)
		differ(c, DRIFT_TABLE, DRIFT_CHANGED, "",
		       y->flags & NFT_TABLE_F_DORMANT ?
		       "dormant: no packet sees it" : "no longer dormant");
	if (flipped & ~(uint32_t)NFT_TABLE_F_DORMANT)
		differ(c, DRIFT_TABLE, DRIFT_CHANGED, "", "its flags");
	compare_content(c);
	if (c->anew && before == c->out->v.n + c->out->more)
		differ(c, DRIFT_TABLE, DRIFT_ANEW, "", "with the same content");
}

static const char *known_as(const struct comparison *c, int side,
			    const struct kr_table *t)
{
	return c->opt->known_as ?
		c->opt->known_as(c->opt->ctx, c->rs[side], t) : t->name;
}

static const struct kr_table *find_table(const struct comparison *c, int side,
					 uint32_t family, const char *known)
{
	for (size_t i = 0; i < c->rs[side]->table.n; i++) {
		const struct kr_table *t = c->rs[side]->table.v[i];
		const char *as = known_as(c, side, t);

		if (t->family == family && as && !strcmp(as, known))
			return t;
	}
	return NULL;
}

void drift_compare(struct arena *a, const struct kruleset *before,
		   const struct kruleset *after,
		   const struct drift_options *opt, struct drifts *out)
{
	struct comparison c = { .a = a, .rs = { before, after }, .opt = opt,
				.out = out };

	*out = (struct drifts){ .more = 0 };
	for (int side = AFTER; side >= BEFORE; side--)
		for (size_t i = 0; i < c.rs[side]->table.n; i++) {
			const struct kr_table *t = c.rs[side]->table.v[i];
			const char *as = known_as(&c, side, t);
			const struct kr_table *other;

			if (!as)
				continue;
			other = find_table(&c, !side, t->family, as);
			if (side == BEFORE && other)
				continue; /* compared already */
			c.t[side] = t;
			c.t[!side] = other;
			c.anew = false;
			compare_table(&c);
		}
}
