"""Tokens in an Authorization field, at one connection's way through the gate."""

import base64
from dataclasses import replace

import pytest

from proxy.gate.answers import wants_page, wants_telling
from proxy.gate.facts import KEPT
from proxy.gate.verdict import Missing, TokenFact
from proxy.model.access import Reason, Role
from proxy.model.estate import HttpAuth
from proxy.model.identity import Token, TokenKind, UserState
from tests.proxy.gate.house import BASIC, HOME, LINE_4, House, head, instance, person, told

ADA = person("ada", Role.OWNER)
CI = Token(id="t-ci", kind=TokenKind.PERSONAL, name="ci", created=0.0, user="u-ada")
PLC = Token(id="t-plc", kind=TokenKind.HTTP, name="plc 7", created=0.0, instance="r-line-3")
WRONG = {"Authorization": "Bearer fwp_" + "A" * 43}


@pytest.fixture
def house() -> House:
    return House().open()


async def test_a_token_is_looked_up_once_and_then_known(house: House) -> None:
    field, caller = house.give(CI, ADA), house.caller()
    first = caller.judge(head("/api", field), house.steady)
    assert isinstance(first, Missing)
    assert [type(fact) for fact in first.facts] == [TokenFact]
    for _ in range(3):
        assert told(await house.passed(caller, head("/api", field)))["x-flowward-user"] == ["ada"]
        assert told(await house.passed(house.caller(), head("/api", field)))["x-flowward-user"] == ["ada"]
    assert house.facts.asked == ["token", "person u-ada"]


async def test_one_token_is_one_principal_however_many_connections(house: House) -> None:
    field = house.give(CI, ADA)
    passed = [await house.passed(house.caller(), head("/api", field)) for _ in range(2)]
    assert passed[0].principal is passed[1].principal
    assert passed[0].lease is passed[1].lease
    assert passed[0].principal.key == "token:t-ci"


async def test_the_person_behind_a_token_is_told_with_how_it_came_in(house: House) -> None:
    field = house.give(replace(CI, expires=house.wall + 100.5), ADA)
    await house.passed(house.caller(inspects=True), head("/flows", field))
    [claims] = house.claims
    assert (claims["sub"], claims["amr"], claims["provider"], claims["session"]) == ("u-ada", ["token"], "token", "")
    assert (claims["token"], claims["session_exp"], claims["use"]) == ("t-ci", house.wall + 101, "editor")


async def test_a_token_for_endpoints_is_a_name_and_no_user(house: House) -> None:
    fields = told(await house.passed(house.caller(), head("/api", house.give(PLC))))
    assert fields["x-flowward-token"] == ["plc 7"]
    assert not {"x-flowward-user", "x-flowward-assertion", "authorization"} & fields.keys()
    house.open((instance("line-3", "line-3.example", identity=("assertion",)),))
    assert "x-flowward-token" not in told(await house.passed(house.caller(), head("/api", house.give(PLC))))


async def test_a_name_that_no_field_can_carry_is_refused(house: House) -> None:
    refused = await house.refused(house.caller(), head("/api", house.give(replace(PLC, name="a\r\nX: y"))))
    assert (refused.reason, refused.status) == (Reason.BAD_REQUEST, 400)


async def test_a_token_beats_the_cookie_beside_it(house: House) -> None:
    cookie = house.login(person("vic", Role.VIEWER))
    fields = told(await house.passed(house.caller(), head("/api", house.give(CI, ADA), cookie=cookie)))
    assert fields["x-flowward-user"] == ["ada"]
    refused = await house.refused(house.caller(), head("/api", WRONG, cookie=cookie))
    assert (refused.reason, refused.status) == (Reason.CREDENTIALS_WRONG, 401)


async def test_a_refused_token_is_told_to_a_program_not_shown_to_a_person(house: House) -> None:
    """No redirect to a login, which would not help; no socket that is accepted to be told."""
    request = head("/comms", WRONG | {"Upgrade": "websocket", "Connection": "Upgrade"})
    assert not wants_telling(request, await house.refused(house.caller(), request))
    page = head("/api", WRONG | {"Sec-Fetch-Mode": "navigate", "Accept": "text/html"})
    assert not wants_page(page, await house.refused(house.caller(), page))


