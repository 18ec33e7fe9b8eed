#include "apply/field.h"

#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/keys.h"

#define META(k, n, t, o) \
	{ .load = LOAD_META, .key = (k), .len = (n), .type = (t), .order = (o) }
#define NETWORK(off, n, t, family, p, tmpl) \
	{ .load = LOAD_PAYLOAD, .base = NFT_PAYLOAD_NETWORK_HEADER, \
	  .offset = (off), .len = (n), .type = (t), .order = 2, \
	  .nfproto = (family), .proto = (p), .template = (tmpl) }
#define TRANSPORT(off, n, t, family, l4, p, tmpl) \
	{ .load = LOAD_PAYLOAD, .base = NFT_PAYLOAD_TRANSPORT_HEADER, \
	  .offset = (off), .len = (n), .type = (t), .order = 2, \
	  .nfproto = (family), .l4proto = (l4), .proto = (p), \
	  .template = (tmpl) }

static const struct nl_field fields[RS_N_FIELDS] = {
	[RS_IIFNAME] = META(NFT_META_IIFNAME, 16, 41, 1),
	[RS_OIFNAME] = META(NFT_META_OIFNAME, 16, 41, 1),
	[RS_L4PROTO] = META(NFT_META_L4PROTO, 1, 12, 0),
	[RS_NFPROTO] = META(NFT_META_NFPROTO, 1, 2, 0),
	[RS_SADDR4] = NETWORK(12, 4, 7, NFPROTO_IPV4, 12, 11),
	[RS_DADDR4] = NETWORK(16, 4, 7, NFPROTO_IPV4, 12, 12),
	[RS_SADDR6] = NETWORK(8, 16, 8, NFPROTO_IPV6, 13, 8),
	[RS_DADDR6] = NETWORK(24, 16, 8, NFPROTO_IPV6, 13, 9),
	[RS_HOPLIMIT] = NETWORK(7, 1, 4, NFPROTO_IPV6, 13, 7),
	[RS_SPORT] = TRANSPORT(0, 2, 13, 0, 0, 11, 1),
	[RS_DPORT] = TRANSPORT(2, 2, 13, 0, 0, 11, 2),
	[RS_ICMP_TYPE] =
		TRANSPORT(0, 1, 14, NFPROTO_IPV4, PROTO_ICMP, 4, 1),
	[RS_ICMPV6_TYPE] =
		TRANSPORT(0, 1, 29, NFPROTO_IPV6, PROTO_ICMPV6, 14, 1),
};

const struct nl_field *nl_field(enum rs_field f)
{
	return (size_t)f < RS_N_FIELDS && fields[f].len ? &fields[f] : NULL;
}

static uint32_t name_bytes(const char *name, uint8_t out[FIELD_BYTES])
{
	size_t n = strlen(name);
	bool star = n && name[n - 1] == '*';

	if (n > FIELD_BYTES - 1)
		n = FIELD_BYTES - 1;
	memcpy(out, name, star ? n - 1 : n);
	return star ? (uint32_t)n - 1 : FIELD_BYTES;
}

uint32_t field_bytes(const struct nl_field *f, struct addr v, const char *name,
		     uint8_t out[FIELD_BYTES])
{
	uint64_t x = v.lo;

	memset(out, 0, FIELD_BYTES);
	if (name)
		return name_bytes(name, out);
	if (f->key == NFT_META_NFPROTO && f->load == LOAD_META)
		x = x == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
	if (f->len == 16)
		for (unsigned i = 0; i < 8; i++)
			out[i] = (uint8_t)(v.hi >> (56 - 8 * i));
	for (unsigned i = 0; i < f->len && i < 8; i++)
		out[f->len - 1 - i] = (uint8_t)(x >> (8 * i));
	return f->len;
}
