"""What every Database promises."""

import asyncio
import sys
from dataclasses import replace

import pytest

from proxy.model.access import Role
from proxy.model.audit import Event
from proxy.model.directory import Space
from proxy.model.estate import (
    Estate,
    Grant,
    HttpAuth,
    InstanceSettings,
    Limit,
    PlatformSettings,
    Resource,
    ResourceKind,
    UpstreamTls,
)
from proxy.model.identity import Membership, Person, User, UserKind, UserState
from proxy.store import Change, Conflict, Dangling, Database, PutPerson, Remove, RemoveGrant, Store, Subject
from tests.conformance.conftest import Opener
from tests.conformance.things import ACME, CUSTOMER, EVENT, LINE, PLANT, cookie, put, session, user
from tests.peers.state import put_in_state

FOLDER = Resource(id="folder", kind=ResourceKind.FOLDER, slug="folder", owner="acme", members=frozenset({"line"}))
GRANT = Grant(target="plant", space="customer", role=Role.DASHBOARD, declared="estate.yaml")
EVERY_SETTING = InstanceSettings(
    upstream="http+unix:///run/line.sock",
    hosts=("line-3.localhost", "https://line.example:8443"),
    path="/line-3",
    admin_root="/admin",
    node_root="/api",
    dashboard="/ui",
    http_auth=HttpAuth.BASIC,
    public=("/hooks/*",),
    basic_username="sensor",
    basic_password_hash="$argon2id$",
    identity=("remote",),
    protected=True,
    endpoints=("/in/**",),
    origins=("https://portal.example",),
    min_edit_role=Role.OWNER,
    viewer_reads_context=True,
    upstream_tls=UpstreamTls(ca="/etc/ca.pem", server_name="line", insecure_skip_verify=True),
    session_absolute=3600.0,
    session_idle=60.5,
    admin_token="token",
    limit_per_address=Limit(count=60, period=60.0, burst=10),
    limit_per_principal=Limit(count=5, period=1.5, burst=5),
)


async def steps(database: Database, since: int) -> set[tuple[Subject, str]]:
    return {(change.subject, change.id) for change in await database.changes(since)}


async def test_a_new_store_is_empty_at_version_nought(database: Database) -> None:
    assert await database.version() == 0
    assert await database.changes(0) == []
    assert await database.estate() == Estate()
    assert await database.people() == []


async def test_the_estate_is_read_as_it_was_written(database: Database) -> None:
    attributes = {"subtype": "device", "data": {"rpm": 1.5, "tags": ["a", None]}}
    line = replace(LINE, instance=EVERY_SETTING, name="Line 3", declared="estate.yaml", attributes=attributes)
    settings = PlatformSettings(
        tenant_mode=True,
        admin_data_access="read",
        switched_off=frozenset({"share:create", "space:create"}),
        upstream_allow=("10.0.0.0/8", "*.plant.example"),
    )
    version = await database.edit([ACME, CUSTOMER, PLANT, line, FOLDER, GRANT, settings], [])
    assert await database.estate() == Estate(
        version=version,
        spaces={"acme": ACME, "customer": CUSTOMER},
        resources={"plant": PLANT, "line": line, "folder": FOLDER},
        grants=(GRANT,),
        settings=settings,
    )


async def test_a_person_is_read_as_it_was_written(database: Database) -> None:
    ada = Person(
        user=User(
            id="u1",
            username="Ada",
            email="Ada@Acme.example",
            name="Ada L.",
            image="https://img.example/ada",
            admin=True,
            kind=UserKind.SERVICE,
            state=UserState.PENDING,
            password_expired=True,
            provider="corp",
            tags={"shift": "night"},
            declared="estate.yaml",
        ),
        memberships={
            "acme": Membership(
                space="acme", role=Role.VIEWER, source="sso", overrides={"plant": Role.NONE, "line": Role.OWNER}
            ),
            "customer": Membership(space="customer", role=Role.OWNER),
        },
    )
    await database.edit([ACME, CUSTOMER, PLANT, LINE, PutPerson(person=ada), put("vic")], [])
    assert await database.person("u1") == ada
    assert await database.people() == [ada, put("vic").person]
    assert await database.users() == [ada.user, user("vic")]
    assert await database.person("nobody") is None


