#!/usr/bin/env python3
"""probes.py TOPOLOGY.xml SEED N [--templates DIR] [--today DATE]: N queries on stdout.

Planned packets and near misses of each, in the three query forms of oracle.py, spread
over all firewalls; about half of them get through.  `at` and `in` keep to packets that
reach a forward or input hook at all: no addresses that the kernel itself drops, no
protocol that needs more than a header to begin a connection, and never an address of
the firewall asked (but as DST of `in`).

A firewall without declared addresses is asked, in `in`, for `local_address`: a free
address of the interface's zone that the test gives to that interface.
"""
from __future__ import annotations

import ipaddress
import random
import sys
from typing import NamedTuple, Optional, Sequence, TypeVar

from checks import all_parties, end_lists
from oracle import arguments, clock, load
from reading import Address, Firewall, Interface, PlanError, Prefix
from verdict import AH, ESP, ICMP, ICMPV6, TCP, UDP, Atom, Plan, inside

KERNEL_DROPS = [ipaddress.ip_network(p) for p in (
    "0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "169.254.0.0/16",
    "::/127", "::ffff:0:0/96", "fe80::/10", "ff00::/8")]
MORE_THAN_A_HEADER = {0, 33, 41, 43, 44, 59, 60, 132, 135, 136, 139, 140, 4, 2, 112}
UNKNOWN = [ipaddress.ip_address(a) for a in (
    "10.250.1.1", "172.31.9.9", "192.168.77.7", "100.64.3.3", "203.0.113.200",
    "fd00::77", "2001:db8:ffff::1", "2a09::1")]
NAMES = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMPV6: "icmpv6", ESP: "esp", AH: "ah"}
OTHER_PROTOCOLS = [TCP, UDP, ESP, AH, 47, 89, ICMP, ICMPV6]
NO_INTERFACE = "nope0"


class Packet(NamedTuple):
    """The opener of a connection."""
    src: Address
    dst: Address
    proto: int
    port: int


class Step(NamedTuple):
    """One packet at one firewall; `leave` None: to the firewall itself."""
    packet: Packet
    enter: Interface
    leave: Optional[Interface]


class Pair(NamedTuple):
    """Two addresses with what is planned from one to the other."""
    src: Address
    dst: Address
    atoms: list[Atom]


class Crossing(NamedTuple):
    """A planned pair with interfaces it uses at one firewall."""
    src: Address
    dst: Address
    atoms: list[Atom]
    enter: Interface
    leave: Optional[Interface]


AnyPair = TypeVar("AnyPair", Pair, Crossing)


def reaches_hook(address: Address) -> bool:
    """Does the kernel let packets with this address come to the hook?"""
    return not any(inside(address, p) for p in KERNEL_DROPS)


def local_address(plan: Plan, box: Firewall, interface: Interface, version: int) -> Optional[Address]:
    """The free address of a zone that an undeclared interface gets in tests."""
    number = box.interfaces.index(interface)
    for p in plan.topology.zones[interface.zone].prefixes:
        if p.version != version:
            continue
        for offset in range(201, 206):
            if p.prefixlen == 0 or p.num_addresses <= offset + 8 * number:
                continue
            a = p[offset + 8 * number]
            facts = plan.facts(a)
            if facts.zone == interface.zone and facts.host is None:
                return a
    return None


