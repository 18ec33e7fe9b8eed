#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/generation.h"
#include "apply/model.h"
#include "apply/nft.h"
#include "audit/capture.h"
#include "audit/decode.h"
#include "base/json_read.h"
#include "cli/lines.h"
#include "cli/pending.h"
#include "topology/xml.h"

static const char mark[] = " observe "; /* in what our rules log */

enum { LONGEST_NAME = 80 }; /* longer than any firewall's */

/* ---- one packet ------------------------------------------------------------------ */

struct seen {
	struct addr src, dst;
	unsigned proto, detail;
	bool opens; /* as TCP says it */
};

static bool read_address(struct pending *p, const char *s, size_t n,
			 struct addr *out)
{
	struct prefix x;

	if (prefix_parse(p->a->arena, s, n, false, &x))
		return false;
	*out = x.r.lo;
	return true;
}

static uint32_t party_of(const struct plan *p, uint32_t cell)
{
	return cell == NONE ? NONE : p->cell[cell].party;
}

static uint32_t node_of(const struct plan *p, uint32_t cell)
{
	return cell == NONE || p->cell[cell].cls == NONE ? NONE :
		p->classes.v[p->cell[cell].cls].node;
}

static bool is_host(const struct plan *p, uint32_t party)
{
	return party != NONE && (p->topo->parties.v[party]->kind ==
				 PARTY_HOST);
}

static void add_source(struct pending_flow *f, struct addr a)
{
	for (size_t i = 0; i < f->n_src && i < PENDING_ADDRS; i++)
		if (addr_eq(f->src[i], a))
			return;
	if (f->n_src < PENDING_ADDRS)
		f->src[f->n_src] = a;
	if (f->n_src <= PENDING_ADDRS)
		f->n_src++;
}

static void note_hidden(struct pending *p, struct pending_flow *f,
			const struct party *many, struct addr seen)
{
	const struct party *zone = many;
	char text[ADDR_TEXT];

	while (zone->parent)
		zone = zone->parent;
	addr_text(seen, text);
	f->from_node = zone->zone_id;
	f->from_many = true;
	f->note = arena_printf(p->a->arena, "behind %s", text);
}

/* Flows to a host are one whatever its address; others go by address. */
struct pending_flow *pending_add(struct pending *p, struct addr src,
				 struct addr dst, uint32_t key)
{
	const struct plan *plan = p->l.plan;
	uint32_t s = plan_cell(plan, src), d = plan_cell(plan, dst);
	const struct party *many = plan_hides_behind(plan, src);
	struct {
		struct addr dst;
		uint32_t from, to, key, pad;
	} id = { .dst = dst, .from = party_of(plan, s),
		 .to = party_of(plan, d), .key = key };
	struct map_entry *e;
	int is_new;

	if (is_host(plan, id.to))
		id.dst = (struct addr){ 0, 0 };
	e = map_add(p->a->arena, &p->flow_ids, &id, sizeof(id), &is_new);
	if (is_new) {
		e->val.u = (uint32_t)p->flows.n;
		vec_push(p->a->arena, &p->flows, (struct pending_flow){
				.from = id.from, .to = id.to, .dst = dst,
				.from_node = node_of(plan, s),
				.to_node = node_of(plan, d), .key = id.key });
	}
	if (many)
		note_hidden(p, &p->flows.v[e->val.u], many, src);
	add_source(&p->flows.v[e->val.u], src);
	return &p->flows.v[e->val.u];
}

/* Was it seen before its source was translated, too? */
static bool seen_as_own(const struct pending *p, const struct pending_flow *f)
{
	for (size_t i = 0; i < p->flows.n; i++) {
		const struct pending_flow *x = &p->flows.v[i];

		if (!x->from_many && x->from_node == f->from_node &&
		    x->to == f->to && x->key == f->key &&
		    (is_host(p->l.plan, f->to) || addr_eq(x->dst, f->dst)))
			return true;
	}
	return false;
}

void pending_settle(struct pending *p)
{
	size_t n = 0;

	/* what moves up is found all the same */
	for (size_t i = 0; i < p->flows.n; i++) {
		struct pending_flow f = p->flows.v[i];

		if (!f.from_many || !seen_as_own(p, &f))
			p->flows.v[n++] = f;
	}
	p->flows.n = n;
}

/* Does the firewall, NULL: does any, let through what is denied? */
static bool observes(const struct pending *p, const struct firewall *f)
{
	const struct topology *t = p->l.topo;
	bool any = t->observes.n || (f && f->unenforced);

	for (size_t i = 0; i < t->firewalls.n && !f; i++)
		any |= t->firewalls.v[i]->unenforced;
	return any;
}

