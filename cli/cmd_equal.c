#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "check/replay.h"
#include "check/trace.h"
#include "cli/check_input.h"

/* portplan equal: do two rulesets let the same packets pass? */

enum { MAX_CUBES = 20000, MAX_FINDINGS = 50, MAX_LINES = 12 };

/* What the kernel made of a finding's packet, on either side. */
struct tried {
	struct replay on[2];
	const char *path[2];
};

struct equal {
	struct arena *a;
	bool json;
	struct kruleset *rs[2];
	struct check *c;
	struct check_findings f[PATHS];
	struct tried *tried[PATHS]; /* by finding */
	size_t count[CHECK_KINDS];
};

static int load(struct equal *e, struct args *a)
{
	struct rules_file file[2];
	int code = EXIT_OK;

	if (!strcmp(a->operands.v[0], "-") && !strcmp(a->operands.v[1], "-"))
		return complain(a, "both cannot be standard input: name a file");
	for (unsigned i = 0; i < 2; i++)
		if (!rules_file_open(a, a->operands.v[i], &file[i]))
			return EXIT_BAD;
	for (unsigned i = 0; i < 2 && code == EXIT_OK; i++)
		e->rs[i] = rules_file_load(a, &file[i], NULL, 0, &code);
	return code;
}

static void ways(struct equal *e, unsigned p, const struct check_side *side)
{
	for (unsigned i = 0; i < 2; i++) {
		check_trace_begin(e->c);
		for (size_t k = 0; k < e->f[p].n; k++) {
			struct traces t = check_trace(e->c, &side[i], p,
						      e->f[p].v[k].witness);
			struct buf b = { 0 };

			check_trace_text(&t, &b);
			e->tried[p][k].path[i] = buf_take(e->a, &b);
		}
	}
}

/* Does it pass one of them, and the other not? */
static bool can_be_tried(const struct check_finding *f)
{
	return f->kind == CHECK_OPENS || f->kind == CHECK_CLOSES;
}

/* The packets of the findings that will be shown, through both. */
static void replay(struct equal *e)
{
	struct replay *r = ARENA_ARRAY(e->a, struct replay, MAX_FINDINGS);
	struct tried **of = ARENA_ARRAY(e->a, struct tried *, MAX_FINDINGS);
	size_t n = 0;

	for (unsigned p = 0; p < PATHS; p++)
		for (size_t k = 0; k < e->f[p].n && n < MAX_FINDINGS; k++) {
			if (!can_be_tried(&e->f[p].v[k]))
				continue;
			r[n] = (struct replay){ .packet = e->f[p].v[k].witness,
						.path = p };
			of[n++] = &e->tried[p][k];
		}
	for (unsigned i = 0; i < 2; i++) {
		check_replay(e->c, e->rs[i], r, n);
		for (size_t k = 0; k < n; k++)
			of[k]->on[i] = r[k];
	}
}

/* "confirmed", "not confirmed", or why it was not tried. */
static const char *kernel_says(const struct check_finding *f,
			       const struct tried *t)
{
	bool opens = f->kind == CHECK_OPENS;

	if (f->kind == CHECK_UNDECIDED)
		return "not tried: it may fare either way";
	if (f->kind == CHECK_TRANSLATES)
		return "it passes both: what becomes of it is not compared";
	for (unsigned i = 0; i < 2; i++)
		if (t->on[i].answer == REPLAY_NOT_TRIED)
			return t->on[i].why ? t->on[i].why :
					      "there are many findings";
	return (t->on[0].answer == REPLAY_PASS) == !opens &&
	       (t->on[1].answer == REPLAY_PASS) == opens ?
		"confirmed" : "not confirmed";
}

static bool kernel_tried(const struct check_finding *f, const struct tried *t)
{
	return can_be_tried(f) &&
	       t->on[0].answer != REPLAY_NOT_TRIED &&
	       t->on[1].answer != REPLAY_NOT_TRIED;
}

