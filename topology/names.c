#include <ctype.h>
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

static void fold(const char *s, char out[72])
{
	size_t i = 0;

	for (; s[i] && i < 71; i++)
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
	char folded[72];
	int is_new;

	if (!name)
		return NULL;
	if (!name_valid(name, &why)) {
		diag_add(b->d, SEV_ERROR, at, "the name \"%s\" %s", name, why);
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

static struct name_entry *lookup(const struct map *space, const char *name)
{
	struct map_entry *m;
	char folded[72];

	fold(name, folded);
	m = map_find_str(space, folded);
	return m ? m->val.p : NULL;
}

static void unknown(struct build *b, const struct map *space, const char *what,
		    const struct xml_element *e, const char *attr,
		    const char *name, size_t off)
{
	VEC(const char *) names = { 0 };
	struct name_entry *n = lookup(space, name);
	const char *near = n ? n->name : NULL;

	for (size_t i = 0; !near && i < space->cap; i++)
		if (space->slot[i].key && space->slot[i].val.p) {
			n = space->slot[i].val.p;
			vec_push(b->arena, &names, n->name);
		}
	if (!near)
		near = nearest_name(name, names.v, names.n);
	if (near)
		diag_add(b->d, SEV_ERROR,
			 xml_word_span(e, attr, off, strlen(name)),
			 "there is no %s \"%s\"; did you mean \"%s\"?", what,
			 name, near);
	else
		diag_add(b->d, SEV_ERROR,
			 xml_word_span(e, attr, off, strlen(name)),
			 "there is no %s \"%s\"", what, name);
}

static void *find(struct build *b, struct map *space, const char *what,
		  const struct xml_element *e, const char *attr,
		  const char *name, size_t off)
{
	struct name_entry *n = strlen(name) <= 64 ? lookup(space, name) : NULL;

	if (n && !strcmp(n->name, name) && n->object)
		return n->object;
	unknown(b, space, what, e, attr, name, off);
	return NULL;
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
