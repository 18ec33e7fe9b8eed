#include <string.h>

#include "cli/audit.h"
#include "cli/table.h"

static const struct table_column columns[] = {
	{ "class", "Class", 10, 0 },
	{ "from", "From", 8, 0 },
	{ "to", "To", 8, 0 },
	{ "service", "Service", 8, 0 },
	{ "flows", "Flows", 5, 0 },
	{ "answered", "Answered", 5, 0 },
	{ "refused", "Refused", 5, 0 },
	{ "packets", "Packets", 5, 0 },
	{ "bytes", "Bytes", 5, 0 },
	{ "first", "First seen", 20, 0 },
	{ "last", "Last seen", 20, 0 },
	{ "note", "Note", 20, 0 },
	{ "waived", "Waived", 10, 0 },
	{ "sample", "Sample", 20, 0 },
};

static const char *number(struct arena *a, uint64_t n)
{
	return arena_printf(a, "%llu", (unsigned long long)n);
}

static const char *when(struct arena *a, uint64_t ns)
{
	char text[TIME_TEXT];

	time_text(ns, text);
	return arena_strdup(a, text);
}

static void fill_row(const struct report *rep, size_t i, const char **cell)
{
	const struct finding *f = rep->finding[i];
	struct arena *a = rep->arena;
	struct words_of w = finding_words(a, rep->judge, f, rep->seen,
					  rep->n_seen);
	const char *row[COUNT_OF(columns)] = {
		w.cls, w.from, w.to, w.service, number(a, f->flows),
		number(a, f->answered), number(a, f->refused),
		number(a, f->packets), number(a, f->bytes),
		when(a, f->first), when(a, f->last), w.note, f->waived,
		w.sample,
	};

	memcpy(cell, row, sizeof(row));
}

void audit_write_table(const struct report *rep, const char *format,
		       struct buf *out)
{
	struct table t = {
		.schema = "portplan-audit-1",
		.title = arena_printf(rep->arena, "Audit: %s",
				      report_outcome(rep)),
		.column = columns,
		.n_column = COUNT_OF(columns),
		.n_row = rep->n_finding,
		.summary = report_summary(rep),
	};

	t.cell = ARENA_ARRAY(rep->arena, const char *,
			     t.n_row * t.n_column);
	for (size_t i = 0; i < t.n_row; i++)
		fill_row(rep, i, &t.cell[i * t.n_column]);
	for (size_t i = 0; i < n_table_formats; i++)
		if (!strcmp(table_formats[i].name, format))
			table_formats[i].write(&t, out, 0);
}
