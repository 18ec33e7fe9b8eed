#include "tests/unit/unit.h"

#include <stdio.h>

static unsigned passed, failed;

static void complete(const CU_pTest test, const CU_pSuite suite,
		     const CU_pFailureRecord failure)
{
	if (!failure) {
		passed++;
		printf("ok %s: %s\n", suite->pName, test->pName);
		return;
	}
	failed++;
	printf("not ok %s: %s\n", suite->pName, test->pName);
	for (CU_pFailureRecord f = failure; f; f = f->pNext)
		printf("    %s:%u: %s\n", f->strFileName, f->uiLineNumber,
		       f->strCondition);
}

int unit_run(const char *suite, CU_TestInfo *tests)
{
	CU_SuiteInfo suites[] = {
		{ .pName = suite, .pTests = tests },
		CU_SUITE_INFO_NULL,
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (CU_initialize_registry() != CUE_SUCCESS ||
	    CU_register_suites(suites) != CUE_SUCCESS)
		return 2;
	CU_set_test_complete_handler(complete);
	CU_run_all_tests();
	CU_cleanup_registry();
	printf("%u passed, %u failed\n", passed, failed);
	return failed ? 1 : 0;
}
