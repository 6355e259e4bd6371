"""The one-time link by which a user chooses a password."""

import pytest

from proxy.model.identity import UserState
from tests.proxy.web.house import HOME, LINE_3, Answer, Browser, House

NEW = "a new password of mine"


async def _choose(browser: Browser, token: str, password: str = NEW, again: str | None = None) -> Answer:
    page = await browser.get(f"{HOME}/-/activate/{token}")
    fields = {"csrf": page.hidden("csrf"), "password": password, "again": password if again is None else again}
    return await browser.post(f"{HOME}/-/activate/{token}", fields)


async def test_c_11_a_pending_user_becomes_active_and_is_logged_in(house: House) -> None:
    browser = house.browser()
    answer = await _choose(browser, await house.desk.accounts.issue_link("u-pia"))
    assert (answer.status, answer.location) == (303, "/")
    assert (await browser.get(f"{HOME}/-/me")).status == 200
    person = await house.desk.database.person("u-pia")
    assert person is not None
    assert person.user.state is UserState.ACTIVE
    assert (await house.browser().log_in("pia", NEW)).status == 303


async def test_c_11_a_link_is_good_once(house: House) -> None:
    token = await house.desk.accounts.issue_link("u-pia")
    first, second = house.browser(), house.browser()
    page = await second.get(f"{HOME}/-/activate/{token}")
    await _choose(first, token)
    late = {"csrf": page.hidden("csrf"), "password": "another password", "again": "another password"}
    answer = await second.post(f"{HOME}/-/activate/{token}", late)
    assert answer.status == 409
    assert "no longer works" in answer.text
    assert (await second.get(f"{HOME}/-/activate/{token}")).status == 409
    assert (await house.browser().log_in("pia", "another password")).status == 403


async def test_c_11_a_link_is_good_for_a_day(house: House) -> None:
    token = await house.desk.accounts.issue_link("u-pia")
    house.time.now += 86400
    assert (await house.browser().get(f"{HOME}/-/activate/{token}")).status == 409


async def test_a_new_link_voids_the_one_before(house: House) -> None:
    old = await house.desk.accounts.issue_link("u-pia")
    new = await house.desk.accounts.issue_link("u-pia")
    assert (await house.browser().get(f"{HOME}/-/activate/{old}")).status == 409
    assert (await house.browser().get(f"{HOME}/-/activate/{new}")).status == 200


@pytest.mark.parametrize(
    ("password", "again", "said"),
    [
        ("short", None, "at least 8"),
        ("", None, "at least 8"),
        ("x" * 129, None, "at most 128"),
        ("pia@Acme.example", None, "username or e-mail"),
        (NEW, "something else", "differ"),
    ],
)
async def test_a_password_that_is_not_taken_says_why_and_leaves_the_link_good(
    house: House, password: str, again: str | None, said: str
) -> None:
    token, browser = await house.desk.accounts.issue_link("u-pia"), house.browser()
    answer = await _choose(browser, token, password, again)
    assert answer.status == 422
    assert said in answer.text
    assert (await _choose(browser, token)).status == 303


async def test_a_suspended_user_does_not_come_back_by_a_link(house: House) -> None:
    token = await house.desk.accounts.issue_link("u-sue")
    assert (await house.browser().get(f"{HOME}/-/activate/{token}")).status == 409


async def test_a_new_password_ends_the_sessions_of_whoever_knew_the_old_one(house: House) -> None:
    before = house.browser()
    await before.log_in("ada")
    await _choose(house.browser(), await house.desk.accounts.issue_link("u-ada"))
    assert (await before.get(f"{HOME}/-/me")).status == 401


async def test_the_form_is_guarded_like_the_login(house: House) -> None:
    token, browser = await house.desk.accounts.issue_link("u-pia"), house.browser()
    page = await browser.get(f"{HOME}/-/activate/{token}")
    fields = {"csrf": page.hidden("csrf"), "password": NEW, "again": NEW}
    url = f"{HOME}/-/activate/{token}"
    assert (await browser.post(url, fields, Origin=LINE_3)).status == 403
    assert (await browser.post(url, fields | {"csrf": "x"})).status == 403
    assert (await browser.get(f"{LINE_3}/-/activate/{token}")).status == 404
    assert (await browser.post(url, fields)).status == 303
