#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "apply/known.h"
#include "base/plain.h"
#include "cli/apply.h"

/* A firewall on this machine: its state directory, its netlink socket. */

const char *state_base(const struct args *a)
{
	const char *env = getenv("PORTPLAN_STATE_DIR");

	return arg_value(a, "state", env && *env ? env : STATE_DEFAULT);
}

const char *ssh_connection(void)
{
	const char *s = getenv("SSH_CONNECTION");

	return s ? s : "";
}

int site_trouble(struct site *s)
{
	char *save = NULL;

	for (char *line = s->err.n ? strtok_r(s->err.s, "\n", &save) : NULL;
	     line; line = strtok_r(NULL, "\n", &save))
		complain(s->a, "%s", line);
	s->err.n = 0;
	return EXIT_BAD;
}

void site_state_words(const struct site *s, struct buf *out)
{
	const char *base = state_base(s->a);
	char whole[PATH_MAX];

	if (!strcmp(base, STATE_DEFAULT))
		return;
	buf_puts(out, " --state ");
	buf_shell(out, realpath(base, whole) ? whole : base);
}

void site_say_beside(struct site *s)
{
	struct buf names = { 0 }, ignore = { 0 };
	char *save = NULL;

	/* what cannot be read now, the switch will tell of */
	generations_beside(&s->nft, s->table, &names, &ignore);
	for (char *t = names.s ? strtok_r(names.s, " ", &save) : NULL; t;
	     t = strtok_r(NULL, " ", &save))
		complain(s->a, "%s runs here too: what it drops stays dropped. "
			 "If that is an earlier name of \"%s\": nft delete "
			 "table inet %s; rm -r %s/%s", t, s->firewall, t,
			 state_base(s->a), t + 3);
	buf_free(&names);
	buf_free(&ignore);
}

static int busy(struct site *s, const char *status)
{
	struct buf state = { 0 };
	unsigned left;

	site_state_words(s, &state);
	if (status && sscanf(status, "left %u", &left) == 1)
		complain(s->a, "an apply for \"%s\" waits to be confirmed, "
			 "for %u s more: portplan confirm%s", s->firewall, left,
			 state.n ? state.s : "");
	else
		complain(s->a, "another apply for \"%s\" is under way",
			 s->firewall);
	buf_free(&state);
	return EXIT_BAD;
}

static int take_lock(struct site *s)
{
	struct buf status = { 0 };
	int held = guardian_lock(&s->state, &status, &s->err);
	int code = held < 0 ? site_trouble(s) :
		   held ? busy(s, status.s) : EXIT_OK;

	buf_free(&status);
	return code;
}

static void say_recovered(struct site *s, enum recovered r)
{
	if (r == RECOVERED_BACK)
		complain(s->a, "an earlier apply was broken off: what ran "
			 "before it runs");
	if (r == RECOVERED_FORWARD)
		complain(s->a, "an earlier apply was broken off when it was "
			 "decided: its rules run");
	if (r == RECOVERED_ASIDE || r == RECOVERED_FORWARD)
		site_trouble(s);
}

static int open_site(struct site *s, struct args *a, const char *firewall,
		     bool to_boot)
{
	enum recovered r;
	int code;

	*s = (struct site){ .a = a, .firewall = firewall,
			    .state = { .dir = -1, .lock = -1 },
			    .nft = { .fd = -1 }, .monitor = { .fd = -1 },
			    .foreign = "" };
	s->table = arena_printf(a->arena, "pp_%s", firewall);
	if (state_open(&s->state, a->arena, state_base(a), firewall, true,
		       &s->err) < 0)
		return site_trouble(s);
	code = take_lock(s);
	if (code != EXIT_OK)
		return code;
	if (nft_open(&s->nft, &s->err) < 0)
		return site_trouble(s);
	r = recover(&s->state, &s->nft, s->table, to_boot, &s->err);
	if (r == RECOVERED_NOT)
		return site_trouble(s);
	say_recovered(s, r);
	foreign_listen(s);
	if (generations_read(&s->nft, s->table, &s->g, &s->err) < 0)
		return site_trouble(s);
	return EXIT_OK;
}

int site_open(struct site *s, struct args *a, const char *firewall)
{
	return open_site(s, a, firewall, false);
}

int site_need(struct args *a, const char *firewall)
{
	const char **names;
	size_t n = site_names(a, NULL, &names);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(names[i], firewall))
			return EXIT_OK;
	return complain(a, "nothing of \"%s\" was ever applied or confirmed in "
			"\"%s\"%s", firewall, state_base(a),
			did_you_mean(a->arena, firewall, names, n));
}

int site_open_confirmed(struct site *s, struct args *a, const char *firewall,
			bool to_boot)
{
	int code = site_need(a, firewall);

	*s = (struct site){ .state = { .dir = -1, .lock = -1 },
			    .nft = { .fd = -1 }, .monitor = { .fd = -1 } };
	if (code == EXIT_OK)
		code = open_site(s, a, firewall, to_boot);
	if (code == EXIT_OK && !state_has(&s->state, BOOT_PLAN))
		code = complain(a, "nothing of \"%s\" was ever confirmed in "
				"\"%s\"", firewall, state_base(a));
	return code;
}

void site_close(struct site *s)
{
	monitor_close(&s->monitor);
	nft_close(&s->nft);
	state_close(&s->state);
	buf_free(&s->err);
}

struct model *site_confirmed(struct site *s)
{
	struct model *m = model_new(s->a->arena, s->table);
	struct plan_reader r;
	bool whole;

	if (plan_file_open(&r, s->a->arena, s->state.dir, BOOT_PLAN,
			   &s->err) < 0)
		return NULL;
	whole = plan_file_units(&r, model_unit, m, &s->err) == 0;
	plan_file_close(&r);
	return whole ? m : NULL;
}

enum batch_result site_load_confirmed(struct site *s)
{
	enum batch_result r;
	int slot;

	foreign_deaf(s);
	r = load_plan_file(&s->state, BOOT_PLAN, &s->nft, s->table, &s->g,
			   &slot, &s->err);
	if (r == BATCH_DONE)
		r = switch_to(&s->nft, s->table, &s->g, slot, true,
			      &s->g.generation, &s->err);
	if (r == BATCH_DONE)
		known_write(&s->state, &s->nft, s->table, slot,
			    s->g.generation);
	return r;
}

static int by_name(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

size_t site_names(struct args *a, const char *with, const char ***out)
{
	const char *base = state_base(a);
	VEC(const char *) v = { 0 };
	struct buf ignore = { 0 };
	DIR *d = opendir(base);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		struct state_dir s;

		if (e->d_name[0] == '.' ||
		    state_open(&s, a->arena, base, e->d_name, false,
			       &ignore) < 0)
			continue;
		if (!with || state_has(&s, with))
			vec_push(a->arena, &v,
				 arena_strdup(a->arena, e->d_name));
		state_close(&s);
	}
	if (d)
		closedir(d);
	buf_free(&ignore);
	if (v.n)
		qsort(v.v, v.n, sizeof(*v.v), by_name);
	*out = v.v;
	return v.n;
}
