#ifndef TESTS_UNIT_SAMPLE_H
#define TESTS_UNIT_SAMPLE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gen/gen.h"
#include "plan/plan.h"

/* A topology of a test, read and compiled from text in memory. */
struct sample {
	struct arena *a;
	struct diags d;
	struct topology *t;
	struct plan *p;
};

#define ROOT(template) \
	"<topology xmlns=\"urn:portplan:1\" name=\"t\" template=\"" template "\">"
#define END "</topology>"

static inline int text_file(const char *text)
{
	int fd = memfd_create("topology", 0);
	size_t n = strlen(text);

	if (fd < 0 || write(fd, text, n) != (ssize_t)n)
		abort();
	return fd;
}

static inline struct sample sample_read(const char *text)
{
	struct sample s = { .a = arena_new() };
	int fd = text_file(text);
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	diags_init(&s.d, s.a);
	s.t = topology_read(s.a, path, NULL, &s.d);
	close(fd);
	return s;
}

/* NOW is 2027-01-01. */
static inline struct sample sample_plan(const char *text)
{
	struct sample s = sample_read(text);
	struct plan_options opt = { .now = 1798761600 };

	if (s.t)
		s.p = plan_build(s.a, s.t, &opt, &s.d);
	return s;
}

/* The messages, without the name of the file; from the arena. */
static inline const char *sample_messages(struct sample *s)
{
	struct buf b = { 0 };
	const char *out;

	diags_print(&s->d, &b, 1000);
	out = arena_strdup(s->a, b.s ? b.s : "");
	buf_free(&b);
	return out;
}

static inline bool sample_says(struct sample *s, const char *what)
{
	const char *all = sample_messages(s);

	if (strstr(all, what))
		return true;
	printf("    not said: %s\n    but:\n%s", what, all);
	return false;
}

/* Compiled, or the messages are shown. */
static inline bool sample_good(struct sample *s)
{
	if (!s->p)
		printf("%s", sample_messages(s));
	return s->p;
}

static inline struct addr sample_addr(const char *text)
{
	struct arena *a = arena_new();
	struct prefix p = { 0 };

	if (prefix_parse(a, text, strlen(text), false, &p))
		abort();
	arena_free(a);
	return p.r.lo;
}

static inline struct packet sample_packet(const char *src, const char *dst,
					  unsigned proto, unsigned detail)
{
	return (struct packet){ sample_addr(src), sample_addr(dst),
				(uint8_t)proto, (uint16_t)detail };
}

static inline struct answer sample_ask(const struct sample *s, const char *src,
				       const char *dst, unsigned proto,
				       unsigned detail)
{
	struct packet k = sample_packet(src, dst, proto, detail);

	return plan_verdict(s->p, &k);
}

static inline bool sample_allows(const struct sample *s, const char *src,
				 const char *dst, unsigned proto,
				 unsigned detail)
{
	return sample_ask(s, src, dst, proto, detail).verdict ==
	       VERDICT_ALLOWED;
}

/* The ruleset as text, from the arena. */
static inline const char *sample_rules(struct sample *s, const char *firewall)
{
	struct gen_options opt = { .counters = GEN_COUNT_SERVICE };
	struct ruleset *rs = gen_firewall(s->a, s->p,
					  topology_firewall(s->t, firewall),
					  &opt, &s->d);
	struct buf b = { 0 };
	const char *out;

	if (!rs)
		return "";
	rs_text(rs, &b);
	out = arena_strdup(s->a, b.s);
	buf_free(&b);
	return out;
}

static inline void sample_free(struct sample *s)
{
	arena_free(s->a);
}

#endif