async def test_an_object_put_again_is_replaced(database: Database) -> None:
    await database.edit([ACME, CUSTOMER, PLANT, LINE, FOLDER, GRANT, PlatformSettings(tenant_mode=True)], [])
    space, line = replace(ACME, title="New", slug="new"), replace(LINE, slug="line-4", instance=EVERY_SETTING)
    grant, folder = replace(GRANT, role=Role.VIEWER), replace(FOLDER, members=frozenset({"plant"}))
    version = await database.edit([space, line, folder, grant, PlatformSettings()], [])
    assert await database.estate() == Estate(
        version=version,
        spaces={"acme": space, "customer": CUSTOMER},
        resources={"plant": PLANT, "line": line, "folder": folder},
        grants=(grant,),
    )


async def test_a_person_put_again_has_exactly_the_memberships_and_overrides_given(database: Database) -> None:
    await database.edit([ACME, CUSTOMER, PLANT, LINE, put("ada", {"acme": Role.OWNER}, plant=Role.VIEWER)], [])
    ada = put("ada", {"customer": Role.MEMBER}, line=Role.NONE)
    await database.edit([ada], [])
    assert await database.person("ada") == ada.person


async def test_a_space_put_again_keeps_its_members(database: Database) -> None:
    ada = put("ada", {"acme": Role.OWNER}, plant=Role.VIEWER)
    await database.edit([ACME, PLANT, ada], [])
    await database.edit([replace(ACME, title="New"), replace(PLANT, name="New")], [])
    assert await database.person("ada") == ada.person


async def test_a_person_put_without_a_password_keeps_the_one_that_is_there(database: Database) -> None:
    await database.edit([replace(put("ada"), password_hash="hash")], [])
    await database.edit([put("ada")], [])
    account = await database.account("ada")
    assert account is not None
    assert account.password_hash == "hash"


async def test_a_person_put_twice_in_one_edit_is_as_the_last_says(database: Database) -> None:
    ada = put("ada", {"acme": Role.OWNER})
    await database.edit([ACME, replace(put("ada", {"acme": Role.VIEWER}), password_hash="hash"), ada], [])
    account = await database.account("ada")
    assert account is not None
    assert account.password_hash == "hash"
    assert await database.person("ada") == ada.person


@pytest.mark.parametrize("login", ["ada", "ADA", "ada@acme.example", "Ada@ACME.example"])
async def test_an_account_is_found_by_name_or_address_without_case(database: Database, login: str) -> None:
    ada = User(id="u1", username="Ada", email="ada@Acme.example")
    await database.edit([PutPerson(person=Person(user=ada, memberships={}))], [])
    account = await database.account(login)
    assert account is not None
    assert account.user == ada


@pytest.mark.parametrize("login", ["", "vic", "ada@acme.exampl"])
async def test_no_account_is_found_by_another_name(database: Database, login: str) -> None:
    await database.edit([put("ada")], [])
    assert await database.account(login) is None


async def test_a_user_name_counts_more_than_an_address(database: Database) -> None:
    """Else a user could take over another one's login by setting an address."""
    thief = PutPerson(person=Person(user=user("a-thief", email="ada"), memberships={}))
    await database.edit([thief, put("ada")], [])
    account = await database.account("ada")
    assert account is not None
    assert account.user.id == "ada"


@pytest.mark.parametrize(
    ("edit", "field", "value"),
    [
        (PutPerson(person=Person(user=User(id="u2", username="ADA"), memberships={})), "username", "ADA"),
        (
            PutPerson(person=Person(user=User(id="u2", username="b", email="A@x.example"), memberships={})),
            "email",
            "A@x.example",
        ),
        (replace(ACME, id="acme-2"), "slug", "acme"),
        (replace(PLANT, id="plant-2"), "slug", "plant"),
        (replace(LINE, id="line-2"), "slug", "line-3"),
    ],
    ids=["username", "email", "space", "resource of an owner", "resource of a parent"],
)
async def test_a_taken_name_is_refused_by_field_and_value(
    database: Database, edit: PutPerson | Space | Resource, field: str, value: str
) -> None:
    ada = PutPerson(person=Person(user=User(id="u1", username="ada", email="a@X.example"), memberships={}))
    before = await database.edit([ACME, PLANT, LINE, ada], [])
    with pytest.raises(Conflict) as refused:
        await database.edit([replace(CUSTOMER, title="Not kept"), edit], [EVENT])
    assert refused.value.args == (field, value)
    assert await database.version() == before
    assert "customer" not in (await database.estate()).spaces


