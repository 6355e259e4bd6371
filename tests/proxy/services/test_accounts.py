"""Local accounts."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from auth_plugins import Refused
from config.accounts_schema import Accounts as Rules
from config.accounts_schema import PasswordRules
from proxy.access.passwords import hash_password, needs_rehash
from proxy.model.identity import Person, UserKind, UserState
from proxy.services.accounts import Accounts, Purpose, may_reset
from proxy.services.offload import Offload
from proxy.store import PutPerson
from tests.peers.state import open_store
from tests.proxy.web.house import PASSWORD, PEOPLE, Time


@pytest.fixture
async def accounts(tmp_path: Path) -> AsyncIterator[Accounts]:
    offload = Offload()
    kept = hash_password(PASSWORD)
    async with open_store(tmp_path) as store:
        await store.database.edit([PutPerson(person=person, password_hash=kept) for person in _alone()], [])
        yield Accounts(
            database=store.database,
            shared=store.shared,
            offload=offload,
            now=Time(),
            end_sessions=store.shared.end_sessions_of,
        )
    offload.close()


def _alone() -> list[Person]:
    return [replace(person, memberships={}) for person in PEOPLE]


async def test_a_right_password_says_who_this_is(accounts: Accounts) -> None:
    identity = await accounts.check("ada", PASSWORD)
    assert (identity.subject, identity.username, identity.amr) == ("u-ada", "ada", ("pwd",))


@pytest.mark.parametrize("username", ["ada", "nobody", "sue", "pia", "leo", "a" * 300])
async def test_s_03_the_refusal_has_one_code_whatever_is_wrong(accounts: Accounts, username: str) -> None:
    with pytest.raises(Refused) as refused:
        await accounts.check(username, "wrong" if username == "ada" else PASSWORD)
    assert refused.value.code == "credentials_wrong"


async def test_s_03_an_unknown_name_takes_the_time_of_a_wrong_password(accounts: Accounts) -> None:
    """Seconds of the processor, over all threads: what else the machine does is not in them."""
    took: dict[str, list[float]] = {"ada": [], "nobody": []}
    for _ in range(7):
        for username, times in took.items():
            began = time.process_time()
            with pytest.raises(Refused):
                await accounts.check(username, "wrong")
            times.append(time.process_time() - began)
    known, unknown = (statistics.median(times) for times in took.values())
    assert 0.67 < unknown / known < 1.5


async def test_an_account_without_a_password_takes_none(accounts: Accounts) -> None:
    eve = replace(PEOPLE[0].user, id="u-eve", username="eve", email="")
    await accounts.database.edit([PutPerson(person=Person(user=eve, memberships={}))], [])
    with pytest.raises(Refused):
        await accounts.check("eve", "")


async def test_a_service_account_never_logs_in_whatever_is_kept_of_it(accounts: Accounts) -> None:
    """No password opens it, and no link lets anybody choose one."""
    bot = replace(PEOPLE[0].user, id="u-bot", username="bot", email="", kind=UserKind.SERVICE)
    put = PutPerson(person=Person(user=bot, memberships={}), password_hash=hash_password(PASSWORD))
    await accounts.database.edit([put], [])
    with pytest.raises(Refused):
        await accounts.check("bot", PASSWORD)
    assert await accounts.invited(await accounts.issue_link("u-bot")) is None


async def test_a_hash_with_old_parameters_is_made_anew_at_login(accounts: Accounts) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    await accounts.database.edit([PutPerson(person=_alone()[0], password_hash=old)], [])
    await accounts.check("ada", PASSWORD)
    account = await accounts.database.account("ada")
    assert account is not None
    assert account.password_hash is not None
    assert not needs_rehash(account.password_hash)
    await accounts.check("ada", PASSWORD)


async def test_an_activation_is_on_record(accounts: Accounts) -> None:
    token = await accounts.issue_link("u-pia")
    assert token not in repr(await accounts.shared.get("activation-of:u-pia", 0.0)), "only its hash is kept"
    user = await accounts.activate(token, "a new password", address="192.0.2.1")
    assert user.id == "u-pia"
    person = await accounts.database.person("u-pia")
    assert person is not None
    assert person.user.state is UserState.ACTIVE


async def test_of_two_who_use_a_link_at_once_one_gets_in(accounts: Accounts) -> None:
    token = await accounts.issue_link("u-pia")
    passwords = ("the first password", "the second password")
    tries = [accounts.activate(token, password, address="") for password in passwords]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(isinstance(outcome, Refused) for outcome in outcomes) == [False, True]
    right = passwords[[isinstance(outcome, Refused) for outcome in outcomes].index(False)]
    assert (await accounts.check("pia", right)).subject == "u-pia"


async def test_a_password_that_a_file_states_takes_no_link_and_ages_there(accounts: Accounts) -> None:
    """The next time the file is applied the old one would be back."""
    person = next(each for each in _alone() if each.user.username == "ada")
    user, now = replace(person.user, declared="estate.yaml", stated=frozenset({"password"})), accounts.now()
    reset, link = await accounts.issue_reset(await accounts.account_of(user.id)), await accounts.issue_link(user.id)
    put = PutPerson(person=replace(person, user=user), password_set=now - 91 * 86400)
    await accounts.database.edit([put], [])
    assert await accounts.invited(link) is None
    assert await accounts.invited(reset, Purpose.RESET) is None
    assert not may_reset(user)
    aging = replace(accounts, rules=lambda: Rules(password=PasswordRules(expires=90 * 86400.0)))
    await aging.check("ada", PASSWORD)
    kept = await accounts.account_of(user.id)
    assert kept is not None
    assert not kept.password_expired
