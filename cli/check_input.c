#include "cli/check_input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A million elements with counters and comments, as JSON, and more. */
enum { MOST_RULES = 512 << 20 };

/* Into memory, since it is read by nft too, and again for each repair. The
 * descriptor stays open for nft, which is handed its name. NULL: errno. */
static const char *copied(struct args *a, int from)
{
	int fd = memfd_create("rules", 0);
	char chunk[16384];
	ssize_t n = -1;
	size_t all = 0;

	while (fd >= 0 && (n = read(from, chunk, sizeof(chunk))) > 0) {
		all += (size_t)n;
		if (all > MOST_RULES)
			errno = EFBIG;
		if (all > MOST_RULES || write(fd, chunk, (size_t)n) != n)
			break;
	}
	return n == 0 ? arena_printf(a->arena, "/proc/self/fd/%d", fd) : NULL;
}

/* NULL: errno. */
static const char *readable(struct args *a, const char *name, int fd)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return copied(a, fd);
	errno = S_ISDIR(st.st_mode) ? EISDIR : EFBIG;
	if (S_ISDIR(st.st_mode) || st.st_size > MOST_RULES)
		return NULL;
	return strcmp(name, "-") ? name : copied(a, fd);
}

static void cannot_read(const struct args *a, const char *name)
{
	if (errno == EISDIR)
		complain(a, "\"%s\" is a directory: name its files, "
			 "\"%s/*.nft\"", name, name);
	else
		complain(a, "cannot read \"%s\": %s", name, errno == EFBIG ?
			 "it is larger than 512 MiB: no ruleset is" :
			 strerror(errno));
}

bool rules_file_open(struct args *a, const char *name, struct rules_file *out)
{
	bool in = !strcmp(name, "-");
	int fd = in ? dup(STDIN_FILENO) : open(name, O_RDONLY | O_CLOEXEC);

	arena_add_file(a->arena, name);
	*out = (struct rules_file){ .said = in ? "<stdin>" : name };
	out->path = readable(a, name, fd);
	if (!out->path)
		cannot_read(a, out->said);
	if (fd >= 0)
		close(fd);
	return out->path;
}

bool rules_file_holds(const struct rules_file *f, const char *text)
{
	struct buf have = { 0 };
	bool same = file_text(f->path, &have) && have.n == strlen(text) &&
		    !memcmp(have.s, text, have.n);

	buf_free(&have);
	return same;
}

/* ---- whose it is ----------------------------------------------------------------- */

static const char *base_name(struct args *a, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *s = slash ? slash + 1 : path;

	return arena_strndup(a->arena, s, strcspn(s, "."));
}

static const char *list_of(struct args *a, const char *const *v, size_t n)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < n && i < 12; i++)
		buf_printf(&b, "%s%s", i ? ", " : "", v[i]);
	if (n > 12)
		buf_printf(&b, " and %zu more", n - 12);
	return buf_take(a->arena, &b);
}

const struct firewall *rules_file_firewall(struct args *a,
					   const struct topology *t,
					   const struct rules_file *f)
{
	const char *name = arg_value(a, "firewall", NULL);
	VEC(const char *) names = { 0 };

	if (!name && t->firewalls.n == 1)
		name = t->firewalls.v[0]->name;
	if (!name && topology_firewall(t, base_name(a, f->said)))
		name = base_name(a, f->said);
	if (name)
		return need_managed(a, t, name);
	for (size_t i = 0; i < t->firewalls.n; i++)
		vec_push(a->arena, &names, t->firewalls.v[i]->name);
	complain(a, "which firewall is \"%s\" of? A file is the firewall's of "
		 "its base name (%s), or say --firewall NAME%s", f->said,
		 list_of(a, names.v, names.n),
		 did_you_mean(a->arena, base_name(a, f->said), names.v,
			      names.n));
	return NULL;
}

/* ---- loading it ------------------------------------------------------------------ */

static void name_places(struct kruleset *rs, const struct rules_file *f)
{
	for (size_t i = 0; i < rs->rule.n; i++)
		if (rs->rule.v[i]->file &&
		    !strcmp(rs->rule.v[i]->file, f->path))
			rs->rule.v[i]->file = f->said;
}

/* The message, under the name that the file was given by. */
static void put_message(const struct buf *err, const struct rules_file *f)
{
	size_t n = strlen(f->path);
	const char *s = err->n ? err->s : "", *hit;

	for (; n && strcmp(f->path, f->said) && (hit = strstr(s, f->path));
	     s = hit + n)
		fprintf(stderr, "%.*s%s", (int)(hit - s), s, f->said);
	fputs(s, stderr);
}

/* Listings of what the kernel has, and nft does not load again. */
static const struct { const char *said, *why, *way_out; } unread[] = {
	{ "xtables compat", "holds rules of iptables-nft, which no file can "
	  "carry", "Judge it with check --live on the firewall" },
	/* JSON that nft lists and refuses, and that is no map it takes as text */
	{ "Parsing command array", "holds what nft does not load again from "
	  "JSON", "Save it as text: nft list ruleset" },
};

static int trouble(struct args *a, struct rules_file *f, struct buf *err)
{
	const char *s = err->n ? err->s : "";

	put_message(err, f);
	for (size_t i = 0; i < COUNT_OF(unread); i++) {
		if (!strstr(s, unread[i].said))
			continue;
		f->unread = unread[i].why;
		complain(a, "\"%s\" %s: nothing is said of it. %s", f->said,
			 unread[i].why, unread[i].way_out);
		return EXIT_UNDECIDED;
	}
	if (strstr(s, "cannot run nft"))
		return complain(a, "\"%s\" was not loaded: install nftables; "
				"without it check judges a file as gen writes "
				"it, and no other", f->said);
	if (strstr(s, "cannot make a private"))
		return complain(a, "\"%s\" was not loaded: user namespaces "
				"must be allowed; where they are not, check "
				"judges a file as gen writes it, or --live on "
				"the firewall", f->said);
	return complain(a, "\"%s\" was not loaded", f->said);
}

struct kruleset *rules_file_load(struct args *a, struct rules_file *f,
				 const char *const *iface, size_t n, int *code)
{
	struct buf err = { 0 };
	struct kruleset *rs = check_load_file(a->arena, f->path, iface, n,
					      &err);

	if (rs)
		name_places(rs, f);
	if (code)
		*code = rs ? EXIT_OK : trouble(a, f, &err);
	buf_free(&err);
	return rs;
}
