#include <string.h>

#include "cli/cmd_check.h"
#include "cli/report.h"

enum { DAY = 86400, MAX_RULESETS = 400000 };

/* ---- port matrix ------------------------------------------------------------------ */

static const char *const matrix_columns[] = {
	"From", "To", "Protocol", "Ports", "Service", "In", "Need", "Reason",
	"Source", "Seen (by reason)",
};

static uint32_t node_by_name(const struct plan *p, const char *name)
{
	const struct party *x = topology_party(p->topo, name);

	return x->kind == PARTY_FIREWALL ? p->n_zones + x->firewall->id :
					   x->zone_id;
}

static void put_source(struct report_page *r, const struct matrix_row *row)
{
	buf_puts(r->out, "<td data-l=\"Source\">");
	page_text(r, row->source);
	if (row->owner) {
		buf_puts(r->out, "; ");
		page_text(r, row->owner);
	}
	if (row->ticket) {
		buf_puts(r->out, "; ");
		page_text(r, row->ticket);
	}
	if (row->expires) {
		buf_puts(r->out, "; until ");
		page_text(r, row->expires);
	}
	buf_puts(r->out, "</td>");
}

static void matrix_line(struct report_page *r, const struct matrix_row *row)
{
	const char *const *c = matrix_columns;

	buf_puts(r->out, "<tr>");
	page_cell(r, c[0], row->from);
	page_cell(r, c[1], row->to);
	page_cell(r, c[2], row->protocol);
	page_cell(r, c[3], row->ports);
	page_cell(r, c[4], row->service);
	page_cell(r, c[5], row->carriage);
	page_cell(r, c[6], row->requirement);
	page_cell(r, c[7], row->reason);
	put_source(r, row);
	/* what is carried shows on the wire as its carrier */
	if (r->seen.traffic.n && !strcmp(row->carriage, "ipsec"))
		page_cell(r, "Seen", "inside IPsec");
	else if (r->seen.traffic.n)
		page_cell_number(r, "Seen", observed_flows(&r->seen,
							   row->ident));
	buf_puts(r->out, "</tr>\n");
}

static bool same_pair(const struct matrix_row *a, const struct matrix_row *b)
{
	return !strcmp(a->from_zone, b->from_zone) &&
	       !strcmp(a->to_zone, b->to_zone);
}

static void pair_head(struct report_page *r, const struct matrix_row *row)
{
	bool within = !strcmp(row->from_zone, row->to_zone);

	buf_printf(r->out, "<h3 id=\"p%u-%u\">",
		   node_by_name(r->plan, row->from_zone),
		   node_by_name(r->plan, row->to_zone));
	if (within) {
		buf_puts(r->out, "Within ");
		page_text(r, row->from_zone);
		buf_puts(r->out, row->within ? ", enforced between interfaces "
			 "of " : ", not enforced");
		if (row->within)
			page_text(r, row->within);
	} else {
		page_text(r, row->from_zone);
		buf_puts(r->out, " to ");
		page_text(r, row->to_zone);
		buf_puts(r->out, ", by ");
		page_text(r, row->firewalls);
	}
	buf_puts(r->out, "</h3>\n");
	page_table(r, matrix_columns, r->seen.traffic.n ? 10 : 9);
}

void report_matrix(struct report_page *r)
{
	const struct matrix *m = r->matrix;

	page_section(r, "matrix", "Port matrix");
	buf_puts(r->out, "<p>Everything else that crosses a firewall is denied");
	if (r->let_through) {
		buf_puts(r->out, ", with this exception. ");
		page_text(r, r->let_through);
	}
	buf_puts(r->out, ".</p>\n");
	for (size_t i = 0; i < m->rows.n; i++) {
		bool first = !i || !same_pair(&m->rows.v[i - 1],
					      &m->rows.v[i]);

		if (first && i)
			page_end_table(r);
		if (first)
			pair_head(r, &m->rows.v[i]);
		matrix_line(r, &m->rows.v[i]);
	}
	if (m->rows.n)
		page_end_table(r);
	page_end_section(r);
}

/* ---- exceptions and promises -------------------------------------------------------- */

