"""What is planned, seen under all circumstances, and what is let through."""
from cases import (BE, DC, FE, OUT, TOPOLOGY, Case, conv, dns, flow, full)
from packets import SYN, icmp, ip, udp

FE2 = '10.9.0.6'
# Every TCP port that TOPOLOGY plans, by hand: who may ask whom.
TCP = [(FE, DC, p) for p in (53, 88, 135, 389, 3268, 6004, 6005, 6006)] + \
    [(BE, DC, p) for p in (53, 88, 135, 389, 3268, 6004, 6005, 6006)] + \
    [(FE, BE, p) for p in (80, 691)] + [(OUT, FE, 443)] + \
    [(FE2, BE, p) for p in (21, 25, 80, 110, 143)]
UDP = [(src, DC, p) for src in (FE, BE) for p in (53, 88)]
# Means nothing to any protocol, so that nothing but the packets tells.
ASK, ANSWER = b'\xd1\xd2\xd3\xd4 ask' * 20, b'\xe1\xe2\xe3\xe4 answer' * 30

def twice(c, *which):
    """These packets of a conversation once more, each behind itself."""
    c.packets = [p for i, k in enumerate(c.packets)
                 for p in ([k, k] if i in which else [k])]
    return c


# Packets of full(): 0-2 handshake, 3-4 question, 5-6 answer, 7-9 end.
DISTURBED = {
    'nothing': lambda c: c,
    'retransmitted': lambda c: twice(c, 0, 3, 5),
    'everything twice': lambda c: twice(c, *range(10)),
    'reordered': lambda c: c.swap(0, 1).swap(3, 5).swap(7, 8),
    'question lost': lambda c: c.drop(3),
    'answer lost': lambda c: c.drop(5),
    'SYN lost': lambda c: c.drop(0),
    'SYN-ACK lost': lambda c: c.drop(1),
    'handshake lost': lambda c: c.drop(0, 1, 2),
    'from the answer on': lambda c: c.drop(0, 1, 2, 3, 4),
    'its end alone': lambda c: c.drop(0, 1, 2, 3, 4, 5, 6),
    'the last packet alone': lambda c: c.drop(*range(9)),
    'asking side alone': lambda c: c.only(0),
    'answering side alone': lambda c: c.only(1),
    'answering side, from the middle': lambda c: c.drop(0, 1, 2).only(1),
}
COMPLETE = ('nothing', 'retransmitted', 'everything twice')


def disturbed():
    """Every planned flow: never a finding, never turned round."""
    y = []
    for name, spoil in DISTURBED.items():
        packets, want = [], []
        for i, (src, dst, port) in enumerate(TCP):
            # High ports on both sides in turn: they must not decide.
            sport = 50000 + i if i % 2 else 1030 + i
            packets += spoil(full(src, sport, dst, port, ASK, ANSWER)).raw()
            want.append(flow(src, sport, dst, port))
        y.append(Case('planned, disturbed: ' + name, packets, want,
                      rc=0 if name in COMPLETE else None))
    return y


def datagrams():
    y = []
    for name, order in {'asked': (0,), 'answered': (0, 1), 'asked twice':
                        (0, 0, 1), 'the answer alone': (1,),
                        'the answer first': (1, 0)}.items():
        packets, want = [], []
        for i, (src, dst, port) in enumerate(UDP):
            sport = 51000 + i
            both = [ip(src, dst, 17, udp(sport, port, dns())),
                    ip(dst, src, 17, udp(port, sport, dns(False)))]
            packets += [both[k] for k in order]
            # DNS on the port of Kerberos is another matter.
            cls = 'none' if port == 53 else 'wrong-protocol'
            want.append(flow(src, sport, dst, port, cls))
        y.append(Case('planned, datagrams: ' + name, packets, want, rc=1))
    return y


# ---- translation -------------------------------------------------------------

