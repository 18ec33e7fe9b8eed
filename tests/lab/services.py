"""Debian's own servers, configured as their packages' users would, all state
in a folder of the lab."""
import os
import shutil
import subprocess

import net

DOMAIN, REALM, PASSWORD = 'lab.example', 'LAB.EXAMPLE', 'Secret-of-the-lab-1'
RPC, NETLOGON = 4990, 4991

ZONE = '''$TTL 300
@ SOA ns1 hostmaster 1 3600 600 86400 300
@ NS ns1
@ MX 10 mx1
@ A 10.0.0.10
''' + ''.join('%s A %s\n' % (h, v[1]) for h, v in net.HOSTS.items()
              if h != 'ext') + '''
_ldap._tcp SRV 0 100 389 dc1
_ldap._tcp.dc._msdcs SRV 0 100 389 dc1
_ldap._tcp.pdc._msdcs SRV 0 100 389 dc1
_ldap._tcp.gc._msdcs SRV 0 100 3268 dc1
_gc._tcp SRV 0 100 3268 dc1
_kerberos._udp SRV 0 100 88 dc1
_kerberos._tcp SRV 0 100 88 dc1
_kerberos._tcp.dc._msdcs SRV 0 100 88 dc1
_kpasswd._udp SRV 0 100 464 dc1
_kpasswd._tcp SRV 0 100 464 dc1
'''
EXTERNAL = '''$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 300
@ NS ns
@ MX 10 mail
mail A 198.51.100.7
ns A 198.51.100.7
'''
NAMED = '''options {
  directory "%(dir)s"; pid-file none; session-keyfile none;
  listen-on { 10.0.0.53; }; listen-on-v6 { none; };
  recursion no; dnssec-validation no; allow-query { any; };
};
controls { };
zone "lab.example" { type primary; file "lab.zone"; };
zone "elsewhere.example" { type primary; file "elsewhere.zone"; };
zone "10.in-addr.arpa" { type primary; file "reverse.zone"; };
zone "192.in-addr.arpa" { type primary; file "reverse.zone"; };
zone "198.in-addr.arpa" { type primary; file "reverse.zone"; };
'''
REVERSE = '$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 86400 300\n@ NS ns1.%s.\n' % DOMAIN
NGINX = '''pid %(dir)s/pid; error_log stderr warn; worker_processes 1;
events { }
http {
  access_log off;
  client_body_temp_path %(dir)s/b; proxy_temp_path %(dir)s/p;
  fastcgi_temp_path %(dir)s/f; uwsgi_temp_path %(dir)s/u;
  scgi_temp_path %(dir)s/s;
  server { %(server)s }
}
'''
FRONT_WEB = '''listen 192.0.2.10:443 ssl;
  ssl_certificate %(tls)s/cert.pem; ssl_certificate_key %(tls)s/key.pem;
  location / { proxy_pass http://10.0.0.21; }'''
