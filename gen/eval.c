#include "gen/eval.h"

#include <string.h>

enum { MAX_DEPTH = 16 }; /* of jumps, as in the kernel */

struct eval {
	const struct ruleset *rs;
	const char *in, *out;
	struct packet k; /* as translated so far */
	struct rs_hit hit;
	unsigned depth;
};

/* False where the packet has no such field. */
static bool field_value(const struct eval *e, enum rs_field f,
			struct addr *out, const char **name)
{
	bool v4 = addr_is_v4(e->k.src);

	*out = (struct addr){ 0, 0 };
	*name = NULL;
	switch (f) {
	case RS_IIFNAME:
		*name = e->in;
		return true;
	case RS_OIFNAME:
		*name = e->out ? e->out : "";
		return true;
	case RS_SADDR4:
	case RS_SADDR6:
		*out = e->k.src;
		return v4 == (f == RS_SADDR4);
	case RS_DADDR4:
	case RS_DADDR6:
		*out = e->k.dst;
		return v4 == (f == RS_DADDR4);
	case RS_L4PROTO:
		out->lo = e->k.proto;
		return true;
	case RS_DPORT:
		out->lo = e->k.detail;
		return true;
	case RS_SPORT:
		out->lo = 40000; /* some client's */
		return true;
	case RS_ICMP_TYPE:
		out->lo = e->k.detail;
		return e->k.proto == PROTO_ICMP;
	case RS_ICMPV6_TYPE:
		out->lo = e->k.detail;
		return e->k.proto == PROTO_ICMPV6;
	case RS_HOPLIMIT:
		out->lo = 64;
		return !v4;
	case RS_NFPROTO:
		out->lo = v4 ? 4 : 6;
		return true;
	case RS_N_FIELDS:
		break;
	}
	return false;
}

static bool value_has(const struct rs_value *v, struct addr x, const char *name)
{
	size_t n;

	if (!v->name)
		return addr_cmp(v->lo, x) <= 0 && addr_cmp(x, v->hi) <= 0;
	n = strlen(v->name);
	return n && v->name[n - 1] == '*' ? !strncmp(v->name, name, n - 1) :
					    !strcmp(v->name, name);
}

static const struct rs_elem *find_elem(const struct eval *e,
				       const struct rs_set *s)
{
	struct addr x[RS_MAX_KEY];
	const char *name[RS_MAX_KEY];

	for (unsigned f = 0; f < s->n_field; f++)
		if (!field_value(e, s->field[f], &x[f], &name[f]))
			return NULL;
	for (size_t i = 0; i < s->elems.n; i++) {
		unsigned f = 0;

		while (f < s->n_field &&
		       value_has(&s->elems.v[i].key[f], x[f], name[f]))
			f++;
		if (f == s->n_field)
			return &s->elems.v[i];
	}
	return NULL;
}

static bool matches(const struct eval *e, const struct rs_stmt *s)
{
	struct addr x;
	const char *name;

	if (!field_value(e, s->field[0], &x, &name))
		return false;
	for (size_t i = 0; i < s->n_value; i++)
		if (value_has(&s->value[i], x, name))
			return s->kind == RS_MATCH;
	return s->kind == RS_NOT;
}

enum outcome { NEXT, DONE };

static enum outcome eval_chain(struct eval *e, const char *name);

static enum outcome go(struct eval *e, enum rs_verdict v, const char *chain,
		       bool *leave)
{
	switch (v) {
	case RS_ACCEPT:
	case RS_DROP:
	case RS_RESET:
	case RS_REJECT:
		e->hit.accepted = v == RS_ACCEPT;
		return DONE;
	case RS_JUMP:
		return eval_chain(e, chain);
	case RS_GOTO:
		*leave = true;
		return eval_chain(e, chain);
	case RS_NONE:
		break;
	}
	return NEXT;
}

