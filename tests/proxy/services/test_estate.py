"""Applying estate files to a real store."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from config.load import load_estate
from config.problems import ConfigurationError
from proxy.access.passwords import hash_password, verify
from proxy.model.access import Role
from proxy.model.identity import Membership, Person, Session, User, UserState
from proxy.services.estate import Hashing, Workshop, apply, carry_out, prepare
from proxy.services.estate_ledger import Applied, applied
from proxy.services.estate_plan import render_diff
from proxy.services.offload import Offload
from proxy.store import Outdated, PutPerson
from proxy.store.sql import Store
from tests.peers.state import open_store

NOW = 1_800_000_000.0

TEXT = """
spaces: [{slug: acme, kind: team}]
users:
  - {username: ada, password: {file: ada}, memberships: {acme: owner}, overrides: {acme/plant: member}}
  - {username: vic, memberships: {acme: viewer}}
applications: [{slug: plant, space: acme}]
instances:
  - slug: line-3
    application: acme/plant
    hosts: [line-3.localhost]
    upstream: http://127.0.0.1:1880
    http_auth: {mode: basic, username: line, password: {file: line}}
    session: {idle: 12h}
    upstream_tls: {server_name: line.example}
    admin_token: {file: line}
grants: [{target: acme/plant, space: acme, role: viewer}]
"""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "var") as opened:
        yield opened


@pytest.fixture
def work(store: Store) -> Iterator[Workshop]:
    """As the gateway applies, with ids that count."""
    offload = Offload()
    numbers = iter(range(1, 100))
    hashing = Hashing(
        verify=lambda password, kept: offload(verify, password, kept),
        hash=lambda password: offload(hash_password, password),
    )
    yield Workshop(database=store.database, shared=store.shared, hashing=hashing, new_id=lambda: f"id-{next(numbers)}")
    offload.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ada").write_text("correct horse battery")
    (tmp_path / "line").write_text("a shared password")
    return tmp_path


async def file(folder: Path, text: str = TEXT) -> list[Applied]:
    (folder / "estate.yaml").write_text(text)
    return [await asyncio.to_thread(lambda: applied(load_estate(folder / "estate.yaml"), folder))]


async def session_of(store: Store, user_id: str) -> Session:
    made = Session(
        id=f"s-{user_id}",
        user_id=user_id,
        provider="local",
        amr=("pwd",),
        created=NOW,
        seen=NOW,
        expires=NOW + 1000,
        idle=1000,
    )
    await store.shared.create_session(made, f"cookie-{user_id}".encode().ljust(32, b"-"), "localhost")
    return made


async def id_of(store: Store, username: str) -> str:
    return next(user.id for user in await store.database.users() if user.username == username)


async def test_applying_again_plans_nothing_and_moves_no_version(work: Workshop, store: Store, folder: Path) -> None:
    await apply(work, await file(folder), now=NOW)
    version = await store.database.version()
    again = await apply(work, await file(folder), now=NOW)
    assert render_diff(again) == ""
    assert await store.database.version() == version


async def test_without_files_all_stays_as_it_was_applied(work: Workshop, store: Store, folder: Path) -> None:
    await apply(work, await file(folder), now=NOW)
    before = await store.database.estate()
    assert not await apply(work, [], now=NOW)
    assert await store.database.estate() == before


async def test_what_was_applied_is_what_a_login_and_the_data_plane_find(
    work: Workshop, store: Store, folder: Path
) -> None:
    await apply(work, await file(folder), now=NOW)
    account = await store.database.account("ada")
    assert account
    assert verify("correct horse battery", account.password_hash)
    estate = await store.database.estate()
    settings = next(each.instance for each in estate.resources.values() if each.instance)
    assert verify("a shared password", settings.basic_password_hash)
    assert (settings.session_idle, settings.admin_token) == (43200.0, "a shared password")


async def test_a_password_is_hashed_again_only_when_it_no_longer_verifies(
    work: Workshop, store: Store, folder: Path
) -> None:
    await apply(work, await file(folder), now=NOW)
    before = await store.database.account("ada")
    (folder / "ada").write_text("another horse battery")
    (folder / "line").write_text("another shared one")
    changed = await apply(work, await file(folder), now=NOW)
    after = await store.database.account("ada")
    assert render_diff(changed).splitlines() == [
        "~ instance acme/plant/line-3: admin_token changed",
        "~ instance acme/plant/line-3: basic_password_hash changed",
        "~ user ada: password changed",
    ]
    assert before
    assert after
    assert before.password_hash != after.password_hash


async def test_whoever_is_removed_or_gets_another_password_is_logged_out(
    work: Workshop, store: Store, folder: Path
) -> None:
    await apply(work, await file(folder), now=NOW)
    ada, vic = await id_of(store, "ada"), await id_of(store, "vic")
    await session_of(store, ada)
    await session_of(store, vic)
    (folder / "ada").write_text("another horse battery")
    await apply(
        work, await file(folder, TEXT.replace("  - {username: vic, memberships: {acme: viewer}}\n", "")), now=NOW
    )
    assert list(await store.shared.sessions_of(ada)) == []
    assert list(await store.shared.sessions_of(vic)) == []


async def test_everyone_else_stays_logged_in(work: Workshop, store: Store, folder: Path) -> None:
    await apply(work, await file(folder), now=NOW)
    ada = await id_of(store, "ada")
    made = await session_of(store, ada)
    await apply(work, await file(folder, TEXT.replace("{acme: viewer}", "{acme: member}")), now=NOW)
    assert list(await store.shared.sessions_of(ada)) == [made]


async def test_preparing_writes_nothing(work: Workshop, store: Store, folder: Path) -> None:
    version = await store.database.version()
    assert await prepare(work, await file(folder))
    assert await store.database.version() == version
    assert list(await store.database.users()) == []


async def test_a_bad_reference_leaves_everything_as_it_was(work: Workshop, store: Store, folder: Path) -> None:
    with pytest.raises(ConfigurationError):
        await apply(work, await file(folder, TEXT.replace("space: acme, role", "space: nobody, role")), now=NOW)
    assert list(await store.database.users()) == []


async def test_a_name_taken_meanwhile_leaves_everything_as_it_was(work: Workshop, store: Store, folder: Path) -> None:
    planned = await prepare(work, await file(folder))
    by_hand = PutPerson(person=Person(user=User(id="u", username="ada"), memberships={}))
    await store.database.edit([by_hand], [])
    with pytest.raises(Outdated):
        await carry_out(work, planned, now=NOW)
    assert [user.username for user in await store.database.users()] == ["ada"]


async def test_two_that_apply_the_same_files_at_once_do_it_once(work: Workshop, folder: Path) -> None:
    """Whoever comes second finds everything as declared: nobody is invited twice."""
    invited = TEXT.replace("users:\n", "users:\n  - {username: root, admin: true, link: activation}\n")
    files = await file(folder, invited)
    plans = await asyncio.gather(*(apply(work, files, now=NOW) for _ in range(4)))
    assert sorted(bool(planned) for planned in plans) == [False, False, False, True]
    assert sum(len(planned.invited) for planned in plans) == 1


async def test_removing_everything_leaves_nothing(work: Workshop, store: Store, folder: Path) -> None:
    await apply(work, await file(folder), now=NOW)
    await apply(work, await file(folder, "spaces: []"), now=NOW)
    estate = await store.database.estate()
    assert (dict(estate.spaces), dict(estate.resources), estate.grants) == ({}, {}, ())
    assert list(await store.database.users()) == []


async def test_an_invited_user_is_pending(work: Workshop, store: Store, folder: Path) -> None:
    planned = await apply(work, await file(folder, "users: [{username: root, admin: true, link: activation}]"), now=NOW)
    assert [user.username for user in planned.invited] == ["root"]
    assert [user.state for user in await store.database.users()] == [UserState.PENDING]


async def test_whoever_had_a_role_where_something_goes_is_told_of_though_no_file_names_them(
    store: Store, work: Workshop, tmp_path: Path
) -> None:
    two = "spaces: [{slug: acme, kind: team}, {slug: beta, kind: team}]"
    await apply(work, await file(tmp_path, two), now=NOW)
    beta = next(space.id for space in (await store.database.estate()).spaces.values() if space.slug == "beta")
    held = {beta: Membership(space=beta, role=Role.VIEWER)}
    handmade = Person(user=User(id="u-nora", username="nora"), memberships=held)
    await store.database.edit([PutPerson(person=handmade)], [])
    planned = await prepare(work, await file(tmp_path, "spaces: [{slug: acme, kind: team}]"))
    assert [(step.kind, step.name) for step in planned.steps] == [("user", "nora"), ("team", "beta")]
