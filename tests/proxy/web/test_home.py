"""What home shows to somebody who is logged in."""

import json
from dataclasses import replace

from proxy.store import PutPerson
from tests.proxy.web.house import ABSOLUTE, HOME, IDLE, LINE_3, House


async def test_an_owner_is_offered_dashboards_and_editors(house: House) -> None:
    browser = house.browser()
    await browser.log_in("ada")
    text = (await browser.get(f"{HOME}/-/")).text
    assert f'href="{LINE_3}/dashboard"' in text
    assert f'href="{LINE_3}/admin/"' in text


async def test_the_dashboard_role_is_offered_dashboards_alone(house: House) -> None:
    """R-10: an entry exposes just the dashboard."""
    browser = house.browser()
    await browser.log_in("dan")
    text = (await browser.get(HOME + "/")).text
    assert f'href="{LINE_3}/dashboard"' in text
    assert "/admin" not in text


async def test_somebody_without_a_role_reads_what_to_do_and_no_names(house: House) -> None:
    browser = house.browser()
    await browser.log_in("nora")
    text = (await browser.get(HOME + "/")).text
    assert "Nothing to open yet" in text
    assert "line-3" not in text


async def test_me_says_who_the_gateway_takes_this_browser_for(house: House) -> None:
    browser = house.browser()
    await browser.log_in("ada")
    answer = await browser.get(f"{HOME}/-/me")
    me = json.loads(answer.text)
    assert (me["username"], me["email"], me["admin"]) == ("ada", "ada@acme.example", False)
    assert (me["session"]["provider"], me["session"]["amr"]) == ("local", ["pwd"])
    assert browser.jars["gate.example"]["__Host-flowward"] not in answer.text


async def test_nobody_is_nobody(house: House) -> None:
    answer = await house.browser().get(f"{HOME}/-/me")
    assert (answer.status, json.loads(answer.text)["code"]) == (401, "login_required")


async def test_a_session_in_use_goes_on_until_its_absolute_end(house: House) -> None:
    browser = house.browser()
    await browser.log_in("ada")
    for _ in range(6):
        house.time.now += IDLE - 10 * 3600
        assert (await browser.get(f"{HOME}/-/me")).status == 200
        await house.desk.sessions.flush()
    house.time.now += ABSOLUTE - 6 * (IDLE - 10 * 3600)
    assert (await browser.get(f"{HOME}/-/me")).status == 401


async def test_a_session_nobody_uses_ends(house: House) -> None:
    browser = house.browser()
    await browser.log_in("ada")
    house.time.now += IDLE
    assert (await browser.get(f"{HOME}/-/me")).status == 401


async def test_a_suspended_user_is_nobody(house: House) -> None:
    browser = house.browser()
    await browser.log_in("ada")
    await house.suspend("u-ada")
    assert (await browser.get(f"{HOME}/-/me")).status == 401


async def test_of_several_cookies_the_one_that_opens_this_host_counts(house: House) -> None:
    browser = house.browser()
    await browser.log_in("ada")
    value = browser.jars["gate.example"]["__Host-flowward"]
    decoys = [f"__Host-flowward={letter * 43}" for letter in "ABCD"]
    right = f"__Host-flowward={value}"
    assert (await browser.get(f"{HOME}/-/me", Cookie="; ".join([*decoys[:3], right]))).status == 200
    assert (await browser.get(f"{HOME}/-/me", Cookie="; ".join([*decoys, right]))).status == 401, "four are tried"


async def _sees_first(house: House, user: str, dashboard: str | None, *, fullscreen: bool = False) -> None:
    person = await house.desk.database.person(user)
    assert person is not None
    after = replace(person.user, default_dashboard=dashboard, fullscreen=fullscreen)
    await house.desk.database.edit([PutPerson(person=replace(person, user=after))], [])


async def test_c_12_whoever_has_a_dashboard_to_see_first_is_led_there_after_the_login_and_from_home(
    house: House,
) -> None:
    await _sees_first(house, "u-dan", "r-line-3")
    browser = house.browser()
    assert (await browser.log_in("dan")).location == "/"
    text = (await browser.get(f"{HOME}/")).text
    assert f'content="0; url={LINE_3}/dashboard"' in text
    assert f'href="{LINE_3}/dashboard"' in text, "also without a browser that goes on by itself"
    assert "Your instances" in (await browser.get(f"{HOME}/-/")).text, "all that there is besides"


async def test_c_12_whose_dashboard_is_all_they_see_is_led_there_from_every_beginning(house: House) -> None:
    await _sees_first(house, "u-dan", "r-line-3", fullscreen=True)
    browser = house.browser()
    await browser.log_in("dan")
    for path in ("/", "/-/"):
        text = (await browser.get(HOME + path)).text
        assert f'content="0; url={LINE_3}/dashboard"' in text
        assert "Your instances" not in text
        assert "/-/security" not in text
    assert (await browser.get(f"{HOME}/-/security")).status == 200, "by its address"
    out = await browser.get(f"{HOME}/-/logout")
    assert (await browser.post(f"{HOME}/-/logout", {"csrf": out.hidden("csrf")})).location == "/-/logout?done"


async def test_c_12_a_dashboard_that_is_not_theirs_to_open_is_passed_over(house: House) -> None:
    for dashboard in ("r-line-3", "r-plant", "no-such"):
        await _sees_first(house, "u-nora", dashboard, fullscreen=True)
        browser = house.browser()
        await browser.log_in("nora")
        text = (await browser.get(f"{HOME}/")).text
        assert ("Nothing to open yet" in text, "line-3" in text) == (True, False)


async def test_c_12_whoever_was_on_the_way_to_something_else_goes_there(house: House) -> None:
    await _sees_first(house, "u-dan", "r-line-3", fullscreen=True)
    browser = house.browser()
    url, page = await browser.follow(await browser.get("https://line-4.example/x"))
    url, shown = await browser.follow(await browser.submit(page, "dan"), url)
    assert (url, shown.status) == ("https://line-4.example/x", 200)


async def test_c_12_a_new_password_is_chosen_first(house: House) -> None:
    await _sees_first(house, "u-dan", "r-line-3")
    person = await house.desk.database.person("u-dan")
    assert person is not None
    expired = replace(person, user=replace(person.user, password_expired=True))
    await house.desk.database.edit([PutPerson(person=expired)], [])
    browser = house.browser()
    await browser.log_in("dan")
    assert (await browser.get(f"{HOME}/")).location == "/-/password"
