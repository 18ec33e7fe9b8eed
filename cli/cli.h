#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "plan/plan.h"
#include "topology/topology.h"

#define PORTPLAN_VERSION "0.1.0"
#define PORTPLAN_DATE "2026-11-24" /* of the version */

/* Exit codes of all commands. */
enum {
	EXIT_OK = 0,	   /* clean, equal, allowed */
	EXIT_FINDINGS = 1, /* findings, differences, denied */
	EXIT_BAD = 2,	   /* bad input, usage, I/O: nothing was changed */
	EXIT_UNDECIDED = 3,
	EXIT_ROLLED_BACK = 4, /* apply: switched, and back again */
	N_EXIT_CODES
};

/* What each means, for the help and the manual pages. */
extern const char *const exit_meaning[N_EXIT_CODES];

/* One table of options per command: parsing, --help and the manual page all
 * come from it. */
struct option_def {
	int letter;	  /* 0: none; and what holds of it, OPTION_… */
	const char *name; /* long name */
	const char *arg;  /* NULL: takes none */
	const char *help;
};

enum {
	OPTION_LETTER = 0xff,
	OPTION_AGAIN = 0x100, /* may be given more than once */
	OPTION_WRITES = 0x200 /* its value, or what is behind "=" if it is a
			       * FORMAT, is a file that is written */
};

static inline char option_letter(const struct option_def *o)
{
	return (char)(o->letter & OPTION_LETTER);
}

enum { MAX_OPTIONS = 48 };

struct args;

struct command {
	const char *name;
	int (*run)(struct args *a);
	const char *usage;	 /* operands */
	const char *summary;	 /* one line */
	const char *description; /* paragraphs */
	const struct option_def *options;
	size_t n_options;
	const char *examples; /* lines */
	size_t min_args, max_args;
	bool no_topology; /* --today and --templates make no sense */
	bool takes_rest;  /* what follows "--" is no operand */
	enum with_bundle {
		BUNDLE_DOES,	/* one firewall's part is what it is about */
		BUNDLE_IS_SAID, /* it answers for the whole, so that is said */
		BUNDLE_REFUSED, /* it writes a changed topology */
	} with_bundle;
};

struct given {
	const struct option_def *def;
	const char *value; /* NULL if it takes none */
};

struct args {
	const struct command *cmd;
	struct arena *arena;
	VEC(struct given) given;
	VEC(const char *) operands;
	VEC(const char *) rest; /* behind --, where the command takes it */
};

extern const struct command *const commands[];
extern const size_t n_commands;

/* The last value given, or fallback. */
const char *arg_value(const struct args *a, const char *name,
		      const char *fallback);
bool arg_given(const struct args *a, const char *name);
/* The same of a number, or an error in d. */
uint64_t arg_number(const struct args *a, const char *name, uint64_t min,
		    uint64_t max, uint64_t fallback, struct diags *d);

/* Exit code in *code if the program should end (help, error). */
bool args_parse(struct args *a, int argc, char **argv, int *code);
void command_help(const struct command *c, struct buf *out);
void program_help(struct buf *out);
const struct command *find_command(const char *name);

