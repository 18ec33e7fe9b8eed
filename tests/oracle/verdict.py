"""The naive plan: every question is answered for its one packet alone, from the
words of the page.  No classes and no intervals; the memos only spare repetition.
"""
from __future__ import annotations

import datetime
import functools
import ipaddress
from typing import NamedTuple, Optional

from translation import Seen, Translation
from reading import (Address, Allow, Choice, Firewall, Flow, Interface, Ipsec, Party, PlanError,
                     Ports, Prefix, Service, Topology, Traffic, literal,
                     ICMP_REQUESTS, ICMPV6_REQUESTS)

TCP, UDP, ICMP, ICMPV6, ESP, AH, IGMP, VRRP = 6, 17, 1, 58, 50, 51, 2, 112

NOWHERE = [ipaddress.ip_network(p) for p in (
    "0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3",
    "::/127", "fe80::/10", "ff00::/8", "::ffff:0:0/96")]
NOT_INTERNET = [ipaddress.ip_network(p) for p in (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
    "100.64.0.0/10", "169.254.0.0/16", "fc00::/7")]

Path = tuple[str, ...]              # zone, firewall, zone, ..., zone


class Atom(NamedTuple):
    """Packets of one protocol with ports (or ICMP types) low to high."""
    proto: int
    low: int
    high: int

    def has(self, proto: int, port: int) -> bool:
        """Is this packet one of them?"""
        return self.proto == proto and self.low <= port <= self.high


class Facts(NamedTuple):
    """What the page says of one address (the format, 'Space')."""
    zone: Optional[str]             # None: in no zone's space
    firewall: Optional[str]         # whose own address it is
    host: Optional[str]
    chain: tuple[Party, ...]        # innermost first: host, networks, zone
    roles: frozenset[str]


class Word(NamedTuple):
    """One word of a list of ends."""
    kind: str                       # zone network host role literal all firewall
    name: str
    prefix: Optional[Prefix]


def inside(address: Address, prefix: Prefix) -> bool:
    """Membership that answers no across families."""
    return address.version == prefix.version and address in prefix


def protocol_atoms(proto: int, version: int) -> list[Atom]:
    """All connections of one IP protocol; of ICMP only the requests."""
    if proto in (TCP, UDP):
        return [Atom(proto, 0, 65535)]
    if proto == ICMP:
        return [Atom(ICMP, t, t) for t in ICMP_REQUESTS.values()] if version == 4 else []
    if proto == ICMPV6:
        return [Atom(ICMPV6, t, t) for t in ICMPV6_REQUESTS.values()] if version == 6 else []
    return [Atom(proto, 0, 0)]


def port_atoms(proto: int, ports: Ports) -> list[Atom]:
    """Ports and ranges of tcp or udp."""
    return [Atom(proto, low, high) for low, high in ports]


def never_carried(proto: int, port: int) -> bool:
    """IKE, NAT traversal, ESP and AH themselves (the format, 'Carriage')."""
    return (proto == UDP and port in (500, 4500)) or proto in (ESP, AH)


