"""A gateway in front of a real OpenID Connect provider: the whole way of a visitor in a real browser, both ways out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

import pytest

from tests.peers import nodered
from tests.peers.answers import by_path, echo, plain
from tests.peers.browser import Chromium, Visitor
from tests.peers.gateway import Site, visitor
from tests.peers.oidc_provider import OidcProvider, client, running
from tests.peers.upstream import Upstream, upstream
from tests.proxy.app.house import HOST, site

SOCKET = "/dashboard/socket.io/?EIO=4&transport=websocket"
PAGE = f"""<h1>Boiler</h1><p>waiting</p><script>
const socket = new WebSocket(`ws://${{location.host}}{SOCKET}`)
socket.onopen = () => {{ document.querySelector('p').textContent = 'connected' }}
</script>""".encode()
ACCOUNTS = {
    "kim": {
        "preferred_username": "kim",
        "email": "kim@corp.example",
        "email_verified": True,
        "groups": ["engineers"],
    },
    "eve": {"preferred_username": "eve", "email": "kim@corp.example", "email_verified": False, "groups": ["engineers"]},
}
ANSWERS = by_path({"/dashboard/socket.io/": echo(), "*": plain(PAGE)})


class Corp:
    """A gateway, the provider it sends people to, and the instance behind it."""

    def __init__(self, site: Site, provider: OidcProvider, instance: Upstream) -> None:
        self.site = site
        self.provider = provider
        self.instance = instance


@pytest.fixture
async def corp(tmp_path: Path, node_red_programs: nodered.Programs, oidc_provider_modules: Path) -> AsyncIterator[Corp]:
    async with _corp(tmp_path, node_red_programs.installation.node, oidc_provider_modules) as made:
        yield made


@asynccontextmanager
async def _corp(folder: Path, node: Path, modules: Path, *, started: bool = True) -> AsyncIterator[Corp]:
    async with upstream(ANSWERS) as instance:
        made = site(folder, instance.url)
        provider = OidcProvider(
            node=node, modules=modules, clients=[client(f"{made.home}/-/auth/corp")], accounts=ACCOUNTS
        )
        secret = folder / "secret"
        secret.write_text("a secret of the client\n")
        entry = {
            "name": "corp",
            "plugin": "oidc",
            "title": "Corp Login",
            "issuer": provider.issuer,
            "client_id": "flowward",
            "client_secret": {"file": str(secret)},
            "domains": ["corp.example"],
            "provision": True,
            "groups": {"table": {"engineers": {"acme": "dashboard"}}},
        }
        made.settings["auth"] = [{"name": "local", "plugin": "local"}, entry]  # type: ignore[assignment]
        async with running(provider) if started else nullcontext(), made.running():
            yield Corp(made, provider, instance)


async def log_in(somebody: Visitor, corp: Corp, account: str = "kim") -> None:
    """From the dashboard's address, by the provider's own page, back to the dashboard."""
    page = somebody.page
    await page.goto(f"{corp.site.origin(HOST)}/dashboard/")
    await page.get_by_role("link", name="Log in with Corp Login").click()
    await page.get_by_placeholder("Enter any login").fill(account)
    await page.get_by_placeholder("and password").fill("any will do")
    await page.get_by_role("button", name="Sign-in").click()


async def test_s_31_somebody_logs_in_and_what_the_provider_ends_is_closed_within_a_second(
    corp: Corp, chromium: Chromium
) -> None:
    """S-31, S-20, S-13: the provider's word comes by its back channel."""
    async with chromium.visitor() as somebody:
        await log_in(somebody, corp)
        page = somebody.page
        await page.get_by_text("connected").wait_for()
        assert page.url == f"{corp.site.origin(HOST)}/dashboard/"
        at_provider = await somebody.new_tab()
        await at_provider.goto(f"{corp.provider.issuer}/session/end")
        await at_provider.get_by_role("button", name="Yes, sign me out").click()
        await somebody.until(lambda: somebody.closed_sockets, seconds=1)
        await page.goto(f"{corp.site.origin(HOST)}/dashboard/")
        await page.get_by_role("heading", name="Log in").wait_for()


async def test_s_20_a_logout_here_is_one_there_too(corp: Corp, chromium: Chromium) -> None:
    """S-20: afterwards the provider asks for the password again, which it would not while its session lasts."""
    async with chromium.visitor() as somebody:
        await log_in(somebody, corp)
        await somebody.page.get_by_text("connected").wait_for()
        page = await somebody.new_tab()
        await page.goto(f"{corp.site.home}/-/logout")
        await page.get_by_role("button", name="Log out").click()
        await page.get_by_role("button", name="Yes, sign me out").click()
        await page.get_by_role("heading", name="You are logged out").wait_for()
        await somebody.until(lambda: somebody.closed_sockets, seconds=1)
        await page.goto(f"{corp.site.origin(HOST)}/dashboard/")
        await page.get_by_role("link", name="Log in with Corp Login").click()
        await page.get_by_placeholder("Enter any login").wait_for()


async def test_an_address_that_the_provider_has_not_verified_is_nobodys(corp: Corp, chromium: Chromium) -> None:
    """eve has written kim's address into her profile: she comes in as herself, without it."""
    async with chromium.visitor() as somebody:
        await log_in(somebody, corp, "eve")
        await somebody.page.get_by_text("connected").wait_for()
        known = await (await somebody.page.goto(f"{corp.site.home}/-/me")).json()
        assert (known["username"], known["email"]) == ("eve", "")


async def test_a_provider_that_was_never_heard_of_is_trouble_of_its_own(
    tmp_path: Path, node_red_programs: nodered.Programs, oidc_provider_modules: Path
) -> None:
    """Others log in meanwhile; nobody's attempt is counted."""
    async with _corp(tmp_path, node_red_programs.installation.node, oidc_provider_modules, started=False) as corp:
        async with visitor(corp.site) as somebody:
            answer = await somebody.navigate(f"{corp.site.home}/-/auth/corp/login")
            assert answer.status == 503
        async with visitor(corp.site, "vic", HOST) as other:
            assert (await other.navigate(f"{corp.site.origin(HOST)}/dashboard/")).status == 200
