/*
 * judge RULES.nft IFACE... < LINES: the evaluator's answer to probe lines as
 * tests/net/probe takes them ("at FW IN OUT SRC DST PROTO PORT [WORD]...",
 * "in FW IN SRC DST PROTO PORT [WORD]..."): pass, drop, or either, and the
 * deciding rule behind it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/check.h"

struct judge {
	struct arena *a;
	struct check *c;
	struct check_side side[PATHS];
	char **iface;
	int n_iface;
};

static space_val iface_id(const struct judge *j, const char *name)
{
	size_t best = j->c->names.n - 1, len = 0;

	for (size_t i = 0; i < j->c->names.n; i++) {
		const struct pk_name *n = &j->c->names.v[i];
		size_t l = n->text ? strlen(n->text) : 0;

		if (!n->text)
			continue;
		if (n->exact && !strcmp(n->text, name))
			return i;
		if (!n->exact && l > len && !strncmp(n->text, name, l - 1)) {
			best = i;
			len = l;
		}
	}
	return best;
}

static unsigned mark_of(const struct judge *j, const char *name)
{
	for (int i = 0; i < j->n_iface; i++)
		if (!strcmp(j->iface[i], name))
			return (unsigned)i + 1;
	return 0xff;
}

static unsigned flags_of(const char *s)
{
	static const char letter[] = "FSRPAUEC";
	unsigned v = 0;

	for (; *s && strcmp(s, "none"); s++)
		v |= 1u << (strchr(letter, *s) - letter);
	return v;
}

static unsigned proto_of(const char *s)
{
	static const struct {
		const char *name;
		unsigned v;
	} p[] = {{"tcp", 6},	{"udp", 17}, {"icmp", 1}, {"icmpv6", 58},
		 {"sctp", 132}, {"esp", 50}, {"ah", 51},  {"gre", 47},
		 {"vrrp", 112}, {"ip", 0}};

	for (size_t i = 0; i < sizeof(p) / sizeof(p[0]); i++)
		if (!strcmp(p[i].name, s))
			return p[i].v;
	return (unsigned)atoi(s);
}

static space_val address(struct arena *a, const char *s)
{
	struct prefix p = {0};

	if (prefix_parse(a, s, strlen(s), false, &p))
		fprintf(stderr, "judge: address %s\n", s);
	return space_addr(p.r.lo);
}

/* What tracking says of a packet that no connection precedes. */
static enum pk_ct ct_of(unsigned proto, unsigned flags, unsigned type)
{
	unsigned v = flags & 0x17;

	if (proto == 6)
		return v == 0x02 || v == 0x10 ? CT_NEW : CT_INVALID;
	if (proto == 1)
		return type == 8 || type == 13 || type == 15 || type == 17
			       ? CT_NEW
			       : CT_INVALID;
	if (proto == 58) {
		if ((type >= 130 && type <= 137) || type == 143)
			return CT_UNTRACKED;
		return type == 128 || type == 139 ? CT_NEW : CT_INVALID;
	}
	return CT_NEW;
}

static void words(char **w, int n, unsigned proto, space_val *p)
{
	unsigned code = 0;

	for (int i = 0; i < n && strcmp(w[i], "->"); i++) {
		if (!strncmp(w[i], "flags=", 6))
			p[PK_FLAGS] = flags_of(w[i] + 6);
		else if (!strncmp(w[i], "sport=", 6) && proto != 1 &&
			 proto != 58)
			p[PK_TH0] = (unsigned)atoi(w[i] + 6);
		else if (!strncmp(w[i], "code=", 5))
			code = (unsigned)atoi(w[i] + 5);
		else if (!strncmp(w[i], "ttl=", 4))
			p[PK_TTL] = (unsigned)atoi(w[i] + 4);
	}
	if (proto == 1 || proto == 58)
		p[PK_TH0] |= code;
}

static void why(const struct judge *j, const struct check_side *x,
		const space_val *p)
{
	const struct outcome *o =
		outcome_get(&x->ev->out, space_at(j->c->s, x->d, p));

	if (o->why)
		printf(" (%s)", x->ev->reason.v[o->why - 1].text);
}

static void judge(struct judge *j, char **w, int n)
{
	static const char *const answer[] = {"pass", "drop", "either"};
	enum check_path path = strcmp(w[0], "in") ? PATH_FORWARD : PATH_INPUT;
	int at = path == PATH_FORWARD ? 4 : 3;
	space_val p[PK_FIELDS] = {0};
	const struct kr_rule *rule = NULL;
	struct buf out = {0};
	unsigned proto, port;

	if (n < at + 4)
		return;
	proto = proto_of(w[at + 2]);
	port = (unsigned)atoi(w[at + 3]);
	p[PK_IIF] = iface_id(j, w[2]);
	if (path == PATH_FORWARD)
		p[PK_OIF] = iface_id(j, w[3]);
	p[PK_SRC] = address(j->a, w[at]);
	p[PK_DST] = address(j->a, w[at + 1]);
	p[PK_FAMILY] = !addr_is_v4(space_to_addr(p[PK_SRC]));
	p[PK_PROTO] = proto;
	p[PK_TTL] = 64;
	p[PK_MARK] = mark_of(j, w[2]) << 8 |
		     (path == PATH_FORWARD ? mark_of(j, w[3]) : 0xff);
	if (proto == 6)
		p[PK_FLAGS] = 2;
	if (proto == 1 || proto == 58)
		p[PK_TH0] = port << 8;
	else
		p[PK_TH2] = port;
	words(w + at + 4, n - at - 4, proto, p);
	p[PK_CT] = ct_of(proto, (unsigned)p[PK_FLAGS], port);
	printf("%s", answer[check_packet(j->c, &j->side[path], p, &rule)]);
	if (rule) {
		check_rule_text(rule, NULL, &out);
		printf(" %s", out.s);
	}
	why(j, &j->side[path], p);
	putchar('\n');
	buf_free(&out);
}

int main(int argc, char **argv)
{
	struct judge j = {.a = arena_new()};
	struct buf err = {0};
	struct kruleset *rs;
	char line[1024];

	if (argc < 2)
		return 2;
	j.iface = argv + 2;
	j.n_iface = argc - 2;
	rs = check_load_file(j.a, argv[1], (const char *const *)(argv + 2),
			     (size_t)(argc - 2), &err);
	if (!rs) {
		fputs(err.n ? err.s : "?\n", stderr);
		buf_free(&err);
		arena_free(j.a);
		return 2;
	}
	j.c = check_new(j.a, &rs, 1, (const char *const *)(argv + 2),
			(size_t)(argc - 2));
	/* one after the other: see check_rules() */
	for (unsigned p = 0; p < PATHS; p++)
		j.side[p] = check_rules(j.c, rs, p);
	while (fgets(line, sizeof(line), stdin)) {
		char *w[64];
		int n = 0;

		for (char *t = strtok(line, " \t\n"); t && n < 64;
		     t = strtok(NULL, " \t\n"))
			w[n++] = t;
		if (n)
			judge(&j, w, n);
	}
	check_free(j.c);
	check_unload(rs);
	arena_free(j.a);
	buf_free(&err);
	return 0;
}
