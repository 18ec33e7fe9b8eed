#include "probe.h"

/* What comes out, where, and how it looks. */

static int by_world_index(int index)
{
	int i;

	for (i = 0; i < iface_count; i++)
		if (ifaces[i].world_index == index)
			return i;
	return -2;
}

static void note(struct watch *w, int where)
{
	if (where == w->out)
		w->seen++;
	else if (where == SELF)
		w->local = true;
	else
		w->elsewhere = where;
}

static bool same_address(const uint8_t *b, const struct address *a)
{
	return memcmp(b, a->b, a->v6 ? 16 : 4) == 0;
}

/* The packet that an ICMP error quotes. */
bool quotes(const struct look *as, const uint8_t *l4, size_t n, bool v6)
{
	const uint8_t *ip = l4 + 8;

	if (n < 8 + (v6 ? 40u : 20u))
		return false;
	return same_address(ip + (v6 ? 8 : 12), &as->inner_src) &&
	       same_address(ip + (v6 ? 24 : 16), &as->inner_dst);
}

static bool looks_right(const struct look *as, const uint8_t *ip,
			const uint8_t *l4, size_t n, int proto, bool v6)
{
	if (!as->given || ip == NULL)
		return true;
	if (as->dst.v6 != v6 || !same_address(ip + (v6 ? 24 : 16), &as->dst) ||
	    (!as->any_src && !same_address(ip + (v6 ? 8 : 12), &as->src)))
		return false;
	if (has_ports(proto) && (int)get16(l4 + 2) != as->port)
		return false;
	return !as->inner || quotes(as, l4, n, v6);
}

/* A layer 4 packet seen at an interface, or SELF; ip: its header, where it is
 * at hand. */
void seen(const uint8_t *ip, const uint8_t *l4, size_t n, int proto, bool first, bool v6,
		 int where)
{
	struct watch *w;
	uint32_t id;
	const uint8_t *t;

	if (v6 && first && proto == IPPROTO_ICMPV6 && n >= 24 && l4[0] == 136 &&
	    where != SELF && memcmp(l4 + 8, na_target, 16) == 0)
		na_seen = true;
	if (first && proto == IPPROTO_TCP && n >= 20 && where != SELF &&
	    (int)get16(l4 + 2) == dial_port) {
		dial_answered |= (l4[13] & 0x16) == 0x12;
		dial_refused |= (l4[13] & 0x04) != 0;
	}
	if (first && proto == IPPROTO_TCP && n == 20 && (l4[13] & 0x04) &&
	    where != SELF) {
		id = by_sport[get16(l4 + 2)];
		if (id != 0 && watches[id - 1].in == where)
			watches[id - 1].rejected = true;
		return;
	}
	if (n < TAIL)
		return;
	t = l4 + n - TAIL;
	if (get32(t) != TAIL_MAGIC)
		return;
	id = get32(t + 4);
	if (get32(t + 8) != ~id || id >= watch_count)
		return;
	w = &watches[id];
	if (proto == w->proto && (!first || w->type < 0 || l4[0] == w->type)) {
		note(w, where);
		if (where == w->out && first)
			w->changed |= !looks_right(&w->as, ip, l4, n, proto,
						   v6);
		return;
	}
	if (!first || where == SELF)
		return;
	if (proto == IPPROTO_ICMP && !v6) {
		if (l4[0] == 3)
			w->rejected = true;
		if (l4[0] == 0 && w->type == 8)
			w->answered = true;
	}
	if (proto == IPPROTO_ICMPV6 && v6) {
		if (l4[0] == 1)
			w->rejected = true;
		if (l4[0] == 129 && w->type == 128)
			w->answered = true;
	}
}

