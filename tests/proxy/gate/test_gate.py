"""Facts, leases and identity blocks: what is remembered, how long, and what makes it forget."""

import asyncio
import gc
from dataclasses import replace

import orjson
import pytest

from auth_plugins import Unavailable
from proxy.gate.gate import LEASE
from proxy.gate.principal import Lease, Principal
from proxy.gate.verdict import Missing, PasswordFact, PersonFact, SessionFact, SidFact
from proxy.model.access import Reason, Role
from proxy.nodered.surfaces import Surface
from proxy.store import StoreUnavailable
from tests.peers.changes import promised
from tests.proxy.gate.house import BASIC, LINE_3, LINE_4, House, head, instance, person, told

ADA = person("ada", Role.OWNER)
ADA_FACT = Missing([PersonFact("u-ada")])


@pytest.fixture
def house() -> House:
    return House().open()


# -- learning


async def test_a_fact_is_fetched_once_however_many_wait_for_it(house: House) -> None:
    house.login(ADA)
    release = asyncio.Event()
    house.facts.pause = release.wait
    async with asyncio.TaskGroup() as waiting:
        for _ in range(10):
            waiting.create_task(house.gate.learn(ADA_FACT))
        await asyncio.sleep(0)
        release.set()
    assert house.facts.asked == ["person u-ada"]
    assert house.gate.known_person("u-ada") is ADA


async def test_a_person_forgotten_while_being_fetched_is_fetched_again(house: House) -> None:
    house.login(ADA)
    lowered = person("ada", Role.VIEWER)

    async def change_once() -> None:
        if len(house.facts.asked) == 1:
            house.facts.people["u-ada"] = lowered
            house.gate.forget_person("u-ada")

    house.facts.pause = change_once
    await house.gate.learn(ADA_FACT)
    assert house.gate.person("u-ada") is lowered
    assert len(house.facts.asked) == 2


async def test_a_session_forgotten_while_being_fetched_is_fetched_again(house: House) -> None:
    cookie = house.login(ADA)

    async def end_once() -> None:
        if len(house.facts.asked) == 1:
            house.facts.sessions.clear()
            house.gate.forget_session("session-ada")

    house.facts.pause = end_once
    refused = await house.refused(house.caller(), head("/dashboard", cookie=cookie))
    assert refused.reason is Reason.SESSION_ENDED
    assert house.facts.asked == ["session", "session"]


async def test_trouble_is_no_answer_and_is_not_remembered(house: House) -> None:
    cookie = house.login(ADA)
    caller, request = house.caller(), head("/dashboard", cookie=cookie)
    house.facts.failing = StoreUnavailable("gone")
    missing = caller.judge(request, house.steady)
    assert isinstance(missing, Missing)
    with pytest.raises(StoreUnavailable):
        await house.gate.learn(missing)
    assert isinstance(caller.judge(request, house.steady), Missing)
    house.facts.failing = None
    await house.passed(caller, request)


async def test_a_waiter_that_gave_up_leaves_the_fact_to_be_learned(house: House) -> None:
    house.login(ADA)
    release = asyncio.Event()
    house.facts.pause = release.wait
    waiter = asyncio.create_task(house.gate.learn(ADA_FACT))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    release.set()
    await house.gate.learn(ADA_FACT)
    assert house.gate.known_person("u-ada") is ADA
    assert len(house.facts.asked) == 1


async def test_a_fact_whose_fetching_was_cancelled_is_fetched_anew(house: House) -> None:
    house.login(ADA)
    house.facts.pause = asyncio.Event().wait
    waiter = asyncio.create_task(house.gate.learn(ADA_FACT))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for task in house.gate._learning.values():
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    house.facts.pause = None
    await house.gate.learn(ADA_FACT)
    assert house.gate.known_person("u-ada") is ADA


async def test_a_fact_that_takes_too_long_is_trouble_within_four_seconds(house: House) -> None:
    house.facts.pause = asyncio.Event().wait
    async with promised(4):
        with pytest.raises(StoreUnavailable, match="too long"):
            await house.gate.learn(ADA_FACT)


async def test_a_password_that_cannot_be_checked_now_is_trouble_and_not_wrong() -> None:
    async def busy(*_: str) -> bool:
        raise Unavailable("worker_busy")

    house = House(verify=busy).open([instance("line-3", LINE_3, **BASIC)])
    station = house.gate.world.stations["r-line-3"]
    missing = house.gate.password(station, b"Basic eDp5")
    assert isinstance(missing, Missing)
    with pytest.raises(StoreUnavailable):
        await house.gate.learn(missing)
    assert house.gate.password(station, b"Basic eDp5") == missing


