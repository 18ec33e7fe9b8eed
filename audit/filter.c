#include <pcap/pcap.h>

#include "audit/live.h"

/* The filter for files: compiled once a link type. */
enum { FILTER_LINKS = 8 };

struct filter {
	const char *text;
	struct compiled {
		uint16_t link;
		bool ok;
		struct bpf_program prog;
	} of[FILTER_LINKS];
	size_t n;
};

static struct compiled *compile(struct filter *f, uint16_t link,
				const char **why, struct arena *a)
{
	struct compiled *c = &f->of[f->n];
	pcap_t *p = pcap_open_dead(link, FRAME_MAX);

	if (!p)
		return NULL;
	c->link = link;
	c->ok = pcap_compile(p, &c->prog, f->text, 1,
			     PCAP_NETMASK_UNKNOWN) == 0;
	if (!c->ok && why)
		*why = arena_strdup(a, pcap_geterr(p));
	pcap_close(p);
	f->n++;
	return c;
}

struct filter *filter_new(struct arena *a, const char *expression,
			  const char **why)
{
	struct filter *f = ARENA_NEW(a, struct filter);
	struct compiled *c;

	f->text = arena_strdup(a, expression);
	*why = "cannot be compiled";
	c = compile(f, LINK_ETHERNET, why, a);
	return c && c->ok ? f : NULL;
}

void filter_free(struct filter *f)
{
	for (size_t i = 0; f && i < f->n; i++)
		if (f->of[i].ok)
			pcap_freecode(&f->of[i].prog);
}

static struct compiled *for_link(struct filter *f, uint16_t link)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->of[i].link == link)
			return &f->of[i];
	return f->n < FILTER_LINKS ? compile(f, link, NULL, NULL) : NULL;
}

size_t filter_frames(struct filter *f, struct frame *v, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct compiled *c = for_link(f, v[i].link);
		struct pcap_pkthdr h = { .caplen = v[i].caplen,
					 .len = v[i].len };

		if (c && c->ok && pcap_offline_filter(&c->prog, &h, v[i].data))
			v[kept++] = v[i];
	}
	return kept;
}
