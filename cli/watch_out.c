#include <errno.h>
#include <string.h>

#include "audit/report.h"
#include "base/json.h"
#include "base/plain.h"
#include "cli/watch.h"

/* What is told, for people and for programs. */
enum { MOST_FINDINGS = 20 };

static const char *const standing_name[STANDINGS] = {
	[STANDING_UNKNOWN] = "unknown", [STANDING_CONFIRMED] = "confirmed",
	[STANDING_NONE] = "none", [STANDING_TRIAL] = "trial",
	[STANDING_NEVER] = "never confirmed", [STANDING_OTHER] = "other",
};

static const char *const event_name[] = {
	[EVENT_START] = "start", [EVENT_CHANGE] = "change",
	[EVENT_PLAN] = "plan",
};

/* A change's own findings; of all that is judged anew, all. */
static bool is_news(const struct news *n, const struct vf_finding *f)
{
	return n->event != EVENT_CHANGE || !f->before;
}

static const char *actor_is(const struct news *n, const struct actor *a)
{
	return origin_name[!a->ours ? ORIGIN_FOREIGN :
			   n->proven ? ORIGIN_OWN : ORIGIN_UNPROVEN];
}

/* ---- text ---------------------------------------------------------------------------- */

/* Names, comments and process names are foreign: none of them can end a line,
 * begin another or steer a terminal. */
struct text {
	struct buf *out;
	struct buf line;
};

static void end_line(struct text *t)
{
	buf_plain(t->out, t->line.s ? t->line.s : "", t->line.n, 0);
	buf_putc(t->out, '\n');
	t->line.n = 0;
}

static void put_actors(const struct news *n, struct buf *out)
{
	for (size_t i = 0; i < n->n_actor; i++) {
		const struct actor *a = &n->actor[i];

		buf_printf(out, "%s%s (pid %ld", i ? ", " : " by ",
			   *a->comm ? a->comm : "a process without name",
			   (long)a->pid);
		if (a->changes > 1)
			buf_printf(out, ", %u transactions", a->changes);
		if (n->n_actor > 1 && a->ours)
			buf_printf(out, ", %s", actor_is(n, a));
		buf_putc(out, ')');
	}
	if (n->more_actors)
		buf_printf(out, ", and %zu transaction%s of others",
			   n->more_actors, plural(n->more_actors));
	if (n->lost)
		buf_puts(out, n->n_actor ? ", and others: some events were "
			 "lost, all was read anew" : ": events were lost, so "
			 "who it was is not known; all was read anew");
}

static void put_head(const struct news *n, struct text *t)
{
	struct buf *out = &t->line;
	static const char *const word[ORIGINS] = {
		[ORIGIN_OWN] = "own change",
		[ORIGIN_FOREIGN] = "foreign change",
		[ORIGIN_UNPROVEN] = "change that nothing shows to be own",
		[ORIGIN_UNKNOWN] = "change",
	};
	char time[TIME_TEXT];

	time_text(n->at, time);
	buf_printf(out, "%s %s: ", time, n->firewall);
	if (n->event == EVENT_CHANGE) {
		buf_puts(out, word[n->origin]);
		put_actors(n, out);
	} else {
		buf_puts(out, n->event == EVENT_START ? "watching" : n->why);
	}
	end_line(t);
}

static void put_drift(const struct drift *d, struct text *t)
{
	struct buf *out = &t->line;
	static const char *const where[DRIFT_WHATS] = {
		[DRIFT_TABLE] = "", [DRIFT_CHAIN] = "chain ",
		[DRIFT_RULE] = "chain ", [DRIFT_SET] = "set ",
		[DRIFT_ELEMENT] = "set ", [DRIFT_OBJECT] = "object ",
	};

	buf_printf(out, "  %-8s%s: %s %s%s%s%s", drift_what_name[d->what],
		   drift_how_name[d->how], kr_family_name(d->family), d->table,
		   *d->name ? ", " : "", where[d->what], d->name);
	if (*d->detail)
		buf_printf(out, "%s%s", d->what == DRIFT_RULE ? ", " : ": ",
			   d->detail);
	end_line(t);
}

