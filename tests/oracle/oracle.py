#!/usr/bin/env python3
"""oracle.py TOPOLOGY.xml [--templates DIR] [--today DATE] < QUERIES

A second, naive implementation of the plan, for tests only.  One query line on
stdin, one answer line on stdout:

    end SRC DST PROTO PORT                  allowed | denied | ipsec
    at  FIREWALL IN OUT SRC DST PROTO PORT  pass | drop | unrouted
    in  FIREWALL IN SRC DST PROTO PORT      pass | drop | open | housekeeping | unrouted

`unrouted`: the rules of a firewall that does not enforce let it through, the kernel
may not.

PROTO: a number or tcp udp icmp icmpv6 esp ah.  PORT: the destination port of tcp and
udp, the type of icmp and icmpv6 (number or name of a request), else `-`.
Empty lines and lines that begin with # are skipped.
Exit 0, or 2 with a message for input that the page calls an error.

Readings, where the page leaves a case open:

 1 An `expires` date is the last day in force; an `expires` date-time is the first
   moment out of force.  A `starts` is the first moment in force.
 2 Firewall addresses inside a literal prefix, network or zone are holes and do not
   make it span; a literal that is just a firewall's address is an error, except in
   `forbid`, where a literal means every address in it, firewalls' own included.  So
   a zone in `to` of a `forbid` does not bar `input` flows to firewalls standing there.
 3 Network-wide words (roles, dynamic-ports, use) follow each address: an address of
   a host bears what the networks around that address say, innermost first, after
   the host's own word and before the zone's.
 4 A network counts for `dynamic-ports` and `use` by address, so two addresses of
   one host may differ.
 5 In `allow`, `forbid`, `input` and `except` a dynamic service means at each
   destination what 'Ports' says; at a firewall's own address: the topology's
   `dynamic-ports`, else the service's range.
 6 `want` and `omit` name services as the row writes them; groups are not opened.
 7 `ip="6"` and `ip="17"` cover port 0 too, as does `ip="any"`.
 8 `forbid` without service and port bars every packet; `input` without is an error.
 9 Between two interfaces in one zone with inside="any" (not internet) everything
   that begins a connection passes between addresses of that zone, what is planned
   only inside IPsec included.  A firewall's own address lies in no zone, so it never
   passes between two interfaces in one zone.
10 A firewall without declared addresses: `input` holds for a source with its own
   zone adjacent (a firewall: one of its zones), arriving on an interface of that
   zone only; `end` cannot know such addresses and says denied.
11 A firewall with some addresses declared: `input` holds for the declared ones only.
12 A firewall as source and a firewall as destination combine: from any zone of the
   one to any zone of the other, crossing neither.  It never is its own client.
   Firewalls that both stand in a zone reach each other there.
13 "leave on an interface of the destination's own zone or of a zone from which a
   path starts": both count, a direct way does not shut out the longer ones.
14 `end` to a firewall without `input`: denied, the plan says nothing of it.
15 Packets with one source and destination address are denied.
16 Housekeeping: ICMP echo-request, on any interface, declared or not; ICMPv6 130-136
   and 143; IGMP; DHCP udp 67 68 (IPv4), 546 547 (IPv6) on dhcp="yes"; protocol 112
   from the interface's zone or the firewall's own addresses where `nodes` is given.
   A planned input flow answers `pass` first.
17 Names that overlap a wildcard of the same firewall (eth0, eth*) are an error; `eth*`
   matches `eth` as well.
18 Client parties for the error in 'Paths' are zones, networks and hosts whose own
   `roles` (closure) hold the client role; "others" excludes addresses of the same host.
19 Elements of `ipsec` compare `except` as sets of the names written.
20 ICMP types that are no request are never planned, nor is protocol 1 in IPv6 and
   58 in IPv4, not even between two interfaces of an inside="any" zone.
21 A path starts at the zones of a firewall that is the source even where that zone is
   transit="no": only zones in the middle need transit.
22 Expired exceptions are still checked for names and paths, not against `forbid`.
23 `template` and `extends` may be lists; NAME@2 is the file NAME@2.xml.
24 A network's part outside its parent is cut; "wholly outside" is judged per prefix.
25 Path `include` and template files with / are relative to the file that names them.
"""
from __future__ import annotations

import argparse
import datetime
import os
import sys
from typing import Optional

from checks import Checker
from reading import ICMP_REQUESTS, ICMPV6_REQUESTS, PlanError, Reader, address, moment, number
from verdict import AH, ESP, ICMP, ICMPV6, TCP, UDP, Plan

PROTOCOLS = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "icmpv6": ICMPV6, "esp": ESP, "ah": AH}
TEMPLATES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "templates")


def load(path: str, templates: str, today: datetime.datetime, strict: bool = False) -> Plan:
    """The checked plan of a topology file."""
    plan = Plan(Reader(templates).read(path), today)
    Checker(plan, strict).check()
    return plan


def clock(text: Optional[str]) -> datetime.datetime:
    """`--today`, else now, in UTC."""
    found = moment(text, False)
    return found or datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


def packet(proto_word: str, port_word: str) -> tuple[int, int]:
    """Protocol number and port (type) of a query."""
    proto = PROTOCOLS.get(proto_word)
    if proto is None:
        proto = number(proto_word, 0, 255)
    if port_word == "-":
        return proto, 0
    names = {ICMP: ICMP_REQUESTS, ICMPV6: ICMPV6_REQUESTS}.get(proto, {})
    return proto, names[port_word] if port_word in names else number(port_word, 0, 65535)


def answer(plan: Plan, query: str) -> str:
    """The answer line to one query line."""
    form, *rest = (word for word in query.split() if "=" not in word)
    if form == "end" and len(rest) == 4:
        src, dst, proto, port = rest
        return plan.end(address(src), address(dst), *packet(proto, port))
    if form == "at" and len(rest) == 7:
        firewall, enter, leave, src, dst, proto, port = rest
        known(plan, firewall)
        return plan.at(firewall, enter, leave, address(src), address(dst), *packet(proto, port))
    if form == "in" and len(rest) == 6:
        firewall, enter, src, dst, proto, port = rest
        known(plan, firewall)
        return plan.to_firewall(firewall, enter, address(src), address(dst),
                                *packet(proto, port))
    raise PlanError(f"not a query: {query}")


def known(plan: Plan, firewall: str) -> None:
    """A query names a firewall of the topology."""
    if firewall not in plan.topology.firewalls:
        raise PlanError(f'no firewall "{firewall}"')


def arguments(*positional: str) -> argparse.Namespace:
    """The command line that the scripts here share."""
    parser = argparse.ArgumentParser()
    for name in positional:
        parser.add_argument(name)
    parser.add_argument("--templates", default=TEMPLATES)
    parser.add_argument("--today")
    return parser.parse_args()


def main() -> int:
    """Read the topology, answer the queries."""
    options = arguments("topology")
    try:
        plan = load(options.topology, options.templates, clock(options.today))
        for line in sys.stdin:
            if line.strip() and not line.startswith("#"):
                print(answer(plan, line))
    except PlanError as problem:
        print(f"oracle: {problem}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
