#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/plain.h"
#include "cli/cli.h"
#include "topology/builtin.h"
#include "topology/format.h"

/*
 * The layouts are templates/new/NAME.xml.in: a topology in which {name} is
 * the network's name, {dmz} a prefix and {dmz+10} the tenth address in it.
 */
enum { MAX_ANSWER = 256, MAX_LAYOUTS = 16 };

static const char prefix_of[] = "new/", suffix_of[] = ".xml.in";

struct layout {
	const char *name, *text;
	const char *title; /* its first words: "Reverse proxy: a proxy in …" */
};

/* Prefixes that a layout may name: given ones, and parts of them. */
static const struct part {
	const char *name, *of; /* of NULL: given */
	unsigned bits, index;  /* the part: so many bits longer */
} parts[] = {
	{ "dmz", NULL, 0, 0 },
	{ "inside", NULL, 0, 0 },
	{ "admins", "inside", 4, 8 },
	{ "staff", "inside", 2, 3 },
	{ "north", "inside", 1, 0 },
	{ "south", "inside", 1, 1 },
	{ "north-admins", "north", 4, 8 },
};

enum { N_PARTS = COUNT_OF(parts), GIVEN = 2 };

struct plot {
	const struct layout *layout;
	const char *name, *path;
	uint32_t base[N_PARTS]; /* host byte order */
	unsigned len[N_PARTS];
	bool known[N_PARTS];
};

/* ---- the layouts ---------------------------------------------------------------------- */

static size_t find_layouts(struct args *a, struct layout *v)
{
	size_t n = 0;

	for (unsigned i = 0; i < n_builtin_files && n < MAX_LAYOUTS; i++) {
		const char *name = builtin_files[i].name;
		const char *text = builtin_files[i].text;
		const char *line = text + strcspn(text, "\n");

		if (strncmp(name, prefix_of, strlen(prefix_of)))
			continue;
		name += strlen(prefix_of);
		line += strspn(line, " \n");
		v[n++] = (struct layout){
			arena_strndup(a->arena, name, strlen(name) -
				      strlen(suffix_of)), text,
			arena_strndup(a->arena, line, strcspn(line, "\n")) };
	}
	return n;
}

static int pick_layout(struct args *a, const struct layout *v, size_t n,
		       const char *name, struct plot *p)
{
	const char *names[MAX_LAYOUTS];
	struct buf list = { 0 };

	for (size_t i = 0; i < n; i++) {
		names[i] = v[i].name;
		buf_printf(&list, "%s%s", i ? ", " : "", v[i].name);
		if (!strcmp(v[i].name, name))
			p->layout = &v[i];
	}
	if (!p->layout)
		complain(a, "there is no layout \"%s\"%s (legal: %s)", name,
			 did_you_mean(a->arena, name, names, n), list.s);
	buf_free(&list);
	return p->layout ? EXIT_OK : EXIT_BAD;
}

/* ---- prefixes ------------------------------------------------------------------------- */

/* NULL, or why it will not do. */
static const char *give_prefix(struct args *a, struct plot *p, size_t part,
			       const char *text)
{
	unsigned longest = part ? 24 : 27;
	struct prefix x;
	const char *why = prefix_parse(a->arena, text, strlen(text), true, &x);
	int len = why ? 0 : range_prefix_len(x.r);

	if (why)
		return strpbrk(text, " \t,") ? "is more than one prefix: begin "
			"with one, and add the others to the file" : why;
	if (!addr_is_v4(x.r.lo))
		return "is IPv6: begin with IPv4, and add it to the file";
	if (len < 8)
		return "is wider than /8";
	if ((unsigned)len > longest)
		return part ? "has no room: a /24 is the least" :
			      "has no room: a /27 is the least";
	p->base[part] = (uint32_t)x.r.lo.lo;
	p->len[part] = (unsigned)len;
	p->known[part] = true;
	return NULL;
}

static size_t part_by_name(const char *s, size_t n)
{
	for (size_t i = 0; i < N_PARTS; i++)
		if (strlen(parts[i].name) == n && !memcmp(parts[i].name, s, n))
			return i;
	return N_PARTS;
}

