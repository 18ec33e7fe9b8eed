#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "topology/build.h"

bool name_valid(const char *s, const char **why)
{
	size_t n = strlen(s);

	*why = NULL;
	if (n == 0)
		*why = "is empty";
	else if (n > 64)
		*why = "is longer than 64 characters";
	else if (!isalnum((unsigned char)s[0]))
		*why = "does not begin with a letter or digit";
	else if (strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "0123456789-_.") != n)
		*why = "has characters other than letters, digits, - _ .";
	else if (!strcmp(s, "mx") || !strcmp(s, "any"))
		*why = "is a word of the format";
	else if (looks_like_address(s))
		*why = "could be read as an address";
	return !*why;
}

/* HOST@ZONE is the longest name. */
enum { FOLDED = 132 };

static void fold(const char *s, char out[FOLDED])
{
	size_t i = 0;

	for (; s[i] && i < FOLDED - 1; i++)
		out[i] = (char)tolower((unsigned char)s[i]);
	out[i] = '\0';
}

struct name_entry *add_name(struct build *b, struct map *space,
			    const struct xml_element *e, const char *attr,
			    bool may_repeat)
{
	const char *name = xml_attr(e, attr), *why;
	struct span at = xml_value_span(e, attr);
	struct name_entry *n;
	struct map_entry *m;
	char folded[FOLDED];
	int is_new;

	if (!name)
		return NULL;
	/* a leg stands by itself in a bundle */
	if (!name_valid(name, &why) &&
	    !(b->topo->bundle && strchr(name, '@'))) {
		diag_add(b->d, SEV_ERROR, at, "the name \"%s\" %s",
			 xml_shown(b->arena, name), why);
		return NULL;
	}
	fold(name, folded);
	m = map_add_str(b->arena, space, folded, &is_new);
	if (!is_new) {
		n = m->val.p;
		if (may_repeat && !strcmp(n->name, name))
			return n;
		diag_add2(b->d, SEV_ERROR, at, n->at, "the first one",
			  strcmp(n->name, name) ?
				"the name \"%s\" differs only in case from "
				"another" :
				"the name \"%s\" is taken", name);
		return NULL;
	}
	n = ARENA_NEW(b->arena, struct name_entry);
	n->name = arena_strdup(b->arena, name);
	n->at = at;
	m->val.p = n;
	return n;
}

void add_leg_name(struct build *b, struct party *leg)
{
	struct name_entry *n;
	struct map_entry *m;
	char folded[FOLDED];
	int is_new;

	if (strlen(leg->name) >= FOLDED)
		return; /* one of the two names was complained of */
	fold(leg->name, folded);
	m = map_add_str(b->arena, &b->parties, folded, &is_new);
	if (!is_new) {
		n = m->val.p;
		diag_add2(b->d, SEV_ERROR, leg->at, n->at, "the first one",
			  "\"%s\" has two legs in one zone: give all addresses "
			  "in one", leg->leg_of->name);
		return;
	}
	n = ARENA_NEW(b->arena, struct name_entry);
	*n = (struct name_entry){ leg->name, leg->at, leg, PARTY_HOST };
	m->val.p = n;
}

void know_name(struct build *b, struct map *space, const char *name,
	       void *object)
{
	struct name_entry *n = ARENA_NEW(b->arena, struct name_entry);
	char folded[FOLDED];

	fold(name, folded);
	*n = (struct name_entry){ .name = name, .object = object };
	map_add_str(b->arena, space, folded, NULL)->val.p = n;
}

/* Names of one spelling, whatever their case. */
static struct name_entry *lookup(const struct map *space, const char *name)
{
	struct map_entry *m;
	char folded[FOLDED];

	if (strlen(name) >= FOLDED)
		return NULL;
	fold(name, folded);
	m = map_find_str(space, folded);
	return m ? m->val.p : NULL;
}

static bool role_of_that_name(struct build *b, const struct map *space,
			      const char *name)
{
	const struct name_entry *n = space == &b->parties ?
		lookup(&b->roles, name) : NULL;

	return n && !strcmp(n->name, name);
}

