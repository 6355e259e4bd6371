"""Members, their roles and overrides, and invitations, over HTTP."""

from collections.abc import Mapping

import pytest

from proxy.model.access import Role
from proxy.model.directory import SpaceKind
from proxy.model.identity import Membership, Person, User
from proxy.services.administration.invitations import LASTS
from proxy.store import PutPerson
from tests.proxy.web.api.yard import DASHBOARD, MEMBER, NONE, OWNER, VIEWER, Yard

pytestmark = pytest.mark.asyncio(loop_scope="module")


def members(space: str, user: str = "") -> str:
    return f"/spaces/{space}/members" + (f"/{user}" if user else "")


async def test_p_06_an_owner_changes_roles_and_removes(yard: Yard) -> None:
    team = await yard.team()
    owner, user = await yard.someone({team.id: OWNER}), await yard.someone({team.id: VIEWER})
    changed = await owner.put(members(team.id, user.id), {"role": "member"})
    assert (changed.status, changed.json["role"]) == (200, "member")
    assert (await owner.delete(members(team.id, user.id))).status == 204
    assert (await user.get(f"/spaces/{team.id}")).status == 404
    told = await yard.events(team.id)
    assert [event.event for event in told] == ["team.user.role-changed", "team.user.removed"]
    assert (told[0].user, [(each.old, each.new) for each in told[0].updates]) == (user.id, [("viewer", "member")])


async def test_p_06_the_last_active_owner_of_a_team_stays_one(yard: Yard) -> None:
    team = await yard.team()
    owner = await yard.someone({team.id: OWNER})
    for answer in (
        await owner.put(members(team.id, owner.id), {"role": "member"}),
        await owner.delete(members(team.id, owner.id)),
    ):
        assert (answer.status, answer.code) == (409, "last_owner")
    await yard.someone({team.id: OWNER})
    assert (await owner.put(members(team.id, owner.id), {"role": "member"})).status == 200


async def test_p_06_anybody_may_leave_and_nobody_below_owner_removes_others(yard: Yard) -> None:
    team = await yard.team()
    user, other = await yard.someone({team.id: DASHBOARD}), await yard.someone({team.id: DASHBOARD})
    assert (await user.delete(members(team.id, other.id))).status == 403
    assert (await user.delete(members(team.id, user.id))).status == 204
    (event,) = await yard.events(team.id, "team.user.removed")
    assert (event.user, event.body["left"]) == (user.id, True)


async def test_p_13_leaving_twice_reads_like_a_space_that_never_was(yard: Yard) -> None:
    team = await yard.team()
    user = await yard.someone({team.id: VIEWER})
    assert (await user.delete(members(team.id, user.id))).status == 204
    gone, never = await user.delete(members(team.id, user.id)), await user.delete(members("no-such", user.id))
    assert (gone.status, gone.text) == (404, never.text)


async def test_s_25_a_membership_that_a_login_provider_keeps_up_is_not_changed_here(yard: Yard) -> None:
    """Roles on single resources are, but for those that the provider keeps up too (S-23)."""
    team = await yard.team()
    owner, name = await yard.someone({team.id: OWNER}), yard.name("sso")
    kept = Membership(
        space=team.id, role=VIEWER, source="sso", overrides={team.at("p1"): MEMBER}, managed=frozenset({team.at("p1")})
    )
    user = User(id=name, username=name, provider="corp", subject="77")
    await yard.put(PutPerson(person=Person(user=user, memberships={team.id: kept})))
    mine, over = members(team.id, name), members(team.id, name) + "/overrides"
    for answer in (
        await owner.put(mine, {"role": "member"}),
        await owner.delete(mine),
        await owner.put(over, {"overrides": {team.at("p1"): "none"}}),
        await owner.put(over, {"overrides": {team.at("p2"): "none"}}),
    ):
        assert (answer.status, answer.code) == (409, "managed_by_sso")
    both = {team.at("p1"): "member", team.at("p2"): "none"}
    answer = await owner.put(over, {"overrides": both})
    assert (answer.status, answer.json["overrides"], answer.json["managed"]) == (200, both, [team.at("p1")])
    shown = (await owner.get(mine)).json
    assert (shown["source"], shown["overrides"], shown["managed"]) == ("sso", both, [team.at("p1")])


async def test_only_from_above_is_somebody_made_a_member_without_being_asked(yard: Yard) -> None:
    team = await yard.team()
    customer = await yard.below(team.id)
    inside, above = await yard.someone({customer.id: OWNER}), await yard.someone({team.id: OWNER})
    wanted = await yard.someone({team.id: VIEWER})
    body = {"user": wanted.username, "role": "dashboard"}
    refused = await inside.post(members(customer.id), body)
    assert (refused.status, refused.code) == (403, "role_too_low")
    assert (await above.post(members(customer.id), body)).json["role"] == "dashboard"
    again = await above.post(members(customer.id), body)
    assert (again.status, again.code) == (409, "exists")
    (event,) = await yard.events(customer.id, "customer.user.added")
    assert event.user == wanted.id


