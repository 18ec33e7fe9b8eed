#include "advice/xpath.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>

#include "advice/document.h"
#include "base/buf.h"
#include "base/vec.h"

enum {
	MOST_STEPS = 200000000, /* of one evaluation */
	MOST_VALUES = 6,	/* that a list in a sentence shows */
};

struct xpath_doc {
	xmlDocPtr doc;
	xmlXPathContextPtr ctxt;
	struct arena *arena;
	VEC(xmlXPathCompExprPtr) compiled;
	xmlNodePtr current;
	uintptr_t n_id; /* calls of id() so far: what marks the nodes of one */
	struct xpath_error *err; /* of the call that is running */
};

struct xpath_expr {
	xmlXPathCompExprPtr comp;
};

#define NO_VARIABLE "the only variable is $once, in a rule that has \"once\""

/* libxml2 gives such an error a number and a place, and no words. */
static const char *const words[] = {
	[XPATH_NUMBER_ERROR] = "this is no number",
	[XPATH_UNFINISHED_LITERAL_ERROR] = "a quoted text is never closed",
	[XPATH_START_LITERAL_ERROR] = "a quoted text is expected here",
	[XPATH_VARIABLE_REF_ERROR] = "a variable's name is expected here",
	[XPATH_UNDEF_VARIABLE_ERROR] = NO_VARIABLE,
	[XPATH_INVALID_PREDICATE_ERROR] = "a [ is never closed",
	[XPATH_EXPR_ERROR] = "an expression is expected here",
	[XPATH_UNCLOSED_ERROR] = "a parenthesis is never closed",
	[XPATH_UNKNOWN_FUNC_ERROR] = "there is no such function",
	[XPATH_INVALID_OPERAND] = "an operand is of the wrong kind",
	[XPATH_INVALID_TYPE] = "an argument is of the wrong kind",
	[XPATH_INVALID_ARITY] = "a function has too many or too few arguments",
	[XPATH_UNDEF_PREFIX_ERROR] = "there is no such prefix (p is the plan's)",
	[XPATH_FORBID_VARIABLE_ERROR] = NO_VARIABLE,
	[XPATH_OP_LIMIT_EXCEEDED] = "it takes more steps than any rule may",
	[XPATH_RECURSION_LIMIT_EXCEEDED] = "it is nested too deep",
};

static void on_error(void *ctx, xmlErrorPtr e)
{
	struct xpath_doc *d = ctx;
	int i = e->code - XML_XPATH_EXPRESSION_OK;

	if (!d->err || d->err->what)
		return;
	d->err->what = i > 0 && i < (int)(sizeof(words) / sizeof(*words)) &&
		       words[i] ? words[i] : "this is no expression";
	d->err->off = e->int1 > 0 ? (size_t)e->int1 : 0;
}

static void fn_current(xmlXPathParserContextPtr ctxt, int nargs)
{
	struct xpath_doc *d = ctxt->context->userData;

	CHECK_ARITY(0);
	valuePush(ctxt, xmlXPathNewNodeSet(d->current));
}

/* The elements with these ids, each once. */
static void add_ids(struct xpath_doc *d, const char *s, xmlNodeSetPtr out)
{
	const char *const space = " \t\r\n";

	for (size_t n; *(s += strspn(s, space)); s += n) {
		xmlChar *id;
		xmlAttrPtr attr;

		n = strcspn(s, space);
		id = xmlStrndup((const xmlChar *)s, (int)n);
		attr = xmlGetID(d->doc, id);
		xmlFree(id);
		if (!attr || !attr->parent ||
		    attr->parent->_private == (void *)d->n_id)
			continue;
		attr->parent->_private = (void *)d->n_id;
		xmlXPathNodeSetAddUnique(out, attr->parent);
	}
}

/* XPath's own id(), in linear time: libxml2 compares every node that it adds
 * with all it has, and groups of ten thousand members are no rarity. */
static void fn_id(xmlXPathParserContextPtr ctxt, int nargs)
{
	struct xpath_doc *d = ctxt->context->userData;
	xmlXPathObjectPtr arg;
	xmlNodeSetPtr out;

	CHECK_ARITY(1);
	arg = valuePop(ctxt);
	out = xmlXPathNodeSetCreate(NULL);
	d->n_id++;
	if (arg->type == XPATH_NODESET) {
		for (int i = 0; arg->nodesetval &&
				i < arg->nodesetval->nodeNr; i++) {
			xmlChar *s = xmlXPathCastNodeToString(
				arg->nodesetval->nodeTab[i]);

			add_ids(d, (const char *)s, out);
			xmlFree(s);
		}
	} else {
		xmlChar *s = xmlXPathCastToString(arg);

		add_ids(d, (const char *)s, out);
		xmlFree(s);
	}
	xmlXPathFreeObject(arg);
	valuePush(ctxt, xmlXPathWrapNodeSet(out));
}