PROXY, MAIL, PORTAL = '10.1.0.20', '10.1.0.25', '10.1.0.30'
PUBLIC, SHARED, OUTER = '203.0.113.20', '203.0.113.1', '203.0.113.2'
INNER_DC = '10.2.0.10'
TRANSLATED = '''<topology xmlns="urn:portplan:1" name="n" template="exchange-2003">
  <zone name="internet" networks="0.0.0.0/0" roles="internet-client internet-mta"/>
  <zone name="dmz" kind="dmz" networks="10.1.0.0/24">
    <host name="proxy" address="10.1.0.20" roles="reverse-proxy" public="203.0.113.20"/>
    <host name="mail" address="10.1.0.25" roles="mail-hygiene"/>
    <host name="portal" address="10.1.0.30"/>
  </zone>
  <zone name="inside" networks="10.2.0.0/16" public="interface">
    <host name="fe" address="10.2.0.15" roles="owa-front-end"/>
    <host name="be" address="10.2.0.21" roles="back-end inbound-smtp outbound-smtp"/>
    <host name="dc" address="10.2.0.10" roles="global-catalog dns"/>
  </zone>
  <firewall name="outer"><interface name="eth0" zone="internet" address="203.0.113.2"/><interface name="eth1" zone="dmz" address="10.1.0.1"/></firewall>
  <firewall name="inner"><interface name="eth0" zone="dmz" address="10.1.0.2"/><interface name="eth1" zone="inside" address="10.2.0.1"/></firewall>
  <publish name="p-mail" address="203.0.113.1" tcp="25" to="mail"/>
  <publish name="p-portal" address="203.0.113.1" tcp="8443" to="portal" port="443"/>
  <allow name="portal-users" from="internet" to="portal" tcp="443" reason="r"/>
  <allow name="names" from="dc" to="internet" tcp="53" udp="53" reason="r"/>
</topology>
'''
# (before, behind): the same connection on both sides of the outer firewall.
FORWARDED = [
    ((OUT, 52000, PUBLIC, 443), (OUT, 52000, PROXY, 443)),
    ((OUT, 52001, SHARED, 25), (OUT, 52001, MAIL, 25)),
    ((OUT, 52002, SHARED, 8443), (OUT, 52002, PORTAL, 443)),
    ((OUTER, 52003, OUT, 53), (INNER_DC, 52003, OUT, 53)),
]


def both(which, of=None):
    packets = [p for c in FORWARDED for p in
               (of or (lambda k: k))(full(*c[which], ASK, ANSWER)).raw()]
    return packets, [flow(*c[which]) for c in FORWARDED]


def translation():
    """Each side of a translation is planned, each at its place."""
    before, want_before = both(0)
    behind, want_behind = both(1)

    def case(name, *args, **more):
        return Case('translation: ' + name, *args, topology=TRANSLATED,
                    **more)

    def outside(src, sport, dst, port, cls, name, zone='internet'):
        return case(name, full(src, sport, dst, port).raw(),
                    [flow(src, sport, dst, port, cls)], zone=zone, rc=1)

    late = both(0, lambda k: k.drop(0, 1, 2))
    return [
        case('before', before, want_before, zone='internet', rc=0),
        case('behind', behind, want_behind, zone='dmz', rc=0),
        case('both, no tap named', before + behind,
             want_before + want_behind, rc=0),
        case('both taps', before, want_before + want_behind, zone='internet',
             taps={'dmz': behind}, rc=0),
        case('from the middle', *late, zone='internet'),
        outside(OUT, 52010, PUBLIC, 25, 'outside-in',
                'a port that is not the host\'s'),
        outside(OUT, 52011, SHARED, 443, 'outside-in',
                'a port that nobody forwards'),
        outside(OUT, 52012, SHARED, 22, 'outside-in',
                'a port of nobody at all'),
        outside(OUT, 52013, PROXY, 443, 'spoofed-source',
                'an own address where the public one belongs'),
        outside(OUT, 52014, PUBLIC, 443, 'spoofed-source',
                'a public address where the own one belongs', 'dmz'),
        outside(INNER_DC, 52015, OUT, 53, 'spoofed-source',
                'an own source outside'),
        case('unplanned from behind the shared address',
             full(OUTER, 52016, OUT, 6667).raw(),
             [flow(OUTER, 52016, OUT, 6667, 'unplanned')], zone='internet',
             rc=1),
    ]


