#include "apply/planfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "apply/stream.h"
#include "base/hash.h"
#include "base/mem.h"

enum {
	WRITE_AT = 1 << 16, /* bytes gathered before a write */
	READ_AT = 1 << 16,
	MOST_HEAD = 4096, MOST_SUMMARY = 1 << 20,
};

static const char magic[] = "portplan plan 1";
static const uint32_t order_mark = 0x01020304;

/* ---- writing ------------------------------------------------------------------------ */

static void flush(struct plan_writer *w)
{
	size_t at = 0;

	while (at < w->pending.n && !w->error) {
		ssize_t n = write(w->fd, w->pending.s + at, w->pending.n - at);

		if (n < 0 && errno != EINTR)
			w->error = errno;
		if (n > 0)
			at += (size_t)n;
	}
	w->pending.n = 0;
}

static void put(struct plan_writer *w, const void *p, size_t n)
{
	w->hash = hash_bytes(w->hash, p, n);
	buf_put(&w->pending, p, n);
	if (w->pending.n >= WRITE_AT)
		flush(w);
}

static void put_head(struct plan_writer *w, const struct plan_head *h)
{
	struct buf b = { 0 };

	buf_printf(&b, "%s\nfirewall %s\ntable %s\nmade %s\nrules %016llx\n"
		   "elements %llu\n", magic, h->firewall, h->table, h->made,
		   (unsigned long long)h->rules,
		   (unsigned long long)h->elements);
	if (h->based)
		buf_printf(&b, "generation %u\ncontent %016llx\nboot-id %s\n",
			   h->generation, (unsigned long long)h->content,
			   h->boot_id);
	buf_printf(&b, "summary %zu\n\n%s", strlen(h->summary), h->summary);
	put(w, b.s, b.n);
	put(w, &order_mark, sizeof(order_mark));
	buf_free(&b);
}

int plan_file_create(struct plan_writer *w, int dir, const char *name,
		     const struct plan_head *h, struct buf *err)
{
	*w = (struct plan_writer){ .dir = dir, .name = name,
				   .hash = HASH_INIT };
	w->fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC |
		       O_NOFOLLOW, 0600);
	if (w->fd < 0) {
		buf_printf(err, "cannot write \"%s\": %s\n", name,
			   strerror(errno));
		return -1;
	}
	put_head(w, h);
	return 0;
}

int plan_file_unit(void *writer, const char *unit, size_t n)
{
	struct plan_writer *w = writer;
	uint32_t len = (uint32_t)n;

	put(w, &len, sizeof(len));
	put(w, unit, n);
	return w->error ? -1 : 0;
}

int plan_file_finish(struct plan_writer *w, bool complete, struct buf *err)
{
	static const uint32_t end;
	uint64_t hash;

	put(w, &end, sizeof(end));
	hash = hash_mix(w->hash);
	put(w, &hash, sizeof(hash));
	flush(w);
	if (!w->error && fsync(w->fd) < 0 && errno != EINVAL)
		w->error = errno;
	if (close(w->fd) < 0 && !w->error)
		w->error = errno;
	buf_free(&w->pending);
	if (w->error)
		buf_printf(err, "cannot write \"%s\": %s\n", w->name,
			   strerror(w->error));
	if (w->error || !complete)
		unlinkat(w->dir, w->name, 0);
	return w->error || !complete ? -1 : 0;
}

/* ---- reading ------------------------------------------------------------------------ */

static bool get(struct plan_reader *r, void *out, size_t want)
{
	char *p = out;

	while (want) {
		size_t n = r->n - r->at < want ? r->n - r->at : want;
		ssize_t got;

		memcpy(p, r->in + r->at, n);
		r->hash = hash_bytes(r->hash, p, n);
		r->at += n;
		p += n;
		want -= n;
		if (!want)
			break;
		got = read(r->fd, r->in, READ_AT);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		r->at = 0;
		r->n = (size_t)got;
	}
	return true;
}

static bool get_line(struct plan_reader *r, char *out, size_t room)
{
	for (size_t i = 0; i + 1 < room; i++) {
		if (!get(r, out + i, 1))
			return false;
		if (out[i] == '\n') {
			out[i] = '\0';
			return true;
		}
	}
	return false;
}

static bool hex(const char *s, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(s, &end, 16);
	return strlen(s) == 16 && !*end && !errno;
}

static bool decimal(const char *s, uint64_t most, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(s, &end, 10);
	return *s >= '0' && *s <= '9' && !*end && !errno && *out <= most;
}

static bool head_line(struct plan_head *h, struct arena *a, const char *line,
		      uint64_t *summary)
{
	static const char *const keys[] = {
		"firewall ", "table ", "made ", "rules ", "elements ",
		"generation ", "content ", "boot-id ", "summary ",
	};
	uint64_t v;
	unsigned k = 0;
	const char *s;

	while (k < 9 && strncmp(line, keys[k], strlen(keys[k])))
		k++;
	if (k == 9)
		return false;
	s = arena_strdup(a, line + strlen(keys[k]));
	switch (k) {
	case 0: h->firewall = s; return true;
	case 1: h->table = s; return !strncmp(s, "pp_", 3) && strlen(s) < 256;
	case 2: h->made = s; return true;
	case 3: return hex(s, &h->rules);
	case 4: return decimal(s, UINT64_MAX, &h->elements);
	case 5:
		h->based = decimal(s, UINT32_MAX, &v);
		h->generation = (uint32_t)v;
		return h->based;
	case 6: return hex(s, &h->content);
	case 7: h->boot_id = s; return true;
	default: return decimal(s, MOST_SUMMARY, summary);
	}
}

