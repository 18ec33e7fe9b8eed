#include <stdio.h>

#include "base/hash.h"
#include "base/keys.h"
#include "gen/ruleset.h"

static const struct {
	const char *expr; /* in a rule */
	const char *type; /* in a set */
} fields[RS_N_FIELDS] = {
	[RS_IIFNAME] = { "iifname", "ifname" },
	[RS_OIFNAME] = { "oifname", "ifname" },
	[RS_SADDR4] = { "ip saddr", "ipv4_addr" },
	[RS_DADDR4] = { "ip daddr", "ipv4_addr" },
	[RS_SADDR6] = { "ip6 saddr", "ipv6_addr" },
	[RS_DADDR6] = { "ip6 daddr", "ipv6_addr" },
	[RS_L4PROTO] = { "meta l4proto", "inet_proto" },
	[RS_SPORT] = { "th sport", "inet_service" },
	[RS_DPORT] = { "th dport", "inet_service" },
	[RS_ICMP_TYPE] = { "icmp type", "icmp_type" },
	[RS_ICMPV6_TYPE] = { "icmpv6 type", "icmpv6_type" },
	[RS_HOPLIMIT] = { "ip6 hoplimit", NULL },
	[RS_NFPROTO] = { "meta nfproto", NULL },
};

/* Names that nft 1.0.6 reads whatever the machine's /etc/protocols says. */
static void put_proto(struct buf *out, uint64_t p)
{
	switch (p) {
	case PROTO_TCP: buf_puts(out, "tcp"); break;
	case PROTO_UDP: buf_puts(out, "udp"); break;
	default: buf_u64(out, p); break;
	}
}

static void put_number(struct buf *out, enum rs_field f, uint64_t v)
{
	if (f == RS_L4PROTO)
		put_proto(out, v);
	else if (f == RS_NFPROTO)
		buf_puts(out, v == 4 ? "ipv4" : "ipv6");
	else
		buf_u64(out, v);
}

static void put_value(struct buf *out, enum rs_field f,
		      const struct rs_value *v)
{
	char text[ADDR_TEXT];

	if (v->name) {
		buf_printf(out, "\"%s\"", v->name);
	} else if (f >= RS_SADDR4 && f <= RS_DADDR6) {
		range_text((struct addr_range){ v->lo, v->hi }, text);
		buf_puts(out, text);
	} else {
		put_number(out, f, v->lo.lo);
		if (v->hi.lo != v->lo.lo) {
			buf_putc(out, '-');
			put_number(out, f, v->hi.lo);
		}
	}
}

static void put_verdict(struct buf *out, enum rs_verdict v, const char *chain)
{
	static const char *const name[] = {
		[RS_NONE] = "continue", [RS_ACCEPT] = "accept",
		[RS_DROP] = "drop", [RS_JUMP] = "jump", [RS_GOTO] = "goto",
		[RS_RESET] = "reject with tcp reset",
		/* with "type", which every nft reads and new ones do not list */
		[RS_REJECT] = "reject with icmpx type admin-prohibited",
	};

	buf_puts(out, name[v]);
	if (v == RS_JUMP || v == RS_GOTO)
		buf_printf(out, " %s", chain);
}

static void put_fields(struct buf *out, const enum rs_field *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		buf_printf(out, "%s%s", i ? " . " : "", fields[f[i]].expr);
}

static void put_elem(struct buf *out, const struct rs_set *s,
		     const struct rs_elem *e)
{
	for (unsigned i = 0; i < s->n_field; i++) {
		if (i)
			buf_puts(out, " . ");
		put_value(out, s->field[i], &e->key[i]);
	}
	if (e->comment)
		buf_printf(out, " comment \"%s\"", e->comment);
	if (s->map) {
		buf_puts(out, " : ");
		put_verdict(out, e->verdict, e->target);
	}
	for (unsigned i = 0; i < s->n_data; i++) {
		struct rs_value v = { e->data[i], e->data[i], NULL };

		buf_puts(out, i ? " . " : " : ");
		put_value(out, s->data[i], &v);
	}
}

/* A short element shares its line with others; one with a comment has its
 * own, so that a change is one line of a diff. */
static void put_elems(struct buf *out, const struct rs_set *s)
{
	size_t start = out->n;

	buf_puts(out, "\t\telements = {");
	for (size_t i = 0; i < s->elems.n; i++) {
		bool own = s->map || s->n_data || s->elems.v[i].comment;

		if (i)
			buf_putc(out, ',');
		if (own || i == 0 || out->n - start > 64) {
			start = out->n + 1;
			buf_puts(out, "\n\t\t\t");
		} else {
			buf_putc(out, ' ');
		}
		put_elem(out, s, &s->elems.v[i]);
	}
	buf_puts(out, "\n\t\t}\n");
}

static void put_set(struct buf *out, const struct rs_set *s)
{
	buf_printf(out, "\n\t%s %s {\n\t\ttype ", s->map || s->n_data ? "map" : "set",
		   s->name);
	for (unsigned i = 0; i < s->n_field; i++)
		buf_printf(out, "%s%s", i ? " . " : "",
			   fields[s->field[i]].type);
	buf_puts(out, s->map ? " : verdict" : "");
	for (unsigned i = 0; i < s->n_data; i++)
		buf_printf(out, "%s%s", i ? " . " : " : ",
			   fields[s->data[i]].type);
	buf_putc(out, '\n');
	if (s->interval || s->timed)
		buf_printf(out, "\t\tflags %s\n", s->timed ? "timeout" :
							     "interval");
	if (s->counter)
		buf_puts(out, "\t\tcounter\n");
	if (s->elems.n)
		put_elems(out, s);
	buf_puts(out, "\t}\n");
}