async def test_users_without_an_address_do_not_conflict(database: Database) -> None:
    await database.edit([put("ada"), put("vic")], [])
    assert len(await database.users()) == 2


async def test_people_are_found_by_the_file_that_declares_them_and_by_what_they_log_in_with(database: Database) -> None:
    declared = PutPerson(person=Person(user=replace(user("dora"), declared="a.yaml"), memberships={}))
    other = PutPerson(person=Person(user=replace(user("olga"), declared="b.yaml"), memberships={}))
    mailed = PutPerson(person=Person(user=user("max", "Max@Acme.example"), memberships={}))
    vic = put("vic", {"acme": Role.VIEWER})
    await database.edit([ACME, declared, other, mailed, vic, put("nora")], [])
    many = [f"nobody{number}" for number in range(3000)]
    found = await database.people_of(["a.yaml", "none.yaml"], ["VIC", "max@ACME.example", "DORA", *many])
    assert {person.user.id for person in found} == {"dora", "max", "vic"}
    assert len(found) == 3
    assert vic.person in found
    assert await database.people_of([], []) == []


async def test_the_same_slug_may_stand_in_two_places(database: Database) -> None:
    elsewhere = replace(PLANT, id="plant-2", owner="customer")
    await database.edit([ACME, CUSTOMER, PLANT, elsewhere, LINE, replace(LINE, id="line-2", parent="plant-2")], [])
    assert len((await database.estate()).resources) == 4


async def test_a_name_is_free_again_after_the_step_that_gives_it_up(database: Database) -> None:
    await database.edit([ACME, CUSTOMER, put("ada")], [])
    successor = PutPerson(person=Person(user=User(id="u2", username="ada"), memberships={}))
    renamed = replace(CUSTOMER, slug="customer-b")
    await database.edit([Remove(kind=User, id="ada"), successor, renamed, replace(CUSTOMER, id="c2")], [])
    assert [each.id for each in await database.users()] == ["u2"]
    assert {each.slug for each in (await database.estate()).spaces.values()} == {"acme", "customer-a", "customer-b"}


async def test_the_order_of_references_in_an_edit_does_not_matter(database: Database) -> None:
    ada = put("ada", {"customer": Role.OWNER}, line=Role.VIEWER)
    await database.edit([ada, GRANT, FOLDER, LINE, PLANT, CUSTOMER, ACME], [])
    assert await database.person("ada") == ada.person


@pytest.mark.parametrize(
    ("edit", "reference", "value"),
    [
        (put("ada", {"nowhere": Role.OWNER}), "membership.space", "nowhere"),
        (put("ada", {"acme": Role.OWNER}, nothing=Role.OWNER), "override.resource", "nothing"),
        (Grant(target="nothing", space="acme", role=Role.VIEWER), "share.target", "nothing"),
        (replace(PLANT, owner="nowhere"), "resource.owner", "nowhere"),
        (replace(LINE, parent="nothing"), "resource.parent", "nothing"),
        (replace(CUSTOMER, parent="nowhere"), "space.parent", "nowhere"),
        (Remove(kind=Space, id="acme"), "resource.owner", "acme"),
        (Remove(kind=Resource, id="plant"), "resource.parent", "plant"),
    ],
)
async def test_a_reference_to_nothing_is_refused_by_name(
    database: Database, edit: PutPerson | Grant | Resource | Space | Remove, reference: str, value: str
) -> None:
    before = await database.edit([ACME, PLANT, LINE], [])
    with pytest.raises(Dangling) as refused:
        await database.edit([edit], [EVENT])
    assert refused.value.args == (reference, value)
    assert await database.version() == before


async def test_a_removed_space_takes_memberships_overrides_and_grants_with_it(database: Database) -> None:
    ada = put("ada", {"customer": Role.OWNER, "acme": Role.VIEWER}, line=Role.NONE)
    before = await database.edit([ACME, CUSTOMER, PLANT, LINE, GRANT, ada, put("vic", {"acme": Role.OWNER})], [])
    await database.edit([Remove(kind=Space, id="customer")], [])
    assert await database.person("ada") == put("ada", {"acme": Role.VIEWER}).person
    assert (await database.estate()).grants == ()
    gone = {(Subject.SPACE, "customer"), (Subject.GRANT, "plant customer")}
    assert await steps(database, before) == {*gone, (Subject.USER, "ada")}


