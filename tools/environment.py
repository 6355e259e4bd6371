"""Makes the virtual environment from the hashed pins: python3 tools/environment.py FOLDER [--with GROUP]... [--frozen].

Only the pins that the product, its build backend and the named groups of pyproject.toml's optional dependencies need
are installed, then the product itself from this checkout: editable, or with --frozen as a copy. A second run with
nothing changed returns at once. This file runs on any Python 3, so that an old one gets a clear answer.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

OLDEST = (3, 11)
NEWER = ["python3.13", "python3.12", "python3.11"]
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main():
    arguments = read_arguments()
    use_new_enough_python()
    folder = os.path.abspath(arguments.folder)
    wanted = [fingerprint(arguments.frozen)] + sorted(arguments.groups)
    stamp = os.path.join(folder, ".installed")
    if any(set(wanted) <= set(line.split()) for line in installed(stamp)):
        return
    if not os.path.exists(os.path.join(folder, "bin", "pip")):
        create(folder)
    install(folder, arguments.groups, arguments.frozen)
    with open(stamp, "a") as done:
        done.write(" ".join(wanted) + "\n")


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0] + ".")
    parser.add_argument("folder")
    parser.add_argument("--with", dest="groups", action="append", default=[], metavar="GROUP")
    parser.add_argument("--frozen", action="store_true")
    return parser.parse_args()


def use_new_enough_python():
    """Go on under a newer interpreter of the machine where this one is too old."""
    if sys.version_info >= OLDEST:
        return
    found = next(filter(None, map(shutil.which, NEWER)), None)
    if found is None:
        sys.exit(
            "Flowward needs Python %d.%d or newer; this is %s, and none of %s is on PATH.\n"
            "Install one (Debian 12: apt-get install python3 python3-venv) and try again, or name it: "
            "make PYTHON=/path/to/python3.11" % (OLDEST + (sys.version.split()[0], ", ".join(NEWER)))
        )
    os.execv(found, [found] + sys.argv)


def fingerprint(frozen):
    """Stands for what would be installed, whatever the groups."""
    told = hashlib.sha256(b"frozen" if frozen else b"editable")
    for name in ["constraints.txt", "pyproject.toml"]:
        with open(os.path.join(ROOT, name), "rb") as file:
            told.update(file.read())
    return told.hexdigest()


def installed(stamp):
    try:
        with open(stamp) as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


def create(folder):
    print("Making %s with Python %s ..." % (os.path.relpath(folder), sys.version.split()[0]), flush=True)
    try:
        import ensurepip  # noqa: F401, PLC0415 - absent where the distribution splits it off
    except ImportError:
        sys.exit("This Python has no venv module: Debian and Ubuntu keep it apart, apt-get install python3-venv")
    run([sys.executable, "-m", "venv", "--clear", folder])


def install(folder, groups, frozen):
    pip = [os.path.join(folder, "bin", "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    print("Installing the pinned packages for %s ..." % " and ".join(["the product"] + groups), flush=True)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as pins:
        pins.write(selected_pins(groups))
        pins.flush()
        run(pip + ["--require-hashes", "-r", pins.name])
    run(pip + ["--no-deps", "--no-build-isolation"] + ([] if frozen else ["--editable"]) + [ROOT])


def selected_pins(groups):
    """The part of constraints.txt that the product, its build backend and `groups` need."""
    with open(os.path.join(ROOT, "constraints.txt")) as file:
        blocks = re.split(r"^(?=[A-Za-z0-9])", file.read(), flags=re.MULTILINE)[1:]
    pins = {re.split(r"[=\[ ]", block)[0]: block for block in blocks}
    asked_by = {
        name: set(re.findall(r"#\s+(?:via )?([a-z0-9-]+)$", block, re.MULTILINE)) for name, block in pins.items()
    }
    needed = set(direct(groups))
    while True:
        more = {name for name, askers in asked_by.items() if askers & needed} - needed
        if not more:
            return "".join(block for name, block in sorted(pins.items()) if name in needed)
        needed |= more


def direct(groups):
    """Names that pyproject.toml asks for itself."""
    import tomllib  # noqa: PLC0415 - the standard library has it from 3.11 on

    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        asked = tomllib.load(file)
    lines = asked["project"]["dependencies"] + asked["build-system"]["requires"]
    for group in groups:
        lines += asked["project"]["optional-dependencies"][group]
    return [re.split(r"[^A-Za-z0-9._-]", line)[0].lower().replace("_", "-").replace(".", "-") for line in lines]


def run(command):
    done = subprocess.call(command)
    if done:
        sys.exit("This failed (exit %d): %s" % (done, " ".join(command)))


if __name__ == "__main__":
    main()
