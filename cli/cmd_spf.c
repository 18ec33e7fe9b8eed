#include <string.h>

#include "advice/spf.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/table.h"

/* portplan spf: the records of the mail domains, or one held against the plan. */

enum {
	MOST_LOOKUPS = 10, /* RFC 7208, 4.6.4 */
	UDP_BYTES = 450,   /* of name and record, 3.4 */
};

struct job {
	struct args *a;
	struct loaded l;
	struct spf *spf;
	VEC(const char *) given; /* --verify */
	const struct spf_parsed *parsed; /* the one that is SPF */
	const char *record;
	spf_remarks remarks;
};

static const char *const verdict_name[] = { "note", "undecided", "finding" };

static void say(struct job *j, enum spf_verdict v, const char *kind,
		const char *text)
{
	vec_push(j->a->arena, &j->remarks,
		 (struct spf_remark){ v, kind, text });
}

/* ---- the records that the topology asks for ---------------------------------------- */

static void remark_term(struct job *j, const struct spf_record *r,
			const struct spf_term *t)
{
	struct arena *a = j->a->arena;
	const char *host = t->host ? t->host->name : t->word;

	if (t->is_private)
		say(j, SPF_FINDING, "private",
		    arena_printf(a, "%s: %s (%s) is private: no receiver ever "
				 "sees it; publish the address after "
				 "translation", r->domain, t->text, host));
	if (t->host && !t->sends)
		say(j, SPF_FINDING, "may-not-send",
		    arena_printf(a, "%s: %s is published as %s, but may not "
				 "send", r->domain, host, t->text));
	if (!t->has_range)
		say(j, SPF_NOTE, "look-up",
		    arena_printf(a, "%s: %s: not compared, it takes the DNS",
				 r->domain, t->text));
}

static void remark_record(struct job *j, const struct spf_record *r)
{
	struct arena *a = j->a->arena;

	if (!r->terms.n)
		say(j, SPF_FINDING, "empty",
		    arena_printf(a, "%s: nobody is named: its senders stand "
				 "for no address", r->domain));
	if (r->lookups > MOST_LOOKUPS)
		say(j, SPF_FINDING, "lookups",
		    arena_printf(a, "%s: %u terms look something up, at most "
				 "%d may: a permanent error", r->domain,
				 r->lookups, MOST_LOOKUPS));
	if (r->bytes + strlen(r->domain) > UDP_BYTES)
		say(j, SPF_FINDING, "size",
		    arena_printf(a, "%s: %zu bytes: with its name more than "
				 "the %d that are sure to fit an answer by "
				 "UDP", r->domain, r->bytes, UDP_BYTES));
	for (size_t i = 0; i < r->terms.n; i++)
		remark_term(j, r, &r->terms.v[i]);
}

static void remark_sender(struct job *j, const struct spf_sender *s)
{
	struct arena *a = j->a->arena;
	char text[ADDR_TEXT] = "an interface without a declared address";

	if (s->published == SPF_PUBLISHED)
		return;
	if (!s->unknown)
		range_text(s->range, text);
	if (s->published == SPF_PERHAPS)
		say(j, SPF_UNDECIDED, "look-up",
		    arena_printf(a, "%s (%s) sends; only the DNS knows whether "
				 "a record names it", s->party->name, text));
	else
		say(j, SPF_FINDING, "not-published",
		    arena_printf(a, "%s (%s) sends, but no record names it",
				 s->party->name, text));
}

static void remark_all(struct job *j)
{
	for (size_t i = 0; i < j->spf->records.n; i++)
		remark_record(j, &j->spf->records.v[i]);
	for (size_t i = 0; i < j->spf->senders.n; i++)
		remark_sender(j, &j->spf->senders.v[i]);
}

/* ---- a record that is given ----------------------------------------------------------- */

/* Of several records of one name, one is SPF; two are an error (4.5). */
static void choose(struct job *j)
{
	struct arena *a = j->a->arena;
	size_t n = 0;

	for (size_t i = 0; i < j->given.n; i++) {
		const struct spf_parsed *r = spf_parse(a, j->given.v[i]);

		n += r->version == SPF_1;
		if (r->version == SPF_NONE)
			say(j, SPF_NOTE, "other",
			    arena_printf(a, "no SPF record, does not begin "
					 "with v=spf1: %s", j->given.v[i]));
		if (r->version != SPF_NONE &&
		    (!j->parsed || (r->version == SPF_1 &&
				    j->parsed->version != SPF_1))) {
			j->parsed = r;
			j->record = j->given.v[i];
		}
	}
	if (n > 1)
		say(j, SPF_FINDING, "permanent-error",
		    "more than one record begins with v=spf1 (RFC 7208, 4.5)");
	if (!j->parsed)
		say(j, SPF_FINDING, "none", "no SPF record is given");
}

