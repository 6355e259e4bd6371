"""Lockout: after ten wrong passwords in a row the right one is refused, too, for a quarter of an hour."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from config import schema
from proxy.model.identity import Person, User
from proxy.services.lockout import REMEMBERED, Lockout, Standing
from proxy.store import PutPerson
from proxy.store.sql import open_store

COUNTS, LOCKED, LOCKED_NOW = Standing.COUNTS, Standing.LOCKED, Standing.LOCKED_NOW
OFFICE, ELSEWHERE, FAR = "192.0.2.1", "198.51.100.1", "2001:db8::1"


@dataclass
class House:
    lockout: Lockout
    now: float = 1000.0

    async def wrong(self, times: int = 1, address: str = OFFICE, account: str = "u-ada") -> list[Standing]:
        return [await self.lockout.settle(account, address, right=False) for _ in range(times)]

    async def right(self, address: str = OFFICE, account: str = "u-ada") -> Standing:
        return await self.lockout.settle(account, address, right=True)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_store(tmp_path, lambda: found.now) as store:
        person = Person(user=User(id="u-ada", username="ada", email="ada@acme.example"), memberships={})
        await store.database.edit([PutPerson(person=person)], [])
        rule = schema.Lockout()
        found = House(Lockout(store.database, store.shared, lambda: rule, lambda: found.now))
        yield found


async def test_c_18_ten_wrong_passwords_lock_an_account_for_a_quarter_of_an_hour(house: House) -> None:
    assert await house.wrong(10) == [COUNTS] * 9 + [LOCKED_NOW]
    assert await house.right() is LOCKED
    assert await house.wrong() == [LOCKED]
    house.now += 899
    assert await house.right(ELSEWHERE) is LOCKED
    house.now += 1
    assert await house.right() is COUNTS


async def test_c_18_a_name_that_nobody_has_is_locked_alike(house: House) -> None:
    account = await house.lockout.account_of("nobody")
    assert await house.wrong(11, account=account) == [COUNTS] * 9 + [LOCKED_NOW, LOCKED]


async def test_whatever_an_account_is_called_by_it_is_the_same_one(house: House) -> None:
    spelled = ["ada", " ADA ", "Ada@acme.example"]
    assert {await house.lockout.account_of(name) for name in spelled} == {"u-ada"}
    assert await house.lockout.account_of("NoBody ") == await house.lockout.account_of("nobody")
    assert len({await house.lockout.account_of(name) for name in ("", "x", "x" * 300)}) == 3


async def test_a_right_password_begins_the_count_anew(house: House) -> None:
    await house.right()
    await house.wrong(9)
    assert await house.right() is COUNTS
    assert await house.wrong(9) == [COUNTS] * 9


async def test_slow_guesses_are_forgotten_one_by_one(house: House) -> None:
    await house.wrong(9)
    house.now += 90
    assert await house.wrong(2) == [COUNTS, LOCKED_NOW]


async def test_guessing_elsewhere_shuts_nobody_out_who_logs_in_from_where_they_always_do(house: House) -> None:
    await house.right(OFFICE)
    assert (await house.wrong(10, ELSEWHERE))[-1] is LOCKED_NOW
    assert await house.right(OFFICE) is COUNTS
    assert await house.right(FAR) is LOCKED, "an address that was never used is counted with the guesser"


async def test_guesses_from_many_addresses_count_together(house: House) -> None:
    found = [await house.lockout.settle("u-ada", f"198.51.100.{n}", right=False) for n in range(11)]
    assert found == [COUNTS] * 9 + [LOCKED_NOW, LOCKED]


async def test_a_known_address_has_a_count_of_its_own_that_locks_as_well(house: House) -> None:
    await house.right(FAR)
    assert (await house.wrong(10, "2001:db8::ffff"))[-1] is LOCKED_NOW
    assert await house.lockout.holds("u-ada", FAR)
    assert not await house.lockout.holds("u-ada", OFFICE)


async def test_an_address_is_known_for_a_month(house: House) -> None:
    await house.right(OFFICE)
    house.now += REMEMBERED
    await house.wrong(10, ELSEWHERE)
    assert await house.right(OFFICE) is LOCKED


async def test_a_lock_that_is_lifted_is_gone_everywhere_and_with_it_every_count(house: House) -> None:
    await house.right(OFFICE)
    await house.wrong(10, OFFICE)
    await house.wrong(10, ELSEWHERE)
    await house.lockout.lift("u-ada")
    assert await house.wrong(9, ELSEWHERE) == [COUNTS] * 9
    assert await house.right(OFFICE) is COUNTS
    house.now += 1800
    assert await house.right(ELSEWHERE) is COUNTS, "and what was before does not come back"
