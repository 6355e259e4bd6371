"""The dashboard of many customers shows each the rows of their own, in real Node-RED with our plugin and a real browser."""

import json
from pathlib import Path

import pytest

from proxy.nodered.client_data import lint
from tests.peers.assertions import HEADER, Signer
from tests.peers.browser import Chromium
from tests.peers.nodered import Programs, nodered

FLOWS = Path(__file__).parents[2] / "examples" / "buildings" / "flows.json"
METERS = {"north": {"EM-002", "WM-003", "EM-118"}, "south": {"EM-307", "WM-311"}}


@pytest.mark.real
async def test_each_visitor_gets_the_rows_of_their_own_tenant(
    node_red_programs: Programs, chromium: Chromium, tmp_path: Path
) -> None:
    signer = Signer()
    module = signer.settings_module(tmp_path)
    async with nodered(node_red_programs, tmp_path / "home", flows=FLOWS, modules=[module]) as started:
        for tenant, own in METERS.items():
            async with chromium.visitor() as visitor:
                assertion = signer.assertion("somebody", tenant=tenant, role="dashboard")
                await visitor.context.set_extra_http_headers({HEADER: assertion})
                await visitor.page.goto(f"{started.url}/dashboard/overview")
                for meter in own:
                    await visitor.page.get_by_role("cell", name=meter).wait_for()
                heard = str([frame.payload for frame in visitor.frames]) + await visitor.page.content()
                assert {meter for meters in METERS.values() for meter in meters if meter in heard} == own


def test_no_widget_of_it_is_sent_to_everybody_what_is_meant_for_one() -> None:
    assert lint(json.loads(FLOWS.read_text())) == []
