"""Runs the keep-alive clients of `clients.py` in a process of their own, on the core for load."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict
from pathlib import Path

from benchmarks.clients import Answers, Plan
from benchmarks.harness import LOAD_CORE, Failed, module


def browse(plan: Plan, folder: Path) -> Answers:
    file = folder / "plan.json"
    file.write_text(json.dumps(asdict(plan)))
    command = ["taskset", "-c", str(LOAD_CORE), *module("benchmarks.clients", file)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=plan.seconds + 60)
    if done.returncode:
        raise Failed(f"the clients of port {plan.port}: {done.stderr.strip()[-1000:]}")
    return Answers(**json.loads(done.stdout))
