"""Rows of the permission regressions that concern several parts of the API at once, over HTTP on both databases."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from proxy.model.access import Role
from proxy.model.directory import SpaceKind
from proxy.model.estate import Resource, ResourceKind
from tests.peers.answers import by_path, plain
from tests.peers.upstream import upstream
from tests.proxy.web.api.house import Client
from tests.proxy.web.api.yard import DASHBOARD, MEMBER, NONE, OWNER, VIEWER, Team, Yard

pytestmark = pytest.mark.asyncio(loop_scope="module")

HALF_AN_HOUR = 31 * 60
JSON = (b"Content-Type", b"application/json")
NODE_RED = {"/flows": plain(b'{"rev":"r1","flows":[]}', JSON), "/dashboard": plain(b"page")}
LISTS = ("/applications", "/instances", "/devices", "/pages", "/things", "/folders", "/dashboards", "/spaces")


async def test_r_08_the_log_of_an_instance_begins_with_its_registration(yard: Yard) -> None:
    team = await yard.team()
    owner = await yard.someone({team.id: OWNER})
    host = f"{yard.name()}.localhost"
    made = await owner.post("/instances", {"application": team.at("p1"), "slug": "made", "hosts": [host]})
    path = f"/instances/{made.json['id']}"
    assert (await owner.put(path, {"name": "Made"})).status == 200
    told = [item["event"] for item in (await owner.get(f"{path}/audit")).items]
    assert told == ["project.settings.updated", "project.created"]


async def test_r_14_what_happens_where_one_has_no_role_is_not_in_the_log_of_the_space(yard: Yard) -> None:
    """A-03. Neither listed, nor counted, nor found."""
    team = await yard.team()
    owner = await yard.someone({team.id: OWNER})
    other = await yard.someone({team.id: OWNER}, {team.id: {team.at("p1"): NONE}})
    for device in (team.at("p1", "gauge"), team.at("p1", "line", "probe"), team.at("p2", "gauge")):
        assert (await owner.put(f"/devices/{device}", {"name": "Renamed"})).status == 200
    log = f"/audit?scope=space&id={team.id}&event=device.updated"
    assert {item["scope"]["id"] for item in (await owner.get(log)).items} == {  # type: ignore[index]
        team.at("p1", "gauge"),
        team.at("p1", "line", "probe"),
        team.at("p2", "gauge"),
    }
    for path in (log, f"{log}&query=Renamed"):
        seen = await other.get(path)
        assert (seen.total, [item["scope"] for item in seen.items]) == (
            1,
            [{"type": "device", "id": team.at("p2", "gauge")}],
        )
        assert team.at("p1") not in seen.text


@pytest.mark.parametrize("role", [DASHBOARD, VIEWER, MEMBER, OWNER])
async def test_r_31_without_overrides_the_role_in_the_team_is_the_role_on_everything(yard: Yard, role: Role) -> None:
    team = await yard.team()
    user = await yard.someone({team.id: role})
    admin = await yard.someone(admin=True)
    found = (await admin.get(f"/users/{user.id}/access")).items
    assert {item["role"] for item in found} == {role.label}
    assert len(found) == 2 + 2 + 4, "applications, instances, devices"


async def test_r_43_what_is_protected_no_more_is_not_protected(yard: Yard) -> None:
    """L-03: the switch, the explanation and the log say the same."""
    team = await yard.team()
    owner, line = await yard.someone({team.id: OWNER}), team.at("p1", "line")
    admin = await yard.someone(admin=True)
    question = f"/explain?user={owner.id}&may=instance:flows:edit&on={line}"
    for enabled in (True, False):
        assert (await owner.put(f"/instances/{line}/protected", {"enabled": enabled})).json == {"enabled": enabled}
        assert (await owner.get(f"/instances/{line}")).json["protected"] is enabled
        assert (await admin.get(question)).json["allowed"] is not enabled
    told = [event.event for event in await yard.events(line)]
    assert told == ["project.protected", "project.unprotected"]


@pytest.mark.parametrize("role", [NONE, DASHBOARD])
async def test_r_46_whatever_belongs_to_an_instance_is_closed_with_its_application(yard: Yard, role: Role) -> None:
    """Logs, settings, tokens, pages and devices: each asks the application that the instance is in."""
    team = await yard.team()
    user = await yard.someone({team.id: OWNER}, {team.id: {team.at("p1"): role}})
    line, probe = team.at("p1", "line"), team.at("p1", "line", "probe")
    await yard.put(
        Resource(id=f"{line}-page", kind=ResourceKind.PAGE, slug="page", parent=line, attributes={"match": "/p"})
    )
    for path in (
        f"/instances/{line}",
        f"/instances/{line}/audit",
        f"/instances/{line}/security",
        f"/instances/{line}/protected",
        f"/instances/{line}/tokens",
        f"/devices/{probe}",
        f"/audit?scope=instance&id={line}",
        f"/audit?scope=device&id={probe}",
        f"/audit?scope=application&id={team.at('p1')}",
    ):
        assert (await user.get(path)).status == 403, path
    page = await user.get(f"/pages/{line}-page")
    assert page.status == (403 if role is NONE else 200)
    assert (await user.post(f"/instances/{line}/test")).status == 403
    shared = await user.post(f"/resources/{line}/grants?preview=1", {"space": team.id, "role": "viewer"})
    assert shared.status == 403


@asynccontextmanager
async def reached(yard: Yard, team: Team) -> AsyncIterator[str]:
    """The address of p1's instance, before which a made-up Node-RED stands meanwhile."""
    line = (await yard.estate()).resources[team.at("p1", "line")]
    assert line.instance is not None
    async with upstream(by_path(NODE_RED)) as node:
        await yard.settings(upstream_allow=("127.0.0.0/8",))
        try:
            await yard.put(replace(line, instance=replace(line.instance, upstream=f"http://127.0.0.1:{node.port}")))
            yield yard.house.site.home.replace("localhost", line.instance.hosts[0])
        finally:
            await yard.settings()


