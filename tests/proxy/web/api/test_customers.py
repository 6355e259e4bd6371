"""Customers over HTTP: how they are sorted, what they own and are lent, and who of them may do what."""

from collections.abc import Mapping

import pytest

from proxy.model.access import Role
from proxy.model.directory import Space
from proxy.model.estate import Grant, InstanceSettings, Resource, ResourceKind
from tests.proxy.web.api.yard import DASHBOARD, MEMBER, OWNER, UPSTREAM, VIEWER, Someone, Team, Yard

pytestmark = pytest.mark.asyncio(loop_scope="module")

KINDS = ("thing", "device", "application", "instance", "page", "folder")


async def houses(yard: Yard) -> tuple[Team, Space, Space]:
    """A team with two customers."""
    team = await yard.team()
    return team, await yard.below(team.id), await yard.below(team.id)


async def stock(yard: Yard, customer: str) -> Mapping[str, str]:
    """One thing of each kind that a customer owns: id by kind."""
    ids = {kind: f"{customer}-{kind}" for kind in KINDS}
    settings = InstanceSettings(upstream=UPSTREAM, hosts=(f"{customer}.localhost",))
    await yard.put(
        Resource(id=ids["thing"], kind=ResourceKind.THING, slug="thing", owner=customer),
        Resource(id=ids["device"], kind=ResourceKind.DEVICE, slug="device", owner=customer),
        Resource(id=ids["application"], kind=ResourceKind.APPLICATION, slug="app", owner=customer),
        Resource(id=ids["folder"], kind=ResourceKind.FOLDER, slug="folder", owner=customer),
        Resource(
            id=ids["instance"],
            kind=ResourceKind.INSTANCE,
            slug="line",
            parent=ids["application"],
            instance=settings,
        ),
        Resource(
            id=ids["page"],
            kind=ResourceKind.PAGE,
            slug="page",
            parent=ids["instance"],
            attributes={"match": "/page1"},
        ),
    )
    return ids


async def test_c_01_customers_are_sorted_under_labels_of_which_each_may_have_several(yard: Yard) -> None:
    team = await yard.team()
    owner = await yard.someone({team.id: OWNER})
    renters, ids = "Office renters", []
    for labels in ([renters, "North"], [renters], ["North"]):
        body = {"slug": yard.name("c"), "labels": labels}
        made = await owner.post(f"/spaces/{team.id}/customers", body)
        assert (made.status, made.json["labels"]) == (201, sorted(labels))
        ids.append(str(made.json["id"]))
    assert set(await owner.ids("/spaces?kind=customer&label=office%20renters")) == set(ids[:2])
    changed = await owner.put(f"/spaces/{ids[1]}", {"labels": []})
    assert changed.json["labels"] == []
    assert await owner.ids("/spaces?label=Office%20renters") == ids[:1]
    assert (await owner.put(f"/spaces/{ids[0]}", {"title": "A"})).json["labels"] == ["North", renters], "absent stays"
    event = (await yard.events(ids[1], "customer.updated"))[-1]
    assert [(each.key, each.old, each.new) for each in event.updates] == [("labels", [renters], [])]


@pytest.mark.parametrize("labels", [["x", "X"], ["x" * 65], [""], ["two\nlines"], [str(n) for n in range(21)], "x"])
async def test_c_01_labels_are_few_short_and_different(yard: Yard, labels: object) -> None:
    team = await yard.team()
    owner = await yard.someone({team.id: OWNER})
    answer = await owner.post(f"/spaces/{team.id}/customers", {"slug": yard.name("c"), "labels": labels})
    assert answer.status == 422


async def test_c_01_labels_open_nothing(yard: Yard) -> None:
    team, a, b = await houses(yard)
    owner, inside = await yard.someone({team.id: OWNER}), await yard.someone({a.id: OWNER})
    for each in (a, b):
        await owner.put(f"/spaces/{each.id}", {"labels": ["Office renters"]})
    assert await inside.ids("/spaces?label=Office%20renters") == [a.id]


