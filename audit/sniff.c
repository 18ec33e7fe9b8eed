#include "audit/sniff.h"

#include <string.h>
#include <strings.h>

#include "audit/bytes.h"

/*
 * A table of recognisers, each for one protocol's first bytes, tried in turn.
 * They are strict: what fits none is unknown, and unknown is no finding. A
 * recogniser looks at what is at hand, and says if it is cut where the rest
 * matters.
 */
const char *const app_names[APP_N] = {
	[APP_UNKNOWN] = "unknown", [APP_TLS] = "tls", [APP_HTTP] = "http",
	[APP_SMTP] = "smtp", [APP_POP3] = "pop3", [APP_IMAP] = "imap",
	[APP_FTP] = "ftp", [APP_MAIL_OR_FTP] = "smtp-or-ftp",
	[APP_LDAP] = "ldap", [APP_KERBEROS] = "kerberos", [APP_DNS] = "dns",
	[APP_DCERPC] = "dce-rpc", [APP_SMB] = "smb", [APP_SSH] = "ssh",
	[APP_IKE] = "ike", [APP_NTP] = "ntp",
};

static const struct sniffed nothing;

static bool starts(const uint8_t *p, size_t n, const char *s)
{
	size_t len = strlen(s);

	return n >= len && !strncasecmp((const char *)p, s, len);
}

static struct sniffed said(enum app app, enum role_said who)
{
	return (struct sniffed){ .app = app, .who = who };
}

/* RFC 8446, 5.1 and 4: a record of type handshake; client and server hello. */
static struct sniffed tls(const uint8_t *p, size_t n)
{
	if (n < 6 || p[0] < 20 || p[0] > 23 || p[1] != 3 || p[2] > 4 ||
	    be16(p + 3) > 16384 + 2048)
		return nothing;
	if (p[0] != 22)
		return said(APP_TLS, SAID_EITHER);
	return said(APP_TLS, p[5] == 1 ? SAID_BY_CLIENT :
			     p[5] == 2 ? SAID_BY_SERVER : SAID_EITHER);
}

static bool find(const uint8_t *p, size_t n, const char *what)
{
	size_t len = strlen(what);

	for (size_t i = 0; i + len <= n; i++)
		if (!strncasecmp((const char *)p + i, what, len))
			return true;
	return false;
}

/* RFC 9112, 2.1. Most requests end with their head. */
static bool head_ends(const uint8_t *p, size_t n)
{
	return !memcmp(p + n - 4, "\r\n\r\n", 4) ||
	       memmem(p, n, "\r\n\r\n", 4);
}

/* RFC 7617, to a server or to a proxy; spaces behind the colon are optional
 * (RFC 9112, 5). Looks at what there is of the head. */
static bool http_basic(const uint8_t *p, size_t n)
{
	static const char field[] = "uthorization:";
	const size_t len = sizeof(field) - 1;

	for (size_t i = 2; i + len <= n; i++) {
		size_t v = i + len;

		if ((p[i] | ' ') != field[0] || !starts(p + i, n - i, field) ||
		    !(p[i - 2] == '\n' ||
		      (i >= 8 && starts(p + i - 8, 8, "\nProxy-A"))))
			continue;
		while (v < n && (p[v] == ' ' || p[v] == '\t'))
			v++;
		if (starts(p + v, n - v, "Basic "))
			return true;
	}
	return false;
}

static struct sniffed http(const uint8_t *p, size_t n)
{
	static const char *const methods[] = {
		"GET ", "POST ", "HEAD ", "PUT ", "OPTIONS ", "CONNECT ",
		"DELETE ", "PROPFIND ", "SUBSCRIBE ", "SEARCH ", "RPC_IN_DATA ",
		"RPC_OUT_DATA ", "PATCH ", "TRACE ", "POLL ", "MKCOL ", "MOVE ",
		"COPY ", "BMOVE ", "BPROPPATCH ", "LOCK ", "UNLOCK ",
	};

