#include "probe.h"

/* The whole; state that all parts share. */

struct iface ifaces[MAX_IFACES];
int iface_count;
int fw_ns = -1, world_ns = -1;
int packet_socket = -1, marker_socket = -1;
int ct_socket = -1, log_socket = -1;
int raw_socket[2][256];
int hdrincl_socket[2] = {-1, -1};
int join_socket[2] = {-1, -1};
struct watch *watches;
size_t watch_count, watch_room;
uint32_t
	by_sport[65536]; /* id + 1 of the last packet with this source port */
uint32_t marker_sent, marker_seen;
uint64_t frames_lost;
unsigned long log_count;
unsigned next_port = 20000;
struct flow flows[MAX_FLOWS];
int flow_count;
char *counter_mark;
bool option_force, option_rejects, option_resend, option_verbose,
	option_logs;
char *rule_files[64];
int rule_file_count;
uint8_t na_target[16];
int dial_port = -1; /* the source port whose SYN-ACK is waited for */
bool dial_answered, dial_refused;
bool na_seen;

static void add_iface(char *text)
{
	struct iface *f = &ifaces[iface_count];
	char *equals = strchr(text, '=');
	int i;

	if (iface_count == MAX_IFACES)
		die(2, "too many interfaces");
	if (equals != NULL) {
		*equals = '\0';
		if (equals[1] != '\0')
			f->addresses = equals + 1;
	}
	if (*text == '\0' || strlen(text) >= sizeof f->name)
		die(2, "bad interface name \"%s\"", text);
	for (i = 0; i < iface_count; i++)
		if (strcmp(ifaces[i].name, text) == 0)
			die(2, "interface \"%s\" twice", text);
	snprintf(f->name, sizeof f->name, "%s", text);
	iface_count++;
}

static struct line *read_lines(FILE *f, size_t *count)
{
	struct line *lines = NULL;
	size_t room = 0, n = 0, text_room = 0;
	char *text = NULL, *save, *w;
	unsigned number = 0;

	while (getline(&text, &text_room, f) >= 0) {
		struct line *l;
		char *arrow;

		number++;
		if (n == room) {
			room = room ? room * 2 : 1024;
			lines = must(realloc(lines, room * sizeof *lines));
		}
		l = &lines[n];
		memset(l, 0, sizeof *l);
		l->number = number;
		arrow = strstr(text, "->");
		if (arrow != NULL)
			*arrow = '\0';
		l->text = must(strdup(text));
		for (w = strtok_r(l->text, " \t\r\n", &save); w != NULL;
		     w = strtok_r(NULL, " \t\r\n", &save)) {
			if (l->count == 0 && *w == '#')
				break;
			if (l->count < MAX_WORDS)
				l->words[l->count++] = w;
		}
		if (l->count == 0) {
			free(l->text);
			continue;
		}
		n++;
	}
	free(text);
	*count = n;
	return lines;
}

static void usage(FILE *f)
{
	fputs("usage: probe [OPTION]… --rules FILE… --iface NAME[=ADDRESS,…]… "
	      "< LINES\n"
	      "  --script FILE   read the lines from FILE\n"
	      "  --load-twice    load the rules twice\n"
	      "  --counters      print the ruleset with its counters to "
	      "standard error at the end\n"
	      "  --rejects       answer \"reject\" where the firewall refuses "
	      "by RST or ICMP\n"
	      "  --force         forward even what is addressed to, or comes "
	      "from, the firewall itself\n"
	      "  --resend        send once more what did not arrive (always "
	      "done after a loss)\n"
	      "  --nflog GROUP   count log messages of this group too\n"
	      "  --verbose       tell what could not be set up\n"
	      "Lines: at FIREWALL IN OUT SRC DST PROTO PORT [WORD]…   "
	      "forwarded: pass, drop, elsewhere IFACE\n"
	      "       in FIREWALL IN SRC DST PROTO PORT [WORD]…       to the "
	      "firewall itself: pass, drop\n"
	      "       flow send back error nd ping dial counter logs mark "
	      "flush reload sleep: see README\n",
	      f);
}

