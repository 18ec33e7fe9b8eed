#include "audit/learn_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/keys.h"

/* So many that only ever ask are hosts of their own; more are their zone. */
enum { CLIENTS_NAMED = 16 };

struct learn *learn_new(struct arena *a, const struct judge *j)
{
	struct learn *l = ARENA_NEW(a, struct learn);

	l->arena = a;
	l->judge = j;
	return l;
}

/* Of the internet all addresses are one. */
static struct addr known_as(struct place p, struct addr a)
{
	return p.outside && p.kind == PLACE_ZONE ? (struct addr){ 0, 0 } : a;
}

static bool curable(const struct learn *l, const struct finding *f)
{
	return (f->cls == F_UNPLANNED || f->cls == F_STRANGER ||
		f->cls == F_OUTSIDE_IN || f->cls == F_LAPSED) &&
	       f->why != WHY_NO_PATH && f->n_sample &&
	       f->dst.place.kind != PLACE_FIREWALL &&
	       (!proto_is_icmp(key_proto(f->key)) ||
		icmp_type_name(key_proto(f->key), key_detail(f->key))) &&
	       !judge_forbidden(l->judge, f->sample[0].src, f->sample[0].dst,
				f->key);
}

/* An address that a zone or network hides behind is no host's. */
static bool is_public(const struct plan *p, struct addr a)
{
	uint32_t c = plan_cell(p, a);

	return c != NONE && p->cell[c].public != NONE;
}

/* Hosts by their own addresses and ports; who hides behind a public address is
 * not known. */
static struct packet own_packet(const struct learn *l, const struct finding *f)
{
	const struct sample *s = &f->sample[0];
	struct packet k = { s->src, s->dst, (uint8_t)key_proto(f->key),
			    (uint16_t)key_detail(f->key) };
	struct packet own = plan_verdict(l->judge->plan, &k).own;

	if (is_public(l->judge->plan, s->src) && f->src.place.kind != PLACE_HOST)
		own.src = s->src;
	return own;
}

void learn_flow(struct learn *l, const struct finding *f)
{
	struct {
		struct addr src, dst;
		uint64_t src_party, dst_party, key;
	} k;
	struct map_entry *e;
	struct seen_flow *s;
	struct packet own;
	int is_new;

	if (f->cls == F_NONE || f->cls == F_PROTOCOL ||
	    f->cls == F_CREDENTIALS || f->cls == F_RPC_PORT)
		return;
	if (!curable(l, f)) {
		l->st.incurable++;
		return;
	}
	own = own_packet(l, f);
	memset(&k, 0, sizeof(k));
	k.src = known_as(f->src.place, own.src);
	k.dst = known_as(f->dst.place, own.dst);
	k.src_party = f->src.place.party;
	k.dst_party = f->dst.place.party;
	k.key = key_of(own.proto, own.detail);
	if (l->flows.n == LEARN_FLOWS && !map_find(&l->flow_ids, &k,
						   sizeof(k))) {
		l->st.too_many = true;
		return;
	}
	e = map_add(l->arena, &l->flow_ids, &k, sizeof(k), &is_new);
	if (is_new) {
		e->val.u = l->flows.n;
		vec_push(l->arena, &l->flows,
			 (struct seen_flow){ .src = own.src,
					     .dst = own.dst,
					     .key = key_of(own.proto,
							   own.detail),
					     .first = f->first });
	}
	s = &l->flows.v[e->val.u];
	s->flows += f->flows;
	s->answered += f->answered;
	if (f->first < s->first)
		s->first = f->first;
}

/* ---- parties --------------------------------------------------------------- */

/* "h-10-0-0-21"; a name that is taken gets a number behind it. */
static const char *host_name(struct learn *l, struct addr a)
{
	char text[ADDR_TEXT], name[ADDR_TEXT + 16];

	addr_text(a, text);
	for (char *c = text; *c; c++)
		if (*c == '.' || *c == ':')
			*c = '-';
	snprintf(name, sizeof(name), "h-%s", text);
	for (unsigned i = 2; topology_party(l->judge->plan->topo, name); i++)
		snprintf(name, sizeof(name), "h-%s.%u", text, i);
	return arena_strdup(l->arena, name);
}

static uint32_t member_of(struct learn *l, struct addr a, bool by_place)
{
	const struct topology *t = l->judge->plan->topo;
	struct place p = judge_place(l->judge, a);
	struct member m = { .party = t->parties.v[p.party] };
	struct {
		uint64_t party;
		struct addr addr;
	} k = { p.party, { 0, 0 } };
	struct map_entry *e;
	int is_new;

	if ((p.kind == PLACE_ZONE || p.kind == PLACE_NETWORK) && !p.outside &&
	    !by_place && !is_public(l->judge->plan, a)) {
		m.is_new = true;
		k.addr = m.addr = a;
	}
	e = map_add(l->arena, &l->member_ids, &k, sizeof(k), &is_new);
	if (!is_new)
		return (uint32_t)e->val.u;
	m.name = m.is_new ? host_name(l, a) : m.party->name;
	e->val.u = l->members.n;
	vec_push(l->arena, &l->members, m);
	return (uint32_t)e->val.u;
}

