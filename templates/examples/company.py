#!/usr/bin/env python3
"""company.py > company.xml: a company's whole network, the same bytes every time.

Three sites of fourteen levels each, joined by a carrier's network; nine firewalls, of which the cores of two sites
are pairs; 2,500 hosts, IPv4 and IPv6. North was bought: it has a directory of its own, so a realm of its own, and
meets the others at the services of the house, which belong to no realm.

               internet
                  |
    edge web guest partner          SITE-outer
                  |
                 link  ------------ SITE-access --- users print plant
                  |
    app data mail directory         SITE-core
    backup admin  |
                  |
                 wan  ---- the other sites
"""
from __future__ import annotations

import sys

SITES = {"hq": "corp", "works": "corp", "north": "north"}
PAIRS = ("hq", "works")  # whose core is two machines

# level: firewall, kind, what its hosts bear in turn, hosts at each site
LEVELS = {
    "edge":      ("outer", "dmz", ["reverse-proxy", "edge-transport", "web-proxy"], (6, 3, 3)),
    "web":       ("outer", "dmz", [""], (40, 20, 18)),
    "guest":     ("outer", "user", [], (0, 0, 0)),
    "partner":   ("outer", "partner", [""], (6, 4, 2)),
    "link":      ("link", "internal", [], (0, 0, 0)),
    "app":       ("core", "internal", ["member-server managed-host windows-managed", "managed-host ssh-managed",
                                       "member-server managed-host windows-managed mail-sender"], (540, 320, 230)),
    "data":      ("core", "internal", ["managed-host ssh-managed", "member-server managed-host windows-managed"],
                  (260, 150, 110)),
    "mail":      ("core", "internal", ["client-access edge-subscribed member-server managed-host windows-managed",
                                       "client-access member-server managed-host windows-managed"], (6, 4, 2)),
    "directory": ("core", "internal", ["global-catalog dns ntp-server dfsr-dc windows-managed"], (4, 2, 2)),
    "backup":    ("core", "internal", ["backup-storage ssh-managed"], (4, 2, 2)),
    "admin":     ("core", "management", ["jump-host", "windows-jump-host", "snmp-manager", "internal-relay"],
                  (4, 4, 4)),
    "users":     ("access", "user", [], (0, 0, 0)),
    "print":     ("access", "internal", ["snmp-agent mail-sender"], (150, 90, 56)),
    "plant":     ("access", "internal", ["ntp-client syslog-client ssh-managed", ""], (60, 340, 48)),
}
ZONE_ROLES = {"guest": "", "users": "web-user mail-client member-server dns-client"}

# Services of the house: one of each, at headquarters, for every realm.
HOUSE = ["syslog-server", "monitoring", "backup-server", "patch-server"]

APPLICATIONS = ["billing", "orders", "stock", "crm", "payroll", "planning", "quality", "archive", "portal", "fleet",
                "travel", "badges", "maps", "wiki", "tickets", "forecast", "pricing", "claims", "labels", "scales"]
TIERS = [("web", "app", "8443"), ("app", "db", "5432")]

TEAMS = ["logistics", "finance", "sales", "production", "web team"]


def v4(site: int, level: int, i: int) -> str:
    """The i-th address of a zone; a level is a /20 of its site's /16."""
    return f"10.{site + 1}.{level * 16 + i // 250}.{i % 250 + 1}"


def v6(site: int, level: int, i: int) -> str:
    """The same in IPv6; a level is a /64 of its site's /48."""
    return f"2001:db8:{site + 1}:{level + 1:x}::{i + 1:x}"


def both(site: int, level: int, i: int) -> str:
    """An address of each family."""
    return f"{v4(site, level, i)} {v6(site, level, i)}"


def application_role(level: str, i: int) -> str:
    """Part of an application that the i-th host of a level bears: a few hosts run none."""
    tier = {"web": "web", "app": "app", "data": "db"}.get(level)
    n = i // 2 % (len(APPLICATIONS) + 2)
    return f" {APPLICATIONS[n]}-{tier}" if tier and n < len(APPLICATIONS) else ""


def hosts(site: int, level: int) -> list[str]:
    """A line each. The first ten addresses are left to firewalls."""
    name, (place, (_, _, roles, count)) = list(SITES)[site], list(LEVELS.items())[level]
    out = []
    for i in range(count[site]):
        bears = roles[i % len(roles)] + application_role(place, i)
        # what is old speaks IPv4 alone
        address = v4(site, level, 10 + i) if place in ("print", "plant") else both(site, level, 10 + i)
        out.append(f'    <host name="{name}-{place}-{i + 1:03}" address="{address}"'
                   + (f' roles="{bears.strip()}"' if bears else "") + "/>\n")
    return out


def zone(site: int, level: int) -> str:
    """One level of one site."""
    name, place = list(SITES)[site], list(LEVELS)[level]
    kind, roles = LEVELS[place][1], ZONE_ROLES.get(place, "")
    head = (f'  <zone name="{name}-{place}" kind="{kind}" networks="{v4(site, level, 0)[:-1]}0/20 '
            f'{v6(site, level, 0)[:-1]}/64"' + (f' roles="{roles}"' if roles else "")
            + f' realm="{SITES[name]}" transit="{"yes" if place == "link" else "no"}"')
    inner = hosts(site, level)
    if place == "users":
        use = f"{name}-directory-001 {name}-directory-002"
        inner.insert(0, f'    <use role="domain-controller global-catalog dns" of="{use}"/>\n')
    return head + ("/>\n" if not inner else ">\n" + "".join(inner) + "  </zone>\n")


