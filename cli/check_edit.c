#include <string.h>

#include "cli/cmd_check.h"

/* The topology with a few words put in or taken out, in memory. */

/* Behind the tag that the place is in; its quotes may hold a '>'. */
static size_t tag_end(const struct source *src, size_t at)
{
	char quote = '\0';

	while (at > 0 && src->text[at] != '<')
		at--;
	for (; at < src->len; at++) {
		char c = src->text[at];

		if (quote)
			quote = c == quote ? '\0' : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (c == '>')
			return at + 1;
	}
	return src->len;
}

static void put_without(struct buf *b, const struct source *src,
			const struct vf_edit *e, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		bool cut = false;

		for (size_t k = 0; k < e->n_cut; k++)
			cut |= e->cut[k].src == src && i >= e->cut[k].off &&
			       i < tag_end(src, e->cut[k].off);
		buf_putc(b, cut && src->text[i] != '\n' ? ' ' : src->text[i]);
	}
}

/* Before the end tag of the topology, or behind a start tag. */
static bool find_place(const struct source *src, const struct vf_edit *e,
		       size_t *at)
{
	static const char end[] = "</topology";

	if (e->inside) {
		*at = tag_end(src, e->inside->off);
		return e->inside->src == src && *at >= 2 &&
		       src->text[*at - 1] == '>' && src->text[*at - 2] != '/';
	}
	for (size_t i = src->len; i-- > 0;)
		if (i + sizeof(end) - 1 <= src->len &&
		    !memcmp(src->text + i, end, sizeof(end) - 1)) {
			*at = i;
			return true;
		}
	return false;
}

static const char *first_error(const struct diags *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].sev == SEV_ERROR)
			return d->v[i].msg;
	return "the topology would not be valid";
}

bool check_edited(struct args *a, const struct loaded *l,
		  const struct vf_edit *e, struct loaded *out,
		  const char **why)
{
	const struct source *src = l->topo->at.src;
	struct buf b = { 0 };
	size_t at = src->len;
	const char *text;
	bool good;

	if (e->add && !find_place(src, e, &at)) {
		*why = "there is no place for it in the file";
		return false;
	}
	put_without(&b, src, e, 0, at);
	if (e->add)
		buf_puts(&b, e->add);
	put_without(&b, src, e, at, src->len);
	text = arena_strndup(a->arena, b.s ? b.s : "", b.n);
	good = load_edited(a, l, text, b.n, out);
	buf_free(&b);
	if (!good)
		*why = first_error(&out->diags);
	return good;
}

struct editor {
	struct args *a;
	const struct loaded *l;
};

static const struct plan *edited_plan(void *ctx, const struct vf_edit *e,
				      const char **why)
{
	const struct editor *x = ctx;
	struct loaded out;

	return check_edited(x->a, x->l, e, &out, why) ? out.plan : NULL;
}

const struct vf_replan *check_replan(struct args *a, const struct loaded *l)
{
	struct vf_replan *r = ARENA_NEW(a->arena, struct vf_replan);
	struct editor *x = ARENA_NEW(a->arena, struct editor);

	*x = (struct editor){ a, l };
	*r = (struct vf_replan){ edited_plan, x, l->topo->at.src };
	return r;
}
