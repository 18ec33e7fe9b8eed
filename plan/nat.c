#include "plan/nat.h"

#include <string.h>

struct nat class_nat(const struct plan *p, uint32_t cls, bool v4)
{
	uint32_t list = p->classes.v[cls].nat;
	const uint32_t *v = p->lists.v[list];

	if (!list)
		return (struct nat){ NAT_NONE, NONE, NONE };
	v += v4 ? NAT_WORDS : 0;
	return (struct nat){ (enum nat_kind)v[0], v[1], v[2] };
}

const uint32_t *class_publishes(const struct plan *p, uint32_t cls, size_t *n)
{
	uint32_t list = p->classes.v[cls].nat;

	*n = list ? p->lists.len[list] - NAT_HEAD : 0;
	return list ? p->lists.v[list] + NAT_HEAD : NULL;
}

bool nat_owned_by(const struct plan *p, struct nat t, uint32_t zone)
{
	if (t.kind == NAT_INTERFACE)
		return p->topo->zones.v[zone]->zone_kind == ZONE_INTERNET;
	return t.kind != NAT_NONE && t.zone == zone;
}

uint32_t publish_zone(const struct plan *p, uint32_t publish)
{
	uint32_t c = plan_cell(p, p->topo->publishes.v[publish]->address.r.lo);

	return p->cell[c].space;
}

bool publish_in_family(const struct plan *p, uint32_t publish, bool v4)
{
	return p->topo->publishes.v[publish]->address.v4 == v4;
}

static struct nat publish_nat(const struct plan *p, uint32_t publish)
{
	return (struct nat){ NAT_ONE, publish_zone(p, publish), NONE };
}

bool nat_touched(const struct plan *p, const struct route *r, struct nat t)
{
	for (size_t i = 0; t.kind != NAT_NONE && i < r->n_hop; i++)
		if (nat_owned_by(p, t, r->hop[i].in) ||
		    nat_owned_by(p, t, r->hop[i].out))
			return true;
	return false;
}

bool publish_on_way(const struct plan *p, uint32_t publish,
		    const struct route *r, bool v4)
{
	return publish_in_family(p, publish, v4) &&
	       nat_touched(p, r, publish_nat(p, publish));
}

bool nat_hidden(const struct plan *p, uint32_t from, uint32_t to, bool v4,
		struct key_range keys)
{
	const struct route *r = plan_route(p, p->classes.v[from].node,
					   p->classes.v[to].node);
	struct nat t = class_nat(p, to, v4);
	size_t n;
	const uint32_t *u = class_publishes(p, to, &n);
	struct arena *a = arena_new();
	bool hidden = (t.kind == NAT_MANY || t.kind == NAT_INTERFACE) &&
		      nat_touched(p, r, t);

	for (size_t i = 0; i < n && hidden; i++)
		hidden = !publish_on_way(p, u[i], r, v4) ||
			 !keys_meet(publish_own_keys(p->topo->publishes.v[u[i]],
						     a),
				    (struct key_set){ &keys, 1 });
	arena_free(a);
	return hidden;
}

static bool class_touched(const struct plan *p, const struct route *r,
			  uint32_t cls, bool v4)
{
	const uint32_t *u;
	size_t n;

	if (!p->classes.v[cls].nat)
		return false;
	if (nat_touched(p, r, class_nat(p, cls, v4)))
		return true;
	u = class_publishes(p, cls, &n);
	for (size_t i = 0; i < n; i++)
		if (publish_on_way(p, u[i], r, v4))
			return true;
	return false;
}

unsigned nat_families(const struct plan *p, uint32_t from, uint32_t to)
{
	const struct route *r;
	unsigned fam = 0;

	if (!p->classes.v[from].nat && !p->classes.v[to].nat)
		return 0;
	r = plan_route(p, p->classes.v[from].node, p->classes.v[to].node);
	for (int v4 = 0; v4 < 2; v4++)
		if (class_touched(p, r, from, v4) ||
		    class_touched(p, r, to, v4))
			fam |= v4 ? FAM_V4 : FAM_V6;
	return fam;
}

/* ---- along one path -------------------------------------------------------------- */

/* The first hop that touches an owner; NONE. */
static size_t first_touch(const struct plan *p, const struct path *path,
			  struct nat t)
{
	for (size_t i = 0; t.kind != NAT_NONE && i < path->n; i++)
		if (nat_owned_by(p, t, path->hop[i].in) ||
		    nat_owned_by(p, t, path->hop[i].out))
			return i;
	return SIZE_MAX;
}

