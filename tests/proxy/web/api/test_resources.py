"""Applications, devices, things, folders and pages over HTTP: the rows of the permission regressions."""

from collections.abc import Mapping

import pytest

from proxy.model.access import Role
from proxy.model.estate import Resource, ResourceKind
from tests.proxy.web.api.yard import DASHBOARD, MEMBER, NONE, OWNER, VIEWER, Someone, Team, Yard

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROLES = [NONE, DASHBOARD, VIEWER, MEMBER, OWNER]


async def restricted(yard: Yard, role: Role, on_p1: Role, *applications: str) -> tuple[Team, Someone]:
    """Somebody with a role in a team and another on its application p1."""
    team = await yard.team(*applications)
    return team, await yard.someone({team.id: role}, {team.id: {team.at("p1"): on_p1}})


async def test_r_03_p_11_an_application_one_has_no_role_on_appears_nowhere(yard: Yard) -> None:
    team, user = await restricted(yard, DASHBOARD, NONE)
    for path in ("/dashboards", "/instances?view=launcher", "/search?q=p1", "/search?q=line", "/counts"):
        answer = await user.get(path)
        assert (answer.status, team.at("p1") in answer.text, "line.p1" in answer.text) == (200, False, False)
    assert await user.ids("/dashboards") == [team.at("p2", "line")]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("on_p1", ROLES)
async def test_r_04_counters_say_what_the_lists_hold(yard: Yard, role: Role, on_p1: Role) -> None:
    _, user = await restricted(yard, role, on_p1)
    counts = (await user.get("/counts")).json
    for kind in ("applications", "instances", "devices", "dashboards"):
        assert counts[kind] == len(await user.ids(f"/{kind}")), kind
    assert (await user.get("/counts?kind=instance&state=protected")).json["instances"] == 0
    opened = (await user.get("/counts?kind=instance&state=open")).json["instances"]
    assert opened == len(await user.ids("/instances?state=open")) == counts["instances"]


@pytest.mark.parametrize(("on_p1", "may"), [(NONE, False), (VIEWER, False), (MEMBER, False), (OWNER, True)])
async def test_r_06_setting_a_device_up_is_offered_to_owners_of_its_application(
    yard: Yard, on_p1: Role, may: bool
) -> None:
    team, user = await restricted(yard, MEMBER, on_p1)
    shown = await user.get(f"/devices/{team.at('p1', 'gauge')}")
    if on_p1 is NONE:
        assert shown.status == 403
    else:
        assert ("device:edit" in shown.json["actions"]) is may  # type: ignore[operator]
    changed = await user.put(f"/devices/{team.at('p1', 'gauge')}", {"attributes": {"ready": True}})
    assert (changed.status == 200) is may


async def test_r_07_a_viewer_of_an_application_registers_no_device_in_it(yard: Yard) -> None:
    team, user = await restricted(yard, OWNER, VIEWER)
    body = {"slug": "new", "application": team.at("p1")}
    refused = await user.post("/devices", body)
    assert (refused.status, refused.code) == (403, "role_too_low")
    assert (await user.post("/devices", {**body, "application": team.at("p2")})).status == 201


@pytest.mark.parametrize("action", ["assign", "delete"])
async def test_r_07_what_is_done_with_many_devices_is_done_with_all_or_none(yard: Yard, action: str) -> None:
    team, user = await restricted(yard, OWNER, VIEWER)
    mixed = [team.at("p2", "gauge"), team.at("p1", "gauge")]
    body: Mapping[str, object] = {"action": action, "devices": mixed}
    before = await user.ids("/devices")
    refused = await user.post("/devices/bulk", body)
    assert (refused.status, refused.code) == (403, "role_too_low")
    assert await user.ids("/devices") == before
    assert (await yard.estate()).resources[team.at("p2", "gauge")].parent == team.at("p2")
    alone = await user.post("/devices/bulk", {**body, "devices": mixed[:1]})
    assert alone.status == 200, alone.text


async def test_r_09_r_15_r_22_what_one_may_make_is_offered_where_one_may_make_it(yard: Yard) -> None:
    team, user = await restricted(yard, VIEWER, OWNER)
    offered = (await user.get("/me/capabilities")).json
    assert [option["id"] for option in offered["create_instance"]] == [team.at("p1")]  # type: ignore[attr-defined]
    devices = {option["id"] for option in offered["create_device"]}  # type: ignore[attr-defined]
    assert devices == {team.at("p1"), team.at("p1", "line")}
    assert offered["create_group"] == []


