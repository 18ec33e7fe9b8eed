#include <string.h>

#include "cli/cmd_gen.h"
#include "cli/explain.h"
#include "cli/table.h"
#include "gen/eval.h"
#include "plan/each.h"
#include "plan/inside.h"
#include "plan/matrix.h"
#include "plan/nat.h"
#include "plan/part.h"

/* ---- the answer ------------------------------------------------------------------- */

static const char *party_at(const struct question *q, uint32_t cell)
{
	const char *s = cell == NONE ? NULL :
		plan_party_name(q->l.plan, q->l.plan->cell[cell].party);

	return s ? s : "unknown";
}

const char *explain_why(const struct question *q, const struct answer *x)
{
	const struct plan *p = q->l.plan;

	switch (x->why) {
	case WHY_PLANNED:
	case WHY_INSIDE_ANY:
		return "planned";
	case WHY_NOT_PLANNED:
		return "not planned";
	case WHY_ONLY_IPSEC:
		return "planned only inside IPsec, not in the clear";
	case WHY_NO_PATH:
		return arena_printf(q->a->arena, "no path leads from %s to %s",
			plan_node_name(p, p->classes.v[p->cell[x->src_cell]
						.cls].node),
			plan_node_name(p, p->classes.v[p->cell[x->dst_cell]
						.cls].node));
	case WHY_UNKNOWN_SOURCE:
		return "unknown address: the source is in no zone";
	case WHY_UNKNOWN_DESTINATION:
		return "unknown address: the destination is in no zone";
	case WHY_SAME_ADDRESS:
		return "source and destination are the same address";
	case WHY_BEHIND_MANY:
		return "many hide behind that public address, and no port of "
		       "it is published that way";
	case WHY_NOT_TRANSLATED:
		return "nothing translates the public address on the way "
		       "between them: they meet by their own";
	case WHY_WRONG_INTERFACE:
	case WHY_HAIRPIN:
		break;
	}
	return "denied";
}

static void put_reason(struct question *q, uint32_t reason, uint32_t pin)
{
	const struct reason *r = &q->l.plan->reasons.v[reason];
	struct buf *b = &q->text;
	struct span at = reason_span(r);
	unsigned line, col, end;

	buf_printf(b, "  why      %s",
		   reason_ident(q->l.plan, reason, q->a->arena));
	switch (r->kind) {
	case REASON_FLOW:
		if (r->flow->reason)
			buf_printf(b, "\n           %s", r->flow->reason);
		if (r->flow->cite)
			buf_printf(b, " [%s]", r->flow->cite);
		break;
	case REASON_ALLOW:
		buf_printf(b, ": %s", r->allow->reason);
		if (r->allow->owner)
			buf_printf(b, "; owner %s", r->allow->owner);
		if (r->allow->ticket)
			buf_printf(b, "; ticket %s", r->allow->ticket);
		if (r->allow->expires.given)
			buf_printf(b, "; expires %s", r->allow->expires.text);
		break;
	case REASON_INPUT:
		if (r->input->reason)
			buf_printf(b, ": %s", r->input->reason);
		break;
	case REASON_IPSEC:
		buf_puts(b, ": IKE and what it protects");
		break;
	}
	if (at.src) {
		span_position(at, &line, &col, &end);
		buf_printf(b, "\n           %s:%u", at.src->name, line);
	}
	buf_putc(b, '\n');
	if (pin != NONE) {
		at = q->l.topo->pins.v[pin]->at;
		span_position(at, &line, &col, &end);
		buf_printf(b, "  pinned   %s:%u\n", at.src->name, line);
	}
}

static const struct ruleset *rules_of(struct question *q,
				      const struct firewall *f)
{
	struct gen_options opt;

	counters_option(q->a, &opt); /* checked before */
	if (!q->rules[f->id] && !f->unmanaged)
		q->rules[f->id] = gen_firewall(q->a->arena, q->l.plan, f, &opt,
					       &q->l.diags);
	return q->rules[f->id];
}

