#include <string.h>

#include "draw/sheet.h"

enum { ALONE = 3, FEW = 3 }; /* so many like hosts are shown one by one */

static const char *const kind_words[] = {
	[ZONE_INTERNET] = "internet", [ZONE_DMZ] = "dmz",
	[ZONE_INTERNAL] = "internal", [ZONE_PARTNER] = "partner",
	[ZONE_MANAGEMENT] = "management", [ZONE_USER] = "user",
};

/* A stack of text in a box that is drawn below it. */
struct stack {
	struct sheet *s;
	int x, w, y;
};

static void put_lines(struct stack *k, const char *class, const char *text)
{
	struct text_lines l = text_wrap(k->s->arena, text, k->w - 2 * PAD,
					SMALL);

	for (size_t i = 0; i < l.v.n; i++, k->y += LINE - 1)
		put_text(k->s, k->x + PAD, k->y, class, "start", l.v.v[i]);
}

static const char *prefixes_text(struct sheet *s, const struct party *p)
{
	const char **name = ARENA_ARRAY(s->arena, const char *, p->n_prefix);
	char text[ADDR_TEXT];

	for (size_t i = 0; i < p->n_prefix; i++) {
		range_text(p->prefix[i].r, text);
		name[i] = arena_strdup(s->arena, text);
	}
	return draw_names(s->arena, name, p->n_prefix, FEW);
}

static const char *role_list_text(struct sheet *s, const struct party *p)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < p->roles.n; i++)
		buf_printf(&b, "%s%s", i ? ", " : "", p->roles.v[i]->name);
	return buf_take(s->arena, &b);
}

/* The box goes before what was written into it. */
static void frame(struct stack *k, size_t from, int y, const char *class,
		  int h)
{
	struct buf *out = k->s->out;
	struct buf inside = { 0 };

	buf_put(&inside, out->s + from, out->n - from);
	out->n = from;
	buf_printf(out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" "
		   "height=\"%d\" rx=\"5\"/>\n", class, k->x, y, k->w, h);
	buf_put(out, inside.s ? inside.s : "", inside.n);
	buf_free(&inside);
}

/* Name and address on one line where both have room. */
static void put_host_line(struct stack *k, const struct party *h)
{
	char text[ADDR_TEXT];
	const char *addr;
	int room = k->w - 2 * PAD;
	bool both;

	range_text(h->prefix[0].r, text);
	addr = h->n_prefix > 1 ? arena_printf(k->s->arena, "%s +%zu", text,
					      h->n_prefix - 1) : text;
	both = text_width(h->name, strlen(h->name), NORMAL, true) + 8 +
	       text_width(addr, strlen(addr), SMALL, false) <= room;
	put_text(k->s, k->x + PAD, k->y, "pp-name", "start",
		 text_fit(k->s->arena, h->name, room, NORMAL, true));
	if (both)
		put_text(k->s, k->x + k->w - PAD, k->y, "pp-quiet", "end",
			 addr);
	k->y += LINE + 1;
	if (!both)
		put_lines(k, "pp-quiet", addr);
}

static void put_card(struct stack *k, const struct party *const *host, size_t n,
		     const char *roles, bool each, bool marked)
{
	size_t from = k->s->out->n;
	int y = k->y;

	k->y += 17;
	if (!each && n > 1) {
		const char **name = ARENA_ARRAY(k->s->arena, const char *, n);

		for (size_t i = 0; i < n; i++)
			name[i] = host[i]->name;
		put_text(k->s, k->x + PAD, k->y, "pp-name", "start",
			 arena_printf(k->s->arena, "%zu hosts", n));
		k->y += LINE + 1;
		put_lines(k, "pp-text", draw_names(k->s->arena, name, n, FEW));
	}
	for (size_t i = 0; i < n && (each || n == 1); i++)
		put_host_line(k, host[i]);
	put_lines(k, "pp-role", roles);
	k->y -= 4;
	frame(k, from, y, marked ? "pp-card pp-marked" : "pp-card", k->y - y);
	k->y += 6;
}