@pytest.mark.parametrize(("role", "on_p1", "status"), [(VIEWER, OWNER, 201), (OWNER, VIEWER, 403), (OWNER, NONE, 403)])
async def test_r_11_making_something_asks_for_the_role_on_the_application_not_in_the_team(
    yard: Yard, role: Role, on_p1: Role, status: int
) -> None:
    team, user = await restricted(yard, role, on_p1)
    place = {"application": team.at("p1")}
    assert (
        await user.post("/instances", {**place, "slug": "i", "hosts": [f"{yard.name()}.localhost"]})
    ).status == status
    assert (await user.post("/devices", {**place, "slug": "d"})).status == status


async def test_r_10_with_the_dashboard_role_one_sees_a_name_and_where_to_go_and_nothing_else(yard: Yard) -> None:
    team, user = await restricted(yard, VIEWER, DASHBOARD)
    items = {item["id"]: item for item in (await user.get("/instances?view=launcher")).items}
    assert items[team.at("p1", "line")] == {
        "id": team.at("p1", "line"),
        "name": "line",
        "dashboard_url": f"http://line.p1.{team.slug}.localhost:{yard.house.site.port}/dashboard",
        "actions": ["dashboard"],
    }
    assert items[team.at("p2", "line")]["actions"] == ["dashboard", "editor"]
    assert await user.ids("/instances") == [team.at("p2", "line")]


async def test_r_12_the_list_is_there_also_for_who_has_but_the_dashboard_role_in_the_team(yard: Yard) -> None:
    team, user = await restricted(yard, DASHBOARD, MEMBER)
    assert await user.ids("/instances") == [team.at("p1", "line")]
    assert set(await user.ids("/instances?view=launcher")) == {team.at("p1", "line"), team.at("p2", "line")}


async def test_r_13_r_14_devices_of_an_instance_follow_its_application(yard: Yard) -> None:
    team, user = await restricted(yard, MEMBER, NONE)
    for device in (team.at("p1", "gauge"), team.at("p1", "line", "probe")):
        assert (await user.get(f"/devices/{device}")).status == 403
        for path in ("/devices", "/search?q=probe", "/search?q=gauge"):
            assert device not in await user.ids(path)


DEVICES = {"unassigned": 200, "p1-gauge": 200, "p2-gauge": 403, "p1-line-probe": 200, "p2-line-probe": 403}


@pytest.mark.parametrize(("device", "status"), DEVICES.items())
async def test_r_16_r_17_r_29_devices_are_read_changed_and_deleted_by_the_role_on_their_application(
    yard: Yard, device: str, status: int
) -> None:
    team = await yard.team()
    owner = await yard.someone({team.id: OWNER}, {team.id: {team.at("p2"): NONE}})
    await yard.put(
        Resource(id=f"{team.id}-unassigned", kind=ResourceKind.DEVICE, slug="loose", name="Loose", owner=team.id)
    )
    path = f"/devices/{team.id}-{device}"
    assert (await owner.get(path)).status == status
    assert (await owner.put(path, {"name": "Other"})).status == status
    assert (await owner.delete(path)).status == (204 if status == 200 else status)


@pytest.mark.parametrize("kind", ["application", "instance"])
async def test_r_18_a_device_moves_only_where_one_owns_both_places(yard: Yard, kind: str) -> None:
    team = await yard.team()
    owner = await yard.someone({team.id: OWNER}, {team.id: {team.at("p2"): VIEWER}})
    there = {"application": team.at("p2"), "instance": team.at("p2", "line")}[kind]
    here = {"application": team.at("p1"), "instance": team.at("p1", "line")}[kind]
    made = await owner.post("/devices", {"slug": yard.name(), "space": team.id})
    path = f"/devices/{made.json['id']}/place"
    refused = await owner.put(path, {kind: there})
    assert (refused.status, refused.code) == (403, "role_too_low")
    assert (await owner.put(path, {kind: here})).status == 200
    assert (await owner.put(f"/devices/{team.at('p2', 'gauge')}/place", {kind: here})).status == 403
    assert (await owner.put(path, {})).json["parent"] is None
    told = [event.event for event in await yard.events(str(made.json["id"]))]
    assert told == ["device.created", "device.assigned", "device.unassigned"]