static void put_hit(struct question *q, const struct firewall *f,
		    const struct rs_hit *h)
{
	struct buf *b = &q->text;

	if (!h->rule)
		return;
	buf_printf(b, "           table inet pp_%s, chain %s", f->name,
		   h->chain->name);
	if (h->elem)
		buf_printf(b, ", set %s", h->set->name);
	if (h->elem && h->elem->comment)
		buf_printf(b, ", element \"%s\"", h->elem->comment);
	else if (h->rule->comment)
		buf_printf(b, ", rule \"%s\"", h->rule->comment);
	buf_putc(b, '\n');
}

static const char *packet_text(struct question *q, const struct packet *k)
{
	char s[ADDR_TEXT], d[ADDR_TEXT], key[KEY_TEXT];
	uint32_t id = key_of(k->proto, k->detail);

	addr_text(k->src, s);
	addr_text(k->dst, d);
	key_text((struct key_range){ id, id }, key);
	return arena_printf(q->a->arena, "%s to %s, %s", s, d, key);
}

static bool same_packet(const struct packet *x, const struct packet *y)
{
	return addr_eq(x->src, y->src) && addr_eq(x->dst, y->dst) &&
	       x->detail == y->detail;
}

/* What a firewall makes of the packet's addresses. */
static void put_translation(struct question *q, const struct rs_hit *h,
			    const struct packet *k)
{
	struct buf *b = &q->text;

	if (!same_packet(k, &h->seen))
		buf_printf(b, "           translates %s: now %s\n",
			   packet_text(q, k), packet_text(q, &h->seen));
	if (!same_packet(&h->seen, &h->sent))
		buf_printf(b, "           translates %s: now %s\n",
			   packet_text(q, &h->seen), packet_text(q, &h->sent));
	if (h->masqueraded)
		buf_printf(b, "           translates %s: now from the address "
			   "of the interface\n", packet_text(q, &h->seen));
}

static void put_hop(struct question *q, const struct hop *h,
		    const struct packet *own)
{
	struct packet here = h->in == h->out ? *own :
		nat_arrives(q->l.plan, own, *h), *k = &here;
	const struct topology *t = q->l.topo;
	const struct firewall *f = t->firewalls.v[h->firewall];
	const struct ruleset *rs = rules_of(q, f);

	if (f->unmanaged) {
		buf_printf(&q->text, "  at       %s: another product, without "
			   "a ruleset here\n", f->name);
		if (!same_packet(k, own))
			buf_printf(&q->text, "           it sees %s\n",
				   packet_text(q, k));
		return;
	}
	for (size_t i = 0; i < f->interfaces.n; i++)
		for (size_t o = 0; o < f->interfaces.n; o++) {
			const struct interface *in = f->interfaces.v[i];
			const struct interface *out = f->interfaces.v[o];
			struct rs_hit hit;

			if (in->zone->zone_id != h->in ||
			    out->zone->zone_id != h->out || i == o)
				continue;
			buf_printf(&q->text, "  at       %s: %s (%s) to %s "
				   "(%s)\n", f->name, in->name, in->zone->name,
				   out->name, out->zone->name);
			if (!rs)
				continue;
			hit = rs_eval(rs, in->name, out->name, k);
			put_hit(q, f, &hit);
			put_translation(q, &hit, k);
		}
}

static void put_input(struct question *q, const struct firewall *f,
		      const struct packet *own)
{
	const struct ruleset *rs = rules_of(q, f);
	struct packet k;

	for (size_t i = 0; rs && i < f->interfaces.n; i++) {
		const struct interface *in = f->interfaces.v[i];
		struct rs_hit hit;

		k = nat_arrives(q->l.plan, own, (struct hop){
				f->id, in->zone->zone_id, NONE });
		if (plan_verdict_input(q->l.plan, f, in, &k).verdict !=
		    VERDICT_ALLOWED)
			continue;
		buf_printf(&q->text, "  at       %s itself: in at %s (%s)\n",
			   f->name, in->name, in->zone->name);
		hit = rs_eval(rs, in->name, NULL, &k);
		put_hit(q, f, &hit);
	}
}

