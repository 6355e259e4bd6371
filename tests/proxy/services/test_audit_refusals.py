"""Refusals are counted and told once a minute, on a real store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proxy.model.access import Permission, Reason
from proxy.model.audit import AuditQuery, Event, Source
from proxy.services.audit import PLATFORM, By, Scope
from proxy.services.audit_refusals import MOST, MOST_STRANGERS, Refusals
from proxy.services.traffic import Traffic
from proxy.store import Database, StoreUnavailable
from tests.peers.state import open_store

LINE = Scope(kind="instance", id="r-line", within=("r-line", "r-plant", "s-acme"))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_store(tmp_path) as opened:
        yield opened.database


@pytest.fixture
def traffic() -> Traffic:
    return Traffic()


@pytest.fixture
def refusals(traffic: Traffic) -> Refusals:
    return Refusals(traffic, {"acme/plant/line": LINE}.get)


async def told(database: Database) -> list[Event]:
    return [each.event for each in (await database.events(AuditQuery())).items]


async def test_a_thousand_refusals_of_one_kind_are_one_event_with_their_count(
    database: Database, traffic: Traffic, refusals: Refusals
) -> None:
    for _ in range(1000):
        traffic.refused("acme/plant/line", Reason.LOGIN_REQUIRED)
    traffic.refused("", Reason.UNKNOWN_HOST)
    await refusals.flush(database, 60.0)
    events = {event.error: event for event in await told(database)}
    assert {(each.event, each.source) for each in events.values()} == {("http.denied", "gateway")}
    assert dict(events["login_required"].body) == {"instance": "acme/plant/line", "count": 1000}
    assert events["login_required"].within == LINE.within, "it appears on the logs above"
    assert (events["unknown_host"].scope_kind, dict(events["unknown_host"].body)) == ("platform", {"count": 1})


async def test_only_what_came_since_is_told_and_nothing_when_nothing_came(
    database: Database, traffic: Traffic, refusals: Refusals
) -> None:
    for number in (1, 2, 0, 3):
        for _ in range(number):
            traffic.refused("acme/plant/line", Reason.ROLE_TOO_LOW)
        await refusals.flush(database, 60.0)
    assert [event.body["count"] for event in await told(database)] == [3, 2, 1]


async def test_what_was_wrong_with_credentials_is_told_by_provider_and_code(
    database: Database, traffic: Traffic, refusals: Refusals
) -> None:
    for number in (2, 0, 1):
        for _ in range(number):
            traffic.credential_refused("machines", "token_expired")
        await refusals.flush(database, 60.0)
    traffic.credential_refused("access", "audience_wrong")
    await refusals.flush(database, 60.0)
    told_of = [(each.event, each.error, dict(each.body)) for each in await told(database)]
    assert told_of == [
        ("platform.credentials.refused", "audience_wrong", {"provider": "access", "count": 1}),
        ("platform.credentials.refused", "token_expired", {"provider": "machines", "count": 1}),
        ("platform.credentials.refused", "token_expired", {"provider": "machines", "count": 2}),
    ]


async def test_an_instance_that_was_gone_is_counted_anew(
    database: Database, traffic: Traffic, refusals: Refusals
) -> None:
    traffic.refused("acme/plant/line", Reason.NO_ACCESS)
    traffic.refused("acme/plant/line", Reason.NO_ACCESS)
    await refusals.flush(database, 60.0)
    traffic.keep_only({})
    traffic.refused("acme/plant/line", Reason.NO_ACCESS)
    await refusals.flush(database, 120.0)
    assert [event.body["count"] for event in await told(database)] == [1, 2]


@pytest.mark.parametrize("reason", [Reason.UPSTREAM_UNREACHABLE, Reason.DEFECT, Reason.DRAINING, Reason.MOVED])
async def test_trouble_is_no_refusal(database: Database, traffic: Traffic, refusals: Refusals, reason: Reason) -> None:
    traffic.refused("acme/plant/line", reason)
    await refusals.flush(database, 60.0)
    assert await told(database) == []


def by(name: str) -> By:
    return By(id=f"u-{name}", name=name, address="192.0.2.1")


async def test_what_the_api_refuses_is_told_by_actor_permission_place_and_reason(
    database: Database, refusals: Refusals
) -> None:
    for name in ("ada", "ada", "vic"):
        refusals.denied(by(name), Permission.INSTANCE_EDIT, LINE, Reason.ROLE_TOO_LOW)
    await refusals.flush(database, 60.0)
    await refusals.flush(database, 120.0)
    events = {event.actor_name: event for event in await told(database)}
    assert {name: event.body["count"] for name, event in events.items()} == {"ada": 2, "vic": 1}
    ada = events["ada"]
    assert (ada.event, ada.error, ada.scope_id, ada.address) == (
        "permission.denied",
        "role_too_low",
        "r-line",
        "192.0.2.1",
    )
    assert ada.body["permission"] == "instance:edit"


async def test_however_many_kinds_there_are_the_memory_for_them_is_bounded(
    database: Database, refusals: Refusals
) -> None:
    for number in range(MOST + 50):
        refusals.denied(by(f"n{number}"), Permission.INSTANCE_EDIT, LINE, Reason.ROLE_TOO_LOW)
    await refusals.flush(database, 60.0)
    page = await database.events(AuditQuery(limit=1))
    assert page.total == MOST + 1
    assert (page.items[0].event.actor, page.items[0].event.body["count"]) == (None, 50)


async def test_a_token_that_was_refused_is_told_with_its_id_and_from_where_it_came(
    database: Database, refusals: Refusals
) -> None:
    known = By(id="u-ada", name="ada", source=Source.API, token="t-ci", address="203.0.113.7")
    for each in (known, known, By(source=Source.API, address="203.0.113.8")):
        refusals.denied(each, None, PLATFORM, Reason.CREDENTIALS_WRONG)
    await refusals.flush(database, 60.0)
    events = {event.address: event for event in await told(database)}
    assert [(each.actor, each.token, each.source, dict(each.body)) for _, each in sorted(events.items())] == [
        ("u-ada", "t-ci", "api", {"count": 2}),
        (None, None, "api", {"count": 1}),
    ]


async def test_strangers_crowd_nobody_out_of_the_record(database: Database, refusals: Refusals) -> None:
    for number in range(MOST + 50):
        stranger = By(source=Source.API, address=f"2001:db8:{number:x}::1")
        refusals.denied(stranger, None, PLATFORM, Reason.CREDENTIALS_WRONG)
    refusals.denied(by("vic"), Permission.INSTANCE_EDIT, LINE, Reason.ROLE_TOO_LOW)
    await refusals.flush(database, 60.0)
    page = await database.events(AuditQuery(limit=MOST))
    assert page.total == MOST_STRANGERS + 2
    assert {each.event.actor for each in page.items} == {None, "u-vic"}
    assert sum(each.event.body["count"] for each in page.items) == MOST + 51  # type: ignore[misc]


class Gone:
    """A store that is away."""

    async def record(self, *events: Event) -> None:
        raise StoreUnavailable("away")


async def test_what_could_not_be_told_is_told_the_next_time(
    database: Database, traffic: Traffic, refusals: Refusals
) -> None:
    traffic.refused("", Reason.UNKNOWN_HOST)
    refusals.denied(by("ada"), Permission.INSTANCE_EDIT, PLATFORM, Reason.ROLE_TOO_LOW)
    with pytest.raises(StoreUnavailable):
        await refusals.flush(Gone(), 60.0)  # type: ignore[arg-type]
    traffic.refused("", Reason.UNKNOWN_HOST)
    await refusals.flush(database, 120.0)
    assert {event.event: event.body["count"] for event in await told(database)} == {
        "http.denied": 2,
        "permission.denied": 1,
    }