static void put_boxes(const struct vf_finding *f, struct text *t)
{
	static const char *const word[VF_KINDS] = {
		[VF_EXTRA] = "opens", [VF_MISSING] = "closes",
		[VF_UNDECIDED] = "perhaps",
	};

	for (size_t i = 0; i < f->n_box; i++) {
		buf_printf(&t->line, "  %-8s%s%s", i ? "" : word[f->kind],
			   f->box[i], f->opening ? "" :
			   " (not of new connections)");
		end_line(t);
	}
	if (f->more) {
		buf_printf(&t->line, "          and %zu more boxes", f->more);
		end_line(t);
	}
}

static void put_planned(const struct vf_finding *f, struct text *t)
{
	unsigned line, col, end;

	buf_printf(&t->line, "          planned: %s", f->plan);
	if (f->plan_at.src) {
		span_position(f->plan_at, &line, &col, &end);
		buf_printf(&t->line, " (%s:%u)", f->plan_at.src->name, line);
	}
	end_line(t);
}

static void put_finding(const struct vf_finding *f, struct text *t)
{
	put_boxes(f, t);
	if (f->plan && f->kind == VF_MISSING)
		put_planned(f, t);
	if (f->rule) {
		buf_printf(&t->line, "          by %s", f->rule);
		end_line(t);
	}
	if (f->why) {
		buf_printf(&t->line, "          because: %s", f->why);
		end_line(t);
	}
}

static void put_more(size_t more, struct text *t)
{
	if (!more)
		return;
	buf_printf(&t->line, "          and %zu more", more);
	end_line(t);
}

static void put_findings(const struct news *n, struct text *t)
{
	size_t shown = 0;

	for (size_t i = 0; i < n->found.findings.n; i++) {
		const struct vf_finding *f = &n->found.findings.v[i];

		if (is_news(n, f) && shown++ < MOST_FINDINGS)
			put_finding(f, t);
	}
	put_more(shown > MOST_FINDINGS ? shown - MOST_FINDINGS : 0, t);
	if (shown || n->event != EVENT_CHANGE)
		return;
	buf_puts(&t->line, "  opens nothing beyond the plan, closes nothing "
		 "of it");
	end_line(t);
}

static bool equal(const size_t count[VF_KINDS])
{
	return !count[VF_EXTRA] && !count[VF_MISSING] && !count[VF_UNDECIDED];
}

static void put_plan(const struct news *n, struct text *t)
{
	const size_t *c = n->found.count;

	if (equal(c))
		buf_printf(&t->line, "  plan    equal%s%s",
			   n->found.waived.n ? " but for what is waived" : "",
			   n->event == EVENT_CHANGE && !equal(n->was) ?
			   " again" : "");
	else
		buf_printf(&t->line, "  plan    NOT equal: %zu extra, %zu "
			   "missing", c[VF_EXTRA], c[VF_MISSING]);
	if (c[VF_UNDECIDED])
		buf_printf(&t->line, ", %zu undecided", c[VF_UNDECIDED]);
	end_line(t);
}

static void put_standing(const struct news *n, struct text *t)
{
	static const char *const word[STANDINGS] = {
		[STANDING_CONFIRMED] = "as confirmed last",
		[STANDING_NONE] = "none, and none were ever confirmed",
		[STANDING_TRIAL] = "as the apply under way wants them",
		[STANDING_NEVER] = "of nobody's apply: none were ever confirmed",
		[STANDING_OTHER] = "NOT as confirmed last: portplan restore "
				   "brings that back",
	};

	if (!word[n->standing])
		return;
	buf_printf(&t->line, "  rules   %s", word[n->standing]);
	end_line(t);
}

static void begin_text(const struct news *n, struct buf *out)
{
	struct text t = { .out = out };

	put_head(n, &t);
	for (size_t i = 0; i < n->drift.v.n; i++)
		put_drift(&n->drift.v.v[i], &t);
	put_more(n->drift.more, &t);
	buf_free(&t.line);
}

