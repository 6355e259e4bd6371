"""Credentials that plugins look at, at one connection's way through the gate."""

import asyncio
import base64
from dataclasses import replace

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from auth_plugins import Refused, Unavailable
from proxy.access.gcra import Rate
from proxy.gate.identified import LASTS, TROUBLE_LASTS, WRONG_LASTS, Identified
from proxy.gate.principal import Kind
from proxy.gate.principals import Principals
from proxy.gate.verdict import Missing, Refusal
from proxy.model.access import Reason, Role
from proxy.model.identity import UserState
from proxy.services.clock import Clock
from proxy.services.ratelimit import Late, TooOften
from proxy.services.traffic import Traffic
from proxy.store import StoreUnavailable
from tests.peers.changes import promised
from tests.proxy.gate.doorman import ABSOLUTE, IDLE, Doorman, standing
from tests.proxy.gate.house import BASIC, LINE_4, House, head, instance, person, told
from tests.proxy.gate.test_credentials import CI

ADA = person("ada", Role.MEMBER)
VIC = person("vic", Role.VIEWER)
FIELD = {"Authorization": "Custom ada"}
OPEN = "/open/x"


def opened(*doormen: Doorman, **more: object) -> House:
    settings: dict[str, object] = {"public": ("/open/**",), "origins": ("https://pages.example",), **more}
    house = House().open((instance("line-3", "line-3.example", **settings), instance("line-4", LINE_4, **BASIC)))
    house.facts.people |= {"u-ada": ADA, "u-vic": VIC}
    return standing(house, *doormen)


@pytest.fixture
def corp() -> Doorman:
    found = Doorman()
    found.lets_in("Custom ada", "u-ada")
    found.knows["Custom wrong"] = Refused("credentials_wrong")
    return found


async def test_a_credential_is_asked_about_once_and_then_known(corp: Doorman) -> None:
    house = opened(corp)
    for _ in range(3):
        passed = await house.passed(house.caller(), head("/api", FIELD))
        assert told(passed)["x-flowward-user"] == ["ada"]
        assert "authorization" not in told(passed)
    assert len(corp.asked) == 1


async def test_it_is_asked_about_anew_after_a_minute_and_sooner_where_it_ends(corp: Doorman) -> None:
    house = opened(corp)
    await house.passed(house.caller(), head("/api", FIELD))
    house.steady += LASTS
    corp.lets_in("Custom ada", "u-ada", ends=house.wall + 5)
    await house.passed(house.caller(), head("/api", FIELD))
    house.steady += 5
    house.wall += 5
    corp.knows["Custom ada"] = Refused("expired")
    refused = await house.refused(house.caller(), head("/api", FIELD))
    assert (refused.reason, refused.status, len(corp.asked)) == (Reason.CREDENTIALS_WRONG, 401, 3)


async def test_who_it_is_and_how_is_told_to_the_instance(corp: Doorman) -> None:
    house = opened(corp)
    corp.lets_in("Custom ada", "u-ada", amr=("pwd", "otp"), groups=("ops",), ends=house.wall + 100)
    await house.passed(house.caller(inspects=True), head("/flows", FIELD))
    [claims] = house.claims
    assert (claims["sub"], claims["provider"], claims["amr"]) == ("u-ada", "corp", ["pwd", "otp"])
    assert (claims["sso_groups"], claims["session"]) == (["ops"], "")
    assert claims["session_exp"] == house.wall + 100


async def test_one_person_by_one_provider_is_one_principal_however_tokens_are_renewed(corp: Doorman) -> None:
    """Or the sid of a Dashboard would be somebody else's with each new token."""
    house = opened(corp)
    corp.lets_in("Custom younger", "u-ada", ends=house.wall + 100)
    first = await house.passed(house.caller(), head("/api", FIELD))
    second = await house.passed(house.caller(), head("/api", {"Authorization": "Custom younger"}))
    assert first.principal is second.principal
    assert (second.principal.kind, second.principal.key) == (Kind.CREDENTIAL, "credential:corp:u-ada")
    assert second.principal.expires == house.steady + ABSOLUTE


# -- what is wrong


async def test_a_wrong_one_beats_a_good_cookie(corp: Doorman) -> None:
    house = opened(corp)
    cookie = house.login(ADA)
    refused = await house.refused(house.caller(), head("/api", {"Authorization": "Custom wrong"}, cookie=cookie))
    assert (refused.reason, refused.status, refused.realm) == (Reason.CREDENTIALS_WRONG, 401, None)
    assert (await house.refused(house.caller(), head("/flows", {"Authorization": "Custom wrong"}))).status == 401