/* Addresses of each party that ask and never answer, counted once each. */
static uint32_t *count_clients(struct learn *l, struct map *servers)
{
	size_t n = l->judge->plan->topo->parties.n;
	uint32_t *v = ARENA_ARRAY(l->arena, uint32_t, n);
	struct map seen = { 0 };
	int is_new;

	for (size_t i = 0; i < l->flows.n; i++)
		map_add(l->arena, servers, &l->flows.v[i].dst,
			sizeof(struct addr), &is_new);
	for (size_t i = 0; i < l->flows.n; i++) {
		const struct addr *a = &l->flows.v[i].src;

		if (map_find(servers, a, sizeof(*a)))
			continue;
		map_add(l->arena, &seen, a, sizeof(*a), &is_new);
		if (is_new)
			v[judge_place(l->judge, *a).party]++;
	}
	return v;
}

static void name_members(struct learn *l)
{
	struct map servers = { 0 };
	uint32_t *clients = count_clients(l, &servers);

	for (size_t i = 0; i < l->flows.n; i++) {
		struct seen_flow *f = &l->flows.v[i];
		uint32_t party = judge_place(l->judge, f->src).party;
		bool crowd = clients[party] > CLIENTS_NAMED &&
			     !map_find(&servers, &f->src, sizeof(f->src));

		f->from = member_of(l, f->src, crowd);
		f->to = member_of(l, f->dst, false);
	}
}

static int by_members(const void *a, const void *b)
{
	const struct seen_flow *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	return x->key < y->key ? -1 : x->key > y->key;
}

/* Sorted, and those of a crowd made one. */
static void merge_flows(struct learn *l)
{
	size_t n = 0;

	if (l->flows.n)
		qsort(l->flows.v, l->flows.n, sizeof(*l->flows.v), by_members);
	for (size_t i = 0; i < l->flows.n; i++) {
		struct seen_flow *f = &l->flows.v[i];
		struct seen_flow *into = n ? &l->flows.v[n - 1] : NULL;

		if (!into || by_members(into, f)) {
			l->flows.v[n++] = *f;
			continue;
		}
		into->flows += f->flows;
		into->answered += f->answered;
	}
	l->flows.n = n;
}

void learn_roles(struct learn *l, bool with_roles)
{
	if (!l->members.n) {
		name_members(l);
		merge_flows(l);
	}
	l->with_roles = with_roles;
	l->pins.n = 0;
	for (size_t i = 0; i < l->members.n; i++) {
		struct member *m = &l->members.v[i];

		memset(m->given, 0, sizeof(m->given));
		memset(m->bears, 0, sizeof(m->bears));
	}
	for (size_t i = 0; i < l->flows.n; i++) {
		l->flows.v[i].excepted = !with_roles;
		l->flows.v[i].refused = false;
	}
	if (!with_roles)
		return;
	learn_assign_roles(l);
	learn_find_pins(l);
}

size_t learn_missed(struct learn *l, const struct judge *j)
{
	size_t n = 0;

	for (size_t i = 0; i < l->flows.n; i++) {
		struct seen_flow *f = &l->flows.v[i];

		if (f->excepted || judge_rule(j, f->src, f->dst, f->key)
				   .verdict == VERDICT_ALLOWED)
			continue;
		f->excepted = true;
		n++;
	}
	return n;
}

struct learn_stats learn_stats(const struct learn *l)
{
	struct learn_stats st = l->st;

	st.flows = l->flows.n;
	st.pins = l->pins.n;
	for (size_t i = 0; i < l->members.n; i++) {
		st.hosts += l->members.v[i].is_new;
		for (uint32_t r = 0; r < LEARN_ROLES; r++)
			st.roles += has_bit(l->members.v[i].given, r);
	}
	for (size_t i = 0; i < l->flows.n; i++) {
		st.refused += l->flows.v[i].refused;
		st.allows += l->flows.v[i].excepted &&
			     !l->flows.v[i].refused;
	}
	return st;
}

/* ---- text ------------------------------------------------------------------ */

size_t learn_places(const struct learn *l, const struct party ***out)
{
	const struct party **v = ARENA_ARRAY(l->arena, const struct party *,
					     l->members.n);
	size_t n = 0;

	for (size_t i = 0; i < l->members.n; i++) {
		const struct member *m = &l->members.v[i];
		size_t k = 0;

		if (!m->is_new)
			continue;
		while (k < n && v[k] != m->party)
			k++;
		if (k == n)
			v[n++] = m->party;
	}
	*out = v;
	return n;
}

static void put_roles(const struct learn *l, const struct member *m,
		      struct buf *out)
{
	const struct topology *t = l->judge->plan->topo;
	bool any = false;

	for (uint32_t r = 0; r < t->roles.n && r < LEARN_ROLES; r++) {
		if (!has_bit(m->given, r))
			continue;
		buf_printf(out, "%s%s", any ? " " : " roles=\"",
			   t->roles.v[r]->name);
		any = true;
	}
	if (any)
		buf_putc(out, '"');
}