	if (starts(p, n, "HTTP/1."))
		return said(APP_HTTP, SAID_BY_SERVER);
	if (n < 14 || p[0] < 'A' || p[0] > 'Z')
		return nothing;
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		if (starts(p, n, methods[i]))
			return (struct sniffed){ .app = APP_HTTP,
				.who = SAID_BY_CLIENT,
				.secret = http_basic(p, n),
				.more = !head_ends(p, n) };
	return nothing;
}

/* Commands of the mail and file protocols. Several know USER and PASS, or AUTH
 * (RFC 4954, 5034): which one it is, the greeting tells. */
static const struct command {
	const char *text;
	enum app app;
	bool secret;
} commands[] = {
	{ "EHLO ", APP_SMTP, false },	  { "HELO ", APP_SMTP, false },
	{ "MAIL FROM:", APP_SMTP, false }, { "RCPT TO:", APP_SMTP, false },
	{ "AUTH PLAIN", APP_UNKNOWN, true }, { "AUTH LOGIN", APP_UNKNOWN, true },
	{ "DATA\r", APP_SMTP, false },	  { "BDAT ", APP_SMTP, false },
	{ "STARTTLS\r", APP_SMTP, false }, { "XEXCH50 ", APP_SMTP, false },
	{ "USER ", APP_UNKNOWN, false },  { "PASS ", APP_UNKNOWN, true },
	{ "CAPA\r", APP_POP3, false },	  { "STAT\r", APP_POP3, false },
	{ "STLS\r", APP_POP3, false },	  { "UIDL", APP_POP3, false },
	{ "APOP ", APP_POP3, false },	  { "RETR ", APP_UNKNOWN, false },
	{ "FEAT\r", APP_FTP, false },	  { "PASV\r", APP_FTP, false },
	{ "EPSV\r", APP_FTP, false },	  { "TYPE I", APP_FTP, false },
};

static bool is_text(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n && i < 8; i++)
		if ((p[i] < ' ' && p[i] != '\r' && p[i] != '\n') || p[i] > 126)
			return false;
	return true;
}

/* The mail itself, though commands may be sent at once (RFC 2920, 3030). */
static bool mail_follows(const uint8_t *p, size_t n)
{
	return starts(p, n, "DATA\r") || starts(p, n, "BDAT ") ||
	       find(p, n, "\r\nDATA\r\n") || find(p, n, "\r\nBDAT ");
}

/* Of these, what follows is an address, and no secret (RFC 1635). */
static bool is_anonymous(const uint8_t *p, size_t n)
{
	return starts(p, n, "USER anonymous\r") || starts(p, n, "USER ftp\r");
}

static const struct command *command_at(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (starts(p, n, commands[i].text))
			return &commands[i];
	return NULL;
}

/* In the first line or one that was sent with it, before the mail itself. */
static bool secret_in(const uint8_t *p, size_t n)
{
	const uint8_t *end = p + n;

	while (p && !starts(p, (size_t)(end - p), "DATA\r") &&
	       !starts(p, (size_t)(end - p), "BDAT ")) {
		const struct command *c = command_at(p, (size_t)(end - p));

		if (c && c->secret)
			return true;
		p = memchr(p, '\n', (size_t)(end - p));
		p = p ? p + 1 : NULL;
	}
	return false;
}

static struct sniffed command(const uint8_t *p, size_t n)
{
	const struct command *c = command_at(p, n);
	bool open = is_anonymous(p, n);

	if (!c)
		return nothing;
	return (struct sniffed){ .app = c->app, .who = SAID_BY_CLIENT,
				 .secret = !open && secret_in(p, n),
				 .last = open || mail_follows(p, n) };
}

/* Bytes of a tag (RFC 3501, 2.2.1) with its command behind it; 0: none. */
static size_t imap_tag(const uint8_t *p, size_t n)
{
	size_t tag = 0;

	while (tag < n && tag < 16 && p[tag] > ' ' && p[tag] < 127)
		tag++;
	return tag < n ? tag : 0;
}

