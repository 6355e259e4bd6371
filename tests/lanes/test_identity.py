"""Nobody but the gateway says who is there: whatever a client sends, none of it reaches the instance as identity."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.wire.headers import Treatments, request_treatment
from tests.lanes.stage import Stage, stage
from tests.peers.answers import by_path, echo, plain
from tests.peers.upstream import Request, Upstream

FORGED = [
    b"Remote-User",
    b"remote_user",
    b"REMOTE-Groups",
    b"X-Forwarded-For",
    b"X-Forwarded-User",
    b"X_Forwarded_User",
    b"X-Forwarded_Email",
    b"X-Forwarded-Host",
    b"X-Forwarded-Proto",
    b"X-Forwarded-Prefix",
    b"X-Original-URL",
    b"x-FLOWWARD-user",
    b"X_Flowward-Assertion",
    b"Cf-Access-Jwt-Assertion",
    b"cf_access_authenticated_user_email",
    b"CF-Connecting-IP",
    b"X-Authentik-Username",
    b"X-Auth-Request-User",
    b"X-Portal-User-Id",
    b"X-Portal_User_Role",
    b"Forwarded",
    b"X-Real-IP",
    b"Via",
]
OURS = re.compile(
    rb"(remote|x-authentik|cf|x-auth-request|x-portal|x-flowward|x-forwarded|x-original|x-token-user)(-.*)?"
    rb"|forwarded|x-real-ip|via"
)
SURFACES = [b"/api", b"/dashboard/page", b"/open/hook", b"/admin/flows", b"/dashboard/socket.io/?EIO=4"]
UPGRADE = (
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


def told(request: Request) -> dict[bytes, list[bytes]]:
    """Everything in a head that a server could take for identity, as a server that maps `_` to `-` reads it."""
    found: dict[bytes, list[bytes]] = {}
    for name, value in request.headers:
        plain_name = name.lower().replace(b"_", b"-")
        if OURS.fullmatch(plain_name):
            found.setdefault(plain_name, []).append(value)
    return found


def assert_unforged(request: Request, gate: Stage, user: bytes = b"max") -> None:
    """Each name once, and none of it the client's."""
    said = told(request)
    assert all(len(values) == 1 for values in said.values()), said
    assert b"root" not in b"".join(b"".join(values) for values in said.values())
    assert said[b"x-forwarded-for"] == [b"127.0.0.1"]
    assert said[b"x-forwarded-host"] == [gate.host]
    if user:
        assert said[b"x-flowward-user"] == said[b"remote-user"] == [user]
    else:
        assert not {name for name in said if not name.startswith((b"x-forwarded", b"forwarded", b"x-real"))}
    assert b"flowward=" not in request.head


@pytest.mark.parametrize("path", SURFACES)
async def test_forged_identity_is_stripped_on_every_surface(tmp_path: Path, fast_lane: bool, path: bytes) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"GET " + path, *(name + b": root" for name in FORGED), b"X-Good: yes", b"X-Empty:"))
        assert (await line.response()).status == 200
        [asked] = instance.requests
        assert_unforged(asked, gate)
        assert asked.value(b"X-Good") == b"yes"
        assert asked.value(b"X-Empty") == b""


async def test_forged_identity_is_stripped_where_anybody_may_go(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"GET /open/hook", *(name + b": root" for name in FORGED), cookie=b""))
        assert (await line.response()).status == 200
        assert_unforged(instance.requests[0], gate, user=b"")


