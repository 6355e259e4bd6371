"""Several processes on one address: all of them serve, none stays away, and they end together."""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.app.workers import ALONE, Worker
from tests.conftest import Needs
from tests.peers.answers import by_path, plain
from tests.peers.changes import DEADLINE
from tests.peers.gateway import Site, visitor
from tests.peers.ports import free_port
from tests.peers.redis import RedisServer, single
from tests.peers.talk import dial, request
from tests.peers.upstream import Exchange, upstream
from tests.proxy.app.house import HOST, readiness, site, until
from tests.proxy.app.test_serve import started

COUNT = 2


@pytest.fixture(scope="module")
def redis(needs: Needs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    needs("redis-server")
    with single(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def several(tmp_path: Path, redis: RedisServer) -> Site:
    """A site of two workers; nothing is behind it yet."""
    redis.says("FLUSHALL")
    made = site(tmp_path, "http://127.0.0.1:9", workers=COUNT, drain="20s")
    made.settings["state"] = {"shared": f"redis://127.0.0.1:{redis.port}"}
    made.operations = consecutive(COUNT)
    return made


def consecutive(count: int) -> int:
    """The first of so many free ports."""
    while True:
        ports = [free_port() for _ in range(count)]
        if ports == list(range(ports[0], ports[0] + count)):
            return ports[0]


def workers(supervisor: int) -> set[int]:
    """The processes that it keeps (proc_pid_children(5))."""
    return {int(pid) for pid in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()}


def alive(pid: int) -> bool:
    """A process that ended and that nobody waits for is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def ready(made: Site) -> bool:
    """Each worker tells on a port of its own."""
    try:
        asked = [replace(made, operations=made.operations + number) for number in range(COUNT)]
        return [await readiness(each) for each in asked] == [(200, [])] * COUNT
    except OSError:
        return False


async def test_a_worker_that_is_killed_is_started_again_and_all_drain_together(several: Site) -> None:
    go_on = asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        await go_on.wait()
        await plain(b"at last")(exchange)

    answers = by_path({"/dashboard/slow": slow, "*": plain(b"hello")})
    async with upstream(answers) as instance:
        several.estate["instances"][0]["upstream"] = instance.url  # type: ignore[index]
        async with several.process() as supervisor, visitor(several) as dora:
            await until(lambda: ready(several))
            await dora.logged_in("dora", HOST)
            before = workers(supervisor.pid)
            assert len(before) == COUNT
            os.kill(min(before), signal.SIGKILL)

            async def again() -> bool:
                return len(workers(supervisor.pid) - before) == 1 and await ready(several)

            await until(again)
            mine = ("Cookie", dora.cookie(HOST))
            for _ in range(20):  # the kernel gives each connection to any of them
                async with dial(several.port) as line:
                    await line.send(request("GET", "/dashboard/", mine, host=f"{HOST}:{several.port}"))
                    assert (await line.response()).status == 200
            now = workers(supervisor.pid)
            async with dial(several.port) as line:
                await line.send(request("GET", "/dashboard/slow", mine, host=f"{HOST}:{several.port}"))
                await instance.until(lambda: instance.requests[-1].target == b"/dashboard/slow")
                supervisor.send_signal(signal.SIGTERM)

                async def one_left() -> bool:
                    return sum(map(alive, now)) == 1

                await until(one_left)
                go_on.set()
                assert (await line.response()).body == b"at last"
            async with asyncio.timeout(DEADLINE):
                assert await supervisor.wait() == 0
            assert not any(map(alive, now))


async def test_workers_end_when_their_supervisor_is_killed(several: Site) -> None:
    async with several.process(stop=None) as supervisor:
        await until(lambda: ready(several))
        now = workers(supervisor.pid)
        supervisor.kill()

        async def gone() -> bool:
            return not any(map(alive, now))

        await until(gone)


def test_an_address_that_is_taken_ends_all_of_them(several: Site) -> None:
    several.write()
    with socket.create_server(("127.0.0.1", several.port)):
        ended = started(several)
    assert ended.returncode == 1
    assert f"server.listen: nothing can listen on 127.0.0.1:{several.port}: Address already in use." in ended.stderr


def test_a_wrong_configuration_starts_none(several: Site) -> None:
    several.settings["state"] = {}
    several.write()
    ended = started(several)
    assert ended.returncode == 2
    assert ended.stderr.count("server.workers: must be 1 while state.shared is embedded") == 1


def test_what_only_one_may_do_the_first_does() -> None:
    assert [Worker(number=number, count=2).leads for number in range(2)] == [True, False]
    assert (ALONE.leads, ALONE.shares) == (True, False)
