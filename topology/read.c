#include <string.h>
#include <time.h>

#include "topology/build.h"
#include "topology/builtin.h"

enum { LINES_NAMED = 4 };

/* Where else a message holds: " (the same in lines 4, 5, 9 and 2 more)". */
static const char *elsewhere(struct arena *a, const struct source *src,
			     const struct span *at, size_t named, size_t n)
{
	struct buf b = { 0 };
	unsigned line, col, end;

	for (size_t i = 0; i < named; i++) {
		span_position(at[i], &line, &col, &end);
		buf_printf(&b, "%s", i == 0 ? n == 1 ? " (the same in line " :
				     " (the same in lines " :
				     i + 1 == n ? " and " : ", ");
		if (at[i].src != src)
			buf_printf(&b, "%s:", at[i].src->name);
		buf_printf(&b, "%u", line);
	}
	if (n > named)
		buf_printf(&b, " and %zu more", n - named);
	buf_putc(&b, ')');
	return buf_take(a, &b);
}

/* A message and the places that it is said of. */
struct said {
	size_t first; /* in diags.v */
	struct span at[LINES_NAMED];
	size_t named, n;
};

static bool same_span(struct span x, struct span y)
{
	return x.src == y.src && x.off == y.off && x.len == y.len;
}

static void say_again(struct diags *d, struct said *s,
		      const struct diag *g)
{
	if (same_span(d->v[s->first].at, g->at))
		return;
	if (s->named < LINES_NAMED && g->at.src && g->at.src->text)
		s->at[s->named++] = g->at;
	s->n++;
}

/* One mistake that was made in many places is told once, with the places. */
static void fold_same(struct arena *a, struct diags *d)
{
	struct map seen = { 0 };
	VEC(struct said *) all = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++) {
		const struct diag *g = &d->v[i];
		struct map_entry *e = map_add_str(a, &seen, g->msg, NULL);
		struct said *s = e->val.p;

		if (s && d->v[s->first].sev == g->sev &&
		    same_span(d->v[s->first].also, g->also)) {
			say_again(d, s, g);
			d->n_errors -= g->sev == SEV_ERROR;
			d->n_warnings -= g->sev == SEV_WARNING;
			continue;
		}
		s = ARENA_NEW(a, struct said);
		s->first = n;
		e->val.p = s;
		vec_push(a, &all, s);
		d->v[n++] = *g;
	}
	d->n = n;
	for (size_t i = 0; i < all.n && i < 64; i++) {
		struct diag *g = &d->v[all.v[i]->first];

		if (all.v[i]->named)
			g->msg = arena_printf(a, "%s%s", g->msg,
					      elsewhere(a, g->at.src,
							all.v[i]->at,
							all.v[i]->named,
							all.v[i]->n));
	}
}

struct topology *topology_read(struct arena *a, const char *path,
			       const struct topology_options *opt,
			       struct diags *d)
{
	static const struct topology_options none;
	struct build b = {
		.arena = a,
		.opt = opt ? opt : &none,
		.d = d,
		.topo = ARENA_NEW(a, struct topology),
	};

	b.topo->arena = a;
	if (!build_load(&b, path))
		return NULL;
	build_declare(&b);
	build_resolve(&b);
	build_check(&b);
	fold_same(a, d);
	return d->n_errors ? NULL : b.topo;
}

const char *builtin_file(const char *name)
{
	for (unsigned i = 0; i < n_builtin_files; i++)
		if (!strcmp(builtin_files[i].name, name))
			return builtin_files[i].text;
	return NULL;
}

#define FIND(list, name) \
	for (size_t i = 0; i < (list).n; i++) \
		if (!strcmp((list).v[i]->name, name)) \
			return (list).v[i]; \
	return NULL

const struct party *topology_party(const struct topology *t, const char *name)
{
	FIND(t->parties, name);
}

const struct firewall *topology_firewall(const struct topology *t,
					 const char *name)
{
	FIND(t->firewalls, name);
}

const struct service *topology_service(const struct topology *t,
				       const char *name)
{
	FIND(t->services, name);
}

const struct role *topology_role(const struct topology *t, const char *name)
{
	FIND(t->roles, name);
}

const char *add_foreign_attributes(struct arena *a, const char *out,
				   const char *of, const struct xml_element *e)
{
	for (unsigned i = 0; e && i < e->n_attr; i++)
		if (e->attr[i].uri && strcmp(e->attr[i].uri,
				"http://www.w3.org/2001/XMLSchema-instance"))
			out = arena_printf(a, "%s%s%s%s%s=%s", out ? out : "",
					   out ? "; " : "", of ? of : "",
					   of ? "." : "", e->attr[i].name,
					   e->attr[i].value);
	return out;
}

const char *foreign_attributes(struct arena *a, const struct xml_element *e)
{
	return add_foreign_attributes(a, NULL, NULL, e);
}

void date_text(int64_t t, char out[16])
{
	time_t when = (time_t)t;
	struct tm tm;

	gmtime_r(&when, &tm);
	strftime(out, 16, "%Y-%m-%d", &tm);
}

bool role_implies(const struct role *r, const struct role *implied)
{
	for (size_t i = 0; i < r->n_closure; i++)
		if (r->closure[i] == implied->id)
			return true;
	return false;
}

const struct party *party_zone(const struct party *p)
{
	while (p && p->kind != PARTY_ZONE)
		p = p->parent;
	return p;
}

bool party_within(const struct party *p, const struct party *around)
{
	while (p && p != around)
		p = p->parent;
	return p;
}

bool firewall_in_zone(const struct firewall *f, uint32_t zone_id)
{
	for (size_t i = 0; i < f->interfaces.n; i++)
		if (f->interfaces.v[i]->zone->zone_id == zone_id)
			return true;
	return false;
}

const char *party_kind_name(enum party_kind k)
{
	static const char *const name[] = {
		[PARTY_ZONE] = "zone", [PARTY_NETWORK] = "network",
		[PARTY_HOST] = "host", [PARTY_FIREWALL] = "firewall",
	};

	return name[k];
}
