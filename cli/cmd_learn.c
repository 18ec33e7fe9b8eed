#include <string.h>

#include "audit/audit.h"
#include "audit/learn.h"
#include "audit/sources.h"
#include "cli/captures.h"
#include "cli/splice.h"
#include "cli/stop.h"
#include "cli/tried.h"
#include "topology/xml.h"

/* Reads captures by a skeleton of zones and writes it with what they show. */
struct run {
	struct args *a;
	struct loaded l;
	struct judge *judge;
	VEC(struct source_arg) files;
	struct learn *learn;
	double start, duration; /* seconds; duration 0: to the end */
	bool incomplete;
};

static void on_flow(void *ctx, const struct conn *c, const struct finding *f)
{
	struct run *r = ctx;

	(void)c;
	learn_flow(r->learn, f);
}

static void add_file(struct run *r, const char *s)
{
	vec_push(r->a->arena, &r->files, capture_arg(r->a->arena, s, true));
}

/* Taps in different zones see the same flows. */
static uint32_t *taps(const struct run *r, const struct sources *s)
{
	uint32_t *v = ARENA_ARRAY(r->a->arena, uint32_t, sources_count(s));

	for (size_t i = 0; i < sources_count(s); i++)
		v[i] = sources_info(s, i)->zone ?
		       judge_zone(r->judge, sources_info(s, i)->zone) : NONE;
	return v;
}

static bool time_is_up(const struct run *r)
{
	return r->duration > 0 && stop_clock() - r->start >= r->duration;
}

static bool go_on(void *run)
{
	return !stop_asked() && !time_is_up(run);
}

static struct sources *open_files(struct run *r)
{
	struct sources *s = NULL;
	struct diags d;

	diags_init(&d, r->a->arena);
	r->duration = (double)arg_number(r->a, "duration", 1, 1u << 30, 0, &d);
	if (!d.n_errors && capture_zones(&d, r->judge, r->files.v, r->files.n))
		s = sources_find(r->a->arena, r->files.v, r->files.n, &d);
	stop_catch();
	r->start = stop_clock();
	if (s)
		sources_wait(s, (struct input_wait){ go_on, r });
	if (s && sources_start(s) < 0) {
		sources_close(s);
		s = NULL;
	}
	print_diags(&d);
	if (s)
		captures_say_passed_over(r->a, s);
	return s;
}

/* What was not learnt from. */
static void tell_damage(struct run *r, const struct source_info *f)
{
	if (!f->stats.damage)
		return;
	complain(r->a, "%s %s%s", f->name, f->stats.damage,
		 f->stats.packets ? ": what follows was not learnt from" : "");
	r->incomplete = true;
}

static void tell_end(struct run *r)
{
	if (stop_asked())
		complain(r->a, "stopped by a signal: what follows was not "
			 "learnt from");
	else if (time_is_up(r))
		complain(r->a, "ended after %.0f s, as asked (--duration)",
			 r->duration);
	r->incomplete |= stop_asked();
}

static bool read_files(struct run *r)
{
	struct audit_options opt = { .ctx = r, .on_flow = on_flow };
	struct frame f[FRAME_BATCH];
	struct sources *s = open_files(r);
	const char *out = arg_value(r->a, "output", "-");
	struct audit *au;
	size_t n;

	if (!s)
		return false;
	/* Before an hour of reading, not after it. */
	if (outputs_spare_inputs(r->a) != EXIT_OK ||
	    (strcmp(out, "-") && can_write_file(r->a, out) != EXIT_OK)) {
		sources_close(s);
		return false;
	}
	opt.n_tap = sources_count(s);
	opt.tap_zone = taps(r, s);
	au = audit_new(r->a->arena, r->judge, &opt);
	while (go_on(r) && (n = sources_read(s, f, FRAME_BATCH)))
		audit_frames(au, f, n);
	tell_end(r);
	audit_finish(au);
	for (size_t i = 0; i < sources_count(s); i++)
		tell_damage(r, sources_info(s, i));
	audit_free(au);
	sources_close(s);
	return true;
}

static void put_hosts(void *ctx, const struct party *into, size_t indent,
		      struct buf *out)
{
	learn_put_hosts(ctx, into, indent, out);
}

