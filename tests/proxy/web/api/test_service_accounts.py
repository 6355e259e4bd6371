"""Service accounts over HTTP, H-09 to H-13: made by owners in a session, acting by their tokens, gone at once."""

from dataclasses import dataclass, replace

import pytest

from proxy.model.directory import SpaceKind
from proxy.model.estate import InstanceSettings, Resource, ResourceKind
from tests.peers.answers import by_path, plain
from tests.peers.gateway import PASSWORD
from tests.peers.upstream import upstream
from tests.proxy.web.api.house import Client
from tests.proxy.web.api.yard import DASHBOARD, MEMBER, OWNER, VIEWER, Someone, Team, Yard

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = (b"Content-Type", b"application/json")
NODE_RED = {"/flows": plain(b'{"rev":"r1","flows":[]}', JSON), "/api": plain(b"counted"), "/": plain(b"editor")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """A service account with one token."""

    id: str
    username: str
    path: str
    """Of the account."""
    token: str
    """Its id."""
    client: Client


async def made(yard: Yard, team: Team, owner: Someone, role: str = "member", **wanted: object) -> Bot:
    name = yard.name("bot")
    account = await owner.post(f"/spaces/{team.slug}/service-accounts", {"name": name, "role": role})
    assert account.status == 201, account.text
    username = str(account.json["username"])
    assert username.startswith(f"{name}-")
    path = f"/spaces/{team.slug}/service-accounts/{username}"
    token = await owner.post(f"{path}/tokens", {"name": "ci", **wanted})
    assert token.status == 201, token.text
    client = Client(owner.client.visitor, token=str(token.json["value"]))
    return Bot(id=str(account.json["id"]), username=username, path=path, token=str(token.json["id"]), client=client)


async def owned(yard: Yard) -> tuple[Team, Someone]:
    team = await yard.team()
    return team, await yard.someone({team.id: OWNER})


async def test_h_09_a_service_account_calls_the_api_within_its_role(yard: Yard) -> None:
    team, owner = await owned(yard)
    bot = await made(yard, team, owner)
    me = (await bot.client.get("/me")).json
    assert (me["id"], me["kind"], me["session"]) == (bot.id, "service", None)
    assert {item["id"] for item in (await bot.client.get("/applications")).items} == {team.at("p1"), team.at("p2")}
    refused = await bot.client.put(f"/applications/{team.at('p1')}", {"name": "x"})
    assert (refused.status, refused.code) == (403, "role_too_low")
    raised = await owner.put(bot.path, {"role": "owner"})
    assert (raised.status, raised.json["role"]) == (200, "owner")
    assert (await bot.client.put(f"/applications/{team.at('p1')}", {"name": "x"})).status == 200, "at once"
    told = await yard.events(team.at("p1"), "application.updated")
    assert [(event.actor, event.token, event.source) for event in told] == [(bot.id, bot.token, "api")]


async def test_h_09_a_service_account_deploys_within_its_role_until_it_is_protected(yard: Yard) -> None:
    team, owner = await owned(yard)
    bot, viewer = await made(yard, team, owner), await made(yard, team, owner, "viewer")
    host, instance = f"{yard.name('ci')}.localhost", yard.name("instance")
    async with upstream(by_path(NODE_RED)) as node:
        settings = InstanceSettings(upstream=f"http://127.0.0.1:{node.port}", hosts=(host,))
        line = Resource(id=instance, kind=ResourceKind.INSTANCE, slug=instance, parent=team.at("p1"), instance=settings)
        await yard.settings(upstream_allow=("127.0.0.0/8",))
        try:
            await yard.put(line)
            assert await deployed(yard, host, bot) == 200
            assert await deployed(yard, host, viewer) == 403
            assert [event.actor for event in await yard.events(instance, "flows.set") if event.phase == "outcome"] == [
                bot.id
            ]
            await yard.put(replace(line, instance=replace(settings, protected=True)))
            assert await deployed(yard, host, bot) == 403
        finally:
            await yard.settings()


async def deployed(yard: Yard, host: str, bot: Bot) -> int:
    """The status of a deploy."""
    site = yard.house.site
    url = site.home.replace("localhost", host)
    fields = {"Authorization": f"Bearer {bot.client.token}", "Content-Type": "application/json"}
    answer = await bot.client.visitor.request("POST", f"{url}/flows", headers=fields, data='{"flows":[]}')
    return answer.status


async def test_h_09_a_token_that_is_read_only_changes_nothing(yard: Yard) -> None:
    team, owner = await owned(yard)
    bot = await made(yard, team, owner, "owner", read_only=True)
    assert (await bot.client.get(f"/applications/{team.at('p1')}")).status == 200
    refused = await bot.client.put(f"/applications/{team.at('p1')}", {"name": "x"})
    assert (refused.status, refused.code) == (403, "token_read_only")


async def test_h_04_the_value_is_shown_once(yard: Yard) -> None:
    team, owner = await owned(yard)
    bot = await made(yard, team, owner)
    assert bot.client.token.startswith("fws_")
    listed = await owner.get(f"{bot.path}/tokens")
    assert [(item["id"], item["name"], item["actions"]) for item in listed.items] == [
        (bot.token, "ci", ["space:tokens"])
    ]
    assert bot.client.token not in listed.text
    assert "value" not in listed.items[0]


async def test_h_05_a_revoked_token_and_a_deleted_account_open_nothing_from_then_on(yard: Yard) -> None:
    team, owner = await owned(yard)
    bot = await made(yard, team, owner)
    other = await owner.post(f"{bot.path}/tokens", {"name": "second"})
    second = Client(owner.client.visitor, token=str(other.json["value"]))
    assert (await owner.delete(f"{bot.path}/tokens/{bot.token}")).status == 204
    assert [(await client.get("/me")).status for client in (bot.client, second)] == [401, 200]
    assert (await owner.delete(f"{bot.path}/tokens/{bot.token}")).status == 404
    assert (await owner.delete(bot.path)).status == 204
    assert (await second.get("/me")).status == 401
    assert (await owner.get(bot.path)).status == 404


async def test_h_13_a_suspended_account_opens_nothing_until_it_is_resumed(yard: Yard) -> None:
    team, owner = await owned(yard)
    bot, admin = await made(yard, team, owner), await yard.someone(admin=True)
    assert (await admin.post(f"/users/{bot.id}/suspend")).status == 200
    assert (await bot.client.get("/me")).status == 401
    assert (await owner.get(bot.path)).json["state"] == "suspended"
    assert (await admin.post(f"/users/{bot.id}/resume")).status == 200
    assert (await bot.client.get("/me")).status == 200


async def test_a_service_account_does_not_log_in(yard: Yard) -> None:
    team, owner = await owned(yard)
    bot, admin = await made(yard, team, owner), await yard.someone(admin=True)
    async with yard.house.nobody() as nobody:
        answer = await nobody.post("/auth/login", {"username": bot.username, "password": PASSWORD})
        assert (answer.status, answer.code) == (401, "credentials_wrong")
    link = await admin.post(f"/users/{bot.id}/activation-link")
    assert (link.status, link.code) == (409, "no_password")


async def test_a_service_account_is_in_no_picker_and_is_nobody_to_add_or_invite(yard: Yard) -> None:
    team, owner = await owned(yard)
    bot, admin = await made(yard, team, owner), await yard.someone(admin=True)
    group = await yard.below(team.id, SpaceKind.GROUP)
    for user, path in (
        (owner, f"/directory?query={bot.username}"),
        (admin, f"/users?query={bot.username}"),
        (owner, f"/spaces/{team.id}/members?query={bot.username}"),
    ):
        answer = await user.get(path)
        assert (answer.items, answer.total) == ([], 0)
    added = await owner.post(f"/spaces/{group.id}/members", {"user": bot.username, "role": "viewer"})
    nobody = await owner.post(f"/spaces/{group.id}/members", {"user": yard.name("nobody"), "role": "viewer"})
    assert (added.status, added.text) == (nobody.status, nobody.text)
    invited = await owner.post(f"/spaces/{team.id}/invitations", {"to": bot.username, "role": "owner"})
    assert invited.status == 202
    assert await yard.house.running.store.database.invitations(user=bot.id) == []


async def test_membership_of_a_service_account_is_changed_with_the_account_alone(yard: Yard) -> None:
    team, owner = await owned(yard)
    bot = await made(yard, team, owner)
    member = f"/spaces/{team.id}/members/{bot.id}"
    assert (await owner.get(member)).status == 404
    for answer in (await owner.put(member, {"role": "owner"}), await owner.delete(member)):
        assert (answer.status, answer.code) == (404, "not_found")
    assert (await owner.get(bot.path)).json["role"] == "member"


async def test_overrides_lower_a_service_account_too(yard: Yard) -> None:
    team, owner = await owned(yard)
    bot = await made(yard, team, owner)
    answer = await owner.put(f"/spaces/{team.id}/members/{bot.id}/overrides", {"overrides": {team.at("p1"): "none"}})
    assert answer.status == 200, answer.text
    assert [item["id"] for item in (await bot.client.get("/applications")).items] == [team.at("p2")]


@pytest.mark.parametrize("role", [DASHBOARD, VIEWER, MEMBER])
async def test_below_owner_nobody_manages_service_accounts(yard: Yard, role: int) -> None:
    team, owner = await owned(yard)
    bot, user = await made(yard, team, owner), await yard.someone({team.id: role})  # type: ignore[dict-item]
    body = {"name": yard.name("bot"), "role": "dashboard"}
    for answer in (
        await user.get(f"/spaces/{team.id}/service-accounts"),
        await user.post(f"/spaces/{team.id}/service-accounts", body),
        await user.get(bot.path),
        await user.put(bot.path, {"role": "owner"}),
        await user.delete(bot.path),
        await user.get(f"{bot.path}/tokens"),
        await user.post(f"{bot.path}/tokens", {"name": "x"}),
        await user.delete(f"{bot.path}/tokens/{bot.token}"),
    ):
        assert (answer.status, answer.code) == (403, "role_too_low")


async def test_h_10_no_token_manages_service_accounts_nor_its_own_tokens(yard: Yard) -> None:
    team, owner = await owned(yard)
    bot = await made(yard, team, owner, "owner")
    for answer in (
        await bot.client.get(f"{bot.path}/tokens"),
        await bot.client.post(f"{bot.path}/tokens", {"name": "x"}),
        await bot.client.put(bot.path, {"role": "owner"}),
        await bot.client.post(f"/spaces/{team.id}/service-accounts", {"name": yard.name("b"), "role": "viewer"}),
    ):
        assert (answer.status, answer.code) == (403, "interactive_session_required")
    own = await bot.client.post("/me/tokens", {"name": "x"})
    assert (own.status, own.code) == (403, "pat_cannot_create_pat")


async def test_nobody_learns_by_making_an_account_which_names_are_taken(yard: Yard) -> None:
    _, stranger = await owned(yard)
    team, owner = await owned(yard)
    answer = await owner.post(f"/spaces/{team.id}/service-accounts", {"name": stranger.username, "role": "viewer"})
    assert (answer.status, answer.json["name"]) == (201, stranger.username)


async def test_accounts_of_another_space_and_people_are_not_there(yard: Yard) -> None:
    team, owner = await owned(yard)
    other, stranger = await owned(yard)
    foreign = await made(yard, other, stranger)
    here = f"/spaces/{team.id}/service-accounts"
    for key in (foreign.id, foreign.username, owner.id, "no-such"):
        for answer in (
            await owner.get(f"{here}/{key}"),
            await owner.delete(f"{here}/{key}"),
            await owner.post(f"{here}/{key}/tokens", {"name": "x"}),
        ):
            assert (answer.status, answer.code) == (404, "not_found")
    bot = await made(yard, team, owner)
    assert (await owner.delete(f"{bot.path}/tokens/{foreign.token}")).status == 404
    assert (await foreign.client.get("/me")).status == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "a b", "role": "viewer"}, "/name"),
        ({"name": "boss@plant.example", "role": "viewer"}, "/name"),
        ({"name": "bot", "role": "admin"}, "/role"),
        ({"name": "bot", "role": "none"}, "/role"),
        ({"name": "bot"}, "/role"),
    ],
)
async def test_a_wrong_account_is_refused_by_the_name_of_the_member(
    yard: Yard, body: dict[str, str], pointer: str
) -> None:
    team, owner = await owned(yard)
    answer = await owner.post(f"/spaces/{team.id}/service-accounts", body)
    assert (answer.status, list(answer.faults)) == (422, [pointer])


