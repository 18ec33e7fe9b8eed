#include "probe.h"

/* What the lines do. */

static struct flow *find_flow(const char *name)
{
	int i;

	for (i = 0; i < flow_count; i++)
		if (strcmp(flows[i].name, name) == 0)
			return &flows[i];
	return NULL;
}

static char *step_probe(const struct line *l)
{
	struct probe p;
	char *error = parse_probe(l, &p), *owned;
	const char *answer;
	size_t first;
	int i, passed = 0;

	if (error != NULL)
		return format_text("error: %s", error);
	want_raw(p.s.src.v6, p.s.proto);
	first = watch_count;
	for (i = 0; i < p.s.o.count; i++) {
		struct spec s = p.s;

		s.sport = s.o.sport >= 0 ? s.o.sport : take_port();
		s.id = new_watch(p.in, p.out, &s);
		transmit(p.in, p.out, &s);
		if (i % CHUNK == CHUNK - 1)
			settle();
	}
	settle();
	if (p.s.o.count == 1) {
		answer = verdict(&watches[first], &owned);
		return owned != NULL ? owned : must(strdup(answer));
	}
	for (i = 0; i < p.s.o.count; i++)
		passed += watches[first + (size_t)i].seen > 0;
	return format_text("%d/%d", passed, p.s.o.count);
}

/* flow NAME IN OUT SRC DST PROTO PORT */
static char *step_flow(const struct line *l)
{
	struct flow *f;
	struct spec s;
	char *error;

	memset(&s, 0, sizeof s);
	default_options(&s.o);
	if (l->count < 4)
		return format_text("error: too few words");
	f = find_flow(l->words[1]);
	if (f == NULL) {
		if (flow_count == MAX_FLOWS)
			return format_text("error: too many flows");
		f = &flows[flow_count++];
	}
	memset(f, 0, sizeof *f);
	snprintf(f->name, sizeof f->name, "%s", l->words[1]);
	if (!parse_iface(l->words[2], &f->in))
		return format_text("error: no such interface \"%s\"",
				   l->words[2]);
	if (!parse_iface(l->words[3], &f->out) ||
	    (f->in == SELF && f->out == SELF))
		return format_text("error: no such interface \"%s\"",
				   l->words[3]);
	error = parse_ends(l, 4, f->in == SELF ? f->out : f->in, &s);
	if (error != NULL)
		return format_text("error: %s", error);
	f->src = s.src;
	f->dst = s.dst;
	f->proto = s.proto;
	f->dport = s.dport;
	f->sport = s.o.sport >= 0 ? s.o.sport : take_port();
	f->as = s.o.as;
	f->next[0] = 1000;
	f->next[1] = 500000;
	return must(strdup("ok"));
}

static int answer_type(int type)
{
	switch (type) {
	case 8:
		return 0;
	case 13:
	case 15:
	case 17:
		return type + 1;
	default:
		return type == 128 ? 129 : type;
	}
}

/* Back, it comes from what the far side saw, and is to look like an answer of
 * what was asked. */
static void look_of(const struct flow *f, int back, struct spec *s)
{
	if (!f->as.given)
		return;
	s->o.as = f->as;
	if (!back)
		return;
	s->src = f->as.dst;
	s->dst = f->as.src;
	if (has_ports(f->proto))
		s->sport = f->as.port;
	s->o.as.any_src = false;
	s->o.as.src = f->dst;
	s->o.as.dst = f->src;
	s->o.as.port = f->sport;
}

/* The packet of a flow, in its direction (0) or back (1). */
static void flow_spec(const struct flow *f, int back, struct spec *s)
{
	s->src = back ? f->dst : f->src;
	s->dst = back ? f->src : f->dst;
	s->proto = f->proto;
	s->sport = f->sport;
	s->dport = f->dport;
	if (has_ports(f->proto) && back) {
		s->sport = f->dport;
		s->dport = f->sport;
	}
	if (is_icmp(s) && back)
		s->dport = answer_type(f->dport);
	look_of(f, back, s);
	s->seq = f->next[back];
	s->ack = (s->o.tcp_flags & 0x10) ? f->next[!back] : 0;
}

static char *watched(int in, int out, struct spec *s)
{
	char *owned;
	const char *answer;

	want_raw(s->src.v6, s->proto);
	s->id = new_watch(in, out, s);
	transmit(in, out, s);
	settle();
	answer = verdict(&watches[s->id], &owned);
	return owned != NULL ? owned : must(strdup(answer));
}