static void compare(struct equal *e)
{
	e->c = check_new(e->a, e->rs, 2, NULL, 0);
	for (unsigned p = 0; p < PATHS; p++) {
		struct check_side side[2] = {
			check_rules(e->c, e->rs[0], p),
			check_rules(e->c, e->rs[1], p),
		};

		e->f[p] = check_compare(e->c, &side[0], &side[1], CHECK_ALL, p,
					MAX_CUBES);
		e->tried[p] = ARENA_ARRAY(e->a, struct tried, e->f[p].n);
		ways(e, p, side);
		for (size_t i = 0; i < e->f[p].n; i++)
			e->count[e->f[p].v[i].kind]++;
	}
	replay(e);
}

static int exit_code(const struct equal *e)
{
	if (e->count[CHECK_OPENS] || e->count[CHECK_CLOSES] ||
	    e->count[CHECK_TRANSLATES])
		return EXIT_FINDINGS;
	return e->count[CHECK_UNDECIDED] ? EXIT_UNDECIDED : EXIT_OK;
}

static const char *sentence(const struct equal *e)
{
	static const char *const by_exit[] = {
		[EXIT_OK] = "equal",
		[EXIT_FINDINGS] = "NOT equal",
		[EXIT_UNDECIDED] = "undecided",
	};

	return by_exit[exit_code(e)];
}

/* ---- text */

static void text_sides(const struct check_finding *f, const struct tried *t,
		       struct buf *out)
{
	static const char *const name[2] = {"before", "after "};

	for (unsigned i = 0; i < 2; i++) {
		buf_printf(out, "    %s ", name[i]);
		check_rule_text(f->rule[i], f->policy[i], out);
		buf_putc(out, '\n');
		if (*t->path[i])
			buf_printf(out, "           by %s\n", t->path[i]);
	}
}

static void text_finding(const struct equal *e, const struct check_finding *f,
			 const struct tried *t, struct buf *out)
{
	buf_printf(out, "%s %s: ", check_path_name[f->path],
		   check_kind_name[f->kind]);
	space_count_text(f->size, out);
	buf_puts(out, " (addresses x services)");
	if (f->why)
		buf_printf(out, ", depends on %s", f->why);
	buf_putc(out, '\n');
	for (size_t i = 0; i < f->cubes.n && i < MAX_LINES; i++) {
		buf_puts(out, "    ");
		check_cube_text(e->c, &f->cubes.v[i], out);
		buf_putc(out, '\n');
	}
	if (f->cubes.n > MAX_LINES || f->cubes.more)
		buf_printf(out, "    and %s%zu more boxes\n",
			   f->cubes.more ? "more than " : "",
			   f->cubes.n - MAX_LINES);
	text_sides(f, t, out);
	buf_puts(out, "    packet ");
	check_packet_text(e->c, f->witness, f->path, out);
	buf_printf(out, "\n    kernel %s%s\n", kernel_tried(f, t) ||
		   f->kind == CHECK_UNDECIDED ? "" : "not tried: ",
		   kernel_says(f, t));
}

static void not_judged(const struct equal *e, struct buf *out)
{
	struct buf t = {0};

	for (unsigned i = 0; i < 2; i++)
		check_not_judged(e->rs[i], &t);
	if (t.n)
		buf_printf(out, "not judged: table %s\n", t.s);
	buf_free(&t);
}

static void text(const struct equal *e, struct buf *out)
{
	size_t shown = 0, all = 0;

	buf_printf(out, "%s: %zu opened, %zu closed, %zu translated otherwise, "
		   "%zu undecided\n", sentence(e), e->count[CHECK_OPENS],
		   e->count[CHECK_CLOSES], e->count[CHECK_TRANSLATES],
		   e->count[CHECK_UNDECIDED]);
	for (unsigned p = 0; p < PATHS; p++)
		for (size_t i = 0; i < e->f[p].n; i++, all++)
			if (shown < MAX_FINDINGS) {
				text_finding(e, &e->f[p].v[i],
					     &e->tried[p][i], out);
				shown++;
			}
	if (all > shown)
		buf_printf(out, "and %zu more findings\n", all - shown);
	not_judged(e, out);
}

/* ---- JSON */

static void json_text(struct json *j, const char *key, struct buf *t)
{
	json_str(j, key, t->n ? t->s : "");
	t->n = 0;
}

static void json_side(struct json *j, const char *key, unsigned i,
		      const struct check_finding *f, const struct tried *k,
		      struct buf *t)
{
	const struct kr_rule *r = f->rule[i];

