"""What the page calls an error, as far as its absence would make the plan ambiguous.

Sets of addresses are compared by samples: between two neighbouring boundaries of
anything the topology writes down all addresses are alike, so the first two of each
such stretch stand for it.
"""
from __future__ import annotations

import ipaddress
from typing import Iterable, Iterator, Optional

from reading import Address, Flow, Interface, Ipsec, Party, PlanError, Prefix, Topology
from verdict import NOT_INTERNET, NOWHERE, Atom, Plan, inside


def fail_if(wrong: object, message: str) -> None:
    """Raise the error unless all is well."""
    if wrong:
        raise PlanError(message)


def end_lists(t: Topology) -> Iterator[tuple[str, list[str], bool, bool]]:
    """Every list of ends: element, words, may a literal span, may a firewall stand."""
    for party in all_parties(t):
        for use in party.uses:
            yield "use", use.of, False, False
    for choice in t.wants + t.omits:
        yield "at", choice.at or [], False, False
    for box in t.firewalls.values():
        for i in box.inputs:
            yield "input", i.src, False, True
    for element in t.ipsecs:
        yield "ipsec", element.between + element.other, False, False
    for allow in t.allows:
        yield "allow", allow.src, False, True
        yield "allow", allow.dst, False, False
    for assign in t.assigns:
        yield "assign", [w for w in assign.to if w == "*" or not w.endswith("*")], False, False
    for forbid in t.forbids + t.expects:
        yield "forbid", forbid.src + forbid.exempt, True, True
        yield "forbid", forbid.dst, True, False


def all_parties(t: Topology) -> list[Party]:
    """Zones, networks and hosts."""
    return [*t.zones.values(), *t.networks.values(), *t.hosts.values()]


