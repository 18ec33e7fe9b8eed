#!/usr/bin/env python3
"""selftest.py: holds the oracle to expectations worked out by hand from the page.

cases/NAME.xml with cases/NAME.expect (`QUERY = ANSWER` lines, `today DATE` sets the
clock for those that follow), and the refusals below.
"""
from __future__ import annotations

import os
import sys
import tempfile

from oracle import TEMPLATES, answer, clock, load
from reading import PlanError

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = os.path.join(HERE, "cases")

ZONES = ('<zone name="a" networks="10.1.0.0/16"/><zone name="b" networks="10.2.0.0/16"/>'
         '<firewall name="f"><interface name="x" zone="a"/><interface name="y" zone="b"/>'
         '</firewall>')
ROLES = '<role name="r"/><role name="q"/><service name="s" tcp="1"/>'
DYNAMIC = '<service name="d" tcp="2-9" dynamic="yes"/>'

# What the page calls an error: a title and the content of a topology.
REFUSED = {
    "same prefix in two zones":
        '<zone name="a" networks="10.0.0.0/8"/><zone name="b" networks="10.0.0.0/8"/>',
    "host bits set": '<zone name="a" networks="10.0.0.1/8"/>',
    "prefix of no zone": '<zone name="a" networks="127.1.0.0/16"/>',
    "names that differ in case only":
        '<zone name="a" networks="10.0.0.0/8"/><zone name="A" networks="11.0.0.0/8"/>',
    "network outside its zone":
        '<zone name="a" networks="10.0.0.0/8"><network name="n" networks="11.0.0.0/9"/></zone>',
    "overlapping siblings":
        '<zone name="a" networks="10.0.0.0/8"><network name="n" networks="10.0.0.0/9"/>'
        '<network name="m" networks="10.1.0.0/16"/></zone>',
    "host in the wrong network":
        '<zone name="a" networks="10.0.0.0/8"><network name="n" networks="10.0.0.0/9"/>'
        '<host name="h" address="10.0.0.1"/></zone>',
    "address twice":
        '<zone name="a" networks="10.0.0.0/8"><host name="h" address="10.0.0.1"/>'
        '<host name="i" address="10.0.0.1"/></zone>',
    "interface address in another zone":
        ZONES + '<firewall name="g"><interface name="x" zone="a" address="10.2.0.1"/></firewall>',
    "interface twice":
        ZONES + '<firewall name="g"><interface name="x*" zone="a"/>'
        '<interface name="xy*" zone="b"/></firewall>',
    "literal in two zones": ZONES + '<allow from="10.0.0.0/8" to="b" tcp="1" reason="x"/>',
    "firewall in to": ZONES + '<allow from="a" to="f" tcp="1" reason="x"/>',
    "allow without port": ZONES + '<allow from="a" to="b" reason="x"/>',
    "allow without reason": ZONES + '<allow from="a" to="b" tcp="1"/>',
    "no path":
        ZONES + '<zone name="c" networks="10.3.0.0/16"/>'
        '<allow from="a" to="c" tcp="1" reason="x"/>',
    "no common family":
        ZONES + '<zone name="c" networks="2001:db8::/64"/><firewall name="g">'
        '<interface name="x" zone="a"/><interface name="y" zone="c"/></firewall>'
        '<allow from="a" to="c" tcp="1" reason="x"/>',
    "port 0": ZONES + '<allow from="a" to="b" tcp="0" reason="x"/>',
    "reversed range": ZONES + '<allow from="a" to="b" tcp="9-1" reason="x"/>',
    "echo-reply": ZONES + '<allow from="a" to="b" icmp="0" reason="x"/>',
    "unknown role": '<zone name="a" networks="10.0.0.0/8" roles="nobody"/>',
    "unknown attribute": '<zone name="a" networks="10.0.0.0/8" colour="red"/>',
    "realm that is no name": '<zone name="a" networks="10.0.0.0/8" realm="x y"/>',
    "expected, not planned": ZONES + '<expect from="a" to="b" tcp="1" reason="x"/>',
    "range that ends before it begins": '<zone name="a" networks="10.0.0.9-10.0.0.1"/>',
    "pattern that fits no name": ROLES + ZONES + '<assign to="x*" roles="r"/>',
    "leg in no zone": '<zone name="a" networks="10.0.0.0/8"><host name="h" address="10.0.0.1">'
        '<leg zone="x" address="10.0.0.2"/></host></zone>',
    "role cycle": '<role name="r" is="q"/><role name="q" is="r"/>',
    "service given twice, differently": '<service name="s" tcp="1"/><service name="s" tcp="2"/>',
    "want without its row": ROLES + '<want from="r" to="q" reason="x"/>',
    "pin of a fixed service":
        ROLES + '<zone name="a" networks="10.0.0.0/8"><host name="h" address="10.0.0.1">'
        '<pin service="s" port="2"/></host></zone>',
    "role pins disagree":
        ROLES + DYNAMIC + '<pin role="r" service="d" port="3"/><pin role="q" service="d" port="4"/>'
        '<zone name="a" networks="10.0.0.0/8" roles="r q"/>',
    "pin on a fixed port planned there":
        ROLES + DYNAMIC + '<flow from="r" to="q" service="s"/><zone name="a" networks="10.0.0.0/8"'
        ' roles="r"><host name="h" address="10.0.0.1" roles="q"><pin service="d" port="1"/></host>'
        '</zone>',
    "use without a bearer":
        ROLES + '<zone name="a" networks="10.0.0.0/8"><use role="q" of="h"/>'
        '<host name="h" address="10.0.0.1" roles="r"/></zone>',
    "client that reaches no server":
        ROLES + '<flow from="r" to="q" service="s"/><zone name="a" networks="10.0.0.0/8" roles="r"/>'
        '<zone name="b" networks="11.0.0.0/8" roles="q"/>',
    "ah alone with nat-traversal":
        ZONES + '<ipsec between="a" and="b" protocols="ah" nat-traversal="yes"/>',
    "ipsec elements disagree":
        ZONES + '<ipsec between="a" and="b"/><ipsec between="10.2.0.1" and="a" protocols="ah"/>',
    "ike-auth kerberos without it in except":
        ZONES + '<ipsec between="a" and="b" ike-auth="kerberos"/>',
    "forbidden exception":
        ZONES + '<allow from="a" to="b" tcp="1-9" reason="x"/>'
        '<forbid from="10.0.0.0/8" to="10.2.3.4" tcp="9-10" reason="x"/>',
    "forbidden ESP":
        ZONES + '<allow from="a" to="b" tcp="1-9" reason="x"/><ipsec between="a" and="b"/>'
        '<forbid from="b" to="a" ip="50" reason="x"/>',
    "two exceptions of one name":
        ZONES + '<allow name="n" from="a" to="b" tcp="1" reason="x"/>'
        '<allow name="n" from="a" to="b" tcp="2" reason="x"/>',
}

