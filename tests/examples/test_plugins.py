"""The plugins of the examples, installed as other people's are: built, put beside Flowward, found by their entry points."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from tests.peers.gateway import Site, estate, visitor

EXAMPLES = Path(__file__).parents[2] / "examples" / "plugins"
NAMES = sorted(path.name for path in EXAMPLES.iterdir() if (path / "pyproject.toml").is_file())


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every example, each from its own wheel."""
    folder, wheels = tmp_path_factory.mktemp("installed"), tmp_path_factory.mktemp("wheels")
    for name in NAMES:
        run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)], EXAMPLES / name)
    built = [str(wheel) for wheel in sorted(wheels.glob("*.whl"))]
    run(
        [sys.executable, "-m", "uv", "pip", "install", "--no-deps", "--offline", "--target", str(folder), *built],
        folder,
    )
    return folder


def run(command: Sequence[str], where: Path, path: Path | None = None) -> str:
    environment = os.environ | ({"PYTHONPATH": str(path)} if path else {})
    done = subprocess.run(command, check=False, cwd=where, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_its_own_tests_pass_where_it_is_installed(name: str, installed: Path, tmp_path: Path) -> None:
    """Run as its author runs them, without a setting of ours."""
    tests = EXAMPLES / name / "tests"
    ways = ["-o", "asyncio_mode=auto", "-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", str(tests), "-q"]
    said = run([sys.executable, "-m", "pytest", *ways, "-c", os.devnull, str(tests)], tmp_path, installed)
    assert " passed" in said


@pytest.fixture
def site(tmp_path: Path, installed: Path) -> Site:
    hashing = "from flowward_badge import hashed; print(hashed('2718'))"
    pin = run([sys.executable, "-c", hashing], tmp_path, installed).strip()
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "people.csv").write_text(f"0815, kim, Kim, {pin}\n", encoding="utf-8")
    made = Site(folder, estate([]))
    badge = {"name": "badge", "plugin": "badge", "title": "Badge", "people": "people.csv", "provision": True}
    made.settings["auth"] = [{"name": "local", "plugin": "local"}, badge]  # type: ignore[assignment]
    return made


async def test_a_gateway_lets_people_in_by_an_installed_plugin(
    site: Site, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(installed))
    async with site.process(), visitor(site) as somebody:
        page = await (await somebody.navigate(f"{site.home}/-/login?with=badge")).text()
        assert "Number of your badge" in page
        await somebody.fill_in(page, badge="0815", pin="2718")
        answer = await somebody.request("GET", f"{site.home}/-/me", headers={"Accept": "application/json"})
        assert (answer.status, (await answer.json())["username"]) == (200, "kim")


async def test_a_wrong_option_is_told_by_its_name(site: Site, installed: Path) -> None:
    site.write()
    wrong = yaml.safe_load(site.path.read_text())
    wrong["auth"][1]["peple"] = wrong["auth"][1].pop("people")
    site.path.write_text(yaml.safe_dump(wrong))
    command = [sys.executable, "-m", "proxy.cli", "check", "-c", str(site.path)]
    environment = os.environ | {"PYTHONPATH": str(installed)}
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE, env=environment)
    _, complaint = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 2
    assert "auth.badge: option 'peple' is unknown" in complaint.decode()
    assert "auth.badge: option 'people' is missing" in complaint.decode()
