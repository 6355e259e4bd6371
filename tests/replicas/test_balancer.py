"""The load balancer of docker/replicas, before two gateways: nobody notices that there are two."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.conftest import Needs
from tests.peers.changes import DEADLINE
from tests.peers.gateway import visitor
from tests.peers.ports import free_port
from tests.peers.redis import RedisServer
from tests.peers.talk import dial, request
from tests.replicas.pair import ADMIN, DASHBOARD, HOST, Pair, Replica, pair

CONFIGURATION = Path(__file__).parents[2] / "docker" / "replicas" / "haproxy.cfg"


@asynccontextmanager
async def balanced(program: Path, folder: Path, both: Pair, health: int) -> AsyncIterator[int]:
    """The port of a HAProxy that is configured as it is there, but for the addresses."""
    text, port = CONFIGURATION.read_text(), free_port()
    text = re.sub(r"bind :\d+", f"bind 127.0.0.1:{port}", text)
    text = re.sub(r"check port \d+ (.*?) resolvers docker .*", rf"check port {health} \1", text)
    for number, replica in enumerate((both.first, both.second), 1):
        text = re.sub(rf"(server flowward-{number}) \S+", rf"\1 127.0.0.1:{replica.port}", text)
    (folder / "haproxy.cfg").write_text(text)
    process = await asyncio.create_subprocess_exec(program, "-db", "-f", folder / "haproxy.cfg")
    try:
        await _listens(port)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def _listens(port: int) -> None:
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                async with dial(port):
                    return
            except OSError:
                await asyncio.sleep(0.02)


async def test_a_visit_through_the_balancer(
    needs: Needs, tmp_path: Path, database: str, redis_server: RedisServer
) -> None:
    """Login, dashboard, polls over many connections, a socket; and one gateway ends without anybody being refused."""
    program = needs("haproxy")
    await asyncio.to_thread(redis_server.says, "FLUSHALL")
    state = {"database": database, "shared": f"redis://127.0.0.1:{redis_server.port}"}
    log = {"level": "error", "access": False}
    async with pair(tmp_path / "pair", state, log=log, trusting=["127.0.0.0/8"]) as both:
        async with balanced(program, tmp_path, both, both.site.operations) as port, visitor(both.site) as root:
            root.doors = (port,)
            page = await root.log_in(str(ADMIN["username"]), f"{both.site.origin(HOST)}/dashboard/")
            assert (page.status, await page.text()) == (200, "hello")
            through = Replica(running=both.first.running, port=port)
            mine = ("Cookie", root.cookie(HOST))
            async with both.socket(through, DASHBOARD, mine) as socket:
                await socket.say(1, b"hello")
                assert (await socket.hear()).payload == b"hello"
                assert await _polls(both, port, mine, 20) == {200}
                for server in both.second.running.listening:
                    server.close()
                assert await _polls(both, port, mine, 20) == {200}
            assert _polled(both.first) >= 20
            assert _polled(both.second) > 0


async def _polls(both: Pair, port: int, mine: tuple[str, str], times: int) -> set[int]:
    """Statuses of polls, each over a connection of its own."""
    found = set()
    for _ in range(times):
        async with dial(port) as line:
            poll = "/dashboard/socket.io/?EIO=4&transport=polling&sid=of-root"
            await line.send(request("GET", poll, mine, host=both.host))
            found.add((await line.response()).status)
    return found


def _polled(replica: Replica) -> int:
    """How many polls a gateway has carried."""
    tallies = replica.running.gateway.traffic.tallies.values()
    return sum(sum(each.outcomes) for each in tallies if each.surface == "socket")
