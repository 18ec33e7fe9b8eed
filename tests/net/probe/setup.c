#include "probe.h"

/* Namespaces, interfaces, marks, rules. */

void make_namespaces(void)
{
	char map[64];
	uid_t uid = getuid();
	gid_t gid = getgid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		die(EXIT_UNAVAILABLE, "namespaces are not available: %s",
		    strerror(errno));
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof map, "0 %u 1", uid);
	if (!write_file("/proc/self/uid_map", map))
		die(EXIT_UNAVAILABLE,
		    "namespaces are not available: uid_map: %s",
		    strerror(errno));
	snprintf(map, sizeof map, "0 %u 1", gid);
	if (!write_file("/proc/self/gid_map", map))
		die(EXIT_UNAVAILABLE,
		    "namespaces are not available: gid_map: %s",
		    strerror(errno));
	fw_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (unshare(CLONE_NEWNET) != 0)
		die(EXIT_UNAVAILABLE, "namespaces are not available: %s",
		    strerror(errno));
	world_ns = open("/proc/self/ns/net", O_RDONLY); /* inherited by ip */
	if (fw_ns < 0 || world_ns < 0)
		die(EXIT_UNAVAILABLE, "/proc/self/ns/net: %s", strerror(errno));
}

void pin_to_one_cpu(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : (size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof set, &set) != 0)
		die(2, "sched_setaffinity: %s", strerror(errno));
}

static void set_sysctls(void)
{
	static const char *const all[] = {"all", "default"};
	char name[100];
	int i;

	sysctl("ipv4/ip_forward", "1");
	for (i = 0; i < 2; i++) {
		snprintf(name, sizeof name, "ipv4/conf/%s/rp_filter", all[i]);
		sysctl(name, "0");
		snprintf(name, sizeof name, "ipv4/conf/%s/send_redirects",
			 all[i]);
		sysctl(name, "0");
		snprintf(name, sizeof name, "ipv4/conf/%s/accept_redirects",
			 all[i]);
		sysctl(name, "0");
		snprintf(name, sizeof name, "ipv4/conf/%s/accept_local",
			 all[i]);
		sysctl(name, option_force ? "1" : "0");
		snprintf(name, sizeof name, "ipv6/conf/%s/forwarding", all[i]);
		sysctl(name, "1");
		snprintf(name, sizeof name, "ipv6/conf/%s/accept_dad", all[i]);
		sysctl(name, "0");
		snprintf(name, sizeof name, "ipv6/conf/%s/dad_transmits",
			 all[i]);
		sysctl(name, "0");
		snprintf(name, sizeof name, "ipv6/conf/%s/accept_ra", all[i]);
		sysctl(name, "0");
		snprintf(name, sizeof name, "ipv6/conf/%s/accept_redirects",
			 all[i]);
		sysctl(name, "0");
	}
	sysctl("ipv4/icmp_ratelimit", "0");
	sysctl("ipv4/fwmark_reflect", "1");
	sysctl("ipv4/tcp_fwmark_accept", "1");
	sysctl("ipv4/igmp_max_memberships", "10000");
	sysctl("ipv6/icmp/ratelimit", "0");
	sysctl("ipv6/fwmark_reflect", "1");
}

static int if_index(const char *name)
{
	unsigned i = if_nametoindex(name);

	if (i == 0)
		die(2, "interface %s: %s", name, strerror(errno));
	return (int)i;
}

