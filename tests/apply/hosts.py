"""Client and server in network namespaces of their own, with the firewall in
between, and what they say to each other."""
from __future__ import annotations

import ctypes
import os
import socket
import struct
import subprocess
import threading
import time

from common import run, wait_until

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


class Host:
    """A network namespace, entered by one thread at a time."""

    def __init__(self, interface: str, peer: str, address: str, gateway: str) -> None:
        self.holder = subprocess.Popen(["unshare", "-n", "sleep", "1000"])
        own = os.readlink("/proc/self/ns/net")
        wait_until(lambda: os.readlink(f"/proc/{self.holder.pid}/ns/net") != own)
        pid = str(self.holder.pid)
        for command in (f"link add {interface} type veth peer name {peer} netns {pid}",
                        f"addr add {gateway}/24 dev {interface}", f"link set {interface} up"):
            run("ip", *command.split(), check=True)
        self.fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        for command in (f"addr add {address}/24 dev {peer}", f"link set {peer} up",
                        "link set lo up", f"route add default via {gateway}"):
            run("nsenter", f"--net=/proc/{pid}/ns/net", "ip", *command.split(), check=True)
        self.address = address

    def enter(self) -> None:
        """This thread's sockets are made there from now on."""
        if libc.setns(self.fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")

    def socket(self, kind: int) -> socket.socket:
        """A socket in this namespace; the calling thread is where it was."""
        made: list[socket.socket] = []

        def make() -> None:
            self.enter()
            made.append(socket.socket(socket.AF_INET, kind))

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        return made[0]

    def close(self) -> None:
        """Takes it down."""
        self.holder.kill()
        self.holder.wait()


class Receiver(threading.Thread):
    """Counts numbered datagrams."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self.sock, self.seen, self.stop = sock, set(), False
        sock.settimeout(0.2)

    def run(self) -> None:
        while not self.stop:
            try:
                self.seen.add(self.sock.recv(64))
            except (TimeoutError, socket.timeout):
                pass


class Sender(threading.Thread):
    """Numbered datagrams at a steady pace: from one port, or each from another."""

    def __init__(self, client: Host, to: tuple[str, int], new_flows: bool) -> None:
        super().__init__()
        self.client, self.to, self.new_flows = client, to, new_flows
        self.kind = "new" if new_flows else "old"
        self.sent, self.stop = 0, False

    def run(self) -> None:
        self.client.enter()
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        port = 20000
        while not self.stop:
            sock = one
            if self.new_flows:
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                port = port + 1 if port < 60000 else 20000
                sock.bind((self.client.address, port))
            sock.sendto(f"{self.kind} {self.sent}".encode(), self.to)
            self.sent += 1
            if self.new_flows:
                sock.close()
            time.sleep(0.0004)


class Stream(threading.Thread):
    """A TCP connection that sends and checks the echo all the time."""

    def __init__(self, client: Host, to: tuple[str, int]) -> None:
        super().__init__()
        self.client, self.to = client, to
        self.rounds, self.trouble, self.stop = 0, "", False

    def run(self) -> None:
        self.client.enter()
        try:
            with socket.create_connection(self.to, timeout=5) as sock:
                while not self.stop:
                    data = os.urandom(1000)
                    sock.sendall(data)
                    got = b""
                    while len(got) < len(data):
                        part = sock.recv(4096)
                        if not part:
                            raise OSError("closed")
                        got += part
                    self.rounds += 1
        except OSError as problem:
            self.trouble = str(problem)


def echo(server: Host, port: int) -> socket.socket:
    """An echo server."""
    listener = server.socket(socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((server.address, port))
    listener.listen(8)

    def serve(sock: socket.socket) -> None:
        try:
            while data := sock.recv(4096):
                sock.sendall(data)
        except OSError:
            pass

    def accept() -> None:
        try:
            while True:
                sock = listener.accept()[0]
                threading.Thread(target=serve, args=(sock,), daemon=True).start()
        except OSError:
            pass

    threading.Thread(target=accept, daemon=True).start()
    return listener


class Connection:
    """One TCP connection, asked from time to time whether it lives."""

    def __init__(self, client: Host, to: tuple[str, int]) -> None:
        self.sock = client.socket(socket.SOCK_STREAM)
        self.sock.settimeout(3)
        self.sock.connect(to)

    def alive(self, seconds: float = 0.6) -> bool:
        """Does an echo come back?"""
        data = os.urandom(8)
        self.sock.settimeout(seconds)
        try:
            self.sock.sendall(data)
            got = b""
            while data not in got:
                part = self.sock.recv(4096)
                if not part:
                    return False
                got += part
            return True
        except OSError:
            return False

    def close(self) -> None:
        """Without a word on the wire that would matter."""
        self.sock.close()


def network() -> tuple[Host, Host]:
    """Client and server of the test topology; this namespace forwards."""
    for path in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
        with open("/proc/sys/net/" + path, "w", encoding="ascii") as forward:
            forward.write("1")
    return (Host("eth0", "c0", "10.0.0.10", "10.0.0.1"),
            Host("eth1", "s0", "10.0.1.10", "10.0.1.1"))


def forget_connections() -> None:
    """Tracking knows none any more, as on a machine that takes over."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as sock:
        sock.bind((0, 0))
        # IPCTNL_MSG_CT_DELETE of all; request, acknowledge
        sock.send(struct.pack("=IHHIIBBH", 20, 1 << 8 | 2, 5, 1, 0, 0, 0, 0))
        answer = sock.recv(4096)
        if struct.unpack_from("=i", answer, 16)[0]:
            raise OSError("connections cannot be forgotten")
