#include <string.h>

#include "base/json_read.h"
#include "check/load.h"

/*
 * Maps to concatenations in what `nft -j list ruleset` writes: nft up to 1.0.6
 * lists them and takes none back ("Invalid map type"). As text it takes them,
 * so such a listing is loaded in three parts: JSON of what may stand before
 * them, these maps as text, JSON of the rules.
 */
static bool put_value(struct buf *out, const struct json_value *v);

static bool put_list(struct buf *out, const struct json_value *v,
		     const char *between)
{
	for (const struct json_value *x = v->first; x; x = x->next) {
		buf_puts(out, x == v->first ? "" : between);
		if (!put_value(out, x))
			return false;
	}
	return v->first;
}

static bool put_prefix(struct buf *out, const struct json_value *v)
{
	const struct json_value *addr = json_get(v, "addr");
	const struct json_value *len = json_get(v, "len");

	if (!addr || !len || len->type != JSON_NUMBER || !put_value(out, addr))
		return false;
	buf_printf(out, "/%.0f", len->num);
	return true;
}

/* {"elem": {"val": ..., "timeout": 60, "comment": "..."}} */
static bool put_elem(struct buf *out, const struct json_value *v)
{
	static const char *const times[] = { "timeout", "expires" };
	const struct json_value *val = json_get(v, "val"), *x;

	if (!val || !put_value(out, val))
		return false;
	for (size_t i = 0; i < 2; i++) {
		x = json_get(v, times[i]);
		if (x && x->type == JSON_NUMBER)
			buf_printf(out, " %s %.0fs", times[i], x->num);
	}
	x = json_get(v, "comment");
	if (x && x->type == JSON_STRING && !strchr(x->str, '"'))
		buf_printf(out, " comment \"%s\"", x->str);
	return true;
}

static bool put_value(struct buf *out, const struct json_value *v)
{
	const struct json_value *x;

	switch (v->type) {
	case JSON_STRING:
		if (strpbrk(v->str, "\"\\\n"))
			return false;
		buf_printf(out, "\"%s\"", v->str);
		return true;
	case JSON_NUMBER:
		buf_printf(out, "%.0f", v->num);
		return true;
	case JSON_OBJECT:
		if ((x = json_get(v, "concat")))
			return put_list(out, x, " . ");
		if ((x = json_get(v, "range")))
			return put_list(out, x, "-");
		if ((x = json_get(v, "prefix")))
			return put_prefix(out, x);
		x = json_get(v, "elem");
		return x && put_elem(out, x);
	case JSON_NULL:
	case JSON_BOOL:
	case JSON_ARRAY:
		break;
	}
	return false;
}

/* A word, or several: " flags interval,timeout;" */
static void put_words(struct buf *out, const char *name,
		      const struct json_value *v, const char *between)
{
	if (!v)
		return;
	buf_printf(out, "%s ", name);
	if (v->type == JSON_STRING)
		buf_puts(out, v->str);
	for (const struct json_value *x = v->first; x; x = x->next)
		buf_printf(out, "%s%s", x == v->first ? "" : between,
			   x->type == JSON_STRING ? x->str : "");
}

static void put_number(struct buf *out, const char *name,
		       const struct json_value *v, const char *unit)
{
	if (v && v->type == JSON_NUMBER)
		buf_printf(out, "; %s %.0f%s", name, v->num, unit);
}

static const char *text_of(const struct json_value *v, const char *key)
{
	const struct json_value *x = json_get(v, key);

	return x && x->type == JSON_STRING ? x->str : "";
}

static bool put_elements(struct buf *out, const struct json_value *v)
{
	if (!v || !v->first)
		return true;
	buf_puts(out, "; elements = { ");
	for (const struct json_value *x = v->first; x; x = x->next) {
		buf_puts(out, x == v->first ? "" : ", ");
		if (!put_list(out, x, " : "))
			return false;
	}
	buf_puts(out, " }");
	return true;
}

static bool put_map(struct buf *out, const struct json_value *v)
{
	buf_printf(out, "add map %s %s %s { ", text_of(v, "family"),
		   text_of(v, "table"), text_of(v, "name"));
	put_words(out, "type", json_get(v, "type"), " . ");
	put_words(out, " :", json_get(v, "map"), " . ");
	put_words(out, "; flags", json_get(v, "flags"), ",");
	put_number(out, "timeout", json_get(v, "timeout"), "s");
	put_number(out, "size", json_get(v, "size"), "");
	if (!put_elements(out, json_get(v, "elem")))
		return false;
	buf_puts(out, "; }\n");
	return true;
}

enum listing_map listing_map(struct arena *a, const char *text, size_t n,
			     struct buf *out)
{
	struct source src = { "map", text, n, 0 };
	const struct json_value *v;
	struct diags d;

	diags_init(&d, a);
	v = json_read(a, &src, &d);
	v = v && v->type == JSON_OBJECT ? json_get(v, "map") : NULL;
	if (!v || v->type != JSON_OBJECT || !strstr(text_of(v, "map"), " . "))
		return MAP_AS_IT_IS;
	return put_map(out, v) ? MAP_AS_TEXT : MAP_UNKNOWN;
}
