"""Who calls, and what of it a page elsewhere or a token cannot do."""

from pathlib import Path

import pytest

from tests.proxy.web.api import house as houses
from tests.proxy.web.api.house import House


async def test_nobody_is_asked_to_log_in(house: House) -> None:
    async with house.nobody() as nobody:
        answer = await nobody.get("/me")
    assert (answer.status, answer.code) == (401, "login_required")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("value", ["fwp_", "fwp_" + "A" * 43, "fws_" + "A" * 43, "fwh_" + "A" * 43])
async def test_a_token_that_we_never_gave_opens_nothing(house: House, value: str) -> None:
    async with house.nobody() as nobody:
        nobody.token = value
        answer = await nobody.get("/me")
    assert (answer.status, answer.code) == (401, "credentials_wrong")


async def test_r_63_a_change_by_session_needs_the_header_that_only_pages_of_ours_know(house: House) -> None:
    async with house.user("max") as user, house.user("vic") as other:
        for wrong in ("", "0" * 64, "é", other.csrf):
            answer = await user.put("/me", {"name": "Max"}, X_Flowward_CSRF=wrong)
            assert (answer.status, answer.code) == (403, "csrf_missing"), wrong
        assert (await user.put("/me", {"name": "Maxine"})).status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "http://line-3.localhost:{port}", "null"])
async def test_r_63_a_page_of_another_origin_changes_nothing(house: House, origin: str) -> None:
    """Instances are siblings of home: their pages are same-site, and cookies come along."""
    async with house.user("max") as user:
        said = origin.format(port=house.site.port)
        answer = await user.put("/me", {"name": "Evil"}, Origin=said)
        assert (answer.status, answer.code) == (403, "foreign_origin")
        assert (await user.get("/me")).json["name"] == "Max"
        login = await user.post("/auth/login", {"username": "max", "password": "x"}, Origin=said)
        assert (login.status, login.code) == (403, "foreign_origin")


async def test_r_63_a_cross_origin_form_is_refused(house: House) -> None:
    async with house.user("max") as user:
        form = {"Content_Type": "application/x-www-form-urlencoded", "Origin": "https://evil.example"}
        assert (await user.call("PUT", "/me", b"name=Evil", **form)).status == 403


async def test_h_09_a_read_only_token_changes_nothing(house: House) -> None:
    async with house.user("olga") as olga, house.program(olga, read_only=True) as program:
        assert (await program.get("/me")).status == 200
        changed = await program.post("/spaces", {"kind": "group", "slug": "g", "parent": "acme"})
        assert (changed.status, changed.code) == (403, "token_read_only")


async def test_h_09_a_token_of_one_space_reaches_no_other(house: House) -> None:
    async with house.user("ada") as ada, house.program(ada, spaces=["acme"], admin=True) as program:
        made = await ada.post("/spaces", {"kind": "team", "slug": "other", "title": "Other"})
        assert made.status == 201, made.text
        assert (await program.get("/spaces/acme")).status == 200
        assert (await program.get("/spaces/other")).status == 404


async def test_h_09_an_admins_token_is_no_admin_unless_it_says_so(house: House) -> None:
    async with house.user("ada") as ada:
        async with house.program(ada) as program:
            assert (await program.get("/users")).status == 403
            assert (await program.get("/spaces/acme")).status == 404
        async with house.program(ada, admin=True) as program:
            assert (await program.get("/users")).status == 200


async def test_h_09_a_token_that_has_expired_opens_nothing(house: House) -> None:
    async with house.user("max") as user:
        soon = house.running.gateway.gate.clock.wall() + 60
        async with house.program(user, expires=soon) as program:
            assert (await program.get("/me")).status == 200
            house.pass_(61)
            assert (await program.get("/me")).status == 401


SECURITY = [
    ("POST", "/me/tokens", {"name": "more"}, "pat_cannot_create_pat"),
    ("PUT", "/me", {"name": "X"}, "interactive_session_required"),
    ("PUT", "/me/password", {"current": "x" * 9, "new": "y" * 9}, "interactive_session_required"),
    ("DELETE", "/me/sessions", None, "interactive_session_required"),
    ("POST", "/users", {"username": "new"}, "interactive_session_required"),
    ("POST", "/users/max/suspend", None, "interactive_session_required"),
    (
        "PUT",
        "/settings",
        {
            "tenant_mode": True,
            "disable_all_users": False,
            "admin_data_access": "full",
            "switched_off": [],
            "upstream_allow": [],
        },
        "interactive_session_required",
    ),
]


@pytest.mark.parametrize(("method", "path", "body", "code"), SECURITY, ids=lambda value: str(value)[:24])
async def test_h_10_no_token_changes_what_security_rests_on(
    house: House, method: str, path: str, body: object, code: str
) -> None:
    async with house.user("ada") as ada, house.program(ada, admin=True) as program:
        answer = await program.call(method, path, body, If_Match="*")
    assert (answer.status, answer.code) == (403, code)


async def test_h_11_no_token_makes_a_token(house: House) -> None:
    async with house.user("max") as user, house.program(user) as program:
        answer = await program.post("/me/tokens", {"name": "child"})
        assert (answer.status, answer.code) == (403, "pat_cannot_create_pat")
        assert (await user.get("/me/tokens")).total == 1


async def test_what_asks_for_a_fresh_proof_works_again_after_one(house: House) -> None:
    async with house.user("max") as user:
        house.pass_(601)
        answer = await user.put("/me", {"name": "Later"})
        assert (answer.status, answer.code) == (403, "reauthentication_required")
        assert (await user.post("/auth/reauth", {"password": "wrong"})).status == 401
        assert (await user.post("/auth/reauth", {"password": "correct horse battery"})).status == 200
        assert (await user.put("/me", {"name": "Later"})).status == 200


async def test_whoever_calls_too_often_waits_and_nobody_else(tmp_path: Path) -> None:
    async with houses.house(tmp_path, limits={"api": "5/60s"}) as house, house.user("max") as user:
        house.stop()
        first = await user.get("/me")
        assert first.headers["RateLimit-Policy"] == '"api";q=5;w=60'
        assert first.headers["RateLimit"].startswith('"api";r=4;')
        assert [(await user.get("/me")).status for _ in range(4)] == [200] * 4
        answer = await user.get("/me")
        assert (answer.status, answer.code, answer.headers["Retry-After"]) == (429, "too_many_requests", "12")
        assert answer.headers["RateLimit"].startswith('"api";r=0;')
        async with house.user("vic") as other:
            assert (await other.get("/me")).status == 200
        house.pass_(12)
        assert (await user.get("/me")).status == 200


async def test_nobodys_requests_count_per_address(house: House) -> None:
    house.stop()
    async with house.nobody() as nobody, house.user("max") as user:
        statuses = [(await nobody.get("/me")).status for _ in range(100)]
        assert statuses == [401] * 99 + [429], "logging in was a request without a login, too"
        assert (await user.get("/me")).status == 200