static void seen_ip(const uint8_t *b, size_t n, int where)
{
	if (n < 20)
		return;
	if (b[0] >> 4 == 4) {
		size_t h = (size_t)(b[0] & 15) * 4, total = get16(b + 2);
		unsigned f = get16(b + 6);

		if (h < 20 || total < h || total > n)
			return;
		if ((f & 0x2000) != 0)
			return; /* the last fragment counts */
		seen(b, b + h, total - h, b[9], (f & 0x1fff) == 0, false, where);
	} else if (b[0] >> 4 == 6 && n >= 40) {
		size_t at = 40, total = 40 + get16(b + 4);
		int next = b[6];
		bool first = true;

		if (total > n)
			return;
		while (at + 8 <= total &&
		       (next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING ||
			next == IPPROTO_DSTOPTS || next == IPPROTO_FRAGMENT)) {
			int was = next;

			next = b[at];
			if (was == IPPROTO_FRAGMENT) {
				unsigned f = get16(b + at + 2);

				if ((f & 1) != 0)
					return;
				if ((f & ~7u) != 0) {
					first = false;
					at += 8;
					break;
				}
				at += 8;
			} else {
				at += ((size_t)b[at + 1] + 1) * 8;
			}
		}
		if (at <= total)
			seen(b, b + at, total - at, next, first, true, where);
	}
}

/* The next message of a buffer, or NULL. */
const struct nlmsghdr *message(const uint8_t *buffer, size_t n,
				      size_t *at)
{
	const struct nlmsghdr *h =
		(const struct nlmsghdr *)(const void *)(buffer + *at);

	if (n < *at + sizeof *h || h->nlmsg_len < sizeof *h ||
	    h->nlmsg_len > n - *at)
		return NULL;
	*at += NLMSG_ALIGN(h->nlmsg_len);
	return h;
}

void drain_logs(void)
{
	static uint8_t buffer[1 << 16];
	ssize_t n;

	if (log_socket < 0)
		return;
	while ((n = recv(log_socket, buffer, sizeof buffer, MSG_DONTWAIT)) >
	       0) {
		const struct nlmsghdr *h;
		size_t at = 0;

		while ((h = message(buffer, (size_t)n, &at)) != NULL)
			if (h->nlmsg_type ==
			    (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET))
				log_count++;
	}
}

static void drain(void)
{
	static uint8_t buffer[1 << 16];
	struct sockaddr_ll from;
	socklen_t from_length;
	ssize_t n;
	int v, proto;

	for (;;) {
		from_length = sizeof from;
		n = recvfrom(packet_socket, buffer, sizeof buffer, MSG_DONTWAIT,
			     (struct sockaddr *)&from, &from_length);
		if (n < 0)
			break;
		if (n < ETH_HLEN || from.sll_pkttype == PACKET_OUTGOING)
			continue;
		switch (get16(buffer + 12)) {
		case MARKER_TYPE:
			if (n >= ETH_HLEN + 4)
				marker_seen = get32(buffer + ETH_HLEN);
			break;
		case ETH_P_IP:
		case ETH_P_IPV6:
			seen_ip(buffer + ETH_HLEN, (size_t)n - ETH_HLEN,
				by_world_index(from.sll_ifindex));
			break;
		default:
			break;
		}
	}
	for (v = 0; v < 2; v++)
		for (proto = 1; proto < 255; proto++) {
			if (raw_socket[v][proto] < 0)
				continue;
			while ((n = recv(raw_socket[v][proto], buffer,
					 sizeof buffer, MSG_DONTWAIT)) > 0) {
				if (v == 0)
					seen_ip(buffer, (size_t)n, SELF);
				else
					seen(NULL, buffer, (size_t)n, proto, true,
					     true, SELF);
			}
		}
	drain_logs();
}

