"""Tenant mode over HTTP, by the T-rows of the specification: tenants are groups of one team, or customers of it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from proxy.model.access import Role
from proxy.model.audit import AuditQuery
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Grant, Resource, ResourceKind
from tests.proxy.web.api.test_dispatch import SETTINGS
from tests.proxy.web.api.yard import DASHBOARD, MEMBER, OWNER, VIEWER, Someone, Team, Yard

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """Two tenants of one team, a folder of each, one of everyone and one of both; and their people."""

    team: Team
    acme: Space
    partner: Space
    everyone: Space
    folders: Mapping[str, str]
    """everyone, acme, partner, both -> id."""
    admin: Someone
    composer: Someone
    """Of Acme."""
    rival: Someone
    """Composer of Partner."""
    agent: Someone
    """In both."""


async def library(yard: Yard) -> Library:
    team = await yard.team()
    acme = await yard.below(team.id, SpaceKind.GROUP, "acme")
    partner = await yard.below(team.id, SpaceKind.GROUP, "partner")
    everyone = Space(id=yard.name("e"), kind=SpaceKind.EVERYONE, slug=yard.name("everyone"))
    await yard.put(everyone)
    owners = {"everyone": everyone.id, "acme": acme.id, "partner": partner.id, "both": team.id}
    folders = {name: await folder(yard, owner) for name, owner in owners.items()}
    await yard.put(*(Grant(target=folders["both"], space=each.id, role=MEMBER) for each in (acme, partner)))
    return Library(
        team=team,
        acme=acme,
        partner=partner,
        everyone=everyone,
        folders=folders,
        admin=await yard.someone(admin=True),
        composer=await yard.someone({acme.id: MEMBER}),
        rival=await yard.someone({partner.id: MEMBER}),
        agent=await yard.someone({acme.id: DASHBOARD, partner.id: DASHBOARD}),
    )


async def folder(yard: Yard, owner: str) -> str:
    slug = yard.name("folder")
    await yard.put(Resource(id=slug, kind=ResourceKind.FOLDER, slug=slug, owner=owner))
    return slug


@asynccontextmanager
async def switched(yard: Yard, **settings: bool) -> AsyncIterator[None]:
    await yard.settings(**settings)
    try:
        yield
    finally:
        await yard.settings()


async def managed(who: Someone, yard: Yard, where: str) -> tuple[int, ...]:
    """Statuses of opening a folder, renaming it, making a folder in it and deleting that."""
    inner = {"slug": yard.name("inner"), "name": "Inner", "parent": where}
    opened, renamed = await who.get(f"/folders/{where}"), await who.put(f"/folders/{where}", {"name": "Renamed"})
    made = await who.post("/folders", inner)
    gone = await who.delete(f"/folders/{made.json['id']}") if made.status == 201 else made
    return opened.status, renamed.status, made.status, gone.status


MANAGES, OPENS, NOTHING = (200, 200, 201, 204), (200, 403, 403, 403), (404, 404, 422, 422)
"""What is not there cannot be named as a parent either: 422, as for a name of nothing."""


async def test_t_01_one_switch_of_admins_in_a_session_and_everybody_has_afterwards_what_they_had(yard: Yard) -> None:
    here = await library(yard)
    switch = {**SETTINGS, "tenant_mode": True}
    assert (await here.composer.put("/settings", switch)).status == 403
    async with yard.house.program(here.admin.client, admin=True) as program:
        assert (await program.put("/settings", switch)).code == "interactive_session_required"
    people = (here.admin, here.composer, here.rival, here.agent)
    before = [await everything(who) for who in people]
    stored = await yard.estate()
    assert (await here.admin.put("/settings", switch)).json["tenant_mode"] is True
    on = await yard.estate()
    assert (on.spaces, on.resources, on.grants) == (stored.spaces, stored.resources, stored.grants), "6.1 row 9"
    assert [await everything(who) for who in people] != before
    assert (await here.admin.put("/settings", SETTINGS)).json["tenant_mode"] is False
    assert [await everything(who) for who in people] == before


async def everything(who: Someone) -> list[object]:
    """What somebody reads of all that there is, with what they may do with it."""
    paths = ("/spaces", "/folders", "/applications", "/instances", "/counts", "/dashboards", "/directory", "/me/home")
    return [(await who.get(path)).json for path in paths]


async def test_t_02_t_03_what_belongs_to_everyone_is_read_only_in_tenant_mode_and_composers_manage_it_without(
    yard: Yard,
) -> None:
    """6.1 row 1; admins manage it always."""
    here = await library(yard)
    canned = here.folders["everyone"]
    people = (here.composer, here.agent, here.admin)
    assert [await managed(who, yard, canned) for who in people] == [MANAGES, OPENS, MANAGES]
    async with switched(yard, tenant_mode=True):
        assert [await managed(who, yard, canned) for who in people] == [OPENS, OPENS, MANAGES]
        assert (await here.composer.put(f"/folders/{canned}/items", {"items": []})).status == 403
        assert (await here.composer.delete(f"/folders/{canned}")).status == 403
    assert await managed(here.composer, yard, canned) == MANAGES


@pytest.mark.parametrize("mode", [False, True], ids=["", "tenant-mode"])
async def test_t_04_t_05_composers_manage_their_own_groups_folders_and_others_are_not_there(
    yard: Yard, mode: bool
) -> None:
    """6.1 rows 3 and 4."""
    here = await library(yard)
    async with switched(yard, tenant_mode=mode):
        assert await managed(here.composer, yard, here.folders["acme"]) == MANAGES
        assert await managed(here.agent, yard, here.folders["acme"]) == OPENS
        assert await managed(here.composer, yard, here.folders["partner"]) == NOTHING
        assert here.folders["partner"] not in await here.composer.ids("/folders")
        assert (await here.composer.get(f"/search?q={here.folders['partner']}")).total == 0
        missing = (await here.composer.get("/folders/no-such")).text
        assert (await here.composer.get(f"/folders/{here.folders['partner']}")).text == missing


async def test_t_06_whom_one_meets_in_pickers_are_those_of_ones_own_groups(yard: Yard) -> None:
    """6.1 row 2: two groups together; owners of the space above see all below; everyone counts for nothing."""
    here = await library(yard)
    staff = await yard.someone({here.team.id: OWNER})
    viewer = await yard.someone({here.team.id: VIEWER})
    tenants = {here.composer.id, here.rival.id, here.agent.id}
    assert tenants <= set(await here.composer.ids("/directory"))
    async with switched(yard, tenant_mode=True):
        assert set(await here.composer.ids("/directory")) == {here.composer.id, here.agent.id}
        assert set(await here.rival.ids("/directory")) == {here.rival.id, here.agent.id}
        assert set(await here.agent.ids("/directory")) == tenants
        assert set(await staff.ids("/directory")) == {*tenants, staff.id, viewer.id}
        assert set(await viewer.ids("/directory")) == {viewer.id}
        for probe in (here.rival.id, here.rival.username, f"{here.rival.id}@plant.example"):
            assert (await here.composer.get(f"/directory?query={probe}")).total == 0


async def test_t_09_while_everyone_is_off_nothing_is_put_there_and_what_is_there_is_inert(yard: Yard) -> None:
    here = await library(yard)
    canned, everyone = here.folders["everyone"], here.everyone
    own = here.folders["acme"]
    asks = [
        ("POST", f"/resources/{own}/grants", {"space": everyone.slug, "role": "dashboard"}, "/space"),
        ("POST", "/folders", {"slug": "new", "name": "New", "space": everyone.slug}, "/space"),
        ("PUT", f"/resources/{own}/owner", {"owner": everyone.slug}, "/owner"),
    ]
    async with switched(yard, disable_all_users=True):
        for method, path, body, at in asks:
            answer = await here.admin.client.call(method, path, body, If_Match="*")
            assert (answer.status, answer.code) == (400, "all_users_disabled"), path
            assert "disable_all_users" in answer.faults[at]
        assert everyone.id not in await here.admin.ids("/spaces")
        assert (await here.composer.get(f"/folders/{canned}")).status == 404
        assert (await here.composer.get(f"/spaces/{everyone.id}")).status == 404
    assert await managed(here.composer, yard, canned) == MANAGES
    assert (await here.admin.post(asks[0][1], asks[0][2])).status == 200
    assert (await here.rival.get(f"/folders/{own}")).status == 200


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A team with two customers, and a group."""

    team: Team
    one: Space
    other: Space
    group: Space
    owner: Someone

    async def adds(self, who: Someone, to: Space, *, strict: bool = False) -> tuple[int, object]:
        """Status, and the warnings or the code."""
        path = f"/spaces/{to.id}/members" + ("?strict=1" if strict else "")
        answer = await self.owner.post(path, {"user": who.id, "role": "viewer"})
        return answer.status, answer.json["warnings"] if answer.status == 201 else answer.code