/* The source at the k-th hop: public once a hop before has hidden it. */
static struct face source_face(const struct plan *p, const struct path *path,
			       size_t k, uint32_t cls, bool v4)
{
	struct nat t = class_nat(p, cls, v4);
	size_t i = first_touch(p, path, t);

	if (i == SIZE_MAX || k <= i)
		return (struct face){ FACE_OWN, 0 };
	if (t.kind == NAT_INTERFACE)
		return (struct face){ FACE_INTERFACE, path->hop[i].firewall *
				      p->n_zones + path->hop[i].out };
	return (struct face){ FACE_PUBLIC, 0 };
}

static void add_view(struct arena *a, nat_views *out, struct face from,
		     struct face to)
{
	struct nat_view x = { from, to };

	for (size_t i = 0; i < out->n; i++)
		if (!memcmp(&out->v[i], &x, sizeof(x)))
			return;
	vec_push(a, out, x);
}

/* Does another of the publishes, that counts on this path, forward to the same
 * ports? Then those are not seen at the own address before it. */
static bool forwarded_elsewhere(const struct plan *p, const struct path *path,
				const uint32_t *u, size_t n, size_t me,
				struct arena *a)
{
	const struct publish *x = p->topo->publishes.v[u[me]];

	for (size_t i = 0; i < n; i++) {
		const struct publish *y = p->topo->publishes.v[u[i]];

		if (i != me && x->address.v4 == y->address.v4 &&
		    first_touch(p, path, publish_nat(p, u[i])) != SIZE_MAX &&
		    keys_meet(publish_own_keys(x, a), publish_own_keys(y, a)))
			return true;
	}
	return false;
}

/*
 * The publishes to a host. Those that count on this path and that the hop is
 * still before are seen at their public address; what they forward is seen at
 * the own one behind that. `one`: all other ports are seen at an address that is
 * the host's alone.
 */
static void publish_views(const struct plan *p, const struct path *path,
			  size_t k, struct face from, uint32_t to, bool v4,
			  bool one, struct arena *a, nat_views *out)
{
	size_t n;
	const uint32_t *u = class_publishes(p, to, &n);
	VEC(struct face) faces = { 0 };
	bool before = false;

	for (size_t i = 0; i < n; i++) {
		size_t j;

		if (!publish_in_family(p, u[i], v4))
			continue;
		j = first_touch(p, path, publish_nat(p, u[i]));
		if (j == SIZE_MAX &&
		    (one || forwarded_elsewhere(p, path, u, n, i, a)))
			continue;
		before |= j != SIZE_MAX && k < j;
		vec_push(a, &faces, (struct face){ j != SIZE_MAX && k < j ?
				FACE_PUBLISH : FACE_FORWARDED, u[i] });
	}
	if (!one)
		add_view(a, out, from, before ?
			 (struct face){ FACE_REST, 2 * to + v4 } :
			 (struct face){ FACE_OWN, 0 });
	for (size_t i = 0; (before || one) && i < faces.n; i++)
		add_view(a, out, from, faces.v[i]);
}

static void destination_views(const struct plan *p, const struct path *path,
			      size_t k, struct face from, uint32_t to, bool v4,
			      struct arena *a, nat_views *out)
{
	struct nat t = class_nat(p, to, v4);
	size_t j = t.kind == NAT_ONE ? first_touch(p, path, t) : SIZE_MAX;

	if (j != SIZE_MAX)
		add_view(a, out, from, (struct face){
				k < j ? FACE_PUBLIC : FACE_OWN, 0 });
	publish_views(p, path, k, from, to, v4, j != SIZE_MAX, a, out);
}

void nat_views_at(const struct plan *p, const struct route *r, uint32_t fw,
		  uint32_t in, uint32_t out, uint32_t from, uint32_t to,
		  bool v4, struct arena *a, nat_views *views)
{
	struct face own = { FACE_OWN, 0 };

	views->n = 0;
	if (!p->classes.v[from].nat && !p->classes.v[to].nat) {
		add_view(a, views, own, own);
		return;
	}
	for (size_t i = 0; i < r->paths.n; i++) {
		const struct path *path = &r->paths.v[i];

		for (size_t k = 0; k < path->n; k++)
			if (path->hop[k].firewall == fw &&
			    path->hop[k].in == in && path->hop[k].out == out)
				destination_views(p, path, k,
						  source_face(p, path, k, from,
							      v4),
						  to, v4, a, views);
	}
}

static void add_face(struct arena *a, nat_faces *out, struct face f)
{
	for (size_t i = 0; i < out->n; i++)
		if (out->v[i].kind == f.kind && out->v[i].id == f.id)
			return;
	if (f.kind != FACE_OWN)
		vec_push(a, out, f);
}

