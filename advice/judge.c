#include <stdlib.h>
#include <string.h>

#include "advice/advice.h"
#include "advice/document.h"
#include "advice/expression.h"
#include "base/hash.h"

/*
 * How this works: the plan becomes its document; each rule's expressions are
 * compiled; "each" names the nodes to look at (the whole plan, if it is
 * absent), "condition" is asked of every one of them. Where it answers with
 * nodes, they are the findings; else its truth makes the node one.
 */

struct segment {
	const char *text; /* or */
	struct expression value;
};

struct compiled {
	const struct advice_rule *rule;
	struct expression once, each, condition, place;
	VEC(struct segment) finding;
};

struct judge {
	struct arena *arena;
	const struct plan *p;
	struct diags *d;
	struct xpath_doc *doc;
	const struct vocabulary *vocabulary;
	struct advice_report *out;
	VEC(struct advice_finding) found; /* of the rule at hand */
	struct map seen;
};

/* ---- reading a rule's expressions ------------------------------------------------ */

static bool read_attr(struct judge *j, const struct advice_rule *r,
		      const char *attr, struct expression *out)
{
	const char *s = xml_attr(r->xml, attr);

	*out = (struct expression){ .expr = NULL };
	return !s || expression_read(j->doc, j->vocabulary, r->xml, attr, 0,
				     strlen(s), j->d, out);
}

/* The } that closes the { before s; literals may hold some. */
static size_t expression_end(const char *s)
{
	size_t i = 0;

	while (s[i] && s[i] != '}') {
		const char *end = s[i] == '\'' || s[i] == '"' ?
			strchr(s + i + 1, s[i]) : NULL;

		i = end ? (size_t)(end - s) + 1 : i + 1;
	}
	return i;
}

static bool add_value(struct judge *j, const struct advice_rule *r, size_t off,
		      size_t len, struct compiled *c)
{
	struct segment x = { .text = NULL };

	if (!expression_read(j->doc, j->vocabulary, r->xml, "finding", off,
			     len, j->d, &x.value))
		return false;
	vec_push(j->arena, &c->finding, x);
	return true;
}

/* A line's end and its indentation are one space. */
static const char *literal(struct arena *a, const char *s, size_t n)
{
	char *out = arena_strndup(a, s, n), *to = out;

	for (size_t i = 0; i < n; i++)
		if (!strchr(" \n\t", s[i]))
			*to++ = s[i];
		else if (i == 0 || !strchr(" \n\t", s[i - 1]))
			*to++ = ' ';
	*to = '\0';
	return out;
}

/* "{@name} stands in {../@name}" */
static bool read_finding(struct judge *j, const struct advice_rule *r,
			 struct compiled *c)
{
	const char *s = xml_attr(r->xml, "finding");
	bool ok = true;

	for (size_t i = 0; s[i];) {
		size_t n = strcspn(s + i, "{");
		struct segment x = { .text = literal(j->arena, s + i, n) };

		if (n)
			vec_push(j->arena, &c->finding, x);
		i += n;
		if (!s[i])
			break;
		n = expression_end(s + i + 1);
		if (s[i + 1 + n] != '}') {
			diag_add(j->d, SEV_ERROR,
				 xml_word_span(r->xml, "finding", i, 1),
				 "this { is never closed");
			return false;
		}
		ok &= add_value(j, r, i + 1, n, c);
		i += n + 2;
	}
	return ok;
}

static bool compile(struct judge *j, const struct advice_rule *r,
		    struct compiled *c)
{
	bool ok;

	*c = (struct compiled){ .rule = r };
	ok = read_attr(j, r, "once", &c->once);
	ok &= read_attr(j, r, "each", &c->each);
	ok &= read_attr(j, r, "condition", &c->condition);
	ok &= read_attr(j, r, "place", &c->place);
	return read_finding(j, r, c) && ok;
}

/* ---- findings --------------------------------------------------------------------- */

static const char *sentence(struct judge *j, const struct compiled *c,
			    xpath_node *node)
{
	struct buf b = { 0 };
	const char *s = NULL;
	bool ok = true;

	for (size_t i = 0; i < c->finding.n && ok; i++) {
		const struct segment *x = &c->finding.v[i];
		struct xpath_error err;

		s = x->text ? x->text :
			xpath_text(j->doc, x->value.expr, node, j->arena, &err);
		ok = s;
		if (ok)
			buf_puts(&b, s);
		else
			expression_failed(&x->value, &err, j->d);
	}
	s = ok ? arena_strdup(j->arena, b.s ? b.s : "") : NULL;
	buf_free(&b);
	return s;
}

