#include "audit/report.h"

#include <stdio.h>

#include "audit/wire.h"
#include "base/buf.h"

/* The civil date of a day since 1970. Years begin in March here, so that the
 * leap day is the last; 400 of them have 146097 days. The C library's
 * functions read the environment for a time zone even where none matters. */
static void date_of(unsigned day, unsigned *y, unsigned *m, unsigned *d)
{
	enum { TO_1970 = 719468, ERA = 146097 };
	unsigned n = day + TO_1970, era = n / ERA, year;

	n %= ERA;
	year = (n - n / 1460 + n / 36524 - n / 146096) / 365;
	n -= 365 * year + year / 4 - year / 100;
	*m = (5 * n + 2) / 153;
	*d = n - (153 * *m + 2) / 5 + 1;
	*m += *m < 10 ? 3 : -9u;
	*y = year + era * 400 + (*m <= 2);
}

void time_text(uint64_t ns, char out[TIME_TEXT])
{
	unsigned s = (unsigned)(ns / 1000000000 % 86400), y, m, d;

	date_of((unsigned)(ns / 1000000000 / 86400), &y, &m, &d);
	snprintf(out, TIME_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ", y, m,
		 d, s / 3600, s / 60 % 60, s % 60,
		 (unsigned)(ns / 1000 % 1000000));
}

static const char *end_words(struct arena *a, const struct judge *j,
			     const struct finding_end *e, const uint64_t *addrs)
{
	char text[PLACE_TEXT];
	uint64_t n;

	if (!e->any) {
		judge_place_text(j, e->place, e->addr, text);
		return arena_strdup(a, text);
	}
	n = spread_count(addrs);
	return n ? arena_printf(a, "(%llu addresses)", (unsigned long long)n) :
		   "(many)";
}

/* "tcp udp (30 ports)" */
static const char *folded_service(struct arena *a, const struct finding *f)
{
	uint64_t n = spread_count(f->ports);
	const char *protos = "";
	bool ports = false;
	char tmp[KEY_TEXT];

	if (!n)
		return "(many)";
	for (unsigned p = 0; p < 256; p++) {
		if (!(f->protos[p / 64] >> p % 64 & 1))
			continue;
		ports |= proto_sends_ports(p);
		protos = arena_printf(a, "%s%s ", protos, proto_name(p, tmp));
	}
	if (!ports)
		return arena_printf(a, "%s(several)", protos);
	return arena_printf(a, "%s(%llu port%s)", protos,
			    (unsigned long long)n, plural(n));
}

static const char *service_words(struct arena *a, const struct finding *f)
{
	char text[KEY_TEXT];

	if (f->any_key)
		return folded_service(a, f);
	if (key_proto(f->key) == PROTO_SCTP)
		return f->several_ports ? "sctp (several ports)" :
					  arena_printf(a, "sctp/%u", f->port);
	key_text((struct key_range){ f->key, f->key }, text);
	return arena_strdup(a, text);
}

static void denied_note(const struct judge *j, const struct finding *f,
			struct buf *out)
{
	if (f->any_key || f->src.any || f->dst.any || !f->n_sample)
		return;
	judge_nearest(j, f->sample[0].src, f->sample[0].dst, f->key, out);
}

/* "1025 for samr (MS-SAMR), lsarpc (MS-LSAD)" */
static void rpc_note(const struct finding *f, struct buf *b)
{
	const char *sep = " for ";

	buf_printf(b, "handed out %u", f->extra);
	for (size_t i = 0; i < n_rpc_interfaces; i++) {
		if (!(f->rpc >> i & 1))
			continue;
		buf_printf(b, "%s%s (%s)", sep, rpc_interfaces[i].name,
			   rpc_interfaces[i].source);
		sep = ", ";
	}
	if (f->rpc >> RPC_OTHER)
		buf_printf(b, "%sinterfaces not known here", sep);
}

