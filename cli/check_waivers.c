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
	return !w->finding &&
	       w->any_from + w->any_to + w->any_packets >= 2;
}

static bool of_check(const struct waiver *w)
{
	for (int k = 0; k < VF_KINDS; k++)
		if (!strcmp(w->kind, vf_kind_name[k]))
			return true;
	return false;
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

		if (!of_check(x))
			continue;
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

static bool is_said(const struct vf_finding *f)
{
	return f->opening && f->kind != VF_UNDECIDED && f->waive.n &&
	       !f->unsaid;
}

/* Ends and ports say all of what was found at the firewall. Where they do not,
 * all of it is waived by its ids: a waiver by ends may take a part of another
 * finding too, and what is left of that has another id. */
static bool all_said(const struct verified *v)
{
	for (size_t i = 0; i < v->findings.n; i++)
		if (!is_said(&v->findings.v[i]))
			return false;
	return true;
}

static void put_by_id(struct arena *a, const struct verified *v,
		      const struct vf_finding *f, const char *day,
		      struct buf *b)
{
	struct buf head = { 0 };

	check_head(f, &head);
	for (size_t i = 0; i < f->n_box; i++)
		comment_put(arena_printf(a, "%s: %s", head.s, f->box[i]), b);
	if (f->more)
		comment_put(arena_printf(a, "%s: and %zu more boxes", head.s,
					 f->more), b);
	buf_printf(b, "  <waive kind=\"%s\" firewall=\"%s\" finding=\"%s\"\n"
		   "         reason=\"baseline, unreviewed\" "
		   "owner=\"nobody yet\" expires=\"%s\"/>\n",
		   vf_kind_name[f->kind], v->firewall->name, f->fingerprint,
		   day);
	buf_free(&head);
}

/* Every finding as it is now, to be accepted for thirty days: exactly that. */
static void put_waives(const struct verified *v, const struct vf_finding *f,
		       const char *day, struct buf *b)
{
	for (size_t i = 0; i < f->waive.n; i++)
		buf_printf(b, "  <waive kind=\"%s\" firewall=\"%s\" %s\n"
			   "         reason=\"baseline, unreviewed\" "
			   "owner=\"nobody yet\" expires=\"%s\"/>\n",
			   vf_kind_name[f->kind], v->firewall->name,
			   f->waive.v[i], day);
}

/* How many of them no waiver can say. */
static size_t put_firewall(struct arena *a, const struct verified *v,
			   const char *day, struct buf *b)
{
	bool by_ends = all_said(v);
	size_t left = 0;

	for (size_t i = 0; i < v->findings.n; i++) {
		const struct vf_finding *f = &v->findings.v[i];

		if (by_ends) {
			put_waives(v, f, day, b);
		} else if (f->exact) {
			put_by_id(a, v, f, day, b);
		} else {
			comment_put(arena_printf(a, "not waived, %s %s: %s",
				vf_kind_name[f->kind], f->fingerprint,
				f->n_box ? f->box[0] : f->packet), b);
			left++;
		}
	}
	return left;
}

int check_write_baseline(struct args *a, const struct check_report *r,
			 int64_t now, const char *path)
{
	struct buf b = { 0 };
	size_t left = 0;
	char day[16];
	int code;

	date_text(now + REVIEW_DAYS * 86400, day);
	buf_puts(&b, "<waivers xmlns=\"urn:portplan:1\">\n");
	for (size_t i = 0; i < r->n; i++)
		left += put_firewall(a->arena, &r->v[i], day, &b);
	buf_puts(&b, "</waivers>\n");
	code = write_file(a, path, &b);
	buf_free(&b);
	if (code != EXIT_OK || !left)
		return code;
	return complain(a, "%s does not waive all: %zu finding%s can be told by "
			"no waiver, and stay%s; they are named in it", path,
			left, plural(left), left == 1 ? "s" : "");
}