/* "topology.xml:12:5", from behind: a file's name may hold colons. */
static void read_place(struct judge *j, const char *at,
		       struct advice_finding *f)
{
	const char *col = strrchr(at, ':'), *line = col;

	while (line && line > at && *--line != ':')
		;
	if (!line || line == at || at[0] == '<')
		return;
	f->file = arena_strndup(j->arena, at, (size_t)(line - at));
	f->line = (unsigned)strtoul(line + 1, NULL, 10);
	f->col = (unsigned)strtoul(col + 1, NULL, 10);
}

/* The node that was written for it: a flow comes from a template, its place
 * is where the topology has what the rule's "place" names. */
static xpath_node *place_of(struct judge *j, const struct compiled *c,
			    xpath_node *node)
{
	struct xpath_value v;
	struct xpath_error err;

	if (!c->place.expr)
		return node;
	if (!xpath_eval(j->doc, c->place.expr, node, j->arena, &v, &err)) {
		expression_failed(&c->place, &err, j->d);
		return node;
	}
	return v.n ? v.node[0] : node;
}

static void add_finding(struct judge *j, const struct compiled *c,
			xpath_node *node)
{
	xpath_node *place = place_of(j, c, node);
	struct advice_finding f = { .rule = c->rule };
	const char *at = xpath_attr_around(place, "at", j->arena), *key;
	uint64_t h;
	int is_new;

	f.text = sentence(j, c, node);
	if (!f.text)
		return;
	if (at)
		read_place(j, at, &f);
	f.host = xpath_attr_of(node, "host", "name", j->arena);
	if (!f.host)
		f.host = xpath_attr_of(place, "host", "name", j->arena);
	key = arena_printf(j->arena, "%s\n%s", f.text, f.host ? f.host : "");
	map_add_str(j->arena, &j->seen, key, &is_new);
	if (!is_new)
		return; /* products that one sentence says alike */
	h = hash_str(hash_str(HASH_INIT, c->rule->id),
		     xpath_identity(node, j->arena));
	key = arena_printf(j->arena, "#%016llx",
			   (unsigned long long)hash_mix(h));
	for (unsigned i = 2; map_find_str(&j->seen, key); i++)
		key = arena_printf(j->arena, "#%016llx-%u",
				   (unsigned long long)hash_mix(h), i);
	map_add_str(j->arena, &j->seen, key, NULL);
	f.fingerprint = key + 1;
	vec_push(j->arena, &j->found, f);
}

static bool ask(struct judge *j, const struct compiled *c, xpath_node *node)
{
	struct xpath_value v;
	struct xpath_error err;

	if (!xpath_eval(j->doc, c->condition.expr, node, j->arena, &v, &err)) {
		expression_failed(&c->condition, &err, j->d);
		return false;
	}
	if (!v.is_nodes && v.truth)
		add_finding(j, c, node);
	/* with "each", nodes are a truth about the one that is looked at */
	else if (v.is_nodes && v.n && c->each.expr)
		add_finding(j, c, node);
	for (size_t i = 0; i < v.n && !c->each.expr; i++)
		add_finding(j, c, v.node[i]);
	return true;
}

static void apply(struct judge *j, const struct compiled *c)
{
	struct xpath_value v;
	struct xpath_error err;

	if (!xpath_set_once(j->doc, c->once.expr, &err)) {
		expression_failed(&c->once, &err, j->d);
		return;
	}
	if (!c->each.expr) {
		ask(j, c, NULL);
		return;
	}
	if (!xpath_eval(j->doc, c->each.expr, NULL, j->arena, &v, &err)) {
		expression_failed(&c->each, &err, j->d);
		return;
	}
	if (!v.is_nodes)
		diag_add(j->d, SEV_ERROR, xml_value_span(c->rule->xml, "each"),
			 "\"each\" names nodes, this gives none of them");
	for (size_t i = 0; i < v.n; i++)
		if (!ask(j, c, v.node[i]))
			break;
}

/* ---- skip -------------------------------------------------------------------------- */

