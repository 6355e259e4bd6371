"""Passkeys with a real browser and an authenticator that it makes up: set up, as second factor, and without a password."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import CDPSession, Page

from config.mfa_schema import Mfa
from proxy.model.identity import FactorKind
from tests.peers.browser import Chromium, Visitor
from tests.proxy.web import house as houses
from tests.proxy.web.house import PASSWORD, House

PUBLIC = "http://gate.localhost:{port}"
pytestmark = pytest.mark.real


@asynccontextmanager
async def place(tmp_path: Path, chromium: Chromium) -> AsyncIterator[tuple[House, Visitor, str]]:
    async with houses.house(tmp_path, PUBLIC) as house, chromium.visitor() as visitor:
        yield house, visitor, house.sites.home.origin


async def authenticator(page: Page, *, verifies: bool = True) -> tuple[CDPSession, str]:
    """A device that holds passkeys; whether it knows its owner."""
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": verifies,
        "isUserVerified": verifies,
        "automaticPresenceSimulation": True,
    }
    added = await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session, added["authenticatorId"]


async def log_in(page: Page, home: str, name: str = "ada") -> None:
    await page.goto(f"{home}/-/login")
    await page.get_by_label("Username").fill(name)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in", exact=True).click()


async def set_up(page: Page) -> None:
    await page.get_by_label("What to call it").fill("Laptop")
    await page.get_by_role("button", name="Set up a passkey").click()
    await page.get_by_role("heading", name="Keep these recovery codes").wait_for()
    assert await page.locator(".codes li").count() == 10
    await page.get_by_role("link", name="I have kept them").click()


async def test_a_passkey_is_set_up_proves_the_second_factor_and_logs_in_without_a_password(
    tmp_path: Path, chromium: Chromium
) -> None:
    async with place(tmp_path, chromium) as (house, visitor, home):
        page = visitor.page
        await authenticator(page)
        await log_in(page, home)
        await page.goto(f"{home}/-/second-factor/enrol")
        await set_up(page)
        await page.get_by_text("Laptop").wait_for()
        (passkey,) = [each for each in await house.desk.database.factors("u-ada") if each.kind is FactorKind.PASSKEY]
        assert (passkey.name, passkey.confirmed) == ("Laptop", True)

        await log_out(page, home)
        await log_in(page, home)
        await page.get_by_role("button", name="Use a passkey").click()
        await page.get_by_role("heading", name="Your instances").wait_for()
        session = (await house.desk.sessions.of("u-ada"))[0]
        assert (session.amr, session.factor) == (("pwd", "hwk", "mfa"), house.time())

        await log_out(page, home)
        await page.goto(f"{home}/-/login")
        await page.get_by_role("button", name="Log in with a passkey").click()
        await page.get_by_role("heading", name="Your instances").wait_for()
        session = (await house.desk.sessions.of("u-ada"))[0]
        assert (session.amr, session.factor) == (("hwk", "user", "mfa"), house.time())
        assert visitor.errors == []


async def log_out(page: Page, home: str) -> None:
    await page.goto(f"{home}/-/logout")
    await page.get_by_role("button", name="Log out").click()
    await page.get_by_text("You are logged out").wait_for()


async def test_s_11_whoever_must_have_one_sets_up_a_passkey_on_the_way_to_an_instance(
    tmp_path: Path, chromium: Chromium
) -> None:
    """S-11; and the way goes on over two origins, which the pages' policy lets it."""
    async with place(tmp_path, chromium) as (house, visitor, _):
        house.mfa.now = Mfa(enforce="all")
        page = visitor.page
        await authenticator(page)
        line = f"http://line-3.localhost:{house.port}"
        await page.goto(f"{line}/dashboard")
        await page.get_by_label("Username").fill("ada")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Log in", exact=True).click()
        await page.get_by_text("you need one before you go on").wait_for()
        await set_up(page)
        await page.get_by_role("heading", name="Hello Ada").wait_for()
        assert page.url == f"{line}/dashboard"
        assert visitor.errors == []


async def test_a_device_that_does_not_know_its_owner_stands_for_one_factor_and_not_for_two(
    tmp_path: Path, chromium: Chromium
) -> None:
    async with place(tmp_path, chromium) as (house, visitor, home):
        page = visitor.page
        await authenticator(page, verifies=False)
        await log_in(page, home)
        await page.goto(f"{home}/-/second-factor/enrol")
        await set_up(page)
        await log_out(page, home)
        await page.goto(f"{home}/-/login")
        await page.get_by_role("button", name="Log in with a passkey").click()
        await page.locator("[data-passkey-problem]:not([hidden])").wait_for()
        await log_in(page, home)
        await page.get_by_role("button", name="Use a passkey").click()
        await page.get_by_role("heading", name="Your instances").wait_for()
        assert (await house.desk.sessions.of("u-ada"))[0].factor


async def test_the_same_device_is_not_taken_twice(tmp_path: Path, chromium: Chromium) -> None:
    async with place(tmp_path, chromium) as (house, visitor, home):
        page = visitor.page
        await authenticator(page)
        await log_in(page, home)
        await page.goto(f"{home}/-/second-factor/enrol")
        await set_up(page)
        await page.goto(f"{home}/-/second-factor/enrol")
        await page.get_by_role("button", name="Set up a passkey").click()
        await page.get_by_text("This device has a passkey for you already").wait_for()
        assert len((await house.desk.factors.of("u-ada")).passkeys) == 1


async def test_a_copied_passkey_that_lags_behind_is_refused(tmp_path: Path, chromium: Chromium) -> None:
    """WebAuthn section 6.1.1: its counter says how often the original was used."""
    async with place(tmp_path, chromium) as (house, visitor, home):
        page = visitor.page
        device, id_ = await authenticator(page)
        await log_in(page, home)
        await page.goto(f"{home}/-/second-factor/enrol")
        await set_up(page)
        (passkey,) = (await house.desk.factors.of("u-ada")).passkeys
        assert await house.desk.database.use_factor(passkey.id, 1_000, house.time())
        assert (await device.send("WebAuthn.getCredentials", {"authenticatorId": id_}))["credentials"]
        await log_out(page, home)
        await page.goto(f"{home}/-/login")
        await page.get_by_role("button", name="Log in with a passkey").click()
        await page.get_by_text("That passkey was not accepted").wait_for()


async def test_without_script_the_pages_offer_codes_and_no_passkey(tmp_path: Path, chromium: Chromium) -> None:
    async with houses.house(tmp_path, PUBLIC) as house, chromium.visitor(java_script=False) as visitor:
        page, home = visitor.page, house.sites.home.origin
        await log_in(page, home)
        await page.goto(f"{home}/-/second-factor/enrol")
        assert not await page.get_by_role("button", name="Set up a passkey").is_visible()
        await page.get_by_role("button", name="Set up an app").click()
        await page.get_by_label("Code that the app shows").wait_for()
        assert await page.get_by_alt_text("QR code").is_visible()
        assert visitor.errors == []
