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

/* The largest real files are some MB; what is larger is a mistake. */
enum { MAX_FILE = 64 * 1024 * 1024, MAX_DEPTH = 64 };

static const char too_large[] = "it is larger than 64 MiB";

static const char ours[] = PORTPLAN_NS;

const char *xml_shown(struct arena *a, const char *s)
{
	size_t n = 60;

	if (strlen(s) <= 72)
		return s;
	while (n && ((unsigned char)s[n] & 0xc0) == 0x80)
		n--;
	return arena_printf(a, "%.*s...", (int)n, s);
}

struct reader {
	struct arena *arena;
	const struct source *src;
	const char *begins;
	struct diags *diags;
	xmlParserCtxtPtr ctxt;
	struct xml_element *root, *cur;
	const struct xml_element *text_in; /* complained of already */
	bool stopped;
	unsigned depth;
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

/*
 * Leaves out a byte order mark, and ends lines as XML reads them: places are
 * then those that an editor shows.
 */
static size_t clean_lines(char *s, size_t n)
{
	size_t out = 0, i = n >= 3 && !memcmp(s, "\xef\xbb\xbf", 3) ? 3 : 0;

	for (; i < n; i++)
		if (s[i] != '\r')
			s[out++] = s[i];
		else if (i + 1 == n || s[i + 1] != '\n')
			s[out++] = '\n';
	s[out] = '\0';
	return out;
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
			*why = too_large;
			break;
		}
		if (n == cap)
			heap = mem_realloc(heap, cap *= 2);
	}
	if (!*why) {
		text = arena_strndup(a, heap, n);
		*len = clean_lines(text, n);
	}
	free(heap);
	return text;
}

struct source *source_again(const struct arena *a, const char *path)
{
	for (const struct arena_file *f = arena_files(a); f; f = f->next)
		if (!strcmp(f->path, path))
			return f->kept;
	return NULL;
}

struct source *source_read(struct arena *a, const char *path, const char *kind,
			   struct span at, struct diags *d)
{
	struct source *src;
	int fd = strcmp(path, "-") ?
		open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : dup(0);
	const char *why = NULL, *text = NULL;
	struct arena_file *file = NULL;
	struct stat st;
	size_t len = 0;

	if (fd >= 0)
		file = arena_add_file(a, path);
	if (fd < 0 || fstat(fd, &st) < 0)
		why = strerror(errno);
	else if (S_ISDIR(st.st_mode))
		why = "it is a directory, where a file is meant";
	else if (S_ISREG(st.st_mode) && st.st_size > MAX_FILE)
		why = too_large;
	else
		text = read_all(a, fd, &len, &why);
	if (fd >= 0)
		close(fd);
	if (!text) {
		if (why == too_large)
			why = arena_printf(a, "%s: no %s is", too_large, kind);
		diag_add(d, SEV_ERROR, at, "cannot read \"%s\": %s",
			 xml_shown(a, path), why);
		return NULL;
	}
	src = source_from_text(a, strcmp(path, "-") ? path : "<stdin>", text,
			       len, d);
	file->kept = src;
	return src;
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
	if (!r->stopped)
		diag_add(r->diags, SEV_ERROR, at, "%s", msg);
	r->stopped = true;
	xmlStopParser(r->ctxt);
}

/* Of characters beyond ASCII: those that move a terminal's cursor or turn the
 * reading direction, so that a line does not read as it is. */