@pytest.mark.parametrize("kind", ["thing", "device"])
async def test_c_03_a_device_that_a_customer_owns_is_for_nobody_beside(yard: Yard, kind: str) -> None:
    team, a, b = await houses(yard)
    people = [
        await yard.someone({a.id: VIEWER}),
        await yard.someone({b.id: OWNER}),
        await yard.someone({team.id: OWNER}),
        await yard.someone({team.id: VIEWER}),
    ]
    what = (await stock(yard, a.id))[kind]
    assert [(await each.get(f"/{kind}s/{what}")).status for each in people] == [200, 404, 200, 404]
    assert (await people[2].put(f"/resources/{what}/owner", {"owner": team.id})).status == 200
    assert [(await each.get(f"/{kind}s/{what}")).status for each in people] == [404, 404, 200, 200]


async def test_c_04_a_dashboard_that_is_shared_with_several_customers_is_opened_by_both_and_edited_by_none(
    yard: Yard,
) -> None:
    team, a, b = await houses(yard)
    owner, line = await yard.someone({team.id: OWNER}), team.at("p1", "line")
    folder = (await owner.post("/folders", {"space": team.id, "slug": "buildings"})).json["id"]
    await owner.put(f"/folders/{folder}/items", {"items": [line]})
    for customer in (a, b):
        body = {"space": customer.id, "role": "dashboard"}
        assert (await owner.post(f"/resources/{folder}/grants", body)).status == 200
        user = await yard.someone({customer.id: OWNER})
        assert await user.ids("/dashboards") == [line]
        assert (await user.put(f"/instances/{line}", {"name": "x"})).status == 403
        explained = await owner.get(f"/explain?user={user.id}&may=instance:flows:edit&on={line}")
        assert explained.json["allowed"] is False


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("dashboard", ["instance:http"]),
        ("viewer", ["instance:http", "instance:flows:view"]),
        ("member", ["instance:http", "instance:flows:view", "instance:flows:edit"]),
    ],
)
async def test_c_05_read_view_and_write_are_how_far_a_share_reaches_into_an_instance(
    yard: Yard, role: str, may: list[str]
) -> None:
    team, a, _ = await houses(yard)
    owner, user = await yard.someone({team.id: OWNER}), await yard.someone({a.id: OWNER})
    line = team.at("p1", "line")
    await owner.post(f"/resources/{line}/grants", {"space": a.id, "role": role})
    asked = ("instance:http", "instance:flows:view", "instance:flows:edit", "instance:edit", "instance:security")
    question = f"/explain?user={user.id}&on={line}"
    answers = {each: (await owner.get(f"{question}&may={each}")).json["allowed"] for each in asked}
    assert [each for each, allowed in answers.items() if allowed] == may


async def test_c_08_folders_of_the_new_owner_are_made_while_something_is_handed_over(yard: Yard) -> None:
    team, a, _ = await houses(yard)
    owner, what = await yard.someone({team.id: OWNER}), (await stock(yard, team.id))["thing"]
    there = (await owner.post("/folders", {"space": a.id, "slug": "floor-1"})).json["id"]
    body = {"owner": a.id, "folders": ["floor-1", "meters", "meters"]}
    assert (await owner.put(f"/resources/{what}/owner", body)).status == 200
    estate = await yard.estate()
    held = {each.slug: each.members for each in estate.resources.values() if each.owner == a.id and each.members}
    assert held == {"floor-1": {what}, "meters": {what}}, "something may be in several folders of its owner"
    assert (await owner.put(f"/resources/{what}/owner", body)).status == 200, "once more changes nothing"
    assert [event.event for event in await yard.events(str(there))] == ["folder.created", "folder.items-changed"]
    assert (await owner.put(f"/resources/{what}/owner", {"owner": team.id})).status == 200
    estate = await yard.estate()
    assert [each.members for each in estate.resources.values() if each.slug in held and each.owner == a.id] == [
        frozenset(),
        frozenset(),
    ]


