#include "cli/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FACTS = 1 << 24 }; /* bytes: a full routing table is some 40 MB */

static int read_connections(struct args *a, uint64_t *out)
{
	const char *s = arg_value(a, "connections", NULL);
	char *end;

	*out = 0;
	if (!s)
		return EXIT_OK;
	errno = 0;
	*out = strtoull(s, &end, 10);
	if (*s < '0' || *s > '9' || *end || errno || !*out)
		return complain(a, "--connections \"%s\": a number of "
				"connections", s);
	return EXIT_OK;
}

static int read_peer(struct args *a, struct machine_options *opt)
{
	const char *path = arg_value(a, "peer", NULL);
	FILE *in = path ? fopen(path, "re") : NULL;
	struct buf b = { 0 };
	char chunk[65536];
	size_t n;
	int code = EXIT_OK;

	if (!path)
		return EXIT_OK;
	if (!in)
		return complain(a, "\"%s\": %s", path, strerror(errno));
	arena_add_file(a->arena, path);
	while (b.n <= MOST_FACTS &&
	       (n = fread(chunk, 1, sizeof(chunk), in)) > 0)
		buf_put(&b, chunk, n);
	if (ferror(in) || b.n > MOST_FACTS || !b.s || strlen(b.s) != b.n ||
	    strncmp(b.s, "portplan-facts 1\n", 17))
		code = complain(a, "\"%s\" is nothing that check --live "
				"--facts wrote", path);
	else
		opt->peer = arena_strdup(a->arena, b.s);
	opt->peer_name = path;
	fclose(in);
	buf_free(&b);
	return code;
}

static struct machine *read_machine(struct args *a)
{
	struct buf err = { 0 };
	struct machine *m = machine_read(a->arena, &err);

	if (!m)
		complain(a, "%s", err.s);
	buf_free(&err);
	return m;
}

int machine_check(struct args *a, const struct plan *p,
		  const struct firewall *f, struct machine_report *out)
{
	struct machine_options opt = { 0 };
	const struct machine *m;
	int code = read_connections(a, &opt.connections);

	if (code == EXIT_OK)
		code = read_peer(a, &opt);
	if (code != EXIT_OK)
		return code;
	m = read_machine(a);
	if (!m)
		return EXIT_BAD;
	machine_judge(a->arena, p, f, m, &opt, out);
	return EXIT_OK;
}

int machine_write_facts(struct args *a, const char *path)
{
	const struct machine *m = read_machine(a);
	struct buf b = { 0 };
	int code;

	if (!m)
		return EXIT_BAD;
	machine_facts(m, &b);
	code = write_file(a, path, &b);
	buf_free(&b);
	return code;
}
