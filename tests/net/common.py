"""What run-stateful and run-probes share: the probe program, interfaces, rules."""
from __future__ import annotations

import glob
import os
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
UNAVAILABLE = 77


class Trouble(Exception):
    """A test cannot be run as asked; the text says why."""


def portplan() -> list[str]:
    """The program under test, from the environment variable PORTPLAN."""
    return shlex.split(os.environ.get("PORTPLAN", os.path.join(ROOT, "portplan")))


def probe_program() -> str:
    """The probe program: PROBE, or built from probe/ where it is older."""
    if "PROBE" in os.environ:
        return os.environ["PROBE"]
    sources = sorted(glob.glob(os.path.join(HERE, "probe", "*.[ch]")))
    program = os.path.join(ROOT, "build", "net", "probe")
    if os.path.exists(program) and os.path.getmtime(program) >= max(map(os.path.getmtime, sources)):
        return program
    os.makedirs(os.path.dirname(program), exist_ok=True)
    fresh = f"{program}.{os.getpid()}"
    command = [os.environ.get("CC", "cc"), "-std=c11", "-O2", "-Wall", "-Wextra", "-Wshadow",
               "-Wstrict-prototypes", "-Wmissing-prototypes", "-o", fresh,
               *(s for s in sources if s.endswith(".c"))]
    if subprocess.run(command, check=False).returncode != 0:
        sys.exit("probe does not compile")
    os.replace(fresh, program)
    return program


def check_available(program: str) -> None:
    """Exits with 77 and a reason where namespaces or the tools are missing."""
    for tool in ("ip", "nft"):
        if shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is None:
            print(f"skipped: the program {tool} is not installed")
            sys.exit(UNAVAILABLE)
    done = subprocess.run([program, "--iface", "eth0"], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode == UNAVAILABLE:
        print(f"skipped: {done.stderr.strip()}")
        sys.exit(UNAVAILABLE)
    if done.returncode != 0:
        sys.exit(f"the probe program fails on nothing at all: {done.stderr.strip()}")


def local(tag: str) -> str:
    """An element name without its namespace."""
    return tag.rsplit("}", 1)[-1]


def top_elements(path: str) -> list[ET.Element]:
    """The children of a topology, those of included files too."""
    found = []
    for element in ET.parse(path).getroot():
        if local(element.tag) == "include":
            found += top_elements(os.path.join(os.path.dirname(path), element.get("file", "")))
        else:
            found.append(element)
    return found


def firewalls(path: str) -> dict[str, dict[str, list[str]]]:
    """Of each firewall with a ruleset: its interfaces and their addresses.

    A wildcard `ppp*` stands for ppp0 and ppp1; its addresses go to the first."""
    found = {}
    for element in top_elements(path):
        if local(element.tag) != "firewall" or element.get("managed") == "no":
            continue
        interfaces: dict[str, list[str]] = {}
        for child in element:
            if local(child.tag) != "interface":
                continue
            name, addresses = child.get("name", ""), child.get("address", "").split()
            if name.endswith("*"):
                interfaces[name[:-1] + "0"] = addresses
                interfaces[name[:-1] + "1"] = []
            else:
                interfaces[name] = addresses
        found[element.get("name", "")] = interfaces
    return found


def generate(topology: str, firewall: str, into: str, more: list[str]) -> None:
    """The rules of a firewall, written by the program under test."""
    command = [*portplan(), "gen", topology, "--firewall", firewall, *more]
    with open(into, "w", encoding="utf-8") as out:
        try:
            done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True,
                                  check=False)
        except OSError as problem:
            raise Trouble(f"{command[0]}: {problem.strerror}") from problem
    if done.returncode != 0:
        raise Trouble(f"{shlex.join(command)} exits with {done.returncode}: "
                      f"{done.stderr.strip()}")


def probe(program: str, rules: str, interfaces: dict[str, list[str]], lines: str,
          more: list[str]) -> list[str]:
    """The answers of the probe program to these lines."""
    command = [program, "--rules", rules, *more]
    for name, addresses in interfaces.items():
        command += ["--iface", f"{name}={','.join(addresses)}"]
    done = subprocess.run(command, input=lines, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise Trouble(f"probe exits with {done.returncode}: {done.stderr.strip()}")
    if done.stderr:
        sys.stderr.write(done.stderr)
    return done.stdout.splitlines()