static void put_match(struct buf *out, const struct rs_stmt *s)
{
	buf_puts(out, fields[s->field[0]].expr);
	if (s->kind == RS_NOT)
		buf_puts(out, " !=");
	buf_puts(out, s->n_value > 1 ? " { " : " ");
	for (size_t i = 0; i < s->n_value; i++) {
		if (i)
			buf_puts(out, ", ");
		put_value(out, s->field[0], &s->value[i]);
	}
	if (s->n_value > 1)
		buf_puts(out, " }");
}

static void put_translate(struct buf *out, const struct rs_stmt *s)
{
	bool v6 = s->set->data[0] == RS_SADDR6 || s->set->data[0] == RS_DADDR6;

	buf_printf(out, "%s %s to ", s->kind == RS_DNAT ? "dnat" : "snat",
		   v6 ? "ip6" : "ip");
	put_fields(out, s->field, s->n_field);
	buf_printf(out, " map @%s", s->set->name);
}

static void put_stmt(struct buf *out, const struct rs_stmt *s)
{
	switch (s->kind) {
	case RS_MATCH:
	case RS_NOT:
		put_match(out, s);
		break;
	case RS_CT_STATE:
		buf_printf(out, "ct state %s",
			   s->states == RS_ESTABLISHED ? "established" :
			   s->states == RS_RELATED ? "related" :
						     "established,related");
		break;
	case RS_CT_NOT_NEW:
		buf_puts(out, "ct state != new");
		break;
	case RS_NOT_SYN:
		buf_puts(out, "tcp flags & (fin | syn | rst | ack) != syn");
		break;
	case RS_IN_SET:
		put_fields(out, s->field, s->n_field);
		buf_printf(out, " @%s", s->set->name);
		break;
	case RS_VMAP:
		put_fields(out, s->field, s->n_field);
		buf_printf(out, " vmap @%s", s->set->name);
		break;
	case RS_COUNTER:
		buf_puts(out, "counter");
		break;
	case RS_LIMIT:
		buf_printf(out, "limit rate %u/second burst %u packets",
			   s->rate, s->burst);
		break;
	case RS_LOG:
		buf_printf(out, "log prefix \"%s\"", s->text);
		if (s->to_group)
			buf_printf(out, " group %u", s->group);
		break;
	case RS_VERDICT:
		put_verdict(out, s->verdict, s->text);
		break;
	case RS_DNAT:
	case RS_SNAT:
		put_translate(out, s);
		break;
	case RS_MASQUERADE:
		buf_puts(out, "masquerade");
		break;
	}
}

static const struct {
	const char *type, *name, *priority, *policy;
} hooks[] = {
	[RS_HOOK_FORWARD] = { "filter", "forward", "filter", "drop" },
	[RS_HOOK_INPUT] = { "filter", "input", "filter", "drop" },
	[RS_HOOK_PREROUTING] = { "nat", "prerouting", "dstnat", "accept" },
	[RS_HOOK_POSTROUTING] = { "nat", "postrouting", "srcnat", "accept" },
};

static void put_chain(struct buf *out, const struct rs_chain *c)
{
	buf_printf(out, "\n\tchain %s {\n", c->name);
	if (c->hook != RS_NO_HOOK)
		buf_printf(out, "\t\ttype %s hook %s priority %s; policy %s;\n",
			   hooks[c->hook].type, hooks[c->hook].name,
			   hooks[c->hook].priority, hooks[c->hook].policy);
	for (size_t i = 0; i < c->rules.n; i++) {
		const struct rs_rule *r = c->rules.v[i];

		buf_puts(out, "\t\t");
		for (size_t k = 0; k < r->stmts.n; k++) {
			if (k)
				buf_putc(out, ' ');
			put_stmt(out, &r->stmts.v[k]);
		}
		if (r->comment)
			buf_printf(out, " comment \"%s\"", r->comment);
		buf_putc(out, '\n');
	}
	buf_puts(out, "\t}\n");
}

static void put_body(struct buf *out, const struct ruleset *rs)
{
	buf_printf(out, "table inet %s {", rs->table);
	for (size_t i = 0; i < rs->sets.n; i++)
		put_set(out, rs->sets.v[i]);
	for (size_t i = 0; i < rs->chains.n; i++)
		put_chain(out, rs->chains.v[i]);
	buf_puts(out, "}\n");
}

void rs_text(const struct ruleset *rs, struct buf *out)
{
	struct buf body = { 0 };

	put_body(&body, rs);
	buf_puts(out, "#!/usr/sbin/nft -f\n");
	for (size_t i = 0; i < rs->header.n; i++)
		buf_printf(out, "# %s\n", rs->header.v[i]);
	buf_printf(out, "# plan %016llx\n\n", (unsigned long long)
		   hash_mix(hash_bytes(HASH_INIT, body.s, body.n)));
	buf_printf(out, "table inet %s\ndelete table inet %s\n\n", rs->table,
		   rs->table);
	buf_put(out, body.s, body.n);
	buf_free(&body);
}

uint64_t rs_hash(const struct ruleset *rs)
{
	struct buf body = { 0 };
	uint64_t h;

	put_body(&body, rs);
	h = hash_mix(hash_bytes(HASH_INIT, body.s, body.n));
	buf_free(&body);
	return h;
}
