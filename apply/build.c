#include "apply/build.h"


#include <libmnl/libmnl.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/mem.h"

/*
 * The order that the kernel needs: chains before the maps that lead to them,
 * sets before the rules that ask them.
 */
struct builder {
	const struct ruleset *rs;
	struct stream *s;
	struct buf *err;
	uint32_t set_id;
	bool bad;
};

static void put_table(struct builder *b)
{
	struct nlmsghdr *h = stream_message(b->s, NFT_MSG_NEWTABLE,
					    NLM_F_CREATE | NLM_F_EXCL);

	mnl_attr_put_strz(h, NFTA_TABLE_NAME, b->rs->table);
	put_be32(h, NFTA_TABLE_FLAGS, NFT_TABLE_F_DORMANT);
	stream_end_message(b->s, h);
	stream_end_unit(b->s);
}

static const struct {
	uint32_t hook;
	int32_t priority;
	const char *type;
	uint32_t policy;
} hooks[] = {
	[RS_HOOK_FORWARD] = { NF_INET_FORWARD, 0, "filter", NF_DROP },
	[RS_HOOK_INPUT] = { NF_INET_LOCAL_IN, 0, "filter", NF_DROP },
	[RS_HOOK_PREROUTING] = { NF_INET_PRE_ROUTING, -100, "nat", NF_ACCEPT },
	[RS_HOOK_POSTROUTING] = { NF_INET_POST_ROUTING, 100, "nat", NF_ACCEPT },
};

static void put_hook(struct builder *b, struct nlmsghdr *h,
		     const struct rs_chain *c)
{
	struct nlattr *nest;

	if ((size_t)c->hook >= sizeof(hooks) / sizeof(*hooks) ||
	    !hooks[c->hook].type) {
		buf_printf(b->err, "chain %s: its hook is not known here\n",
			   c->name);
		b->bad = true;
		return;
	}
	nest = nest_begin(h, NFTA_CHAIN_HOOK);
	put_be32(h, NFTA_HOOK_HOOKNUM, hooks[c->hook].hook);
	put_be32(h, NFTA_HOOK_PRIORITY, (uint32_t)hooks[c->hook].priority);
	nest_end(h, nest);
	mnl_attr_put_strz(h, NFTA_CHAIN_TYPE, hooks[c->hook].type);
	put_be32(h, NFTA_CHAIN_POLICY, hooks[c->hook].policy);
}

static void put_chain(struct builder *b, const struct rs_chain *c)
{
	struct nlmsghdr *h = stream_message(b->s, NFT_MSG_NEWCHAIN,
					    NLM_F_CREATE);

	mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, b->rs->table);
	mnl_attr_put_strz(h, NFTA_CHAIN_NAME, c->name);
	if (c->hook != RS_NO_HOOK)
		put_hook(b, h, c);
	stream_end_message(b->s, h);
	stream_end_unit(b->s);
}

static bool known_fields(const struct rs_set *set)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < set->n_field; i++) {
		if (!nl_field(set->field[i]))
			return false;
		n += field_padded(nl_field(set->field[i]));
	}
	for (unsigned i = 0; i < set->n_data; i++)
		if (!nl_field(set->data[i]))
			return false;
	return n <= KEY_BYTES;
}

static void put_set(struct builder *b, const struct rs_set *set)
{
	struct build_set bs = { .table = b->rs->table, .name = set->name,
				.set = set, .set_id = ++b->set_id };

	if (!known_fields(set)) {
		buf_printf(b->err, "set %s: a field that is not known here\n",
			   set->name);
		b->bad = true;
		return;
	}
	build_set(b->s, &bs);
	stream_end_unit(b->s);
	bs.set_id = 0;
	build_elems(b->s, &bs);
	stream_end_unit(b->s);
}

static void put_rule(struct builder *b, const struct rs_chain *c, size_t i)
{
	const struct rs_rule *r = c->rules.v[i];
	struct nftnl_rule *out = nftnl_rule_alloc();
	struct build_rule br = { .table = b->rs->table, .s = b->s, .out = out,
				 .set_id = &b->set_id };
	struct nlmsghdr *h;

	if (!out)
		mem_exhausted();
	build_exprs(&br, r);
	if (br.unknown) {
		buf_printf(b->err, "chain %s, rule %zu: %s that is not known "
			   "here\n", c->name, i + 1, br.unknown);
		b->bad = true;
	}
	nftnl_rule_set_str(out, NFTNL_RULE_TABLE, b->rs->table);
	nftnl_rule_set_str(out, NFTNL_RULE_CHAIN, c->name);
	h = stream_message(b->s, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	nftnl_rule_nlmsg_build_payload(h, out);
	if (r->comment)
		put_comment(h, NFTA_RULE_USERDATA, r->comment);
	stream_end_message(b->s, h);
	stream_end_unit(b->s);
	nftnl_rule_free(out);
}

int build_generation(const struct ruleset *rs, struct stream *s,
		     struct buf *err)
{
	struct builder b = { .rs = rs, .s = s, .err = err };

	put_table(&b);
	for (size_t i = 0; i < rs->chains.n; i++)
		put_chain(&b, rs->chains.v[i]);
	for (size_t i = 0; i < rs->sets.n && !b.bad; i++)
		put_set(&b, rs->sets.v[i]);
	for (size_t i = 0; i < rs->chains.n && !b.bad; i++)
		for (size_t k = 0; k < rs->chains.v[i]->rules.n && !b.bad; k++)
			put_rule(&b, rs->chains.v[i], k);
	return stream_finish(s) != 0 || b.bad ? -1 : 0;
}
