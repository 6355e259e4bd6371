"""A real editor in a real browser, with real Node-RED behind the gateway."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from proxy.model.access import Role
from proxy.nodered.snippet import snippet
from tests.peers.browser import Chromium, Visitor
from tests.peers.nodered import Programs, nodered
from tests.peers.ports import free_port
from tests.proxy.inspection.house import INSTANCE, House, house

pytestmark = [pytest.mark.real]

DEPLOY = "#red-ui-header-button-deploy"
READ_ONLY = ".red-ui-deploy-button-group.readOnly"
MENU = "#red-ui-header-button-user"
PATIENCE = 60_000.0
"""Milliseconds for an editor to load on a machine that is busy."""


@asynccontextmanager
async def open_house(programs: Programs, folder: Path, *, trusts: bool) -> AsyncIterator[House]:
    """Node-RED behind the gateway: one that `trusts` its assertions, or one without any adminAuth."""
    port = free_port()
    async with house(folder, f"http://127.0.0.1:{port}", identity=("assertion", "flowward")) as gate:
        modules = [await asyncio.to_thread(_settings, gate, folder)] if trusts else []
        async with nodered(programs, folder / "home", modules=modules, admin_root="/admin", port=port):
            yield gate


def _settings(gate: House, folder: Path) -> Path:
    """What `flowward nodered snippet` prints."""
    settings = gate.gateway.gate.world.stations[INSTANCE].settings
    jwks = gate.gateway.signer.keys.jwks(0.0)
    module = folder / "flowward.settings.js"
    url = f"{gate.home}/-/jwks.json"
    module.write_text(snippet("line-3", INSTANCE, settings, issuer=gate.home, jwks=jwks, jwks_url=url))
    return module


async def open_editor(gate: House, visitor: Visitor, name: str) -> None:
    _, _, value = (await gate.log_in(name)).partition("=")
    await visitor.context.add_cookies([{"name": "flowward", "value": value, "url": gate.origin}])
    await visitor.page.goto(f"{gate.origin}/admin/")
    await _loaded(visitor)


async def _loaded(visitor: Visitor) -> None:
    """The editor is there, talks to its runtime and has come to rest."""
    heard = len(visitor.frames)
    await visitor.page.locator(MENU).wait_for(timeout=PATIENCE)
    await visitor.until(lambda: any(frame.url.endswith("/admin/comms") for frame in visitor.frames[heard:]), seconds=60)
    await visitor.page.wait_for_load_state("networkidle", timeout=PATIENCE)


@pytest.mark.parametrize("trusts", [True, False], ids=["our adminAuth", "no adminAuth"])
async def test_a_viewer_sees_a_locked_editor_without_a_dialog_and_leaves_by_its_menu(
    node_red_programs: Programs, chromium: Chromium, tmp_path: Path, trusts: bool
) -> None:
    async with open_house(node_red_programs, tmp_path, trusts=trusts) as gate, chromium.visitor() as vic:
        await open_editor(gate, vic, "vic")
        page = vic.page
        assert await page.locator(READ_ONLY).count() == 1
        assert await page.locator("#node-dialog-login").count() == 0
        assert vic.refused == []
        assert vic.errors == []
        await page.locator(MENU).click()
        assert await page.get_by_text("vic", exact=True).is_visible()
        await page.get_by_text("Logout").click()
        await page.get_by_role("heading", name="You are logged out").wait_for()
        assert page.url == f"{gate.home}/-/logout?done"
        await page.goto(f"{gate.origin}/admin/")
        await page.get_by_role("heading", name="Log in").wait_for()


async def test_a_stale_token_in_the_browser_does_not_lock_anybody_out(
    node_red_programs: Programs, chromium: Chromium, tmp_path: Path
) -> None:
    """Node-RED's editor keeps tokens of a login it did itself, before the gateway came, and prefers them."""
    async with open_house(node_red_programs, tmp_path, trusts=True) as gate, chromium.visitor() as mia:
        left = """localStorage.setItem('auth-tokens-admin', JSON.stringify({access_token: 'stale'}));
                  localStorage.setItem('auth-tokens', JSON.stringify({access_token: 'stale'}))"""
        await mia.context.add_init_script(f"if (location.pathname === '/admin/') {{ {left} }}")
        await open_editor(gate, mia, "mia")
        sent = [frame.payload for frame in mia.frames if frame.way == "sent"]
        assert '{"auth":"stale"}' in sent
        await mia.until(lambda: any(frame.payload == '{"auth":"ok"}' for frame in mia.frames))
        assert mia.refused == []


async def test_a_lowered_role_reaches_an_open_editor_and_a_revoked_session_ends_it(
    node_red_programs: Programs, chromium: Chromium, tmp_path: Path
) -> None:
    async with open_house(node_red_programs, tmp_path, trusts=True) as gate, chromium.visitor() as mia:
        await open_editor(gate, mia, "mia")
        page = mia.page
        assert await page.locator(READ_ONLY).count() == 0
        heard = len(mia.frames)
        await gate.change("mia", Role.VIEWER)
        await mia.until(lambda: '{"auth":"fail"}' in [frame.payload for frame in mia.frames[heard:]], seconds=1)
        await page.locator(READ_ONLY).wait_for(timeout=PATIENCE)
        await _loaded(mia)
        assert page.url.startswith(f"{gate.origin}/admin/")
        assert mia.refused == []

        heard = len(mia.frames)
        [session] = await gate.store.shared.sessions_of("u-mia")
        await gate.store.shared.end_session(session.id)
        await mia.until(lambda: '{"auth":"fail"}' in [frame.payload for frame in mia.frames[heard:]], seconds=1)
        await page.get_by_role("heading", name="Log in").wait_for()
        assert page.url.startswith(f"{gate.home}/-/login?to=")


async def test_no_message_of_a_viewer_ends_the_instance(node_red_programs: Programs, tmp_path: Path) -> None:
    """Each of these ends the process of Node-RED 5.0.7 when it is sent to its /comms directly."""
    async with open_house(node_red_programs, tmp_path, trusts=True) as gate:
        socket = await gate.open_socket("/admin/comms", await gate.log_in("vic"))
        for text in ('{"subscribe":1}', '{"subscribe":"{1}"}', '{"topic":"multiplayer/connect"}'):
            await socket.send_str(text)
        await socket.send_str('{"topic":"multiplayer/connect","data":{"session":"abc"}}')
        heard = ""
        while "multiplayer/init" not in heard:
            heard = await socket.receive_str(timeout=10)
        await socket.close()
        assert (await gate.ask("/admin/settings", await gate.log_in("vic"))).status == 200
