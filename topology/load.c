#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "topology/build.h"
#include "topology/builtin.h"

/* A file that is being read may not name itself; one that was read is not
 * read again. */
enum { FILE_OPEN = 1, FILE_DONE };

static void walk(struct build *b, const struct xml_element *e,
		 enum element parent, size_t parent_item, const char *origin);

/* Relative to the file that names it, as everywhere. */
static const char *resolve_path(struct build *b, const struct source *from,
				const char *file)
{
	const char *slash = from ? strrchr(from->name, '/') : NULL;

	if (file[0] == '/' || !slash)
		return file;
	return arena_printf(b->arena, "%.*s%s", (int)(slash + 1 - from->name),
			    from->name, file);
}

static struct map_entry *file_state(struct build *b, const char *path)
{
	char real[PATH_MAX];

	return map_add_str(b->arena, &b->files,
			   realpath(path, real) ? real : path, NULL);
}

static const struct xml_element *include_root(struct build *b,
					      const char *path, struct span at)
{
	struct source *src = source_read(b->arena, path, at, b->d);
	const struct xml_element *root = src ?
		xml_parse(b->arena, src, b->d) : NULL;

	if (!root)
		return NULL;
	if (!root->uri || strcmp(root->uri, PORTPLAN_NS) ||
	    strcmp(root->name, "topology")) {
		diag_add(b->d, SEV_ERROR, xml_span(root),
			 "an included file's root is <topology xmlns=\""
			 PORTPLAN_NS "\">, found <%s>", root->name);
		return NULL;
	}
	for (unsigned i = 0; i < root->n_attr; i++)
		if (!root->attr[i].uri && strcmp(root->attr[i].name, "name"))
			diag_add(b->d, SEV_ERROR,
				 xml_attr_name_span(root, root->attr[i].name),
				 "the root of an included file has a name and "
				 "nothing else; say \"%s\" in the file that "
				 "includes it", root->attr[i].name);
	return root;
}

static void walk_include(struct build *b, const struct xml_element *e,
			 enum element parent, size_t parent_item,
			 const char *origin)
{
	const char *file = xml_attr(e, "file"), *path;
	struct span at = xml_value_span(e, "file");
	const struct xml_element *root;
	struct map_entry *state;

	if (!file)
		return;
	path = resolve_path(b, e->src, file);
	state = file_state(b, path);
	if (state->val.u) {
		diag_add(b->d, SEV_ERROR, at,
			 state->val.u == FILE_OPEN ?
				"\"%s\" includes itself" :
				"\"%s\" is included twice", file);
		return;
	}
	state->val.u = FILE_OPEN;
	root = include_root(b, path, at);
	for (const struct xml_element *c = root ? root->first : NULL; c;
	     c = c->next)
		walk(b, c, parent, parent_item, origin);
	file_state(b, path)->val.u = FILE_DONE;
}

static void walk(struct build *b, const struct xml_element *e,
		 enum element parent, size_t parent_item, const char *origin)
{
	enum element el = schema_check(e, parent, b->d);
	size_t self = b->items.n;

	if (el == EL_ROOT)
		return;
	if (el == EL_INCLUDE) {
		walk_include(b, e, parent, parent_item, origin);
		return;
	}
	vec_push(b->arena, &b->items, (struct item){
			.el = el, .xml = e, .parent = parent_item,
			.origin = origin });
	for (const struct xml_element *c = e->first; c; c = c->next)
		walk(b, c, el, self, origin);
}

/* ---- templates ------------------------------------------------------------ */

struct wanted {
	const char *name; /* without version */
	unsigned version;
	struct span at;
	const struct source *from;
};

static bool split_version(struct build *b, const char *word, struct wanted *w)
{
	const char *at = strrchr(word, '@');

	w->name = word;
	w->version = 1;
	if (!at)
		return true;
	w->name = arena_strndup(b->arena, word, (size_t)(at - word));
	w->version = (unsigned)strtoul(at + 1, NULL, 10);
	if (w->version && strspn(at + 1, "0123456789") == strlen(at + 1) &&
	    strlen(at + 1) < 5)
		return true;
	diag_add(b->d, SEV_ERROR, w->at,
		 "\"%s\" does not end in a version such as @2", word);
	return false;
}

static const struct builtin_template *builtin(const char *name)
{
	for (unsigned i = 0; i < n_builtin_templates; i++)
		if (!strcmp(builtin_templates[i].name, name))
			return &builtin_templates[i];
	return NULL;
}

