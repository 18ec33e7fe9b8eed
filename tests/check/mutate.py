"""One small change of a generated ruleset, as an editor's hand or a bad merge makes it."""
from __future__ import annotations

import ipaddress
import random
import re
from typing import Callable, Optional

Lines = list[str]
RULE = re.compile(r"^\t\t(?!type |flags |counter$|elements|\}|policy |comment )\S")
ELEMENT = re.compile(r"^\t\t\t\S")
PREFIX = re.compile(r"(?<![\w.:])([0-9a-f.:]+[.:][0-9a-f.:]*)/(\d+)(?!\d)")
ADDRESS = re.compile(r"(?<![\w.:/])(\d+\.\d+\.\d+\.\d+|[0-9a-f]+:[0-9a-f:]*:[0-9a-f]*)(?![\w.:/])")
PORT = re.compile(r"(?<=(?:tcp|udp) \. )(\d+)(?![\w-])|(?<=th dport )(\d+)")


def rules(lines: Lines) -> list[int]:
    """Where rules stand: lines of chains that are no heads and no elements."""
    found, chain = [], False
    for i, line in enumerate(lines):
        if line.startswith("\tchain "):
            chain = True
        elif line == "\t}":
            chain = False
        elif chain and RULE.match(line):
            found.append(i)
    return found


def elements(lines: Lines) -> list[int]:
    """Lines of sets and maps that hold elements."""
    return [i for i, line in enumerate(lines) if ELEMENT.match(line)]


def pick(r: random.Random, among: list[int]) -> Optional[int]:
    """One of them, if there are any."""
    return r.choice(among) if among else None


def dropped(lines: Lines, r: random.Random) -> Optional[Lines]:
    """A rule is gone."""
    i = pick(r, rules(lines))
    return None if i is None else lines[:i] + lines[i + 1:]


def duplicated(lines: Lines, r: random.Random) -> Optional[Lines]:
    """A rule stands twice."""
    i = pick(r, rules(lines))
    return None if i is None else lines[:i] + [lines[i]] + lines[i:]


def widened(lines: Lines, r: random.Random) -> Optional[Lines]:
    """A prefix is shorter by one to three bits."""
    i = pick(r, [i for i, line in enumerate(lines) if PREFIX.search(line)])
    if i is None:
        return None
    hit = r.choice(list(PREFIX.finditer(lines[i])))
    length = max(0, int(hit[2]) - r.randint(1, 3))
    wide = ipaddress.ip_network(f"{hit[1]}/{length}", strict=False)
    return replaced(lines, i, hit.start(), hit.end(), str(wide))


def port_off(lines: Lines, r: random.Random) -> Optional[Lines]:
    """A port is one more or one less."""
    i = pick(r, [i for i, line in enumerate(lines) if PORT.search(line)])
    if i is None:
        return None
    hit = r.choice(list(PORT.finditer(lines[i])))
    port = int(hit[0]) + r.choice([-1, 1])
    return replaced(lines, i, hit.start(), hit.end(), str(min(65535, max(0, port))))


def swapped_direction(lines: Lines, r: random.Random) -> Optional[Lines]:
    """Source and destination change places in a rule, or two interfaces in a map."""
    among = [i for i, line in enumerate(lines)
             if ("saddr" in line) or re.search(r'" \. "', line)]
    i = pick(r, among)
    if i is None:
        return None
    line = lines[i]
    if "saddr" in line:
        line = line.replace("saddr", "\0").replace("daddr", "saddr").replace("\0", "daddr")
    else:
        line = re.sub(r'("[^"]+") \. ("[^"]+")', r"\2 . \1", line, count=1)
    return lines[:i] + [line] + lines[i + 1:]


def policy_accept(lines: Lines, r: random.Random) -> Optional[Lines]:
    """A base chain accepts what no rule speaks of, its last drop gone as well."""
    heads = [i for i, line in enumerate(lines) if "policy drop;" in line]
    i = pick(r, heads)
    if i is None:
        return None
    out = list(lines)
    out[i] = out[i].replace("policy drop;", "policy accept;")
    end = next(k for k in range(i, len(out)) if out[k] == "\t}")
    if r.random() < 0.7 and "counter drop" in out[end - 1]:
        del out[end - 1]
    return out


