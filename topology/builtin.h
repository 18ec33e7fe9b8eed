#ifndef TOPOLOGY_BUILTIN_H
#define TOPOLOGY_BUILTIN_H

/* The shipped templates, compiled in by the Makefile from templates/. */
struct builtin_template {
	const char *name;
	const char *text;
};

extern const struct builtin_template builtin_templates[];
extern const unsigned n_builtin_templates;

/* What else lies in templates/: advice.xml, plan.xsd, new/NAME.xml.in; by its
 * path there. */
extern const struct builtin_template builtin_files[];
extern const unsigned n_builtin_files;

/* The text of one of builtin_files. */
const char *builtin_file(const char *name);

#endif
