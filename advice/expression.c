#include "advice/expression.h"

#include <ctype.h>
#include <string.h>

#include "base/map.h"
#include "base/vec.h"
#include "topology/builtin.h"

/*
 * XPath finds nothing where a name is misspelt, and says nothing. So names are
 * held against the schema of the document, functions against XPath's own.
 */
struct vocabulary {
	VEC(const char *) names;
	struct map map;
};

static const char *const functions[] = {
	"last", "position", "count", "id", "local-name", "namespace-uri",
	"name", "string", "concat", "starts-with", "contains",
	"substring-before", "substring-after", "substring", "string-length",
	"normalize-space", "translate", "boolean", "not", "true", "false",
	"lang", "number", "sum", "floor", "ceiling", "round", "current",
	"node", "text", "comment", "processing-instruction", "and", "or",
	"div", "mod", /* operators before a parenthesis */
};

struct vocabulary *vocabulary_read(struct arena *a)
{
	struct vocabulary *v = ARENA_NEW(a, struct vocabulary);
	const char *s = builtin_file("plan.xsd");
	int is_new;

	while ((s = strstr(s, " name=\""))) {
		size_t n;
		const char *name;

		s += strlen(" name=\"");
		n = strcspn(s, "\"");
		name = arena_strndup(a, s, n);
		map_add_str(a, &v->map, name, &is_new);
		if (is_new)
			vec_push(a, &v->names, name);
	}
	return v;
}

struct checker {
	const struct vocabulary *v;
	const struct xml_element *xml;
	const char *attr, *value;
	size_t base; /* of the expression in the attribute */
	struct diags *d;
	bool wrong;
};

static void complain(struct checker *c, size_t off, size_t len,
		     const char *what, const char *const *legal, size_t n)
{
	const char *word = arena_strndup(c->d->arena, c->value + off, len);
	const char *near = nearest_name(word, legal, n);

	c->wrong = true;
	diag_add(c->d, SEV_ERROR,
		 xml_word_span(c->xml, c->attr, c->base + off, len),
		 "there is no %s \"%s\"%s%s%s", what,
		 xml_shown(c->d->arena, word),
		 near ? "; did you mean \"" : "", near ? near : "",
		 near ? "\"?" : "");
}

static bool name_char(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.';
}

static bool is_function(const char *s, size_t len)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++)
		if (strlen(functions[i]) == len &&
		    !strncmp(functions[i], s, len))
			return true;
	return false;
}

static bool is_operator(const char *s, size_t len)
{
	static const char *const op[] = { "and", "or", "div", "mod" };

	for (size_t i = 0; i < 4; i++)
		if (strlen(op[i]) == len && !strncmp(op[i], s, len))
			return true;
	return false;
}

static bool known(const struct checker *c, const char *s, size_t len)
{
	return map_find(&c->v->map, s, len);
}

static void check_variable(struct checker *c, const char *s, size_t off,
			   size_t len)
{
	static const char *const only[] = { "once" };

	if (len != strlen(only[0]) || strncmp(s + off, only[0], len)) {
		complain(c, off, len, "variable", only, 1);
		return;
	}
	if (xml_attr(c->xml, only[0]) && strcmp(c->attr, only[0]))
		return;
	c->wrong = true;
	diag_add(c->d, SEV_ERROR,
		 xml_word_span(c->xml, c->attr, c->base + off, len),
		 "$once is the value of the rule's attribute \"once\"%s",
		 strcmp(c->attr, only[0]) ? ", which it has not" : " itself");
}

/* One name: after @, after a prefix, or before a parenthesis. */
static void check_name(struct checker *c, const char *s, size_t off,
		       size_t len)
{
	size_t after = off + len;
	char before = off ? s[off - 1] : '\0';

	if (s[after] == ':' && s[after + 1] == ':')
		return; /* an axis */
	if (s[after] == ':') {
		if (len != 1 || s[off] != 'p')
			if (!(len == 3 && !strncmp(s + off, "xml", 3)))
				complain(c, off, len, "prefix (p is the "
					 "plan's)", NULL, 0);
		return;
	}
	while (isspace((unsigned char)s[after]))
		after++;
	if (before == ':' && off > 1 && s[off - 2] == 'l') {
		return; /* xml:id */
	} else if (before == '$') {
		check_variable(c, s, off, len);
	} else if (before == ':' && off > 1 && s[off - 2] == 'p') {
		if (!known(c, s + off, len))
			complain(c, off, len, "element", c->v->names.v,
				 c->v->names.n);
	} else if (before == '@') {
		if (!known(c, s + off, len))
			complain(c, off, len, "attribute", c->v->names.v,
				 c->v->names.n);
	} else if (s[after] == '(') {
		if (!is_function(s + off, len))
			complain(c, off, len, "function", functions,
				 sizeof(functions) / sizeof(*functions));
	} else if (!is_operator(s + off, len)) {
		c->wrong = true;
		diag_add(c->d, SEV_ERROR,
			 xml_word_span(c->xml, c->attr, c->base + off, len),
			 "\"%.*s\" finds nothing: elements of the plan are "
			 "written p:%.*s", (int)len, s + off, (int)len,
			 s + off);
	}
}

static void check_names(struct checker *c)
{
	const char *s = c->value;

	for (size_t i = 0; s[i];) {
		size_t n = 0;

		if (s[i] == '\'' || s[i] == '"') {
			const char *end = strchr(s + i + 1, s[i]);

			if (!end)
				return;
			i = (size_t)(end - s) + 1;
			continue;
		}
		while (name_char(s[i + n]))
			n++;
		if (n && !isdigit((unsigned char)s[i]) && s[i] != '.' &&
		    s[i] != '-')
			check_name(c, s, i, n);
		i += n ? n : 1;
	}
}

bool expression_read(struct xpath_doc *doc, const struct vocabulary *v,
		     const struct xml_element *e, const char *attr, size_t off,
		     size_t len, struct diags *d, struct expression *out)
{
	const char *s = arena_strndup(d->arena, xml_attr(e, attr) + off, len);
	struct checker c = { .v = v, .xml = e, .attr = attr, .value = s,
			     .base = off, .d = d };
	struct xpath_error err;

	*out = (struct expression){ .xml = e, .attr = attr, .off = off };
	check_names(&c);
	if (c.wrong)
		return false;
	out->expr = xpath_compile(doc, s, &err);
	if (out->expr)
		return true;
	if (err.off >= len)
		err.off = len ? len - 1 : 0;
	diag_add(d, SEV_ERROR, xml_word_span(e, attr, off + err.off, 1),
		 "XPath: %s", err.what);
	return false;
}

void expression_failed(const struct expression *e,
		       const struct xpath_error *err, struct diags *d)
{
	diag_add(d, SEV_ERROR, xml_value_span(e->xml, e->attr), "XPath: %s",
		 err->what);
}
