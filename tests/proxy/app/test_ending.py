"""The end of a session, as whoever ended it finds it."""

from pathlib import Path

from proxy.services.sessions import Visit
from tests.peers.answers import by_path, plain
from tests.peers.gateway import visitor
from tests.peers.upstream import upstream
from tests.proxy.app.house import HOST, site


async def test_by_the_time_an_end_is_answered_the_session_opens_nothing_more(tmp_path: Path) -> None:
    """Not only soon after: whoever logs out and goes back finds the login."""
    async with upstream(by_path({"*": plain(b"hello")})) as instance:
        made = site(tmp_path, instance.url)
        async with made.running() as running, visitor(made) as dora:
            account = await running.store.database.account("dora")
            assert account is not None
            for _ in range(10):
                visit = Visit(user_id=account.user.id, provider="local", amr=("pwd",), host=HOST)
                session, value = await running.gateway.sessions.start(visit)
                dora.cookies[HOST] = {"flowward": value}
                assert (await dora.request("GET", f"{made.origin(HOST)}/dashboard/")).status == 200
                await running.gateway.sessions.end(session.id)
                assert (await dora.request("GET", f"{made.origin(HOST)}/dashboard/")).status == 401
