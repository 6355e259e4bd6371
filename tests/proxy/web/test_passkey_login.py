"""Logging in by a passkey alone: what is no assertion is refused, counted and on record like a wrong one.

What a real one does is in test_passkeys_in_chromium.py.
"""

import pytest

from config.schema import Limits
from proxy.model.audit import AuditQuery
from proxy.services.allowances import rate_of
from tests.proxy.web.house import HOME, Answer, Browser, House

NESTED = "[" * 5_000
NONSENSE = {
    "nothing": "",
    "no JSON": "}",
    "nested": NESTED,
    "nested member": '{"id": ' + NESTED,
    "half a character": '{"id": "\\ud800", "rawId": "\\ud800"}',
    "no text": '{"id": 1, "rawId": 1}',
}


async def attempt(browser: Browser, assertion: str) -> Answer:
    page = await browser.get(f"{HOME}/-/login")
    return await browser.post(f"{HOME}/-/passkey", {"csrf": page.hidden("csrf"), "assertion": assertion})


async def refused(house: House) -> list[str]:
    page = await house.desk.database.events(AuditQuery(limit=50))
    return [each.event.error for each in page.items if each.event.event == "account.login"]


@pytest.mark.parametrize("sent", NONSENSE.values(), ids=NONSENSE)
async def test_what_is_no_assertion_is_not_accepted_and_on_record(house: House, sent: str) -> None:
    answer = await attempt(house.browser(), sent)
    assert (answer.status, "That passkey was not accepted" in answer.text) == (403, True)
    assert await refused(house) == ["passkey_wrong"]


async def test_what_is_nested_too_deeply_counts_as_an_attempt(house: House) -> None:
    most = rate_of(Limits().login).count
    found = [(await attempt(house.browser(), NESTED)).status for _ in range(most + 1)]
    assert found == [403] * most + [429]
