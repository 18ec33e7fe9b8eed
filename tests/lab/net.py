"""Hosts, switches, firewalls and span ports as network namespaces. All of it
lives in the mount, network and process namespace of the lab, so that nothing
outlasts it."""
import os
import signal
import subprocess
import time

# Host: zone, address, default gateway, route to the inside.
HOSTS = {
    'ext': ('internet', '198.51.100.7', '198.51.100.1'),
    'fe1': ('dmz', '192.0.2.10', '192.0.2.1'),
    'mx1': ('dmz', '192.0.2.25', '192.0.2.1'),
    'dc1': ('inside', '10.0.0.10', '10.0.0.1'),
    'be1': ('inside', '10.0.0.21', '10.0.0.1'),
    'be2': ('inside', '10.0.0.22', '10.0.0.1'),
    'ns1': ('inside', '10.0.0.53', '10.0.0.1'),
}
# Firewall: its interfaces in order, with zone and address.
FIREWALLS = {
    'outer': [('internet', '198.51.100.1'), ('dmz', '192.0.2.1')],
    'inner': [('dmz', '192.0.2.2'), ('inside', '10.0.0.1')],
}
ROUTES = {'outer': ['10.0.0.0/24 via 192.0.2.2'],
          'inner': ['default via 192.0.2.1']}
# Where the auditor listens: the switch port of a firewall's interface.
TAPS = {'tap-internet': ('internet', 'outer0'), 'tap-dmz': ('dmz', 'inner0'),
        'tap-inside': ('inside', 'inner1')}

running = []


def sh(line, check=True):
    r = subprocess.run(line, shell=True, capture_output=True, text=True)
    if check and r.returncode:
        raise RuntimeError('%s: %s' % (line, r.stderr.strip()))
    return r


def command(host, argv):
    return ['ip', 'netns', 'exec', host] + list(argv)


def run(host, line, timeout=20, text=None, env=None):
    """A client's shell line in a host; its exit code and what it said."""
    try:
        r = subprocess.run(command(host, ['sh', '-c', line]), text=True,
                           capture_output=True, input=text, timeout=timeout,
                           env=dict(os.environ, **(env or {})))
    except subprocess.TimeoutExpired:
        return 124, 'timed out'
    return r.returncode, (r.stdout + r.stderr).strip()


def start(host, argv, log, mounts=()):
    """A daemon in a host, in the foreground, with its own view of what is
    in mounts: (what, where)."""
    script = ''.join('mount --bind %s %s && ' % m for m in mounts)
    with open(log, 'ab') as f:
        p = subprocess.Popen(command(host, ['sh', '-c', script + 'exec "$@"',
                                            'sh'] + list(argv)),
                             stdin=subprocess.DEVNULL, stdout=f, stderr=f,
                             start_new_session=True)
    running.append(p)
    return p


def stop(p):
    if p.poll() is None:
        os.killpg(p.pid, signal.SIGTERM)
        try:
            p.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()
    running.remove(p)


def stop_all():
    for p in reversed(list(running)):
        stop(p)


def wait_for(host, port, timeout=60):
    """Until something listens there."""
    end = time.time() + timeout
    while time.time() < end:
        if run(host, 'ss -Htln sport = :%d | grep -q .' % port)[0] == 0:
            return
        time.sleep(0.2)
    raise RuntimeError('%s: nothing listens on %d' % (host, port))


def plug(ns, iface, zone, port):
    """A cable from a namespace's interface to its zone's switch."""
    sh('ip link add %s netns switch type veth peer name %s netns %s' %
       (port, iface, ns))
    sh('ip -n switch link set %s master %s up' % (port, zone))
    sh('ip -n %s link set %s up' % (ns, iface))


def mirror(tap, port):
    """A span port: what goes in and out of a switch port, copied."""
    sh('ip link add %s netns switch type veth peer name %s netns span' %
       (tap, tap))
    sh('ip -n switch link set %s up' % tap)
    sh('ip -n span link set %s up' % tap)
    sh('tc -n switch qdisc add dev %s clsact' % port)
    for way in ('ingress', 'egress'):
        sh('tc -n switch filter add dev %s %s protocol all u32 match u32 0 0 '
           'action mirred egress mirror dev %s' % (port, way, tap))


def build(rules):
    for ns in list(HOSTS) + list(FIREWALLS) + ['switch', 'span']:
        sh('ip netns add ' + ns)
        sh('ip -n %s link set lo up' % ns)
        # Nothing of its own accord on the wire.
        run(ns, 'sysctl -qw net.ipv6.conf.all.disable_ipv6=1 '
                'net.ipv6.conf.default.disable_ipv6=1')
    for zone in ('internet', 'dmz', 'inside'):
        sh('ip -n switch link add %s type bridge mcast_snooping 0' % zone)
        sh('ip -n switch link set %s up' % zone)
    for name, ports in FIREWALLS.items():
        for i, (zone, address) in enumerate(ports):
            plug(name, 'eth%d' % i, zone, '%s%d' % (name, i))
            sh('ip -n %s addr add %s/24 dev eth%d' % (name, address, i))
        run(name, 'sysctl -qw net.ipv4.ip_forward=1 '
                  'net.ipv4.conf.all.rp_filter=0 '
                  'net.ipv4.conf.all.send_redirects=0 '
                  'net.ipv4.conf.default.send_redirects=0')
        for r in ROUTES[name]:
            sh('ip -n %s route add %s' % (name, r))
        sh('ip netns exec %s nft -f %s/%s.nft' % (name, rules, name))
    for name, (zone, address, gateway) in HOSTS.items():
        plug(name, 'eth0', zone, name)
        sh('ip -n %s addr add %s/24 dev eth0' % (name, address))
        sh('ip -n %s route add default via %s' % (name, gateway))
        if zone == 'dmz':
            sh('ip -n %s route add 10.0.0.0/24 via 192.0.2.2' % name)
    for tap, (_, port) in TAPS.items():
        mirror(tap, port)


def drops(firewall):
    """Packets that the firewall's rules dropped so far."""
    out = sh('ip netns exec %s nft list ruleset' % firewall).stdout
    n = 0
    for line in out.splitlines():
        words = line.split()
        if 'drop' in words and 'packets' in words:
            n += int(words[words.index('packets') + 1])
    return n
