#include "cli/audit.h"

static int cmd_audit(struct args *a)
{
	struct run r = { .args = a, .arena = a->arena, .notify = -1 };
	int rc = EXIT_BAD;
	bool ready;

	diags_init(&r.diags, r.arena);
	ready = audit_arguments(&r) && audit_open(&r);
	print_diags(&r.diags);
	if (ready) {
		audit_catch_signals();
		audit_consume(&r);
		rc = audit_finish_run(&r);
	}
	audit_close(&r);
	return rc;
}

static const struct option_def audit_options[] = {
	{ 'r' | OPTION_AGAIN, "read", "FILE[=ZONE]",
	  "a capture file or a directory of them "
	  "(repeatable)" },
	{ 'i' | OPTION_AGAIN, "interface", "IFACE[=ZONE]",
	  "watch an interface (repeatable)" },
	{ 0, "duration", "SECONDS", "end after so long, live or from a pipe" },
	{ 0, "count", "N", "end after so many packets" },
	{ 'o' | OPTION_AGAIN | OPTION_WRITES, "output", "FORMAT[=FILE]",
	  "table (default), json, csv, markdown, html; as it happens: ndjson, "
	  "syslog[=HOST:PORT or PATH], prometheus=FILE; to FILE if given "
	  "(repeatable)" },
	{ OPTION_WRITES, "evidence", "FILE.pcap",
	  "the packets of the findings, payload "
	  "cut off" },
	{ 0, "evidence-whole", NULL, "with their payload, passwords included" },
	{ OPTION_AGAIN, "waivers", "FILE",
	  "findings that are accepted for a time "
	  "(repeatable)" },
	{ OPTION_WRITES, "write-baseline", "FILE",
	  "write the findings as waivers for thirty days, for review" },
	{ OPTION_WRITES, "propose", "FILE",
	  "write what would plan what was seen: exceptions, and roles where "
	  "template flows cover it, each with an expiry, for review" },
	{ OPTION_AGAIN, "fail-on", "CLASSES",
	  "exit 1 for these classes of findings only" },
	{ 0, "inside", NULL, "judge traffic within zones as well" },
	{ 0, "housekeeping", NULL, "judge the link's own chatter as well" },
	{ 0, "all-flows", NULL, "ndjson: a line for every flow" },
	{ 0, "mirror", NULL, "only what is inside GRE, ERSPAN, VXLAN, Geneve" },
	{ 0, "redact", NULL, "mask names and addresses in all that is written" },
	{ OPTION_WRITES, "state", "FILE",
	  "remember there who opened connections, for the "
	  "next run" },
	{ 0, "max-flows", "N", "size of the flow table (live: of each reader)" },
	{ 0, "fanout", "N", "live: readers that share the packets, flow by "
			    "flow" },
	{ 0, "direction", "auto|in|both", "live: packets that come in, or those "
					  "sent as well" },
	{ 0, "snaplen", "BYTES", "live: bytes kept of a packet" },
	{ 0, "buffer", "MIB", "live: size of the kernel's ring (of each reader)" },
	{ 0, "user", "NAME", "go on as this user once all is open (started as "
			     "root: nobody)" },
	{ 0, "no-sandbox", NULL, "for debugging: without Landlock and seccomp" },
	TOPOLOGY_OPTIONS,
};

const struct command command_audit = {
	.name = "audit",
	.run = cmd_audit,
	.usage = "TOPOLOGY.xml (-r FILE[=ZONE]... | -i IFACE[=ZONE]...) "
		   "[-- FILTER]",
	.summary = "hold traffic against the plan, live or from captures",
	.description =
	  "Reads capture files (pcap, pcapng, also .gz and .zst, - for standard "
	  "input, a directory) or watches interfaces (a span port; nflog:N for "
	  "the firewall's own log of new connections), puts packets together "
	  "to flows, finds out who opened each, and flags what is outside the "
	  "plan, why, and how sure that is. FILE=ZONE and IFACE=ZONE say where "
	  "the tap stands. Behind -- stands a tcpdump filter. Ctrl-C ends with "
	  "the full report, SIGHUP reads the topology again, SIGUSR1 prints "
	  "progress.\n"
	  "The report says how complete the observation was: dropped, "
	  "truncated, damaged or one-sided traffic makes a clean result "
	  "incomplete, exit code 3, never clean; so does a signal that ends "
	  "the reading of files early. A capture that is named must be "
	  "readable; what is no capture in a directory is passed over, and "
	  "named.",
	OPTIONS(audit_options),
	.examples = "  portplan audit topology.xml -r monday.pcap.gz\n"
		      "  portplan audit topology.xml -i eth3=dmz -o ndjson\n"
		      "  portplan audit topology.xml -r /var/captures "
		      "--evidence findings.pcap -- not port 22\n",
	.min_args = 1,
	.takes_rest = true,
	.with_bundle = BUNDLE_IS_SAID,
	.max_args = 1000,
};
