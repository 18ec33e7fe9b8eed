#include "machine/judge.h"

#include <string.h>

/* The nodes of a pair: what each says of itself, line by line. */

enum { MOST_LINES = 10 };

typedef VEC(const char *) lines;

static lines split(struct arena *a, const char *text)
{
	lines v = { 0 };

	while (*text) {
		size_t n = strcspn(text, "\n");

		if (n)
			vec_push(a, &v, arena_strndup(a, text, n));
		text += n + (text[n] == '\n');
	}
	return v;
}

static bool has(const lines *v, const char *s)
{
	for (size_t i = 0; i < v->n; i++)
		if (!strcmp(v->v[i], s))
			return true;
	return false;
}

static size_t missing(struct judge *j, const lines *have, const lines *other,
		      const char *where, size_t said)
{
	size_t n = 0;

	for (size_t i = 0; i < have->n; i++)
		if (!has(other, have->v[i]) && ++n + said <= MOST_LINES)
			judge_say(j, MACHINE_PEER, j->f->at, "%s: %s", where,
				  have->v[i]);
	return n;
}

static const char *node_names(struct judge *j)
{
	const char *s = "";

	for (size_t i = 0; i < j->f->nodes.n; i++)
		s = arena_printf(j->arena, "%s%s%s", s, i ? ", " : "",
				 j->f->nodes.v[i]);
	return s;
}

void judge_peer(struct judge *j)
{
	struct buf b = { 0 };
	lines own, peer;
	size_t n;

	if (!j->opt->peer) {
		if (j->f->nodes.n > 1)
			judge_not(j, MACHINE_PEER, "whether the nodes %s are alike: --peer "
				  "FILE takes what --facts FILE wrote at the "
				  "other", node_names(j));
		return;
	}
	machine_facts(j->m, &b);
	own = split(j->arena, b.s);
	peer = split(j->arena, j->opt->peer);
	n = missing(j, &own, &peer, "only at this node", 0);
	n += missing(j, &peer, &own, arena_printf(j->arena, "only at %s",
						  j->opt->peer_name), n);
	if (n > MOST_LINES)
		judge_say(j, MACHINE_PEER, j->f->at, "and %zu more differences "
			  "from %s", n - MOST_LINES, j->opt->peer_name);
	buf_free(&b);
}
