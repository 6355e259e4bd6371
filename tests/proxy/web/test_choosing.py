"""Which way in somebody takes: by their address, by a button, or by the door for admins."""

import re
from pathlib import Path

import pytest
from typing_extensions import override

from auth_plugins import AuthPlugin, CredentialRequest, Field, Form, Identity, LoginRequest, PluginSettings, Refused
from auth_plugins.registry import Provider
from auth_plugins.testkit import kit
from config.auth_schema import AuthEntry
from tests.proxy.web import house as houses
from tests.proxy.web.corp import corp
from tests.proxy.web.house import HOME, PASSWORD, Answer, Browser, query

TOGETHER = "Wrong username or password."
LEAVES = 'content="0; url=http://idp.localhost'


class Directory(AuthPlugin[PluginSettings]):
    """Passwords that are checked elsewhere."""

    @override
    async def login(self, request: LoginRequest) -> Identity | Form:
        if not request.fields:
            fields = (Field(name="username", label="Name"), Field(name="password", label="Password", kind="password"))
            return Form(fields=fields)
        return await self.check_password(request.fields["username"], request.fields["password"])

    @override
    async def check_password(self, username: str, password: str) -> Identity:
        if password != "of the directory":
            raise Refused("credentials_wrong")
        return Identity(subject=username, username=username, email=username)


class Badge(AuthPlugin[PluginSettings]):
    """Knows people by a header."""

    reads = frozenset({"x-badge"})

    def __init__(self) -> None:
        super().__init__(PluginSettings(), kit(name="badge"))
        self.asked: list[CredentialRequest] = []

    @override
    async def identify(self, request: CredentialRequest) -> Identity | None:
        self.asked.append(request)
        if request.headers["x-badge"] == "forged":
            raise Refused("badge_forged")
        return Identity(subject="9", username="bea", email="bea@badge.example")


def directory() -> Provider:
    entry = AuthEntry(name="directory", plugin="x", domains=("ldap.example",), provision=True)
    return Provider(entry=entry, plugin=Directory(PluginSettings(), kit(name="directory")))


async def sent(browser: Browser, page: Answer, **fields: str) -> Answer:
    names = set(re.findall(r'<input type="hidden" name="([^"]+)"', page.text))
    return await browser.post(f"{HOME}/-/login", {name: page.hidden(name) for name in names} | fields)


async def test_s_15_an_address_alone_leads_to_whoever_speaks_for_its_domain(tmp_path: Path) -> None:
    """S-15."""
    async with corp(tmp_path, more=(directory(),)) as there:
        browser = there.house.browser()
        page = await browser.get(f"{HOME}/-/login")
        assert re.search(r'type="password"[^>]*required', page.text) is None, "an address alone can be sent"
        answer = await sent(browser, page, username=" Kim@CORP.example ", password="")
        assert answer.status == 200
        assert LEAVES in answer.text
        assert "Kim%40CORP.example" in answer.text, "the provider is told who comes"
        form = await sent(browser, page, username="lea@ldap.example", password="")
        assert form.hidden("with") == "directory"
        assert 'value="lea@ldap.example"' in form.text
        other = await sent(browser, page, username="ada@corp.example.org", password=PASSWORD)
        assert TOGETHER in other.text, "the whole domain, behind the last @"


async def test_a_password_goes_to_the_provider_of_the_address_if_it_checks_passwords(tmp_path: Path) -> None:
    async with corp(tmp_path, more=(directory(),)) as there:
        browser = there.house.browser()
        page = await browser.get(f"{HOME}/-/login")
        answer = await sent(browser, page, username="lea@ldap.example", password="of the directory")
        assert answer.status == 303
        (event,) = await there.events("account.login")
        assert event.body == {"provider": "directory"}


async def test_s_15_a_password_for_an_address_that_logs_in_elsewhere_is_not_looked_at(tmp_path: Path) -> None:
    """S-15."""
    async with corp(tmp_path) as there:
        browser, before = there.house.browser(), there.house.offload.times
        page = await browser.get(f"{HOME}/-/login")
        for name in ("kim@corp.example", "nobody@corp.example"):
            answer = await sent(browser, page, username=name, password=PASSWORD)
            assert answer.status == 403
            assert "Please log in with your e-mail address" in answer.text
        assert there.house.offload.times == before
        assert [event.error for event in await there.events("account.login")] == ["sso_required"] * 2


async def test_s_15_a_username_of_somebody_who_logs_in_elsewhere_reads_as_any_wrong_one(tmp_path: Path) -> None:
    """S-15."""
    async with corp(tmp_path) as there:
        browser = there.house.browser()
        page = await browser.get(f"{HOME}/-/login")
        linked = await sent(browser, page, username="leo", password=PASSWORD)
        made_up = await sent(browser, page, username="oel", password=PASSWORD)
        assert _bare(linked).replace("leo", "oel") == _bare(made_up)
        assert "Then type your e-mail address" in linked.text
        assert [event.error for event in await there.events("account.login")] == ["sso_required", "credentials_wrong"]


def _bare(answer: Answer) -> str:
    """A page without what is drawn anew each time."""
    return re.sub(r"[\w.-]{40,}", "", answer.text)


async def test_s_15_a_right_password_of_the_gateways_own_does_not_stand_in_for_the_provider(tmp_path: Path) -> None:
    """S-15."""
    async with corp(tmp_path, domains=("acme.example",)) as there:
        browser = there.house.browser()
        page = await browser.get(f"{HOME}/-/login")
        answer = await sent(browser, page, username="ada", password=PASSWORD)
        assert (answer.status, TOGETHER in answer.text) == (403, True)
        assert [event.error for event in await there.events("account.login")] == ["sso_required"]


