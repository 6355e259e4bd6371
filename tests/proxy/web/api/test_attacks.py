"""What somebody inside tries through the API to get at what is another's. Every one of these once worked."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from threading import Event

import pytest
from yarl import URL

from proxy.model.directory import SpaceKind
from proxy.model.estate import Grant, InstanceSettings, Resource, ResourceKind, UpstreamTls
from tests.proxy.web.api.yard import API, MEMBER, NONE, OWNER, VIEWER, Someone, Team, Yard

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def instance(yard: Yard, id_: str) -> InstanceSettings:
    found = (await yard.estate()).resources[id_].instance
    assert found is not None
    return found


async def alter(yard: Yard, id_: str, **changed: object) -> None:
    """Change how an instance is set up, past the API."""
    resource = (await yard.estate()).resources[id_]
    assert resource.instance is not None
    await yard.put(replace(resource, instance=replace(resource.instance, **changed)))  # type: ignore[arg-type]


@pytest.mark.parametrize("by", ["override", "share"])
async def test_a_role_on_a_resource_alone_hands_it_to_nobody(yard: Yard, by: str) -> None:
    """Else a guest would carry an application, with its instances and their secrets, into a team of their own."""
    team, own = await yard.team(), await yard.team()
    customer = await yard.below(team.id)
    roles = {own.id: OWNER, **({team.id: VIEWER} if by == "override" else {customer.id: OWNER})}
    thief = await yard.someone(roles, {team.id: {team.at("p1"): OWNER}} if by == "override" else None)
    if by == "share":
        await yard.put(Grant(target=team.at("p1"), space=customer.id, role=OWNER))
    assert (await thief.put(f"/applications/{team.at('p1')}", {"name": "Still theirs to change"})).status == 200
    answer = await thief.put(f"/resources/{team.at('p1')}/owner", {"owner": own.id})
    assert answer.status in (403, 404)
    assert (await yard.estate()).resources[team.at("p1")].owner == team.id


async def test_a_device_that_is_moved_stays_whose_it_was(yard: Yard) -> None:
    """Else moving it would hand it over past the right to, and what was shared of it would stay shared."""
    team = await yard.team()
    a, b = await yard.below(team.id), await yard.below(team.id)
    friend = await yard.below(a.id, SpaceKind.GROUP, "group")
    apps = [Resource(id=yard.name("app"), kind=ResourceKind.APPLICATION, slug="app", owner=at.id) for at in (a, b)]
    device = Resource(id=yard.name("device"), kind=ResourceKind.DEVICE, slug="pump", parent=apps[0].id)
    await yard.put(*apps, device, Grant(target=device.id, space=friend.id, role=VIEWER))
    above, of_b = await yard.someone({team.id: OWNER}), await yard.someone({b.id: OWNER})
    assert (await above.put(f"/devices/{device.id}/place", {"application": apps[1].id})).status == 200
    estate = await yard.estate()
    owner = estate.owner(estate.resources[device.id])
    assert owner is not None
    assert owner.id == a.id
    assert (await of_b.get(f"/devices/{device.id}")).status == 404


async def test_nothing_is_handed_over_that_shares_its_host_with_what_stays(yard: Yard) -> None:
    """Scripts of one instance act in another on the same host, so those of two spaces have hosts of their own."""
    team = await yard.team()
    customer = await yard.below(team.id)
    await alter(yard, team.at("p2", "line"), hosts=(await instance(yard, team.at("p1", "line"))).hosts, path="/two")
    owner = await yard.someone({team.id: OWNER})
    for what in (team.at("p1", "line"), team.at("p1")):
        answer = await owner.put(f"/resources/{what}/owner", {"owner": customer.id})
        assert (answer.status, list(answer.faults)) == (422, ["/owner"])
    await alter(yard, team.at("p2", "line"), hosts=(f"two.{team.id}.localhost",))
    assert (await owner.put(f"/resources/{team.at('p1')}/owner", {"owner": customer.id})).status == 200


@pytest.mark.parametrize(
    "change",
    [{"upstream": "http://192.0.2.66:1880"}, {"upstream_tls": {"insecure_skip_verify": True}}],
)
async def test_a_secret_for_an_instance_is_told_to_nobody_else(yard: Yard, change: dict[str, object]) -> None:
    """Else an owner who cannot read the admin_token would have it sent to a server of their own."""
    team = await yard.team()
    owner, at = await yard.someone({team.id: OWNER}), team.at("p1", "line")
    assert (await owner.put(f"/instances/{at}/security", {"admin_token": "canary-admin-token"})).status == 200
    assert (await owner.put(f"/instances/{at}", {"name": "Renamed"})).status == 200
    assert (await instance(yard, at)).admin_token == "canary-admin-token"
    assert (await owner.put(f"/instances/{at}", change)).status == 200
    assert (await instance(yard, at)).admin_token is None


async def test_how_a_certificate_is_judged_is_for_who_says_where_an_instance_listens(yard: Yard) -> None:
    team = await yard.team()
    customer = await yard.below(team.id)
    inside = await yard.someone({customer.id: OWNER})
    app = Resource(id=yard.name("app"), kind=ResourceKind.APPLICATION, slug="app", owner=customer.id)
    await yard.put(app)
    body = {"application": app.id, "slug": "x", "hosts": [f"x.{customer.id}.localhost"]}
    lax = {**body, "upstream_tls": {"insecure_skip_verify": True}}
    assert (await inside.post("/instances", lax)).status == 403
    made = await inside.post("/instances", body)
    assert made.status == 201
    assert (await instance(yard, str(made.json["id"]))).upstream_tls == UpstreamTls()


async def invited(by: Someone, space: str, guest: Someone, role: str = "owner") -> str:
    """The id of an invitation that the guest may accept."""
    assert (await by.post(f"/spaces/{space}/invitations", {"to": guest.username, "role": role})).status == 202
    (mine,) = (await guest.get("/me/invitations")).items
    return str(mine["id"])


@pytest.mark.parametrize("how", ["removed", "lowered", "deleted", "suspended"])
async def test_who_was_put_out_does_not_come_back_by_somebody_they_invited(yard: Yard, how: str) -> None:
    team = await yard.team()
    admin, bad = await yard.someone(admin=True), await yard.someone({team.id: OWNER})
    await yard.someone({team.id: OWNER})
    puppet = await yard.someone()
    id_ = await invited(bad, team.id, puppet)
    match how:
        case "removed":
            done = await admin.delete(f"/spaces/{team.id}/members/{bad.id}")
        case "lowered":
            done = await admin.put(f"/spaces/{team.id}/members/{bad.id}", {"role": "member"})
        case "deleted":
            done = await admin.delete(f"/users/{bad.id}")
        case _:
            done = await admin.post(f"/users/{bad.id}/suspend")
    assert done.status in (200, 204)
    assert (await puppet.get("/me/invitations")).items == []
    assert (await puppet.post(f"/me/invitations/{id_}/accept")).status == 404
    assert team.id not in (await yard.person(puppet.id)).memberships


async def test_who_was_removed_does_not_come_back_by_an_invitation_from_before(yard: Yard) -> None:
    team = await yard.team()
    owner, admin, guest = await yard.someone({team.id: OWNER}), await yard.someone(admin=True), await yard.someone()
    id_ = await invited(owner, team.id, guest)
    added = await admin.post(f"/spaces/{team.id}/members", {"user": guest.id, "role": "viewer"})
    assert added.status == 201
    assert (await owner.delete(f"/spaces/{team.id}/members/{guest.id}")).status == 204
    assert (await guest.post(f"/me/invitations/{id_}/accept")).status == 404
    assert (await owner.get(f"/spaces/{team.id}/invitations")).items == []


async def test_an_override_on_what_was_handed_away_keeps_nobody_from_setting_others(yard: Yard) -> None:
    """Nor does it tell the old owner of what is another's now."""
    team, other = await yard.team(), await yard.team()
    gone, here = team.at("p2"), team.at("p1")
    owner = await yard.someone({team.id: OWNER})
    user = await yard.someone({team.id: VIEWER}, {team.id: {gone: MEMBER}})
    await yard.put(replace((await yard.estate()).resources[gone], owner=other.id, slug="gone"))
    path = f"/spaces/{team.id}/members/{user.id}"
    assert gone not in (await owner.get(path)).text
    assert gone not in (await owner.get(f"{path}/overrides")).text
    answer = await owner.put(f"{path}/overrides", {"overrides": {here: "none"}})
    assert answer.status == 200, answer.text
    assert (await yard.person(user.id)).memberships[team.id].overrides == {here: NONE}