@pytest.mark.parametrize(
    ("token", "mode", "target", "said"),
    [
        (PLC, HttpAuth.USER, "/flows", "personal token"),
        (replace(PLC, instance="r-line-4"), HttpAuth.USER, "/api", "another instance"),
        (PLC, HttpAuth.BASIC, "/api", "http_auth mode is user"),
        (replace(PLC, expires=1.0), HttpAuth.USER, "/api", "has expired"),
        (replace(CI, expires=1.0), HttpAuth.USER, "/api", "has expired"),
        (replace(PLC, methods=("PUT",)), HttpAuth.USER, "/api", "for the methods PUT"),
        (replace(PLC, paths=("/x",)), HttpAuth.USER, "/api", "for paths below /x"),
        (replace(PLC, networks=("10.0.0.0/8",)), HttpAuth.USER, "/api", "not for use from 203.0.113.7"),
        (replace(CI, read_only=True), HttpAuth.USER, "/dashboard/socket.io/?EIO=4", "read-only"),
        (replace(CI, spaces=frozenset({"s-customer"})), HttpAuth.USER, "/api", ""),
    ],
)
async def test_a_refusal_says_what_the_token_lacks(token: Token, mode: HttpAuth, target: str, said: str) -> None:
    settings: dict[str, object] = {**BASIC, "http_auth": mode}
    house = House().open((instance("line-3", "line-3.example", **settings),))
    method = "POST" if token.read_only else "GET"
    refused = await house.refused(house.caller(), head(target, house.give(token, ADA), method=method))
    assert said in refused.detail
    assert bool(said) is bool(refused.detail)


