#include <string.h>

#include "cli/audit.h"
#include "cli/pending.h"
#include "cli/tried.h"
#include "plan/sets.h"

/* A folded end stands for many: only a waiver of all of them covers it. */
static bool end_waived(const struct run *r, bool any, const struct ends *ends,
		       const struct finding_end *e, struct addr a)
{
	struct addr_set set;

	if (any || e->any)
		return any;
	set = plan_ends_set(r->force->loaded.plan, ends, r->arena);
	return addr_set_has(&set, a);
}

static bool packets_waived(const struct run *r, const struct waiver *w,
			   const struct finding *f)
{
	if (w->any_packets || f->any_key)
		return w->any_packets;
	return keys_has(plan_packets_keys(r->force->loaded.plan, &w->what, r->arena),
			f->key);
}

static bool covers(const struct run *r, const struct waiver *w,
		   const struct finding *f)
{
	return !strcmp(w->kind, finding_classes[f->cls].name) &&
	       !w->firewall && f->n_sample && r->force->loaded.now < w->expires.t &&
	       end_waived(r, w->any_from, &w->from, &f->src,
			  f->sample[0].src) &&
	       end_waived(r, w->any_to, &w->to, &f->dst, f->sample[0].dst) &&
	       packets_waived(r, w, f);
}

static const struct waiver *find_waiver(const struct run *r,
					const struct finding *f)
{
	for (size_t k = 0; k < r->force->waivers.n; k++) {
		const struct waivers *all = r->force->waivers.v[k];

		for (size_t i = 0; i < all->list.n; i++)
			if (covers(r, all->list.v[i], f))
				return all->list.v[i];
	}
	return NULL;
}

void audit_waive(struct run *r, struct report *rep)
{
	for (size_t i = 0; i < rep->n_finding; i++) {
		struct finding *f = rep->finding[i];
		const struct waiver *w = find_waiver(r, f);

		if (!w)
			continue;
		f->waived = r->redact ?
			arena_printf(r->arena, "until %s", w->expires.text) :
			arena_printf(r->arena, "%s (%s, until %s)",
				     w->reason, w->owner, w->expires.text);
		rep->n_waived++;
	}
}

/* ---- a baseline --------------------------------------------------------------- */

/* An address that is seen may be a public one, which is not in the set that a
 * waiver's name stands for. */
static bool has_name(const struct run *r, const struct finding_end *e,
		     struct addr a)
{
	const struct plan *p = r->force->loaded.plan;
	const struct party *party = e->place.party == NONE ? NULL :
				    p->topo->parties.v[e->place.party];
	struct end_word word = { .kind = END_PARTY, .party = party };
	struct ends ends = { &word, 1 };
	struct addr_set set;

	if (!party || e->place.stranger || party->leg_of ||
	    party->kind == PARTY_FIREWALL)
		return false;
	set = plan_ends_set(p, &ends, r->arena);
	return addr_set_has(&set, a);
}

static void put_end(const struct run *r, const char *attr,
		    const struct finding_end *e, struct addr a, struct buf *out)
{
	char text[ADDR_TEXT];

	if (e->any)
		return;
	addr_text(a, text);
	buf_xml_attr(out, attr, has_name(r, e, a) ?
		     plan_party_name(r->force->loaded.plan, e->place.party) :
		     text);
}

/* No attribute says these packets. */
static bool has_no_words(const struct finding *f)
{
	unsigned proto = key_proto(f->key), detail = key_detail(f->key);

	return !f->any_key &&
	       ((proto_is_icmp(proto) && !icmp_type_name(proto, detail)) ||
		(proto_has_ports(proto) && !detail));
}

/* A waiver without any bound would be one of what is not seen yet. */
static bool has_no_bound(const struct finding *f)
{
	return !f->n_sample || (f->src.any && f->dst.any && f->any_key);
}

static void put_waive(const struct run *r, const struct report *rep,
		      const struct finding *f, const char *day, struct buf *out)
{
	struct words_of w = finding_words(r->arena, rep->judge, f, rep->seen,
					  rep->n_seen);

	if (has_no_words(f) || has_no_bound(f)) {
		comment_put(arena_printf(r->arena, "not waived, %s: %s to %s, "
					 "%s", w.cls, w.from, w.to, w.service),
			    out);
		return;
	}
	buf_printf(out, "  <waive kind=\"%s\"", w.cls);
	put_end(r, "from", &f->src, f->sample[0].src, out);
	put_end(r, "to", &f->dst, f->sample[0].dst, out);
	if (!f->any_key)
		pending_key(out, f->key);
	buf_printf(out, "\n         reason=\"baseline, unreviewed: %llu "
		   "flow%s\" owner=\"nobody yet\" expires=\"%s\"/>\n",
		   (unsigned long long)f->flows, plural(f->flows), day);
}

void audit_baseline(struct run *r, const struct report *rep, struct buf *out)
{
	char day[16];

	date_text(r->force->loaded.now + REVIEW_DAYS * 86400, day);
	buf_puts(out, "<waivers xmlns=\"urn:portplan:1\">\n");
	for (size_t i = 0; i < rep->n_finding; i++)
		if (!rep->finding[i]->waived)
			put_waive(r, rep, rep->finding[i], day, out);
	buf_puts(out, "</waivers>\n");
}
