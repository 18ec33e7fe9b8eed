#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "cli/cli.h"

/*
 * What commands show as rows: one model, written in every format. Cells are
 * foreign text: each writer makes them harmless in its own way.
 */
struct table_column {
	const char *key;   /* in csv and json */
	const char *title; /* for people */
	unsigned least;	   /* narrowest width on a terminal */
	unsigned where;	   /* TABLE_…; 0: everywhere */
};

enum {
	TABLE_MACHINE = 1,  /* csv and json only */
	TABLE_PAPER = 2,    /* not on a terminal, which is narrow */
	TABLE_TERMINAL = 4, /* on a terminal only */
	TABLE_HEADING = 8,  /* there, as a line above the rows that share it */
};

/* One more format, of this table's command alone. */
struct table_extra {
	const char *name;
	void (*write)(const void *ctx, struct buf *out);
	const void *ctx;
};

struct table {
	const char *schema; /* "portplan-matrix-1" */
	const char *title;
	const struct table_column *column;
	size_t n_column;
	const char **cell; /* row after row; NULL is empty */
	size_t n_row;
	const char *summary; /* a sentence below, for people */
	struct table_extra extra;
};

struct table_format {
	const char *name;
	void (*write)(const struct table *t, struct buf *out, unsigned width);
};

extern const struct table_format table_formats[];
extern const size_t n_table_formats;

/* Writes the table to every -o FORMAT[=FILE] given, or as a terminal table. */
int table_out(struct args *a, const struct table *t);

/* Only what cannot harm a terminal: no control characters. */
void put_plain(struct buf *out, const char *s);
void put_html(struct buf *out, const char *s);

#define FORMAT_OPTION \
	{ 'o' | OPTION_AGAIN | OPTION_WRITES, "output", "FORMAT[=FILE]", \
	  "table (default), csv, json, markdown or html; to FILE if given " \
	  "(repeatable)" }

#endif
