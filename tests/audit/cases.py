"""Conversations and what has to be said of them."""
import struct
import uuid

from packets import (ACK, ENCAPSULATIONS, MIRRORS, PSH, RST, SYN,
                     Conversation, MACS, eth, icmp, ip, tcp, udp)

FE, DC, BE = '10.9.0.5', '10.1.0.9', '10.1.0.21'
OUT = '198.51.100.7'

TOPOLOGY = '''<topology xmlns="urn:portplan:1" name="t" template="exchange-2003">
  <zone name="internet" networks="0.0.0.0/0 ::/0" roles="internet-client"/>
  <zone name="dmz" kind="dmz" networks="10.9.0.0/24 2001:db8:9::/64">
    <host name="fe1" address="10.9.0.5 2001:db8:9::5" roles="owa-front-end published-owa"/>
    <host name="fe2" address="10.9.0.6"/>
  </zone>
  <zone name="inside" networks="10.1.0.0/24 2001:db8:1::/64" inside="planned">
    <host name="dc1" address="10.1.0.9 2001:db8:1::9" roles="global-catalog dns">
      <pin service="ad-rpc" port="6004-6006"/>
    </host>
    <host name="be1" address="10.1.0.21" roles="back-end"/>
  </zone>
  <firewall name="outer"><interface name="eth0" zone="internet"/><interface name="eth1" zone="dmz"/></firewall>
  <firewall name="inner"><interface name="eth0" zone="dmz"/><interface name="eth1" zone="inside" address="10.1.0.1"/></firewall>
  <allow name="ping" from="fe1" to="dc1" icmp="echo-request" icmpv6="echo-request" reason="test"/>
  <allow name="mail" from="fe2" to="be1" tcp="21 25 80 110 143" service="" reason="test"/>
  <allow name="old" from="fe1" to="dc1" tcp="9100" reason="test" expires="2020-01-01"/>
  EXTRA
</topology>
'''.replace(' service=""', '')
IPSEC = '<ipsec between="fe1" and="dc1" nat-traversal="yes" except="dns"/>'
BOTH = '<allow from="dc1" to="fe1" tcp="389 6004-6006" reason="test"/>'


def conv(src, sp, dst, dp):
    return Conversation(src, sp, dst, dp)


def full(src, sp, dst, dp, ask=b'\x01\x02\x03hello', answer=b'\x04\x05\x06 yes'):
    return conv(src, sp, dst, dp).open().say(0, ask).say(1, answer).close()


def dns(query=True, name=b'\3foo\3bar\0'):
    return struct.pack('>HHHHHH', 7, 0x0100 if query else 0x8180, 1,
                       0 if query else 1, 0, 0) + name + b'\0\1\0\1'


def ike(initiator_spi=b'ABCDEFGH', responder_spi=b'\0' * 8, flags=8):
    return initiator_spi + responder_spi + \
        struct.pack('>BBBBII', 33, 0x20, 34, flags, 0, 60) + b'\0' * 32


class Case:
    def __init__(self, name, packets, want, extra='', options=(), link=1,
                 wrap=eth, zone=None, rc=None, frames=None, waivers=None,
                 text=(), taps=None, snap=262144, cut=0, topology=TOPOLOGY,
                 without=None, event=None):
        self.name, self.packets, self.want = name, packets, want
        self.extra, self.options = extra, list(options)
        self.link, self.wrap, self.zone, self.rc = link, wrap, zone, rc
        self.ready, self.waivers = frames, waivers
        self.snap, self.cut = snap, cut  # bytes; of the file's end
        self.topology = topology
        # What the table must not say; what every event's let_through says.
        self.without, self.event = without, event
        # What the table has to say; more captures, by the zone of their tap.
        self.text, self.taps = [text] if isinstance(text, str) else text, taps

    def frames(self):
        if self.ready is not None:
            return self.ready
        return self.wrapped(self.packets)

    def wrapped(self, packets):
        return [(p[0], self.wrap(p[1])) if isinstance(p, tuple) else
                self.wrap(p) for p in packets]


def flow(src, sp, dst, dp, cls='none', how=None):
    return dict(src=src, sport=sp, dst=dst, dport=dp, cls=cls, how=how)


def directions(extra, tag):
    """The ten direction cases: the opener is FE in each of them."""
    data = b'\xd1\xd2\xd3\xd4 data'

    def c(sp, dp):
        return conv(FE, sp, DC, dp).open().say(1, data).say(0, data)

    y = [
        Case('full handshake', c(40000, 389).raw(),
             [flow(FE, 40000, DC, 389, how='syn')]),
        Case('syn lost', c(40001, 389).drop(0).raw(),
             [flow(FE, 40001, DC, 389, how='syn-ack')]),
        Case('starts with server data', c(40002, 389).drop(0, 1, 2).raw(),
             [flow(FE, 40002, DC, 389)]),
        Case('syn lost, pinned rpc', c(40003, 6004).drop(0).raw(),
             [flow(FE, 40003, DC, 6004, how='syn-ack')]),
        Case('server data, pinned rpc', c(40004, 6005).drop(0, 1, 2).raw(),
             [flow(FE, 40004, DC, 6005)]),
        Case('server data, client port 1026',
             c(1026, 6006).drop(0, 1, 2).raw(),
             [flow(FE, 1026, DC, 6006)]),
        Case('only server side', c(40005, 389).only(1).raw(),
             [flow(FE, 40005, DC, 389, how='syn-ack')]),
        Case('only a dns reply',
             [ip(DC, FE, 17, udp(53, 40008, dns(False)))],
             [flow(FE, 40008, DC, 53, how='content')]),
        Case('ike', [ip(FE, DC, 17, udp(500, 500, ike())),
                     ip(DC, FE, 17, udp(500, 500, ike(
                         responder_spi=b'IJKLMNOP', flags=0x20)))],
             [flow(FE, 500, DC, 500, 'unplanned', how='content')]),
        Case('lone datagram', [ip(FE, DC, 17, udp(40100, 389, b'\xee' * 9))],
             [flow(FE, 40100, DC, 389, 'unplanned', how='first-packet')]),
    ]
    for case in y:
        case.name = 'direction' + tag + ': ' + case.name
        case.extra = extra
    return y


