"""The limits that instances have of their own."""

from dataclasses import replace

import pytest

from proxy.gate.fees import Payer, Tariff
from proxy.gate.principal import Kind, Principal, nobody
from proxy.gate.verdict import Pass, Refusal
from proxy.gate.world import Station
from proxy.model.access import Role
from proxy.model.estate import Limit
from proxy.nodered.surfaces import RULES, Surface
from proxy.store.memory import LocalLimits
from tests.proxy.gate.house import LINE_3, House, head, instance, person

ONE = Limit(count=1, period=60.0, burst=1)
TEN = Limit(count=10, period=60.0, burst=2)
FOREVER = float("inf")
ANN = Principal(Kind.SESSION, "ann's", expires=FOREVER, idle=FOREVER, seen=0.0)
SHARED = Principal(Kind.INSTANCE_PASSWORD, Kind.INSTANCE_PASSWORD, expires=FOREVER, idle=FOREVER, seen=0.0)


def stations(**limits: Limit | None) -> dict[str, Station]:
    return dict(House().world([instance("line-3", "line-3.example", **limits)]).stations)


@pytest.fixture
def tariff() -> Tariff:
    return Tariff(LocalLimits(lambda: 0.0))


@pytest.mark.parametrize("surface", Surface)
def test_all_but_the_admin_api_is_charged(tariff: Tariff, surface: Surface) -> None:
    (station,) = stations(limit_per_address=ONE, limit_per_principal=TEN).values()
    fees = tariff.of(ANN, station, surface)
    assert [fee.payer for fee in fees] == ([] if RULES[surface].admin else [Payer.PRINCIPAL, Payer.ADDRESS])


@pytest.mark.parametrize("surface", Surface)
def test_an_instance_without_limits_is_not_charged(tariff: Tariff, surface: Surface) -> None:
    (station,) = stations().values()
    assert tariff.of(ANN, station, surface) == ()


def test_a_limit_admits_its_burst_and_is_the_same_on_every_surface(tariff: Tariff) -> None:
    (station,) = stations(limit_per_address=TEN).values()
    one, other = (tariff.of(ANN, station, surface) for surface in (Surface.ENDPOINT, Surface.DASHBOARD))
    assert one == other
    assert [one[0].limit.admit("a") for _ in range(3)] == [0.0, 0.0, 6.0]


def test_a_limit_outlives_changes_but_not_its_instance(tariff: Tariff) -> None:
    before = stations(limit_per_address=ONE, limit_per_principal=TEN)
    (station,) = before.values()
    kept = tariff.of(ANN, station, Surface.ENDPOINT)
    tariff.keep_only(before)
    assert tariff.of(ANN, station, Surface.ENDPOINT) == kept
    settings = replace(station.settings, limit_per_principal=None)
    changed = replace(station.resource, instance=settings)
    after = House().world([changed]).stations
    tariff.keep_only(after)
    (remaining,) = tariff.of(ANN, after[changed.id], Surface.ENDPOINT)
    assert remaining == kept[1]
    tariff.keep_only({})
    assert tariff.of(ANN, station, Surface.ENDPOINT) != kept


@pytest.mark.parametrize(
    ("principal", "counted_elsewhere"),
    [(ANN, True), (SHARED, False), (nobody(), None)],
    ids=["a login", "a password that many share", "nobody"],
)
def test_a_login_is_counted_wherever_it_comes_from_and_a_shared_password_by_address_as_well(
    tariff: Tariff, principal: Principal, counted_elsewhere: bool | None
) -> None:
    (station,) = stations(limit_per_address=ONE, limit_per_principal=ONE).values()
    fees = {fee.payer: fee for fee in tariff.of(principal, station, Surface.ENDPOINT)}
    assert (Payer.PRINCIPAL in fees) == (counted_elsewhere is not None)
    for fee in fees.values():
        assert fee.charge("192.0.2.1") == 0
    assert fees[Payer.ADDRESS].charge("192.0.2.1") > 0
    assert fees[Payer.ADDRESS].charge("192.0.2.2") == 0
    if counted_elsewhere is not None:
        assert (fees[Payer.PRINCIPAL].charge("192.0.2.2") > 0) is counted_elsewhere


async def test_what_is_refused_for_the_address_costs_the_login_nothing() -> None:
    """Neighbours behind one address use it up; who is refused for them has all of their own wherever else they come from."""
    few = Limit(count=3, period=60.0, burst=3)
    at = House().open((instance("line-3", LINE_3, limit_per_address=few, limit_per_principal=few),))
    neighbour, dora = (at.login(person(name, Role.DASHBOARD)) for name in ("nora", "dora"))

    async def asked(cookie: str, address: str) -> str:
        verdict = await at.ask(at.caller(address), head("/dashboard", cookie=cookie))
        assert isinstance(verdict, Pass | Refusal)
        return verdict.limit.policy if isinstance(verdict, Refusal) and verdict.limit else "passed"

    shared, own = "192.0.2.1", "198.51.100.9"
    assert [await asked(neighbour, shared) for _ in range(3)] == ["passed"] * 3
    assert [await asked(dora, shared) for _ in range(9)] == [Payer.ADDRESS] * 9
    assert [await asked(dora, own) for _ in range(4)] == ["passed"] * 3 + [Payer.PRINCIPAL]


async def test_who_has_used_up_their_own_uses_up_nobody_elses() -> None:
    one, two = (Limit(count=count, period=60.0, burst=count) for count in (1, 2))
    at = House().open((instance("line-3", LINE_3, limit_per_address=two, limit_per_principal=one),))
    dora, nora = (at.login(person(name, Role.DASHBOARD)) for name in ("dora", "nora"))
    for _ in range(9):
        await at.ask(at.caller(), head("/dashboard", cookie=dora))
    assert isinstance(await at.ask(at.caller(), head("/dashboard", cookie=nora)), Pass)
