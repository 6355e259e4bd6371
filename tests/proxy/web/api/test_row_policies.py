"""Tags, the values of spaces and users, and row policies, over HTTP on both databases."""

from dataclasses import replace

import pytest

from proxy.model.audit import AuditQuery
from proxy.model.directory import SpaceKind
from tests.proxy.web.api.yard import DASHBOARD, MEMBER, OWNER, Someone, Team, Yard

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANY = {"If_Match": "*"}


async def tag(yard: Yard, admin: Someone, default: str | None = None) -> str:
    name = yard.name("tag")
    made = await admin.post("/tags", {"name": name, "default": default})
    assert made.status == 201, made.text
    return name


def draft(team: Team, of: str, /, **more: object) -> dict[str, object]:
    return {"instance": team.at("p1", "line"), "name": "own", "kind": "http", "tag": of, "field": "tenant", **more}


async def test_a_tag_is_defined_changed_and_deleted_by_admins_alone(yard: Yard) -> None:
    team = await yard.team()
    admin, owner, member = [
        await yard.someone(roles, admin=admin)
        for roles, admin in (({}, True), ({team.id: OWNER}, False), ({team.id: MEMBER}, False))
    ]
    name = await tag(yard, admin)
    assert (await admin.get(f"/tags/{name}")).json == {
        "name": name,
        "default": None,
        "actions": ["platform:settings:edit"],
    }
    assert (await owner.get(f"/tags/{name}")).json == {"name": name, "default": None, "actions": []}
    assert name in [item["name"] for item in (await owner.get("/tags")).items]
    assert (await member.get("/tags")).status == 403
    for body in ({"name": yard.name("tag")}, {"name": name}):
        assert (await owner.post("/tags", body)).status == 403
    assert (await admin.post("/tags", {"name": name})).status == 409
    assert (await admin.put(f"/tags/{name}", {"default": "none"}, **ANY)).json["default"] == "none"
    assert (await admin.delete(f"/tags/{name}")).status == 204
    assert (await admin.get(f"/tags/{name}")).status == 404
    query = AuditQuery(events=("platform.tag.created", "platform.tag.updated", "platform.tag.deleted"), limit=200)
    found = await yard.house.running.store.database.events(query)
    told = [each.event.event for each in reversed(found.items) if each.event.body["name"] == name]
    assert told == ["platform.tag.created", "platform.tag.updated", "platform.tag.deleted"]


@pytest.mark.parametrize("name", ["", "Tenant", "a b", "@things", "things", "tenant", "x" * 33, "1st"])
async def test_a_tags_name_is_one_that_headers_and_flows_can_bear(yard: Yard, name: str) -> None:
    admin = await yard.someone(admin=True)
    assert (await admin.post("/tags", {"name": name})).status == 422


async def test_whoever_owns_the_team_says_which_rows_are_a_spaces_and_nobody_says_it_of_their_own(yard: Yard) -> None:
    """T-10. An owner of a customer would otherwise hand the rows of others to themselves."""
    team = await yard.team()
    customer = await yard.below(team.id)
    group = await yard.below(customer.id, SpaceKind.GROUP, "group")
    admin, owner, theirs = [
        await yard.someone(roles, admin=admin)
        for roles, admin in (({}, True), ({team.id: OWNER}, False), ({customer.id: OWNER}, False))
    ]
    name = await tag(yard, admin)
    body = {"tags": {name: "other"}}
    for space in (customer.id, group.id):
        assert (await theirs.put(f"/spaces/{space}/tags", body, **ANY)).status == 403
        put = await owner.put(f"/spaces/{space}/tags", body, **ANY)
        assert (put.status, put.json) == (200, body)
        assert (await theirs.get(f"/spaces/{space}/tags")).json == body
    (event,) = await yard.events(customer.id, "customer.settings.updated")
    assert [update.key for update in event.updates] == [f"tags.{name}"]
    undefined = await owner.put(f"/spaces/{customer.id}/tags", {"tags": {"nosuch": "x"}}, **ANY)
    assert (undefined.status, undefined.json["errors"][0]["pointer"]) == (422, "/tags/nosuch")  # type: ignore[index]
    everything = await owner.put(f"/spaces/{customer.id}/tags", {"tags": {name: "*"}}, **ANY)
    assert everything.status == 422


