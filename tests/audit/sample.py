#!/usr/bin/env python3
"""Writes templates/examples/monday.pcap: what a span port between the DMZ and
the inside of the README's network might see on a Monday."""
import os
import struct

from packets import SYN, Conversation, eth, ip, pcap, tcp, udp

FE, DC, BE, OUT = '192.0.2.10', '10.0.0.10', '10.0.0.21', '198.51.100.7'
HERE = os.path.dirname(os.path.abspath(__file__))
PATH = os.path.join(HERE, '..', '..', 'templates', 'examples', 'monday.pcap')


def talk(src, sport, dst, dport, *words):
    c = Conversation(src, sport, dst, dport).open()
    for i, word in enumerate(words):
        c.say(i % 2, word)
    return c.close().raw()


def dns(sport):
    query = struct.pack('>HHHHHH', sport, 0x0100, 1, 0, 0, 0) + b'\3dc1\0\0\1\0\1'
    answer = struct.pack('>HHHHHH', sport, 0x8180, 1, 0, 0, 0) + b'\3dc1\0\0\1\0\1'
    return [ip(FE, DC, 17, udp(sport, 53, query)),
            ip(DC, FE, 17, udp(53, sport, answer))]


def knock(src, sport, dst, dport):
    return [ip(src, dst, 6, tcp(sport, dport, SYN, seq=77))]


def packets():
    out = []
    for i in range(3):
        out += dns(40000 + i)
        out += talk(FE, 41000 + i, BE, 80,
                    b'GET /exchange/ HTTP/1.1\r\nHost: be1\r\n\r\n',
                    b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    out += talk(FE, 42000, BE, 110, b'USER anna\r\n', b'+OK\r\n',
                b'PASS secret\r\n', b'+OK logged in\r\n')
    out += talk(FE, 42001, DC, 445, b'\0\0\0\x2f\xffSMBr', b'\0\0\0\x2f\xffSMBr')
    out += knock(FE, 42002, DC, 1025)
    out += knock(OUT, 50000, BE, 3389)
    return out


if __name__ == '__main__':
    pcap(PATH, [eth(p) for p in packets()], t0=1795420800.0, step=0.02)
