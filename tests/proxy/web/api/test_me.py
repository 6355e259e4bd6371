"""What one reads and changes of oneself."""

import asyncio

import pytest
from yarl import URL

from proxy.model.access import Role
from proxy.model.identity import Membership
from proxy.store import Invitation, PutPerson
from tests.peers.changes import DEADLINE, promised
from tests.peers.gateway import PASSWORD
from tests.proxy.web.api.house import API, Client, House

NEW = "another long password"


async def test_p_13_everybody_reads_and_changes_themselves_and_nobody_else(house: House) -> None:
    async with house.user("dora") as dora:
        assert (await dora.get("/me")).json["username"] == "dora"
        assert (await dora.put("/me", {"name": "Dora D."})).json["name"] == "Dora D."
        for path in ("/users/max", "/users/u-max", "/users/no-one", "/users/max/access"):
            answer = await dora.get(path)
            assert (answer.status, answer.code) == (404, "not_found")
        assert (await dora.delete("/users/max")).status == 404


async def test_s_05_r_58_a_new_password_ends_every_other_session(house: House) -> None:
    async with house.user("max") as here, house.user("max") as there:
        assert (await here.put("/me/password", {"current": PASSWORD, "new": NEW})).status == 204
        assert (await here.get("/me")).status == 200
        assert (await there.get("/me")).status == 401
        async with house.nobody() as nobody:
            assert (await nobody.post("/auth/login", {"username": "max", "password": PASSWORD})).status == 401
            assert (await nobody.post("/auth/login", {"username": "max", "password": NEW})).status == 200


@pytest.mark.parametrize(
    ("current", "new", "status", "pointer"),
    [
        ("wrong", NEW, 422, "/current"),
        (PASSWORD, "short", 400, "/new"),
        (PASSWORD, "x" * 129, 400, "/new"),
        (PASSWORD, PASSWORD, 400, "/new"),
        (PASSWORD, "max@ACME.example", 400, "/new"),
    ],
)
async def test_s_05_a_password_that_cannot_be_taken_changes_nothing(
    house: House, current: str, new: str, status: int, pointer: str
) -> None:
    async with house.user("max") as here, house.user("max") as there:
        answer = await here.put("/me/password", {"current": current, "new": new})
        assert (answer.status, list(answer.faults)) == (status, [pointer])
        assert (await there.get("/me")).status == 200


async def test_guesses_at_the_password_that_is_are_limited_like_logins(house: House) -> None:
    house.stop()
    async with house.user("max") as user:
        body = {"current": "wrong", "new": NEW}
        statuses = [(await user.put("/me/password", body)).status for _ in range(5)]
        assert statuses == [422] * 4 + [429], "the login itself counts"


async def test_s_06_with_an_expired_password_only_a_new_one_can_be_chosen(house: House) -> None:
    async with house.user("ada") as ada, house.user("max") as here, house.program(here) as program:
        assert (await ada.post("/users/max/expire-password")).json["password_expired"] is True
        for client in (here, program):
            answer = await client.get("/me/home")
            assert (answer.status, answer.code) == (403, "password_expired")
        assert (await here.get("/me")).json["password_expired"] is True
        async with house.user("max") as again:
            assert (await again.get("/directory")).code == "password_expired"
            assert (await again.put("/me/password", {"current": PASSWORD, "new": NEW})).status == 204
            assert (await again.get("/me/home")).status == 200


async def test_sessions_are_listed_and_ended_one_by_one(house: House) -> None:
    async with house.user("max") as here, house.user("max") as there, house.user("vic") as other:
        found = (await here.get("/me/sessions")).items
        assert [item["current"] for item in found].count(True) == len(found) - 1 == 1
        (elsewhere,) = (item["id"] for item in found if not item["current"])
        assert (await other.delete(f"/me/sessions/{elsewhere}")).status == 404
        assert (await here.delete(f"/me/sessions/{elsewhere}")).status == 204
        assert (await there.get("/me")).status == 401
        assert (await here.delete(f"/me/sessions/{elsewhere}")).status == 404
        assert (await other.get("/me")).status == 200


async def test_all_other_sessions_end_at_once(house: House) -> None:
    async with house.user("max") as here, house.user("max") as there, house.user("max") as third:
        assert (await here.delete("/me/sessions")).status == 204
        assert [(await each.get("/me")).status for each in (here, there, third)] == [200, 401, 401]


async def test_a_tokens_value_is_shown_once_and_a_revoked_one_opens_nothing(house: House) -> None:
    async with house.user("max") as user, house.program(user, read_only=True) as program:
        (listed,) = (await user.get("/me/tokens")).items
        assert listed["read_only"] is True
        assert program.token not in (await user.get("/me/tokens")).text
        path = f"/me/tokens/{listed['id']}"
        changed = await user.put(path, {"name": "renamed", "expires": None})
        assert (changed.status, changed.json["name"]) == (200, "renamed")
        async with house.user("vic") as other:
            assert (await other.get(path)).status == 404
            assert (await other.delete(path)).status == 404
        assert (await user.delete(path)).status == 204
        assert (await program.get("/me")).status == 401


