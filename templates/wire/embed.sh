#!/bin/sh
# Writes C source that holds the lists services and rpc-interfaces, for
# audit/wire.h.
set -eu
cat <<'HEAD'
#include "audit/wire.h"
const struct known_service known_services[] = {
HEAD
awk '
BEGIN { number["tcp"] = 6; number["udp"] = 17 }
!/^#/ && NF {
	printf "\t{ \"%s\", \"%s\", {", $1, $2
	for (i = 3; i <= NF; i++) {
		split($i, port, "/")
		printf "%s %d << 16 | %d", (i == 3 ? "" : ","), number[port[1]], port[2]
	}
	print (NF < 3 ? " 0 } }," : " } },")
}' "$1"
cat <<'MIDDLE'
};
const size_t n_known_services =
	sizeof(known_services) / sizeof(known_services[0]);
const struct rpc_interface rpc_interfaces[] = {
MIDDLE
# On the wire the first three fields of a UUID stand in little-endian order
# (C706, 14.1.3 and appendix L).
awk '!/^#/ && NF {
	u = $1
	gsub("-", "", u)
	printf "\t{ {"
	split("3 2 1 0 5 4 7 6 8 9 10 11 12 13 14 15", at, " ")
	for (i = 1; i <= 16; i++)
		printf "%s0x%s", (i == 1 ? " " : ", "), substr(u, at[i] * 2 + 1, 2)
	printf " },\n\t  \"%s\", \"%s\" },\n", $2, $3
}' "$2"
cat <<'TAIL'
};
const size_t n_rpc_interfaces =
	sizeof(rpc_interfaces) / sizeof(rpc_interfaces[0]);
_Static_assert(sizeof(rpc_interfaces) / sizeof(rpc_interfaces[0]) <= RPC_OTHER,
	       "more interfaces than bits");
TAIL
