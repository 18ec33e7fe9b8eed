"""Topology and template XML to plain Python objects (the format, 'Elements').

First half of the naive oracle.  It reads words; what the words mean is decided
in verdict.py, what contradicts itself is found in checks.py.
"""
from __future__ import annotations

import datetime
import ipaddress
import os
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from typing import Iterator, Optional, Union

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Prefix = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
Ports = tuple[tuple[int, int], ...]

NAMESPACE = "{urn:portplan:1}"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")
ICMP_REQUESTS = {"echo-request": 8, "timestamp-request": 13,
                 "info-request": 15, "address-mask-request": 17}
ICMPV6_REQUESTS = {"echo-request": 128}


class PlanError(Exception):
    """Input that the page calls an error."""


# --------------------------------------------------------------- the objects

@dataclass
class Traffic:
    """What `service` and the port attributes of one element say."""
    services: list[str] = field(default_factory=list)
    tcp: Ports = ()
    udp: Ports = ()
    ip: list[Union[int, str]] = field(default_factory=list)
    icmp: list[int] = field(default_factory=list)
    icmpv6: list[int] = field(default_factory=list)

    def empty(self) -> bool:
        """Does the element name no packet at all?"""
        return not (self.services or self.tcp or self.udp or self.ip
                    or self.icmp or self.icmpv6)


@dataclass
class Service:
    """One `service`; `traffic.services` are the services it groups."""
    name: str
    traffic: Traffic
    dynamic: bool
    clear: str
    ike_auth: str


@dataclass
class Flow:
    """One template row: role to role."""
    src: str
    dst: str
    services: list[str]
    requirement: str
    across: bool


@dataclass
class Choice:
    """A `want` or an `omit`."""
    src: str
    dst: str
    services: list[str]
    at: Optional[list[str]]


@dataclass
class Use:
    """A `use`: for flows to these roles these ends and no others."""
    roles: list[str]
    of: list[str]


@dataclass(eq=False)
class Party:
    """A zone, network or host."""
    kind: str
    name: str
    parent: Optional["Party"]
    prefixes: list[Prefix] = field(default_factory=list)
    addresses: list[Address] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    dynamic_ports: Optional[Ports] = None
    uses: list[Use] = field(default_factory=list)
    pins: dict[str, Ports] = field(default_factory=dict)
    networks: list["Party"] = field(default_factory=list)
    hosts: list["Party"] = field(default_factory=list)
    public: list[Address] = field(default_factory=list)
    masquerade: bool = False
    zone_kind: str = ""
    transit: bool = True
    inside: str = "any"
    realm: Optional[str] = None
    leg_of: Optional["Party"] = None


@dataclass
class Interface:
    """One declared interface; the name may end in `*`."""
    name: str
    zone: str
    addresses: list[Address]
    dhcp: bool

    def matches(self, real: str) -> bool:
        """Is the kernel's name `real` meant by this declaration?"""
        if self.name.endswith("*"):
            return real.startswith(self.name[:-1])
        return real == self.name


@dataclass
class Input:
    """Who may open connections to the firewall itself."""
    src: list[str]
    traffic: Traffic


@dataclass(eq=False)
class Firewall:
    """One ruleset, on one machine or several."""
    name: str
    nodes: list[str]
    managed: bool = True
    enforce: bool = True
    interfaces: list[Interface] = field(default_factory=list)
    inputs: list[Input] = field(default_factory=list)

    def interface(self, real: str) -> Optional[Interface]:
        """The declaration that means the kernel's interface `real`."""
        return next((i for i in self.interfaces if i.matches(real)), None)

    def addresses(self) -> list[Address]:
        """All declared addresses."""
        return [a for i in self.interfaces for a in i.addresses]

    def zones(self) -> set[str]:
        """The zones it has an interface in."""
        return {i.zone for i in self.interfaces}


