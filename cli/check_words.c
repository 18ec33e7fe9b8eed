#include "cli/check_formats.h"

#include <stddef.h>
#include <string.h>

const struct check_kind_words check_kinds[VF_KINDS] = {
	[VF_EXTRA] = { "More than planned",
		"The ruleset lets packets through that the plan does not. Take "
		"the rule out, or plan what it opens.", "error", "8.0" },
	[VF_MISSING] = { "Less than planned",
		"The ruleset blocks packets that the plan lets through. Load "
		"the generated ruleset, or take the flow out of the plan.",
		"error", "5.0" },
	[VF_UNDECIDED] = { "Undecided",
		"A part of the ruleset is not modelled: what it does with these "
		"packets could not be decided.", "warning", "3.0" },
};

const struct check_topic_words check_topics[TOPICS] = {
	[TOPIC_WAIVER] = { "waiver", "waivers", "A waiver to look at",
		"It has expired, matches nothing any more, or waives "
		"everything.", "error", "4.0", "error" },
	[TOPIC_MACHINE] = { "machine", "machine",
		"The machine is not as the topology says",
		"Its interfaces, addresses, routes or switches are others: what "
		"the rules say then means something else. Change the machine, "
		"or the topology.", "error", "5.0", "error" },
	[TOPIC_EXPIRED] = { "expired", "expired",
		"An exception that is over is still open",
		"The ruleset lets through what an exception allowed until a "
		"day that is past. Load what gen writes, or prolong it.",
		"warning", "4.0", "warning" },
	[TOPIC_EXPIRING] = { "expiring", "expiring",
		"An exception ends soon", "Within thirty days. Prolong it, or "
		"see to it that nobody needs it.", "note", "1.0", "notice" },
};

size_t check_count(const struct check_report *r, enum check_topic t)
{
	size_t n = 0;

	for (size_t i = 0; i < r->aside.n; i++)
		n += r->aside.v[i].topic == t;
	return n;
}

void check_sentence(const struct verified *v, struct buf *out)
{
	size_t x = v->count[VF_EXTRA], m = v->count[VF_MISSING];
	size_t u = v->count[VF_UNDECIDED];

	buf_printf(out, "%s: %s ", v->firewall->name, v->file);
	if (verified_clean(v) && v->waived.n)
		buf_puts(out, "does not equal the plan; what differs is "
			      "waived");
	else if (verified_clean(v) && v->by_construction)
		buf_puts(out, "is what gen writes: equal to the plan");
	else if (verified_clean(v))
		buf_puts(out, "equals the plan");
	else if (!x && !m)
		buf_printf(out, "could not be decided: %zu place%s", u,
			   plural(u));
	else
		buf_printf(out, "does NOT equal the plan: %zu extra, %zu "
			   "missing%s", x, m, u ? ", some undecided" : "");
	if (!verified_clean(v) && v->waived.n)
		buf_puts(out, "; more that differs is waived");
	if (v->n_expired)
		buf_printf(out, "; %zu of the extra by expired exceptions",
			   v->n_expired);
}

static void put_head(enum vf_kind kind, enum check_path path, bool opening,
		     struct buf *out)
{
	buf_printf(out, "%s on %s, %s", vf_kind_name[kind],
		   check_path_name[path],
		   opening ? "may open" : "in other states");
}

void check_head(const struct vf_finding *f, struct buf *out)
{
	put_head(f->kind, f->path, f->opening, out);
}

void check_waived_text(const struct vf_waived *w, const char *between,
		       struct buf *out)
{
	unsigned line, col, end;

	span_position(w->by->at, &line, &col, &end);
	put_head(w->kind, w->path, w->opening, out);
	for (size_t i = 0; i < w->n_box; i++)
		buf_printf(out, "%s%s", between, w->box[i]);
	if (w->more)
		buf_printf(out, "%sand %zu more boxes", between, w->more);
	buf_printf(out, "%swaived by %s:%u until %s, %s: %s", between,
		   w->by->at.src->name, line, w->by->expires.text,
		   w->by->owner, w->by->reason);
}

void check_boxes(const struct vf_finding *f, const char *between,
		 struct buf *out)
{
	for (size_t i = 0; i < f->n_box; i++)
		buf_printf(out, "%s%s", i ? between : "", f->box[i]);
	if (f->more)
		buf_printf(out, "%sand %zu more boxes", between, f->more);
}

/* ---- facts ------------------------------------------------------------------- */

static void put_about(const struct vf_finding *f, const char *between,
		      struct buf *out)
{
	const struct { bool is; const char *word; } about[] = {
		{ f->internet, "from the internet" },
		{ f->astray, "astray, as spoofed packets are: not over the "
			     "interfaces that the topology leads it by" },
		{ f->outside, "outside: an address in no zone" },
	};
	size_t n = 0;