/* send NAME …, back NAME … */
static char *step_send(const struct line *l)
{
	int back = strcmp(l->words[0], "back") == 0;
	struct flow *f = l->count > 1 ? find_flow(l->words[1]) : NULL;
	struct spec s;
	char *error;
	char *answer;

	if (f == NULL)
		return format_text("error: no such flow");
	memset(&s, 0, sizeof s);
	default_options(&s.o);
	error = parse_options(l, 2, &s.o);
	if (error != NULL)
		return format_text("error: %s", error);
	flow_spec(f, back, &s);
	answer = watched(back ? f->out : f->in, back ? f->in : f->out, &s);
	f->last[back] = s;
	f->have_last[back] = true;
	if (f->proto == IPPROTO_TCP)
		f->next[back] += (uint32_t)(TAIL + s.o.size) +
				 ((s.o.tcp_flags & 0x02) != 0) +
				 ((s.o.tcp_flags & 0x01) != 0);
	return answer;
}

/* The packet of a flow as the one who quotes it saw it: beyond the firewall
 * in the direction, before it back. */
static void quoted_look(const struct flow *f, int back, struct spec *q)
{
	if (!f->as.given)
		return;
	q->src = back ? f->dst : f->as.src;
	q->dst = back ? f->src : f->as.dst;
	if (has_ports(f->proto)) {
		q->sport = back ? f->dport : f->sport;
		q->dport = back ? f->sport : f->as.port;
	}
}

/* error NAME KIND …: an ICMP error that quotes the flow. */
static char *step_error(const struct line *l)
{
	static const struct {
		const char *name;
		uint8_t v4[2], v6[2];
	} kinds[] = {
		{"ttl", {11, 0}, {3, 0}},	{"port", {3, 3}, {1, 4}},
		{"host", {3, 1}, {1, 3}},	{"admin", {3, 13}, {1, 1}},
		{"frag", {3, 4}, {2, 0}},	{"param", {12, 0}, {4, 0}},
		{"redirect", {5, 1}, {137, 0}}, {"quench", {4, 0}, {4, 1}},
	};
	struct flow *f = l->count > 2 ? find_flow(l->words[1]) : NULL;
	struct spec s, q;
	struct packet quoted;
	uint8_t body[40];
	int type = -1, code = 0, from;
	size_t i;
	char *error;

	if (f == NULL)
		return format_text("error: no such flow, or no kind");
	memset(&s, 0, sizeof s);
	memset(&q, 0, sizeof q);
	default_options(&s.o);
	default_options(&q.o);
	error = parse_options(l, 3, &s.o);
	if (error != NULL)
		return format_text("error: %s", error);
	for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i].name, l->words[2]) == 0) {
			type = f->src.v6 ? kinds[i].v6[0] : kinds[i].v4[0];
			code = f->src.v6 ? kinds[i].v6[1] : kinds[i].v4[1];
		}
	if (type < 0 && sscanf(l->words[2], "%d/%d", &type, &code) != 2)
		return format_text("error: bad kind \"%s\"", l->words[2]);
	from = s.o.forward; /* quotes a packet of this direction */
	if (f->have_last[from])
		q = f->last[from];
	else
		flow_spec(f, from, &q);
	quoted_look(f, from, &q);
	q.no_tail = true;
	q.o.size = 0;
	q.o.frag = 0;
	build(&quoted, &q);
	if (f->as.given) {
		/* what was quoted stands there as this side knows it */
		s.o.as = (struct look){
			.given = true, .any_src = true, .inner = true,
			.dst = from ? f->as.dst : f->src,
			.inner_src = from ? f->as.dst : f->src,
			.inner_dst = from ? f->as.src : f->dst};
	}
	s.src = s.o.from_given ? s.o.from : q.dst;
	s.dst = q.src;
	s.proto = q.src.v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	s.dport = type;
	s.o.code = code;
	s.quote = quoted.b;
	s.quote_length = quoted.length;
	if ((!q.src.v6 && type == 3 && code == 4) || (q.src.v6 && type == 2))
		s.word = 1300;
	if (!q.src.v6 && type == 5)
		s.word = get32(q.dst.b) ^ 1;
	if (q.src.v6 && type == 137) {
		memcpy(body, q.dst.b, 16);
		body[15] ^= 1;
		memcpy(body + 16, q.dst.b, 16);
		body[32] = 4; /* redirected header */
		body[33] = (uint8_t)((8 + quoted.length + TAIL + 7) / 8);
		memset(body + 34, 0, 6);
		s.body = body;
		s.body_length = 40;
	}
	/* conntrack wants the whole inner header and no more */
	return watched(from ? f->in : f->out, from ? f->out : f->in, &s);
}