static void no_template(struct build *b, const struct wanted *w)
{
	VEC(const char *) names = { 0 };
	struct buf legal = { 0 };
	const char *near;

	for (unsigned i = 0; i < n_builtin_templates; i++) {
		vec_push(b->arena, &names, builtin_templates[i].name);
		buf_printf(&legal, "%s%s", i ? ", " : "",
			   builtin_templates[i].name);
	}
	if (w->version > 1)
		near = NULL;
	else
		near = nearest_name(w->name, names.v, names.n);
	if (w->version > 1)
		diag_add(b->d, SEV_ERROR, w->at,
			 "there is no version %u of template \"%s\"",
			 w->version, w->name);
	else if (near)
		diag_add(b->d, SEV_ERROR, w->at,
			 "there is no template \"%s\"; did you mean \"%s\"? "
			 "(shipped: %s)", w->name, near, legal.s);
	else
		diag_add(b->d, SEV_ERROR, w->at,
			 "there is no template \"%s\" (shipped: %s)", w->name,
			 legal.s);
	buf_free(&legal);
}

/* *key is what the file is known by: its path, or the builtin's name. */
static struct source *open_template(struct build *b, const struct wanted *w,
				    const char **key)
{
	const char *file = w->version == 1 ? w->name :
		arena_printf(b->arena, "%s@%u", w->name, w->version);
	const struct builtin_template *t;

	if (strchr(w->name, '/')) {
		*key = resolve_path(b, w->from, w->name);
		return NULL;
	}
	for (size_t i = 0; i < b->opt->n_template_dirs; i++) {
		*key = arena_printf(b->arena, "%s/%s.xml",
				    b->opt->template_dirs[i], file);
		if (access(*key, F_OK) == 0)
			return NULL;
	}
	t = builtin(file);
	*key = t ? arena_printf(b->arena, "<template %s>", file) : NULL;
	return t ? source_from_text(b->arena, *key, t->text, strlen(t->text),
				    b->d) : NULL;
}

static void load_templates(struct build *b, const struct xml_element *e,
			   const char *attr);

static void check_version(struct build *b, const struct wanted *w,
			  const struct xml_element *root)
{
	const char *v = xml_attr(root, "version");
	unsigned have = v ? (unsigned)strtoul(v, NULL, 10) : 1;

	if (v && (!have || strspn(v, "0123456789") != strlen(v)))
		diag_add(b->d, SEV_ERROR, xml_value_span(root, "version"),
			 "\"%s\" is no version: write a number", v);
	else if (!strchr(w->name, '/') && have != w->version)
		diag_add(b->d, SEV_ERROR, xml_span(root),
			 "this is version %u of the template, where version %u "
			 "was asked for", have, w->version);
}

static void load_template(struct build *b, const struct wanted *w)
{
	const char *key = NULL, *name;
	struct source *src = open_template(b, w, &key);
	const struct xml_element *root;
	struct map_entry *state;

	if (!key) {
		no_template(b, w);
		return;
	}
	state = file_state(b, key);
	if (state->val.u == FILE_OPEN)
		diag_add(b->d, SEV_ERROR, w->at, "\"%s\" extends itself",
			 w->name);
	if (state->val.u)
		return;
	state->val.u = FILE_OPEN;
	if (!src)
		src = source_read(b->arena, key, w->at, b->d);
	root = src ? xml_parse(b->arena, src, b->d) : NULL;
	if (root && (strcmp(root->name, "template") || !root->uri)) {
		diag_add(b->d, SEV_ERROR, xml_span(root),
			 "a template's root is <template xmlns=\"" PORTPLAN_NS
			 "\">, found <%s>", root->name);
		root = NULL;
	}
	if (root) {
		check_version(b, w, root);
		name = xml_attr(root, "name");
		load_templates(b, root, "extends");
		vec_push(b->arena, &b->topo->templates, name ? name : key);
		walk(b, root, EL_ROOT, b->items.n, name ? name : key);
	}
	file_state(b, key)->val.u = FILE_DONE;
}

static void load_templates(struct build *b, const struct xml_element *e,
			   const char *attr)
{
	struct words w = value_words(b, e, attr);

	for (size_t i = 0; i < w.n; i++) {
		struct wanted t = {
			.at = xml_word_span(e, attr, w.v[i].off, w.v[i].len),
			.from = e->src,
		};

		if (strchr(w.v[i].s, '/')) {
			t.name = w.v[i].s;
			t.version = 1;
			load_template(b, &t);
		} else if (split_version(b, w.v[i].s, &t)) {
			load_template(b, &t);
		}
	}
}

bool build_load(struct build *b, const char *path)
{
	struct source *src = source_read(b->arena, path, (struct span){ 0 },
					 b->d);
	const struct xml_element *root = src ?
		xml_parse(b->arena, src, b->d) : NULL;

	if (!root)
		return false;
	if (root->uri && !strcmp(root->uri, PORTPLAN_NS) &&
	    (!strcmp(root->name, "template") ||
	     !strcmp(root->name, "waivers"))) {
		diag_add(b->d, SEV_ERROR, xml_span(root),
			 "the root is <%s>, where a <topology> is meant",
			 root->name);
		return false;
	}
	file_state(b, path)->val.u = FILE_OPEN;
	b->topo->at = xml_span(root);
	load_templates(b, root, "template");
	walk(b, root, EL_ROOT, b->items.n, NULL);
	file_state(b, path)->val.u = FILE_DONE;
	return b->items.n > 0;
}