@pytest.mark.parametrize("linked", [False, True])
async def test_s_26_admins_get_in_by_their_own_password_and_nobody_else_while_the_provider_is_away(
    tmp_path: Path, linked: bool
) -> None:
    """S-26."""
    async with corp(tmp_path, local=False, domains=("acme.example",)) as there:
        there.idp.person.subject = "nobody there"
        await there.make_admin("u-ada", **({"provider": "corp"} if linked else {}))
        browser = there.house.browser()
        straight = await browser.get(f"{HOME}/-/login")
        assert straight.location.startswith("http://idp.localhost"), "the only way in is taken at once"
        page = await browser.get(f"{HOME}/-/login?local=1")
        assert (await sent(browser, page, username="dan", password=PASSWORD)).status == 403
        assert (await sent(browser, page, username="ada", password="wrong")).status == 403
        assert (await sent(browser, page, username="ada", password=PASSWORD)).location == "/"
        refused, wrong, _ = await there.events("account.login")
        assert (refused.error, wrong.error) == ("sso_required", "sso_required" if linked else "credentials_wrong")


async def test_s_26_the_door_for_admins_is_limited_as_every_other(tmp_path: Path) -> None:
    """S-26."""
    async with corp(tmp_path, local=False) as there:
        browser = there.house.browser()
        page = await browser.get(f"{HOME}/-/login?local=1")
        found = [(await sent(browser, page, username="ada", password="wrong")).status for _ in range(6)]
        assert found == [403] * 5 + [429]


async def test_every_way_in_has_a_button_with_its_title(tmp_path: Path) -> None:
    """S-26."""
    async with corp(tmp_path, more=(directory(),)) as there:
        page = await there.house.browser().get(f"{HOME}/-/login")
        assert "Log in with Corp Login" in page.text
        assert "with=directory" in page.text
        asked = await there.house.browser().get(f"{HOME}/-/login?with=directory")
        assert asked.hidden("with") == "directory"
        assert "with=local" in asked.text


async def test_without_a_form_an_address_is_asked_for_where_it_tells_the_way(tmp_path: Path) -> None:
    async with corp(tmp_path, local=False, more=(badge_with_a_page(),)) as there:
        browser = there.house.browser()
        page = await browser.get(f"{HOME}/-/login")
        assert 'name="password"' not in page.text
        assert LEAVES in (await sent(browser, page, username="kim@corp.example")).text
        unknown = await sent(browser, page, username="kim@elsewhere.example")
        assert unknown.status == 403
        assert "Nobody here is known by that e-mail address." in unknown.text


def badge_with_a_page() -> Provider:
    return Provider(entry=AuthEntry(name="other", plugin="x"), plugin=Elsewhere(PluginSettings(), kit(name="other")))


class Elsewhere(AuthPlugin[PluginSettings]):
    @override
    async def login(self, request: LoginRequest) -> Identity:
        raise Refused("nobody_there")


async def test_the_only_way_in_is_not_taken_again_by_itself_after_it_refused(tmp_path: Path) -> None:
    async with houses.house(tmp_path, local=False, more=(badge_with_a_page(),)) as house:
        answer = await house.browser().get(f"{HOME}/-/login")
        assert answer.status == 403
        assert "other did not log you in here." in answer.text
        assert "local=1" in answer.text, "admins are not locked out"


async def test_who_is_known_by_what_the_browser_sends_sees_no_form(tmp_path: Path) -> None:
    plugin = Badge()
    entry = AuthEntry(name="badge", plugin="x", domains=("badge.example",), provision=True)
    async with corp(tmp_path, more=(Provider(entry=entry, plugin=plugin),)) as there:
        browser = there.house.browser()
        assert (await browser.get(f"{HOME}/-/login")).status == 200
        answer = await browser.get(f"{HOME}/-/login", X_Badge="bea")
        assert (answer.status, answer.location) == (303, "/")
        assert [dict(request.headers) for request in plugin.asked] == [{"x-badge": "bea"}]
        assert [event.body for event in await there.events("account.login")] == [{"provider": "badge"}]
        forged = await there.house.browser().get(f"{HOME}/-/login", X_Badge="forged")
        assert forged.status == 403
        assert 'name="username"' in forged.text


async def test_an_address_that_is_handed_over_is_passed_on(tmp_path: Path) -> None:
    async with corp(tmp_path) as there:
        left = await there.leave(there.house.browser(), login_hint="kim@corp.example")
        assert query(left.location, "hint") == "kim@corp.example"


async def test_a_question_that_the_browser_posts_goes_by_a_page_of_its_own(tmp_path: Path) -> None:
    async with corp(tmp_path, by_post=True) as there:
        browser = there.house.browser()
        page = await there.leave(browser)
        assert page.status == 200
        assert page.directive("form-action") == f"{there.idp.url} {HOME}"
        assert page.directive("script-src").startswith("'sha256-")
        assert page.directive("default-src") == "'none'"
        back, fields = there.idp.answers({name: page.hidden(name) for name in ("back", "nonce", "state")})
        answer = await browser.get(f"{back}?ticket={fields['ticket']}&state={fields['state']}")
        assert answer.location == "/"


@pytest.mark.parametrize("last", ["login", "callback", "slo", "metadata"])
async def test_addresses_of_providers_that_are_not_there_are_not_found(tmp_path: Path, last: str) -> None:
    async with corp(tmp_path) as there:
        assert (await there.house.browser().get(f"{HOME}/-/auth/nobody/{last}")).status == 404
        assert (await there.house.browser().get(f"{houses.LINE_3}/-/auth/corp/{last}")).status == 404