def state_removed(lines: Lines, r: random.Random) -> Optional[Lines]:
    """A rule about ct state is gone, or its condition is."""
    i = pick(r, [i for i in rules(lines) if "ct state" in lines[i]])
    if i is None:
        return None
    if r.random() < 0.6:
        return lines[:i] + lines[i + 1:]
    line = re.sub(r"ct state (!= )?\w+ ", "", lines[i])
    return lines[:i] + [line] + lines[i + 1:]


def jump_changed(lines: Lines, r: random.Random) -> Optional[Lines]:
    """A jump goes elsewhere, into a chain that itself jumps nowhere (no loops)."""
    jump = re.compile(r"(?<=jump |goto )([^\s,]+)")
    among = [i for i, line in enumerate(lines) if jump.search(line)]
    leaves, name, leaf = [], "", False
    for line in lines:
        if line.startswith("\tchain "):
            name, leaf = line.split()[1], True
        elif "jump" in line or "goto" in line or "vmap" in line or "hook" in line:
            leaf = False
        elif line == "\t}" and leaf and name:
            leaves.append(name)
            name = ""
    i = pick(r, among)
    if i is None or not leaves:
        return None
    hit = jump.search(lines[i])
    assert hit
    return replaced(lines, i, hit.start(), hit.end(), r.choice(leaves))


def element_added(lines: Lines, r: random.Random) -> Optional[Lines]:
    """An element stands in a set beside its like, with a port or an address changed."""
    i = pick(r, [i for i in elements(lines) if ADDRESS.search(lines[i]) or PORT.search(lines[i])])
    if i is None:
        return None
    line = lines[i].rstrip(",").split(" comment ")[0]
    hits = list(PORT.finditer(line)) + list(ADDRESS.finditer(line))
    if not hits:
        return None
    hit = r.choice(hits)
    if hit[0].isdigit():
        new = str(r.choice([min(65535, int(hit[0]) + 1), r.randint(1, 65535)]))
    else:
        address = ipaddress.ip_address(hit[0])
        new = str(type(address)((int(address) + r.choice([1, 2, 256])) % (1 << address.max_prefixlen)))
    line = line[:hit.start()] + new + line[hit.end():] + ","
    return lines[:i] + [line] + lines[i:]


def element_removed(lines: Lines, r: random.Random) -> Optional[Lines]:
    """An element is gone."""
    i = pick(r, elements(lines))
    return None if i is None else lines[:i] + lines[i + 1:]


def chain_added(lines: Lines, r: random.Random) -> Optional[Lines]:
    """Another table has a base chain on the same hook."""
    hook = r.choice(["forward", "forward", "input", "prerouting"])
    rule = r.choice(["tcp dport 25 drop", "udp dport { 53, 88 } counter drop", "accept",
                     "meta nfproto ipv6 drop", "ip daddr 10.0.0.0/9 tcp dport 80-443 reject",
                     "ct state new tcp dport 1-1023 accept"])
    policy = r.choice(["accept", "accept", "drop"])
    return lines + ["table inet other {", "\tchain c {",
                    f"\t\ttype filter hook {hook} priority {r.choice([-10, 0, 10])}; policy {policy};",
                    "\t\t" + rule, "\t}", "}"]


def order_swapped(lines: Lines, r: random.Random) -> Optional[Lines]:
    """Two neighbouring rules change places."""
    all_rules = rules(lines)
    i = pick(r, [i for i in all_rules if i + 1 in all_rules])
    if i is None:
        return None
    return lines[:i] + [lines[i + 1], lines[i]] + lines[i + 2:]


def replaced(lines: Lines, i: int, start: int, end: int, text: str) -> Lines:
    """A piece of line i is another."""
    return lines[:i] + [lines[i][:start] + text + lines[i][end:]] + lines[i + 1:]


WAYS: list[Callable[[Lines, random.Random], Optional[Lines]]] = [
    dropped, element_added, widened, port_off, swapped_direction, policy_accept, state_removed,
    jump_changed, element_removed, chain_added, order_swapped, duplicated]


def mutate(text: str, way: int, r: random.Random) -> Optional[tuple[str, str]]:
    """The name of the change and the changed text; None where there is nothing to change."""
    change = WAYS[way % len(WAYS)]
    lines = change(text.splitlines(), r)
    return None if lines is None else (change.__name__, "\n".join(lines) + "\n")
