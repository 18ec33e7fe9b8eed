#include "audit/capture_impl.h"

#include <string.h>

#include "base/mem.h"

/*
 * pcapng (draft-ietf-opsawg-pcapng): blocks of type, length, body, length.
 * A section header sets the byte order, interface blocks give link type and
 * resolution to the packets that name them. What we do not know is skipped,
 * however long.
 */
enum {
	BLOCK_MIN = 12,
	BT_INTERFACE = 1,
	BT_PACKET_OLD = 2,
	BT_PACKET_SIMPLE = 3,
	BT_STATISTICS = 5,
	BT_PACKET = 6,
};

#define BT_SECTION 0x0a0d0d0au
#define BYTE_ORDER_MAGIC 0x1a2b3c4du

enum { OPT_END = 0, OPT_TSRESOL = 9, OPT_TSOFFSET = 14,
       OPT_EPB_DROPCOUNT = 4, OPT_ISB_IFDROP = 5, OPT_ISB_OSDROP = 7 };

struct block {
	uint32_t type, len;	/* whole length, both lengths included */
	const uint8_t *body;
	uint32_t n;
};

static uint64_t load64(const uint8_t *p, bool swapped)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return swapped ? __builtin_bswap64(v) : v;
}

/* Steps over one option; false at the end or where its length lies. */
static bool next_option(const struct capture *c, const uint8_t **p,
			const uint8_t *end, uint16_t *code,
			const uint8_t **val, uint16_t *len)
{
	size_t room, padded;

	if (end - *p < 4)
		return false;
	*code = load16(*p, c->swapped);
	*len = load16(*p + 2, c->swapped);
	*val = *p + 4;
	room = (size_t)(end - *val);
	if (*code == OPT_END || *len > room)
		return false;
	padded = (*len + 3u) & ~(size_t)3;
	*p = *val + (padded < room ? padded : room);
	return true;
}

/* if_tsresol: the exponent of 10, or of 2 with the upper bit set. */
static uint64_t resolution(uint8_t v)
{
	uint64_t r = 1;

	if (v & 0x80)
		return (v & 0x7f) < 64 ? UINT64_C(1) << (v & 0x7f) : 0;
	if (v > 19)
		return 0;
	while (v--)
		r *= 10;
	return r;
}

static bool add_iface(struct capture *c, const struct block *b)
{
	struct pcapng_iface i = { .per_second = 1000000 };
	const uint8_t *p = b->body + 8, *end = b->body + b->n, *val;
	uint16_t code, len;

	if (b->n < 8 || c->n_iface == CAPTURE_IFACES)
		return false;
	i.link = load16(b->body, c->swapped);
	i.snaplen = load32(b->body + 4, c->swapped);
	while (next_option(c, &p, end, &code, &val, &len)) {
		if (code == OPT_TSRESOL && len >= 1)
			i.per_second = resolution(val[0]);
		else if (code == OPT_TSOFFSET && len >= 8)
			i.offset = (int64_t)load64(val, c->swapped);
	}
	if (!i.per_second)
		return false;
	if (i.per_second == 1000000000)
		i.per_second = 0;
	if (c->n_iface == c->cap_iface) {
		c->cap_iface = c->cap_iface ? c->cap_iface * 2 : 4;
		c->iface = mem_realloc(c->iface, c->cap_iface * sizeof(i));
	}
	c->iface[c->n_iface++] = i;
	return true;
}

static uint64_t nanoseconds(const struct pcapng_iface *i, uint64_t ticks)
{
	uint64_t ns = ticks;

	if (i->per_second == 1000000)
		ns = ticks * 1000;
	else if (i->per_second)
		ns = (uint64_t)((unsigned __int128)ticks * 1000000000 /
				i->per_second);
	return ns + (uint64_t)i->offset * 1000000000;
}

/* Statistics and packets may both tell of the same drops, as totals of an
 * interface: the higher one counts. */
