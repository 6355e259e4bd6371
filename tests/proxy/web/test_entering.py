"""`/-/enter`: how one login at home becomes a session on an instance's host."""

import pytest

from proxy.services.allowances import ENTRIES
from tests.proxy.web.house import HOME, LINE_3, LINE_4, Browser, House, query

SESSION, HOP = "__Host-flowward", "__Host-flowward-hop"


async def _code_for(browser: Browser, url: str = LINE_3 + "/dashboard") -> str:
    """The address with a fresh code that this browser would go to next."""
    step = await browser.get(url)
    answer = await browser.get(step.location)
    if answer.status == 200:
        answer = await browser.submit(answer)
    assert "/-/enter?code=" in answer.location
    return answer.location


async def test_a_visitor_comes_back_to_where_they_were_going(house: House) -> None:
    browser = house.browser()
    step = await browser.get(LINE_3 + "/dashboard/page1?x=%2F&y=1")
    page = await browser.get(step.location)
    assert "line-3.example" in page.text
    url, _ = await browser.follow(await browser.submit(page))
    assert url == LINE_3 + "/dashboard/page1?x=%2F&y=1"
    assert await house.desk.sessions.open(browser.jars["line-3.example"][SESSION], "line-3.example") is not None


async def test_a_second_instance_is_entered_without_seeing_a_page(house: House) -> None:
    browser = house.browser()
    await browser.follow(await browser.get(await _code_for(browser)))
    step = await browser.get(LINE_4 + "/dashboard")
    url, _ = await browser.follow(step)
    assert url == LINE_4 + "/dashboard"


async def test_cookies_of_an_instances_host_carry_the_same_marks(house: House) -> None:
    browser = house.browser()
    step = await browser.get(LINE_3 + "/")
    entered = await browser.get(await _code_for(browser))
    for cookie in (*step.set_cookies, *entered.set_cookies):
        assert cookie.startswith((SESSION, HOP))
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))


async def test_the_code_is_told_to_nobody_on_the_way(house: House) -> None:
    browser = house.browser()
    location = await _code_for(browser)
    entered = await browser.get(location)
    assert entered.headers["Referrer-Policy"] == "no-referrer"
    assert entered.headers["Cache-Control"] == "no-store"
    assert "code" not in entered.location


async def test_the_cookie_of_an_instances_host_is_worth_nothing_elsewhere(house: House) -> None:
    browser = house.browser()
    await browser.get(await _code_for(browser))
    thief = house.browser()
    stolen = browser.jars["line-3.example"][SESSION]
    for host in ("gate.example", "line-4.example"):
        thief.jars[host] = {SESSION: stolen}
        assert await house.desk.sessions.open(stolen, host) is None
    assert (await thief.get(f"{HOME}/-/me")).status == 401
    assert (await thief.get(f"{HOME}/")).location == "/-/login"


async def test_a_code_is_good_once(house: House) -> None:
    browser = house.browser()
    location = await _code_for(browser)
    hop = browser.jars["line-3.example"][HOP]
    assert (await browser.get(location)).set_cookies
    other = house.browser()
    other.jars["line-3.example"] = {HOP: hop}
    again = await other.get(location)
    assert SESSION not in other.jars["line-3.example"]
    assert again.location.startswith(HOME + "/-/login")


async def test_going_back_to_a_used_code_with_a_session_goes_on(house: House) -> None:
    browser = house.browser()
    location = await _code_for(browser, LINE_3 + "/dashboard/page2")
    await browser.get(location)
    again = await browser.get(location)
    assert (again.status, again.location) == (303, LINE_3 + "/dashboard/page2")


async def test_a_code_is_good_for_half_a_minute(house: House) -> None:
    browser = house.browser()
    location = await _code_for(browser)
    house.time.now += 30
    answer = await browser.get(location)
    assert answer.location.startswith(HOME + "/-/login"), "started once more"
    url, _ = await browser.follow(answer)
    assert url == LINE_3 + "/dashboard", "and this time in time"


async def test_a_code_in_another_browser_is_spent_and_opens_nothing(house: House) -> None:
    """Somebody else's link with a code of theirs must not log a visitor in as them, nor a stolen one as the visitor."""
    attacker, victim = house.browser(), house.browser()
    location = await _code_for(attacker)
    await victim.get(LINE_3 + "/dashboard")
    assert (await victim.get(location)).location.startswith(HOME + "/-/login")
    assert SESSION not in victim.jars["line-3.example"]
    await attacker.get(location)
    assert SESSION not in attacker.jars["line-3.example"]


async def test_a_code_on_another_host_opens_nothing(house: House) -> None:
    browser = house.browser()
    location = await _code_for(browser)
    browser.jars["line-4.example"] = {HOP: browser.jars["line-3.example"][HOP]}
    await browser.get(location.replace(LINE_3, LINE_4))
    assert SESSION not in browser.jars["line-4.example"]