def host_of(origin: str) -> str:
    return urlsplit(origin).hostname or ""


async def status(client: Client, origin: str, path: str, *, deploys: bool = False) -> int:
    fields = {"Authorization": f"Bearer {client.token}"} if client.token else {"Origin": origin}
    if not deploys:
        return (await client.visitor.request("GET", origin + path, headers=fields)).status
    fields["Content-Type"] = "application/json"
    body = json.dumps({"flows": []})
    return (await client.visitor.request("POST", origin + path, headers=fields, data=body)).status


@pytest.mark.parametrize("role", [DASHBOARD, MEMBER])
async def test_r_48_a_session_goes_on_whatever_its_role_and_protection_holds_for_it_at_once(
    yard: Yard, role: Role
) -> None:
    """H-07, L-01: no right is asked for again to stay, and none is kept from when one came."""
    team = await yard.team()
    owner, user = await yard.someone({team.id: OWNER}), await yard.someone({team.id: role})
    async with reached(yard, team) as origin:
        session = await yard.entered(user.id, host_of(origin))
        for _ in range(3):
            assert await status(session, origin, "/dashboard") == 200
            assert (await user.get("/me")).status == 200
            yard.house.pass_(HALF_AN_HOUR)
        may = 200 if role is MEMBER else 403
        assert await status(session, origin, "/flows", deploys=True) == may
        again = await yard.logged_in(owner.id)
        protected = await again.put(f"/instances/{team.at('p1', 'line')}/protected", {"enabled": True})
        assert protected.status == 200, protected.text
        assert await status(session, origin, "/flows", deploys=True) == 403
        assert await status(session, origin, "/dashboard") == 200


async def test_r_49_what_was_good_a_moment_ago_is_looked_at_again(yard: Yard) -> None:
    """H-05, H-06: a token that was revoked and a member who was removed are refused with the next request."""
    team = await yard.team()
    owner, user = await yard.someone({team.id: OWNER}), await yard.someone({team.id: MEMBER})
    async with reached(yard, team) as origin:
        session, made = await yard.entered(user.id, host_of(origin)), await user.post("/me/tokens", {"name": "ci"})
        assert made.status == 201, made.text
        program = Client(user.client.visitor, token=str(made.json["value"]))
        for client in (session, program):
            assert await status(client, origin, "/dashboard") == 200
        assert (await program.get("/me")).status == 200
        assert (await user.delete(f"/me/tokens/{made.json['id']}")).status == 204
        assert await status(program, origin, "/dashboard") == 401
        assert (await program.get("/me")).status == 401
        assert await status(session, origin, "/dashboard") == 200
        assert (await owner.delete(f"/spaces/{team.id}/members/{user.id}")).status == 204
        assert await status(session, origin, "/dashboard") == 404


async def test_r_52_an_admin_of_no_team_sees_everything_and_who_has_nothing_an_empty_list(yard: Yard) -> None:
    team = await yard.team()
    admin, nobody = await yard.someone(admin=True), await yard.someone()
    for path in LISTS:
        answer = await nobody.get(path)
        assert (answer.status, answer.items, answer.total) == (200, [], 0), path
    assert set((await nobody.get("/counts")).json.values()) <= {0, None}
    assert {team.at("p1"), team.at("p2")} <= set(await admin.ids("/applications"))
    assert {team.at("p1", "line"), team.at("p2", "line")} <= set(await admin.ids("/dashboards"))


async def test_r_53_a_permission_that_there_is_not_is_given_to_nobody(yard: Yard) -> None:
    team = await yard.team()
    admin = await yard.someone(admin=True)
    for unknown in ("instance:flows:everything", "", "null", "None"):
        answer = await admin.get(f"/explain?user={admin.id}&may={unknown}&on={team.at('p1', 'line')}")
        assert (answer.status, list(answer.faults)) == (422, ["?may"])


@pytest.mark.parametrize(
    ("role", "may"), [(DASHBOARD, ()), (VIEWER, ()), (MEMBER, ("inner",)), (OWNER, ("inner", "top"))]
)
async def test_p_15_in_a_group_the_role_there_counts_and_nowhere_else(
    yard: Yard, role: Role, may: tuple[str, ...]
) -> None:
    """View, modify and delete in a group's own folder; the team's folder beside it is not even seen."""
    team = await yard.team()
    group = await yard.below(team.id, SpaceKind.GROUP, of="group")
    owner, user = await yard.someone({team.id: OWNER}), await yard.someone({group.id: role})
    own = str((await owner.post("/folders", {"space": group.id, "slug": "own"})).json["id"])
    foreign = str((await owner.post("/folders", {"space": team.id, "slug": "foreign"})).json["id"])
    assert (await user.ids("/folders")) == [own]
    for name, body in (("inner", {"parent": own, "slug": "inner"}), ("top", {"space": group.id, "slug": "top"})):
        assert (await user.post("/folders", body)).status == (201 if name in may else 403), name
    assert (await user.get(f"/folders/{foreign}")).status == 404
    refused = await user.post("/folders", {"parent": foreign, "slug": "inner"})
    assert refused.status == 422, "it reads like what is not there"
