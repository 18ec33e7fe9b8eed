#include "cli/report.h"
#include "draw/text.h"

/*
 * One file, no scripts, nothing fetched: the policy in the head forbids both.
 * Colours are Okabe and Ito's; what they say stands there in words as well.
 */
static const char style[] =
	"<style>\n"
	"*{box-sizing:border-box}\n"
	"body{font:16px/1.5 system-ui,'Segoe UI',Helvetica,Arial,sans-serif;"
	"color:#1b1f24;background:#fff;margin:0}\n"
	"main,header,footer{max-width:80rem;margin:0 auto;padding:0 1.5rem}\n"
	"h1{font-size:1.9rem;margin:1.6rem 0 .2rem;line-height:1.2}\n"
	"h2{font-size:1.35rem;margin:2.6rem 0 .6rem;padding-top:.4rem;"
	"border-top:2px solid #1b1f24}\n"
	"h3{font-size:1.05rem;margin:1.6rem 0 .4rem}\n"
	"p{max-width:48rem;margin:.5rem 0}\n"
	"p,li,h1,h3{overflow-wrap:anywhere}\n"
	"a{color:#00568a}\n"
	".quiet{color:#57606a}\n"
	".verdict{border:1px solid #aab2bb;border-left:10px solid #0072b2;"
	"border-radius:4px;padding:.7rem 1rem;margin:1rem 0;font-size:1.1rem}\n"
	".verdict.good{border-left-color:#009e73;background:#eef9f5}\n"
	".verdict.bad{border-left-color:#d55e00;background:#fdf1ea}\n"
	".verdict.open{border-left-color:#e69f00;background:#fef8ea}\n"
	".verdict b{display:block}\n"
	".verdict span{display:block;font-size:.95rem}\n"
	"nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;list-style:none;"
	"padding:0;margin:.8rem 0}\n"
	".wide{overflow-x:auto;margin:.4rem 0 1rem}\n"
	"table{border-collapse:collapse;font-size:.9rem}\n"
	"th,td{text-align:left;vertical-align:top;padding:.35rem .9rem .35rem "
	"0;border-bottom:1px solid #d0d7de}\n"
	"thead th{border-bottom:2px solid #57606a;white-space:nowrap}\n"
	"td{overflow-wrap:break-word;max-width:26rem}\n"
	"@media(min-width:42.01rem){td[data-l=Why]{min-width:15rem}}\n"
	"td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}\n"
	"tr:target,h3:target{background:#fff6d6}\n"
	".mark{display:inline-block;border:1px solid;border-radius:3px;padding:"
	"0 .4em;font-size:.8rem;font-weight:600;white-space:nowrap}\n"
	".mark.bad{color:#8a3b00;background:#fdf1ea}\n"
	".mark.open{color:#6b4a00;background:#fef8ea}\n"
	".mark.good{color:#00563f;background:#eef9f5}\n"
	".heat{border-collapse:separate;border-spacing:3px;font-size:.9rem}\n"
	".heat th,.heat td{border:0;padding:.4rem .6rem}\n"
	".heat thead th{text-align:center;vertical-align:bottom}\n"
	".heat.many thead th span{writing-mode:vertical-rl;"
	"transform:rotate(180deg)}\n"
	".heat tbody th{text-align:right;white-space:nowrap}\n"
	".heat td{text-align:center;min-width:4.2rem;border-radius:4px;"
	"background:#f6f8fa;color:#57606a}\n"
	".heat thead td{background:none}\n"
	".heat td a{display:block;color:#1b1f24;font-weight:600}\n"
	".heat td small{display:block;color:#1b1f24;font-weight:400}\n"
	".heat .h1{background:#e3f0f8}.heat .h2{background:#c5e0f0}"
	".heat .h3{background:#9ccae5}.heat .h4{background:#6fb3da}\n"
	".heat .within{background:repeating-linear-gradient(135deg,#f3f4f6 0 "
	"6px,#e5e8eb 6px 8px)}\n"
	".heat .found{outline:3px solid #d55e00;outline-offset:-3px}\n"
	"pre{font:12px/1.45 ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,"
	"monospace;overflow-x:auto;background:#f6f8fa;border:1px solid "
	"#d0d7de;padding:.7rem;tab-size:4}\n"
	"summary{cursor:pointer;font-weight:600;padding:.3rem 0}\n"
	".picture svg{display:block}\n"
	"footer{margin-top:3rem;padding-bottom:2rem;font-size:.85rem;"
	"color:#57606a}\n"
	"@media(max-width:42rem){main,header,footer{padding:0 .9rem}\n"
	"h1{font-size:1.5rem}\n"
	".rows thead{position:absolute;left:-9999px}\n"
	".rows,.rows tbody,.rows tr,.rows td{display:block;max-width:none}\n"
	".rows tr{border:1px solid #aab2bb;border-radius:4px;padding:.3rem "
	".7rem;margin:.6rem 0}\n"
	".rows td,.rows td.n{border:0;padding:.1rem 0 .1rem 7rem;text-align:"
	"left;min-height:1.5rem}\n"
	".rows td:empty{display:none}\n"
	".rows td::after{content:'';display:block;clear:both}\n"
	".rows td::before{content:attr(data-l);float:left;margin-left:-7rem;"
	"width:6.6rem;color:#57606a}}\n"
	"@media print{body{font-size:9.5pt}main,header,footer{max-width:none;"
	"padding:0}nav{display:none}a{color:inherit;text-decoration:none}\n"
	"tr,.verdict{break-inside:avoid}h2,h3,h2+p{break-after:avoid}"
	".wide{overflow:visible}.picture svg{max-width:100%;max-height:23cm;"
	"height:auto}"
	"details:not([open])>summary::after{content:' (closed: open it before "
	"printing)';font-weight:400}}\n"
	"</style>\n";

