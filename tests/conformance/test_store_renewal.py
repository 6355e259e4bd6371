"""An estate that is renewed by what changed is the one that is read whole."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.model.access import Role
from proxy.model.directory import Space
from proxy.model.estate import Estate, Grant, Limit, PlatformSettings, Resource, ResourceKind
from proxy.store import Conflict, Database, Edit, Remove, RemoveGrant, Subject
from tests.conformance.conftest import Opener
from tests.conformance.things import ACME, CUSTOMER, LINE, PLANT, put

SPACES = ["acme", "customer"]
RESOURCES = ["plant", "line", "folder", "thing"]
ROLES = st.sampled_from([Role.DASHBOARD, Role.VIEWER])
RESOURCE = {
    "plant": PLANT,
    "line": LINE,
    "folder": Resource(id="folder", kind=ResourceKind.FOLDER, slug="folder", owner="acme"),
    "thing": Resource(id="thing", kind=ResourceKind.THING, slug="thing", owner="acme"),
}


@st.composite
def resources(draw: st.DrawFn) -> Resource:
    resource = replace(
        RESOURCE[draw(st.sampled_from(RESOURCES))],
        name=draw(st.text("ab", max_size=2)),
        attributes=draw(st.dictionaries(st.text("ab", max_size=1), st.none() | st.integers(0, 9) | st.text("a"))),
    )
    if resource.kind is ResourceKind.FOLDER:
        members = draw(st.frozensets(st.sampled_from(["plant", "line", "thing"])))
        return replace(resource, members=members)
    if resource.instance is None:
        return resource
    limit = draw(st.none() | st.builds(Limit, count=st.integers(1, 9), period=st.just(1.5), burst=st.just(1)))
    return replace(resource, instance=replace(resource.instance, limit_per_address=limit))


EDITS: st.SearchStrategy[Edit] = st.one_of(
    st.builds(replace, st.sampled_from([ACME, CUSTOMER]), title=st.text("ab", max_size=2)),
    resources(),
    st.builds(Grant, target=st.sampled_from(RESOURCES), space=st.sampled_from(SPACES), role=ROLES),
    st.builds(RemoveGrant, target=st.sampled_from(RESOURCES), space=st.sampled_from(SPACES)),
    st.builds(Remove, kind=st.just(Space), id=st.sampled_from(SPACES)),
    st.builds(Remove, kind=st.just(Resource), id=st.sampled_from(RESOURCES)),
    st.builds(
        PlatformSettings,
        tenant_mode=st.booleans(),
        switched_off=st.frozensets(st.sampled_from(["space:create", "share:create"])),
        upstream_allow=st.lists(st.sampled_from(["10.0.0.0/8", "*.example"])).map(tuple),
    ),
    st.builds(put, st.sampled_from(["ada", "vic"])),
)


@pytest.mark.timeout(300)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=st.lists(st.lists(st.lists(EDITS, min_size=1, max_size=4), min_size=1, max_size=3), max_size=4))
async def test_a_renewed_estate_is_the_whole_one(opener: Opener, rounds: list[list[list[Edit]]]) -> None:
    async with opener() as store:
        known = await store.database.estate()
        for edits in rounds:
            for some in edits:
                try:
                    await store.database.edit(some, [])
                except Conflict:  # a reference to nothing: nothing was done
                    continue
            known = await store.database.renewed(known)
            assert known == await store.database.estate()


async def test_an_estate_that_has_not_changed_is_renewed_to_itself(database: Database) -> None:
    await database.edit([ACME, CUSTOMER, PLANT], [])
    known = await database.estate()
    assert await database.renewed(known) == known
    await database.publish(Subject.SESSION, ["s1"])
    assert await database.renewed(known) == replace(known, version=known.version + 1)


async def test_what_is_too_far_behind_is_read_whole(database: Database) -> None:
    await database.edit([ACME], [])
    known = await database.estate()
    await database.edit([CUSTOMER], [])
    await database.publish(Subject.SESSION, [f"s{number}" for number in range(10_100)])
    assert await database.renewed(known) == await database.estate()
    assert await database.renewed(Estate(version=10**6)) == await database.estate()


async def test_very_many_changes_are_read_at_once(database: Database) -> None:
    await database.edit([ACME], [])
    known = await database.estate()
    things = [Resource(id=f"r{n}", kind=ResourceKind.THING, slug=f"r{n}", owner="acme") for n in range(2_500)]
    await database.edit(things, [])
    renewed = await database.renewed(known)
    assert len(renewed.resources) == 2_500
    assert renewed == await database.estate()
