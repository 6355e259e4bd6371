"""Logouts that a login provider tells of, and those it is told of."""

from pathlib import Path

import pytest

from tests.peers.identity_provider import SECRET
from tests.proxy.web.corp import Corp, corp
from tests.proxy.web.house import HOME, Answer, Browser, query

ADDRESS = "/-/auth/corp/backchannel"


async def logged_in(there: Corp) -> Browser:
    browser = there.house.browser()
    assert (await there.came(browser)).status == 303
    return browser


async def told(there: Corp, **fields: str) -> Answer:
    """What a provider's own server sends: no cookies, no origin."""
    return await there.house.browser().post(HOME + ADDRESS, {"secret": SECRET, **fields}, Origin="", Accept="*/*")


async def is_in(browser: Browser) -> bool:
    return (await browser.get(f"{HOME}/-/me")).status == 200


async def test_s_20_a_provider_ends_one_session_of_its_own_by_itself(tmp_path: Path) -> None:
    """S-20."""
    async with corp(tmp_path) as there:
        first = await logged_in(there)
        gone, there.idp.person.sid = there.idp.person.sid, "another"
        second = await logged_in(there)
        answer = await told(there, sid=gone)
        assert (answer.status, answer.headers["Cache-Control"], answer.text) == (200, "no-store", "")
        assert (await is_in(first), await is_in(second)) == (False, True)
        (event,) = await there.events("account.logout")
        assert (event.body, event.actor_name) == ({"provider": "corp", "sessions": 1}, "corp")


async def test_s_20_a_provider_ends_all_sessions_of_a_person_but_not_those_by_another_way(tmp_path: Path) -> None:
    """S-20."""
    async with corp(tmp_path) as there:
        mine = [await logged_in(there), await logged_in(there)]
        other = there.house.browser()
        await other.log_in("ada")
        assert (await told(there, subject="77")).status == 200
        assert [await is_in(browser) for browser in (*mine, other)] == [False, False, True]
        assert (await told(there, subject="77")).status == 200, "there is nothing left to end"
        assert len(await there.events("account.logout")) == 1


async def test_s_20_a_message_that_is_not_the_providers_ends_nothing(tmp_path: Path) -> None:
    """S-20."""
    async with corp(tmp_path) as there:
        browser = await logged_in(there)
        forged = await told(there, subject="77", secret="guessed")
        assert (forged.status, forged.headers["Cache-Control"]) == (400, "no-store")
        assert await is_in(browser)
        (event,) = await there.events("account.logout")
        assert (event.error, event.scope_kind) == ("not_signed", "platform")


async def test_s_20_a_logout_here_holds_where_what_the_provider_is_to_be_told_cannot_be_read(tmp_path: Path) -> None:
    """S-20: the session is of a version that did not seal it, or of another secret."""
    async with corp(tmp_path) as there:
        browser = await logged_in(there)
        account = await there.house.desk.database.account("kim")
        assert account is not None
        (session,) = await there.house.desk.sessions.of(account.user.id)
        await there.house.desk.flows.shared.renew(session.id, groups=(), keep="a token in clear")
        page = await browser.get(f"{HOME}/-/logout")
        left = await browser.post(f"{HOME}/-/logout", {"csrf": page.hidden("csrf")})
        assert (left.status, left.location) == (303, "/-/logout?done")
        assert not await is_in(browser)
        assert there.idp.logouts == []


async def test_strangers_do_not_fill_the_record_with_messages_about_logouts(tmp_path: Path) -> None:
    async with corp(tmp_path) as there:
        browser = await logged_in(there)
        statuses = [(await told(there, subject="77", secret=f"guess {number}")).status for number in range(25)]
        assert set(statuses[-4:]) == {429}
        assert len(await there.events("account.logout")) == statuses.count(400) < 25
        assert (await told(there, subject="77")).status == 200, "the provider's own still count"
        assert not await is_in(browser)


async def test_trouble_with_the_store_is_said_so_that_the_provider_tells_again(tmp_path: Path) -> None:
    async with corp(tmp_path) as there:
        await logged_in(there)
        there.house.outages[0].away = True
        assert (await told(there, subject="77")).status == 503


@pytest.mark.parametrize("way", ["get", "post"])
async def test_s_20_a_logout_that_a_browser_brings_ends_the_session_and_goes_back(tmp_path: Path, way: str) -> None:
    """S-20."""
    async with corp(tmp_path) as there:
        browser = await logged_in(there)
        sid = there.idp.person.sid
        url = f"{HOME}/-/auth/corp/slo"
        if way == "get":
            answer = await browser.get(f"{url}?secret={SECRET.replace(' ', '%20')}&sid={sid}&then=1")
            assert answer.location.startswith(f"{there.idp.url}/ended?secret="), "the query as it came"
        else:
            answer = await there.house.browser().post(url, {"secret": SECRET, "sid": sid}, Origin="null")
            assert answer.location == "/-/logout?done"
        assert answer.status == 303
        assert not await is_in(browser)
        forged = await browser.get(f"{url}?secret=guessed&sid={sid}")
        assert (forged.status, "could not be verified" in forged.text) == (403, True)


async def test_s_20_who_logs_out_here_logs_out_at_the_provider_too(tmp_path: Path) -> None:
    """S-20."""
    async with corp(tmp_path) as there:
        browser = await logged_in(there)
        page = await browser.get(f"{HOME}/-/logout")
        left = await browser.post(f"{HOME}/-/logout", {"csrf": page.hidden("csrf")})
        assert not await is_in(browser), "whatever the provider does"
        assert left.status == 200, "a page that goes on by itself: a form's policy would hold back a redirect"
        address = left.text.partition("0; url=")[2].partition('"')[0].replace("&amp;", "&")
        assert query(address, "sid") == there.idp.person.sid
        assert (query(address, "subject"), query(address, "keep")) == ("77", "kept by the plugin")
        done = await browser.get(f"{HOME}/-/auth/corp/slo?state={query(address, 'state')}")
        assert (done.status, done.location) == (303, "/-/logout?done")
        again = await browser.get(f"{HOME}/-/auth/corp/slo?state={query(address, 'state')}")
        assert again.status == 403, "once"


async def test_what_a_plugin_publishes_is_there_for_all(tmp_path: Path) -> None:
    async with corp(tmp_path) as there:
        answer = await there.house.browser().get(f"{HOME}/-/auth/corp/metadata")
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/plain")
        assert answer.text == f"come to {HOME}/-/auth/corp"
        assert (await there.house.browser().get(f"{HOME}/-/auth/local/metadata")).status == 404