async def test_nobodys_script_can_send_a_token_so_its_origin_does_not_matter(house: House) -> None:
    field = house.give(CI, ADA) | {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    await house.passed(house.caller(), head("/dashboard/socket.io/?EIO=4", field, method="POST"))


async def test_a_token_as_a_password_counts_at_endpoints_and_minds_the_origin(house: House) -> None:
    value = house.give(PLC)["Authorization"].removeprefix("Bearer ")
    basic = {"Authorization": "Basic " + base64.b64encode(f"any:{value}".encode()).decode()}
    await house.passed(house.caller(), head("/dashboard/socket.io/?EIO=4", basic, method="POST"))
    evil = head("/dashboard/socket.io/?EIO=4", basic | {"Origin": "https://evil.example"}, method="POST")
    assert (await house.refused(house.caller(), evil)).reason is Reason.FOREIGN_ORIGIN
    assert (await house.refused(house.caller(), head("/flows", basic))).reason is Reason.LOGIN_REQUIRED
    house.open((instance("line-3", "line-3.example", **BASIC),))
    assert (await house.refused(house.caller(), head("/api", basic))).reason is Reason.CREDENTIALS_WRONG
    assert "authorization" not in told(
        await house.open((instance("line-3", "line-3.example", http_auth=HttpAuth.NONE),)).passed(
            house.caller(), head("/api", basic)
        )
    )


@pytest.mark.parametrize(
    "token",
    [
        replace(CI, expires=1.0),
        replace(CI, user="u-gone"),
        replace(CI, networks=("10.0.0.0/8",)),
        replace(CI, spaces=frozenset({"s-customer"})),
        replace(PLC, instance="r-line-4"),
        replace(PLC, methods=("PUT",)),
    ],
)
async def test_where_anybody_may_go_a_token_that_does_not_count_is_nobodys(house: House, token: Token) -> None:
    house.open((instance("line-3", "line-3.example", public=("/open/**",)), instance("line-4", LINE_4)))
    field = house.give(token, ADA)
    fields = told(await house.passed(house.caller(), head("/open/x", field)))
    assert not {"authorization", "x-flowward-user", "x-flowward-token"} & fields.keys()
    assert (await house.refused(house.caller(), head("/dashboard/x", field))).status in (401, 403, 404)


async def test_guesses_are_charged_and_right_tokens_are_not(house: House) -> None:
    house.open(anonymous=3)
    field, caller = house.give(CI, ADA), house.caller()
    for _ in range(10):
        await house.passed(caller, head("/api", field))
    said = [(await house.refused(caller, head("/api", WRONG))).status for _ in range(5)]
    assert said == [401, 401, 401, 429, 429]
    await house.passed(caller, head("/api", field))
    other = house.give(replace(CI, id="t-other"), ADA)
    assert (await house.refused(house.caller(), head("/api", other))).status == 429
    await house.passed(house.caller("198.51.100.1"), head("/api", other))


async def test_guessing_does_not_close_what_anybody_may_see(house: House) -> None:
    house.open((instance("line-3", "line-3.example", public=("/open/**",)),), anonymous=1)
    caller = house.caller()
    await house.refused(caller, head("/api", WRONG))
    other = {"Authorization": "Bearer fwp_" + "B" * 43}
    await house.passed(caller, head("/open/x", other))


async def test_an_unknown_token_is_asked_for_again_after_a_while_or_a_change(house: House) -> None:
    caller = house.caller()
    for _ in range(3):
        await house.refused(caller, head("/api", WRONG))
    assert house.facts.asked == ["token"]
    house.gate.forget_token("t-new")
    await house.refused(caller, head("/api", WRONG))
    assert house.facts.asked == ["token", "token"]
    house.steady += 31
    await house.refused(caller, head("/api", WRONG))
    assert house.facts.asked == ["token", "token", "token"]


async def test_a_revoked_token_is_refused_and_its_leases_are_over(house: House) -> None:
    field, caller = house.give(CI, ADA), house.caller()
    passed = await house.passed(caller, head("/api", field))
    house.facts.tokens.clear()
    assert house.gate.forget_token("t-ci") == [passed.principal]
    assert passed.lease.until == 0.0
    refused = await house.refused(caller, head("/api", field))
    assert (refused.reason, refused.status, refused.detail) == (
        Reason.CREDENTIALS_WRONG,
        401,
        "no such token, or it was revoked",
    )
    assert house.gate.forget_token("t-unknown") == []


async def test_what_was_read_before_a_change_is_read_again(house: House) -> None:
    """Between the answer of the store and its arrival here, the token is revoked."""
    field, caller = house.give(CI, ADA), house.caller()

    async def meanwhile() -> None:
        if house.facts.tokens:
            house.facts.tokens.clear()
            house.gate.forget_token("t-ci")

    house.facts.pause = meanwhile
    assert (await house.refused(caller, head("/api", field))).reason is Reason.CREDENTIALS_WRONG


async def test_a_token_that_was_narrowed_is_judged_by_what_it_is_now(house: House) -> None:
    field, caller = house.give(CI, ADA), house.caller()
    before = await house.passed(caller, head("/api", field))
    house.give(replace(CI, spaces=frozenset({"s-customer"})))
    house.gate.forget_token("t-ci")
    assert (await house.refused(caller, head("/api", field))).status == 404
    assert before.principal.token is not None
    assert before.principal.token.spaces == {"s-customer"}


async def test_a_suspended_persons_token_is_dead_and_comes_back_with_them(house: House) -> None:
    field, caller = house.give(CI, ADA), house.caller()
    await house.passed(caller, head("/api", field))
    house.facts.people["u-ada"] = replace(ADA, user=replace(ADA.user, state=UserState.SUSPENDED))
    house.gate.forget_person("u-ada")
    assert (await house.refused(caller, head("/api", field))).reason is Reason.CREDENTIALS_WRONG
    house.facts.people["u-ada"] = ADA
    house.gate.forget_person("u-ada")
    await house.passed(caller, head("/api", field))


@pytest.mark.parametrize("token", [CI, PLC])
async def test_a_token_ends_with_its_time(house: House, token: Token) -> None:
    field, caller = house.give(replace(token, expires=house.wall + 10), ADA), house.caller()
    await house.passed(caller, head("/api", field))
    house.steady += 10
    house.wall += 10
    refused = await house.refused(caller, head("/api", field))
    assert (refused.reason, refused.status) == (Reason.CREDENTIALS_WRONG, 401)


@pytest.mark.parametrize("token", [CI, PLC])
async def test_without_a_store_nobody_can_say_whether_a_token_was_revoked(house: House, token: Token) -> None:
    field, caller = house.give(token, ADA), house.caller()
    await house.passed(caller, head("/api", field))
    house.gate.lose_sight(KEPT)
    assert (await house.refused(caller, head("/api", field))).status == 503


async def test_everything_forgotten_is_learned_again(house: House) -> None:
    field, caller = house.give(CI, ADA), house.caller()
    passed = await house.passed(caller, head("/api", field))
    house.gate.forget_all()
    assert passed.principal.ended
    assert (await house.passed(caller, head("/api", field))).principal is not passed.principal


async def test_an_engine_io_sid_belongs_to_the_token_that_began_it(house: House) -> None:
    mine, other = house.give(PLC), house.give(replace(PLC, id="t-2"))
    poll = "/dashboard/socket.io/?EIO=4&transport=polling&sid=abc"
    await house.passed(house.caller(), head(poll, mine))
    refused = await house.refused(house.caller(), head(poll, other))
    assert (refused.reason, refused.status) == (Reason.FOREIGN_SID, 403)


async def test_h_07_r_48_a_dashboard_user_keeps_working_after_half_an_hour(house: House) -> None:
    """Nothing is renewed, so nothing asks for a role that may see flows."""
    cookie, caller = house.login(person("dan", Role.DASHBOARD)), house.caller()
    for _ in range(4):
        await house.passed(caller, head("/dashboard/x", cookie=cookie))
        house.steady += 31 * 60
        house.wall += 31 * 60


async def test_uses_are_noted_and_written_down(house: House) -> None:
    field = house.give(CI, ADA)
    for _ in range(3):
        await house.passed(house.caller(), head("/api", field))
        house.steady += 20
        house.wall += 20
    await house.gate.uses.flush(house.facts)  # type: ignore[arg-type]
    assert house.facts.used == {"t-ci": house.wall - 60}


async def test_a_token_opens_nothing_of_the_gateways_own_pages(house: House) -> None:
    caller = house.caller()
    await house.ask(caller, head("/-/me", house.give(CI, ADA), host=HOME.removeprefix("https://")))
    assert caller.principal is house.gate.nobody
