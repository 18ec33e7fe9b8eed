#include "apply/batch.h"

#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "apply/attrs.h"
#include "apply/stream.h"

/*
 * Which object a message is about, in words, from the message itself: so it
 * can be said of rules from a file as well.
 */
static void put_udata_comment(const struct nlattr *a, struct buf *out)
{
	size_t n;
	const char *text = attr_comment(a, &n);

	if (!text || !n)
		return;
	buf_puts(out, " \"");
	buf_put(out, text, n);
	buf_putc(out, '"');
}

/* Address or number by the length of the words: as far as bytes tell. */
static void put_key(const struct nlattr *key, struct buf *out)
{
	const struct nlattr *value = mnl_attr_get_payload(key);
	const uint8_t *p = mnl_attr_get_payload(value);
	uint32_t n;

	if (!mnl_attr_ok(value, (int)mnl_attr_get_payload_len(key)))
		return;
	n = mnl_attr_get_payload_len(value);
	for (uint32_t i = 0; i < n; i += 4) {
		uint32_t len = n - i < 4 ? n - i : 4;

		buf_puts(out, i ? " . " : " ");
		if (len == 4 && p[i] && p[i + 3])
			buf_printf(out, "%u.%u.%u.%u", p[i], p[i + 1],
				   p[i + 2], p[i + 3]);
		else if (p[i] == 0 && len >= 2)
			buf_printf(out, "%u", p[i] << 8 | p[i + 1]);
		else if (len == 2 || (len == 4 && p[i + 1]))
			buf_printf(out, "%u", p[i] << 8 | p[i + 1]);
		else
			buf_printf(out, "%u", p[i]);
	}
}

/* The element that begins last before what the kernel points at. */
static void put_element(const struct nlmsghdr *h, const struct nlattr *list,
			uint32_t offset, struct buf *out)
{
	const struct nlattr *e, *found = NULL;
	struct attrs x;

	each_nested(e, list)
		if ((size_t)((const char *)e - (const char *)h) <= offset)
			found = e;
	if (!found || !offset)
		return;
	x = attrs_in(found);
	buf_puts(out, ", element");
	if (x.v[NFTA_SET_ELEM_KEY])
		put_key(x.v[NFTA_SET_ELEM_KEY], out);
	put_udata_comment(x.v[NFTA_SET_ELEM_USERDATA], out);
}

static void put_table(const struct nlmsghdr *h, const struct attrs *x,
		      uint32_t offset, struct buf *out)
{
	(void)h;
	(void)offset;
	buf_printf(out, "table %s", attr_text(x->v[NFTA_TABLE_NAME], "?"));
}

static void put_chain(const struct nlmsghdr *h, const struct attrs *x,
		      uint32_t offset, struct buf *out)
{
	(void)h;
	(void)offset;
	buf_printf(out, "chain %s", attr_text(x->v[NFTA_CHAIN_NAME], "?"));
}

static void put_set(const struct nlmsghdr *h, const struct attrs *x,
		    uint32_t offset, struct buf *out)
{
	(void)h;
	(void)offset;
	buf_printf(out, "set %s", attr_text(x->v[NFTA_SET_NAME], "?"));
}

static void put_elements(const struct nlmsghdr *h, const struct attrs *x,
			 uint32_t offset, struct buf *out)
{
	buf_printf(out, "set %s", attr_text(x->v[NFTA_SET_ELEM_LIST_SET], "?"));
	if (x->v[NFTA_SET_ELEM_LIST_ELEMENTS])
		put_element(h, x->v[NFTA_SET_ELEM_LIST_ELEMENTS], offset, out);
}

/* Names that a rule leads to or looks in: what is missing is among them. */
static void put_names(const struct nlattr *nest, unsigned depth,
		      struct buf *out)
{
	const struct nlattr *a;

	each_nested(a, nest) {
		const char *s = mnl_attr_get_payload(a);
		uint16_t n = mnl_attr_get_payload_len(a);

		if (n > 3 && !memcmp(s, "pp_", 3) && s[n - 1] == '\0')
			buf_printf(out, " %s", s);
		else if (n > MNL_ATTR_HDRLEN && depth < 6 &&
			 mnl_attr_ok((const struct nlattr *)(const void *)s,
				     n))
			put_names(a, depth + 1, out);
	}
}

static void put_rule(const struct nlmsghdr *h, const struct attrs *x,
		     uint32_t offset, struct buf *out)
{
	struct buf names = { 0 };

	(void)h;
	(void)offset;
	buf_printf(out, "chain %s, rule", attr_text(x->v[NFTA_RULE_CHAIN], "?"));
	put_udata_comment(x->v[NFTA_RULE_USERDATA], out);
	if (x->v[NFTA_RULE_EXPRESSIONS])
		put_names(x->v[NFTA_RULE_EXPRESSIONS], 0, &names);
	if (names.n)
		buf_printf(out, " (names%s)", names.s);
	buf_free(&names);
}

static const struct {
	void (*put)(const struct nlmsghdr *h, const struct attrs *x,
		    uint32_t offset, struct buf *out);
} kinds[NFT_MSG_MAX] = {
	[NFT_MSG_NEWTABLE] = { put_table },
	[NFT_MSG_DELTABLE] = { put_table },
	[NFT_MSG_NEWCHAIN] = { put_chain },
	[NFT_MSG_DELCHAIN] = { put_chain },
	[NFT_MSG_NEWRULE] = { put_rule },
	[NFT_MSG_DELRULE] = { put_rule },
	[NFT_MSG_NEWSET] = { put_set },
	[NFT_MSG_DELSET] = { put_set },
	[NFT_MSG_NEWSETELEM] = { put_elements },
	[NFT_MSG_DELSETELEM] = { put_elements },
};

void explain_object(const struct nlmsghdr *h, uint32_t offset,
		    struct buf *out)
{
	unsigned type = h->nlmsg_type & 0xff;
	struct attrs x = attrs_of(h, sizeof(struct nfgenmsg));

	if (type < NFT_MSG_MAX && kinds[type].put)
		kinds[type].put(h, &x, offset, out);
	else
		buf_printf(out, "a message of kind %u", type);
}

const char *explain_errno(int error)
{
	static const struct {
		int error;
		const char *text;
	} known[] = {
		{ ENOENT, "names what is not there" },
		{ EEXIST, "is there already, or overlaps what is" },
		{ EMLINK, "leads in a loop, or too deep" },
		{ EPERM, "not allowed: this needs root (CAP_NET_ADMIN)" },
		{ EOPNOTSUPP, "this kernel does not know how to do that" },
		{ EMSGSIZE, "larger than the socket takes" },
		{ ENOMEM, "the kernel has no memory for it" },
		{ ENFILE, "the set is full" },
		{ EBUSY, "is in use" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].error == error)
			return known[i].text;
	return strerror(error);
}