static bool read_head(struct plan_reader *r, struct arena *a)
{
	char line[MOST_HEAD];
	uint64_t summary = 0;
	uint32_t mark = 0;
	char *text;

	if (!get_line(r, line, sizeof(line)) || strcmp(line, magic))
		return false;
	for (;;) {
		if (!get_line(r, line, sizeof(line)))
			return false;
		if (!*line)
			break;
		if (!head_line(&r->head, a, line, &summary))
			return false;
	}
	text = arena_alloc(a, summary + 1);
	r->head.summary = text;
	if (!get(r, text, summary) || !get(r, &mark, sizeof(mark)))
		return false;
	r->swapped = mark == __builtin_bswap32(order_mark);
	return mark == order_mark && r->head.table && r->head.firewall &&
	       r->head.made && (!r->head.based || r->head.boot_id);
}

int plan_file_open(struct plan_reader *r, struct arena *a, int dir,
		   const char *name, struct buf *err)
{
	*r = (struct plan_reader){ .name = name, .hash = HASH_INIT };
	r->fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0) {
		buf_printf(err, "cannot read \"%s\": %s\n", name,
			   strerror(errno));
		return -1;
	}
	r->in = mem_alloc(READ_AT);
	if (read_head(r, a))
		return 0;
	buf_printf(err, r->swapped ? "\"%s\" is a plan file in another "
		   "machine's byte order\n" : "\"%s\" is no plan file: apply "
		   "writes them, with --save or for itself\n", name);
	plan_file_close(r);
	return -1;
}

void plan_file_close(struct plan_reader *r)
{
	if (r->fd >= 0)
		close(r->fd);
	free(r->in);
	r->fd = -1;
	r->in = NULL;
}

static bool makes_table(const struct plan_reader *r, const struct nlmsghdr *h)
{
	static const bool legal[NFT_MSG_MAX] = {
		[NFT_MSG_NEWTABLE] = true, [NFT_MSG_NEWCHAIN] = true,
		[NFT_MSG_NEWSET] = true, [NFT_MSG_NEWSETELEM] = true,
		[NFT_MSG_NEWRULE] = true, [NFT_MSG_NEWOBJ] = true,
	};
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	const struct nlattr *a;
	uint32_t rest = h->nlmsg_len - MNL_NLMSG_HDRLEN - sizeof(*g);

	if (h->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(*g) + MNL_ATTR_HDRLEN ||
	    h->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES ||
	    (h->nlmsg_type & 0xff) >= NFT_MSG_MAX ||
	    !legal[h->nlmsg_type & 0xff] || g->nfgen_family != NFPROTO_INET)
		return false;
	a = mnl_nlmsg_get_payload_offset(h, sizeof(*g));
	/* of all these messages the first attribute is the table */
	return mnl_attr_ok(a, (int)rest) &&
	       mnl_attr_get_type(a) == NFTA_TABLE_NAME &&
	       mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0 &&
	       !strcmp(mnl_attr_get_str(a), r->head.table);
}

static bool legal_unit(const struct plan_reader *r, const char *unit, size_t n)
{
	const struct nlmsghdr *h = (const void *)unit;
	int left = (int)n;

	for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left))
		if (!makes_table(r, h))
			return false;
	return left == 0;
}

int plan_file_units(struct plan_reader *r,
		    int (*take)(void *ctx, const char *unit, size_t n),
		    void *ctx, struct buf *err)
{
	char *unit = mem_alloc(STREAM_UNIT);
	uint64_t hash, want = 0;
	int result = -1;
	uint32_t len;

	while (get(r, &len, sizeof(len)) && len <= STREAM_UNIT) {
		if (!len) {
			hash = hash_mix(r->hash);
			if (get(r, &want, sizeof(want)) && want == hash &&
			    !get(r, &len, 1))
				result = 0;
			break;
		}
		if (!get(r, unit, len) || !legal_unit(r, unit, len))
			break;
		if (take(ctx, unit, len) != 0) {
			free(unit);
			return -1;
		}
	}
	free(unit);
	if (result)
		buf_printf(err, "\"%s\" is damaged: its end is missing, more "
			   "was put behind it, or its bytes were changed\n",
			   r->name);
	return result;
}

int plan_file_hash(int dir, const char *name, uint64_t *hash)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	bool got = fd >= 0 && fstat(fd, &st) == 0 &&
		   st.st_size > (off_t)sizeof(*hash) &&
		   pread(fd, hash, sizeof(*hash),
			 st.st_size - (off_t)sizeof(*hash)) == sizeof(*hash);

	if (fd >= 0)
		close(fd);
	return got ? 0 : -1;
}