/* In any line of those that were sent at once: "a1 LOGIN user password". */
static bool imap_secret(const uint8_t *p, size_t n)
{
	static const char *const plain[] = {
		" LOGIN ", " AUTHENTICATE PLAIN", " AUTHENTICATE LOGIN",
	};
	const uint8_t *end = p + n;

	while (p) {
		const uint8_t *verb = p + imap_tag(p, (size_t)(end - p));

		for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
			if (starts(verb, (size_t)(end - verb), plain[i]))
				return true;
		p = memchr(p, '\n', (size_t)(end - p));
		p = p ? p + 1 : NULL;
	}
	return false;
}

static struct sniffed imap_command(const uint8_t *p, size_t n)
{
	static const char *const verbs[] = {
		" CAPABILITY\r", " LOGIN ", " AUTHENTICATE ", " STARTTLS\r",
		" NOOP\r", " LOGOUT\r", " SELECT ", " LIST ", " ID ",
		" UID FETCH ", " FETCH ", " EXAMINE ",
	};
	size_t tag = imap_tag(p, n);

	if (!tag)
		return nothing;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (starts(p + tag, n - tag, verbs[i]))
			return (struct sniffed){ .app = APP_IMAP,
				.who = SAID_BY_CLIENT,
				.secret = imap_secret(p, n) };
	return nothing;
}

static struct sniffed greeting(const uint8_t *p, size_t n)
{
	if (starts(p, n, "SSH-"))
		return said(APP_SSH, SAID_EITHER);
	if (starts(p, n, "+OK") || starts(p, n, "-ERR"))
		return said(APP_POP3, SAID_BY_SERVER);
	if (starts(p, n, "* OK") || starts(p, n, "* PREAUTH") ||
	    starts(p, n, "* CAPABILITY"))
		return said(APP_IMAP, SAID_BY_SERVER);
	if (n < 6 || p[0] < '2' || p[0] > '5' || p[1] < '0' || p[1] > '5' ||
	    p[2] < '0' || p[2] > '9' || (p[3] != ' ' && p[3] != '-'))
		return nothing;
	if (find(p, n < 200 ? n : 200, "SMTP"))
		return said(APP_SMTP, SAID_BY_SERVER);
	if (find(p, n < 200 ? n : 200, "FTP"))
		return said(APP_FTP, SAID_BY_SERVER);
	return said(APP_MAIL_OR_FTP, SAID_BY_SERVER);
}

static struct sniffed text(const uint8_t *p, size_t n)
{
	struct sniffed s;

	if (n < 4 || !is_text(p, n))
		return nothing;
	s = http(p, n);
	if (s.app == APP_UNKNOWN)
		s = command(p, n);
	if (s.app == APP_UNKNOWN && s.who == SAID_EITHER)
		s = greeting(p, n);
	if (s.app == APP_UNKNOWN && s.who == SAID_EITHER)
		s = imap_command(p, n);
	return s;
}

/* The length octets of BER (X.690, 8.1.3): bytes they take, or 0. */
static size_t ber_length(const uint8_t *p, size_t n, size_t *len)
{
	size_t k;

	if (n < 1)
		return 0;
	if (p[0] < 0x80) {
		*len = p[0];
		return 1;
	}
	k = p[0] & 0x7f;
	if (k < 1 || k > 4 || n < 1 + k)
		return 0;
	*len = 0;
	for (size_t i = 1; i <= k; i++)
		*len = *len << 8 | p[i];
	return 1 + k;
}

/* RFC 4511, 4.1.1: SEQUENCE, INTEGER messageID, the operation's tag. */
static size_t ldap_op(const uint8_t *p, size_t n)
{
	size_t len, k, at;

	if (n < 7 || p[0] != 0x30)
		return 0;
	k = ber_length(p + 1, n - 1, &len);
	at = 1 + k;
	if (!k || len < 5 || n < at + 3 || p[at] != 2 || p[at + 1] < 1 ||
	    p[at + 1] > 4)
		return 0;
	at += 2 + p[at + 1];
	return at < n ? at : 0;
}

