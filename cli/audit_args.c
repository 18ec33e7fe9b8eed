#include <string.h>

#include "cli/audit.h"
#include "cli/captures.h"

static const struct span no_place;

static const struct {
	const char *name;
	enum sink_kind kind;
} formats[] = {
	{ "table", SINK_REPORT },   { "json", SINK_REPORT },
	{ "csv", SINK_TABLE },	    { "markdown", SINK_TABLE },
	{ "html", SINK_TABLE },	    { "ndjson", SINK_NDJSON },
	{ "syslog", SINK_SYSLOG },  { "prometheus", SINK_METRICS },
};

static const struct report_format *report_format(const char *name)
{
	for (size_t i = 0; i < n_report_formats; i++)
		if (!strcmp(report_formats[i].name, name))
			return &report_formats[i];
	return NULL;
}

static void add_output(struct run *r, const char *s)
{
	size_t len = strcspn(s, "=");
	const char *names[COUNT_OF(formats)];
	struct sink o = { .path = s[len] ? s + len + 1 : NULL,
			  .format = arena_strndup(r->arena, s, len) };

	for (size_t i = 0; i < COUNT_OF(formats); i++) {
		names[i] = formats[i].name;
		if (strcmp(o.format, formats[i].name))
			continue;
		o.kind = formats[i].kind;
		o.report = report_format(o.format);
		if (o.path && !strcmp(o.path, "-"))
			o.path = NULL;
		if (o.kind == SINK_METRICS && !o.path)
			diag_add(&r->diags, SEV_ERROR, no_place,
				 "-o prometheus needs a file: "
				 "-o prometheus=FILE");
		vec_push(r->arena, &r->sinks, o);
		return;
	}
	diag_add(&r->diags, SEV_ERROR, no_place,
		 "there is no format \"%s\"%s (legal: table, csv, json, "
		 "markdown, html, ndjson, syslog, prometheus)", o.format,
		 did_you_mean(r->arena, o.format, names, COUNT_OF(formats)));
}

static void add_fail_on(struct run *r, const char *s)
{
	char *copy = arena_strdup(r->arena, s), *save = NULL;

	for (char *w = strtok_r(copy, ",", &save); w;
	     w = strtok_r(NULL, ",", &save)) {
		const char *names[F_N];
		bool known = false;

		for (int c = 0; c < F_N; c++) {
			names[c] = finding_classes[c].name;
			known |= !strcmp(w, names[c]);
		}
		if (known)
			vec_push(r->arena, &r->fail_on, w);
		else
			diag_add(&r->diags, SEV_ERROR, no_place,
				 "\"%s\" is no class of findings%s", w,
				 did_you_mean(r->arena, w, names, F_N));
	}
}

static void repeated(struct run *r, const char *name, const char *val)
{
	if (!strcmp(name, "read"))
		vec_push(r->arena, &r->files, capture_arg(r->arena, val, true));
	else if (!strcmp(name, "interface"))
		vec_push(r->arena, &r->ifaces,
			 capture_arg(r->arena, val, false));
	else if (!strcmp(name, "output"))
		add_output(r, val);
	else if (!strcmp(name, "fail-on"))
		add_fail_on(r, val);
}

/* What stands behind "--", joined. */
static const char *join(struct run *r, const char *const *v, size_t n)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%s", i ? " " : "", v[i]);
	return n ? buf_take(r->arena, &b) : NULL;
}

static uint64_t number(struct run *r, const char *name, uint64_t min,
		       uint64_t max, uint64_t fallback)
{
	return arg_number(r->args, name, min, max, fallback, &r->diags);
}

static void numbers(struct run *r)
{
	r->duration = (double)number(r, "duration", 1, 1u << 30, 0);
	r->count = number(r, "count", 1, UINT64_MAX, 0);
	r->opt.max_flows = number(r, "max-flows", 1024, 1u << 30, 0);
	r->live_opt.snaplen = (unsigned)number(r, "snaplen", 64, 262144, 0);
	r->live_opt.buffer_mb = (unsigned)number(r, "buffer", 1, 2047, 0);
	r->n_worker = (unsigned)number(r, "fanout", 1, LIVE_FANOUT, 1);
	r->live_opt.fanout = r->n_worker;
}