async def test_a_code_made_before_a_logout_opens_nothing(house: House) -> None:
    browser = house.browser()
    location = await _code_for(browser)
    session = await house.desk.sessions.open(browser.jars["gate.example"][SESSION], "gate.example")
    assert session is not None
    await house.desk.sessions.end(session.id)
    await browser.get(location)
    assert SESSION not in browser.jars["line-3.example"]


async def test_two_tabs_log_in_beside_each_other(house: House) -> None:
    browser = house.browser()
    first = await browser.get(LINE_3 + "/dashboard/one")
    second = await browser.get(LINE_3 + "/dashboard/two")
    page_one, page_two = await browser.get(first.location), await browser.get(second.location)
    assert (await browser.follow(await browser.submit(page_one)))[0] == LINE_3 + "/dashboard/one"
    assert (await browser.follow(await browser.submit(page_two)))[0] == LINE_3 + "/dashboard/two"


async def test_a_lost_hop_starts_once_more(house: House) -> None:
    browser = house.browser()
    location = await _code_for(browser)
    del browser.jars["line-3.example"][HOP]
    url, _ = await browser.follow(await browser.get(location))
    assert url == LINE_3 + "/dashboard"


async def test_a_browser_that_keeps_no_cookie_ends_on_a_page_that_says_so(house: House) -> None:
    browser = house.browser(blocks_cookies_of=frozenset({"line-3.example"}))
    url, answer = await browser.follow(await browser.get(await _code_for(browser)))
    assert url.startswith(LINE_3 + "/-/enter")
    assert answer.status == 403
    assert "did not keep a cookie" in answer.text


async def test_a_browser_that_loses_the_session_again_and_again_is_stopped(house: House) -> None:
    browser = house.browser()
    statuses = []
    for _ in range(5):
        entered = await browser.get(await _code_for(browser))
        statuses.append(entered.status)
        browser.jars["line-3.example"].pop(SESSION, None)
    assert statuses == [303, 303, 303, 303, 403]


@pytest.mark.parametrize("mode", ["cors", "no-cors", "same-origin", "websocket"])
async def test_a_script_cannot_fetch_the_way_in(house: House, mode: str) -> None:
    browser = house.browser()
    location = await _code_for(browser)
    answer = await browser.get(location, Sec_Fetch_Mode=mode)
    assert (answer.status, answer.set_cookies) == (403, ())
    assert (await browser.get(location)).status == 303, "and the code is not spent by it"


@pytest.mark.parametrize("query_", ["", "?code=", "?code=x", "?code=" + "A" * 43, "?to=x&code=%00"])
async def test_a_stranger_with_a_made_up_code_is_led_to_the_login(house: House, query_: str) -> None:
    browser = house.browser()
    answer = await browser.get(f"{LINE_3}/-/enter{query_}")
    assert answer.status == 303
    target = house.desk.logins.unseal(query(answer.location, "to"))
    assert target is not None
    assert target.path == "/"


async def test_home_has_no_way_in(house: House) -> None:
    assert (await house.browser().get(f"{HOME}/-/enter?code=x")).status == 404


async def test_the_hop_cookie_is_used_again(house: House) -> None:
    browser = house.browser()
    await browser.get(LINE_3 + "/one")
    before = browser.jars["line-3.example"][HOP]
    await browser.get(LINE_3 + "/two")
    assert browser.jars["line-3.example"][HOP] == before


async def test_coming_in_again_needs_no_further_cookie(house: House) -> None:
    """Each is a row: the one that opens the session is used on."""
    browser = house.browser()
    first = await browser.get(await _code_for(browser))
    assert any(cookie.startswith(f"{SESSION}=") for cookie in first.set_cookies)
    held = browser.jars["line-3.example"][SESSION]
    for number in range(3):
        again = await browser.get(await _fresh(browser, f"/dashboard/{number}"))
        assert (again.status, again.location, again.set_cookies) == (303, f"{LINE_3}/dashboard/{number}", ())
    assert browser.jars["line-3.example"][SESSION] == held


async def test_another_login_gets_a_cookie_of_its_own(house: House) -> None:
    browser = house.browser()
    await browser.get(await _code_for(browser))
    held = browser.jars["line-3.example"][SESSION]
    await browser.get(HOME + "/-/login")
    del browser.jars["gate.example"][SESSION]
    await browser.get(await _fresh(browser, "/dashboard"))
    assert browser.jars["line-3.example"][SESSION] != held


async def test_one_login_is_carried_to_so_many_browsers_and_no_more(house: House) -> None:
    browser = house.browser()
    await browser.get(await _code_for(browser))
    for number in range(ENTRIES.count):
        del browser.jars["line-3.example"][SESSION]
        entered = await browser.get(await _fresh(browser, f"/{number}"))
    assert (entered.status, entered.headers["RateLimit-Policy"]) == (429, '"enter";q=100;w=3600')


async def _fresh(browser: Browser, path: str) -> str:
    """The address with a code for a page, by way of home, whatever this browser holds for the instance's host."""
    held = browser.jars["line-3.example"].pop(SESSION, None)
    location = await _code_for(browser, LINE_3 + path)
    if held is not None:
        browser.jars["line-3.example"][SESSION] = held
    return location