/* SaslCredentials: the mechanism, then what is said at once (4.2); with PLAIN
 * that is a password (RFC 4616). */
static bool sasl_plain(const uint8_t *p, size_t n)
{
	static const uint8_t plain[] = { 4, 5, 'P', 'L', 'A', 'I', 'N', 4 };
	size_t len, k = ber_length(p, n, &len);

	return k && n > k + sizeof(plain) && p[k + sizeof(plain)] != 0 &&
	       !memcmp(p + k, plain, sizeof(plain));
}

/* BindRequest: version, name, then the choice; [0] is a password, [3] is SASL
 * (4.2). A password without characters is anonymous. */
static bool bind_in_clear(const uint8_t *p, size_t n)
{
	size_t len, k, at = 1;

	k = ber_length(p + at, n - at, &len);
	at += k;
	if (!k || n < at + 5 || p[at] != 2 || p[at + 1] != 1 ||
	    p[at + 3] != 4)
		return false;
	at += 4;
	k = ber_length(p + at, n - at, &len);
	if (!k || len > n || n - at < k + len + 2)
		return false;
	at += k + len;
	if (p[at] == 0xa3)
		return sasl_plain(p + at + 1, n - at - 1);
	return p[at] == 0x80 && p[at + 1] != 0;
}

static bool ldap_is_cut(const uint8_t *p, size_t n)
{
	size_t len = 0, k = ber_length(p + 1, n - 1, &len);

	return len > n - 1 - k;
}

/* In any of the messages that were sent at once. */
static bool ldap_secret(const uint8_t *p, size_t n)
{
	size_t at, k, len = 0;

	while ((at = ldap_op(p, n))) {
		if (p[at] == 0x60 && bind_in_clear(p + at, n - at))
			return true;
		k = ber_length(p + 1, n - 1, &len);
		if (len >= n - 1 - k)
			break;
		p += 1 + k + len;
		n -= 1 + k + len;
	}
	return false;
}

static struct sniffed ldap(const uint8_t *p, size_t n)
{
	/* Application tags that only a client, only a server sends: 4.2 to
	 * 4.14; 0x66.. modify, 0x77 extended. */
	static const uint8_t asks[] = { 0x60, 0x42, 0x63, 0x66, 0x68, 0x4a,
					0x6c, 0x6e, 0x50, 0x77 };
	static const uint8_t answers[] = { 0x61, 0x64, 0x65, 0x67, 0x69, 0x6b,
					   0x6d, 0x6f, 0x73, 0x78, 0x79 };
	size_t at = ldap_op(p, n);

	if (!at)
		return nothing;
	if (memchr(answers, p[at], sizeof(answers)))
		return said(APP_LDAP, SAID_BY_SERVER);
	if (!memchr(asks, p[at], sizeof(asks)))
		return nothing;
	return (struct sniffed){ .app = APP_LDAP, .who = SAID_BY_CLIENT,
		.secret = ldap_secret(p, n),
		.more = p[at] == 0x60 && ldap_is_cut(p, n) };
}

/* RFC 4120, 5.10: application tags; over TCP behind a length (7.2.2). */
static struct sniffed kerberos(const uint8_t *p, size_t n)
{
	size_t len, k;
	uint8_t tag;

	if (n < 8)
		return nothing;
	tag = p[0];
	k = ber_length(p + 1, n - 1, &len);
	if (!k || n < 1 + k + 1 || p[1 + k] != 0x30)
		return nothing;
	if (tag == 0x6a || tag == 0x6c)
		return said(APP_KERBEROS, SAID_BY_CLIENT);
	if (tag == 0x6b || tag == 0x6d || tag == 0x7e)
		return said(APP_KERBEROS, SAID_BY_SERVER);
	return nothing;
}

