"""Coming back from a login provider: once, in the browser that was sent there, within half an hour."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from typing_extensions import override

from auth_plugins import AuthPlugin, Identity, LoginRequest, PluginSettings, Redirect, Unavailable
from auth_plugins.registry import Provider
from auth_plugins.testkit import kit
from config.auth_schema import AuthEntry, ProviderSession
from proxy.model.identity import Session
from tests.peers.changes import promised
from tests.proxy.web.corp import Corp, corp
from tests.proxy.web.house import HOME, LINE_3, query

STALE = "That login took too long, was used already, or began in another browser."


async def sessions(there: Corp, name: str = "kim") -> Sequence[Session]:
    account = await there.house.desk.database.account(name)
    return await there.house.desk.sessions.of(account.user.id) if account else []


async def test_who_comes_back_is_logged_in_and_goes_on_in_two_round_trips(tmp_path: Path) -> None:
    async with corp(tmp_path) as there:
        browser = there.house.browser()
        away = await browser.get(f"{LINE_3}/dashboard?tab=2")
        back = await there.came(browser, query(away.location, "to"))
        assert (back.status, back.location.partition("?")[0]) == (303, f"{LINE_3}/-/enter")
        entered = await browser.get(back.location)
        assert (entered.status, entered.location) == (303, f"{LINE_3}/dashboard?tab=2")
        (session,) = await sessions(there)
        assert (session.provider, session.amr, session.groups) == ("corp", ("otp",), ("staff",))
        kept = there.house.desk.sessions.kept(session)
        assert (session.provider_session, kept) == (there.idp.person.sid, "kept by the plugin")
        assert session.vouched


async def test_what_the_browser_posts_from_another_site_goes_on_with_its_cookies(tmp_path: Path) -> None:
    """A cross-site post carries no Lax cookie."""
    async with corp(tmp_path) as there:
        browser, nobody = there.house.browser(), there.house.browser()
        url, _, fields = there.address(await there.leave(browser)).partition("?")
        posted = await nobody.post(url, dict(parse_qsl(fields)), Origin="http://idp.localhost")
        assert (posted.status, posted.location.partition("?")[0]) == (303, "/-/auth/corp/resume")
        other = await there.house.browser().get(HOME + posted.location)
        assert other.status == 403, "another browser's"
        url, _, fields = there.address(await there.leave(browser)).partition("?")
        posted = await nobody.post(url, dict(parse_qsl(fields)), Origin="http://idp.localhost")
        assert (await browser.get(HOME + posted.location)).location == "/"
        assert len(await sessions(there)) == 1
        again = await there.house.browser().get(HOME + posted.location)
        assert again.status == 403, "once"
        assert STALE in again.text


async def test_what_is_posted_is_bounded(tmp_path: Path) -> None:
    async with corp(tmp_path) as there:
        answer = await there.house.browser().post(f"{HOME}/-/auth/corp/acs", {"SAMLResponse": "x" * 300_000})
        assert answer.status == 413


async def test_a_flow_is_good_once(tmp_path: Path) -> None:
    async with corp(tmp_path) as there:
        browser = there.house.browser()
        left = await there.leave(browser)
        assert (await there.back(browser, left)).status == 303
        again = await there.back(browser, left)
        assert (again.status, again.location) == (303, "/"), "who is logged in has nothing to do"
        browser.jars[urlsplit(HOME).netloc].pop("__Host-flowward")
        replayed = await there.back(browser, left)
        assert replayed.status == 403
        assert STALE in replayed.text
        assert "Log in with Corp Login" in replayed.text or 'name="username"' in replayed.text


async def test_another_browser_cannot_go_on_with_a_flow_and_leaves_it_to_the_one_it_belongs_to(tmp_path: Path) -> None:
    async with corp(tmp_path) as there:
        browser, thief = there.house.browser(), there.house.browser()
        await there.leave(thief)  # with a hop of its own
        left = await there.leave(browser)
        assert (await there.back(thief, left)).status == 403
        assert (await there.back(browser, left)).status == 303


async def test_a_flow_is_over_after_half_an_hour(tmp_path: Path) -> None:
    async with corp(tmp_path) as there:
        browser = there.house.browser()
        left = await there.leave(browser)
        there.house.time.now += 1801
        late = await there.back(browser, left)
        assert late.status == 403
        assert STALE in late.text


async def test_s_19_who_was_never_sent_away_is_let_in_only_where_the_provider_may_do_so(tmp_path: Path) -> None:
    """S-19."""
    async with corp(tmp_path) as there:
        answer = await there.house.browser().get(f"{HOME}/-/auth/corp/callback?ticket={there.idp.ticket()}")
        assert answer.status == 403
        (event,) = await there.events("account.login")
        assert (event.error, event.body["provider"]) == ("unsolicited", "corp")
    async with corp(tmp_path / "other", unsolicited=True) as there:
        browser = there.house.browser()
        answer = await browser.get(f"{HOME}/-/auth/corp/callback?ticket={there.idp.ticket()}&state=/boiler")
        assert (answer.status, answer.location) == (303, f"{HOME}/boiler")
        made_up = await there.house.browser().get(
            f"{HOME}/-/auth/corp/callback?ticket={there.idp.ticket()}&state={'x' * 43}"
        )
        assert made_up.status == 403, "what looks like a flow must be one"


@pytest.mark.parametrize(
    "state", ["//evil.example", "/%5Cevil.example", "/\\evil.example", "https://evil.example", "/-/me"]
)
async def test_r_64_a_provider_leads_to_no_other_site(tmp_path: Path, state: str) -> None:
    """R-64."""
    async with corp(tmp_path, unsolicited=True) as there:
        url = f"{HOME}/-/auth/corp/callback?ticket={there.idp.ticket()}&state={state.replace('%5C', '%255C')}"
        answer = await there.house.browser().get(url.replace("\\", "%5C"))
        assert answer.location in {"/", f"{HOME}/%5Cevil.example"}
        if answer.location != "/":
            assert state == "/%5Cevil.example", "encoded, it is a path of ours"


async def test_a_refusal_is_told_without_its_reason_and_put_on_record_with_it(tmp_path: Path) -> None:
    async with corp(tmp_path, local=False, domains=()) as there:
        browser = there.house.browser()
        left = await there.leave(browser)
        answer = await there.back(browser, left, ticket="made-up")
        assert answer.status == 403
        assert "Corp Login did not log you in here." in answer.text
        assert "ticket_unknown" not in answer.text
        assert "again=1" in answer.text, "it may ask who else is there"
        (event,) = await there.events("account.login")
        assert (event.error, event.body["detail"]) == ("ticket_unknown", "the provider answered 404")
        there.idp.person.username = there.idp.person.email = "pia@acme.example"
        assert (await there.came(browser)).status == 403
        assert [event.error for event in await there.events("account.login")][1:] == ["username_taken"]


async def test_a_provider_may_be_asked_to_prove_anew_who_is_there(tmp_path: Path) -> None:
    async with corp(tmp_path) as there:
        browser = there.house.browser()
        await there.came(browser)
        (before,) = await sessions(there)
        assert (await there.leave(browser)).location == "/", "logged in already"
        left = await there.leave(browser, again="1")
        assert query(left.location, "again") == "1"
        there.house.time.now += 60
        await there.back(browser, left)
        (after,) = await sessions(there)
        assert (after.id != before.id, after.proved) == (True, there.house.time.now)


async def test_a_flow_of_one_provider_is_not_gone_on_with_by_another(tmp_path: Path) -> None:
    other = Provider(entry=AuthEntry(name="other", plugin="x"), plugin=Slow(PluginSettings(), kit(name="other")))
    async with corp(tmp_path, more=(other,)) as there:
        browser = there.house.browser()
        url = there.address(await there.leave(browser))
        assert (await browser.get(url.replace("/corp/", "/other/"))).status == 403
        (event,) = await there.events("account.login")
        assert event.error == "provider_mixed_up"


async def test_a_head_request_uses_nothing_up(tmp_path: Path) -> None:
    async with corp(tmp_path) as there:
        browser = there.house.browser()
        left = await there.leave(browser)
        assert (await browser._send("HEAD", there.address(left), {}, None)).status in {404, 405}
        assert (await there.back(browser, left)).status == 303


async def test_answers_of_providers_are_limited_by_address(tmp_path: Path) -> None:
    """20 in 60 s."""
    async with corp(tmp_path) as there:
        browser = there.house.browser()
        found = [await browser.get(f"{HOME}/-/auth/corp/callback?state={'x' * 43}") for _ in range(21)]
        assert [answer.status for answer in found] == [403] * 20 + [429]
        assert (await there.came(there.house.browser(address="198.51.100.9"))).status == 303


class Slow(AuthPlugin[PluginSettings]):
    """Comes to no end once somebody is back, and does not answer who is hinted at."""

    @override
    async def login(self, request: LoginRequest) -> Identity | Redirect:
        if request.returned:
            await asyncio.Event().wait()
        if request.hint:
            raise Unavailable("away", "nobody home")
        return Redirect(url="https://slow.example/?" + request.flow)


async def test_a_provider_that_does_not_answer_is_a_503_within_three_seconds_and_no_failed_attempt(
    tmp_path: Path,
) -> None:
    slow = Provider(entry=AuthEntry(name="slow", plugin="x"), plugin=Slow(PluginSettings(), kit(name="slow")))
    async with corp(tmp_path, more=(slow,)) as there:
        browser = there.house.browser()
        left = await browser.get(f"{HOME}/-/auth/slow/login")
        flow = urlsplit(left.location).query
        async with promised(3):
            answer = await browser.get(f"{HOME}/-/auth/slow/callback?state={flow}")
        assert answer.status == 503
        assert "slow does not answer just now" in answer.text
        assert 'name="password"' in answer.text, "the other ways in are there"
        assert (await browser.get(f"{HOME}/-/auth/slow/login?login_hint=kim")).status == 503
        assert await there.events("account.login") == []


async def test_s_12_a_provider_has_session_times_of_its_own(tmp_path: Path) -> None:
    """S-12."""
    async with corp(tmp_path, session=ProviderSession(absolute=7200.0, idle=600.0)) as there:
        browser = there.house.browser()
        await there.came(browser)
        there.house.time.now += 599
        assert (await browser.get(f"{HOME}/-/me")).status == 200
        await there.house.desk.sessions.flush()
        there.house.time.now += 601
        assert (await browser.get(f"{HOME}/-/me")).status == 401
        await there.came(browser)
        for _ in range(13):
            there.house.time.now += 550
            assert (await browser.get(f"{HOME}/-/me")).status == 200
            await there.house.desk.sessions.flush()
        there.house.time.now += 550
        assert (await browser.get(f"{HOME}/-/me")).status == 401, "7700 s after the login"