void page_text(struct report_page *r, const char *s)
{
	text_xml(r->out, s ? s : "");
}

void page_cell(struct report_page *r, const char *label, const char *text)
{
	buf_printf(r->out, "<td data-l=\"%s\">", label);
	page_text(r, text);
	buf_puts(r->out, "</td>");
}

void page_cell_number(struct report_page *r, const char *label, long long n)
{
	buf_printf(r->out, "<td class=\"n\" data-l=\"%s\">%lld</td>", label, n);
}

void page_table(struct report_page *r, const char *const *column, size_t n)
{
	buf_puts(r->out, "<div class=\"wide\"><table class=\"rows\">\n<thead>"
		 "<tr>");
	for (size_t i = 0; i < n; i++)
		buf_printf(r->out, "<th scope=\"col\">%s</th>", column[i]);
	buf_puts(r->out, "</tr></thead>\n<tbody>\n");
}

void page_end_table(struct report_page *r)
{
	buf_puts(r->out, "</tbody>\n</table></div>\n");
}

void page_section(struct report_page *r, const char *id, const char *title)
{
	buf_printf(r->out, "<section id=\"%s\">\n<h2>%s</h2>\n", id, title);
}

void page_end_section(struct report_page *r)
{
	buf_puts(r->out, "</section>\n");
}

/* ---- head and verdict -------------------------------------------------------------- */

static void put_contents(struct report_page *r)
{
	static const struct {
		const char *id, *title;
	} part[] = {
		{ "zones", "Zone by zone" }, { "seen", "What was found" },
		{ "advice", "Advice" },
		{ "matrix", "Port matrix" }, { "exceptions", "Exceptions" },
		{ "promises", "Promises" }, { "picture", "Picture" },
		{ "hosts", "Hosts" }, { "rulesets", "Rulesets" },
	};
	const struct topology *t = r->plan->topo;

	buf_puts(r->out, "<nav aria-label=\"Contents\"><ul>");
	for (size_t i = 0; i < COUNT_OF(part); i++) {
		if ((i == 1 && !r->seen.traffic.n && !r->seen.rules.n) ||
		    (i == 5 && !t->forbids.n && !t->expects.n))
			continue;
		buf_printf(r->out, "<li><a href=\"#%s\">%s</a></li>",
			   part[i].id, part[i].title);
	}
	buf_puts(r->out, "</ul></nav>\n");
}