static void derive_parts(struct plot *p)
{
	for (size_t i = GIVEN; i < N_PARTS; i++) {
		size_t of = part_by_name(parts[i].of, strlen(parts[i].of));

		p->len[i] = p->len[of] + parts[i].bits;
		p->base[i] = p->base[of] + (parts[i].index <<
					    (32 - p->len[i]));
	}
}

static bool overlap(const struct plot *p)
{
	unsigned len = p->len[0] < p->len[1] ? p->len[0] : p->len[1];

	return p->base[0] >> (32 - len) == p->base[1] >> (32 - len);
}

/* ---- the text ------------------------------------------------------------------------- */

static void put_address(struct buf *out, uint32_t x)
{
	buf_printf(out, "%u.%u.%u.%u", x >> 24, x >> 16 & 255, x >> 8 & 255,
		   x & 255);
}

/* The inside of { }; names are checked, so they need no escaping. */
static void put_word(const struct plot *p, const char *s, size_t n,
		     struct buf *out)
{
	const char *plus = memchr(s, '+', n);
	size_t part = part_by_name(s, plus ? (size_t)(plus - s) : n);

	if (n == 4 && !memcmp(s, "name", 4)) {
		buf_puts(out, p->name);
		return;
	}
	if (part == N_PARTS)
		return;
	put_address(out, p->base[part] +
		    (plus ? (uint32_t)strtoul(plus + 1, NULL, 10) : 0));
	if (!plus)
		buf_printf(out, "/%u", p->len[part]);
}

static void fill_in(const struct plot *p, struct buf *out)
{
	for (const char *s = p->layout->text; *s;) {
		size_t n = strcspn(s, "{"), word;

		buf_put(out, s, n);
		s += n;
		if (!*s)
			break;
		word = strcspn(s, "}");
		put_word(p, s + 1, word - 1, out);
		s += word + (s[word] != '\0');
	}
}

/* Lines are broken by what stands in them, so only now. */
static int write_well(struct args *a, const struct plot *p, struct buf *out)
{
	struct buf raw = { 0 };
	struct diags d;
	bool done;

	diags_init(&d, a->arena);
	fill_in(p, &raw);
	done = format_source(a->arena, source_from_text(a->arena,
			p->layout->name, raw.s, raw.n, &d), &d, out);
	print_diags(&d);
	buf_free(&raw);
	return done ? EXIT_OK : EXIT_BAD;
}

static int write_new(struct args *a, const char *path, const struct buf *text)
{
	struct file_out f = { .path = path, .text = text, .fresh = true };
	int code = write_files(a, &f, 1);
	struct buf word = { 0 };

	if (code != EXIT_OK)
		return code;
	buf_shell(&word, path);
	fprintf(stderr, "%s written; next: portplan matrix %s\n", path, word.s);
	buf_free(&word);
	return EXIT_OK;
}

/* ---- questions ------------------------------------------------------------------------ */

/* An answer, or the default for an empty line; NULL at the end of input. */
static const char *ask(struct args *a, const char *question,
		       const char *fallback)
{
	char line[MAX_ANSWER];
	size_t n;

	fprintf(stderr, "%s [%s]: ", question, fallback);
	fflush(stderr);
	if (!fgets(line, sizeof(line), stdin)) {
		fputc('\n', stderr);
		return NULL;
	}
	n = strcspn(line, "\r\n");
	while (n && line[n - 1] == ' ')
		n--;
	return n ? arena_strndup(a->arena, line, n) : fallback;
}

static bool ask_layout(struct args *a, const struct layout *v, size_t n,
		       struct plot *p)
{
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "%2zu  %-14s %s\n", i + 1, v[i].name,
			v[i].title);
	while (!p->layout) {
		const char *s = ask(a, "Layout, by name or number",
				    "reverse-proxy");
		unsigned long k;

		if (!s)
			return false;
		k = strtoul(s, NULL, 10);
		if (k >= 1 && k <= n)
			p->layout = &v[k - 1];
		else
			pick_layout(a, v, n, s, p);
	}
	return true;
}

static const char *name_wrong(const char *s)
{
	if (!*s || strlen(s) > 64)
		return "has no or too many characters";
	return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "0123456789-_.") == strlen(s) ? NULL :
	       "has characters other than letters, digits, - _ .";
}

static bool ask_prefix(struct args *a, struct plot *p, size_t part,
		       const char *question, const char *fallback)
{
	while (!p->known[part]) {
		const char *s = ask(a, question, fallback), *why;

		if (!s)
			return false;
		why = give_prefix(a, p, part, s);
		if (why)
			complain(a, "\"%s\" %s", s, why);
	}
	return true;
}