def mid_stream_either_way():
    """Both ways planned: no verdict depends on the direction."""
    y = directions(BOTH, ', both ways planned')
    for case in y:
        # Without evidence it may say "undetermined", never the wrong way
        # where the ports cannot tell.
        if case.want[0]['how'] is None:
            case.want[0]['either'] = True
    return y


HTTP_BASIC = b'GET /exchange HTTP/1.1\r\nHost: x\r\n' \
             b'Authorization: Basic dXNlcjpwYXNz\r\n\r\n'
LDAP_BIND = bytes.fromhex('3018020101601302010304046a6f686e8008') + b'secret42'
LDAP_PLAIN = bytes.fromhex('3021020102601c0201030400a315' '0405') + b'PLAIN' + b'\4\x0c\0joe\0secret4'
LDAP_ANON = bytes.fromhex('300c020101600702010304008000')


def secrets():
    def c(sp, dp, *lines):
        k = conv('10.9.0.6', sp, BE, dp).open()
        for who, text in lines:
            k.say(who, text)
        return k.close().raw()

    def want(sp, dp, cls='credentials'):
        return [flow('10.9.0.6', sp, BE, dp, cls)]

    tls = bytes.fromhex('1603010020010000') + b'\0' * 29
    return [
        Case('http basic', c(41000, 80, (0, HTTP_BASIC),
                             (1, b'HTTP/1.1 200 OK\r\n\r\n')),
             want(41000, 80)),
        Case('http without', c(41001, 80, (0, b'GET / HTTP/1.1\r\n'
                                              b'Host: x\r\n\r\n')),
             want(41001, 80, 'none')),
        Case('pop3', c(41002, 110, (1, b'+OK ready\r\n'), (0, b'USER a\r\n'),
                       (1, b'+OK\r\n'), (0, b'PASS b\r\n')),
             want(41002, 110)),
        Case('imap', c(41003, 143, (1, b'* OK ready\r\n'),
                       (0, b'a1 LOGIN joe pass\r\n')), want(41003, 143)),
        Case('ftp', c(41004, 21, (1, b'220 FTP server\r\n'),
                      (0, b'USER a\r\n'), (1, b'331 more\r\n'),
                      (0, b'PASS b\r\n')), want(41004, 21)),
        Case('ftp, anonymous', c(41009, 21, (1, b'220 FTP server\r\n'),
                                 (0, b'USER anonymous\r\n'),
                                 (1, b'331 more\r\n'),
                                 (0, b'PASS me@here\r\n')),
             want(41009, 21, 'none')),
        Case('smtp auth', c(41005, 25, (1, b'220 x ESMTP\r\n'),
                            (0, b'EHLO me\r\n'), (1, b'250 AUTH PLAIN\r\n'),
                            (0, b'AUTH PLAIN AGEAYg==\r\n')),
             want(41005, 25)),
        Case('smtp starttls', c(41006, 25, (1, b'220 x ESMTP\r\n'),
                                (0, b'EHLO me\r\n'), (1, b'250 STARTTLS\r\n'),
                                (0, b'STARTTLS\r\n'), (1, b'220 go\r\n'),
                                (0, tls)), want(41006, 25, 'none')),
        Case('ldap simple bind', full(FE, 41007, DC, 389, LDAP_BIND).raw(),
             [flow(FE, 41007, DC, 389, 'credentials')]),
        Case('ldap sasl bind, plain', full(FE, 41009, DC, 389, LDAP_PLAIN).raw(),
             [flow(FE, 41009, DC, 389, 'credentials')]),
        Case('ldap anonymous bind', full(FE, 41008, DC, 389, LDAP_ANON).raw(),
             [flow(FE, 41008, DC, 389)]),
    ]


