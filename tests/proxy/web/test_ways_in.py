"""The login page with other plugins than the local one."""

from pathlib import Path

from typing_extensions import override

from auth_plugins import AuthPlugin, Field, Form, Identity, LoginRequest, PluginSettings, Redirect, Refused, Unavailable
from auth_plugins.registry import Provider
from auth_plugins.testkit import kit
from config.auth_schema import AuthEntry
from tests.proxy.web import house as houses
from tests.proxy.web.house import HOME, LINE_3

LEO = Identity(subject="77", username="leo", amr=("otp",))


class Steps(AuthPlugin[PluginSettings]):
    """Asks for a name, then for a code."""

    @override
    async def login(self, request: LoginRequest) -> Identity | Form:
        if "name" not in request.fields:
            return Form(fields=(Field(name="name", label="Name"),), message="Welcome to Corp.")
        if "code" not in request.fields:
            return Form(fields=(Field(name="name", label="Name"), Field(name="code", label="Code", kind="password")))
        if request.fields["code"] == "down":
            raise Unavailable("directory_unreachable")
        if request.fields["code"] != "123456":
            raise Refused("code_wrong")
        return LEO if request.fields["name"] == "leo" else Identity(subject="u-ada", username="ada")


class Elsewhere(AuthPlugin[PluginSettings]):
    @override
    async def login(self, request: LoginRequest) -> Redirect:
        return Redirect(url="https://idp.example/authorize")


class Known(AuthPlugin[PluginSettings]):
    """Knows the visitor without asking."""

    @override
    async def login(self, request: LoginRequest) -> Identity:
        return LEO


def corp(plugin: type[AuthPlugin[PluginSettings]]) -> Provider:
    return Provider(entry=AuthEntry(name="corp", plugin="corp"), plugin=plugin(PluginSettings(), kit()))


async def _step(browser: houses.Browser, page: houses.Answer, **fields: str) -> houses.Answer:
    hidden = {name: page.hidden(name) for name in ("to", "csrf", "with")}
    return await browser.post(f"{HOME}/-/login", hidden | fields)


async def test_another_way_in_is_offered_and_keeps_where_the_visitor_was_going(tmp_path: Path) -> None:
    async with houses.house(tmp_path, more=(corp(Steps),)) as house:
        browser = house.browser()
        _, local = await browser.follow(await browser.get(LINE_3 + "/dashboard"))
        assert "Log in with corp" in local.text
        page = await browser.get(f"{HOME}/-/login?with=corp&to={local.hidden('to')}")
        assert "Welcome to Corp." in page.text
        page = await _step(browser, page, name="leo")
        assert (page.status, "Code" in page.text) == (200, True)
        url, _ = await browser.follow(await _step(browser, page, name="leo", code="123456"))
        assert url == LINE_3 + "/dashboard"
        assert '"provider":"corp","amr":["otp"]' in (await browser.get(f"{HOME}/-/me")).text


async def test_a_provider_cannot_log_anybody_in_as_a_local_user(tmp_path: Path) -> None:
    async with houses.house(tmp_path, more=(corp(Steps),)) as house:
        browser = house.browser()
        page = await browser.get(f"{HOME}/-/login?with=corp")
        assert (await _step(browser, page, name="ada", code="123456")).status == 403
        assert (await browser.get(f"{HOME}/-/me")).status == 401


async def test_a_provider_that_is_away_is_503(tmp_path: Path) -> None:
    async with houses.house(tmp_path, more=(corp(Steps),)) as house:
        browser = house.browser()
        page = await browser.get(f"{HOME}/-/login?with=corp")
        assert (await _step(browser, page, name="leo", code="down")).status == 503
        assert (await _step(browser, page, name="leo", code="wrong")).status == 403


async def test_a_provider_may_send_the_visitor_elsewhere_or_know_them_at_once(tmp_path: Path) -> None:
    async with houses.house(tmp_path, more=(corp(Elsewhere),)) as house:
        answer = await house.browser().get(f"{HOME}/-/login?with=corp")
        assert (answer.status, answer.location) == (303, "https://idp.example/authorize")
    async with houses.house(tmp_path, more=(corp(Known),), local=False) as house:
        browser = house.browser()
        assert (await browser.get(f"{HOME}/-/login")).location == "/"
        assert (await browser.get(f"{HOME}/-/me")).status == 200


async def test_without_any_login_page_there_is_none(tmp_path: Path) -> None:
    async with houses.house(tmp_path, local=False) as house:
        assert (await house.browser().get(f"{HOME}/-/login")).status == 404
