"""The engine.io session a request belongs to."""

import pytest

from proxy.wire.engineio import LONGEST_SID, sid_of
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