static void dropped(struct capture *c, struct pcapng_iface *i, uint64_t total)
{
	if (total <= i->dropped)
		return;
	c->st.dropped += total - i->dropped;
	i->dropped = total;
}

/* What was lost since the packet before, as an enhanced packet's option says
 * or the old kind of block (65535: not known). */
static void lost_before(struct capture *c, const struct block *b, uint32_t cap,
			struct pcapng_iface *i)
{
	size_t at = 20 + ((cap + 3u) & ~(size_t)3);
	const uint8_t *p = b->body + at, *end = b->body + b->n, *val;
	uint16_t code, len, old = load16(b->body + 2, c->swapped);

	if (b->type == BT_PACKET_OLD)
		i->lost += old == UINT16_MAX ? 0 : old;
	else if (at < b->n)
		while (next_option(c, &p, end, &code, &val, &len))
			if (code == OPT_EPB_DROPCOUNT && len >= 8)
				i->lost += load64(val, c->swapped);
	dropped(c, i, i->lost);
}

static bool packet(struct capture *c, const struct block *b, uint32_t iface,
		   struct frame *out)
{
	struct pcapng_iface *i;
	uint64_t ticks;
	uint32_t cap;

	if (b->n < 20 || iface >= c->n_iface)
		return false;
	i = &c->iface[iface];
	cap = load32(b->body + 12, c->swapped);
	if (cap > FRAME_MAX || cap > b->n - 20)
		return false;
	lost_before(c, b, cap, i);
	out->data = b->body + 20;
	ticks = (uint64_t)load32(b->body + 4, c->swapped) << 32;
	out->ts = nanoseconds(i, ticks | load32(b->body + 8, c->swapped));
	out->caplen = cap;
	out->len = load32(b->body + 16, c->swapped);
	if (out->len < cap)
		out->len = cap;
	out->link = i->link;
	return true;
}

/* No time stamp, no captured length: the snap length tells. */
static bool packet_simple(struct capture *c, const struct block *b,
			  struct frame *out)
{
	uint32_t cap;

	if (b->n < 4 || !c->n_iface)
		return false;
	out->len = load32(b->body, c->swapped);
	cap = b->n - 4 < out->len ? b->n - 4 : out->len;
	if (c->iface[0].snaplen && cap > c->iface[0].snaplen)
		cap = c->iface[0].snaplen;
	if (cap > FRAME_MAX)
		return false;
	out->data = b->body + 4;
	out->ts = 0;
	out->caplen = cap;
	out->link = c->iface[0].link;
	return true;
}

/* Statistics are running totals; what the kernel dropped is part of how
 * complete the observation was. */
static void statistics(struct capture *c, const struct block *b)
{
	const uint8_t *p = b->body + 12, *end = b->body + b->n, *val;
	uint16_t code, len;
	uint64_t drops = 0;
	uint32_t iface;

	if (b->n < 12)
		return;
	iface = load32(b->body, c->swapped);
	if (iface >= c->n_iface)
		return;
	while (next_option(c, &p, end, &code, &val, &len))
		if ((code == OPT_ISB_IFDROP || code == OPT_ISB_OSDROP) &&
		    len >= 8)
			drops += load64(val, c->swapped);
	dropped(c, &c->iface[iface], drops);
}

static bool section(struct capture *c, const uint8_t *p, const char **why)
{
	uint32_t magic = load32(p + 8, false);

	if (magic != BYTE_ORDER_MAGIC &&
	    magic != __builtin_bswap32(BYTE_ORDER_MAGIC)) {
		*why = "has a section without a byte-order mark";
		return false;
	}
	c->swapped = magic != BYTE_ORDER_MAGIC;
	if (load16(p + 12, c->swapped) != 1) {
		*why = "has a version of pcapng that nobody reads";
		return false;
	}
	c->n_iface = 0;
	return true;
}

/* The header of the block at hand. 1: whole in the buffer; 0: more is
 * needed; -1: damaged, or too long to hold (then it is to be skipped). */
