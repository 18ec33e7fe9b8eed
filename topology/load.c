#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "topology/build.h"
#include "topology/builtin.h"

/* A file that is being read may not name itself; one that was read is not
 * read again. */
struct file {
	enum { FILE_NEW, FILE_OPEN, FILE_DONE } state;
	struct span at; /* where it was named first; none for the topology */
};

static void walk(struct build *b, const struct xml_element *e,
		 enum element parent, size_t parent_item, const char *origin);

/* Relative to the file that names it, as everywhere. */
const char *resolve_path(struct build *b, const struct source *from,
			 const char *file)
{
	const char *slash = from ? strrchr(from->name, '/') : NULL;

	while (!strncmp(file, "./", 2) && file[2] != '/')
		file += 2;
	if (file[0] == '/' || !slash)
		return file;
	return arena_printf(b->arena, "%.*s%s", (int)(slash + 1 - from->name),
			    from->name, file);
}

static struct file *find_file(struct build *b, const char *path)
{
	char real[PATH_MAX];
	struct map_entry *e = map_add_str(b->arena, &b->files,
					  realpath(path, real) ? real : path,
					  NULL);

	if (!e->val.p)
		e->val.p = ARENA_NEW(b->arena, struct file);
	return e->val.p;
}

/* Nothing is ever fetched. */
bool is_url(struct build *b, const char *path, struct span at)
{
	bool url = strstr(path, "://");

	if (url)
		diag_add(b->d, SEV_ERROR, at,
			 "\"%s\" is a URL: only files are read, nothing is "
			 "fetched", xml_shown(b->arena, path));
	return url;
}

static bool is_root(struct build *b, const struct xml_element *root,
		    const char *name, const char *what)
{
	bool ours = root->uri && !strcmp(root->uri, PORTPLAN_NS);

	if (ours && !strcmp(root->name, name))
		return true;
	diag_add(b->d, SEV_ERROR, xml_span(root),
		 "%s begins with <%s xmlns=\"" PORTPLAN_NS "\">, found <%s>%s",
		 what, name, xml_shown(b->arena, root->name),
		 !ours && !strcmp(root->name, name) ?
		 " without this namespace" :
		 ours && !strcmp(root->name, "template") ?
		 " (templates are named in template=\"...\")" : "");
	return false;
}

struct source *build_source(struct build *b, const char *path,
			    const char *kind, struct span at)
{
	struct source *src = b->opt && b->opt->again ?
		source_again(b->arena, path) : NULL;

	return src ? src : source_read(b->arena, path, kind, at, b->d);
}

static const struct xml_element *include_root(struct build *b,
					      const char *path, struct span at)
{
	struct source *src = build_source(b, path, "topology", at);
	const struct xml_element *root = src ?
		xml_parse(b->arena, src, "topology", b->d) : NULL;

	if (!root || !is_root(b, root, "topology", "an included file"))
		return NULL;
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
	struct file *f;

	if (!file || !file[strspn(file, " \t\n")] || is_url(b, file, at))
		return;
	path = resolve_path(b, e->src, file);
	f = find_file(b, path);
	if (f->state != FILE_NEW) {
		diag_add2(b->d, SEV_ERROR, at, f->at, "it is included here",
			  f->state == FILE_OPEN ?
				"\"%s\" includes itself%s" :
				"\"%s\" is included twice%s",
			  xml_shown(b->arena, file),
			  f->state == FILE_OPEN &&
			  find_file(b, e->src->name) != f ?
				", by way of others" : "");
		return;
	}
	*f = (struct file){ FILE_OPEN, at };
	root = include_root(b, path, at);
	for (const struct xml_element *c = root ? root->first : NULL; c;
	     c = c->next)
		walk(b, c, parent, parent_item, origin);
	f->state = FILE_DONE;
}

static void walk(struct build *b, const struct xml_element *e,
		 enum element parent, size_t parent_item, const char *origin)
{
	enum element el = schema_check(e, parent, b->d);
	size_t self = b->items.n;

	if (el == EL_ROOT)
		return;
	if (el == EL_INCLUDE) { /* what it holds stands in the other file */
		schema_check_children(e, el, b->d);
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
		 "\"%s\" does not end in a version such as @2",
		 xml_shown(b->arena, word));
	return false;
}

