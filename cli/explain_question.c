#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "cli/explain.h"

/* Words of the question: who, whom, and which packet. */

/* Of the zone or network, its networks included, and no host's. */
static bool is_own(const struct plan *p, const struct cell *c,
		   const struct party *x)
{
	const struct party *of = c->party == NONE ? NULL :
		p->topo->parties.v[c->party];

	return of && of->kind != PARTY_HOST && of->kind != PARTY_FIREWALL &&
	       c->public == NONE && party_within(of, x);
}

static void add_one(struct question *q, struct side *out, struct addr a)
{
	vec_push(q->a->arena, out, (struct sort){ a, a });
}

/* Of those that the plan cannot tell apart, one is asked. */
static void add_sort(struct question *q, struct map *sorts,
		     const struct cell *c, struct side *out)
{
	uint32_t key[] = { addr_is_v4(c->lo), c->cls, c->ends, c->behind };
	int is_new;
	struct map_entry *e = map_add(q->a->arena, sorts, key, sizeof(key),
				      &is_new);
	struct sort *s;

	if (is_new) {
		e->val.u = (uint32_t)out->n;
		add_one(q, out, c->lo);
	}
	s = &out->v[e->val.u];
	if (!addr_eq(s->addr, s->spare))
		return;
	s->spare = is_new && addr_cmp(c->lo, c->hi) < 0 ? addr_next(c->lo) :
							  c->lo;
}

static void party_addresses(struct question *q, const struct party *x,
			    struct side *out)
{
	const struct plan *p = q->l.plan;
	struct map sorts = { 0 };

	if (x->kind == PARTY_HOST) {
		for (size_t i = 0; i < x->n_prefix; i++)
			add_one(q, out, x->prefix[i].r.lo);
		return;
	}
	for (int v4 = 1; v4 >= 0; v4--)
		for (size_t i = 0; i < p->n_cell; i++) {
			const struct cell *c = &p->cell[i];

			if (addr_is_v4(c->lo) != v4)
				continue;
			if (x->kind != PARTY_FIREWALL && is_own(p, c, x))
				add_sort(q, &sorts, c, out);
			else if (c->party == x->id)
				add_one(q, out, c->lo);
		}
	if (x->kind == PARTY_FIREWALL)
		return;
	out->around = x;
	for (size_t i = 0; i < p->topo->hosts.n; i++)
		out->hosts += party_within(p->topo->hosts.v[i], x);
}

const char *read_side(struct question *q, const char *word, struct side *out)
{
	const struct party *x = topology_party(q->l.topo, word);
	VEC(const char *) names = { 0 };
	struct prefix p;
	const char *why;

	*out = (struct side){ .name = word };
	if (x) {
		party_addresses(q, x, out);
		return out->n ? NULL :
			arena_printf(q->a->arena, "%s \"%s\" has no address to "
				     "ask for", party_kind_name(x->kind), word);
	}
	why = prefix_parse(q->a->arena, word, strlen(word), false, &p);
	if (!why) {
		add_one(q, out, p.r.lo);
		return NULL;
	}
	if (looks_like_address(word) || strpbrk(word, "/:"))
		return arena_printf(q->a->arena, "\"%s\" %s", word, why);
	for (size_t i = 0; i < q->l.topo->parties.n; i++)
		vec_push(q->a->arena, &names, q->l.topo->parties.v[i]->name);
	return arena_printf(q->a->arena, "there is no host, network, zone or "
			    "firewall \"%s\"%s", word,
			    did_you_mean(q->a->arena, word, names.v, names.n));
}

bool asked_between(const struct side *from, size_t i, const struct side *to,
		   size_t k, struct addr *src, struct addr *dst)
{
	*src = from->v[i].addr;
	*dst = to->v[k].addr;
	if (addr_eq(*src, *dst) && to->around)
		*dst = to->v[k].spare;
	if (addr_eq(*src, *dst) && from->around)
		*src = from->v[i].spare;
	return addr_is_v4(*src) == addr_is_v4(*dst) &&
	       (!addr_eq(*src, *dst) || (!from->around && !to->around));
}

const char *nobody_between(const struct question *q, const struct side *from,
			   const struct side *to)
{
	struct addr s, d;
	bool same = false;

	for (size_t i = 0; i < from->n; i++)
		for (size_t k = 0; k < to->n; k++) {
			if (asked_between(from, i, to, k, &s, &d))
				return NULL;
			same |= addr_eq(s, d);
		}
	return arena_printf(q->a->arena, same ?
			    "\"%s\" and \"%s\" are one address alone: it does "
			    "not speak with itself" :
			    "\"%s\" and \"%s\" have no address family in "
			    "common", from->name, to->name);
}

const char *not_in_part(const struct question *q)
{
	return arena_printf(q->a->arena, "not in this part: it holds what "
			    "crosses firewall %s, and nothing else",
			    q->l.topo->bundle);
}

static bool number(const char *s, unsigned max, unsigned *out)
{
	char *end;
	unsigned long v = strtoul(s, &end, 10);

	*out = (unsigned)v;
	return *s >= '0' && *s <= '9' && !*end && v <= max;
}

