"""Random nftables rulesets over what check/ models, and packets that they tell apart.

Not portplan's own shapes only: everything people write that has an exact answer, and some
that has none (limit).  Small pools of addresses, ports and names, so that rules meet."""
from __future__ import annotations

import random

IFACES = ["eth0", "eth1", "ppp0", "ppp1", "lan0"]
V4 = ["10.0.0.1", "10.0.0.2", "10.0.0.130", "10.0.1.1", "10.0.3.77", "10.1.0.5", "10.9.8.7",
      "172.16.5.4", "172.16.5.5", "192.0.2.255"]
V6 = ["2001:db8::1", "2001:db8::2", "2001:db8::ffff", "2001:db8:0:1::1", "2001:db8:1::5",
      "fd00:1::9", "fd00:1::a", "2a00:1450::8"]
PORTS = [1, 22, 53, 80, 88, 443, 1024, 1025, 8080, 65535]
ICMP = ["echo-request", "echo-reply", "destination-unreachable", "timestamp-request"]
ICMP_NUMBER = [8, 0, 3, 13]
ICMP6 = ["echo-request", "echo-reply", "packet-too-big"]
ICMP6_NUMBER = [128, 129, 2]
PROTO = ["tcp", "udp", "icmp", "ipv6-icmp", "esp", "sctp", "gre"]


