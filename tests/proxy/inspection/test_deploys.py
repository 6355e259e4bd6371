"""Comparing deploys holds no deploy up, and holds little in memory."""

import asyncio
import json
from pathlib import Path

from tests.peers import answers
from tests.peers.talk import dial
from tests.peers.upstream import Exchange, upstream
from tests.proxy.inspection.house import House, house
from tests.proxy.inspection.test_writes import FLOWS, deploy, node_red, recorded

AT_ONCE = 4


async def test_of_many_deploys_at_once_only_some_are_compared(tmp_path: Path) -> None:
    """Each would hold up to 16 MiB. The others go through as fast, and the record says why it does not count."""
    arrived, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        await exchange.body()
        arrived.release()
        await go_on.wait()
        told = json.dumps({"rev": "r2"}).encode()
        await answers.plain(told, (b"Content-Type", b"application/json"))(exchange)

    async def one(gate: House) -> int:
        async with dial(gate.port) as line:
            return await deploy(gate, line, FLOWS)

    async with upstream(node_red(post=slow)) as instance, house(tmp_path, instance.url) as gate:
        deploys = [asyncio.create_task(one(gate)) for _ in range(AT_ONCE + 2)]
        for _ in deploys:
            await arrived.acquire()
        go_on.set()
        assert await asyncio.gather(*deploys) == [200] * len(deploys)
        done = [event for event in await recorded(gate, 2 * len(deploys), "flows.set") if event.phase == "outcome"]
        assert sum("nodes" in event.body for event in done) == AT_ONCE
        assert [event.body.get("not_compared") for event in done].count("busy") == 2
        assert await one(gate) == 200
        assert "nodes" in (await recorded(gate, 2 * len(deploys) + 2, "flows.set"))[-1].body