async def test_t_06_a_stranger_reads_like_nobody_when_made_a_member(yard: Yard) -> None:
    team, other = await yard.team(), await yard.team()
    customer = await yard.below(team.id)
    above, stranger = await yard.someone({team.id: OWNER}), await yard.someone({other.id: VIEWER})
    for_stranger = await above.post(members(customer.id), {"user": stranger.id, "role": "viewer"})
    for_nobody = await above.post(members(customer.id), {"user": "no-such-user", "role": "viewer"})
    assert (for_stranger.status, for_stranger.text) == (422, for_nobody.text)


@pytest.mark.parametrize("known", [True, False])
async def test_an_invitation_reads_the_same_whether_there_is_such_a_user_or_not(yard: Yard, known: bool) -> None:
    team = await yard.team()
    owner, somebody = await yard.someone({team.id: OWNER}), await yard.someone()
    to = f"{somebody.username}@plant.example" if known else f"{yard.name('nobody')}@plant.example"
    answer = await owner.post(f"/spaces/{team.id}/invitations", {"to": to, "role": "viewer"})
    assert (answer.status, answer.json["to"], "user" in answer.json) == (202, to, False)
    listed = (await owner.get(f"/spaces/{team.id}/invitations")).items
    assert listed == [answer.json]


async def test_p_06_an_invitation_is_accepted_once_and_makes_a_member(yard: Yard) -> None:
    team = await yard.team()
    owner, guest = await yard.someone({team.id: OWNER}), await yard.someone()
    await owner.post(f"/spaces/{team.id}/invitations", {"to": guest.username, "role": "member"})
    (mine,) = (await guest.get("/me/invitations")).items
    assert (await owner.post(f"/me/invitations/{mine['id']}/accept")).status == 404, "it is not theirs"
    assert (await guest.post(f"/me/invitations/{mine['id']}/accept")).status in (200, 204)
    assert (await guest.get(f"/spaces/{team.id}")).json["role"] == "member"
    assert (await guest.post(f"/me/invitations/{mine['id']}/accept")).status == 404
    assert (await yard.person(guest.id)).memberships[team.id].source == "invite"
    told = [event.event for event in await yard.events(team.id)]
    assert told == ["team.user.invited", "team.user.invite.accepted"]


async def test_p_06_an_invitation_is_declined_or_taken_back(yard: Yard) -> None:
    team = await yard.team()
    owner, guest, other = await yard.someone({team.id: OWNER}), await yard.someone(), await yard.someone()
    for user in (guest, other):
        await owner.post(f"/spaces/{team.id}/invitations", {"to": user.username, "role": "member"})
    (mine,) = (await guest.get("/me/invitations")).items
    assert (await guest.post(f"/me/invitations/{mine['id']}/reject")).status in (200, 204)
    (theirs,) = (await other.get("/me/invitations")).items
    assert (await owner.delete(f"/spaces/{team.id}/invitations/{theirs['id']}")).status == 204
    assert (await other.get("/me/invitations")).items == (await guest.get("/me/invitations")).items == []
    told = [event.event for event in await yard.events(team.id)]
    assert told[2:] == ["team.user.invite.rejected", "team.user.uninvited"]


async def test_p_06_an_invitation_expires_after_seven_days_unless_it_is_sent_again(yard: Yard) -> None:
    team = await yard.team()
    owner, guest = await yard.someone({team.id: OWNER}), await yard.someone()
    made = await owner.post(f"/spaces/{team.id}/invitations", {"to": guest.username, "role": "member"})
    assert float(str(made.json["expires"])) - float(str(made.json["created"])) == LASTS == 7 * 86400
    yard.house.pass_(LASTS + 1)
    guest_later, owner_later = await yard.logged_in(guest.id), await yard.logged_in(owner.id)
    assert (await guest_later.get("/me/invitations")).items == []
    assert (await guest_later.post(f"/me/invitations/{made.json['id']}/accept")).status == 404
    again = await owner_later.post(f"/spaces/{team.id}/invitations/{made.json['id']}/resend")
    assert again.status == 200
    assert [each["id"] for each in (await guest_later.get("/me/invitations")).items] == [made.json["id"]]


async def test_a_member_of_whom_one_knows_is_not_invited_again(yard: Yard) -> None:
    team = await yard.team()
    owner, user = await yard.someone({team.id: OWNER}), await yard.someone({team.id: VIEWER})
    answer = await owner.post(f"/spaces/{team.id}/invitations", {"to": user.username, "role": "member"})
    assert (answer.status, answer.code) == (409, "exists")


