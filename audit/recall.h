#ifndef AUDIT_RECALL_H
#define AUDIT_RECALL_H

#include "audit/judge.h"

/*
 * The plan's answers given before. Where nothing is translated it judges by
 * the classes of the two ends and the exceptions that name them, and most
 * flows ask what another has asked. One auditor's own, since judges are shared
 * between threads.
 */
struct recall;

struct recall *recall_new(struct arena *a);
/* Another plan: nothing holds any more. */
void recall_clear(struct recall *m);
/* As judge_rule(), into r: a copy less, once a flow. */
void recall_rule(struct recall *m, const struct judge *j, struct addr src,
		 struct addr dst, uint32_t key, struct ruling *r);

#endif
