"""Node-RED goes away and comes back, the gateway is killed and comes back: pages recover, and nobody logs in again."""

import os
import signal
from pathlib import Path

import pytest

from tests.peers.browser import Chromium, Visitor
from tests.peers.nodered import Programs
from tests.real.place import Place, at_dashboard, place

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

PATIENCE = 30.0
"""Seconds for Dashboard's page, which tries every 2.5 s, to find its way back on a busy machine."""


def answers(visitor: Visitor) -> int:
    return sum('"msg-input:answer"' in str(frame.payload) for frame in visitor.frames if frame.way == "got")


async def comes_back(visitor: Visitor, upgrades: int) -> None:
    """The page has a new socket, and its button is answered."""
    await visitor.until(lambda: sum(frame.payload == "5" for frame in visitor.frames) > upgrades, seconds=PATIENCE)
    before = answers(visitor)
    await visitor.page.get_by_role("button", name="Press").click()
    await visitor.until(lambda: answers(visitor) > before)


def upgrades(visitor: Visitor) -> int:
    return sum(frame.payload == "5" for frame in visitor.frames)


async def test_r_70_pages_recover_by_themselves_when_node_red_is_restarted(
    node_red_programs: Programs, chromium: Chromium, tmp_path: Path
) -> None:
    async with place(node_red_programs, tmp_path) as where, chromium.visitor() as dora, chromium.visitor() as max_:
        await at_dashboard(where, dora, "dora")
        await at_dashboard(where, max_, "max")
        before = upgrades(dora)
        os.killpg(where.node.process.pid, signal.SIGTERM)
        await where.node.process.wait()
        await dora.until(lambda: dora.closed_sockets)
        answer = await max_.page.goto(where.admin)
        assert answer is not None
        assert answer.status == 502
        await max_.page.get_by_role("heading", name="Node-RED does not answer").wait_for()
        async with where.start_node():
            await max_.page.locator("#red-ui-header-button-deploy").wait_for(timeout=60_000)
            await comes_back(dora, before)
            assert dora.page.url == where.page


async def test_who_was_logged_in_still_is_when_the_gateway_was_killed(
    node_red_programs: Programs, chromium: Chromium, tmp_path: Path
) -> None:
    async with place(node_red_programs, tmp_path) as where, chromium.visitor() as dora:
        await at_dashboard(where, dora, "dora")
        cookies, before = await dora.cookies(), upgrades(dora)
        await _kill(where)
        await dora.until(lambda: dora.closed_sockets)
        async with where.site.process():
            await comes_back(dora, before)
            assert dora.page.url == where.page
            await dora.page.goto(where.site.home)
            await dora.page.get_by_role("heading", name="Your instances").wait_for()
            assert cookies.items() <= (await dora.cookies()).items()


async def _kill(where: Place) -> None:
    where.gateway.kill()
    await where.gateway.wait()