static void note_into(struct arena *a, const struct judge *j,
		      const struct finding *f, struct buf *b)
{
	const char *plan = f->reason == NONE ? NULL :
			   reason_ident(j->plan, f->reason, a);

	switch (f->cls) {
	case F_NONE:
		if (plan)
			buf_puts(b, plan);
		break;
	case F_CREDENTIALS:
		buf_puts(b, app_names[f->extra]);
		if (plan)
			buf_printf(b, ", %s", plan);
		break;
	case F_CLEAR_TEXT:
		buf_printf(b, "only inside IPsec%s%s", plan ? ": " : "",
			   plan ? plan : "");
		break;
	case F_RPC_PORT:
		rpc_note(f, b);
		if (f->n_sample) {
			buf_puts(b, "; ");
			denied_note(j, f, b);
		}
		break;
	case F_PROTOCOL:
		buf_printf(b, "speaks %s, not %s; %s", app_names[f->extra],
			   app_names[f->want],
			   plan ? plan : "");
		break;
	case F_LAPSED:
		if (!f->lapsed) /* of a plan that was replaced */
			break;
		buf_printf(b, "allow \"%s\" %s%s", f->lapsed->ident,
			   f->lapsed->expires.given ? "ended " : "begins ",
			   f->lapsed->expires.given ? f->lapsed->expires.text :
			   f->lapsed->starts.given ? f->lapsed->starts.text :
			   "later");
		break;
	case F_SPOOFED:
	case F_OUTSIDE_IN:
	case F_UNKNOWN:
	case F_STRANGER:
	case F_UNPLANNED:
	case F_UNDETERMINED:
		if (f->why == WHY_NO_PATH)
			buf_puts(b, "no path joins the zones");
		else if (f->cls == F_SPOOFED && plan)
			buf_printf(b, "planned from where it belongs: %s",
				   plan);
		else
			denied_note(j, f, b);
		break;
	}
}

/* Classes of what a firewall would have stopped. */
static bool is_denied(enum finding_class cls)
{
	return cls == F_CLEAR_TEXT || cls == F_OUTSIDE_IN || cls == F_UNKNOWN ||
	       cls == F_STRANGER || cls == F_UNPLANNED || cls == F_LAPSED;
}

static const char *let_through(struct arena *a, const struct judge *j,
			       const struct finding *f)
{
	struct buf b = { 0 };

	if (is_denied(f->cls))
		judge_let_through(j, f->src.place, f->dst.place, &b);
	return b.n ? buf_take(a, &b) : NULL;
}

static const char *sample_words(struct arena *a, const struct judge *j,
				const struct sample *s,
				const struct observed *seen, size_t n_seen)
{
	const char *in = s->source < n_seen ? seen[s->source].name : "?";
	unsigned long long number = s->number;
	char src[ADDR_TEXT], dst[ADDR_TEXT];

	judge_addr_text(j, s->src, src);
	judge_addr_text(j, s->dst, dst);
	if (!proto_sends_ports(s->proto))
		return arena_printf(a, "%s #%llu %s > %s", in, number, src,
				    dst);
	return arena_printf(a, "%s #%llu %s:%u > %s:%u", in, number, src,
			    s->sport, dst, s->dport);
}

struct words_of finding_words(struct arena *a, const struct judge *j,
			      const struct finding *f,
			      const struct observed *seen, size_t n_seen)
{
	struct words_of w = {
		.cls = finding_classes[f->cls].name,
		.title = finding_classes[f->cls].title,
		.from = end_words(a, j, &f->src, f->addrs),
		.to = end_words(a, j, &f->dst, f->addrs),
		.service = service_words(a, f),
		.sample = "", .let_through = let_through(a, j, f),
	};
	struct buf b = { 0 };

	note_into(a, j, f, &b);
	if (w.let_through)
		buf_printf(&b, "%slet through: %s", b.n ? "; " : "",
			   w.let_through);
	w.note = buf_take(a, &b);
	if (f->n_sample)
		w.sample = sample_words(a, j, &f->sample[0], seen, n_seen);
	return w;
}