async def house(yard: Yard) -> House:
    team = await yard.team()
    return House(
        team=team,
        one=await yard.below(team.id),
        other=await yard.below(team.id),
        group=await yard.below(team.id, SpaceKind.GROUP, "group"),
        owner=await yard.someone({team.id: OWNER}),
    )


async def test_t_12_whoever_brings_customers_together_in_a_group_is_warned_and_with_strict_refused(yard: Yard) -> None:
    here = await house(yard)
    ada, bob = await yard.someone({here.one.id: VIEWER}), await yard.someone({here.other.id: VIEWER})
    staff = await yard.someone({here.team.id: VIEWER})
    assert await here.adds(ada, here.group) == (201, [])
    assert await here.adds(staff, here.group, strict=True) == (201, [])
    assert await here.adds(bob, here.group, strict=True) == (409, "mingled_group")
    assert here.group.id not in (await yard.person(bob.id)).memberships
    assert await here.adds(bob, here.group) == (201, ["mingled_group"])
    told = await yard.events(here.team.id, "group.mingled")
    assert [(each.user, each.body["group"]) for each in told] == [(bob.id, here.group.slug)]


async def test_t_12_also_who_joins_a_customer_may_mingle_a_group_they_are_in_already(yard: Yard) -> None:
    here = await house(yard)
    ada, cleo = (
        await yard.someone({here.group.id: VIEWER, here.one.id: VIEWER}),
        await yard.someone({here.group.id: VIEWER}),
    )
    assert await here.adds(cleo, here.other, strict=True) == (409, "mingled_group")
    assert await here.adds(cleo, here.other) == (201, ["mingled_group"])
    assert await here.adds(ada, here.other) == (201, ["mingled_group"])


