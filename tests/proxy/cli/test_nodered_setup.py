"""Node-RED is found, started with what was asked for, and stopped with everything it started."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from proxy.cli import nodered_setup
from proxy.cli.nodered_setup import CannotRun, Installation, Settings, free_port, npm_install, running, settings_js
from tests.peers.changes import DEADLINE
from tests.peers.nodered import Programs, nodered
from tests.peers.talk import dial, request


def test_settings_hold_what_was_asked_for_and_nothing_that_calls_outside() -> None:
    text = settings_js(Settings(port=1881, admin_root="/admin", modules=[Path("/etc/flowward.settings.js")]))
    assert '"uiPort": 1881,' in text
    assert '"httpAdminRoot": "/admin",' in text
    assert '...require("/etc/flowward.settings.js"),' in text
    assert '"telemetry": {"enabled": false, "updateNotification": false},' in text


def test_npm_that_is_absent_is_named_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotRun, match=r"npm is not on PATH: install Node\.js with npm"):
        npm_install(tmp_path / "program", "node-red@0.0.0")


def test_npm_that_fails_is_quoted_and_tried_again_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho no such package >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotRun, match="no such package"):
        npm_install(tmp_path / "program", "wrong@1")
    npm.write_text("#!/bin/sh\nexit 0\n")
    assert npm_install(tmp_path / "program", "right@1") == tmp_path / "program" / "node_modules"
    npm.unlink()
    assert npm_install(tmp_path / "program", "right@1") == tmp_path / "program" / "node_modules"


def test_what_ships_with_the_product_is_there() -> None:
    package = json.loads((nodered_setup.material("node-red") / "package.json").read_text())
    assert package["name"] == nodered_setup.OWN_PLUGIN
    assert (nodered_setup.material("examples/demo") / "flows.json").exists()


async def test_a_program_that_ends_at_once_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    script = tmp_path / "broken.py"
    script.write_text("print('port in use')")
    broken = Installation(node=Path(sys.executable), start=script, packages=tmp_path)
    with pytest.raises(CannotRun, match="Node-RED ended; the end of its log:\nport in use"):
        async with running(broken, tmp_path / "home", Settings(port=free_port())):
            pass


@pytest.mark.real
async def test_node_red_answers_at_once_and_is_gone_afterwards(node_red_programs: Programs, tmp_path: Path) -> None:
    async with nodered(node_red_programs, tmp_path, admin_root="/admin", plugin=None) as started:
        async with dial(started.settings.port) as line:
            await line.send(request("GET", "/hooks/ping"))
            assert json.loads((await line.response()).body) == {"pong": True}
    assert started.process.returncode is not None
    with pytest.raises(ConnectionRefusedError):
        async with dial(started.settings.port):
            pass


@pytest.mark.real
async def test_node_red_ends_when_whoever_started_it_is_killed(node_red_programs: Programs, tmp_path: Path) -> None:
    """Its standard input is a pipe held by its parent: when the parent is gone, however it went, it reads the end."""
    installation = node_red_programs.installation
    script = tmp_path / "parent.py"
    script.write_text(
        "import asyncio\nfrom pathlib import Path\n"
        "from proxy.cli.nodered_setup import Installation, Settings, free_port, running\n"
        "async def main():\n"
        f"    programs = Installation(node=Path({str(installation.node)!r}), start=Path({str(installation.start)!r}),"
        f" packages=Path({str(installation.packages)!r}))\n"
        f"    async with running(programs, Path({str(tmp_path / 'home')!r}), Settings(port=free_port())) as started:\n"
        "        print(started.process.pid, flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        str(script),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(nodered_setup.CHECKOUT)},
    )
    assert parent.stdout is not None
    child = os.pidfd_open(int(await parent.stdout.readline()))
    try:
        parent.send_signal(signal.SIGKILL)
        await parent.wait()
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(child, ended.set)
        async with asyncio.timeout(DEADLINE):
            await ended.wait()
    finally:
        asyncio.get_running_loop().remove_reader(child)
        os.close(child)