async def test_a_removed_resource_takes_overrides_grants_and_folder_entries_with_it(database: Database) -> None:
    ada = put("ada", {"acme": Role.OWNER}, line=Role.NONE, plant=Role.VIEWER)
    before = await database.edit([ACME, PLANT, LINE, FOLDER, replace(GRANT, target="line", space="acme"), ada], [])
    await database.edit([Remove(kind=Resource, id="line")], [])
    estate = await database.estate()
    assert await database.person("ada") == put("ada", {"acme": Role.OWNER}, plant=Role.VIEWER).person
    assert estate.grants == ()
    assert estate.resources["folder"].members == frozenset()
    changed = {(Subject.RESOURCE, "line"), (Subject.RESOURCE, "folder"), (Subject.GRANT, "line acme")}
    assert await steps(database, before) == {*changed, (Subject.USER, "ada")}


async def test_a_whole_tree_is_removed_in_any_order(database: Database) -> None:
    await database.edit([ACME, CUSTOMER, PLANT, LINE], [])
    removed = [Remove(kind=Space, id="acme"), Remove(kind=Resource, id="plant")]
    await database.edit([*removed, Remove(kind=Resource, id="line"), Remove(kind=Space, id="customer")], [])
    estate = await database.estate()
    assert (estate.spaces, estate.resources) == ({}, {})


async def test_a_removed_grant_is_gone_alone(database: Database) -> None:
    kept = replace(GRANT, target="line")
    await database.edit([ACME, CUSTOMER, PLANT, LINE, GRANT, kept], [])
    await database.edit([RemoveGrant(target="plant", space="customer")], [])
    assert (await database.estate()).grants == (kept,)


async def test_a_removed_user_has_no_session_left(store: Store) -> None:
    before = await store.database.edit([ACME, put("ada", {"acme": Role.OWNER}), put("vic")], [])
    for name, of in (("s1", "ada"), ("s2", "vic")):
        await store.shared.create_session(session(name, of), cookie(name), "home.example")
    await store.database.edit([Remove(kind=User, id="ada")], [])
    assert await store.database.person("ada") is None
    assert await store.database.account("ada") is None
    assert await store.shared.session(cookie("s1")) is None
    assert await store.shared.session(cookie("s2")) is not None
    assert await steps(store.database, before) == {(Subject.USER, "ada"), (Subject.SESSION, "s1")}


async def test_removing_what_is_not_there_is_no_error(database: Database) -> None:
    removed = [Remove(kind=kind, id="nothing") for kind in (User, Space, Resource)]
    await database.edit([*removed, RemoveGrant(target="nothing", space="nowhere")], [])
    assert await database.estate() == Estate(version=await database.version())


@pytest.mark.parametrize(
    ("edit", "subject", "key"),
    [
        (CUSTOMER, Subject.SPACE, "customer"),
        (PLANT, Subject.RESOURCE, "plant"),
        (GRANT, Subject.GRANT, "plant customer"),
        (PlatformSettings(), Subject.SETTINGS, ""),
        (RemoveGrant(target="t", space="s"), Subject.GRANT, "t s"),
    ],
)
async def test_a_change_of_the_estate_is_one_step_that_names_it(
    database: Database, edit: Space | Resource | Grant | PlatformSettings | RemoveGrant, subject: Subject, key: str
) -> None:
    before = await database.edit([ACME, CUSTOMER, PLANT], [])
    after = await database.edit([edit, edit], [])
    assert await database.changes(before) == [Change(version=after, subject=subject, id=key)]


async def test_versions_strictly_increase_and_changes_are_complete(store: Store, other: Store) -> None:
    """Whoever follows from any version on hears of every step after it, whichever process made it."""
    versions = [await (store, other)[n % 2].database.edit([put(f"user {n}")], []) for n in range(10)]
    assert versions == sorted(set(versions))
    changes = await other.database.changes(0)
    assert [change.version for change in changes] == versions
    assert [change.id for change in changes] == [f"user {n}" for n in range(10)]
    for number, version in enumerate(versions):
        assert await store.database.changes(version) == changes[number + 1 :]


async def test_edits_of_two_processes_at_once_all_happen(store: Store, other: Store) -> None:
    edits = ((store, other)[n % 2].database.edit([put(f"user {n}")], []) for n in range(20))
    versions = await asyncio.gather(*edits)
    assert len(set(versions)) == 20
    assert len(await store.database.users()) == 20


