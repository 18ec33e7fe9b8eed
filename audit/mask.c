#include "audit/mask.h"

#include "base/map.h"

struct mask {
	struct arena *arena;
	struct map seen;
	uint32_t n4, n6;
};

struct mask *mask_new(struct arena *a)
{
	struct mask *m = ARENA_NEW(a, struct mask);

	m->arena = a;
	return m;
}

static bool names_nobody(struct addr a)
{
	uint32_t v = (uint32_t)a.lo;

	if (addr_is_v4(a))
		return v == 0 || v >> 24 == 127 || v >> 28 == 0xe ||
		       v == UINT32_MAX;
	return a.hi >> 56 == 0xff || (a.hi == 0 && a.lo <= 1);
}

/* The n-th made-up address, from 1. */
static struct addr made_up(struct mask *m, bool v4)
{
	const uint32_t bench = UINT32_C(198) << 24 | UINT32_C(18) << 16;
	const uint32_t room = (1 << 17) - 2; /* of a /15, the ends spared */
	uint32_t n;

	if (!v4)
		return (struct addr){ UINT64_C(0x20010db8) << 32, ++m->n6 };
	n = ++m->n4;
	if (n <= room)
		return addr_v4(bench + n);
	return addr_v4(UINT32_C(0xf0) << 24 |
		       ((n - room) & ((UINT32_C(1) << 28) - 1)));
}

struct addr mask_addr(struct mask *m, struct addr a)
{
	struct map_entry *e;
	struct addr *to;
	int is_new;

	if (!m || names_nobody(a))
		return a;
	e = map_add(m->arena, &m->seen, &a, sizeof(a), &is_new);
	if (is_new) {
		to = ARENA_NEW(m->arena, struct addr);
		*to = made_up(m, addr_is_v4(a));
		e->val.p = to;
	}
	to = e->val.p;
	return *to;
}
