#include <string.h>

#include "topology/schema.h"

/* XSD patterns are anchored. Cross-checks (ranges, references) are the
 * program's; an editor gets what a grammar can say. */
#define NAME "[A-Za-z0-9][A-Za-z0-9_.\\-]{0,63}"
#define NAMES NAME "( " NAME ")*"

#define PREFIX "(@\\S*|[0-9a-fA-F:.]+(/[0-9]+|-[0-9a-fA-F:.]+)?)"
#define PREFIXES PREFIX "( " PREFIX ")*"
#define ADDRESS "(@\\S*|[0-9a-fA-F:.]+(-[0-9a-fA-F:.]+)?)"

static const struct xsd_type {
	const char *name, *base, *pattern;
} xsd_types[N_ATTR_TYPES] = {
	[AT_TEXT] = { "text-or-none", "string", NULL },
	[AT_NAME] = { "name", "token", NAME },
	[AT_NAMES] = { "names-or-none", "token", "(" NAMES ")?" },
	[AT_PREFIXES] = { "prefixes", "token", PREFIXES },
	[AT_ADDRESSES] = { "addresses", "token", ADDRESS "( " ADDRESS ")*" },
	[AT_PORTS] = { "ports", "token",
		       "[0-9]{1,5}(-[0-9]{1,5})?( [0-9]{1,5}(-[0-9]{1,5})?)*" },
	[AT_PROTOCOLS] = { "protocols", "token", "any|[0-9]{1,3}( [0-9]{1,3})*" },
	[AT_ICMP] = { "icmp", "token", "[a-z0-9\\-]+( [a-z0-9\\-]+)*" },
	[AT_WORD] = { NULL, NULL, NULL },
	[AT_WORDS] = { NULL, NULL, NULL },
	[AT_DATE] = { "date", "token",
		      "[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}Z)?" },
	[AT_ENDS] = { "ends", "token", ".*\\S.*" },
	[AT_FILE] = { "file", "string", ".+" },
	[AT_INTERFACE] = { "interface-name", "token", "[^\\s/]{1,15}" },
	[AT_VERSION] = { "version", "token", "[1-9][0-9]{0,3}" },
	[AT_SENDERS] = { "senders", "token", ".*\\S.*" },
	[AT_GROUP] = { "log-group", "token", "0|[1-9][0-9]{0,4}" },
	[AT_PUBLIC] = { "public", "token",
			"interface|[0-9a-fA-F:.]+( [0-9a-fA-F:.]+)?" },
};

/* Where an attribute is required, it says something. */
static const struct xsd_type some_text = { "text", "string",
					   "[\\s\\S]*\\S[\\s\\S]*" };
static const struct xsd_type some_names = { "names", "token", NAMES };

/* One schema is for bundles, too. */
static const struct xsd_type wider_name = { "name-or-leg", "token",
					    NAME "(@" NAME ")?" };
static const struct xsd_type wider_prefixes = { "prefixes-or-none", "token",
						"(" PREFIXES ")?" };

static const struct xsd_type *type_of(const struct attr_def *a)
{
	if (a->flags & AF_WIDER)
		return a->type == AT_NAME ? &wider_name : &wider_prefixes;
	if ((a->flags & AF_REQUIRED) && a->type == AT_TEXT)
		return &some_text;
	if ((a->flags & AF_REQUIRED) && a->type == AT_NAMES)
		return &some_names;
	return &xsd_types[a->type];
}

static void put_escaped(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '<')
			buf_puts(out, "&lt;");
		else if (*s == '&')
			buf_puts(out, "&amp;");
		else
			buf_putc(out, *s);
	}
}

static void put_doc(struct buf *out, int indent, const char *where,
		    const char *doc)
{
	buf_pad(out, ' ', (size_t)indent);
	buf_printf(out, "<xs:annotation><xs:documentation>%s", where);
	put_escaped(out, doc);
	buf_puts(out, "</xs:documentation></xs:annotation>\n");
}

