"""What is done in the lab: first all that is planned, then what is not."""
KRB = 'KRB5_CONFIG=$LAB/krb5.conf KRB5CCNAME=FILE:$LAB/ccache '
SMB = '-s $LAB/smb.conf --use-krb5-ccache=$LAB/ccache '
CURL = 'curl -sS -m 5 '
LDAP = KRB + 'ldapsearch -LLL -N -Q -Y GSSAPI -o nettimeout=5 '


def rpc(call, where='ncacn_ip_tcp:dc1.lab.example'):
    return KRB + 'rpcclient %s"%s" -c "%s"' % (SMB, where, call)


def swaks(server, to, more=''):
    return ('swaks --server %s --from bert@elsewhere.example --to %s '
            '--timeout 5 --helo client.elsewhere.example %s' %
            (server, to, more))


# Name, host, shell line, what its output must hold.
PLANNED = [
    ('dig', 'fe1', 'dig +short dc1.lab.example', '10.0.0.10'),
    ('dig, over tcp', 'fe1', 'dig +tcp +short _ldap._tcp.lab.example srv',
     'dc1.lab.example'),
    ('ping', 'fe1', 'ping -c 2 -W 2 10.0.0.10', ' 0% packet loss'),
    ('kinit', 'fe1', 'echo "$PASSWORD" | ' + KRB +
     'kinit administrator && ' + KRB + 'klist', 'krbtgt/LAB.EXAMPLE'),
    ('kinit, over tcp', 'fe1', 'sed "s/libdefaults]/&\\n  '
     'udp_preference_limit = 1/" $LAB/krb5.conf > $LAB/krb5-tcp.conf; '
     'echo "$PASSWORD" | KRB5_CONFIG=$LAB/krb5-tcp.conf '
     'kinit -c FILE:$LAB/ccache-tcp anna && echo got it', 'got it'),
    ('ldapsearch', 'fe1', LDAP + '-H ldap://dc1.lab.example '
     '-b dc=lab,dc=example sAMAccountName=anna dn', 'CN=anna'),
    ('ldapsearch, global catalog', 'fe1', LDAP +
     '-H ldap://dc1.lab.example:3268 -b dc=lab,dc=example '
     'sAMAccountName=bert dn', 'CN=bert'),
    ('cldap', 'fe1', 'net -s $LAB/smb.conf ads lookup -S dc1.lab.example',
     'dc1.lab.example'),
    ('smbclient', 'fe1', KRB + 'smbclient %s//dc1.lab.example/sysvol -c ls' %
     SMB, 'lab.example'),
    ('rpcclient, samr', 'fe1', rpc('enumdomusers'), 'user:[anna]'),
    ('rpcclient, drsuapi', 'fe1', rpc('dsgetdcinfo lab.example',
                                        'ncacn_ip_tcp:dc1.lab.example[seal]'),
     'dc1.lab.example'),
    ('rpcclient, netlogon', 'fe1', rpc('dsr_getdcname lab.example'),
     'lab.example'),
    ('kpasswd', 'fe1', "printf '%s\\n%s-2\\n%s-2\\n' \"$PASSWORD\" "
     '"$PASSWORD" "$PASSWORD" | ' + KRB + 'kpasswd anna',
     'Password changed'),
    ('curl, from outside', 'ext', CURL + '-k https://192.0.2.10/exchange',
     'mailbox'),
    ('openssl s_client', 'ext', 'openssl s_client -connect 192.0.2.10:443 '
     '-servername fe1.lab.example < /dev/null', 'Verification'),
    ('curl, front-end to back-end', 'fe1', CURL + 'http://10.0.0.21/',
     'mailbox'),
    ('swaks, from outside', 'ext', swaks('192.0.2.25', 'anna@lab.example',
                                         '--tls'), 'Ok: queued'),
    ('swaks, to the outside', 'be1', 'sleep 2; ' +
     swaks('10.0.0.21', 'eve@elsewhere.example'), 'Ok: queued'),
    ('imap, from outside', 'ext', 'for i in 1 2 3 4 5 6 7 8; do ' + CURL +
     '-k -u "anna@lab.example:$PASSWORD" "imaps://192.0.2.10/INBOX;'
     'MAILINDEX=1;SECTION=HEADER" && break; sleep 1; done', 'bert@elsewhere.example'),
    ('pop3, from outside', 'ext', CURL + '-k -u "anna@lab.example:$PASSWORD" '
     'pop3s://192.0.2.10/', '1 '),
    ('mail arrived outside', 'ext', 'for i in 1 2 3 4 5 6 7 8; do '
     'ls $LAB/mail/taken* && break; sleep 1; done', 'taken'),
]

