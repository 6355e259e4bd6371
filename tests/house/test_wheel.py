"""The wheel that is built from this tree holds all that a gateway needs where there is no checkout."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.conftest import ROOT

PACKAGES = ("config", "auth_plugins", "proxy")
MATERIAL = {"node-red": "proxy/cli/material/node-red", "examples/demo": "proxy/cli/material/examples/demo"}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=100)
    [wheel] = folder.glob("*.whl")
    return zipfile.ZipFile(wheel)


def test_it_holds_every_file_of_the_three_packages(built: zipfile.ZipFile, tracked: list[Path]) -> None:
    """Templates, styles, migrations and the marks of typed packages among them."""
    ours = {path.as_posix() for path in tracked if path.parts[0] in PACKAGES}
    assert {"proxy/py.typed", "config/py.typed", "auth_plugins/py.typed"} <= ours
    assert {Path(name).suffix for name in ours} >= {".html", ".css", ".svg", ".py"}
    assert ours - set(built.namelist()) == set()


def test_it_holds_what_the_demo_starts_node_red_with(built: zipfile.ZipFile, tracked: list[Path]) -> None:
    """Of the plugin what npm would install, of the demo everything."""
    demo = [path.relative_to("examples/demo") for path in tracked if path.is_relative_to("examples/demo")]
    plugin = [
        path.relative_to("node-red") for path in tracked if path.parts[0] == "node-red" and "test" not in path.parts
    ]
    wanted = {f"{MATERIAL['examples/demo']}/{path.as_posix()}" for path in demo}
    wanted |= {f"{MATERIAL['node-red']}/{path.as_posix()}" for path in plugin}
    assert len(wanted) > 5
    assert wanted - set(built.namelist()) == set()


def test_it_holds_nothing_that_only_a_checkout_has(built: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in built.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert [name for name in built.namelist() if name.endswith(".pyc") or "node_modules" in name] == []


def test_it_carries_the_licence_the_command_and_the_plugins(built: zipfile.ZipFile) -> None:
    [info] = {name.split("/")[0] for name in built.namelist() if ".dist-info/" in name}
    entries = built.read(f"{info}/entry_points.txt").decode()
    assert "flowward = proxy.cli:main" in entries
    assert "[flowward.auth_plugins]" in entries
    assert f"{info}/licenses/LICENSE" in built.namelist()
    assert "License-Expression: Apache-2.0" in built.read(f"{info}/METADATA").decode()