async def test_a_password_of_an_instance_that_is_gone_is_not_checked(house: House) -> None:
    await house.gate.learn(Missing([PasswordFact("r-gone", b"Basic eDp5")]))
    assert not house.passwords


async def test_an_engineio_session_is_ours_only_if_it_is_new(house: House) -> None:
    station = house.gate.world.stations["r-line-3"]
    first, second = (house.gate.nobody, house.gate.instance_password)
    missing = house.gate.sid_owner(station, b"abc", first)
    assert missing == Missing([SidFact("sid:r-line-3:abc", "nobody")])
    await house.gate.learn(missing)
    assert house.gate.sid_owner(station, b"abc", second) == "nobody"


# -- forgetting


async def logged_in(house: House, cookie: str) -> Principal:
    return (await house.passed(house.caller(), head("/dashboard", cookie=cookie))).principal


async def test_ending_a_session_forgets_all_its_cookies_and_leases(house: House) -> None:
    here, there = house.login(ADA), house.login(ADA, LINE_4)
    principal = await logged_in(house, here)
    caller = house.caller()
    await house.passed(caller, head("/dashboard", host=LINE_4, cookie=there))
    house.facts.sessions.clear()
    assert house.gate.forget_session("session-ada") == [principal]
    assert principal.ended
    assert not principal.leases
    assert not principal.blocks
    assert house.gate.take_touched() == []
    for host, cookie in ((LINE_3, here), (LINE_4, there)):
        refused = await house.refused(house.caller(), head("/dashboard", host=host, cookie=cookie))
        assert refused.reason is Reason.SESSION_ENDED
    assert house.gate.forget_session("session-ada") == []


async def test_forgetting_all_has_everything_fetched_again(house: House) -> None:
    cookie = house.login(ADA)
    caller = house.caller()
    before = (await house.passed(caller, head("/dashboard", cookie=cookie))).principal
    house.gate.forget_all()
    assert before.ended
    after = (await house.passed(caller, head("/dashboard", cookie=cookie))).principal
    assert after is not before
    assert house.facts.asked == ["session", "person u-ada"] * 2


async def test_a_session_has_one_principal_while_somebody_holds_it(house: House) -> None:
    session, _ = house.facts.sessions[next(iter(house.facts.sessions))] if house.login(ADA) else (None, "")
    assert session is not None
    first = house.gate.principal(session)
    assert house.gate.principal(session) is first
    del first
    gc.collect()
    assert len(house.gate._principals) == 0


async def test_when_sessions_were_seen_is_told_once_in_time_since_the_epoch(house: House) -> None:
    cookie = house.login(ADA)
    await logged_in(house, cookie)
    assert house.gate.take_touched() == [("session-ada", pytest.approx(house.wall))]
    assert house.gate.take_touched() == []


async def test_a_change_of_the_world_forgets_counters_of_instances_that_are_gone(house: House) -> None:
    await house.refused(house.caller(), head("/dashboard"))
    assert ("acme/plant/line-3", "dashboard") in house.traffic.tallies
    house.gate.change_world(house.world([]))
    assert not house.traffic.tallies


# -- leases


async def leased(house: House, cookie: str, target: str = "/dashboard") -> Lease:
    return (await house.passed(house.caller(), head(target, cookie=cookie))).lease


async def test_a_decision_is_made_once_in_fifteen_seconds(house: House) -> None:
    cookie = house.login(ADA)
    first = await leased(house, cookie)
    house.steady += LEASE - 0.1
    assert await leased(house, cookie) is first
    house.steady += 0.1
    assert await leased(house, cookie) is not first


async def test_what_goes_on_from_another_address_is_judged_anew_at_the_next_look(house: House) -> None:
    """A change makes the lease that is remembered invalid, and there is one per surface."""
    cookie = house.login(ADA)
    first = await leased(house, cookie)
    passed = await house.passed(house.caller("203.0.113.9"), head("/dashboard", cookie=cookie))
    assert passed.lease is not first
    assert first.until == 0


async def test_a_lease_ends_with_the_session_at_the_latest(house: House) -> None:
    cookie = house.login(ADA, expires=house.wall + 5)
    assert (await leased(house, cookie)).until == pytest.approx(house.steady + 5)


async def test_looking_again_by_ourselves_is_no_activity(house: House) -> None:
    cookie = house.login(ADA)
    principal = await logged_in(house, cookie)
    house.gate.take_touched()
    station = house.gate.world.stations["r-line-3"]
    house.gate.decide(principal, station, Surface.DASHBOARD)
    assert principal.seen == house.steady
    assert house.gate.take_touched() == []


