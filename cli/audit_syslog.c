#include <stdio.h>

#include "cli/audit.h"

/* The private enterprise number that RFC 5612 sets aside for documents: this
 * program has none of its own. */
#define ELEMENT "portplan@32473"

static void param_number(struct buf *out, const char *name, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	syslog_param(out, name, text);
}

static void put_ends(struct buf *out, const struct judge *j,
		     const struct conn *c, const struct sample *s)
{
	char text[ADDR_TEXT], tmp[KEY_TEXT];

	judge_addr_text(j, s->src, text);
	syslog_param(out, "src_ip", text);
	judge_addr_text(j, s->dst, text);
	syslog_param(out, "dest_ip", text);
	syslog_param(out, "proto", proto_name(c->proto, tmp));
	if (!proto_sends_ports(c->proto))
		return;
	param_number(out, "src_port", s->sport);
	param_number(out, "dest_port", s->dport);
}

void audit_syslog_flow(struct buf *out, const struct syslog_head *h,
		       struct arena *scratch, const struct worker *w,
		       const struct conn *c, const struct finding *f)
{
	const struct run *r = w->run;
	const struct judge *j = w->force->judge;
	struct words_of words;

	if (!f->n_sample)
		return;
	words = finding_words(scratch, j, f, r->seen, r->n_seen);
	syslog_begin(out, h, ELEMENT);
	syslog_param(out, "class", words.cls);
	syslog_param(out, "from", words.from);
	syslog_param(out, "to", words.to);
	syslog_param(out, "service", words.service);
	syslog_param(out, "state", finding_state(f));
	put_ends(out, j, c, &f->sample[0]);
	syslog_param(out, "note", words.note);
	syslog_param(out, "seen_at", c->source < r->n_seen ?
				     r->seen[c->source].name : NULL);
	syslog_end(out, arena_printf(scratch, "%s: %s > %s %s, %s",
				     words.title, words.from, words.to,
				     words.service, finding_state(f)));
}

void audit_syslog_summary(struct buf *out, const struct syslog_head *h,
			  const struct report *rep)
{
	syslog_begin(out, h, ELEMENT);
	syslog_param(out, "result", report_outcome(rep));
	param_number(out, "frames", rep->totals->frames);
	param_number(out, "flows", rep->totals->flows);
	param_number(out, "planned", rep->totals->planned);
	param_number(out, "findings", rep->totals->wanting);
	for (size_t i = 0; i < rep->gaps.n; i++)
		if (rep->gaps.v[i].beyond)
			syslog_param(out, "gap", report_gap(rep, i));
	syslog_end(out, report_outcome(rep));
}
