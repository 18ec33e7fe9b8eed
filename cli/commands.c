#include "cli/cmd_gen.h"
#include "cli/table.h"

static const struct option_def gen_options[] = {
	{ 'd', "directory", "DIR",
	  "write NAME.nft for each firewall into DIR (default with several "
	  "firewalls: here)" },
	{ 'f', "firewall", "NAME",
	  "this firewall only, on standard output unless -d is given" },
	COUNTERS_OPTION,
	TOPOLOGY_OPTIONS,
};

static const struct option_def matrix_options[] = {
	{ 0, "by", "WHAT", "a line per pair of roles (role, the default), or "
			   "per pair of hosts (host)" },
	{ 0, "from", "NAME", "only from this zone, network, host, role or "
			     "address" },
	{ 0, "to", "NAME", "only to it" },
	{ 0, "service", "NAME", "only this service" },
	{ 0, "firewall", "NAME", "only what crosses this firewall" },
	FORMAT_OPTION,
	TOPOLOGY_OPTIONS,
};

static const struct option_def explain_options[] = {
	COUNTERS_OPTION,
	TOPOLOGY_OPTIONS,
};

static const struct option_def check_options[] = {
	{ 'f', "firewall", "NAME", "the file is this firewall's" },
	{ 0, "live", NULL, "judge the running kernel of this machine: all "
			   "tables together" },
	{ 0, "against", "OLD.nft",
	  "tell what the change brought from what was so before" },
	{ 0, "waivers", "FILE", "findings that are accepted for a time" },
	{ 0, "write-baseline", "FILE",
	  "write waivers for what was found, for thirty days, to be reviewed" },
	{ 0, "may-deny", "TABLE",
	  "a table of others that may drop more than planned, fail2ban's for "
	  "example (repeatable)" },
	{ 0, "fail-on", "KINDS",
	  "extra, missing, undecided, note: exit 1 for these only (default: "
	  "extra,missing)" },
	{ 'o', "output", "FORMAT[=FILE]",
	  "text (default), json, sarif, junit, github or markdown; to FILE if "
	  "given (repeatable)" },
	TOPOLOGY_OPTIONS,
};

static const struct option_def equal_options[] = {
	{ 'o', "output", "FORMAT", "text (default) or json" },
};

static const struct option_def diff_options[] = {
	FORMAT_OPTION,
	TOPOLOGY_OPTIONS,
};

static const struct option_def audit_options[] = {
	{ 'r', "read", "FILE[=ZONE]", "a capture file or a directory of them "
				      "(repeatable)" },
	{ 'i', "interface", "IFACE[=ZONE]", "watch an interface (repeatable)" },
	{ 0, "duration", "SECONDS", "end after so long" },
	{ 0, "count", "N", "end after so many packets" },
	{ 'o', "output", "FORMAT[=FILE]",
	  "table (default), ndjson as it happens, json, csv, markdown; to FILE "
	  "if given (repeatable)" },
	{ 0, "evidence", "FILE.pcap", "the packets of the findings, payload "
				      "cut off" },
	{ 0, "evidence-whole", NULL, "with their payload, passwords included" },
	{ 0, "waivers", "FILE", "findings that are accepted for a time "
				"(repeatable)" },
	{ 0, "propose", "FILE", "write allow elements for what was seen, for "
				"review" },
	{ 0, "fail-on", "CLASSES", "exit 1 for these classes of findings only" },
	{ 0, "inside", NULL, "judge traffic within zones as well" },
	{ 0, "housekeeping", NULL, "judge the link's own chatter as well" },
	{ 0, "all-flows", NULL, "ndjson: a line for every flow" },
	{ 0, "mirror", NULL, "only what is inside GRE, ERSPAN, VXLAN, Geneve" },
	{ 0, "max-flows", "N", "size of the flow table" },
	{ 0, "snaplen", "BYTES", "live: bytes kept of a packet" },
	{ 0, "buffer", "MIB", "live: size of the kernel's ring" },
	TOPOLOGY_OPTIONS,
};

#define OPTIONS(o) .options = (o), .n_options = COUNT_OF(o)

