#include <stdlib.h>
#include <string.h>

#include "apply/conntrack.h"
#include "cli/apply.h"
#include "cli/machine.h"

/*
 * Connections that were opened under other rules and that the plan does not
 * allow: the rules let them go on, since they are established. They are judged
 * as the plan would judge their first packet, translation included. Only what
 * this firewall forwards, and what comes in to it where it has <input>: never
 * what it opened itself.
 */
enum { MOST_LINES = 20 };

struct open_one {
	struct connection c;
	const char *from, *to; /* zones, or this firewall */
	uint32_t key;
};

struct look {
	struct args *a;
	const struct plan *p;
	const struct firewall *f;
	const struct machine *m;
	struct arena *arena;
	struct map memo; /* of a first packet: 1 denied, 2 allowed */
	VEC(struct open_one) denied;
	size_t judged, others;
	bool kept_own; /* the connection this was started over is one */
	struct addr ssh_from, ssh_to;
	unsigned ssh_port[2];
};

/* ---- what is judged ----------------------------------------------------------------- */

static bool own_address(const struct look *l, struct addr a)
{
	if (addr_is_v4(a) ? (a.lo >> 24 & 0xff) == 127 :
			    a.hi == 0 && a.lo == 1)
		return true;
	for (size_t i = 0; i < l->m->addresses.n; i++)
		if (addr_eq(l->m->addresses.v[i].addr, a))
			return true;
	return false;
}

/* To several at once (RFC 5771, RFC 4291 2.7), or 255.255.255.255. */
static bool to_many(struct addr a)
{
	unsigned first = (unsigned)(addr_is_v4(a) ? a.lo >> 24 & 0xff :
						    a.hi >> 56);

	return addr_is_v4(a) ? first >> 4 == 0xe ||
			       (a.lo & UINT32_MAX) == UINT32_MAX :
			       first == 0xff;
}

/* Let in besides what is planned: see the input chain. */
static bool housekeeping(const struct connection *c)
{
	return !proto_sends_ports(c->proto) ||
	       (c->proto == PROTO_UDP &&
		(c->detail == 68 || c->detail == 546));
}

static bool input_allowed(const struct look *l, const struct packet *k)
{
	for (size_t i = 0; i < l->f->interfaces.n; i++)
		if (plan_verdict_input(l->p, l->f, l->f->interfaces.v[i], k)
			    .verdict == VERDICT_ALLOWED)
			return true;
	return false;
}

/* Across any two interfaces: tracking does not say which it came by. */
static bool forward_allowed(const struct look *l, const struct packet *k,
			    const struct packet *behind)
{
	const struct firewall *f = l->f;
	bool translated = !addr_eq(k->dst, behind->dst) ||
			  k->detail != behind->detail;
	const struct observe *by;

	for (size_t i = 0; i < f->interfaces.n; i++)
		for (size_t o = 0; o < f->interfaces.n; o++) {
			const struct interface *in = f->interfaces.v[i];
			const struct interface *out = f->interfaces.v[o];
			struct answer a;

			if (i == o)
				continue;
			a = plan_verdict_at(l->p, f, in, out, k);
			/* what it was sent on to must be what it would be */
			if (a.verdict == VERDICT_ALLOWED &&
			    (!translated ||
			     (addr_eq(a.own.dst, behind->dst) &&
			      a.own.detail == behind->detail)))
				return true;
			if (plan_lets_through(l->p, f, in, out, behind, &by))
				return true;
		}
	return false;
}

static bool allowed(struct look *l, const struct packet *k,
		    const struct packet *behind, bool input)
{
	struct {
		struct packet k, behind;
	} id;
	struct map_entry *e;
	int is_new;

	memset(&id, 0, sizeof(id));
	id.k.src = k->src;
	id.k.dst = k->dst;
	id.k.proto = k->proto;
	id.k.detail = k->detail;
	id.behind.dst = behind->dst;
	id.behind.detail = behind->detail;
	e = map_add(l->arena, &l->memo, &id, sizeof(id), &is_new);
	if (is_new)
		e->val.u = (input ? input_allowed(l, k) :
				    forward_allowed(l, k, behind)) ? 2 : 1;
	return e->val.u == 2;
}

static bool planned(struct look *l, const struct connection *c, bool input)
{
	struct packet k = { c->src, c->dst, c->proto, c->detail };
	struct packet behind = { c->src, c->to, c->proto, c->to_detail };
	struct packet back = { c->to, c->src, c->proto, c->sport };

	return allowed(l, &k, &behind, input) ||
	       (c->picked_up && !input && allowed(l, &back, &back, false));
}

/* ---- who and where ------------------------------------------------------------------ */

static const char *place(const struct look *l, struct addr a)
{
	uint32_t cell = plan_cell(l->p, a);
	const struct cell *c = cell == NONE ? NULL : &l->p->cell[cell];

	if (own_address(l, a))
		return l->f->name;
	return !c || c->space == NONE ? "elsewhere" :
	       l->p->topo->zones.v[c->space]->name;
}

static void put_party(const struct look *l, struct addr a, struct buf *out)
{
	uint32_t cell = plan_cell(l->p, a);
	uint32_t party = cell == NONE ? NONE : l->p->cell[cell].party;
	char text[ADDR_TEXT];

	addr_text(a, text);
	if (party != NONE &&
	    l->p->topo->parties.v[party]->kind == PARTY_HOST)
		buf_printf(out, "%s (%s)", plan_party_name(l->p, party), text);
	else
		buf_puts(out, text);
}

