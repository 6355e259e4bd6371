"""Users, as admins manage them."""

import asyncio
from dataclasses import replace

import pytest

from proxy.model.access import Role
from proxy.model.identity import UserState
from proxy.store import PutPerson
from tests.peers.gateway import PASSWORD
from tests.proxy.web.api.house import House

ACCOUNT = {"username": "zoe", "name": "Zoe", "email": "zoe@acme.example", "admin": False}


async def test_a_new_user_chooses_a_password_by_a_link_and_is_logged_in(house: House) -> None:
    async with house.user("ada") as ada, house.nobody() as zoe:
        made = await ada.post("/users", {**ACCOUNT, "memberships": {"acme": "viewer"}})
        assert (made.status, made.json["state"]) == (201, "pending")
        assert (await zoe.post("/auth/login", {"username": "zoe", "password": PASSWORD})).status == 401
        link = await ada.post("/users/zoe/activation-link")
        page = await zoe.visitor.navigate(str(link.json["link"]))
        assert page.status == 200
        assert (await ada.get("/users/zoe")).json["id"] == made.json["id"]
        events = [item["event"] for item in (await ada.get("/audit?event=user.activation.created&limit=1")).items]
    assert events == ["user.activation.created"]


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"username": "MAX"}, "/username"),
        ({"username": "max@acme.example"}, "/username"),
        ({"email": "max@acme.example"}, "/email"),
        ({"email": "max"}, "/email"),
        ({"memberships": {"nothing": "viewer"}}, "/memberships/nothing"),
        ({"memberships": {"acme": "admin"}}, "/memberships/acme"),
        ({"username": "two words"}, "/username"),
    ],
)
async def test_what_is_typed_to_log_in_means_one_user(house: House, changed: dict[str, object], pointer: str) -> None:
    async with house.user("ada") as ada:
        answer = await ada.post("/users", {**ACCOUNT, **changed})
        assert answer.status in (409, 422)
        assert list(answer.faults) == [pointer]
        assert (await ada.get("/users")).total == 7


async def test_users_are_found_by_name_and_state(house: House) -> None:
    async with house.user("ada") as ada:
        await ada.post("/users/vic/suspend")
        assert [item["username"] for item in (await ada.get("/users?query=MAX")).items] == ["max"]
        assert [item["username"] for item in (await ada.get("/users?state=suspended")).items] == ["vic"]
        assert (await ada.get("/users?state=suspended")).total == 1


async def test_s_14_a_suspended_user_is_out_everywhere_at_once(house: House) -> None:
    async with house.user("ada") as ada, house.user("max") as user, house.program(user) as program:
        assert (await ada.post("/users/max/suspend")).json["state"] == "suspended"
        assert (await user.get("/me")).status == 401
        assert (await program.get("/me")).status == 401
        async with house.nobody() as nobody:
            assert (await nobody.post("/auth/login", {"username": "max", "password": PASSWORD})).status == 401
        assert (await ada.post("/users/max/resume")).json["state"] == "active"
        assert (await program.get("/me")).status == 200, "the token is good again (H-13)"
        assert (await user.get("/me")).status == 401, "the session is not"


async def test_p_05_s_14_the_last_admin_stays_one(house: House) -> None:
    """ada and root are admins; root is declared, and suspended here as its file could say."""
    async with house.user("ada") as ada:
        assert (await ada.post("/users/root/suspend")).status == 200
        for answer in (
            await ada.post("/users/ada/suspend"),
            await ada.delete("/users/ada"),
            await ada.put("/users/ada", {"username": "ada", "name": "Ada", "admin": False}),
        ):
            assert (answer.status, answer.code) == (409, "last_admin")
        assert (await ada.get("/me")).json["admin"] is True


async def test_s_14_of_two_admins_who_remove_each_other_at_once_one_remains(house: House) -> None:
    async with house.user("ada") as ada, house.user("root") as root:
        answers = await asyncio.gather(ada.post("/users/root/suspend"), root.post("/users/ada/suspend"))
        assert sorted(answer.status for answer in answers) != [200, 200]
        assert len(await house.running.store.database.admins()) == 1


async def test_s_14_the_last_owner_of_a_team_is_not_deleted(house: House) -> None:
    async with house.user("ada") as ada:
        answer = await ada.delete("/users/olga")
        assert (answer.status, answer.code) == (409, "last_owner")
        assert "acme" in str(answer.json["detail"])
        assert (await ada.delete("/users/max")).status == 204
        assert (await ada.get("/users/max")).status == 404