async def test_c_08_what_is_no_folder_there_holds_nothing(yard: Yard) -> None:
    team, a, _ = await houses(yard)
    owner, mine, theirs = await yard.someone({team.id: OWNER}), await stock(yard, team.id), await stock(yard, a.id)
    gauge = team.at("p1", "gauge")
    answer = await owner.put(f"/resources/{gauge}/owner", {"owner": a.id, "folders": ["thing"]})
    assert (answer.status, list(answer.faults)) == (422, ["/folders/0"])
    assert (await owner.put(f"/folders/{theirs['folder']}", {"slug": "cellar"})).status == 200
    folder = await owner.put(f"/resources/{mine['folder']}/owner", {"owner": a.id, "folders": ["cellar"]})
    assert (folder.status, list(folder.faults)) == (422, ["/folders/0"])
    estate = await yard.estate()
    assert (estate.resources[gauge].owner, estate.resources[mine["folder"]].owner) == (None, team.id)


@pytest.mark.parametrize("kind", KINDS)
async def test_c_09_c_16_every_kind_that_a_customer_owns_is_listed_and_nothing_of_another(
    yard: Yard, kind: str
) -> None:
    team, a, b = await houses(yard)
    mine, theirs = await stock(yard, a.id), await stock(yard, b.id)
    owner, inside = await yard.someone({team.id: OWNER}), await yard.someone({a.id: OWNER})
    for who in (owner, inside):
        assert await who.ids(f"/spaces/{a.id}/owned?kind={kind}") == [mine[kind]]
        assert await who.ids(f"/{kind}s?space={a.slug}") == [mine[kind]]
    answer = await inside.get(f"/{kind}s")
    assert [item["id"] for item in answer.items] == [mine[kind]]
    assert not [id_ for id_ in theirs.values() if id_ in answer.text]
    assert (await inside.get(f"/spaces/{b.id}/owned?kind={kind}")).status == 404


async def test_c_09_the_users_of_a_customer_are_listed_and_nobody_of_another(yard: Yard) -> None:
    team, a, b = await houses(yard)
    owner, admin_a = await yard.someone({team.id: OWNER}), await yard.someone({a.id: OWNER})
    emma, jack = await yard.someone({a.id: DASHBOARD}), await yard.someone({b.id: DASHBOARD})
    for who in (owner, admin_a):
        assert set(await who.ids(f"/spaces/{a.id}/members")) == {admin_a.id, emma.id}
    assert (await admin_a.get(f"/spaces/{b.id}/members")).status == 404
    assert (await owner.get(f"/spaces/{a.id}/members/{jack.id}")).status == 404


async def test_c_13_the_owner_of_the_team_still_changes_dashboards_things_and_instances_of_a_customer(
    yard: Yard,
) -> None:
    team, a, _ = await houses(yard)
    owner, mine = await yard.someone({team.id: OWNER}), await stock(yard, team.id)
    for kind in ("thing", "device"):
        await owner.put(f"/resources/{mine[kind]}/owner", {"owner": a.id})
    assert (await owner.put(f"/resources/{mine['application']}/owner", {"owner": a.id})).status == 200
    inside = await yard.someone({a.id: VIEWER})
    assert (await inside.get(f"/instances/{mine['instance']}")).status == 200
    for kind in ("thing", "device", "instance", "page"):
        answer = await owner.put(f"/{kind}s/{mine[kind]}", {"name": "Renamed"})
        assert (answer.status, answer.json["name"]) == (200, "Renamed"), kind
    question = f"/explain?user={owner.id}&may=instance:flows:edit&on={mine['instance']}"
    assert (await owner.get(question)).json["allowed"] is True


