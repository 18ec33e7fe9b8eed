"""Interfaces, senders and running auditors in a network namespace."""
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time

PROGRAM = os.environ.get('PORTPLAN', './portplan').split()
UNAVAILABLE = 77


def need_namespaces():
    """Ends with 77 and the reason where there are none."""
    probe = subprocess.run(['unshare', '-Urnm', 'true'], capture_output=True,
                           text=True)
    if probe.returncode != 0:
        print('skipped audit/live: no namespaces: ' + probe.stderr.strip())
        sys.exit(UNAVAILABLE)


def enter_namespace(which='-Urnm'):
    """The script again, in namespaces of its own."""
    if os.environ.get('PORTPLAN_LIVE'):
        return
    need_namespaces()
    os.environ['PORTPLAN_LIVE'] = '0'
    os.execvp('unshare', ['unshare', which, '--', sys.executable] + sys.argv)


def run(*words):
    subprocess.run(words, check=True, capture_output=True)


def veth(a, b):
    """A quiet pair: no address, so that nothing but we sends."""
    run('ip', 'link', 'add', a, 'type', 'veth', 'peer', 'name', b)
    for name in (a, b):
        path = '/proc/sys/net/ipv6/conf/%s/disable_ipv6' % name
        if os.path.exists(path):
            with open(path, 'w') as f:
                f.write('1')
        run('ip', 'link', 'set', name, 'up', 'arp', 'off')


class Wire:
    """What is sent here comes in at the other end of the pair."""

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind((name, 0))

    def send(self, frames):
        for f in frames:
            self.socket.send(f if isinstance(f, bytes) else f[1])


class Auditor:
    """A running `portplan audit` and what it says."""

    def __init__(self, topology, *options, env=None, ready=True, err=None):
        self.path = os.path.join(os.path.dirname(topology),
                                 'notify%d' % time.monotonic_ns())
        self.read = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.read.bind(self.path)
        os.chmod(self.path, 0o777)
        self.told = ''
        self.process = subprocess.Popen(
            PROGRAM + ['audit', topology, *options], text=True,
            stdout=subprocess.PIPE, stderr=err or subprocess.PIPE,
            env=dict(os.environ, NOTIFY_SOCKET=self.path, **(env or {})))
        if ready:
            self.wait_told('READY=1')

    def listen(self, seconds):
        """Everything told to the service manager within so long."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.read], [], [], left)[0]:
                return self.told
            self.told += self.read.recv(4096).decode() + '\n'

    def wait_told(self, words, seconds=10):
        end = time.monotonic() + seconds
        while words not in self.told:
            if time.monotonic() > end or (
                    self.process.poll() is not None and
                    words not in self.listen(0.05)):
                raise AssertionError('never told "%s"; %s' % (
                    words, self.process.stderr.read()
                    if self.process.poll() is not None and
                    self.process.stderr else self.told))
            self.listen(0.05)

    def kick(self, which):
        self.process.send_signal(which)

    def end(self, which=signal.SIGINT):
        """The exit code, what it wrote, and its messages."""
        if which:
            self.process.send_signal(which)
        out, err = self.process.communicate(timeout=20)
        self.listen(0.01)
        self.read.close()
        os.unlink(self.path)
        return self.process.returncode, out, err


def events(text):
    return [json.loads(line) for line in text.splitlines()]