static const struct builtin_template *builtin(const char *name)
{
	for (unsigned i = 0; i < n_builtin_templates; i++)
		if (!strcmp(builtin_templates[i].name, name))
			return &builtin_templates[i];
	return NULL;
}

/* "1, 2": the shipped versions of a template; NULL if there is none. */
static const char *versions_of(struct build *b, const char *name)
{
	struct buf have = { 0 };
	size_t n = strlen(name);

	for (unsigned i = 0; i < n_builtin_templates; i++) {
		const char *t = builtin_templates[i].name;

		if (strncmp(t, name, n) || (t[n] && t[n] != '@'))
			continue;
		buf_printf(&have, "%s%s", have.n ? ", " : "",
			   t[n] ? t + n + 1 : "1");
	}
	return have.n ? buf_take(b->arena, &have) : NULL;
}

static void no_template(struct build *b, const struct wanted *w)
{
	const char *name = xml_shown(b->arena, w->name), *near;
	const char *versions = versions_of(b, w->name);
	VEC(const char *) names = { 0 };
	struct buf legal = { 0 };

	for (unsigned i = 0; i < n_builtin_templates; i++) {
		vec_push(b->arena, &names, builtin_templates[i].name);
		buf_printf(&legal, "%s%s", i ? ", " : "",
			   builtin_templates[i].name);
	}
	near = nearest_name(w->name, names.v, names.n);
	if (versions)
		diag_add(b->d, SEV_ERROR, w->at,
			 "there is no version %u of template \"%s\" (shipped: "
			 "version %s)", w->version, name, versions);
	else if (near)
		diag_add(b->d, SEV_ERROR, w->at,
			 "there is no template \"%s\"; did you mean \"%s\"? "
			 "(shipped: %s)", name, near, legal.s);
	else
		diag_add(b->d, SEV_ERROR, w->at,
			 "there is no template \"%s\" (shipped: %s; a file of "
			 "your own is named with a slash, ./%s.xml)", name,
			 legal.s, name);
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
		if ((b->opt->again && source_again(b->arena, *key)) ||
		    access(*key, F_OK) == 0)
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
			 "\"%s\" is no version: write a number",
			 xml_shown(b->arena, v));
	else if (!strchr(w->name, '/') && have != w->version)
		diag_add(b->d, SEV_ERROR, xml_span(root),
			 "this is version %u of the template, where version %u "
			 "was asked for", have, w->version);
}

/* The highest version of its name that could be had instead. */
static unsigned newest_version(struct build *b, const char *name)
{
	enum { MOST_VERSIONS = 64 };
	unsigned newest = 1;

	for (unsigned v = 2; v <= MOST_VERSIONS; v++) {
		const char *file = arena_printf(b->arena, "%s@%u", name, v);
		bool have = builtin(file);

		for (size_t i = 0; i < b->opt->n_template_dirs && !have; i++)
			have = access(arena_printf(b->arena, "%s/%s.xml",
						   b->opt->template_dirs[i],
						   file), F_OK) == 0;
		if (have)
			newest = v;
	}
	return newest;
}

static void note_use(struct build *b, const struct wanted *w, const char *name)
{
	struct template_use u = { .name = name, .version = w->version,
				  .newest = w->version, .at = w->at };

	if (!strchr(w->name, '/'))
		u.newest = newest_version(b, w->name);
	vec_push(b->arena, &b->topo->template_uses, u);
}

static void load_template(struct build *b, const struct wanted *w)
{
	const char *key = NULL, *name;
	struct source *src = open_template(b, w, &key);
	const struct xml_element *root;
	struct file *f;

	if (!key) {
		no_template(b, w);
		return;
	}
	f = find_file(b, key);
	if (f->state == FILE_OPEN)
		diag_add2(b->d, SEV_ERROR, w->at, f->at, "it is named here",
			  find_file(b, w->from->name) != f ?
				"\"%s\" extends itself, by way of others" :
				"\"%s\" extends itself",
			  xml_shown(b->arena, w->name));
	if (f->state != FILE_NEW)
		return;
	*f = (struct file){ FILE_OPEN, w->at };
	if (!src)
		src = build_source(b, key, "template", w->at);
	root = src ? xml_parse(b->arena, src, "template", b->d) : NULL;
	if (root && is_root(b, root, "template", "a template")) {
		check_version(b, w, root);
		name = xml_attr(root, "name");
		load_templates(b, root, "extends");
		vec_push(b->arena, &b->topo->templates, name ? name : key);
		note_use(b, w, name ? name : key);
		walk(b, root, EL_ROOT, b->items.n, name ? name : key);
	}
	f->state = FILE_DONE;
}

