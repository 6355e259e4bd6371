"""What every Database promises about second factors."""

import asyncio
from dataclasses import replace

import pytest

from proxy.model.identity import Factor, FactorKind, User
from proxy.store import Conflict, Dangling, Database, PutFactor, Remove, Store, Subject
from tests.conformance.things import put

TOTP = Factor(id="f1", user="ada", kind=FactorKind.TOTP, name="phone", created=1.0, confirmed=False, secret=b"\0\1")
PASSKEY = Factor(
    id="f2",
    user="ada",
    kind=FactorKind.PASSKEY,
    name="key",
    created=2.0,
    secret=b"cose",
    credential=b"\xff\0id",
    details={"aaguid": "0"},
)
CODE = Factor(id="f3", user="ada", kind=FactorKind.RECOVERY, name="", created=3.0, secret=b"hash")


async def filled(database: Database) -> int:
    factors = [PutFactor(factor=each) for each in (CODE, PASSKEY, TOTP)]
    return await database.edit([put("ada"), put("vic"), *factors], [])


async def test_the_factors_of_a_user_are_kept_whole_and_come_oldest_first(database: Database) -> None:
    await filled(database)
    assert await database.factors("ada") == [TOTP, PASSKEY, CODE]
    assert await database.factors("vic") == []
    assert await database.factor_of(b"\xff\0id") == PASSKEY
    assert await database.factor_of(b"other") is None


async def test_a_factor_put_again_is_replaced_and_its_user_looked_at_again(database: Database) -> None:
    version = await filled(database)
    confirmed = replace(TOTP, confirmed=True, counter=5, last_used=9.0, name="tablet")
    await database.edit([PutFactor(factor=confirmed)], [])
    assert (await database.factors("ada"))[0] == confirmed
    assert [(each.subject, each.id) for each in await database.changes(version)] == [(Subject.USER, "ada")]


async def test_a_factor_that_is_removed_is_gone_and_its_user_looked_at_again(database: Database) -> None:
    version = await filled(database)
    await database.edit([Remove(kind=Factor, id=each) for each in ("f1", "f2", "unknown")], [])
    assert await database.factors("ada") == [CODE]
    assert [(each.subject, each.id) for each in await database.changes(version)] == [(Subject.USER, "ada")]


async def test_factors_go_with_their_user(database: Database) -> None:
    await filled(database)
    await database.edit([Remove(kind=User, id="ada")], [])
    assert await database.factors("ada") == []
    assert await database.factor_of(b"\xff\0id") is None


async def test_a_factor_of_nobody_is_refused(database: Database) -> None:
    with pytest.raises(Dangling):
        await database.edit([PutFactor(factor=TOTP)], [])


async def test_a_credential_belongs_to_one_factor(database: Database) -> None:
    await filled(database)
    with pytest.raises(Conflict) as refused:
        await database.edit([PutFactor(factor=replace(PASSKEY, id="f9", user="vic"))], [])
    assert refused.value.args[0] == "credential"


@pytest.mark.parametrize(
    ("factor", "counter", "used"),
    [
        ("f1", 1, True),
        ("f1", 0, False),  # the step of a code is never nought
        ("f2", 0, True),  # an authenticator that counts nothing
        ("f2", 7, True),
        ("f3", 1, True),
        ("f3", 0, False),
        ("unknown", 1, False),
    ],
)
async def test_a_factor_is_used_where_its_counter_moves_on(
    database: Database, factor: str, counter: int, used: bool
) -> None:
    await filled(database)
    assert await database.use_factor(factor, counter, 50.0) is used
    last_used = {each.id: each.last_used for each in await database.factors("ada")}
    assert last_used.get(factor) == (50.0 if used else None)


async def test_a_counter_never_goes_back_nor_stays(database: Database) -> None:
    await filled(database)
    moves = [await database.use_factor("f2", counter, 50.0) for counter in (3, 3, 2, 0, 4)]
    assert moves == [True, False, False, False, True]


async def test_s_08_of_two_who_use_the_same_counter_at_once_one_is_first(store: Store, other: Store) -> None:
    """S-08, over replicas."""
    await filled(store.database)
    used = await asyncio.gather(*(each.database.use_factor("f1", 7, 50.0) for each in (store, other, store, other)))
    assert sorted(used) == [False, False, False, True]
