"""What becomes of Location and Set-Cookie on the way out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.response import location, set_cookie

UPSTREAMS = (b"http://127.0.0.1:1880", b"http://node-red")
ORIGIN = b"https://line-3.example"


@pytest.mark.parametrize(
    ("value", "prefix", "seen"),
    [
        (b"/dashboard/", b"", b"/dashboard/"),
        (b"http://127.0.0.1:1880/dashboard/?x#y", b"", b"https://line-3.example/dashboard/?x#y"),
        (b"HTTP://127.0.0.1:1880", b"", b"https://line-3.example/"),
        (b"http://node-red?x", b"", b"https://line-3.example?x"),
        (b"http://127.0.0.1:18801/", b"", b"http://127.0.0.1:18801/"),
        (b"http://node-red.evil.example/", b"", b"http://node-red.evil.example/"),
        (b"https://elsewhere.example/", b"", b"https://elsewhere.example/"),
        (b"page", b"/line-3", b"page"),
        (b"/dashboard/", b"/line-3", b"/line-3/dashboard/"),
        (b"/line-3/dashboard/", b"/line-3", b"/line-3/dashboard/"),
        (b"/line-33", b"/line-3", b"/line-3/line-33"),
        (b"//elsewhere.example/", b"/line-3", b"//elsewhere.example/"),
        (b"https://line-3.example/x", b"/line-3", b"https://line-3.example/line-3/x"),
        (b"https://elsewhere.example/", b"/line-3", b"https://elsewhere.example/"),
        (b"http://127.0.0.1:1880/x", b"/line-3", b"https://line-3.example/line-3/x"),
    ],
)
def test_a_location_never_shows_where_the_instance_really_is(value: bytes, prefix: bytes, seen: bytes) -> None:
    assert location(value, UPSTREAMS, ORIGIN, prefix) == seen


@pytest.mark.parametrize(
    ("value", "prefix", "seen"),
    [
        (b"a=1", b"", b"a=1"),
        (b"a=1; Path=/; HttpOnly", b"", b"a=1; HttpOnly; Path=/"),
        (b"a=1; Domain=example; Secure;", b"", b"a=1; Secure"),
        (b"a=1; domain = example", b"", b"a=1"),
        (b"a=1; path=", b"", b"a=1; Path=/"),
        (b"a=1", b"/line-3", b"a=1; Path=/line-3/"),
        (b"a=1; Path=/x; SameSite=Lax", b"/line-3", b"a=1; SameSite=Lax; Path=/line-3/x"),
        (b"a=1; Path=/line-3/x", b"/line-3", b"a=1; Path=/line-3/x"),
        (b"a=1; Path=x", b"/line-3", b"a=1; Path=/line-3/x"),
        (b"__Host-a=1; Path=/; Secure", b"/line-3", b"__Host-a=1; Secure; Path=/"),
    ],
)
def test_a_cookie_is_the_instances_alone(value: bytes, prefix: bytes, seen: bytes) -> None:
    assert set_cookie(value, prefix) == seen


@pytest.mark.parametrize(
    "value",
    [
        b"__Host-flowward=x; Path=/; Secure",
        b"__host-FLOWWARD-hop=x",
        b" __Host-flowward =x",
        b"flowward=x",
        b"Flowward-Hop=x",
        b"=__Host-flowward=x",
        b"=flowward=x; Path=/",
        b"flowward",
    ],
)
def test_no_instance_sets_a_cookie_in_our_name(value: bytes) -> None:
    assert set_cookie(value, b"") is None


@given(st.text(st.characters(codec="ascii", exclude_characters=";\r\n\0"), max_size=30), st.sampled_from(["", "/p"]))
def test_whatever_an_instance_sets_no_domain_comes_out(attribute: str, prefix: str) -> None:
    out = set_cookie(f"a=1; {attribute}; Domain=example".encode(), prefix.encode())
    assert out is not None
    assert not any(part.partition(b"=")[0].strip().lower() == b"domain" for part in out.split(b";")[1:])