async def test_whoever_is_deleted_is_out_with_their_tokens(house: House) -> None:
    async with house.user("ada") as ada, house.user("max") as user, house.program(user) as program:
        assert (await ada.delete("/users/max")).status == 204
        assert (await user.get("/me")).status == 401
        assert (await program.get("/me")).status == 401


async def test_an_admin_who_deletes_their_own_account_is_answered(house: House) -> None:
    async with house.user("ada") as ada, house.user("root") as root:
        id_ = (await ada.get("/me")).json["id"]
        assert (await ada.delete("/users/ada")).status == 204
        assert (await ada.get("/me")).status == 401
        assert (await root.get("/users/ada")).status == 404
        assert await house.running.store.shared.sessions_of(str(id_)) == []


async def test_how_far_somebody_may_go_is_told_with_the_reason(house: House) -> None:
    async with house.user("ada") as ada:
        found = (await ada.get("/users/max/access")).items
        assert [(item["address"], item["role"], item["because"]) for item in found] == [
            ("acme/plant/line-3", "member", ["member: member in acme"]),
            ("acme/plant", "member", ["member: member in acme"]),
        ]
        assert (await ada.get("/users/nora/access")).items == []
        assert (await ada.get("/users/max/access?kind=application")).total == 1


async def test_p_08_what_an_override_keeps_somebody_out_of_is_told_with_who_keeps_it(house: House) -> None:
    person = await house.person("max")
    [held], estate = person.memberships.values(), await house.running.store.database.estate()
    plant = next(each.id for each in estate.resources.values() if each.slug == "plant")
    for managed, by in ((frozenset({plant}), " (sso)"), (frozenset[str](), "")):
        out = replace(held, overrides={plant: Role.NONE}, managed=managed)
        put = PutPerson(person=replace(person, memberships={held.space: out}))
        await house.running.store.database.edit([put], [])
        async with house.user("ada") as ada:
            found = (await ada.get("/users/max/access")).items
        because = [f"override: acme/plant says none{by}, with the membership of acme"]
        assert [(item["address"], item["role"], item["because"]) for item in found] == [
            ("acme/plant/line-3", "none", because),
            ("acme/plant", "none", because),
        ]
    await house.alter("max", state=UserState.SUSPENDED)
    async with house.user("ada") as ada:
        assert (await ada.get("/users/max/access")).items == [], "it is not the override that keeps them out"


async def test_why_somebody_may_do_something_or_not_is_told_to_owners_and_admins(house: House) -> None:
    question = "/explain?user=vic&may=instance:flows:edit&on=acme/plant/line-3"
    async with house.user("ada") as ada, house.user("olga") as olga, house.user("max") as max_:
        answer = await ada.get(question)
        assert (answer.json["allowed"], answer.json["reason"], answer.json["role"]) == (False, "role_too_low", "viewer")
        assert (await olga.get(question)).json["reason"] == "role_too_low"
        assert (await max_.get(question)).status == 403
        assert (await olga.get("/explain?user=vic&may=platform:users")).status == 403
        assert (await olga.get("/explain?user=nora&may=instance:http&on=acme/plant/line-3")).status == 404
        wrong = await ada.get("/explain?user=vic&may=space:edit&on=acme/plant")
        assert wrong.status == 422


async def test_the_directory_holds_those_one_may_know_of(house: House) -> None:
    async with house.user("dora") as dora, house.user("nora") as nora, house.user("ada") as ada:
        assert [item["username"] for item in (await dora.get("/directory")).items] == ["dora", "max", "olga", "vic"]
        assert [item["username"] for item in (await nora.get("/directory")).items] == ["nora"]
        assert (await nora.get("/directory?query=max@acme.example")).total == 0
        assert (await ada.get("/directory")).total == 7
        assert "@" not in (await dora.get("/directory")).text, "no address of anybody"


async def test_s_33_the_address_of_who_logs_in_by_a_provider_is_not_changed_here(house: House) -> None:
    async with house.user("ada") as ada:
        await house.alter("max", provider="corp", subject="77")
        changed = {"username": "max", "name": "Max", "email": "max@other.example"}
        answer = await ada.put("/users/max", changed)
        assert (answer.status, answer.code) == (409, "managed_by_sso")
        assert (await ada.put("/users/max", {**changed, "email": "max@acme.example"})).status == 200