class Checker:
    """Holds a plan's topology to the page."""

    def __init__(self, plan: Plan, strict: bool = False) -> None:
        self.plan = plan
        self.topology = plan.topology
        self.strict = strict
        self.borne: dict[str, list[Address]] = {}

    def check(self) -> None:
        """Raise the first error found."""
        self.check_zones()
        self.check_addresses()
        self.check_firewalls()
        self.check_vocabulary()
        self.check_ends()
        self.plan.nat.check()
        self.samples = self.make_samples()
        self.kinds = self.make_kinds()
        self.check_networks()
        self.check_literals()
        self.check_uses()
        self.check_pins()
        self.check_ipsec()
        self.check_allows()
        self.check_translation()
        self.check_clients()
        self.check_forbids()
        self.check_expects()

    # ---------------------------------------------------------------- samples

    def prefixes(self) -> list[Prefix]:
        """Everything with a boundary."""
        found = list(NOWHERE) + list(NOT_INTERNET)
        for party in all_parties(self.topology):
            found += party.prefixes + [ipaddress.ip_network(a) for a in party.addresses]
        found += [ipaddress.ip_network(a) for a in self.plan.firewall_of]
        found += [ipaddress.ip_network(a) for a in self.plan.nat.all]
        for _, ends, _, _ in end_lists(self.topology):
            found += [p for p in (self.plan.word(w).prefix for w in ends) if p is not None]
        return found

    def make_samples(self) -> list[Address]:
        """The first two addresses of every stretch of like ones."""
        found: list[Address] = []
        for version, bits, kind in ((4, 32, ipaddress.IPv4Address),
                                    (6, 128, ipaddress.IPv6Address)):
            cuts = {0, 1 << bits}
            for p in self.prefixes():
                if p.version == version:
                    first = int(p.network_address)
                    cuts |= {first, first + p.num_addresses}
            ordered = sorted(cuts)
            for low, high in zip(ordered, ordered[1:]):
                found += [kind(n) for n in (low, low + 1) if n < high]
        return found

    def make_kinds(self) -> list[Address]:
        """The samples less those that no element can tell from two others."""
        literals = {p for _, ends, _, _ in end_lists(self.topology)
                    for p in (self.plan.word(w).prefix for w in ends) if p is not None}
        of = {version: [p for p in literals if p.version == version] for version in (4, 6)}
        count: dict[object, int] = {}
        found = []
        for a in self.samples:
            facts = self.plan.facts(a)
            if facts.zone is None and facts.firewall is None:
                continue
            key = (a.version, facts, tuple(p for p in of[a.version] if a in p))
            count[key] = count.get(key, 0) + 1
            if count[key] <= 2:
                found.append(a)
        return found

    def bearers(self, word: str) -> list[Address]:
        """The samples that a word of an end means."""
        if word not in self.borne:
            self.borne[word] = [a for a in self.kinds if self.plan.holds(word, a)]
        return self.borne[word]

    # ----------------------------------------------------------------- space

    def check_zones(self) -> None:
        """Zone prefixes (the format, 'Space')."""
        owner: dict[Prefix, str] = {}
        for zone in self.topology.zones.values():
            for p in zone.prefixes:
                fail_if(any(p.version == n.version and p.subnet_of(n) for n in NOWHERE),
                        f"{p} belongs to no zone")
                fail_if(owner.get(p, zone.name) != zone.name, f"{p} in two zones")
                owner[p] = zone.name

    def check_networks(self) -> None:
        """Networks lie in their parents, siblings are disjoint."""
        for network in self.topology.networks.values():
            parent = network.parent
            assert parent is not None
            for p in network.prefixes:
                fail_if(not any(inside(a, p) and self.in_party(a, parent)
                                for a in self.samples), f"{network.name}: {p} is outside")
            for other in parent.networks:
                fail_if(other is not network and any(
                    self.in_party(a, network) and self.in_party(a, other)
                    for a in self.samples), f"{network.name} and {other.name} overlap")

    def in_party(self, address: Address, party: Party) -> bool:
        """Membership that lets firewall addresses stand in their zone."""
        if party.kind == "zone":
            return self.plan.zone_by_prefix(address) is party
        assert party.parent is not None
        return (any(inside(address, p) for p in party.prefixes)
                and self.in_party(address, party.parent))

    def check_addresses(self) -> None:
        """Hosts stand where their addresses are; no address twice."""
        seen: set[Address] = set()
        for host in self.topology.hosts.values():
            for a in host.addresses:
                fail_if(a in seen or a in self.plan.firewall_of, f"{a} stands twice")
                seen.add(a)
            chains = [[p for p in self.plan.facts(a).chain if p.kind != "host"]
                      for a in host.addresses]
            common = [p for p in chains[0] if all(p in c for c in chains)]
            if host.leg_of is not None:
                fail_if(not common or common[-1] is not host.parent
                        or host.parent is self.zone_around(host.leg_of),
                        f"leg {host.name} is not of its zone")
                continue
            fail_if(not common or common[0] is not host.parent,
                    f"host {host.name} stands in the wrong place")

    @staticmethod
    def zone_around(party: Optional[Party]) -> Optional[Party]:
        """The zone that a party is written in."""
        while party is not None and party.kind != "zone":
            party = party.parent
        return party

    def check_firewalls(self) -> None:
        """Interfaces name zones, once, with addresses of these zones."""
        seen: set[Address] = set()
        for box in self.topology.firewalls.values():
            for i in box.interfaces:
                fail_if(i.zone not in self.topology.zones, f"{box.name}: no zone {i.zone}")
                fail_if("*" in i.name[:-1] or not 1 <= len(i.name) <= 16, f"{i.name}: name")
                for a in i.addresses:
                    zone = self.plan.zone_by_prefix(a)
                    fail_if(zone is None or zone.name != i.zone, f"{a} is not in {i.zone}")
                    fail_if(a in seen, f"{a} stands twice")
                    seen.add(a)
            for n, one in enumerate(box.interfaces):
                fail_if(any(names_overlap(one, other) for other in box.interfaces[:n]),
                        f"{box.name}: {one.name} stands twice")

    # ------------------------------------------------------------ vocabulary

    def check_vocabulary(self) -> None:
        """Roles, services and template rows that are named exist."""
        t = self.topology
        roles = [r for p in all_parties(t) for r in p.roles]
        roles += [r for p in all_parties(t) for u in p.uses for r in u.roles]
        roles += [r for implied in t.roles.values() for r in implied]
        roles += [r for f in t.flows for r in (f.src, f.dst)]
        roles += [role for role, _, _ in t.role_pins]
        roles += [r for a in t.assigns for r in a.roles]
        for pattern in (w for a in t.assigns for w in a.to if w != "*" and w.endswith("*")):
            fail_if(not any(p.name.startswith(pattern[:-1]) for p in all_parties(t)),
                    f'"{pattern}" fits no name')
        for role in roles:
            fail_if(role not in t.roles, f'role "{role}" is unknown')
        for role in t.roles:
            closure = self.plan.role_closure(frozenset(t.roles[role]))
            fail_if(role in closure, f'role "{role}" implies itself')
        self.plan.members(list(t.services))
        for flow in t.flows:
            self.plan.members(flow.services)
        for element in t.ipsecs:
            self.plan.members(element.exempt)
        for item in [*t.allows, *t.forbids, *t.expects,
                     *(i for f in t.firewalls.values() for i in f.inputs)]:
            self.plan.members(item.traffic.services)
        for zone in (z for o in t.observes for z in o.src + o.dst):
            fail_if(zone != "*" and zone not in t.zones, f'observe: "{zone}" is no zone')
        for choice in t.wants + t.omits:
            rows = [f for f in t.flows if (f.src, f.dst) == (choice.src, choice.dst)]
            fail_if(not rows, f"no row from {choice.src} to {choice.dst}")
            for service in choice.services:
                fail_if(not any(service in f.services for f in rows), f"no row has {service}")
        self.check_pinned_names()

    def check_pinned_names(self) -> None:
        """Only dynamic services are pinned."""
        pins = [s for h in self.topology.hosts.values() for s in h.pins]
        for service in pins + [s for _, s, _ in self.topology.role_pins]:
            found = self.topology.services.get(service)
            fail_if(found is None or not found.dynamic, f"{service} is not dynamic")

    # ------------------------------------------------------------------ ends

    def check_ends(self) -> None:
        """Every word of an end means something, firewalls only where they may."""
        for element, ends, _, firewall in end_lists(self.topology):
            for text in ends:
                word = self.plan.word(text)
                fail_if(word.kind == "firewall" and not firewall,
                        f'{element}: firewall "{text}" may not stand here')

    def check_literals(self) -> None:
        """A literal lies wholly in one zone; `forbid` may span."""
        for element, ends, spanning, _ in end_lists(self.topology):
            for text in ends:
                p = self.plan.word(text).prefix
                if p is None:
                    continue
                fail_if(p.num_addresses == 1 and p.network_address in self.plan.nat.all
                        and p.network_address not in self.plan.firewall_of,
                        f"{text} is a public address")
                if spanning:
                    continue
                own = {a for a in self.plan.firewall_of if inside(a, p)}
                fail_if(own and p.num_addresses == 1, f"{text} is a firewall's address")
                zones = {self.plan.facts(a).zone
                         for a in self.samples if inside(a, p) and a not in own}
                fail_if(len(zones) != 1 or None in zones,
                        f"{element}: {text} is not of one zone")

    def check_uses(self) -> None:
        """`of` without a bearer: error."""
        for party in all_parties(self.topology):
            for use in party.uses:
                for role in use.roles:
                    for word in use.of:
                        fail_if(not any(role in self.plan.facts(a).roles
                                        for a in self.bearers(word)),
                                f"use {role} of {word}: no bearer")

    # ------------------------------------------------------------------ pins

    def check_pins(self) -> None:
        """Pins that disagree or overlap (the format, 'Ports' and `pin`)."""
        for a in self.kinds:
            pins = self.pins_in_force(a)
            for service, ports in pins.items():
                for other, others in pins.items():
                    fail_if(service < other and self.same_proto(service, other)
                            and ranges_meet(ports, others),
                            f"{a}: pins of {service} and {other} overlap")
            if pins:
                self.check_fixed_ports(a, pins)

    def pins_in_force(self, a: Address) -> dict[str, tuple[tuple[int, int], ...]]:
        """The pins at this address; role pins agree where they count."""
        facts = self.plan.facts(a)
        own = facts.chain[0].pins if facts.chain else {}
        found = dict(own)
        for role, service, ports in self.topology.role_pins:
            if role in facts.roles and service not in own:
                fail_if(port_set(found.get(service, ports)) != port_set(ports),
                        f"{a}: role pins of {service} disagree")
                found[service] = ports
        return found

    def same_proto(self, one: str, other: str) -> bool:
        """Are both services of tcp, or both of udp?"""
        services = self.topology.services
        return bool(services[one].traffic.tcp) == bool(services[other].traffic.tcp)

    def check_fixed_ports(self, dst: Address,
                          pins: dict[str, tuple[tuple[int, int], ...]]) -> None:
        """No pin lies on a fixed port of a template service planned to dst."""
        names = {s for src in self.kinds if src != dst
                 and (self.strict or (src.version == dst.version and self.plan.routes(src, dst)))
                 for s in self.plan.template_services(src, dst)}
        for service in self.plan.members(sorted(names)):
            if service.dynamic:
                continue
            for pinned, ports in pins.items():
                tcp = self.topology.services[pinned].traffic.tcp
                fixed = service.traffic.tcp if tcp else service.traffic.udp
                fail_if(ranges_meet(ports, fixed), f"{dst}: pin of {pinned} meets {service.name}")

    # ----------------------------------------------------------------- ipsec

    def check_ipsec(self) -> None:
        """Elements that cover one pair agree; Kerberos stays outside."""
        elements = self.topology.ipsecs
        for n, one in enumerate(elements):
            self.check_kerberos(one)
            for other in elements[:n]:
                fail_if(terms(one) != terms(other) and self.meet(one, other),
                        "two ipsec elements cover one pair and disagree")

    def check_kerberos(self, element: Ipsec) -> None:
        """What IKE itself needs is exempt."""
        marked = {s.name for s in self.topology.services.values() if s.ike_auth == "kerberos"}
        exempt = {s.name for s in self.plan.members(element.exempt)}
        fail_if(element.ike_auth == "kerberos" and not (marked and marked <= exempt),
                "ike-auth=kerberos without its service in except")

    def meet(self, one: Ipsec, other: Ipsec) -> bool:
        """Is there a pair that both cover?"""
        def common(a: list[str], b: list[str]) -> list[Address]:
            return [x for x in self.kinds if self.plan.among(a, x) and self.plan.among(b, x)]

        def pair(a: list[Address], b: list[Address]) -> bool:
            return any(x != y and x.version == y.version for x in a for y in b)

        return (pair(common(one.between, other.between), common(one.other, other.other))
                or pair(common(one.between, other.other), common(one.other, other.between)))

    # ------------------------------------------------------- flows and paths

    def reachable(self, one: Iterable[Address], other: list[Address]) -> Optional[bool]:
        """Is there a pair with a common family and a path?  None: no pair at all."""
        found: Optional[bool] = None
        for a in one:
            for b in other:
                if a != b:
                    if a.version == b.version and self.plan.routes(a, b):
                        return True
                    found = False
        return found

    def check_allows(self) -> None:
        """Each word of `from` with each of `to` (the format, 'Paths')."""
        for allow in self.topology.allows:
            for one in allow.src:
                for other in allow.dst:
                    src, dst = self.bearers(one), self.bearers(other)
                    empty = ("role" in (self.plan.word(one).kind, self.plan.word(other).kind)
                             and not (src and dst))
                    fail_if(not empty and not self.reachable(src, dst),
                            f"allow from {one} to {other}: no pair with a path")
        if self.strict:
            self.check_inputs()

    def check_inputs(self) -> None:
        """Strict: each word of `input` reaches the firewall."""
        for box in self.topology.firewalls.values():
            own = [a for a in self.kinds if self.plan.facts(a).firewall == box.name]
            for i in box.inputs:
                for word in i.src:
                    src = self.bearers(word)
                    near = any(self.plan.doors(a)[0] & box.zones() for a in src)
                    fail_if(not (self.reachable(src, own) if own else near),
                            f"input from {word} does not reach {box.name}")

    def check_translation(self) -> None:
        """Nothing towards one of many, no AH across translation."""
        nat = self.plan.nat
        nat.learn(self.kinds)
        for b in self.kinds if nat.any else []:
            for a in self.kinds:
                if a == b or a.version != b.version:
                    continue
                nat.check_many(a, b)
                nat.check_interfaces(a, b)
                element = self.plan.covering(a, b)
                fail_if(element is not None and "ah" in element.protocols
                        and nat.translated(a, b) and self.plan.something_carried(a, b),
                        f"ah from {a} to {b} across translation")

    def check_clients(self) -> None:
        """Each client party reaches one server, if others bear the role."""
        for flow in self.topology.flows:
            servers = self.bearers("role:" + flow.dst)
            bearers = self.bearers("role:" + flow.src) if servers else []
            for party in all_parties(self.topology) if bearers else []:
                if not self.strict and flow.src not in self.plan.role_closure(
                        frozenset(party.roles)):
                    continue
                pairs = [(a, b) for a in bearers if party in self.plan.facts(a).chain for b in servers]
                good = any(a.version == b.version and self.server_for(flow, a, b)
                           and self.plan.routes(a, b) for a, b in pairs)
                fail_if(not good and any(self.server_for(flow, a, b) for a, b in pairs), f"{party.name} reaches no {flow.dst}")

    def server_for(self, flow: Flow, a: Address, b: Address) -> bool:
        """Is b another's address that this row would let a reach?"""
        host = self.plan.facts(a).host
        return (a != b and (host is None or host != self.plan.facts(b).host)
                and any(self.plan.active(flow, s, a) for s in flow.services)
                and (flow.across or self.plan.realms_agree(a, b))
                and self.plan.use_admits(a, flow.dst, b))

    # ---------------------------------------------------------------- forbid

    def check_forbids(self) -> None:
        """No planned packet of any kind matches a `forbid`."""
        for forbid in self.topology.forbids:
            dsts = [b for b in self.kinds if self.plan.among(forbid.dst, b, True)]
            for a in self.kinds:
                if (not self.plan.among(forbid.src, a, True)
                        or self.plan.among(forbid.exempt, a, True)):
                    continue
                for b in dsts:
                    barred = self.plan.traffic_atoms(forbid.traffic, a.version, b)
                    fail_if(atoms_meet(self.plan.planned(a, b), barred),
                            f"forbidden: {a} to {b}")


    def check_expects(self) -> None:
        """All that an `expect` names is planned, carried or not."""
        for expect in self.topology.expects:
            for a in self.kinds:
                if (not self.plan.among(expect.src, a, True)
                        or self.plan.among(expect.exempt, a, True)):
                    continue
                for b in self.kinds:
                    if a != b and a.version == b.version and self.plan.among(expect.dst, b, True):
                        wanted = self.plan.traffic_atoms(expect.traffic, a.version, b)
                        fail_if(not covered(wanted, self.plan.planned(a, b)),
                                f"expected: {a} to {b}")