def house() -> str:
    """The services of the house, in a zone without a realm."""
    inner = "".join(f'    <host name="house-{role}" address="10.0.0.{10 + i} 2001:db8:0:1::{10 + i:x}" '
                    f'roles="{role} dns-client ssh-managed"/>\n' for i, role in enumerate(HOUSE))
    return ('  <zone name="house" networks="10.0.0.0/24 2001:db8:0:1::/64" transit="no">\n' + inner + "  </zone>\n")


def firewall(site: int, what: str) -> str:
    """One with an interface in each of its levels, in the link, and beyond."""
    name = list(SITES)[site]
    nodes = f' nodes="{name}-{what}-a {name}-{what}-b"' if what == "core" and name in PAIRS else ""
    number = {"outer": 0, "core": 1, "access": 2}[what]
    zones = [(f"{name}-{place}", both(site, level, number))
             for level, (place, row) in enumerate(LEVELS.items()) if row[0] in (what, "link")]
    if what == "outer":
        zones.insert(0, ("internet", f"203.0.113.{site + 1} 2001:db8:ff01::{site + 1}"))
    if what == "core":
        zones.append(("wan", f"10.255.0.{site + 1} 2001:db8:ff00::{site + 1}"))
        if site == 0:
            zones.append(("house", "10.0.0.1 2001:db8:0:1::1"))
    lines = "".join(f'    <interface name="eth{i}" zone="{z}" address="{address}"/>\n'
                    for i, (z, address) in enumerate(zones))
    return (f'  <firewall name="{name}-{what}"{nodes}>\n{lines}    <input from="{name}-admin" tcp="22" '
            'reason="administration"/>\n  </firewall>\n')


def applications() -> str:
    """What the company's own programs speak, tier by tier."""
    out = []
    for i, name in enumerate(APPLICATIONS):
        out += [f'  <role name="{name}-{tier}"/>\n' for tier in ("web", "app", "db")]
        for source, target, port in TIERS:
            port = str(int(port) + i)
            out += [f'  <service name="{name}-{target}" tcp="{port}"/>\n',
                    f'  <flow from="{name}-{source}" to="{name}-{target}" service="{name}-{target}" '
                    f'reason="{name}: {source} to {target}"/>\n']
    return "".join(out)


def exceptions() -> str:
    """One an application and site to what no role says, and some that end."""
    out = []
    for i in range(120):
        site, team = list(SITES)[i % 3], TEAMS[i % len(TEAMS)]
        source, target = [(f"{site}-app-{i + 1:03}", f"{site}-print-{i % 56 + 1:03}"),
                          (f"{site}-partner-{i % 2 + 1:03}", f"{site}-web-{i % 18 + 1:03}"),
                          (f"{site}-plant-{i % 48 + 1:03}", f"hq-data-{i + 1:03}"),
                          (f"{site}-app-{i + 1:03}", f"works-plant-{i + 1:03}")][i // 3 % 4]
        until = f' expires="20{30 + i % 5}-06-30"' if i % 4 == 0 else ""
        out.append(f'  <allow name="x{i + 1:03}" from="{source}" to="{target}" tcp="{9100 + i}" reason="{team}: '
                   f'interface {i + 1}" owner="{team}" ticket="CHG-{4000 + i}"{until}/>\n')
    return "".join(out)


def all_of(*levels: str) -> str:
    """These levels of every site."""
    return " ".join(f"{name}-{level}" for name in SITES for level in levels)


def limits() -> str:
    """What no change may break."""
    return (f'  <forbid name="no-way-in" from="internet" to="{all_of("app", "data", "mail", "directory", "admin")}" '
            'reason="nothing from outside reaches the inside" owner="security"/>\n'
            f'  <forbid name="guests" from="{all_of("guest")}" to="{all_of("app", "data", "users", "plant")}" '
            'reason="guests get nothing of ours" owner="security"/>\n'
            f'  <forbid name="administration" from="*" to="{all_of("data")}" tcp="22 3389" except="{all_of("admin")}" '
            'reason="databases are administered from jump hosts" owner="security"/>\n')


def topology() -> str:
    """The whole file."""
    out = ['<!-- Made by company.py. -->\n'
           '<topology xmlns="urn:portplan:1" name="company" template="exchange-2013 ad-member ad-replication '
           'shared-services admin-access user-internet mail-relay" dynamic-ports="49152-49172">\n',
           '  <zone name="internet" networks="0.0.0.0/0 ::/0" roles="internet-client internet-mta internet-web"/>\n',
           '  <zone name="wan" kind="partner" networks="10.255.0.0/24 2001:db8:ff00::/64" transit="yes"/>\n', house()]
    out += [zone(site, level) for site in range(len(SITES)) for level in range(len(LEVELS))]
    out += [firewall(site, what) for site in range(len(SITES)) for what in ("outer", "core", "access")]
    out += [applications(), exceptions(), limits(), "</topology>\n"]
    return "".join(out)


if __name__ == "__main__":
    sys.stdout.write(topology())