/* "portplan gen: text\n" on standard error; returns EXIT_BAD. */
int complain(const struct args *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* All of it to standard output; EXIT_BAD and a message if that fails. */
int put_out(const struct args *a, const struct buf *b);

/* Standard output is a pipe whose reader has gone, as in "| head -1": what is
 * still to be written there nobody wants, which is no error. */
bool reader_gone(void);

struct file_out {
	const char *path;
	const struct buf *text;
	bool over_input; /* it may be what was read: fmt */
	bool fresh;	 /* never over a file that is there */
	bool secret;	 /* made anew, its owner alone may read it */
	bool same; /* set: it stood there already and was left alone */
	int held;  /* open for writing since before privileges were given up:
		    * its descriptor + 1; 0: it is opened by its path */
};

/* How a file that is in the same folder as from names path; path itself where
 * one of them is not there. */
const char *path_from(struct arena *a, const char *from, const char *path);
/* All that is in it, behind what is in out. false: errno. */
bool file_text(const char *path, struct buf *out);
/* Made if it is not there; EXIT_OK or a message. */
int need_directory(const struct args *a, const char *dir);
/* All of them or none: see cli/files.c. Never over what is_input(). */
int write_files(const struct args *a, struct file_out *f, size_t n);
int write_file(const struct args *a, const char *path, const struct buf *b);

/* Could it be written, as far as can be told beforehand? Nothing is changed;
 * EXIT_BAD and a message. */
int can_write_file(const struct args *a, const char *path);

/* Is it one of the operands or of the files that were read into the command's
 * arena? By device and inode. */
bool is_input(const struct args *a, const char *path);
/* Would writing both write one regular file? Also where there is none yet. */
bool same_output(const char *a, const char *b);
/* Of the options that write files: no two into the same one; EXIT_BAD and a
 * message. */
int outputs_differ(const struct args *a);
/* None over what was read so far; EXIT_BAD and a message. */
int outputs_spare_inputs(const struct args *a);
/* And each can be written, so that one that cannot leaves the others as they
 * are; EXIT_BAD and a message. */
int outputs_ready(const struct args *a);

/* One format's text; path NULL or "-": standard output. */
struct output {
	const char *path;
	struct buf text;
	int held; /* as in struct file_out */
};

/* The files together, then standard output; frees the texts. */
int write_outputs(struct args *a, struct output *v, size_t n);

/* The formats of one command, the default first. write: the text of names[i];
 * EXIT_OK or a message. */
struct writers {
	const char *const *names;
	size_t n;
	int (*write)(const void *ctx, struct args *a, size_t i,
		     struct output *out);
	const void *ctx;
};

/* Every -o FORMAT[=FILE] that was given, or the default. */
int write_formats(struct args *a, const struct writers *w);

enum { MOST_FORMATS = 16 };

struct loaded {
	struct topology *topo;
	struct plan *plan;
	struct diags diags;
	int64_t now;
};

/* Reads and compiles the topology, messages to standard error. */
int load_topology(struct args *a, const char *path, struct loaded *out);
int load_plan(struct args *a, const char *path, struct loaded *out);
/* The same topology with this text in its file; nothing is printed, out->diags
 * says what is wrong with it. */
bool load_edited(struct args *a, const struct loaded *l, const char *text,
		 size_t n, struct loaded *out);
/* A topology that is in no file yet. Nothing is printed but of --today; text
 * must outlive it. */
bool load_text(struct args *a, const char *name, const char *text, size_t n,
	       struct loaded *out);
/* The same for a bundle: without policies, which name the whole network. */
bool load_part(struct args *a, const char *name, const char *text, size_t n,
	       struct loaded *out);
void print_diags(struct diags *d);
/* A firewall by --firewall or by name; NULL and a message. */
const struct firewall *need_firewall(const struct args *a,
				     const struct topology *t,
				     const char *name);
/* EXIT_OK too where name is NULL. */
int need_service(struct args *a, const struct topology *t, const char *name);
/* The same where it must have a ruleset. */
const struct firewall *need_managed(const struct args *a,
				    const struct topology *t,
				    const char *name);
/* ", did you mean "x"?" or ""; from the arena. */
const char *did_you_mean(struct arena *a, const char *s,
			 const char *const *names, size_t n);

#define TOPOLOGY_OPTIONS \
	{ OPTION_AGAIN, "templates", "DIR", \
	  "search DIR for templates before the built-in ones (repeatable; " \
	  "also: PORTPLAN_TEMPLATES)" }, \
	{ OPTION_AGAIN, "policy", "FILE", \
	  "limits of others (forbid, expect, omit, owner) that hold whatever " \
	  "the topology says (repeatable)" }, \
	{ 0, "today", "DATE", \
	  "judge starts and expires as of DATE (2027-01-31 or " \
	  "2027-01-31T20:00Z), not of now" }

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
#define OPTIONS(o) .options = (o), .n_options = COUNT_OF(o)

extern const struct command command_matrix;
extern const struct command command_gen;
extern const struct command command_bundle;
extern const struct command command_explain;
extern const struct command command_pending;
extern const struct command command_check;
extern const struct command command_audit;
extern const struct command command_apply;
extern const struct command command_confirm;
extern const struct command command_recover;
extern const struct command command_restore;
extern const struct command command_watch;
extern const struct command command_lint;
extern const struct command command_compare;
extern const struct command command_spf;
extern const struct command command_diff;
extern const struct command command_equal;
extern const struct command command_graph;
extern const struct command command_report;
extern const struct command command_new;
extern const struct command command_fmt;
extern const struct command command_schema;
extern const struct command command_templates;
extern const struct command command_counters;
extern const struct command command_import;
extern const struct command command_learn;
extern const struct command command_completion;
extern const struct command command_man;


#endif