static void check_skip(struct judge *j, const struct advice_rules *rules,
		       const struct skip *s)
{
	VEC(const char *) names = { 0 };
	const char *near;

	for (size_t i = 0; i < rules->list.n; i++) {
		if (s->rule && !strcmp(rules->list.v[i]->id, s->rule))
			return;
		vec_push(j->arena, &names, rules->list.v[i]->id);
	}
	near = s->rule ? nearest_name(s->rule, names.v, names.n) : NULL;
	if (s->rule)
		diag_add(j->d, SEV_ERROR, s->at,
			 "there is no rule \"%s\" to skip%s%s%s",
			 xml_shown(j->arena, s->rule),
			 near ? "; did you mean \"" : " (lint --full names "
			 "all of them)", near ? near : "", near ? "\"?" : "");
}

static const struct skip *skipped_by(struct judge *j,
				     const struct advice_finding *f)
{
	const struct topology *t = j->p->topo;

	for (size_t i = 0; i < t->skips.n; i++) {
		const struct skip *s = t->skips.v[i];

		if (strcmp(s->rule, f->rule->id) ||
		    (s->host && (!f->host || strcmp(s->host->name, f->host))) ||
		    j->out->skip[i] == SKIP_EXPIRED)
			continue;
		j->out->skip[i] = SKIP_USED;
		return s;
	}
	return NULL;
}

static void take_skips(struct judge *j, const struct advice_rules *rules)
{
	const struct topology *t = j->p->topo;

	j->out->skip = ARENA_ARRAY(j->arena, enum skip_state, t->skips.n);
	for (size_t i = 0; i < t->skips.n; i++) {
		const struct skip *s = t->skips.v[i];

		check_skip(j, rules, s);
		j->out->skip[i] = s->expires.given &&
				  j->p->now >= s->expires.t ?
			SKIP_EXPIRED : SKIP_UNUSED;
	}
}

/* ---- the whole ---------------------------------------------------------------------- */

static int finding_order(const void *a, const void *b)
{
	const struct advice_finding *x = a, *y = b;
	int c;

	if (!x->file != !y->file)
		return x->file ? -1 : 1;
	c = x->file ? strcmp(x->file, y->file) : 0;
	if (c)
		return c;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->col != y->col)
		return x->col < y->col ? -1 : 1;
	return strcmp(x->text, y->text);
}

static void settle(struct judge *j, const struct advice_rule *r)
{
	struct advice_report *out = j->out;

	if (!j->found.n)
		vec_push(j->arena, &out->passed, r);
	else
		qsort(j->found.v, j->found.n, sizeof(*j->found.v),
		      finding_order);
	for (size_t i = 0; i < j->found.n; i++) {
		struct advice_finding *f = &j->found.v[i];

		f->skip = skipped_by(j, f);
		if (f->skip) {
			vec_push(j->arena, &out->skipped, *f);
			continue;
		}
		out->count[r->severity]++;
		vec_push(j->arena, &out->findings, *f);
	}
}

static void judge_rule(struct judge *j, const struct advice_rule *r)
{
	struct compiled c;

	if (r->undecided) {
		vec_push(j->arena, &j->out->undecided, r);
		return;
	}
	j->found.n = 0;
	memset(&j->seen, 0, sizeof(j->seen));
	if (compile(j, r, &c))
		apply(j, &c);
	settle(j, r);
}

struct advice_report *advice_judge(struct arena *a, const struct plan *p,
				   const struct advice_rules *rules,
				   struct diags *d)
{
	struct judge j = { .arena = a, .p = p, .d = d,
			   .out = ARENA_NEW(a, struct advice_report),
			   .vocabulary = vocabulary_read(a) };
	struct buf text = { 0 };

	plan_document(p, &text);
	j.doc = xpath_open(text.s, text.n);
	buf_free(&text);
	if (!j.doc) {
		diag_add(d, SEV_ERROR, p->topo->at,
			 "the plan does not make a document");
		return NULL;
	}
	take_skips(&j, rules);
	/* the worst first, each in the order of the files */
	for (int s = 0; s < N_ADVICE && !d->n_errors; s++)
		for (size_t i = 0; i < rules->list.n; i++)
			if ((int)rules->list.v[i]->severity == s)
				judge_rule(&j, rules->list.v[i]);
	xpath_close(j.doc);
	return d->n_errors ? NULL : j.out;
}