async def test_a_password_is_hashed_for_nobody_who_may_not_make_the_instance(yard: Yard) -> None:
    """Else anybody with an account could keep the only worker busy that checks logins."""
    team = await yard.team()
    member = await yard.someone({team.id: MEMBER})
    access = {"http_auth": {"mode": "basic", "username": "m", "password": "long enough"}}
    body = {"application": team.at("p1"), "slug": "x", "hosts": [f"x.{team.id}.localhost"], "security": access}
    offload, over = yard.house.running.gateway.offload, Event()
    queue = [asyncio.create_task(offload(over.wait)) for _ in range(64)]
    try:
        assert (await member.post("/instances", body)).status == 403
    finally:
        over.set()
        await asyncio.gather(*queue)


async def two_teams(yard: Yard) -> tuple[Team, Team, Someone]:
    one, two = await yard.team(), await yard.team()
    return one, two, await yard.someone({one.id: OWNER, two.id: OWNER})


async def test_h_09_a_token_for_one_space_is_told_of_no_other(yard: Yard) -> None:
    one, two, user = await two_teams(yard)
    other = await yard.team()
    inviter = await yard.someone({other.id: OWNER})
    await invited(inviter, other.id, user)
    assert (await user.put(f"/instances/{two.at('p1', 'line')}/protected", {"enabled": True})).status == 200
    async with yard.house.program(user.client, spaces=[one.id]) as program:
        assert [each["slug"] for each in (await program.get("/me")).json["memberships"]] == [one.slug]  # type: ignore[attr-defined]
        assert (await program.get("/me/invitations")).items == []
        assert (await program.get(f"/audit?scope=user&id={user.id}")).status == 403
        for path in ("/search?query=team", "/spaces", "/counts", "/me/home", "/me/capabilities", "/directory"):
            assert two.slug not in (await program.get(path)).text


async def test_a_user_of_many_logins_takes_the_streams_of_one(yard: Yard) -> None:
    """Else one user would leave no room for the others."""
    user = await yard.someone()
    url = URL(f"http://127.0.0.1:{yard.house.site.port}{API}/me/events")
    async with AsyncExitStack() as stack:
        for _ in range(8):
            visitor = (await yard.logged_in(user.id)).visitor
            headers = {"Host": yard.house.site.name, "Cookie": visitor.cookie(yard.house.site.name)}
            opened = await stack.enter_async_context(visitor.session.get(url, headers=headers))
            assert (opened.status, await opened.content.readline()) == (200, b"retry: 1000\n")
        assert (await (await yard.logged_in(user.id)).get("/me/events")).status == 429
        assert (await (await yard.someone()).get("/me")).status == 200