async def test_t_12_nobody_is_warned_of_a_customer_they_may_not_know_of(yard: Yard) -> None:
    """The warning would tell an owner of the one customer that there is another; on the team's log it is all the same."""
    here = await house(yard)
    inner = await yard.below(here.one.id, SpaceKind.GROUP, "inner")
    owner = await yard.someone({here.one.id: OWNER})
    agent = await yard.someone({here.one.id: VIEWER, here.other.id: VIEWER})
    async with switched(yard, tenant_mode=True):
        answer = await owner.post(f"/spaces/{inner.id}/members?strict=1", {"user": agent.id, "role": "viewer"})
        assert (answer.status, answer.json["warnings"]) == (201, [])
        assert [each.body["group"] for each in await yard.events(here.team.id, "group.mingled")] == [inner.slug]
        assert "mingled" not in (await owner.get(f"/audit?scope=space&id={here.one.id}")).text


async def test_t_12_whoever_accepts_an_invitation_into_it_is_on_record_and_so_is_a_new_user(yard: Yard) -> None:
    here = await house(yard)
    ada = await yard.someone({here.one.id: VIEWER, here.group.id: VIEWER})
    bob, admin = await yard.someone({here.other.id: VIEWER}), await yard.someone(admin=True)
    sent = await here.owner.post(f"/spaces/{here.group.id}/invitations", {"to": bob.username, "role": "viewer"})
    assert (await bob.post(f"/me/invitations/{sent.json['id']}/accept")).status == 204
    roles = {here.group.slug: "viewer", here.other.slug: "viewer"}
    made = await admin.post("/users", {"username": yard.name("new"), "memberships": roles})
    told = await yard.events(here.team.id, "group.mingled")
    assert [each.user for each in told] == [bob.id, made.json["id"]]
    assert ada.id