/* Text with something before its end tag. */
static void put_before_end(const struct buf *text, const struct buf *what,
			   struct buf *out)
{
	size_t end = text->n;

	/* "</topology>" is the last tag there is. */
	while (end && text->s[end - 1] != '<')
		end--;
	end -= end > 0;
	out->n = 0;
	buf_put(out, text->s, end);
	buf_put(out, what->s, what->n);
	buf_put(out, text->s + end, text->n - end);
}

/* The skeleton with hosts in its zones, and roles and pins before its end. */
static bool put_hosts_and_roles(struct run *r, struct buf *out)
{
	const struct source *src = r->l.topo->at.src;
	const struct party **where;
	size_t n = learn_places(r->learn, &where);
	struct splice *v = ARENA_ARRAY(r->a->arena, struct splice, n);
	struct buf text = { 0 }, rest = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (where[i]->xml->src != src) {
			complain(r->a, "\"%s\" is written in %s, and hosts "
				 "can only be written into %s",
				 where[i]->name, where[i]->xml->src->name,
				 src->name);
			return false;
		}
		v[i] = (struct splice){ where[i], put_hosts, r->learn };
	}
	splice_text(src, v, n, &text);
	learn_put_rest(r->learn, &rest);
	put_before_end(&text, &rest, out);
	buf_free(&rest);
	buf_free(&text);
	return true;
}

static bool roles_taken(void *ctx)
{
	struct run *r = ctx;
	struct buf text = { 0 };
	struct loaded l;
	bool good = put_hosts_and_roles(r, &text) &&
		    load_edited(r->a, &r->l, text.s, text.n, &l);

	buf_free(&text);
	return good;
}

/* The skeleton with hosts and with the roles that it takes. */
static bool load_base(struct run *r, struct buf *text, struct loaded *base,
		      struct diags *why)
{
	if (!put_hosts_and_roles(r, text))
		return false;
	if (load_edited(r->a, &r->l, text->s, text->n, base))
		return true;
	learn_sift_roles(r->learn, roles_taken, r);
	if (!put_hosts_and_roles(r, text))
		return false;
	if (load_edited(r->a, &r->l, text->s, text->n, base))
		return true;
	*why = base->diags;
	return false;
}

/* Tries the exceptions beside hosts and roles; those that the topology
 * refuses are put in comments. *l: with the rest. */
static bool put_allows(struct run *r, const struct loaded *base,
		       struct buf *out, struct loaded *l)
{
	struct learn_allow *allow;
	size_t n = learn_allows(r->learn, &allow);
	struct tried_line *line = ARENA_ARRAY(r->a->arena, struct tried_line,
					      n);
	bool good;

	for (size_t i = 0; i < n; i++)
		line[i].xml = allow[i].xml;
	good = tried_lines(r->a, base, line, n, l);
	tried_put(line, n, out);
	for (size_t i = 0; i < n; i++)
		if (line[i].why)
			learn_refused(r->learn, &allow[i]);
	return good;
}

/* Compiles what was written, and turns into exceptions what it still denies.
 * What an exception brings may make another needless, never the reverse: one
 * round is enough, a second one tells. */
static bool settle(struct run *r, struct buf *out, struct diags *why)
{
	struct buf text = { 0 }, allows = { 0 };
	struct loaded base, l;
	bool good = load_base(r, &text, &base, why);
	bool missed = true;

	for (int round = 0; good && missed && round < 3; round++) {
		allows.n = 0;
		good = put_allows(r, &base, &allows, &l);
		missed = good && learn_missed(r->learn,
					      judge_new(r->a->arena, l.plan));
	}
	if (text.n)
		put_before_end(&text, &allows, out);
	buf_free(&allows);
	buf_free(&text);
	return good && !missed;
}

