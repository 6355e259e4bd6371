"""A full disk refuses what would have to be on record, and lets it through again once there is room."""

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import Needs
from tests.peers.answers import plain
from tests.peers.gateway import Site, Visitor, visitor
from tests.peers.upstream import Upstream, upstream
from tests.proxy.app.house import HOST, site

SIZE = 4 * 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path, needs: Needs) -> Iterator[Path]:
    """A file system of four megabytes."""
    mount, unmount, there = needs("mount"), needs("umount"), tmp_path / "small"
    there.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={SIZE}", "flowward-test", str(there)]
    mounted = subprocess.run([mount, *options], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a file system cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield there
    subprocess.run([unmount, str(there)], check=True)


def fill(disk: Path) -> Path:
    """A file that takes all the room there is."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            return filler
    raise AssertionError


def written(disk: Path, event: str) -> int:
    """How often an event is on record."""
    with closing(sqlite3.connect(disk / "flowward.sqlite")) as database:
        [[count]] = database.execute("SELECT count(*) FROM audit_event WHERE event = ? AND error = ''", [event])
    return int(count)


def made(folder: Path, disk: Path, url: str) -> Site:
    found = site(folder, url)
    found.settings |= {"state": {"directory": str(disk)}, "limits": {"login": "1000/s", "anonymous": "1000/s"}}
    return found


async def deploy(somebody: Visitor, gate: Site) -> int:
    """Ask for the smallest change an editor makes; the status of the answer."""
    answer = await somebody.request(
        "POST",
        f"{gate.origin(HOST)}/admin/flows",
        headers={"Origin": gate.origin(HOST), "Content-Type": "application/json"},
        data=b"[]",
    )
    return answer.status


def writes(instance: Upstream) -> int:
    """How many writes reached the instance."""
    return sum(request.method == b"POST" for request in instance.requests)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")
async def test_what_cannot_be_on_record_does_not_happen(tmp_path: Path, small_disk: Path) -> None:
    async with upstream(plain(b"{}")) as instance:
        gate = made(tmp_path, small_disk, instance.url)
        async with gate.process(), visitor(gate, "max", HOST) as editor, visitor(gate) as late:
            assert await deploy(editor, gate) == 200
            reached, logins = writes(instance), written(small_disk, "account.login")
            filler = fill(small_disk)

            refused = await late.log_in("olga", f"{gate.home}/")
            assert refused.status == 503
            page = await late.navigate(f"{gate.origin(HOST)}/dashboard/")
            assert 'name="password"' in await page.text(), "nobody was let in"
            assert await deploy(editor, gate) == 503
            assert writes(instance) == reached, "the instance heard nothing of it"

            filler.unlink()
            assert (await late.log_in("olga", f"{gate.home}/")).status == 200
            assert await deploy(editor, gate) == 200
            assert written(small_disk, "account.login") == logins + 1, (
                "what was refused is not there as if it had been done"
            )