static int block_at(struct capture *c, struct block *b, const char **why)
{
	const uint8_t *p = c->buf + c->at;
	size_t have = c->end - c->at;

	if (have < BLOCK_MIN)
		return 0;
	b->type = load32(p, false);
	if (b->type == BT_SECTION) {
		if (have < 16)
			return 0;
		if (!section(c, p, why))
			return -1;
	}
	b->type = load32(p, c->swapped);
	b->len = load32(p + 4, c->swapped);
	if (b->len < BLOCK_MIN || b->len % 4) {
		*why = "has a block of impossible length";
		return -1;
	}
	b->body = p + 8;
	b->n = b->len - BLOCK_MIN;
	if (have < b->len)
		return 0;
	if (load32(p + b->len - 4, c->swapped) != b->len) {
		*why = "has a block whose two lengths differ";
		return -1;
	}
	return 1;
}

static void place(struct capture *c, struct frame *f, size_t before)
{
	f->number = c->st.packets + before + 1;
	f->source = c->source;
	c->st.cut += f->caplen < f->len;
}

/* 1: a frame; 0: nothing for us; -1: it contradicts itself. */
static int take(struct capture *c, const struct block *b, struct frame *out)
{
	bool ok;

	switch (b->type) {
	case BT_PACKET:
		ok = packet(c, b, b->n >= 4 ? load32(b->body, c->swapped) : 0,
			    out);
		return ok ? 1 : -1;
	case BT_PACKET_OLD:
		ok = packet(c, b, b->n >= 2 ? load16(b->body, c->swapped) : 0,
			    out);
		return ok ? 1 : -1;
	case BT_PACKET_SIMPLE:
		return packet_simple(c, b, out) ? 1 : -1;
	case BT_INTERFACE:
		return add_iface(c, b) ? 0 : -1;
	case BT_STATISTICS:
		statistics(c, b);
		return 0;
	default:
		return 0;
	}
}

static const char *const bad_block =
	"has a packet or interface block that contradicts itself";

/* Brings the next block into the buffer, or steps over one that does not fit
 * there; false: the end. */
static bool advance(struct capture *c, const struct block *b)
{
	size_t have = c->end - c->at;

	if (have >= BLOCK_MIN && b->len > CAPTURE_WINDOW) {
		for (uint64_t left = b->len; left;) {
			size_t n = c->end - c->at;

			if (!n && !capture_want(c, 1)) {
				capture_damage(c, "ends within a block");
				return false;
			}
			n = c->end - c->at;
			n = n < left ? n : (size_t)left;
			c->at += n;
			left -= n;
		}
		return true;
	}
	if (capture_want(c, have < 16 ? 16 : b->len))
		return true;
	/* A last block of 12 bytes is legal and shorter than a section's. */
	if (have < 16 && c->end - c->at > have)
		return true;
	if (c->end > c->at)
		capture_damage(c, "ends within a block");
	return false;
}

static size_t pcapng_read(struct capture *c, struct frame *out, size_t max)
{
	struct block b = { 0 };
	const char *why = NULL;
	size_t n = 0;

	while (n < max) {
		int rc = block_at(c, &b, &why);

		if (rc == 0) {
			/* The window must not move under frames already
			 * taken from it. */
			if (n)
				return n;
			if (advance(c, &b))
				continue;
			break;
		}
		if (rc > 0)
			rc = take(c, &b, &out[n]);
		if (rc < 0) {
			capture_damage(c, why ? why : bad_block);
			break;
		}
		if (rc > 0)
			place(c, &out[n], n);
		c->at += b.len;
		n += (size_t)rc;
	}
	if (n < max) {
		c->at = c->end;
		c->eof = true;
	}
	return n;
}

int pcapng_start(struct capture *c, const char **why)
{
	struct block b;

	if (!capture_want(c, 28)) {
		*why = "ends within its header";
		return -1;
	}
	c->read = pcapng_read;
	return block_at(c, &b, why) < 0 ? -1 : 0;
}