async def test_forged_identity_is_stripped_from_upgrades(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, by_path({"/ws": echo()}), fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        forged = [name + b": root" for name in FORGED]
        await line.send(gate.head(b"GET /ws", *UPGRADE, b"Origin: " + gate.origin, *forged))
        assert (await line.response()).status == 101
        assert_unforged(instance.requests[0], gate)


@pytest.mark.parametrize(
    "nominated",
    [
        b"X-Flowward-User, X-Secret, x-forwarded-for, Host, cookie",
        b"close, X-Flowward-Assertion, X-Secret",
        b"x_secret,,Remote-User",
        b"X-Secret, content-length, transfer-encoding",
    ],
)
async def test_r_61_connection_removes_what_it_names_but_nothing_the_gateway_says(
    tmp_path: Path, fast_lane: bool, nominated: bytes
) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        fields = b"Connection: " + nominated, b"X-Secret: 1", b"X-Kept: 2", b"Content-Length: 2"
        await line.send(gate.head(b"POST /api", *fields) + b"hi")
        assert (await line.response()).status == 200
        [asked] = instance.requests
        assert_unforged(asked, gate)
        assert asked.value(b"Host") == gate.host
        assert asked.value(b"X-Secret") is None
        assert asked.value(b"X-Kept") == b"2"
        assert (asked.value(b"Content-Length"), asked.body) == (b"2", b"hi")


async def test_hop_by_hop_fields_end_here(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        hops = [b"Keep-Alive: 5", b"TE: trailers", b"Trailer: X", b"Proxy-Authorization: x", b"Proxy-Connection: close"]
        await line.send(gate.head(b"GET /api", *hops, b"Content_Length: 7", b"Transfer_Encoding: chunked"))
        assert (await line.response()).status == 200
        seen = instance.requests[0].head.lower()
        gone = b"keep-alive:", b"te:", b"trailer:", b"proxy-", b"content_", b"transfer"
        assert not any(b"\r\n" + name in seen for name in gone)


async def test_offers_of_another_protocol_are_ignored(tmp_path: Path, fast_lane: bool) -> None:
    """RFC 9110 section 7.8. And nothing that follows it is taken for the other protocol."""
    h2c = b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQ"
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"POST /api", *h2c, b"Content-Length: 5") + b"hello")
        assert (await line.response()).status == 200
        [asked] = instance.requests
        assert asked.body == b"hello"
        assert b"pgrade" not in asked.head
        assert b"ettings" not in asked.head


# -- cookies


COOKIES = {
    "ours among others": (b"a=b; OURS; c=d", b"a=b; c=d"),
    "ours alone": (b"OURS", None),
    "without blanks": (b"a=b;OURS;c=d", b"a=b; c=d"),
    "names that only end or begin alike": (b"xflowward=1; OURS; flowwardx=2", b"xflowward=1; flowwardx=2"),
    "several of ours": (b"OURS; flowward=zz; flowward=", None),
    "the hop cookie": (
        b"flowward-hop=1; flowward-device=2; OURS; __Host-flowward=x; __Host-flowward-hop=y; a=b",
        b"a=b",
    ),
    "quoted": (b'a="b; c"; OURS', b'a="b; c"'),
}


@pytest.mark.parametrize("name", COOKIES)
async def test_r_68_no_cookie_of_the_gateway_reaches_an_instance(tmp_path: Path, fast_lane: bool, name: str) -> None:
    sent, passed = COOKIES[name]
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"GET /api", cookie=sent.replace(b"OURS", gate.cookie)))
        assert (await line.response()).status == 200
        assert instance.requests[0].value(b"Cookie") == passed


async def test_cookies_may_come_in_two_fields(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"GET /api", b"Cookie: a=b", b"Cookie: " + gate.cookie, cookie=b"c=d"))
        assert (await line.response()).status == 200
        assert instance.requests[0].value(b"Cookie") == b"c=d; a=b"


# -- answers


async def test_r_66_an_instance_sets_no_cookie_of_the_gateways_and_none_for_other_hosts(
    tmp_path: Path, fast_lane: bool
) -> None:
    cookies = [
        b"k=1; Path=/; HttpOnly",
        b"flowward=steal",
        b"__Host-flowward=steal; Secure; Path=/",
        b"flowward-hop=steal",
        b"flowward-device=steal",
        b"=flowward=steal",
        b"l=2; Domain=.localhost; SameSite=Lax",
    ]
    answer = plain(b"ok", *((b"Set-Cookie", cookie) for cookie in cookies))
    async with stage(tmp_path, answer, fast_lane=fast_lane) as (gate, _), gate.line() as line:
        await line.send(gate.head(b"GET /api"))
        assert (await line.response()).values(b"Set-Cookie") == [b"k=1; HttpOnly; Path=/", b"l=2; SameSite=Lax"]


async def test_hop_by_hop_fields_of_an_answer_end_here(tmp_path: Path, fast_lane: bool) -> None:
    fields = [
        (b"Connection", b"keep-alive, X-Hop"),
        (b"X-Hop", b"1"),
        (b"Keep-Alive", b"timeout=5"),
        (b"X-Flowward-User", b"root"),
        (b"Service-Worker-Allowed", b"/"),
        (b"X-Kept", b"2"),
        (b"Server", b"instance"),
    ]
    async with stage(tmp_path, plain(b"ok", *fields), fast_lane=fast_lane) as (gate, _), gate.line() as line:
        await line.send(gate.head(b"GET /api"))
        answer = await line.response()
        names = {name.lower() for name, _ in answer.headers}
        assert not names & {b"x-hop", b"keep-alive", b"x-flowward-user", b"service-worker-allowed"}
        assert (answer.value(b"X-Kept"), answer.value(b"Server")) == (b"2", b"instance")