static void put_group(struct stack *k, const struct draw_group *g)
{
	const struct draw_options *opt = &k->s->d->opt;
	bool each = opt->zone && !strcmp(party_zone(g->parent)->name,
					 opt->zone);
	const struct party **rest = ARENA_ARRAY(k->s->arena,
						const struct party *,
						g->hosts.n);
	size_t n = 0;

	for (size_t i = 0; i < g->hosts.n; i++) {
		const struct party *h = g->hosts.v[i];
		bool marked = opt->host && !strcmp(h->name, opt->host);

		if (marked || (g->hosts.n <= ALONE && !each))
			put_card(k, &h, 1, g->roles, true, marked);
		else
			rest[n++] = h;
	}
	if (n)
		put_card(k, rest, n, g->roles, each, false);
}

static void put_inside(struct stack *k, const struct party *p);

static void put_network(struct stack *k, const struct party *p)
{
	size_t from = k->s->out->n;
	int y = k->y;
	struct stack in = { k->s, k->x + 6, k->w - 12, y + 17 };

	put_text(k->s, in.x + 4, in.y, "pp-name", "start",
		 text_fit(k->s->arena, p->name, in.w - 8, NORMAL, true));
	in.y += LINE;
	in.x -= 6;
	put_lines(&in, "pp-quiet", prefixes_text(k->s, p));
	put_lines(&in, "pp-role", role_list_text(k->s, p));
	in.x += 6;
	in.y -= 6;
	put_inside(&in, p);
	k->y = in.y + 4;
	frame(k, from, y, "pp-net", k->y - y);
	k->y += 6;
}

static void put_inside(struct stack *k, const struct party *p)
{
	for (size_t i = 0; i < k->s->d->groups.n; i++)
		if (k->s->d->groups.v[i].parent == p)
			put_group(k, &k->s->d->groups.v[i]);
	for (size_t i = 0; i < k->s->topo->networks.n; i++)
		if (k->s->topo->networks.v[i]->parent == p)
			put_network(k, k->s->topo->networks.v[i]);
}

static int put_zone(struct sheet *s, uint32_t column)
{
	const struct party *z = s->topo->zones.v[s->d->order[column]];
	struct stack k = { s, s->column[column].x, s->column[column].w,
			   s->y_zones + 22 };

	put_text(s, k.x + PAD, k.y, "pp-zone", "start",
		 text_fit(s->arena, z->name, k.w - 2 * PAD, LARGE, true));
	k.y += LINE;
	if (strcmp(z->name, kind_words[z->zone_kind])) {
		put_text(s, k.x + PAD, k.y, "pp-kind", "start",
			 kind_words[z->zone_kind]);
		k.y += LINE;
	}
	put_lines(&k, "pp-quiet", prefixes_text(s, z));
	put_lines(&k, "pp-role", role_list_text(s, z));
	k.x += 7;
	k.w -= 14;
	k.y -= 2;
	put_inside(&k, z);
	return k.y + 3;
}

void sheet_zones(struct sheet *s)
{
	struct buf inside = { 0 }, *out = s->out;
	int bottom = s->y_zones + 96;

	for (size_t i = 0; i < s->topo->firewalls.n; i++)
		if (s->wall[i].between && s->wall[i].y + 30 > bottom)
			bottom = s->wall[i].y + 30;
	s->out = &inside;
	for (uint32_t i = 0; i < s->n_column; i++) {
		int y = put_zone(s, i);

		bottom = y > bottom ? y : bottom;
	}
	s->out = out;
	for (uint32_t i = 0; i < s->n_column; i++)
		buf_printf(out, "<rect class=\"pp-box pp-k%d\" x=\"%d\" "
			   "y=\"%d\" width=\"%d\" height=\"%d\" rx=\"8\"/>\n",
			   (int)s->topo->zones.v[s->d->order[i]]->zone_kind,
			   s->column[i].x, s->y_zones, s->column[i].w,
			   bottom - s->y_zones);
	buf_put(out, inside.s ? inside.s : "", inside.n);
	buf_free(&inside);
	s->y_rows = bottom;
}
