"""Attempts to log in: what ten wrong ones lead to, told to nobody but the audit log."""

import re

from proxy.model.audit import AuditQuery, Event
from tests.proxy.web.house import HOME, PASSWORD, Answer, House

NOBODY = "nobody"


async def attempts(house: House, name: str, times: int, password: str = "wrong", net: int = 1) -> list[Answer]:
    """Each from another address, so that no limit of attempts stands in the way."""
    found = []
    for number in range(times):
        browser = house.browser(address=f"198.51.{net}.{number}")
        found.append(await browser.log_in(name, password))
    return found


async def events(house: House, *names: str) -> list[Event]:
    found = await house.desk.database.events(AuditQuery(events=names))
    return [each.event for each in reversed(found.items)]


async def test_c_18_after_ten_wrong_passwords_the_right_one_is_refused_for_a_quarter_of_an_hour(house: House) -> None:
    await attempts(house, "ada", 10)
    (right,) = await attempts(house, "ada", 1, PASSWORD)
    assert right.status == 403
    house.time.now += 899
    assert (await attempts(house, "ada@acme.example", 1, PASSWORD))[0].status == 403, "by either name"
    house.time.now += 1
    assert (await attempts(house, "ada", 1, PASSWORD))[0].status == 303


async def test_c_18_nobody_can_tell_whether_an_account_is_there_or_locked(house: House) -> None:
    real, made_up = await attempts(house, "ada", 12), await attempts(house, NOBODY, 12, net=2)
    (locked_right,) = await attempts(house, "ada", 1, PASSWORD, net=3)
    shown = {_bare(answer, name) for answers, name in ((real, "ada"), (made_up, NOBODY)) for answer in answers}
    assert shown == {_bare(locked_right, "ada")}


def _bare(answer: Answer, name: str) -> tuple[int, str]:
    """An answer without what is different every time."""
    text = re.sub(r'(name="(csrf|to)" value|data-options)="[^"]*"', "", answer.text).replace(name, "")
    return answer.status, text


async def test_what_is_done_for_a_locked_account_is_the_same_work(house: House) -> None:
    """The password is checked all the same, or the time would tell."""
    await attempts(house, "ada", 10)
    before = house.offload.times
    await attempts(house, "ada", 1, PASSWORD)
    assert house.offload.times == before + 1


async def test_a_lock_is_on_record_once_and_so_is_what_is_refused_for_it(house: House) -> None:
    await attempts(house, "ada", 11)
    await attempts(house, "ada", 1, PASSWORD)
    (locked,) = await events(house, "account.locked")
    assert (locked.user, locked.actor_name, locked.scope_id) == ("u-ada", "ada", "u-ada")
    assert [event.error for event in await events(house, "account.login")] == [
        *["credentials_wrong"] * 10,
        *["account_locked"] * 2,
    ]


async def test_a_lock_of_a_name_that_nobody_has_does_not_name_it(house: House) -> None:
    """It may be a password in the wrong field."""
    await attempts(house, "hunter2-hunter2", 10)
    (locked,) = await events(house, "account.locked")
    assert (locked.user, locked.actor_name, locked.scope_kind) == (None, "", "platform")


async def test_who_guesses_elsewhere_does_not_shut_out_who_logs_in_from_where_they_always_do(house: House) -> None:
    assert (await house.browser().log_in("ada")).status == 303
    await attempts(house, "ada", 10)
    assert (await attempts(house, "ada", 1, PASSWORD))[0].status == 403
    assert (await house.browser().log_in("ada")).status == 303


async def test_a_form_sent_without_a_password_is_no_guess(house: House) -> None:
    await attempts(house, "ada", 20, "")
    assert (await attempts(house, "ada", 1, PASSWORD, net=2))[0].status == 303


async def test_a_new_password_by_a_link_lifts_the_lock(house: House) -> None:
    await attempts(house, "ada", 10)
    browser, token = house.browser(), await house.desk.accounts.issue_link("u-ada")
    page = await browser.get(f"{HOME}/-/activate/{token}")
    new = "a new password of mine"
    fields = {"csrf": page.hidden("csrf"), "password": new, "again": new}
    assert (await browser.post(f"{HOME}/-/activate/{token}", fields)).status == 303
    assert (await attempts(house, "ada", 1, new))[0].status == 303


async def test_trouble_with_the_store_is_neither_a_failed_attempt_nor_an_answer(house: House) -> None:
    browser = house.browser()
    page = await browser.get(f"{HOME}/-/login")
    database, shared = house.outages
    for outage in (database, shared, database):
        for _ in range(5):
            outage.away = True
            assert (await browser.submit(page, "ada", PASSWORD)).status == 503
            outage.away = False
    assert (await browser.submit(page, "ada", PASSWORD)).status == 303


async def test_passwords_by_a_link_are_chosen_so_often_from_one_address(house: House) -> None:
    browser = house.browser()
    sent = {"csrf": "x", "password": "x", "again": "x"}
    found = [await browser.post(f"{HOME}/-/activate/unknown", sent) for _ in range(6)]
    assert [answer.status for answer in found] == [409] * 5 + [429]
    assert found[-1].headers["RateLimit-Policy"] == '"activation";q=5;w=30'
    other = house.browser(address="198.51.100.9")
    assert (await other.post(f"{HOME}/-/activate/unknown", sent)).status == 409