static void write_text(const struct news *n, struct buf *out)
{
	struct text t = { .out = out };

	if (!n->begun)
		begin_text(n, out);
	put_findings(n, &t);
	put_plan(n, &t);
	put_standing(n, &t);
	buf_free(&t.line);
}

/* ---- a line of JSON -------------------------------------------------------------------- */

static void json_actors(const struct news *n, struct json *j)
{
	json_array(j, "by");
	for (size_t i = 0; i < n->n_actor; i++) {
		const struct actor *a = &n->actor[i];

		json_object(j, NULL);
		json_str(j, "process", a->comm);
		json_int(j, "pid", a->pid);
		json_int(j, "transactions", a->changes);
		json_str(j, "origin", actor_is(n, a));
		json_end_object(j);
	}
	json_end_array(j);
	if (n->more_actors)
		json_int(j, "more_transactions", (long long)n->more_actors);
}

static void json_drift(const struct news *n, struct json *j)
{
	json_array(j, "changes");
	for (size_t i = 0; i < n->drift.v.n; i++) {
		const struct drift *d = &n->drift.v.v[i];

		json_object(j, NULL);
		json_str(j, "what", drift_what_name[d->what]);
		json_str(j, "how", drift_how_name[d->how]);
		json_str(j, "family", kr_family_name(d->family));
		json_str(j, "table", d->table);
		if (*d->name)
			json_str(j, "name", d->name);
		if (*d->detail)
			json_str(j, "detail", d->detail);
		json_end_object(j);
	}
	json_end_array(j);
	if (n->drift.more)
		json_int(j, "more_changes", (long long)n->drift.more);
}

static void json_finding(const struct vf_finding *f, struct json *j)
{
	unsigned line, col, end;

	json_object(j, NULL);
	json_array(j, "boxes");
	for (size_t i = 0; i < f->n_box; i++)
		json_str(j, NULL, f->box[i]);
	json_end_array(j);
	if (f->more)
		json_int(j, "more_boxes", (long long)f->more);
	json_str(j, "path", check_path_name[f->path]);
	json_bool(j, "opening", f->opening);
	json_str(j, "packet", f->packet);
	if (f->rule)
		json_str(j, "rule", f->rule);
	if (f->plan && f->kind == VF_MISSING)
		json_str(j, "planned", f->plan);
	if (f->plan_at.src && f->kind == VF_MISSING) {
		span_position(f->plan_at, &line, &col, &end);
		json_str(j, "planned_file", f->plan_at.src->name);
		json_int(j, "planned_line", line);
	}
	if (f->why)
		json_str(j, "because", f->why);
	json_str(j, "fingerprint", f->fingerprint);
	json_end_object(j);
}

static void json_findings(const struct news *n, struct json *j)
{
	static const char *const key[VF_KINDS] = {
		[VF_EXTRA] = "opens", [VF_MISSING] = "closes",
		[VF_UNDECIDED] = "perhaps",
	};

	for (int k = 0; k < VF_KINDS; k++) {
		json_array(j, key[k]);
		for (size_t i = 0; i < n->found.findings.n; i++) {
			const struct vf_finding *f = &n->found.findings.v[i];

			if (f->kind == (enum vf_kind)k && is_news(n, f))
				json_finding(f, j);
		}
		json_end_array(j);
	}
	json_object(j, "findings");
	for (int k = 0; k < VF_KINDS; k++)
		json_int(j, vf_kind_name[k], (long long)n->found.count[k]);
	json_end_object(j);
}

static void write_json(const struct news *n, struct buf *out)
{
	struct json j = { .out = out, .compact = true };
	char time[TIME_TEXT];

	time_text(n->at, time);
	json_object(&j, NULL);
	json_str(&j, "timestamp", time);
	json_str(&j, "event_type", event_name[n->event]);
	json_str(&j, "firewall", n->firewall);
	if (n->event == EVENT_CHANGE) {
		json_str(&j, "origin", origin_name[n->origin]);
		json_actors(n, &j);
		json_bool(&j, "events_lost", n->lost);
		json_drift(n, &j);
	} else if (n->why) {
		json_str(&j, "why", n->why);
	}
	json_int(&j, "generation", n->generation);
	json_findings(n, &j);
	json_bool(&j, "equal", equal(n->found.count) && !n->found.waived.n);
	json_bool(&j, "all_waived", equal(n->found.count) &&
				    n->found.waived.n);
	json_str(&j, "rules", standing_name[n->standing]);
	json_end_object(&j);
}

