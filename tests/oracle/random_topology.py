#!/usr/bin/env python3
"""random_topology.py SEED [--templates DIR]: a valid random topology on stdout.

The same seed gives the same bytes.  A skeleton of zones and firewalls is drawn
first; everything else is offered piece by piece, and a piece that the oracle's
checks refuse (in their strict form) is left out again.  Dates lie before 2021 or
after 2089, so what is in the plan does not depend on the day of the test.
"""
from __future__ import annotations

import datetime
import ipaddress
import os
import random
import sys
import tempfile
from dataclasses import dataclass, field
from typing import Callable, Optional
from xml.sax.saxutils import quoteattr

from oracle import arguments, load
from reading import Address, PlanError, Prefix, literal

TODAY = datetime.datetime(2026, 12, 1)
TEMPLATE_ROLES = """owa-front-end smtp-front-end pop3-front-end imap4-front-end back-end
    domain-controller global-catalog dns published-owa published-smtp reverse-proxy
    tls-offload-proxy mail-hygiene managed-provider inbound-smtp outbound-smtp direct-smtp
    global-catalog dns back-end""".split()
TEMPLATE_SERVICES = "dns kerberos rpc-epm ldap ad-rpc smtp http https link-state".split()
NAMES = ["eth{}", "ens{}f0", "vlan{}", "enp{}s0", "br-{}", "bond{}.7"]
WILD = ["ppp{}p*", "wg{}-*", "tun{}.*", "veth{}n*"]
ICMP_WORDS = ["echo-request", "timestamp-request", "13", "8 17"]


@dataclass
class Node:
    """An element to be written."""
    tag: str
    attributes: dict[str, str]
    children: list["Node"] = field(default_factory=list)

    def text(self, indent: str = "") -> str:
        """The element as XML."""
        words = "".join(f" {k}={quoteattr(v)}" for k, v in self.attributes.items())
        if not self.children:
            return f"{indent}<{self.tag}{words}/>\n"
        inner = "".join(c.text(indent + "  ") for c in self.children)
        return f"{indent}<{self.tag}{words}>\n{inner}{indent}</{self.tag}>\n"


