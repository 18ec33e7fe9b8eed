#include "audit/event.h"

#include <string.h>

#include "audit/bytes.h"
#include "base/json.h"
#include "base/keys.h"

/* ---- SHA-1 (FIPS 180-4, 6.1): what the community id is made of ----------- */

static uint32_t rotate(uint32_t v, unsigned n)
{
	return v << n | v >> (32 - n);
}

static void sha1_block(uint32_t h[5], const uint8_t *p)
{
	static const uint32_t k[4] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc,
				       0xca62c1d6 };
	uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];

	for (int i = 0; i < 16; i++)
		w[i] = be32(p + 4 * i);
	for (int i = 16; i < 80; i++)
		w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	for (int i = 0; i < 80; i++) {
		uint32_t f = i < 20 ? (b & c) | (~b & d) :
			     i >= 40 && i < 60 ? (b & c) | (b & d) | (c & d) :
						 b ^ c ^ d;
		uint32_t t = rotate(a, 5) + f + e + k[i / 20] + w[i];

		e = d;
		d = c;
		c = rotate(b, 30);
		b = a;
		a = t;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
}

/* At most 55 bytes: one block. */
static void sha1_short(const uint8_t *p, size_t n, uint8_t out[20])
{
	uint32_t h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
			  0xc3d2e1f0 };
	uint8_t block[64] = { 0 };

	memcpy(block, p, n);
	block[n] = 0x80;
	block[62] = (uint8_t)(n * 8 >> 8);
	block[63] = (uint8_t)(n * 8);
	sha1_block(h, block);
	for (int i = 0; i < 20; i++)
		out[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}

static void base64_20(const uint8_t in[20], char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t p[21] = { 0 };

	memcpy(p, in, 20);
	for (int i = 0; i < 7; i++) {
		uint32_t v = (uint32_t)p[3 * i] << 16 |
			     (uint32_t)p[3 * i + 1] << 8 | p[3 * i + 2];

		for (int k = 0; k < 4; k++)
			*out++ = digits[v >> (18 - 6 * k) & 63];
	}
	out[-1] = '=';
	*out = '\0';
}

/* ---- community id (github.com/corelight/community-id-spec, version 1) ---- */

/* For ICMP, type and the type of the answer stand for the ports; types that
 * have no answer are one-way: type and code, which we do not keep (0). */
static void icmp_ports(const struct conn *c, uint16_t *sport, uint16_t *dport,
		       bool *one_way)
{
	static const uint8_t v4[][2] = { { 8, 0 }, { 0, 8 }, { 13, 14 },
					 { 14, 13 }, { 15, 16 }, { 16, 15 },
					 { 17, 18 }, { 18, 17 } };
	static const uint8_t v6[][2] = { { 128, 129 }, { 129, 128 },
					 { 133, 134 }, { 134, 133 },
					 { 135, 136 }, { 136, 135 },
					 { 130, 131 }, { 131, 130 } };
	const uint8_t (*t)[2] = c->proto == PROTO_ICMP ? v4 : v6;

	*sport = c->icmp_type;
	*dport = 0;
	*one_way = true;
	for (int i = 0; i < 8; i++)
		if (t[i][0] == c->icmp_type) {
			*dport = t[i][1];
			*one_way = false;
		}
}

static size_t put_end(uint8_t *p, struct addr a)
{
	addr_to_bytes(a, p);
	return addr_is_v4(a) ? 4 : 16;
}

static size_t put_port(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return 2;
}

void community_id(const struct conn *c, char out[32])
{
	uint16_t sport = c->aport, dport = c->bport;
	bool ports = proto_sends_ports(c->proto);
	bool swap, one_way = false;
	uint8_t p[64], sum[20];
	size_t n = 2;
	int order;

	if (proto_is_icmp(c->proto)) {
		icmp_ports(c, &sport, &dport, &one_way);
		ports = true;
	}
	order = addr_cmp(c->a, c->b);
	swap = !one_way && (order > 0 || (order == 0 && sport > dport));
	p[0] = p[1] = 0; /* the seed */
	n += put_end(p + n, swap ? c->b : c->a);
	n += put_end(p + n, swap ? c->a : c->b);
	p[n++] = c->proto;
	p[n++] = 0;
	if (ports) {
		n += put_port(p + n, swap ? dport : sport);
		n += put_port(p + n, swap ? sport : dport);
	}
	sha1_short(p, n, sum);
	memcpy(out, "1:", 2);
	base64_20(sum, out + 2);
}

/* ---- lines --------------------------------------------------------------- */

static void put_time(struct json *j, const char *key, uint64_t ns)
{
	char text[TIME_TEXT];

	/* EVE's form: microseconds and an offset. */
	time_text(ns, text);
	memcpy(text + 26, "+0000", 6);
	json_str(j, key, text);
}

static const char *proto_upper(unsigned proto, char *tmp)
{
	const char *s = proto_name(proto, tmp);
	size_t i;

	for (i = 0; s[i] && i < KEY_TEXT - 1; i++)
		tmp[i] = (char)(s[i] >= 'a' && s[i] <= 'z' ? s[i] - 32 : s[i]);
	tmp[i] = '\0';
	return tmp;
}