class Prober:
    """Draws queries about one plan."""

    def __init__(self, plan: Plan, seed: int) -> None:
        self.plan = plan
        self.rng = random.Random(seed)
        self.boxes = list(plan.topology.firewalls.values())
        self.candidates = self.draw_candidates()
        self.planned = self.draw_planned()
        self.groups = self.grouped(self.planned)
        self.steps = {box.name: self.grouped(self.draw_steps(box)) for box in self.boxes}
        self.locals = {box.name: set(box.addresses()) | self.pseudo_addresses(box)
                       for box in self.boxes}

    # ------------------------------------------------------------ material

    def draw_candidates(self) -> list[Address]:
        """Hosts, firewalls, edges of everything with edges, and strangers."""
        found: set[Address] = set(UNKNOWN)
        prefixes: set[Prefix] = set()
        for party in all_parties(self.plan.topology):
            found |= set(party.addresses)
            prefixes |= set(party.prefixes)
        for _, words, _, _ in end_lists(self.plan.topology):
            prefixes |= {p for p in (self.plan.word(w).prefix for w in words) if p}
        for p in sorted(prefixes, key=str):
            found |= self.edges(p)
        found |= set(self.plan.firewall_of) | self.plan.nat.all
        ordered = sorted(found, key=lambda a: (a.version, int(a)))
        kept = {*self.plan.host_of, *self.plan.firewall_of, *self.plan.nat.all}
        hosts = [a for a in ordered if a in kept]
        rest = [a for a in ordered if a not in kept]
        return hosts + self.rng.sample(rest, min(len(rest), 110))

    def edges(self, p: Prefix) -> set[Address]:
        """First and last of a prefix, their outer neighbours, one in the middle."""
        last = p.num_addresses - 1
        found = {p[0], p[last], p[self.rng.randint(0, last)]}
        return found | {n for n in (self.neighbour(p[0], -1), self.neighbour(p[last], 1)) if n}

    @staticmethod
    def neighbour(address: Address, step: int) -> Optional[Address]:
        """The address beside, if there is one."""
        n = int(address) + step
        most = (1 << address.max_prefixlen) - 1
        return type(address)(n) if 0 <= n <= most else None

    def draw_planned(self) -> list[Pair]:
        """Pairs of candidates with something planned."""
        found = []
        for src in self.candidates:
            for dst in self.candidates:
                if src.version == dst.version:
                    atoms = self.plan.planned(src, dst)
                    if atoms:
                        found.append(Pair(src, dst, atoms))
        return found

    def draw_steps(self, box: Firewall) -> list[Crossing]:
        """Planned pairs with the interfaces they use at one firewall."""
        found = []
        for src, dst, atoms in self.planned:
            if not (reaches_hook(src) and reaches_hook(dst)):
                continue
            own = self.plan.facts(dst).firewall == box.name
            for path in self.plan.routes(src, dst):
                joined = [(path[i - 1], path[i + 1]) for i in range(1, len(path), 2)
                          if path[i] == box.name]
                if own:
                    joined = [(path[-1], "")]
                elif len(path) == 1:
                    joined = [(path[0], path[0])]
                for enter, leave in joined:
                    found += [Crossing(src, dst, atoms, i, o) for i in self.in_zone(box, enter)
                              for o in ([None] if own else self.in_zone(box, leave)) if i is not o]
        return found + self.undeclared_inputs(box)

    @staticmethod
    def in_zone(box: Firewall, zone: str) -> list[Interface]:
        """The firewall's interfaces in a zone."""
        return [i for i in box.interfaces if i.zone == zone]

    def undeclared_inputs(self, box: Firewall) -> list[Crossing]:
        """What `input` plans to a firewall without declared addresses."""
        found = []
        for src in self.candidates if box.inputs and not box.addresses() else []:
            atoms = self.plan.input_atoms(src, box, None, src.version)
            for i in box.interfaces:
                dst = local_address(self.plan, box, i, src.version)
                if (atoms and dst and dst != src and reaches_hook(src)
                        and i.zone in self.plan.doors(src)[0]):
                    found.append(Crossing(src, dst, atoms, i, None))
        return found

    def pseudo_addresses(self, box: Firewall) -> set[Address]:
        """The addresses of `local_address`."""
        if box.addresses():
            return set()
        found = {local_address(self.plan, box, i, v) for i in box.interfaces for v in (4, 6)}
        return {a for a in found if a is not None}

    @staticmethod
    def grouped(pairs: Sequence[AnyPair]) -> list[list[AnyPair]]:
        """The pairs by what is planned and where, so that each reason is drawn as
        often as any other, however many addresses it is about."""
        found: dict[object, list[AnyPair]] = {}
        for pair in pairs:
            names = tuple(i.name if i else None for i in pair[3:])
            found.setdefault((tuple(sorted(set(pair.atoms))), names), []).append(pair)
        return list(found.values())

    # --------------------------------------------------------- single draws

    def packet(self, src: Address, dst: Address, atoms: list[Atom]) -> Packet:
        """A packet of one of the atoms, at an edge more often than not.  The single
        ranges come before the crowd of protocols that `any` stands for."""
        usual = [a for a in atoms if a.proto in NAMES]
        atom = self.rng.choice(usual if usual and self.rng.random() < 0.9 else atoms)
        port = self.rng.choice([atom.low, atom.high, self.rng.randint(atom.low, atom.high)])
        return Packet(src, dst, atom.proto, max(port, 1) if atom.high else port)

    def stranger(self, like: Address) -> Address:
        """Any candidate of the same family."""
        return self.rng.choice([a for a in self.candidates if a.version == like.version])

    def other_port(self, p: Packet) -> Packet:
        """A neighbour port or another type of request."""
        if p.proto in (TCP, UDP):
            port = p.port + self.rng.choice([-1, 1, -1, 1, 10, 500])
            return p._replace(port=min(65535, max(1, port)))
        if p.proto == ICMP:
            return p._replace(port=self.rng.choice([8, 13, 15, 17]))
        return self.other_protocol(p)

    def other_protocol(self, p: Packet) -> Packet:
        """The same ends with another protocol."""
        if p.proto in (TCP, UDP) and self.rng.random() < 0.6:
            return p._replace(proto=TCP + UDP - p.proto)
        return self.as_protocol(p, self.rng.choice(OTHER_PROTOCOLS))

    def as_protocol(self, p: Packet, proto: int) -> Packet:
        """A packet of this protocol with a port that suits it."""
        if proto in (ICMP, ICMPV6):
            four = p.src.version == 4
            return p._replace(proto=ICMP if four else ICMPV6, port=8 if four else 128)
        if proto in (TCP, UDP):
            return p._replace(proto=proto, port=p.port or self.rng.choice([53, 443, 500, 4500]))
        return p._replace(proto=proto, port=0)

    def near_miss(self, p: Packet) -> Packet:
        """The packet with one thing changed."""
        step = self.rng.choice([-1, 1])
        changes = [
            lambda: self.other_port(p),
            lambda: self.other_port(p),
            lambda: self.other_protocol(p),
            lambda: p._replace(src=p.dst, dst=p.src),
            lambda: p._replace(src=self.neighbour(p.src, step) or p.src),
            lambda: p._replace(dst=self.neighbour(p.dst, step) or p.dst),
            lambda: p._replace(src=self.stranger(p.src)),
            lambda: p._replace(dst=self.stranger(p.dst)),
            lambda: p._replace(src=self.rng.choice(
                [a for a in UNKNOWN if a.version == p.src.version])),
        ]
        return self.rng.choice(changes)()

    def real_name(self, interface: Interface) -> str:
        """A kernel name that the declared one means."""
        if interface.name.endswith("*"):
            return interface.name[:-1] + self.rng.choice(["0", "7", "x1"])
        return interface.name

    def some_name(self, box: Firewall) -> str:
        """Any interface of the firewall, or none of it."""
        if self.rng.random() < 0.15:
            return NO_INTERFACE
        return self.real_name(self.rng.choice(box.interfaces))

    def random_packet(self) -> Packet:
        """Any two candidates."""
        src = self.rng.choice(self.candidates)
        p = Packet(src, self.stranger(src), TCP, self.rng.choice([25, 53, 80, 443, 5000]))
        return self.other_protocol(p) if self.rng.random() < 0.4 else p

    # --------------------------------------------------------------- queries

    @staticmethod
    def tail(p: Packet) -> str:
        """The packet as every query ends."""
        plain = p.proto not in (TCP, UDP, ICMP, ICMPV6)
        return (f"{p.src} {p.dst} {NAMES.get(p.proto, p.proto)} "
                f"{'-' if plain else p.port}")

    def end_query(self, miss: bool) -> str:
        """An `end` query."""
        if not self.planned or self.rng.random() < 0.03:
            return "end " + self.tail(self.random_packet())
        packet = self.shown_at_an_end(
            self.packet(*self.rng.choice(self.rng.choice(self.groups))))
        return "end " + self.tail(self.near_miss(packet) if miss else packet)

    def step_query(self, miss: bool) -> Optional[str]:
        """An `at` or `in` query at a random firewall; None: what was drawn is no
        packet for the hook."""
        box = self.rng.choice(self.boxes)
        step = self.random_step(box)
        forward = step.leave is not None
        names = [self.real_name(i) for i in (step.enter, step.leave) if i is not None]
        packet = step.packet
        if miss and self.rng.random() < 0.3:
            names = self.other_names(box, names)
        elif miss:
            packet = self.near_miss(packet)
        if not self.usable(box, packet, forward):
            return None
        form = "at" if forward else "in"
        return (f"{form} {box.name} {' '.join(names)} {self.tail(packet)}"
                + (self.leaves_as(box, packet, names) if forward else ""))

    def random_step(self, box: Firewall) -> Step:
        """A planned packet at the firewall, now and then any packet."""
        groups = self.steps[box.name]
        twins = [(a, b) for a in box.interfaces for b in box.interfaces
                 if a is not b and a.zone == b.zone]
        if twins and self.rng.random() < 0.12:
            return self.twin_step(*self.rng.choice(twins))
        if self.rng.random() < 0.06:
            return self.stray_input(box)
        if not groups or self.rng.random() < 0.05:
            enter, leave = (self.rng.choice(box.interfaces) for _ in range(2))
            return Step(self.random_packet(), enter, leave)
        inputs = [g for g in groups if g[0].leave is None]
        if inputs and self.rng.random() < 0.25:
            groups = inputs
        src, dst, atoms, enter, out = self.rng.choice(self.rng.choice(groups))
        packet = self.clear_packet(src, dst, atoms)
        return Step(self.shown_at(box, packet, enter, out), enter, out)

    # --------------------------------------------------------- translated

    def face(self, seen: object) -> Optional[Address]:
        """A source as walked, as an address."""
        if not isinstance(seen, tuple):
            return seen                                 # type: ignore[return-value]
        box = self.plan.topology.firewalls[seen[0]]
        found = [a for i in box.interfaces if i.zone == seen[1] for a in i.addresses]
        return self.rng.choice(found) if found else None

    def shown_at(self, box: Firewall, p: Packet, enter: Interface,
                 leave: Optional[Interface]) -> Packet:
        """The packet as it arrives there, now and then with its own addresses."""
        nat = self.plan.nat
        if not nat.any or self.rng.random() < 0.15:
            return p
        if leave is None:
            paths = [x for x in self.plan.routes(p.src, p.dst) if x[-1] == enter.zone]
            if not paths:
                return p
            seen = self.face(nat.at_the_end(self.rng.choice(paths), p.src, p.dst, p.port))
            return p._replace(src=seen) if seen and seen.version == p.src.version else p
        hops = [h for h in nat.hops(*p) if (h.enter, h.firewall, h.leave)
                == (enter.zone, box.name, leave.zone)]
        if not hops:
            return p
        hop = self.rng.choice(hops)
        seen = self.face(hop.arrives.src)
        if seen is None or seen.version != p.src.version:
            return p
        return Packet(seen, hop.arrives.dst, p.proto, hop.arrives.port)

    def shown_at_an_end(self, p: Packet) -> Packet:
        """The packet as one of its two ends sees it."""
        hops = self.plan.nat.hops(*p) if self.plan.nat.any else []
        if not hops or self.rng.random() < 0.3:
            return p
        hop = self.rng.choice(hops)
        seen = self.rng.choice([hop.arrives, hop.leaves])
        src = self.face(seen.src)
        if src is None or src.version != p.src.version:
            return p
        return Packet(src, seen.dst, p.proto, seen.port)

    def leaves_as(self, box: Firewall, p: Packet, names: list[str]) -> str:
        """How the packet leaves, if it does and something is translated."""
        sent = self.plan.sent(box.name, *names, *p) if self.plan.nat.any else None
        if sent is None:
            return ""
        src = "*" if isinstance(sent.src, tuple) else sent.src
        return f" as={src},{sent.dst},{sent.port if p.proto in (TCP, UDP) else '-'}"

    def twin_step(self, enter: Interface, leave: Interface) -> Step:
        """Any packet within a zone, between two interfaces of a firewall there."""
        packet = self.random_packet()
        near = [a for a in self.candidates if self.plan.facts(a).zone == enter.zone
                and a.version == packet.src.version]
        if near:
            packet = packet._replace(src=self.rng.choice(near), dst=self.rng.choice(near))
        return Step(packet, enter, leave)

    def stray_input(self, box: Firewall) -> Step:
        """Any packet to the firewall itself, on any interface."""
        packet = self.random_packet()
        own = [a for a in sorted(self.locals[box.name], key=str)
               if a.version == packet.src.version]
        if own:
            packet = packet._replace(dst=self.rng.choice(own))
        return Step(packet, self.rng.choice(box.interfaces), None)

    def clear_packet(self, src: Address, dst: Address, atoms: list[Atom]) -> Packet:
        """A planned packet, rather one that is not carried inside IPsec."""
        packet = self.packet(src, dst, atoms)
        for _ in range(4):
            if not self.plan.carried(*packet):
                break
            packet = self.packet(src, dst, atoms)
        return packet

    def other_names(self, box: Firewall, names: list[str]) -> list[str]:
        """Other interfaces: turned round, the same twice, or any."""
        if len(names) == 1:
            return [self.some_name(box)]
        return self.rng.choice([names[::-1], [names[0], names[0]],
                                [self.some_name(box), names[1]],
                                [names[0], self.some_name(box)]])

    def usable(self, box: Firewall, p: Packet, forward: bool) -> bool:
        """May a test send this packet and expect the ruleset to decide?"""
        own = self.locals[box.name]
        cross = (p.proto == ICMPV6) if p.src.version == 4 else (p.proto == ICMP)
        return (p.src != p.dst and reaches_hook(p.src) and reaches_hook(p.dst)
                and p.proto not in MORE_THAN_A_HEADER and not cross
                and p.src not in own
                and (p.dst not in own or self.plan.nat.destination(*p[1:]) is not None
                     if forward else p.dst in own))

    def queries(self, count: int) -> list[str]:
        """The lines."""
        found: list[str] = []
        while len(found) < count:
            miss = self.rng.random() < 0.42
            query = self.end_query(miss) if self.rng.random() < 0.35 else self.step_query(miss)
            if query is not None:
                found.append(query)
        return found


def main() -> int:
    """Load, draw, print."""
    options = arguments("topology", "seed", "count")
    try:
        plan = load(options.topology, options.templates, clock(options.today))
    except PlanError as problem:
        print(f"probes: {problem}", file=sys.stderr)
        return 2
    for query in Prober(plan, int(options.seed)).queries(int(options.count)):
        print(query)
    return 0


if __name__ == "__main__":
    sys.exit(main())
