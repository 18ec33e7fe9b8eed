#ifndef TESTS_UNIT_RULESET_H
#define TESTS_UNIT_RULESET_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/load.h"
#include "tests/unit/unit.h"

/* Rulesets of a test, through nft and the kernel, each in a namespace of its
 * own, so that handles are alike where the texts are. NULL: err says why. */
static inline struct kruleset *load(struct arena *a, const char *text,
				    struct buf *err)
{
	char path[] = "/tmp/portplan-test-XXXXXX";
	int fd = mkstemp(path);
	struct kruleset *rs = NULL;

	if (fd < 0)
		return NULL;
	if (write(fd, text, strlen(text)) == (ssize_t)strlen(text))
		rs = check_load_file(a, path, NULL, 0, err);
	close(fd);
	unlink(path);
	return rs;
}

/* unit_run(); exit code 77 where nothing can be loaded. */
static inline int unit_run_loading(const char *suite, CU_TestInfo *tests)
{
	struct arena *a = arena_new();
	struct buf err = { 0 };
	struct kruleset *rs = load(a, "\n", &err);
	bool can = rs != NULL;

	check_unload(rs);
	arena_free(a);
	if (!can)
		printf("skipped %s: %s", suite, err.n ? err.s : "?\n");
	buf_free(&err);
	return can ? unit_run(suite, tests) : 77;
}

#endif
