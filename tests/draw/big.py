#!/usr/bin/env python3
"""big.py [HOSTS]: a company's network of that many hosts (200), the same bytes every time.

Two sites with servers and users, branches, partners, an administration network and a DMZ,
joined by firewalls between two zones and between many; exceptions with all their particulars.
"""
from __future__ import annotations

import sys

SITES = ["north", "south"]
BRANCHES = ["east", "west"]
DMZ_ROLES = ["owa-front-end smtp-front-end published-owa published-smtp", "owa-front-end published-owa",
             "mail-hygiene", "reverse-proxy"]
SERVER_ROLES = ["global-catalog dns", "back-end", "back-end", "domain-controller dns", ""]


def hosts(stem: str, net: str, roles: list[str], count: int) -> str:
    """Hosts that bear the roles in turn."""
    return "".join(f'    <host name="{stem}{i + 1}" address="{net}.{i // 200}.{i % 200 + 10}"'
                   + (f' roles="{roles[i % len(roles)]}"' if roles[i % len(roles)] else "") + "/>\n"
                   for i in range(count))


def firewall(name: str, zones: list[str]) -> str:
    """One with an interface in each of the zones."""
    legs = "".join(f'    <interface name="eth{i}" zone="{z}"/>\n' for i, z in enumerate(zones))
    return f'  <firewall name="{name}">\n{legs}    <input from="admins" tcp="22" reason="administration"/>\n' \
           "  </firewall>\n"


def topology(count: int) -> str:
    """The whole file."""
    dmz, branch = count // 8, count // 12
    site = (count - dmz - 2 * branch) // 2
    out = ['<topology xmlns="urn:portplan:1" name="company" template="exchange-2003">\n',
           '  <pin role="domain-controller" service="ad-rpc" port="4990"/>\n',
           '  <zone name="internet" networks="0.0.0.0/0" roles="internet-client internet-mta"/>\n',
           '  <zone name="dmz" kind="dmz" networks="192.0.0.0/20">\n', hosts("edge", "192.0", DMZ_ROLES, dmz),
           "  </zone>\n"]
    for i, name in enumerate(SITES):
        out += [f'  <zone name="{name}" networks="10.{i + 1}.0.0/16 10.{i + 101}.0.0/16">\n',
                f'   <network name="{name}-servers" networks="10.{i + 1}.0.0/17">\n',
                hosts(f"{name}-srv", f"10.{i + 1}", SERVER_ROLES, site), "   </network>\n",
                f'   <network name="{name}-users" networks="10.{i + 101}.0.0/17"/>\n', "  </zone>\n"]
    for i, name in enumerate(BRANCHES):
        out += [f'  <zone name="{name}" kind="user" networks="10.{i + 20}.0.0/16">\n',
                hosts(f"{name}-pc", f"10.{i + 20}", [""], branch), "  </zone>\n"]
    out += ['  <zone name="supplier" kind="partner" networks="198.51.100.0/24"/>\n',
            '  <zone name="admin" kind="management" networks="10.250.0.0/16">\n'
            '    <network name="admins" networks="10.250.8.0/24"/>\n  </zone>\n',
            firewall("outer", ["internet", "dmz"]), firewall("core", ["dmz", "north", "south", "admin"]),
            firewall("branches", ["north", "east", "west"]), firewall("extranet", ["dmz", "supplier"])]
    for i in range(count // 10):
        pc, srv = f"{BRANCHES[i % 2]}-pc{i % branch + 1}", f"{SITES[i % 2]}-srv{i * 7 % site + 1}"
        out.append(f'  <allow name="x{i + 1}" from="{pc}" to="{srv}" tcp="{9100 + i}" reason="application {i + 1} of '
                   f'the branch" owner="team {i % 5 + 1}" ticket="CHG-{4000 + i}" expires="20{28 + i % 3}-06-30"/>\n')
    out += ['  <allow name="orders" from="supplier" to="edge4" service="https" reason="orders" owner="purchasing"/>\n',
            '  <forbid from="internet" to="north south admin" reason="nothing from outside reaches the inside"/>\n',
            "</topology>\n"]
    return "".join(out)


if __name__ == "__main__":
    sys.stdout.write(topology(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