async def test_a_lease_says_what_a_log_line_needs(house: House) -> None:
    cookie = house.login(ADA)
    lease = await leased(house, cookie)
    assert orjson.loads(b"{" + lease.log.lstrip(b",")) == {
        "instance": "acme/plant/line-3",
        "surface": "dashboard",
        "user": "u-ada",
        "session": "session-ada",
        "role": "owner",
        "reason": "role",
    }
    refused = await house.refused(house.caller(), head("/dashboard"))
    assert refused.lease is not None
    assert orjson.loads(b"{" + refused.lease.log.lstrip(b","))["user"] is None


# -- identity


async def test_an_assertion_is_minted_once_in_45_seconds_for_each_use(house: House) -> None:
    cookie = house.login(ADA)

    async def assertion(target: str) -> list[str]:
        request = head(target, cookie=cookie)
        return told(await house.passed(house.caller(), request))["x-flowward-assertion"]

    first = await assertion("/dashboard")
    house.steady += 44.9
    assert await assertion("/api/x") == first
    assert await assertion("/flows") != first
    house.steady += 0.2
    assert await assertion("/dashboard") != first
    assert [told["use"] for told in house.claims] == ["http", "editor", "http"]


@pytest.mark.parametrize("what", ["role", "person", "address", "world", "instance"])
async def test_an_assertion_is_minted_anew_when_what_it_says_changes(what: str) -> None:
    house = House().open(trusted=True)
    cookie = house.login(ADA)
    caller = house.caller("10.0.0.1")
    request = head("/dashboard", {"X-Forwarded-For": "198.51.100.1"}, cookie=cookie)
    await house.passed(caller, request)
    match what:
        case "role" | "person":
            renamed = replace(ADA, user=replace(ADA.user, name="Lady Lovelace"))
            house.facts.people["u-ada"] = renamed if what == "person" else person("ada", Role.VIEWER)
            house.gate.forget_person("u-ada")
        case "address":
            request = head("/dashboard", {"X-Forwarded-For": "198.51.100.2"}, cookie=cookie)
        case "world":
            house.gate.change_world(house.world())
        case "instance":
            cookie = house.login(ADA, LINE_4)
            request = head("/dashboard", {"X-Forwarded-For": "198.51.100.1"}, host=LINE_4, cookie=cookie)
    await house.passed(caller, request)
    assert len(house.claims) == 2
    await house.passed(caller, request)
    assert len(house.claims) == 2


async def test_a_lease_made_anew_uses_the_same_assertion(house: House) -> None:
    cookie = house.login(ADA)
    before = await leased(house, cookie)
    house.steady += 20
    after = await leased(house, cookie)
    assert after is not before
    assert after.block == before.block
    assert len(house.claims) == 1


async def test_an_assertion_is_minted_only_where_the_instance_asks_for_it() -> None:
    house = House().open([instance("line-3", LINE_3, identity=("remote",))])
    cookie = house.login(ADA)
    fields = told(await house.passed(house.caller(), head("/dashboard", cookie=cookie)))
    assert fields["remote-user"] == ["ada"]
    assert "x-flowward-assertion" not in fields
    assert not house.claims


async def test_an_instances_own_token_goes_to_its_admin_api_alone() -> None:
    house = House().open([instance("line-3", LINE_3, admin_token="t0ken")])
    cookie = house.login(ADA)
    fields = {"Authorization": "Bearer mine"}
    assert told(await house.passed(house.caller(), head("/flows", fields, cookie=cookie)))["authorization"] == [
        "Bearer t0ken"
    ]
    assert "authorization" not in told(await house.passed(house.caller(), head("/dashboard", cookie=cookie)))


async def test_nobody_is_told_of_without_a_role_that_has_an_editor() -> None:
    house = House().open([instance("line-3", LINE_3, admin_token="t0ken")])
    cookie = house.login(person("dan", Role.DASHBOARD))
    caller = house.caller(inspects=True)
    assert "x-flowward-user" not in told(await house.passed(caller, head("/auth/login", cookie=cookie)))
    assert "authorization" not in told(await house.passed(house.caller(inspects=True), head("/auth/login")))


@pytest.mark.parametrize("name", ["A\r\nX-Flowward-Role: admin", "A\tB", "\ud800"])
async def test_a_person_whose_name_no_field_can_carry_is_refused(house: House, name: str) -> None:
    cookie = house.login(replace(ADA, user=replace(ADA.user, name=name)))
    refused = await house.refused(house.caller(), head("/dashboard", cookie=cookie))
    assert (refused.reason, refused.status) == (Reason.BAD_REQUEST, 400)


def test_a_fact_is_named_by_what_it_is_about(house: House) -> None:
    assert house.gate.session(b"x") == Missing([SessionFact(b"x")])
    assert house.gate.known_person("u-nobody") is None
