#ifndef CLI_LINT_FORMATS_H
#define CLI_LINT_FORMATS_H

#include "advice/advice.h"
#include "cli/cli.h"

/* What lint found, for the writers. */
struct lint_result {
	const char *topology; /* as named on the command line */
	const struct topology *topo;
	const struct advice_rules *rules;
	const struct advice_report *report;
	bool full;
	struct arena *arena;
};

struct lint_format {
	const char *name;
	void (*write)(const struct lint_result *r, struct buf *out);
};

extern const struct lint_format lint_formats[];
extern const size_t n_lint_formats;

void lint_write_sarif(const struct lint_result *r, struct buf *out);
void lint_write_json(const struct lint_result *r, struct buf *out);

#endif
