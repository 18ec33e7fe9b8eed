#include "check/bits.h"

enum { MAX_PIECES = 4096 }; /* intervals that one scattered mask may give */

int reg_bit(uint32_t reg, uint32_t bytes)
{
	uint32_t word = kr_reg_word(reg);

	if (word == KR_REG_WORDS || word * 32 + bytes * 8 > REG_BITS)
		return -1;
	return (int)(word * 32);
}

/* ---- three values */

static uint32_t leaf_and(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	if (a == 0 || b == 0)
		return 0;
	return a > 1 ? a : b;
}

static uint32_t leaf_or(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	if (a == 1 || b == 1)
		return 1;
	return a ? a : b;
}

static uint32_t leaf_not(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	(void)b;
	return a > 1 ? a : !a;
}

const struct space_op tri_and = {300, false, leaf_and, space_early_and, NULL};
const struct space_op tri_or = {301, false, leaf_or, space_early_or, NULL};
const struct space_op tri_not = {302, false, leaf_not, NULL, NULL};

/* ---- runs */

static bool follows(const struct rbit *a, const struct rbit *b)
{
	if (a->kind != b->kind || a->inv || b->inv)
		return false;
	if (a->kind == RB_CONST)
		return true;
	if (a->arg != b->arg)
		return false;
	if (a->kind == RB_FIELD)
		return b->pos + 1 == a->pos;
	return a->kind == RB_VIEW ? b->pos == a->pos + 1 : a->why == b->why;
}

unsigned bits_runs(const struct rbit *r, unsigned n_bits, struct run *out)
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_bits; i++) {
		struct run *last = n ? &out[n - 1] : NULL;

		if (last && last->n < 128 && follows(&r[i - 1], &r[i])) {
			last->n++;
			continue;
		}
		out[n++] = (struct run){r[i], i, 1};
	}
	return n;
}

space_val bits_value(const uint8_t *v, unsigned at, unsigned n)
{
	space_val x = 0;

	for (unsigned i = at; i < at + n; i++)
		x = x << 1 | (v[i / 8] >> (7 - i % 8) & 1);
	return x;
}

unsigned bits_field(unsigned arg)
{
	if (arg == PK_SRC4)
		return PK_SRC;
	return arg == PK_DST4 ? PK_DST : arg;
}

space_val bits_base(unsigned arg)
{
	return arg >= PK_FIELDS ? space_addr(addr_v4(0)) : 0;
}

static unsigned field_width(const struct bits_ctx *c, unsigned arg)
{
	space_val max =
		arg >= PK_FIELDS ? UINT32_MAX : space_field(c->s, arg)->max;
	unsigned w = 0;

	for (; max; max >>= 1)
		w++;
	return w;
}

bool run_whole(const struct bits_ctx *c, const struct run *r)
{
	return r->first.kind == RB_FIELD && !r->first.inv &&
	       r->n == field_width(c, r->first.arg);
}

/* The field's values whose bits of the run are in lo..hi. */
static uint32_t field_in(const struct bits_ctx *c, const struct run *r,
			 space_val lo, space_val hi)
{
	unsigned top = r->first.pos, low = top + 1 - r->n;
	unsigned above = field_width(c, r->first.arg) - 1 - top;
	space_val ones = ((space_val)1 << low) - 1, step;
	space_val base = bits_base(r->first.arg);
	unsigned field = bits_field(r->first.arg);
	uint32_t v[MAX_PIECES];

	if (r->first.inv) { /* one bit: see follows() */
		space_val x = lo;

		lo = !hi;
		hi = !x;
	}
	if (above == 0)
		return space_interval(c->s, field, base + (lo << low),
				      base + (hi << low | ones), SPACE_ALL,
				      SPACE_NO);
	if (above > 12)
		return TRI_MAYBE(c->why_scattered);
	step = (space_val)1 << (top + 1);
	for (unsigned i = 0; i < 1u << above; i++, base += step)
		v[i] = space_interval(c->s, field, base + (lo << low),
				      base + (hi << low | ones), SPACE_ALL,
				      SPACE_NO);
	return space_fold(c->s, &space_op_or, v, 1u << above, SPACE_NO);
}

bool view_has(const struct bits_ctx *c, const struct run *r, unsigned id,
	      space_val lo, space_val hi)
{
	uint8_t b[16];
	space_val x;

	pk_view_value(c->names, c->rs, r->first.arg, id, b);
	x = bits_value(b, r->first.pos, r->n);
	x ^= r->first.inv;
	return lo <= x && x <= hi;
}

static uint32_t view_in(const struct bits_ctx *c, const struct run *r,
			space_val lo, space_val hi)
{
	unsigned field = pk_view_field(r->first.arg);
	unsigned n = (unsigned)space_field(c->s, field)->max + 1;
	uint32_t set = SPACE_NO;

	for (unsigned id = 0; id < n; id++)
		if (view_has(c, r, id, lo, hi))
			set = space_or(c->s, set,
				       space_interval(c->s, field, id, id,
						      SPACE_ALL, SPACE_NO));
	return set;
}

