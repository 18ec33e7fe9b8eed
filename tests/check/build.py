"""Where judge.c was built: JUDGE names it, else make builds it."""
from __future__ import annotations

import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def judge() -> str:
    """Its path."""
    if "JUDGE" in os.environ:
        return os.environ["JUDGE"]
    target = os.path.join("build", "cc-release", "tests", "judge")
    subprocess.run(["make", "-s", target], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return os.path.join(ROOT, target)