def covered(wanted: list[Atom], there: list[Atom]) -> bool:
    """Is every packet of the one list in the other?  Of each atom the first packet that
    could be missing is its own first or the one behind an atom that is there."""
    for atom in wanted:
        near = [t for t in there if t.proto == atom.proto]
        for port in [atom.low] + [t.high + 1 for t in near]:
            if atom.low <= port <= atom.high and not any(t.has(atom.proto, port) for t in near):
                return False
    return True


def names_overlap(one: Interface, other: Interface) -> bool:
    """Can both declarations mean one kernel name?"""
    return one.matches(other.name.rstrip("*")) or other.matches(one.name.rstrip("*"))


def port_set(ports: Iterable[tuple[int, int]]) -> set[int]:
    """The single ports."""
    return {n for low, high in ports for n in range(low, high + 1)}


def ranges_meet(one: Iterable[tuple[int, int]], other: Iterable[tuple[int, int]]) -> bool:
    """Do two port lists share a port?"""
    other = list(other)
    return any(a <= d and c <= b for a, b in one for c, d in other)


def atoms_meet(one: list[Atom], other: list[Atom]) -> bool:
    """Do two lists of atoms share a packet?"""
    return any(a.proto == b.proto and a.low <= b.high and b.low <= a.high
               for a in one for b in other)


def terms(element: Ipsec) -> tuple[object, ...]:
    """What elements that cover one pair agree in."""
    return (element.protocols, element.nat_traversal, element.ike_auth,
            frozenset(element.exempt))