/* Public ones of a destination whose translation the hop is still before. */
static void public_faces(const struct plan *p, const struct path *path,
			 size_t k, uint32_t cls, bool v4, struct arena *a,
			 nat_faces *out)
{
	struct nat t = class_nat(p, cls, v4);
	size_t n, j = t.kind == NAT_ONE ? first_touch(p, path, t) : SIZE_MAX;
	const uint32_t *u = class_publishes(p, cls, &n);

	if (j != SIZE_MAX && k < j)
		add_face(a, out, (struct face){ FACE_PUBLIC, 0 });
	for (size_t i = 0; i < n; i++) {
		j = first_touch(p, path, publish_nat(p, u[i]));
		if (publish_in_family(p, u[i], v4) && j != SIZE_MAX && k < j)
			add_face(a, out, (struct face){ FACE_PUBLISH, u[i] });
	}
}

void nat_faces_at(const struct plan *p, const struct route *r, struct hop h,
		  uint32_t cls, bool source, bool v4, struct arena *a,
		  nat_faces *faces)
{
	faces->n = 0;
	for (size_t i = 0; p->classes.v[cls].nat && i < r->paths.n; i++) {
		const struct path *path = &r->paths.v[i];

		for (size_t k = 0; k < path->n; k++) {
			if (path->hop[k].firewall != h.firewall ||
			    path->hop[k].in != h.in || path->hop[k].out != h.out)
				continue;
			if (source)
				add_face(a, faces, source_face(p, path, k, cls,
							       v4));
			else
				public_faces(p, path, k, cls, v4, a, faces);
		}
	}
}

void nat_views_input(const struct plan *p, uint32_t fw, uint32_t in,
		     uint32_t from, bool v4, struct arena *a, nat_views *views)
{
	uint32_t node = p->classes.v[from].node;
	const struct route *r = plan_route(p, node, in);
	struct face own = { FACE_OWN, 0 };

	views->n = 0;
	if (!p->classes.v[from].nat || node == in || r->inside)
		add_view(a, views, own, own);
	for (size_t i = 0; p->classes.v[from].nat && i < r->paths.n; i++) {
		const struct path *path = &r->paths.v[i];

		if (!path_crosses(path, fw))
			add_view(a, views, source_face(p, path, path->n, from,
						       v4), own);
	}
}

/* Before the t-th hop of a path, or behind the last: the address that should be
 * seen, of one that this hop or one behind it makes the own one. */
static bool destination_right(const struct plan *p, const struct path *path,
			      size_t t, const struct packet *k,
			      const struct packet *own)
{
	uint32_t cls = p->cell[plan_cell(p, own->dst)].cls;
	bool v4 = addr_is_v4(own->dst), before = false;
	struct nat n = class_nat(p, cls, v4);
	size_t j = n.kind == NAT_ONE ? first_touch(p, path, n) : SIZE_MAX;
	size_t many;
	const uint32_t *u = class_publishes(p, cls, &many);

	if (j != SIZE_MAX && t <= j) {
		before = true;
		if (addr_eq(k->dst, p->publics.v[p->cell[plan_cell(p,
					own->dst)].behind].addr))
			return true;
	}
	for (size_t i = 0; i < many; i++) {
		const struct publish *x = p->topo->publishes.v[u[i]];
		uint32_t key;

		j = first_touch(p, path, publish_nat(p, u[i]));
		if (j == SIZE_MAX || t > j || !addr_eq(x->own, own->dst))
			continue;
		if (addr_eq(k->dst, x->address.r.lo))
			return true;
		/* does it forward this port? */
		for (size_t r = 0; r < x->keys.n; r++)
			before |= publish_to_own(x, x->keys.r[r].lo, &key) &&
				  (x->port ? key == key_of(own->proto,
							   own->detail) :
				   keys_has(x->keys, key_of(own->proto,
							    own->detail)));
	}
	return !before && addr_eq(k->dst, own->dst);
}

static bool source_right(const struct plan *p, const struct path *path,
			 size_t t, const struct packet *k,
			 const struct packet *own)
{
	uint32_t cls = p->cell[plan_cell(p, own->src)].cls;
	struct face f = source_face(p, path, t, cls, addr_is_v4(own->src));

	return (f.kind == FACE_OWN) == addr_eq(k->src, own->src);
}

bool nat_looks_right(const struct plan *p, const struct packet *k,
		     const struct packet *own, uint32_t zone)
{
	const struct route *r;
	bool met = false;

	if (!p->translates)
		return true;
	r = plan_route(p, p->classes.v[p->cell[plan_cell(p, own->src)].cls]
				  .node,
		       p->classes.v[p->cell[plan_cell(p, own->dst)].cls].node);
	for (size_t i = 0; i < r->paths.n; i++)
		for (size_t t = 0; t <= r->paths.v[i].n; t++) {
			const struct path *path = &r->paths.v[i];

			if ((t ? path->hop[t - 1].out : path->hop[0].in) !=
			    zone)
				continue;
			met = true;
			if (source_right(p, path, t, k, own) &&
			    destination_right(p, path, t, k, own))
				return true;
		}
	return !met;
}

