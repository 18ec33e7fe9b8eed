#ifndef TOPOLOGY_BUILTIN_H
#define TOPOLOGY_BUILTIN_H

/* The shipped templates, compiled in by the Makefile from templates/. */
struct builtin_template {
	const char *name;
	const char *text;
};

extern const struct builtin_template builtin_templates[];
extern const unsigned n_builtin_templates;

#endif