def cut_messages():
    """What is in two segments, cut anywhere behind what tells the protocol;
    and what only looks like a secret, or like another protocol."""
    def cuts(name, sp, dp, text, least, dst=BE, before=(), src='10.9.0.6'):
        frames, want = [], []
        for k in range(least, len(text)):
            c = conv(src, sp + k, dst, dp).open()
            for who, what in before:
                c.say(who, what)
            who = 1 if dp == 135 else 0
            frames += c.say(who, text[:k]).say(who, text[k:]).close().raw()
            want += [flow(src, sp + k, dst, 1025 if dp == 135 else dp,
                          'rpc-port' if dp == 135 else 'credentials')]
            want += [flow(src, sp + k, dst, dp)] * (dp == 135)
        return Case('cut: ' + name, frames, want, rc=1)

    pipelined = [(1, b'220 x ESMTP\r\n'), (0, b'EHLO me\r\n'),
                 (1, b'250 PIPELINING\r\n'),
                 (0, b'MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n'),
                 (1, b'354 go on\r\n'), (0, b'AUTH PLAIN AGEAYg==\r\n.\r\n')]
    pop = [(1, b'+OK ready\r\n'), (0, b'AUTH PLAIN AGEAYg==\r\n')]
    long_head = (b'GET / HTTP/1.1\r\nCookie: ' + b'c' * 1430,) + \
        (b'c' * 1460,) * 3 + (b'\r\nAuthorization: Basic AA==\r\n\r\n',)

    def c(sp, dp, lines):
        k = conv('10.9.0.6', sp, BE, dp).open()
        for who, what in lines:
            k.say(who, what)
        return k.close().raw()
    return [
        cuts('http basic', 20000, 80, HTTP_BASIC, 14),
        cuts('ldap bind', 21000, 389, LDAP_BIND, 7, DC, src=FE),
        cuts('ldap sasl bind', 21500, 389, LDAP_PLAIN, 7, DC, src=FE),
        cuts('endpoint mapper', 22000, 135, epm(1025), 16, DC, [(0, RPC_BIND)],
             FE),
        Case('cut: a long head', c(41010, 80, [(0, t) for t in long_head]),
             [flow('10.9.0.6', 41010, BE, 80, 'credentials')], rc=1),
        Case('mail that names a command', c(41011, 25, pipelined),
             [flow('10.9.0.6', 41011, BE, 25)], rc=0),
        Case('pop3 with an initial response', c(41012, 110, pop),
             [flow('10.9.0.6', 41012, BE, 110, 'credentials')], rc=1,
             text='pop3', without='wrong-protocol'),
    ]


SAMR = '12345778-1234-abcd-ef00-0123456789ac'
LSARPC = '12345778-1234-abcd-ef00-0123456789ab'
NSPI = 'f5cc5a18-4264-101a-8c59-08002b2f8426'


def epm(port, interface='00000000-0000-0000-0000-000000000000'):
    """ept_map's answer with one tower that leads to a TCP port"""
    def floor(u):
        return b'\x13\0\x0d' + uuid.UUID(u).bytes_le + b'\1\0\2\0\0\0'
    floors = floor(interface) + \
        floor('8a885d04-1ceb-11c9-9fe8-08002b104860') + b'\1\0\x0b\2\0\0\0' + b'\1\0\x07\2\0' + \
        struct.pack('>H', port) + b'\1\0\x09\4\0' + bytes(4)
    tower = struct.pack('<H', 5) + floors
    stub = bytes(20) + struct.pack('<IIIIIII', 1, 1, 0, 1, 3, len(tower),
                                   len(tower)) + tower + bytes(4)
    return struct.pack('<BBBBIHHIIHBB', 5, 0, 2, 3, 0x10, 24 + len(stub), 0, 2,
                       len(stub), 0, 0, 0) + stub


RPC_BIND = struct.pack('<BBBBIHHI', 5, 0, 11, 3, 0x10, 16, 0, 1)