@dataclass
class Publish:
    """Ports of a public address that are a host's."""
    address: Address
    host: str
    tcp: Ports
    udp: Ports
    port: Optional[int]

    def own(self, hosts: dict[str, Party]) -> Optional[Address]:
        """The host's first address of the family."""
        found = hosts[self.host].addresses if self.host in hosts else []
        return next((a for a in found if a.version == self.address.version), None)

    def ranges(self, proto: int) -> Ports:
        """The public ports of a protocol."""
        return {6: self.tcp, 17: self.udp}.get(proto, ())

    def own_ranges(self, proto: int) -> Ports:
        """The same ports at the host."""
        found = self.ranges(proto)
        return ((self.port, self.port),) if found and self.port else found

    def own_port(self, proto: int, port: int) -> Optional[int]:
        """The port at the host of a public one."""
        if any(low <= port <= high for low, high in self.ranges(proto)):
            return self.port or port
        return None

    def public_port(self, proto: int, port: int) -> Optional[int]:
        """The public port of one at the host."""
        if self.port is None:
            return self.own_port(proto, port)
        found = self.ranges(proto)
        return found[0][0] if found and port == self.port else None


@dataclass
class Ipsec:
    """Transport mode between two lists of ends."""
    between: list[str]
    other: list[str]
    protocols: frozenset[str]
    nat_traversal: bool
    ike_auth: str
    exempt: list[str]


@dataclass
class Allow:
    """One exception beside the templates."""
    src: list[str]
    dst: list[str]
    traffic: Traffic
    starts: Optional[datetime.datetime]
    expires: Optional[datetime.datetime]


@dataclass
class Forbid:
    """What no planned packet may match."""
    src: list[str]
    dst: list[str]
    exempt: list[str]
    traffic: Traffic


@dataclass
class Assign:
    """Roles given to ends and to names that a pattern NAME* means."""
    to: list[str]
    roles: list[str]
    expires: Optional[datetime.datetime]


@dataclass
class Observe:
    """What the plan denies between zones is let through until then."""
    src: list[str]
    dst: list[str]
    until: datetime.datetime


@dataclass
class Topology:
    """Everything one compilation knows."""
    name: str = ""
    dynamic_ports: Optional[Ports] = None
    realm: Optional[str] = None
    roles: dict[str, list[str]] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    flows: list[Flow] = field(default_factory=list)
    wants: list[Choice] = field(default_factory=list)
    omits: list[Choice] = field(default_factory=list)
    role_pins: list[tuple[str, str, Ports]] = field(default_factory=list)
    zones: dict[str, Party] = field(default_factory=dict)
    networks: dict[str, Party] = field(default_factory=dict)
    hosts: dict[str, Party] = field(default_factory=dict)
    firewalls: dict[str, Firewall] = field(default_factory=dict)
    ipsecs: list[Ipsec] = field(default_factory=list)
    allows: list[Allow] = field(default_factory=list)
    forbids: list[Forbid] = field(default_factory=list)
    publishes: list[Publish] = field(default_factory=list)
    observes: list[Observe] = field(default_factory=list)
    assigns: list[Assign] = field(default_factory=list)
    expects: list[Forbid] = field(default_factory=list)


# ----------------------------------------------------------- single values

def words(text: Optional[str]) -> list[str]:
    """A white space separated list."""
    return (text or "").split()


def literal(text: str) -> Optional[Prefix]:
    """An address or prefix as a prefix; None when the word is a name."""
    if not re.fullmatch(r"[0-9A-Fa-f:.]+(/[0-9]+)?", text) or not re.search("[.:]", text):
        return None
    try:
        found = ipaddress.ip_network(text, strict=True)
    except ValueError as problem:
        if ":" in text or "/" in text or re.fullmatch(r"[0-9.]+", text):
            raise PlanError(f'"{text}": {problem}') from problem
        return None
    if re.search(r"/0[0-9]", text):
        raise PlanError(f'"{text}": leading zero')
    return found


def address(text: str) -> Address:
    """One plain address."""
    found = None if "/" in text else literal(text)
    if found is None:
        raise PlanError(f'"{text}" is not an address')
    return found.network_address


def prefix(text: str) -> Prefix:
    """One address or prefix."""
    found = literal(text)
    if found is None:
        raise PlanError(f'"{text}" is not a prefix')
    return found


def listed(text: Optional[str], path: str) -> Iterator[str]:
    """The words of `networks` or `address`, those in the files named @FILE too."""
    for word in words(text):
        if not word.startswith("@"):
            yield word
            continue
        try:
            with open(os.path.join(os.path.dirname(path), word[1:]), encoding="utf-8") as file:
                lines = [line.partition("#")[0].strip() for line in file]
        except OSError as problem:
            raise PlanError(f"{word}: {problem}") from problem
        if not any(lines):
            raise PlanError(f"{word} is empty")
        yield from filter(None, lines)