async def test_a_wrong_one_is_not_asked_about_again_at_once(corp: Doorman) -> None:
    """And when it is, that is no new guess: a program goes on sending the password that was good until yesterday."""
    house = opened(corp)
    for _ in range(3):
        await house.refused(house.caller(), head("/api", {"Authorization": "Custom wrong"}))
    assert len(corp.asked) == 1
    house.steady += WRONG_LASTS
    await house.refused(house.caller(), head("/api", {"Authorization": "Custom wrong"}))
    house.steady += 900.0
    await house.refused(house.caller(), head("/api", {"Authorization": "Custom wrong"}))
    assert corp.again == [False, True, False]


async def test_guesses_are_limited_by_address_and_what_is_known_is_not(corp: Doorman) -> None:
    house = opened(corp)
    await house.passed(house.caller(), head("/api", FIELD))
    house.gate.anonymous = house.gate.limits.limit("anonymous", Rate(count=3, period=60.0))
    corp.knows |= {f"Custom {n}": Refused("credentials_wrong") for n in range(5)}
    said = [await house.refused(house.caller(), head("/api", {"Authorization": f"Custom {n}"})) for n in range(5)]
    assert [refused.status for refused in said] == [401, 401, 401, 429, 429]
    assert len(corp.asked) == 4
    await house.passed(house.caller(), head("/api", FIELD))


@pytest.mark.parametrize(
    ("trouble", "reason", "status"),
    [
        (Unavailable("directory_unreachable"), Reason.FACTS_UNAVAILABLE, 503),
        (ValueError("a defect"), Reason.DEFECT, 500),
        (
            TooOften(Late(policy="login", rate=Rate(count=5, period=30.0), wait=7.0), "Too many."),
            Reason.TOO_MANY_REQUESTS,
            429,
        ),
    ],
)
async def test_trouble_is_neither_a_welcome_nor_a_wrong_password(
    corp: Doorman, trouble: Exception, reason: Reason, status: int
) -> None:
    house = opened(corp)
    corp.knows["Custom ada"] = trouble
    with structlog.testing.capture_logs() as logs:
        refused = await house.refused(house.caller(), head("/api", FIELD, cookie=house.login(ADA)))
    assert any(log["event"] == "plugin-failed" for log in logs) == (status == 500)
    assert (refused.reason, refused.status) == (reason, status)
    assert refused.retry_after == (7 if status == 429 else None)
    await house.refused(house.caller(), head("/api", FIELD))
    assert len(corp.asked) == 1
    house.steady += TROUBLE_LASTS
    corp.lets_in("Custom ada", "u-ada")
    await house.passed(house.caller(), head("/api", FIELD))


async def test_a_store_that_is_away_is_nothing_to_remember(corp: Doorman) -> None:
    house = opened(corp)
    corp.knows["Custom ada"] = StoreUnavailable("away")
    missing = house.caller().judge(head("/api", FIELD), house.steady)
    assert isinstance(missing, Missing)
    with pytest.raises(StoreUnavailable):
        await house.gate.learn(missing)
    corp.lets_in("Custom ada", "u-ada")
    await house.passed(house.caller(), head("/api", FIELD))


# -- who is asked


async def test_the_first_that_knows_what_to_make_of_it_says_who_it_is(corp: Doorman) -> None:
    first, last = Doorman(name="first"), Doorman(name="last")
    last.lets_in("Custom ada", "u-vic")
    house = opened(first, corp, last)
    assert told(await house.passed(house.caller(), head("/api", FIELD)))["x-flowward-user"] == ["ada"]
    assert (len(first.asked), len(corp.asked), len(last.asked)) == (1, 1, 0)


async def test_what_no_plugin_knows_is_as_without_plugins(corp: Doorman) -> None:
    house, cookie = opened(corp), ""
    cookie = house.login(ADA)
    field = {"Authorization": "Other x"}
    assert (await house.refused(house.caller(), head("/api", field, cookie=cookie))).status == 401
    assert told(await house.passed(house.caller(inspects=True), head("/flows", field, cookie=cookie)))
    await house.refused(house.caller(), head("/api", field))
    assert len(corp.asked) == 1


