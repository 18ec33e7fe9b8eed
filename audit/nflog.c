#include "audit/nflog.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

bool nflog_name(const char *name)
{
	return !strncmp(name, "nflog", 5) && (!name[5] || name[5] == ':');
}

static int set_timeout(int fd, uint16_t group, unsigned hundredths)
{
	struct {
		struct nlmsghdr head;
		struct nfgenmsg what;
		struct nlattr attr;
		uint32_t timeout;
	} m = {
		.head = { .nlmsg_len = sizeof(m),
			  .nlmsg_type = NFNL_SUBSYS_ULOG << 8 |
					NFULNL_MSG_CONFIG,
			  .nlmsg_flags = NLM_F_REQUEST },
		.what = { AF_UNSPEC, NFNETLINK_V0, htons(group) },
		.attr = { sizeof(m.attr) + sizeof(m.timeout),
			  NFULA_CFG_TIMEOUT },
		.timeout = htonl(hundredths),
	};

	return send(fd, &m, sizeof(m), 0) == sizeof(m) ? 0 : -1;
}

int nflog_hurry(int fd, const char *name, unsigned hundredths)
{
	const char *s = name[5] == ':' ? name + 6 : "0";
	int rc = 0;

	while (*s) {
		char *end;
		unsigned long group = strtoul(s, &end, 10);

		if (end == s)
			return -1;
		rc |= set_timeout(fd, (uint16_t)group, hundredths);
		s = *end == ',' ? end + 1 : end;
		if (*end && *end != ',')
			return -1;
	}
	return rc;
}
