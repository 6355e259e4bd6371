"""Where the gateway holds whom messages are meant for, Dashboard's own memory tells nobody else what it keeps of them.

Dashboard stores a widget's last message for pages that are opened later, and synchronises what is typed to other pages.
Whom either was meant for is known in Node-RED alone, so the plugin withholds it there.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.peers.gateway import visitor
from tests.peers.nodered import Programs
from tests.real.flows import write_flows
from tests.real.personas import DECLARED
from tests.real.place import HOST, Place, place
from tests.real.socketio import SocketIo, connected

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

SAY_TO_ALL = [
    {"id": "in-say", "type": "http in", "z": "tab", "url": "/api/say", "method": "get", "wires": [["say"]]},
    {
        "id": "say",
        "type": "function",
        "z": "tab",
        "func": "node.send([{ payload: 'for all' }, msg])",
        "outputs": 2,
        "wires": [["answer"], ["reply"]],
    },
]


@asynccontextmanager
async def standing(programs: Programs, folder: Path, *, enforce: bool) -> AsyncIterator[Place]:
    """No widget type accepts client data, so that Dashboard itself would send everything to everybody."""
    flows = write_flows(folder / "flows.json", accepting=[], more=SAY_TO_ALL)
    said = {"enforce_client_constraint": enforce}
    async with place(programs, folder, flows=flows, declared=DECLARED, instance=said) as where:
        yield where


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def held(node_red_programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    async with standing(node_red_programs, tmp_path_factory.mktemp("held"), enforce=True) as where:
        yield where


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def loose(node_red_programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    async with standing(node_red_programs, tmp_path_factory.mktemp("loose"), enforce=False) as where:
        yield where


@asynccontextmanager
async def pages(where: Place, *names: str) -> AsyncIterator[list[SocketIo]]:
    async with AsyncExitStack() as stack:
        people = [await stack.enter_async_context(visitor(where.site, name, HOST)) for name in names]
        yield [await stack.enter_async_context(connected(somebody, where.pages)) for somebody in people]


async def loaded(page: SocketIo, widget: str) -> object:
    """What a page is told of a widget when it is opened."""
    before = len(page.of(f"widget-load:{widget}"))
    await page.say("widget-load", widget)
    await page.changes.until(lambda: len(page.of(f"widget-load:{widget}")) > before)
    told, *_ = page.of(f"widget-load:{widget}")[-1]
    return told


async def test_d_11_what_is_typed_is_synchronised_to_the_same_person_alone(held: Place) -> None:
    async with pages(held, "emma", "emma", "jack") as [emma, again, jack]:
        await emma.say("widget-change", "input", "by emma")
        [synced] = await again.until("widget-sync:input")
        assert isinstance(synced, dict)
        assert (synced["payload"], "_client" in synced) == ("by emma", False)
        assert await loaded(jack, "input") is None
        assert "by emma" not in str(jack.events)


async def test_d_11_what_is_stored_for_one_is_loaded_by_them_alone_until_something_comes_for_all(held: Place) -> None:
    async with pages(held, "emma", "jack") as [emma, jack]:
        await emma.say("widget-action", "button", {})
        [told] = await emma.until("msg-input:answer")
        assert isinstance(told, dict)
        assert told["payload"] == "pressed"
        kept = await loaded(emma, "answer")
        assert isinstance(kept, dict)
        assert kept["payload"] == "pressed"
        assert await loaded(jack, "answer") is None
        assert jack.of("msg-input:answer") == []
        assert (await jack.visitor.request("GET", held.pages + "/api/say")).status == 200
        for page in (emma, jack):
            await page.changes.until(lambda page=page: "for all" in str(page.of("msg-input:answer")))  # type: ignore[misc]
            shown = await loaded(page, "answer")
            assert isinstance(shown, dict)
            assert shown["payload"] == "for all"


async def test_d_10_where_nothing_is_enforced_everybody_shares_what_widgets_show(loose: Place) -> None:
    """Dashboard's own way: one source of truth, of which nobody is told who wrote it."""
    async with pages(loose, "emma", "jack") as [emma, jack]:
        await emma.say("widget-change", "input", "by emma")
        [synced] = await jack.until("widget-sync:input")
        assert isinstance(synced, dict)
        assert synced["payload"] == "by emma"
        shown = await loaded(jack, "input")
        assert isinstance(shown, dict)
        assert shown["payload"] == "by emma"
        assert "emma@" not in str(jack.events)
