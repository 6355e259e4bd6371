"""The way from an instance's host to the login page and back."""

from collections.abc import AsyncIterator
from pathlib import Path

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.services.cookies import Cookies
from proxy.services.login import Logins, Target, safe_path
from proxy.services.sites import Site, Sites
from tests.peers.state import open_store

KEY = b"k" * 32
TARGET = Target(host="line-3.example", path="/dashboard?x=1", hop="ab" * 32, round=1)
HOME = Site(name="gate.example", origin="https://gate.example", home=True)
LINE_3 = Site(name="line-3.example", origin="https://line-3.example")
SITES = Sites(HOME, {b"gate.example": HOME, b"line-3.example": LINE_3})


class Time:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def logins(tmp_path: Path, time: Time) -> AsyncIterator[Logins]:
    async with open_store(tmp_path) as store:
        yield Logins(store.shared, key=KEY, cookies=Cookies.of("https://gate.example"), now=time)


async def test_a_clock_set_back_makes_nobody_go_in_circles_who_came_back_once(logins: Logins, time: Time) -> None:
    assert not logins.in_circles("hop", "/dashboard")
    time.now -= 3600.0
    assert [logins.in_circles("hop", "/dashboard") for _ in range(4)] == [False] * 3 + [True]


# Return paths. R-64, and what oauth2-proxy, Pomerium and JupyterHub had to learn.
KEPT = [
    "/",
    "/dashboard",
    "/dashboard/page1?x=1&y=%2F%2Fevil",
    "/a//b",
    "/line-3/ui/#!/0",
    "/@evil.example",
    "/user:pass@evil.example",
    "/?next=//evil.example",
    "/%2e%2e/x",
    "/-",
    "/-x/",
    "/~ada/[x]",
]
REFUSED = [
    # other hosts
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "/\\/evil.example",
    "\\\\evil.example",
    "/%2f/evil.example",
    "/%2Fevil.example",
    "/%5Cevil.example",
    "/%09/evil.example",
    "/%0d%0a/evil.example",
    "https://evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "user@evil.example",
    "@evil.example",
    ".evil.example",
    # characters browsers drop or take for a slash
    "/\t/evil.example",
    "\t//evil.example",
    "/\n/evil.example",
    "/a\r\nSet-Cookie: x=y",
    "/a\\b",
    " /a",
    "/a b",
    "/\u3000/evil.example",
    "/\u2215evil.example",
    "/\x00",
    "/\x7f",
    # the gateway's own
    "/-/",
    "/-/logout",
    "/-/enter?code=x",
    # neither of it
    "",
    "?x",
    "#x",
    "/" + "a" * 2048,
]


@pytest.mark.parametrize("path", KEPT)
def test_a_path_on_this_host_is_kept(path: str) -> None:
    assert safe_path(path) == path


@pytest.mark.parametrize("path", REFUSED)
def test_what_is_no_path_on_this_host_becomes_the_root(path: str) -> None:
    assert safe_path(path) == "/"


@given(st.text(alphabet=st.characters(max_codepoint=0x2FF), max_size=40))
def test_whatever_comes_in_one_slash_and_printable_ascii_come_out(path: str) -> None:
    safe = safe_path(path)
    assert safe.startswith("/")
    assert safe[1:2] not in {"/", "\\"}
    assert all("!" <= character <= "~" and character != "\\" for character in safe)


def test_a_target_survives_being_sealed(logins: Logins) -> None:
    assert logins.unseal(logins.seal(TARGET)) == TARGET


def test_a_sealed_target_is_good_for_half_an_hour(logins: Logins, time: Time) -> None:
    sealed = logins.seal(TARGET)
    time.now += 1799
    assert logins.unseal(sealed) == TARGET
    time.now += 1
    assert logins.unseal(sealed) is None


CLAIMS = {"aud": "login", "exp": 4_000_000_000, "host": "line-3.example", "path": "//evil", "hop": "", "round": 0}


@pytest.mark.parametrize(
    "sealed",
    [
        "",
        "a.b.c",
        jwt.encode(CLAIMS, None, algorithm="none"),
        jwt.encode(CLAIMS, b"x" * 32, algorithm="HS256"),
        jwt.encode(CLAIMS, KEY * 2, algorithm="HS512"),
        jwt.encode(CLAIMS | {"aud": "other"}, KEY, algorithm="HS256"),
        jwt.encode({name: CLAIMS[name] for name in ("aud", "host", "path", "hop", "round")}, KEY, algorithm="HS256"),
    ],
    ids=["empty", "no token", "alg none", "another key", "another algorithm", "another audience", "no end"],
)
def test_a_target_nobody_sealed_for_this_is_none(logins: Logins, sealed: str) -> None:
    assert logins.unseal(sealed) is None


def test_a_tampered_target_is_none(logins: Logins) -> None:
    head, _, signature = logins.seal(TARGET).split(".")
    _, body, _ = jwt.encode(CLAIMS, KEY, algorithm="HS256").split(".")
    assert logins.unseal(f"{head}.{body}.{signature}") is None


def test_a_visitor_is_sent_home_with_a_hop(logins: Logins) -> None:
    step = logins.begin(SITES, LINE_3, "/dashboard", "")
    assert step.location.startswith("https://gate.example/-/login?to=")
    assert step.cookies[0].startswith("__Host-flowward-hop=")
    target = logins.unseal(step.location.partition("to=")[2])
    assert target is not None
    assert (target.host, target.path, target.round) == ("line-3.example", "/dashboard", 0)


def test_a_hop_is_used_again_but_not_one_we_cannot_have_set(logins: Logins) -> None:
    ours = "A" * 43
    assert logins.hop(f"a=b; __Host-flowward-hop={ours}") == ours
    assert len(logins.hop("__Host-flowward-hop=short")) == 43
    assert logins.known_hop("flowward-hop=" + ours) is None


async def test_a_code_opens_its_session_once(logins: Logins) -> None:
    hop = logins.hop("")
    code = await logins.code("s1", _bound(logins, hop))
    assert await logins.redeem(code, "line-3.example", hop) == "s1"
    assert await logins.redeem(code, "line-3.example", hop) is None


@pytest.mark.parametrize(
    ("host", "right_hop", "later"),
    [("line-4.example", True, 0), ("line-3.example", False, 0), ("line-3.example", True, 30)],
    ids=["another host", "another browser", "too late"],
)
async def test_a_code_out_of_place_is_spent_and_opens_nothing(
    logins: Logins, time: Time, host: str, right_hop: bool, later: float
) -> None:
    hop = logins.hop("")
    code = await logins.code("s1", _bound(logins, hop))
    time.now += later
    assert await logins.redeem(code, host, hop if right_hop else logins.hop("")) is None
    time.now -= later
    assert await logins.redeem(code, "line-3.example", hop) is None


async def test_a_code_without_a_hop_opens_nothing(logins: Logins) -> None:
    code = await logins.code("s1", TARGET)
    assert await logins.redeem(code, "line-3.example", None) is None


def _bound(logins: Logins, hop: str) -> Target:
    step = logins.begin(SITES, LINE_3, "/", f"__Host-flowward-hop={hop}")
    target = logins.unseal(step.location.partition("to=")[2])
    assert target is not None
    return target
