"""Lines of the access log."""

import orjson
import pytest

from proxy.gate.record import access_line
from tests.proxy.gate.house import House, head


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/dashboard?token=secret", "/dashboard"),
        (b'/a"b', '/a"b'),
        (b"/a\\b", "/a\\b"),
        (b"/caf\xc3\xa9", "/caf\\xc3\\xa9"),
        (b"/-/reset/opens-an-account", "/-/reset/***"),
        (b"/-/activate/opens-an-account", "/-/activate/***"),
        (b"/-/email/changes-an-address", "/-/email/***"),
        (b"/-/api/v1/auth/reset/opens-an-account", "/-/api/v1/auth/reset/***"),
        (b"/-/api/v1/users/ada", "/-/api/v1/users/ada"),
    ],
)
async def test_a_line_is_json_whatever_the_path_and_holds_no_query(target: bytes, path: str) -> None:
    house = House().open()
    refused = await house.refused(house.caller(), head("/dashboard"))
    assert refused.lease is not None
    line = access_line(
        refused.lease,
        started=1.5,
        address=b"2001:db8::1",
        method=b"GET",
        target=target,
        status=401,
        sent=12,
        micros=34,
    )
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    told = orjson.loads(line)
    assert (told["path"], told["status"], told["bytes"], told["us"]) == (path, 401, 12, 34)
    assert (told["address"], told["reason"]) == ("2001:db8::1", "login_required")