async def test_tokens_of_ours_come_first_and_are_shown_to_no_plugin(corp: Doorman) -> None:
    house = opened(corp)
    field = house.give(CI, ADA)
    assert (await house.passed(house.caller(), head("/api", field))).principal.kind is Kind.TOKEN
    value = field["Authorization"].removeprefix("Bearer ")
    pair = base64.b64encode(f"plc:{value}".encode()).decode()
    await house.passed(house.caller(), head("/api", {"Authorization": f"Basic {pair}"}))
    await house.refused(house.caller(), head("/flows", {"Authorization": f"Basic {pair}"}))
    unknown = {"Authorization": "Bearer fwp_" + "A" * 43}
    assert (await house.refused(house.caller(), head("/api", unknown))).status == 401
    assert corp.asked == []


async def test_an_instances_own_password_comes_before_plugins(corp: Doorman) -> None:
    """Who has none of it may be somebody all the same."""
    house = opened(corp)
    pair = base64.b64encode(b"wall:opensesame").decode()
    field = {"Authorization": f"Basic {pair}"}
    passed = await house.passed(house.caller(), head("/api", field, host=LINE_4))
    assert (passed.principal.kind, corp.asked) == (Kind.INSTANCE_PASSWORD, [])
    assert told(await house.passed(house.caller(), head("/api", FIELD, host=LINE_4)))["x-flowward-user"] == ["ada"]
    refused = await house.refused(house.caller(), head("/api", {"Authorization": "Custom none"}, host=LINE_4))
    assert (refused.status, refused.realm) == (401, "acme/plant/line-4")


async def test_a_header_that_a_plugin_reads_never_reaches_an_instance(corp: Doorman) -> None:
    """Nor in the spelling that some servers take for it; and two of them are no request."""
    corp.reads = ("x-badge",)
    corp.lets_in("7", "u-ada")
    house = opened(corp)
    fields = house.gate.fields
    passed = await house.passed(house.caller(), head("/api", {"X-Badge": "7"}, treatments=fields))
    assert told(passed)["x-flowward-user"] == ["ada"]
    cookie = house.login(VIC)
    passed = await house.passed(
        house.caller(), head("/api", {"X_Badge": "7", "x-Badge_": "7"}, cookie=cookie, treatments=fields)
    )
    assert told(passed)["x-flowward-user"] == ["vic"]
    assert not {"x-badge", "x_badge"} & told(passed).keys()
    assert len(corp.asked) == 1


async def test_a_certificate_is_a_credential_of_its_connection(corp: Doorman) -> None:
    corp.reads = ("certificate",)
    corp.lets_in("der", "u-ada")
    house = opened(corp)
    passed = await house.passed(house.caller(certificate=b"der"), head("/api", cookie=house.login(VIC)))
    assert told(passed)["x-flowward-user"] == ["ada"]
    assert (await house.refused(house.caller(), head("/api"))).reason is Reason.LOGIN_REQUIRED
    assert len(corp.asked) == 1


@given(
    st.dictionaries(
        st.sampled_from(["Cookie", "Accept", "Origin", "X_Badge", "X-Badges", "Cf-Connecting-Ip", "Remote-User"]),
        st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20),
    ),
    st.sampled_from(["GET", "POST"]),
    st.sampled_from(["/api", "/flows", OPEN, "/dashboard/socket.io/?EIO=4"]),
)
async def test_a_request_without_a_declared_header_reaches_no_plugin(
    fields: dict[str, str], method: str, target: str
) -> None:
    doorman = Doorman(reads=("authorization", "x-badge", "peer", "certificate"))
    house = opened(doorman)
    await house.ask(house.caller(), head(target, fields, method=method, treatments=house.gate.fields))
    assert doorman.asked == []


# -- where anybody may go


async def test_where_anybody_may_go_a_wrong_credential_is_none_and_a_right_one_is_ours(corp: Doorman) -> None:
    """H-15: what belongs to the flow is passed on; a password of ours is not."""
    house = opened(corp)
    wrong = told(await house.passed(house.caller(), head(OPEN, {"Authorization": "Custom wrong"})))
    assert (wrong["authorization"], "x-flowward-user" in wrong) == (["Custom wrong"], False)
    right = told(await house.passed(house.caller(), head(OPEN, FIELD)))
    assert ("authorization" in right, right["x-flowward-user"]) == (False, ["ada"])


