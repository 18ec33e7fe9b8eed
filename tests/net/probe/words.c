#include "probe.h"

/* Lines of the test language. */

static bool parse_address(const char *text, struct address *a)
{
	memset(a, 0, sizeof *a);
	a->v6 = strchr(text, ':') != NULL;
	return inet_pton(a->v6 ? AF_INET6 : AF_INET, text, a->b) == 1;
}

bool parse_number(const char *text, long max, int *value)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(text, &end, 0);
	if (*text == '\0' || *end != '\0' || errno != 0 || v < 0 || v > max)
		return false;
	*value = (int)v;
	return true;
}

static bool parse_proto(const char *text, int *proto)
{
	static const struct {
		const char *name;
		int number;
	} names[] = {{"icmp", 1},   {"igmp", 2},    {"tcp", 6},
		     {"udp", 17},   {"gre", 47},    {"esp", 50},
		     {"ah", 51},    {"icmpv6", 58}, {"ospf", 89},
		     {"vrrp", 112}, {"sctp", 132},  {"udplite", 136}};
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i].name, text) == 0) {
			*proto = names[i].number;
			return true;
		}
	return parse_number(text, 255, proto);
}

bool parse_iface(const char *name, int *index)
{
	int i;

	if (strcmp(name, "self") == 0) {
		*index = SELF;
		return true;
	}
	for (i = 0; i < iface_count; i++)
		if (strcmp(ifaces[i].name, name) == 0) {
			*index = i;
			return true;
		}
	return false;
}

static bool parse_port(const char *text, int *port)
{
	static const struct {
		const char *name;
		int number;
	} names[] = {{"-", 0},
		     {"echo-request", 8},
		     {"echo6-request", 128},
		     {"timestamp-request", 13},
		     {"info-request", 15},
		     {"address-mask-request", 17}};
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i].name, text) == 0) {
			*port = names[i].number;
			return true;
		}
	return parse_number(text, 65535, port);
}

void default_options(struct options *o)
{
	memset(o, 0, sizeof *o);
	o->tcp_flags = 0x02;
	o->sport = -1;
	o->count = 1;
}

static bool parse_flags(const char *text, unsigned *flags)
{
	static const char letters[] = "FSRPAUEC";
	const char *p;

	*flags = 0;
	if (strcmp(text, "none") == 0)
		return true;
	for (; *text != '\0'; text++) {
		p = strchr(letters, *text);
		if (p == NULL)
			return false;
		*flags |= 1u << (p - letters);
	}
	return true;
}

/* as=SRC,DST,PORT; SRC may be "*" */
static bool parse_look(const char *text, struct look *as)
{
	char word[3][64];

	memset(as, 0, sizeof *as);
	if (sscanf(text, "%63[^,],%63[^,],%63s", word[0], word[1], word[2]) !=
	    3)
		return false;
	as->given = true;
	as->any_src = strcmp(word[0], "*") == 0;
	return (as->any_src || parse_address(word[0], &as->src)) &&
	       parse_address(word[1], &as->dst) &&
	       (strcmp(word[2], "-") == 0 ||
		parse_number(word[2], 65535, &as->port));
}

