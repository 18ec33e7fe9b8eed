#include "topology/xml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "base/mem.h"

/* The largest real topologies are some MB; what is larger is a mistake. */
enum { MAX_FILE = 64 * 1024 * 1024, MAX_DEPTH = 64, MAX_ERRORS = 8 };

struct reader {
	struct arena *arena;
	const struct source *src;
	struct diags *diags;
	xmlParserCtxtPtr ctxt;
	struct xml_element *root, *cur;
	unsigned errors, depth;
};

struct source *source_from_text(struct arena *a, const char *name,
				const char *text, size_t len, struct diags *d)
{
	struct source *s = ARENA_NEW(a, struct source);

	s->name = arena_strdup(a, name);
	s->text = text;
	s->len = len;
	s->order = ++d->n_sources;
	return s;
}

static char *read_all(struct arena *a, int fd, size_t *len, const char **why)
{
	size_t cap = 65536, n = 0;
	char *heap = mem_alloc(cap), *text = NULL;

	*why = NULL;
	for (;;) {
		ssize_t got = read(fd, heap + n, cap - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			*why = strerror(errno);
		if (got <= 0)
			break;
		n += (size_t)got;
		if (n > MAX_FILE) {
			*why = "larger than 64 MiB: no topology is";
			break;
		}
		if (n == cap)
			heap = mem_realloc(heap, cap *= 2);
	}
	if (!*why) {
		text = arena_strndup(a, heap, n);
		*len = n;
	}
	free(heap);
	return text;
}

struct source *source_read(struct arena *a, const char *path, struct span at,
			   struct diags *d)
{
	int fd = strcmp(path, "-") ?
		open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : dup(0);
	const char *why = NULL, *text = NULL;
	struct stat st;
	size_t len = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		why = strerror(errno);
	else if (S_ISDIR(st.st_mode))
		why = "is a directory, where a file is meant";
	else if (S_ISREG(st.st_mode) && st.st_size > MAX_FILE)
		why = "larger than 64 MiB: no topology is";
	else
		text = read_all(a, fd, &len, &why);
	if (fd >= 0)
		close(fd);
	if (!text) {
		diag_add(d, SEV_ERROR, at, "cannot read \"%s\": %s", path, why);
		return NULL;
	}
	return source_from_text(a, strcmp(path, "-") ? path : "<stdin>", text,
				len, d);
}

static uint32_t offset_now(const struct reader *r)
{
	const xmlParserInput *in = r->ctxt->input;
	size_t off = in ? in->consumed + (size_t)(in->cur - in->base) : 0;

	return (uint32_t)(off > r->src->len ? r->src->len : off);
}

/* Where the start tag that ends near off began: in well-formed XML no '<'
 * stands inside a tag. */
static uint32_t tag_start(const struct source *src, uint32_t off)
{
	if (off >= src->len)
		off = src->len ? (uint32_t)src->len - 1 : 0;
	while (off > 0 && src->text[off] != '<')
		off--;
	return off;
}

static void stop(struct reader *r, struct span at, const char *msg)
{
	if (r->errors++ == 0)
		diag_add(r->diags, SEV_ERROR, at, "%s", msg);
	xmlStopParser(r->ctxt);
}

static void copy_attrs(struct reader *r, struct xml_element *e, int n,
		       const xmlChar **v)
{
	e->attr = ARENA_ARRAY(r->arena, struct xml_attr, (size_t)n);
	e->n_attr = (unsigned)n;
	for (int i = 0; i < n; i++, v += 5) {
		const char *uri = (const char *)v[2];

		e->attr[i].name = arena_strdup(r->arena, (const char *)v[0]);
		e->attr[i].value = arena_strndup(r->arena, (const char *)v[3],
						 (size_t)(v[4] - v[3]));
		e->attr[i].uri = uri ? arena_strdup(r->arena, uri) : NULL;
	}
}

static void on_start(void *ctx, const xmlChar *name, const xmlChar *prefix,
		     const xmlChar *uri, int n_ns, const xmlChar **ns,
		     int n_attr, int n_default, const xmlChar **attr)
{
	struct reader *r = ctx;
	struct xml_element *e = ARENA_NEW(r->arena, struct xml_element);

	(void)prefix, (void)n_ns, (void)ns, (void)n_default;
	e->name = arena_strdup(r->arena, (const char *)name);
	e->uri = !uri ? NULL : !strcmp((const char *)uri, PORTPLAN_NS) ?
		PORTPLAN_NS : arena_strdup(r->arena, (const char *)uri);
	e->src = r->src;
	e->off = tag_start(r->src, offset_now(r));
	e->parent = r->cur;
	copy_attrs(r, e, n_attr, attr);
	if (!r->cur)
		r->root = e;
	else if (!r->cur->first)
		r->cur->first = r->cur->last = e;
	else
		r->cur->last = r->cur->last->next = e;
	r->cur = e;
	if (++r->depth > MAX_DEPTH)
		stop(r, xml_span(e), "elements are nested too deeply");
}

static void on_end(void *ctx, const xmlChar *name, const xmlChar *prefix,
		   const xmlChar *uri)
{
	struct reader *r = ctx;

	(void)name, (void)prefix, (void)uri;
	r->depth--;
	if (r->cur)
		r->cur = r->cur->parent;
}

static void on_text(void *ctx, const xmlChar *s, int n)
{
	struct reader *r = ctx;
	int i = 0;

	while (i < n && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' ||
			 s[i] == '\r'))
		i++;
	if (i == n || !r->cur || r->errors)
		return;
	/* the parser stands at or behind the text: find it backwards */
	uint32_t off = offset_now(r), len = 1;

	while (off > 0 && (off >= r->src->len || r->src->text[off] == '<' ||
			   strchr(" \t\r\n", r->src->text[off])))
		off--;
	while (off > 0 && !strchr(">\n", r->src->text[off - 1]))
		off--;
	while (off + 1 < r->src->len && strchr(" \t\r", r->src->text[off]))
		off++;
	while (off + len < r->src->len && !strchr("<\n", r->src->text[off + len]))
		len++;
	diag_add(r->diags, SEV_ERROR, (struct span){ r->src, off, len },
		 "text stands in <%s>: the format has attributes and elements, "
		 "no text", r->cur->name);
}