void make_interfaces(void)
{
	static const char *const ip[] = {"ip", "-batch", "-", NULL};
	static const char *const ip6[] = {"ip", "-6", "-batch", "-", NULL};
	char *text = NULL, *text6 = NULL, *copy, *a, *save;
	size_t n = 0, n6 = 0;
	FILE *f;
	FILE *f6;
	int i;

	enter(world_ns);
	sysctl("ipv6/conf/all/disable_ipv6", "1");
	sysctl("ipv6/conf/default/disable_ipv6", "1");
	enter(fw_ns);
	set_sysctls();
	f = must(open_memstream(&text, &n));
	fprintf(f, "link set lo up\n");
	for (i = 0; i < iface_count; i++)
		fprintf(f,
			"link add name %s address 02:00:00:01:00:%02x type "
			"veth peer name p%d netns /proc/self/fd/%d\n",
			ifaces[i].name, (unsigned)i + 1, i, world_ns);
	for (i = 0; i < iface_count; i++)
		fprintf(f, "link set %s up\n", ifaces[i].name);
	fclose(f);
	run_batch(ip, text);
	free(text);

	enter(world_ns);
	f = must(open_memstream(&text, &n));
	for (i = 0; i < iface_count; i++)
		fprintf(f, "link set p%d address 02:00:00:04:00:%02x up\n", i,
			(unsigned)i + 1);
	fclose(f);
	run_batch(ip, text);
	free(text);
	for (i = 0; i < iface_count; i++) {
		char name[IF_NAMESIZE];

		snprintf(name, sizeof name, "p%d", i);
		ifaces[i].world_index = if_index(name);
	}

	enter(fw_ns);
	f = must(open_memstream(&text, &n));
	f6 = must(open_memstream(&text6, &n6));
	if (option_force) {
		fprintf(f,
			"rule add pref 1500 lookup local\nrule del pref 0\n");
		fprintf(f6,
			"rule add pref 1500 lookup local\nrule del pref 0\n");
	}
	for (i = 0; i < iface_count; i++) {
		const char *name = ifaces[i].name;
		int v;

		ifaces[i].fw_index = if_index(name);
		if (ifaces[i].addresses != NULL) {
			copy = must(strdup(ifaces[i].addresses));
			for (a = strtok_r(copy, ",", &save); a != NULL;
			     a = strtok_r(NULL, ",", &save)) {
				if (strchr(a, ':') != NULL)
					fprintf(f6,
						"addr add %s/128 dev %s "
						"nodad\n",
						a, name);
				else
					fprintf(f, "addr add %s/32 dev %s\n", a,
						name);
			}
			free(copy);
		}
		for (v = 0; v < 2; v++) {
			FILE *g = v ? f6 : f;
			const char *gateway =
				v ? "fe80::ffff:1" : "169.254.255.254";

			fprintf(g,
				"rule add pref %d iif lo fwmark 0x%x/0xff00 "
				"lookup %d\n",
				100 + i, (unsigned)(i + 1) << 8, TABLE_OUT + i);
			fprintf(g,
				"rule add pref %d fwmark 0x%x/0xff lookup %d\n",
				500 + i, (unsigned)i + 1, TABLE_OUT + i);
			fprintf(g,
				"neigh add %s lladdr 02:00:00:03:00:%02x dev "
				"%s nud permanent\n",
				gateway, (unsigned)i + 1, name);
			fprintf(g,
				"route add default via %s dev %s onlink table "
				"%d\n",
				gateway, name, TABLE_OUT + i);
		}
	}
	fprintf(f,
		"rule add pref 2000 fwmark 0x%x/0xff lookup %d\nroute add "
		"local default dev lo table %d\n",
		OUT_LOCAL, TABLE_LOCAL, TABLE_LOCAL);
	fprintf(f6,
		"rule add pref 2000 fwmark 0x%x/0xff lookup %d\nroute add "
		"local default dev lo table %d\n",
		OUT_LOCAL, TABLE_LOCAL, TABLE_LOCAL);
	fclose(f);
	fclose(f6);
	run_batch(ip, text);
	run_batch(ip6, text6);
	free(text);
	free(text6);
}

int packet_open(unsigned ethertype)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC,
			htons((uint16_t)ethertype));
	int size = 8 << 20;

	if (fd < 0)
		die(2, "packet socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	return fd;
}