BACK_WEB = 'listen 10.0.0.21:80; location / { return 200 "mailbox\\n"; }'
DOVECOT = '''base_dir = %(dir)s/run
log_path = /dev/stderr
protocols = imap pop3
ssl_cert = <%(tls)s/cert.pem
ssl_key = <%(tls)s/key.pem
default_login_user = dovenull
default_internal_user = dovecot
first_valid_uid = 1
'''
DOVECOT_BACK = DOVECOT + '''listen = 10.0.0.21
ssl = yes
disable_plaintext_auth = no
mail_location = maildir:%(mail)s/%%u
passdb {
  driver = static
  args = password=%(password)s
}
userdb {
  driver = static
  args = uid=%(uid)d gid=%(uid)d home=%(mail)s/%%u
}
service imap-login {
  inet_listener imaps {
    port = 0
  }
}
service pop3-login {
  inet_listener pop3s {
    port = 0
  }
}
'''
# The front-end hands each session to the back-end, TLS from STARTTLS on.
DOVECOT_FRONT = DOVECOT + '''listen = 192.0.2.10
ssl = required
passdb {
  driver = static
  args = nopassword=y proxy=y host=10.0.0.21 starttls=any-cert
}
userdb {
  driver = static
  args = uid=%(uid)d gid=%(uid)d home=/nonexistent
}
service imap-login {
  inet_listener imap {
    port = 0
  }
}
service pop3-login {
  inet_listener pop3 {
    port = 0
  }
}
'''
POSTFIX = '''compatibility_level = 3.6
myhostname = %(name)s.lab.example
mydomain = lab.example
mydestination =
inet_interfaces = all
inet_protocols = ipv4
mynetworks = 127.0.0.0/8 10.0.0.0/24
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_tls_cert_file = %(tls)s/cert.pem
smtpd_tls_key_file = %(tls)s/key.pem
smtpd_tls_security_level = may
smtp_tls_security_level = may
maillog_file = %(dir)s/log
maillog_file_prefixes = %(dir)s
biff = no
alias_maps =
alias_database =
'''
RELAY = POSTFIX + '''relay_domains = lab.example
transport_maps = inline:{ { lab.example = smtp:[10.0.0.21]:25 } }
relay_recipient_maps =
'''
MAILBOX = POSTFIX + '''virtual_mailbox_domains = lab.example
virtual_mailbox_base = %(mail)s
virtual_mailbox_maps = inline:{ anna@lab.example=anna@lab.example/ }
virtual_uid_maps = static:%(uid)d
virtual_gid_maps = static:%(uid)d
relayhost = [192.0.2.25]
'''
SMB = '''[global]
  netbios name = DC1
  realm = LAB.EXAMPLE
  workgroup = LAB
  server role = active directory domain controller
  server services = s3fs, rpc, nbt, wrepl, ldap, cldap, kdc, drepl, winbindd, ntp_signd, kcc
  interfaces = 10.0.0.10 lo
  bind interfaces only = yes
  disable netbios = yes
  smb ports = 445
  private dir = %(dir)s/private
  state directory = %(dir)s/state
  cache directory = %(dir)s/cache
  lock directory = %(dir)s/state
  binddns dir = %(dir)s/bind-dns
  log file = %(dir)s/log.%%m
%(rpc)s
[sysvol]
  path = %(dir)s/state/sysvol
  read only = no
[netlogon]
  path = %(dir)s/state/sysvol/lab.example/scripts
  read only = no
'''
KRB5 = '''[libdefaults]
  default_realm = LAB.EXAMPLE
  dns_lookup_kdc = true
  dns_lookup_realm = false
  rdns = false
  dns_canonicalize_hostname = false
  default_ccache_name = FILE:%s/ccache
[domain_realm]
  .lab.example = LAB.EXAMPLE
'''


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w') as f:
        f.write(text)


def certificate(folder):
    os.makedirs(folder, exist_ok=True)
    net.sh('openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=lab '
           '-addext subjectAltName=DNS:*.lab.example -keyout %s/key.pem '
           '-out %s/cert.pem' % (folder, folder))


def client_files(lab):
    """What every host of the lab sees in /etc."""
    write(lab + '/resolv.conf', 'nameserver 10.0.0.53\nsearch lab.example\n'
                                'options timeout:2 attempts:1\n')
    write(lab + '/krb5.conf', KRB5 % lab)
    write(lab + '/smb.conf', '[global]\n  workgroup = LAB\n'
          '  realm = LAB.EXAMPLE\n  security = ads\n  kerberos method = '
          'secrets and keytab\n  private dir = %s/client\n  lock directory = '
          '%s/client\n  cache directory = %s/client\n  state directory = '
          '%s/client\n  disable netbios = yes\n' % (lab, lab, lab, lab))
    os.makedirs(lab + '/client', exist_ok=True)
    net.sh('mount --bind %s/resolv.conf /etc/resolv.conf' % lab)


def names(lab):
    d = lab + '/named'
    write(d + '/named.conf', NAMED % {'dir': d})
    write(d + '/lab.zone', ZONE)
    write(d + '/elsewhere.zone', EXTERNAL)
    write(d + '/reverse.zone', REVERSE)
    net.start('ns1', ['named', '-f', '-4', '-c', d + '/named.conf'],
              d + '/log')
    net.wait_for('ns1', 53)


def samba_conf(d, pinned):
    # Netlogon has a process, and so a port, of its own. "rpc server port"
    # alone pins just that one (seen with 4.17.12); the others share the first
    # port of the range.
    rpc = ('  rpc server dynamic port range = %d-%d\n'
           '  rpc server port:netlogon = %d\n' % (RPC, RPC, NETLOGON)
           if pinned else '')
    write(d + '/smb.conf', SMB % {'dir': d, 'rpc': rpc})


