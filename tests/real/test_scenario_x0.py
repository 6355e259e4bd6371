"""X-0: one person in two browsers and another in a third, and three sliders that reach all, one's own, and one tab.

The flows are those of Dashboard's page on multi-tenancy. Every browser claims in every header to be somebody else.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from tests.peers.browser import Chromium
from tests.peers.gateway import visitor
from tests.peers.nodered import CLOUDFLARE_PLUGIN, OWN_PLUGIN, Programs
from tests.real.flows import ACCEPTING, slider, template, write_flows
from tests.real.personas import DECLARED, Persona, Transport, arrived, at_dashboard, receivers
from tests.real.place import HOST, Place, place
from tests.real.socketio import connected

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

PLUGINS = Path(__file__).parent / "plugins"
TRUSTING = {CLOUDFLARE_PLUGIN: ["cloudflare"], "trusts-headers": ["authentik", "remote"]}
"""A plugin that believes plain headers -> the presets it knows."""
EACH_STEP = [[1, 1, 1], [1, 1, 0], [1, 0, 0]]
ROOT = {"userId": "u-root", "username": "root", "name": "Root", "email": "root@acme.example", "role": "admin"}
TRANSPORTS = ("websocket", "polling")
MORE = [
    *slider("tenant", "msg._client = { tenant: msg._client.user.tenant }\nreturn msg"),
    *slider("colleagues", "msg._client = { user: { tenant: msg._client.user.tenant } }\nreturn msg"),
    template("greeting", "<template><p>Greetings, {{ $store.state.setup?.setup?.socketio?.auth?.user?.name }}</p></template>"),
]  # fmt: skip


def dashboard(
    programs: Programs,
    folder: Path,
    plugin: str = OWN_PLUGIN,
    *,
    accepting: Sequence[str] = ACCEPTING,
    **instance: object,
) -> AbstractAsyncContextManager[Place]:
    """Real Node-RED with a plugin; `instance` adds to what the estate says of it."""
    ours = {name: PLUGINS / name for name in ("trusts-headers", "trusts-handshake")}
    known = replace(programs, plugins={**programs.plugins, **ours})
    flows = write_flows(folder / "x0.json", accepting=accepting, more=MORE)
    return place(known, folder, plugin=plugin, flows=flows, instance=instance, declared=DECLARED)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ours(node_red_programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    async with dashboard(node_red_programs, tmp_path_factory.mktemp("ours")) as where:
        yield where


async def pressed(where: Place, persona: Persona) -> dict[str, object]:
    """The user that flows see when somebody presses the button."""
    await where.seen()
    await persona.browser.page.get_by_role("button", name="Press").click()
    await persona.browser.page.get_by_text("pressed").first.wait_for()
    [told] = [one["_client"] for one in await where.seen() if one["from"] == "button"]
    assert isinstance(told, dict)
    return dict(told["user"])


def names(persona: Persona, *words: str) -> list[str]:
    """Which of these words somebody got to read."""
    everything = "\n".join(persona.got)
    return [word for word in words if word in everything]


async def steps(present: Sequence[Persona]) -> list[list[int]]:
    """Who hears what when the first of them moves each of the three sliders."""
    return [await receivers(present, present[0], each) for each in ("everyone", "mine", "here")]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_x_0_d_02_d_04_each_slider_reaches_whom_it_is_meant_for(
    ours: Place, chromium: Chromium, transport: Transport
) -> None:
    """D-10: over websockets, and where there are none; nobody reads whose messages the others' are."""
    async with at_dashboard(ours, chromium, "emma", "emma", "jack", transport=transport) as present:
        emma, _, jack = present
        assert await steps(present) == EACH_STEP
        assert await receivers(present, jack, "mine") == [0, 0, 1]
        user = await pressed(ours, emma)
        assert names(jack, str(user["userId"]), "emma@north.example", "Hello Emma", '"Emma"') == []
        assert all(names(persona, "root@acme.example", "203.0.113.7") == [] for persona in present)


async def test_d_03_d_08_d_14_a_flow_sees_the_visitor_as_the_directory_has_them_and_no_header_changes_that(
    ours: Place, chromium: Chromium
) -> None:
    """D-06: and templates greet by the name that add-ons look for."""
    async with at_dashboard(ours, chromium, "emma") as [emma]:
        user = await pressed(ours, emma)
        assert user.pop("userId")
        assert user == {
            "username": "emma",
            "email": "emma@north.example",
            "name": "Emma",
            "image": "",
            "role": "dashboard",
            "tenant": "north",
            "groups": ["early"],
            "tags": {},
            "SSOGroups": [],
            "provider": "flowward",
            "ip": "127.0.0.1",
        }
        await emma.browser.page.get_by_text("Greetings, Emma").wait_for()


