"""How often something may be tried through the API, and how a lock is lifted."""

from pathlib import Path

from proxy.model.audit import AuditQuery
from tests.proxy.web.api import house as houses
from tests.proxy.web.api.house import House

WRONG = {"username": "max", "password": "wrong"}


async def test_tokens_are_made_so_often_and_each_user_has_an_allowance(house: House) -> None:
    house.stop()
    async with house.user("max") as user, house.user("vic") as other:
        made = [await user.post("/me/tokens", {"name": f"t{number}"}) for number in range(6)]
        assert [answer.status for answer in made] == [201] * 5 + [429]
        assert (made[-1].code, made[-1].headers["Retry-After"]) == ("too_many_requests", "6")
        assert made[-1].headers["RateLimit-Policy"] == '"token_create";q=5;w=30'
        assert made[0].headers["RateLimit-Policy"] == '"api";q=1000;w=60'
        assert (await other.post("/me/tokens", {"name": "t"})).status == 201
        house.pass_(6)
        assert (await user.post("/me/tokens", {"name": "t6"})).status == 201


async def test_people_are_invited_so_often(house: House) -> None:
    house.stop()
    async with house.user("olga") as owner:
        sent = [{"to": f"guest{number}", "role": "viewer"} for number in range(6)]
        answers = [await owner.post("/spaces/acme/invitations", body) for body in sent]
        assert [answer.status for answer in answers] == [202] * 5 + [429]


async def test_an_admin_lets_somebody_in_again_whom_failed_logins_locked_out(tmp_path: Path) -> None:
    limits: dict[str, object] = {"login": "100/s", "lockout": {"failures": 3, "seconds": "1h"}}
    async with houses.house(tmp_path, limits=limits) as house, house.user("ada") as admin, house.nobody() as nobody:
        right = {**WRONG, "password": "correct horse battery"}
        assert [(await nobody.post("/auth/login", WRONG)).status for _ in range(3)] == [401] * 3
        refused = await nobody.post("/auth/login", right)
        assert (refused.status, refused.code) == (401, "credentials_wrong")
        assert (await admin.post("/users/max/resume")).status == 200
        assert (await nobody.post("/auth/login", right)).status == 200
        found = await house.running.store.database.events(AuditQuery(events=("user.unlocked", "account.locked")))
        assert [(each.event.event, each.event.actor_name) for each in found.items] == [
            ("user.unlocked", "ada"),
            ("account.locked", "max"),
        ]


async def test_guesses_at_ones_own_password_lock_as_logins_do(tmp_path: Path) -> None:
    limits: dict[str, object] = {"login": "100/s", "lockout": {"failures": 3, "seconds": "1h"}}
    async with houses.house(tmp_path, limits=limits) as house, house.user("max") as user:
        wrong = {"current": "wrong", "new": "a new password of mine"}
        for _ in range(3):
            assert (await user.put("/me/password", wrong)).status == 422
        assert (await user.put("/me/password", {**wrong, "current": "correct horse battery"})).status == 422
        assert (await user.post("/auth/reauth", {"password": "correct horse battery"})).status == 401
