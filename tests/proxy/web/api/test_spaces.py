"""Teams, customers and groups over HTTP."""

import pytest

from proxy.model.access import Role
from proxy.model.directory import SpaceKind
from proxy.model.estate import Resource, ResourceKind
from tests.proxy.web.api.yard import DASHBOARD, MEMBER, OWNER, VIEWER, Yard

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_p_14_only_admins_make_teams_unless_it_is_switched_on_and_who_makes_one_owns_it(yard: Yard) -> None:
    admin, user = await yard.someone(admin=True), await yard.someone()
    refused = await user.post("/spaces", {"kind": "team", "slug": yard.name("made")})
    assert (refused.status, refused.code) == (403, "switched_off")
    assert (await admin.post("/spaces", {"kind": "team", "slug": yard.name("made")})).status == 201
    await yard.settings(switched_off=frozenset())
    slug = yard.name("made")
    try:
        made = await user.post("/spaces", {"kind": "team", "slug": slug, "title": "Made"})
    finally:
        await yard.settings()
    assert (made.status, made.json["slug"], made.json["role"]) == (201, slug, "owner")
    assert (await user.get(f"/spaces/{slug}")).json == made.json
    (event,) = await yard.events(str(made.json["id"]))
    assert (event.event, event.actor, event.body["name"]) == ("team.created", user.id, slug)


async def test_a_slug_is_taken_once_on_the_whole_gateway(yard: Yard) -> None:
    team, admin = await yard.team(), await yard.someone(admin=True)
    answer = await admin.post("/spaces", {"kind": "team", "slug": team.slug})
    assert (answer.status, answer.code, answer.faults) == (409, "exists", {"/slug": "is taken"})


async def test_c_01_customers_have_titles_unique_in_the_space_above(yard: Yard) -> None:
    one, other = await yard.team(), await yard.team()
    owner = await yard.someone({one.id: OWNER, other.id: OWNER})
    first = await owner.post(f"/spaces/{one.slug}/customers", {"slug": yard.name(), "title": "Customer A"})
    assert (first.status, first.json["kind"]) == (201, "customer")
    second = await owner.post(f"/spaces/{one.slug}/customers", {"slug": yard.name(), "title": "customer a"})
    assert (second.status, second.faults) == (409, {"/title": "is taken"})
    third = await owner.post(f"/spaces/{other.slug}/customers", {"slug": yard.name(), "title": "Customer A"})
    assert third.status == 201


async def test_c_01_what_is_kept_about_a_customer_is_answered_and_on_record(yard: Yard) -> None:
    team = await yard.team()
    owner = await yard.someone({team.id: OWNER})
    details = {"city": "Ghent", "contacts": [{"name": "Jo", "floor": 3}]}
    made = await owner.post(f"/spaces/{team.slug}/customers", {"slug": yard.name(), "details": details})
    assert (made.status, made.json["details"]) == (201, details)
    path = f"/spaces/{made.json['id']}"
    assert (await owner.put(path, {"title": "A"})).json["details"] == details, "what is absent stays"
    assert (await owner.put(path, {"details": {"city": "Bruges"}})).json["details"] == {"city": "Bruges"}
    event = (await yard.events(str(made.json["id"]), "customer.updated"))[-1]
    assert [(each.key, each.old, each.new) for each in event.updates if each.key == "details.city"] == [
        ("details.city", "Ghent", "Bruges")
    ]
    too_long = await owner.put(path, {"details": {"text": "x" * 20_000}})
    assert (too_long.status, list(too_long.faults)) == (422, ["/details"])
    for details in ([], "x", 1):
        assert (await owner.put(path, {"details": details})).status == 422


async def test_c_01_a_group_of_customers_lists_what_is_shared_with_both(yard: Yard) -> None:
    team = await yard.team()
    owner = await yard.someone({team.id: OWNER})
    customers = [(await yard.below(team.id)).id for _ in range(2)]
    assert set(await owner.ids(f"/spaces/{team.id}/children")) == set(customers)
    for customer in customers:
        body = {"space": customer, "role": "dashboard"}
        assert (await owner.post(f"/resources/{team.at('p1')}/grants", body)).status == 200
        assert await owner.ids(f"/spaces/{customer}/shared") == [team.at("p1")]