async def test_the_values_of_a_user_are_an_admins_to_give(yard: Yard) -> None:
    team = await yard.team()
    admin, owner, user = (
        await yard.someone(admin=True),
        await yard.someone({team.id: OWNER}),
        await yard.someone({team.id: DASHBOARD}),
    )
    name = await tag(yard, admin)
    body = {"tags": {name: "own"}}
    assert (await owner.put(f"/users/{user.id}/tags", body, **ANY)).status in {403, 404}
    assert (await user.put(f"/users/{user.id}/tags", body, **ANY)).status in {403, 404}
    assert (await admin.put(f"/users/{user.id}/tags", body, If_Match='"old"')).status == 412
    assert (await admin.put(f"/users/{user.id}/tags", body, **ANY)).json == body
    assert (await yard.person(user.id)).user.tags == {name: "own"}
    assert (await admin.get(f"/users/{user.id}/tags")).json == body


async def test_a_row_policy_is_made_changed_and_deleted_by_who_owns_the_instance(yard: Yard) -> None:
    """X-3 builds on it: one policy, kept with its instance."""
    team = await yard.team()
    admin, owner, member, far = (
        await yard.someone(admin=True),
        await yard.someone({team.id: OWNER}),
        await yard.someone({team.id: MEMBER}),
        await yard.someone({(await yard.team()).id: OWNER}),
    )
    name = await tag(yard, admin)
    made = await owner.post("/row-policies", draft(team, name, paths=["/rows"], methods=["GET"]))
    assert made.status == 201, made.text
    id_ = f"{team.at('p1', 'line')}:own"
    assert made.json == {
        "id": id_,
        "instance": team.at("p1", "line"),
        "address": f"{team.slug}/p1/line",
        "name": "own",
        "kind": "http",
        "tag": name,
        "field": "tenant",
        "rows": "$",
        "paths": ["/rows"],
        "methods": ["GET"],
        "widgets": [],
        "types": [],
        "pages": [],
        "mode": "filter",
        "on_unmatched": "deny",
        "declared": None,
        "actions": ["rowpolicy:manage"],
    }
    path = f"/row-policies/{id_}"
    assert (await owner.get(path)).json == made.json
    assert await owner.ids("/row-policies") == [id_]
    assert await owner.ids(f"/row-policies?instance={team.at('p2', 'line')}") == []
    assert await far.ids("/row-policies") == []
    assert (await far.get(path)).status == 404
    assert (await far.post("/row-policies", draft(team, name, name="far"))).status == 422
    assert (await member.get(path)).status == 403
    assert (await member.post("/row-policies", draft(team, name, name="more"))).status == 403
    assert (await owner.post("/row-policies", draft(team, name))).status == 409
    change = {"kind": "http", "tag": "@tenant", "field": "device.tenant", "mode": "assert"}
    assert (await member.put(path, change, **ANY)).status == 403
    changed = await owner.put(path, change, **ANY)
    assert (changed.status, changed.json["mode"], changed.json["paths"]) == (200, "assert", [])
    assert (await owner.put(path, change, If_Match='"old"')).status == 412
    assert (await owner.delete(path)).status == 204
    assert (await owner.get(path)).status == 404
    told = await yard.events(
        team.at("p1", "line"), *(f"row-policy.{verb}" for verb in ("created", "updated", "deleted"))
    )
    assert [event.event for event in told] == ["row-policy.created", "row-policy.updated", "row-policy.deleted"]


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"tag": "nosuch"}, "/tag"),
        ({"rows": "$..rows"}, "/rows"),
        ({"rows": "rows"}, "/rows"),
        ({"field": "a..b"}, "/field"),
        ({"field": ""}, "/field"),
        ({"paths": ["rows"]}, "/paths/0"),
        ({"methods": ["get"]}, "/methods/0"),
        ({"widgets": ["w1"]}, "/widgets"),
        ({"kind": "socketio", "paths": ["/rows"]}, "/paths"),
        ({"mode": "maybe"}, "/mode"),
        ({"name": "Mine!"}, "/name"),
    ],
)
async def test_what_a_policy_cannot_mean_is_told_by_its_member(
    yard: Yard, wrong: dict[str, object], pointer: str
) -> None:
    team = await yard.team()
    owner = await yard.someone({team.id: OWNER})
    answer = await owner.post("/row-policies", draft(team, "@things", **wrong))
    assert answer.status == 422
    assert [fault["pointer"] for fault in answer.json["errors"]] == [pointer]  # type: ignore[attr-defined, index]


