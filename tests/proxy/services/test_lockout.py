"""Lockout: after ten wrong passwords in a row the right one is refused, too, for a quarter of an hour."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import pytest

from config import schema
from proxy.model.audit import AuditQuery
from proxy.model.identity import Person, User
from proxy.services.allowances import Allowances
from proxy.services.bans import Kind
from proxy.services.lockout import REMEMBERED, Locked, Lockout, Standing
from proxy.services.ratelimit import TooOften
from proxy.store import PutPerson, Store
from tests.peers.state import open_store

COUNTS, LOCKED, LOCKED_NOW = Standing.COUNTS, Standing.LOCKED, Standing.LOCKED_NOW
OFFICE, ELSEWHERE, FAR = "192.0.2.1", "198.51.100.1", "2001:db8::1"


@dataclass
class House:
    lockout: Lockout
    allowances: Allowances
    store: Store
    told: list[Locked]
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
        proxies = (ip_network("198.18.0.0/15"),)
        told: list[Locked] = []
        lockout = Lockout(
            store.database,
            store.shared,
            schema.Lockout,
            lambda: found.now,
            spared=lambda: proxies,
            notice=told.append,
        )
        found = House(lockout, Allowances(store.shared, schema.Limits, lambda: found.now), store, told)
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


async def test_c_18_locks_in_a_row_grow_up_to_a_day_and_begin_anew_after_a_quiet_while(house: House) -> None:
    lasted = []
    for _ in range(9):
        await house.wrong(10)
        (ban,) = await house.lockout.bans()
        lasted.append((ban.until - ban.since) / 60)
        house.now = ban.until
        assert await house.lockout.bans() == []
    assert lasted == [15, 30, 60, 120, 240, 480, 960, 1440, 1440]
    house.now += 2 * 86400
    await house.wrong(10)
    assert (await house.lockout.bans())[0].times == 1


async def test_a_right_password_lets_locks_begin_anew(house: House) -> None:
    await house.right()
    await house.wrong(10)
    house.now += 900
    assert await house.right() is COUNTS
    await house.wrong(10)
    (ban,) = await house.lockout.bans()
    assert (ban.times, ban.until - ban.since) == (1, 900)


async def test_locks_can_be_listed_with_their_places_and_are_gone_once_lifted(house: House) -> None:
    await house.right(OFFICE)
    await house.wrong(10, OFFICE)
    await house.wrong(10, ELSEWHERE)
    await house.wrong(10, account=await house.lockout.account_of("hunter2"))
    found = {(ban.kind, ban.subject, ban.place) for ban in await house.lockout.bans()}
    assert found == {(Kind.ACCOUNT, "u-ada", OFFICE), (Kind.ACCOUNT, "u-ada", "elsewhere")}, (
        "names of nobody are not told"
    )
    assert len({ban.id for ban in await house.lockout.bans()}) == 2
    await house.lockout.lift("u-ada")
    assert await house.lockout.bans() == []


async def test_the_user_of_a_locked_account_is_told_and_nobody_is_of_a_name(house: House) -> None:
    await house.wrong(12)
    await house.wrong(12, account=await house.lockout.account_of("nobody"))
    assert house.told == [Locked(user="u-ada", address=OFFICE, until=1900.0)]


async def test_a_lock_of_a_name_that_nobody_has_takes_the_same_questions_to_the_store(house: House) -> None:
    """C-18: the same calls, so that no clock tells."""
    asked: list[str] = []

    class Counting:
        def __getattr__(self, name: str) -> object:
            asked.append(name)
            return getattr(house.store.shared, name)

    counted = Lockout(house.store.database, Counting(), schema.Lockout, lambda: house.now)  # type: ignore[arg-type]
    calls = []
    for name in ("ada", "nobody"):
        account = await counted.account_of(name)
        asked.clear()
        for _ in range(11):
            await counted.settle(account, OFFICE, right=False)
        calls.append(list(asked))
    assert calls[0] == calls[1]


async def spray(house: House, address: str, times: int, first: int = 0) -> None:
    for number in range(first, first + times):
        await house.wrong(1, address, account=f"name {number}")


async def banned(house: House, address: str) -> bool:
    try:
        await house.allowances.login(address, "ada")
    except TooOften as error:
        return error.late.policy == "ban"
    return False


async def test_an_address_that_fails_at_many_accounts_is_banned_for_longer_each_time(house: House) -> None:
    await spray(house, ELSEWHERE, 49)
    assert not await banned(house, ELSEWHERE)
    await spray(house, ELSEWHERE, 1, 49)
    assert await banned(house, ELSEWHERE)
    assert not await banned(house, OFFICE)
    with pytest.raises(TooOften) as told:
        await house.allowances.login(ELSEWHERE, "ada")
    assert told.value.late.retry_after == 900
    (ban,) = await house.lockout.bans()
    assert (ban.kind, ban.subject, ban.until - ban.since) == (Kind.ADDRESS, ELSEWHERE, 900)
    house.now += 900
    assert not await banned(house, ELSEWHERE)
    await spray(house, ELSEWHERE, 50, 100)
    house.now += 1799
    assert await banned(house, ELSEWHERE)
    events = await house.store.database.events(AuditQuery(events=("platform.address.banned",)))
    assert [each.event.body["address"] for each in events.items] == [ELSEWHERE] * 2


async def test_attempts_that_were_under_way_make_a_ban_no_longer(house: House) -> None:
    await spray(house, ELSEWHERE, 80)
    (ban,) = await house.lockout.bans()
    assert (ban.times, ban.until - ban.since) == (1, 900)


async def test_an_ipv6_client_is_banned_with_its_whole_network(house: House) -> None:
    for number in range(50):
        await house.wrong(1, f"2001:db8::{number:x}", account=f"name {number}")
    assert await banned(house, "2001:db8::dead:beef")
    assert not await banned(house, "2001:db8:0:1::1")
    assert [ban.subject for ban in await house.lockout.bans()] == ["2001:db8::/64"]
    await house.lockout.lift_ban("2001:db8::/64")
    assert not await banned(house, "2001:db8::1")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "198.18.0.7", "", "no address"])
async def test_loopback_and_trusted_proxies_are_never_banned_since_everybody_comes_by_them(
    house: House, address: str
) -> None:
    await spray(house, address, 120)
    assert not await banned(house, address)


async def test_one_account_alone_bans_no_address_however_often_it_fails(house: House) -> None:
    """Somebody's forgotten script must not shut out their whole office."""
    await house.wrong(500, ELSEWHERE)
    assert not await banned(house, ELSEWHERE)


async def test_a_ban_that_is_lifted_is_gone_with_its_count(house: House) -> None:
    await spray(house, ELSEWHERE, 50)
    await house.lockout.lift_ban(ELSEWHERE)
    assert not await banned(house, ELSEWHERE)
    assert await house.lockout.bans() == []
    await spray(house, ELSEWHERE, 49, 100)
    assert not await banned(house, ELSEWHERE)