def violations():
    refused = conv(FE, 42002, DC, 445).send(0, SYN)
    refused.packets.append((1, ip(DC, FE, 6, tcp(445, 42002, RST | ACK, 0,
                                                 1001))))
    quoted = ip(FE, DC, 6, tcp(42003, 445, SYN, 1000))[:28]
    return [
        Case('unplanned, answered', full(FE, 42000, DC, 445).raw(),
             [flow(FE, 42000, DC, 445, 'unplanned', 'syn')], rc=1),
        Case('unplanned, attempted', conv(FE, 42001, DC, 445).send(
            0, SYN).again(0).again(0).raw(),
            [flow(FE, 42001, DC, 445, 'unplanned', 'syn')], rc=1),
        Case('unplanned, refused', refused.raw(),
             [flow(FE, 42002, DC, 445, 'unplanned', 'syn')], rc=1),
        Case('only the refusal', refused.raw()[1:],
             [flow(FE, 42002, DC, 445, 'unplanned', 'refusal')], rc=1),
        Case('only the icmp error',
             [ip('10.1.0.1', FE, 1, struct.pack('>BBHI', 3, 13, 0, 0) +
                 quoted)],
             [flow(FE, 42003, DC, 445, 'unplanned')], rc=1),
        Case('icmp error of a planned flow',
             [ip('10.1.0.1', FE, 1, struct.pack('>BBHI', 3, 4, 0, 1400) +
                 ip(FE, DC, 6, tcp(42004, 389, ACK))[:28])],
             [flow(FE, 42004, DC, 389)]),
        Case('reverse of the plan', full(DC, 42005, FE, 389).raw(),
             [flow(DC, 42005, FE, 389, 'unplanned', 'syn')], rc=1),
        Case('source port 53 hides nothing', full(DC, 53, FE, 9999).raw(),
             [flow(DC, 53, FE, 9999, 'unplanned', 'syn')], rc=1),
        Case('undeclared host', full('10.1.0.77', 42006, FE, 80).raw(),
             [flow('10.1.0.77', 42006, FE, 80, 'unknown-host')], rc=1),
        Case('address in no zone', full('172.16.5.5', 42007, DC, 389).raw(),
             [flow('172.16.5.5', 42007, DC, 389, 'unknown-address')], rc=1),
        Case('from outside', full(OUT, 42008, DC, 389).raw(),
             [flow(OUT, 42008, DC, 389, 'outside-in')], rc=1),
        Case('exception that ended', full(FE, 42009, DC, 9100).raw(),
             [flow(FE, 42009, DC, 9100, 'expired')], rc=1),
        Case('ssh on the ldap port',
             full(FE, 42010, DC, 389, b'SSH-2.0-x\r\n',
                  b'SSH-2.0-y\r\n').raw(),
             [flow(FE, 42010, DC, 389, 'wrong-protocol')], rc=1),
        Case('mapper hands out the pin',
             full(FE, 42011, DC, 135, RPC_BIND, epm(6004)).raw(),
             [flow(FE, 42011, DC, 135)]),
        Case('mapper hands out another port',
             full(FE, 42012, DC, 135, RPC_BIND, epm(1025)).raw(),
             [flow(FE, 42012, DC, 1025, 'rpc-port'),
              flow(FE, 42012, DC, 135)], rc=1),
        Case('mapper hands out ports, with names',
             full(FE, 42020, DC, 135, RPC_BIND, epm(1026, SAMR)).raw() +
             full(FE, 42021, DC, 135, RPC_BIND, epm(1026, LSARPC)).raw() +
             full(FE, 42022, DC, 135, RPC_BIND, epm(1027, NSPI)).raw() +
             full(FE, 42023, DC, 135, RPC_BIND, epm(6005, SAMR)).raw(),
             [flow(FE, 42020, DC, 1026, 'rpc-port'),
              flow(FE, 42021, DC, 1026, 'rpc-port'),
              flow(FE, 42022, DC, 1027, 'rpc-port')] +
             [flow(FE, 42020 + i, DC, 135) for i in range(4)], rc=1,
             text=['handed out 1026 for samr (MS-SAMR), lsarpc (MS-LSAD)',
                   'handed out 1027 for nspi (MS-NSPI)']),
        Case('mapper hands out a port for who knows what',
             full(FE, 42024, DC, 135, RPC_BIND, epm(1028)).raw(),
             [flow(FE, 42024, DC, 1028, 'rpc-port'),
              flow(FE, 42024, DC, 135)], rc=1,
             text='handed out 1028 for interfaces not known here'),
        Case('spoofed', [ip('203.0.113.9', OUT, 17, udp(42013, 9, b'x'))],
             [flow('203.0.113.9', 42013, OUT, 9, 'spoofed-source')],
             zone='inside', rc=1),
        Case('not spoofed', full(FE, 42014, DC, 389).raw(),
             [flow(FE, 42014, DC, 389)], zone='inside'),
        Case('clear text instead of ipsec', full(FE, 42015, DC, 389).raw(),
             [flow(FE, 42015, DC, 389, 'clear-text')], IPSEC, rc=1),
        Case('ipsec', [ip(FE, DC, 17, udp(500, 500, ike())),
                       ip(FE, DC, 50, b'\0\0\0\1' * 5),
                       ip(DC, FE, 50, b'\0\0\0\2' * 5),
                       ip(FE, DC, 17, udp(4500, 4500, b'\0' * 4 + ike())),
                       ip(DC, FE, 17, udp(4500, 4500, b'\0\0\0\1' * 9))],
             [flow(FE, 500, DC, 500), flow(FE, 0, DC, 0),
              flow(FE, 4500, DC, 4500)], IPSEC, rc=0),
        Case('ah hides nothing and shows nothing',
             [ip(FE, DC, 51, bytes.fromhex('06040000000000010000000100000000'
                                           '0000000000000000') +
                 tcp(1, 445, SYN))],
             [flow(FE, 0, DC, 0, 'unplanned')], IPSEC, rc=1),
        Case('inside is judged', full(DC, 42016, BE, 445).raw(),
             [flow(DC, 42016, BE, 445, 'unplanned')], rc=1),
    ]


TLS = bytes.fromhex('1603010020010000') + b'\0' * 29
SPOKEN = {  # protocol: first bytes of who asks, of who answers
    'tls': (TLS, bytes.fromhex('160303002002') + b'\0' * 32),
    'http': (b'GET / HTTP/1.1\r\nHost: x\r\n\r\n', b'HTTP/1.1 200 OK\r\n'),
    'smtp': (b'EHLO me.example\r\n', b'250-mail.example\r\n'),
    'pop3': (b'CAPA\r\n', b'+OK\r\n'),
    'imap': (b'a1 CAPABILITY\r\n', b'* CAPABILITY IMAP4\r\n'),
    'ldap': (LDAP_ANON, b'\x30\x0c\2\1\1\x61\7\x0a\1\0\4\0\4\0'),
    'kerberos': (struct.pack('>I', 40) + b'\x6a\x26\x30\x24' + bytes(36),
                 struct.pack('>I', 40) + b'\x6b\x26\x30\x24' + bytes(36)),
    'dns': (struct.pack('>H', 25) + dns(), struct.pack('>H', 25) + dns(False)),
    'dce-rpc': (struct.pack('<BBBBIHHI', 5, 0, 11, 3, 0x10, 16, 0, 1),
                struct.pack('<BBBBIHHI', 5, 0, 12, 3, 0x10, 16, 0, 1)),
    'smb': (b'\0\0\0\x44\xfeSMB' + bytes(64),
            b'\0\0\0\x44\xfeSMB' + bytes(12) + b'\1' + bytes(51)),
    'ssh': (b'SSH-2.0-x\r\n', b'SSH-2.0-y\r\n'),
}
# The ports of the plan that have a service, and what it speaks.
PLANNED = [(FE, DC, 53, 'dns'), (FE, DC, 88, 'kerberos'),
           (FE, DC, 135, 'dce-rpc'), (FE, DC, 389, 'ldap'),
           (FE, DC, 3268, 'ldap'), (FE, DC, 6005, 'dce-rpc'),
           (FE, BE, 80, 'http'), (OUT, FE, 443, 'tls')]


