"""A session ends while a real Dashboard page is open: its sockets close within a second, and the page says why."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.peers.browser import Chromium, Visitor
from tests.peers.nodered import Programs
from tests.real.place import Place, at_dashboard, fill_in, place, sees_dashboard

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

A_SECOND = 1.0
ABSOLUTE = 20.0
RELOADS = 30_000.0
"""Milliseconds for Dashboard's page to try again, notice, and reload itself."""


async def ends_on_login(where: Place, visitor: Visitor) -> None:
    """From there the way leads back to the dashboard."""
    await visitor.page.get_by_role("heading", name="Log in").wait_for(timeout=RELOADS)
    assert visitor.page.url.startswith(f"{where.site.home}/-/login?to=")


async def closed(visitor: Visitor) -> None:
    await visitor.until(lambda: visitor.closed_sockets, seconds=A_SECOND)


async def test_logging_out_elsewhere_ends_the_page_on_the_login(line: Place, chromium: Chromium) -> None:
    async with chromium.visitor() as dora:
        await at_dashboard(line, dora, "dora")
        elsewhere = await dora.new_tab()
        await elsewhere.goto(line.origin + "/-/logout")
        await elsewhere.get_by_role("button", name="Log out").click()
        await closed(dora)
        await elsewhere.get_by_role("heading", name="You are logged out").wait_for()
        await ends_on_login(line, dora)
        await fill_in(dora, "dora")
        await sees_dashboard(dora, "dora")


async def test_suspending_somebody_ends_their_page_and_nobody_elses(line: Place, chromium: Chromium) -> None:
    async with chromium.visitor() as dora, chromium.visitor() as vic:
        await at_dashboard(line, dora, "dora")
        await at_dashboard(line, vic, "vic")
        try:
            await line.flowward("user", "suspend", "dora")
            await closed(dora)
            await ends_on_login(line, dora)
            await fill_in(dora, "dora")
            await dora.page.get_by_role("alert").wait_for()
        finally:
            await line.flowward("user", "resume", "dora")
        assert vic.closed_sockets == []


@pytest.mark.parametrize("whose", ["everywhere", "on this instance"])
async def test_a_session_that_runs_out_ends_its_page(
    node_red_programs: Programs, chromium: Chromium, tmp_path: Path, whose: str
) -> None:
    """Sockets and polls are no activity, and no session outlives `absolute`, of the gateway or the instance."""
    idle, absolute = f"{ABSOLUTE - 1:.0f}s", f"{ABSOLUTE:.0f}s"
    everywhere = {"session": {"absolute": absolute, "idle": idle}} if whose == "everywhere" else {}
    here = {"session": {"absolute": absolute, "idle": idle}} if whose == "on this instance" else {}
    async with place(node_red_programs, tmp_path, settings=everywhere, instance=here) as where:
        async with chromium.visitor() as dora:
            await at_dashboard(where, dora, "dora")
            await dora.until(lambda: dora.closed_sockets, seconds=ABSOLUTE + A_SECOND)
            await ends_on_login(where, dora)
            await fill_in(dora, "dora")
            await sees_dashboard(dora, "dora")


async def test_a_role_that_is_taken_away_ends_the_page_and_one_that_is_lowered_is_told_to_flows(
    node_red_programs: Programs, chromium: Chromium, tmp_path: Path
) -> None:
    """By the file, read again on SIGHUP. Who has no role left is not led in circles through the login."""
    async with place(node_red_programs, tmp_path) as where, chromium.visitor() as dora, chromium.visitor() as max_:
        await at_dashboard(where, dora, "dora")
        await at_dashboard(where, max_, "max")
        _set_role(where, "dora", None)
        _set_role(where, "max", "viewer")
        await asyncio.to_thread(where.site.write)
        where.gateway.send_signal(signal.SIGHUP)
        await asyncio.gather(closed(dora), closed(max_))
        await dora.page.get_by_role("heading", name="Page not found").wait_for(timeout=RELOADS)
        await max_.until(lambda: sum(frame.payload == "5" for frame in max_.frames) == 2, seconds=30)
        await where.seen()
        await max_.page.get_by_role("button", name="Press").click()
        await max_.page.get_by_text("pressed").first.wait_for()
        [told] = [one["_client"]["user"] for one in await where.seen() if one["from"] == "button"]  # type: ignore[index]
        assert told["role"] == "viewer"


def _set_role(where: Place, name: str, role: str | None) -> None:
    for person in where.site.estate["users"]:  # type: ignore[attr-defined]
        if person["username"] == name:
            person["memberships"] = {"acme": role} if role else {}
