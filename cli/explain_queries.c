#include <string.h>

#include "cli/explain.h"
#include "cli/table.h"
#include "plan/part.h"
#include "topology/xml.h"

/*
 * Questions in bulk, a line each: FROM TO PACKET allowed|denied, separated by
 * white space or, in a line with a comma, by commas. What is asked of a host
 * with two addresses, of a zone or by a bare number, is asked more than once:
 * the answer is as expected if each is. One question of the command line is
 * such a line that expects nothing.
 */
enum { Q_FROM, Q_TO, Q_PACKET, Q_EXPECTED, Q_WORDS };

struct query {
	struct span at, word_at[Q_WORDS];
	const char *word[Q_WORDS]; /* Q_EXPECTED: NULL on the command line */
	struct side from, to;
	bool expected; /* allowed */
	size_t allowed, denied, unknown;
	struct packet k; /* the first that surprises, else the first */
	struct answer x;
	bool answered, surprise;
	size_t cure; /* index + 1 */
};

struct queries {
	struct question *q;
	struct diags d;
	VEC(struct query) v;
	VEC(struct cure) cures;
};

/* ---- reading ------------------------------------------------------------------------ */

struct line {
	const struct source *src;
	size_t off, end;
	char separator; /* ',' or ' ' */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next word of a line, without the quotes that spreadsheets write; false
 * at its end. Between two commas it may be empty. */
static bool next_word(struct line *l, size_t *off, size_t *n)
{
	const char *s = l->src->text;
	size_t end;

	while (l->off < l->end && is_blank(s[l->off]))
		l->off++;
	if (l->off >= l->end || s[l->off] == '#')
		return false;
	end = l->off;
	while (end < l->end && s[end] != '#' &&
	       (l->separator == ',' ? s[end] != ',' : !is_blank(s[end])))
		end++;
	*off = l->off;
	l->off = end + (end < l->end && s[end] == ',');
	while (end > *off && is_blank(s[end - 1]))
		end--;
	if (end - *off >= 2 && s[*off] == '"' && s[end - 1] == '"') {
		++*off;
		end--;
	}
	*n = end - *off;
	return true;
}

static size_t read_words(struct queries *qs, struct line l, struct query *x)
{
	size_t n = 0, off, len;

	while (next_word(&l, &off, &len)) {
		if (n < Q_WORDS) {
			x->word_at[n] = (struct span){ l.src, (uint32_t)off,
						       (uint32_t)len };
			x->word[n] = arena_strndup(qs->q->a->arena,
						   l.src->text + off, len);
		}
		n++;
	}
	return n;
}

static bool is_heading(const struct query *x)
{
	static const char *const heading[] = {
		"from", "to", "packet", "expected",
	};

	for (size_t i = 0; i < Q_WORDS; i++)
		if (strcasecmp(x->word[i], heading[i]))
			return false;
	return true;
}

static void say_wrong(struct queries *qs, struct span at, const char *wrong)
{
	diag_add(&qs->d, SEV_ERROR, at, "%s", wrong);
}

static void read_expected(struct queries *qs, struct query *x)
{
	static const char *const legal[] = { "allowed", "denied" };
	const char *s = x->word[Q_EXPECTED];

	x->expected = !strcmp(s, legal[0]);
	if (!x->expected && strcmp(s, legal[1]))
		diag_add(&qs->d, SEV_ERROR, x->word_at[Q_EXPECTED],
			 "\"%s\" is neither allowed nor denied%s",
			 xml_shown(qs->q->a->arena, s),
			 did_you_mean(qs->q->a->arena, s, legal, 2));
}

/* The packets that are asked from one address to another. */
static struct key_set keys_between(struct queries *qs, struct query *x,
				   struct addr from, struct addr to,
				   const char **wrong)
{
	struct key_set k = { 0 };

	*wrong = read_keys(qs->q, x->word[Q_PACKET], to, &k);
	return keys_of_family(qs->q->a->arena, k, addr_is_v4(from));
}

/* Does any packet come of it? NULL, or why not. */
static const char *packet_wrong(struct queries *qs, struct query *x)
{
	const char *wrong = NULL;
	struct addr s, d;
	size_t n = 0;

	for (size_t i = 0; i < x->from.n; i++)
		for (size_t k = 0; k < x->to.n && !wrong; k++)
			if (asked_between(&x->from, i, &x->to, k, &s, &d))
				n += keys_between(qs, x, s, d, &wrong).n;
	if (!wrong && !n)
		wrong = arena_printf(qs->q->a->arena, "%s does not exist "
				     "between \"%s\" and \"%s\": icmp is "
				     "IPv4's, icmpv6 IPv6's",
				     x->word[Q_PACKET], x->from.name,
				     x->to.name);
	return wrong;
}

static void check_query(struct queries *qs, struct query *x)
{
	const char *from = read_side(qs->q, x->word[Q_FROM], &x->from);
	const char *to = read_side(qs->q, x->word[Q_TO], &x->to);
	const char *nobody = from || to ? NULL :
		nobody_between(qs->q, &x->from, &x->to);
	const char *packet = from || to || nobody ? NULL :
		packet_wrong(qs, x);

	if (from)
		say_wrong(qs, x->word_at[Q_FROM], from);
	if (to)
		say_wrong(qs, x->word_at[Q_TO], to);
	if (nobody)
		say_wrong(qs, x->at, nobody);
	if (packet)
		say_wrong(qs, x->word_at[Q_PACKET], packet);
	read_expected(qs, x);
}

static void read_line(struct queries *qs, struct line l)
{
	const char *s = l.src->text;
	struct query x = { .expected = false };
	size_t comment = l.off, n;

	while (comment < l.end && s[comment] != '#')
		comment++;
	l.separator = memchr(s + l.off, ',', comment - l.off) ? ',' : ' ';
	while (comment > l.off && is_blank(s[comment - 1]))
		comment--;
	while (l.off < comment && is_blank(s[l.off]))
		l.off++;
	x.at = (struct span){ l.src, (uint32_t)l.off,
			      (uint32_t)(comment - l.off) };
	n = read_words(qs, l, &x);
	if (!n)
		return;
	if (n != Q_WORDS) {
		diag_add(&qs->d, SEV_ERROR, x.at, "a question has four words, "
			 "FROM, TO, PACKET and allowed or denied; this has %zu",
			 n);
		return;
	}
	if (!qs->v.n && is_heading(&x))
		return;
	check_query(qs, &x);
	vec_push(qs->q->a->arena, &qs->v, x);
}

static int read_file(struct queries *qs, const char *path)
{
	struct source *src = source_read(qs->q->a->arena, path,
					 "list of questions",
					 (struct span){ 0 }, &qs->d);

	for (size_t at = 0; src && at < src->len;) {
		const char *nl = memchr(src->text + at, '\n', src->len - at);
		size_t end = nl ? (size_t)(nl - src->text) : src->len;

		if (at == 0 && src->len >= 3 &&
		    !memcmp(src->text, "\xef\xbb\xbf", 3))
			at = 3;
		read_line(qs, (struct line){ src, at, end, ' ' });
		at = end + 1;
	}
	if (src && !qs->d.n_errors && !qs->v.n)
		diag_add(&qs->d, SEV_ERROR, (struct span){ src, 0, 0 },
			 "there is no question in it");
	print_diags(&qs->d);
	return qs->d.n_errors ? EXIT_BAD : EXIT_OK;
}

/* ---- asking ------------------------------------------------------------------------- */

static void ask_packet(struct queries *qs, struct query *x,
		       const struct packet *k)
{
	struct answer a = plan_verdict(qs->q->l.plan, k);
	bool allowed = a.verdict == VERDICT_ALLOWED;
	bool known = part_answers(qs->q->l.plan, &a);
	bool surprise = known && allowed != x->expected;

	*(allowed ? &x->allowed : known ? &x->denied : &x->unknown) += 1;
	if (!x->answered || (surprise && !x->surprise)) {
		x->k = *k;
		x->x = a;
	}
	x->answered = true;
	x->surprise |= surprise;
}

static void ask(struct queries *qs, struct query *x)
{
	struct addr s, d;
	const char *wrong;

	for (size_t i = 0; i < x->from.n; i++)
		for (size_t n = 0; n < x->to.n; n++) {
			struct key_set k;

			if (!asked_between(&x->from, i, &x->to, n, &s, &d))
				continue;
			k = keys_between(qs, x, s, d, &wrong);
			for (size_t r = 0; r < k.n; r++)
				for (uint32_t key = k.r[r].lo;
				     key <= k.r[r].hi; key++)
					ask_packet(qs, x, &(struct packet){
						s, d,
						(uint8_t)key_proto(key),
						(uint16_t)key_detail(key) });
		}
	if (x->surprise && x->expected && x->x.why == WHY_NOT_PLANNED) {
		vec_push(qs->q->a->arena, &qs->cures,
			 (struct cure){ .asked = x->k, .k = x->x.own,
					.from = x->from.around,
					.to = x->to.around });
		x->cure = qs->cures.n;
	}
}

/* ---- answering ---------------------------------------------------------------------- */

static const struct table_column columns[] = {
	{ "result", "RESULT", 8, 0 },
	{ "from", "FROM", 8, 0 },
	{ "to", "TO", 8, 0 },
	{ "packet", "PACKET", 7, 0 },
	{ "expected", "EXPECTED", 8, 0 },
	{ "verdict", "VERDICT", 7, 0 },
	{ "why", "WHY", 14, 0 },
	{ "cure", "WOULD ALLOW IT", 14, 0 },
	{ "approval", "APPROVAL", 8, 0 },
	{ "place", "PLACE", 6, TABLE_MACHINE },
};

enum { N_COLUMNS = COUNT_OF(columns) };

/* Of whom it is asked where it is not asked of a name once. */
static const char *which(const struct queries *qs, const struct query *x)
{
	struct arena *a = qs->q->a->arena;
	char s[ADDR_TEXT], d[ADDR_TEXT], key[KEY_TEXT];
	uint32_t id = key_of(x->k.proto, x->k.detail);

	if (x->allowed + x->denied == 1 ||
	    ((x->from.around || x->to.around) && !(x->allowed && x->denied)))
		return "";
	addr_text(x->k.src, s);
	addr_text(x->k.dst, d);
	key_text((struct key_range){ id, id }, key);
	return arena_printf(a, "%s to %s, %s: ", s, d, key);
}

static const char *why_text(const struct queries *qs, const struct query *x)
{
	struct arena *a = qs->q->a->arena;
	const struct plan *p = qs->q->l.plan;
	text_list passes;
	const char *out;

	if (!part_answers(p, &x->x))
		return not_in_part(qs->q);
	passes = explain_passes(qs->q, &x->x, &x->x.own);
	if (x->x.verdict != VERDICT_ALLOWED)
		out = explain_why(qs->q, &x->x);
	else
		out = x->x.n_reason ? reason_ident(p, x->x.reason[0], a) : "";
	out = arena_printf(a, "%s%s", which(qs, x), out);
	for (size_t i = 0; i < passes.n; i++)
		out = arena_printf(a, "%s; but %s", out, passes.v[i]);
	return out;
}

/* An exception that allows what it should not has somebody who answers. */
static const char *approval(const struct queries *qs, const struct query *x)
{
	const struct reason *r;

	if (x->cure)
		return qs->cures.v[x->cure - 1].approval;
	if ((x->word[Q_EXPECTED] && !x->surprise) ||
	    x->x.verdict != VERDICT_ALLOWED || !x->x.n_reason)
		return NULL;
	r = &qs->q->l.plan->reasons.v[x->x.reason[0]];
	return r->allow ? r->allow->owner : NULL;
}

static const char *verdict(const struct query *x)
{
	if (x->allowed && x->denied)
		return "both";
	return x->unknown ? "unknown" : x->denied ? "denied" : "allowed";
}

static const char *place(struct arena *a, const struct query *x)
{
	unsigned line, col, end;

	if (!x->at.src)
		return NULL;
	span_position(x->at, &line, &col, &end);
	return arena_printf(a, "%s:%u", x->at.src->name, line);
}

static void fill_row(struct queries *qs, const char **cell,
		     const struct query *x)
{
	const char *const v[N_COLUMNS] = {
		!x->word[Q_EXPECTED] ? NULL : x->surprise ? "surprise" :
			x->unknown ? "unknown" : "ok",
		x->word[Q_FROM], x->word[Q_TO], x->word[Q_PACKET],
		x->word[Q_EXPECTED],
		verdict(x), why_text(qs, x),
		x->cure ? qs->cures.v[x->cure - 1].text : NULL,
		approval(qs, x),
		place(qs->q->a->arena, x),
	};

	memcpy(cell, v, sizeof(v));
}

/* All rows, and one line below: what is counted, and what was not asked. */
static int write_answers(struct queries *qs, const char *counted)
{
	struct arena *a = qs->q->a->arena;
	struct table t = { .schema = "portplan-queries-1", .column = columns,
			   .n_column = N_COLUMNS, .n_row = qs->v.n };
	size_t hosts = 0, unknown = 0;

	explain_cures(qs->q, qs->cures.v, qs->cures.n);
	t.cell = ARENA_ARRAY(a, const char *, t.n_row * N_COLUMNS);
	for (size_t i = 0; i < t.n_row; i++) {
		fill_row(qs, t.cell + i * N_COLUMNS, &qs->v.v[i]);
		hosts += qs->v.v[i].from.hosts + qs->v.v[i].to.hosts;
		unknown += qs->v.v[i].unknown > 0;
	}
	t.title = arena_printf(a, "Questions to %s", qs->q->l.topo->name);
	t.summary = arena_printf(a, "%s%s", counted, hosts ? "; hosts in the "
				 "zones and networks were not asked" : "");
	if (unknown)
		t.summary = arena_printf(a, "%s; of %zu: %s", t.summary,
					 unknown, not_in_part(qs->q));
	return table_out(qs->q->a, &t);
}

int explain_queries(struct question *q, const char *path)
{
	struct queries qs = { .q = q };
	size_t surprises = 0, unknown = 0;
	int code;

	diags_init(&qs.d, q->a->arena);
	code = read_file(&qs, path);
	if (code != EXIT_OK)
		return code;
	for (size_t i = 0; i < qs.v.n; i++) {
		ask(&qs, &qs.v.v[i]);
		surprises += qs.v.v[i].surprise;
		unknown += qs.v.v[i].unknown > 0;
	}
	code = write_answers(&qs, arena_printf(q->a->arena,
		"%zu question%s, %zu surprise%s", qs.v.n, plural(qs.v.n),
		surprises, plural(surprises)));
	return code != EXIT_OK ? code : surprises ? EXIT_FINDINGS :
	       unknown ? EXIT_UNDECIDED : EXIT_OK;
}

int explain_row(struct question *q)
{
	const char *const *word = q->a->operands.v + 1;
	struct queries qs = { .q = q };
	struct query x = { .expected = true, /* so a denial has its cure */
			   .word = { word[0], word[1], word[2], NULL } };
	const char *wrong = read_side(q, word[0], &x.from);
	int code;

	if (!wrong)
		wrong = read_side(q, word[1], &x.to);
	if (!wrong)
		wrong = nobody_between(q, &x.from, &x.to);
	if (!wrong)
		wrong = packet_wrong(&qs, &x);
	if (wrong)
		return complain(q->a, "%s", wrong);
	ask(&qs, &x);
	vec_push(q->a->arena, &qs.v, x);
	code = write_answers(&qs, "1 question");
	return code != EXIT_OK ? code : x.denied ? EXIT_FINDINGS :
	       x.unknown ? EXIT_UNDECIDED : EXIT_OK;
}