void make_marking_table(void)
{
	static const char *const nft[] = {"nft", "-f", "-", NULL};
	char *text = NULL;
	size_t n = 0;
	FILE *f = must(open_memstream(&text, &n));
	int i, k;

	fprintf(f, "table netdev probe {\n");
	for (i = 0; i < iface_count; i++) {
		fprintf(f,
			"\tchain in%d {\n\t\ttype filter hook ingress device "
			"\"%s\" priority 0; policy accept;\n",
			i, ifaces[i].name);
		fprintf(f,
			"\t\tmeta mark set ether saddr map { 02:00:00:02:00:ff "
			": 0x%x",
			(unsigned)(i + 1) << 8 | OUT_LOCAL);
		for (k = 0; k < iface_count; k++)
			fprintf(f, ", 02:00:00:02:00:%02x : 0x%x",
				(unsigned)k + 1,
				(unsigned)(i + 1) << 8 | (unsigned)(k + 1));
		fprintf(f, " }\n\t}\n");
	}
	fprintf(f, "}\n");
	fclose(f);
	run_batch(nft, text);
	free(text);
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;

	if (f == NULL)
		die(2, "%s: %s", path, strerror(errno));
	if (getdelim(&text, &room, '\0', f) < 0)
		text = must(strdup(""));
	fclose(f);
	return text;
}

/* Log messages of a namespace other than the first do not reach the kernel
 * log; sent to a group they can be counted here. Statements with a group of
 * their own stay as they are (--nflog). */
static char *with_log_group(const char *rules)
{
	static const char log[] = " log prefix \"";
	char *text = NULL;
	size_t n = 0;
	FILE *f = must(open_memstream(&text, &n));
	const char *at = rules, *next;

	while ((next = strstr(at, log)) != NULL) {
		const char *end = strpbrk(next, "\n");
		const char *group = strstr(next, " group ");

		fwrite(at, 1, (size_t)(next - at), f);
		if (group != NULL && (end == NULL || group < end))
			fputs(log, f);
		else
			fprintf(f, " log group %d prefix \"", LOG_GROUP);
		at = next + sizeof log - 1;
	}
	fputs(at, f);
	fclose(f);
	return text;
}

void load_rules(void)
{
	int i;

	for (i = 0; i < rule_file_count; i++) {
		const char *const nft[] = {"nft", "-f", rule_files[i], NULL};
		const char *const nft_input[] = {"nft", "-f", "-", NULL};
		int code;

		if (option_logs) {
			char *text = read_file(rule_files[i]);
			char *changed = with_log_group(text);

			code = run(nft_input, changed, NULL);
			free(changed);
			free(text);
		} else {
			code = run(nft, NULL, NULL);
		}
		if (code != 0)
			die(2, "the rules do not load: %s", rule_files[i]);
	}
}

/* All interfaces have carrier, and IPv6 has noticed. */
void wait_for_links(void)
{
	int i, tries;

	for (tries = 0; tries < 500; tries++) {
		FILE *f = fopen("/proc/net/if_inet6", "re");
		char text[128], name[64];
		int have = 0;

		while (f != NULL && fgets(text, sizeof text, f) != NULL)
			if (strncmp(text, "fe80", 4) == 0 &&
			    sscanf(text, "%*s %*s %*s %*s %*s %63s", name) == 1)
				have++;
		if (f != NULL)
			fclose(f);
		if (have >= iface_count || (f == NULL && tries > 0))
			break;
		usleep(10000);
	}
	for (i = 0; i < iface_count; i++) {
		for (tries = 0; tries < 200; tries++)
			if (marker(i, 50))
				break;
		if (tries == 200)
			die(2, "interface %s does not come up", ifaces[i].name);
	}
}

void want_raw(bool v6, int proto)
{
	int size = 4 << 20;
	int *fd = &raw_socket[v6][proto];

	if (*fd != -1)
		return;
	*fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, proto);
	if (*fd < 0)
		*fd = -2;
	else
		setsockopt(*fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

/* Local delivery of a multicast group needs a member. */
void join(int in, const struct address *group)
{
	if (group->v6 && group->b[0] == 0xff) {
		struct ipv6_mreq m = {.ipv6mr_interface =
					      (unsigned)ifaces[in].fw_index};

		memcpy(&m.ipv6mr_multiaddr, group->b, 16);
		setsockopt(join_socket[1], IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP,
			   &m, sizeof m);
	} else if (!group->v6 && group->b[0] >> 4 == 14) {
		struct ip_mreqn m = {.imr_ifindex = ifaces[in].fw_index};

		memcpy(&m.imr_multiaddr, group->b, 4);
		setsockopt(join_socket[0], IPPROTO_IP, IP_ADD_MEMBERSHIP, &m,
			   sizeof m);
	}
}