/* One further word; returns the text of an error, or NULL. */
static char *parse_option(const char *word, struct options *o)
{
	const char *v = strchr(word, '=');
	size_t n = v != NULL ? (size_t)(v - word) : strlen(word);
	bool ok = false;

#define IS(name) (n == sizeof name - 1 && memcmp(word, name, n) == 0)
	if (v == NULL) {
		if (IS("df"))
			o->df = ok = true;
		else if (IS("badsum"))
			o->bad_checksum = ok = true;
		if (!ok)
			return format_text("unknown word \"%s\"", word);
		return NULL;
	}
	v++;
	if (IS("as")) {
		ok = parse_look(v, &o->as);
	} else if (IS("flags")) {
		ok = parse_flags(v, &o->tcp_flags);
		o->tcp_flags_given = true;
	} else if (IS("ttl")) {
		ok = parse_number(v, 255, &o->ttl);
	} else if (IS("tos")) {
		ok = parse_number(v, 255, &o->tos);
	} else if (IS("frag")) {
		ok = parse_number(v, 50, &o->frag);
	} else if (IS("only")) {
		ok = parse_number(v, 50, &o->frag_only);
	} else if (IS("sport")) {
		ok = parse_number(v, 65535, &o->sport);
	} else if (IS("code")) {
		ok = parse_number(v, 255, &o->code);
	} else if (IS("size")) {
		ok = parse_number(v, 1400, &o->size);
	} else if (IS("n")) {
		ok = parse_number(v, 100000, &o->count);
	} else if (IS("spi")) {
		char *end;

		o->spi = (uint32_t)strtoul(v, &end, 0);
		ok = o->spi_given = *v != '\0' && *end == '\0';
	} else if (IS("ext")) {
		o->hbh = strcmp(v, "hbh") == 0 || strcmp(v, "ra") == 0 ||
			 strcmp(v, "hbh+dst") == 0;
		o->ra = strcmp(v, "ra") == 0;
		o->dstopt = strcmp(v, "dst") == 0 || strcmp(v, "hbh+dst") == 0;
		ok = o->hbh || o->dstopt;
	} else if (IS("from")) {
		ok = o->from_given = parse_address(v, &o->from);
	} else if (IS("dir")) {
		o->forward = strcmp(v, "fwd") == 0;
		ok = o->forward || strcmp(v, "back") == 0;
	} else {
		return format_text("unknown word \"%s\"", word);
	}
#undef IS
	return ok ? NULL : format_text("bad value in \"%s\"", word);
}

char *parse_options(const struct line *l, int from, struct options *o)
{
	char *error = NULL;

	for (; from < l->count && error == NULL; from++)
		error = parse_option(l->words[from], o);
	return error;
}

/* The firewall's link-local address on an interface, written @ll. */
bool parse_destination(const char *text, int in, struct address *a)
{
	static const uint8_t ll[16] = {0xfe, 0x80, 0, 0,    0,	  0, 0, 0,
				       0,    0,	   0, 0xff, 0xfe, 1, 0, 0};

	if (strcmp(text, "@ll") != 0)
		return parse_address(text, a);
	a->v6 = true;
	memcpy(a->b, ll, 16);
	a->b[15] = (uint8_t)(in + 1);
	return in != SELF;
}

char *parse_ends(const struct line *l, int at, int in, struct spec *s)
{
	if (l->count < at + 4)
		return format_text("too few words");
	if (!parse_destination(l->words[at], in, &s->src))
		return format_text("bad address \"%s\"", l->words[at]);
	if (!parse_destination(l->words[at + 1], in, &s->dst))
		return format_text("bad address \"%s\"", l->words[at + 1]);
	if (s->src.v6 != s->dst.v6)
		return format_text("addresses of two families");
	if (!parse_proto(l->words[at + 2], &s->proto))
		return format_text("bad protocol \"%s\"", l->words[at + 2]);
	if (!parse_port(l->words[at + 3], &s->dport))
		return format_text("bad port \"%s\"", l->words[at + 3]);
	return parse_options(l, at + 4, &s->o);
}

/* at FIREWALL IN OUT SRC DST PROTO PORT, or in FIREWALL IN SRC DST PROTO PORT.
 */
char *parse_probe(const struct line *l, struct probe *p)
{
	bool forwarded = strcmp(l->words[0], "at") == 0;
	char *error;

	memset(p, 0, sizeof *p);
	default_options(&p->s.o);
	p->out = SELF;
	if (l->count < 4)
		return format_text("too few words");
	if (!parse_iface(l->words[2], &p->in) || p->in == SELF)
		return format_text("no such interface \"%s\"", l->words[2]);
	if (forwarded && (!parse_iface(l->words[3], &p->out) || p->out == SELF))
		return format_text("no such interface \"%s\"", l->words[3]);
	error = parse_ends(l, forwarded ? 4 : 3, p->in, &p->s);
	return error;
}
