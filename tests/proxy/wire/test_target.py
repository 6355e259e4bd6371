"""Request targets: how a path may be read, and what is refused rather than guessed at."""

import string
from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.target import BadTarget, origin_form, path_of, readings

SEGMENTS = st.text(string.ascii_letters + string.digits + "_-~@$", min_size=1, max_size=6)
PATHS = st.lists(SEGMENTS, max_size=4).map(lambda parts: "/" + "/".join(parts))


@pytest.mark.parametrize(
    ("path", "read"),
    [
        (b"/", (b"/",)),
        (b"", (b"/",)),
        (b"/flows", (b"/flows",)),
        (b"/FLOWS", (b"/flows",)),
        (b"/flows/", (b"/flows",)),
        (b"//flows", (b"/flows",)),
        (b"///flows//state//", (b"/flows/state",)),
        (b"/flows;a", (b"/flows;a", b"/flows")),
        (b"/flows;a=1;b/state;c", (b"/flows;a=1;b/state;c", b"/flows/state")),
        (b"/;a/flows", (b"/;a/flows", b"/flows")),
        (b"/Rows/;A", (b"/rows/;a", b"/rows")),
        (b"/;%2frows", (b"/;%2frows", b"/;/rows", b"/", b"/rows")),
        (b"/%66lows", (b"/%66lows", b"/flows")),
        (b"/flows%2Fstate", (b"/flows%2fstate", b"/flows/state")),
        (b"/flows%3Ba", (b"/flows%3ba", b"/flows;a", b"/flows")),
        (b"/%2fflows", (b"/%2fflows", b"/flows")),
        (b"/nodes/@scope%2fname", (b"/nodes/@scope%2fname", b"/nodes/@scope/name")),
        (b"/%2566lows", (b"/%2566lows", b"/%66lows")),
        (b"/my%20image.png", (b"/my%20image.png", b"/my image.png")),
        (b"/.well-known/x", (b"/.well-known/x",)),
        (b"/a..b/...", (b"/a..b/...",)),
        (b"/caf%C3%A9", (b"/caf%c3%a9", b"/caf\xc3\xa9")),
        (b"/caf\xc3\xa9", (b"/caf\xc3\xa9",)),
    ],
)
def test_a_path_is_read_as_the_instance_may_come_to_match_it(path: bytes, read: tuple[bytes, ...]) -> None:
    assert readings(path) == read


@pytest.mark.parametrize(
    "path",
    [
        b"/x/../flows",
        b"/./flows",
        b"/flows/.",
        b"/..",
        b"/dashboard/..%2fflows",
        b"/dashboard/%2e%2e/flows",
        b"/dashboard/%2E./flows",
        b"/x/..;y=1/flows",
        b"/x/.;/flows",
        b"/x/..%3by/flows",
        b"/x\\flows",
        b"/x%5cflows",
        b"/x%5C..%5Cflows",
        b"/x%00",
        b"/x\x00y",
        b"/x%0d%0aX-Flowward-User:root",
        b"/x%7f",
        b"/x y",
        b"/x\ty",
        b"/flows#x",
        b"/flows%23x",
        b"/x%",
        b"/x%2",
        b"/x%zz",
        b"/%u0066lows",
        b"flows",
        b"*",
        b"%2fflows",
    ],
)
def test_a_path_that_two_servers_may_read_differently_is_refused(path: bytes) -> None:
    with pytest.raises(BadTarget):
        readings(path)


def test_an_overlong_utf8_slash_is_no_slash() -> None:
    """C0 AF is no UTF-8; a decoder that took it for / would see a dot segment that is not there for us."""
    assert readings(b"/x%c0%afflows") == (b"/x%c0%afflows", b"/x\xc0\xafflows")


@given(PATHS, st.data())
def test_case_slashes_parameters_and_one_encoding_do_not_change_the_last_reading(
    path: str, data: st.DataObject
) -> None:
    spelled = ""
    for character in path:
        how = data.draw(st.sampled_from(("plain", "upper", "encoded", "doubled")))
        if how == "encoded":
            spelled += f"%{ord(character):02X}"
        elif how == "doubled" and character == "/":
            spelled += "//"
        else:
            spelled += character.upper() if how == "upper" else character
    spelled += data.draw(st.sampled_from(("", "/", ";x=1", ";")))
    if not spelled.startswith("/"):
        spelled = "/" + spelled
    assert readings(spelled.encode())[-1] == readings(path.encode())[-1]


@given(st.binary(max_size=40))
def test_whatever_comes_is_refused_or_read_without_dot_segments(noise: bytes) -> None:
    try:
        found = readings(b"/" + noise)
    except BadTarget:
        return
    for reading in found:
        assert reading.startswith(b"/")
        assert reading == b"/" or not reading.endswith(b"/")
        assert b"//" not in reading
        assert not {b".", b".."} & set(reading.split(b"/"))
        assert not any(byte < 0x20 or byte in b"\x7f\\#" for byte in reading)


@given(st.text(max_size=20))
def test_every_name_can_be_written_but_those_with_refused_characters(name: str) -> None:
    path = "/" + quote(name, safe="", errors="surrogatepass")
    decoded = unquote_to_bytes(path)
    refused = any(byte < 0x20 or byte in b"\x7f\\#" for byte in decoded)
    dots = any(part.partition(b";")[0] in (b".", b"..") for part in decoded.split(b"/"))
    if refused or dots:
        with pytest.raises(BadTarget):
            readings(path.encode())
    else:
        readings(path.encode())


@pytest.mark.parametrize(
    ("target", "host", "found"),
    [
        (b"http://line-3.example/flows?x=1", b"line-3.example", b"/flows?x=1"),
        (b"HTTP://LINE-3.example:8080/flows", b"line-3.EXAMPLE:8080", b"/flows"),
        (b"https://line-3.example", b"line-3.example", b"/"),
        (b"http://line-3.example?x", b"line-3.example", b"/?x"),
    ],
)
def test_an_absolute_target_of_the_same_host_is_a_path(target: bytes, host: bytes, found: bytes) -> None:
    assert origin_form(target, host) == found


@pytest.mark.parametrize(
    "target",
    [
        b"http://other.example/flows",
        b"http://line-3.example:81/flows",
        b"http://user@line-3.example/flows",
        b"http://line-3.example@other.example/",
        b"http://line-3.example/flows#x",
        b"ftp://line-3.example/flows",
        b"line-3.example:443",
        b"*",
        b"/flows#x",
        b"flows",
    ],
)
def test_any_other_form_of_a_target_is_refused(target: bytes) -> None:
    with pytest.raises(BadTarget):
        origin_form(target, b"line-3.example")


def test_the_query_is_no_part_of_the_path() -> None:
    assert path_of(b"/a?b?c") == b"/a"
    assert path_of(b"/a") == b"/a"