/* The nearest legal name; beyond some dozens of unknown ones nobody reads. */
static const char *near_name(struct build *b, const struct map *space,
			     const char *name, bool zones_only)
{
	VEC(const char *) names = { 0 };
	const struct name_entry *n = lookup(space, name);

	if (n && n->object && (!zones_only || n->kind == PARTY_ZONE))
		return n->name;
	if (++b->n_unknown > 64)
		return NULL;
	for (size_t i = 0; i < space->cap; i++) {
		n = space->slot[i].key ? space->slot[i].val.p : NULL;
		if (n && n->object && (!zones_only || n->kind == PARTY_ZONE))
			vec_push(b->arena, &names, n->name);
	}
	return nearest_name(name, names.v, names.n);
}

static int name_order(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All of them, where they are few enough to be read. */
static const char *legal_names(struct build *b, const struct map *space)
{
	enum { FEW = 40 };
	const char *names[FEW];
	struct buf list = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < space->cap; i++) {
		const struct name_entry *e = space->slot[i].key ?
			space->slot[i].val.p : NULL;

		if (!e || !e->object)
			continue;
		if (n == FEW)
			return "";
		names[n++] = e->name;
	}
	if (!n)
		return "";
	qsort(names, n, sizeof(*names), name_order);
	for (size_t i = 0; i < n; i++)
		buf_printf(&list, "%s%s", i ? ", " : " (legal: ", names[i]);
	buf_putc(&list, ')');
	return buf_take(b->arena, &list);
}

static const char *hint_for(struct build *b, const struct map *space,
			    const char *name, bool zones_only)
{
	const char *near = near_name(b, space, name, zones_only);

	if (!zones_only && role_of_that_name(b, space, name))
		return arena_printf(b->arena, "; the role is written "
				    "\"role:%s\"", name);
	if (near)
		return arena_printf(b->arena, "; did you mean \"%s\"?", near);
	if (space != &b->parties && !b->topo->templates.n)
		return " (the topology names no template)";
	if (space != &b->parties)
		return legal_names(b, space);
	if (strchr(name, '.'))
		return " (names are not looked up in the DNS: declare a host, "
		       "or write the address)";
	return "";
}

static void unknown(struct build *b, const struct map *space, const char *what,
		    const struct xml_element *e, const char *attr,
		    const char *name, size_t off, bool zones_only)
{
	const char *key = arena_printf(b->arena, "%s %s", what, name), *hint;
	struct map_entry *m = map_add_str(b->arena, &b->hints, key, NULL);

	if (b->templates_broken && space != &b->parties)
		return; /* which has been told */
	hint = m->val.cp ? m->val.cp : hint_for(b, space, name, zones_only);
	m->val.cp = hint;
	diag_add(b->d, SEV_ERROR, xml_word_span(e, attr, off, strlen(name)),
		 "there is no %s \"%s\"%s", what,
		 xml_shown(b->arena, name), hint);
}

static void *find(struct build *b, struct map *space, const char *what,
		  const struct xml_element *e, const char *attr,
		  const char *name, size_t off)
{
	struct name_entry *n = lookup(space, name);

	if (n && !strcmp(n->name, name) && n->object)
		return n->object;
	unknown(b, space, what, e, attr, name, off, false);
	return NULL;
}

struct party *find_zone(struct build *b, const struct xml_element *e,
			const char *attr, const char *name)
{
	struct name_entry *n = lookup(&b->parties, name);
	struct party *p = n && !strcmp(n->name, name) ? n->object : NULL;

	if (!p)
		unknown(b, &b->parties, "zone", e, attr, name, 0, true);
	else if (p->kind != PARTY_ZONE)
		diag_add(b->d, SEV_ERROR, xml_value_span(e, attr),
			 "\"%s\" is a %s, where a zone is meant", name,
			 party_kind_name(p->kind));
	return p && p->kind == PARTY_ZONE ? p : NULL;
}

struct party *find_party(struct build *b, const struct xml_element *e,
			 const char *attr, const char *name, size_t off)
{
	return find(b, &b->parties, "zone, network, host or firewall", e, attr,
		    name, off);
}

struct role *find_role(struct build *b, const struct xml_element *e,
		       const char *attr, const char *name, size_t off)
{
	return find(b, &b->roles, "role", e, attr, name, off);
}

struct service *find_service(struct build *b, const struct xml_element *e,
			     const char *attr, const char *name, size_t off)
{
	return find(b, &b->services, "service", e, attr, name, off);
}

void *named(const struct map *space, const char *name)
{
	const struct name_entry *n = lookup(space, name);

	return n && !strcmp(n->name, name) ? n->object : NULL;
}