@pytest.mark.parametrize(
    ("shown", "changed", "body"),
    [
        ("/devices/{gauge}", "/devices/{gauge}/place", {}),
        ("/devices/{gauge}", "/resources/{gauge}/owner", {"owner": "customer"}),
        ("/instances/{line}", "/resources/{line}/owner", {"owner": "customer"}),
    ],
)
async def test_who_moves_or_hands_over_what_somebody_has_just_changed_is_told_to_look_again(
    yard: Yard, shown: str, changed: str, body: Mapping[str, str]
) -> None:
    """The tag is that of the thing itself, since nothing else is there to be read."""
    team = await yard.team()
    customer = await yard.below(team.id)
    sent = dict.fromkeys(body, customer.id)
    owner, other = await yard.someone({team.id: OWNER}), await yard.someone({team.id: OWNER})
    shown, changed = (
        path.format(gauge=team.at("p1", "gauge"), line=team.at("p1", "line")) for path in (shown, changed)
    )
    tag = (await owner.get(shown)).headers["ETag"]
    assert (await other.put(shown, {"name": "Other"}, If_Match=tag)).status == 200
    stale = await owner.put(changed, sent, If_Match=tag)
    assert (stale.status, stale.code) == (412, "changed")
    blind = await owner.client.call("PUT", changed, sent)
    assert (blind.status, blind.code) == (428, "precondition_required")
    done = await owner.put(changed, sent, If_Match=(await owner.get(shown)).headers["ETag"])
    assert done.status == 200
    assert (await owner.get(shown)).headers["ETag"] == done.headers["ETag"] != tag


async def test_what_has_another_address_afterwards_is_answered_all_the_same(yard: Yard) -> None:
    team = await yard.team()
    owner = await yard.someone({team.id: OWNER})
    renamed = await owner.put(f"/applications/{team.slug}%2Fp1", {"slug": "p3"})
    assert (renamed.status, renamed.json["slug"]) == (200, "p3")
    again = await owner.put(f"/instances/{team.slug}%2Fp3%2Fline", {"slug": "other"})
    assert (again.status, again.json["slug"]) == (200, "other")
    below = await yard.below(team.id)
    handed = await owner.put(f"/resources/{team.slug}%2Fp2/owner", {"owner": below.id})
    assert (handed.status, handed.json["owner"]["id"]) == (200, below.id)  # type: ignore[index]
    spaced = await owner.put(f"/spaces/{below.slug}", {"slug": yard.name("other")})
    assert (spaced.status, spaced.json["id"]) == (200, below.id)


async def test_a_device_does_not_move_into_another_team(yard: Yard) -> None:
    one, other = await yard.team(), await yard.team()
    owner = await yard.someone({one.id: OWNER, other.id: OWNER})
    answer = await owner.put(f"/devices/{one.at('p1', 'gauge')}/place", {"application": other.at("p1")})
    assert (answer.status, list(answer.faults)) == (422, ["/application"])


async def test_r_21_pages_are_full_and_totals_true_whatever_is_hidden(yard: Yard) -> None:
    names = [f"p{number}" for number in range(10)]
    team = await yard.team(*names)
    user = await yard.someone({team.id: VIEWER}, {team.id: {team.at(name): NONE for name in names[::2]}})
    page = await user.get("/instances?limit=4")
    assert (len(page.items), page.total) == (4, 5)
    rest = await user.get(f"/instances?limit=4&cursor={page.onward}")
    assert (len(rest.items), rest.onward) == (1, None)
    for size in (1, 2, 7):
        assert (await user.get(f"/instances?limit={size}")).total == 5


async def test_r_23_who_has_no_role_on_an_application_sees_nothing_of_it_in_the_team(yard: Yard) -> None:
    team, user = await restricted(yard, VIEWER, NONE)
    for kind in ("application", "instance", "device"):
        found = await user.ids(f"/spaces/{team.id}/owned?kind={kind}")
        assert found
        assert not any(each.startswith(team.at("p1")) for each in found)