const struct command commands[] = {
	{ .name = "matrix", .run = cmd_matrix,
	  .usage = "TOPOLOGY.xml [--by host] [-o FORMAT[=FILE]]",
	  .summary = "the port matrix: who may talk to whom, and why",
	  .description =
	  "Compiles the topology and lists what is planned: from, to, protocol "
	  "and ports, in the clear or inside IPsec, the firewalls on every "
	  "path (\"a > b\" one after the other, \"a | b\" either), what asks "
	  "for it, why, and by which source.",
	  OPTIONS(matrix_options),
	  .examples = "  portplan matrix topology.xml\n"
		      "  portplan matrix topology.xml --by host --to dc1\n"
		      "  portplan matrix topology.xml -o html=matrix.html\n",
	  .min_args = 1, .max_args = 1 },
	{ .name = "gen", .run = cmd_gen,
	  .usage = "TOPOLOGY.xml [-f FIREWALL] [-d DIR]",
	  .summary = "write the nftables ruleset of every firewall",
	  .description =
	  "Compiles the topology and writes one nftables file for each "
	  "firewall on any path: what is planned passes, everything else is "
	  "counted, logged and dropped. With one firewall, or with -f, the "
	  "ruleset goes to standard output unless -d is given. A file replaces its own table whole and touches no "
	  "other; one that would not change is left as it is.",
	  OPTIONS(gen_options),
	  .examples = "  portplan gen topology.xml -d rules\n"
		      "  portplan gen topology.xml -f inner | nft -c -f -\n",
	  .min_args = 1, .max_args = 1 },
	{ .name = "explain", .run = cmd_explain,
	  .usage = "TOPOLOGY.xml FROM TO PACKET",
	  .summary = "may this talk to that, why, and which rule says so",
	  .description =
	  "FROM and TO are hosts, firewalls, addresses, or a zone or network "
	  "(any address of it that is no host's). PACKET is tcp/389, udp/53, "
	  "icmp/echo-request, esp, ip/47, a service of the topology, or a bare "
	  "number, which means tcp and udp. Allowed: the reasons, the most "
	  "specific first, the firewalls crossed, and the rule of each that "
	  "lets it through. Denied: the planned flow that comes nearest; where "
	  "nothing enforces the denial, that is said.\nExit code 0 allowed, 1 if "
	  "any of what was asked is denied (a bare number asks twice).",
	  OPTIONS(explain_options),
	  .examples = "  portplan explain topology.xml fe1 dc1 tcp/389\n"
		      "  portplan explain topology.xml 192.0.2.10 dc1 kerberos\n",
	  .min_args = 4, .max_args = 4 },
	{ .name = "check", .run = cmd_check,
	  .usage = "TOPOLOGY.xml RULES.nft...",
	  .summary = "prove that rulesets equal the plan, or show the packet",
	  .description =
	  "Loads each ruleset into a private network namespace with the real "
	  "nft (no root is needed where user namespaces are allowed), reads "
	  "the kernel's bytecode back, and compares what it lets through with "
	  "the plan for that firewall: every packet, not a sample. A file "
	  "belongs to the firewall of its base name. Judged are connections: "
	  "what may open equals the plan, with interfaces and spoofing; "
	  "replies pass; nothing else passes in any other state. What is not "
	  "modelled is reported as undecided, never skipped.\n"
	  "Exit code 0 equal, 1 findings, 2 trouble, 3 undecided.",
	  OPTIONS(check_options),
	  .examples = "  portplan check topology.xml rules/inner.nft "
		      "rules/outer.nft\n"
		      "  portplan check topology.xml --firewall inner --live\n"
		      "  portplan check topology.xml inner.nft "
		      "--against before.nft -o github\n",
	  .min_args = 1, .max_args = 1000 },
	{ .name = "audit", .run = cmd_audit,
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
	  "incomplete, exit code 3, never clean.",
	  OPTIONS(audit_options),
	  .examples = "  portplan audit topology.xml -r monday.pcap.gz\n"
		      "  portplan audit topology.xml -i eth3=dmz -o ndjson\n"
		      "  portplan audit topology.xml -r /var/captures "
		      "--evidence findings.pcap -- not port 22\n",
	  .min_args = 1, .max_args = 1000 },
	{ .name = "diff", .run = cmd_diff, .usage = "OLD.xml NEW.xml",
	  .summary = "what a change of the topology opens and closes",
	  .description =
	  "Compares the plans of two topologies packet by packet and lists "
	  "what opens, what closes and what moves into or out of IPsec: by "
	  "zones, with the reason, its owner and what caused the change; "
	  "internet-facing first. It ends with the firewalls whose ruleset "
	  "changes.\n"
	  "Exit code 0 no change, 1 changes.",
	  OPTIONS(diff_options),
	  .examples = "  portplan diff main.xml branch.xml -o markdown\n",
	  .min_args = 2, .max_args = 2 },
	{ .name = "equal", .run = cmd_equal, .usage = "A.nft B.nft",
	  .summary = "do two rulesets let the same packets pass?",
	  .description =
	  "Loads both into private network namespaces and compares what the "
	  "kernel then lets pass: every packet, in every conntrack state, on "
	  "forward, input and output. No topology is needed.\n"
	  "Exit code 0 equal, 1 different, 2 trouble, 3 undecided.",
	  OPTIONS(equal_options),
	  .examples = "  portplan equal before.nft after.nft\n",
	  .min_args = 2, .max_args = 2, .no_topology = true },
	{ .name = "schema", .run = cmd_schema,
	  .usage = "",
	  .summary = "print the XML Schema of the format, for editors",
	  .description =
	  "Prints the XSD of topologies, templates and waivers. It is made "
	  "from the table that the reader itself checks with.",
	  .no_topology = true },
	{ .name = "templates", .run = cmd_templates, .usage = "[NAME]",
	  .summary = "list the shipped templates, or print one",
	  .description =
	  "Lists the shipped templates with what they cover. With NAME, prints "
	  "that template: its roles, services and flows with their sources, "
	  "and what it does not cover. It is a file to read, and one to start "
	  "a template of your own from.",
	  .examples = "  portplan templates\n"
		      "  portplan templates exchange-2003\n",
	  .no_topology = true, .max_args = 1 },
	{ .name = "man", .run = cmd_man, .usage = "[COMMAND]",
	  .summary = "print a manual page, for man -l -",
	  .description = "Prints the manual page of portplan or of one "
			 "command, in the man macros.",
	  .no_topology = true, .max_args = 1 },
};

const size_t n_commands = COUNT_OF(commands);
