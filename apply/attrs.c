#include "apply/attrs.h"

#include <arpa/inet.h>
#include <endian.h>

#include <libmnl/libmnl.h>
#include <libnftnl/udata.h>

static int keep(const struct nlattr *a, void *data)
{
	struct attrs *x = data;

	if (mnl_attr_get_type(a) < ATTRS)
		x->v[mnl_attr_get_type(a)] = a;
	return MNL_CB_OK;
}

struct attrs attrs_of(const struct nlmsghdr *h, size_t head)
{
	struct attrs x = { { NULL } };

	if (mnl_nlmsg_get_payload_len(h) >= head)
		mnl_attr_parse(h, (unsigned)head, keep, &x);
	return x;
}

struct attrs attrs_in(const struct nlattr *nest)
{
	struct attrs x = { { NULL } };

	if (nest)
		mnl_attr_parse_nested(nest, keep, &x);
	return x;
}

uint32_t attr_be32(const struct nlattr *a)
{
	return a && mnl_attr_validate(a, MNL_TYPE_U32) >= 0 ?
		ntohl(mnl_attr_get_u32(a)) : 0;
}

uint64_t attr_be64(const struct nlattr *a)
{
	return a && mnl_attr_validate(a, MNL_TYPE_U64) >= 0 ?
		be64toh(mnl_attr_get_u64(a)) : 0;
}

const char *attr_text(const struct nlattr *a, const char *none)
{
	return a && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0 ?
		mnl_attr_get_str(a) : none;
}

const char *attr_comment(const struct nlattr *userdata, size_t *n)
{
	const uint8_t *p = userdata ? mnl_attr_get_payload(userdata) : NULL;
	size_t left = userdata ? mnl_attr_get_payload_len(userdata) : 0;

	while (left >= 2 && left >= 2u + p[1]) {
		if (p[0] == NFTNL_UDATA_SET_ELEM_COMMENT && p[1]) {
			*n = p[1] - 1u;
			return (const char *)p + 2;
		}
		left -= 2u + p[1];
		p += 2 + p[1];
	}
	return NULL;
}
