"""A real Dashboard page behind the gateway, in Chromium."""

import json

import pytest

from tests.peers.browser import Chromium
from tests.real.place import Place, at_dashboard

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]


async def test_d_14_d_15_a_page_begins_with_polls_and_gets_a_thousand_messages_in_order(
    line: Place, chromium: Chromium
) -> None:
    """Nothing is refused, nothing is an error."""
    async with chromium.visitor() as dora:
        polls: list[str] = []
        dora.page.on(
            "request", lambda request: polls.append(request.url) if "transport=polling" in request.url else None
        )
        await at_dashboard(line, dora, "dora")
        assert len(polls) >= 3, "handshake, CONNECT, and a poll"
        payloads = [str(frame.payload) for frame in dora.frames]
        assert payloads[:3] == ["2probe", "3probe", "5"]
        await dora.page.get_by_role("button", name="Count").click()
        told = '42["msg-input:counted",'
        await dora.until(lambda: sum(str(frame.payload).startswith(told) for frame in dora.frames) == 1000, seconds=30)
        heard = [json.loads(str(frame.payload)[2:])[1] for frame in dora.frames if str(frame.payload).startswith(told)]
        assert [message["payload"] for message in heard] == list(range(1000))
        await dora.page.get_by_text("999").wait_for()
        assert dora.errors == []
        assert dora.refused == []


async def test_d_02_a_notice_reaches_the_tab_that_asked_alone(line: Place, chromium: Chromium) -> None:
    """D-10."""
    async with chromium.visitor() as dora, chromium.visitor() as vic:
        await at_dashboard(line, dora, "dora")
        await at_dashboard(line, vic, "vic")
        await dora.page.get_by_role("button", name="Press").click()
        await dora.until(lambda: any('"msg-input:notice"' in str(frame.payload) for frame in dora.frames))
        await vic.page.get_by_role("button", name="Press").click()  # and so hears all that came before
        await vic.until(lambda: any('"msg-input:notice"' in str(frame.payload) for frame in vic.frames))
        got = [str(frame.payload) for frame in vic.frames if '"msg-input:notice"' in str(frame.payload)]
        assert len(got) == 1
        assert "dora" not in str(vic.frames)