/* ---- what a firewall rewrites ----------------------------------------------------- */

bool nat_translates(const struct plan *p, uint32_t fw, uint32_t in,
		    uint32_t owner, uint32_t node)
{
	for (uint32_t z = 0; node < p->n_zones && z < p->n_zones; z++) {
		const struct route *r = plan_route(p, z, node);

		for (size_t i = 0; i < r->n_hop; i++)
			if (r->hop[i].firewall == fw && r->hop[i].in == in &&
			    (in == owner || r->hop[i].out == owner))
				return true;
	}
	return false;
}

bool nat_hides(const struct plan *p, uint32_t fw, uint32_t out, uint32_t cls,
	       bool v4)
{
	uint32_t node = p->classes.v[cls].node;

	if (!nat_owned_by(p, class_nat(p, cls, v4), out))
		return false;
	for (uint32_t z = 0; z < p->n_zones; z++) {
		const struct route *r = plan_route(p, node, z);

		for (size_t i = 0; i < r->n_hop; i++)
			if (r->hop[i].firewall == fw && r->hop[i].out == out)
				return true;
	}
	return false;
}

/* ---- faces ------------------------------------------------------------------------- */

uint32_t face_cell(const struct plan *p, struct face f, uint32_t cell)
{
	const struct cell *c = &p->cell[cell];
	const struct publish *u;

	switch (f.kind) {
	case FACE_OWN:
	case FACE_REST:
		return cell;
	case FACE_PUBLIC:
		return c->behind == NONE ? NONE :
			p->publics.v[c->behind].cell;
	case FACE_PUBLISH:
	case FACE_FORWARDED:
		u = p->topo->publishes.v[f.id];
		if (!addr_eq(c->lo, u->own))
			return NONE;
		return f.kind == FACE_FORWARDED ? cell :
			plan_cell(p, u->address.r.lo);
	default:
		return NONE;
	}
}

size_t interface_cells(const struct plan *p, struct face f, bool v4,
		       uint32_t *out, size_t most)
{
	const struct firewall *fw = p->topo->firewalls.v[f.id / p->n_zones];
	uint32_t zone = f.id % p->n_zones;
	size_t n = 0;

	for (size_t i = 0; i < fw->interfaces.n; i++) {
		const struct interface *x = fw->interfaces.v[i];

		for (size_t k = 0; x->zone->zone_id == zone &&
		     k < x->n_address && n < most; k++)
			if (x->address[k].v4 == v4)
				out[n++] = plan_cell(p, x->address[k].r.lo);
	}
	return n;
}

struct key_set publish_own_keys(const struct publish *u, struct arena *a)
{
	struct key_set out = { 0 };

	for (size_t i = 0; u->port && i < u->keys.n; i++)
		for (unsigned proto = key_proto(u->keys.r[i].lo);
		     proto <= key_proto(u->keys.r[i].hi); proto++)
			keys_add(a, &out, key_of(proto, u->port),
				 key_of(proto, u->port));
	return u->port ? out : u->keys;
}

bool publish_to_own(const struct publish *u, uint32_t key, uint32_t *own)
{
	*own = u->port ? key_of(key_proto(key), u->port) : key;
	return keys_has(u->keys, key);
}

struct key_set publish_public_keys(const struct publish *u, struct key_set own,
				   struct arena *a)
{
	struct key_set out = { 0 };

	if (!u->port)
		return keys_and(a, own, u->keys);
	for (size_t i = 0; i < u->keys.n; i++)
		if (keys_has(own, key_of(key_proto(u->keys.r[i].lo), u->port)))
			keys_add(a, &out, u->keys.r[i].lo, u->keys.r[i].hi);
	return out;
}

struct key_set face_keys(const struct plan *p, struct face f, struct key_set k,
			 struct arena *a)
{
	const struct publish *u;
	const uint32_t *v;
	size_t n;

	switch (f.kind) {
	case FACE_PUBLISH:
		return publish_public_keys(p->topo->publishes.v[f.id], k, a);
	case FACE_FORWARDED:
		u = p->topo->publishes.v[f.id];
		return keys_and(a, k, publish_own_keys(u, a));
	case FACE_REST:
		v = class_publishes(p, f.id / 2, &n);
		for (size_t i = 0; i < n; i++) {
			u = p->topo->publishes.v[v[i]];
			if (publish_in_family(p, v[i], f.id % 2))
				k = keys_minus(a, k, publish_own_keys(u, a));
		}
		return k;
	default:
		return k;
	}
}
