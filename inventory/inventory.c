#include <ctype.h>
#include <string.h>

#include "inventory/internal.h"

static const struct {
	const char *name;
	void (*read)(struct inventory *v, const struct source *src);
} formats[] = {
	[INV_CSV] = { "csv", inventory_csv },
	[INV_NETBOX] = { "netbox", inventory_netbox },
	[INV_NMAP] = { "nmap", inventory_nmap },
	[INV_ANSIBLE] = { "ansible", inventory_ansible },
};

bool inventory_format(const char *name, enum inv_format *out)
{
	for (int i = 0; i < INV_N_FORMATS; i++)
		if (!strcmp(formats[i].name, name)) {
			*out = (enum inv_format)i;
			return true;
		}
	return false;
}

const char *inventory_format_name(enum inv_format f)
{
	return formats[f].name;
}

void inventory_read(struct inventory *v, const struct source *src,
		    enum inv_format f)
{
	formats[f].read(v, src);
}

/* Ansible's list has a member "_meta" with the variables of the hosts. */
enum inv_format inventory_guess(const struct source *src)
{
	const char *p = src->text, *end = p + src->len;

	if (src->len >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
		p += 3;
	while (p < end && isspace((unsigned char)*p))
		p++;
	if (p == end)
		return INV_CSV;
	if (*p == '<')
		return INV_NMAP;
	if (*p == '[')
		return INV_NETBOX;
	if (*p != '{')
		return INV_CSV;
	return memmem(p, (size_t)(end - p), "\"_meta\"", 7) ? INV_ANSIBLE :
		INV_NETBOX;
}

struct inv_host *inv_add(struct inventory *v, const char *name, struct span at)
{
	struct inv_host *h = ARENA_NEW(v->arena, struct inv_host);

	h->name = name && *name ? name : NULL;
	h->at = at;
	vec_push(v->arena, &v->hosts, h);
	return h;
}

/* With host bits: "10.0.0.1/24" is how inventories write an interface. */
static bool one_address(struct inventory *v, const char *s, size_t n,
			struct inv_address *out)
{
	const char *slash = memchr(s, '/', n);
	size_t k = slash ? (size_t)(slash - s) : n;
	struct prefix p;
	unsigned len = 0, most;

	if (prefix_parse(v->arena, s, k, true, &p) || !range_single(p.r))
		return false;
	*out = (struct inv_address){ .addr = p.r.lo, .len = -1 };
	if (!slash)
		return true;
	most = p.v4 ? 32 : 128;
	if (k + 1 == n || n - k > 4)
		return false;
	for (size_t i = k + 1; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		len = 10 * len + (unsigned)(s[i] - '0');
	}
	out->len = (int)len;
	return len <= most;
}

void inv_addresses(struct inventory *v, struct inv_host *h, const char *s,
		   struct span at)
{
	while (*s) {
		size_t skip = strspn(s, " \t\r\n,;"), n;
		struct inv_address x;

		s += skip;
		n = strcspn(s, " \t\r\n,;");
		if (!n)
			return;
		if (one_address(v, s, n, &x)) {
			x.at = at;
			vec_push(v->arena, &h->address, x);
		} else {
			diag_add(v->d, SEV_ERROR, at, "\"%.*s\" is no address",
				 (int)(n > 60 ? 60 : n), s);
		}
		s += n;
	}
}

void inv_word(struct inventory *v, struct inv_host *h, const char *kind,
	      const char *value, struct span at)
{
	struct inv_word w = { kind, value, at, false };

	if (value && *value)
		vec_push(v->arena, &h->word, w);
}

void inv_role(struct inventory *v, struct inv_host *h, const char *value,
	      struct span at)
{
	struct inv_word w = { "role", value, at, true };

	if (*value)
		vec_push(v->arena, &h->word, w);
}
