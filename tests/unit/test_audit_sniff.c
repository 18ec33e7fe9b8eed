#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/sniff.h"
#include "audit/wire.h"

#define S(s) s, sizeof(s) - 1
#define C SAID_BY_CLIENT
#define SRV SAID_BY_SERVER
#define E SAID_EITHER

static const struct said_case {
	const char *name, *p;
	size_t n;
	char over; /* t, u */
	enum app app;
	enum role_said who;
	bool secret;
} cases[] = {
	{ "client hello", S("\x16\x03\x01\x00\x40\x01\x00"), 't', APP_TLS, C, 0 },
	{ "server hello", S("\x16\x03\x03\x00\x40\x02\x00"), 't', APP_TLS, SRV,
	  0 },
	{ "tls data", S("\x17\x03\x03\x00\x40\x99"), 't', APP_TLS, E, 0 },
	{ "http", S("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 't', APP_HTTP, C, 0 },
	{ "http basic", S("POST /x HTTP/1.1\r\nauthorization: basic AA==\r\n"),
	  't', APP_HTTP, C, 1 },
	{ "http basic, no space, to a proxy", S("CONNECT x:443 HTTP/1.1\r\n"
		"PROXY-AUTHORIZATION:Basic AA==\r\n"), 't', APP_HTTP, C, 1 },
	{ "http, another field", S("GET / HTTP/1.1\r\n"
		"X-Authorization: Basic AA==\r\n"), 't', APP_HTTP, C, 0 },
	{ "user and pass at once", S("USER joe\r\nPASS x\r\n"), 't',
	  APP_UNKNOWN, C, 1 },
	{ "anonymous", S("USER anonymous\r\nPASS a@b\r\n"), 't', APP_UNKNOWN,
	  C, 0 },
	{ "ehlo and auth at once", S("EHLO a\r\nAUTH PLAIN AGEAYg==\r\n"),
	  't', APP_SMTP, C, 1 },
	{ "auth in a mail", S("RCPT TO:<a>\r\nDATA\r\nAUTH PLAIN x\r\n"),
	  't', APP_SMTP, C, 0 },
	{ "imap, two at once", S("a1 CAPABILITY\r\na2 LOGIN joe x\r\n"), 't',
	  APP_IMAP, C, 1 },
	{ "http ntlm", S("GET / HTTP/1.1\r\nAuthorization: NTLM AA==\r\n"),
	  't', APP_HTTP, C, 0 },
	{ "http answer", S("HTTP/1.1 200 OK\r\n"), 't', APP_HTTP, SRV, 0 },
	{ "rpc over http", S("RPC_IN_DATA /rpc/x HTTP/1.1\r\n"), 't', APP_HTTP,
	  C, 0 },
	{ "smtp greeting", S("220 mail ESMTP\r\n"), 't', APP_SMTP, SRV, 0 },
	{ "ftp greeting", S("220 (vsFTPd)\r\n"), 't', APP_FTP, SRV, 0 },
	{ "plain greeting", S("220 hello\r\n"), 't', APP_MAIL_OR_FTP, SRV, 0 },
	{ "ehlo", S("EHLO me\r\n"), 't', APP_SMTP, C, 0 },
	{ "auth plain", S("AUTH PLAIN AGEAYg==\r\n"), 't', APP_UNKNOWN, C, 1 },
	{ "auth ntlm", S("AUTH NTLM\r\n"), 't', APP_UNKNOWN, E, 0 },
	{ "pop3", S("+OK ready\r\n"), 't', APP_POP3, SRV, 0 },
	{ "user", S("USER joe\r\n"), 't', APP_UNKNOWN, C, 0 },
	{ "pass", S("PASS secret\r\n"), 't', APP_UNKNOWN, C, 1 },
	{ "imap", S("* OK ready\r\n"), 't', APP_IMAP, SRV, 0 },
	{ "imap login", S("a1 LOGIN joe x\r\n"), 't', APP_IMAP, C, 1 },
	{ "imap gssapi", S("a1 AUTHENTICATE GSSAPI\r\n"), 't', APP_IMAP, C, 0 },
	{ "ssh", S("SSH-2.0-x\r\n"), 't', APP_SSH, E, 0 },
	{ "ldap bind", S("\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00"
			 "\x80\x00"), 't', APP_LDAP, C, 0 },
	{ "ldap password", S("\x30\x10\x02\x01\x01\x60\x0b\x02\x01\x03\x04\x02"
			     "cn\x80\x02xy"), 't', APP_LDAP, C, 1 },
	{ "ldap, abandon and password", S("\x30\x05\x02\x01\x01\x50\x00"
		"\x30\x10\x02\x01\x02\x60\x0b\x02\x01\x03\x04\x02" "cn"
		"\x80\x02xy"), 't', APP_LDAP, C, 1 },
	{ "ldap sasl", S("\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00"
			 "\xa3\x00"), 't', APP_LDAP, C, 0 },
	{ "ldap sasl plain", S("\x30\x1b\2\1\1\x60\x16\2\1\3\4\0\xa3\x0f"
			       "\4\5PLAIN\4\6\0joe\0x"), 't', APP_LDAP, C, 1 },
	{ "ldap sasl plain, not yet", S("\x30\x13\2\1\1\x60\x0e\2\1\3\4\0"
		"\xa3\7\4\5PLAIN"), 't', APP_LDAP, C, 0 },
	{ "ldap sasl gssapi", S("\x30\x1c\2\1\1\x60\x17\2\1\3\4\0\xa3\x10"
		"\4\6GSSAPI\4\6\x60\4\1\2\3\4"), 't', APP_LDAP, C, 0 },
	{ "ldap long form", S("\x30\x84\x00\x00\x00\x10\x02\x01\x01\x60\x84\x00"
			      "\x00\x00\x07\x02\x01\x03\x04\x00\x80\x01x"),
	  't', APP_LDAP, C, 1 },
	{ "ldap answer", S("\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00"
			   "\x04\x00"), 't', APP_LDAP, SRV, 0 },
	{ "ntp asks", S("\x23\x00\x06\xec\0\0\0\0\0\0\0\0\0\0\0\0"
			"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
			"\xe5\x01\x02\x03\x04\x05\x06\x07"), 'u', APP_NTP, C, 0 },
	/* A query of 54 bytes whose random id begins like NTP's mode 3. */
	{ "dns, like ntp", S("\x23\x77\x01\x00\0\1\0\0\0\0\0\1\6host12\3lab"
			     "\7example\0\0\1\0\1\0\0\x29\x04\xd0\0\0\0\0\0"
			     "\0\0"), 'u', APP_DNS, C, 0 },
	{ "cldap", S("\x30\x0c\x02\x01\x01\x63\x07\x04\x00\x0a\x01\x00"), 'u',
	  APP_LDAP, C, 0 },
	{ "as-req", S("\x6a\x81\xa0\x30\x81\x9d\xa1\x03\x02"), 'u',
	  APP_KERBEROS, C, 0 },
	{ "krb-error", S("\x7e\x50\x30\x4e\xa0\x03\x02\x01"), 'u', APP_KERBEROS,
	  SRV, 0 },
	{ "as-req, tcp", S("\0\0\0\xa3\x6a\x81\xa0\x30\x81\x9d\xa1\x03"), 't',
	  APP_KERBEROS, C, 0 },
	{ "rpc bind", S("\5\0\x0b\3\x10\0\0\0\x48\0\0\0\1\0\0\0"), 't',
	  APP_DCERPC, C, 0 },
	{ "rpc ack", S("\5\0\x0c\3\x10\0\0\0\x48\0\0\0\1\0\0\0"), 't',
	  APP_DCERPC, SRV, 0 },
	{ "smb2", S("\0\0\0\x44\xfeSMB@\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
	  't', APP_SMB, C, 0 },
	{ "smb2 answer", S("\0\0\0\x44\xfeSMB@\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0"
			   "\0"), 't', APP_SMB, SRV, 0 },
	{ "dns", S("\0\7\1\0\0\1\0\0\0\0\0\0\3foo\0\0\1\0\1"), 'u', APP_DNS, C,
	  0 },
	{ "dns answer", S("\0\7\x81\x80\0\1\0\1\0\0\0\0\3foo\0\0\1\0\1"), 'u',
	  APP_DNS, SRV, 0 },
	{ "dns, tcp", S("\0\x15\0\7\1\0\0\1\0\0\0\0\0\0\3foo\0\0\1\0\1"), 't',
	  APP_DNS, C, 0 },
	{ "ike", S("ABCDEFGH\0\0\0\0\0\0\0\0\x21\x20\x22\x08\0\0\0\0\0\0\0\x40"),
	  'u', APP_IKE, C, 0 },
	{ "ike, nat", S("\0\0\0\0ABCDEFGHIJKLMNOP\x2e\x20\x23\x20\0\0\0\1\0\0\0"
			"\x40"), 'u', APP_IKE, E, 0 },
	{ "nothing", S("\xde\xad\xbe\xef\xde\xad\xbe\xef"), 't', APP_UNKNOWN, E,
	  0 },
	{ "zeros", S("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), 't',
	  APP_UNKNOWN, E, 0 },
};

static struct sniffed sniff(const struct said_case *c, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	struct sniffed s;

	memcpy(copy, c->p, n);
	s = c->over == 't' ? sniff_tcp(copy, n) : sniff_udp(copy, n);
	free(copy);
	return s;
}

static void said(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct said_case *c = &cases[i];
		struct sniffed s = sniff(c, c->n);

		if (s.app != c->app || s.who != c->who || s.secret != c->secret)
			printf("  %s: %s %d %d\n", c->name, app_names[s.app],
			       s.who, s.secret);
		CU_ASSERT(s.app == c->app && s.who == c->who &&
			  s.secret == c->secret);
		for (size_t n = 0; n < c->n; n++)
			sniff(c, n);
	}
}

/* ept_map's answer, as a Windows server gives it: one tower, port 1025. */
static const char epm[] =
	"\5\0\2\3\x10\0\0\0\x90\0\0\0\2\0\0\0\x78\0\0\0\0\0\0\0"
	"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	"\1\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\3\0\0\0\x4b\0\0\0\x4b\0\0\0"
	"\5\0\x13\0\x0d\x35\x42\x51\xe3\x06\x4b\xd1\x11\xab\x04\0\xc0\x4f\xc2"
	"\xdc\xd2\4\0\2\0\0\0"
	"\x13\0\x0d\4\x5d\x88\x8a\xeb\x1c\xc9\x11\x9f\xe8\x08\0\x2b\x10\x48"
	"\x60\2\0\2\0\0\0"
	"\1\0\x0b\2\0\0\0\1\0\7\2\0\4\1\1\0\x09\4\0\x0a\0\0\1\0\0\0\0\0";

static void mapper(void)
{
	struct epm_tower t[4];

	CU_ASSERT(epm_towers((const uint8_t *)epm, sizeof(epm) - 1, t, 4) ==
		  1);
	CU_ASSERT(t[0].port == 1025);
	CU_ASSERT_FATAL(n_rpc_interfaces > 0);
	CU_ASSERT_STRING_EQUAL(rpc_interfaces[0].name, "drsuapi");
	CU_ASSERT(!memcmp(t[0].uuid, rpc_interfaces[0].uuid, 16));
	for (size_t n = 0; n < sizeof(epm) - 1; n++) {
		uint8_t *copy = malloc(n ? n : 1);

		memcpy(copy, epm, n);
		CU_ASSERT(epm_towers(copy, n, t, 4) <= 1);
		free(copy);
	}
}

static void fits(void)
{
	CU_ASSERT(app_fits(APP_LDAP, APP_LDAP));
	CU_ASSERT(app_fits(APP_LDAP, APP_UNKNOWN));
	CU_ASSERT(app_fits(APP_UNKNOWN, APP_SSH));
	CU_ASSERT(app_fits(APP_SMTP, APP_MAIL_OR_FTP));
	CU_ASSERT(!app_fits(APP_LDAP, APP_SSH));
}

/* What is said of services names protocols that are recognised. */
static void known(void)
{
	for (size_t i = 0; i < n_known_services; i++) {
		int a = APP_UNKNOWN + 1;

		while (a < APP_N &&
		       strcmp(app_names[a], known_services[i].speaks))
			a++;
		CU_ASSERT(a < APP_N);
	}
}

static bool registered_twice(size_t i, uint32_t key)
{
	size_t n = 0;

	for (; i < n_known_services; i++)
		for (int k = 0; k < 2; k++)
			n += known_services[i].port[k] == key;
	return n > 1;
}

/* A port has one protocol. */
static void registered(void)
{
	uint32_t n = 0;

	for (size_t i = 0; i < n_known_services; i++)
		for (int k = 0; k < 2; k++) {
			uint32_t key = known_services[i].port[k];

			CU_ASSERT(!key || !registered_twice(i, key));
			n += key != 0;
		}
	CU_ASSERT(n > 20);
}

static CU_TestInfo tests[] = {
	{ "who says what", said },
	{ "endpoint mapper", mapper },
	{ "what fits", fits },
	{ "known services", known },
	{ "registered ports", registered },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("audit/sniff", tests);
}
