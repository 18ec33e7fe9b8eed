#ifndef AUDIT_SNIFF_H
#define AUDIT_SNIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is spoken, as its first bytes tell. */
enum app {
	APP_UNKNOWN,
	APP_TLS, APP_HTTP, APP_SMTP, APP_POP3, APP_IMAP, APP_FTP,
	APP_MAIL_OR_FTP, /* a greeting that SMTP and FTP share */
	APP_LDAP, APP_KERBEROS, APP_DNS, APP_DCERPC, APP_SMB, APP_SSH,
	APP_IKE, APP_NTP,
	APP_N
};

extern const char *const app_names[APP_N];

/* Which side of a conversation says such a thing. */
enum role_said { SAID_EITHER, SAID_BY_CLIENT, SAID_BY_SERVER };

struct sniffed {
	unsigned app : 8; /* enum app; all of it fits a register */
	unsigned who : 8; /* enum role_said */
	bool secret : 1;  /* holds a password in the clear */
	bool more : 1;	  /* what may hold one, or a port, goes on behind it */
	bool last : 1;	  /* behind it this side sends content */
};

static inline bool sniffed_nothing(struct sniffed s)
{
	return s.app == APP_UNKNOWN && s.who == SAID_EITHER && !s.secret;
}

/* TCP segments and datagrams; n bytes are at hand. Never reads beyond. */
struct sniffed sniff_tcp(const uint8_t *p, size_t n);
struct sniffed sniff_udp(const uint8_t *p, size_t n);

/* Of a segment that begins so, may there be anything? */
extern const uint8_t sniff_tcp_begins[256];
static inline bool sniff_tcp_may_be(uint8_t first)
{
	return sniff_tcp_begins[first];
}

/* Does a speaker of a, later found to say b, still speak one protocol? */
bool app_fits(enum app expected, enum app found);

/* A way to an interface, as an endpoint mapper tells it. */
struct epm_tower {
	uint16_t port;	  /* TCP */
	uint8_t uuid[16]; /* as on the wire */
};

/*
 * An endpoint mapper's answer (DCE-RPC response to ept_map): the towers in it
 * that lead to a TCP port, at most max. (C706, Appendix L and O)
 */
size_t epm_towers(const uint8_t *p, size_t n, struct epm_tower *out,
		  size_t max);

#endif