static void put_within(struct question *q, uint32_t zone,
		       const struct packet *k)
{
	const struct topology *t = q->l.topo;
	const char *by = plan_enforced_within(q->l.plan, zone, q->a->arena);

	buf_printf(&q->text, "  path     within %s: ", plan_node_name(q->l.plan,
								      zone));
	if (by)
		buf_printf(&q->text, "enforced between interfaces of %s, "
			   "nowhere else\n", by);
	else
		buf_puts(&q->text, "not enforced here\n");
	for (size_t i = 0; i < t->firewalls.n && by; i++)
		if (firewall_within(t->firewalls.v[i], zone))
			put_hop(q, &(struct hop){ (uint32_t)i, zone, zone },
				k);
}

static void put_path(struct question *q, const struct answer *x,
		     const struct packet *k)
{
	const struct plan *p = q->l.plan;
	const struct cell *s = &p->cell[x->src_cell], *d = &p->cell[x->dst_cell];
	const struct route *r = plan_route(p, p->classes.v[s->cls].node,
					   p->classes.v[d->cls].node);
	const char *text = route_text(p, r, q->a->arena);

	if (r->inside)
		put_within(q, r->from, k);
	else if (*text)
		buf_printf(&q->text, "  path     %s\n", text);
	for (size_t i = 0; i < r->n_hop; i++)
		put_hop(q, &r->hop[i], k);
	if (p->topo->parties.v[d->party]->kind == PARTY_FIREWALL)
		put_input(q, p->topo->parties.v[d->party]->firewall, k);
}

static const char *class_text(struct question *q, uint32_t cls, uint32_t end)
{
	const struct plan *p = q->l.plan;
	const struct class *c = &p->classes.v[cls];
	unsigned char *seen = ARENA_ARRAY(q->a->arena, unsigned char,
					  p->topo->parties.n);
	struct buf b = { 0 };
	const char *s;
	size_t n = 0;

	for (size_t i = 0; i < c->n_cell; i++) {
		uint32_t party = p->cell[c->cell[i]].party;

		if (seen[party] ||
		    (end != NONE && !cell_in_end(p, c->cell[i], end)))
			continue;
		seen[party] = 1;
		if (n++ < 3)
			buf_printf(&b, "%s%s", b.n ? ", " : "",
				   plan_party_name(p, party));
	}
	if (n > 3)
		buf_printf(&b, " and %zu more", n - 3);
	s = arena_strdup(q->a->arena, b.s ? b.s : plan_node_name(p, c->node));
	buf_free(&b);
	return s;
}

void explain_lapsed(struct question *q, const struct packet *k, rule_list *out)
{
	const struct plan *p = q->l.plan;
	uint32_t s = plan_cell(p, k->src), d = plan_cell(p, k->dst);

	for (size_t i = 0; i < p->left_out.n; i++) {
		const struct rule *r = p->left_out.v[i].allow;
		uint32_t end = p->end_allow + 2 * r->id;
		struct key_set keys = r->what.keys;

		if (!cell_in_end(p, s, end) || !cell_in_end(p, d, end + 1))
			continue;
		for (size_t n = 0; n < r->what.services.n; n++)
			read_service_keys(q, r->what.services.v[n], k->dst,
					  &keys);
		if (keys_has(keys, key_of(k->proto, k->detail)))
			vec_push(q->a->arena, out, r);
	}
}

static void put_left_out(struct question *q, const struct packet *k)
{
	rule_list lapsed = { 0 };

	explain_lapsed(q, k, &lapsed);
	for (size_t i = 0; i < lapsed.n; i++) {
		const struct rule *r = lapsed.v[i];
		bool over = r->expires.given &&
			    q->l.plan->now >= r->expires.t;

		buf_printf(&q->text, "  by date  allow %s would allow it: %s "
			   "%s\n", r->ident, over ? "expired" : "starts",
			   over ? r->expires.text : r->starts.text);
	}
}

/* What two flows between the same two differ in. */
static const char *other_packets(const struct packet *k, struct key_range r)
{
	if (proto_has_ports(k->proto) && proto_has_ports(key_proto(r.lo)))
		return "planned, on another port\n";
	return proto_is_icmp(k->proto) && key_proto(r.lo) == k->proto ?
		"planned, by another type\n" : "planned, by another protocol\n";
}

