"""The page on which a new password is chosen, and where an expired one leads."""

from dataclasses import replace

import pytest

from proxy.store import PutPerson
from tests.proxy.web.house import HOME, LINE_3, PASSWORD, Answer, Browser, House

PAGE = f"{HOME}/-/password"
NEW = "another long password"


async def expire(house: House, name: str) -> None:
    person = await house.desk.database.person(f"u-{name}")
    assert person is not None
    put = PutPerson(person=replace(person, user=replace(person.user, password_expired=True)))
    await house.desk.database.edit([put], [])


async def submit(browser: Browser, current: str = PASSWORD, new: str = NEW, again: str | None = None) -> Answer:
    page = await browser.get(PAGE)
    fields = {
        "csrf": page.hidden("csrf"),
        "current": current,
        "password": new,
        "again": new if again is None else again,
    }
    return await browser.post(PAGE, fields)


async def test_s_06_an_expired_password_leads_to_a_new_one_and_then_on(house: House) -> None:
    await expire(house, "ada")
    browser = house.browser()
    assert (await browser.log_in("ada")).location == "/-/password"
    assert (await browser.get(f"{HOME}/")).location == "/-/password"
    assert (await browser.get(f"{HOME}/-/login")).location == "/-/password"
    assert "has expired" in (await browser.get(PAGE)).text
    assert "Your password is set" in (await submit(browser)).text
    assert "Your instances" in (await browser.get(f"{HOME}/")).text


async def test_a_new_password_ends_the_other_sessions_and_the_old_one_is_worth_nothing(house: House) -> None:
    here, there = house.browser(), house.browser()
    await here.log_in("ada")
    await there.log_in("ada")
    assert (await submit(here)).status == 200
    assert (await there.get(f"{HOME}/")).location == "/-/login"
    assert (await here.get(f"{HOME}/")).status == 200
    assert (await there.log_in("ada")).status == 403
    assert (await there.log_in("ada", NEW)).status == 303


@pytest.mark.parametrize(
    ("current", "new", "again", "told"),
    [
        ("wrong", NEW, NEW, "not your password"),
        (PASSWORD, "short", "short", "at least 8"),
        (PASSWORD, PASSWORD, PASSWORD, "choose another"),
        (PASSWORD, NEW, "something else", "differ"),
    ],
)
async def test_what_cannot_be_taken_is_told_and_changes_nothing(
    house: House, current: str, new: str, again: str, told: str
) -> None:
    browser = house.browser()
    await browser.log_in("ada")
    answer = await submit(browser, current, new, again)
    assert (answer.status, told in answer.text) == (422, True)
    assert (await house.browser().log_in("ada")).status == 303


async def test_guesses_are_held_to_the_limit_of_logins(house: House) -> None:
    browser = house.browser()
    await browser.log_in("ada")
    statuses = [(await submit(browser, "wrong")).status for _ in range(5)]
    assert statuses == [422] * 4 + [429]


async def test_nobody_chooses_anything(house: House) -> None:
    browser = house.browser()
    assert (await browser.get(PAGE)).location == "/-/login"
    assert (await browser.post(PAGE, {})).location == "/-/login"
    assert (await browser.get(f"{LINE_3}/-/password")).status == 404


async def test_a_page_of_another_origin_chooses_nothing(house: House) -> None:
    browser = house.browser()
    await browser.log_in("ada")
    fields = {"csrf": "", "current": PASSWORD, "password": NEW, "again": NEW}
    assert (await browser.post(PAGE, fields, Origin=LINE_3)).status == 403
    assert (await browser.post(PAGE, fields)).status == 403
    assert (await house.browser().log_in("ada")).status == 303


async def test_whose_password_is_kept_elsewhere_is_sent_there(house: House) -> None:
    browser = house.browser()
    await browser.log_in()
    person = await house.desk.database.person("u-ada")
    assert person is not None
    linked = replace(person, user=replace(person.user, provider="corp", subject="7"))
    await house.desk.database.edit([PutPerson(person=linked)], [])
    page = await browser.get(PAGE)
    assert (page.status, "not kept here" in page.text, "<form" in page.text) == (409, True, False)


async def test_whose_password_stands_in_an_estate_file_is_told_so(house: House) -> None:
    browser = house.browser()
    await browser.log_in()
    person = await house.desk.database.person("u-ada")
    assert person is not None
    declared = replace(person.user, declared="estate.yaml", stated=frozenset({"password"}))
    await house.desk.database.edit([PutPerson(person=replace(person, user=declared))], [])
    for page in (await browser.get(PAGE), await browser.post(PAGE, {})):
        assert (page.status, "in the file estate.yaml" in page.text, "<form" in page.text) == (409, True, False)