def protocols():
    """Every protocol on every planned port: right on its own, else not."""
    y = []
    for i, (src, dst, port, own) in enumerate(PLANNED):
        packets, want, text = [], [], []
        for k, (name, (ask, answer)) in enumerate(sorted(SPOKEN.items())):
            sport = 46000 + 20 * i + k
            packets += full(src, sport, dst, port, ask, answer).raw()
            right = name == own
            want.append(flow(src, sport, dst, port,
                             'none' if right else 'wrong-protocol', 'syn'))
            if not right:
                text.append('speaks %s, not %s' % (name, own))
        y.append(Case('every protocol on %s/%d' % (own, port), packets, want,
                      rc=1, text=text))
    y.append(Case('IKE on the port of DNS',
                  [ip(FE, DC, 17, udp(46900, 53, ike()))],
                  [flow(FE, 46900, DC, 53, 'wrong-protocol', 'content')],
                  rc=1, text='speaks ike, not dns'))
    return y


def taps():
    """The same conversation before and behind a firewall."""
    def hop(packets):
        return [p[:8] + bytes([p[8] - 1]) + p[9:] for p in packets]

    allowed = full(FE, 47000, DC, 389, *SPOKEN['ldap']).raw()
    odd = full(FE, 47001, DC, 445).raw()
    stopped = conv(FE, 47002, DC, 3389).send(0, SYN).again(0).raw()
    mapper = full(FE, 47003, DC, 135, RPC_BIND, epm(1026, SAMR)).raw()
    before = allowed + odd + stopped + mapper
    basic = full(FE, 47004, BE, 80, HTTP_BASIC, b'HTTP/1.1 200 OK\r\n\r\n')
    n = len(basic.raw())
    back = full(FE, 47004, BE, 80, HTTP_BASIC,
                b'HTTP/1.1 200 OK\r\n\r\n').only(1).raw()
    return [
        Case('two taps', before,
             [dict(flow(FE, 47000, DC, 389), packets=len(allowed)),
              dict(flow(FE, 47001, DC, 445, 'unplanned'), packets=len(odd)),
              dict(flow(FE, 47002, DC, 3389, 'unplanned'), packets=2),
              dict(flow(FE, 47003, DC, 135), packets=len(mapper)),
              flow(FE, 47003, DC, 1026, 'rpc-port')],
             zone='dmz', taps={'inside': hop(allowed + odd + mapper)}, rc=1,
             text=['tcp/445  1 flow, 1 answered, 1 seen on both sides',
                   'tcp/3389  1 flow, 1 attempted\n',
                   'tcp/1026  1 flow, 1 answered']),
        Case('two taps, clean', allowed,
             [dict(flow(FE, 47000, DC, 389), packets=len(allowed))],
             zone='dmz', taps={'inside': hop(allowed)}, rc=0),
        Case('one tap, two files', allowed[:5],
             [dict(flow(FE, 47000, DC, 389), packets=len(allowed))],
             zone='dmz', taps={'dmz': [(9, allowed[5])] + allowed[6:]}, rc=0),
        Case('two taps, another way back', basic.only(0).raw(),
             [dict(flow(FE, 47004, BE, 80, 'credentials'), packets=n)],
             zone='dmz', taps={'inside': hop(back)}, rc=1),
        Case('two taps, one of them lost all but the first',
             allowed[:1], [flow(FE, 47000, DC, 389)],
             zone='dmz', taps={'inside': hop(allowed)}, rc=3,
             text='bytes acknowledged but never seen'),
    ]


def waivers():
    def w(rest, until='2100-01-01'):
        return ('<waive kind="unplanned" %s reason="r" owner="o" '
                'expires="%s"/>' % (rest, until))

    def case(name, text, rc):
        return Case('waiver: ' + name, full(FE, 45000, DC, 445).raw(),
                    [flow(FE, 45000, DC, 445, 'unplanned')], rc=rc,
                    waivers=text)

    return [
        case('by names', w('from="fe1" to="dc1" tcp="445"'), 0),
        case('by role and zone', w('from="role:front-end" to="inside"'), 0),
        case('by prefix', w('from="10.9.0.0/24"'), 0),
        case('of another port', w('from="fe1" tcp="446"'), 1),
        case('of another source', w('from="fe2"'), 1),
        case('that ended', w('from="fe1"', '2020-01-01'), 1),
    ]


