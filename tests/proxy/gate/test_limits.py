"""What a token is limited to beyond roles."""

import pytest

from proxy.gate.limits import judge_endpoint_token, limits_of
from proxy.model.access import Permission, Reason, Role
from proxy.model.estate import HttpAuth
from proxy.model.identity import Token, TokenKind
from proxy.nodered.surfaces import RULES, Surface
from tests.proxy.gate.house import BASIC, House, head, instance

PLC = Token(id="t-plc", kind=TokenKind.HTTP, name="plc", created=0.0, instance="r-line-3")
HTTP = {surface for surface, rule in RULES.items() if rule.permission is Permission.HTTP}


def token(**limits: object) -> Token:
    return Token(id="t", kind=TokenKind.PERSONAL, name="t", created=0.0, user="u-ada", **limits)  # type: ignore[arg-type]


def exceeded(
    of: Token, target: str, method: str = "GET", *, surface: Surface = Surface.ENDPOINT, **fields: str
) -> bool:
    limits = limits_of(of)
    assert limits is not None
    sent = head(target, fields, method=method)
    twice = [limits.exceeded_by(sent, sent.target, surface, "203.0.113.7") is not None for _ in range(2)]
    assert twice[0] is twice[1]
    return twice[0]


def test_a_token_without_limits_has_none_to_look_at() -> None:
    assert limits_of(token(admin=True, spaces=frozenset({"s-acme"}))) is None


@pytest.mark.parametrize(
    ("prefix", "target", "beyond"),
    [
        ("/api", "/api", False),
        ("/api", "/api/", False),
        ("/api", "/API/x?y", False),
        ("/Api", "/api/x", False),
        ("/api", "/api;v=1/x", True),
        ("/api", "/apix", True),
        ("/api", "/", True),
        ("/api", "/x/api", True),
        ("/api", "/ap%69", True),
        ("/api", "/api%2fx", True),
        ("/api", "//api", False),
        ("/", "/anything", False),
    ],
)
def test_a_path_is_within_a_prefix_in_every_way_it_may_be_read(prefix: str, target: str, beyond: bool) -> None:
    assert exceeded(token(paths=(prefix,)), target) is beyond


def test_any_prefix_will_do_and_long_paths_are_not_remembered() -> None:
    limited = token(paths=("/a", "/b"))
    assert not exceeded(limited, "/b/" + "x" * 400)
    assert exceeded(limited, "/c/" + "x" * 400)


def test_whoever_may_get_may_ask_for_the_head() -> None:
    limited = token(methods=("GET",))
    assert not exceeded(limited, "/", "HEAD")
    assert exceeded(limited, "/", "POST")
    assert exceeded(token(methods=("POST",)), "/", "GET")


@pytest.mark.parametrize(
    ("method", "fields", "surface", "beyond"),
    [
        ("GET", {}, Surface.ENDPOINT, False),
        ("OPTIONS", {}, Surface.ENDPOINT, False),
        ("POST", {}, Surface.ENDPOINT, True),
        ("GET", {"Upgrade": "websocket"}, Surface.SOCKET, True),
        ("GET", {"Upgrade": "websocket"}, Surface.COMMS, False),
    ],
)
def test_reading_changes_nothing(method: str, fields: dict[str, str], surface: Surface, beyond: bool) -> None:
    assert exceeded(token(read_only=True), "/x", method, surface=surface, **fields) is beyond


@pytest.mark.parametrize("surface", Surface)
@pytest.mark.parametrize("mode", HttpAuth)
@pytest.mark.parametrize("at", ["line-3", "line-4"])
def test_a_token_for_endpoints_is_judged_by_instance_mode_and_surface(
    at: str, mode: HttpAuth, surface: Surface
) -> None:
    house = House().open((instance(at, "x.example", **{**BASIC, "http_auth": mode}),))
    station = house.gate.world.stations[f"r-{at}"]
    decision = judge_endpoint_token(PLC, station, surface)
    if surface in (Surface.PUBLIC, Surface.PREFLIGHT):
        assert (decision.allowed, decision.role) == (True, Role.NONE)
    elif at == "line-4":
        assert (decision.status, decision.reason) == (401, Reason.CREDENTIALS_WRONG)
    elif surface not in HTTP:
        unlisted = surface is Surface.UNLISTED
        assert (decision.status, decision.reason) == (403, Reason.UNLISTED_ENDPOINT if unlisted else Reason.TOKEN_SCOPE)
    elif mode is HttpAuth.BASIC:
        assert (decision.status, decision.reason) == (401, Reason.CREDENTIALS_WRONG)
    else:
        assert (decision.allowed, decision.role) == (True, Role.DASHBOARD)
