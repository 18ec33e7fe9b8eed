#include <string.h>

#include "advice/advice.h"
#include "topology/build.h"
#include "topology/builtin.h"
#include "topology/schema.h"

const char *const advice_severity_name[N_ADVICE] = {
	"critical", "error", "warning", "info",
};

static bool read_severity(const struct xml_element *e, struct diags *d,
			  enum advice_severity *out)
{
	const char *s = xml_attr(e, "severity"), *near;

	for (int i = 0; s && i < N_ADVICE; i++)
		if (!strcmp(s, advice_severity_name[i])) {
			*out = (enum advice_severity)i;
			return true;
		}
	near = s ? nearest_name(s, advice_severity_name, N_ADVICE) : NULL;
	if (s)
		diag_add(d, SEV_ERROR, xml_value_span(e, "severity"),
			 "\"%s\" is no severity%s%s%s (legal: critical, error, "
			 "warning, info)", xml_shown(d->arena, s),
			 near ? "; did you mean \"" : "", near ? near : "",
			 near ? "\"?" : "");
	return false;
}

/* A rule decides, or says why it cannot. */
static void check_rule(const struct xml_element *e, struct diags *d)
{
	static const char *const of_decided[] = { "once", "each", "finding",
						  "place", "condition" };
	bool undecided = xml_attr(e, "undecided");

	if (!undecided && !xml_attr(e, "condition"))
		diag_add(d, SEV_ERROR, xml_span(e), "<rule> lacks a condition, "
			 "or undecided, which says why there is none");
	if (!undecided && !xml_attr(e, "finding"))
		diag_add(d, SEV_ERROR, xml_span(e),
			 "<rule> lacks the attribute \"finding\" (the sentence "
			 "that is reported)");
	for (size_t i = 0; undecided && i < 5; i++)
		if (xml_attr(e, of_decided[i]))
			diag_add(d, SEV_ERROR,
				 xml_attr_name_span(e, of_decided[i]),
				 "an undecided rule has no \"%s\"",
				 of_decided[i]);
}

/* In an attribute a line's end and its indentation are one space. */
static const char *prose(struct arena *a, const struct xml_element *e,
			 const char *attr)
{
	const char *s = xml_attr(e, attr);
	char *out, *to;

	if (!s)
		return NULL;
	to = out = arena_strdup(a, s);
	for (; *s; s++)
		if (*s != ' ' && *s != '\n' && *s != '\t')
			*to++ = *s;
		else if (to > out && to[-1] != ' ')
			*to++ = ' ';
	while (to > out && to[-1] == ' ')
		to--;
	*to = '\0';
	return out;
}

static void read_rule(struct arena *a, const struct xml_element *e,
		      struct advice_rules *out, struct diags *d)
{
	struct advice_rule *r = ARENA_NEW(a, struct advice_rule);
	const char *why;

	if (schema_check(e, EL_ADVICE, d) != EL_RULE)
		return;
	schema_check_children(e, EL_RULE, d);
	r->xml = e;
	r->id = xml_attr(e, "id");
	r->title = prose(a, e, "title");
	r->why = prose(a, e, "why");
	r->source = prose(a, e, "source");
	r->remedy = prose(a, e, "remedy");
	r->undecided = prose(a, e, "undecided");
	check_rule(e, d);
	if (r->id && !name_valid(r->id, &why)) {
		diag_add(d, SEV_ERROR, xml_value_span(e, "id"),
			 "the name \"%s\" %s", xml_shown(d->arena, r->id),
			 why);
		return;
	}
	if (!r->id || !read_severity(e, d, &r->severity))
		return;
	for (size_t i = 0; i < out->list.n; i++)
		if (!strcmp(out->list.v[i]->id, r->id)) {
			diag_add2(d, SEV_ERROR, xml_value_span(e, "id"),
				  xml_value_span(out->list.v[i]->xml, "id"),
				  "the first one",
				  "there is a rule \"%s\" already", r->id);
			return;
		}
	vec_push(a, &out->list, r);
}

static void read_source(struct arena *a, const struct source *src,
			struct advice_rules *out, struct diags *d)
{
	const struct xml_element *root = src ? xml_parse(a, src, "advice", d) : NULL;

	if (!root)
		return;
	if (root->uri && !strcmp(root->uri, PORTPLAN_NS) &&
	    strcmp(root->name, "advice")) {
		diag_add(d, SEV_ERROR, xml_span(root),
			 "the root is <%s>, where <advice> is meant",
			 xml_shown(d->arena, root->name));
		return;
	}
	if (schema_check(root, EL_ROOT, d) != EL_ADVICE)
		return;
	for (const struct xml_element *e = root->first; e; e = e->next)
		read_rule(a, e, out, d);
}

struct advice_rules *advice_read(struct arena *a, const char *const *file,
				 size_t n, struct diags *d)
{
	struct advice_rules *out = ARENA_NEW(a, struct advice_rules);
	const char *text = builtin_file("advice.xml");

	read_source(a, source_from_text(a, "<advice>", text, strlen(text), d),
		    out, d);
	for (size_t i = 0; i < n; i++)
		read_source(a, source_read(a, file[i], "file of rules",
					   (struct span){ 0 }, d),
			    out, d);
	return d->n_errors ? NULL : out;
}
