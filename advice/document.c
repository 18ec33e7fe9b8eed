#include "advice/document.h"

#include "advice/document_impl.h"

/* Where the lines of a source begin: span_position() would count them again
 * for every element. */
struct line_index {
	VEC(uint32_t) start;
	uint32_t off; /* the place told last, and its column: a file may be */
	unsigned col; /* one long line */
};

static struct line_index *index_of(struct doc *d, const struct source *src)
{
	struct map_entry *e = map_add(d->arena, &d->lines, &src, sizeof(src),
				      NULL);
	struct line_index *x = e->val.p;

	if (x)
		return x;
	e->val.p = x = ARENA_NEW(d->arena, struct line_index);
	x->col = 1;
	vec_push(d->arena, &x->start, 0);
	for (size_t i = 0; i < src->len; i++)
		if (src->text[i] == '\n')
			vec_push(d->arena, &x->start, (uint32_t)i + 1);
	return x;
}

void doc_place(struct doc *d, struct span at)
{
	struct line_index *x;
	size_t lo = 0, hi;
	uint32_t from;

	if (!at.src)
		return;
	x = index_of(d, at.src);
	for (hi = x->start.n; hi - lo > 1;) {
		size_t mid = (lo + hi) / 2;

		if (x->start.v[mid] <= at.off)
			lo = mid;
		else
			hi = mid;
	}
	from = x->start.v[lo];
	if (x->off >= from && x->off <= at.off)
		from = x->off;
	else
		x->col = 1;
	for (uint32_t i = from; i < at.off; i++)
		x->col += ((unsigned char)at.src->text[i] & 0xc0) != 0x80;
	x->off = at.off;
	xw_printf(&d->w, "at", "%s:%zu:%u", at.src->name, lo + 1, x->col);
}

/*
 * How this works: flows are gathered first, because they decide which groups
 * there are; then what is said of parties by flows (who is exposed, what a
 * host reaches); and only then all of it is written. Groups come last, since
 * exceptions make more of them.
 */
struct doc *doc_gather(struct arena *a, const struct plan *p, struct buf *out)
{
	struct doc *d = ARENA_NEW(a, struct doc);
	const struct topology *t = p->topo;
	size_t n = t->parties.n;

	d->arena = a;
	d->p = p;
	d->w.out = out;
	lists_init(a, &d->lists);
	d->cells = arena_alloc(a, (n + 1) * sizeof(*d->cells));
	d->children = arena_alloc(a, (n + 1) * sizeof(*d->children));
	d->groups_of = arena_alloc(a, (n + 1) * sizeof(*d->groups_of));
	for (size_t i = 0; i < n; i++)
		if (t->parties.v[i]->parent)
			vec_push(a, &d->children[t->parties.v[i]->parent->id],
				 (uint32_t)i);
	d->host_reach = ARENA_ARRAY(a, uint32_t, n);
	d->exposed = ARENA_ARRAY(a, unsigned char, n);
	d->party_named = ARENA_ARRAY(a, bool, n);
	d->role_used = ARENA_ARRAY(a, bool, t->roles.n);
	d->role_named = ARENA_ARRAY(a, bool, t->roles.n);
	d->service_used = ARENA_ARRAY(a, bool, t->services.n);
	d->service_named = ARENA_ARRAY(a, bool, t->services.n);
	for (size_t i = 0; i < p->n_cell; i++)
		if (p->cell[i].cls != NONE) /* a public one is nobody's own */
			vec_push(a, &d->cells[p->cell[i].party], (uint32_t)i);
	doc_gather_flows(d);
	doc_gather_reach(d);
	doc_find_named(d);
	return d;
}

void plan_document(const struct plan *p, struct buf *out)
{
	struct arena *a = arena_new();
	struct doc *d = doc_gather(a, p, out);
	char today[16];

	date_text(p->now, today);
	buf_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	xw_open(&d->w, "plan");
	xw_attr(&d->w, "xmlns", PLAN_NS);
	xw_attr(&d->w, "format", "1");
	xw_attr(&d->w, "name", p->topo->name);
	xw_attr(&d->w, "today", today);
	doc_place(d, p->topo->at);
	doc_write_vocabulary(d);
	doc_write_parties(d);
	doc_write_firewalls(d);
	doc_write_flows(d);
	doc_write_said(d);
	doc_write_groups(d);
	doc_write_services(d);
	doc_write_reaches(d);
	xw_close(&d->w);
	arena_free(a);
}