@pytest.mark.parametrize("named", ["no-such", "{other}-p1", "{other}", "{team}", ""])
async def test_r_01_an_override_names_something_of_this_very_space(yard: Yard, named: str) -> None:
    team, other = await yard.team(), await yard.team()
    owner, user = await yard.someone({team.id: OWNER}), await yard.someone({team.id: VIEWER})
    key = named.format(team=team.id, other=other.id)
    answer = await owner.put(members(team.id, user.id) + "/overrides", {"overrides": {key: "owner"}})
    assert (answer.status, list(answer.faults)) == (422, [f"/overrides/{key}"])
    assert not (await yard.person(user.id)).memberships[team.id].overrides


async def test_r_01_p_10_nothing_can_be_overridden_while_there_is_no_application(yard: Yard) -> None:
    group = await yard.below((await yard.team()).id, SpaceKind.GROUP)
    owner, user = await yard.someone({group.id: OWNER}), await yard.someone({group.id: VIEWER})
    shown = await owner.get(members(group.id, user.id))
    assert shown.json["overridable"] == []
    assert (await owner.get(members(group.id, user.id) + "/overrides")).json == {
        "overrides": {},
        "managed": [],
        "overridable": [],
    }


async def test_what_may_be_overridden_is_told_of_one_member_and_not_again_of_each_of_a_list(yard: Yard) -> None:
    team = await yard.team()
    owner, user = await yard.someone({team.id: OWNER}), await yard.someone({team.id: VIEWER})
    listed = {each["id"]: each for each in (await owner.get(members(team.id))).items}[user.id]
    shown = (await owner.get(members(team.id, user.id))).json
    assert {each["id"] for each in shown.pop("overridable")} >= {team.at("p1"), team.at("p2", "line")}
    assert shown == listed


@pytest.mark.parametrize("role", ["admin", "editor", "", "20", "OWNER"])
async def test_r_02_there_are_no_roles_but_the_five(yard: Yard, role: str) -> None:
    team = await yard.team()
    owner, user = await yard.someone({team.id: OWNER}), await yard.someone({team.id: VIEWER})
    answer = await owner.put(members(team.id, user.id) + "/overrides", {"overrides": {team.at("p1"): role}})
    assert answer.status == 422
    number = await owner.put(members(team.id, user.id) + "/overrides", {"overrides": {team.at("p1"): 20}})
    assert number.status == 422


async def test_a_07_r_45_overrides_are_on_record_with_old_and_new(yard: Yard) -> None:
    team = await yard.team()
    owner, user = await yard.someone({team.id: OWNER}), await yard.someone({team.id: VIEWER})
    path = members(team.id, user.id) + "/overrides"
    first: Mapping[str, str] = {team.at("p1"): "none", f"{team.slug}/p2/line": "member"}
    shown = await owner.put(path, {"overrides": first})
    assert shown.json["overrides"] == {team.at("p1"): "none", team.at("p2", "line"): "member"}
    assert (await owner.put(path, {"overrides": first})).status == 200
    assert (await owner.put(path, {"overrides": {team.at("p1"): "viewer"}})).status == 200
    told = await yard.events(team.id, "team.user.permissions-changed")
    assert [{update.key: (update.old, update.new) for update in event.updates} for event in told] == [
        {f"{team.slug}/p1": (None, "none"), f"{team.slug}/p2/line": (None, "member")},
        {f"{team.slug}/p1": ("none", "viewer"), f"{team.slug}/p2/line": ("member", None)},
    ]


async def test_r_20_an_owner_whom_an_override_locks_out_still_edits_overrides(yard: Yard) -> None:
    team = await yard.team()
    owner = await yard.someone({team.id: OWNER}, {team.id: {team.at("p1"): NONE}})
    assert (await owner.get(f"/applications/{team.at('p1')}")).status == 403
    answer = await owner.put(members(team.id, owner.id) + "/overrides", {"overrides": {}})
    assert answer.status == 200
    assert (await owner.get(f"/applications/{team.at('p1')}")).status == 200


@pytest.mark.parametrize("member", [True, False])
async def test_r_20_an_admin_passes_everything_also_with_an_override_of_none(yard: Yard, member: bool) -> None:
    team = await yard.team()
    user = await yard.someone({team.id: VIEWER})
    roles, said = {team.id: VIEWER}, {team.id: {team.at("p1"): NONE}}
    admin = await (yard.someone(roles, said, admin=True) if member else yard.someone(admin=True))
    assert (await admin.get(f"/applications/{team.at('p1')}")).json["role"] == "admin"
    body = {"overrides": {team.at("p1"): "owner"}}
    assert (await admin.put(members(team.id, user.id) + "/overrides", body)).status == 200
    assert (await admin.put(f"/instances/{team.at('p1', 'line')}", {"name": "Line"})).status == 200