static void verify(struct job *j)
{
	const struct spf_parsed *r;

	choose(j);
	r = j->parsed;
	if (!r)
		return;
	for (size_t i = 0; i < r->notes.n; i++)
		say(j, SPF_NOTE, "record", r->notes.v[i]);
	if (r->open)
		say(j, SPF_FINDING, "everyone", r->open);
	if (r->error)
		say(j, SPF_FINDING, "permanent-error", r->error);
	else if (j->spf)
		spf_verify(j->a->arena, j->l.plan, j->spf, r, &j->remarks);
}

/* ---- writing --------------------------------------------------------------------------- */

static void put_remarks(const struct job *j, const char *lead, struct buf *out)
{
	for (int v = SPF_FINDING; v >= SPF_NOTE; v--)
		for (size_t i = 0; i < j->remarks.n; i++) {
			const struct spf_remark *r = &j->remarks.v[i];

			if ((int)r->verdict != v)
				continue;
			buf_printf(out, "%s%s, %s: ", lead, verdict_name[v],
				   r->kind);
			put_plain(out, r->text);
			buf_putc(out, '\n');
		}
}

/* Ready for a zone file: all that is no record is a comment. */
static void text_records(const struct job *j, struct buf *out)
{
	for (size_t i = 0; i < j->spf->records.n; i++) {
		const struct spf_record *r = &j->spf->records.v[i];

		buf_printf(out, "; %s: %zu bytes, %u of %d lookups\n",
			   r->domain, r->bytes, r->lookups, MOST_LOOKUPS);
		buf_printf(out, "%s. IN TXT ", r->domain);
		spf_strings(r->text, out);
		buf_putc(out, '\n');
	}
	if (!j->spf->records.n)
		buf_puts(out, "; the topology has no mail-domain\n");
	put_remarks(j, "; ", out);
}

static void text_verify(const struct job *j, struct buf *out)
{
	if (j->parsed) {
		put_plain(out, j->record);
		buf_putc(out, '\n');
		if (j->parsed->error && j->parsed->error_off) {
			buf_pad(out, ' ', j->parsed->error_off);
			buf_puts(out, "^\n");
		}
		buf_printf(out, "%zu bytes, %u of %d lookups%s\n",
			   strlen(j->record), j->parsed->lookups, MOST_LOOKUPS,
			   j->parsed->lookups ? ", and what they lead to" : "");
	}
	put_remarks(j, "", out);
}

static void write_text(const struct job *j, struct buf *out)
{
	if (j->given.n)
		text_verify(j, out);
	else
		text_records(j, out);
}

static void json_words(struct json *j, const struct spf_parsed *r)
{
	json_array(j, "terms");
	for (size_t i = 0; i < r->words.n; i++) {
		const struct spf_word *w = &r->words.v[i];
		char text[ADDR_TEXT];

		json_object(j, NULL);
		json_str(j, "text", w->text);
		json_str(j, "domain", w->domain);
		if ((w->kind == SPF_IP4 || w->kind == SPF_IP6) && !r->error &&
		    addr_is_v4(w->range.lo) == (w->kind == SPF_IP4)) {
			range_text(w->range, text);
			json_str(j, "range", text);
		}
		json_end_object(j);
	}
	json_end_array(j);
}

static void json_parsed(struct json *j, const struct job *job)
{
	json_object(j, NULL);
	json_str(j, "domain", NULL);
	json_str(j, "record", job->record);
	json_int(j, "bytes", (long long)strlen(job->record));
	json_int(j, "lookups", job->parsed->lookups);
	json_str(j, "error", job->parsed->error);
	json_words(j, job->parsed);
	json_end_object(j);
}

static void json_record(struct json *j, const struct spf_record *r)
{
	struct buf strings = { 0 };

	spf_strings(r->text, &strings);
	json_object(j, NULL);
	json_str(j, "domain", r->domain);
	json_str(j, "record", r->text);
	json_str(j, "strings", strings.s);
	json_int(j, "bytes", (long long)r->bytes);
	json_int(j, "lookups", r->lookups);
	json_end_object(j);
	buf_free(&strings);
}

