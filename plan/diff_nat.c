#include <string.h>

#include "plan/diff.h"

/*
 * Translation is told apart by what is said of public addresses: which host
 * each is, whose ports it forwards, who hides behind it. Plans are compared in
 * own addresses, so that nothing opens or closes by it.
 */
struct fact {
	const char *public; /* "203.0.113.10", "203.0.113.1 tcp/25" */
	const char *own;    /* "fe1 (10.1.0.10)", "dmz" */
	const char *reason, *public_zone, *own_zone;
	struct span at;
	bool internet;
};

struct facts {
	const struct plan *p;
	struct arena *a;
	VEC(struct fact) v;
};

static const char *text_of(struct facts *f, struct addr a)
{
	char text[ADDR_TEXT];

	addr_text(a, text);
	return arena_strdup(f->a, text);
}

static void add(struct facts *f, struct fact x, uint32_t zone,
		const struct party *own)
{
	const struct topology *t = f->p->topo;
	const struct party *home = party_zone(own);

	x.public_zone = zone == NONE ? "internet" : t->zones.v[zone]->name;
	x.internet = zone == NONE ||
		t->zones.v[zone]->zone_kind == ZONE_INTERNET;
	x.own_zone = home ? home->name : own->name;
	vec_push(f->a, &f->v, x);
}

static void add_party(struct facts *f, const struct party *p)
{
	if (p->masquerade)
		add(f, (struct fact){ .public = "the interface",
				      .own = p->name, .reason = "public",
				      .at = p->at }, NONE, p);
	for (size_t i = 0; i < p->n_public; i++) {
		struct addr a = p->public[i].r.lo;
		const struct public_addr *x = &f->p->publics.v
			[f->p->cell[plan_cell(f->p, a)].public];

		add(f, (struct fact){
			.public = text_of(f, a), .reason = "public",
			.own = x->own == NONE ? p->name :
				arena_printf(f->a, "%s (%s)", p->name,
					text_of(f, f->p->cell[x->own].lo)),
			.at = p->public_at[i] }, x->zone, p);
	}
}

static void add_publish(struct facts *f, const struct publish *u)
{
	uint32_t zone = f->p->cell[plan_cell(f->p, u->address.r.lo)].space;

	for (size_t i = 0; i < u->keys.n; i++) {
		char key[KEY_TEXT];

		key_text(u->keys.r[i], key);
		add(f, (struct fact){
			.public = arena_printf(f->a, "%s %s",
					text_of(f, u->address.r.lo), key),
			.own = u->port ? arena_printf(f->a, "%s (%s) port %u",
					u->host->name, text_of(f, u->own),
					u->port) :
				arena_printf(f->a, "%s (%s)", u->host->name,
					     text_of(f, u->own)),
			.reason = arena_printf(f->a, "publish %s", u->ident),
			.at = u->at }, zone, u->host);
	}
}

static void find_facts(struct facts *f)
{
	const struct topology *t = f->p->topo;

	for (size_t i = 0; f->p->translates && i < t->parties.n; i++)
		add_party(f, t->parties.v[i]);
	for (size_t i = 0; i < t->publishes.n; i++)
		add_publish(f, t->publishes.v[i]);
}

static bool has(const struct facts *f, const struct fact *x)
{
	for (size_t i = 0; i < f->v.n; i++)
		if (!strcmp(f->v.v[i].public, x->public) &&
		    !strcmp(f->v.v[i].own, x->own))
			return true;
	return false;
}

static void tell(struct plan_diff *out, const struct facts *have,
		 const struct facts *other, const char *cause)
{
	for (size_t i = 0; i < have->v.n; i++) {
		const struct fact *x = &have->v.v[i];

		if (has(other, x))
			continue;
		out->count[CHANGE_TRANSLATION]++;
		vec_push(have->a, &out->changes, (struct change){
			.kind = CHANGE_TRANSLATION,
			.from_zone = x->public_zone, .to_zone = x->own_zone,
			.from = x->public, .to = x->own, .packets = "",
			.reason = x->reason, .cause = cause, .size = "",
			.at = x->at, .internet = x->internet });
	}
}

void diff_translation(struct arena *a, const struct plan *before,
		      const struct plan *after, struct plan_diff *out)
{
	struct facts x = { .p = before, .a = a }, y = { .p = after, .a = a };

	find_facts(&x);
	find_facts(&y);
	tell(out, &y, &x, "new translation");
	tell(out, &x, &y, "removed translation");
}
