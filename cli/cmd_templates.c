#include <string.h>

#include "cli/cli.h"
#include "topology/builtin.h"

static void put_title(struct buf *out, const struct builtin_template *t)
{
	const char *root = strstr(t->text, "<template");
	const char *title = root ? strstr(root, "title=\"") : NULL;
	size_t n = title ? strcspn(title + 7, "\"") : 0;

	buf_printf(out, "%-28s %.*s\n", t->name, (int)n,
		   title ? title + 7 : "");
}

static const struct builtin_template *find(const char *name)
{
	for (unsigned i = 0; i < n_builtin_templates; i++)
		if (!strcmp(builtin_templates[i].name, name))
			return &builtin_templates[i];
	return NULL;
}

static int cmd_templates(struct args *a)
{
	VEC(const char *) names = { 0 };
	struct buf b = { 0 };
	int code;

	for (unsigned i = 0; i < n_builtin_templates; i++) {
		vec_push(a->arena, &names, builtin_templates[i].name);
		if (!a->operands.n)
			put_title(&b, &builtin_templates[i]);
	}
	if (a->operands.n) {
		const char *name = a->operands.v[0];
		const struct builtin_template *t = find(name);

		if (!t)
			return complain(a, "there is no template \"%s\"%s",
					name, did_you_mean(a->arena, name,
							   names.v, names.n));
		buf_puts(&b, t->text);
	}
	code = put_out(a, &b);
	buf_free(&b);
	return code;
}

const struct command command_templates = {
	.name = "templates",
	.run = cmd_templates,
	.usage = "[NAME]",
	.summary = "list the shipped templates, or print one",
	.description =
	  "Lists the shipped templates with what they cover. With NAME, prints "
	  "that template: its roles, services and flows with their sources, "
	  "and what it does not cover. It is a file to read, and one to start "
	  "a template of your own from.",
	.examples = "  portplan templates\n"
		      "  portplan templates exchange-2003\n",
	.no_topology = true,
	.max_args = 1,
};
