"""The npm package that runs inside Node-RED, held by its own tests under Node's test runner."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[2] / "node-red"


def manifest() -> dict[str, Any]:
    return json.loads((PACKAGE / "package.json").read_text())


def test_the_package_passes_its_own_tests(needs: Callable[..., Path]) -> None:
    """Node 18 or newer; an older one fails here with its own words."""
    files = sorted(str(path) for path in (PACKAGE / "test").glob("*.test.js"))
    ran = subprocess.run(
        [needs("node"), "--test", *files], cwd=PACKAGE, capture_output=True, text=True, timeout=100, check=False
    )
    assert files
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_package_depends_on_nothing() -> None:
    fields = ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies", "bundledDependencies")
    assert not [field for field in fields if field in manifest()]


def test_the_package_ships_every_file_it_loads() -> None:
    """A module missing from `files` works in a checkout and fails once installed."""
    shipped = set(manifest()["files"])
    modules = {path.name for path in PACKAGE.glob("*.js")}
    assert modules | {"index.html", "README.md"} == shipped