def provision(lab):
    """A new domain; the slowest step of all."""
    d = lab + '/samba'
    for sub in ('private', 'state', 'cache', 'bind-dns', 'new'):
        os.makedirs('%s/%s' % (d, sub), exist_ok=True)
    r = subprocess.run(
        net.command('dc1', ['samba-tool', 'domain', 'provision', '--realm',
                            REALM, '--domain', 'LAB', '--server-role', 'dc',
                            '--host-name', 'dc1', '--host-ip', '10.0.0.10',
                            '--dns-backend', 'NONE', '--adminpass', PASSWORD,
                            '--targetdir', d + '/new']),
        capture_output=True, text=True)
    if r.returncode:
        raise RuntimeError('samba-tool: ' + r.stderr[-2000:])
    for sub in ('private', 'state'):
        shutil.rmtree('%s/%s' % (d, sub))
        os.rename('%s/new/%s' % (d, sub), '%s/%s' % (d, sub))
    samba_conf(d, True)
    conf = '-s %s/smb.conf' % d
    # Both would be done by the running server, in its own time.
    net.run('dc1', 'samba_spnupdate ' + conf)
    net.sh('samba-tool domain passwordsettings set --min-pwd-age=0 ' + conf)
    for user in ('anna', 'bert'):
        net.sh('samba-tool user create %s %s %s' % (user, PASSWORD, conf))


def controller(lab):
    d = lab + '/samba'
    p = net.start('dc1', ['samba', '-i', '-s', d + '/smb.conf'], d + '/log')
    for port in (88, 135, 389, 445, 464, 3268):
        net.wait_for('dc1', port)
    return p


def web(lab, host, server):
    d = '%s/nginx-%s' % (lab, host)
    write(d + '/conf', NGINX % {'dir': d, 'server': server % {
        'tls': lab + '/tls'}})
    net.start(host, ['nginx', '-c', d + '/conf', '-p', d, '-g',
                     'daemon off;'], d + '/log')


def mailboxes(lab, host, text, uid):
    d = '%s/dovecot-%s' % (lab, host)
    write(d + '/conf', text % {'dir': d, 'tls': lab + '/tls', 'uid': uid,
                               'mail': lab + '/mail', 'password': PASSWORD})
    net.start(host, ['dovecot', '-F', '-c', d + '/conf'], d + '/log')


def mail(lab, host, text, uid):
    d = '%s/postfix-%s' % (lab, host)
    for sub in ('etc', 'spool', 'lib'):
        os.makedirs('%s/%s' % (d, sub), exist_ok=True)
    write(d + '/etc/main.cf', text % {'dir': d, 'name': host, 'uid': uid,
                                      'tls': lab + '/tls',
                                      'mail': lab + '/mail'})
    with open('/usr/share/postfix/master.cf.dist') as f:
        lines = [line.split() for line in f
                 if line.strip() and line[0] not in '# \t']
    # Without the jails, whose files Debian's init script would copy.
    for w in lines:
        w[4] = 'n'
    write(d + '/etc/master.cf',
          ''.join(' '.join(w) + '\n' for w in lines if w))
    for f in os.listdir('/etc/postfix'):
        if f.startswith(('postfix-', 'post-')) or f.endswith('.d'):
            net.sh('cp -r /etc/postfix/%s %s/etc' % (f, d))
    net.sh('chown postfix %s/lib' % d)
    net.start(host, ['postfix', 'start-fg'], d + '/out',
              [(d + '/etc', '/etc/postfix'), (d + '/spool',
                                              '/var/spool/postfix'),
               (d + '/lib', '/var/lib/postfix')])


def start_all(lab):
    uid = int(subprocess.check_output(['id', '-u', 'nobody']))
    certificate(lab + '/tls')
    os.makedirs(lab + '/mail', exist_ok=True)
    os.chown(lab + '/mail', uid, uid)
    client_files(lab)
    names(lab)
    provision(lab)
    dc = controller(lab)
    web(lab, 'fe1', FRONT_WEB)
    web(lab, 'be1', BACK_WEB)
    mailboxes(lab, 'be1', DOVECOT_BACK, uid)
    mailboxes(lab, 'fe1', DOVECOT_FRONT, uid)
    mail(lab, 'be1', MAILBOX, uid)
    mail(lab, 'mx1', RELAY, uid)
    # What takes mail elsewhere: Postfix's own test server.
    net.start('ext', ['smtp-sink', '-u', 'nobody', '-d',
                      lab + '/mail/taken-%H%M%S', '198.51.100.7:25', '10'],
              lab + '/sink.log')
    # A back-end that speaks TLS where HTTP is planned.
    net.start('be2', ['openssl', 's_server', '-accept', '10.0.0.22:80',
                      '-cert', lab + '/tls/cert.pem', '-key',
                      lab + '/tls/key.pem', '-www'], lab + '/s_server.log')
    for host, port in (('fe1', 443), ('fe1', 993), ('fe1', 995), ('be1', 80),
                       ('be1', 143), ('be1', 110), ('be1', 25), ('mx1', 25),
                       ('ext', 25), ('be2', 80)):
        net.wait_for(host, port)
    return dc
