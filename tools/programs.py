"""Brings the real programs that the tests talk to: python tools/programs.py [PROGRAM-OR-FILE=DEBIAN-PACKAGE]...

Where the user is root and apt-get exists, missing programs are installed; elsewhere they are named, and the tests
that need them are skipped. Node-RED, the Dashboard and oidc-provider come from npm in any case.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from proxy.cli.nodered_setup import CannotRun
from tests.peers import nodered, oidc_provider

PLACES = [os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"]
KEPT_ASIDE = Path("/usr/lib/postgresql")  # Debian keeps PostgreSQL's programs in a folder for each version


def main() -> None:
    wanted = dict(argument.split("=") for argument in sys.argv[1:])
    if missing := absent(wanted):
        install(missing)
    if missing := absent(wanted):
        print(f"Not installed, so tests are skipped: {', '.join(missing)} (Debian: {' '.join(missing.values())})")
    for name, installed in (("Node-RED", nodered.installed), ("oidc-provider", oidc_provider.installed)):
        try:
            installed()
        except CannotRun as error:
            print(f"Without {name} tests are skipped: {error}")


def absent(programs: dict[str, str]) -> dict[str, str]:
    return {program: package for program, package in programs.items() if not _there(program)}


def _there(program: str) -> bool:
    """A program by its name, or a file by its path, in which `*` stands for a version."""
    if program.startswith("/"):
        return any(Path("/").glob(program[1:]))
    places = os.pathsep.join([*PLACES, *map(str, KEPT_ASIDE.glob("*/bin"))])
    return shutil.which(program, path=places) is not None


def install(programs: dict[str, str]) -> None:
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return
    print(f"Installing {', '.join(programs.values())} ...", flush=True)
    quietly = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", *programs.values()]):
        subprocess.run([apt, *step], env=quietly, stdout=subprocess.DEVNULL, check=False)


if __name__ == "__main__":
    main()