def span(word: str) -> Optional[tuple[Address, Address]]:
    """The two ends of A-B; None where the word is no range."""
    if "-" not in word:
        return None
    low, _, high = word.partition("-")
    one, other = address(low), address(high)
    if one.version != other.version or other < one:
        raise PlanError(f'"{word}" is no range')
    return one, other


def prefixes(text: Optional[str], path: str) -> list[Prefix]:
    """Prefixes and ranges, a range as the prefixes that it is made of."""
    found: list[Prefix] = []
    for word in listed(text, path):
        ends = span(word)
        found += ipaddress.summarize_address_range(*ends) if ends else [prefix(word)]
    return found


def addresses(text: Optional[str], path: str) -> list[Address]:
    """Single addresses, those of ranges one by one."""
    found: list[Address] = []
    for word in listed(text, path):
        ends = span(word)
        if ends is None:
            found.append(address(word))
        elif int(ends[1]) - int(ends[0]) >= 65536:
            raise PlanError(f'"{word}" is more than a host has')
        else:
            found += [ends[0] + n for n in range(int(ends[1]) - int(ends[0]) + 1)]
    if len(set(found)) != len(found):
        raise PlanError(f'"{text}" names an address twice')
    return found


def number(text: str, low: int, high: int) -> int:
    """A decimal number within bounds, without leading zeros."""
    if not re.fullmatch(r"0|[1-9][0-9]*", text) or not low <= int(text) <= high:
        raise PlanError(f'"{text}" is not a number from {low} to {high}')
    return int(text)


def ports(text: Optional[str]) -> Ports:
    """Ports and ranges."""
    found = []
    for word in words(text):
        first, dash, last = word.partition("-")
        low = number(first, 1, 65535)
        high = number(last, 1, 65535) if dash else low
        if high < low:
            raise PlanError(f'"{word}" is reversed')
        found.append((low, high))
    return tuple(found)


def protocols(text: Optional[str]) -> list[Union[int, str]]:
    """IP protocol numbers or `any`."""
    return [w if w == "any" else number(w, 0, 255) for w in words(text)]


def icmp_types(text: Optional[str], known: dict[str, int]) -> list[int]:
    """ICMP requests by name or number; nothing else opens a connection."""
    found = [known[w] if w in known else number(w, 0, 255) for w in words(text)]
    if any(t not in known.values() for t in found):
        raise PlanError(f'"{text}": no connections, answers pass by tracking')
    return found


def moment(text: Optional[str], end_of_day: bool) -> Optional[datetime.datetime]:
    """A date or date-time (the format, 'Time'); a date ends with its day."""
    if text is None:
        return None
    for shape in ("%Y-%m-%dT%H:%MZ", "%Y-%m-%dT%H:%M:%SZ"):
        try:
            return datetime.datetime.strptime(text, shape)
        except ValueError:
            pass
    try:
        day = datetime.datetime.strptime(text, "%Y-%m-%d")
    except ValueError as problem:
        raise PlanError(f'"{text}" is not a date') from problem
    return day + datetime.timedelta(days=1) if end_of_day else day


def yes(text: Optional[str], default: bool) -> bool:
    """A yes/no attribute."""
    if text not in (None, "yes", "no"):
        raise PlanError(f'"{text}" is neither yes nor no')
    return default if text is None else text == "yes"


def one_of(text: Optional[str], values: str) -> str:
    """An attribute with listed values, the first of them the default."""
    legal = values.split()
    if text is not None and text not in legal:
        raise PlanError(f'"{text}" is not one of {values}')
    return text or legal[0]


# ------------------------------------------------------------- the vocabulary