static void put_nearest(struct question *q, const struct packet *k)
{
	struct nearest n = plan_nearest(q->l.plan, k);
	const char *from, *to;
	char keys[KEY_TEXT];

	if (n.what == NEAR_NONE)
		return;
	from = class_text(q, n.flow.from, n.flow.from_end);
	to = class_text(q, n.flow.to, n.flow.to_end);
	key_text(n.flow.piece.keys, keys);
	buf_printf(&q->text, "  nearest  %s from %s to %s%s: ", keys, from, to,
		   n.flow.piece.carried ? ", inside IPsec" : "");
	switch (n.what) {
	case NEAR_PORT:
		buf_puts(&q->text, other_packets(k, n.flow.piece.keys));
		break;
	case NEAR_SOURCE:
		buf_puts(&q->text, "planned, but not from this source\n");
		break;
	case NEAR_DESTINATION:
		buf_puts(&q->text, "planned, but to others\n");
		break;
	case NEAR_REVERSE:
	case NEAR_NONE:
		buf_puts(&q->text, "planned the other way round\n");
		break;
	}
	put_reason(q, n.flow.piece.reason, n.flow.piece.pin);
}

static void put_assign(struct question *q, uint32_t cell,
		       const struct role *role)
{
	const struct plan *p = q->l.plan;
	const struct assign *a = plan_assigned(p, cell, role);
	unsigned line, col, end;

	if (!a)
		return;
	span_position(a->at, &line, &col, &end);
	buf_printf(&q->text, "  assigned %s to %s at %s:%u%s%s%s%s\n",
		   role->name, plan_party_name(p, p->cell[cell].party),
		   a->at.src->name, line, a->owner ? "; owner " : "",
		   a->owner ? a->owner : "",
		   a->expires.given ? "; expires " : "",
		   a->expires.given ? a->expires.text : "");
}

/* Roles that stand in another file than the party. */
static void put_assigned(struct question *q, const struct answer *x,
			 uint32_t reason)
{
	const struct reason *r = &q->l.plan->reasons.v[reason];

	if (r->kind != REASON_FLOW)
		return;
	put_assign(q, x->src_cell, r->from);
	put_assign(q, x->dst_cell, r->to);
}

/* Roles may fit and the realms not. */
static void put_realms(struct question *q, const struct answer *x)
{
	const struct plan *p = q->l.plan;
	const struct class *s, *d;

	if (x->src_cell == NONE || x->dst_cell == NONE ||
	    p->cell[x->src_cell].cls == NONE || p->cell[x->dst_cell].cls == NONE)
		return;
	s = &p->classes.v[p->cell[x->src_cell].cls];
	d = &p->classes.v[p->cell[x->dst_cell].cls];
	if (!realms_agree(s, d))
		buf_printf(&q->text, "  realms   %s is in %s, %s in %s: no "
			   "template flow joins them, unless across=\"yes\"\n",
			   party_at(q, x->src_cell), p->realms.v[s->realm],
			   party_at(q, x->dst_cell), p->realms.v[d->realm]);
}

static void put_owner(struct question *q, const struct answer *x)
{
	const struct plan *p = q->l.plan;
	const struct party *d = x->dst_cell == NONE ||
		p->cell[x->dst_cell].party == NONE ? NULL :
		p->topo->parties.v[p->cell[x->dst_cell].party];

	if (d && d->owner)
		buf_printf(&q->text, "  owner    %s answers for %s\n",
			   d->owner, d->name);
}

static void put_label(struct question *q, const char *label, const char *text)
{
	if (!text)
		return;
	buf_puts(&q->text, label);
	put_plain(&q->text, text);
	buf_putc(&q->text, '\n');
}

static void put_cure(struct question *q, const struct packet *asked,
		     const struct packet *own, const struct side *from,
		     const struct side *to)
{
	struct cure c = { .asked = *asked, .k = *own, .from = from->around,
			  .to = to->around };

	explain_cures(q, &c, 1);
	put_label(q, "  cure     ", c.text);
	put_label(q, "  approval ", c.text ? c.approval : NULL);
}