/* ---- where to ------------------------------------------------------------------------------ */

static const struct watch_format formats[] = {
	{ "text", begin_text, write_text },
	{ "ndjson", NULL, write_json },
};

static int add_output(struct watch *w, const char *s)
{
	const char *names[COUNT_OF(formats)];
	const char *eq = strchr(s, '=');
	size_t n = eq ? (size_t)(eq - s) : strlen(s);
	const char *path = eq && strcmp(eq + 1, "-") ? eq + 1 : NULL;

	for (size_t i = 0; i < COUNT_OF(formats); i++) {
		names[i] = formats[i].name;
		if (strlen(names[i]) != n || strncmp(names[i], s, n))
			continue;
		vec_push(w->args->arena, &w->sinks,
			 (struct watch_sink){ &formats[i], path, NULL });
		return EXIT_OK;
	}
	s = arena_strndup(w->args->arena, s, n);
	return complain(w->args, "-o \"%s\": text or ndjson%s", s,
			did_you_mean(w->args->arena, s, names,
				     COUNT_OF(formats)));
}

int watch_outputs(struct watch *w)
{
	for (size_t i = 0; i < w->args->given.n; i++) {
		const struct given *g = &w->args->given.v[i];

		if (!strcmp(g->def->name, "output") &&
		    add_output(w, g->value) != EXIT_OK)
			return EXIT_BAD;
	}
	return w->sinks.n ? EXIT_OK : add_output(w, "text");
}

/* What stands there already is kept. */
bool watch_open_outputs(struct watch *w)
{
	for (size_t i = 0; i < w->sinks.n; i++) {
		struct watch_sink *s = &w->sinks.v[i];

		s->file = s->path ? fopen(s->path, "ae") : stdout;
		if (s->file)
			continue;
		complain(w->args, "cannot write \"%s\": %s", s->path,
			 strerror(errno));
		return false;
	}
	return true;
}

void watch_reopen(struct watch *w)
{
	for (size_t i = 0; i < w->sinks.n; i++) {
		struct watch_sink *s = &w->sinks.v[i];
		FILE *fresh = s->path ? fopen(s->path, "ae") : NULL;

		if (fresh) {
			fclose(s->file);
			s->file = fresh;
		} else if (s->path) {
			complain(w->args, "\"%s\" cannot be opened again: %s; "
				 "what happens goes to where it went", s->path,
				 strerror(errno));
		}
	}
}

bool watch_to_stdout(const struct watch *w)
{
	for (size_t i = 0; i < w->sinks.n; i++)
		if (!w->sinks.v[i].path)
			return true;
	return false;
}

bool watch_without_stdout(struct watch *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->sinks.n; i++)
		if (w->sinks.v[i].path)
			w->sinks.v[n++] = w->sinks.v[i];
	w->sinks.n = n;
	return n;
}

static void put(struct watch *w, struct watch_sink *s, const struct buf *b)
{
	if ((fwrite(b->s, 1, b->n, s->file) != b->n || fflush(s->file) != 0) &&
	    (s->path || errno != EPIPE))
		complain(w->args, "cannot write \"%s\": %s", s->path ?
			 s->path : "<stdout>", strerror(errno));
}

void watch_tell_first(struct watch *w, struct news *n)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < w->sinks.n; i++) {
		struct watch_sink *s = &w->sinks.v[i];

		if (!s->format->begin)
			continue;
		b.n = 0;
		s->format->begin(n, &b);
		put(w, s, &b);
	}
	n->begun = true;
	buf_free(&b);
}

void watch_tell(struct watch *w, const struct news *n)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < w->sinks.n; i++) {
		b.n = 0;
		w->sinks.v[i].format->write(n, &b);
		put(w, &w->sinks.v[i], &b);
	}
	buf_free(&b);
}