/* Firewalls beyond one that translates log public addresses. */
static void add_packet(struct pending *p, const struct seen *x,
		       const struct firewall *at)
{
	struct packet k = { x->src, x->dst, (uint8_t)x->proto,
			    (uint16_t)x->detail };
	struct addr src;
	struct answer a;

	p->logged++;
	if (x->proto == PROTO_TCP && !x->opens) {
		p->midstream++;
		return;
	}
	a = plan_verdict(p->l.plan, &k);
	if (a.verdict == VERDICT_ALLOWED) {
		p->planned++; /* since then */
		return;
	}
	if (!observes(p, at)) {
		p->unobserved++;
		return;
	}
	src = plan_hides_behind(p->l.plan, x->src) ? x->src : a.own.src;
	pending_add(p, src, a.own.dst,
		    key_of(a.own.proto, a.own.detail))->packets++;
}

static void add_count(struct pending *p, const char *table, const char *what,
		      uint64_t packets)
{
	const char *id = arena_printf(p->a->arena, "%s\n%s", table, what);
	int is_new;
	struct map_entry *e;

	p->counters = true;
	if (!observes(p, NULL)) {
		p->unobserved += packets;
		return;
	}
	e = map_add_str(p->a->arena, &p->count_ids, id, &is_new);
	if (is_new) {
		e->val.u = (uint32_t)p->counts.n;
		vec_push(p->a->arena, &p->counts,
			 (struct pending_count){ table, what, 0 });
	}
	p->counts.v[e->val.u].packets += packets;
}

/* "office to servers: not planned, let through": of what; NULL if it is none
 * that lets through. */
static const char *comment_what(struct pending *p, const char *s, size_t n)
{
	static const char said[] = ": not planned, ";
	const char *at = memmem(s, n, said, strlen(said));

	return at ? arena_strndup(p->a->arena, s, (size_t)(at - s)) : NULL;
}

/* ---- a saved listing, or the kernel's log, line by line ------------------------------ */

static const char *after(const char *line, size_t n, const char *word)
{
	const char *at = memmem(line, n, word, strlen(word));

	return at ? at + strlen(word) : NULL;
}

static size_t word_length(const char *s, const char *end)
{
	size_t n = 0;

	while (s + n < end && !strchr(" \t\r\n", s[n]))
		n++;
	return n;
}

static bool has_word(const char *line, size_t n, const char *word)
{
	const char *end = after(line, n, word);

	return end && (end == line + n || strchr(" \t\r", *end));
}

static unsigned number_after(const char *line, size_t n, const char *word)
{
	const char *s = after(line, n, word);
	unsigned v = 0;

	for (; s && s < line + n && *s >= '0' && *s <= '9' && v < 100000; s++)
		v = v * 10 + (unsigned)(*s - '0');
	return v;
}

/* The kernel's words: net/netfilter/nf_log_syslog.c. */
static int protocol_of(const char *s, size_t n)
{
	static const struct { const char *name; int proto; } names[] = {
		{ "TCP", PROTO_TCP }, { "UDP", PROTO_UDP },
		{ "ICMP", PROTO_ICMP }, { "ICMPv6", PROTO_ICMPV6 },
		{ "ESP", PROTO_ESP }, { "AH", PROTO_AH }, { "UDPLITE", 136 },
	};
	int v = 0;

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strlen(names[i].name) == n && !memcmp(names[i].name, s, n))
			return names[i].proto;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9' || v > 255)
			return -1;
		v = v * 10 + s[i] - '0';
	}
	return n && v < 256 ? v : -1;
}

/* "core observe office to servers": whose rules logged it; false and it is
 * remembered if there is no such firewall. */
static bool logged_by(struct pending *p, const char *s, size_t n,
		      const struct firewall **out)
{
	const char *end = memmem(s, n, mark, strlen(mark)), *at = end;
	char name[LONGEST_NAME];

	while (at > s && (isalnum((unsigned char)at[-1]) ||
			  strchr("-_.", at[-1])) && at[-1])
		at--;
	snprintf(name, sizeof(name), "%.*s", (int)(end - at), at);
	*out = topology_firewall(p->l.topo, name);
	if (*out)
		return true;
	p->unknown++;
	if (!p->unknown_name)
		p->unknown_name = arena_strdup(p->a->arena, name);
	return false;
}

