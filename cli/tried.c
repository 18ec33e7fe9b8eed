#include "cli/tried.h"

#include "cli/cmd_check.h"

static bool taken(struct args *a, const struct loaded *l,
		  const struct tried_line *v, size_t n, struct loaded *out,
		  const char **why)
{
	struct buf b = { 0 };
	bool good;

	for (size_t i = 0; i < n; i++)
		if (v[i].xml && !v[i].why)
			buf_printf(&b, "%s\n", v[i].xml);
	struct vf_edit e = { .add = b.s ? b.s : "" };

	good = check_edited(a, l, &e, out, why);
	buf_free(&b);
	return good;
}

/* true: none of them is refused. */
static bool refuse(struct args *a, const struct loaded *l,
		   struct tried_line *v, size_t n, struct loaded *out)
{
	const char *why = NULL;

	if (!n || taken(a, l, v, n, out, &why))
		return true;
	if (n == 1) {
		v->why = why;
		return false;
	}
	refuse(a, l, v, n / 2, out);
	refuse(a, l, v + n / 2, n - n / 2, out);
	return false;
}

bool tried_lines(struct args *a, const struct loaded *l, struct tried_line *v,
		 size_t n, struct loaded *out)
{
	const char *why;

	return (n && refuse(a, l, v, n, out)) || taken(a, l, v, n, out, &why);
}

/* "a--b" would end a comment, and no control character is legal. */
void comment_put(const char *text, struct buf *out)
{
	buf_puts(out, "  <!-- ");
	for (const char *s = text; *s; s++)
		buf_puts(out, *s == '-' && s[1] == '-' ? "- " :
			      (char[]){ (unsigned char)*s < 0x20 && *s != '\n' ?
						' ' : *s, '\0' });
	buf_puts(out, " -->\n");
}

void tried_put(const struct tried_line *v, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		struct buf b = { 0 };

		if (v[i].why) {
			buf_printf(&b, "the topology refuses it: %s\n%s",
				   v[i].why, v[i].xml);
			comment_put(b.s, out);
		} else {
			buf_printf(out, "%s\n", v[i].xml);
		}
		buf_free(&b);
	}
}