static struct sniffed kerberos_tcp(const uint8_t *p, size_t n)
{
	if (n < 12 || p[0] != 0 || be32(p) < 8)
		return nothing;
	return kerberos(p + 4, n - 4);
}

/* C706, 12.6: version 5, known type, little or big endian data and lengths. */
static struct sniffed dcerpc(const uint8_t *p, size_t n)
{
	if (n < 16 || p[0] != 5 || p[1] > 1 || p[2] > 19 || (p[4] & 0xee))
		return nothing;
	switch (p[2]) {
	case 0: case 11: case 14: case 16: /* request, bind, alter, auth3 */
		return said(APP_DCERPC, SAID_BY_CLIENT);
	case 2: /* response */
		return (struct sniffed){ .app = APP_DCERPC,
			.who = SAID_BY_SERVER,
			.more = (p[4] & 0x10 ? le16(p + 8) : be16(p + 8)) > n };
	case 3: case 12: case 13: case 15: /* fault, acks */
		return said(APP_DCERPC, SAID_BY_SERVER);
	default:
		return said(APP_DCERPC, SAID_EITHER);
	}
}

/* MS-CIFS 2.2.3.1, MS-SMB2 2.2.1: behind a NetBIOS session header. */
static struct sniffed smb(const uint8_t *p, size_t n)
{
	bool reply;

	if (n < 4 + 20 || p[0] != 0)
		return nothing;
	p += 4;
	if (!memcmp(p, "\xffSMB", 4))
		reply = p[9] & 0x80;
	else if (!memcmp(p, "\xfeSMB", 4))
		reply = p[16] & 1;
	else
		return nothing;
	return said(APP_SMB, reply ? SAID_BY_SERVER : SAID_BY_CLIENT);
}

/* RFC 1035, 4.1.1; a name follows whose first label fits. */
static struct sniffed dns(const uint8_t *p, size_t n)
{
	unsigned opcode, questions;

	if (n < 17)
		return nothing;
	opcode = p[2] >> 3 & 15;
	questions = be16(p + 4);
	if (opcode > 5 || opcode == 3 || questions > 1 || (p[3] & 0x40) ||
	    be16(p + 6) > 256 || be16(p + 8) > 256 || be16(p + 10) > 256)
		return nothing;
	if (questions == 1 && p[12] > 63)
		return nothing;
	if (questions == 0 && !be16(p + 6) && opcode == 0)
		return nothing;
	return said(APP_DNS, p[2] & 0x80 ? SAID_BY_SERVER : SAID_BY_CLIENT);
}

static struct sniffed dns_tcp(const uint8_t *p, size_t n)
{
	if (n < 19 || be16(p) < 17 || be16(p) > 4096)
		return nothing;
	/* Weak alone: two bytes of length before a header full of zeros. */
	return be16(p + 6) == 1 ? dns(p + 2, n - 2) : nothing;
}

/* RFC 7296, 3.1: version 1 or 2. A responder SPI of zero: the first message
 * of the initiator, whose flag in version 2 marks all of its messages. */
static struct sniffed ike(const uint8_t *p, size_t n)
{
	static const uint8_t zero[8];
	unsigned major;

	if (n < 28 || !memcmp(p, zero, 8))
		return nothing;
	major = p[17] >> 4;
	if ((major != 1 && major != 2) || be32(p + 24) < 28 ||
	    be32(p + 24) > 65535)
		return nothing;
	if (major == 2 && p[18] >= 34 && p[18] <= 37)
		return said(APP_IKE, (p[19] & 8) && !(p[19] & 0x20) ?
				     SAID_BY_CLIENT : SAID_EITHER);
	if (major == 1 && p[18] >= 2 && p[18] <= 34)
		return said(APP_IKE, memcmp(p + 8, zero, 8) ? SAID_EITHER :
				     SAID_BY_CLIENT);
	return nothing;
}

/* RFC 3948, 2.2: on port 4500 IKE stands behind four zero bytes. */
static struct sniffed ike_natt(const uint8_t *p, size_t n)
{
	return n >= 32 && be32(p) == 0 ? ike(p + 4, n - 4) : nothing;
}