/* Harmless, but hardly what was meant. */
static void warn_twice(struct build *b, const struct words *w, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (!strcmp(w->v[k].s, w->v[i].s)) {
			diag_add(b->d, SEV_WARNING, word_span(w, i),
				 "the template \"%s\" is named twice",
				 xml_shown(b->arena, w->v[i].s));
			return;
		}
}

static void load_templates(struct build *b, const struct xml_element *e,
			   const char *attr)
{
	struct words w = value_words(b, e, attr);

	for (size_t i = 0; i < w.n; i++) {
		struct wanted t = {
			.at = word_span(&w, i),
			.from = e->src,
		};

		warn_twice(b, &w, i);
		if (is_url(b, w.v[i].s, t.at))
			continue;
		if (strchr(w.v[i].s, '/')) {
			t.name = w.v[i].s;
			t.version = 1;
			load_template(b, &t);
		} else if (split_version(b, w.v[i].s, &t)) {
			load_template(b, &t);
		}
	}
}

/* Not by way of find_file(): whatever the topology includes, it is read. */
static void load_policy(struct build *b, const char *path)
{
	struct source *src = build_source(b, path, "policy", (struct span){ 0 });
	const struct xml_element *root = src ?
		xml_parse(b->arena, src, "policy", b->d) : NULL;

	if (root && is_root(b, root, "policy", "a policy"))
		walk(b, root, EL_ROOT, b->items.n, NULL);
}

/* A name mistyped must not mean the built-in templates. */
static bool find_template_dirs(struct build *b)
{
	bool ok = true;

	if (b->opt && b->opt->again)
		return true;
	for (size_t i = 0; b->opt && i < b->opt->n_template_dirs; i++) {
		const char *path = b->opt->template_dirs[i];
		DIR *dir = opendir(path);

		if (dir) {
			closedir(dir);
			continue;
		}
		ok = false;
		diag_add(b->d, SEV_ERROR, (struct span){ 0 }, "cannot open the "
			 "directory of templates \"%s\": %s",
			 xml_shown(b->arena, path), strerror(errno));
	}
	return ok;
}

bool build_load(struct build *b, const char *path)
{
	struct source *src = b->opt && b->opt->text ?
		source_from_text(b->arena, path, b->opt->text, b->opt->n_text,
				 b->d) :
		source_read(b->arena, path, "topology", (struct span){ 0 }, b->d);
	const struct xml_element *root = src ?
		xml_parse(b->arena, src, "topology", b->d) : NULL;
	size_t before;

	if (!find_template_dirs(b) || !root)
		return false;
	if (root->uri && !strcmp(root->uri, PORTPLAN_NS) &&
	    (!strcmp(root->name, "template") ||
	     !strcmp(root->name, "waivers") ||
	     !strcmp(root->name, "policy") ||
	     !strcmp(root->name, "advice"))) {
		diag_add(b->d, SEV_ERROR, xml_span(root),
			 "the root is <%s>, where a <topology> is meant",
			 root->name);
		return false;
	}
	find_file(b, path)->state = FILE_OPEN;
	b->topo->at = xml_span(root);
	if (!bundle_open(b, root))
		return false;
	if (b->topo->bundle && b->opt->n_policies) {
		diag_add(b->d, SEV_ERROR, xml_span(root),
			 "this is the part of firewall \"%s\", and a policy "
			 "names the whole network: it does not go with a "
			 "bundle; hold the topology against it before the "
			 "bundle is cut out", b->topo->bundle);
		return false;
	}
	before = b->d->n_errors;
	load_templates(b, root, "template");
	b->templates_broken = b->d->n_errors > before;
	walk(b, root, EL_ROOT, b->items.n, NULL);
	find_file(b, path)->state = FILE_DONE;
	for (size_t i = 0; i < b->opt->n_policies; i++)
		load_policy(b, b->opt->policies[i]);
	return b->items.n > 0;
}