static void on_doctype(void *ctx, const xmlChar *name, const xmlChar *ext,
		       const xmlChar *sys)
{
	struct reader *r = ctx;
	uint32_t off = offset_now(r);

	(void)name, (void)ext, (void)sys;
	while (off > 0 && strncmp(r->src->text + off, "<!DOCTYPE", 9))
		off--;
	stop(r, (struct span){ r->src, off, 9 },
	     "a DOCTYPE is refused: no entities are loaded or expanded");
}

static void on_error(void *ctx, xmlErrorPtr err)
{
	struct reader *r = ctx;
	struct span at = { r->src, 0, 0 };
	size_t n;
	const char *msg = err->message ? err->message : "not well-formed";

	if (err->level < XML_ERR_ERROR || r->errors >= MAX_ERRORS)
		return;
	/* namespace remarks are not fatal for the parser, but for us */
	at.off = offset_now(r);
	n = strcspn(msg, "\n");
	if (r->src->len == 0)
		msg = "the file is empty", n = strlen(msg);
	else if (err->code == XML_ERR_DOCUMENT_EMPTY)
		msg = "not XML: no '<' where the document should begin",
		n = strlen(msg), at.off = 0;
	r->errors++;
	diag_add(r->diags, SEV_ERROR, at, "XML: %.*s", (int)n, msg);
}

/* libxml2 converts other encodings before it parses, and places would then
 * be those of the converted text. */
static bool check_encoding(const struct source *src, struct diags *d)
{
	const char *end, *p;
	size_t n;

	if (src->len >= 2 && (!memcmp(src->text, "\xff\xfe", 2) ||
			      !memcmp(src->text, "\xfe\xff", 2))) {
		diag_add(d, SEV_ERROR, (struct span){ src, 0, 0 },
			 "the file is UTF-16: save it as UTF-8");
		return false;
	}
	if (strncmp(src->text, "<?xml", 5) || !(end = strstr(src->text, "?>")))
		return true;
	p = strstr(src->text, "encoding=");
	if (!p || p > end)
		return true;
	p += strlen("encoding=") + 1;
	n = strcspn(p, "\"'");
	if ((n == 5 && !strncasecmp(p, "utf-8", 5)) ||
	    (n == 8 && !strncasecmp(p, "us-ascii", 8)))
		return true;
	diag_add(d, SEV_ERROR,
		 (struct span){ src, (uint32_t)(p - src->text), (uint32_t)n },
		 "encoding \"%.*s\" is not supported: save the file as UTF-8",
		 (int)(n > 40 ? 40 : n), p);
	return false;
}

