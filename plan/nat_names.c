#include "plan/nat_names.h"

#include <string.h>

#include "plan/nat.h"

typedef VEC(const char *) texts;

struct namer {
	const struct plan *p;
	struct arena *a;
	const struct route *r;
	unsigned families; /* that the planned thing is in */
	texts out;
};

static unsigned family(bool v4)
{
	return v4 ? FAM_V4 : FAM_V6;
}

/* Families in which addresses are planned, of one party on a side, or NONE. */
static unsigned side_families(const struct plan *p, uint32_t cls, uint32_t end,
			      uint32_t party)
{
	const struct class *c = &p->classes.v[cls];
	unsigned fam = 0;

	for (size_t i = 0; i < c->n_cell; i++) {
		const struct cell *x = &p->cell[c->cell[i]];

		if ((party == NONE || x->party == party) &&
		    (end == NONE || cell_in_end(p, c->cell[i], end)))
			fam |= family(addr_is_v4(x->lo));
	}
	return c->n_cell ? fam : FAM_V4 | FAM_V6;
}

static void note(struct namer *n, const char *text)
{
	for (size_t i = 0; i < n->out.n; i++)
		if (!strcmp(n->out.v[i], text))
			return;
	vec_push(n->a, &n->out, text);
}

static const char *address(struct namer *n, struct addr a)
{
	char text[ADDR_TEXT];

	addr_text(a, text);
	return arena_strdup(n->a, text);
}

static void note_class(struct namer *n, uint32_t cls, uint32_t end,
		       uint32_t party, bool destination)
{
	const struct plan *p = n->p;
	const struct class *c = &p->classes.v[cls];

	for (size_t i = 0; i < c->n_cell; i++) {
		const struct cell *x = &p->cell[c->cell[i]];

		if (!(n->families & family(addr_is_v4(x->lo))) ||
		    x->nat == NAT_NONE || (destination && x->nat != NAT_ONE) ||
		    (party != NONE && x->party != party) ||
		    (end != NONE && !cell_in_end(p, c->cell[i], end)) ||
		    !nat_touched(p, n->r, class_nat(p, cls,
						    addr_is_v4(x->lo))))
			continue;
		note(n, x->nat == NAT_INTERFACE ? "the interface" :
		     address(n, p->publics.v[x->behind].addr));
	}
}

static void note_publishes(struct namer *n, uint32_t cls,
			   struct key_range keys)
{
	const struct plan *p = n->p;
	size_t many;
	const uint32_t *u = class_publishes(p, cls, &many);

	for (size_t i = 0; i < many; i++) {
		const struct publish *x = p->topo->publishes.v[u[i]];
		struct key_set k = publish_public_keys(x,
				(struct key_set){ &keys, 1 }, n->a);
		struct nat t = { NAT_ONE, publish_zone(p, u[i]), NONE };
		const char *text = address(n, x->address.r.lo);

		if (k.n && (n->families & family(x->address.v4)) &&
		    nat_touched(p, n->r, t))
			note(n, x->port ? arena_printf(n->a, "%s port %u",
					text, key_detail(k.r[0].lo)) : text);
	}
}

void nat_names_add(const struct plan *p, const struct planned *x,
		   uint32_t from_party, uint32_t to_party, struct arena *a,
		   struct nat_names *out)
{
	struct namer n = { .p = p, .a = a };

	if (!p->classes.v[x->from].nat && !p->classes.v[x->to].nat)
		return;
	n.r = plan_route(p, p->classes.v[x->from].node,
			 p->classes.v[x->to].node);
	n.families = x->families &
		side_families(p, x->from, x->from_end, from_party) &
		side_families(p, x->to, x->to_end, to_party);
	memcpy(&n.out, &out->to, sizeof(n.out));
	note_class(&n, x->to, x->to_end, to_party, true);
	note_publishes(&n, x->to, x->piece.keys);
	memcpy(&out->to, &n.out, sizeof(n.out));
	for (int v4 = 0; v4 < 2; v4++)
		out->hidden |= (n.families & family(v4)) &&
			       nat_hidden(p, x->from, x->to, v4,
					  x->piece.keys);
	memcpy(&n.out, &out->from, sizeof(n.out));
	note_class(&n, x->from, x->from_end, from_party, false);
	memcpy(&out->from, &n.out, sizeof(n.out));
}

static void put(struct buf *b, const char *word, const char *const *v,
		size_t n)
{
	enum { SHOWN = 4 };

	if (n)
		buf_printf(b, "%s%s", b->n ? ", " : "", word);
	for (size_t i = 0; i < n && i < SHOWN; i++)
		buf_printf(b, " %s", v[i]);
	if (n > SHOWN)
		buf_printf(b, " and %zu more", n - SHOWN);
}

const char *nat_names_text(const struct nat_names *n, struct arena *a)
{
	struct buf b = { 0 };

	put(&b, "to", n->to.v, n->to.n);
	if (n->hidden)
		buf_printf(&b, "%sto none: hides with others",
			   b.n ? ", " : "");
	put(&b, "from", n->from.v, n->from.n);
	return buf_take(a, &b);
}