static void direction(struct run *r)
{
	static const char *const words[] = {
		[LIVE_AUTO] = "auto", [LIVE_IN] = "in", [LIVE_BOTH] = "both",
	};
	const char *s = arg_value(r->args, "direction", "auto");

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (!strcmp(s, words[i])) {
			r->live_opt.direction = (enum live_direction)i;
			return;
		}
	diag_add(&r->diags, SEV_ERROR, no_place,
		 "--direction \"%s\" (legal: auto, in, both)", s);
}

static void check_outputs(struct run *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->sinks.n; i++)
		n += !r->sinks.v[i].path && r->sinks.v[i].kind != SINK_SYSLOG;
	if (n > 1)
		diag_add(&r->diags, SEV_ERROR, no_place,
			 "only one format can go to standard output: write "
			 "FORMAT=FILE");
}

static const char *const reviews[N_REVIEW] = {
	[REVIEW_PROPOSAL] = "propose", [REVIEW_BASELINE] = "write-baseline",
};

/* What has no meaning for files, or for interfaces. */
static void check_kind(struct run *r)
{
	static const char *const live_only[] = { "fanout", "direction",
						 "snaplen", "buffer" };

	if (!r->files.n == !r->ifaces.n)
		diag_add(&r->diags, SEV_ERROR, no_place, "%s", r->files.n ?
			 "capture files (-r) or interfaces (-i), not both" :
			 "name a capture file (-r) or an interface (-i)");
	for (size_t i = 1; i < r->ifaces.n; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(r->ifaces.v[i].path, r->ifaces.v[k].path))
				diag_add(&r->diags, SEV_ERROR, no_place,
					 "interface \"%s\" is watched "
					 "already: twice, it would be counted "
					 "twice", r->ifaces.v[i].path);
	for (size_t i = 0; i < COUNT_OF(live_only); i++)
		if (r->files.n && arg_given(r->args, live_only[i]))
			diag_add(&r->diags, SEV_ERROR, no_place,
				 "--%s is for interfaces (-i)", live_only[i]);
	if (r->evidence_whole && !r->evidence_file.path)
		diag_add(&r->diags, SEV_ERROR, no_place,
			 "--evidence-whole says how --evidence FILE is "
			 "written, which is not given");
	if (r->redact && r->evidence_whole)
		diag_add(&r->diags, SEV_ERROR, no_place,
			 "--redact and --evidence-whole contradict each "
			 "other: payload holds names");
	for (size_t i = 0; i < N_REVIEW; i++)
		if (r->redact && r->review[i].path)
			diag_add(&r->diags, SEV_ERROR, no_place,
				 "--redact and --%s contradict each other: "
				 "what it writes is made of names", reviews[i]);
}

bool audit_arguments(struct run *r)
{
	struct args *a = r->args;

	for (size_t i = 0; i < a->given.n; i++)
		repeated(r, a->given.v[i].def->name, a->given.v[i].value);
	for (size_t i = 1; i < a->operands.n; i++)
		vec_push(r->arena, &r->files,
			 capture_arg(r->arena, a->operands.v[i], true));
	r->filter_text = join(r, a->rest.v, a->rest.n);
	r->evidence_file.path = arg_value(a, "evidence", NULL);
	r->evidence_whole = arg_given(a, "evidence-whole");
	r->opt.all = arg_given(a, "all-flows");
	r->opt.mirror = arg_given(a, "mirror");
	r->opt.housekeeping = arg_given(a, "housekeeping");
	r->inside = arg_given(a, "inside");
	numbers(r);
	r->redact = arg_given(a, "redact");
	r->no_sandbox = arg_given(a, "no-sandbox");
	r->state_path = arg_value(a, "state", NULL);
	r->user = arg_value(a, "user", NULL);
	for (size_t i = 0; i < N_REVIEW; i++)
		r->review[i].path = arg_value(a, reviews[i], NULL);
	direction(r);
	check_kind(r);
	if (!r->sinks.n)
		add_output(r, "table");
	check_outputs(r);
	return !r->diags.n_errors;
}