async def test_c_02_an_owner_of_a_customer_manages_what_lies_below_it_and_nothing_beside(yard: Yard) -> None:
    team = await yard.team()
    one, other = await yard.below(team.id), await yard.below(team.id)
    owner = await yard.someone({one.id: OWNER})
    made = await owner.post("/spaces", {"kind": "customer", "slug": yard.name(), "parent": one.id})
    assert made.status == 201
    assert (await owner.put(f"/spaces/{made.json['id']}", {"title": "Renamed"})).json["title"] == "Renamed"
    beside = await owner.post("/spaces", {"kind": "customer", "slug": yard.name(), "parent": other.id})
    assert (beside.status, list(beside.faults)) == (422, ["/parent"])
    assert (await owner.get(f"/spaces/{other.id}")).status == 404
    assert set(await owner.ids("/spaces")) == {one.id, made.json["id"]}


@pytest.mark.parametrize("parent", ["no-such", ""])
async def test_a_space_that_is_not_there_reads_as_one_that_is_hidden(yard: Yard, parent: str) -> None:
    team, stranger = await yard.team(), await yard.someone()
    hidden = await stranger.post("/spaces", {"kind": "group", "slug": yard.name(), "parent": team.id})
    missing = await stranger.post("/spaces", {"kind": "group", "slug": yard.name(), "parent": parent})
    assert (hidden.status, hidden.text) == (missing.status, missing.text)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"kind": "team", "slug": "Not A Slug"}, "/slug"),
        ({"kind": "tribe", "slug": "x"}, "/kind"),
        ({"kind": "customer", "slug": "x"}, "/parent"),
        ({"kind": "team", "slug": "x", "parent": "y"}, "/parent"),
        ({"kind": "team", "slug": "x", "colour": "red"}, "/colour"),
    ],
)
async def test_a_wrong_space_is_refused_by_the_name_of_the_member(
    yard: Yard, body: dict[str, str], pointer: str
) -> None:
    admin = await yard.someone(admin=True)
    answer = await admin.post("/spaces", body)
    assert (answer.status, list(answer.faults)) == (422, [pointer])


async def test_a_group_below_a_group_is_refused(yard: Yard) -> None:
    team = await yard.team()
    group, owner = await yard.below(team.id, SpaceKind.GROUP), await yard.someone({team.id: OWNER})
    answer = await owner.post("/spaces", {"kind": "customer", "slug": yard.name(), "parent": group.id})
    assert (answer.status, list(answer.faults)) == (422, ["/parent"])


async def test_only_who_may_lift_a_suspension_makes_one(yard: Yard) -> None:
    team = await yard.team()
    customer = await yard.below(team.id)
    above, inside = await yard.someone({team.id: OWNER}), await yard.someone({customer.id: OWNER})
    assert (await inside.put(f"/spaces/{customer.id}", {"active": False})).status == 403
    assert (await above.put(f"/spaces/{team.id}", {"active": False})).status == 403
    assert (await above.put(f"/spaces/{customer.id}", {"active": False})).json["active"] is False
    assert (await inside.get(f"/spaces/{customer.id}")).status == 403, "no role through it"
    assert (await above.put(f"/spaces/{customer.id}", {"active": True})).json["active"] is True
    told = [event.event for event in await yard.events(customer.id)]
    assert told == ["customer.suspended", "customer.updated"]


async def test_what_changes_nothing_is_not_on_record(yard: Yard) -> None:
    team = await yard.team()
    owner = await yard.someone({team.id: OWNER})
    same = await owner.put(f"/spaces/{team.id}", {"slug": team.slug})
    assert (same.status, await yard.events(team.id, "team.updated")) == (200, [])