@pytest.mark.parametrize("role", [DASHBOARD, VIEWER, MEMBER])
async def test_p_01_below_owner_nobody_touches_members(yard: Yard, role: Role) -> None:
    team = await yard.team()
    user, other = await yard.someone({team.id: role}), await yard.someone({team.id: DASHBOARD})
    for answer in (
        await user.put(members(team.id, other.id), {"role": "owner"}),
        await user.put(members(team.id, other.id) + "/overrides", {"overrides": {team.at("p1"): "owner"}}),
        await user.post(members(team.id), {"user": other.id, "role": "owner"}),
        await user.post(f"/spaces/{team.id}/invitations", {"to": "x@plant.example", "role": "owner"}),
        await user.delete(members(team.id, other.id)),
    ):
        assert (answer.status, answer.code) == (403, "role_too_low")


async def test_r_19_an_override_holds_from_the_next_request_on(yard: Yard) -> None:
    team = await yard.team()
    owner, user = await yard.someone({team.id: OWNER}), await yard.someone({team.id: VIEWER})
    assert (await user.get(f"/applications/{team.at('p1')}")).status == 200
    await owner.put(members(team.id, user.id) + "/overrides", {"overrides": {team.at("p1"): "none"}})
    assert (await user.get(f"/applications/{team.at('p1')}")).status == 403
    assert team.at("p1") not in await user.ids("/applications")


async def test_h_10_no_token_changes_roles_and_no_old_proof_does(yard: Yard) -> None:
    team = await yard.team()
    owner, user = await yard.someone({team.id: OWNER}), await yard.someone({team.id: VIEWER})
    async with yard.house.program(owner.client) as program:
        refused = await program.put(members(team.id, user.id), {"role": "owner"})
        assert (refused.status, refused.code) == (403, "interactive_session_required")
    yard.house.pass_(601)
    late = await owner.put(members(team.id, user.id), {"role": "owner"})
    assert (late.status, late.code) == (403, "reauthentication_required")


async def test_the_membership_of_a_user_from_a_file_is_read_only(yard: Yard) -> None:
    team = await yard.team()
    admin = await yard.someone(admin=True)
    root = await yard.house.person("root")
    answer = await admin.post(members(team.id), {"user": root.user.id, "role": "viewer"})
    assert (answer.status, answer.code) == (409, "declared_in_file")


async def test_t_06_in_tenant_mode_a_team_lists_only_members_one_shares_a_customer_with(yard: Yard) -> None:
    team = await yard.team()
    one, other = await yard.below(team.id), await yard.below(team.id)
    mine = await yard.someone({team.id: VIEWER, one.id: VIEWER})
    near = await yard.someone({team.id: VIEWER, one.id: DASHBOARD})
    far = await yard.someone({team.id: VIEWER, other.id: VIEWER})
    owner = await yard.someone({team.id: OWNER})
    assert set(await mine.ids(members(team.id))) == {mine.id, near.id, far.id, owner.id}
    await yard.settings(tenant_mode=True)
    try:
        assert set(await mine.ids(members(team.id))) == {mine.id, near.id}
        assert set(await owner.ids(members(team.id))) == {mine.id, near.id, far.id, owner.id}
        hidden, missing = await mine.get(members(team.id, far.id)), await mine.get(members(team.id, "no-such"))
        assert (hidden.status, hidden.text) == (404, missing.text)
    finally:
        await yard.settings()


async def test_an_open_invitation_gets_another_role_only_from_who_has_seen_the_one_it_has(yard: Yard) -> None:
    team, guest = await yard.team(), await yard.someone({})
    owner, path = await yard.someone({team.id: OWNER}), f"/spaces/{team.id}/invitations"
    made = await owner.post(path, {"to": guest.username, "role": "viewer"})
    one = f"{path}/{made.json['id']}"
    assert (await owner.post(path, {"to": guest.username, "role": "viewer"})).status == 202, "it lasts for longer"
    blind = await owner.post(path, {"to": guest.username.upper(), "role": "owner"})
    assert (blind.status, blind.code) == (428, "precondition_required")
    tag = (await owner.get(one)).headers["ETag"]
    first = await owner.post(path, {"to": guest.username, "role": "member"}, If_Match=tag)
    late = await owner.post(path, {"to": guest.username, "role": "owner"}, If_Match=tag)
    assert (first.status, late.status, late.code) == (202, 412, "changed")
    assert (await owner.get(one)).json["role"] == "member"
    told = await yard.events(team.id, "team.user.invited")
    updates = [(each.key, each.old, each.new) for event in told for each in event.updates]
    assert updates == [("role", "viewer", "member")]
    assert (await owner.delete(one, If_Match=tag)).status == 412
    assert (await owner.delete(one)).status == 204
