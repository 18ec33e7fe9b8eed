#include "audit/capture_impl.h"

/*
 * The classic format (draft-ietf-opsawg-pcap): a header of 24 bytes that sets
 * byte order, resolution and link type for the whole file, then records.
 */
enum {
	FILE_HEADER = 24,
	RECORD = 16,
	RECORD_KUZNETSOV = 24, /* ifindex, protocol, packet type follow */
	AHEAD = 1024, /* measured best of 256 to 1024 */
};

/* Leaves at on the first record it could not take. The flag is constant in
 * each caller, so the loop has no byte-order test in it. */
static inline __attribute__((always_inline)) size_t
walk(struct capture *c, struct frame *out, size_t max, bool swapped)
{
	const struct pcap_form f = c->pcap;
	const uint8_t *p = c->buf + c->at, *end = c->buf + c->end;
	uint64_t number = c->st.packets + 1, cut = 0;
	size_t n = 0;

	while (n < max && (size_t)(end - p) >= f.header) {
		uint32_t cap = load32(p + 8, swapped);
		uint32_t len = load32(p + 12, swapped);

		if (f.lengths_swapped) {
			uint32_t t = cap;

			cap = len;
			len = t;
		}
		if (cap > FRAME_MAX || cap > (size_t)(end - p) - f.header)
			break;
		/* The next headers' places are known only one by one. */
		__builtin_prefetch(p + AHEAD);
		out[n].data = p + f.header;
		out[n].ts = load32(p, swapped) * UINT64_C(1000000000) +
			    (uint64_t)load32(p + 4, swapped) * f.unit;
		out[n].number = number++;
		out[n].caplen = cap;
		out[n].len = len < cap ? cap : len;
		out[n].link = f.link;
		out[n].source = c->source;
		cut += cap < len;
		p += f.header + cap;
		n++;
	}
	c->st.cut += cut;
	c->at = (size_t)(p - c->buf);
	return n;
}

static size_t walk_native(struct capture *c, struct frame *out, size_t max)
{
	return walk(c, out, max, false);
}

static size_t walk_swapped(struct capture *c, struct frame *out, size_t max)
{
	return walk(c, out, max, true);
}

/* Bytes the next record needs, or 0 after its claim was refused. */
static size_t next_size(struct capture *c)
{
	const uint8_t *p = c->buf + c->at;
	uint32_t cap = load32(p + (c->pcap.lengths_swapped ? 12 : 8),
			      c->pcap.swapped);

	if (cap <= FRAME_MAX)
		return c->pcap.header + (size_t)cap;
	capture_damage(c, "has a record longer than any packet");
	return 0;
}

static size_t pcap_read(struct capture *c, struct frame *out, size_t max)
{
	for (;;) {
		size_t n = c->pcap.swapped ? walk_swapped(c, out, max) :
					     walk_native(c, out, max);
		size_t size;

		if (n)
			return n;
		if (!capture_want(c, c->pcap.header)) {
			if (c->end > c->at)
				capture_damage(c, "ends within a record");
			break;
		}
		size = next_size(c);
		if (!size)
			break;
		if (!capture_want(c, size)) {
			capture_damage(c, "ends within a packet");
			break;
		}
	}
	c->at = c->end;
	c->eof = true;
	return 0;
}

int pcap_start(struct capture *c, const char **why)
{
	struct pcap_form *f = &c->pcap;
	uint16_t major, minor;
	const uint8_t *p;
	uint32_t magic;

	if (!capture_want(c, FILE_HEADER)) {
		*why = "ends within its header";
		return -1;
	}
	p = c->buf + c->at;
	magic = load32(p, false);
	f->swapped = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1 ||
		     magic == 0x34cdb2a1;
	if (f->swapped)
		magic = __builtin_bswap32(magic);
	f->unit = magic == 0xa1b23c4d ? 1 : 1000;
	f->header = magic == 0xa1b2cd34 ? RECORD_KUZNETSOV : RECORD;
	major = load16(p + 4, f->swapped);
	minor = load16(p + 6, f->swapped);
	if (major != 2) {
		*why = "has a version of pcap that nobody reads";
		return -1;
	}
	/* Before 2.3 the two lengths stood the other way round (libpcap,
	 * sf-pcap.c). */
	f->lengths_swapped = minor < 3;
	/* The upper bits tell of a frame check sequence. */
	f->link = (uint16_t)load32(p + 20, f->swapped);
	c->at += FILE_HEADER;
	c->read = pcap_read;
	return 0;
}
