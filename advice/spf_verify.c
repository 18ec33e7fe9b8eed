#include "advice/spf.h"

#include <string.h>

/*
 * A record that is published, against the plan. Addresses are compared; what
 * a, mx, include and the like stand for is only known to the DNS, so an
 * address that none of the others settles before them is undecided.
 */
struct verifier {
	struct arena *arena;
	const struct plan *p;
	const struct spf *s;
	const struct spf_parsed *r;
	spf_remarks *out;
};

static void say(struct verifier *v, enum spf_verdict verdict,
		const char *kind, const char *text)
{
	for (size_t i = 0; i < v->out->n; i++)
		if (!strcmp(v->out->v[i].text, text))
			return;
	vec_push(v->arena, v->out, (struct spf_remark){ verdict, kind, text });
}

static bool looks_up(const struct spf_word *w)
{
	return w->kind == SPF_A || w->kind == SPF_MX || w->kind == SPF_PTR ||
	       w->kind == SPF_INCLUDE || w->kind == SPF_EXISTS;
}

static bool has_range(const struct spf_word *w)
{
	return w->kind == SPF_IP4 || w->kind == SPF_IP6;
}

/* An ip6 of IPv4-mapped addresses: the record's notes say so. */
static bool names_nobody(const struct spf_word *w)
{
	return w->kind == SPF_IP6 && addr_is_v4(w->range.lo);
}

/* The first mechanism that speaks of it; NULL: undecided, or none does. */
static const struct spf_word *decides(const struct spf_parsed *r,
				      struct addr a, bool *undecided)
{
	*undecided = false;
	for (size_t i = 0; i < r->words.n; i++) {
		const struct spf_word *w = &r->words.v[i];

		if (looks_up(w))
			*undecided = true;
		if (w->kind == SPF_ALL ||
		    spf_word_has(w, a))
			return w;
	}
	for (size_t i = 0; i < r->words.n; i++)
		*undecided |= r->words.v[i].kind == SPF_REDIRECT;
	return NULL;
}

static const char *name_of(struct verifier *v, const struct spf_sender *x)
{
	char text[ADDR_TEXT];

	range_text(x->range, text);
	return arena_printf(v->arena, "%s (%s)", x->party->name, text);
}

static void verify_sender(struct verifier *v, const struct spf_sender *x)
{
	const struct spf_word *w;
	bool undecided;

	if (x->unknown) {
		say(v, SPF_UNDECIDED, "unknown-address",
		    arena_printf(v->arena, "%s sends, behind an interface "
				 "whose address the topology does not know",
				 x->party->name));
		return;
	}
	w = decides(v->r, x->range.lo, &undecided);
	if (w && w->qualifier == '+' && has_range(w) &&
	    spf_word_has(w, x->range.hi))
		return;
	if (undecided)
		say(v, SPF_UNDECIDED, "look-up",
		    arena_printf(v->arena, "%s sends; only the DNS knows "
				 "whether the record names it",
				 name_of(v, x)));
	else if (!w || w->qualifier != '+' || has_range(w))
		say(v, SPF_FINDING, "not-published",
		    arena_printf(v->arena, "%s sends, but is not published%s%s",
				 name_of(v, x), w ? ": " : "",
				 w ? w->text : ""));
}

/* Does a host of the internet, a provider's say, stand there? */
static const struct party *outsider(struct verifier *v, struct addr_range r)
{
	const struct topology *t = v->p->topo;

	for (size_t i = 0; i < t->hosts.n; i++) {
		const struct party *x = t->hosts.v[i];

		for (size_t k = 0; k < x->n_prefix; k++)
			if (party_zone(x)->zone_kind == ZONE_INTERNET &&
			    range_has(r, x->prefix[k].r.lo))
				return x;
	}
	return NULL;
}

/* Who of the topology has an address in it. */
static const struct party *insider(struct verifier *v, struct addr_range r)
{
	const struct topology *t = v->p->topo;

	for (size_t i = 0; i < t->hosts.n; i++) {
		const struct party *x = t->hosts.v[i];

		for (size_t k = 0; k < x->n_prefix; k++)
			if (range_has(r, x->prefix[k].r.lo))
				return x;
		for (size_t k = 0; k < x->n_public; k++)
			if (range_has(r, x->public[k].r.lo))
				return x;
	}
	return NULL;
}

static void verify_published(struct verifier *v, const struct spf_word *w)
{
	const struct party *x;
	uint64_t n = 0;

	if (address_is_private(w->range.lo))
		say(v, SPF_FINDING, "private",
		    arena_printf(v->arena, "%s is private: no receiver ever "
				 "sees it; publish the address after "
				 "translation", w->text));
	for (size_t i = 0; i < v->s->senders.n; i++)
		if (!v->s->senders.v[i].unknown &&
		    spf_word_has(w, v->s->senders.v[i].range.lo))
			n++;
	if (n && range_count(w->range) > 64 * n)
		say(v, SPF_NOTE, "wide",
		    arena_printf(v->arena, "%s is wide: %llu of its addresses "
				 "send", w->text, (unsigned long long)n));
	if (n || outsider(v, w->range))
		return;
	x = insider(v, w->range);
	say(v, SPF_FINDING, "may-not-send",
	    x ? arena_printf(v->arena, "%s is published, but %s may not send",
			     w->text, x->name) :
		arena_printf(v->arena, "%s is published, but nothing of the "
			     "topology sends from it", w->text));
}

void spf_verify(struct arena *a, const struct plan *p, const struct spf *s,
		const struct spf_parsed *r, spf_remarks *out)
{
	struct verifier v = { a, p, s, r, out };

	for (size_t i = 0; i < s->senders.n; i++)
		verify_sender(&v, &s->senders.v[i]);
	for (size_t i = 0; i < r->words.n && r->words.v[i].kind != SPF_ALL;
	     i++) {
		const struct spf_word *w = &r->words.v[i];

		if (names_nobody(w))
			continue;
		if (has_range(w) && w->qualifier == '+')
			verify_published(&v, w);
		else if (looks_up(w))
			say(&v, SPF_NOTE, "look-up",
			    arena_printf(a, "%s: not compared, it takes the "
					 "DNS", w->text));
	}
}
