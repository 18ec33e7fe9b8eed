"""Translation, naively: a packet is walked along a path, hop by hop, and every firewall
rewrites it where the page says so (the format, `public` and `publish`).

Readings, where the page leaves a case open:

 T1 A firewall translates where the path uses its interface in the zone that owns the
    public address; one that merely has an interface there, off the path, does not.
 T2 `interface` hides behind the address of the interface towards a zone of kind internet.
 T3 The innermost of host, networks and zone that says a public address of the family
    counts; `interface` says one of both.
 T4 A firewall makes own addresses of public ones for all that comes in from a zone, if
    any path to the host that comes in from there uses the owner's interface at it.
 T5 Where a firewall translates, a packet that bears the own address already is planned too.
 T6 A public address stands for the host where the pair is translated, and for nothing
    elsewhere.  It is in no zone's space; it bears no role.
 T7 `publish` opens nothing by itself, and forwards to the host's first address of the
    family.  It goes before a firewall's own `input` at that address.
 T8 IKE's own packets are planned both ways also towards one of many.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Iterator, NamedTuple, Optional

from reading import Address, Party, PlanError, Publish

if TYPE_CHECKING:
    from verdict import Path, Plan

INTERFACE = "interface"


class Seen(NamedTuple):
    """A packet as it looks somewhere."""
    src: object                     # an address, or (firewall, zone): its interfaces there
    dst: Address
    port: int


class Hop(NamedTuple):
    """One firewall on a path: how the packet arrives, is judged, and leaves."""
    enter: str
    firewall: str
    leave: str
    arrives: Seen
    judged: Seen
    leaves: Seen


class Translation:
    """What a plan's topology says of public addresses."""

    def __init__(self, plan: "Plan") -> None:
        self.plan = plan
        t = plan.topology
        self.one: dict[Address, Address] = {}           # own -> public
        for host in t.hosts.values():
            for version in (4, 6):
                mine = [a for a in host.addresses if a.version == version]
                public = [a for a in host.public if a.version == version]
                self.one.update(zip(mine, public))
        self.own = {p: a for a, p in self.one.items()}  # public -> own
        self.many = {a for p in [*t.zones.values(), *t.networks.values()] for a in p.public}
        self.publishes = t.publishes
        self.all = set(self.own) | self.many | {u.address for u in t.publishes}
        self.any = bool(self.all) or any(
            p.masquerade for p in [*t.zones.values(), *t.networks.values()])
        self.members: dict[object, list[Address]] = {}  # samples behind many, by (public, version)

    def learn(self, samples: list[Address]) -> None:
        """Addresses that stand for all; those behind many are what `many` may mean."""
        for a in samples:
            behind = self.hides(a)
            if behind is not None and a not in self.one:
                self.members.setdefault((behind, a.version), []).append(a)

    # ------------------------------------------------------------- what is said

    def owner(self, public: Address) -> Optional[str]:
        """The zone that owns a public address."""
        zone = self.plan.zone_by_prefix(public)
        return zone.name if zone else None

    def hides(self, own: Address) -> object:
        """What the address shows when it leaves: an address, `interface`, None."""
        facts = self.plan.facts(own)
        if facts.zone is None:
            return None
        if own in self.one:
            return self.one[own]
        for party in facts.chain:
            if party.kind == "host":
                continue
            if party.masquerade:
                return INTERFACE
            for a in party.public:
                if a.version == own.version:
                    return a
        return None

    def touches(self, public: object, zones: tuple[str, ...]) -> bool:
        """Is one of the zones the owner?"""
        if public == INTERFACE:
            return any(self.plan.topology.zones[z].zone_kind == "internet" for z in zones)
        return self.owner(public) in zones              # type: ignore[arg-type]

    def forwarded(self, own: Address, proto: int, port: int) -> list[tuple[Publish, int]]:
        """The publishes that lead to this port, with the public port of each; of several
        public ports that become one, the first."""
        return [(u, p) for u in self.publishes if u.own(self.plan.topology.hosts) == own
                for p in [u.public_port(proto, port)] if p is not None]

    # ---------------------------------------------------------------- the walk

    def names(self, path: "Path", own: Address, proto: int, port: int) -> list[tuple[Address, int]]:
        """How the one who opens the connection names its destination on this path."""
        found = []
        if own in self.one and self.touches(self.one[own], path[0::2]) and len(path) > 1:
            found.append((self.one[own], port))
        found += [(u.address, p) for u, p in self.forwarded(own, proto, port)
                  if len(path) > 1 and self.touches(u.address, path[0::2])]
        return found or [(own, port)]

    def walk(self, path: "Path", src: Address, own: Address, named: tuple[Address, int],
             port: int) -> Iterator[Hop]:
        """The packet at every firewall of the path."""
        now = Seen(src, *named)
        for i in range(1, len(path), 2):
            enter, firewall, leave = path[i - 1:i + 2]
            arrives = now
            if now.dst != own and self.touches(now.dst, (enter, leave)):
                now = now._replace(dst=own, port=port)
            judged = now
            hidden = self.hides(src)
            if now.src == src and hidden is not None and self.touches(hidden, (enter, leave)):
                now = now._replace(src=(firewall, leave) if hidden == INTERFACE else hidden)
            yield Hop(enter, firewall, leave, arrives, judged, now)

    def hops(self, src: Address, own: Address, proto: int, port: int) -> list[Hop]:
        """All hops of a pair's packet on all its paths, under all names."""
        return [hop for path in self.plan.routes(src, own)
                for named in self.names(path, own, proto, port)
                for hop in self.walk(path, src, own, named, port)]

    def translated(self, one: Address, other: Address) -> bool:
        """Does some path translate one of the two, whoever opens?"""
        for path in self.plan.routes(one, other):
            for a in (one, other):
                shown = [self.hides(a)] + [u.address for u in self.publishes
                                           if u.own(self.plan.topology.hosts) == a]
                if len(path) > 1 and any(s is not None and self.touches(s, path[0::2])
                                         for s in shown):
                    return True
        return False

    # ----------------------------------------------------------- what is meant

    def at_the_end(self, path: "Path", src: Address, dst: Address, port: int) -> object:
        """How the source looks when it arrives at a firewall."""
        seen: object = src
        for hop in self.walk(path, src, dst, (dst, port), port):
            seen = hop.leaves.src
        return seen

    def shown_by(self, seen: object, address: Address) -> bool:
        """Is this what a source shows as, as walked?"""
        if isinstance(seen, tuple):
            firewall, zone = seen
            box = self.plan.topology.firewalls[firewall]
            return any(address in i.addresses for i in box.interfaces if i.zone == zone)
        return seen == address

    def sources(self, address: Address) -> list[Address]:
        """Own addresses that a source may stand for."""
        found = [] if address in self.all and address not in self.plan.firewall_of else [address]
        if address in self.own:
            found.append(self.own[address])
        found += self.members.get((address, address.version), [])
        if address in self.plan.firewall_of:
            found += self.members.get((INTERFACE, address.version), [])
        return found

    def destination(self, address: Address, proto: int, port: int) -> Optional[tuple[Address, int]]:
        """The own address and port that a public destination stands for."""
        for u in self.publishes:
            if u.address == address and u.own_port(proto, port) is not None:
                own = u.own(self.plan.topology.hosts)
                assert own is not None
                return own, u.own_port(proto, port) or 0
        if address in self.own:
            return self.own[address], port
        return None

    def rewrites(self, firewall: str, enter: str, public: Address, own: Address) -> bool:
        """Does the firewall make the own address of the public one (T4)?"""
        home = self.plan.facts(own).zone
        assert home is not None
        for start in self.plan.topology.zones:
            for path in self.plan.paths(start, home):
                for i in range(1, len(path), 2):
                    if path[i - 1:i + 1] == (enter, firewall) and self.touches(
                            public, (path[i - 1], path[i + 1])):
                        return True
        return False

    # --------------------------------------------------------------- the checks

    def check(self) -> None:
        """What the page calls an error, the vocabulary aside."""
        plan, t = self.plan, self.plan.topology
        for party in [*t.zones.values(), *t.networks.values(), *t.hosts.values()]:
            for a in party.public:
                self.check_address(a, party, party.kind == "host")
        for u in self.publishes:
            host = t.hosts.get(u.host)
            if host is None or u.own(t.hosts) is None:
                raise PlanError(f"publish to {u.host}")
            if u.address in self.own:
                raise PlanError(f"{u.address} is a host's own public address")
            self.check_address(u.address, host, False)
        if len(self.own) != len(self.one) or set(self.own) & self.many:
            raise PlanError("a public address twice")
        if any(a in plan.host_of for a in self.all):
            raise PlanError("a public address that is a host's")

    def check_address(self, a: Address, party: Party, alone: bool) -> None:
        """One public address of a party."""
        zone = party
        while zone.parent is not None:
            zone = zone.parent
        if self.owner(a) in (None, zone.name):
            raise PlanError(f"{a}: no zone, or its own")
        if alone and a in self.plan.firewall_of:
            raise PlanError(f"{a} is a firewall's")

    def check_many(self, a: Address, b: Address) -> None:
        """Nothing is planned towards one of many."""
        hidden = self.hides(b)
        if hidden is None or b in self.one:
            return
        for path in self.plan.routes(a, b):
            if len(path) == 1 or not self.touches(hidden, path[0::2]):
                continue
            for atom in self.plan.asked(a, b):
                for port in self.edges(atom.proto, atom.low, atom.high, b):
                    if not any(self.touches(u.address, path[0::2])
                               for u, _ in self.forwarded(b, atom.proto, port)):
                        raise PlanError(f"{a} to {b}, one of many: {atom}")

    def edges(self, proto: int, low: int, high: int, own: Address) -> list[int]:
        """Ports of which one is not forwarded, if any is."""
        found = {low, high}
        for u in self.publishes:
            if u.own(self.plan.topology.hosts) == own:
                for first, last in u.own_ranges(proto):
                    found |= {first - 1, last + 1}
        return [p for p in found if low <= p <= high]

    def check_interfaces(self, a: Address, b: Address) -> None:
        """What others hide behind is declared where a firewall beyond must know it."""
        if self.hides(a) != INTERFACE or not self.plan.planned(a, b):
            return
        for path in self.plan.routes(a, b):
            for i in range(1, len(path) - 2, 2):
                if self.touches(INTERFACE, (path[i + 1],)):
                    box = self.plan.topology.firewalls[path[i]]
                    if not any(x.version == a.version for n in box.interfaces
                               if n.zone == path[i + 1] for x in n.addresses):
                        raise PlanError(f"{path[i]}: no address to hide behind")
                    break