	for (size_t i = 0; i < COUNT_OF(about); i++)
		if (about[i].is)
			buf_printf(out, "%s%s", n++ ? between : "",
				   about[i].word);
}

static void put_kernel(const struct vf_finding *f, const char *between,
		       struct buf *out)
{
	enum vf_proof proof = vf_proof(f);

	(void)between;
	buf_puts(out, vf_proof_name[proof]);
	if (proof == VF_NOT_TRIED)
		buf_printf(out, ": %s", f->kernel_why);
}

static void put_plan(const struct vf_finding *f, const char *between,
		     struct buf *out)
{
	unsigned line, col, end;

	(void)between;
	buf_puts(out, f->plan ? f->plan : "nothing");
	if (!f->plan || !f->plan_at.src)
		return;
	span_position(f->plan_at, &line, &col, &end);
	buf_printf(out, " (%s:%u)", f->plan_at.src->name, line);
}

static void put_repairs(const struct vf_finding *f, const char *between,
			struct buf *out)
{
	for (size_t i = 0; i < f->repair.n; i++) {
		buf_puts(out, i ? between : "");
		check_repair_text(&f->repair.v[i], out);
	}
}

static void put_id(const struct vf_finding *f, const char *between,
		   struct buf *out)
{
	(void)between;
	buf_puts(out, f->fingerprint);
}

#define FIELD(name) offsetof(struct vf_finding, name)

const struct check_fact check_facts[FACTS] = {
	[FACT_ABOUT] = { "about", put_about, 0 },
	[FACT_PACKET] = { "packet", NULL, FIELD(packet) },
	[FACT_KERNEL] = { "kernel", put_kernel, 0 },
	[FACT_RULE] = { "rule", NULL, FIELD(rule) },
	[FACT_PATH] = { "path", NULL, FIELD(path_text) },
	[FACT_PLAN] = { "plan", put_plan, 0 },
	[FACT_BECAUSE] = { "because", NULL, FIELD(why) },
	[FACT_REPAIR] = { "repair", put_repairs, 0 },
	[FACT_ID] = { "id", put_id, 0 },
};

void check_put_fact(const struct vf_finding *f, enum check_fact_kind k,
		    const char *between, struct buf *out)
{
	const struct check_fact *fact = &check_facts[k];
	const char *text;

	if (fact->put) {
		fact->put(f, between, out);
		return;
	}
	memcpy(&text, (const char *)f + fact->field, sizeof(text));
	buf_puts(out, text ? text : "");
}

/* ---- all of it on a line -------------------------------------------------------- */

void check_summary(const struct vf_finding *f, struct buf *out)
{
	buf_printf(out, "%s on %s: %s", check_kinds[f->kind].title,
		   check_path_name[f->path], f->n_box ? f->box[0] : f->packet);
	if (f->n_box + f->more > 1)
		buf_printf(out, " and %zu more", f->n_box + f->more - 1);
	if (f->internet || f->astray || f->outside) {
		buf_puts(out, "; ");
		put_about(f, ", ", out);
	}
	if (f->plan)
		buf_printf(out, "; plan: %s", f->plan);
	if (f->why)
		buf_printf(out, "; because: %s", f->why);
	if (*f->path_text)
		buf_printf(out, "; path: %s", f->path_text);
	buf_puts(out, f->repair.n ? "; repair: " : "");
	put_repairs(f, "; ", out);
}

void check_repair_text(const struct vf_repair *r, struct buf *out)
{
	if (r->file && r->at_line)
		buf_printf(out, "%s:%u: ", r->file, r->at_line);
	else if (r->file)
		buf_printf(out, "%s: ", r->file);
	buf_puts(out, r->what);
	for (size_t i = 0; i < r->line.n; i++)
		buf_printf(out, "%s %s", i ? " and" : ":", r->line.v[i]);
	if (r->rechecked)
		buf_puts(out, " (re-checked)");
	else
		buf_printf(out, " (not re-checked: %s)", r->why);
}

void check_place(const struct verified *v, const struct vf_finding *f,
		 const char **file, unsigned *line)
{
	unsigned col, end;

	*file = v->file;
	*line = 1;
	if (f->file && f->line) {
		*file = f->file;
		*line = f->line;
	} else if (f->kind == VF_MISSING && f->plan_at.src &&
		   f->plan_at.src->name[0] != '<') {
		*file = f->plan_at.src->name;
		span_position(f->plan_at, line, &col, &end);
	}
}
