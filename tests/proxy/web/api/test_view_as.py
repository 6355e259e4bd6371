"""C-19: an admin looks on as a user: reads as they would, writes nothing, and both names are on record."""

import time
from pathlib import Path

from aiohttp import encode_basic_auth

from tests.peers.gateway import PASSWORD
from tests.proxy.web.api.house import Client, House
from tests.proxy.web.api.house import house as opened


async def began(ada: Client, user: str = "olga") -> Client:
    """The same browser, looking on as somebody."""
    answer = await ada.post(f"/view-as/{user}")
    assert answer.status == 200, answer.text
    assert answer.json["username"] == user
    return Client(ada.visitor, csrf=str(answer.json["csrf"]))


async def events(house: House, name: str) -> list[dict[str, object]]:
    async with house.user("root") as root:
        return (await root.get(f"/audit?event={name}")).items


async def test_c_19_it_reads_as_the_user_would_and_says_who_looks_on(house: House) -> None:
    async with house.user("ada") as ada, house.user("olga") as olga:
        ada_id = (await ada.get("/me")).json["id"]
        looking = await began(ada)
        me = (await looking.get("/me")).json
        assert (me["username"], me["admin"]) == ("olga", False)
        session = me["session"]
        assert isinstance(session, dict)
        assert session["viewer"] == ada_id
        assert 1700 < float(session["expires"]) - time.time() <= 1800
        for path in ("/spaces", "/instances", "/dashboards", "/users", "/settings"):
            seen, own = await looking.get(path), await olga.get(path)
            assert (seen.status, _without_actions(seen.text)) == (own.status, _without_actions(own.text)), path
        (acme,) = (await looking.get("/spaces")).items
        assert all(action.endswith((":read", ":list", ":audit")) for action in acme["actions"])  # type: ignore[attr-defined]


def _without_actions(text: str) -> str:
    return text.partition('"actions"')[0]


async def test_c_19_what_may_not_be_read_either_is_counted_as_the_admins(house: House) -> None:
    async with house.user("ada") as ada:
        looking = await began(ada)
        assert (await looking.get("/users")).status == 403
        gateway = house.running.gateway
        await gateway.auditing.refusals.flush(house.running.store.database, gateway.gate.clock.wall())
    (denied,) = await events(house, "permission.denied")
    assert denied["trigger"]["name"] == "ada"  # type: ignore[index]


async def test_c_19_every_write_is_refused_and_counted_as_the_admins(house: House) -> None:
    async with house.user("ada") as ada:
        looking = await began(ada)
        for method, path, body in (
            ("PUT", "/me", {"name": "Mallory"}),
            ("POST", "/spaces", {"kind": "team", "slug": "mine", "title": "Mine"}),
            ("DELETE", "/spaces/acme", None),
            ("POST", "/me/tokens", {"name": "mine"}),
            ("POST", "/view-as/vic", None),
            ("POST", "/auth/logout", None),
        ):
            refused = await looking.call(method, path, body, If_Match="*")
            assert (refused.status, refused.code) == (403, "viewing_as"), path
        now = house.running.gateway.gate.clock.wall()
        await house.running.gateway.auditing.refusals.flush(house.running.store.database, now)
    denied = await events(house, "permission.denied")
    assert {event["trigger"]["name"] for event in denied} == {"ada"}  # type: ignore[index]
    assert {event["body"]["error"] for event in denied} == {"viewing_as"}  # type: ignore[index]


async def test_c_19_two_events_name_both(house: House) -> None:
    async with house.user("ada") as ada:
        looking = await began(ada)
        assert (await looking.delete("/view-as")).status == 204
        assert (await ada.get("/me")).json["username"] == "ada"
    for name in ("platform.view-as.started", "platform.view-as.ended"):
        (event,) = await events(house, name)
        assert event["trigger"] == {"type": "user", "id": "u-ada", "name": "ada"}
        assert event["body"]["username"] == "olga"  # type: ignore[index]


async def test_the_admins_cookie_of_before_opens_nothing_and_a_new_one_comes_back(house: House) -> None:
    async with house.user("ada") as ada:
        before = dict(ada.visitor.cookies["localhost"])
        looking = await began(ada)
        during = dict(ada.visitor.cookies["localhost"])
        async with house.nobody() as thief:
            thief.visitor.cookies["localhost"] = before
            assert (await thief.get("/me")).status == 401
        await looking.delete("/view-as")
        after = (await ada.get("/me")).json
        assert after["username"] == "ada"
        assert len({str(each) for each in (before, during, ada.visitor.cookies["localhost"])}) == 3
        client = Client(ada.visitor, csrf=str(after["csrf"]))
        assert (await client.put("/me", {"name": "Ada Admin"})).status == 200
        assert (await client.delete("/view-as")).code == "not_viewing"


async def test_it_takes_an_admin_in_a_session_with_a_fresh_proof(house: House) -> None:
    async with house.user("olga") as olga:
        assert (await olga.post("/view-as/vic")).status == 404
    async with house.user("ada") as ada, house.program(ada, admin=True) as program:
        assert (await program.post("/view-as/vic")).code == "interactive_session_required"
        house.pass_(601)
        assert (await ada.post("/view-as/vic")).code == "reauthentication_required"


async def test_nobody_looks_on_as_who_cannot_log_in_or_as_themselves(house: House) -> None:
    async with house.user("ada") as ada:
        assert (await ada.post("/view-as/ada")).code == "yourself"
        assert (await ada.post("/users/vic/suspend")).status == 200
        assert (await ada.post("/view-as/vic")).code == "not_active"
        assert (await ada.post("/view-as/nobody")).status == 404


async def test_it_ends_by_itself_and_when_the_admin_is_none_any_more(house: House) -> None:
    async with house.user("ada") as ada:
        looking = await began(ada)
        await house.alter("ada", admin=False)
        assert (await looking.get("/me")).status == 401
        await house.alter("ada", admin=True)
        assert (await looking.get("/me")).status == 200
        house.pass_(1801)
        assert (await looking.get("/me")).status == 401


async def test_it_ends_when_the_admin_ends_their_session_elsewhere(house: House) -> None:
    async with house.user("ada") as here, house.user("ada") as there:
        looking = await began(here)
        assert (await there.delete("/me/sessions")).status == 204
        assert (await looking.get("/me")).status == 401


async def test_c_19_what_a_browser_sends_of_the_admins_own_does_not_write(tmp_path: Path) -> None:
    """A password, or what else a way in takes somebody for on each request, makes them themselves again nowhere."""
    ways = [{"name": "local", "plugin": "local"}, {"name": "programs", "plugin": "basic", "against": "local"}]
    async with opened(tmp_path, auth=ways) as house, house.user("ada") as ada:  # type: ignore[arg-type]
        own = {"Authorization": encode_basic_auth("ada", PASSWORD), "Origin": house.site.home}
        async with house.nobody() as program:
            assert (await program.get("/me", **own)).json["username"] == "ada"
        looking = await began(ada)
        assert (await looking.get("/me", **own)).json["username"] == "olga"
        refused = await looking.put("/me", {"name": "Mallory"}, **own)
        assert (refused.status, refused.code) == (403, "viewing_as")
