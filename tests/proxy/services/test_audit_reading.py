"""Who may read which log, and what of it, on a real store."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.access.directory import FOREIGN
from proxy.model.access import Role
from proxy.model.audit import AuditQuery, Event, Phase, Update
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import PlatformSettings, Resource, ResourceKind
from proxy.model.identity import Actor, Membership, Person, Token, TokenKind, User
from proxy.services.audit import by
from proxy.services.audit_catalogue import Level
from proxy.services.audit_reading import log, read
from proxy.services.problems import Denied, Invalid, NotThere
from proxy.services.writer import Moment
from proxy.store import Database, PutPerson
from tests.peers.state import open_store

NOW = 1_800_000_000.0


def person(name: str, *, admin: bool = False, overrides: dict[str, Role] | None = None, **roles: Role) -> Person:
    held = {
        f"s-{slug}": Membership(space=f"s-{slug}", role=role, overrides=overrides or {}) for slug, role in roles.items()
    }
    return Person(user=User(id=f"u-{name}", username=name, admin=admin), memberships=held)


PEOPLE = [
    person("root", admin=True),
    person("olga", acme=Role.OWNER),
    person("otto", acme=Role.OWNER, overrides={"r-plant": Role.NONE}),
    person("vic", acme=Role.VIEWER),
    person("dora", acme=Role.DASHBOARD),
    person("cleo", cust=Role.OWNER),
    person("nora"),
]
PLACES: Sequence[Space | Resource] = [
    Space(id="s-acme", kind=SpaceKind.TEAM, slug="acme"),
    Space(id="s-cust", kind=SpaceKind.CUSTOMER, slug="cust", parent="s-acme"),
    Resource(id="r-plant", kind=ResourceKind.APPLICATION, slug="plant", owner="s-acme"),
    Resource(id="r-line", kind=ResourceKind.INSTANCE, slug="line", parent="r-plant"),
    Resource(id="r-office", kind=ResourceKind.APPLICATION, slug="office", owner="s-cust"),
]
ON_LINE = ("r-line", "r-plant", "s-acme")


def event(name: str, kind: str, within: tuple[str, ...], actor: str = "olga", **more: object) -> Event:
    made = Event(
        event=name,
        at=NOW,
        actor=f"u-{actor}",
        actor_name=actor,
        scope_kind=kind,
        scope_id=(*within, "")[0],
        within=within,
    )
    return replace(made, **more)  # type: ignore[arg-type]


EVENTS = [
    event("platform.settings.updated", "platform", (), "root"),
    event("team.created", "space", ("s-acme",)),
    event("application.created", "application", ("r-plant", "s-acme")),
    event("flows.set", "instance", ON_LINE, "vic", body={"type": "full"}),
    event(
        "application.updated",
        "application",
        ("r-office", "s-cust", "s-acme"),
        "cleo",
        updates=(Update(key="name", new="Quartz"),),
    ),
    event("account.login", "user", ("u-vic",), "vic", user="u-vic"),
    event("team.user.added", "space", ("s-acme",), user="u-nora", body={"name": "nora"}),
]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_store(tmp_path) as opened:
        await opened.database.edit([*PLACES, *(PutPerson(person=each) for each in PEOPLE)], EVENTS)
        yield opened.database


async def moment(database: Database, name: str, token: Token | None = None) -> Moment:
    who = next(each for each in PEOPLE if each.user.username == name)
    actor = Actor(person=who, token=token)
    return Moment(estate=await database.estate(), actor=actor, now=NOW, database=database, by=by(actor))


async def seen(database: Database, name: str, kind: str, id_: str = "", **asked: object) -> list[str]:
    found = log(await moment(database, name), Level(kind), id_, AuditQuery(**asked))  # type: ignore[arg-type]
    page = await read(found)
    assert page.total == len(page.items)
    return [each.event.event for each in reversed(page.items)]


ALL_OF_ACME = ["team.created", "application.created", "flows.set", "application.updated", "team.user.added"]


@pytest.mark.parametrize(
    ("name", "kind", "id_", "expected"),
    [
        ("root", "platform", "", [each.event for each in EVENTS]),
        ("olga", "space", "acme", ALL_OF_ACME),
        ("root", "space", "acme", ALL_OF_ACME),
        ("cleo", "space", "cust", ["application.updated"]),
        ("olga", "application", "acme/plant", ["application.created", "flows.set"]),
        ("vic", "instance", "acme/plant/line", ["flows.set"]),
        ("vic", "user", "u-vic", ["account.login"]),
        ("root", "user", "u-vic", ["account.login"]),
    ],
)
async def test_an_event_appears_on_every_log_above_it(
    database: Database, name: str, kind: str, id_: str, expected: list[str]
) -> None:
    """A-02."""
    assert await seen(database, name, kind, id_) == expected


@pytest.mark.parametrize(
    ("name", "kind", "id_", "status"),
    [
        ("olga", "platform", "", 403),
        ("vic", "space", "acme", 403),
        ("vic", "application", "acme/plant", 403),
        ("dora", "instance", "acme/plant/line", 403),
        ("nora", "instance", "acme/plant/line", 404),
        ("nora", "space", "acme", 404),
        ("cleo", "space", "acme", 404),
        ("vic", "user", "u-olga", 403),
    ],
)
async def test_a_log_is_only_for_those_whose_it_is(
    database: Database, name: str, kind: str, id_: str, status: int
) -> None:
    """A-03."""
    with pytest.raises(Denied) as denied:
        log(await moment(database, name), Level(kind), id_, AuditQuery())
    assert denied.value.decision.status == status


@pytest.mark.parametrize(("kind", "id_"), [("space", "no"), ("instance", "acme/plant"), ("device", "r-line")])
async def test_a_log_of_nothing_is_not_there(database: Database, kind: str, id_: str) -> None:
    with pytest.raises(NotThere):
        log(await moment(database, "root"), Level(kind), id_, AuditQuery())


async def test_what_an_owner_is_kept_from_by_an_override_is_not_on_the_log_above(database: Database) -> None:
    """A-03: neither its events nor their number, nor those of what lies below it."""
    assert await seen(database, "otto", "space", "acme") == ["team.created", "application.updated", "team.user.added"]


async def test_without_children_there_is_the_scope_s_own_alone(database: Database) -> None:
    assert await seen(database, "olga", "space", "acme", children=False) == ["team.created", "team.user.added"]


async def test_a_token_reads_no_more_than_its_spaces(database: Database) -> None:
    token = Token(id="t", kind=TokenKind.PERSONAL, name="t", created=NOW, user="u-olga", spaces=frozenset({"s-cust"}))
    here = await moment(database, "olga", token)
    assert (await read(log(here, Level.SPACE, "cust", AuditQuery()))).total == 1
    with pytest.raises(Denied):
        log(here, Level.SPACE, "acme", AuditQuery())


async def test_an_intent_is_told_by_its_outcome(database: Database) -> None:
    number = await database.begin(event("flow.add", "instance", ON_LINE), NOW + 60)
    assert await seen(database, "vic", "instance", "r-line") == ["flows.set"]
    await database.finish(event("flow.add", "instance", ON_LINE, phase=Phase.OUTCOME, intent=number))
    assert await seen(database, "vic", "instance", "r-line") == ["flows.set", "flow.add"]


async def strangers(database: Database) -> None:
    """Tenant mode, in which a team's people do not know a customer's, nor admins."""
    await database.edit([PlatformSettings(tenant_mode=True)], [])
    await database.record(
        event("application.updated", "application", ("r-office", "s-cust", "s-acme"), "root", address="192.0.2.9")
    )
    await database.record(
        event("customer.user.added", "space", ("s-cust", "s-acme"), "cleo", user="u-vic", body={"name": "vic"})
    )


async def test_in_tenant_mode_strangers_are_another_organisation(database: Database) -> None:
    await strangers(database)
    page = await read(log(await moment(database, "cleo"), Level.SPACE, "cust", AuditQuery()))
    added, by_root, own = page.items
    assert (own.event.actor_name, own.event.updates[0].new) == ("cleo", "Quartz")
    assert (by_root.event.actor, by_root.event.actor_name, by_root.event.address) == (None, FOREIGN, "")
    assert (added.event.user, dict(added.event.body)) == (None, {"user": FOREIGN})
    everything = await read(log(await moment(database, "root"), Level.SPACE, "cust", AuditQuery()))
    assert [each.event.actor_name for each in everything.items] == ["cleo", "root", "cleo"]


async def test_strangers_cannot_be_searched_for(database: Database) -> None:
    await strangers(database)
    assert await seen(database, "cleo", "space", "cust", actor="root") == []
    assert await seen(database, "cleo", "space", "cust", text="root") == []
    assert await seen(database, "cleo", "space", "cust", text="192.0.2.9") == []
    assert await seen(database, "cleo", "space", "cust", text="vic") == []
    assert await seen(database, "cleo", "space", "cust", actor="cleo") == ["application.updated", "customer.user.added"]
    assert await seen(database, "cleo", "space", "cust", text="quartz") == ["application.updated"]
    assert await seen(database, "root", "space", "cust", actor="root") == ["application.updated"]


async def test_a_search_in_tenant_mode_looks_through_a_bounded_part_of_the_log(database: Database) -> None:
    await strangers(database)
    mine = event("application.updated", "application", ("r-office", "s-cust"), "cleo")
    most = 100
    await database.record(*[replace(mine, actor="u-root", actor_name="root")] * most)
    await database.record(*[mine] * 5)
    here = await moment(database, "cleo")

    async def found(text: str, *, counted: bool) -> int:
        page = await read(log(here, Level.SPACE, "cust", AuditQuery(text=text, limit=4)), counted=counted, most=most)
        return len(page.items)

    assert await found("quartz", counted=True) == 1
    for text, counted in (("application", True), ("root", True), ("root", False)):
        with pytest.raises(Invalid, match="too many"):
            await found(text, counted=counted)
    assert await found("application", counted=False) == 4


async def test_a_search_in_tenant_mode_has_pages_and_a_total_that_fit(database: Database) -> None:
    await strangers(database)
    await database.record(*[event("application.updated", "application", ("r-office", "s-cust"), "cleo")] * 5)
    here, ids, before = await moment(database, "cleo"), [], None
    while True:
        page = await read(log(here, Level.SPACE, "cust", AuditQuery(text="cleo", limit=2, before=before)))
        assert page.total == 7
        ids += [each.id for each in page.items]
        if not page.more:
            break
        before = ids[-1]
    assert len(ids) == len(set(ids)) == 7