class Generator:
    """One ruleset; everything random comes from the seed."""

    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)
        self.sets: list[str] = []
        self.names = 0
        self.family = "inet"
        self.hook = "forward"

    # ---- values

    def v4_prefix(self) -> str:
        length = self.r.choice([8, 9, 12, 16, 20, 23, 24, 25, 28, 30, 31, 32])
        a = [int(x) for x in self.r.choice(V4).split(".")]
        n = (a[0] << 24 | a[1] << 16 | a[2] << 8 | a[3]) >> (32 - length) << (32 - length)
        return f"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}/{length}"

    @staticmethod
    def v4_number(a: str) -> int:
        b = [int(x) for x in a.split(".")]
        return b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3]

    def v4_range(self) -> str:
        a, b = sorted(self.r.sample(V4, 2), key=self.v4_number)
        return f"{a}-{b}"

    def v6_prefix(self) -> str:
        return self.r.choice(["2001:db8::/32", "2001:db8::/48", "2001:db8::/64", "fd00::/8",
                              "fd00:1::8/125", "2000::/3", "2001:db8::/127", "2001:db8:1::/48",
                              "2001:db8::/65", "2a00:1450::8/128"])

    def v6_range(self) -> str:
        return self.r.choice(["2001:db8::1-2001:db8::2", "2001:db8::1-2001:db8:0:1::1",
                              "fd00:1::9-fd00:1::ffff", "2001:db8::-2001:db8:1::5"])

    def port_range(self) -> str:
        a, b = sorted(self.r.sample(PORTS, 2))
        return f"{a}-{b}"

    def some(self, pool: list, most: int = 4) -> list[str]:
        return [str(x) for x in self.r.sample(pool, self.r.randint(1, min(most, len(pool))))]

    def not_(self) -> str:
        return self.r.choice(["", "", "", "!= "])

    def disjoint_v4(self) -> list[str]:
        pool = ["10.0.0.0/25", "10.0.0.128-10.0.0.131", "10.0.1.0/24", "10.0.3.77",
                "10.1.0.0/16", "10.9.0.0-10.9.255.3", "172.16.5.4/31", "192.0.2.255"]
        return self.some(pool, 5)

    def disjoint_v6(self) -> list[str]:
        pool = ["2001:db8::1", "2001:db8::2-2001:db8::ffff", "2001:db8:0:1::/64", "fd00::/8",
                "2001:db8:1::/48", "2a00::/12"]
        return self.some(pool, 4)

    def disjoint_ports(self) -> list[str]:
        return self.some(["1-21", "22", "53-80", "88", "443", "1024-8080", "60000-65535"], 4)

    # ---- sets

    def name(self, kind: str) -> str:
        self.names += 1
        return f"{kind}{self.names}"

    def new_set(self, kind: str, flags: str, elements: list[str]) -> str:
        name = self.name("s")
        text = f"\tset {name} {{\n\t\ttype {kind}\n"
        if flags:
            text += f"\t\tflags {flags}\n"
        if self.r.random() < 0.3:
            text += "\t\tcounter\n"
        if elements:
            text += f"\t\telements = {{ {', '.join(elements)} }}\n"
        self.sets.append(text + "\t}\n")
        return name

    def new_map(self, kind: str, flags: str, elements: list[str]) -> str:
        name = self.name("m")
        text = f"\tmap {name} {{\n\t\ttype {kind}\n"
        if flags:
            text += f"\t\tflags {flags}\n"
        self.sets.append(text + f"\t\telements = {{ {', '.join(elements)} }}\n\t}}\n")
        return name

    # ---- matches

    def addresses(self, v4: bool) -> str:
        pool = V4 if v4 else V6
        end = self.r.choice(["saddr", "daddr"])
        p = "ip" if v4 else "ip6"
        way = self.r.randrange(8)
        if way == 0:
            value = self.r.choice(pool)
        elif way in (1, 2):
            value = self.v4_prefix() if v4 else self.v6_prefix()
        elif way == 3:
            value = self.v4_range() if v4 else self.v6_range()
        elif way == 4:
            value = "{ " + ", ".join(self.some(pool)) + " }"
        elif way == 5:
            value = "{ " + ", ".join(self.disjoint_v4() if v4 else self.disjoint_v6()) + " }"
        elif way == 6:
            value = "@" + self.new_set("ipv4_addr" if v4 else "ipv6_addr", "",
                                       self.some(pool) if self.r.random() < 0.9 else [])
        else:
            value = "@" + self.new_set("ipv4_addr" if v4 else "ipv6_addr", "interval",
                                       self.disjoint_v4() if v4 else self.disjoint_v6())
        if way < 4 and self.r.random() < 0.15:
            return f"{p} {end} {self.r.choice(['<', '>', '<=', '>='])} {self.r.choice(pool)}"
        return f"{p} {end} {self.not_()}{value}"

    def masked(self) -> str:
        return self.r.choice([
            "ip saddr & 255.15.0.0 == 10.1.0.0",
            "ip daddr & 255.0.0.0 == 10.0.0.0", "ip saddr & 255.255.0.0 != 10.0.0.0",
            "@nh,96,8 10", "@nh,104,16 0x0001", "@nh,128,24 0x0a0000", "ip version 4",
            "@nh,64,8 63", "ip frag-off & 0x1fff == 0", "ip frag-off & 0x1fff != 0"])

    def ports(self) -> str:
        p = self.r.choice(["tcp", "udp", "tcp", "th", "sctp"])
        guard = "meta l4proto { tcp, udp, sctp } " if p == "th" else ""
        end = self.r.choice(["dport", "dport", "sport"])
        way = self.r.randrange(7)
        if way == 0:
            value = str(self.r.choice(PORTS))
        elif way == 1:
            value = self.port_range()
        elif way == 2:
            value = "{ " + ", ".join(self.some(PORTS)) + " }"
        elif way == 3:
            value = "{ " + ", ".join(self.disjoint_ports()) + " }"
        elif way == 4:
            value = "@" + self.new_set("inet_service", "", self.some(PORTS))
        elif way == 5:
            value = "@" + self.new_set("inet_service", "interval", self.disjoint_ports())
        else:
            return f"{guard}{p} {end} {self.r.choice(['<', '>', '<=', '>='])} {self.r.choice(PORTS)}"
        return f"{guard}{p} {end} {self.not_()}{value}"

    def concatenation(self) -> str:
        way = self.r.randrange(7)
        elements: list[str] = []
        count = self.r.randint(1, 5)
        if way == 0:
            for _ in range(count):
                elements.append(f"{self.r.choice(V4)} . {self.r.choice(V4)} . "
                                f"{self.r.choice(['tcp', 'udp'])} . {self.r.choice(PORTS)}")
            return ("ip saddr . ip daddr . meta l4proto . th dport @" +
                    self.new_set("ipv4_addr . ipv4_addr . inet_proto . inet_service", "",
                                 sorted(set(elements))))
        if way == 1:
            for _ in range(count):
                elements.append(f"{self.r.choice(['tcp', 'udp', 'sctp'])} . "
                                f"{self.r.choice(PORTS)}")
            return ("meta l4proto . th dport @" +
                    self.new_set("inet_proto . inet_service", "", sorted(set(elements))))
        if way == 2:
            pairs = self.r.sample([(a, p) for a in ["10.0.0.0/25", "10.0.1.0/24", "10.1.0.0/16",
                                                    "172.16.5.4-172.16.5.5"]
                                   for p in ["22", "53-88", "443", "1024-65535"]], count)
            return (f"ip {self.r.choice(['saddr', 'daddr'])} . tcp dport {self.not_()}@" +
                    self.new_set("ipv4_addr . inet_service", "interval",
                                 [f"{a} . {p}" for a, p in pairs]))
        if way == 3:
            pairs = self.r.sample([(a, b) for a in IFACES for b in IFACES], count)
            return ("iifname . oifname @" +
                    self.new_set("ifname . ifname", "", [f'"{a}" . "{b}"' for a, b in pairs]))
        if way == 4:
            pairs = self.r.sample([(a, p) for a in ["2001:db8::/64", "fd00::/8", "2a00::/16"]
                                   for p in ["22", "53-88", "443", "1024-65535"]], count)
            return ("ip6 saddr . tcp dport " +
                    "{ " + ", ".join(f"{a} . {p}" for a, p in pairs) + " }")
        if way == 5:
            pairs = self.r.sample([(a, b) for a in V6 for b in V6], count)
            return ("ip6 saddr . ip6 daddr " + self.not_() + "@" +
                    self.new_set("ipv6_addr . ipv6_addr", "", [f"{a} . {b}" for a, b in pairs]))
        triples = self.r.sample([(i, a, p) for i in IFACES for a in V4[:4] for p in PORTS[:4]], count)
        return ("iifname . ip saddr . tcp dport " +
                "{ " + ", ".join(f'"{i}" . {a} . {p}' for i, a, p in triples) + " }")

    def interfaces(self) -> str:
        d = self.r.choice(["iifname", "oifname"] if self.hook in ("forward", "postrouting")
                          else ["iifname"])
        way = self.r.randrange(5)
        if way == 0:
            return f'{d} {self.not_()}"{self.r.choice(IFACES)}"'
        if way == 1:
            return f'{d} {self.not_()}"{self.r.choice(["ppp*", "eth*", "l*", "e*"])}"'
        if way == 2:
            return d + " " + self.not_() + "{ " + ", ".join(f'"{x}"' for x in self.some(IFACES)) + " }"
        if way == 3:
            return d + ' { "ppp*", "' + self.r.choice(["eth0", "lan0"]) + '" }'
        return d + " @" + self.new_set("ifname", "", [f'"{x}"' for x in self.some(IFACES)])

    def tcp_flags(self) -> str:
        return "tcp flags " + self.r.choice([
            "syn", "ack", "!= syn", "== syn", "& (fin | syn | rst | ack) == syn",
            "& (fin | syn | rst | ack) != syn", "{ syn, ack }", "{ syn, syn | ack }",
            "& (syn | ack) == syn | ack", "& (fin | syn) == fin | syn", "& rst != 0",
            "syn,ack", "== 0x0", "!= { syn, ack }"])

    def icmp(self) -> str:
        if self.r.random() < 0.6:
            return self.r.choice([f"icmp type {self.not_()}{self.r.choice(ICMP)}",
                                  "icmp type { echo-request, destination-unreachable }",
                                  "icmp type echo-request icmp code 0",
                                  "icmp type destination-unreachable icmp code 4",
                                  "icmp code 3", "icmp type 3-12"])
        return self.r.choice([f"icmpv6 type {self.not_()}{self.r.choice(ICMP6)}",
                              "icmpv6 type { echo-request, packet-too-big }",
                              "icmpv6 type echo-request icmpv6 code 0"])

    def other(self) -> str:
        return self.r.choice([
            "meta nfproto ipv4", "meta nfproto ipv6", f"meta l4proto {self.r.choice(PROTO)}",
            "meta l4proto { tcp, udp }", "meta l4proto != tcp", "meta l4proto 50-58",
            "ip protocol tcp", "ip protocol != { icmp, esp }", "ip6 nexthdr udp",
            "ip6 nexthdr ipv6-icmp", "meta protocol ip", "meta protocol ip6",
            "ip ttl < 10", "ip ttl 63", "ip ttl >= 64", "ip6 hoplimit 63", "ip6 hoplimit < 5",
            "meta pkttype host", "meta pkttype != broadcast", "ip dscp 0", "ip dscp != cs1",
            "meta l4proto { tcp, udp } th dport 443", "meta l4proto { tcp, udp } @th,16,16 22",
            "meta l4proto { tcp, udp } @th,16,8 0", "meta l4proto { tcp, udp } @th,24,8 { 22, 80 }"])

    def conntrack(self) -> str:
        return self.r.choice([
            "ct state new", "ct state established,related", "ct state { new, invalid }",
            "ct state != new", "ct state invalid", "ct state established", "ct state untracked",
            "ct direction original", "ct direction reply", "ct state new,untracked",
            "ct status dnat", "ct status != snat", "ct mark 0", "ct mark != 3", "ct mark 0-5",
            "ct original ip saddr 10.0.0.0/24" if self.family != "ip6" else "ct mark 1",
            "ct state vmap { new : continue, invalid : drop }"
            if self.r.random() < 0.2 else "ct state new"])

    def mark(self) -> str:
        if self.hook != "forward":
            return "meta nfproto ipv4"
        return self.r.choice(["meta mark 1", "meta mark 0x2", "meta mark != 1",
                              "meta mark & 0x3 == 0x1", "meta mark { 1, 2, 7 }", "meta mark 1-3",
                              "meta mark & 0xf0 != 0", "ct mark 7", "ct mark { 1, 7 }"])

    def v4_ok(self) -> bool:
        return self.family != "ip6"

    def match(self) -> str:
        while True:
            way = self.r.choices(range(9), [8, 8, 3, 5, 3, 3, 4, 4, 2])[0]
            if way == 0:
                text = self.addresses(self.r.random() < 0.6)
            elif way == 1:
                text = self.ports()
            elif way == 2:
                text = self.masked() if self.v4_ok() else self.addresses(False)
            elif way == 3:
                text = self.concatenation()
            elif way == 4:
                text = self.interfaces()
            elif way == 5:
                text = self.tcp_flags()
            elif way == 6:
                text = self.r.choice([self.icmp, self.other])()
            elif way == 7:
                text = self.conntrack()
            else:
                text = self.mark()
            first = text.split()[0]
            if self.family != "inet" and "nfproto" in text:
                continue
            if self.family == "ip" and ("ip6" in text or "icmpv6" in text or first == "ip6"):
                continue
            if self.family == "ip6" and ("ip saddr" in text or "ip daddr" in text or
                                         first in ("ip", "icmp")):
                continue
            return text

    # ---- statements

    def set_mark(self) -> str:
        if self.hook != "forward":
            return "counter"
        if self.r.random() < 0.3 and self.v4_ok():
            pairs = [f"{a} : {self.r.randint(1, 7)}" for a in self.some(V4)]
            return "meta mark set ip saddr map { " + ", ".join(pairs) + " }"
        return self.r.choice(["meta mark set 1", "meta mark set 0x12", "meta mark set 0",
                              "meta mark set meta mark | 0x10", "ct mark set 7",
                              "ct mark set meta mark", "meta mark set ct mark",
                              "meta mark set meta mark & 0xfffffffe"])

    def verdict(self, chains: list[str]) -> str:
        way = self.r.randrange(10)
        if chains and way < 3:
            return self.r.choice(["jump ", "jump ", "goto "]) + self.r.choice(chains)
        if way == 3 and chains:
            return "return"
        if way == 4:
            return self.r.choice(["reject", "counter reject", "drop"])
        return self.r.choice(["accept", "accept", "counter accept", "drop", "counter drop"])

    def vmap_value(self, chains: list[str]) -> str:
        pool = ["accept", "drop", "accept", "continue", "return"]
        pool += [f"jump {c}" for c in chains] + [f"goto {c}" for c in chains]
        return self.r.choice(pool)

    def vmap(self, chains: list[str]) -> str:
        v4 = self.v4_ok() and self.r.random() < 0.7
        way = self.r.randrange(6)
        value = lambda: self.vmap_value(chains)  # noqa: E731
        if way == 0:
            pool = V4 if v4 or not self.family == "ip6" else V6
            p = "ip" if pool is V4 else "ip6"
            return f"{p} saddr vmap {{ " + ", ".join(f"{a} : {value()}" for a in self.some(pool)) + " }"
        if way == 1 and v4:
            return "ip daddr vmap @" + self.new_map(
                "ipv4_addr : verdict", "interval", [f"{a} : {value()}" for a in self.disjoint_v4()])
        if way == 2:
            return "tcp dport vmap { " + ", ".join(f"{p} : {value()}" for p in self.disjoint_ports()) + " }"
        if way == 3:
            pairs = self.r.sample([(a, b) for a in IFACES for b in IFACES], 4)
            return "iifname . oifname vmap @" + self.new_map(
                "ifname . ifname : verdict", "", [f'"{a}" . "{b}" : {value()}' for a, b in pairs])
        if way == 4:
            return "meta l4proto vmap { tcp : %s, udp : %s, icmp : %s }" % (value(), value(), value())
        return "ct state vmap { new : %s, established : accept, invalid : %s }" % (value(), value())

    @staticmethod
    def consistent(rule: str) -> bool:
        """nft refuses rules that contradict themselves."""
        words = set(rule.split())
        l3 = words & {"ip", "ip6", "icmp", "icmpv6"}
        return (len([w for w in ("tcp", "udp", "sctp", "icmp", "icmpv6") if f"{w} " in
                     rule.replace("meta l4proto " + w, "").replace("ip protocol " + w, "")
                     .replace(f"nexthdr {w}", "")]) <= 1 and
                not (l3 & {"ip", "icmp"} and l3 & {"ip6", "icmpv6"}))

    def rule(self, chains: list[str]) -> str:
        while True:
            text = self.any_rule(chains)
            if self.consistent(text):
                return text

    def any_rule(self, chains: list[str]) -> str:
        parts = [self.match() for _ in range(self.r.choices([0, 1, 2, 3], [1, 6, 6, 2])[0])]
        if self.r.random() < 0.12:
            parts.append(self.set_mark())
        if self.r.random() < 0.03:
            parts.append("limit rate 1/hour")
        if self.r.random() < 0.15:
            parts.append(self.vmap(chains))
        elif parts and self.r.random() < 0.95 or self.r.random() < 0.2:
            if not (parts and ("set" in parts[-1].split()[:3]) and self.r.random() < 0.7):
                parts.append(self.verdict(chains))
        if not parts:
            parts = ["counter"]
        return "\t\t" + " ".join(parts) + "\n"

    # ---- chains, tables

    def chain(self, name: str, callees: list[str], head: str = "") -> str:
        rules = "".join(self.rule(callees) for _ in range(self.r.randint(1, 9)))
        return f"\tchain {name} {{\n{head}{rules}\t}}\n"

    def base(self, callees: list[str], hook: str) -> str:
        self.hook = hook
        kind = "filter"
        prio = self.r.choice([-10, 0, 0, 5, 100])
        if hook == "prerouting":
            prio = self.r.choice([-300, -150, 0])
        policy = self.r.choice(["accept", "drop"])
        if hook != "forward":
            policy = "accept"
        head = f"\t\ttype {kind} hook {hook} priority {prio}; policy {policy};\n"
        if hook == "prerouting" and prio == -300:
            rules = "".join(f"\t\t{self.match()} notrack\n" for _ in range(2)
                            if self.r.random() < 0.8)
            rules = "".join(x for x in rules.splitlines(True) if "mark" not in x and "vmap" not in x)
            return f"\tchain {self.name('b')} {{\n{head}{rules}\t}}\n"
        return self.chain(self.name("b"), callees, head)

    def table(self) -> str:
        self.family = self.r.choices(["inet", "ip", "ip6"], [6, 2, 1])[0]
        self.sets = []
        self.hook = "forward"
        chains: list[str] = []
        text = ""
        for _ in range(self.r.randint(0, 3)):
            name = self.name("c")
            text = self.chain(name, list(chains)) + text
            chains.append(name)
        bases = self.base(chains, "forward")
        if self.r.random() < 0.2:
            bases += self.base(chains, "forward")
        # what is called by chains of other hooks may not read what these lack
        if self.r.random() < 0.25:
            bases += self.base([], "prerouting")
        if self.r.random() < 0.15:
            bases += self.base([], "postrouting")
        # jumps go to chains further up only
        return (f"table {self.family} t{self.name('')} {{\n" + "".join(self.sets) +
                "".join(reversed(text.split("\0"))) + bases + "}\n")

    def ruleset(self) -> str:
        return "".join(self.table() for _ in range(self.r.choices([1, 2, 3], [6, 3, 1])[0]))

    # ---- packets

    def packet(self) -> str:
        a, b = self.r.sample(IFACES, 2)
        proto = self.r.choices(["tcp", "udp", "icmp", "esp", "sctp", "gre"], [8, 4, 2, 1, 1, 1])[0]
        v6 = self.r.random() < 0.35
        pool = V6 if v6 else V4
        s, d = self.r.sample(pool, 2)
        if v6 and proto == "icmp":
            proto = "icmpv6"
        words = []
        if proto == "icmp":
            port = self.r.choice(ICMP_NUMBER)
        elif proto == "icmpv6":
            port = self.r.choice(ICMP6_NUMBER)
        elif proto in ("esp", "gre"):
            port = 0
        else:
            port = self.r.choice(PORTS + [p + 1 for p in PORTS[:-1]])
            words.append(f"sport={self.r.choice([1024, 40000, 22, 53, 65535])}")
        if proto == "tcp":
            words.append("flags=" + self.r.choice(["S", "S", "S", "S", "A", "SA", "FA", "R", "FS",
                                                   "none", "SPU", "PA"]))
        if proto in ("icmp", "icmpv6") and self.r.random() < 0.3:
            words.append(f"code={self.r.randint(0, 4)}")
        if self.r.random() < 0.1:
            words.append(f"ttl={self.r.choice([5, 9, 11, 64, 65])}")
        proto = {"gre": "47", "sctp": "sctp"}.get(proto, proto)
        return f"at fw {a} {b} {s} {d} {proto} {port} {' '.join(words)}".rstrip()
