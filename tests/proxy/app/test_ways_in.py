"""A gateway with a login provider beside its own accounts: the whole way of a visitor, and how plugins live."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from auth_plugins.registry import UnusablePlugins
from proxy.services.clock import SYSTEM
from tests.peers.answers import by_path, echo, plain
from tests.peers.browser import Chromium
from tests.peers.gateway import Site, visitor
from tests.peers.identity_provider import IdentityProvider, Stay, identity_provider
from tests.peers.upstream import upstream
from tests.proxy.app.house import HOST, site

SOCKET = "/dashboard/socket.io/?EIO=4&transport=websocket"
PAGE = f"""<h1>Boiler</h1><p>waiting</p><script>
const socket = new WebSocket(`ws://${{location.host}}{SOCKET}`)
socket.onopen = () => {{ document.querySelector('p').textContent = 'connected' }}
</script>""".encode()
ANSWERS = by_path({"/dashboard/socket.io/": echo(), "*": plain(PAGE)})


@pytest.fixture
def tickets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin, installed as a distribution of its own would be."""
    info = tmp_path / "installed" / "tickets-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tickets\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[flowward.auth_plugins]\ntickets = tests.peers.identity_provider:Tickets\n")
    monkeypatch.syspath_prepend(str(info.parent))


def entry(idp: IdentityProvider, **more: object) -> dict[str, object]:
    return {
        "name": "corp",
        "plugin": "tickets",
        "title": "Corp Login",
        "url": idp.url,
        "inside": idp.inside,
        "domains": ["corp.example"],
        "provision": True,
        "groups": {"table": {"staff": {"acme": "dashboard"}}},
        **more,
    }


@asynccontextmanager
async def at_corp(folder: Path, **more: object) -> AsyncIterator[tuple[Site, IdentityProvider]]:
    """A site with both ways in, not yet running."""
    kim = Stay(subject="77", username="kim", email="kim@corp.example", groups=("staff",))
    async with upstream(ANSWERS) as instance, identity_provider(kim) as idp:
        made = site(folder, instance.url)
        made.settings["auth"] = [{"name": "local", "plugin": "local"}, entry(idp, **more)]  # type: ignore[assignment]
        yield made, idp


@pytest.mark.usefixtures("tickets")
async def test_s_20_a_provider_that_ends_a_login_closes_the_dashboard_within_a_second(
    tmp_path: Path, chromium: Chromium
) -> None:
    """S-20, S-13: from an address typed on the login page to a socket that is closed by the provider's own word."""
    async with at_corp(tmp_path) as (made, idp), made.running(), chromium.visitor() as somebody:
        page = somebody.page
        await page.goto(f"{made.origin(HOST)}/dashboard/")
        await page.get_by_label("Username").fill("kim@corp.example")
        await page.get_by_role("button", name="Log in", exact=True).click()
        await page.get_by_role("button", name="I am it").click()
        await page.get_by_text("connected").wait_for()
        assert page.url == f"{made.origin(HOST)}/dashboard/"
        assert [asked["hint"] for asked in idp.asked] == ["kim@corp.example"]
        assert await idp.tell(f"{made.home}/-/auth/corp/backchannel", subject="77") == 200
        await somebody.until(lambda: somebody.closed_sockets, seconds=1)
        await page.goto(f"{made.origin(HOST)}/dashboard/")
        await page.get_by_role("heading", name="Log in").wait_for()
        assert somebody.errors == []


@pytest.mark.usefixtures("tickets")
@pytest.mark.parametrize("java_script", [True, False], ids=["script", "no script"])
async def test_forms_that_are_posted_both_ways_need_no_script(
    tmp_path: Path, chromium: Chromium, java_script: bool
) -> None:
    """The answer is posted from another site, without our cookies; afterwards the provider is told of the logout."""
    async with at_corp(tmp_path, by_post=True) as (made, idp), made.running():
        idp.by_post = True
        async with chromium.visitor(java_script=java_script) as somebody:
            page = somebody.page
            await page.goto(f"{made.origin(HOST)}/dashboard/")
            await page.get_by_role("link", name="Log in with Corp Login").click()
            if not java_script:
                await page.get_by_role("button", name="Go on to Corp Login").click()
            await page.get_by_role("button", name="I am it").click()
            if not java_script:
                await page.get_by_role("button", name="On").click()
            await page.get_by_role("heading", name="Boiler").wait_for()
            await page.goto(f"{made.home}/-/logout")
            await page.get_by_role("button", name="Log out").click()
            await page.get_by_role("heading", name="You are logged out").wait_for()
            assert [left["subject"] for left in idp.logouts] == ["77"]
            assert somebody.errors == []


@pytest.mark.usefixtures("tickets")
async def test_a_plugin_that_finds_its_settings_wrong_when_it_opens_keeps_the_gateway_from_starting(
    tmp_path: Path,
) -> None:
    async with at_corp(tmp_path, url="idp.example") as (made, _):
        with pytest.raises(UnusablePlugins, match="option 'url' is idp"):
            async with made.running(SYSTEM):
                raise AssertionError("it started")


@pytest.mark.usefixtures("tickets")
async def test_s_15_a_way_in_that_is_not_active_is_not_there(tmp_path: Path) -> None:
    """S-15."""
    async with at_corp(tmp_path, active=False) as (made, _), made.running(), visitor(made) as somebody:
        page = await somebody.navigate(f"{made.home}/-/login")
        assert "Corp Login" not in await page.text()
        for last in ("login", "callback", "acs", "slo", "metadata"):
            assert (await somebody.navigate(f"{made.home}/-/auth/corp/{last}")).status == 404


@pytest.mark.usefixtures("tickets")
async def test_what_providers_say_by_themselves_is_not_counted_with_strangers(tmp_path: Path) -> None:
    """A provider that ends everybody's sessions tells of each, from one address."""
    async with at_corp(tmp_path) as (made, idp):
        made.settings["limits"] = {"anonymous": "2/m", "callback": "1/m"}
        async with made.running(), visitor(made) as somebody:
            address = f"{made.home}/-/auth/corp/backchannel"
            assert {await idp.tell(address, subject="nobody") for _ in range(5)} == {200}
            found = [(await somebody.navigate(f"{made.home}/-/auth/corp/slo")).status for _ in range(2)]
            assert found == [403, 429]


@pytest.mark.usefixtures("tickets")
async def test_s_15_the_api_takes_no_password_for_an_address_that_logs_in_elsewhere(tmp_path: Path) -> None:
    """S-15."""
    async with at_corp(tmp_path) as (made, _), made.running(), visitor(made) as program:
        for name, status, code in (
            ("kim@corp.example", 409, "not_by_password"),
            ("dora@acme.example", 401, "credentials_wrong"),
        ):
            sent = json.dumps({"username": name, "password": "wrong"})
            fields = {"Content-Type": "application/json"}
            answer = await program.request("POST", f"{made.home}/-/api/v1/auth/login", headers=fields, data=sent)
            assert (answer.status, (await answer.json())["code"]) == (status, code)
