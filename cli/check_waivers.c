#include "cli/check_waivers.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "cli/tried.h"

/* Waivers that should not stand as they do, and new ones for what was found. */

int check_read_waivers(struct args *a, const struct topology *t,
		       struct waivers **out)
{
	const char *path = arg_value(a, "waivers", NULL);
	struct diags d;

	*out = NULL;
	if (!path)
		return EXIT_OK;
	diags_init(&d, a->arena);
	*out = waivers_read(a->arena, t, path, &d);
	print_diags(&d);
	return *out ? EXIT_OK : EXIT_BAD;
}

static bool judged_here(const struct check_report *r, const struct waiver *w)
{
	if (r->unread) /* it may be about that */
		return false;
	for (size_t i = 0; i < r->n; i++)
		if (!w->firewall ||
		    !strcmp(w->firewall, r->v[i].firewall->name))
			return true;
	return false;
}

/* Limited by nothing, or by one of from, to and packets alone. */
static bool too_wide(const struct waiver *w)
{
	return w->any_from + w->any_to + w->any_packets >= 2;
}

/* By the words of the waiver, not by their line. */
static void identify(const struct waiver *w, struct check_aside *out)
{
	uint64_t h = hash_str(HASH_INIT, out->kind);

	for (uint32_t i = 0; i < w->at.len; i++)
		h = hash_u64(h, (uint8_t)w->at.src->text[w->at.off + i]);
	snprintf(out->fingerprint, sizeof(out->fingerprint), "%016llx",
		 (unsigned long long)hash_mix(h));
}

void check_judge_waivers(struct args *a, const struct waivers *w,
			 const bool *used, int64_t now, struct check_report *r)
{
	unsigned col, end;

	for (size_t i = 0; w && i < w->list.n; i++) {
		const struct waiver *x = w->list.v[i];
		struct check_aside out = { .topic = TOPIC_WAIVER,
					   .file = x->at.src->name };

		if (strcmp(x->kind, "extra") && strcmp(x->kind, "missing"))
			continue; /* of audit */
		if (now >= x->expires.t) {
			out.kind = "expired";
			out.text = arena_printf(a->arena, "expired on %s",
						x->expires.text);
		} else if (too_wide(x)) {
			out.kind = "wide";
			out.text = "waives too much: say two at least of from, "
				   "to and packets";
		} else if (!used[i] && judged_here(r, x)) {
			out.kind = "stale";
			out.text = "matches nothing any more";
		} else {
			continue;
		}
		span_position(x->at, &out.line, &col, &end);
		identify(x, &out);
		vec_push(a->arena, &r->aside, out);
	}
}

/* ---- a baseline ----------------------------------------------------------------- */

static void put_unsaid(struct arena *a, struct buf *b,
		       const struct vf_finding *f, const char *s)
{
	comment_put(arena_printf(a, "not waived, %s %s: %s",
				 vf_kind_name[f->kind], f->fingerprint, s), b);
}

/* Every finding as it is now, to be accepted for thirty days: exactly that, and
 * what a waiver cannot say exactly is named and stays a finding. */
static void put_waives(struct arena *a, const struct verified *v,
		       const struct vf_finding *f, const char *day,
		       struct buf *b)
{
	for (size_t i = 0; i < f->waive.n; i++)
		buf_printf(b, "  <waive kind=\"%s\" firewall=\"%s\" %s\n"
			   "         reason=\"baseline, unreviewed\" "
			   "owner=\"nobody yet\" expires=\"%s\"/>\n",
			   vf_kind_name[f->kind], v->firewall->name,
			   f->waive.v[i], day);
	if (!f->opening || f->kind == VF_UNDECIDED)
		put_unsaid(a, b, f, f->n_box ? f->box[0] : f->packet);
	for (size_t i = 0; i < f->unsaid.n; i++)
		put_unsaid(a, b, f, f->unsaid.v[i]);
}

int check_write_baseline(struct args *a, const struct check_report *r,
			 int64_t now, const char *path)
{
	struct buf b = { 0 };
	char day[16];
	int code;

	date_text(now + REVIEW_DAYS * 86400, day);
	buf_puts(&b, "<waivers xmlns=\"urn:portplan:1\">\n");
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->v[i].findings.n; k++)
			put_waives(a->arena, &r->v[i], &r->v[i].findings.v[k],
				   day, &b);
	buf_puts(&b, "</waivers>\n");
	code = write_file(a, path, &b);
	buf_free(&b);
	return code;
}