async def test_who_is_too_far_behind_looks_at_everything_again(database: Database) -> None:
    first = await database.edit([put("ada")], [])
    await database.edit([put(f"user {n}") for n in range(6_000)], [])
    last = await database.edit([put(f"user {n}") for n in range(6_000)], [])
    everything = [Change(version=last, subject=Subject.EVERYTHING, id="")]
    assert await database.changes(0) == everything
    assert await database.changes(first) == everything
    assert len(await database.changes(last - 10_000)) == 10_000
    assert await database.changes(last) == []


async def test_who_knows_a_version_that_never_was_looks_at_everything_again(database: Database) -> None:
    """As after a backup was restored."""
    version = await database.edit([put("ada")], [])
    assert await database.changes(version + 5) == [Change(version=version, subject=Subject.EVERYTHING, id="")]


async def test_a_password_and_a_state_are_set_and_told(database: Database) -> None:
    before = await database.edit([put("ada")], [])
    await database.set_password("ada", "hash", EVENT)
    await put_in_state(database, "ada", UserState.SUSPENDED, EVENT)
    account = await database.account("ada")
    assert account is not None
    assert (account.password_hash, account.user.state) == ("hash", UserState.SUSPENDED)
    assert [(step.subject, step.id) for step in await database.changes(before)] == [(Subject.USER, "ada")] * 2


async def test_a_password_is_not_set_over_a_suspension_or_over_a_newer_one(database: Database) -> None:
    """Hashing takes a while, and what was read before it may no longer be true."""
    before = await database.edit([put("ada")], [])
    assert await database.set_password("ada", "newer", EVENT)
    assert not await database.set_password("ada", "rehashed", EVENT, instead_of="older")
    await put_in_state(database, "ada", UserState.SUSPENDED, EVENT)
    assert not await database.set_password("ada", "chosen", EVENT)
    assert not await database.set_password("nobody", "chosen", EVENT)
    account = await database.account("ada")
    assert account is not None
    assert (account.password_hash, account.user.state) == ("newer", UserState.SUSPENDED)
    assert len(await database.changes(before)) == 2


async def test_an_event_alone_is_no_change(database: Database) -> None:
    await database.record(Event(event="account.login-failed", at=1.0))
    assert await database.version() == 0


async def test_a_restart_loses_no_user_and_no_version(opener: Opener) -> None:
    async with opener() as before:
        version = await before.database.edit([ACME, put("ada", {"acme": Role.OWNER})], [EVENT])
    async with opener() as after:
        assert await after.database.version() == version
        assert await after.database.person("ada") == put("ada", {"acme": Role.OWNER}).person


async def test_no_committed_row_is_lost_when_the_writer_is_killed(opener: Opener, place: str) -> None:
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.conformance.writer", place, stdout=asyncio.subprocess.PIPE
    )
    assert writer.stdout is not None
    async with asyncio.timeout(60):
        told = [(await writer.stdout.readline()).decode().strip() for _ in range(50)]
        writer.kill()
        told += (await writer.stdout.read()).decode().split("\n")[:-1]
        await writer.wait()
    async with opener() as store:
        assert {each.id for each in await store.database.users()} >= set(told)
        assert all([await store.shared.session(cookie(name)) for name in told])


@pytest.mark.parametrize("odd", ["a\0b", "half \ud800"])
async def test_a_login_that_no_database_can_hold_is_merely_unknown(database: Database, odd: str) -> None:
    assert await database.account(odd) is None
    assert await database.people_of([], [odd]) == []


async def test_a_name_that_moves_on_within_an_edit_is_no_conflict_but_one_that_is_still_held_is(
    database: Database,
) -> None:
    await database.edit([put("ada"), put("vic")], [])
    renamed = PutPerson(person=Person(user=User(id="ada", username="lovelace"), memberships={}))
    taking = PutPerson(person=Person(user=User(id="vic", username="ada"), memberships={}))
    with pytest.raises(Conflict) as refused:
        await database.edit([taking, renamed], [])
    assert refused.value.args == ("username", "ada")
    await database.edit([renamed, taking], [])
    assert [(each.id, each.username) for each in await database.users()] == [("vic", "ada"), ("ada", "lovelace")]
