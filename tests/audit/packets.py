"""Packets and captures, written byte by byte: no library that could err the
same way as what is tested."""
import ipaddress
import struct

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
MACS = bytes.fromhex('020000000001020000000002')
GROUP_MACS = bytes.fromhex('ffffffffffff020000000002')


def ip(src, dst, proto, data, ttl=64, ident=0, frag=0):
    s, d = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    if s.version == 4:
        return struct.pack('>BBHHHBBH', 0x45, 0, 20 + len(data), ident, frag,
                           ttl, proto, 0) + s.packed + d.packed + data
    return struct.pack('>IHBB', 6 << 28, len(data), proto, ttl) + \
        s.packed + d.packed + data


def tcp(sport, dport, flags, seq=0, ack=0, data=b''):
    return struct.pack('>HHIIBBHHH', sport, dport, seq & 0xffffffff,
                       ack & 0xffffffff, 0x50, flags, 8192, 0, 0) + data


def udp(sport, dport, data=b''):
    return struct.pack('>HHHH', sport, dport, 8 + len(data), 0) + data


def icmp(kind, code=0, ident=1, seq=1, data=b'abcdefgh'):
    return struct.pack('>BBHHH', kind, code, 0, ident, seq) + data


def eth(packet, group=False):
    kind = 0x86dd if packet[0] >> 4 == 6 else 0x0800
    return (GROUP_MACS if group else MACS) + struct.pack('>H', kind) + packet


# Encapsulations: (link type, function from an IP packet to a frame).
def _tag(t, rest):
    return MACS + bytes.fromhex(t) + rest


def _udp_tunnel(port, head, packet):
    return eth(ip('172.31.0.1', '172.31.0.2', 17,
                  udp(50000, port, head + eth(packet))))


def _gre(head, inner):
    return eth(ip('172.31.0.1', '172.31.0.2', 47, bytes.fromhex(head) + inner))


def _tlv(kind, data):
    pad = -len(data) % 4
    return struct.pack('<HH', 4 + len(data), kind) + data + b'\0' * pad


ENCAPSULATIONS = {
    'ethernet': (1, eth),
    'vlan': (1, lambda p: _tag('81000064', eth(p)[12:])),
    'qinq': (1, lambda p: _tag('88a8006481000065', eth(p)[12:])),
    'mpls': (1, lambda p: _tag('884700064040' '00065140', p)),
    'pppoe': (1, lambda p: _tag('8864110000010000', b'\0\x21' + p)),
    'sll': (113, lambda p: bytes.fromhex(
        '00000001000602000000000100000800') + p),
    'sll2': (276, lambda p: bytes.fromhex(
        '0800000000000002000100060200000000010000') + p),
    'raw': (101, lambda p: p),
    'null': (0, lambda p: b'\2\0\0\0' + p),
    'ppp': (9, lambda p: b'\0\x21' + p),
    'nflog': (239, lambda p: b'\2\0\0\0' + _tlv(1, b'\x08\0\1\0') +
              _tlv(9, p)),
}
# Mirrors: what carries them is itself traffic, unless --mirror says not so.
MIRRORS = {
    'gre': (1, lambda p: _gre('00000800', p)),
    'gre-ethernet': (1, lambda p: _gre('00006558', eth(p))),
    'erspan1': (1, lambda p: _gre('000088be', eth(p))),
    'erspan2': (1, lambda p: _gre('100088be00000001' '1001000100000000',
                                  eth(p))),
    'erspan3': (1, lambda p: _gre('100022eb00000001'
                                  '200100010000000000000000', eth(p))),
    'vxlan': (1, lambda p: _udp_tunnel(4789, bytes.fromhex(
        '0800000000000100'), p)),
    'geneve': (1, lambda p: _udp_tunnel(6081, bytes.fromhex(
        '0000655800000100'), p)),
    'ipip': (1, lambda p: eth(ip('172.31.0.1', '172.31.0.2', 4, p))),
}


def pcap(path, frames, link=1, t0=1700000000.0, step=0.001, snap=262144):
    """frames: bytes, or (seconds after the last, bytes)"""
    t = t0
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, snap, link))
        for fr in frames:
            wait, data = fr if isinstance(fr, tuple) else (step, fr)
            t += wait
            f.write(struct.pack('<IIII', int(t), int(t % 1 * 1e6),
                                min(len(data), snap), len(data)) +
                    data[:snap])


class Conversation:
    """A TCP connection as IP packets, each remembered with who sent it."""

    def __init__(self, client, cport, server, sport, isn=(1000, 5000)):
        self.end = [(client, cport), (server, sport)]
        self.seq = list(isn)
        self.packets = []

    def send(self, who, flags, data=b'', ttl=64):
        (a, ap), (b, bp) = self.end[who], self.end[1 - who]
        ack = self.seq[1 - who] if flags & ACK else 0
        self.packets.append((who, ip(a, b, 6, tcp(ap, bp, flags,
                                                  self.seq[who], ack, data),
                                     ttl)))
        self.seq[who] += len(data) + bool(flags & (SYN | FIN))
        return self

    def open(self):
        return self.send(0, SYN).send(1, SYN | ACK).send(0, ACK)

    def say(self, who, data):
        return self.send(who, PSH | ACK, data).send(1 - who, ACK)

    def close(self):
        return self.send(0, FIN | ACK).send(1, FIN | ACK).send(0, ACK)

    def again(self, i):
        """a retransmission of packet i"""
        self.packets.append(self.packets[i])
        return self

    def drop(self, *which):
        self.packets = [p for i, p in enumerate(self.packets)
                        if i not in which]
        return self

    def only(self, who):
        self.packets = [p for p in self.packets if p[0] == who]
        return self

    def swap(self, i, j):
        self.packets[i], self.packets[j] = self.packets[j], self.packets[i]
        return self

    def raw(self):
        return [p for _, p in self.packets]