async def test_d_05_what_is_meant_for_a_tenant_reaches_all_of_it_and_nobody_else(
    ours: Place, chromium: Chromium
) -> None:
    """By `_client.tenant`, and by a user that has a tenant and no id."""
    async with at_dashboard(ours, chromium, "emma", "emil", "jack") as present:
        emma, emil, jack = present
        assert await receivers(present, emma, "tenant") == [1, 1, 0]
        assert await receivers(present, emil, "colleagues") == [1, 1, 0]
        assert await receivers(present, jack, "tenant") == [0, 0, 1]


async def test_d_04_what_was_meant_for_one_is_kept_for_nobody_else_to_load(ours: Place, chromium: Chromium) -> None:
    """A page that is opened again asks for each widget's state, and hears nothing of what emma was told."""
    async with at_dashboard(ours, chromium, "emma", "jack") as present:
        emma, jack = present
        for each in ("mine", "tenant", "here"):
            assert await receivers(present, emma, each) == [1, 0]
        jack.bodies.clear()
        jack.browser.frames.clear()
        await jack.browser.page.reload()
        await arrived(jack)
        await jack.browser.page.locator("#nrdb-ui-widget-chart-mine").wait_for()
        assert names(jack, "emma@north.example", '"Emma"') == []
        async with visitor(ours.site, "jack", HOST) as his, connected(his, ours.pages) as page:
            for widget in ("chart-mine", "chart-tenant", "chart-everyone"):
                await page.say("widget-load", widget)
                await page.until(f"widget-load:{widget}")
            assert "emma" not in str(page.events)


@pytest.mark.parametrize("plugin", TRUSTING)
async def test_x_0_d_08_r_57_a_plugin_that_trusts_headers_answers_everyone_and_one_tab_and_sees_who_is_there(
    node_red_programs: Programs, chromium: Chromium, tmp_path: Path, plugin: str
) -> None:
    """Steps 1 and 3: it has no say about whom a message reaches, and step 2 goes to everybody by itself."""
    async with dashboard(node_red_programs, tmp_path, plugin, identity=TRUSTING[plugin]) as where:
        async with at_dashboard(where, chromium, "emma", "emma", "jack") as present:
            assert await steps(present) == [[1, 1, 1], [1, 1, 1], [1, 0, 0]]
            user = await pressed(where, present[0])
            assert user["email"] == "emma@north.example"
            if plugin == CLOUDFLARE_PLUGIN:
                assert (user["userId"], user["ip"]) == ("emma@north.example", "127.0.0.1")
            else:
                assert (user["user"], user["name"], user["groups"]) == ("emma", "Emma", "early")


@pytest.mark.parametrize(
    ("plugin", "transport"),
    [
        (OWN_PLUGIN, "polling"),
        ("trusts-handshake", "polling"),
        *((plugin, "websocket") for plugin in (OWN_PLUGIN, "trusts-handshake", *TRUSTING)),
    ],
)
async def test_x_0_where_the_gateway_holds_the_constraint_each_slider_reaches_whom_it_is_meant_for_with_any_plugin(
    node_red_programs: Programs, chromium: Chromium, tmp_path: Path, plugin: str, transport: Transport
) -> None:
    """D-04, D-06, D-07, D-08, D-11, D-14: all three steps, though no widget type is ticked; nobody reads who wrote what."""
    identity = TRUSTING.get(plugin, ["assertion", "flowward"])
    held = {"identity": identity, "enforce_client_constraint": True}
    async with dashboard(node_red_programs, tmp_path, plugin, accepting=[], **held) as where:
        async with at_dashboard(where, chromium, "emma", "emma", "jack", transport=transport) as present:
            emma, _, jack = present
            assert await steps(present) == EACH_STEP
            assert await receivers(present, jack, "mine") == [0, 0, 1]
            user = await pressed(where, emma)
            assert user["email"] == "emma@north.example"
            assert names(jack, str(user["userId"]), "emma@north.example", "Hello Emma", '"Emma"') == []
            await jack.browser.page.get_by_text("Greetings, Jack").wait_for()


async def test_d_06_d_07_a_plugin_that_trusts_the_handshake_is_told_the_truth_there(
    node_red_programs: Programs, tmp_path: Path
) -> None:
    """What add-ons are told in `_setup` is what they hear when a page connects, whatever the page says."""
    async with (
        dashboard(node_red_programs, tmp_path, "trusts-handshake", enforce_client_constraint=True) as where,
        visitor(where.site, "emma", HOST) as emma,
    ):
        setup = await (await emma.request("GET", where.pages + "/dashboard/_setup")).json()
        for auth in ({"user": ROOT}, {"user": setup["user"]}, None, {"token": "x"}):
            async with connected(emma, where.pages, auth=auth) as page:
                await where.seen()
                await page.say("widget-action", "button", {"_client": {"user": ROOT}})
                await page.say("widget-load", "button")
                await page.until("widget-load:button")
                [told] = [one["_client"] for one in await where.seen() if one["from"] == "button"]
            assert isinstance(told, dict)
            assert told["user"] == setup["socketio"]["auth"]["user"] == setup["user"]
            assert told["user"]["username"] == "emma"