/* "https", "tcp/9100 udp/53": what an element speaks of. */
static const char *packets_words(struct arena *a, const struct packets *p)
{
	struct buf b = { 0 };
	char text[KEY_TEXT];

	for (size_t i = 0; i < p->services.n; i++)
		buf_printf(&b, "%s%s", b.n ? " " : "",
			   p->services.v[i]->name);
	for (size_t i = 0; i < p->keys.n; i++) {
		key_text(p->keys.r[i], text);
		buf_printf(&b, "%s%s", b.n ? " " : "", text);
	}
	return b.n ? buf_take(a, &b) : "everything";
}

enum rule_state rule_state(const struct rule *r, int64_t now)
{
	if (r->expires.given && now >= r->expires.t)
		return RULE_EXPIRED;
	if (r->starts.given && now < r->starts.t)
		return RULE_TO_COME;
	return r->expires.given &&
	       r->expires.t - now <= (int64_t)EXPIRING_DAYS * DAY ?
		RULE_EXPIRING : RULE_IN_FORCE;
}

static void put_mark(struct report_page *r, const char *class, const char *text)
{
	buf_printf(r->out, "<span class=\"mark %s\">%s</span> ", class, text);
}

static void put_state(struct report_page *r, const struct rule *a)
{
	static const struct {
		const char *class, *text;
	} look[] = {
		[RULE_IN_FORCE] = { "good", "in force" },
		[RULE_EXPIRING] = { "open", "expires soon" },
		[RULE_EXPIRED] = { "bad", "expired" },
		[RULE_TO_COME] = { "open", "to come" },
	};
	enum rule_state s = rule_state(a, r->plan->now);

	buf_puts(r->out, "<td data-l=\"State\">");
	put_mark(r, look[s].class, look[s].text);
	if (!a->owner)
		put_mark(r, "bad", "no owner");
	if (a->review_by.given && r->plan->now >= a->review_by.t)
		put_mark(r, "open", "review due");
	buf_puts(r->out, "</td>");
}

static void exception_line(struct report_page *r, const struct rule *a)
{
	buf_puts(r->out, "<tr>");
	page_cell(r, "Name", a->name ? a->name : a->ident);
	put_state(r, a);
	page_cell(r, "From", ends_text(&a->from, r->arena));
	page_cell(r, "To", ends_text(&a->to, r->arena));
	page_cell(r, "What", packets_words(r->arena, &a->what));
	page_cell(r, "Reason", a->reason);
	page_cell(r, "Owner", a->owner);
	page_cell(r, "Ticket", a->ticket);
	page_cell(r, "Approved by", a->approved_by);
	page_cell(r, "Starts", a->starts.text);
	page_cell(r, "Review by", a->review_by.text);
	page_cell(r, "Expires", a->expires.text);
	buf_puts(r->out, "</tr>\n");
}

void report_exceptions(struct report_page *r)
{
	static const char *const columns[] = {
		"Name", "State", "From", "To", "What", "Reason", "Owner",
		"Ticket", "Approved by", "Starts", "Review by", "Expires",
	};
	const struct topology *t = r->plan->topo;

	page_section(r, "exceptions", "Exceptions");
	if (!t->allows.n)
		buf_puts(r->out, "<p>There are none: all that is planned, roles "
			 "ask for.</p>\n");
	else
		page_table(r, columns, COUNT_OF(columns));
	for (size_t i = 0; i < t->allows.n; i++)
		exception_line(r, t->allows.v[i]);
	if (t->allows.n)
		page_end_table(r);
	page_end_section(r);
}

static void promise_line(struct report_page *r, const struct rule *f,
			 const char *kind)
{
	buf_puts(r->out, "<tr>");
	page_cell(r, "Promise", kind);
	page_cell(r, "Name", f->name);
	page_cell(r, "From", ends_text(&f->from, r->arena));
	page_cell(r, "Except", ends_text(&f->except, r->arena));
	page_cell(r, "To", ends_text(&f->to, r->arena));
	page_cell(r, "What", packets_words(r->arena, &f->what));
	page_cell(r, "Reason", f->reason);
	page_cell(r, "Owner", f->owner);
	buf_puts(r->out, "</tr>\n");
}

