"""Replicas that start together: tables, estate files and links are made once; other secrets are refused."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import time

import pytest

from config.keys import Keys, load_or_create
from proxy.app import Running
from tests.conftest import Needs
from tests.peers.gateway import HASH, Site, estate
from tests.peers.postgresql import Postgresql
from tests.peers.redis import RedisServer, single

ADA = {"username": "ada", "password_hash": HASH, "memberships": {"acme": "owner"}}
ROOT = {"username": "root", "admin": True, "link": "activation"}


def replicas(folder: Path, count: int, state: dict[str, object]) -> Sequence[Site]:
    """Each with a folder of its own for its configuration, and one for their secrets."""
    line = {"slug": "line-3", "hosts": ["line-3.localhost"], "upstream": "http://127.0.0.1:9"}
    made = [Site(folder / f"replica-{number}", estate([line], users=[ADA, ROOT])) for number in range(count)]
    for site in made:
        site.settings = {"state": {"directory": str(folder / "var"), **state}, "log": {"level": "error"}}
        site.settings["server"] = {"public_url": made[0].home}
    return made


async def together(sites: Sequence[Site]) -> Sequence[Running]:
    """Start all of them at once, and stop them when all serve."""
    serving = asyncio.Barrier(len(sites))

    async def one(site: Site) -> Running:
        async with site.running() as running:
            await serving.wait()
            return running

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(site)) for site in sites]
    return [task.result() for task in tasks]


async def test_what_is_made_at_the_first_start_is_made_once(
    tmp_path: Path, postgresql_server: Postgresql, redis_server: RedisServer, capfd: pytest.CaptureFixture[str]
) -> None:
    """On a database without a table, in a folder without secrets."""
    redis_server.says("FLUSHALL")
    url = postgresql_server.url(await postgresql_server.new_database())
    sites = replicas(tmp_path, 3, {"database": url, "shared": f"redis://127.0.0.1:{redis_server.port}"})
    running = await together(sites)
    assert capfd.readouterr().err.count("root chooses a password at") == 1
    estates = [each.gateway.gate.world.estate for each in running]
    assert {len(each.resources) for each in estates} == {2}
    kids = {str(each.gateway.signer.keys.jwks(0.0)) for each in running}
    assert len(kids) == 1


def served(site: Site) -> "subprocess.CompletedProcess[str]":
    site.write()
    command = [sys.executable, "-m", "proxy.cli", "serve", "-c", str(site.path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)


async def test_a_replica_with_other_secrets_does_not_start_until_it_has_those_of_the_others(
    tmp_path: Path, postgresql_server: Postgresql, redis_server: RedisServer
) -> None:
    redis_server.says("FLUSHALL")
    url = postgresql_server.url(await postgresql_server.new_database())
    state = {"database": url, "shared": f"redis://127.0.0.1:{redis_server.port}"}
    first, second = replicas(tmp_path, 2, state)
    other = tmp_path / "other"
    second.settings["state"]["directory"] = str(other)
    async with first.running():
        refused = await asyncio.to_thread(served, second)
        assert refused.returncode == 2
        assert f"{other}/secret: state.directory: holds another secret than the gateways" in refused.stderr
        assert f"Copy secret and signing-keys.json from the state.directory of one of them to {other}" in refused.stderr
        for name in ("secret", "signing-keys.json"):
            await asyncio.to_thread(shutil.copy2, tmp_path / "var" / name, other / name)
        async with second.running():
            pass


def rotated_in(directory: Path) -> Keys:
    return load_or_create(directory, time()).rotate(time())


async def test_a_replica_whose_copy_of_the_keys_is_old_takes_over_nothing_until_it_has_the_new_one(
    tmp_path: Path, postgresql_server: Postgresql, redis_server: RedisServer
) -> None:
    """Neither at its start nor by a reload; what it serves with meanwhile, it goes on with."""
    redis_server.says("FLUSHALL")
    url = postgresql_server.url(await postgresql_server.new_database())
    state = {"database": url, "shared": f"redis://127.0.0.1:{redis_server.port}"}
    first, second = replicas(tmp_path, 2, state)
    var, copy = tmp_path / "var", tmp_path / "copy"
    second.settings["state"]["directory"] = str(copy)
    async with first.running() as running:
        await asyncio.to_thread(shutil.copytree, var, copy)
        async with second.running() as other:
            rotated = await asyncio.to_thread(rotated_in, var)
            await running.reloader.reload()
            await other.reloader.reload()
            assert (other.reloader.refused, len(other.gateway.signer.keys.signing)) == (1, 1)
            refused = await asyncio.to_thread(served, second)
            assert refused.returncode == 2
            assert (
                f"{copy}/signing-keys.json: state.directory: lacks the key {rotated.signing[-1].kid}" in refused.stderr
            )
            await asyncio.to_thread(shutil.copy2, var / "signing-keys.json", copy)
            await other.reloader.reload()
            assert other.gateway.signer.jwks() == running.gateway.signer.jwks()
        async with second.running():
            pass


async def test_a_redis_that_forgets_is_warned_of_at_the_start(
    needs: Needs, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    needs("redis-server")
    with single(tmp_path, "appendonly no") as forgetful:
        (site,) = replicas(tmp_path, 1, {"shared": f"redis://127.0.0.1:{forgetful.port}"})
        site.settings["log"] = {"level": "warning"}
        async with site.running():
            pass
    (warned,) = [line for line in map(json.loads, capfd.readouterr().out.splitlines()) if line.get("event") == "state"]
    assert warned["problem"].startswith("state.shared: this Redis has appendonly no")
    assert warned["problem"].endswith("Set appendonly yes there.")


async def test_adopted_secrets_replace_lost_ones(
    tmp_path: Path, postgresql_server: Postgresql, redis_server: RedisServer
) -> None:
    redis_server.says("FLUSHALL")
    url = postgresql_server.url(await postgresql_server.new_database())
    (site,) = replicas(tmp_path, 1, {"database": url, "shared": f"redis://127.0.0.1:{redis_server.port}"})
    async with site.running():
        pass
    await asyncio.to_thread(shutil.rmtree, tmp_path / "var")
    command = [sys.executable, "-m", "proxy.cli", "keys", "adopt", "-c", str(site.path)]
    adopted = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=90, check=False)
    assert (
        adopted.stdout
        == f"Gateways with the secrets of {tmp_path}/var may start. Restart those that run with others.\n"
    )
    async with site.running():
        pass