static void tell(const struct run *r, bool with_roles)
{
	struct learn_stats st = learn_stats(r->learn);

	fprintf(stderr, "portplan learn: %zu flow%s: %zu new host%s, %zu "
		"role%s, %zu pin%s; %zu flow%s by exception%s\n", st.flows,
		plural(st.flows), st.hosts, plural(st.hosts), st.roles,
		plural(st.roles), st.pins, plural(st.pins), st.allows,
		plural(st.allows), with_roles ? "" :
		" (with roles it did not compile)");
	if (st.refused)
		fprintf(stderr, "portplan learn: exceptions for %zu flow%s are "
			"refused by the topology: they are comments, with why\n",
			st.refused, plural(st.refused));
	if (st.too_many)
		fprintf(stderr, "portplan learn: there are more flows than it "
			"keeps: run it again on what it wrote\n");
	if (st.incurable)
		fprintf(stderr, "portplan learn: %zu that no plan cures, or the "
			"skeleton forbids: see audit\n", st.incurable);
}

static int cmd_learn(struct args *a)
{
	struct run r = { .a = a };
	struct buf out = { 0 };
	struct output o;
	struct diags why;
	bool roles = true;
	int rc = load_plan(a, a->operands.v[0], &r.l);

	if (rc != EXIT_OK)
		return rc;
	diags_init(&why, a->arena);
	r.judge = judge_new(a->arena, r.l.plan);
	r.learn = learn_new(a->arena, r.judge);
	for (size_t i = 0; i < a->given.n; i++)
		if (!strcmp(a->given.v[i].def->name, "read"))
			add_file(&r, a->given.v[i].value);
	for (size_t i = 1; i < a->operands.n; i++)
		add_file(&r, a->operands.v[i]);
	if (!r.files.n)
		return complain(a, "name a capture file (-r)");
	if (!read_files(&r))
		return EXIT_BAD;
	learn_roles(r.learn, true);
	if (!settle(&r, &out, &why)) {
		roles = false;
		learn_roles(r.learn, false);
		if (!settle(&r, &out, &why)) {
			print_diags(&why);
			buf_free(&out);
			return complain(a, "what it proposes does not compile");
		}
	}
	o = (struct output){ .path = arg_value(a, "output", NULL),
			     .text = out };
	rc = write_outputs(a, &o, 1);
	tell(&r, roles);
	if (rc != EXIT_OK)
		return rc;
	return learn_stats(r.learn).incurable || learn_stats(r.learn).refused ?
	       EXIT_FINDINGS :
	       r.incomplete || learn_stats(r.learn).too_many ?
	       EXIT_UNDECIDED : EXIT_OK;
}

static const struct option_def learn_options[] = {
	{ 'r' | OPTION_AGAIN, "read", "FILE[=ZONE]",
	  "a capture file or a directory of them "
	  "(repeatable)" },
	{ 0, "duration", "SECONDS", "learn for so long, from a pipe" },
	{ 'o' | OPTION_WRITES, "output", "FILE",
	  "write it there, not to standard output" },
	TOPOLOGY_OPTIONS,
};

const struct command command_learn = {
	.name = "learn",
	.run = cmd_learn,
	.usage = "SKELETON.xml -r FILE[=ZONE]... [-o FILE]",
	.summary = "propose roles and exceptions for what captures show",
	.description =
	  "The skeleton names templates, zones and firewalls; it may name hosts "
	  "and roles. Of what the captures show beyond its plan this makes "
	  "hosts, gives them the roles of the templates that explain most of "
	  "it and open least besides, pins what was seen of dynamic ports, and "
	  "writes exceptions for the rest, marked REVIEW; one that the topology "
	  "refuses is a comment that says why. The result compiles, "
	  "and the audit of the same captures finds nothing in it that a plan "
	  "could cure. It is a draft: what was seen is not what should be.\n"
	  "A pipe is read to its end; Ctrl-C and --duration end it before, and "
	  "what came is learnt from.\n"
	  "Exit code 1: flows were seen that no plan cures, such as addresses "
	  "in no zone, or exceptions are refused.",
	OPTIONS(learn_options),
	.examples = "  portplan learn zones.xml -r monday.pcap -o draft.xml\n"
		      "  tcpdump -U -i eth3 -w - | portplan learn zones.xml "
		      "-r - --duration 3600\n",
	.min_args = 1,
	.with_bundle = BUNDLE_REFUSED,
	.max_args = 1000,
};