@pytest.mark.parametrize("role", [DASHBOARD, VIEWER])
async def test_c_15_people_of_a_customer_change_their_own_profile_alone(yard: Yard, role: Role) -> None:
    _, a, b = await houses(yard)
    emma, other = await yard.someone({a.id: role}), await yard.someone({a.id: role})
    jack, mine = await yard.someone({b.id: role}), await stock(yard, a.id)
    assert (await emma.put("/me", {"name": "Emma"})).json["name"] == "Emma"
    read = await emma.get(f"/spaces/{a.id}/members/{other.id}")
    assert read.status == (200 if role is VIEWER else 403)
    assert (await emma.put(f"/spaces/{a.id}/members/{other.id}", {"role": "owner"})).status == 403
    assert (await emma.delete(f"/spaces/{a.id}/members/{other.id}")).status == 403
    assert (await emma.delete(f"/spaces/{a.id}/users/{other.id}")).status == 403
    assert (await emma.get(f"/spaces/{a.id}/members/{jack.id}")).status in {403, 404}
    assert (await emma.get(f"/spaces/{b.id}/members/{jack.id}")).status == 404
    assert (await emma.get(f"/users/{jack.id}")).status == (await emma.get(f"/users/{other.id}")).status
    assert (await emma.put(f"/resources/{mine['thing']}/owner", {"owner": a.id})).status == 403
    assert (
        await emma.put(f"/spaces/{a.id}/users/{other.id}/home", {"dashboard": None, "fullscreen": True})
    ).status == 403


async def test_c_15_in_tenant_mode_people_of_a_customer_find_its_people_alone(yard: Yard) -> None:
    _, a, b = await houses(yard)
    emma, other = await yard.someone({a.id: DASHBOARD}), await yard.someone({a.id: DASHBOARD})
    jack = await yard.someone({b.id: DASHBOARD})
    await yard.settings(tenant_mode=True)
    try:
        found = await emma.get("/directory?limit=200")
        assert {item["id"] for item in found.items} == {emma.id, other.id}
        assert jack.username not in found.text
        assert (await emma.get(f"/directory?query={jack.username}@plant.example")).items == []
    finally:
        await yard.settings()


async def test_c_16_things_have_parents_owners_folders_and_attributes(yard: Yard) -> None:
    team, a, _ = await houses(yard)
    owner = await yard.someone({team.id: OWNER})

    async def make(slug: str, subtype: str, **more: object) -> str:
        made = await owner.post("/things", {"slug": slug, "subtype": subtype, **more})
        assert made.status == 201, made.text
        return str(made.json["id"])

    building = await make("building-a", "asset", space=team.id, name="Building A", data={"floors": 3})
    office = await make("office-a", "asset", parent=building)
    sensor = await make("sd-001", "device", parent=office, external_id="SD-001", data={"type": "smoke"})
    assert (await owner.put(f"/resources/{office}/owner", {"owner": a.id, "folders": ["offices"]})).status == 200
    shown = (await owner.get(f"/things/{sensor}")).json
    assert (shown["address"], shown["owner"]["id"]) == (f"{team.slug}/building-a/office-a/sd-001", a.id)  # type: ignore[index]
    assert shown["attributes"] == {"subtype": "device", "external_id": "SD-001", "data": {"type": "smoke"}}
    inside = await yard.someone({a.id: DASHBOARD})
    assert set(await inside.ids("/things")) == {office, sensor}
    assert await owner.ids(f"/things?parent={building}") == [office]
    changed = await owner.put(f"/things/{sensor}", {"data": {"type": "heat"}})
    assert changed.json["attributes"] == {"subtype": "device", "external_id": "SD-001", "data": {"type": "heat"}}


async def test_c_20_whoever_shares_lends_no_more_than_they_have_and_to_nobody_outside(yard: Yard) -> None:
    team, a, b = await houses(yard)
    owner_a, mine = await yard.someone({a.id: OWNER}), (await stock(yard, a.id))["thing"]

    async def shared(who: Someone, what: str, space: str, role: str) -> int:
        return (await who.post(f"/resources/{what}/grants", {"space": space, "role": role})).status

    assert await shared(owner_a, mine, b.id, "dashboard") == 422
    assert await shared(owner_a, mine, team.id, "owner") == 200
    member = await yard.someone({team.id: MEMBER})
    await yard.put(Grant(target=team.at("p1"), space=a.id, role=OWNER))
    assert await shared(member, team.at("p1"), a.id, "owner") == 403
    lent = await yard.someone({a.id: MEMBER})
    assert await shared(lent, team.at("p1"), b.id, "owner") in {403, 422}
