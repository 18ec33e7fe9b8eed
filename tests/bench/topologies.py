"""Topologies of any size for the benchmarks, the same bytes every time."""
from __future__ import annotations

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FIREWALL = ('<firewall name="fw"><interface name="eth0" zone="dmz"/>'
            '<interface name="eth1" zone="inside"/></firewall>\n')


def helper(name: str) -> str:
    """The program of NAME.c here, built into build/bench/ where it is older."""
    source, clock = (os.path.join(HERE, file) for file in (f"{name}.c", "clock.h"))
    program = os.path.join(ROOT, "build", "bench", name)
    newest = max(os.path.getmtime(source), os.path.getmtime(clock))
    if os.path.exists(program) and os.path.getmtime(program) >= newest:
        return program
    os.makedirs(os.path.dirname(program), exist_ok=True)
    fresh = f"{program}.{os.getpid()}"
    if subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra",
                       f"-I{ROOT}", "-o", fresh, source], check=False).returncode != 0:
        sys.exit(f"{source} does not compile")
    os.replace(fresh, program)
    return program


def address(net: int, i: int) -> str:
    """Every third address, so that no two stand side by side."""
    n = 3 * i + 1
    return f"10.{net + (n >> 16)}.{n >> 8 & 255}.{n & 255}"


def hosts(prefix: str, roles: str, net: int, n: int) -> str:
    return "".join(f'    <host name="{prefix}{i}" address="{address(net, i)}" roles="{roles}"/>\n'
                   for i in range(n))


def roles(front: int, domain: int, back: int, more: str = "") -> str:
    """Front-ends in one zone, domain controllers and back-ends in another, RPC pinned."""
    return ('<topology xmlns="urn:portplan:1" name="bench" template="exchange-2003">\n'
            '  <pin role="domain-controller" service="ad-rpc" port="4990"/>\n'
            '  <zone name="dmz" networks="10.0.0.0/12">\n'
            + hosts("fe", "owa-front-end smtp-front-end pop3-front-end imap4-front-end", 0, front)
            + '  </zone>\n  <zone name="inside" networks="10.16.0.0/12 10.32.0.0/12">\n'
            + hosts("dc", "global-catalog dns", 16, domain)
            + hosts("be", "back-end", 32, back)
            + "  </zone>\n  " + FIREWALL + more + "</topology>\n")


def role_flows(front: int, domain: int, back: int) -> list[str]:
    """What roles() plans from zone to zone: sources, destinations, services."""
    def names(net: int, n: int) -> str:
        return ",".join(address(net, i) for i in range(n))
    return [f"{names(0, front)} {names(16, domain)} 6/53,17/53,6/88,17/88,6/135,6/389,6/3268,6/4990",
            f"{names(0, front)} {names(32, back)} 6/25,6/80,6/110,6/143,6/691"]


def exception_flows(n: int, front: int, back: int) -> list[str]:
    return [f"{address(0, i % front)} {address(32, i // front * 7 % back)} 6/{9100 + i % 50}"
            for i in range(n)]


def own_use(n: int, pins: bool = False, more: str = "") -> str:
    """Sources that use a domain controller of their own each, and all name servers; pins:
    each of those with RPC on a port of its own."""
    sources = "".join(f'    <host name="fe{i}" address="{address(0, i)}" roles="owa-front-end">'
                      f'<use role="domain-controller" of="dc{i}"/></host>\n' for i in range(n))
    return ('<topology xmlns="urn:portplan:1" name="bench" template="exchange-2003">\n'
            '  <zone name="dmz" networks="10.0.0.0/12">\n' + sources
            + '  </zone>\n  <zone name="inside" networks="10.16.0.0/12">\n'
            + "".join(f'    <host name="dc{i}" address="{address(16, i)}" roles="global-catalog dns">'
                      f'<pin service="ad-rpc" port="{5000 + i}"/></host>\n' for i in range(n) if pins)
            + hosts("dc", "global-catalog dns", 16, 0 if pins else n)
            + "  </zone>\n  " + FIREWALL + more + "</topology>\n")


def ipsec() -> str:
    return '  <ipsec between="role:front-end" and="role:domain-controller" except="dns"/>\n'


def omits(n: int) -> str:
    return "".join('  <omit from="exchange-server" to="domain-controller" service="kerberos" '
                   f'at="fe{i}" reason="bench"/>\n' for i in range(n))


def own_exceptions(n: int) -> str:
    """allow elements from a host each to a host each, on a port each."""
    return "".join(f'  <allow name="x{i}" from="fe{i}" to="dc{i * 7 % n}" tcp="{20000 + i}" reason="bench"/>\n'
                   for i in range(n))


def to_whole_zone(n: int) -> str:
    """allow elements from a host each to a whole zone, on a port each."""
    return "".join(f'  <allow name="w{i}" from="fe{i}" to="inside" tcp="{20000 + i}" reason="bench"/>\n'
                   for i in range(n))


