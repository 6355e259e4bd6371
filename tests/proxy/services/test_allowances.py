"""How often people may try what costs dearly."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from config.schema import Limits
from config.times import Rate
from proxy.services.allowances import ACCOUNTS, ENTRIES, Allowances, Policy
from proxy.services.ratelimit import TooOften
from proxy.store import StoreUnavailable
from tests.peers.state import open_store


@dataclass
class House:
    """Allowances, and a clock."""

    now: float = 1000.0
    settings: Limits = field(default_factory=Limits)
    allowances: Allowances = field(init=False)

    async def admitted(self, address: str = "192.0.2.1", account: str = "ada") -> bool:
        try:
            await self.allowances.login(address, account)
        except TooOften:
            return False
        return True


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    found = House()
    async with open_store(tmp_path, lambda: found.now) as store:
        found.allowances = Allowances(store.shared, lambda: found.settings, lambda: found.now)
        yield found


async def test_s_02_the_sixth_login_waits_and_another_address_or_account_does_not(house: House) -> None:
    assert [await house.admitted() for _ in range(6)] == [True] * 5 + [False]
    assert await house.admitted("192.0.2.2")
    assert await house.admitted(account="vic")
    with pytest.raises(TooOften) as told:
        await house.allowances.login("192.0.2.1", "ada")
    assert (told.value.late.policy, told.value.late.retry_after) == ("login", 6)
    assert told.value.detail == "There were too many attempts to log in. Try again in 6 seconds."
    house.now += 6
    assert await house.admitted()


async def test_other_spellings_of_an_account_and_neighbours_in_an_ipv6_network_share_a_count(house: House) -> None:
    house.settings = Limits(login=Rate(count=2, seconds=30.0))
    assert await house.admitted("2001:db8::1", "ada")
    assert await house.admitted("2001:db8::ffff", " ADA ")
    assert not await house.admitted("2001:db8::2", "Ada")
    assert await house.admitted("2001:db8:0:1::1", "ada")
    assert await house.admitted("192.0.2.1", "ada")
    assert await house.admitted("no address", "ada")


async def test_an_attempt_that_could_not_be_judged_is_given_back(house: House) -> None:
    for _ in range(20):
        assert await house.admitted()
        await house.allowances.login_was_none("192.0.2.1", "ada")
    assert [await house.admitted() for _ in range(6)] == [True] * 5 + [False]


async def test_one_address_tries_so_many_accounts_and_those_refused_for_it_keep_their_allowance(house: House) -> None:
    most = 5 * ACCOUNTS
    assert [await house.admitted(account=f"name {number}") for number in range(most + 1)] == [True] * most + [False]
    assert not await house.admitted(account="ada")
    house.now += 0.3
    assert await house.admitted(account="ada")


@pytest.mark.parametrize("policy", [policy for policy in Policy if policy is not Policy.LOGIN])
async def test_each_limit_counts_by_itself_and_by_subject(house: House, policy: Policy) -> None:
    await house.admitted()
    for _ in range(getattr(house.settings, policy).count):
        await house.allowances.take(policy, "u-ada")
    with pytest.raises(TooOften) as told:
        await house.allowances.take(policy, "u-ada")
    assert told.value.late.policy == policy
    await house.allowances.take(policy, "u-vic")


async def test_what_came_to_nothing_for_a_reason_of_ours_does_not_count(house: House) -> None:
    for _ in range(10):
        await house.allowances.take(Policy.FORGOT, "192.0.2.1")
        await house.allowances.was_none(Policy.FORGOT, "192.0.2.1")


async def test_other_settings_hold_from_the_next_attempt_on(house: House) -> None:
    house.settings = Limits(invites=Rate(count=1, seconds=60.0))
    await house.allowances.take(Policy.INVITES, "u-ada")
    with pytest.raises(TooOften):
        await house.allowances.take(Policy.INVITES, "u-ada")
    house.settings = Limits(invites=Rate(count=2, seconds=60.0))
    await house.allowances.take(Policy.INVITES, "u-ada")


async def test_a_session_is_carried_to_so_many_browsers_an_hour(house: House) -> None:
    for _ in range(ENTRIES.count):
        await house.allowances.enter("s-1")
    with pytest.raises(TooOften):
        await house.allowances.enter("s-1")
    await house.allowances.enter("s-2")


async def test_a_store_that_is_away_admits_nobody() -> None:
    class Away:
        async def get(self, key: str, now: float) -> str | None:
            return None

        async def admit(self, key: str, rate: object) -> float:
            raise StoreUnavailable("away")

    limits: Callable[[], Limits] = Limits
    with pytest.raises(StoreUnavailable):
        await Allowances(Away(), limits).login("192.0.2.1", "ada")  # type: ignore[arg-type]
