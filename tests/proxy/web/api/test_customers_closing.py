"""C-14: deleting a customer. What it owns goes back to the space above, its own people go, and all of it is told before."""

import pytest

from proxy.model.access import Role
from proxy.model.directory import SpaceKind
from proxy.model.estate import Grant, InstanceSettings, Resource, ResourceKind
from tests.proxy.web.api.yard import DASHBOARD, OWNER, UPSTREAM, VIEWER, Yard

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_c_14_devices_survive_users_are_gone_and_sessions_dead(yard: Yard) -> None:
    team = await yard.team()
    customer, beside = await yard.below(team.id), await yard.below(team.id)
    owner, emma = await yard.someone({team.id: OWNER}), await yard.someone({customer.id: DASHBOARD})
    both = await yard.someone({customer.id: OWNER, beside.id: DASHBOARD})
    bot = await owner.post(f"/spaces/{customer.id}/service-accounts", {"name": yard.name("bot"), "role": "viewer"})
    folder, office, device = (f"{customer.id}-{what}" for what in ("folder", "office", "device"))
    building = f"{team.id}-building"
    await yard.put(
        Resource(id=building, kind=ResourceKind.THING, slug="building", owner=team.id),
        Resource(id=office, kind=ResourceKind.THING, slug="office", parent=building, owner=customer.id),
        Resource(id=device, kind=ResourceKind.DEVICE, slug="gauge", owner=customer.id),
        Resource(
            id=folder, kind=ResourceKind.FOLDER, slug="folder", owner=customer.id, members=frozenset({device, office})
        ),
        Resource(id=f"{team.id}-taken", kind=ResourceKind.DEVICE, slug="gauge", owner=team.id),
        Grant(target=team.at("p1"), space=customer.id, role=VIEWER),
        Grant(target=folder, space=team.id, role=VIEWER),
    )
    seen = (await owner.delete(f"/spaces/{customer.id}?preview=1")).json
    assert (seen["possible"], seen["returned"], seen["shares"], seen["members"]) == (True, 3, 2, 2)
    assert {ref["id"]: ref["slug"] for ref in seen["resources"]} == {  # type: ignore[attr-defined]
        office: "office",
        device: f"gauge-{customer.slug}",
        folder: "folder",
    }
    assert (seen["users"], seen["service_accounts"], seen["deleted"]) == ([emma.username], [bot.json["username"]], 2)
    ending = [(end["resource"]["id"], end["space"]["id"], end["role"]) for end in seen["ending"]]  # type: ignore[attr-defined]
    assert sorted(ending) == sorted([(team.at("p1"), customer.id, "viewer"), (folder, team.id, "viewer")])
    assert (await emma.get("/me")).status == 200, "it was only told"

    assert (await owner.delete(f"/spaces/{customer.id}")).status == 204

    assert (await emma.get("/me")).status == 401
    database = yard.house.running.store.database
    assert await database.person(emma.id) is None
    assert set((await yard.person(both.id)).memberships) == {beside.id}
    assert (await both.get("/me")).status == 200
    estate = await yard.estate()
    assert customer.id not in estate.spaces
    assert {id_: estate.owner(estate.resources[id_]) for id_ in (office, device, folder)} == dict.fromkeys(
        (office, device, folder), estate.spaces[team.id]
    )
    assert estate.resources[office].owner is None, "it follows the building again"
    assert estate.resources[folder].members == {device, office}
    assert not [grant for grant in estate.grants if folder == grant.target]
    assert (await owner.get(f"/devices/{device}")).json["address"] == f"{team.slug}/gauge-{customer.slug}"
    (event,) = await yard.events(team.id, "customer.deleted") or await yard.events(customer.id, "customer.deleted")
    assert {name: event.body[name] for name in ("users", "resources", "shares")} == {
        "users": 2,
        "resources": 3,
        "shares": 2,
    }
    assert [each.event for each in await yard.events(emma.id, "user.deleted")] == ["user.deleted"]


async def test_c_14_an_instance_of_a_deleted_customer_goes_on_at_its_address(yard: Yard) -> None:
    team = await yard.team()
    customer, owner = await yard.below(team.id), await yard.someone({team.id: OWNER})
    app, line = f"{customer.id}-app", f"{customer.id}-line"
    settings = InstanceSettings(upstream=UPSTREAM, hosts=(f"{customer.id}.localhost",))
    await yard.put(
        Resource(id=app, kind=ResourceKind.APPLICATION, slug="app", owner=customer.id),
        Resource(id=line, kind=ResourceKind.INSTANCE, slug="line", parent=app, instance=settings),
    )
    before = (await owner.get("/dashboards?limit=200")).items
    assert (await owner.delete(f"/spaces/{customer.id}")).status == 204
    assert [item for item in (await owner.get("/dashboards?limit=200")).items if item["id"] == line] == [
        item for item in before if item["id"] == line
    ]


async def test_c_14_a_customer_with_customers_below_it_is_not_deleted_yet(yard: Yard) -> None:
    team = await yard.team()
    customer = await yard.below(team.id)
    below, owner = await yard.below(customer.id), await yard.someone({team.id: OWNER})
    seen = (await owner.delete(f"/spaces/{customer.id}?preview=1")).json
    assert (seen["possible"], [ref["id"] for ref in seen["spaces"]]) == (False, [below.id])  # type: ignore[attr-defined]
    answer = await owner.delete(f"/spaces/{customer.id}")
    assert (answer.status, answer.code, below.slug in answer.text) == (409, "not_empty", True)
    assert (await owner.delete(f"/spaces/{below.id}")).status == 204
    assert (await owner.delete(f"/spaces/{customer.id}")).status == 204


@pytest.mark.parametrize(("role", "status"), [(OWNER, 403), (VIEWER, 403)])
async def test_c_14_a_customer_is_deleted_from_above_alone(yard: Yard, role: Role, status: int) -> None:
    customer = await yard.below((await yard.team()).id)
    inside = await yard.someone({customer.id: role})
    for path in (f"/spaces/{customer.id}", f"/spaces/{customer.id}?preview=1"):
        assert (await inside.delete(path)).status == status
    assert (await inside.get("/me")).status == 200


async def test_c_14_admins_and_people_of_files_stay(yard: Yard) -> None:
    customer = await yard.below((await yard.team()).id)
    admin = await yard.someone({customer.id: DASHBOARD}, admin=True)
    assert (await admin.delete(f"/spaces/{customer.id}")).status == 204
    assert (await admin.get("/me")).json["memberships"] == []


async def test_a_team_and_a_group_are_deleted_when_nothing_stands_in_them(yard: Yard) -> None:
    team = await yard.team("p1")
    group, owner = await yard.below(team.id, SpaceKind.GROUP), await yard.someone({team.id: OWNER})
    member = await yard.someone({group.id: VIEWER})
    seen = (await owner.delete(f"/spaces/{team.id}?preview=1")).json
    assert (seen["possible"], seen["returned"], seen["deleted"]) == (False, 0, 0)
    assert (await owner.delete(f"/spaces/{group.id}")).status == 204
    assert (await member.get("/me")).status == 200, "people of a group are nobody's own"