def one_list(n: int) -> str:
    """Hosts with an exception each, of a port each, to one list of as many."""
    return ('<topology xmlns="urn:portplan:1" name="bench" template="exchange-2003">\n'
            '  <zone name="dmz" networks="10.0.0.0/12">\n'
            + "".join(f'    <host name="h{i}" address="{address(0, i)}"/>\n' for i in range(n))
            + '  </zone>\n  <zone name="inside" networks="10.16.0.0/12">\n' + hosts("dc", "dns", 16, n)
            + "  </zone>\n  " + FIREWALL
            + "".join(f'  <allow name="x{i}" from="h{i}" to="role:dns" tcp="{2000 + i}" reason="bench"/>\n'
                      for i in range(n)) + "</topology>\n")


def host_to_zone(n: int) -> str:
    """Hosts that no role tells apart, with an exception each to a whole zone."""
    return ('<topology xmlns="urn:portplan:1" name="bench" template="exchange-2003">\n'
            '  <zone name="dmz" networks="10.0.0.0/12">\n'
            + "".join(f'    <host name="h{i}" address="{address(0, i)}"/>\n' for i in range(n))
            + '  </zone>\n  <zone name="inside" networks="10.16.0.0/12"/>\n  ' + FIREWALL
            + "".join(f'  <allow name="x{i}" from="h{i}" to="inside" tcp="{2000 + i}" reason="bench"/>\n'
                      for i in range(n)) + "</topology>\n")


def zone_exceptions(n: int) -> str:
    """allow elements from zone to zone, on a port each."""
    return "".join(f'  <allow name="z{i}" from="dmz" to="inside" tcp="{20000 + i}" reason="bench"/>\n'
                   for i in range(n))


def sites(n: int) -> str:
    """One firewall, n zones of ten hosts, servers in the first."""
    def site(k: int) -> str:
        role = "owa-front-end" if k else "global-catalog dns"
        return (f'  <zone name="z{k}" networks="10.{k >> 8}.{k & 255}.0/24">'
                + "".join(f'<host name="h{k}x{j}" address="10.{k >> 8}.{k & 255}.{j + 1}" roles="{role}"/>'
                          for j in range(10)) + "</zone>\n")
    return ('<topology xmlns="urn:portplan:1" name="bench" template="exchange-2003">\n'
            + "".join(site(k) for k in range(n)) + '  <firewall name="fw">'
            + "".join(f'<interface name="eth{k}" zone="z{k}"/>' for k in range(n)) + "</firewall>\n</topology>\n")


def hub(n: int) -> str:
    """One firewall with many zones, and exceptions between some."""
    return ('<topology xmlns="urn:portplan:1" name="bench" template="exchange-2003">\n'
            + "".join(f'  <zone name="z{i}" networks="10.{i}.0.0/16"/>\n' for i in range(n))
            + '  <firewall name="fw">'
            + "".join(f'<interface name="eth{i}" zone="z{i}"/>' for i in range(n)) + "</firewall>\n"
            + "".join(f'  <allow name="x{i}" from="z{i}" to="z{(i + 1) % n}" tcp="22" reason="bench"/>\n'
                      for i in range(n)) + "</topology>\n")


def branches(n: int) -> str:
    """A head office, and offices that are each behind a firewall of their own, around one network."""
    return ('<topology xmlns="urn:portplan:1" name="bench" template="exchange-2003">\n'
            '  <zone name="wan" networks="172.16.0.0/12"/>\n'
            '  <zone name="office" networks="192.168.0.0/16"><host name="dc" address="192.168.0.5"/></zone>\n'
            '  <firewall name="head"><interface name="a" zone="wan"/><interface name="b" zone="office"/></firewall>\n'
            + "".join(f'  <zone name="z{i}" networks="10.{i // 256}.{i % 256}.0/24"/>\n'
                      f'  <firewall name="fw{i}"><interface name="a" zone="wan"/>'
                      f'<interface name="b" zone="z{i}"/></firewall>\n'
                      f'  <allow name="x{i}" from="z{i}" to="dc" tcp="443" reason="bench"/>\n'
                      for i in range(n)) + "</topology>\n")


def role_port(i: int) -> int:
    """A port that a role asks for as well, of other hosts."""
    return (25, 80, 110, 143)[i % 4]


def port_exceptions(n: int, front: int, domain: int) -> str:
    """allow elements on ports of the roles, to hosts that no role asks it of."""
    return "".join(f'  <allow name="x{i}" from="fe{i % front}" to="dc{(i * 7 + i // front) % domain}" '
                   f'tcp="{role_port(i)}" reason="bench"/>\n' for i in range(n))


def port_exception_flows(n: int, front: int, domain: int) -> list[str]:
    return sorted({f"{address(0, i % front)} {address(16, (i * 7 + i // front) % domain)} 6/{role_port(i)}"
                   for i in range(n)})


def exceptions(n: int, front: int, back: int) -> str:
    """allow elements of one pair of hosts each, all different."""
    return "".join(f'  <allow name="x{i}" from="fe{i % front}" to="be{i // front * 7 % back}" '
                   f'tcp="{9100 + i % 50}" reason="bench"/>\n' for i in range(n))


def port_lists(n: int, each: int, front: int, back: int) -> str:
    """n allow elements of one pair of hosts and `each` single ports, no two neighbours: n * each
    elements of a set."""
    return "".join(f'  <allow name="x{i}" from="fe{i % front}" to="be{i // front * 7 % back}" tcp="'
                   + " ".join(str(9100 + 2 * ((i + k) % (each + 25))) for k in range(each))
                   + '" reason="bench"/>\n' for i in range(n))