/* "core observe office to servers: IN=eth0 … SRC=… DST=… PROTO=TCP DPT=…" */
static void log_line(struct pending *p, const char *s, size_t n)
{
	const char *src = after(s, n, " SRC="), *dst = after(s, n, " DST=");
	const char *proto = after(s, n, " PROTO="), *end = s + n;
	const struct firewall *at;
	struct seen x = { .opens = has_word(s, n, " SYN") &&
				   !has_word(s, n, " ACK") };
	int k = proto ? protocol_of(proto, word_length(proto, end)) : -1;

	p->logs = true;
	if (!logged_by(p, s, n, &at))
		return;
	if (!src || !dst || k < 0 ||
	    !read_address(p, src, word_length(src, end), &x.src) ||
	    !read_address(p, dst, word_length(dst, end), &x.dst)) {
		p->unreadable++;
		return;
	}
	x.proto = (unsigned)k;
	x.detail = proto_has_ports(x.proto) ? number_after(s, n, " DPT=") :
		   proto_is_icmp(x.proto) ? number_after(s, n, " TYPE=") : 0;
	add_packet(p, &x, at);
}

static void listing_line(struct pending *p, const char *table, const char *s,
			 size_t n)
{
	const char *comment = after(s, n, "comment \""), *what;
	const char *packets = after(s, n, "counter packets ");

	if (!comment || !packets)
		return;
	what = comment_what(p, comment, (size_t)(s + n - comment));
	if (what)
		add_count(p, table, what, strtoull(packets, NULL, 10));
}

static void one_line(struct pending *p, const char **table, const char *s,
		     size_t n)
{
	const char *name = after(s, n, "table inet ");

	if (name) {
		*table = arena_strndup(p->a->arena, name,
				       word_length(name, s + n));
		p->counters |= !strncmp(*table, "pp_", 3);
	} else if (after(s, n, mark) && after(s, n, " SRC=")) {
		log_line(p, s, n);
	} else if (!strncmp(*table, "pp_", 3)) {
		listing_line(p, *table, s, n);
	}
}

/* ---- nft -j list ruleset ---------------------------------------------------------- */

static uint64_t rule_packets(const struct json_value *rule)
{
	const struct json_value *expr = json_get(rule, "expr");
	uint64_t sum = 0;

	for (const struct json_value *x = expr ? expr->first : NULL; x;
	     x = x->next) {
		const struct json_value *c = x->type == JSON_OBJECT ?
			json_get(x, "counter") : NULL;
		const struct json_value *n = c && c->type == JSON_OBJECT ?
			json_get(c, "packets") : NULL;

		if (n && n->type == JSON_NUMBER && n->num > 0)
			sum += (uint64_t)n->num;
	}
	return sum;
}

static const char *string_of(const struct json_value *v, const char *key)
{
	const struct json_value *s = json_get(v, key);

	return s && s->type == JSON_STRING ? s->str : "";
}

static void json_rule(struct pending *p, const struct json_value *rule)
{
	const char *comment = string_of(rule, "comment");
	const char *table = string_of(rule, "table");
	const char *what = comment_what(p, comment, strlen(comment));

	if (strncmp(table, "pp_", 3))
		return;
	p->counters = true;
	if (what)
		add_count(p, table, what, rule_packets(rule));
}

static int json_listing(struct pending *p, const struct source *src,
			struct diags *d)
{
	const struct json_value *v, *all;

	v = json_read(p->a->arena, src, d);
	print_diags(d);
	if (!v)
		return EXIT_BAD;
	all = v->type == JSON_OBJECT ? json_get(v, "nftables") : NULL;
	for (const struct json_value *x = all ? all->first : NULL; x;
	     x = x->next) {
		const struct json_value *r = x->type == JSON_OBJECT ?
			json_get(x, "rule") : NULL;

		if (r && r->type == JSON_OBJECT)
			json_rule(p, r);
	}
	return EXIT_OK;
}

/* JSON is read whole. */
static int json_text(struct pending *p, const char *path, struct lines *in)
{
	enum { MOST = 64 * 1024 * 1024 };
	struct source *src;
	const char *s;
	struct diags d;
	size_t n;

	diags_init(&d, p->a->arena);
	s = lines_rest(in, MOST, &n);
	if (!s && !lines_why(in))
		return complain(p->a, "\"%s\" is larger than 64 MiB: no listing "
				"as JSON is", path);
	if (!s)
		return EXIT_OK;
	src = source_from_text(p->a->arena, path,
			       arena_strndup(p->a->arena, s, n), n, &d);
	return json_listing(p, src, &d);
}

static int read_text(struct pending *p, const char *path, struct lines *in)
{
	const char *table = "", *s;
	int code = EXIT_OK;
	size_t n;

	if (lines_first(in) == '{')
		code = json_text(p, path, in);
	else
		while (lines_next(in, &s, &n))
			one_line(p, &table, s, n);
	if (code == EXIT_OK && lines_why(in))
		code = complain(p->a, "\"%s\" %s", path, lines_why(in));
	return code;
}