struct xpath_doc *xpath_open(const char *text, size_t len)
{
	struct arena *a = arena_new();
	struct xpath_doc *d = ARENA_NEW(a, struct xpath_doc);

	d->arena = a;
	d->doc = xmlReadMemory(text, (int)len, NULL, "UTF-8",
			       XML_PARSE_NONET | XML_PARSE_HUGE |
			       XML_PARSE_NOBLANKS | /* half of all nodes */
			       XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	d->ctxt = d->doc ? xmlXPathNewContext(d->doc) : NULL;
	if (!d->ctxt) {
		xpath_close(d);
		return NULL;
	}
	d->ctxt->userData = d;
	d->ctxt->error = on_error;
	d->ctxt->opLimit = MOST_STEPS;
	xmlXPathRegisterNs(d->ctxt, (const xmlChar *)"p", (const xmlChar *)PLAN_NS);
	xmlXPathRegisterFunc(d->ctxt, (const xmlChar *)"current", fn_current);
	xmlXPathRegisterFunc(d->ctxt, (const xmlChar *)"id", fn_id);
	return d;
}

void xpath_close(struct xpath_doc *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->compiled.n; i++)
		xmlXPathFreeCompExpr(d->compiled.v[i]);
	if (d->ctxt)
		xmlXPathFreeContext(d->ctxt);
	if (d->doc)
		xmlFreeDoc(d->doc);
	arena_free(d->arena);
}

static void begin(struct xpath_doc *d, struct xpath_error *err)
{
	*err = (struct xpath_error){ NULL, 0 };
	d->err = err;
}

struct xpath_expr *xpath_compile(struct xpath_doc *d, const char *s,
				 struct xpath_error *err)
{
	struct xpath_expr *e = ARENA_NEW(d->arena, struct xpath_expr);

	begin(d, err);
	e->comp = xmlXPathCtxtCompile(d->ctxt, (const xmlChar *)s);
	d->err = NULL;
	if (e->comp)
		vec_push(d->arena, &d->compiled, e->comp);
	else if (!err->what)
		err->what = "Invalid expression";
	return e->comp ? e : NULL;
}

static xmlXPathObjectPtr evaluate(struct xpath_doc *d, struct xpath_expr *e,
				  xpath_node *node, struct xpath_error *err)
{
	xmlXPathObjectPtr r;
	union {
		xpath_node *lent;
		xmlNodePtr node; /* libxml2 knows no const, and changes none */
	} at = { .lent = node };

	begin(d, err);
	d->current = node ? at.node : xmlDocGetRootElement(d->doc);
	d->ctxt->node = d->current;
	d->ctxt->opCount = 0;
	r = xmlXPathCompiledEval(e->comp, d->ctxt);
	d->err = NULL;
	if (!r && !err->what)
		err->what = "it cannot be evaluated";
	return r;
}

bool xpath_set_once(struct xpath_doc *d, struct xpath_expr *e,
		    struct xpath_error *err)
{
	static const xmlChar name[] = "once";
	xmlXPathObjectPtr r = NULL;

	xmlXPathRegisterVariable(d->ctxt, name, NULL); /* that of before */
	*err = (struct xpath_error){ NULL, 0 };
	if (e)
		r = evaluate(d, e, NULL, err);
	if (r)
		xmlXPathRegisterVariable(d->ctxt, name, r);
	return !err->what;
}

/* The element that a node is, or belongs to; NULL for the document. */
static xmlNodePtr element_of(xmlNodePtr n)
{
	while (n && n->type != XML_ELEMENT_NODE)
		n = n->type == XML_DOCUMENT_NODE ? NULL : n->parent;
	return n;
}

bool xpath_eval(struct xpath_doc *d, struct xpath_expr *e, xpath_node *node,
		struct arena *a, struct xpath_value *out,
		struct xpath_error *err)
{
	xmlXPathObjectPtr r = evaluate(d, e, node, err);
	xmlNodeSetPtr set;

	*out = (struct xpath_value){ .is_nodes = false };
	if (!r)
		return false;
	out->truth = xmlXPathCastToBoolean(r);
	if (r->type == XPATH_NODESET) {
		set = r->nodesetval;
		out->is_nodes = true;
		xmlXPathNodeSetSort(set);
		out->node = ARENA_ARRAY(a, xpath_node *,
					set ? (size_t)set->nodeNr : 0);
		for (int i = 0; set && i < set->nodeNr; i++) {
			xmlNodePtr x = element_of(set->nodeTab[i]);

			if (x && (!out->n || out->node[out->n - 1] != x))
				out->node[out->n++] = x;
		}
	}
	xmlXPathFreeObject(r);
	return true;
}