static void put_tuple(struct json *w, const struct judge *j,
		      const struct conn *c, const struct sample *s)
{
	char text[ADDR_TEXT], tmp[KEY_TEXT];
	bool ports = proto_sends_ports(c->proto);

	judge_addr_text(j, s->src, text);
	json_str(w, "src_ip", text);
	if (ports)
		json_int(w, "src_port", s->sport);
	judge_addr_text(j, s->dst, text);
	json_str(w, "dest_ip", text);
	if (ports)
		json_int(w, "dest_port", s->dport);
	json_str(w, "proto", proto_upper(c->proto, tmp));
	if (proto_is_icmp(c->proto))
		json_int(w, "icmp_type", c->icmp_type);
}

/* EVE's words. */
static const char *state(const struct conn *c)
{
	if (c->proto == PROTO_TCP &&
	    (c->seen & (SEEN_FIN * 3 | SEEN_RST * 3)))
		return "closed";
	return c->packets[0] && c->packets[1] ? "established" : "new";
}

static void put_flow(struct json *j, const struct conn *c, unsigned from,
		     bool alerted)
{
	json_object(j, "flow");
	json_int(j, "pkts_toserver", c->packets[from]);
	json_int(j, "pkts_toclient", c->packets[!from]);
	json_int(j, "bytes_toserver", (long long)c->bytes[from]);
	json_int(j, "bytes_toclient", (long long)c->bytes[!from]);
	put_time(j, "start", c->first);
	put_time(j, "end", c->last);
	json_int(j, "age", (long long)((c->last - c->first) / 1000000000));
	json_str(j, "state", state(c));
	json_bool(j, "alerted", alerted);
	json_end_object(j);
}

/* 1 is the worst, as there. */
static int severity(const struct finding *f)
{
	return f->cls <= F_OUTSIDE_IN ? 1 : f->answered ? 2 : 3;
}

static void put_alert(struct json *j, const struct finding *f,
		      const struct words_of *w)
{
	json_object(j, "alert");
	json_str(j, "action", f->answered ? "allowed" : "blocked");
	json_int(j, "gid", 1);
	json_int(j, "signature_id", f->cls + 1);
	json_int(j, "rev", 1);
	json_str(j, "signature", w->title);
	json_str(j, "category", w->cls);
	json_int(j, "severity", severity(f));
	json_end_object(j);
}

const char *finding_state(const struct finding *f)
{
	return f->answered ? "answered" : f->refused ? "refused" :
						       "attempted";
}

static void put_own(struct json *j, const struct finding *f,
		    const struct words_of *w)
{
	json_object(j, "portplan");
	json_str(j, "from", w->from);
	json_str(j, "to", w->to);
	json_str(j, "service", w->service);
	json_str(j, "note", w->note);
	if (w->let_through)
		json_str(j, "let_through", w->let_through);
	json_str(j, "state", finding_state(f));
	for (int h = 0; h < HOW_N; h++)
		if (f->how[h])
			json_str(j, "direction", how_names[h]);
	json_end_object(j);
}

/* A number for one flow, the same in every run over it: 51 bits, so that it
 * survives readers that take numbers for floating point. */
static long long flow_id(const struct conn *c, const char *id)
{
	uint64_t h = c->first;

	for (; *id; id++)
		h = (h ^ (uint8_t)*id) * UINT64_C(0x100000001b3);
	return (long long)((h ^ h >> 29) & ((UINT64_C(1) << 51) - 1));
}

void event_flow(struct buf *out, struct arena *scratch, const struct judge *j,
		const struct conn *c, const struct finding *f,
		const struct observed *seen, size_t n_seen)
{
	struct json w = { .out = out, .compact = true };
	struct words_of words;
	struct conn shown = *c;
	const struct sample *s = &f->sample[0];
	unsigned from = !addr_eq(s->src, c->a) || s->sport != c->aport;
	char id[32];

	if (!f->n_sample)
		return;
	words = finding_words(scratch, j, f, seen, n_seen);
	shown.a = mask_addr(j->mask, c->a);
	shown.b = mask_addr(j->mask, c->b);
	community_id(&shown, id);
	json_object(&w, NULL);
	put_time(&w, "timestamp", c->last);
	json_int(&w, "flow_id", flow_id(c, id));
	json_str(&w, "in_iface", c->source < n_seen ? seen[c->source].name :
						      NULL);
	json_str(&w, "event_type", f->cls == F_NONE ? "flow" : "alert");
	json_int(&w, "pcap_cnt", (long long)s->number);
	put_tuple(&w, j, c, s);
	json_str(&w, "community_id", id);
	if (f->cls != F_NONE)
		put_alert(&w, f, &words);
	put_flow(&w, c, from, f->cls != F_NONE);
	put_own(&w, f, &words);
	json_end_object(&w); /* ends the line */
}

void event_summary(struct buf *out, const struct report *r, uint64_t now)
{
	struct json w = { .out = out, .compact = true };

	json_object(&w, NULL);
	put_time(&w, "timestamp", r->totals->frames ? r->totals->last : now);
	json_str(&w, "event_type", "stats");
	json_object(&w, "portplan");
	json_bool(&w, "complete", !r->incomplete);
	json_int(&w, "frames", (long long)r->totals->frames);
	json_int(&w, "flows", (long long)r->totals->flows);
	json_int(&w, "planned", (long long)r->totals->planned);
	json_int(&w, "findings", (long long)r->totals->wanting);
	json_int(&w, "kinds_of_findings", (long long)r->n_finding);
	json_str(&w, "ended", r->ended);
	report_json_gaps(r, &w);
	json_end_object(&w);
	json_end_object(&w); /* ends the line */
}
