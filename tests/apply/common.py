"""What apply's tests share: a firewall with old and new rules in a namespace."""
from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PROGRAM = os.environ.get("PORTPLAN", os.path.join(ROOT, "portplan"))
TODAY = ["--today", "2026-11-24"]
SKIPPED = 77

TOPOLOGY = """<topology xmlns="urn:portplan:1" name="test">
  <zone name="left" networks="10.0.0.0/24">
    <host name="client" address="10.0.0.10"/>
  </zone>
  <zone name="right" networks="10.0.1.0/24">
    <host name="server" address="10.0.1.10"/>
  </zone>
  <firewall name="fw">
    <interface name="eth0" zone="left" address="10.0.0.1"/>
    <interface name="eth1" zone="right" address="10.0.1.1"/>
  </firewall>
  <allow name="management" from="client" to="server" tcp="5000" udp="5000" reason="test"/>
  {more}
</topology>
"""
NEW = '<allow name="new" from="client" to="server" tcp="6000-6100" udp="7000" reason="test"/>'
OLD = '<allow name="old" from="server" to="client" tcp="80" udp="53" reason="test"/>'
# so near to the old that it is changed in place
NEAR = '<allow name="old" from="server" to="client" tcp="80-81" udp="54" reason="test"/>'


def enter_namespaces() -> None:
    """Starts this script again as root of namespaces of its own, once."""
    if os.environ.get("APPLY_INSIDE"):
        return
    how = ["unshare", "-nm"] if os.geteuid() == 0 else ["unshare", "-Urnm"]
    if subprocess.run([*how, "true"], check=False, stderr=subprocess.DEVNULL).returncode:
        print("skipped: no namespaces can be made here")
        sys.exit(SKIPPED)
    os.environ["APPLY_INSIDE"] = "1"
    os.execvp("unshare", [*how, sys.executable, *sys.argv])


def run(*command: str, check: bool = False, **more) -> subprocess.CompletedProcess:
    """A command with its output as text."""
    return subprocess.run(command, check=check, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **more)


def tables() -> dict[str, str]:
    """Running tables by name, as nft lists them: without counts and dormant ones."""
    text = run("nft", "list", "ruleset", check=True).stdout
    text = re.sub(r"packets \d+ bytes \d+", "packets 0 bytes 0", text)
    found = {}
    for part in re.findall(r"^table \w+ \S+ \{\n.*?^\}\n", text, re.M | re.S):
        name = part.split()[2]
        if "\tflags dormant\n" not in part:
            found[name] = part
    return found


def all_tables() -> list[str]:
    """Names of all tables, dormant ones too."""
    return [line.split()[2] for line in run("nft", "list", "tables").stdout.splitlines()]


class Firewall:
    """Plans for one firewall, and which of them runs."""

    def __init__(self, work: str) -> None:
        self.work = work
        self.state = os.path.join(work, "state")
        self.text: dict[str, str] = {}
        for name, more in (("old", OLD), ("new", NEW), ("near", NEAR)):
            path = self.topology(name)
            with open(path, "w", encoding="utf-8") as out:
                out.write(TOPOLOGY.format(more=more))
            rules = run(PROGRAM, "gen", path, "-f", "fw", *TODAY, check=True).stdout
            with open(path + ".nft", "w", encoding="utf-8") as out:
                out.write(rules)
            run("nft", "flush", "ruleset")
            run("nft", "-f", path + ".nft", check=True)
            self.text[name] = tables()["pp_fw"]
        run("nft", "flush", "ruleset")

    def topology(self, name: str) -> str:
        """Its file."""
        return os.path.join(self.work, name + ".xml")

    def command(self, *words: str) -> list[str]:
        """A command with its state directory."""
        return [PROGRAM, *words, "--state", self.state]

    def apply_command(self, name: str, *more: str) -> list[str]:
        """portplan apply of one of the plans."""
        return self.command("apply", self.topology(name), "--firewall", "fw", "--yes", "--go-on",
                            *TODAY, *more)

    def apply(self, name: str, *more: str, step: str = "") -> subprocess.CompletedProcess:
        """The same, run to its end."""
        return run(*self.apply_command(name, *more), env=environment(step))

    def start(self, name: str, *more: str, step: str = "") -> subprocess.Popen:
        """The same, in the background."""
        return subprocess.Popen(self.apply_command(name, *more), env=environment(step), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def running(self) -> str:
        """"old", "new", "near", "none", or what else it is."""
        ours = {n: t for n, t in tables().items() if n[:2] == "pp" and n[3:] == "fw"}
        if not ours:
            return "none"
        if len(ours) > 1:
            return "several at once"
        (text,) = ours.values()
        text = re.sub(r"^table inet pp.fw", "table inet pp_fw", text)
        for name, expected in self.text.items():
            if text == expected:
                return name
        return "a mixture"

    def leftovers(self) -> list[str]:
        """What there is besides the rules that run and are confirmed."""
        files = sorted(os.listdir(os.path.join(self.state, "fw")))
        extra = [f for f in files if f not in ("lock", "boot.plan", "last", "runs")]
        own = [t for t in all_tables() if t[:2] == "pp" and t[3:] == "fw"]
        return extra + own[1:]

    def guardians(self) -> list[int]:
        """Processes that hold this state directory's lock."""
        found = []
        lock = os.path.join(self.state, "fw", "lock")
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                links = [os.readlink(f"/proc/{pid}/fd/{f}") for f in os.listdir(f"/proc/{pid}/fd")]
            except OSError:
                continue
            if lock in links:
                found.append(int(pid))
        return found

    def fresh(self) -> None:
        """Old rules confirmed, nothing else."""
        for pid in self.guardians():
            os.kill(pid, signal.SIGKILL)
        run("nft", "flush", "ruleset")
        run("rm", "-rf", self.state)
        done = self.apply("old", "--confirm", "0")
        if done.returncode or self.running() != "old":
            raise AssertionError(f"cannot begin: {done.stdout}")


def environment(step: str) -> dict[str, str]:
    """Without a connection of one's own."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("SSH_", "PORTPLAN_STEP"))}
    if step:
        env["PORTPLAN_STEP"] = step
    return env


def wait_until(what, seconds: float = 10.0) -> bool:
    """Until it is true; false if it is not in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return bool(what())


def stopped(pid: int) -> bool:
    """Did it stop itself at a step?"""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "T"
    except OSError:
        return False


class Count:
    """Passed and failed, said as they come."""

    def __init__(self, name: str) -> None:
        self.name, self.passed, self.failed = name, 0, 0

    def judge(self, what: str, is_ok: bool, detail: str = "") -> None:
        """One result."""
        if is_ok:
            self.passed += 1
            print(f"ok {self.name}: {what}")
            return
        self.failed += 1
        print(f"not ok {self.name}: {what}")
        for line in detail.splitlines()[:12]:
            print(f"    {line}")

    def end(self) -> None:
        """The last line, and the exit code."""
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(1 if self.failed else 0)