void report_promises(struct report_page *r)
{
	static const char *const columns[] = {
		"Promise", "Name", "From", "Except", "To", "What", "Reason",
		"Owner",
	};
	const struct topology *t = r->plan->topo;

	if (!t->forbids.n && !t->expects.n)
		return;
	page_section(r, "promises", "Promises");
	buf_puts(r->out, "<p>Whatever is changed: while the plan compiles, "
		 "these hold.</p>\n");
	page_table(r, columns, COUNT_OF(columns));
	for (size_t i = 0; i < t->forbids.n; i++)
		promise_line(r, t->forbids.v[i], "never planned");
	for (size_t i = 0; i < t->expects.n; i++)
		promise_line(r, t->expects.v[i], "always planned");
	page_end_table(r);
	page_end_section(r);
}

/* ---- hosts and rulesets ---------------------------------------------------------------- */

static const char *addresses(struct report_page *r, const struct party *p)
{
	struct buf b = { 0 };
	char text[ADDR_TEXT];

	for (size_t i = 0; i < p->n_prefix; i++) {
		range_text(p->prefix[i].r, text);
		buf_printf(&b, "%s%s", i ? " " : "", text);
	}
	return buf_take(r->arena, &b);
}

static const char *roles(struct report_page *r, const struct party *p)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < p->roles.n; i++)
		buf_printf(&b, "%s%s", i ? " " : "", p->roles.v[i]->name);
	return buf_take(r->arena, &b);
}

void report_hosts(struct report_page *r)
{
	static const char *const columns[] = {
		"Host", "Zone", "Network", "Addresses", "Roles", "Owner",
	};
	const struct topology *t = r->plan->topo;

	page_section(r, "hosts", "Hosts");
	buf_printf(r->out, "<details%s><summary>%zu host%s</summary>\n",
		   t->hosts.n <= 20 ? " open" : "", t->hosts.n,
		   plural(t->hosts.n));
	page_table(r, columns, COUNT_OF(columns));
	for (size_t i = 0; i < t->hosts.n; i++) {
		const struct party *h = t->hosts.v[i];

		buf_puts(r->out, "<tr>");
		page_cell(r, columns[0], h->name);
		page_cell(r, columns[1], party_zone(h)->name);
		page_cell(r, columns[2], h->parent->kind == PARTY_NETWORK ?
						 h->parent->name : NULL);
		page_cell(r, columns[3], addresses(r, h));
		page_cell(r, columns[4], roles(r, h));
		page_cell(r, columns[5], h->owner);
		buf_puts(r->out, "</tr>\n");
	}
	page_end_table(r);
	buf_puts(r->out, "</details>\n");
	page_end_section(r);
}

static void put_ruleset(struct report_page *r, const struct firewall *f,
			size_t *room)
{
	struct buf text = { 0 };
	size_t lines = 0;

	buf_puts(r->out, "<h3>");
	page_text(r, f->name);
	buf_puts(r->out, "</h3>\n");
	if (f->unmanaged || !generated_text(r->args, r->plan, f, &text)) {
		buf_puts(r->out, f->unmanaged ?
			 "<p>Another product: it has no ruleset here.</p>\n" :
			 "<p>Its ruleset cannot be written.</p>\n");
		buf_free(&text);
		return;
	}
	for (size_t i = 0; i < text.n; i++)
		lines += text.s[i] == '\n';
	if (text.n > *room) {
		buf_printf(r->out, "<p>%zu lines, too many for this page: "
			   "<code>portplan gen</code> writes them.</p>\n",
			   lines);
	} else {
		*room -= text.n;
		buf_printf(r->out, "<details><summary>%zu lines</summary>\n"
			   "<pre>", lines);
		for (char *s = text.s, *end; *s; s = end) {
			end = s + strcspn(s, "\n");
			end += *end != '\0';
			page_text(r, arena_strndup(r->arena, s, (size_t)(
				end - s) - (end > s && end[-1] == '\n')));
			buf_putc(r->out, '\n');
		}
		buf_puts(r->out, "</pre></details>\n");
	}
	buf_free(&text);
}

void report_rulesets(struct report_page *r)
{
	const struct topology *t = r->plan->topo;
	size_t room = MAX_RULESETS;

	page_section(r, "rulesets", "Rulesets");
	buf_puts(r->out, "<p>What <code>portplan gen</code> writes, one table "
		 "for each firewall.</p>\n");
	for (size_t i = 0; i < t->firewalls.n; i++)
		put_ruleset(r, t->firewalls.v[i], &room);
	page_end_section(r);
}