async def test_a_tag_that_a_policy_uses_stays(yard: Yard) -> None:
    team = await yard.team()
    admin, owner = await yard.someone(admin=True), await yard.someone({team.id: OWNER})
    name = await tag(yard, admin)
    assert (await owner.post("/row-policies", draft(team, name))).status == 201
    kept = await admin.delete(f"/tags/{name}")
    assert (kept.status, kept.json["code"]) == (409, "in_use")
    assert f"{team.slug}/p1/line" in str(kept.json["detail"])


SAMPLE = [{"tenant": "a", "n": 1}, {"tenant": "b", "n": 2}, {"n": 3}]


@pytest.mark.parametrize(
    ("more", "got"),
    [
        ({}, {"outcome": "shown", "shown": SAMPLE[:1], "left_out": 2}),
        ({"mode": "assert"}, {"outcome": "violation", "shown": None, "left_out": 2}),
        ({"rows": "$.rows"}, {"outcome": "denied", "shown": None, "left_out": 0}),
        ({"rows": "$.rows", "on_unmatched": "pass"}, {"outcome": "shown", "shown": SAMPLE, "left_out": 0}),
    ],
)
async def test_t10_a_tester_says_what_a_user_would_get_and_why(
    yard: Yard, more: dict[str, object], got: dict[str, object]
) -> None:
    """T-10. Nothing is kept."""
    team = await yard.team()
    customer = await yard.below(team.id)
    admin, owner = await yard.someone(admin=True), await yard.someone({team.id: OWNER})
    name = await tag(yard, admin)
    user = await yard.someone({customer.id: DASHBOARD})
    assert (await owner.put(f"/spaces/{customer.id}/tags", {"tags": {name: "a"}}, **ANY)).status == 200
    asked = {key: value for key, value in draft(team, name, **more).items() if key != "name"}
    answer = await owner.post("/row-policies/test", {**asked, "user": user.username, "sample": SAMPLE})
    assert answer.json == {**got, "values": ["a"], "why": f"what {customer.slug} gives its people"}
    assert await owner.ids("/row-policies") == []


@pytest.mark.parametrize(
    ("who", "values", "why", "shown"),
    [
        ("admin", ["*"], "an admin sees every row", SAMPLE),
        ("own", ["b"], "the user's own value", SAMPLE[1:2]),
        ("none", [], "nobody has given them a value: no row is theirs", []),
        (None, [], "nobody has given them a value: no row is theirs", []),
    ],
)
async def test_the_tester_says_where_values_come_from(
    yard: Yard, who: str | None, values: list[str], why: str, shown: object
) -> None:
    team = await yard.team()
    admin, owner = await yard.someone(admin=True), await yard.someone({team.id: OWNER})
    name = await tag(yard, admin)
    people = {
        "admin": admin,
        "own": await yard.someone({team.id: DASHBOARD}, tags={name: "b"}),
        "none": await yard.someone({team.id: DASHBOARD}),
    }
    asked = {key: value for key, value in draft(team, name).items() if key != "name"}
    user = people[who].id if who else None
    asking = admin if who == "admin" else owner
    answer = await asking.post("/row-policies/test", {**asked, "user": user, "sample": SAMPLE})
    assert answer.json == {
        "outcome": "shown",
        "shown": shown,
        "left_out": len(SAMPLE) - len(shown),
        "values": values,
        "why": why,
    }  # type: ignore[arg-type]


