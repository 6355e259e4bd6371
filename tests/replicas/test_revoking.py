"""What is taken away at one replica is gone at the other within a second: the next request, and what is open."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from proxy.model.access import Role
from proxy.model.estate import Grant
from proxy.store import Outdated
from tests.peers.redis import RedisServer
from tests.replicas.pair import COMMS, DASHBOARD, Pair, Someone, closed, cookie, pair

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENDED, LOST, AGAIN = 4401, 4403, 1012

Act = Callable[[Pair, Someone, Someone], Awaitable[object]]
"""What an admin does about somebody, at the first replica; or they do themselves."""


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["with the bus", "without the bus"])
async def both(
    request: pytest.FixtureRequest, database: str, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pair]:
    """Without it nobody may say or hear anything by Redis: the version in the database is what tells."""
    channels = "allchannels" if request.param == "with the bus" else "resetchannels"
    redis_server.says("FLUSHALL")
    redis_server.says("ACL", "SETUSER", "default", channels)
    state = {"database": database, "shared": f"redis://127.0.0.1:{redis_server.port}"}
    async with pair(tmp_path_factory.mktemp("pair"), state, log={"level": "error", "access": False}) as made:
        yield made


async def _logout(_: Pair, __: Someone, user: Someone) -> None:
    assert (await user.client.post("/auth/logout")).status == 204


async def _end_session(both: Pair, _: Someone, user: Someone) -> None:
    elsewhere = await both.log_in(user.id)
    assert (await elsewhere.client.delete(f"/me/sessions/{user.session}")).status == 204


async def _suspend(_: Pair, admin: Someone, user: Someone) -> None:
    assert (await admin.client.post(f"/users/{user.id}/suspend")).status == 200


async def _delete(_: Pair, admin: Someone, user: Someone) -> None:
    assert (await admin.client.delete(f"/users/{user.id}")).status == 204


async def test_nothing_is_kept_of_the_sessions_of_who_is_deleted(both: Pair, redis_server: RedisServer) -> None:
    """What would open nothing need not lie there until it runs out."""
    admin, user = await both.someone(admin=True), await both.someone()
    assert redis_server.says("EXISTS", f"flowward:session:{user.session}") == ":1"
    await _delete(both, admin, user)
    assert redis_server.says("EXISTS", f"flowward:session:{user.session}") == ":0"
    assert await both.second.running.store.shared.sessions_of(user.id) == []


async def _remove(_: Pair, admin: Someone, user: Someone) -> None:
    assert (await admin.client.delete(f"/spaces/acme/members/{user.id}")).status == 204


async def _override(_: Pair, admin: Someone, user: Someone) -> None:
    path = f"/spaces/acme/members/{user.id}/overrides"
    assert (await admin.client.put(path, {"overrides": {"line-3": "none"}})).status == 200


SHUT_OUT = [
    (_logout, ENDED, 401),
    (_end_session, ENDED, 401),
    (_suspend, ENDED, 401),
    (_delete, ENDED, 401),
    (_remove, LOST, 404),
    (_override, LOST, 403),
]


@pytest.mark.parametrize(("act", "code", "status"), SHUT_OUT)
async def test_whoever_is_shut_out_at_one_is_out_at_the_other(both: Pair, act: Act, code: int, status: int) -> None:
    admin, user = await both.someone(admin=True), await both.someone(Role.MEMBER)
    other = both.second
    assert await both.status(other, cookie(user)) == 200
    async with both.socket(other, DASHBOARD, cookie(user)) as page, both.socket(other, COMMS, cookie(user)) as editor:
        await act(both, admin, user)
        assert await closed(page) == code
        assert await closed(editor) == code
        assert await both.refuses(other, cookie(user)) == status


@pytest.mark.parametrize(("act", "status"), [(act, status) for act, _, status in SHUT_OUT])
async def test_where_it_is_done_the_very_next_request_knows_of_it(both: Pair, act: Act, status: int) -> None:
    admin, user = await both.someone(admin=True), await both.someone(Role.MEMBER)
    assert await both.status(both.first, cookie(user)) == 200
    await act(both, admin, user)
    assert await both.status(both.first, cookie(user)) == status


async def test_where_a_role_is_lowered_the_very_next_request_knows_of_it(both: Pair) -> None:
    """R-19."""
    admin, user = await both.someone(admin=True), await both.someone(Role.MEMBER)
    assert await both.status(both.first, cookie(user), method="POST", path="/admin/flows") == 200
    assert (await admin.client.put(f"/spaces/acme/members/{user.id}", {"role": "viewer"})).status == 200
    assert await both.status(both.first, cookie(user), method="POST", path="/admin/flows") == 403


async def test_a_lowered_role_is_lower_at_the_other(both: Pair) -> None:
    """R-19: the open editor comes again with what it may do now, and the next write is refused, without a new login."""
    admin, user = await both.someone(admin=True), await both.someone(Role.MEMBER)
    async with both.socket(both.second, COMMS, cookie(user)) as editor:
        changed = await admin.client.put(f"/spaces/acme/members/{user.id}", {"role": "viewer"})
        assert changed.status == 200
        assert await closed(editor) == AGAIN
    assert await both.refuses(both.second, cookie(user), method="POST", path="/admin/flows") == 403
    assert await both.status(both.second, cookie(user), path="/admin/flows") == 200


async def test_a_share_that_is_taken_back_is_gone_at_the_other(both: Pair) -> None:
    admin, user = await both.someone(admin=True), await both.someone(Role.DASHBOARD, "a")
    async with both.socket(both.second, DASHBOARD, cookie(user)) as page:
        assert (await admin.client.delete("/resources/line-3/grants/a")).status == 204
        assert await closed(page) == LOST
    assert await both.refuses(both.second, cookie(user)) == 404
    await both.put(Grant(target="line-3", space="a", role=Role.VIEWER))


async def test_protecting_at_one_reaches_editors_at_the_other(both: Pair) -> None:
    admin, user = await both.someone(admin=True), await both.someone(Role.OWNER)
    async with both.socket(both.second, COMMS, cookie(user)) as editor:
        assert (await admin.client.put("/instances/line-3/protected", {"enabled": True})).status == 200
        assert await closed(editor) == AGAIN
    assert await both.refuses(both.second, cookie(user), method="POST", path="/admin/flows") == 403
    assert (await admin.client.put("/instances/line-3/protected", {"enabled": False})).status == 200


@pytest.mark.parametrize("kind", ["of a person", "of an instance"])
async def test_a_token_revoked_at_one_opens_nothing_at_the_other(both: Pair, kind: str) -> None:
    owner = await both.someone(Role.OWNER)
    tokens = "/me/tokens" if kind == "of a person" else "/instances/line-3/tokens"
    made = await owner.client.post(tokens, {"name": "ci"})
    assert made.status == 201, made.text
    bearer = ("Authorization", f"Bearer {made.json['value']}")
    assert await both.status(both.second, bearer) == 200
    async with both.socket(both.second, DASHBOARD, bearer) as stream:
        assert (await owner.client.delete(f"{tokens}/{made.json['id']}")).status == 204
        assert await closed(stream) == ENDED
    assert await both.refuses(both.second, bearer) == 401


async def test_proving_once_more_at_one_closes_nothing_at_the_other(both: Pair) -> None:
    user = await both.someone(Role.MEMBER)
    async with both.socket(both.second, DASHBOARD, cookie(user)) as page:
        await both.first.running.gateway.sessions.prove(user.session)
        await both.second.running.gateway.watch.look()
        await page.say(1, b"still there?")
        assert (await page.hear()).payload == b"still there?"
    assert await both.status(both.second, cookie(user)) == 200


async def test_two_admins_at_two_replicas_do_not_overwrite_each_other(both: Pair) -> None:
    """What one decided on is no longer true once the other has written: it is decided anew."""
    basis = await both.second.running.store.database.version()
    admin, user = await both.someone(admin=True), await both.someone(Role.MEMBER)
    assert (await admin.client.put(f"/spaces/acme/members/{user.id}", {"role": "viewer"})).status == 200
    with pytest.raises(Outdated):
        await both.second.running.store.database.edit([], [], basis=basis)