def conversations():
    plain = full(FE, 43000, DC, 389, b'\x30\x0c\2\1\1\x60\7\2\1\3\4\0\xa3\0',
                 b'\x30\x0c\2\1\1\x61\7\x0a\1\0\4\0\4\0').raw()
    want = [flow(FE, 43000, DC, 389, how='syn')]
    y = [
        Case('retransmission', full(FE, 43000, DC, 389).again(3).again(3)
             .raw(), want, rc=0),
        Case('reordered', full(FE, 43000, DC, 389).swap(0, 1).swap(4, 5)
             .raw(), want, rc=0),
        Case('data lost', full(FE, 43000, DC, 389, b'x' * 900).drop(3).raw(),
             want, rc=3),
        Case('one direction', full(FE, 43000, DC, 389).only(0).raw(),
             want, rc=3),
        Case('port used again', full(FE, 43000, DC, 389).raw() +
             full(FE, 43000, DC, 389).raw(), want * 2, rc=0),
        Case('ping', [ip(FE, DC, 1, icmp(8)), ip(DC, FE, 1, icmp(0))],
             [flow(FE, 0, DC, 0, how='icmp')], rc=0),
        Case('pings of one id both ways',
             [ip(FE, DC, 1, icmp(8)), ip(DC, FE, 1, icmp(8)),
              ip(FE, DC, 1, icmp(0)), ip(DC, FE, 1, icmp(0))],
             [flow(FE, 0, DC, 0, how='icmp'),
              flow(DC, 0, FE, 0, 'unplanned', how='icmp')], rc=1),
        Case('only the ping\'s answer', [ip(DC, FE, 1, icmp(0))],
             [flow(FE, 0, DC, 0, how='icmp')], rc=0),
        Case('ping, ipv6', [ip('2001:db8:9::5', '2001:db8:1::9', 58,
                               icmp(128))],
             [flow('2001:db8:9::5', 0, '2001:db8:1::9', 0)], rc=0),
        Case('ipv6', full('2001:db8:9::5', 43001, '2001:db8:1::9', 389).raw(),
             [flow('2001:db8:9::5', 43001, '2001:db8:1::9', 389)], rc=0),
        Case('both sides of a firewall',
             [q for p in plain for q in
              (p, p[:8] + bytes([p[8] - 1]) + p[9:])], want, rc=0),
        Case('fragments', [ip(FE, DC, 17, udp(43002, 53, dns())),
                           ip(DC, FE, 17, udp(53, 43002, dns(False) +
                                              b'\0' * 1407)[:1440], 64, 9,
                              0x2000),
                           ip(DC, FE, 17, b'\0' * 600, 64, 9, 180)],
             [flow(FE, 43002, DC, 53, how='content')], rc=0),
        Case('fragments, the first of them tiny',
             [ip(FE, DC, 6, tcp(43003, 445, SYN, 1)[:8], 64, 9, 0x2000),
              ip(FE, DC, 6, tcp(43003, 445, SYN, 1)[8:], 64, 9, 1)],
             [flow(FE, 43003, DC, 445, 'unplanned')], rc=1,
             without='fragments without'),
        Case('fragments, ipv6 with options in the first',
             [ip('2001:db8:9::5', '2001:db8:1::9', 44,
                 bytes([60, 0, 0, 1, 0, 0, 0, 5]) +
                 bytes([17, 0, 1, 4, 0, 0, 0, 0]) + udp(43004, 53, dns())),
              ip('2001:db8:9::5', '2001:db8:1::9', 44,
                 bytes([60, 0, 0, 0x20, 0, 0, 0, 5]) + b'x' * 8)],
             [flow('2001:db8:9::5', 43004, '2001:db8:1::9', 53)], rc=0),
        Case('a later fragment alone', [ip(DC, FE, 17, b'\0' * 600, 64, 9,
                                           180)], [], rc=3),
        Case('nothing at all', [], [], rc=3),
    ]
    for name, (link, wrap) in ENCAPSULATIONS.items():
        y.append(Case('in ' + name, plain, want, link=link, wrap=wrap, rc=0))
    for name, (link, wrap) in MIRRORS.items():
        y.append(Case('mirror in ' + name, plain, want, link=link, wrap=wrap,
                      options=['--mirror'], rc=0))
    y.append(Case('mirror that is fragmented', [], [
        flow(FE, 43001, DC, 445, 'unplanned')], options=['--mirror'], rc=1,
        frames=fragmented_mirror(ip(FE, DC, 6, tcp(
            43001, 445, PSH | ACK, 1, 1, b'x' * 1460)))))
    y.append(Case('mirror without one', plain, [], options=['--mirror'], rc=3,
                  text='nothing was seen inside a tunnel'))
    y.append(Case('not one ip packet', [], [], rc=3, frames=[
        MACS + bytes.fromhex('0806') + bytes(46)] * 3,
        text='not one IP packet was seen, of 3 frames'))
    return y


def fragmented_mirror(packet):
    """In VXLAN, over a way that is narrower than what is mirrored."""
    u = udp(50000, 4789, bytes.fromhex('0800000000000100') + eth(packet))
    return [eth(ip('172.31.0.1', '172.31.0.2', 17, u[:1480], 64, 7, 0x2000)),
            eth(ip('172.31.0.1', '172.31.0.2', 17, u[1480:], 64, 7, 185))]