async def test_a_name_that_is_taken_is_refused_and_accounts_are_listed_in_parts(yard: Yard) -> None:
    team, owner = await owned(yard)
    bots = sorted([(await made(yard, team, owner)).username for _ in range(3)])
    path = f"/spaces/{team.id}/service-accounts"
    name = str((await owner.get(f"{path}/{bots[0]}")).json["name"])
    taken = await owner.post(path, {"name": name.upper(), "role": "viewer"})
    assert (taken.status, taken.faults) == (409, {"/name": "is taken"})
    first = await owner.get(f"{path}?limit=2&sort=-username")
    rest = await owner.get(f"{path}?limit=2&cursor={first.onward}")
    assert [item["username"] for item in (*first.items, *rest.items)] == bots[::-1]
    assert (first.total, rest.onward) == (3, None)


async def test_two_who_change_the_role_do_not_overwrite_each_other(yard: Yard) -> None:
    team, owner = await owned(yard)
    bot = await made(yard, team, owner)
    seen = (await owner.get(bot.path)).headers["ETag"]
    assert (await owner.put(bot.path, {"role": "viewer"}, If_Match=seen)).status == 200
    assert (await owner.put(bot.path, {"role": "owner"}, If_Match=seen)).status == 412


async def test_what_becomes_of_accounts_is_on_the_log_of_the_space(yard: Yard) -> None:
    team, owner = await owned(yard)
    bot = await made(yard, team, owner)
    await owner.put(bot.path, {"role": "viewer"})
    await owner.delete(f"{bot.path}/tokens/{bot.token}")
    await owner.delete(bot.path)
    told = [(event.event, event.user) for event in await yard.events(team.id)]
    assert told == [
        ("user.created-user", bot.id),
        ("user.pat.created", bot.id),
        ("team.user.role-changed", bot.id),
        ("user.pat.deleted", bot.id),
        ("user.deleted", bot.id),
    ]