class Generator:
    """Draws one topology."""

    def __init__(self, seed: int, templates: str, small: bool = False) -> None:
        self.small = small
        self.rng = random.Random(seed)
        self.second = random.Random(seed * 7919 + 1)    # what must not move other draws
        self.third = random.Random(seed * 104729 + 3)   # the same for translation
        self.templates = templates
        self.template = self.maybe(0.75)
        attributes = {"xmlns": "urn:portplan:1", "name": f"random-{seed}"}
        if self.template:
            attributes["template"] = "exchange-2003"
        if self.maybe(0.2):
            attributes["dynamic-ports"] = self.ports(2)
        self.root = Node("topology", attributes)
        self.prefixes: dict[str, list[Prefix]] = {}     # of zones and networks
        self.nodes: dict[str, Node] = {}                # zones, networks, hosts, firewalls
        self.own_addresses: list[Address] = []
        self.services = list(TEMPLATE_SERVICES) if self.template else []
        self.dynamic = ["ad-rpc"] if self.template else []
        self.roles = list(TEMPLATE_ROLES) if self.template else []
        self.optional_rows: list[tuple[str, str]] = []
        self.rows: list[tuple[str, str]] = []
        self.serial = 0

    # ----------------------------------------------------------- small draws

    def maybe(self, chance: float) -> bool:
        """True with this chance."""
        return self.rng.random() < chance

    def named(self, kind: str) -> list[str]:
        """Names of all nodes with this tag so far."""
        return [n for n, node in self.nodes.items() if node.tag == kind]

    def fresh(self, stem: str) -> str:
        """A new name."""
        self.serial += 1
        return f"{stem}{self.serial}"

    def ports(self, most: int = 3) -> str:
        """A list of ports and ranges."""
        found = []
        for _ in range(self.rng.randint(1, most)):
            low = self.rng.choice([1, 22, 25, 53, 80, 443, 500, 1024, 4500, 5000,
                                   self.rng.randint(1, 65000), 65535])
            high = min(65535, low + self.rng.choice([0, 0, 1, 9, 500]))
            found.append(str(low) if low == high else f"{low}-{high}")
        return " ".join(found)

    def inside(self, prefix: Prefix) -> Address:
        """An address of a prefix, edges now and then."""
        last = prefix.num_addresses - 1
        offset = self.rng.choice([0, min(1, last), last, self.rng.randint(0, last),
                                  self.rng.randint(0, min(last, 300))])
        return prefix[offset]

    def part(self, prefix: Prefix) -> Prefix:
        """A more specific prefix of a prefix, or itself."""
        most = 32 if prefix.version == 4 else 128
        length = min(most, prefix.prefixlen + self.rng.choice([0, 1, 2, 4, 7, 8, 8, 16]))
        return ipaddress.ip_network((self.inside(prefix), length), strict=False)

    def pick(self, names: list[str], most: int) -> list[str]:
        """Some names, at least one, in random order."""
        return self.rng.sample(names, min(len(names), self.rng.randint(1, most)))

    # -------------------------------------------------------------- skeleton

    def zones(self) -> None:
        """Two to six zones; families, kinds and prefixes cut out of others."""
        count = self.rng.randint(2, 6)
        for i in range(count):
            internet = i == 0 and self.maybe(0.6)
            self.zone(self.fresh("z"), i, internet)
        names = self.named("zone")
        for name in names:
            if self.maybe(0.4):
                host = self.rng.choice(names)
                if host != name:
                    self.cut(name, host)
        for name in names:
            self.nodes[name].attributes["networks"] = " ".join(map(str, self.prefixes[name]))

    def zone(self, name: str, i: int, internet: bool) -> None:
        """One zone with its own prefixes."""
        four = ["0.0.0.0/0"] if internet else [self.rng.choice(
            [f"10.{i}.0.0/16", f"172.{16 + i}.0.0/20", f"192.168.{i}.0/24", f"198.18.{i}.0/24"])]
        six = ["::/0"] if internet else [f"2001:db8:{i:x}::/48"]
        texts = self.rng.choice([four, four + six, four + six, six + four, four, six])
        if not internet and self.maybe(0.2):
            texts = texts + [f"203.0.{i}.64/26"]
        attributes = {"name": name, "networks": ""}
        if not internet and self.maybe(0.4):
            attributes["kind"] = self.rng.choice(["dmz", "internal", "partner",
                                                  "management", "user"])
        if self.maybe(0.3):
            attributes["transit"] = self.rng.choice(["yes", "no"])
        if self.maybe(0.3):
            attributes["inside"] = self.rng.choice(["any", "planned", "planned"])
        if self.maybe(0.15):
            attributes["dynamic-ports"] = self.ports(1)
        self.prefixes[name] = [ipaddress.ip_network(t) for t in texts]
        self.add(self.root, Node("zone", attributes))

    def cut(self, name: str, host: str) -> None:
        """A zone with a prefix out of another zone's."""
        whole = self.rng.choice(self.prefixes[host])
        if whole.prefixlen == 0:
            text = "198.51.100.0/24" if whole.version == 4 else "2a00:1::/32"
            new = ipaddress.ip_network(text)
        else:
            new = self.part(whole)
        taken = {p for prefixes in self.prefixes.values() for p in prefixes}
        if new not in taken:
            self.prefixes[name].append(new)

    def add(self, parent: Node, node: Node) -> None:
        """Put a node into the tree."""
        parent.children.append(node)
        name = node.attributes.get("name")
        if name is not None and node.tag in ("zone", "network", "host", "firewall"):
            self.nodes[name] = node

    def firewalls(self) -> None:
        """One to five firewalls in one of several shapes."""
        names = self.named("zone")
        self.rng.shuffle(names)
        shape = self.rng.choice(["chain", "star", "ring", "twin", "mesh"])
        joined = {
            "chain": [names[i:i + 2] for i in range(len(names) - 1)],
            "star": [names],
            "ring": [[a, b] for a, b in zip(names, names[1:] + names[:1])],
            "twin": [names, names],
            "mesh": [self.rng.sample(names, self.rng.randint(2, min(3, len(names))))
                     for _ in range(self.rng.randint(2, 5))],
        }[shape]
        for zones in joined[:5]:
            self.firewall(zones)
        for _ in range(max(0, min(2, 5 - len(joined)))):
            if self.maybe(0.4):             # a second way between two zones
                self.firewall(self.rng.sample(names, 2))

    def firewall(self, zones: list[str]) -> None:
        """One firewall with an interface per zone and some more."""
        node = Node("firewall", {"name": self.fresh("fw")})
        if self.maybe(0.25):
            node.attributes["nodes"] = "left right"
        if self.maybe(0.2):
            node.attributes["log"] = "none"
        if self.second.random() < 0.3:
            node.attributes["refuse"] = "reject"
        if self.second.random() < 0.08:
            node.attributes["enforce"] = "no"
        if self.second.random() < 0.08 and self.named("firewall"):
            node.attributes["managed"] = "no"       # never the first one
        if self.second.random() < 0.2:
            node.attributes.update({"log": "new", "log-group": str(len(zones))})
        zones = zones + [self.rng.choice(zones)
                         for _ in range(self.rng.choice([0, 0, 1, 1, 2])) if len(zones) < 7]
        addressed = self.rng.choice([0, 0.5, 0.9])
        for n, zone in enumerate(zones[:8]):
            node.children.append(self.interface(n, zone, addressed))
        self.add(self.root, node)

    def interface(self, n: int, zone: str, addressed: float) -> Node:
        """One interface; no two of a firewall share a stem and a number."""
        stem = self.rng.choice(WILD if self.maybe(0.2) else NAMES)
        attributes = {"name": stem.format(n), "zone": zone}
        own = [str(a) for a in self.interface_addresses(zone) if self.maybe(addressed)]
        if own:
            attributes["address"] = " ".join(own)
        if self.maybe(0.1):
            attributes["dhcp"] = "yes"
        return Node("interface", attributes)

    def interface_addresses(self, zone: str) -> list[Address]:
        """Free addresses of a zone, one a prefix."""
        found = []
        for p in self.prefixes[zone]:
            base = p if p.prefixlen else ipaddress.ip_network(
                "198.51.101.0/24" if p.version == 4 else "2a00:2::/64")
            for offset in range(1, min(40, base.num_addresses)):
                a = base[offset]
                if a not in self.own_addresses and self.owner(a) == zone:
                    self.own_addresses.append(a)
                    found.append(a)
                    break
        return found

    def owner(self, address: Address) -> Optional[str]:
        """The zone with the most specific prefix around an address."""
        around = [(p.prefixlen, name) for name in self.named("zone")
                  for p in self.prefixes[name]
                  if p.version == address.version and address in p]
        return max(around)[1] if around else None

    # ---------------------------------------------------- pieces, one by one

    def network(self) -> Optional[tuple[Node, Node]]:
        """A network in a zone or network."""
        parent = self.rng.choice(self.named("zone") + self.named("network"))
        prefixes = self.pick([str(p) for p in self.prefixes[parent]], 2)
        parts = [self.network_part(ipaddress.ip_network(p)) for p in prefixes]
        texts, parts = self.as_ranges(parts)
        node = Node("network", {"name": self.fresh("n"), "networks": " ".join(texts)})
        if self.maybe(0.2):
            node.attributes["dynamic-ports"] = self.ports(1)
        self.prefixes[node.attributes["name"]] = parts
        return self.nodes[parent], node

    def as_ranges(self, parts: list[Prefix]) -> tuple[list[str], list[Prefix]]:
        """Some of the prefixes written as ranges, of IPv4 now and then not all of them."""
        texts: list[str] = []
        found: list[Prefix] = []
        for p in parts:
            if self.second.random() < 0.7 or p.num_addresses < 4:
                texts.append(str(p))
                found.append(p)
                continue
            cut = self.second.randint(0, 1) if p.version == 4 else 0
            low, high = p[cut], p[p.num_addresses - 1 - cut]
            texts.append(f"{low}-{high}")
            found += ipaddress.summarize_address_range(low, high)
        return texts, found

    def network_part(self, prefix: Prefix) -> Prefix:
        """A part of a prefix that is not all of it."""
        if prefix.prefixlen == 0:
            prefix = ipaddress.ip_network("198.51.96.0/20" if prefix.version == 4
                                          else "2a00:2::/48")
        found = self.part(prefix)
        if found.prefixlen == prefix.prefixlen and prefix.num_addresses > 1:
            return next(prefix.subnets())
        return found

    def host(self) -> Optional[tuple[Node, Node]]:
        """A host with one to three addresses."""
        parent = self.rng.choice(self.named("zone") + self.named("network") * 2)
        prefixes = self.pick([str(p) for p in self.prefixes[parent]], 2)
        found = [self.host_address(ipaddress.ip_network(p)) for p in prefixes]
        if self.maybe(0.15):
            found.append(self.host_address(ipaddress.ip_network(prefixes[0])))
        texts = [str(a) if self.second.random() < 0.9 else f"{a}-{a + 1}"
                 for a in dict.fromkeys(found) if int(a) % 256 != 255]
        if not texts:
            return None
        node = Node("host", {"name": self.fresh("h"), "address": " ".join(texts)})
        if self.maybe(0.15):
            node.attributes["dynamic-ports"] = self.ports(1)
        return self.nodes[parent], node

    def host_address(self, prefix: Prefix) -> Address:
        """An address of a prefix; of the internet one that is public."""
        if prefix.prefixlen:
            return self.inside(prefix)
        public = ["131.107.2.0/24", "8.8.0.0/16"] if prefix.version == 4 else ["2a00:3::/64"]
        return self.inside(ipaddress.ip_network(self.rng.choice(public)))

    def own_service(self) -> Optional[tuple[Node, Node]]:
        """A service of the topology: ports, groups or dynamic."""
        attributes = {"name": self.fresh("svc")}
        if self.maybe(0.25):
            attributes[self.rng.choice(["tcp", "udp"])] = "20000-20400"
            attributes["dynamic"] = "yes"
            self.dynamic.append(attributes["name"])
        else:
            attributes.update(self.port_attributes())
            if self.services and self.maybe(0.4):
                attributes["is"] = " ".join(self.pick(self.services, 2))
        self.services.append(attributes["name"])
        return self.root, Node("service", attributes)

    def port_attributes(self) -> dict[str, str]:
        """One or two of tcp udp ip icmp icmpv6."""
        draws: dict[str, Callable[[], str]] = {
            "tcp": self.ports, "udp": self.ports,
            "ip": lambda: self.rng.choice(["any", "1", "58", "47", "50 51", "6", "17", "89 103", "any"]),
            "icmp": lambda: self.rng.choice(ICMP_WORDS),
            "icmpv6": lambda: self.rng.choice(["echo-request", "128"])}
        kinds = self.rng.sample(["tcp", "tcp", "tcp", "udp", "udp", "ip", "icmp", "icmpv6"],
                                self.rng.choice([1, 1, 1, 2, 3]))
        return {k: draws[k]() for k in dict.fromkeys(kinds)}

    def own_role(self) -> Optional[tuple[Node, Node]]:
        """A role of the topology."""
        attributes = {"name": self.fresh("role-")}
        if self.roles and self.maybe(0.4):
            attributes["is"] = " ".join(self.pick(self.roles, 2))
        self.roles.append(attributes["name"])
        return self.root, Node("role", attributes)

    def own_flow(self) -> Optional[tuple[Node, Node]]:
        """A row between two roles."""
        if not self.roles or not self.services:
            return None
        src, dst = self.rng.choice(self.roles), self.rng.choice(self.roles)
        attributes = {"from": src, "to": dst, "service": " ".join(self.pick(self.services, 3))}
        if self.maybe(0.5):
            attributes["requirement"] = self.rng.choice(["required", "conditional", "optional"])
        if self.second.random() < 0.3:
            attributes["across"] = "yes"
        if attributes.get("requirement") == "optional":
            self.optional_rows.append((src, dst))
        self.rows.append((src, dst))
        return self.root, Node("flow", attributes)

    def choice(self) -> Optional[tuple[Node, Node]]:
        """A `want` or an `omit`."""
        tag = self.rng.choice(["want", "want", "omit"])
        rows = self.optional_rows if tag == "want" else self.rows
        if self.template and tag == "omit":
            rows = rows + [("exchange-server", "domain-controller"), ("front-end", "back-end")]
        if not rows:
            return None
        src, dst = self.rng.choice(rows)
        attributes = {"from": src, "to": dst}
        if self.services and self.maybe(0.4):
            attributes["service"] = self.rng.choice(self.services)
        if self.maybe(0.6):
            attributes["at"] = self.ends(2)
        return self.root, Node(tag, {**attributes, "reason": "drawn"})

    def bearing(self, role: str) -> list[str]:
        """Parties that name the role themselves."""
        return [n for n, node in self.nodes.items()
                if role in node.attributes.get("roles", "").split()]

    def use(self) -> Optional[tuple[Node, Node]]:
        """A `use` of bearers of a role."""
        borne = [r for r in dict.fromkeys(self.roles) if self.bearing(r)]
        if not borne:
            return None
        role = self.rng.choice(borne)
        parties = self.named("host") * 2 + self.named("network") + self.named("zone")
        return self.nodes[self.rng.choice(parties)], Node("use", {
            "role": role, "of": " ".join(self.pick(self.bearing(role), 2))})

    def pin(self) -> Optional[tuple[Node, Node]]:
        """A pin of a host or of a role."""
        if not self.dynamic:
            return None
        attributes = {"service": self.rng.choice(self.dynamic), "port": self.ports(2)}
        if self.maybe(0.3) and self.roles:
            return self.root, Node("pin", {"role": self.rng.choice(self.roles), **attributes})
        hosts = self.named("host")
        return (self.nodes[self.rng.choice(hosts)], Node("pin", attributes)) if hosts else None

    def end(self, firewall: bool = False) -> str:
        """One word of an end."""
        hosts, networks = self.named("host"), self.named("network")
        kinds = ["zone", "zone", "address", "prefix", "prefix"]
        kinds += ["host"] * 4 * bool(hosts) + ["network"] * 3 * bool(networks)
        kinds += ["role"] * 2 * bool(self.roles) + ["firewall"] * 2 * firewall
        kind = self.rng.choice(kinds)
        if self.maybe(0.04):
            return "*"
        legs = self.legs()
        if legs and self.second.random() < 0.15:
            return self.second.choice(legs)
        if kind == "role":
            borne = [r for r in self.roles if self.bearing(r)]
            return "role:" + self.rng.choice(borne or self.roles)
        if kind in ("address", "prefix"):
            whole = self.rng.choice(self.prefixes[self.rng.choice(self.named("zone"))])
            if whole.prefixlen == 0:
                whole = ipaddress.ip_network("198.51.104.0/22" if whole.version == 4
                                             else "2a00:4::/48")
            return str(self.inside(whole) if kind == "address" else self.part(whole))
        return self.rng.choice(self.named(kind))

    def ends(self, most: int, firewall: bool = False) -> str:
        """A list of ends."""
        return " ".join(dict.fromkeys(self.end(firewall)
                                      for _ in range(self.rng.randint(1, most))))

    def traffic(self) -> dict[str, str]:
        """`service` and/or port attributes."""
        found = self.port_attributes() if self.maybe(0.6) or not self.services else {}
        if self.services and (not found or self.maybe(0.2)):
            found["service"] = " ".join(self.pick(self.services, 2))
        return found

    def allow(self) -> Optional[tuple[Node, Node]]:
        """An exception, some of them out of time."""
        attributes = {"from": self.ends(2, True), "to": self.ends(2), **self.traffic(),
                      "reason": "drawn"}
        if self.maybe(0.15):
            attributes["starts"] = self.rng.choice(["2020-02-29", "2020-01-01T08:30Z",
                                                    "2090-01-01"])
        if self.maybe(0.2):
            attributes["expires"] = self.rng.choice(["2020-12-31", "2090-06-30",
                                                     "2090-06-30T20:00Z"])
        if self.maybe(0.3):
            attributes["name"] = self.fresh("exception-")
        return self.root, Node("allow", attributes)

    def forbid(self) -> Optional[tuple[Node, Node]]:
        """A ban that nothing planned contradicts."""
        attributes = {"from": self.ends(2), "to": self.ends(2)}
        if self.maybe(0.7):
            attributes.update(self.traffic())
        if self.maybe(0.3):
            attributes["except"] = self.ends(1)
        return self.root, Node("forbid", {**attributes, "reason": "drawn"})

    def observe(self) -> Optional[tuple[Node, Node]]:
        """Zones between which what is denied is let through, some of it no longer."""
        names = self.named("zone")
        ends = [self.second.sample(names, self.second.randint(1, 2)) for _ in range(2)]
        return self.root, Node("observe", {
            "from": " ".join(ends[0]), "to": " ".join(ends[1]),
            "until": self.second.choice(["2090-06-30", "2090-06-30", "2020-12-31"]),
            "owner": "nobody", "reason": "drawn"})

    def expect(self) -> Optional[tuple[Node, Node]]:
        """What an exception plans must be planned: never more than it."""
        allows = [c for c in self.root.children if c.tag == "allow"
                  and "starts" not in c.attributes and "expires" not in c.attributes]
        if not allows:
            return None
        words = {k: v for k, v in self.second.choice(allows).attributes.items() if k != "name"}
        return self.root, Node("expect", words)

    def planned_ends(self) -> Optional[tuple[str, str]]:
        """Ends between which an exception or a template row plans something."""
        pairs = [(c.attributes["from"], c.attributes["to"]) for c in self.root.children
                 if c.tag == "allow" and "fw" not in c.attributes["from"]]
        borne = {r for r in self.roles if self.bearing(r)}
        rows = self.rows + ([("exchange-server", "domain-controller"), ("front-end", "back-end"),
                             ("exchange-server", "dns")] if self.template else [])
        pairs += [("role:" + a, "role:" + b) for a, b in rows if b in borne]
        if not pairs or self.maybe(0.3):
            return None
        one, other = self.rng.choice(pairs)
        return (one, other) if self.maybe(0.6) else (other, one)

    def ipsec(self) -> Optional[tuple[Node, Node]]:
        """Transport mode between two lists of ends."""
        one, other = self.planned_ends() or (self.ends(2), self.ends(2))
        attributes = {"between": one, "and": other,
                      "protocols": self.rng.choice(["esp", "ah", "esp ah"])}
        if self.maybe(0.3):
            attributes["nat-traversal"] = "yes"
        if self.maybe(0.3):
            attributes["ike-auth"] = self.rng.choice(["psk", "kerberos", "certificate"])
        if self.services and self.maybe(0.6):
            attributes["except"] = " ".join(self.pick(self.services, 2))
        if attributes.get("ike-auth") == "kerberos" and self.template:
            attributes["except"] = "kerberos " + self.rng.choice(["dns", "smtp", "rpc-epm"])
        return self.root, Node("ipsec", attributes)

    def input(self) -> Optional[tuple[Node, Node]]:
        """Who may open connections to a firewall."""
        name = self.rng.choice(self.named("firewall"))
        words = [w for w in self.ends(2, True).split() if w != name
                 and not (w.startswith("role:") and len(self.own_addresses) > 8)]
        if not words:
            return None
        attributes = {"from": " ".join(words), **self.traffic()}
        return self.nodes[name], Node("input", attributes)

    def role_of(self) -> Optional[tuple[Node, str]]:
        """A party and the roles it gets."""
        if not self.roles:
            return None
        names = self.named("host") * 3 + self.named("network") + self.named("zone")
        return self.nodes[self.rng.choice(names)], " ".join(self.pick(self.roles, 3))

    def leg(self) -> Optional[tuple[Node, Node]]:
        """A host's leg in another zone, with roles of its own."""
        zone = self.second.choice(self.named("zone"))
        state = self.rng.getstate()
        found = str(self.host_address(self.second.choice(self.prefixes[zone])))
        self.rng.setstate(state)
        self.rng.random()
        attributes = {"zone": zone, "address": found}
        if self.roles and self.second.random() < 0.7:
            attributes["roles"] = self.second.choice(self.roles)
        return self.nodes[self.second.choice(self.named("host"))], Node("leg", attributes)

    def legs(self) -> list[str]:
        """The parties that legs are."""
        return [f"{name}@{c.attributes['zone']}" for name in self.named("host")
                for c in self.nodes[name].children if c.tag == "leg"]

    def realms(self) -> None:
        """Realms for some parties, as far as every client keeps a server."""
        for node in [self.root] * (self.second.random() < 0.2) + list(self.nodes.values()):
            if node.tag != "firewall" and self.second.random() < 0.35:
                node.attributes["realm"] = self.second.choice(["red", "red", "blue"])
                if not self.valid():
                    del node.attributes["realm"]

    def assign(self) -> Optional[tuple[Node, Node]]:
        """Roles given beside the inventory, some of them out of time."""
        if not self.roles:
            return None
        state = self.rng.getstate()
        names = self.named("host") + self.named("network") + self.named("zone")
        words = [self.end() for _ in range(self.second.randint(1, 2))]
        words += [self.second.choice(names)[:2] + "*"] * (self.second.random() < 0.3)
        roles = self.pick(self.roles, 1)
        self.rng.setstate(state)
        self.rng.random()               # another draw the next time
        attributes = {"to": " ".join(dict.fromkeys(words)), "roles": " ".join(roles)}
        if self.second.random() < 0.3:
            attributes["expires"] = self.second.choice(["2020-12-31", "2090-06-30"])
        return self.root, Node("assign", attributes)

    # ------------------------------------------------------------- translation

    def free_public(self, version: int, not_in: str) -> Optional[str]:
        """An address of another zone, on the internet as often as not."""
        zones = [z for z in self.named("zone") if z != not_in]
        big = [z for z in zones if any(p.prefixlen == 0 for p in self.prefixes[z])]
        zone = self.third.choice(big if big and self.third.random() < 0.6 else zones)
        whole = [p for p in self.prefixes[zone] if p.version == version]
        if not whole:
            return None
        if whole[0].prefixlen == 0:
            return (f"203.0.113.{self.third.randint(1, 250)}" if version == 4
                    else f"2001:db8:9::{self.third.randint(1, 250):x}")
        last = whole[0].num_addresses - 1
        return str(whole[0][self.third.randint(0, min(last, 4000))])

    def zone_of(self, name: str) -> str:
        """The zone that a party stands in."""
        for zone in self.named("zone"):
            todo = [self.nodes[zone]]
            while todo:
                node = todo.pop()
                if node.attributes.get("name") == name:
                    return zone
                todo += node.children
        return ""

    def declared(self) -> bool:
        """Has every interface to the internet addresses to hide behind?"""
        kinds = {z: self.nodes[z].attributes.get("kind") or (
            "internet" if any(p.prefixlen == 0 for p in self.prefixes[z]) else "")
            for z in self.named("zone")}
        for box in self.named("firewall"):
            for i in self.nodes[box].children:
                if i.tag == "interface" and kinds.get(i.attributes["zone"]) == "internet":
                    have = {":" in a for a in i.attributes.get("address", "").split()}
                    if have != {p.version == 6 for p in self.prefixes[i.attributes["zone"]]}:
                        return False
        return True

    def public(self) -> Optional[tuple[Node, str]]:
        """A party and what it hides behind."""
        names = self.named("host") * 2 + self.named("network") + self.named("zone")
        name = self.third.choice(names)
        node = self.nodes[name]
        if node.tag != "host" and self.third.random() < 0.4:
            return (node, "interface") if self.declared() else None
        versions = [6 if ":" in a else 4 for a in node.attributes.get("address", "").split()]
        versions = versions or [4, 6]
        found = [self.free_public(v, self.zone_of(name)) for v in versions
                 if self.third.random() < 0.85]
        words = [a for a in found if a]
        return (node, " ".join(words)) if words else None

    def publish(self) -> Optional[tuple[Node, Node]]:
        """A forwarded port or range, at an address of its own or one that is taken."""
        hosts = self.named("host")
        if not hosts:
            return None
        host = self.third.choice(hosts)
        own = self.third.choice(self.nodes[host].attributes["address"].split())
        taken = [a for n in self.nodes.values() if n.tag in ("zone", "network")
                 for a in n.attributes.get("public", "").split() if a != "interface"]
        taken += [str(a) for a in self.own_addresses]
        taken = [a for a in taken if (":" in a) == (":" in own)]
        address = (self.third.choice(taken) if taken and self.third.random() < 0.5
                   else self.free_public(6 if ":" in own else 4, self.zone_of(host)))
        if address is None:
            return None
        port = str(self.third.choice([25, 53, 80, 88, 389, 443, 500, 4500, 5000]))
        attributes = {"address": address, "to": host}
        if self.third.random() < 0.4:
            attributes["port"] = port
            port = str(self.third.randint(1024, 9999))
        elif self.third.random() < 0.3:
            port = f"1-{self.third.choice([100, 1000, 65535])}"
        for proto in ["tcp"] * (self.third.random() < 0.9) or ["udp"]:
            attributes[proto] = port
        return self.root, Node("publish", attributes)

    def translate(self) -> None:
        """Public addresses and forwarded ports in half of the topologies, one by one; not
        in large ones, whose rules then no longer fit into what nft sends at once."""
        if self.third.random() < 0.4 or len(self.named("host")) > 15:
            return
        for _ in range(self.third.choice([0, 3, 5])):
            drawn = self.public()
            if drawn is None or "public" in drawn[0].attributes:
                continue
            drawn[0].attributes["public"] = drawn[1]
            if not self.valid():
                del drawn[0].attributes["public"]
        if self.third.random() < 0.6:
            self.offer(self.publish, self.third.randint(1, 4))

    # --------------------------------------------------------- trying pieces

    def valid(self) -> bool:
        """Would the strict oracle take it?  Literals hold no firewall addresses."""
        try:
            self.load()
        except PlanError:
            return False
        literals = self.literals()
        return not any(a in p for a in self.own_addresses for p in literals
                       if a.version == p.version)

    def load(self) -> object:
        """The strict oracle's plan of what is drawn so far."""
        with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
            file.write(self.root.text())
            file.flush()
            return load(file.name, self.templates, TODAY, strict=True)

    def literals(self) -> list[Prefix]:
        """Literals in lists of ends."""
        found = []
        todo = [self.root]
        while todo:
            node = todo.pop()
            todo += node.children
            if node.tag not in ("role", "flow"):
                for key in ("from", "to", "at", "of", "between", "and"):
                    texts = node.attributes.get(key, "").split()
                    found += [p for p in map(literal, texts) if p is not None]
        return found

    def offer(self, draw: Callable[[], Optional[tuple[Node, Node]]], count: int) -> None:
        """Draw pieces in small lots; where a lot does not fit, one by one."""
        count = self.share(count)
        while count > 0:
            size = min(count, 4)
            count -= size
            lot = [p for p in (draw() for _ in range(size)) if p is not None]
            self.put(lot)
            if not self.valid():
                self.take_back(lot)
                for piece in lot:
                    self.put([piece])
                    if not self.valid():
                        self.take_back([piece])

    def share(self, count: int) -> int:
        """Of a small topology a third, but a piece where there are any."""
        return (count + 2) // 3 if self.small else count

    def put(self, lot: list[tuple[Node, Node]]) -> None:
        """Add the pieces whose parents are in the tree."""
        for parent, node in lot:
            if parent is self.root or parent in self.nodes.values():
                self.add(parent, node)

    def take_back(self, lot: list[tuple[Node, Node]]) -> None:
        """Remove pieces again."""
        for parent, node in reversed(lot):
            parent.children = [c for c in parent.children if c is not node]
            if self.nodes.get(node.attributes.get("name", "")) is node:
                del self.nodes[node.attributes["name"]]
        self.forget()

    def forget(self) -> None:
        """Roles and services whose pieces were taken back are no longer drawn."""
        here = {(c.tag, c.attributes.get("name")) for c in self.root.children}
        base_roles = TEMPLATE_ROLES if self.template else []
        base_services = TEMPLATE_SERVICES if self.template else []
        self.roles = [r for r in self.roles if r in base_roles or ("role", r) in here]
        for services in (self.services, self.dynamic):
            services[:] = [s for s in services if s in base_services or ("service", s) in here]

    def offer_roles(self, count: int) -> None:
        """Give roles to parties, one by one."""
        for _ in range(self.share(count)):
            drawn = self.role_of()
            if drawn is None:
                return
            node, roles = drawn
            before = node.attributes.get("roles")
            node.attributes["roles"] = " ".join(dict.fromkeys(
                ((before or "") + " " + roles).split()))
            if not self.valid():
                node.attributes.pop("roles")
                if before is not None:
                    node.attributes["roles"] = before

    def draw(self) -> str:
        """The whole topology."""
        self.zones()
        self.firewalls()
        self.load()
        big = self.maybe(0.3) and len(self.own_addresses) <= 8
        self.offer(self.network, self.rng.randint(0, 6))
        self.offer(self.host, self.rng.randint(16, 36) if big else self.rng.randint(5, 14))
        while len(self.named("host")) < 3:
            self.offer(self.host, 1)
        if self.maybe(0.75) or not self.template:
            self.offer(self.own_service, self.rng.randint(1, 5))
            self.offer(self.own_role, self.rng.randint(1, 4))
        self.internet_roles()
        self.offer_roles(self.rng.randint(4, 20))
        self.offer(self.leg, self.second.randint(0, 3))
        if self.second.random() < 0.6:
            self.realms()
        self.offer(self.assign, self.second.randint(0, 2))
        self.offer(self.own_flow, self.rng.randint(0, 8))
        self.offer(self.choice, self.rng.randint(0, 6))
        self.offer(self.use, self.rng.randint(0, 5))
        self.offer(self.pin, self.rng.randint(0, 5))
        # what an ordinary user may load is limited (nft 1.0.6): less between many zones
        large = len(self.named("zone")) > 4 or len(self.own_addresses) > 8
        self.offer(self.allow, min(self.rng.randint(4, 16), 7 if large else 16))
        self.offer(self.input, min(self.rng.randint(0, 7), 3 if large else 7))
        self.offer(self.ipsec, self.rng.randint(0, 6))
        self.offer(self.forbid, self.rng.randint(0, 6))
        self.offer(self.observe, self.second.choice([0, 0, 0, 1, 2]))
        self.offer(self.expect, self.second.randint(0, 2))
        self.translate()
        self.tidy()
        return self.root.text()

    def internet_roles(self) -> None:
        """Clients and mail servers on the internet, where there is one."""
        for name in self.named("zone"):
            if self.template and any(p.prefixlen == 0 for p in self.prefixes[name]):
                self.nodes[name].attributes["roles"] = self.rng.choice(
                    ["internet-client", "internet-mta", "internet-client internet-mta"])

    def tidy(self) -> None:
        """Children of a host or network in one order: use and pin first."""
        order = {"use": 0, "pin": 0, "interface": 0, "input": 1}
        for node in self.nodes.values():
            node.children.sort(key=lambda c: order.get(c.tag, 1))


def topology(seed: int, templates: str, small: bool = False) -> str:
    """The first valid one of a seed."""
    while True:
        generator = Generator(seed, templates, small)
        try:
            text = generator.draw()
        except PlanError:               # a skeleton that cannot stand
            seed += 1 << 32
            continue
        if generator.valid():
            return text
        seed += 1 << 32


def main() -> int:
    """Draw, check once more, print."""
    options = arguments("seed")
    sys.stdout.write(topology(int(options.seed), options.templates))
    return 0


if __name__ == "__main__":
    sys.exit(main())