async def test_no_password_of_ours_is_passed_on_while_nobody_can_say_whether_it_is_one(corp: Doorman) -> None:
    house = opened(corp)
    corp.knows["Custom ada"] = Unavailable("away")
    assert (await house.refused(house.caller(), head(OPEN, FIELD))).status == 503
    house.facts.people["u-ada"] = replace(ADA, user=replace(ADA.user, state=UserState.SUSPENDED))
    house.steady += TROUBLE_LASTS
    corp.lets_in("Custom ada", "u-ada")
    assert "authorization" not in told(await house.passed(house.caller(), head(OPEN, FIELD)))


async def test_trouble_with_what_no_flow_can_mean_keeps_nobody_from_what_is_public(corp: Doorman) -> None:
    corp.reads = ("x-badge",)
    corp.knows["7"] = Unavailable("away")
    house = opened(corp)
    passed = await house.passed(house.caller(), head(OPEN, {"X-Badge": "7"}, treatments=house.gate.fields))
    assert "x-badge" not in told(passed)


# -- somebody else's script


@pytest.mark.parametrize(
    ("sent", "reads", "expected"),
    [("Basic ada", "authorization", 403), ("Bearer ada", "authorization", 200), ("7", "x-badge", 403)],
)
async def test_what_browsers_send_by_themselves_acts_from_pages_of_the_instance_alone(
    sent: str, reads: str, expected: int
) -> None:
    corp = Doorman(reads=(reads,))
    corp.lets_in(sent, "u-ada")
    house = opened(corp)
    for origin, status in (
        ("https://evil.example", expected),
        ("https://pages.example", 200),
        ("https://line-3.example", 200),
    ):
        request = head("/api", {reads: sent, "Origin": origin}, method="POST", treatments=house.gate.fields)
        verdict = await house.ask(house.caller(), request)
        assert (verdict.status if isinstance(verdict, Refusal) else 200) == status, origin


# -- asking for a password


async def test_programs_are_asked_for_a_password_and_browsers_are_not() -> None:
    corp = Doorman(scheme="basic")
    corp.knows["Basic wrong"] = Refused("credentials_wrong")
    house = opened(corp)
    for fields in ({}, {"Authorization": "Basic wrong"}, {"Accept": "application/json"}):
        assert (await house.refused(house.caller(), head("/api", fields))).realm == "flowward"
    for fields in (
        {"Sec-Fetch-Mode": "cors"},
        {"Accept": "text/html"},
        {"X-Requested-With": "XMLHttpRequest"},
        {"Referer": "https://line-3.example/"},
        {"Cookie": "a=b"},
        {"Origin": "https://line-3.example"},
        {"Authorization": "Basic wrong", "Sec-Fetch-Mode": "cors"},
    ):
        assert (await house.refused(house.caller(), head("/api", fields))).realm is None, fields
    standing(house, Doorman())
    assert (await house.refused(house.caller(), head("/api"))).realm is None


# -- what ends


async def test_whatever_changes_about_a_user_their_credential_is_shown_again(corp: Doorman) -> None:
    """The password, perhaps: what was right a moment ago is asked about at once."""
    house, caller = opened(corp), None
    caller = house.caller()
    before = await house.passed(caller, head("/api", FIELD))
    assert house.gate.forget_person("u-ada") == [before.principal]
    assert before.principal.ended
    corp.knows["Custom ada"] = Refused("credentials_wrong")
    assert (await house.refused(caller, head("/api", FIELD))).status == 401


async def test_somebody_elses_change_is_no_concern(corp: Doorman) -> None:
    house = opened(corp)
    passed = await house.passed(house.caller(), head("/api", FIELD))
    assert house.gate.forget_person("u-vic") == []
    assert not passed.principal.ended
    await house.passed(house.caller(), head("/api", FIELD))
    assert len(corp.asked) == 1


async def test_a_change_while_a_plugin_is_asked_is_not_missed(corp: Doorman) -> None:
    house = opened(corp)

    async def change() -> None:
        corp.pause = None
        corp.knows["Custom ada"] = Refused("credentials_wrong")
        house.gate.forget_person("u-ada")

    corp.pause = change
    assert (await house.refused(house.caller(), head("/api", FIELD))).status == 401


async def test_who_changes_all_the_time_is_trouble(corp: Doorman) -> None:
    house = opened(corp)

    async def change() -> None:
        house.gate.forget_all()

    corp.pause = change
    assert (await house.refused(house.caller(), head("/api", FIELD))).status == 503