	json_object(j, key);
	check_rule_text(r, f->policy[i], t);
	json_text(j, "text", t);
	if (r) {
		json_str(j, "chain", r->chain->name);
		json_int(j, "handle", (long long)r->handle);
		if (r->line) {
			json_str(j, "file", r->file);
			json_int(j, "line", r->line);
		}
		if (r->comment)
			json_str(j, "comment", r->comment);
	}
	json_str(j, "path", k->path[i]);
	json_end_object(j);
}

static void json_finding(const struct equal *e, struct json *j,
			 const struct check_finding *f, const struct tried *k,
			 struct buf *t)
{
	json_object(j, NULL);
	json_str(j, "kind", check_kind_name[f->kind]);
	json_str(j, "hook", check_path_name[f->path]);
	space_count_text(f->size, t);
	json_text(j, "size", t);
	if (f->why)
		json_str(j, "depends_on", f->why);
	json_array(j, "boxes");
	for (size_t i = 0; i < f->cubes.n; i++) {
		check_cube_text(e->c, &f->cubes.v[i], t);
		json_text(j, NULL, t);
	}
	json_end_array(j);
	json_bool(j, "boxes_complete", !f->cubes.more);
	check_packet_text(e->c, f->witness, f->path, t);
	json_text(j, "packet", t);
	check_probe_text(e->c, f->witness, f->path, t);
	json_text(j, "probe", t);
	json_str(j, "kernel", kernel_tried(f, k) ? kernel_says(f, k) :
						   "not tried");
	json_str(j, "kernel_why", kernel_tried(f, k) ? NULL :
						       kernel_says(f, k));
	json_side(j, "before", 0, f, k, t);
	json_side(j, "after", 1, f, k, t);
	json_end_object(j);
}

static void json(const struct equal *e, struct buf *out)
{
	struct json j = {.out = out};
	struct buf t = {0};

	json_object(&j, NULL);
	json_str(&j, "schema", "portplan-equal-1");
	json_str(&j, "verdict", sentence(e));
	json_array(&j, "findings");
	for (unsigned p = 0; p < PATHS; p++)
		for (size_t i = 0; i < e->f[p].n; i++)
			json_finding(e, &j, &e->f[p].v[i], &e->tried[p][i],
				     &t);
	json_end_array(&j);
	json_end_object(&j);
	buf_putc(out, '\n');
	buf_free(&t);
}

static int cmd_equal(struct args *a)
{
	static const char *const legal[] = { "text", "json" };
	const char *format = arg_value(a, "output", "text");
	struct equal e = { .a = a->arena, .json = !strcmp(format, "json") };
	struct buf out = { 0 };
	int code;

	if (!e.json && strcmp(format, "text"))
		return complain(a, "there is no format \"%s\"%s (legal: text, "
				"json)", format,
				did_you_mean(a->arena, format, legal, 2));
	code = load(&e, a);
	if (code == EXIT_OK) {
		compare(&e);
		(e.json ? json : text)(&e, &out);
		code = put_out(a, &out);
		if (code == EXIT_OK)
			code = exit_code(&e);
	}
	buf_free(&out);
	check_free(e.c);
	for (unsigned i = 0; i < 2; i++)
		check_unload(e.rs[i]);
	return code;
}

static const struct option_def equal_options[] = {
	{ 'o', "output", "FORMAT", "text (default) or json" },
};

const struct command command_equal = {
	.name = "equal",
	.run = cmd_equal,
	.usage = "A.nft B.nft",
	.summary = "do two rulesets let the same packets pass?",
	.description =
	  "Loads both into private network namespaces and compares what the "
	  "kernel then lets pass: every packet, in every conntrack state, on "
	  "forward, input and output, and what new connections are translated "
	  "to: another destination, source or port. A choice that rules leave "
	  "to the kernel (a range of addresses, a random port) is undecided, "
	  "unless the same rule makes it in both. No topology is needed. One "
	  "of them may be -, standard input.\n"
	  "Exit code 0 equal, 1 different, 2 trouble, 3 undecided.",
	OPTIONS(equal_options),
	.examples = "  portplan equal before.nft after.nft\n",
	.min_args = 2,
	.max_args = 2,
	.no_topology = true,
};