static const char *attr(const xmlNode *n, const char *name, struct arena *a)
{
	for (const xmlAttr *x = n->properties; x; x = x->next) {
		const char *v = x->children ?
			(const char *)x->children->content : "";

		if (!strcmp((const char *)x->name, name))
			return arena_strdup(a, v);
	}
	return NULL;
}

/* The text in one line, as XPath's normalize-space() has it. */
static const char *one_line(const char *s, struct arena *a)
{
	static const char space[] = " \t\r\n";
	char *out = arena_strdup(a, s), *end = out;

	for (size_t n; *(s += strspn(s, space)); s += n) {
		n = strcspn(s, space);
		if (end != out)
			*end++ = ' ';
		memcpy(end, s, n);
		end += n;
	}
	*end = '\0';
	return out;
}

/* What a node says; of an element without text its name, or what it is. */
static const char *node_text(xmlNodePtr n, struct arena *a)
{
	xmlChar *v = xmlXPathCastNodeToString(n);
	const char *s = one_line((const char *)v, a);

	xmlFree(v);
	if (*s || n->type != XML_ELEMENT_NODE)
		return s;
	s = attr(n, "name", a);
	return s ? s : arena_printf(a, "<%s>", (const char *)n->name);
}

/* "a, b, c and 4 more", each value once. */
static const char *list_text(xmlNodeSetPtr set, struct arena *a)
{
	VEC(const char *) seen = { 0 };
	struct buf b = { 0 };
	size_t more = 0;

	xmlXPathNodeSetSort(set);
	for (int i = 0; set && i < set->nodeNr; i++) {
		const char *v = node_text(set->nodeTab[i], a);
		bool again = false;

		for (size_t k = 0; k < seen.n && !again; k++)
			again = !strcmp(seen.v[k], v);
		if (!again && seen.n >= MOST_VALUES)
			more++;
		else if (!again)
			vec_push(a, &seen, v);
	}
	for (size_t i = 0; i < seen.n; i++)
		buf_printf(&b, "%s%s", i ? ", " : "", seen.v[i]);
	if (more)
		buf_printf(&b, " and %zu more", more);
	return buf_take(a, &b);
}

const char *xpath_text(struct xpath_doc *d, struct xpath_expr *e,
		       xpath_node *node, struct arena *a,
		       struct xpath_error *err)
{
	xmlXPathObjectPtr r = evaluate(d, e, node, err);
	const char *s;
	xmlChar *v;

	if (!r)
		return NULL;
	if (r->type == XPATH_NODESET) {
		s = list_text(r->nodesetval, a);
	} else if (r->type == XPATH_BOOLEAN) {
		s = r->boolval ? "yes" : "no";
	} else if (r->type == XPATH_NUMBER && isfinite(r->floatval)) {
		s = arena_printf(a, "%.0f", r->floatval);
	} else {
		v = xmlXPathCastToString(r);
		s = arena_strdup(a, (const char *)v);
		xmlFree(v);
	}
	xmlXPathFreeObject(r);
	return s;
}

const char *xpath_attr_around(xpath_node *n, const char *name, struct arena *a)
{
	const char *s = NULL;

	for (; n && n->type == XML_ELEMENT_NODE && !s; n = n->parent)
		s = attr(n, name, a);
	return s;
}

const char *xpath_attr_of(xpath_node *n, const char *element,
			  const char *name, struct arena *a)
{
	for (; n && n->type == XML_ELEMENT_NODE; n = n->parent)
		if (!strcmp((const char *)n->name, element))
			return attr(n, name, a);
	return NULL;
}

const char *xpath_identity(xpath_node *n, struct arena *a)
{
	static const char *const tell[] = {
		"id", "ident", "name", "service", "role", "text", "rule",
		"from", "to", "from-zone", "to-zone", "in",
	};
	const char *s = "";

	for (; n && n->type == XML_ELEMENT_NODE; n = n->parent) {
		s = arena_printf(a, "%s/%s", s, (const char *)n->name);
		for (size_t i = 0; i < sizeof(tell) / sizeof(*tell); i++) {
			const char *v = attr(n, tell[i], a);

			if (v)
				s = arena_printf(a, "%s %s=%s", s, tell[i], v);
		}
	}
	return s;
}