async def test_p_09_an_override_on_one_instance_shows_that_alone_and_nothing_around_it(yard: Yard) -> None:
    team = await yard.team()
    line = team.at("p1", "line")
    hidden = {team.at("p1"): NONE, team.at("p2"): NONE}
    user = await yard.someone({team.id: MEMBER}, {team.id: {**hidden, line: MEMBER}})
    assert await user.ids("/instances") == [line]
    shown = (await user.get(f"/instances/{line}")).json
    assert (shown["role"], shown["parent"], shown["address"]) == ("member", None, None)


@pytest.mark.parametrize(
    ("roles", "may"),
    [
        ({"dev": MEMBER, "test": NONE, "prod": NONE}, {"dev": "edit", "test": "", "prod": ""}),
        ({"dev": NONE, "test": VIEWER, "prod": NONE}, {"dev": "", "test": "view", "prod": ""}),
        ({"dev": NONE, "test": NONE, "prod": DASHBOARD}, {"dev": "", "test": "", "prod": "http"}),
    ],
    ids=["builder", "tester", "user"],
)
async def test_r_27_p_08_who_builds_who_tests_and_who_uses_are_three(
    yard: Yard, roles: dict[str, Role], may: dict[str, str]
) -> None:
    team = await yard.team(*roles)
    user = await yard.someone({team.id: VIEWER}, {team.id: {team.at(stage): role for stage, role in roles.items()}})
    found = {stage: await _most(user, team.at(stage, "line")) for stage in roles}
    assert found == may


async def _most(user: Someone, instance: str) -> str:
    """The furthest that somebody may go on an instance."""
    tiles = {tile["id"] for tile in (await user.get("/dashboards")).items}
    shown = await user.get(f"/instances/{instance}")
    actions = shown.json["actions"] if shown.status == 200 else []
    assert isinstance(actions, list)
    if "instance:flows:edit" in actions:
        return "edit"
    if "instance:flows:view" in actions:
        return "view"
    return "http" if instance in tiles else ""


@pytest.mark.parametrize("path", ["/instances?parent=", "/devices?parent=", "/pages?parent="])
async def test_r_30_naming_what_is_hidden_is_no_way_past_it(yard: Yard, path: str) -> None:
    team, user = await restricted(yard, OWNER, NONE)
    assert (await user.get(path + team.at("p1"))).status == 403
    other = await yard.team()
    assert (await user.get(path + other.at("p1"))).status == 404


@pytest.mark.parametrize("kind", ["applications", "instances", "devices"])
async def test_r_30_each_address_of_a_restricted_application_refuses(yard: Yard, kind: str) -> None:
    team, user = await restricted(yard, OWNER, NONE)
    id_ = {"applications": team.at("p1"), "instances": team.at("p1", "line"), "devices": team.at("p1", "gauge")}[kind]
    for answer in (
        await user.get(f"/{kind}/{id_}"),
        await user.put(f"/{kind}/{id_}", {"name": "x"}),
        await user.delete(f"/{kind}/{id_}"),
        await user.get(f"/resources/{id_}/grants"),
        await user.post(f"/resources/{id_}/grants", {"space": team.id, "role": "viewer"}),
        await user.put(f"/resources/{id_}/owner", {"owner": team.id}),
    ):
        assert answer.status == 403


@pytest.mark.parametrize("role", [NONE, DASHBOARD, VIEWER, MEMBER, OWNER])
async def test_p_01_only_owners_make_change_and_delete_applications(yard: Yard, role: Role) -> None:
    team = await yard.team("p1", "p2")
    await yard.put(Resource(id=f"{team.id}-bare", kind=ResourceKind.APPLICATION, slug="bare", owner=team.id))
    user = await yard.someone({team.id: role})
    owns = role is OWNER
    assert (await user.post("/applications", {"space": team.id, "slug": "made"})).status == (201 if owns else 403)
    assert (await user.put(f"/applications/{team.at('p1')}", {"name": "x"})).status == (200 if owns else 403)
    assert (await user.delete(f"/applications/{team.id}-bare")).status == (204 if owns else 403)
    assert (await user.get(f"/applications/{team.at('p1')}")).status == (200 if role >= VIEWER else 403)


async def test_a_slug_is_taken_once_in_its_place(yard: Yard) -> None:
    team = await yard.team()
    owner = await yard.someone({team.id: OWNER})
    again = await owner.post("/applications", {"space": team.id, "slug": "p1"})
    assert (again.status, again.faults) == (409, {"/slug": "is taken"})
    renamed = await owner.put(f"/applications/{team.at('p2')}", {"slug": "p1"})
    assert renamed.status == 409
    assert (await owner.post("/devices", {"application": team.at("p1"), "slug": "gauge"})).status == 409