# ---- let through for the time being -------------------------------------------

OBSERVE = '<observe from="dmz" to="inside" until="%s" owner="o" reason="r"/>'
LAX = TOPOLOGY.replace('<firewall name="inner"',
                       '<firewall name="inner" enforce="no"')


def let_through():
    """Still findings, but said to be what the firewalls let pass."""
    def case(name, to, port, cls='unplanned', src=FE, **more):
        packets = full(src, 53000, to, port).raw()
        return Case('let through: ' + name, packets,
                    [flow(src, 53000, to, port, cls)], rc=1, **more)

    until = 'let through: observed until 2100-01-01'
    lax = 'let through: firewall inner does not enforce'
    return [
        case('observed', DC, 445, extra=OBSERVE % '2100-01-01', text=until,
             event='observed until 2100-01-01'),
        case('observed, an undeclared host', '10.1.0.77', 445, 'unknown-host',
             extra=OBSERVE % '2100-01-01', text=until),
        Case('let through: observed, attempted',
             conv(FE, 53001, DC, 445).send(0, SYN).raw(),
             [flow(FE, 53001, DC, 445, 'unplanned')], rc=1,
             extra=OBSERVE % '2100-01-01', text=[until, '1 attempted']),
        case('the other way is not observed', FE, 445, src=DC,
             extra=OBSERVE % '2100-01-01', without='let through'),
        case('another zone is not observed', FE, 22, 'outside-in', src=OUT,
             extra=OBSERVE % '2100-01-01', without='let through'),
        case('no longer observed', DC, 445, extra=OBSERVE % '2020-01-01',
             without='let through'),
        case('not enforced', DC, 445, topology=LAX, text=lax,
             event='firewall inner does not enforce'),
        case('not enforced, both ways', FE, 445, src=DC, topology=LAX,
             text=lax),
        case('not on the way', FE, 22, 'outside-in', src=OUT, topology=LAX,
             without='let through'),
        case('one of two enforces', DC, 445, 'outside-in', src=OUT,
             topology=LAX, without='let through'),
        case('neither of two enforces', DC, 445, 'outside-in', src=OUT,
             topology=LAX.replace('<firewall name="outer"', '<firewall name="outer" enforce="no"'),
             text='let through: firewall outer does not enforce, '
                  'firewall inner does not enforce'),
        case('both reasons', DC, 445, topology=LAX,
             extra=OBSERVE % '2100-01-01',
             text=until + ', firewall inner does not enforce'),
        Case('let through: planned needs no leave',
             full(FE, 53002, DC, 389).raw(), [flow(FE, 53002, DC, 389)],
             topology=LAX, rc=0, without='let through'),
    ]


def to_firewalls():
    """What keeps links alive is let in by a firewall that has an input."""
    ping = [ip(FE, '10.1.0.1', 1, icmp(8)), ip('10.1.0.1', FE, 1, icmp(0))]
    guarded = TOPOLOGY.replace(
        'address="10.1.0.1"/>', 'address="10.1.0.1"/><input from="dc1" tcp="22"/>')
    return [
        Case('a firewall with input is pinged', ping, [], rc=0,
             topology=guarded, without='unplanned'),
        Case('a firewall with input is pinged, housekeeping too', ping,
             [flow(FE, 0, '10.1.0.1', 0, 'unplanned')], rc=1,
             topology=guarded, options=['--housekeeping']),
        Case('a firewall with input, another service',
             full(FE, 45500, '10.1.0.1', 23).raw(),
             [flow(FE, 45500, '10.1.0.1', 23, 'unplanned')], rc=1,
             topology=guarded),
        Case('a firewall without input is pinged', ping,
             [flow(FE, 0, '10.1.0.1', 0, 'unplanned')], rc=1),
    ]


def planned_cases():
    return disturbed() + datagrams() + translation() + let_through() + to_firewalls()