@pytest.mark.parametrize(
    "said", [b"UPSTREAM/x?y", b"/x?y", b"http://elsewhere.example/x?y", b"x?y", b"//cdn.example/x"]
)
async def test_r_66_an_instance_never_names_its_own_address(tmp_path: Path, fast_lane: bool, said: bytes) -> None:
    location = b""

    async def moved(exchange: object) -> None:
        await plain(b"", (b"Location", location), status=302)(exchange)  # type: ignore[arg-type]

    async with stage(tmp_path, moved, fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        location = said.replace(b"UPSTREAM", instance.url.encode())
        await line.send(gate.head(b"GET /api"))
        assert (await line.response()).value(b"Location") == said.replace(b"UPSTREAM", gate.origin)


async def test_an_instance_mounted_at_a_path_knows_nothing_of_it(tmp_path: Path, fast_lane: bool) -> None:
    answer = plain(
        b"ok", (b"Location", b"/login"), (b"Set-Cookie", b"a=b; Path=/"), (b"Set-Cookie", b"c=d"), status=302
    )
    async with stage(tmp_path, answer, fast_lane=fast_lane, path="/four/") as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"GET /four/api?x=/four", b"X-Forwarded-Prefix: /evil"))
        moved = await line.response()
        assert moved.value(b"Location") == b"/four/login"
        assert moved.values(b"Set-Cookie") == [b"a=b; Path=/four/", b"c=d; Path=/four/"]
        [asked] = instance.requests
        assert asked.target == b"/api?x=/four"
        assert asked.value(b"X-Forwarded-Prefix") == b"/four"


# -- whatever a client sends


_NAMES = st.one_of(
    st.sampled_from(FORGED),
    st.sampled_from([b"Connection", b"Authorization", b"Origin", b"Upgrade", b"Expect", b"TE", b"Cookie", b"Range"]),
    st.from_regex(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,40}", fullmatch=True),
    st.sampled_from(FORGED).map(bytes.swapcase),
    st.sampled_from(FORGED).map(lambda name: name.replace(b"-", b"_")),
)
_VALUES = st.from_regex(rb"root[ -~]{0,40}", fullmatch=True)


async def test_no_field_a_client_controls_becomes_identity(tmp_path: Path, fast_lane: bool) -> None:
    """A property: each example is one request, and what reached the instance is looked at."""
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, instance):
        examples: list[tuple[bytes, list[tuple[bytes, bytes]]]] = []

        @settings(max_examples=150, suppress_health_check=list(HealthCheck), database=None)
        @given(st.sampled_from(SURFACES), st.lists(st.tuples(_NAMES, _VALUES), max_size=8))
        def collect(path: bytes, fields: list[tuple[bytes, bytes]]) -> None:
            examples.append((path, fields))

        collect()
        for path, fields in examples:
            await _one(gate, instance, path, fields)
        assert len(instance.requests) > 20


async def _one(gate: Stage, instance: Upstream, path: bytes, fields: list[tuple[bytes, bytes]]) -> None:
    before = len(instance.requests)
    async with gate.line() as line:
        await line.send(gate.head(b"GET " + path, *(name + b": " + value for name, value in fields)))
        answer = await line.response()
    assert answer.status < 500, (path, fields, answer)
    for asked in instance.requests[before:]:
        public = path.startswith(b"/open")
        said = told(asked)
        user = b"" if public and b"x-flowward-user" not in said else b"max"
        assert_unforged(asked, gate, user)


def test_names_that_clients_make_up_cost_bounded_memory() -> None:
    remembered = Treatments(request_treatment)
    for number in range(100_000):
        assert remembered[b"X-%d" % number] == b"\r\nX-%d: " % number
        assert remembered[b"Remote-%d" % number] is None
    assert len(remembered) <= 4096
    long = b"X-" + b"a" * 4096
    remembered.clear()
    assert remembered[long] is not None
    assert len(remembered) == 0