static void frame_header(uint8_t *h, int in, int out, const uint8_t *ip)
{
	static const uint8_t to[6] = {2, 0, 0, 1, 0, 0},
			     from[6] = {2, 0, 0, 2, 0, 0};

	memcpy(h, to, 6);
	h[5] = (uint8_t)(in + 1);
	memcpy(h + 6, from, 6);
	h[11] = (uint8_t)(out == SELF ? OUT_LOCAL : out + 1);
	if (ip == NULL) {
		put16(h + 12, MARKER_TYPE);
		return;
	}
	put16(h + 12, ip[0] >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP);
	if (ip[0] >> 4 == 4 && get32(ip + 16) == 0xffffffff) {
		memset(h, 0xff, 6);
	} else if (ip[0] >> 4 == 4 && ip[16] >> 4 == 14) {
		h[0] = 1, h[1] = 0, h[2] = 0x5e, h[3] = ip[17] & 0x7f,
		h[4] = ip[18], h[5] = ip[19];
	} else if (ip[0] >> 4 == 6 && ip[24] == 0xff) {
		h[0] = h[1] = 0x33;
		memcpy(h + 2, ip + 36, 4);
	}
}

void inject(int in, int out, const uint8_t *ip, size_t n)
{
	uint8_t frame[PACKET_MAX + ETH_HLEN];
	struct sockaddr_ll to = {.sll_family = AF_PACKET};
	int tries = 0;

	frame_header(frame, in, out, ip);
	memcpy(frame + ETH_HLEN, ip, n);
	to.sll_ifindex = ifaces[in].world_index;
	while (sendto(packet_socket, frame, n + ETH_HLEN, 0,
		      (struct sockaddr *)&to, sizeof to) < 0) {
		if ((errno != ENOBUFS && errno != EAGAIN && errno != EINTR) ||
		    ++tries > 1000)
			die(2, "send to %s: %s", ifaces[in].name,
			    strerror(errno));
		drain();
		usleep(1000);
	}
}

/* Sends a marker there and back through an interface; false if it is lost. */
bool marker(int at, int wait_ms)
{
	uint8_t frame[ETH_ZLEN] = {0};
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
				 .sll_ifindex = ifaces[at].world_index};
	struct pollfd p[2] = {{.fd = packet_socket, .events = POLLIN},
			      {.fd = marker_socket, .events = POLLIN}};
	struct timespec t;
	long long now, end;

	frame_header(frame, at, at, NULL);
	put32(frame + ETH_HLEN, ++marker_sent);
	if (sendto(packet_socket, frame, sizeof frame, 0,
		   (struct sockaddr *)&to, sizeof to) < 0)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &t);
	now = t.tv_sec * 1000LL + t.tv_nsec / 1000000;
	end = now + wait_ms;
	for (;;) {
		uint8_t got[2048];
		struct sockaddr_ll from;
		socklen_t length = sizeof from;
		ssize_t n;

		while ((n = recvfrom(marker_socket, got, sizeof got,
				     MSG_DONTWAIT, (struct sockaddr *)&from,
				     &length)) >= 0) {
			if (from.sll_pkttype != PACKET_OUTGOING &&
			    n >= ETH_HLEN + 4 &&
			    get32(got + ETH_HLEN) == marker_sent) {
				struct sockaddr_ll back = {
					.sll_family = AF_PACKET,
					.sll_ifindex = from.sll_ifindex};

				if (sendto(marker_socket, got, (size_t)n, 0,
					   (struct sockaddr *)&back,
					   sizeof back) < 0)
					return false;
			}
			length = sizeof from;
		}
		drain();
		if (marker_seen == marker_sent)
			return true;
		clock_gettime(CLOCK_MONOTONIC, &t);
		now = t.tv_sec * 1000LL + t.tv_nsec / 1000000;
		if (now >= end)
			return false;
		poll(p, 2, (int)(end - now));
	}
}

/* Returns when everything sent has been handled. */
void settle(void)
{
	struct tpacket_stats st;
	socklen_t length = sizeof st;
	int i;

	for (i = 0; i < 10; i++)
		if (marker(0, 1000))
			break;
	if (i == 10)
		die(2,
		    "the packets sent are not handled: no marker comes back");
	if (getsockopt(packet_socket, SOL_PACKET, PACKET_STATISTICS, &st,
		       &length) == 0)
		frames_lost += st.tp_drops;
}