/* One statement; false if the rule ends here. */
static bool stmt_goes_on(struct eval *e, const struct rs_stmt *s)
{
	switch (s->kind) {
	case RS_MATCH:
	case RS_NOT:
		return matches(e, s);
	case RS_IN_SET:
		e->hit.elem = find_elem(e, s->set);
		e->hit.set = s->set;
		return e->hit.elem;
	case RS_CT_STATE:
	case RS_CT_NOT_NEW:
	case RS_NOT_SYN:
	case RS_LIMIT:
		return false; /* a new connection, a clean SYN */
	case RS_COUNTER:
	case RS_LOG:
	case RS_VMAP:
	case RS_VERDICT:
	case RS_DNAT:
	case RS_SNAT:
	case RS_MASQUERADE:
		break;
	}
	return true;
}

/* False where the map has nothing for the packet. */
static bool translate(struct eval *e, const struct rs_stmt *s)
{
	bool to = s->kind == RS_DNAT;
	const struct rs_elem *el = s->kind == RS_MASQUERADE ? NULL :
		find_elem(e, s->set);

	if (s->kind == RS_MASQUERADE) {
		e->hit.masqueraded = true;
		return true;
	}
	if (!el)
		return false;
	if (to)
		e->k.dst = el->data[0];
	else
		e->k.src = el->data[0];
	if (to && s->set->n_data > 1)
		e->k.detail = (uint16_t)el->data[1].lo;
	*(to ? &e->hit.dnat : &e->hit.snat) = el;
	return true;
}

static enum outcome eval_rule(struct eval *e, const struct rs_rule *r,
			      bool *leave)
{
	for (size_t i = 0; i < r->stmts.n; i++) {
		const struct rs_stmt *s = &r->stmts.v[i];
		const struct rs_elem *el;

		if (!stmt_goes_on(e, s))
			return NEXT;
		if (s->kind >= RS_DNAT)
			return translate(e, s) ? DONE : NEXT;
		if (s->kind == RS_VERDICT)
			return go(e, s->verdict, s->text, leave);
		if (s->kind != RS_VMAP)
			continue;
		el = find_elem(e, s->set);
		return el ? go(e, el->verdict, el->target, leave) : NEXT;
	}
	return NEXT;
}

static const struct rs_chain *chain_of(const struct ruleset *rs,
				       const char *name)
{
	for (size_t i = 0; i < rs->chains.n; i++)
		if (!strcmp(rs->chains.v[i]->name, name))
			return rs->chains.v[i];
	return NULL;
}

static enum outcome eval_chain(struct eval *e, const char *name)
{
	const struct rs_chain *c = chain_of(e->rs, name);

	if (!c || e->depth >= MAX_DEPTH)
		return NEXT;
	e->depth++;
	for (size_t i = 0; i < c->rules.n; i++) {
		bool leave = false;

		e->hit.set = NULL;
		e->hit.elem = NULL;
		if (eval_rule(e, c->rules.v[i], &leave) == DONE) {
			/* the innermost rule is the one that decided */
			if (!e->hit.rule) {
				e->hit.chain = c;
				e->hit.rule = c->rules.v[i];
			}
			return DONE;
		}
		if (leave)
			break;
	}
	e->depth--;
	return NEXT;
}

/* A chain that only rewrites: what decides is asked of others. */
static void rewrite(struct eval *e, const char *chain)
{
	struct eval x = *e;

	eval_chain(&x, chain);
	e->k = x.k;
	e->hit.dnat = x.hit.dnat;
	e->hit.snat = x.hit.snat;
	e->hit.masqueraded = x.hit.masqueraded;
}

struct rs_hit rs_eval(const struct ruleset *rs, const char *in, const char *out,
		      const struct packet *k)
{
	struct eval e = { .rs = rs, .in = in, .out = out, .k = *k };

	rewrite(&e, "pp_prerouting");
	e.hit.seen = e.k;
	eval_chain(&e, out ? "pp_forward" : "pp_input");
	if (out && e.hit.accepted)
		rewrite(&e, "pp_postrouting");
	e.hit.sent = e.k;
	return e.hit;
}
