"""Lists in parts, R-21 and spec 3.6: whatever the size, the way and the order, all that one may see is there once."""

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.access.visible import position
from proxy.model.directory import SpaceKind
from proxy.model.estate import Grant, Resource, ResourceKind
from proxy.model.identity import Person, User
from proxy.store import PeopleQuery, PutPerson
from proxy.web.api.models import ListQuery, NameSort, PeopleSort, RosterQuery
from proxy.web.api.paging import cursor, cut, stretch
from proxy.web.api.refusing import Stop
from tests.proxy.web.api.yard import DASHBOARD, MEMBER, NONE, OWNER, VIEWER, Someone, Yard

SIZES = (1, 2, 7)
SORTS: tuple[NameSort, ...] = get_args(NameSort)
ROSTERS: tuple[PeopleSort, ...] = get_args(PeopleSort)
KINDS = [f"{kind}s" for kind in ResourceKind]


def named(number: int) -> Resource:
    """Several have the same name."""
    kind = ResourceKind.THING
    return Resource(id=f"t{number}", kind=kind, slug=f"s{number * 7 % 10}", name=f"Line {number % 4}", owner="acme")


def someone(number: int) -> Person:
    name = f"{'Ab'[number % 2]}{number}"
    return Person(user=User(id=name, username=name), memberships={})


@given(st.sets(st.integers(0, 30)), st.sampled_from(SORTS), st.integers(1, 9), st.booleans())
def test_r21_parts_put_together_are_the_whole_in_its_order(
    numbers: set[int], sort: NameSort, limit: int, by_offset: bool
) -> None:
    found = sorted(map(named, numbers), key=position)
    parts: list[Sequence[Resource]] = []
    query, onward = ListQuery(sort=sort, limit=limit), True
    while onward:
        items, meta = cut(found, query)
        assert meta.total == len(found)
        parts.append(items)
        onward = meta.next_cursor is not None
        seen = sum(map(len, parts))
        query = ListQuery(sort=sort, limit=limit, offset=seen) if by_offset else _behind(meta.next_cursor, limit)
    whole = sorted(found, key=lambda each: (each.slug, each.id)) if "slug" in sort else found
    assert [each for part in parts for each in part] == (whole[::-1] if sort.startswith("-") else whole)
    assert all(len(part) == limit for part in parts[:-1])


def _behind(told: str | None, limit: int) -> ListQuery:
    """The cursor alone: it carries the order."""
    return ListQuery(cursor=told or "", limit=limit)


@given(st.sets(st.integers(0, 30)), st.sampled_from(ROSTERS), st.integers(1, 9), st.booleans())
def test_r21_parts_of_people_put_together_are_all_of_them(
    numbers: set[int], sort: PeopleSort, limit: int, by_offset: bool
) -> None:
    people = sorted(map(someone, numbers), key=lambda each: each.user.username.casefold())
    found: list[Person] = []
    query, onward = RosterQuery(sort=sort, limit=limit), True
    while onward:
        part = stretch(query)
        page = part.among(people)
        assert page.total == len(people)
        found += page.items
        told = part.meta(page).next_cursor
        onward = told is not None
        by = RosterQuery(sort=sort, limit=limit, offset=len(found))
        query = by if by_offset else RosterQuery(cursor=told or "", limit=limit)
    assert found == (people[::-1] if sort.startswith("-") else people)


@pytest.mark.parametrize(("sort", "left"), [("name", ["t5"]), ("-name", ["t4"])])
def test_r21_a_part_goes_on_behind_what_has_been_removed(sort: NameSort, left: list[str]) -> None:
    found = [named(4), named(5)]
    gone = cursor(sort, "line 1", "t1")
    assert [each.id for each in cut(found, ListQuery(cursor=gone, limit=5))[0]] == left


@pytest.mark.parametrize(
    "told",
    [
        "x",
        "e30",
        cursor(1),
        cursor("name", "line 1"),
        cursor("colour", "a", "b"),
        cursor("slug", 1, "b"),
        cursor("name"),
    ],
)
def test_what_is_no_cursor_of_a_list_is_refused(told: str) -> None:
    for part in (lambda: cut([], ListQuery(cursor=told)), lambda: stretch(RosterQuery(cursor=told))):
        with pytest.raises(Stop) as refused:
            part()
        assert [fault.pointer for fault in refused.value.errors] == ["?cursor"]


def test_a_query_for_people_says_which_part_of_them() -> None:
    query = stretch(RosterQuery(sort="-username", offset=3, limit=2)).of(PeopleQuery(text="a"))
    assert query == PeopleQuery(text="a", backwards=True, skip=3, limit=2)
    behind = stretch(RosterQuery(cursor=cursor("-username", "ada"))).of(PeopleQuery())
    assert behind == PeopleQuery(backwards=True, after="ada")


async def through(user: Someone, path: str, limit: int, sort: str = "", *, by_offset: bool = False) -> list[str]:
    """Ids of all items of a list, part by part."""
    found: list[str] = []
    mark, asked = "&" if "?" in path else "?", f"&sort={sort}" if sort else ""
    onward: object = None
    while True:
        goes_on = f"&offset={len(found)}{asked}" if by_offset or onward is None else f"&cursor={onward}"
        answer = await user.get(f"{path}{mark}limit={limit}{goes_on}")
        assert answer.status == 200, answer.text
        found += [str(item["id"]) for item in answer.items]
        onward = answer.onward
        if not onward:
            assert answer.total == len(found)
            return found
        assert len(answer.items) == limit, "short only if it is the last"


