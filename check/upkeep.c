#include <string.h>

#include "check/verifier.h"

/*
 * What the format lets in to a firewall beside its plan (`input`): loopback,
 * what keeps the link alive, DHCP and VRRP where they are said, echo requests.
 */
/* A server's answers, as gen lets them in. */
static uint32_t dhcp(struct verifier *v)
{
	uint32_t v4 = both(v, field_is(v, PK_FAMILY, 0),
			   both(v, field_is(v, PK_TH2, 68),
				field_is(v, PK_TH0, 67)));
	uint32_t v6 = both(v, field_is(v, PK_FAMILY, 1),
			   both(v, field_is(v, PK_TH2, 546),
				field_is(v, PK_TH0, 547)));

	return both(v, field_is(v, PK_PROTO, PROTO_UDP),
		    space_or(v->c->s, v4, v6));
}

/* What an interface lets in by what is said of it: DHCP's answers, and VRRP
 * of the other node, which is in the zone. */
static uint32_t on_link(struct verifier *v, const struct interface *itf)
{
	uint32_t vrrp = field_is(v, PK_PROTO, PROTO_VRRP);

	return space_or(v->c->s, itf->dhcp ? dhcp(v) : SPACE_NO,
			v->f->nodes.n ?
			both(v, vrrp, check_from_zone(v->c, v->p, itf)) :
			SPACE_NO);
}

static uint32_t loopback(struct verifier *v)
{
	uint32_t out = SPACE_NO;

	for (size_t i = 0; i < v->c->names.n; i++)
		if (v->c->names.v[i].text &&
		    !strcmp(v->c->names.v[i].text, "lo"))
			out = space_or(v->c->s, out,
				       field_is(v, PK_IIF, i));
	return out;
}

static uint32_t igmp(struct verifier *v)
{
	return both(v, field_is(v, PK_FAMILY, 0),
		    field_is(v, PK_PROTO, PROTO_IGMP));
}

static uint32_t echo(struct verifier *v)
{
	return space_or(v->c->s, verifier_icmp(v, false, 8, 8),
			verifier_icmp(v, true, 128, 128));
}

/* Packets to the firewall that keep the link alive (the format, `input`):
 * beyond what is known of their bounds, not judged. */
static uint32_t housekeeping(struct verifier *v)
{
	struct space *s = v->c->s;
	uint32_t out = space_or(s, igmp(v), echo(v));

	out = space_or(s, out, verifier_icmp(v, true, 130, 136));
	out = space_or(s, out, verifier_icmp(v, true, 143, 143));
	for (size_t i = 0; i < v->f->interfaces.n; i++) {
		const struct interface *itf = v->f->interfaces.v[i];

		out = space_or(s, out, both(v, on_link(v, itf),
					    check_on_interface(v->c, itf)));
	}
	return out;
}

/* Between 127.0.0.0/8, or ::1, on the interface that has them; but for ICMP,
 * which a limit may be on. */
static uint32_t with_itself(struct verifier *v, uint32_t lo)
{
	struct addr_range r[] = {
		{ { 0, 1 }, { 0, 1 } },
		{ addr_v4(0x7f000000), addr_v4(0x7fffffff) },
	};
	struct addr_set own = { r, 2 };
	uint32_t icmp = space_or(v->c->s, verifier_icmp(v, false, 0, 255),
				 verifier_icmp(v, true, 0, 255));

	return both(v, space_minus(v->c->s, lo, icmp),
		    check_packets(v->c, &own, &own, NULL));
}

/* Link-local addresses are used where the zone has others of the family. */
static uint32_t without_v6(struct verifier *v, const struct interface *itf)
{
	for (size_t i = 0; i < v->p->n_cell; i++)
		if (v->p->cell[i].space == itf->zone->zone_id &&
		    !addr_is_v4(v->p->cell[i].lo))
			return SPACE_NO;
	return both(v, field_is(v, PK_FAMILY, 1),
		    field_is(v, PK_PROTO, PROTO_VRRP));
}

static uint32_t kept_up_on(struct verifier *v, const struct interface *itf)
{
	return space_minus(v->c->s, both(v, on_link(v, itf),
					 check_on_interface(v->c, itf)),
			   without_v6(v, itf));
}

/* What the format lets in beside the plan, as far as its bounds are known:
 * loopback, what keeps the link alive, and what interfaces are said to have.
 * Neighbour discovery and router advertisements have the hop limit that proves
 * them to be of the link (RFC 4861), MLD and IGMP one that keeps them there;
 * tracking leaves the former and MLD alone. Echo requests pass at a limited
 * rate. open: of connections; else in other states. */
static uint32_t kept_up(struct verifier *v, uint32_t lo, bool open)
{
	struct space *s = v->c->s;
	uint32_t state = open ? field_is(v, PK_CT, CT_NEW) :
				field_is(v, PK_CT, CT_ESTABLISHED);
	uint32_t once = field_is(v, PK_TTL, 1), mld, out;

	out = both(v, with_itself(v, lo), state);
	if (!open) {
		mld = space_or(s, verifier_icmp(v, true, 130, 132),
			       verifier_icmp(v, true, 143, 143));
		mld = space_or(s, both(v, mld, once),
			       both(v, verifier_icmp(v, true, 133, 136),
				    field_is(v, PK_TTL, 255)));
		mld = both(v, mld, field_is(v, PK_CT, CT_UNTRACKED));
		return space_or(s, out, space_minus(s, mld, lo));
	}
	out = space_or(s, out, space_minus(s, both(v, both(v, igmp(v), once),
						   state), lo));
	for (size_t i = 0; i < v->f->interfaces.n; i++)
		out = space_or(s, out, both(v, state, kept_up_on(v,
				v->f->interfaces.v[i])));
	return out;
}

/* Neighbour discovery from beyond the link, where nothing may let it in. */
static uint32_t from_afar(struct verifier *v)
{
	return both(v, both(v, verifier_icmp(v, true, 133, 136),
			    field_is(v, PK_CT, CT_UNTRACKED)),
		    space_not(v->c->s, field_is(v, PK_TTL, 255)));
}

uint32_t verifier_upkeep(struct verifier *v, uint32_t plan)
{
	struct judged *j = &v->judged[PATH_INPUT];
	struct space *s = v->c->s;
	uint32_t lo = loopback(v), rest = space_or(s, housekeeping(v), lo);

	if (v->f->unenforced)
		return rest;
	j->opens = kept_up(v, lo, true);
	j->upkeep = kept_up(v, lo, false);
	j->limited = both(v, field_is(v, PK_CT, CT_NEW), echo(v));
	j->limited = space_minus(s, j->limited, space_or(s, lo, plan));
	rest = space_minus(s, rest, space_or(s, j->limited,
					     space_or(s, j->opens, j->upkeep)));
	return space_minus(s, rest, space_minus(s, from_afar(v), lo));
}
