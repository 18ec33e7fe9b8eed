#include "check/planner.h"

#include <string.h>

uint32_t planner_field(struct planner *x, unsigned field, space_val lo,
		       space_val hi)
{
	return space_interval(x->s, field, lo, hi, SPACE_ALL, SPACE_NO);
}

uint32_t planner_zone(struct planner *x, uint32_t zone, uint8_t field)
{
	const struct plan *p = x->p;
	struct addr_set s = { ARENA_ARRAY(x->a, struct addr_range, p->n_cell),
			      0 };

	for (size_t i = 0; i < p->n_cell; i++)
		if (p->cell[i].zone == zone)
			s.r[s.n++] = (struct addr_range){ p->cell[i].lo,
							  p->cell[i].hi };
	return space_addresses(x->s, field, s);
}

uint32_t planner_sum(struct planner *x)
{
	uint32_t out = space_fold(x->s, &space_op_or, x->sum.v, x->sum.n,
				  SPACE_NO);

	x->sum.n = 0;
	return out;
}

const char **check_interface_names(struct arena *a, const struct firewall *f,
				   size_t *n)
{
	const char **v = ARENA_ARRAY(a, const char *, f->interfaces.n + 1);

	for (size_t i = 0; i < f->interfaces.n; i++)
		v[i] = f->interfaces.v[i]->name;
	v[f->interfaces.n] = "lo";
	*n = f->interfaces.n + 1;
	return v;
}

uint32_t planner_names(struct planner *x, const struct interface *itf,
			 uint8_t field)
{
	size_t len = strlen(itf->name);
	uint32_t out = SPACE_NO;

	for (size_t i = 0; i < x->c->names.n; i++) {
		const struct pk_name *n = &x->c->names.v[i];
		bool in = itf->wildcard ?
			n->text && !strncmp(n->like, itf->name, len - 1) :
			n->exact && !strcmp(n->text, itf->name);

		if (in)
			out = space_or(x->s, out, planner_field(x, field, i, i));
	}
	return out;
}

uint32_t check_from_zone(struct check *c, const struct plan *p,
			 const struct interface *itf)
{
	struct planner x = { .c = c, .s = c->s, .p = p, .a = c->arena };
	struct addr_set s = { ARENA_ARRAY(x.a, struct addr_range,
					  p->n_cell + 1), 1 };

	s.r[0] = range_of_prefix((struct addr){ UINT64_C(0xfe80) << 48, 0 },
				 10);
	for (size_t i = 0; i < p->n_cell; i++)
		if (p->cell[i].space == itf->zone->zone_id &&
		    p->cell[i].cls != NONE)
			s.r[s.n++] = (struct addr_range){ p->cell[i].lo,
							  p->cell[i].hi };
	return space_addresses(x.s, PK_SRC, s);
}

uint32_t check_on_interface(struct check *c, const struct interface *itf)
{
	struct planner x = { .c = c, .s = c->s, .a = c->arena };

	return planner_names(&x, itf, PK_IIF);
}

uint32_t check_leaving_by(struct check *c, const struct interface *itf)
{
	struct planner x = { .c = c, .s = c->s, .a = c->arena };

	return planner_names(&x, itf, PK_OIF);
}

uint32_t check_publics(struct check *c, const struct plan *p)
{
	struct planner x = { .c = c, .s = c->s, .p = p, .a = c->arena };
	struct addr_set s = { ARENA_ARRAY(x.a, struct addr_range,
					  p->publics.n), 0 };
	uint32_t to;

	for (size_t i = 0; i < p->publics.n; i++)
		s.r[s.n++] = (struct addr_range){ p->publics.v[i].addr,
						  p->publics.v[i].addr };
	to = space_addresses(x.s, PK_DST, s);
	return space_or(c->s, to, space_addresses(x.s, PK_SRC, s));
}