static void put_words(struct buf *out, const char *words, bool list)
{
	buf_puts(out, "      <xs:simpleType>");
	if (list)
		buf_puts(out, "<xs:list><xs:simpleType>");
	buf_puts(out, "<xs:restriction base=\"xs:token\">\n");
	while (*words) {
		size_t n = strcspn(words, " ");

		buf_printf(out, "        <xs:enumeration value=\"%.*s\"/>\n",
			   (int)n, words);
		words += n + (words[n] == ' ');
	}
	buf_puts(out, "      </xs:restriction>");
	if (list)
		buf_puts(out, "</xs:simpleType></xs:list>");
	buf_puts(out, "</xs:simpleType>\n");
}

static void put_attr(struct buf *out, const struct attr_def *a)
{
	const struct xsd_type *t = type_of(a);

	buf_printf(out, "    <xs:attribute name=\"%s\"", a->name);
	if (t->name)
		buf_printf(out, " type=\"p:%s\"", t->name);
	if (a->flags & AF_REQUIRED)
		buf_puts(out, " use=\"required\"");
	buf_puts(out, ">\n");
	put_doc(out, 6, a->flags & AF_BUNDLE ? "in a bundle: " : "", a->doc);
	if (!t->name)
		put_words(out, a->words, a->type == AT_WORDS);
	buf_puts(out, "    </xs:attribute>\n");
}

/* "pin" is two elements, by where it stands. */
static void put_type_name(struct buf *out, int id)
{
	buf_printf(out, "%s%s", schema_elements[id].name,
		   id == EL_ROLE_PIN ? "-by-role" : "");
}

static void put_children(struct buf *out, int id)
{
	bool any = false;

	for (int c = EL_TOPOLOGY; c < N_ELEMENTS; c++) {
		const struct element_def *def = &schema_elements[c];

		if (!(def->parents >> id & 1))
			continue;
		if (!any)
			buf_puts(out, "    <xs:choice minOccurs=\"0\" "
				      "maxOccurs=\"unbounded\">\n");
		any = true;
		buf_printf(out, "      <xs:element name=\"%s\" type=\"p:",
			   def->name);
		put_type_name(out, c);
		buf_puts(out, "-element\"/>\n");
	}
	if (any)
		buf_puts(out, "    </xs:choice>\n");
}

static void put_element_type(struct buf *out, int id)
{
	const struct element_def *def = &schema_elements[id];

	buf_puts(out, "\n  <xs:complexType name=\"");
	put_type_name(out, id);
	buf_puts(out, "-element\">\n");
	put_doc(out, 4, "", def->doc);
	put_children(out, id);
	for (size_t i = 0; i < def->n_attr; i++)
		put_attr(out, &def->attr[i]);
	buf_puts(out, "    <xs:anyAttribute namespace=\"##other\" "
		      "processContents=\"lax\"/>\n"
		      "  </xs:complexType>\n");
}

static void put_simple_type(struct buf *out, const struct xsd_type *t)
{
	buf_printf(out, "  <xs:simpleType name=\"%s\"><xs:restriction "
		   "base=\"xs:%s\">", t->name, t->base);
	if (t->pattern) {
		buf_puts(out, "\n    <xs:pattern value=\"");
		put_escaped(out, t->pattern);
		buf_puts(out, "\"/>\n  ");
	}
	buf_puts(out, "</xs:restriction></xs:simpleType>\n");
}

void schema_xsd(struct buf *out)
{
	buf_puts(out,
		 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		 "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"\n"
		 "           xmlns:p=\"" PORTPLAN_NS "\"\n"
		 "           targetNamespace=\"" PORTPLAN_NS "\"\n"
		 "           elementFormDefault=\"qualified\">\n");
	for (int i = EL_TOPOLOGY; i < N_ELEMENTS; i++)
		if (schema_elements[i].parents >> EL_ROOT & 1)
			buf_printf(out, "  <xs:element name=\"%s\" "
				   "type=\"p:%s-element\"/>\n",
				   schema_elements[i].name,
				   schema_elements[i].name);
	buf_putc(out, '\n');
	for (int i = 0; i < N_ATTR_TYPES; i++)
		if (xsd_types[i].name)
			put_simple_type(out, &xsd_types[i]);
	put_simple_type(out, &some_text);
	put_simple_type(out, &some_names);
	put_simple_type(out, &wider_name);
	put_simple_type(out, &wider_prefixes);
	for (int i = EL_TOPOLOGY; i < N_ELEMENTS; i++)
		put_element_type(out, i);
	buf_puts(out, "</xs:schema>\n");
}