static bool ask_all(struct args *a, const struct layout *v, size_t n,
		    struct plot *p)
{
	if (!p->layout && !ask_layout(a, v, n, p))
		return false;
	while (!p->name) {
		const char *s = ask(a, "Name of the network", p->layout->name);

		if (!s)
			return false;
		if (name_wrong(s))
			complain(a, "the name \"%s\" %s", s, name_wrong(s));
		else
			p->name = s;
	}
	if (!ask_prefix(a, p, 0, "Addresses of the DMZ", "192.0.2.0/24") ||
	    !ask_prefix(a, p, 1, "Addresses inside", "10.0.0.0/16"))
		return false;
	if (!p->path)
		p->path = ask(a, "File", "topology.xml");
	return p->path;
}

/* ---- the command ------------------------------------------------------------------------ */

static int take_options(struct args *a, const struct layout *v, size_t n,
			struct plot *p)
{
	static const char *const option[GIVEN] = { "dmz", "inside" };
	const char *name = arg_value(a, "layout", NULL), *why;

	if (name && pick_layout(a, v, n, name, p) != EXIT_OK)
		return EXIT_BAD;
	p->name = arg_value(a, "name", NULL);
	if (p->name && name_wrong(p->name))
		return complain(a, "the name \"%s\" %s", p->name,
				name_wrong(p->name));
	for (size_t i = 0; i < GIVEN; i++) {
		const char *s = arg_value(a, option[i], NULL);

		why = s ? give_prefix(a, p, i, s) : NULL;
		if (why)
			return complain(a, "--%s \"%s\" %s", option[i], s, why);
	}
	p->path = a->operands.n ? a->operands.v[0] : NULL;
	return EXIT_OK;
}

static int say_layouts(struct args *a, const struct layout *v, size_t n)
{
	complain(a, "say --layout; there are");
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "  %-14s %s\n", v[i].name, v[i].title);
	return EXIT_BAD;
}

static int cmd_new(struct args *a)
{
	struct layout v[MAX_LAYOUTS];
	size_t n = find_layouts(a, v);
	struct plot p = { .layout = NULL };
	struct buf text = { 0 };
	int code = take_options(a, v, n, &p);

	if (code != EXIT_OK)
		return code;
	if (!p.layout && !(isatty(STDIN_FILENO) && isatty(STDERR_FILENO)))
		return say_layouts(a, v, n);
	if (!p.layout && !ask_all(a, v, n, &p))
		return complain(a, "nothing was written");
	if (!p.name)
		p.name = p.layout->name;
	if (!p.known[0])
		give_prefix(a, &p, 0, "192.0.2.0/24");
	if (!p.known[1])
		give_prefix(a, &p, 1, "10.0.0.0/16");
	if (overlap(&p))
		return complain(a, "the DMZ and the inside overlap");
	derive_parts(&p);
	code = write_well(a, &p, &text);
	if (code == EXIT_OK)
		code = p.path && strcmp(p.path, "-") ?
			write_new(a, p.path, &text) : put_out(a, &text);
	buf_free(&text);
	return code;
}

static const struct option_def new_options[] = {
	{ 0, "layout", "NAME",
	  "reverse-proxy (recommended), traditional, ipsec, hygiene, provider, "
	  "two-sites or small" },
	{ 0, "name", "NAME", "name of the network (the layout's)" },
	{ 0, "dmz", "PREFIX", "addresses of the DMZ (192.0.2.0/24)" },
	{ 0, "inside", "PREFIX", "addresses inside (10.0.0.0/16)" },
};

const struct command command_new = {
	.name = "new",
	.run = cmd_new,
	.usage = "[FILE.xml] [--layout NAME]",
	.summary = "write a topology to start from",
	.description =
	  "Writes a commented topology that compiles as it stands. On a "
	  "terminal, without --layout, it asks. With a FILE it writes there, "
	  "never over another; without, to standard output.",
	OPTIONS(new_options),
	.examples = "  portplan new\n"
		    "  portplan new topology.xml --layout reverse-proxy "
		    "--inside 10.20.0.0/16\n",
	.max_args = 1,
	.no_topology = true,
};