static void write_json(const struct job *job, struct buf *out)
{
	struct json j = { .out = out };

	json_object(&j, NULL);
	json_str(&j, "schema", "portplan-spf-1");
	json_array(&j, "records");
	if (job->given.n && job->parsed)
		json_parsed(&j, job);
	for (size_t i = 0; !job->given.n && i < job->spf->records.n; i++)
		json_record(&j, &job->spf->records.v[i]);
	json_end_array(&j);
	json_array(&j, "remarks");
	for (size_t i = 0; i < job->remarks.n; i++) {
		const struct spf_remark *r = &job->remarks.v[i];

		json_object(&j, NULL);
		json_str(&j, "verdict", verdict_name[r->verdict]);
		json_str(&j, "kind", r->kind);
		json_str(&j, "text", r->text);
		json_end_object(&j);
	}
	json_end_array(&j);
	json_end_object(&j);
}

static const struct {
	const char *name;
	void (*write)(const struct job *j, struct buf *out);
} formats[] = {
	{ "text", write_text },
	{ "json", write_json },
};

static int write_format(const void *ctx, struct args *a, size_t i,
			struct output *out)
{
	(void)a;
	formats[i].write(ctx, &out->text);
	return EXIT_OK;
}

static int write_all(struct job *j)
{
	const char *names[COUNT_OF(formats)];
	struct writers w = { names, COUNT_OF(formats), write_format, j };

	for (size_t i = 0; i < COUNT_OF(formats); i++)
		names[i] = formats[i].name;
	return write_formats(j->a, &w);
}

static int verdict(const struct job *j)
{
	int code = EXIT_OK;

	for (size_t i = 0; i < j->remarks.n; i++) {
		if (j->remarks.v[i].verdict == SPF_FINDING)
			return EXIT_FINDINGS;
		if (j->remarks.v[i].verdict == SPF_UNDECIDED)
			code = EXIT_UNDECIDED;
	}
	return code;
}

static int cmd_spf(struct args *a)
{
	struct job j = { .a = a };
	int code = EXIT_OK;

	for (size_t i = 0; i < a->given.n; i++)
		if (!strcmp(a->given.v[i].def->name, "verify"))
			vec_push(a->arena, &j.given, a->given.v[i].value);
	if (!a->operands.n && !j.given.n)
		return complain(a, "which topology? Without one, --verify "
				"RECORD looks at the record alone");
	if (a->operands.n) {
		code = load_plan(a, a->operands.v[0], &j.l);
		if (code != EXIT_OK)
			return code;
		j.spf = spf_build(a->arena, j.l.plan);
	}
	if (j.given.n)
		verify(&j);
	else
		remark_all(&j);
	code = write_all(&j);
	return code == EXIT_OK ? verdict(&j) : code;
}

static const struct option_def spf_options[] = {
	{ OPTION_AGAIN, "verify", "RECORD",
	  "hold this record against the plan, or, without a topology, look at "
	  "its syntax and limits (repeatable: all TXT records of one name)" },
	{ 'o' | OPTION_AGAIN | OPTION_WRITES, "output", "FORMAT[=FILE]",
	  "text (default) or json; to FILE if given (repeatable)" },
	TOPOLOGY_OPTIONS,
};

const struct command command_spf = {
	.name = "spf",
	.run = cmd_spf,
	.usage = "[TOPOLOGY.xml] [--verify RECORD]",
	.summary = "the SPF records of the mail domains, or one against the plan",
	.description =
	  "Prints the SPF record (RFC 7208) of each mail-domain, in the order "
	  "of its senders, ready for a zone file, and holds it against the "
	  "hosts that the plan lets send mail to the internet, by the "
	  "addresses that the internet sees: who sends and is not published, "
	  "who is published and may not send, private addresses, more than ten "
	  "lookups, records too long for UDP. With --verify, the same for a "
	  "record that is published, and whether it lets everyone send, as "
	  "\"+all\" does, which is a finding. Nothing is looked up: what a, mx and "
	  "include lead to is said to be undecided.\n"
	  "Exit code 0 nothing to say, 1 findings, 2 trouble, 3 undecided.",
	OPTIONS(spf_options),
	.examples = "  portplan spf topology.xml\n"
		      "  portplan spf topology.xml --verify \"v=spf1 "
		      "ip4:192.0.2.25 -all\"\n",
	.with_bundle = BUNDLE_IS_SAID,
	.max_args = 1,
};