static bool deceptive(uint32_t c)
{
	return (c >= 0x80 && c <= 0x9f) || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

/* One character of UTF-8: its length, 0 if it is none. */
static unsigned next_char(const char *s, size_t left, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char b = (unsigned char)s[0];
	unsigned n = b < 0x80 ? 1 : b < 0xc2 ? 0 : b < 0xe0 ? 2 :
		     b < 0xf0 ? 3 : b < 0xf5 ? 4 : 0;

	if (n == 0 || n > left)
		return 0;
	*c = n == 1 ? b : b & (0xffu >> (n + 1));
	for (unsigned i = 1; i < n; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | ((unsigned char)s[i] & 0x3f);
	}
	return *c < least[n] || *c > 0x10ffff ||
	       (*c >= 0xd800 && *c <= 0xdfff) ? 0 : n;
}

/* A character reference may bring in what the file itself may not hold. */
static void check_value(struct reader *r, const struct xml_element *e,
			const struct xml_attr *a)
{
	size_t len = strlen(a->value);
	uint32_t c = 0;

	for (const char *s = a->value; len;) {
		unsigned n = next_char(s, len, &c);

		if (!n || deceptive(c))
			break;
		s += n;
		len -= n;
	}
	if (len)
		diag_add(r->diags, SEV_ERROR, xml_value_span(e, a->name),
			 "attribute \"%s\" of <%s> holds the control character "
			 "U+%04X", xml_shown(r->arena, a->name),
			 xml_shown(r->arena, e->name), c);
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
	e->uri = !uri ? NULL : !strcmp((const char *)uri, ours) ?
		ours : arena_strdup(r->arena, (const char *)uri);
	e->src = r->src;
	e->off = tag_start(r->src, offset_now(r));
	e->parent = r->cur;
	copy_attrs(r, e, n_attr, attr);
	for (unsigned i = 0; i < e->n_attr; i++)
		check_value(r, e, &e->attr[i]);
	if (!r->cur)
		r->root = e;
	else if (!r->cur->first)
		r->cur->first = r->cur->last = e;
	else
		r->cur->last = r->cur->last->next = e;
	r->cur = e;
	if (++r->depth > MAX_DEPTH)
		stop(r, xml_span(e), "elements are nested more than 64 deep");
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
	if (i == n || !r->cur || r->stopped || r->cur == r->text_in ||
	    r->root->uri != ours)
		return;
	r->text_in = r->cur;
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
		 "no text", xml_shown(r->arena, r->cur->name));
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

/* What to do about the mistakes that people make. */
static const struct {
	int code;
	const char *cure;
} cures[] = {
	{ XML_ERR_INVALID_CHAR, "a topology holds no control characters" },
	{ XML_ERR_ATTRIBUTE_REDEFINED, "give it once" },
	{ XML_ERR_NAME_REQUIRED, "a bare & is written &amp;, a bare < &lt;" },
	{ XML_ERR_ENTITYREF_SEMICOL_MISSING, "a bare & is written &amp;" },
	{ XML_ERR_UNDECLARED_ENTITY,
	  "XML knows &amp; &lt; &gt; &quot; &apos; and numbers: write the "
	  "character itself" },
	{ XML_ERR_LT_IN_ATTRIBUTE,
	  "write &lt;, or close the quote that is open" },
	{ XML_ERR_ATTRIBUTE_NOT_STARTED, "a value stands in quotes" },
	{ XML_ERR_ATTRIBUTE_WITHOUT_VALUE, "write name=\"value\"" },
	{ XML_ERR_SPACE_REQUIRED, "is a quote left open before it?" },
	{ XML_ERR_TAG_NAME_MISMATCH,
	  "close the inner one first, or write it as <.../>" },
	{ XML_ERR_TAG_NOT_FINISHED, "the file ends before it is closed" },
	{ XML_ERR_GT_REQUIRED, "the file ends in the middle of a tag" },
	{ XML_ERR_DOCUMENT_END, "a file has one root element, and nothing "
				"behind it" },
	{ XML_ERR_HYPHEN_IN_COMMENT, "-- ends a comment" },
	{ XML_ERR_COMMENT_NOT_FINISHED, "it ends with -->" },
	{ XML_NS_ERR_UNDEFINED_NAMESPACE,
	  "declare it by xmlns:..., or leave the prefix away" },
};

static const char *cure_of(int code)
{
	for (size_t i = 0; i < sizeof(cures) / sizeof(*cures); i++)
		if (cures[i].code == code)
			return cures[i].cure;
	return NULL;
}

/* Where the parser stopped; behind the end, the last thing that is there. */
static struct span stopped_at(const struct reader *r, const xmlError *err)
{
	struct span at = { r->src, offset_now(r), 0 };
	size_t n = err->code == XML_ERR_ATTRIBUTE_REDEFINED && err->str1 ?
		strlen(err->str1) : 0;

	if (n)
		for (uint32_t o = at.off; o > n; o--)
			if (!strncmp(r->src->text + o - n, err->str1, n) &&
			    strchr(" \t\n", r->src->text[o - n - 1]))
				return (struct span){ r->src,
						      o - (uint32_t)n,
						      (uint32_t)n };
	while (at.off > 0 && (at.off >= r->src->len ||
			      strchr(" \t\n", r->src->text[at.off])))
		at.off--;
	return at;
}

/* The first counts: what the parser says after it follows from it. */
static void on_error(void *ctx, xmlErrorPtr err)
{
	struct reader *r = ctx;
	const char *msg = err->message ? err->message : "not well-formed";
	const char *cure = cure_of(err->code);

	if (err->level < XML_ERR_ERROR || r->stopped)
		return;
	r->stopped = true;
	if (strspn(r->src->text, " \t\n") == r->src->len)
		diag_add(r->diags, SEV_ERROR, (struct span){ r->src, 0, 0 },
			 "the file is empty");
	else if (err->code == XML_ERR_DOCUMENT_EMPTY)
		diag_add(r->diags, SEV_ERROR, (struct span){ r->src, 0, 0 },
			 "this is not XML: it has to begin with <%s xmlns=\""
			 PORTPLAN_NS "\">", r->begins);
	else
		diag_add(r->diags, SEV_ERROR, stopped_at(r, err),
			 "XML: %.*s%s%s", (int)strcspn(msg, "\n"), msg,
			 cure ? ": " : "", cure ? cure : "");
}

/* A file whose bytes are better not shown: the message names it alone. */
static struct span unshown(struct arena *a, const struct source *src)
{
	struct source *s = ARENA_NEW(a, struct source);

	*s = *src;
	s->text = NULL;
	return (struct span){ s, 0, 0 };
}

/* The same text with ? for what is no character. */
static struct span cleaned(struct arena *a, const struct source *src,
			   size_t off, unsigned len)
{
	struct source *s = ARENA_NEW(a, struct source);
	char *text = arena_strndup(a, src->text, src->len);
	uint32_t c;

	for (size_t i = 0; i < src->len;) {
		unsigned n = next_char(text + i, src->len - i, &c);

		if (!n || deceptive(c))
			memset(text + i, '?', n ? n : 1);
		i += n ? n : 1;
	}
	*s = *src;
	s->text = text;
	return (struct span){ s, (uint32_t)off, len };
}

static bool is_control(uint32_t c)
{
	return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f;
}

/* A terminal is shown parts of the file: it holds no more than text. */
static bool check_text(struct arena *a, const struct source *src,
		       struct diags *d)
{
	unsigned n;
	uint32_t c;

	if (src->len >= 2 && (!memcmp(src->text, "\xff\xfe", 2) ||
			      !memcmp(src->text, "\xfe\xff", 2) ||
			      !memcmp(src->text, "<\0", 2) ||
			      !memcmp(src->text, "\0<", 2))) {
		diag_add(d, SEV_ERROR, unshown(a, src),
			 "the file is UTF-16: save it as UTF-8");
		return false;
	}
	if (memchr(src->text, '\0', src->len)) {
		diag_add(d, SEV_ERROR, unshown(a, src),
			 "this is not XML: the file is binary (it holds NUL "
			 "bytes)");
		return false;
	}
	for (size_t i = 0; i < src->len; i += n) {
		n = next_char(src->text + i, src->len - i, &c);
		if (n && !is_control(c) && !deceptive(c))
			continue;
		if (n)
			diag_add(d, SEV_ERROR, cleaned(a, src, i, n),
				 "the file holds the control character U+%04X",
				 c);
		else
			diag_add(d, SEV_ERROR, cleaned(a, src, i, 1),
				 "the byte 0x%02X is not UTF-8: save the file "
				 "as UTF-8", (unsigned char)src->text[i]);
		return false;
	}
	return true;
}

/* libxml2 converts other encodings before it parses, and places would then
 * be those of the converted text. */
static bool check_encoding(const struct source *src, struct diags *d)
{
	const char *end, *p;
	size_t n;

	if (strncmp(src->text, "<?xml", 5) || !(end = strstr(src->text, "?>")))
		return true;
	p = strstr(src->text, "encoding");
	if (!p || p > end)
		return true;
	p += strlen("encoding");
	p += strspn(p, " \t\n=\"'");
	n = strcspn(p, "\"'?");
	if (n == 0 || (n == 5 && !strncasecmp(p, "utf-8", 5)) ||
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
			      const char *begins, struct diags *d)
{
	struct reader r = { .arena = a, .src = src, .begins = begins,
			    .diags = d };
	size_t before = d->n_errors;
	xmlDocPtr doc;

	if (!check_encoding(src, d) || !check_text(a, src, d))
		return NULL;
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
	/* NOENT: else the parser leaves "&#38;" for "&amp;" in attributes;
	 * other entities than XML's own five need a DOCTYPE, which is refused */
	doc = xmlCtxtReadMemory(r.ctxt, src->text, (int)src->len, NULL, NULL,
				XML_PARSE_NONET | XML_PARSE_NOENT);
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