async def test_t_12_switching_tenant_mode_on_lists_the_groups_that_mingle_customers(yard: Yard) -> None:
    here = await house(yard)
    for customer in (here.one, here.other):
        await yard.someone({here.group.id: VIEWER, customer.id: VIEWER})
    admin = await yard.someone(admin=True)
    shown = {"id": here.group.id, "slug": here.group.slug, "name": here.group.title}
    assert (await admin.get("/settings")).json["mingled_groups"] == []
    try:
        answer = await admin.put("/settings", {**SETTINGS, "tenant_mode": True})
        found = answer.json["mingled_groups"]
        assert isinstance(found, list)
        assert shown in found
    finally:
        await yard.settings()
    query = AuditQuery(events=("platform.tenant-mode.enabled",), limit=1)
    (told,) = (await yard.house.running.store.database.events(query)).items
    slugs = told.event.body["mingled_groups"]
    assert isinstance(slugs, list)
    assert here.group.slug in slugs


async def test_t_16_t_18_an_application_without_a_role_is_nowhere_and_each_has_a_role_of_its_own(yard: Yard) -> None:
    team = await yard.team("one", "two", "three")
    overrides = {team.at("one"): MEMBER, team.at("two"): DASHBOARD, team.at("three"): Role.NONE}
    who = await yard.someone({team.id: VIEWER}, {team.id: overrides})
    for mode in (False, True):
        async with switched(yard, tenant_mode=mode):
            assert await who.ids("/applications") == [team.at("one")]
            assert {each["id"] for each in (await who.get("/dashboards")).items} == {
                team.at("one", "line"),
                team.at("two", "line"),
            }
            assert "three" not in (await who.get("/search?q=line")).text
            assert "three" not in (await who.get("/me/home")).text
            deploys = [(await who.get(f"/instances/{team.at(app, 'line')}")) for app in ("one", "two", "three")]
            assert [answer.status for answer in deploys] == [200, 403, 403]
            assert "instance:flows:edit" in deploys[0].text


async def test_t_17_root_folders_are_made_by_owners_and_folders_in_them_by_members_who_inherit_its_shares(
    yard: Yard,
) -> None:
    here = await library(yard)
    owner = await yard.someone({here.acme.id: OWNER})
    root = {"slug": yard.name("root"), "name": "Root", "space": here.acme.id}
    assert [(await who.post("/folders", root)).status for who in (here.agent, here.composer, owner)] == [403, 403, 201]
    assert (await here.composer.post("/folders", {**root, "space": here.everyone.id})).status == 403
    for mode in (False, True):
        async with switched(yard, tenant_mode=mode):
            inner = await here.composer.post("/folders", {"slug": yard.name("s"), "parent": here.folders["both"]})
            assert inner.status == 201, inner.text
            both = [await who.get(f"/folders/{inner.json['id']}") for who in (here.composer, here.rival, here.agent)]
            assert [answer.status for answer in both] == [200, 200, 200]
            assert {here.folders["both"], inner.json["id"]} <= set(await here.rival.ids("/folders"))


async def test_t_09_an_admin_makes_the_space_of_everyone_once_and_nobody_else_does(yard: Yard) -> None:
    """It has no members of its own and no space above it."""
    owner, admin = await yard.someone({(await yard.team()).id: OWNER}), await yard.someone(admin=True)
    wanted = {"kind": "everyone", "slug": yard.name("everyone"), "title": "All users"}
    assert (await owner.post("/spaces", wanted)).status == 403
    made = await admin.post("/spaces", wanted)
    assert made.status in (201, 409), "another test of this file has made one"
    again = await admin.post("/spaces", {**wanted, "slug": yard.name("everyone")})
    assert (again.status, again.code, list(again.faults)) == (409, "exists", ["/kind"])
    below = await admin.post("/spaces", {**wanted, "slug": yard.name("everyone"), "parent": "acme"})
    assert (below.status, list(below.faults)) == (422, ["/parent"])