async def everything(yard: Yard) -> tuple[str, list[Someone]]:
    """A team with five of each kind, shares and overrides, and people who see different parts of it."""
    team = await yard.team("p1", "p2", "p3")
    customer = await yard.below(team.id)
    for number in range(5):
        kind = ResourceKind.THING if number % 2 else ResourceKind.FOLDER
        await yard.put(
            Resource(id=yard.name("r"), kind=kind, slug=yard.name(), name=f"N{number % 2}", owner=team.id),
            Resource(id=yard.name("r"), kind=ResourceKind.PAGE, slug=yard.name(), parent=team.at("p1", "line")),
            Resource(id=yard.name("r"), kind=ResourceKind.THING, slug=yard.name(), owner=customer.id),
        )
    await yard.put(Grant(target=team.at("p3"), space=customer.id, role=VIEWER))
    hidden = {team.id: {team.at("p1"): NONE, team.at("p2", "line"): DASHBOARD}}
    return team.id, [
        await yard.someone({team.id: OWNER}),
        await yard.someone({team.id: VIEWER}, hidden),
        await yard.someone({team.id: DASHBOARD}, {team.id: {team.at("p3"): MEMBER}}),
        await yard.someone({customer.id: OWNER}),
        await yard.someone(),
    ]


@pytest.mark.asyncio(loop_scope="module")
async def test_r04_r21_for_every_kind_and_user_what_is_counted_is_what_the_parts_hold(yard: Yard) -> None:
    _, users = await everything(yard)
    for user in users:
        counts = (await user.get("/counts")).json
        for kind in (*KINDS, "dashboards"):
            whole = await through(user, f"/{kind}", 200)
            for limit in SIZES:
                assert await through(user, f"/{kind}", limit) == whole
            assert counts[kind] == len(whole)
            assert len(set(whole)) == len(whole)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("path", [*(f"/{kind}" for kind in KINDS), "/spaces", "/dashboards", "/search?q=l"])
async def test_r21_lists_are_gone_through_by_offset_and_backwards_too(yard: Yard, path: str) -> None:
    _, (owner, viewer, *_) = await everything(yard)
    for user in (owner, viewer):
        for sort in ("name", "slug"):
            whole = await through(user, path, 200, sort)
            assert await through(user, path, 2, sort, by_offset=True) == whole
            assert await through(user, path, 7, sort) == whole
            assert await through(user, path, 2, f"-{sort}") == whole[::-1]
            assert await through(user, path, 7, f"-{sort}", by_offset=True) == whole[::-1]


@pytest.mark.asyncio(loop_scope="module")
async def test_r21_ten_instances_of_which_five_are_hidden_are_four_and_one(yard: Yard) -> None:
    slugs = [f"app-{number}" for number in range(10)]
    team = await yard.team(*slugs)
    user = await yard.someone({team.id: MEMBER}, {team.id: {team.at(slug): NONE for slug in slugs[::2]}})
    first = await user.get("/instances?limit=4")
    second = await user.get(f"/instances?limit=4&cursor={first.onward}")
    assert [(len(part.items), part.total) for part in (first, second)] == [(4, 5), (1, 5)]
    assert second.onward is None
    assert [item["id"] for item in (await user.get("/instances?limit=4&offset=4")).items] == [second.items[0]["id"]]
    beyond = await user.get("/instances?offset=5")
    assert (beyond.items, beyond.total, beyond.onward) == ([], 5, None)


@pytest.mark.asyncio(loop_scope="module")
async def test_people_are_listed_in_both_orders_and_ways(yard: Yard) -> None:
    team = await yard.team()
    group = await yard.below(team.id, SpaceKind.GROUP)
    people = [await yard.someone({team.id: VIEWER, group.id: VIEWER}) for _ in range(5)]
    admin = await yard.someone(admin=True)
    names = sorted(each.id for each in people)
    for user, path in ((people[0], f"/spaces/{team.id}/members"), (people[0], "/directory"), (admin, "/users")):
        whole = await through(user, path, 200)
        assert set(names) <= set(whole)
        for limit in SIZES:
            assert await through(user, path, limit, by_offset=True) == whole
            assert await through(user, path, limit, "-username") == whole[::-1]
    await yard.settings(tenant_mode=True)
    try:
        known = f"/spaces/{team.id}/members"
        assert await through(people[0], known, 2, "-username") == names[::-1]
        assert await through(people[0], known, 2, by_offset=True) == names
    finally:
        await yard.settings()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_list_is_gone_through_in_one_way_and_one_order(yard: Yard) -> None:
    team = await yard.team()
    user = await yard.someone({team.id: OWNER})
    onward = (await user.get("/devices?limit=1&sort=-slug")).onward
    same = await user.get(f"/devices?limit=1&sort=-slug&cursor={onward}")
    assert same.status == 200
    both = await user.get(f"/devices?cursor={onward}&offset=1")
    assert (both.status, list(both.faults)) == (422, ["?offset"])
    other = await user.get(f"/devices?cursor={onward}&sort=slug")
    assert (other.status, other.faults) == (422, {"?sort": "must be -slug, as the cursor has it"})
    assert (await user.get("/devices?sort=colour")).status == 422
    assert (await user.get("/directory?sort=email")).status == 422


@pytest.mark.asyncio(loop_scope="module")
async def test_names_are_ordered_whatever_the_case(yard: Yard) -> None:
    admin = await yard.someone(admin=True)
    mark = yard.name("m")
    for name in ("Zoe", "adam", "Bea"):
        person = await yard.person(admin.id)
        user = replace(person.user, id=f"{mark}{name}", username=f"{mark}{name}", email="", admin=False)
        await yard.put(PutPerson(person=Person(user=user, memberships={})))
    found = await through(admin, f"/users?query={mark}", 2, "-username")
    assert found == [f"{mark}{name}" for name in ("Zoe", "Bea", "adam")]
