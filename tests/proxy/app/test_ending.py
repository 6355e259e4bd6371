"""The end of a session, as whoever ended it finds it."""

from pathlib import Path

from proxy.model.identity import Person, Session, User
from proxy.services.sessions import Visit
from proxy.store import PutPerson
from tests.peers.answers import by_path, plain
from tests.peers.gateway import visitor
from tests.peers.upstream import upstream
from tests.proxy.app.house import HOST, site

EVE = Person(user=User(id="eve", username="eve", admin=True), memberships={})


async def test_by_the_time_an_end_is_answered_the_session_opens_nothing_more(tmp_path: Path) -> None:
    """Not only soon after: whoever logs out and goes back finds the login, and so does whoever knew the old password."""
    async with upstream(by_path({"*": plain(b"hello")})) as instance:
        made = site(tmp_path, instance.url)
        async with made.running() as running, visitor(made) as eve:
            gateway = running.gateway
            await running.store.database.edit([PutPerson(person=EVE)], [])

            async def by_logout(session: Session) -> None:
                await gateway.sessions.end(session.id)

            async def by_link(_: Session) -> None:
                token = await gateway.accounts.issue_link("eve")
                await gateway.accounts.activate(token, f"plum thunder canyon {token}", address="")

            for end in (by_logout, by_link) * 5:
                visit = Visit(user_id="eve", provider="local", amr=("pwd",), host=HOST)
                session, value = await gateway.sessions.start(visit)
                eve.cookies[HOST] = {"flowward": value}
                assert (await eve.request("GET", f"{made.origin(HOST)}/dashboard/")).status == 200
                await end(session)
                assert (await eve.request("GET", f"{made.origin(HOST)}/dashboard/")).status == 401