class Plan:
    """The plan of one topology at one moment."""

    def __init__(self, topology: Topology, today: datetime.datetime) -> None:
        self.topology = topology
        self.allows = [a for a in topology.allows if self.in_time(a, today)]
        self.host_of = {a: h for h in topology.hosts.values() for a in h.addresses}
        self.firewall_of = {a: f.name for f in topology.firewalls.values()
                            for a in f.addresses()}
        self.assigns = [a for a in topology.assigns if a.expires is None or today < a.expires]
        self.observes = [o for o in topology.observes if today < o.until]
        self.inventory = functools.cache(self._inventory)
        self.nat = Translation(self)
        self.facts = functools.cache(self._facts)
        self.word = functools.cache(self._word)
        self.holds = functools.cache(self._holds)
        self.paths = functools.cache(self._paths)
        self.routes_between = functools.cache(self._routes_between)
        self.role_closure = functools.cache(self._role_closure)
        self.asked = functools.cache(self._asked)
        self.planned = functools.cache(self._planned)

    @staticmethod
    def in_time(allow: Allow, today: datetime.datetime) -> bool:
        """Is the exception in the plan now (the format, 'Time')?"""
        return ((allow.starts is None or allow.starts <= today)
                and (allow.expires is None or today < allow.expires))

    # ------------------------------------------------- addresses, roles, ends

    def zone_by_prefix(self, address: Address) -> Optional[Party]:
        """The zone whose prefix is the most specific (the format, 'Space')."""
        if any(inside(address, p) for p in NOWHERE):
            return None
        best: Optional[Party] = None
        length = -1
        for zone in self.topology.zones.values():
            for p in zone.prefixes:
                if inside(address, p) and p.prefixlen > length:
                    best, length = zone, p.prefixlen
        if length == 0 and any(inside(address, p) for p in NOT_INTERNET):
            return None
        return best

    def networks_around(self, address: Address, party: Party) -> list[Party]:
        """The networks in `party` around the address, innermost first."""
        for network in party.networks:
            if any(inside(address, p) for p in network.prefixes):
                return self.networks_around(address, network) + [network]
        return []

    def _role_closure(self, roles: frozenset[str]) -> frozenset[str]:
        """The roles and all that they imply."""
        found = set(roles)
        todo = list(roles)
        while todo:
            for implied in self.topology.roles.get(todo.pop(), []):
                if implied not in found:
                    found.add(implied)
                    todo.append(implied)
        return frozenset(found)

    def _facts(self, address: Address) -> Facts:
        """The inventory's facts and what is assigned beside it."""
        facts = self.inventory(address)
        given = frozenset(r for a in self.assigns for r in a.roles
                          if any(self.assigned(w, address) for w in a.to))
        return facts._replace(roles=self.role_closure(facts.roles | given))

    def assigned(self, text: str, address: Address) -> bool:
        """Does a word of an `assign` mean the address, by the inventory alone?"""
        facts = self.inventory(address)
        if text.endswith("*") and text != "*":
            return any(p.name.startswith(text[:-1]) for p in facts.chain
                       if p.leg_of is None or "@" in text)
        if text.startswith("role:"):
            return text[5:] in facts.roles
        return self.means(self.word(text), facts, address, False)

    def _inventory(self, address: Address) -> Facts:
        """Zone, networks, host and roles of one address."""
        if address in self.firewall_of:
            return Facts(None, self.firewall_of[address], None, (), frozenset())
        if address in self.nat.all:
            return Facts(None, None, None, (), frozenset())
        zone = self.zone_by_prefix(address)
        if zone is None:
            return Facts(None, None, None, (), frozenset())
        host = self.host_of.get(address)
        chain = ([host] if host else []) + self.networks_around(address, zone) + [zone]
        said = frozenset(r for party in chain for r in party.roles)
        return Facts(zone.name, None, host.name if host else None, tuple(chain),
                     self.role_closure(said))

    def _word(self, text: str) -> Word:
        """What a word of an end means (the format, 'Ends')."""
        t = self.topology
        if text == "*":
            return Word("all", text, None)
        if text.startswith("role:"):
            if text[5:] not in t.roles:
                raise PlanError(f'role "{text[5:]}" is unknown')
            return Word("role", text[5:], None)
        kinds = (("zone", t.zones), ("network", t.networks),
                 ("host", t.hosts), ("firewall", t.firewalls))
        for kind, names in kinds:
            if text in names:
                return Word(kind, text, None)
        prefix = literal(text)
        if prefix is None:
            raise PlanError(f'"{text}" is no end')
        return Word("literal", text, prefix)

    def _holds(self, text: str, address: Address, spanning: bool = False) -> bool:
        """Does the word mean this address?  `spanning`: literals as of `forbid`."""
        return self.means(self.word(text), self.facts(address), address, spanning)

    @staticmethod
    def means(word: Word, facts: Facts, address: Address, spanning: bool) -> bool:
        """Does the word mean an address with these facts?"""
        if word.kind == "firewall":
            return facts.firewall == word.name
        if word.kind == "literal":
            assert word.prefix is not None
            return inside(address, word.prefix) and (spanning or facts.zone is not None)
        if word.kind == "all":
            return facts.zone is not None
        if word.kind == "role":
            return word.name in facts.roles
        return any(p.kind == word.kind and p.name == word.name for p in facts.chain)

    def among(self, ends: list[str], address: Address, spanning: bool = False) -> bool:
        """Does any word of the list mean this address?"""
        return any(self.holds(w, address, spanning) for w in ends)

    # ------------------------------------------------------ services and ports

    def dynamic_ports(self, service: Service, dst: Optional[Address]) -> Ports:
        """A dynamic service at its destination (the format, 'Ports')."""
        chain = self.facts(dst).chain if dst is not None else ()
        roles = self.facts(dst).roles if dst is not None else frozenset()
        if chain and service.name in chain[0].pins:
            return chain[0].pins[service.name]
        for role, pinned, ports in self.topology.role_pins:
            if role in roles and pinned == service.name:
                return ports
        for party in chain:
            if party.dynamic_ports:
                return party.dynamic_ports
        return self.topology.dynamic_ports or service.traffic.tcp or service.traffic.udp

    def members(self, names: list[str], seen: frozenset[str] = frozenset()) -> list[Service]:
        """The services named, groups opened."""
        found: list[Service] = []
        for name in names:
            if name not in self.topology.services:
                raise PlanError(f'service "{name}" is unknown')
            if name in seen:
                raise PlanError(f'service "{name}" implies itself')
            service = self.topology.services[name]
            found += [service] + self.members(service.traffic.services, seen | {name})
        return found

    def traffic_atoms(self, traffic: Traffic, version: int, dst: Optional[Address]) -> list[Atom]:
        """The packets named, at this destination; `dst` None: no address known."""
        found = self.own_atoms(traffic, version)
        for service in self.members(traffic.services):
            if service.dynamic:
                proto = TCP if service.traffic.tcp else UDP
                found += port_atoms(proto, self.dynamic_ports(service, dst))
            else:
                found += self.own_atoms(service.traffic, version)
        return found

    @staticmethod
    def own_atoms(traffic: Traffic, version: int) -> list[Atom]:
        """The packets that the port attributes alone name."""
        found = port_atoms(TCP, traffic.tcp) + port_atoms(UDP, traffic.udp)
        for proto in traffic.ip:
            for one in (range(256) if isinstance(proto, str) else [proto]):
                found += protocol_atoms(one, version)
        found += [Atom(ICMP, t, t) for t in traffic.icmp if version == 4]
        found += [Atom(ICMPV6, t, t) for t in traffic.icmpv6 if version == 6]
        return found

    # ------------------------------------------------------------------- paths

    def _paths(self, start: str, end: str) -> list[Path]:
        """All paths from zone to zone (the format, 'Paths')."""
        found: list[Path] = []
        self.walk((start,), end, found)
        return [p for p in found if self.chordless(p)]

    def walk(self, path: Path, end: str, found: list[Path]) -> None:
        """Every continuation of `path` to `end` that repeats nothing."""
        here = path[-1]
        if here == end:
            found.append(path)
            return
        if len(path) > 1 and not self.topology.zones[here].transit:
            return
        for firewall in self.topology.firewalls.values():
            if firewall.name in path or here not in firewall.zones():
                continue
            for zone in sorted(firewall.zones()):
                if zone not in path:
                    self.walk(path + (firewall.name, zone), end, found)

    def chordless(self, path: Path) -> bool:
        """No firewall has an interface in another zone of the path."""
        zones = set(path[0::2])
        for i in range(1, len(path), 2):
            joined = {path[i - 1], path[i + 1]}
            if self.topology.firewalls[path[i]].zones() & zones != joined:
                return False
        return True

    def doors(self, address: Address) -> tuple[frozenset[str], frozenset[str]]:
        """Zones where a connection of this address starts or ends, and the firewall
        it does not cross: its own zone; for a firewall any zone of its interfaces."""
        facts = self.facts(address)
        if facts.firewall is not None:
            zones = self.topology.firewalls[facts.firewall].zones()
            return frozenset(zones), frozenset([facts.firewall])
        return frozenset([facts.zone] if facts.zone else []), frozenset()

    def routes(self, src: Address, dst: Address) -> list[Path]:
        """All paths that packets of this pair may take."""
        starts, own = self.doors(src)
        ends, other = self.doors(dst)
        return self.routes_between(starts, ends, own | other)

    def _routes_between(self, starts: frozenset[str], ends: frozenset[str],
                        avoid: frozenset[str]) -> list[Path]:
        """Paths from any of the one to any of the other zones."""
        return [p for a in sorted(starts) for b in sorted(ends) for p in self.paths(a, b)
                if not avoid & set(p[1::2])]

    # ------------------------------------------------------------ the flows

    def chosen(self, choices: list[Choice], flow: Flow, service: str, src: Address) -> bool:
        """Does a `want` or `omit` of the list name this row for this source?"""
        return any((c.src, c.dst) == (flow.src, flow.dst)
                   and (not c.services or service in c.services)
                   and (c.at is None or self.among(c.at, src)) for c in choices)

    def active(self, flow: Flow, service: str, src: Address) -> bool:
        """Is this service of this row in the plan for this source?"""
        if self.chosen(self.topology.omits, flow, service, src):
            return False
        return (flow.requirement != "optional"
                or self.chosen(self.topology.wants, flow, service, src))

    def use_admits(self, src: Address, role: str, dst: Address) -> bool:
        """No `use` of src for the role excludes dst; the innermost counts."""
        for party in self.facts(src).chain:
            lists = [u.of for u in party.uses if role in u.roles]
            if lists:
                return any(self.among(of, dst) for of in lists)
        return True

    def realm(self, address: Address) -> Optional[str]:
        """The innermost realm around an address."""
        for party in self.facts(address).chain:
            if party.realm is not None:
                return party.realm
        return self.topology.realm

    def realms_agree(self, src: Address, dst: Address) -> bool:
        """Equal realms, or one without."""
        one, other = self.realm(src), self.realm(dst)
        return one is None or other is None or one == other

    def template_services(self, src: Address, dst: Address) -> list[str]:
        """Services that template flows let src open to dst (the format,
        'A template flow'), paths not yet asked for."""
        found = []
        client, server = self.facts(src).roles, self.facts(dst).roles
        for flow in self.topology.flows:
            if (flow.src in client and flow.dst in server
                    and (flow.across or self.realms_agree(src, dst))
                    and self.use_admits(src, flow.dst, dst)):
                found += [s for s in flow.services if self.active(flow, s, src)]
        return found

    def input_atoms(self, src: Address, firewall: Firewall,
                    dst: Optional[Address], version: int) -> list[Atom]:
        """What `input` lets src open to the firewall itself."""
        return [a for i in firewall.inputs if self.among(i.src, src)
                for a in self.traffic_atoms(i.traffic, version, dst)]

    def _asked(self, src: Address, dst: Address) -> list[Atom]:
        """Everything templates, exceptions and inputs ask for from src to dst."""
        if src == dst or src.version != dst.version or not self.routes(src, dst):
            return []
        one, other = self.facts(src), self.facts(dst)
        if other.firewall is not None:
            if one.firewall == other.firewall:
                return []
            return self.input_atoms(src, self.topology.firewalls[other.firewall],
                                    dst, src.version)
        found = []
        for service in self.template_services(src, dst):
            found += self.traffic_atoms(Traffic([service]), src.version, dst)
        for allow in self.allows:
            if self.among(allow.src, src) and self.among(allow.dst, dst):
                found += self.traffic_atoms(allow.traffic, src.version, dst)
        return found

    # --------------------------------------------------------------- carriage

    def covering(self, src: Address, dst: Address) -> Optional[Ipsec]:
        """The `ipsec` element that covers the pair (the format, 'Carriage')."""
        for element in self.topology.ipsecs:
            if ((self.among(element.between, src) and self.among(element.other, dst))
                    or (self.among(element.between, dst) and self.among(element.other, src))):
                return element
        return None

    def exempt(self, element: Ipsec, dst: Address) -> list[Atom]:
        """What stays outside IPsec at this destination."""
        return self.traffic_atoms(Traffic(element.exempt), dst.version, dst)

    def carried(self, src: Address, dst: Address, proto: int, port: int) -> bool:
        """May this packet, if planned, travel inside IPsec only?"""
        element = self.covering(src, dst)
        return (element is not None and not never_carried(proto, port)
                and not any(a.has(proto, port) for a in self.exempt(element, dst)))

    def something_carried(self, src: Address, dst: Address) -> bool:
        """Is a covered flow from src to dst left?  The first packet of an atom that
        stays carried is its first one or the one behind an exempt range."""
        element = self.covering(src, dst)
        if element is None:
            return False
        holes = self.exempt(element, dst) + [Atom(UDP, 500, 500), Atom(UDP, 4500, 4500),
                                             Atom(ESP, 0, 0), Atom(AH, 0, 0)]
        for atom in self.asked(src, dst):
            near = [h for h in holes if h.proto == atom.proto]
            for port in [atom.low] + [h.high + 1 for h in near]:
                if atom.low <= port <= atom.high and not any(h.has(atom.proto, port)
                                                             for h in near):
                    return True
        return False

    def ike_atoms(self, src: Address, dst: Address) -> list[Atom]:
        """IKE, ESP and AH of a pair with a covered flow left, both directions."""
        element = self.covering(src, dst)
        if element is None or not (self.something_carried(src, dst)
                                   or self.something_carried(dst, src)):
            return []
        found = [Atom(UDP, 500, 500)]
        if self.nat.translated(src, dst):
            return found + [Atom(UDP, 4500, 4500)]
        found += [Atom(UDP, 4500, 4500)] if element.nat_traversal else []
        found += [Atom(ESP, 0, 0)] if "esp" in element.protocols else []
        found += [Atom(AH, 0, 0)] if "ah" in element.protocols else []
        return found

    def _planned(self, src: Address, dst: Address) -> list[Atom]:
        """Everything planned from src to dst, carried or not."""
        return self.asked(src, dst) + self.ike_atoms(src, dst)

    # ------------------------------------------------------------ the answers

    def own_end(self, src: Address, dst: Address, proto: int, port: int) -> str:
        """The same for a packet that bears own addresses."""
        if not any(a.has(proto, port) for a in self.planned(src, dst)):
            return "denied"
        return "ipsec" if self.carried(src, dst, proto, port) else "allowed"

    def end(self, src: Address, dst: Address, proto: int, port: int) -> str:
        """End to end: `allowed`, `denied` or `ipsec`."""
        found = set()
        for own, own_port in self.meant(dst, proto, port):
            for one in self.nat.sources(src):
                said = self.own_end(one, own, proto, own_port)
                if said == "denied" or self.stands_for(one, src, own, dst):
                    found.add(said)
        return next((w for w in ("allowed", "ipsec") if w in found), "denied")

    def meant(self, dst: Address, proto: int, port: int) -> list[tuple[Address, int]]:
        """Own addresses and ports that a destination may stand for."""
        found = self.nat.destination(dst, proto, port)
        if found is None:
            return [] if dst in self.nat.all and dst not in self.firewall_of else [(dst, port)]
        return [found] + ([(dst, port)] if dst in self.firewall_of else [])

    def stands_for(self, one: Address, src: Address, own: Address, dst: Address) -> bool:
        """Do paths of the pair translate what is not its own address?"""
        paths = self.routes(one, own)
        steps = [p[i - 1:i + 2] for p in paths for i in range(1, len(p), 2)]
        if one != src and src in self.firewall_of and src not in self.nat.all:
            zone = self.zone_by_prefix(src)
            good = zone is not None and zone.zone_kind == "internet" and any(
                (f, b) == (self.firewall_of[src], zone.name) for _, f, b in steps)
        else:
            good = one == src or any(self.nat.touches(src, (a, b)) for a, _, b in steps)
        return good and (own == dst or any(self.nat.touches(dst, (a, b)) for a, _, b in steps))

    def at(self, firewall: str, enter: str, leave: str,
           src: Address, dst: Address, proto: int, port: int) -> str:
        """A new packet forwarded by a firewall (the format, 'At one firewall')."""
        box = self.topology.firewalls[firewall]
        if not box.enforce:
            return "unrouted" if self.strange(box, src, dst) else "pass"
        if self.sent(firewall, enter, leave, src, dst, proto, port):
            return "pass"
        one, other = box.interface(enter), box.interface(leave)
        if one is None or other is None or one is other or src.version != dst.version:
            return "drop"
        own = [(o, p) for o, p in self.meant(dst, proto, port)
               if o != dst and self.nat.rewrites(firewall, one.zone, dst, o)]
        if own:
            return "unrouted" if any(self.observed(box, one, other, src, *o, proto)
                                     for o in own) else "drop"
        return "pass" if self.observed(box, one, other, src, dst, port, proto) else "drop"

    def sent(self, firewall: str, enter: str, leave: str, src: Address, dst: Address,
             proto: int, port: int) -> Optional[Seen]:
        """How the packet leaves, if it does."""
        box = self.topology.firewalls[firewall]
        one, other = box.interface(enter), box.interface(leave)
        if one is None or other is None or one is other or src.version != dst.version:
            return None
        if one.zone == other.zone:
            planned = self.own_end(src, dst, proto, port) == "allowed"
            good = self.within_zone(one.zone, src, dst, proto, port, planned)
            return Seen(src, dst, port) if good else None
        for own, own_port in self.meant(dst, proto, port):
            rewritten = own != dst and self.nat.rewrites(firewall, one.zone, dst, own)
            judged = (own, own_port) if rewritten else (dst, port)
            for s in self.nat.sources(src):
                if self.own_end(s, own, proto, own_port) != "allowed":
                    continue
                for hop in self.nat.hops(s, own, proto, own_port):
                    if ((hop.enter, hop.firewall, hop.leave) == (one.zone, firewall, other.zone)
                            and (hop.judged.dst, hop.judged.port) == judged
                            and self.nat.shown_by(hop.judged.src, src)):
                        return hop.leaves
            if rewritten:
                break
        return None

    @staticmethod
    def strange(box: Firewall, src: Address, dst: Address) -> bool:
        """Addresses that a kernel forwards by rules of its own, or not at all."""
        return any(a in box.addresses() or any(inside(a, p) for p in NOWHERE)
                   for a in (src, dst)) or src.version != dst.version

    @staticmethod
    def strange_source(box: Firewall, src: Address) -> bool:
        """No kernel takes a packet from its own or from nobody's address."""
        return src in box.addresses() or any(inside(src, p) for p in NOWHERE)

    def observed(self, box: Firewall, one: Interface, other: Interface,
                 src: Address, dst: Address, port: int, proto: int) -> bool:
        """Is a pair of zones observed that the two may be of, on a path that goes here? As
        the firewall judges it: what it makes an own address is one already."""
        if src.version != dst.version:
            return False
        return any(self.observed_step((one.zone, box.name, other.zone), s, (src, dst, port), d)
                   for s in {*self.nat.sources(src), src}
                   for d in {*self.meant(dst, proto, port), (dst, port)})

    def observed_step(self, step: tuple[str, str, str], src: Address,
                      seen: tuple[Address, Address, int], own: tuple[Address, int]) -> bool:
        """The same for one pair of own addresses that would be seen so."""
        start, end = self.facts(src).zone, self.facts(own[0]).zone
        if start is None or end is None or not any(
                {start, "*"} & set(o.src) and {end, "*"} & set(o.dst) for o in self.observes):
            return False
        if start == end:
            return step[0] == step[2] == start and (src, own[0]) == seen[:2]
        return any(
            (hop.enter, hop.firewall, hop.leave) == step
            and (src == seen[0] or self.nat.shown_by(hop.judged.src, seen[0]))
            and hop.judged.dst == seen[1]
            for path in self.paths(start, end)
            if own[0] == seen[1] or self.nat.touches(seen[1], path[0::2])
            for hop in self.nat.walk(path, src, own[0], seen[1:], own[1]))

    def within_zone(self, zone: str, src: Address, dst: Address,
                    proto: int, port: int, planned: bool) -> bool:
        """Between two interfaces in one zone."""
        party = self.topology.zones[zone]
        if self.facts(src).zone != zone or self.facts(dst).zone != zone:
            return False
        free = party.inside == "any" and party.zone_kind != "internet"
        connection = any(a.has(proto, port) for a in protocol_atoms(proto, src.version))
        return planned or (free and connection)

    def to_firewall(self, firewall: str, enter: str,
                    src: Address, dst: Address, proto: int, port: int) -> str:
        """A new packet to the firewall itself (the format, `input`)."""
        box = self.topology.firewalls[firewall]
        if not box.inputs:
            return "open"
        if not box.enforce:
            return "pass" if dst in box.addresses() and not self.strange_source(box, src) \
                else "unrouted"
        interface = box.interface(enter)
        if interface is not None and self.input_planned(box, interface, src, dst, proto, port):
            return "pass"
        if self.housekeeping(box, interface, src, proto, port):
            return "housekeeping"
        return "drop"

    def input_planned(self, box: Firewall, interface: Interface,
                      src: Address, dst: Address, proto: int, port: int) -> bool:
        """Does an `input` plan the packet, and does it arrive where it may?"""
        if src.version != dst.version:
            return False
        if not box.addresses():
            starts, _ = self.doors(src)
            atoms = self.input_atoms(src, box, None, src.version)
            return interface.zone in starts and any(a.has(proto, port) for a in atoms)
        found = self.nat.destination(dst, proto, port)
        if dst not in box.addresses() or found is not None and self.nat.rewrites(
                box.name, interface.zone, dst, found[0]):
            return False
        return any(any(a.has(proto, port) for a in self.asked(s, dst))
                   and any(path[-1] == interface.zone and self.nat.shown_by(
                       self.nat.at_the_end(path, s, dst, port), src)
                       for path in self.routes(s, dst))
                   for s in self.nat.sources(src))

    def housekeeping(self, box: Firewall, interface: Optional[Interface],
                     src: Address, proto: int, port: int) -> bool:
        """What the input chain lets through besides planned flows."""
        if src.version == 4 and (proto == IGMP or (proto, port) == (ICMP, 8)):
            return True
        if src.version == 6 and proto == ICMPV6 and port in (
                128, 130, 131, 132, 133, 134, 135, 136, 143):
            return True
        if interface is None:
            return False
        if proto == UDP and interface.dhcp:
            return port in ((67, 68) if src.version == 4 else (546, 547))
        return (proto == VRRP and bool(box.nodes)
                and (self.facts(src).zone == interface.zone or src in box.addresses()))