TRAFFIC = "service tcp udp ip icmp icmpv6"
VOCABULARY = {                      # element: attributes; those after * are required
    "topology": "template dynamic-ports realm owner name",
    "include": "* file",
    "leg": "roles * zone address",
    "zone": "roles kind transit inside dynamic-ports public realm owner * name networks",
    "network": "roles dynamic-ports inside public realm owner * name networks",
    "host": "roles dynamic-ports public realm owner * name address",
    "use": "* role of",
    "pin": "role * service port",
    "role": "is title * name",
    "service": "tcp udp ip icmp icmpv6 is dynamic clear ike-auth title * name",
    "flow": "requirement cite reason across * from to service",
    "want": "name service at * from to reason",
    "omit": "name service at * from to reason",
    "observe": "name * from to until owner reason",
    "firewall": "nodes log log-group refuse managed enforce * name",
    "interface": "address dhcp * name zone",
    "input": f"reason {TRAFFIC} * from",
    "ipsec": "protocols nat-traversal ike-auth except name reason * between and",
    "allow": f"name owner ticket approved-by review-by starts expires {TRAFFIC} * from to reason",
    "forbid": f"except name owner {TRAFFIC} * from to reason",
    "expect": f"except name owner {TRAFFIC} * from to reason",
    "assign": "owner expires * to roles",
    "publish": "tcp udp port name * address to",
    "mail-domain": "all * name senders",
    "skip": "expires * rule reason",
    "template": "version title extends * name",
}


def child_elements(element: ET.Element) -> Iterator[tuple[str, ET.Element]]:
    """Children of our namespace, checked against the vocabulary."""
    for child in element:
        if not isinstance(child.tag, str) or not child.tag.startswith(NAMESPACE):
            raise PlanError(f"foreign element {child.tag}")
        tag = child.tag[len(NAMESPACE):]
        check_attributes(tag, child)
        yield tag, child


def check_attributes(tag: str, element: ET.Element) -> None:
    """Unknown or not yet supported attributes, and missing ones, are errors."""
    if tag not in VOCABULARY:
        raise PlanError(f"<{tag}> is unknown or not supported yet")
    optional, _, required = VOCABULARY[tag].partition("*")
    known = set(optional.split()) | set(required.split())
    for attribute in element.attrib:
        if not attribute.startswith("{") and attribute not in known:
            raise PlanError(f"{tag}/@{attribute} is unknown or not supported yet")
    for attribute in required.split():
        if not words(element.get(attribute)):
            raise PlanError(f"<{tag}> lacks {attribute}")


def parse(path: str) -> ET.Element:
    """The root element of a file; a DOCTYPE is refused."""
    try:
        with open(path, "rb") as file:
            data = file.read()
        if b"<!DOCTYPE" in data:
            raise PlanError(f"{path}: DOCTYPE")
        return ET.fromstring(data)
    except (OSError, ET.ParseError) as problem:
        raise PlanError(f"{path}: {problem}") from problem


# ------------------------------------------------------------------ the reader