/* nd IN TARGET …: is a neighbour solicitation answered? */
static char *step_nd(const struct line *l)
{
	static const uint8_t node[16] = {0xff, 2, 0, 0, 0,    0, 0, 0,
					 0,    0, 0, 1, 0xff, 0, 0, 0};
	static const uint8_t peer[16] = {0xfe, 0x80, 0, 0, 0, 0, 0, 0,
					 0,    0,    0, 0, 0, 0, 0, 0x99};
	struct spec s;
	uint8_t body[24] = {0};
	struct packet p;
	struct address target;
	char *error;
	int in;

	memset(&s, 0, sizeof s);
	default_options(&s.o);
	if (l->count < 3 || !parse_iface(l->words[1], &in) || in == SELF)
		return format_text("error: no such interface");
	if (!parse_destination(l->words[2], in, &target) || !target.v6)
		return format_text("error: bad address \"%s\"", l->words[2]);
	error = parse_options(l, 3, &s.o);
	if (error != NULL)
		return format_text("error: %s", error);
	memcpy(na_target, target.b, 16);
	na_seen = false;
	s.src.v6 = s.dst.v6 = true;
	memcpy(s.src.b, s.o.from_given ? s.o.from.b : peer, 16);
	memcpy(s.dst.b, node, 16);
	memcpy(s.dst.b + 13, target.b + 13, 3);
	memcpy(body, target.b, 16);
	body[16] = body[17] = 1;
	body[18] = 2;
	body[21] = 3;
	body[23] = (uint8_t)(in + 1);
	s.proto = IPPROTO_ICMPV6;
	s.dport = 135;
	s.body = body;
	s.body_length = sizeof body;
	s.no_tail = true;
	build(&p, &s);
	inject(in, SELF, p.b, p.length);
	settle();
	return must(strdup(na_seen ? "answered" : "silent"));
}

/* ping IN SRC DST …: does the firewall answer? */
static char *step_ping(const struct line *l)
{
	struct spec s;
	char *error, *answer;
	int in;

	memset(&s, 0, sizeof s);
	default_options(&s.o);
	if (l->count < 4 || !parse_iface(l->words[1], &in) || in == SELF)
		return format_text("error: no such interface");
	if (!parse_destination(l->words[2], in, &s.src) ||
	    !parse_destination(l->words[3], in, &s.dst) || s.src.v6 != s.dst.v6)
		return format_text("error: bad address");
	error = parse_options(l, 4, &s.o);
	if (error != NULL)
		return format_text("error: %s", error);
	s.proto = s.src.v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	s.dport = s.src.v6 ? 128 : 8;
	s.sport = take_port();
	answer = watched(in, SELF, &s);
	free(answer);
	return must(strdup(watches[s.id].answered ? "answered" : "silent"));
}

static void listen_on(int port)
{
	static bool listening[65536];
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)port)};
	struct sockaddr_in6 b = {.sin6_family = AF_INET6,
				 .sin6_port = htons((uint16_t)port)};
	int fd, one = 1;

	if (listening[port])
		return;
	listening[port] = true; /* the sockets stay open to the end */
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
	    listen(fd, 100) != 0)
		die(2, "listen on port %d: %s", port, strerror(errno));
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	if (fd < 0 || bind(fd, (struct sockaddr *)&b, sizeof b) != 0 ||
	    listen(fd, 100) != 0)
		die(2, "listen on port %d: %s", port, strerror(errno));
}

/* dial IN SRC DST tcp PORT …: a listener on the firewall; does its SYN-ACK come
 * out? */
static char *step_dial(const struct line *l)
{
	struct spec s;
	char *error;
	int in;

	memset(&s, 0, sizeof s);
	default_options(&s.o);
	if (l->count < 2 || !parse_iface(l->words[1], &in) || in == SELF)
		return format_text("error: no such interface");
	error = parse_ends(l, 2, in, &s);
	if (error != NULL)
		return format_text("error: %s", error);
	if (s.proto != IPPROTO_TCP)
		return format_text("error: tcp only");
	listen_on(s.dport);
	s.sport = s.o.sport >= 0 ? s.o.sport : take_port();
	s.seq = 1000;
	dial_port = s.sport;
	dial_answered = dial_refused = false;
	free(watched(in, SELF, &s));
	dial_port = -1;
	return must(strdup(dial_answered  ? "answered"
			   : dial_refused ? "refused"
					  : "silent"));
}

