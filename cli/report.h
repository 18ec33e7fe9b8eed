#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "advice/advice.h"
#include "cli/observed.h"
#include "draw/draw.h"
#include "plan/matrix.h"

/* What all parts of the report look at. */
struct report_page {
	struct args *args;
	struct arena *arena;
	const struct loaded *loaded;
	const struct plan *plan;
	const struct drawing *drawing;
	const struct matrix *matrix; /* by role */
	struct observed_all seen;
	const struct advice_rules *rules; /* the shipped ones */
	const struct advice_report *advice;
	const char *let_through; /* plan_let_through(); NULL */
	struct buf *out;
};

/* Text between tags, made harmless. */
void page_text(struct report_page *r, const char *s);
/* <td data-l="LABEL">text</td>; NULL is empty. The label is shown on paper
 * narrower than the table. */
void page_cell(struct report_page *r, const char *label, const char *text);
void page_cell_number(struct report_page *r, const char *label, long long n);
/* <table> with a head of these columns, in a box that scrolls */
void page_table(struct report_page *r, const char *const *column, size_t n);
void page_end_table(struct report_page *r);
/* <section id><h2>; a link in the contents must stand for it */
void page_section(struct report_page *r, const char *id, const char *title);
void page_end_section(struct report_page *r);


/* An exception as of now. */
enum rule_state { RULE_IN_FORCE, RULE_EXPIRING, RULE_EXPIRED, RULE_TO_COME };
enum { EXPIRING_DAYS = 30 };
enum rule_state rule_state(const struct rule *r, int64_t now);

void report_head(struct report_page *r);
void report_verdict(struct report_page *r);
void report_heat(struct report_page *r);
void report_seen(struct report_page *r);
void report_advice(struct report_page *r);
void report_matrix(struct report_page *r);
void report_exceptions(struct report_page *r);
void report_promises(struct report_page *r);
void report_hosts(struct report_page *r);
void report_rulesets(struct report_page *r);

#endif
