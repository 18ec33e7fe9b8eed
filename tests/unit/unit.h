#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <CUnit/CUnit.h>

/*
 * A unit test program: static test functions in a CU_TestInfo table (one
 * forgotten is an unused function, which the build refuses), and
 *	int main(void) { return unit_run("base/addr", tests); }
 * Prints "ok NAME" or "not ok NAME" a test with each failed assertion's
 * file:line, then "N passed, N failed". CUnit's own automated mode aborts on
 * the first failure (Debian's 2.1-3), so its handlers are used instead.
 */
int unit_run(const char *suite, CU_TestInfo *tests);

#endif