static void find_ssh(struct look *l)
{
	struct prefix from, to;
	char src[64], dst[64];

	if (sscanf(ssh_connection(), "%63s %u %63s %u", src, &l->ssh_port[0],
		   dst, &l->ssh_port[1]) != 4 ||
	    prefix_parse(l->arena, src, strlen(src), false, &from) ||
	    prefix_parse(l->arena, dst, strlen(dst), false, &to))
		return;
	l->ssh_from = from.r.lo;
	l->ssh_to = to.r.lo;
}

static bool is_ssh(const struct look *l, const struct connection *c)
{
	return l->ssh_port[0] && c->proto == PROTO_TCP &&
	       c->sport == l->ssh_port[0] && c->detail == l->ssh_port[1] &&
	       addr_eq(c->src, l->ssh_from) && addr_eq(c->dst, l->ssh_to);
}

static void look_at(void *ctx, const struct connection *c)
{
	struct look *l = ctx;
	bool input = own_address(l, c->to);

	if (c->over)
		return;
	if (own_address(l, c->src) || to_many(c->dst) ||
	    (input && (!l->f->inputs.n || housekeeping(c)))) {
		l->others++;
		return;
	}
	l->judged++;
	if (planned(l, c, input))
		return;
	if (is_ssh(l, c))
		l->kept_own = true;
	else
		vec_push(l->arena, &l->denied, (struct open_one){
			*c, place(l, c->src), place(l, c->to),
			key_of(c->proto, c->to_detail) });
}

/* ---- saying it ---------------------------------------------------------------------- */

static int fold(const struct open_one *x, const struct open_one *y)
{
	int c = strcmp(x->from, y->from);

	if (!c)
		c = strcmp(x->to, y->to);
	return c ? c : x->key < y->key ? -1 : x->key > y->key;
}

static int by_place(const void *a, const void *b)
{
	const struct open_one *x = a, *y = b;
	int c = fold(x, y);

	if (!c)
		c = addr_cmp(x->c.src, y->c.src);
	if (!c)
		c = addr_cmp(x->c.to, y->c.to);
	return c ? c : (int)x->c.sport - (int)y->c.sport;
}

static void put_line(const struct look *l, const char *word, size_t first,
		     size_t n, struct buf *out)
{
	const struct open_one *x = &l->denied.v[first];
	char service[KEY_TEXT];

	key_text((struct key_range){ x->key, x->key }, service);
	buf_printf(out, "%-8s%s to %s, %s: %zu%s ", word, x->from, x->to,
		   service, n, n > 1 ? ", such as" : ", from");
	put_party(l, x->c.src, out);
	if (proto_has_ports(x->c.proto))
		buf_printf(out, " port %u", x->c.sport);
	buf_puts(out, " to ");
	put_party(l, x->c.to, out);
	buf_putc(out, '\n');
}

static void put_lines(const struct look *l, const char *word, struct buf *out)
{
	size_t lines = 0, more = 0;

	for (size_t i = 0, n; i < l->denied.n; i += n) {
		for (n = 1; i + n < l->denied.n &&
			    !fold(&l->denied.v[i], &l->denied.v[i + n]); n++)
			;
		if (lines++ < MOST_LINES)
			put_line(l, word, i, n, out);
		else
			more += n;
	}
	if (more)
		buf_printf(out, "        and %zu more connections\n", more);
}

static const char *connections(size_t n)
{
	return n == 1 ? "connection" : "connections";
}

static bool cut_all(struct look *l, struct nft *n, struct buf *out)
{
	size_t done = 0, failed = 0;

	for (size_t i = 0; i < l->denied.n; i++) {
		enum cut r = connection_cut(n, &l->denied.v[i].c);

		done += r == CUT_DONE;
		failed += r == CUT_FAILED;
	}
	buf_printf(out, "cut %zu %s that the plan does not allow, of %zu that "
		   "were judged\n", done, connections(done), l->judged);
	if (failed)
		buf_printf(out, "%zu %s could not be cut\n", failed,
			   connections(failed));
	return !failed;
}

static bool tell(struct look *l, struct nft *n, enum revoke how,
		 struct buf *out)
{
	bool good = true;

	if (l->denied.n)
		qsort(l->denied.v, l->denied.n, sizeof(*l->denied.v), by_place);
	put_lines(l, how == REVOKE_NOW ? "cut" : "open", out);
	if (how == REVOKE_NOW)
		good = cut_all(l, n, out);
	else if (l->denied.n)
		buf_printf(out, "%zu %s open that the plan does not "
			   "allow, of %zu that were judged%s\n", l->denied.n,
			   l->denied.n == 1 ? "connection stays" :
					      "connections stay", l->judged,
			   how == REVOKE_LATER ? ": cut when this is confirmed" :
			   ": --revoke cuts them");
	if (l->kept_own)
		buf_puts(out, "the connection over which this was started is "
			      "not allowed either, and left alone\n");
	return good;
}

bool apply_connections(struct args *a, const struct loaded *loaded,
		       const struct firewall *f, enum revoke how,
		       struct buf *out)
{
	struct look l = { .a = a, .p = loaded->plan, .f = f,
			  .arena = arena_new() };
	struct buf err = { 0 };
	struct nft n = { .fd = -1 };
	bool good = true;

	if (f->unenforced) {
		arena_free(l.arena);
		return true;
	}
	find_ssh(&l);
	l.m = machine_read(l.arena, &err);
	good = l.m && nft_open(&n, &err) == 0 &&
	       connections_read(&n, look_at, &l, &err) == 0;
	if (good)
		good = tell(&l, &n, how, out);
	else
		buf_printf(out, "connections that are open were not looked "
			   "at: %s", err.s ? err.s : "\n");
	nft_close(&n);
	buf_free(&err);
	arena_free(l.arena);
	return good;
}