char *list_rules(void)
{
	static const char *const nft[] = {"nft", "-nn", "list", "ruleset",
					  NULL};
	char *text;

	if (run(nft, NULL, &text) != 0)
		die(2, "nft list ruleset fails");
	return text;
}

/* Packets on the lines of a listing that match. Every line is preceded by the
 * chain, set, map or counter it stands in; elements stand on lines of their
 * own. */
static unsigned long long sum_counters(const char *listing, const regex_t *re)
{
	unsigned long long total = 0;
	char *copy = must(strdup(listing)), *line, *save, *part;
	char inside[600] = "";
	bool elements = false;

	for (line = strtok_r(copy, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		char *text = line + strspn(line, "\t ");
		size_t n = strlen(text);

		if (n > 0 && text[n - 1] == '{' &&
		    strstr(text, "elements = {") == NULL) {
			snprintf(inside, sizeof inside, "%.*s", (int)(n - 1),
				 text);
			continue;
		}
		if (strstr(text, "elements = {") != NULL)
			elements = true;
		while (text != NULL) {
			char *full;
			const char *at;

			part = elements ? strchr(text, ',') : NULL;
			if (part != NULL)
				*part++ = '\0';
			full = format_text("%s | %s", inside, text);
			if (regexec(re, full, 0, NULL, 0) == 0)
				for (at = strstr(full, "packets "); at != NULL;
				     at = strstr(at + 8, "packets "))
					total += strtoull(at + 8, NULL, 10);
			free(full);
			text = part;
		}
		if (elements && strchr(line, '}') != NULL)
			elements = false;
		else if (elements && n > 0 && line[strlen(line) - 1] == '}')
			elements = false;
	}
	free(copy);
	return total;
}

/* counter REGEX: packets counted since the mark. */
static char *step_counter(const struct line *l)
{
	regex_t re;
	char *pattern = NULL, *now, *p;
	unsigned long long v;
	int i;

	if (l->count < 2)
		return format_text("error: no pattern");
	pattern = must(strdup(l->words[1]));
	for (i = 2; i < l->count; i++) {
		p = format_text("%s %s", pattern, l->words[i]);
		free(pattern);
		pattern = p;
	}
	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0) {
		free(pattern);
		return format_text("error: bad pattern");
	}
	free(pattern);
	now = list_rules();
	v = sum_counters(now, &re);
	if (counter_mark != NULL)
		v -= sum_counters(counter_mark, &re);
	free(now);
	regfree(&re);
	return format_text("%llu", v);
}

char *step(const struct line *l)
{
	const char *verb = l->words[0];
	int ms;

	if (strcmp(verb, "at") == 0 || strcmp(verb, "in") == 0)
		return step_probe(l);
	if (strcmp(verb, "flow") == 0)
		return step_flow(l);
	if (strcmp(verb, "send") == 0 || strcmp(verb, "back") == 0)
		return step_send(l);
	if (strcmp(verb, "error") == 0)
		return step_error(l);
	if (strcmp(verb, "nd") == 0)
		return step_nd(l);
	if (strcmp(verb, "ping") == 0)
		return step_ping(l);
	if (strcmp(verb, "dial") == 0)
		return step_dial(l);
	if (strcmp(verb, "counter") == 0)
		return step_counter(l);
	if (strcmp(verb, "logs") == 0) {
		drain_logs();
		return format_text("%lu", log_count);
	}
	if (strcmp(verb, "mark") == 0) {
		drain_logs();
		log_count = 0;
		free(counter_mark);
		counter_mark = list_rules();
	} else if (strcmp(verb, "flush") == 0) {
		flush_conntrack();
	} else if (strcmp(verb, "reload") == 0) {
		load_rules();
	} else if (strcmp(verb, "sleep") == 0 && l->count == 2 &&
		   parse_number(l->words[1], 60000, &ms)) {
		usleep((useconds_t)ms * 1000);
	} else {
		return format_text("error: unknown step \"%s\"", verb);
	}
	return must(strdup("ok"));
}