async def test_a_token_for_a_space_one_does_not_belong_to_is_refused_like_one_that_is_not_there(house: House) -> None:
    async with house.user("nora") as nora:
        known = await nora.post("/me/tokens", {"name": "x", "spaces": ["acme"]})
        unknown = await nora.post("/me/tokens", {"name": "x", "spaces": ["nothing"]})
    assert known.status == unknown.status == 422
    assert known.text == unknown.text


async def test_r_09_what_one_may_make_is_told_with_the_places(house: House) -> None:
    async with house.user("olga") as olga, house.user("max") as max_:
        mine, his = (await olga.get("/me/capabilities")).json, (await max_.get("/me/capabilities")).json
    assert [place["address"] for place in mine["create_instance"]] == ["acme/plant"]  # type: ignore[attr-defined]
    assert [place["address"] for place in mine["create_application"]] == ["acme"]  # type: ignore[attr-defined]
    assert mine["create_team"] is False
    assert not any(his.values())


async def test_r_09_an_override_decides_where_instances_may_be_made(house: House) -> None:
    estate = house.running.gateway.gate.world.estate
    plant = next(each for each in estate.resources.values() if each.slug == "plant")
    for name, role, expected in (("vic", Role.OWNER, ["acme/plant"]), ("olga", Role.VIEWER, [])):
        person = await house.person(name)
        (held,) = person.memberships.values()
        override = Membership(space=held.space, role=held.role, overrides={plant.id: role})
        put = PutPerson(person=type(person)(user=person.user, memberships={held.space: override}))
        await house.running.store.database.edit([put], [])
        async with house.user(name) as user:
            found = (await user.get("/me/capabilities")).json["create_instance"]
        assert [place["address"] for place in found] == expected  # type: ignore[attr-defined]


async def test_the_launcher_holds_what_one_may_open(house: House) -> None:
    async with house.user("dora") as dora, house.user("nora") as nora:
        (opening,) = (await dora.get("/me/home")).json["openings"]  # type: ignore[misc]
        assert (opening["address"], opening["editor"]) == ("acme/plant/line-3", "")
        assert (await nora.get("/me/home")).json["openings"] == []


async def test_an_invitation_is_accepted_or_declined_by_who_it_is_for(house: House) -> None:
    acme = next(iter((await house.person("max")).memberships))
    now = house.running.gateway.gate.clock.wall()
    offers = [
        Invitation(id=f"i-{number}", space=acme, role=Role.VIEWER, created=now, expires=now + 60, user="u-nora")
        for number in (1, 2)
    ]
    await house.running.store.database.edit(offers, [])
    async with house.user("nora") as nora, house.user("vic") as other:
        assert {item["id"] for item in (await nora.get("/me/invitations")).items} == {"i-1", "i-2"}
        assert (await other.get("/me/invitations")).items == []
        assert (await other.post("/me/invitations/i-1/accept")).status == 404
        assert (await nora.post("/me/invitations/i-2/reject")).status == 204
        assert (await nora.post("/me/invitations/i-1/accept")).status == 204
        (membership,) = (await nora.get("/me")).json["memberships"]  # type: ignore[misc]
        assert (membership["slug"], membership["role"]) == ("acme", "viewer")
        assert (await nora.post("/me/invitations/i-1/accept")).status == 404


async def _listen(house: House, client: Client, heard: "asyncio.Queue[str]") -> None:
    """Put every event's name into the queue, until the stream ends."""
    url = URL(f"http://127.0.0.1:{house.site.port}{API}/me/events")
    headers = {"Host": f"localhost:{house.site.port}", "Cookie": client.visitor.cookie("localhost")}
    async with client.visitor.session.get(url, headers=headers) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        async for line in response.content:
            if line.startswith(b"event: "):
                await heard.put(line.decode().split()[1])
    await heard.put("end")


async def test_r_19_a_change_of_ones_role_is_told_within_a_second_and_holds_without_a_new_login(house: House) -> None:
    async with house.user("max") as user, house.user("ada") as ada:
        heard: asyncio.Queue[str] = asyncio.Queue()
        listening = asyncio.create_task(_listen(house, user, heard))
        try:
            async with asyncio.timeout(DEADLINE):
                assert await heard.get() == "hello"
            person = await house.person("max")
            (held,) = person.memberships.values()
            lowered = {held.space: Membership(space=held.space, role=Role.OWNER)}
            put = PutPerson(person=type(person)(user=person.user, memberships=lowered))
            await house.running.store.database.edit([put], [])
            async with promised(1):
                assert await heard.get() == "permissions-changed"
            (membership,) = (await user.get("/me")).json["memberships"]  # type: ignore[misc]
            assert membership["role"] == "owner"
            assert (await ada.post("/users/max/suspend")).status == 200
            async with promised(1):
                assert await heard.get() == "end"
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