/* RFC 5905, 7.3: 48 bytes, mode 3 asks, 4 answers; a stratum up to 16, polls
 * every 2^17 seconds at most, a clock good to a second or better, or nothing
 * said at all. */
static struct sniffed ntp(const uint8_t *p, size_t n)
{
	unsigned version, mode;

	if (n < 48 || n > 68)
		return nothing;
	version = p[0] >> 3 & 7;
	mode = p[0] & 7;
	if (version < 1 || version > 4 || (mode != 3 && mode != 4) ||
	    p[1] > 16 || p[2] > 17 || (p[3] && p[3] < 0xc0))
		return nothing;
	return said(APP_NTP, mode == 3 ? SAID_BY_CLIENT : SAID_BY_SERVER);
}

typedef struct sniffed sniff_fn(const uint8_t *p, size_t n);

/* In the order in which they are tried. */
enum { T_TLS, T_TEXT, T_DCERPC, T_SMB, T_LDAP, T_KERBEROS, T_DNS };
static sniff_fn *const over_tcp[] = {
	[T_TLS] = tls,	     [T_TEXT] = text, [T_DCERPC] = dcerpc,
	[T_SMB] = smb,	     [T_LDAP] = ldap, [T_KERBEROS] = kerberos_tcp,
	[T_DNS] = dns_tcp,
};

/* The first byte alone rules most of them out. */
const uint8_t sniff_tcp_begins[256] = {
	[0] = 1 << T_SMB | 1 << T_KERBEROS | 1 << T_DNS,
	[1 ... 4] = 1 << T_DNS,
	[5] = 1 << T_DCERPC | 1 << T_DNS,
	[6 ... 16] = 1 << T_DNS,
	[20 ... 23] = 1 << T_TLS,
	[' ' ... '/'] = 1 << T_TEXT,
	['0'] = 1 << T_TEXT | 1 << T_LDAP,
	['1' ... '~'] = 1 << T_TEXT,
};

enum { U_KERBEROS, U_IKE, U_IKE_NATT, U_LDAP, U_DNS, U_NTP,
       U_ANY = 1 << U_IKE | 1 << U_DNS | 1 << U_NTP };
static sniff_fn *const over_udp[] = {
	[U_KERBEROS] = kerberos, [U_IKE] = ike, [U_IKE_NATT] = ike_natt,
	[U_LDAP] = ldap,	 [U_DNS] = dns, [U_NTP] = ntp,
};

static const uint8_t udp_begins[256] = {
	[0] = U_ANY | 1 << U_IKE_NATT,
	[1 ... 0x2f] = U_ANY,
	[0x30] = U_ANY | 1 << U_LDAP,
	[0x31 ... 0x69] = U_ANY,
	[0x6a ... 0x7e] = U_ANY | 1 << U_KERBEROS,
	[0x7f ... 0xff] = U_ANY,
};

static struct sniffed first_of(sniff_fn *const *v, unsigned may,
			       const uint8_t *p, size_t n)
{
	for (; may; may &= may - 1) {
		struct sniffed s = v[__builtin_ctz(may)](p, n);

		if (!sniffed_nothing(s))
			return s;
	}
	return nothing;
}

struct sniffed sniff_tcp(const uint8_t *p, size_t n)
{
	unsigned may = n ? sniff_tcp_begins[p[0]] : 0;

	return may ? first_of(over_tcp, may, p, n) : nothing;
}

struct sniffed sniff_udp(const uint8_t *p, size_t n)
{
	return first_of(over_udp, n ? udp_begins[p[0]] : 0, p, n);
}

bool app_fits(enum app expected, enum app found)
{
	if (expected == APP_UNKNOWN || found == APP_UNKNOWN ||
	    expected == found)
		return true;
	return found == APP_MAIL_OR_FTP &&
	       (expected == APP_SMTP || expected == APP_FTP);
}