/* All sorts of addresses of a zone are asked; equal answers are told once. */
static bool told(struct question *q, const struct packet *k,
		 const struct answer *x)
{
	struct told t = { .key = key_of(k->proto, k->detail),
			  .reason = x->n_reason ? x->reason[0] : NONE,
			  .verdict = x->verdict, .why = x->why,
			  .v4 = addr_is_v4(k->src) };

	for (size_t i = 0; i < q->told.n; i++) {
		const struct told *o = &q->told.v[i];

		if (o->key == t.key && o->reason == t.reason && o->v4 == t.v4 &&
		    o->verdict == t.verdict && o->why == t.why)
			return true;
	}
	vec_push(q->a->arena, &q->told, t);
	return false;
}

static void ask(struct question *q, const struct packet *k,
		const struct side *from, const struct side *to)
{
	struct answer x = plan_verdict(q->l.plan, k);
	char s[ADDR_TEXT], d[ADDR_TEXT], key[KEY_TEXT];
	uint32_t id = key_of(k->proto, k->detail);
	bool ok = x.verdict == VERDICT_ALLOWED;
	bool known = part_answers(q->l.plan, &x);
	text_list passes;

	if ((from->around || to->around) && told(q, k, &x))
		return;
	addr_text(k->src, s);
	addr_text(k->dst, d);
	key_text((struct key_range){ id, id }, key);
	buf_printf(&q->text, "%s%s (%s) to %s (%s), %s: %s%s\n",
		   q->text.n ? "\n" : "", party_at(q, x.src_cell), s,
		   party_at(q, x.dst_cell), d, key,
		   ok ? "allowed" : known ? "denied: " : "unknown: ",
		   ok ? "" : known ? explain_why(q, &x) : not_in_part(q));
	*(ok ? &q->allowed : known ? &q->denied : &q->unknown) += 1;
	if (!known)
		return;
	if (x.src_cell != NONE && x.dst_cell != NONE &&
	    !same_packet(k, &x.own))
		buf_printf(&q->text, "  own      %s\n",
			   packet_text(q, &x.own));
	put_owner(q, &x);
	for (size_t i = 0; i < x.n_reason; i++) {
		put_reason(q, x.reason[i], x.pin[i]);
		put_assigned(q, &x, x.reason[i]);
	}
	if (ok) {
		put_path(q, &x, &x.own);
	} else if (x.why == WHY_NOT_PLANNED) {
		put_realms(q, &x);
		put_left_out(q, &x.own);
		put_nearest(q, &x.own);
		put_cure(q, k, &x.own, from, to);
	}
	passes = explain_passes(q, &x, &x.own);
	for (size_t i = 0; i < passes.n; i++)
		buf_printf(&q->text, "  but      %s\n", passes.v[i]);
}

static int ask_pair(struct question *q, const struct side *from, size_t i,
		    const struct side *to, size_t j, const char *word)
{
	struct addr src, dst;
	struct key_set keys;
	const char *wrong;

	if (!asked_between(from, i, to, j, &src, &dst))
		return EXIT_OK;
	wrong = read_keys(q, word, dst, &keys);
	if (wrong)
		return complain(q->a, "%s", wrong);
	keys = keys_of_family(q->a->arena, keys, addr_is_v4(src));
	for (size_t n = 0; n < keys.n; n++)
		for (uint32_t key = keys.r[n].lo; key <= keys.r[n].hi; key++)
			ask(q, &(struct packet){
					.src = src, .dst = dst,
					.proto = (uint8_t)key_proto(key),
					.detail = (uint16_t)key_detail(key) },
			    from, to);
	return EXIT_OK;
}

static void put_hosts(struct question *q, const struct side *x)
{
	if (x->hosts)
		buf_printf(&q->text, "  not asked: %zu host%s of %s, which "
			   "may differ: ask by name\n", x->hosts,
			   plural(x->hosts), x->name);
}