class Reader:
    """Reads one topology with its includes and templates."""

    def __init__(self, template_dir: str) -> None:
        self.template_dir = template_dir
        self.topology = Topology()
        self.seen_files: set[str] = set()
        self.seen_templates: set[str] = set()
        self.names: dict[str, dict[str, str]] = {"party": {}, "role": {}, "service": {}}
        self.labels: set[tuple[str, str]] = set()
        self.legs: list[tuple[Party, str]] = []

    def read(self, path: str) -> Topology:
        """The whole topology (the format, 'Elements': `topology`)."""
        root = parse(path)
        if root.tag != NAMESPACE + "topology":
            raise PlanError("the root is not a topology of urn:portplan:1")
        check_attributes("topology", root)
        if root.get("name") is None:
            raise PlanError("topology lacks a name")
        self.topology.name = root.get("name", "")
        self.topology.dynamic_ports = ports(root.get("dynamic-ports")) or None
        self.topology.realm = realm(root)
        self.seen_files.add(os.path.realpath(path))
        for name in words(root.get("template")):
            self.template(name, path)
        self.children(root, None, path)
        for leg, zone in self.legs:
            if zone not in self.topology.zones:
                raise PlanError(f'{leg.name}: there is no zone "{zone}"')
            leg.parent = self.topology.zones[zone]
            assert leg.leg_of is not None
            leg.realm = leg.leg_of.realm
            leg.pins = leg.leg_of.pins
        return self.topology

    # -- names

    def register(self, space: str, name: str, again: bool = False) -> str:
        """One name space (the format, 'Names'); no two differ only in case."""
        if not NAME.match(name) or literal(name) or name in ("mx", "any"):
            raise PlanError(f'"{name}" is not a name')
        known = self.names[space].get(name.lower())
        if known is not None and (known != name or not again):
            raise PlanError(f'"{name}" stands twice')
        self.names[space][name.lower()] = name
        return name

    def label(self, tag: str, element: ET.Element) -> None:
        """Two exceptions of one kind with one name: error."""
        name = element.get("name")
        if name is not None and (tag, name) in self.labels:
            raise PlanError(f'{tag} "{name}" stands twice')
        if name is not None:
            self.labels.add((tag, name))

    # -- templates

    def template(self, name: str, path: str) -> None:
        """A template by name or path, and those it extends."""
        if "/" in name:
            file = os.path.join(os.path.dirname(path), name)
        else:
            stem, _, version = name.partition("@")
            file = os.path.join(self.template_dir, (stem if version == "1" else name) + ".xml")
        if os.path.realpath(file) in self.seen_templates:
            return
        self.seen_templates.add(os.path.realpath(file))
        root = parse(file)
        if root.tag != NAMESPACE + "template":
            raise PlanError(f"{file} is not a template")
        check_attributes("template", root)
        for base in words(root.get("extends")):
            self.template(base, file)
        for tag, child in child_elements(root):
            if tag not in ("role", "service", "flow"):
                raise PlanError(f"<{tag}> in a template")
            getattr(self, "read_" + tag)(child)

    def read_role(self, element: ET.Element) -> None:
        """`role`: given twice, the lists unite."""
        name = self.register("role", element.get("name", ""), again=True)
        self.topology.roles.setdefault(name, []).extend(words(element.get("is")))

    def read_service(self, element: ET.Element) -> None:
        """`service`: given twice they are equal."""
        name = self.register("service", element.get("name", ""), again=True)
        found = Service(name, self.traffic(element, "is"), yes(element.get("dynamic"), False),
                        element.get("clear", ""), element.get("ike-auth", ""))
        if found.traffic.empty():
            raise PlanError(f'service "{name}" names no packet')
        if found.dynamic and not dynamic_shape(found.traffic):
            raise PlanError(f'dynamic service "{name}" is not of tcp or udp alone')
        if self.topology.services.setdefault(name, found) != found:
            raise PlanError(f'service "{name}" is given twice, differently')

    def read_flow(self, element: ET.Element) -> None:
        """`flow`: one row of role, role and services."""
        self.topology.flows.append(Flow(
            element.get("from", ""), element.get("to", ""), words(element.get("service")),
            one_of(element.get("requirement"), "required conditional optional"),
            yes(element.get("across"), False)))

    # -- topology

    def children(self, element: ET.Element, parent: Optional[Party], path: str) -> None:
        """What stands in a topology, zone or network, includes opened."""
        places = {None: "include zone pin role service flow want omit firewall ipsec allow"
                        " assign observe forbid expect publish mail-domain skip",
                  "zone": "include network host use", "network": "include network host use",
                  "host": "use pin skip leg"}
        for tag, child in child_elements(element):
            if tag not in places[parent.kind if parent else None].split():
                raise PlanError(f"<{tag}> does not stand here")
            if tag == "include":
                self.include(child, parent, path)
            elif tag in ("zone", "network", "host"):
                self.party(tag, child, parent, path)
            elif tag == "pin":
                self.pin(child, parent)
            elif tag == "leg":
                assert parent is not None
                self.leg(child, parent, path)
            elif tag == "use":
                assert parent is not None
                parent.uses.append(Use(words(child.get("role")), words(child.get("of"))))
            elif tag not in ("mail-domain", "skip"):
                if tag in ("allow", "forbid", "expect", "observe", "want", "omit", "ipsec",
                           "publish"):
                    self.label(tag, child)
                getattr(self, "read_" + tag)(child)

    def include(self, element: ET.Element, parent: Optional[Party], path: str) -> None:
        """Children of another file's root as if they stood here."""
        file = os.path.realpath(os.path.join(os.path.dirname(path), element.get("file", "")))
        if file in self.seen_files:
            raise PlanError(f"{file} is included twice")
        self.seen_files.add(file)
        root = parse(file)
        if root.tag != NAMESPACE + "topology":
            raise PlanError(f"{file} is not a topology")
        self.children(root, parent, file)

    def party(self, tag: str, element: ET.Element, parent: Optional[Party], path: str) -> None:
        """A zone, network or host with what stands in it."""
        name = self.register("party", element.get("name", ""))
        found = Party(tag, name, parent,
                      prefixes=prefixes(element.get("networks"), path),
                      addresses=addresses(element.get("address"), path),
                      roles=words(element.get("roles")),
                      dynamic_ports=ports(element.get("dynamic-ports")) or None,
                      realm=realm(element))
        public_attribute(found, element)
        if tag == "zone":
            zone_attributes(found, element)
            self.topology.zones[name] = found
        elif tag == "network":
            assert parent is not None
            parent.networks.append(found)
            self.topology.networks[name] = found
        else:
            assert parent is not None
            parent.hosts.append(found)
            self.topology.hosts[name] = found
        self.children(element, found, path)

    def leg(self, element: ET.Element, host: Party, path: str) -> None:
        """A `leg`: the same machine in another zone, as the party HOST@ZONE."""
        zone = element.get("zone", "")
        name = f"{host.name}@{zone}"
        if name in self.topology.hosts:
            raise PlanError(f"{name} stands twice")
        found = Party("host", name, None, addresses=addresses(element.get("address"), path),
                      roles=words(element.get("roles")), leg_of=host)
        self.topology.hosts[name] = found
        self.legs.append((found, zone))

    def pin(self, element: ET.Element, host: Optional[Party]) -> None:
        """A pin of a host, or of a role in the topology."""
        service, port = element.get("service", ""), ports(element.get("port"))
        if host is None:
            if element.get("role") is None:
                raise PlanError("a pin of the topology names a role")
            self.topology.role_pins.append((element.get("role", ""), service, port))
            return
        if element.get("role") is not None or service in host.pins:
            raise PlanError(f'pin "{service}" of host "{host.name}"')
        host.pins[service] = port

    def choice(self, element: ET.Element) -> Choice:
        """A `want` or `omit`."""
        at = element.get("at")
        return Choice(element.get("from", ""), element.get("to", ""),
                      words(element.get("service")), None if at is None else words(at))

    def read_want(self, element: ET.Element) -> None:
        """`want` turns on an optional flow."""
        self.topology.wants.append(self.choice(element))

    def read_omit(self, element: ET.Element) -> None:
        """`omit` turns off any template flow."""
        self.topology.omits.append(self.choice(element))

    def read_firewall(self, element: ET.Element) -> None:
        """`firewall` with its interfaces and inputs."""
        name = self.register("party", element.get("name", ""))
        log = one_of(element.get("log"), "drops none new")
        if element.get("log-group") is not None:
            number(element.get("log-group", ""), 0, 65535)
        elif log == "new":
            raise PlanError(f'firewall "{name}" logs new connections to no group')
        one_of(element.get("refuse"), "drop reject")
        found = Firewall(name, words(element.get("nodes")), yes(element.get("managed"), True),
                         yes(element.get("enforce"), True))
        for tag, child in child_elements(element):
            if tag == "interface":
                found.interfaces.append(Interface(
                    child.get("name", ""), child.get("zone", ""),
                    [address(w) for w in words(child.get("address"))],
                    yes(child.get("dhcp"), False)))
            elif tag == "input":
                found.inputs.append(Input(words(child.get("from")), self.needed(child)))
            else:
                raise PlanError(f"<{tag}> in a firewall")
        self.topology.firewalls[name] = found

    def read_ipsec(self, element: ET.Element) -> None:
        """`ipsec`: transport mode."""
        kinds = frozenset(words(element.get("protocols", "esp")))
        if not kinds or not kinds <= {"esp", "ah"}:
            raise PlanError("ipsec protocols are esp, ah or both")
        found = Ipsec(words(element.get("between")), words(element.get("and")), kinds,
                      yes(element.get("nat-traversal"), False),
                      one_of(element.get("ike-auth"), "certificate psk kerberos"),
                      words(element.get("except")))
        if found.nat_traversal and kinds == {"ah"}:
            raise PlanError("ah alone with nat-traversal")
        self.topology.ipsecs.append(found)

    def read_allow(self, element: ET.Element) -> None:
        """`allow`: one exception."""
        self.topology.allows.append(Allow(
            words(element.get("from")), words(element.get("to")), self.needed(element),
            moment(element.get("starts"), False), moment(element.get("expires"), True)))

    def read_assign(self, element: ET.Element) -> None:
        """`assign`: roles beside the inventory."""
        self.topology.assigns.append(Assign(
            words(element.get("to")), words(element.get("roles")),
            moment(element.get("expires"), True)))

    def read_publish(self, element: ET.Element) -> None:
        """`publish`: port forwarding."""
        port = ports(element.get("port"))
        found = Publish(address(element.get("address", "")), element.get("to", ""),
                        ports(element.get("tcp")), ports(element.get("udp")),
                        port[0][0] if port else None)
        if not (found.tcp or found.udp) or port and not all(
                len(x) <= 1 and all(low == high for low, high in x)
                for x in (found.tcp, found.udp, port)):
            raise PlanError("publish: ports")
        for other in self.topology.publishes:
            if other.address == found.address and any(
                    a[0] <= b[1] and b[0] <= a[1] for proto in (6, 17)
                    for a in found.ranges(proto) for b in other.ranges(proto)):
                raise PlanError("publish: a port twice")
        self.topology.publishes.append(found)

    def read_observe(self, element: ET.Element) -> None:
        """`observe`: between zones, for a while."""
        until = moment(element.get("until"), True)
        assert until is not None
        self.topology.observes.append(Observe(
            words(element.get("from")), words(element.get("to")), until))

    def read_forbid(self, element: ET.Element) -> None:
        """`forbid`: no service and port means every packet."""
        self.topology.forbids.append(self.limit(element))

    def read_expect(self, element: ET.Element) -> None:
        """`expect`: the reverse of `forbid`."""
        self.topology.expects.append(self.limit(element))

    def limit(self, element: ET.Element) -> Forbid:
        """What `forbid` and `expect` say alike."""
        traffic = self.traffic(element, "service")
        if traffic.empty():
            traffic.ip.append("any")
        return Forbid(words(element.get("from")), words(element.get("to")),
                      words(element.get("except")), traffic)

    # -- packets

    def traffic(self, element: ET.Element, services: str) -> Traffic:
        """The packets an element names."""
        return Traffic(words(element.get(services)), ports(element.get("tcp")),
                       ports(element.get("udp")), protocols(element.get("ip")),
                       icmp_types(element.get("icmp"), ICMP_REQUESTS),
                       icmp_types(element.get("icmpv6"), ICMPV6_REQUESTS))

    def needed(self, element: ET.Element) -> Traffic:
        """The same where naming none is an error."""
        found = self.traffic(element, "service")
        if found.empty():
            raise PlanError("neither service nor port")
        return found


