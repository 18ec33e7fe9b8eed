#include "audit/propose.h"

#include <string.h>

#include "base/keys.h"

static bool can_be_planned(const struct finding *f)
{
	return (f->cls == F_UNPLANNED || f->cls == F_STRANGER ||
		f->cls == F_OUTSIDE_IN || f->cls == F_LAPSED) &&
	       !f->waived && !f->src.any && !f->dst.any && !f->any_key;
}

/* Attribute values: topology names hold nothing to escape, notes may. */
static void put_escaped(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '&')
			buf_puts(out, "&amp;");
		else if (*s == '<')
			buf_puts(out, "&lt;");
		else if (*s == '"')
			buf_puts(out, "&quot;");
		else
			buf_putc(out, *s);
	}
}

static void put_end(struct buf *out, const char *attr, const struct report *r,
		    const struct finding_end *e)
{
	char text[ADDR_TEXT];

	if (e->place.stranger)
		addr_text(e->addr, text);
	buf_printf(out, " %s=\"%s\"", attr, e->place.stranger ? text :
		   plan_party_name(r->judge->plan, e->place.party));
}

static void put_key(struct buf *out, uint32_t key)
{
	unsigned proto = key_proto(key), detail = key_detail(key);

	if (proto == PROTO_TCP || proto == PROTO_UDP)
		buf_printf(out, " %s=\"%u\"", proto == PROTO_TCP ? "tcp" :
								   "udp",
			   detail);
	else if (icmp_type_name(proto, detail))
		buf_printf(out, " %s=\"%s\"", proto == PROTO_ICMP ? "icmp" :
								    "icmpv6",
			   icmp_type_name(proto, detail));
	else
		buf_printf(out, " ip=\"%u\"", proto);
}

static void put_allow(const struct report *r, const struct finding *f,
		      struct buf *out)
{
	char first[TIME_TEXT];
	struct words_of w = finding_words(r->arena, r->judge, f, r->seen,
					  r->n_seen);

	time_text(f->first, first);
	buf_puts(out, "  <allow");
	put_end(out, "from", r, &f->src);
	put_end(out, "to", r, &f->dst);
	put_key(out, f->key);
	buf_printf(out, "\n         reason=\"REVIEW: %s, %llu flows, %llu "
		   "answered, since %.10s; ", w.cls,
		   (unsigned long long)f->flows,
		   (unsigned long long)f->answered, first);
	put_escaped(out, w.sample);
	buf_puts(out, "\"/>\n");
}

void propose_allows(const struct report *r, struct buf *out)
{
	size_t left_out = 0;

	buf_puts(out, "<topology xmlns=\"urn:portplan:1\" "
		 "name=\"proposed\">\n");
	for (size_t i = 0; i < r->n_finding; i++) {
		if (can_be_planned(r->finding[i]))
			put_allow(r, r->finding[i], out);
		else
			left_out++;
	}
	buf_printf(out, "  <!-- %zu findings that no allow should cure -->\n"
		   "</topology>\n", left_out);
}