def incomplete():
    """Nothing wrong was seen, but not enough to say so: exit code 3."""
    want = [flow(FE, 43100, DC, 389)]
    plain = full(FE, 43100, DC, 389, *SPOKEN['ldap']).raw()
    many = [p for i in range(3000)
            for p in conv(FE, 10000 + i, DC, 389).open().say(
                0, SPOKEN['ldap'][0]).raw()]
    lost = conv(FE, 43101, DC, 389).open()
    for _ in range(20):
        lost.say(0, b'\x99' * 1400)
    return [
        Case('incomplete: nothing', plain, want, rc=0, text='result: clean'),
        Case('incomplete: mirror loss', lost.drop(7, 21).raw(),
             [flow(FE, 43101, DC, 389)], rc=3,
             text=['bytes acknowledged but never seen', 'incomplete']),
        Case('incomplete: reordered is not lost',
             full(FE, 43100, DC, 389, *SPOKEN['ldap']).swap(3, 4).raw(), want,
             rc=0),
        Case('incomplete: one way',
             [p for i in range(20) for p in
              full(FE, 43200 + i, DC, 389, *SPOKEN['ldap']).only(i % 2).raw()],
             [flow(FE, 43200 + i, DC, 389) for i in range(20)], rc=3,
             text='TCP flows of which one side was seen'),
        Case('incomplete: truncated packets', plain, [], snap=40, rc=3,
             text='frames captured too short'),
        Case('incomplete: headers are enough', plain, want, snap=54, rc=0,
             text='passwords and protocols: not looked for in 2 of 2 first '
             'payloads, which were captured short'),
        Case('incomplete: of a long payload the beginning is enough',
             full(FE, 43104, DC, 389, SPOKEN['ldap'][0] + b'\0' * 900,
                  SPOKEN['ldap'][1]).raw(), [flow(FE, 43104, DC, 389)],
             snap=200, rc=0, without='captured short'),
        Case('incomplete: evicted flows', many, dict(lines=0, text=[
            'flows given up for want of room', 'incomplete']),
             options=['--max-flows', '1024'], rc=3),
        Case('incomplete: damaged tail', plain + full(FE, 43102, DC,
                                                      389).raw(),
             want + [flow(FE, 43102, DC, 389)], cut=9, rc=3,
             text='ends within a packet'),
        Case('incomplete: a finding counts for more',
             full(FE, 43103, DC, 445).raw() + plain, [
                 flow(FE, 43103, DC, 445, 'unplanned')] + want, cut=9, rc=1,
             text='ends within a packet'),
        Case('incomplete: fragments without their first',
             [ip(DC, FE, 17, b'\0' * 600, 64, 9, 180)] + plain, want, rc=3,
             text='fragments without their first'),
        Case('incomplete: unknown encapsulation',
             [], want, rc=3, text='unknown encapsulation', frames=[
                 eth(p) for p in plain] + [
                     MACS + bytes.fromhex('88641100000100100041') + bytes(60)]),
    ]


def literal_ports():
    """Exceptions that name ports, not services: a registered port that stands
    alone has its protocol in mind, a range and a name of one's own have not."""
    ssh, http, tls = SPOKEN['ssh'], SPOKEN['http'], SPOKEN['tls']
    odd = '<service name="odd" tcp="443"/>'
    spoken = [(443, ssh, 'wrong-protocol'), (443, tls, 'none'),
              (80, ssh, 'wrong-protocol'), (80, http, 'none'),
              (8443, ssh, 'none'), (25, tls, 'wrong-protocol')]
    packets, want = [], []
    for i, (port, (ask, answer), cls) in enumerate(spoken):
        packets += full(DC, 45000 + i, BE, port, ask, answer).raw()
        want.append(flow(DC, 45000 + i, BE, port, cls, 'syn'))
    named = full(DC, 45100, BE, 443, *ssh).raw()
    return [
        Case('literal ports', packets, want, '<allow from="dc1" to="be1" '
             'tcp="25 80 443 8443" reason="test"/>', rc=1,
             text=['speaks ssh, not tls', 'speaks tls, not smtp']),
        Case('literal ports in a range', packets,
             [dict(w, cls='none') for w in want],
             '<allow from="dc1" to="be1" tcp="1-9000" reason="test"/>', rc=0),
        Case('a registered port under a name of one\'s own', named,
             [flow(DC, 45100, BE, 443)], odd + '<allow from="dc1" to="be1" '
             'service="odd" reason="test"/>', rc=0),
    ]


def sctp_ports():
    def init(sport, dport):
        return [ip(FE, DC, 132, struct.pack('>HHII', sport, dport, 0, 0) +
                   b'\1\0\0\4'),
                ip(DC, FE, 132, struct.pack('>HHII', dport, sport, 1, 0) +
                   b'\2\0\0\4')]
    one, two = (flow(FE, sp, DC, dp, 'unplanned', 'syn')
                for sp, dp in ((45200, 3868), (45201, 2905)))
    return [
        Case('sctp', init(45200, 3868) + init(45202, 3868),
             [one, dict(one, sport=45202)], rc=1, text=':45200 > 10.1.0.9:3868'),
        Case('sctp, the service', init(45200, 3868), [one], rc=1, text=' sctp/3868 '),
        Case('sctp on two ports', init(45200, 3868) + init(45201, 2905),
             [one, two], rc=1, text=' sctp (several ports) '),
    ]