# Near misses of the above that the page lets stand.
ACCEPTED = {
    "forbid of something else":
        ZONES + '<allow from="a" to="b" tcp="1-9" reason="x"/>'
        '<forbid from="10.0.0.0/8" to="10.2.3.4" tcp="10" reason="x"/>',
    "forbid with except":
        ZONES + '<allow from="10.1.0.1" to="b" tcp="1-9" reason="x"/>'
        '<forbid from="a" to="b" except="10.1.0.0/30" reason="x"/>',
    "nobody bears the server role":
        ROLES + '<flow from="r" to="q" service="s"/><zone name="a" networks="10.0.0.0/8" roles="r"/>',
    "role pins that agree":
        ROLES + DYNAMIC + '<pin role="r" service="d" port="3-4"/>'
        '<pin role="q" service="d" port="3 4"/><zone name="a" networks="10.0.0.0/8" roles="r q"/>',
    "ipsec elements that agree":
        ZONES + '<ipsec between="a" and="b"/><ipsec between="10.2.0.1" and="a"/>',
    "ipsec elements that share no pair":
        ZONES + '<ipsec between="10.1.0.1" and="b"/>'
        '<ipsec between="10.2.0.1" and="10.1.0.2" protocols="ah"/>',
    "role twice, service twice, equal":
        '<role name="r" is="q"/><role name="q"/><role name="r"/>'
        '<service name="s" tcp="1"/><service name="s" tcp="1" title="x"/>',
    "foreign attribute": '<zone name="a" networks="10.0.0.0/8" xmlns:x="urn:x" x:colour="red"/>',
}


class Score:
    """Counts, and says what failed."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def note(self, good: bool, what: str) -> None:
        """One expectation."""
        self.passed += good
        self.failed += not good
        if not good:
            print(f"FAILED {what}")


def run_case(score: Score, path: str) -> None:
    """The expectations of one topology."""
    topology = path[:-len("expect")] + "xml"
    plan = None
    today = None
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("today "):
                today, plan = line.split()[1], None
            elif line.strip() and not line.startswith("#"):
                plan = plan or load(topology, TEMPLATES, clock(today))
                query, _, wanted = line.strip().rpartition(" = ")
                got = answer(plan, query)
                score.note(got == wanted, f"{os.path.basename(path)}: {query}: "
                                          f"{got}, expected {wanted}")


def refuses(content: str) -> bool:
    """Does the oracle refuse a topology with this content?"""
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
        file.write(f'<topology xmlns="urn:portplan:1" name="t">{content}</topology>')
        file.flush()
        try:
            load(file.name, TEMPLATES, clock("2026-01-01"))
        except PlanError:
            return True
    return False


def main() -> int:
    """All cases, all refusals."""
    score = Score()
    for name in sorted(os.listdir(CASES)):
        if name.endswith(".expect"):
            run_case(score, os.path.join(CASES, name))
    for title, content in REFUSED.items():
        score.note(refuses(content), f"not refused: {title}")
    for title, content in ACCEPTED.items():
        score.note(not refuses(content), f"refused: {title}")
    print(f"{score.passed} passed, {score.failed} failed")
    return 1 if score.failed else 0


if __name__ == "__main__":
    sys.exit(main())