async def test_what_holds_others_is_not_deleted(yard: Yard) -> None:
    team = await yard.team()
    owner = await yard.someone({team.id: OWNER})
    answer = await owner.delete(f"/applications/{team.at('p1')}")
    assert (answer.status, answer.code) == (409, "not_empty")


async def test_what_is_made_changed_and_deleted_is_on_record_with_old_and_new(yard: Yard) -> None:
    team = await yard.team()
    owner = await yard.someone({team.id: OWNER})
    made = await owner.post("/applications", {"space": team.id, "slug": "made", "name": "Made"})
    path = f"/applications/{made.json['id']}"
    assert (await owner.put(path, {"name": "Other"})).json["name"] == "Other"
    assert (await owner.put(path, {"name": "Other"})).status == 200
    assert (await owner.delete(path)).status == 204
    told = await yard.events(str(made.json["id"]))
    assert [event.event for event in told] == ["application.created", "application.updated", "application.deleted"]
    assert [(each.key, each.old, each.new) for each in told[1].updates] == [("name", "Made", "Other")]
    assert team.id in told[2].within


async def test_things_lie_in_things_and_carry_what_is_known_of_them(yard: Yard) -> None:
    team = await yard.team()
    owner = await yard.someone({team.id: OWNER})
    building = await owner.post("/things", {"space": team.id, "slug": "a", "subtype": "asset", "data": {"floors": 3}})
    body = {"parent": building.json["id"], "slug": "s", "subtype": "device", "external_id": "x-7"}
    sensor = await owner.post("/things", body)
    assert sensor.json["attributes"] == {"subtype": "device", "external_id": "x-7", "data": {}}
    changed = await owner.put(f"/things/{sensor.json['id']}", {"data": {"unit": "bar"}})
    assert changed.json["attributes"]["data"] == {"unit": "bar"}  # type: ignore[index]
    assert await owner.ids(f"/things?parent={building.json['id']}") == [sensor.json["id"]]


async def test_a_resource_says_where_it_belongs_once(yard: Yard) -> None:
    team = await yard.team()
    owner = await yard.someone({team.id: OWNER})
    twice = await owner.post("/devices", {"slug": "d", "space": team.id, "application": team.at("p1")})
    never = await owner.post("/devices", {"slug": "d"})
    assert (twice.status, never.status) == (422, 422)


async def test_t_17_folders_at_the_top_are_for_owners_and_folders_in_them_for_members(yard: Yard) -> None:
    team = await yard.team()
    owner, member = await yard.someone({team.id: OWNER}), await yard.someone({team.id: MEMBER})
    assert (await member.post("/folders", {"space": team.id, "slug": "top"})).status == 403
    top = await owner.post("/folders", {"space": team.id, "slug": "top"})
    inner = await member.post("/folders", {"parent": top.json["id"], "slug": "inner"})
    assert inner.status == 201
    items = {"items": [team.at("p1", "line")]}
    held = await member.put(f"/folders/{inner.json['id']}/items", items)
    assert [item["id"] for item in held.items] == items["items"]
    assert (await member.delete(f"/folders/{top.json['id']}")).status == 403
    assert (await member.delete(f"/folders/{inner.json['id']}")).status == 204


async def test_what_is_put_into_a_shared_folder_is_shared_so_it_takes_the_right_to_share(yard: Yard) -> None:
    team = await yard.team()
    customer = await yard.below(team.id)
    owner, member = await yard.someone({team.id: OWNER}), await yard.someone({team.id: MEMBER})
    guest = await yard.someone({customer.id: VIEWER})
    folder = str((await owner.post("/folders", {"space": team.id, "slug": "shared"})).json["id"])
    await owner.post(f"/resources/{folder}/grants", {"space": customer.id, "role": "viewer"})
    items = {"items": [team.at("p1", "line")]}
    assert (await member.put(f"/folders/{folder}/items", items)).status == 403
    assert (await guest.ids("/instances")) == []
    assert (await owner.put(f"/folders/{folder}/items", items)).status == 200
    assert (await guest.ids("/instances")) == items["items"]
