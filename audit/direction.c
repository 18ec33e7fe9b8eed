#include "audit/direction.h"

#include "base/keys.h"

/*
 * Taking the first packet's sender for the opener is what fills other
 * systems' reports with reversed flows. Here every
 * event keeps its side, and they are asked in the order of their strength.
 * Ports come last: anybody can choose a source port.
 */
const char *const how_names[HOW_N] = {
	[HOW_SYN] = "syn",	     [HOW_SYNACK] = "syn-ack",
	[HOW_REFUSAL] = "refusal",   [HOW_ICMP] = "icmp",
	[HOW_KNOWN] = "known",	     [HOW_CONTENT] = "content",
	[HOW_PLAN] = "plan",	     [HOW_FIRST] = "first-packet",
	[HOW_PORTS] = "ports",	     [HOW_NONE] = "none",
};

static const struct sign {
	uint32_t event;	  /* with its two bits; 0: what is known of before */
	bool by_opener;	  /* or by the one that answers */
	enum how how;
} signs[] = {
	{ SEEN_SYN, true, HOW_SYN },
	{ SEEN_SYNACK, false, HOW_SYNACK },
	{ SEEN_REFUSED, false, HOW_REFUSAL },
	{ SEEN_ASKED, true, HOW_ICMP },
	{ SEEN_ANSWER, false, HOW_ICMP },
	{ 0, true, HOW_KNOWN },
	{ SEEN_CLIENT, true, HOW_CONTENT },
	{ SEEN_SERVER, false, HOW_CONTENT },
};

struct opener opener_seen(const struct conn *c)
{
	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++) {
		const struct sign *s = &signs[i];
		bool a = s->event ? c->seen & s->event :
				    c->note & NOTE_KNOWN;
		bool b = s->event ? c->seen & s->event << 1 :
				    c->note & NOTE_KNOWN << 1;

		/* From both sides it says nothing; the next may decide. */
		if (a != b)
			return (struct opener){ a == s->by_opener ? 0 : 1,
						s->how };
	}
	return (struct opener){ -1, HOW_NONE };
}

/* Which side looks like the one that listens? -1: neither more than the
 * other. Below 1024 is the system's; from 32768 on Linux and others choose
 * source ports (ip_local_port_range), from 49152 IANA says so. */
static int listener(const struct conn *c)
{
	bool a = c->aport < 1024, b = c->bport < 1024;

	if (a != b)
		return b;
	a = c->aport < 32768;
	b = c->bport < 32768;
	return a != b ? b : -1;
}

struct opener opener_guess(const struct conn *c)
{
	int l = proto_sends_ports(c->proto) ? listener(c) : -1;

	if (c->proto == PROTO_TCP)
		return l < 0 ? (struct opener){ -1, HOW_NONE } :
			       (struct opener){ !l, HOW_PORTS };
	/* A datagram's first sender opens, unless the ports say the answer
	 * alone was caught. */
	if (l == 0)
		return (struct opener){ -1, HOW_NONE };
	return (struct opener){ 0, HOW_FIRST };
}