async def test_t06_the_tester_knows_nobody_whom_its_owner_may_not_know_of(yard: Yard) -> None:
    """T-06."""
    team, other = await yard.team(), await yard.team()
    owner, stranger = await yard.someone({team.id: OWNER}), await yard.someone({other.id: DASHBOARD})
    asked = {key: value for key, value in draft(team, "@things").items() if key != "name"}
    faults = [
        (await owner.post("/row-policies/test", {**asked, "user": user, "sample": []})).json["errors"]
        for user in (stranger.username, stranger.id, "nobody-at-all")
    ]
    assert faults[0] == faults[1] == faults[2]


async def test_c07_the_things_of_the_tester_are_those_one_may_see(yard: Yard) -> None:
    """C-07."""
    team = await yard.team()
    customer, other = await yard.below(team.id), await yard.below(team.id)
    owner = await yard.someone({team.id: OWNER})
    user = await yard.someone({customer.id: DASHBOARD})
    for space, called in ((customer, "pump-7"), (other, "pump-8")):
        thing = {"space": space.id, "slug": called, "subtype": "device", "external_id": f"{team.id}-{called}"}
        assert (await owner.post("/things", thing)).status == 201
    sample = [{"device": f"{team.id}-pump-7"}, {"device": f"{team.id}-pump-8"}]
    asked = {"instance": team.at("p1", "line"), "kind": "http", "tag": "@things", "field": "device"}
    answer = await owner.post("/row-policies/test", {**asked, "user": user.id, "sample": sample})
    assert answer.json["shown"] == sample[:1]
    assert answer.json["values"] == [f"{team.id}-pump-7"]


async def test_c07_nobody_calls_a_thing_of_theirs_as_they_like(yard: Yard) -> None:
    """C-07. What a thing is called says which rows are its owner's, so it takes an owner of the team."""
    team = await yard.team()
    customer = await yard.below(team.id)
    owner, theirs = await yard.someone({team.id: OWNER}), await yard.someone({customer.id: OWNER})
    thing = {"space": customer.id, "subtype": "device"}
    assert (await theirs.post("/things", {**thing, "slug": "mine", "external_id": "pump-9"})).status == 403
    nameless = await theirs.post("/things", {**thing, "slug": "mine"})
    assert nameless.status == 201
    path = f"/things/{nameless.json['id']}"
    assert (await theirs.put(path, {"external_id": "pump-9"}, **ANY)).status == 403
    assert (await theirs.put(path, {"name": "Mine"}, **ANY)).status == 200
    assert (await owner.put(path, {"external_id": "pump-9"}, **ANY)).status == 200
    assert (await theirs.put(path, {"data": {"rpm": 1}}, **ANY)).status == 200


async def test_t08_who_shares_without_a_policy_in_tenant_mode_is_warned(yard: Yard) -> None:
    """T-08. Tenant mode filters no rows."""
    team = await yard.team()
    customer = await yard.below(team.id)
    owner = await yard.someone({team.id: OWNER})
    path = f"/resources/{team.at('p1', 'line')}/grants?preview=1"

    async def warnings() -> object:
        return (await owner.post(path, {"space": customer.id, "role": "dashboard"})).json["warnings"]

    assert await warnings() == []
    before = (await yard.estate()).settings
    await yard.put(replace(before, tenant_mode=True))
    try:
        assert await warnings() == ["no_row_policy"]
        assert (await owner.post("/row-policies", draft(team, "@tenant"))).status == 201
        assert await warnings() == []
    finally:
        await yard.put(before)
