"""What the query of an engine.io request says, and the packets of its transports."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.engineio import (
    LONGEST_SID,
    MOST_PACKETS,
    Malformed,
    Packet,
    asks_for_script,
    foreign_version,
    pack,
    sid_of,
    unpack,
)
from proxy.wire.target import BadTarget


@pytest.mark.parametrize(
    ("target", "sid"),
    [
        (b"/dashboard/socket.io/?EIO=4&transport=polling", None),
        (b"/dashboard/socket.io/?EIO=4&transport=polling&sid=abc", b"abc"),
        (b"/dashboard/socket.io/?%73id=abc", b"abc"),
        (b"/dashboard/socket.io/?si%64=a%62c", b"abc"),
        (b"/dashboard/socket.io/?t=%41", None),
        (b"/dashboard/socket.io/?side=1", None),
        (b"/dashboard/socket.io/", None),
        (b"/sid/", None),
        (b"/dashboard/socket.io/?sid[]=abc", b"abc"),
        (b"/dashboard/socket.io/?x=?&sid=abc", b"abc"),
    ],
)
def test_the_sid_is_read_as_the_instance_reads_it(target: bytes, sid: bytes | None) -> None:
    assert sid_of(target) == sid


@pytest.mark.parametrize(
    "query",
    [
        b"sid=a&sid=b",
        b"sid=a&%73id=b",
        b"sid=a&sid[]=b",
        b"sid=",
        b"sid",
        b"sid=" + b"a" * (LONGEST_SID + 1),
    ],
)
def test_a_query_that_two_servers_may_read_differently_is_refused(query: bytes) -> None:
    with pytest.raises(BadTarget):
        sid_of(b"/dashboard/socket.io/?" + query)


@pytest.mark.parametrize(
    ("query", "version"),
    [
        (b"EIO=4&transport=polling", None),
        (b"transport=polling&EIO=4&t=x", None),
        (b"%45IO=4", None),
        (b"EIO=3&transport=polling", b"3"),
        (b"transport=polling", b"3"),
        (b"", b"3"),
        (b"EIO=5", b"5"),
        (b"EIO=4&EIO=3", b"4, 3"),
        (b"EIO=4&EIO[]=4", b"4, 4"),
        (b"eio=4", b"3"),
    ],
)
def test_a_request_asks_for_one_version_of_the_protocol(query: bytes, version: bytes | None) -> None:
    assert foreign_version(b"/dashboard/socket.io/?" + query) == version


@pytest.mark.parametrize(
    ("query", "asks"), [(b"j=0", True), (b"j[]=1&EIO=4", True), (b"%6a=1", True), (b"jj=1", False)]
)
def test_a_request_may_ask_for_scripts(query: bytes, asks: bool) -> None:
    assert asks_for_script(b"/dashboard/socket.io/?" + query) is asks


@pytest.mark.parametrize(
    ("body", "packets"),
    [
        (b"6", ["6"]),
        (b'0{"sid":"a"}', ['0{"sid":"a"}']),
        (b"4hello\x1e2\x1e4world", ["4hello", "2", "4world"]),
        (b"4a\x1ebAQIDBA==", ["4a", b"\x01\x02\x03\x04"]),
        (b"b", [b""]),
        ("4€".encode(), ["4€"]),
    ],
)
def test_the_body_of_a_poll_is_packets_side_by_side(body: bytes, packets: list[Packet]) -> None:
    assert unpack(body) == packets
    assert pack(packets) == body


@pytest.mark.parametrize(
    "body",
    [b"", b"7", b"x", b"4a\x1e", b"\x1e4a", b"4a\x1e\x1e4b", b"bAQI", b"b====", b"bAQ ID", b"4\xff", b"\xc2", b"d=4a"],
)
def test_what_is_no_packet_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        unpack(body)


def test_a_poll_holds_a_bounded_number_of_packets() -> None:
    assert len(unpack(b"\x1e".join([b"2"] * MOST_PACKETS))) == MOST_PACKETS
    with pytest.raises(Malformed):
        unpack(b"\x1e".join([b"2"] * (MOST_PACKETS + 1)))


def test_a_poll_of_nothing_says_so() -> None:
    assert pack([]) == b"6"


TEXTS = st.tuples(st.sampled_from("0123456"), st.text().filter(lambda text: "\x1e" not in text)).map("".join)


@given(st.lists(TEXTS | st.binary(), min_size=1, max_size=10))
def test_packets_come_back_as_they_were_packed(packets: list[Packet]) -> None:
    assert unpack(pack(packets)) == packets
