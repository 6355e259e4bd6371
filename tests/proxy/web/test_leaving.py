"""Logging out."""

import pytest

from tests.proxy.web.house import HOME, LINE_3, Browser, House

SESSION = "__Host-flowward"


async def _everywhere(house: House) -> Browser:
    """A browser with a session at home and on an instance's host."""
    browser = house.browser()
    step = await browser.get(LINE_3 + "/dashboard")
    await browser.follow(await browser.submit(await browser.get(step.location)))
    return browser


async def test_logging_out_ends_the_session_on_every_host(house: House) -> None:
    browser = await _everywhere(house)
    there = browser.jars["line-3.example"][SESSION]
    page = await browser.get(f"{HOME}/-/logout")
    assert "Ada" in page.text
    answer = await browser.post(f"{HOME}/-/logout", {"csrf": page.hidden("csrf")})
    assert answer.location == "/-/logout?done"
    assert SESSION not in browser.jars["gate.example"]
    assert await house.desk.sessions.open(there, "line-3.example") is None
    assert "You are logged out" in (await browser.get(f"{HOME}/-/logout?done")).text


async def test_an_instances_host_leads_home(house: House) -> None:
    browser = await _everywhere(house)
    for answer in (await browser.get(f"{LINE_3}/-/logout"), await browser.post(f"{LINE_3}/-/logout", {})):
        assert (answer.status, answer.location) == (303, f"{HOME}/-/logout")


async def test_a_link_does_not_log_anybody_out(house: House) -> None:
    browser = await _everywhere(house)
    await browser.get(f"{HOME}/-/logout")
    assert (await browser.get(f"{HOME}/-/me")).status == 200


@pytest.mark.parametrize("headers", [{"Origin": LINE_3}, {"Origin": "", "Sec_Fetch_Site": "same-site"}], ids=str)
async def test_a_sibling_host_cannot_log_anybody_out(house: House, headers: dict[str, str]) -> None:
    browser = await _everywhere(house)
    page = await browser.get(f"{HOME}/-/logout")
    answer = await browser.post(f"{HOME}/-/logout", {"csrf": page.hidden("csrf")}, **headers)
    assert answer.status == 403
    assert (await browser.get(f"{HOME}/-/me")).status == 200


async def test_a_form_without_its_csrf_value_asks_again(house: House) -> None:
    browser = await _everywhere(house)
    answer = await browser.post(f"{HOME}/-/logout", {})
    assert answer.status == 403
    assert (await browser.get(f"{HOME}/-/me")).status == 200


async def test_logging_out_twice_is_no_trouble(house: House) -> None:
    browser = house.browser()
    assert (await browser.post(f"{HOME}/-/logout", {})).location == "/-/logout?done"
    assert "You are logged out" in (await browser.get(f"{HOME}/-/logout")).text
