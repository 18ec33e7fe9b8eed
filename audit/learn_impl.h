#ifndef AUDIT_LEARN_IMPL_H
#define AUDIT_LEARN_IMPL_H

#include "audit/learn.h"
#include "base/map.h"
#include "base/vec.h"

/* What the files audit/learn*.c share. */

enum { LEARN_FLOWS = 200000, LEARN_PARTIES = 300, LEARN_ROLES = 256 };

/* One who opens or is opened. */
struct member {
	const struct party *party; /* declared, or where it stands */
	bool is_new;		   /* a host to be declared in party */
	struct addr addr;	   /* of a new host */
	const char *name;
	uint64_t given[LEARN_ROLES / 64]; /* roles, implied ones left out */
	uint64_t bears[LEARN_ROLES / 64]; /* roles, implied ones too */
};

/* From one to another, one service. */
struct seen_flow {
	struct addr src, dst; /* one that shows it */
	uint32_t from, to;    /* members */
	uint32_t key;
	uint64_t flows, answered, first;
	bool excepted; /* no role explains it */
	bool refused;  /* the topology refuses an exception for it */
};

/* A service of a template flow between two roles. */
struct row {
	uint32_t from, to; /* roles */
	const struct service *leaf;
};

struct role_pin {
	uint32_t role;
	const struct service *service;
	VEC(uint16_t) ports;
};

struct learn {
	struct arena *arena;
	const struct judge *judge;
	struct map flow_ids, member_ids;
	VEC(struct seen_flow) flows;
	VEC(struct member) members;
	VEC(struct row) rows;
	VEC(struct role_pin) pins;
	struct learn_stats st;
	bool with_roles;
};

static inline bool has_bit(const uint64_t *v, uint32_t i)
{
	return v[i / 64] >> i % 64 & 1;
}

static inline void set_bit(uint64_t *v, uint32_t i)
{
	v[i / 64] |= UINT64_C(1) << i % 64;
}

/* learn_roles.c */
void learn_assign_roles(struct learn *l);
void learn_find_pins(struct learn *l);

#endif