async def test_two_who_rename_do_not_overwrite_each_other(yard: Yard) -> None:
    team = await yard.team()
    owner = await yard.someone({team.id: OWNER})
    seen = (await owner.get(f"/spaces/{team.id}")).headers["ETag"]
    assert (await owner.put(f"/spaces/{team.id}", {"title": "One"}, If_Match=seen)).status == 200
    assert (await owner.put(f"/spaces/{team.id}", {"title": "Two"}, If_Match=seen)).status == 412


async def test_what_a_file_declares_is_read_only_and_the_refusal_names_the_file(yard: Yard) -> None:
    admin = await yard.someone(admin=True)
    for answer in (await admin.put("/spaces/acme", {"title": "Other"}), await admin.delete("/spaces/acme")):
        assert (answer.status, answer.code) == (409, "declared_in_file")
        assert "estate.yaml" in answer.text
    plant = await admin.put("/applications/acme%2Fplant", {"name": "Other"})
    assert (plant.status, plant.code) == (409, "declared_in_file")


async def test_only_an_empty_space_is_deleted_and_the_preview_says_what_is_in_the_way(yard: Yard) -> None:
    team = await yard.team("p1")
    group, owner = await yard.below(team.id, SpaceKind.GROUP), await yard.someone({team.id: OWNER})
    wanted = {"name": yard.name("bot"), "role": "viewer"}
    bot = (await owner.post(f"/spaces/{group.id}/service-accounts", wanted)).json
    inside = await owner.delete(f"/spaces/{group.id}")
    assert (inside.status, inside.code, str(bot["username"]) in inside.text) == (409, "not_empty", True)
    seen = (await owner.delete(f"/spaces/{group.id}?preview=1")).json
    assert (seen["service_accounts"], seen["members"]) == ([bot["username"]], 0)
    assert (await owner.delete(f"/spaces/{group.id}/service-accounts/{bot['username']}")).status == 204
    looked = await owner.client.call("DELETE", f"/spaces/{team.id}?preview=1")
    assert looked.status == 200, "what changes nothing needs no If-Match"
    seen = looked.json
    assert [ref["id"] for ref in seen["spaces"]] == [group.id]  # type: ignore[attr-defined]
    assert [ref["id"] for ref in seen["resources"]] == [team.at("p1")]  # type: ignore[attr-defined]
    refused = await owner.delete(f"/spaces/{team.id}")
    assert (refused.status, refused.code) == (409, "not_empty")
    assert (await owner.delete(f"/spaces/{group.id}?preview=1")).json["spaces"] == []
    assert (await owner.get(f"/spaces/{group.id}")).status == 200
    assert (await owner.delete(f"/spaces/{group.id}")).status == 204
    assert (await owner.get(f"/spaces/{group.id}")).status == 404


@pytest.mark.parametrize("role", [DASHBOARD, VIEWER, MEMBER])
async def test_below_owner_a_space_is_read_and_not_changed(yard: Yard, role: Role) -> None:
    team = await yard.team()
    user = await yard.someone({team.id: role})
    shown = await user.get(f"/spaces/{team.id}")
    assert (shown.status, shown.json["role"]) == (200, role.label)
    assert "space:edit" not in shown.json["actions"]  # type: ignore[operator]
    for answer in (await user.put(f"/spaces/{team.id}", {"title": "x"}), await user.delete(f"/spaces/{team.id}")):
        assert (answer.status, answer.code) == (403, "role_too_low")


async def test_c_09_what_a_customer_owns_is_listed_by_kind_and_nothing_of_others(yard: Yard) -> None:
    team = await yard.team()
    one, other = await yard.below(team.id), await yard.below(team.id)
    for customer in (one, other):
        await yard.put(
            Resource(id=f"{customer.id}-t", kind=ResourceKind.THING, slug="t", owner=customer.id),
            Resource(id=f"{customer.id}-d", kind=ResourceKind.DEVICE, slug="d", owner=customer.id),
        )
    owner = await yard.someone({team.id: OWNER})
    assert await owner.ids(f"/spaces/{one.id}/owned?kind=thing") == [f"{one.id}-t"]
    assert await owner.ids(f"/devices?space={one.slug}") == [f"{one.id}-d"]
