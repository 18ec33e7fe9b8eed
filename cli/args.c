#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/plain.h"
#include "cli/cli.h"

const char *did_you_mean(struct arena *a, const char *s,
			 const char *const *names, size_t n)
{
	const char *near = nearest_name(s, names, n);

	return near ? arena_printf(a, "; did you mean \"%s\"?", near) : "";
}

int complain(const struct args *a, const char *fmt, ...)
{
	struct buf b = { 0 }, plain = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	if (b.n && b.s[b.n - 1] == '\n')
		b.n--;
	buf_plain(&plain, b.s ? b.s : "", b.n, 0);
	fprintf(stderr, "portplan %s: %s\n", a->cmd->name,
		plain.s ? plain.s : "");
	buf_free(&b);
	buf_free(&plain);
	return EXIT_BAD;
}

const char *arg_value(const struct args *a, const char *name,
		      const char *fallback)
{
	for (size_t i = a->given.n; i-- > 0;)
		if (!strcmp(a->given.v[i].def->name, name))
			return a->given.v[i].value;
	return fallback;
}

uint64_t arg_number(const struct args *a, const char *name, uint64_t min,
		    uint64_t max, uint64_t fallback, struct diags *d)
{
	const char *s = arg_value(a, name, NULL);
	unsigned long long v;
	char *end;

	if (!s)
		return fallback;
	errno = 0;
	v = strtoull(s, &end, 10);
	if (*s >= '0' && *s <= '9' && !*end && !errno && v >= min && v <= max)
		return v;
	diag_add(d, SEV_ERROR, (struct span){ 0 },
		 "--%s \"%s\": a number from %llu to %llu", name, s,
		 (unsigned long long)min, (unsigned long long)max);
	return fallback;
}

bool arg_given(const struct args *a, const char *name)
{
	for (size_t i = 0; i < a->given.n; i++)
		if (!strcmp(a->given.v[i].def->name, name))
			return true;
	return false;
}

/* letter: getopt's; of several behind one dash, word is not yet the one that
 * it stopped at. */
static void wrong_option(const struct args *a, const char *word, int letter)
{
	const char *names[MAX_OPTIONS + 1];
	size_t n = 0, len = strcspn(word, "=");
	char name[80];

	for (size_t i = 0; i < a->cmd->n_options; i++)
		names[n++] = a->cmd->options[i].name;
	names[n++] = "help";
	snprintf(name, sizeof(name), "%.*s", (int)(len > 70 ? 70 : len), word);
	if (letter >= 256 || (letter == 'h' && !strncmp(name, "--", 2)))
		complain(a, "option \"%s\" takes no value", name);
	else if (letter)
		complain(a, "unknown option \"-%c\"", letter);
	else if (nearest_name(name + 2, names, n))
		complain(a, "unknown option \"%s\"; did you mean \"--%s\"?",
			 name, nearest_name(name + 2, names, n));
	else
		complain(a, "unknown option \"%s\"", name);
}

static bool operands_ok(const struct args *a)
{
	const struct command *c = a->cmd;

	if (a->operands.n >= c->min_args && a->operands.n <= c->max_args)
		return true;
	if (a->operands.n < c->min_args)
		complain(a, "too few arguments");
	else
		complain(a, "too many arguments, from \"%s\" on",
			 a->operands.v[c->max_args]);
	fprintf(stderr, "usage: portplan %s %s\n", c->name, c->usage);
	return false;
}

/* Of two values only one could hold. */
static bool take(struct args *a, const struct option_def *def,
		 const char *value)
{
	if (def->arg && !(def->letter & OPTION_AGAIN) &&
	    arg_given(a, def->name)) {
		complain(a, "--%s is given twice", def->name);
		return false;
	}
	vec_push(a->arena, &a->given, (struct given){ def, value });
	return true;
}

/* getopt's tables, made from ours. */
static void make_tables(const struct command *c, struct option *longs,
			char *shorts)
{
	size_t n = 0;

	*shorts++ = ':';
	for (size_t i = 0; i < c->n_options; i++) {
		const struct option_def *o = &c->options[i];

		longs[n++] = (struct option){ o->name, o->arg ? 1 : 0, NULL,
					      256 + (int)i };
		if (!option_letter(o))
			continue;
		*shorts++ = option_letter(o);
		if (o->arg)
			*shorts++ = ':';
	}
	longs[n++] = (struct option){ "help", 0, NULL, 'h' };
	longs[n] = (struct option){ 0 };
	*shorts++ = 'h';
	*shorts = '\0';
}

static const struct option_def *by_letter(const struct command *c, int letter)
{
	for (size_t i = 0; i < c->n_options; i++)
		if (option_letter(&c->options[i]) == letter)
			return &c->options[i];
	return NULL;
}

bool args_parse(struct args *a, int argc, char **argv, int *code)
{
	struct option longs[MAX_OPTIONS + 2];
	char shorts[2 * MAX_OPTIONS + 4];
	int end = argc, opt;

	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--")) {
			end = i;
			break;
		}
	make_tables(a->cmd, longs, shorts);
	opterr = 0;
	while ((opt = getopt_long(end, argv, shorts, longs, NULL)) != -1) {
		const struct option_def *def;

		if (opt == 'h') {
			struct buf b = { 0 };

			command_help(a->cmd, &b);
			*code = put_out(a, &b);
			buf_free(&b);
			return false;
		}
		*code = EXIT_BAD;
		if (opt == ':') {
			complain(a, "option \"%s\" needs a value",
				 argv[optind - 1]);
			return false;
		}
		if (opt == '?') {
			wrong_option(a, argv[optind - 1], optopt);
			return false;
		}
		def = opt >= 256 ? &a->cmd->options[opt - 256] :
				   by_letter(a->cmd, opt);
		if (!take(a, def, def->arg ? optarg : NULL))
			return false;
	}
	for (int i = optind; i < end; i++)
		vec_push(a->arena, &a->operands, argv[i]);
	for (int i = end + 1; i < argc; i++)
		if (a->cmd->takes_rest)
			vec_push(a->arena, &a->rest, argv[i]);
		else
			vec_push(a->arena, &a->operands, argv[i]);
	*code = EXIT_BAD;
	return operands_ok(a) && outputs_differ(a) == EXIT_OK;
}

bool reader_gone(void)
{
	struct pollfd p = { .fd = STDOUT_FILENO };

	return poll(&p, 1, 0) > 0 && p.revents & (POLLERR | POLLHUP);
}

int put_out(const struct args *a, const struct buf *b)
{
	if (fwrite(b->s ? b->s : "", 1, b->n, stdout) != b->n ||
	    fflush(stdout) != 0)
		return errno == EPIPE ? EXIT_OK :
			complain(a, "standard output: %s", strerror(errno));
	return EXIT_OK;
}