int pending_text(struct pending *p, const char *path)
{
	bool counters = p->counters, logs = p->logs;
	const char *why;
	struct lines *in = lines_open(path, &why);
	int code;

	if (!in)
		return complain(p->a, "cannot read \"%s\": %s", path, why);
	arena_add_file(p->a->arena, path);
	p->counters = p->logs = false;
	code = read_text(p, path, in);
	lines_close(in);
	if (code == EXIT_OK && !p->counters && !p->logs)
		code = complain(p->a, "\"%s\" is neither a listing of "
				"portplan's tables (nft list ruleset, nft -j "
				"list ruleset) nor a kernel log with lines of "
				"what is observed", path);
	p->counters |= counters;
	p->logs |= logs;
	return code;
}

/* ---- NFLOG, captured --------------------------------------------------------------- */

/* Was it logged as observed? Other captures have no prefix: all counts. */
static bool is_observed(const struct frame *f)
{
	return f->link != LINK_NFLOG ||
	       memmem(f->data, f->caplen, mark, strlen(mark));
}

static void one_frame(struct pending *p, const struct frame *f,
		      struct decode_stats *st)
{
	struct pkt k[PKT_LAYERS];
	struct seen x;
	const struct firewall *at = NULL;

	if (!is_observed(f) ||
	    (f->link == LINK_NFLOG &&
	     !logged_by(p, (const char *)f->data, f->caplen, &at)))
		return;
	if (!decode_frame(f, k, st) || k[0].flags & PKT_LATER_FRAG) {
		p->unreadable++;
		return;
	}
	x = (struct seen){ k[0].src, k[0].dst, k[0].proto,
			   proto_has_ports(k[0].proto) ? k[0].dport :
			   proto_is_icmp(k[0].proto) ? k[0].type : 0,
			   (k[0].tcp & (TCP_SYN | TCP_ACK)) == TCP_SYN };
	add_packet(p, &x, at);
}

static int cannot_open(struct pending *p, const char *path, const char *why)
{
	bool in = !strcmp(path, "-");
	struct stat st;

	if (!in && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return complain(p->a, "\"%s\" is a directory: name its captures",
				path);
	if (!in && access(path, R_OK) < 0)
		return complain(p->a, "cannot read \"%s\": %s", path, why);
	return complain(p->a, "\"%s\" %s", in ? "standard input" : path, why);
}

int pending_capture(struct pending *p, const char *path)
{
	struct decode_stats st = { { 0 } };
	struct frame f[FRAME_BATCH];
	const struct capture_stats *stats;
	const char *why = NULL;
	struct capture *c = capture_open(path, 0, &why);
	size_t n;

	if (!c)
		return cannot_open(p, path, why);
	arena_add_file(p->a->arena, path);
	while ((n = capture_read(c, f, FRAME_BATCH)) > 0)
		for (size_t i = 0; i < n; i++)
			one_frame(p, &f[i], &st);
	stats = capture_stats(c);
	p->unreadable += stats->damage != NULL;
	p->logs = true;
	capture_close(c);
	return EXIT_OK;
}

/* ---- the running kernel -------------------------------------------------------------- */

static void take_model(struct pending *p, const struct model *m)
{
	for (size_t i = 0; i < m->chains.n; i++)
		for (size_t k = 0; k < m->chains.v[i]->rules.n; k++) {
			const struct model_rule *r =
				&m->chains.v[i]->rules.v[k];
			const char *what = r->comment && r->counted ?
				comment_what(p, r->comment,
					     strlen(r->comment)) : NULL;

			if (what)
				add_count(p, m->table, what, r->packets);
		}
	p->counters = true;
}

int pending_live(struct pending *p, const struct firewall *f)
{
	const char *table = arena_printf(p->a->arena, "pp_%s", f->name);
	struct buf err = { 0 };
	struct generations g;
	struct model *m = NULL;
	struct nft nft;
	int slot = -1, code;

	if (nft_open(&nft, &err) == 0) {
		if (generations_read(&nft, table, &g, &err) == 0)
			slot = generations_running(&g);
		if (slot >= 0)
			m = model_read(p->a->arena, &nft, table, slot, false,
				       &err);
		else if (!err.n)
			buf_printf(&err, "the rules of firewall \"%s\" (table "
				   "%s) do not run here", f->name, table);
		nft_close(&nft);
	}
	if (m)
		take_model(p, m);
	code = m ? EXIT_OK : complain(p->a, "%s", err.s ? err.s : "");
	buf_free(&err);
	return code;
}
