#include "audit/evidence.h"

#include <stdio.h>
#include <stdlib.h>

#include "audit/remake.h"
#include "base/mem.h"

enum { LINKS = 16, MANY = 1000000 };

struct evidence {
	FILE *file;
	bool whole;
	struct mask *mask; /* NULL: packets as they are */
	uint16_t link[LINKS]; /* one interface block for each */
	uint32_t n_link;
	uint64_t packets;
};

static void put(struct evidence *e, const void *p, size_t n)
{
	fwrite(p, 1, n, e->file);
}

static void put_words(struct evidence *e, const uint32_t *w, size_t n)
{
	put(e, w, n * sizeof(*w));
}

struct evidence *evidence_open(int fd, bool whole, struct mask *mask)
{
	static const uint32_t section[] = {
		0x0a0d0d0a, 28, 0x1a2b3c4d, 1, UINT32_MAX, UINT32_MAX, 28,
	};
	FILE *file = fdopen(fd, "wb");
	struct evidence *e;

	if (!file)
		return NULL;
	e = mem_alloc(sizeof(*e));
	*e = (struct evidence){ .file = file, .whole = whole,
				.mask = mask };
	put_words(e, section, sizeof(section) / sizeof(*section));
	return e;
}

static uint32_t iface(struct evidence *e, uint16_t link)
{
	/* Option 9, if_tsresol: 10^-9; then the end of options. */
	uint32_t block[] = { 1, 32, link, 0, 9 | 1 << 16, 9, 0, 32 };

	for (uint32_t i = 0; i < e->n_link; i++)
		if (e->link[i] == link)
			return i;
	if (e->n_link == LINKS)
		return UINT32_MAX;
	e->link[e->n_link] = link;
	put_words(e, block, 8);
	return e->n_link++;
}

static void put_packet(struct evidence *e, const struct frame *f)
{
	uint32_t cap = f->caplen, pad = -cap & 3, head[7];
	uint32_t id = iface(e, f->link);
	static const uint8_t zero[4];

	if (id == UINT32_MAX)
		return;
	head[0] = 6;
	head[1] = 32 + cap + pad;
	head[2] = id;
	head[3] = (uint32_t)(f->ts >> 32);
	head[4] = (uint32_t)f->ts;
	head[5] = cap;
	head[6] = f->len;
	put_words(e, head, 7);
	put(e, f->data, cap);
	put(e, zero, pad);
	put_words(e, &head[1], 1);
	e->packets++;
}

void evidence_packet(struct evidence *e, const struct frame *f,
		     const struct pkt *p)
{
	uint8_t made[REMADE_MAX];
	struct frame x = *f;

	if (e->packets == MANY)
		return;
	if (e->mask) {
		x.link = LINK_RAW;
		x.data = made;
		x.caplen = (uint32_t)remake_packet(p, e->mask, made, &x.len);
		if (!x.caplen)
			return;
	} else if (!e->whole && p->payload >= f->data &&
		   p->payload <= f->data + f->caplen) {
		x.caplen = (uint32_t)(p->payload - f->data);
	}
	put_packet(e, &x);
}

void evidence_flush(struct evidence *e)
{
	fflush(e->file);
}

int evidence_close(struct evidence *e)
{
	int rc = ferror(e->file);

	rc |= fclose(e->file);
	free(e);
	return rc ? -1 : 0;
}