/* One question, at length. */
static int answer(struct question *q)
{
	struct args *a = q->a;
	struct side from, to;
	const char *wrong = read_side(q, a->operands.v[1], &from);
	int code = EXIT_OK;

	if (!wrong)
		wrong = read_side(q, a->operands.v[2], &to);
	if (!wrong)
		wrong = nobody_between(q, &from, &to);
	if (wrong)
		return complain(a, "%s", wrong);
	for (size_t i = 0; i < from.n; i++)
		for (size_t j = 0; j < to.n && code == EXIT_OK; j++)
			code = ask_pair(q, &from, i, &to, j,
					a->operands.v[3]);
	if (code == EXIT_OK && !q->text.n)
		code = complain(a, "%s does not exist between \"%s\" and "
				"\"%s\": icmp is IPv4's, icmpv6 IPv6's",
				a->operands.v[3], from.name, to.name);
	if (code == EXIT_OK) {
		put_hosts(q, &from);
		if (strcmp(from.name, to.name))
			put_hosts(q, &to);
		code = put_out(a, &q->text);
	}
	buf_free(&q->text);
	return code != EXIT_OK ? code :
	       q->denied ? EXIT_FINDINGS :
	       q->unknown ? EXIT_UNDECIDED : EXIT_OK;
}

static int cmd_explain(struct args *a)
{
	struct question q = { .a = a };
	const char *queries = arg_value(a, "queries", NULL);
	struct gen_options opt;
	int code = counters_option(a, &opt);

	if (queries ? a->operands.n != 1 : a->operands.n != 4)
		return complain(a, queries ? "with --queries, the file has the "
				"questions: TOPOLOGY.xml and no more" :
				"a question is FROM, TO and PACKET, behind "
				"TOPOLOGY.xml; many at once are --queries FILE");
	if (code == EXIT_OK)
		code = load_plan(a, a->operands.v[0], &q.l);
	if (code != EXIT_OK)
		return code;
	q.rules = ARENA_ARRAY(a->arena, struct ruleset *,
			      q.l.topo->firewalls.n);
	if (queries)
		return explain_queries(&q, queries);
	return arg_given(a, "output") ? explain_row(&q) : answer(&q);
}

static const struct option_def explain_options[] = {
	{ 0, "queries", "FILE",
	  "answer the questions of FILE, a line each: from, to, packet, allowed "
	  "or denied" },
	{ 'o' | OPTION_AGAIN | OPTION_WRITES, "output", "FORMAT[=FILE]",
	  "answers as rows: table (default with --queries), csv, json, markdown "
	  "or html; to FILE if given (repeatable)" },
	COUNTERS_OPTION,
	TOPOLOGY_OPTIONS,
};

const struct command command_explain = {
	.name = "explain",
	.run = cmd_explain,
	.usage = "TOPOLOGY.xml FROM TO PACKET | TOPOLOGY.xml --queries FILE",
	.summary = "may this talk to that, why, and which rule says so",
	.description =
	  "FROM and TO are hosts, firewalls, addresses, or a zone or network "
	  "(all addresses of it that are no host's: allowed if all are; each "
	  "sort that the plan tells apart is asked). PACKET is tcp/389, udp/53, "
	  "icmp/echo-request, esp, ip/47, a service of the topology, or a bare "
	  "number, which means tcp and udp. Allowed: the reasons, the most "
	  "specific first, the firewalls crossed, and the rule of each that "
	  "lets it through. Denied: the planned flow that comes nearest, the "
	  "allow or the role that would permit it, tried on the topology in "
	  "memory, and whose approval that needs; where nothing enforces the "
	  "denial, that is said.\n"
	  "With --queries, a line of FILE is FROM, TO, PACKET and \"allowed\" "
	  "or \"denied\", separated by spaces or commas; # begins a comment. "
	  "What was to be allowed and is denied is told with what would permit "
	  "it. With --output, one question is answered as such a row too, which "
	  "expects nothing. Of a bundle, what does not cross its firewall is unknown.\n"
	  "Exit code 0 allowed, 1 if any of what was asked is denied (a bare "
	  "number asks twice), else 3 if any is unknown; with --queries 0 all "
	  "is as expected, 1 if not, else 3.",
	OPTIONS(explain_options),
	.examples = "  portplan explain topology.xml fe1 dc1 tcp/389\n"
		      "  portplan explain topology.xml 192.0.2.10 dc1 kerberos\n"
		      "  portplan explain topology.xml --queries monday.txt -o csv\n",
	.min_args = 1,
	.max_args = 4,
};