void learn_put_hosts(const struct learn *l, const struct party *where,
		     size_t indent, struct buf *out)
{
	for (size_t i = 0; i < l->members.n; i++) {
		const struct member *m = &l->members.v[i];
		char text[ADDR_TEXT];

		if (!m->is_new || m->party != where)
			continue;
		addr_text(m->addr, text);
		buf_pad(out, ' ', indent);
		buf_printf(out, "<host name=\"%s\" address=\"%s\"", m->name,
			   text);
		put_roles(l, m, out);
		buf_puts(out, "/>\n");
	}
}

/* The exceptions of one pair stand side by side: [v, end). */
static void put_keys(const struct seen_flow *v, const struct seen_flow *end,
		     unsigned proto, const char *attr, struct buf *out)
{
	const char *sep = "";

	for (; v < end; v++) {
		unsigned p = key_proto(v->key), d = key_detail(v->key);

		if (!v->excepted || p != proto)
			continue;
		if (!*sep)
			buf_printf(out, " %s=\"", attr);
		if (proto_is_icmp(p))
			buf_printf(out, "%s%s", sep, icmp_type_name(p, d));
		else
			buf_printf(out, "%s%u", sep, d);
		sep = " ";
	}
	if (*sep)
		buf_putc(out, '"');
}

/* Protocols that are planned by their number alone. */
static void put_protocols(const struct seen_flow *v,
			  const struct seen_flow *end, struct buf *out)
{
	unsigned last = 0;
	bool any = false;

	for (; v < end; v++) {
		unsigned p = key_proto(v->key);

		if (!v->excepted || p == PROTO_TCP || p == PROTO_UDP ||
		    proto_is_icmp(p) || (any && p == last))
			continue;
		buf_printf(out, "%s%u", any ? " " : " ip=\"", p);
		any = true;
		last = p;
	}
	if (any)
		buf_putc(out, '"');
}

/* NULL: roles explain all of it. */
static const char *allow_text(const struct learn *l, const struct seen_flow *v,
			      const struct seen_flow *end)
{
	struct buf b = { 0 };
	const char *s;
	uint64_t flows = 0, answered = 0;

	for (const struct seen_flow *f = v; f < end; f++) {
		flows += f->excepted ? f->flows : 0;
		answered += f->excepted ? f->answered : 0;
	}
	if (!flows)
		return NULL;
	buf_printf(&b, "  <allow from=\"%s\" to=\"%s\"",
		   l->members.v[v->from].name, l->members.v[v->to].name);
	put_keys(v, end, PROTO_TCP, "tcp", &b);
	put_keys(v, end, PROTO_UDP, "udp", &b);
	put_keys(v, end, PROTO_ICMP, "icmp", &b);
	put_keys(v, end, PROTO_ICMPV6, "icmpv6", &b);
	put_protocols(v, end, &b);
	buf_printf(&b, "\n         reason=\"REVIEW: seen, %llu flow%s, %llu "
		   "answered\"/>", (unsigned long long)flows, plural(flows),
		   (unsigned long long)answered);
	s = arena_strdup(l->arena, b.s);
	buf_free(&b);
	return s;
}

size_t learn_allows(struct learn *l, struct learn_allow **out)
{
	struct learn_allow *v = ARENA_ARRAY(l->arena, struct learn_allow,
					    l->flows.n);
	size_t n = 0;

	for (size_t i = 0, end; i < l->flows.n; i = end) {
		const struct seen_flow *f = &l->flows.v[i];

		end = i + 1;
		while (end < l->flows.n && l->flows.v[end].from == f->from &&
		       l->flows.v[end].to == f->to)
			end++;
		v[n] = (struct learn_allow){
			allow_text(l, f, l->flows.v + end), i, end };
		n += v[n].xml != NULL;
	}
	*out = v;
	return n;
}

void learn_refused(struct learn *l, const struct learn_allow *x)
{
	for (size_t i = x->first; i < x->end; i++)
		l->flows.v[i].refused = l->flows.v[i].excepted;
}

static void put_pin(const struct learn *l, const struct role_pin *p,
		    struct buf *out)
{
	buf_printf(out, "  <pin role=\"%s\" service=\"%s\" port=\"",
		   l->judge->plan->topo->roles.v[p->role]->name,
		   p->service->name);
	for (size_t i = 0; i < p->ports.n; i++)
		buf_printf(out, "%s%u", i ? " " : "", p->ports.v[i]);
	buf_puts(out, "\"/>\n");
}

void learn_put_rest(const struct learn *l, struct buf *out)
{
	for (size_t i = 0; i < l->members.n; i++) {
		const struct member *m = &l->members.v[i];
		struct buf roles = { 0 };

		put_roles(l, m, &roles);
		if (!m->is_new && roles.n)
			buf_printf(out, "  <assign to=\"%s\"%.*s/>\n", m->name,
				   (int)roles.n, roles.s);
		buf_free(&roles);
	}
	for (size_t i = 0; i < l->pins.n; i++)
		put_pin(l, &l->pins.v[i], out);
}