static xmlParserInputPtr refuse_entity(const char *url, const char *id,
				       xmlParserCtxtPtr ctxt)
{
	(void)url, (void)id, (void)ctxt;
	return NULL;
}

struct xml_element *xml_parse(struct arena *a, const struct source *src,
			      struct diags *d)
{
	struct reader r = { .arena = a, .src = src, .diags = d };
	size_t before = d->n_errors;
	xmlDocPtr doc;

	if (!check_encoding(src, d))
		return NULL;
	if (memchr(src->text, '\0', src->len)) {
		diag_add(d, SEV_ERROR, (struct span){ src, 0, 0 },
			 "not XML: the file holds NUL bytes");
		return NULL;
	}
	xmlSetExternalEntityLoader(refuse_entity);
	r.ctxt = xmlNewParserCtxt();
	if (!r.ctxt)
		mem_exhausted();
	memset(r.ctxt->sax, 0, sizeof(*r.ctxt->sax));
	r.ctxt->sax->initialized = XML_SAX2_MAGIC;
	r.ctxt->sax->startElementNs = on_start;
	r.ctxt->sax->endElementNs = on_end;
	r.ctxt->sax->characters = on_text;
	r.ctxt->sax->cdataBlock = on_text;
	r.ctxt->sax->internalSubset = on_doctype;
	r.ctxt->sax->serror = on_error;
	r.ctxt->userData = &r;
	doc = xmlCtxtReadMemory(r.ctxt, src->text, (int)src->len, NULL, NULL,
				XML_PARSE_NONET);
	if (doc)
		xmlFreeDoc(doc);
	if (!r.ctxt->wellFormed && d->n_errors == before)
		diag_add(d, SEV_ERROR, (struct span){ src, 0, 0 },
			 src->len ? "XML: not well-formed" :
				    "the file is empty");
	xmlFreeParserCtxt(r.ctxt);
	return d->n_errors == before ? r.root : NULL;
}

const char *xml_attr(const struct xml_element *e, const char *name)
{
	for (unsigned i = 0; i < e->n_attr; i++)
		if (!e->attr[i].uri && !strcmp(e->attr[i].name, name))
			return e->attr[i].value;
	return NULL;
}

struct span xml_span(const struct xml_element *e)
{
	uint32_t n = 1;

	while (e->off + n < e->src->len &&
	       !strchr(" \t\r\n/>", e->src->text[e->off + n]))
		n++;
	return (struct span){ e->src, e->off, n };
}

/* Finds name="value" in the start tag; the tag is known to be well-formed. */
static bool find_attr(const struct xml_element *e, const char *name,
		      struct span *key, struct span *val)
{
	const char *t = e->src->text, *end = t + e->src->len;
	const char *p = t + e->off + xml_span(e).len;
	size_t want = strlen(name);

	while (p < end && *p != '>') {
		const char *k = p;
		size_t n;

		if (strchr(" \t\r\n/", *p)) {
			p++;
			continue;
		}
		while (p < end && !strchr(" \t\r\n=", *p))
			p++;
		n = (size_t)(p - k);
		while (p < end && *p != '"' && *p != '\'')
			p++;
		if (p >= end)
			return false;
		const char *v = p + 1;
		const char *close = memchr(v, *p, (size_t)(end - v));

		if (!close)
			return false;
		if (n == want && !memcmp(k, name, n)) {
			*key = (struct span){ e->src, (uint32_t)(k - t),
					      (uint32_t)n };
			*val = (struct span){ e->src, (uint32_t)(v - t),
					      (uint32_t)(close - v) };
			return true;
		}
		p = close + 1;
	}
	return false;
}

struct span xml_attr_name_span(const struct xml_element *e, const char *name)
{
	struct span key, val;

	return find_attr(e, name, &key, &val) ? key : xml_span(e);
}

struct span xml_value_span(const struct xml_element *e, const char *name)
{
	struct span key, val;

	return find_attr(e, name, &key, &val) ? val : xml_span(e);
}

struct span xml_word_span(const struct xml_element *e, const char *name,
			  size_t off, size_t len)
{
	const char *value = xml_attr(e, name);
	struct span key, val;

	if (!value || !find_attr(e, name, &key, &val))
		return xml_span(e);
	/* with references in the value, offsets do not carry over */
	if (val.len != strlen(value) || off + len > val.len)
		return val;
	val.off += (uint32_t)off;
	val.len = (uint32_t)len;
	return val;
}
