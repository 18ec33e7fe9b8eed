#include "cli/apply.h"

/*
 * Who changed rules in the middle of an apply. Every batch rests on a number of
 * the generation; the change that follows it, and is not ours, is the one that
 * stopped us. The kernel tells its process to whoever listens.
 */
static const char *printable(struct args *a, const char *comm)
{
	char *s = arena_strdup(a->arena, comm);

	for (char *c = s; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return s;
}

void foreign_listen(struct site *s)
{
	struct buf ignore = { 0 };

	/* without, nobody is named */
	if (s->monitor.fd < 0)
		monitor_open(&s->monitor, &ignore);
	buf_free(&ignore);
}

void foreign_hear(struct site *s)
{
	uint32_t next = nft_generation_after(s->g.generation);
	enum monitor_word word = MONITOR_LOST;
	struct change c;

	while (s->monitor.fd >= 0 && word != MONITOR_NONE &&
	       (word = monitor_next(&s->monitor, &c)) != MONITOR_FAILED)
		if (word == MONITOR_CHANGE) {
			if (c.generation == next && *c.comm)
				s->foreign = arena_printf(s->a->arena,
					" (%s, process %ld)",
					printable(s->a, c.comm), (long)c.pid);
			change_free(&c);
		}
}

void foreign_deaf(struct site *s)
{
	foreign_hear(s);
	monitor_close(&s->monitor);
}