def link_sources():
    """With --housekeeping: who has no address yet, or one of the link only,
    is where it may be."""
    ns = bytes([135]) + bytes(23)

    def one(name, packet, src, dst, sport=0, dport=0, cls='unplanned',
            group=True, zone='dmz'):
        return Case('link source: ' + name, [],
                    [flow(src, sport, dst, dport, cls)],
                    frames=[eth(packet, group)], zone=zone,
                    options=['--housekeeping'], rc=1,
                    text='%s in no zone' % src if cls == 'unplanned' else ())
    every = '255.255.255.255'
    return [
        one('dhcp discover', ip('0.0.0.0', every, 17, udp(68, 67)), '0.0.0.0',
            every, 68, 67),
        one('duplicate address detection',
            ip('::', 'ff02::1:ff00:5', 58, ns, 255), '::', 'ff02::1:ff00:5'),
        one('link-local', ip('fe80::1', 'ff02::2', 58,
                             bytes([133]) + bytes(7), 255),
            'fe80::1', 'ff02::2'),
        one('nobody talks to a server', ip('0.0.0.0', DC, 6,
                                           tcp(45300, 389, SYN)),
            '0.0.0.0', DC, 45300, 389, 'spoofed-source', False),
        one('another\'s address', ip(OUT, every, 17, udp(68, 67)), OUT,
            every, 68, 67, 'spoofed-source', zone='inside'),
    ]


def martians():
    """What no link has to itself, though an address looks like it."""
    def one(src, dst, cls, proto=6):
        kind = {6: tcp(45400, 80, SYN), 17: udp(45400, 80)}[proto]
        return Case('martian: %s to %s' % (src, dst), [],
                    [flow(src, 45400, dst, 80, cls)], zone='dmz', rc=1,
                    frames=[eth(ip(src, dst, proto, kind))])
    return [
        one('127.0.0.1', DC, 'spoofed-source'),
        Case('planned, from elsewhere', full(FE, 45402, DC, 389).raw(),
             [flow(FE, 45402, DC, 389, 'spoofed-source')], rc=1,
             zone='internet', text='planned from where it belongs: exchange-2003',
             without='planned there'),
        one('224.0.0.5', DC, 'spoofed-source', 17),
        one('224.0.0.5', '224.0.0.251', 'spoofed-source', 17),
        one('127.0.0.1', '224.0.0.251', 'spoofed-source', 17),
        one('169.254.1.1', DC, 'spoofed-source'),
        one('fe80::5', '2001:db8:1::9', 'spoofed-source'),
        one(FE, '127.0.0.1', 'unknown-address'),
        one(FE, '255.255.255.255', 'unknown-address'),
        # A cluster of load balancers has a group's address on the link.
        Case('to one, by a group of the link', [],
             [flow(FE, 45401, DC, 9999, 'unplanned')], rc=1, zone='dmz',
             frames=[bytes.fromhex('03bf0a090010020000000002') + b'\x08\0' +
                     ip(FE, DC, 17, udp(45401, 9999))]),
    ]


def housekeeping():
    arp = MACS + b'\x08\x06' + bytes(28)
    lldp = bytes.fromhex('0180c200000e02000000000288cc') + bytes(30)
    return [
        Case('housekeeping', [], [], rc=0, frames=[
            arp, lldp,
            eth(ip('0.0.0.0', '255.255.255.255', 17, udp(68, 67)), True),
            eth(ip(FE, '10.9.0.1', 17, udp(68, 67))),
            eth(ip(FE, '224.0.0.251', 17, udp(5353, 5353)), True),
            eth(ip(FE, '239.255.255.250', 17, udp(50000, 1900)), True),
            eth(ip(FE, '10.9.0.255', 17, udp(137, 137)), True),
            eth(ip(FE, '224.0.0.22', 2, bytes(8)), True),
            eth(ip('fe80::1', 'ff02::1', 58, bytes([134]) + bytes(15), 255)),
            eth(ip('2001:db8:9::5', '2001:db8:9::1', 58,
                   bytes([135]) + bytes(23), 255)),
            eth(ip('10.1.0.1', FE, 17, udp(67, 67))),
        ]),
        Case('routed, so no housekeeping',
             [ip(OUT, BE, 17, udp(68, 67)), ip(FE, DC, 17, udp(67, 67))],
             [flow(OUT, 68, BE, 67, 'outside-in'),
              flow(FE, 67, DC, 67, 'unplanned')], rc=1),
        # Which learn cannot plan: an option keeps it out of there.
        Case('routed, so no housekeeping, neighbour discovery',
             [ip('2001:db8:9::5', '2001:db8:1::9', 58,
                 bytes([135]) + bytes(23), 254)],
             [flow('2001:db8:9::5', 0, '2001:db8:1::9', 0, 'unplanned')],
             options=['--inside'], rc=1),
    ]


def scans():
    ports = [ip(FE, DC, 6, tcp(44000, p, SYN)) for p in range(7000, 8000)]
    mixed = [packet for p in range(7000, 7100, 2) for packet in
             (ip(FE, DC, 6, tcp(44000, p, SYN)), ip(FE, DC, 17, udp(44000, p + 1)))]
    flood = [ip('10.9.%d.%d' % (1 + i // 250, 1 + i % 250), DC, 6,
                tcp(44001, 445, SYN)) for i in range(3000)]
    return [
        Case('port scan', ports, dict(lines=1, text='tcp (1000 ports)'),
             rc=1),
        Case('port scan of two protocols', mixed,
             dict(lines=1, text='tcp udp (100 ports)'), rc=1),
        Case('made-up sources', flood, dict(lines=1, text='addresses'),
             rc=1),
    ]


def all_cases():
    return directions('', '') + mid_stream_either_way() + secrets() + cut_messages() + \
        violations() + protocols() + taps() + waivers() + conversations() + incomplete() + housekeeping() + \
        scans() + martians() + literal_ports() + sctp_ports() + link_sources()