int main(int argc, char **argv)
{
	const char *script = NULL;
	bool load_twice = false, counters = false, steps = false;
	unsigned groups[16] = {LOG_GROUP};
	size_t group_count = 1, n, i;
	struct line *lines;
	FILE *f = stdin;
	int a, v, one = 1;

	for (a = 1; a < argc; a++) {
		bool more = a + 1 < argc;

		if (strcmp(argv[a], "--rules") == 0 && more &&
		    rule_file_count < 64) {
			rule_files[rule_file_count++] = argv[++a];
		} else if (strcmp(argv[a], "--iface") == 0 && more) {
			add_iface(argv[++a]);
		} else if (strcmp(argv[a], "--script") == 0 && more) {
			script = argv[++a];
		} else if (strcmp(argv[a], "--nflog") == 0 && more &&
			   group_count < 16) {
			groups[group_count++] =
				(unsigned)strtoul(argv[++a], NULL, 10);
		} else if (strcmp(argv[a], "--load-twice") == 0) {
			load_twice = true;
		} else if (strcmp(argv[a], "--counters") == 0) {
			counters = true;
		} else if (strcmp(argv[a], "--force") == 0) {
			option_force = true;
		} else if (strcmp(argv[a], "--rejects") == 0) {
			option_rejects = true;
		} else if (strcmp(argv[a], "--resend") == 0) {
			option_resend = true;
		} else if (strcmp(argv[a], "--verbose") == 0) {
			option_verbose = true;
		} else if (strcmp(argv[a], "--help") == 0) {
			usage(stdout);
			return 0;
		} else {
			usage(stderr);
			return 2;
		}
	}
	if (iface_count == 0) {
		usage(stderr);
		return 2;
	}
	if (script != NULL) {
		f = fopen(script, "re");
		if (f == NULL)
			die(2, "%s: %s", script, strerror(errno));
	}
	lines = read_lines(f, &n);
	for (i = 0; i < n; i++)
		if (strcmp(lines[i].words[0], "at") != 0 &&
		    strcmp(lines[i].words[0], "in") != 0)
			steps = true;
	for (i = 0; i < n; i++)
		if (strcmp(lines[i].words[0], "logs") == 0)
			option_logs = true;
	for (v = 0; v < 2; v++)
		for (a = 0; a < 256; a++)
			raw_socket[v][a] = -1;

	make_namespaces();
	pin_to_one_cpu();
	make_interfaces();
	enter(world_ns);
	packet_socket = packet_open(ETH_P_ALL);
	enter(fw_ns);
	marker_socket = packet_open(MARKER_TYPE);
	ct_socket = netfilter_socket();
	for (i = 0; i < group_count; i++)
		listen_to_logs(groups[i]);
	hdrincl_socket[0] =
		socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	hdrincl_socket[1] =
		socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	setsockopt(hdrincl_socket[1], IPPROTO_IPV6, IPV6_HDRINCL, &one,
		   sizeof one);
	join_socket[0] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	join_socket[1] = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	make_marking_table();
	wait_for_links();
	load_rules();
	if (load_twice)
		load_rules();

	if (steps) {
		for (i = 0; i < n; i++) {
			char *answer = step(&lines[i]);

			puts(answer);
			free(answer);
		}
	} else {
		struct probe *probes = must(calloc(n + 1, sizeof *probes));

		for (i = 0; i < n; i++) {
			probes[i].error = parse_probe(&lines[i], &probes[i]);
			if (probes[i].error != NULL)
				probes[i].answer = "error";
		}
		run_probes(probes, n);
		for (i = 0; i < n; i++) {
			if (probes[i].error != NULL)
				printf("error: %s\n", probes[i].error);
			else
				puts(probes[i].answer);
		}
	}
	fflush(stdout);
	if (counters) {
		char *text = list_rules();

		fputs(text, stderr);
		free(text);
	}
	if (ferror(stdout))
		die(2, "output: %s", strerror(errno));
	return 0;
}