void report_head(struct report_page *r)
{
	const struct topology *t = r->plan->topo;
	char day[16];

	date_text(r->plan->now, day);
	buf_puts(r->out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
		 "<meta charset=\"utf-8\">\n"
		 "<meta name=\"viewport\" content=\"width=device-width, "
		 "initial-scale=1\">\n"
		 "<meta http-equiv=\"Content-Security-Policy\" content=\""
		 "default-src 'none'; style-src 'unsafe-inline'\">\n<title>");
	page_text(r, t->name);
	buf_puts(r->out, ": what may talk to what</title>\n");
	buf_puts(r->out, style);
	draw_svg_style(r->out);
	buf_puts(r->out, "</head>\n<body>\n<header>\n<h1>");
	page_text(r, t->name);
	buf_puts(r->out, ": what may talk to what</h1>\n<p class=\"quiet\">As "
		 "of ");
	page_text(r, day);
	buf_printf(r->out, ". %zu zone%s, %zu host%s, %zu firewall%s",
		   t->zones.n, plural(t->zones.n), t->hosts.n,
		   plural(t->hosts.n), t->firewalls.n,
		   plural(t->firewalls.n));
	for (size_t i = 0; i < t->templates.n; i++) {
		buf_puts(r->out, i ? ", " : "; templates: ");
		page_text(r, t->templates.v[i]);
	}
	if (t->owner) {
		buf_puts(r->out, "; owner: ");
		page_text(r, t->owner);
	}
	buf_puts(r->out, ".</p>\n");
	put_contents(r);
	buf_puts(r->out, "</header>\n<main>\n");
}

struct tally {
	size_t different, equal, excused, found, waived, incomplete, ownerless, expiring,
		gone;
};

static struct tally count_all(const struct report_page *r)
{
	const struct topology *t = r->plan->topo;
	struct tally n = { 0 };

	for (size_t i = 0; i < r->seen.rules.n; i++) {
		const struct seen_rules *s = &r->seen.rules.v[i];

		n.excused += s->all_waived;
		*(s->equal || s->all_waived ? &n.equal : &n.different) += 1;
	}
	for (size_t i = 0; i < r->seen.traffic.n; i++) {
		const struct seen_traffic *s = &r->seen.traffic.v[i];

		n.incomplete += !s->complete;
		for (size_t k = 0; k < s->findings.n; k++)
			*(s->findings.v[k].waived ? &n.waived : &n.found) += 1;
	}
	for (size_t i = 0; i < t->allows.n; i++) {
		enum rule_state s = rule_state(t->allows.v[i], r->plan->now);

		n.ownerless += s != RULE_EXPIRED && !t->allows.v[i]->owner;
		n.expiring += s == RULE_EXPIRING;
		n.gone += s == RULE_EXPIRED;
	}
	return n;
}

static void put_box(struct report_page *r, const char *class, const char *mark)
{
	buf_printf(r->out, "<div class=\"verdict %s\"><b>%s ", class, mark);
}

static void verdict_rules(struct report_page *r, const struct tally *n)
{
	if (!r->seen.rules.n)
		return;
	put_box(r, n->different ? "bad" : "good", n->different ? "\xe2\x9c\x97" :
		"\xe2\x9c\x93");
	if (n->different)
		buf_printf(r->out, "%zu of %zu ruleset%s do%s not say what the "
			   "plan says", n->different, n->different + n->equal,
			   plural(n->different + n->equal),
			   n->different == 1 ? "es" : "");
	else
		buf_printf(r->out, "%zu ruleset%s checked, equal to the plan%s",
			   n->equal, plural(n->equal),
			   n->excused ? " but for what is waived" : "");
	buf_puts(r->out, "</b><span><a href=\"#seen\">What was found</a>"
		 "</span></div>\n");
}

static void verdict_traffic(struct report_page *r, const struct tally *n)
{
	if (!r->seen.traffic.n)
		return;
	put_box(r, n->found ? "bad" : n->incomplete ? "open" : "good",
		n->found ? "\xe2\x9c\x97" : n->incomplete ? "?" :
		"\xe2\x9c\x93");
	if (n->found)
		buf_printf(r->out, "Traffic outside the plan: %zu finding%s",
			   n->found, plural(n->found));
	else
		buf_puts(r->out, n->incomplete ?
			 "No finding, but too little was seen to call it clean" :
			 "All traffic that was seen is planned");
	buf_puts(r->out, "</b><span>");
	if (n->found && n->incomplete)
		buf_puts(r->out, "The observation was incomplete. ");
	if (n->waived)
		buf_printf(r->out, "%zu more waived. ", n->waived);
	buf_puts(r->out, "<a href=\"#seen\">What was found</a></span></div>\n");
}

