#include "cli/apply.h"

/* portplan restore: what was confirmed last, whoever changed it since. */

enum { MOST_SHOWN = 20 };

static struct model *present(struct site *s)
{
	int running = generations_running(&s->g);

	return running < 0 ? model_new(s->a->arena, s->table) :
		model_read(s->a->arena, &s->nft, s->table, running, true,
			   &s->err);
}

/* True: something is not as confirmed. */
static bool show(struct site *s, const struct model_differences *d)
{
	struct buf b = { 0 };

	if (s->g.running > 1)
		buf_printf(&b, "%s: %u generations run at once\n", s->firewall,
			   s->g.running);
	for (size_t i = 0; i < d->v.n; i++) {
		buf_printf(&b, "%s: ", s->firewall);
		model_difference_text(&d->v.v[i], &b);
		buf_putc(&b, '\n');
	}
	if (d->more)
		buf_printf(&b, "%s: and %zu more\n", s->firewall, d->more);
	if (b.n)
		put_out(s->a, &b);
	buf_free(&b);
	return d->v.n || s->g.running > 1;
}

static int load_again(struct site *s)
{
	enum batch_result r = site_load_confirmed(s);

	if (r == BATCH_DONE) {
		printf("%s: as confirmed last\n", s->firewall);
		return EXIT_OK;
	}
	return apply_result_code(s, r == BATCH_STALE ? APPLY_FOREIGN :
						       APPLY_FAILED);
}

static int restore_one(struct args *a, const char *name)
{
	struct model_differences d;
	struct model *have, *want;
	struct site s;
	int code = site_open_confirmed(&s, a, name, false);

	if (code == EXIT_OK) {
		want = site_confirmed(&s);
		have = want ? present(&s) : NULL;
		if (!have) {
			code = site_trouble(&s);
		} else {
			model_compare(a->arena, have, want, MOST_SHOWN, &d);
			if (!show(&s, &d) && !have->bad)
				printf("%s: it is as confirmed last\n", name);
			else if ((code = apply_ask(a, "restore?")) == EXIT_OK)
				code = load_again(&s);
		}
	}
	site_close(&s);
	return code;
}

static int cmd_restore(struct args *a)
{
	const char *only = arg_value(a, "firewall", NULL);
	const char **names;
	size_t n = only ? 1 : site_names(a, BOOT_PLAN, &names);
	int code = EXIT_OK;

	if (only)
		names = &only;
	if (!n)
		return complain(a, "nothing in \"%s\" was ever confirmed",
				state_base(a));
	for (size_t i = 0; i < n && code == EXIT_OK; i++)
		code = restore_one(a, names[i]);
	return code;
}

static const struct option_def restore_options[] = {
	{ 'f', "firewall", "NAME", "of this firewall only" },
	{ 'y', "yes", NULL, "do not ask" },
	STATE_OPTION,
};

const struct command command_restore = {
	.name = "restore",
	.run = cmd_restore,
	.usage = "[--firewall NAME]",
	.summary = "bring back the rules that were confirmed last",
	.description =
	  "Says what is not as it was confirmed - table, chains, sets, "
	  "elements, rules - asks, and loads the confirmed rules again, in "
	  "one switch. Tables of others are left alone.\n"
	  "Exit code 0 it is as confirmed (now), 2 nothing was changed.",
	OPTIONS(restore_options),
	.examples = "  portplan restore --firewall inner\n",
	.min_args = 0,
	.max_args = 0,
	.no_topology = true,
};