async def test_a_suspended_user_is_refused_at_once(corp: Doorman) -> None:
    house = opened(corp)
    await house.passed(house.caller(), head("/api", FIELD))
    house.facts.people["u-ada"] = replace(ADA, user=replace(ADA.user, state=UserState.SUSPENDED))
    house.gate.forget_person("u-ada")
    refused = await house.refused(house.caller(), head("/api", FIELD))
    assert (refused.reason, refused.status) == (Reason.CREDENTIALS_WRONG, 401)


async def test_what_goes_on_under_a_credential_ends_by_idleness(corp: Doorman) -> None:
    """Showing it again begins anew: a new principal under the same key, so that a sid stays whose it is."""
    house = opened(corp)
    first = (await house.passed(house.caller(), head("/api", FIELD))).principal
    house.steady += IDLE
    assert not first.alive(house.steady)
    second = (await house.passed(house.caller(), head("/api", FIELD))).principal
    assert (second is first, second.key == first.key, first.ended) == (False, True, True)


async def test_a_poll_is_no_activity_of_a_credential(corp: Doorman) -> None:
    house = opened(corp)
    principal = (await house.passed(house.caller(), head("/api", FIELD))).principal
    seen = principal.seen
    house.steady += 100
    await house.passed(house.caller(), head("/dashboard/socket.io/?EIO=4&transport=polling", FIELD))
    assert principal.seen == seen
    await house.passed(house.caller(), head("/api/x", FIELD))
    assert principal.seen == house.steady


async def test_no_credential_passes_while_nobody_can_say_who_is_suspended(corp: Doorman) -> None:
    house = opened(corp)
    await house.passed(house.caller(), head("/api", FIELD))
    house.gate.lose_sight(frozenset(Kind))
    assert (await house.refused(house.caller(), head("/api", FIELD))).status == 503


# -- what is kept


async def test_what_is_remembered_is_bounded_and_holds_no_password(corp: Doorman) -> None:
    clock = Clock(wall=lambda: 0.0, steady=lambda: 0.0)
    identified, reader = Identified(Principals(), clock, Traffic()), corp.reader()
    for n in range(6000):
        carried = reader.carried({"authorization": b"Custom %d" % n}, "192.0.2.1", b"")
        assert carried is not None
        key = identified.key(reader, carried)
        assert b"Custom" not in key
        missing = identified.look_up(reader, carried, key, "192.0.2.1")
        assert isinstance(missing, Missing)
        await identified.fetch(missing.facts[0])  # type: ignore[arg-type]
    assert len(identified._wrong) <= 4096


def test_what_is_remembered_is_told_apart_by_all_that_was_sent() -> None:
    clock = Clock(wall=lambda: 0.0, steady=lambda: 0.0)
    identified = Identified(Principals(), clock, Traffic())
    one = Doorman(reads=("x-a", "x-b", "peer", "certificate")).reader()
    other = Doorman(name="other", reads=("x-a", "x-b", "peer", "certificate")).reader()
    sent = [
        (one, (b"1", b"2", b"192.0.2.1", None)),
        (other, (b"1", b"2", b"192.0.2.1", None)),
        (one, (b"12", b"", b"192.0.2.1", None)),
        (one, (b"12", None, b"192.0.2.1", None)),
        (one, (None, b"12", b"192.0.2.1", None)),
        (one, (b"1", b"2", b"192.0.2.2", None)),
        (one, (b"1", b"2", b"192.0.2.1", b"der")),
        (one, (b"1;1:2", None, b"192.0.2.1", None)),
    ]
    assert len({identified.key(reader, carried) for reader, carried in sent}) == len(sent)
    assert Identified(Principals(), clock, Traffic()).key(*sent[0]) != identified.key(*sent[0])


async def test_a_provider_that_hangs_holds_up_nobody_who_comes_by_something_else(corp: Doorman) -> None:
    house, hanging = opened(corp), asyncio.Event()
    corp.pause = hanging.wait  # type: ignore[assignment]
    waiting = []
    for n in range(70):
        missing = house.caller().judge(head("/api", {"Authorization": f"Custom {n}"}), house.steady)
        assert isinstance(missing, Missing)
        waiting.append(asyncio.create_task(house.gate.learn(missing)))
    await asyncio.sleep(0)
    async with promised(1):
        await house.passed(house.caller(), head("/api", cookie=house.login(VIC)))
    hanging.set()
    await asyncio.gather(*waiting)