static void verdict_enforced(struct report_page *r)
{
	if (!r->let_through)
		return;
	put_box(r, "open", "!");
	buf_puts(r->out, "Not all that is denied is stopped</b><span>");
	page_text(r, r->let_through);
	buf_puts(r->out, ".</span></div>\n");
}

static void verdict_advice(struct report_page *r)
{
	const size_t *n = r->advice->count;
	size_t bad = n[ADVICE_CRITICAL] + n[ADVICE_ERROR];

	put_box(r, bad ? "bad" : n[ADVICE_WARNING] ? "open" : "good",
		bad ? "\xe2\x9c\x97" : n[ADVICE_WARNING] ? "!" :
		"\xe2\x9c\x93");
	if (bad || n[ADVICE_WARNING])
		buf_printf(r->out, "Advice: %zu critical, %zu error%s, %zu "
			   "warning%s", n[ADVICE_CRITICAL], n[ADVICE_ERROR],
			   plural(n[ADVICE_ERROR]), n[ADVICE_WARNING],
			   plural(n[ADVICE_WARNING]));
	else
		buf_puts(r->out, "Best practices: nothing to say against it");
	buf_puts(r->out, "</b><span><a href=\"#advice\">Advice</a></span>"
		 "</div>\n");
}

void report_verdict(struct report_page *r)
{
	const struct topology *t = r->plan->topo;
	struct tally n = count_all(r);
	bool care = n.ownerless || n.expiring || n.gone;

	verdict_rules(r, &n);
	verdict_traffic(r, &n);
	verdict_enforced(r);
	verdict_advice(r);
	put_box(r, care ? "open" : "good", care ? "!" : "\xe2\x9c\x93");
	buf_printf(r->out, "The plan compiles</b><span>%zu line%s in the port "
		   "matrix, %zu exception%s. ", r->matrix->rows.n,
		   plural(r->matrix->rows.n), t->allows.n,
		   plural(t->allows.n));
	if (n.gone)
		buf_printf(r->out, "%zu exception%s expired and not in the "
			   "plan. ", n.gone, n.gone == 1 ? " is" : "s are");
	if (n.expiring)
		buf_printf(r->out, "%zu expire%s within %d days. ", n.expiring,
			   n.expiring == 1 ? "s" : "", EXPIRING_DAYS);
	if (n.ownerless)
		buf_printf(r->out, "%zu ha%s no owner. ", n.ownerless,
			   n.ownerless == 1 ? "s" : "ve");
	if (!r->seen.rules.n && !r->seen.traffic.n)
		buf_puts(r->out, "Neither rulesets nor traffic were held "
			 "against it here.");
	buf_puts(r->out, "</span></div>\n");
}

/* ---- heat map -------------------------------------------------------------------------- */

struct heat {
	size_t n;	/* nodes shown, in the order of the columns */
	uint32_t *node;
	size_t *lines;	/* node x node, by id */
	long long *flows;
	size_t *found;
	size_t n_nodes;
};

static uint32_t node_by_name(const struct plan *p, const char *name)
{
	const struct party *x = topology_party(p->topo, name);

	return x->kind == PARTY_FIREWALL ? p->n_zones + x->firewall->id :
					   x->zone_id;
}

static void count_found(struct heat *h, uint32_t from, uint32_t to)
{
	if (from != NONE && to != NONE)
		h->found[from * h->n_nodes + to]++;
}

static void count_seen(const struct report_page *r, struct heat *h)
{
	for (size_t i = 0; i < r->seen.traffic.n; i++) {
		const struct seen_traffic *t = &r->seen.traffic.v[i];

		for (size_t k = 0; k < t->between.n; k++)
			h->flows[t->between.v[k].from_zone * h->n_nodes +
				 t->between.v[k].to_zone] +=
				t->between.v[k].flows;
		for (size_t k = 0; k < t->findings.n; k++)
			if (!t->findings.v[k].waived)
				count_found(h, t->findings.v[k].from_zone,
					    t->findings.v[k].to_zone);
	}
	for (size_t i = 0; i < r->seen.rules.n; i++)
		for (size_t k = 0; k < r->seen.rules.v[i].findings.n; k++)
			count_found(h, r->seen.rules.v[i].findings.v[k].from_zone,
				    r->seen.rules.v[i].findings.v[k].to_zone);
}

