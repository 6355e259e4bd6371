"""The browser peer sees what it promises to see."""

from pathlib import Path

import pytest

from tests.peers.browser import Chromium
from tests.peers.nodered import Programs, nodered

pytestmark = pytest.mark.real


async def test_a_visitor_records_frames_refusals_errors_and_closed_sockets_of_a_real_dashboard(
    node_red_programs: Programs, chromium: Chromium, tmp_path: Path
) -> None:
    async with chromium.visitor() as ada:
        async with nodered(node_red_programs, tmp_path) as started:
            home = f"http://line-3.localhost:{started.settings.port}"
            await ada.page.goto(f"{home}/dashboard")
            await ada.page.get_by_role("button", name="Call the shift leader").wait_for()
            await ada.page.evaluate("fetch('/nowhere')")
            await ada.until(lambda: (404, f"{home}/nowhere") in ada.refused)
            await ada.until(lambda: any("404" in error for error in ada.errors))
            await ada.until(lambda: {frame.way for frame in ada.frames} == {"sent", "got"})
        await ada.until(lambda: ada.closed_sockets)