SPOOF = r'''
import socket, struct
def sum16(b):
    s = sum(struct.unpack(">%dH" % (len(b) // 2), b))
    s = (s >> 16) + (s & 0xffff)
    return ~(s + (s >> 16)) & 0xffff
src, dst = socket.inet_aton("10.0.0.99"), socket.inet_aton("10.0.0.10")
t = struct.pack(">HHIIBBHHH", 40001, 389, 7, 0, 0x50, 2, 8192, 0, 0)
c = sum16(src + dst + struct.pack(">BBH", 0, 6, len(t)) + t)
t = t[:16] + struct.pack(">H", c) + t[18:]
ip = struct.pack(">BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0) + src + dst
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
s.sendto(ip + t, ("10.0.0.10", 0))
'''


class Forbidden:
    """found: (class, source, destination, service) of the finding; blocked:
    the firewall is to drop it, and the client to come away empty; works: what
    the client sees where nothing blocks it."""

    def __init__(self, name, host, line, found, blocked=None, works=None):
        self.name, self.host, self.line = name, host, line
        self.found, self.blocked, self.works = found, blocked, works


def connect(address, port, more=''):
    return ('timeout 3 bash -c "exec 3<>/dev/tcp/%s/%d" && echo connected' %
            (address, port)) + more


FORBIDDEN = [
    Forbidden('remote desktop on the controller', 'fe1',
              connect('10.0.0.10', 3389),
              ('unplanned', 'fe1', 'dc1', 'tcp/3389'), 'inner'),
    Forbidden('RPC on a port that is not the pin', 'fe1',
              connect('10.0.0.10', 49152),
              ('unplanned', 'fe1', 'dc1', 'tcp/49152'), 'inner'),
    Forbidden('the directory from outside', 'ext',
              'ldapsearch -x -o nettimeout=3 -H ldap://10.0.0.10 -s base '
              '-b ""', ('outside-in', 'internet', 'dc1', 'tcp/389'), 'outer'),
    Forbidden('mail past the relay', 'ext',
              swaks('10.0.0.21', 'anna@lab.example'),
              ('outside-in', 'internet', 'be1', 'tcp/25'), 'outer'),
    Forbidden('the directory, turned round', 'dc1',
              connect('192.0.2.10', 445),
              ('unplanned', 'dc1', 'fe1', 'tcp/445'), 'inner'),
    Forbidden('a source from the other side', 'fe1', "python3 -c '%s'" %
              SPOOF.replace("'", '"'),
              ('spoofed-source', '10.0.0.99 in inside', 'dc1', 'tcp/389'),
              'inner'),
    Forbidden('an undeclared host', 'fe1',
              'ip addr add 192.0.2.77/24 dev eth0; ' + CURL +
              '--interface 192.0.2.77 http://10.0.0.21/; rc=$?; '
              'ip addr del 192.0.2.77/24 dev eth0; exit $rc',
              ('unknown-host', '192.0.2.77 in dmz', 'be1', 'tcp/80'),
              'inner'),
    Forbidden('an exception that ended', 'fe1', connect('10.0.0.21', 9100),
              ('expired', 'fe1', 'be1', 'tcp/9100'), 'inner'),
    Forbidden('simple bind in the clear', 'fe1',
              'ldapsearch -x -o nettimeout=5 -H ldap://dc1.lab.example -D '
              'anna@lab.example -w "$PASSWORD" -s base -b "" 2>&1',
              ('credentials', 'fe1', 'dc1', 'tcp/389'),
              works='Strong(er) authentication required'),
    Forbidden('IMAP login in the clear', 'fe1', CURL +
              '-u "anna@lab.example:$PASSWORD" imap://10.0.0.21/',
              ('credentials', 'fe1', 'be1', 'tcp/143'), works='INBOX'),
    Forbidden('POP3 login in the clear', 'fe1', CURL +
              '-u "anna@lab.example:$PASSWORD" pop3://10.0.0.21/',
              ('credentials', 'fe1', 'be1', 'tcp/110'), works='1 '),
    Forbidden('HTTP Basic in the clear', 'fe1', CURL +
              '-u anna:secret http://10.0.0.21/',
              ('credentials', 'fe1', 'be1', 'tcp/80'), works='mailbox'),
    Forbidden('TLS where HTTP is planned', 'fe1', CURL +
              '-k https://10.0.0.22:80/ | grep -o s_server',
              ('wrong-protocol', 'fe1', 'be2', 'tcp/80'), works='s_server'),
]
# After the controller has lost its pins: the mapper's answer is a finding
# before any packet goes to the port, and the port is blocked.
UNPINNED = Forbidden('the mapper without its pins', 'fe1',
                     'timeout 20 sh -c \'%s\'' % rpc('enumdomusers'),
                     ('rpc-port', 'fe1', 'dc1', None), 'inner')