/* Zones, and the firewalls that something is planned to or from. */
static struct heat count_heat(struct report_page *r)
{
	const struct plan *p = r->plan;
	struct heat h = { .n_nodes = p->n_zones + p->topo->firewalls.n };
	bool *used = ARENA_ARRAY(r->arena, bool, h.n_nodes);

	h.node = ARENA_ARRAY(r->arena, uint32_t, h.n_nodes);
	h.lines = ARENA_ARRAY(r->arena, size_t, h.n_nodes * h.n_nodes);
	h.flows = ARENA_ARRAY(r->arena, long long, h.n_nodes * h.n_nodes);
	h.found = ARENA_ARRAY(r->arena, size_t, h.n_nodes * h.n_nodes);
	for (size_t i = 0; i < r->matrix->rows.n; i++) {
		const struct matrix_row *row = &r->matrix->rows.v[i];
		uint32_t from = node_by_name(p, row->from_zone);
		uint32_t to = node_by_name(p, row->to_zone);

		used[from] = used[to] = true;
		h.lines[from * h.n_nodes + to]++;
	}
	for (uint32_t i = 0; i < p->n_zones; i++)
		h.node[h.n++] = r->drawing->order[i];
	for (uint32_t i = p->n_zones; i < h.n_nodes; i++)
		if (used[i])
			h.node[h.n++] = i;
	count_seen(r, &h);
	return h;
}

static void heat_cell(struct report_page *r, const struct heat *h,
		      uint32_t from, uint32_t to)
{
	size_t at = from * h->n_nodes + to, n = h->lines[at];
	int heat = !n ? 0 : n <= 2 ? 1 : n <= 6 ? 2 : n <= 12 ? 3 : 4;

	buf_printf(r->out, "<td class=\"h%d%s%s\">", heat,
		   from == to && !n ? " within" : "",
		   h->found[at] ? " found" : "");
	if (n)
		buf_printf(r->out, "<a href=\"#p%u-%u\">%zu</a>", from, to, n);
	else
		buf_puts(r->out, from == to ? "" : "\xc2\xb7");
	if (h->flows[at])
		buf_printf(r->out, "<small>%lld seen</small>", h->flows[at]);
	if (h->found[at])
		buf_printf(r->out, "<small>\xe2\x96\xb2 <a href=\"#seen\">%zu "
			   "found</a></small>", h->found[at]);
	buf_puts(r->out, "</td>");
}

void report_heat(struct report_page *r)
{
	struct heat h = count_heat(r);

	page_section(r, "zones", "Zone by zone");
	buf_puts(r->out, "<p>From the zone at the left to the zone above: how "
		 "many lines of the port matrix there are, and a link to them. "
		 "\xc2\xb7 is nothing: not planned. "
		 "Hatched is within one zone, where a firewall stands at most between its own interfaces.</p>\n"
		 "<div class=\"wide\">");
	buf_printf(r->out, "<table class=\"heat%s\">\n<thead><tr><td></td>",
		   h.n > 8 ? " many" : "");
	for (size_t i = 0; i < h.n; i++) {
		buf_puts(r->out, "<th scope=\"col\"><span>");
		page_text(r, plan_node_name(r->plan, h.node[i]));
		buf_puts(r->out, "</span></th>");
	}
	buf_puts(r->out, "</tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < h.n; i++) {
		buf_puts(r->out, "<tr><th scope=\"row\">");
		page_text(r, plan_node_name(r->plan, h.node[i]));
		buf_puts(r->out, "</th>");
		for (size_t k = 0; k < h.n; k++)
			heat_cell(r, &h, h.node[i], h.node[k]);
		buf_puts(r->out, "</tr>\n");
	}
	buf_puts(r->out, "</tbody>\n</table></div>\n");
	page_end_section(r);
}
