"""The demo's flows do what the demo says, in real Node-RED with our plugin and a real browser."""

import json
from pathlib import Path

import pytest

from proxy.cli.nodered_setup import material
from tests.peers.assertions import HEADER, Signer
from tests.peers.browser import Chromium, Visitor
from tests.peers.nodered import Programs, nodered
from tests.peers.talk import dial, request

FLOWS = json.loads((material("examples/demo") / "flows.json").read_text())
PAGE = "/dashboard/line-3"


async def opens(visitor: Visitor, url: str, name: str) -> None:
    await visitor.page.goto(url + PAGE)
    await visitor.page.get_by_text(f"Hello, {name}").wait_for()


@pytest.mark.real
async def test_each_visitor_is_greeted_and_answered_alone_and_has_a_table_in_all_their_tabs(
    node_red_programs: Programs, chromium: Chromium, tmp_path: Path
) -> None:
    signer = Signer()
    module = signer.settings_module(tmp_path)
    async with (
        nodered(node_red_programs, tmp_path / "home", modules=[module], admin_root="/admin") as started,
        chromium.visitor() as ada,
        chromium.visitor() as vic,
    ):
        await ada.context.set_extra_http_headers({HEADER: signer.assertion("ada", name="Ada Lovelace", role="owner")})
        await vic.context.set_extra_http_headers({HEADER: signer.assertion("vic", role="dashboard")})
        await opens(ada, started.url, "Ada Lovelace")
        await opens(vic, started.url, "Vic")
        second = await ada.new_tab()
        await second.goto(started.url + PAGE)
        await second.get_by_text("Hello, Ada Lovelace").wait_for()
        await second.wait_for_load_state(
            "networkidle"
        )  # its table asks what it held, and forgets what came before the answer

        await ada.page.get_by_role("button", name="Call the shift leader").click()
        await ada.page.get_by_text("Ada Lovelace, your call is number 1 today.").first.wait_for()
        await ada.page.get_by_label("What happened").fill("Belt jammed")
        await ada.page.get_by_role("button", name="Add to my log").click()
        await ada.page.get_by_role("cell", name="Belt jammed").wait_for()
        await second.get_by_role("cell", name="Belt jammed").wait_for()
        await vic.page.get_by_role("button", name="Call the shift leader").click()
        await vic.page.get_by_text("Vic, your call is number 2 today.").first.wait_for()

        assert "your call is" not in await second.content()
        assert "Belt jammed" not in await vic.page.content()
        assert "Ada" not in str(vic.frames)
        await second.reload()
        await second.get_by_role("cell", name="Belt jammed").wait_for()
    assert not ada.errors
    assert not vic.errors


@pytest.mark.real
async def test_a_visitor_without_an_assertion_is_greeted_as_nobody(
    node_red_programs: Programs, chromium: Chromium, tmp_path: Path
) -> None:
    module = Signer().settings_module(tmp_path)
    async with nodered(node_red_programs, tmp_path / "home", modules=[module]) as started, chromium.visitor() as nobody:
        await opens(nobody, started.url, "whoever you are")


@pytest.mark.real
async def test_the_endpoint_answers_who_calls_and_the_hook_answers_anybody(
    node_red_programs: Programs, tmp_path: Path
) -> None:
    async with nodered(node_red_programs, tmp_path, plugin=None) as started, dial(started.settings.port) as line:
        await line.send(request("GET", "/api/hello", ("X-Flowward-User", "ada"), ("X-Flowward-Role", "owner")))
        told = json.loads((await line.response()).body)
        await line.send(request("GET", "/hooks/ping"))
        assert json.loads((await line.response()).body) == {"pong": True}
    assert told == {"hello": "ada", "user": "ada", "role": "owner", "tenant": None}


def test_every_widget_that_answers_one_visitor_is_accepted_as_such() -> None:
    """Dashboard sends the messages of any other type to everybody."""
    types = {node["id"]: node["type"] for node in FLOWS}
    [base] = [node for node in FLOWS if node["type"] == "ui-base"]
    targets = {types[target] for node in FLOWS for wire in node.get("wires", []) for target in wire}
    assert {kind for kind in targets if kind.startswith("ui-")} <= set(base["acceptsClientConfig"])
    assert base["includeClientData"]