static space_val const_value(const struct rbit *r, unsigned n)
{
	space_val x = 0;

	for (unsigned i = 0; i < n; i++)
		x = x << 1 | r[i].arg;
	return x;
}

/* lo <= the run's value <= hi; r is the slice it was cut from. */
static uint32_t run_in(const struct bits_ctx *c, const struct rbit *r,
		       const struct run *p, space_val lo, space_val hi)
{
	space_val max =
		p->n == 128 ? ~(space_val)0 : ((space_val)1 << p->n) - 1;
	space_val x;

	if (lo > hi)
		return SPACE_NO;
	if (lo == 0 && hi == max)
		return SPACE_ALL;
	switch ((enum rbit_kind)p->first.kind) {
	case RB_FIELD:
		return field_in(c, p, lo, hi);
	case RB_VIEW:
		return view_in(c, p, lo, hi);
	case RB_CONST:
		x = const_value(r + p->at, p->n);
		return lo <= x && x <= hi ? SPACE_ALL : SPACE_NO;
	case RB_OPAQUE:
		break;
	}
	return TRI_MAYBE(p->first.why);
}

struct equal_run {
	struct run run;
	space_val value;
};

/* A field's pieces by falling position, so that the bytes of a value in the
 * host's order (a mark) come to stand beside one another. */
static bool before(const struct equal_run *a, const struct equal_run *b)
{
	const struct rbit *x = &a->run.first, *y = &b->run.first;

	if (x->kind != RB_FIELD || y->kind != RB_FIELD || x->arg != y->arg)
		return false;
	return x->pos > y->pos;
}

static bool joins(const struct equal_run *a, const struct equal_run *b)
{
	const struct rbit *x = &a->run.first, *y = &b->run.first;

	return x->kind == RB_FIELD && y->kind == RB_FIELD &&
	       x->arg == y->arg && !x->inv && !y->inv &&
	       x->pos == y->pos + a->run.n &&
	       a->run.n + b->run.n <= 128;
}

/* Equality asks for no order of the bits: the fewest runs that it can be. */
static unsigned equal_runs(const struct rbit *r, const uint8_t *v,
			   unsigned n_bits, struct equal_run *out)
{
	struct run run[REG_BITS];
	unsigned n = bits_runs(r, n_bits, run), k = 0;

	for (unsigned i = 0; i < n; i++) {
		struct equal_run e = {run[i],
				      bits_value(v, run[i].at, run[i].n)};
		unsigned j = i;

		for (; j > 0 && before(&e, &out[j - 1]); j--)
			out[j] = out[j - 1];
		out[j] = e;
	}
	for (unsigned i = 0; i < n; i++) {
		struct equal_run *last = k ? &out[k - 1] : NULL;

		if (last && joins(last, &out[i])) {
			last->value = last->value << out[i].run.n |
				      out[i].value;
			last->run.n += out[i].run.n;
		} else {
			out[k++] = out[i];
		}
	}
	return k;
}

uint32_t bits_equal(const struct bits_ctx *c, const struct rbit *r,
		    const uint8_t *v, unsigned bytes)
{
	struct equal_run e[REG_BITS];
	uint32_t set = SPACE_ALL;

	for (unsigned i = equal_runs(r, v, bytes * 8, e);
	     i-- > 0 && set != SPACE_NO;)
		set = space_apply(c->s, &tri_and,
				  run_in(c, r, &e[i].run, e[i].value,
					 e[i].value),
				  set);
	return set;
}

/* As memcmp() orders: first run below, or equal and the rest below. */
uint32_t bits_below(const struct bits_ctx *c, const struct rbit *r,
		    const uint8_t *v, unsigned bytes, bool or_equal)
{
	struct run run[REG_BITS];
	unsigned n = bits_runs(r, bytes * 8, run);
	uint32_t set = or_equal ? SPACE_ALL : SPACE_NO;

	for (unsigned i = n; i-- > 0;) {
		space_val x = bits_value(v, run[i].at, run[i].n);
		uint32_t below = SPACE_NO;

		if (set == SPACE_ALL) {
			set = run_in(c, r, &run[i], 0, x);
			continue;
		}
		if (x > 0)
			below = run_in(c, r, &run[i], 0, x - 1);
		set = space_apply(c->s, &tri_and, run_in(c, r, &run[i], x, x),
				  set);
		set = space_apply(c->s, &tri_or, below, set);
	}
	return set;
}

uint32_t bits_between(const struct bits_ctx *c, const struct rbit *r,
		      const uint8_t *lo, const uint8_t *hi, unsigned bytes)
{
	struct run run[REG_BITS];
	uint32_t below;

	if (bits_runs(r, bytes * 8, run) == 1)
		return run_in(c, r, run, bits_value(lo, 0, bytes * 8),
			      bits_value(hi, 0, bytes * 8));
	below = bits_below(c, r, lo, bytes, false);
	return space_apply(c->s, &tri_and, space_map(c->s, &tri_not, below),
			   bits_below(c, r, hi, bytes, true));
}