def realm(element: ET.Element) -> Optional[str]:
    """The name of a realm, which is declared by being used."""
    found = element.get("realm")
    if found is not None and not NAME.match(found):
        raise PlanError(f'realm "{found}" is not a name')
    return found


def dynamic_shape(traffic: Traffic) -> bool:
    """Of a dynamic service: tcp or udp, one of them, nothing else."""
    return bool(traffic.tcp) != bool(traffic.udp) and not (
        traffic.services or traffic.ip or traffic.icmp or traffic.icmpv6)


def public_attribute(party: Party, element: ET.Element) -> None:
    """`public`: as many a family as a host has addresses; of others one, or `interface`."""
    found = words(element.get("public"))
    if element.get("public") is not None and not found:
        raise PlanError("public is empty")
    if found == ["interface"] and party.kind != "host":
        party.masquerade = True
        return
    party.public = [address(w) for w in found]
    for version in (4, 6):
        have = sum(a.version == version for a in party.public)
        most = (sum(a.version == version for a in party.addresses) if party.kind == "host"
                else min(1, sum(p.version == version for p in party.prefixes)))
        if have > most or len(set(party.public)) != len(party.public):
            raise PlanError(f"{party.name}: {have} public addresses")


def zone_attributes(zone: Party, element: ET.Element) -> None:
    """Defaults of a zone's `kind`, `transit` and `inside`."""
    slash_zero = any(p.prefixlen == 0 for p in zone.prefixes)
    kinds = "internet dmz internal partner management user"
    default = "internet" if slash_zero else "internal"
    zone.zone_kind = one_of(element.get("kind") or default, kinds)
    zone.transit = yes(element.get("transit"),
                       zone.zone_kind not in ("internet", "management", "user"))
    zone.inside = one_of(element.get("inside"), "any planned")
