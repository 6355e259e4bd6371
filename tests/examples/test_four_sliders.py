"""The four sliders reach whom they say, in real Node-RED with our plugin and a real browser."""

import json
from pathlib import Path

import pytest

from proxy.nodered.client_data import lint
from tests.peers.assertions import HEADER, Signer
from tests.peers.browser import Chromium, Visitor
from tests.peers.nodered import Programs, nodered

FLOWS = Path(__file__).parents[2] / "examples" / "four-sliders" / "flows.json"
REACHES = {
    "tab": [True, False, False, False],
    "mine": [True, True, False, False],
    "tenant": [True, True, True, False],
    "everybody": [True, True, True, True],
}
"""Slider -> whether it reaches its own tab, the same person elsewhere, a colleague, somebody of another tenant."""


def told(visitor: Visitor) -> set[str]:
    frames = [str(frame.payload) for frame in visitor.frames]
    return {key for key in REACHES if any(f'"msg-input:chart-{key}"' in frame for frame in frames)}


@pytest.mark.real
async def test_each_slider_reaches_whom_it_says(
    node_red_programs: Programs, chromium: Chromium, tmp_path: Path
) -> None:
    """D-02, D-04, D-05."""
    signer = Signer()
    module = signer.settings_module(tmp_path)
    people = [("emma", "north"), ("emma", "north"), ("emil", "north"), ("jack", "south")]
    async with (
        nodered(node_red_programs, tmp_path / "home", flows=FLOWS, modules=[module]) as started,
        chromium.visitor() as first,
        chromium.visitor() as second,
        chromium.visitor() as colleague,
        chromium.visitor() as other,
    ):
        present = [first, second, colleague, other]
        for browser, (name, tenant) in zip(present, people, strict=True):
            await browser.context.set_extra_http_headers({HEADER: signer.assertion(name, tenant=tenant)})
            await browser.page.goto(f"{started.url}/dashboard/four-sliders")
            await browser.page.locator("#nrdb-ui-widget-chart-tab canvas").wait_for()
            await browser.until(lambda browser=browser: any(frame.payload == "5" for frame in browser.frames))  # type: ignore[misc]
        for key in REACHES:  # the last of them reaches all, and comes after the others
            thumb = first.page.locator(f"#nrdb-ui-widget-slider-{key} [role=slider]")
            await thumb.focus()
            await thumb.press("ArrowRight")
            await first.until(lambda key=key: key in told(first))  # type: ignore[misc]
        for browser in present:
            await browser.until(lambda browser=browser: "everybody" in told(browser))  # type: ignore[misc]
        assert {key: [key in told(browser) for browser in present] for key in REACHES} == REACHES


def test_no_widget_of_it_is_sent_to_everybody_against_what_it_says() -> None:
    assert lint(json.loads(FLOWS.read_text())) == []