static const struct { const char *name; uint8_t proto; } protocols[] = {
	{ "tcp", PROTO_TCP }, { "udp", PROTO_UDP }, { "icmp", PROTO_ICMP },
	{ "icmpv6", PROTO_ICMPV6 }, { "esp", PROTO_ESP }, { "ah", PROTO_AH },
	{ "gre", 47 }, { "sctp", PROTO_SCTP }, { "ip", 0 },
};

static bool is_protocol(const char *s, size_t n)
{
	for (size_t i = 0; i < COUNT_OF(protocols); i++)
		if (strlen(protocols[i].name) == n &&
		    !memcmp(protocols[i].name, s, n))
			return true;
	return false;
}

/* PROTO, PROTO/PORT, PROTO/TYPE; -1: no such thing. */
static int protocol_key(const char *s, uint32_t *key)
{
	size_t n = strcspn(s, "/");
	const char *rest = s[n] ? s + n + 1 : NULL;
	unsigned v;

	for (size_t i = 0; i < COUNT_OF(protocols); i++) {
		uint8_t proto = protocols[i].proto;
		int type;

		if (strlen(protocols[i].name) != n ||
		    memcmp(protocols[i].name, s, n))
			continue;
		if (!strcmp(protocols[i].name, "ip"))
			return rest && number(rest, 255, &v) &&
			       !proto_has_ports(v) && !proto_is_icmp(v) ?
				(int)(*key = key_of(v, 0), 0) : -1;
		if (proto_is_icmp(proto)) {
			type = rest ? icmp_type_parse(proto, rest) : -1;
			if (type < 0)
				return -1;
			*key = key_of(proto, (unsigned)type);
			return 0;
		}
		if (!proto_has_ports(proto))
			return rest ? -1 : (int)(*key = key_of(proto, 0), 0);
		if (!rest || !number(rest, 65535, &v) || v == 0)
			return -1;
		*key = key_of(proto, v);
		return 0;
	}
	return -1;
}

/* A public address of a host's own has the host's ports. */
static uint32_t own_cell(const struct plan *p, struct addr a)
{
	uint32_t c = plan_cell(p, a);

	if (c == NONE || p->cell[c].public == NONE ||
	    p->publics.v[p->cell[c].public].own == NONE)
		return c;
	return p->publics.v[p->cell[c].public].own;
}

/* As the plan resolves them: a port of each leaf, a dynamic one's at its pin. */
void read_service_keys(struct question *q, const struct service *s,
		       struct addr dst, struct key_set *out)
{
	const struct plan *p = q->l.plan;
	uint32_t cell = own_cell(p, dst), pin;

	for (size_t i = 0; i < s->n_leaf; i++) {
		struct key_set k = s->leaf[i]->keys;

		if (cell != NONE && p->cell[cell].cls != NONE)
			k = plan_service_keys(p, s->leaf[i],
					      p->cell[cell].cls, &pin,
					      q->a->arena);
		for (size_t r = 0; r < k.n; r++)
			keys_add(q->a->arena, out, k.r[r].lo, k.r[r].lo);
	}
}

/* Near it: what stands behind the slash, with each protocol that has it if
 * that before is none; each type of ICMP, and the services. */
static const char *no_packet(struct question *q, const char *word)
{
	struct arena *a = q->a->arena;
	const char *rest = word + strcspn(word, "/");
	bool is = is_protocol(word, (size_t)(rest - word));
	VEC(const char *) names = { 0 };

	for (size_t i = 0; i < COUNT_OF(protocols); i++) {
		const char *name = arena_printf(a, "%s%s", protocols[i].name,
						rest);
		uint32_t key;

		if (!is && protocol_key(name, &key) == 0)
			vec_push(a, &names, name);
		for (unsigned t = 0; t < 256; t++)
			if (icmp_type_name(protocols[i].proto, t))
				vec_push(a, &names, arena_printf(a, "%s/%s",
					protocols[i].name, icmp_type_name(
						protocols[i].proto, t)));
	}
	for (size_t i = 0; i < q->l.topo->services.n; i++)
		vec_push(a, &names, q->l.topo->services.v[i]->name);
	return arena_printf(a, "\"%s\" is no packet: write tcp/389, udp/53, "
			    "icmp/echo-request, icmpv6/echo-request, esp, "
			    "ip/47, 389 (tcp and udp) or a service%s", word,
			    did_you_mean(a, word, names.v, names.n));
}

const char *read_keys(struct question *q, const char *word, struct addr dst,
		      struct key_set *out)
{
	const struct service *s = topology_service(q->l.topo, word);
	uint32_t key;
	unsigned v;

	*out = (struct key_set){ 0 };
	if (number(word, 65535, &v) && v > 0) {
		keys_add(q->a->arena, out, key_of(PROTO_TCP, v),
			 key_of(PROTO_TCP, v));
		keys_add(q->a->arena, out, key_of(PROTO_UDP, v),
			 key_of(PROTO_UDP, v));
		return NULL;
	}
	if (protocol_key(word, &key) == 0) {
		keys_add(q->a->arena, out, key, key);
		return NULL;
	}
	if (s) {
		read_service_keys(q, s, dst, out);
		return NULL;
	}
	return no_packet(q, word);
}
