"""How long a request is, and what it asks to become."""

import pytest

from proxy.wire.framing import NO_BODY, BadFraming, Framing, request_framing

WEBSOCKET = {"upgrade": b"websocket", "connection": b"Upgrade"}


@pytest.mark.parametrize(
    ("method", "noted", "old", "framing"),
    [
        (b"GET", {}, False, NO_BODY),
        (b"POST", {"content-length": b"5"}, False, Framing(length=5)),
        (b"POST", {"content-length": b"0"}, True, Framing()),
        (b"POST", {"transfer-encoding": b"Chunked"}, False, Framing(chunked=True)),
        (b"GET", WEBSOCKET, False, Framing(websocket=True)),
        (b"GET", {"upgrade": b" WebSocket ", "connection": b"keep-alive, upgrade"}, False, Framing(websocket=True)),
        (b"GET", {"upgrade": b"websocket"}, False, Framing()),
        (b"POST", WEBSOCKET, False, Framing(other_upgrade=True)),
        (b"GET", WEBSOCKET, True, Framing(other_upgrade=True)),
        (b"GET", WEBSOCKET | {"content-length": b"1"}, False, Framing(length=1, other_upgrade=True)),
        (b"GET", WEBSOCKET | {"transfer-encoding": b"chunked"}, False, Framing(chunked=True, other_upgrade=True)),
        (b"GET", {"upgrade": b"h2c", "connection": b"upgrade"}, False, Framing(other_upgrade=True)),
        (b"GET", {"upgrade": b"h2c, websocket", "connection": b"upgrade"}, False, Framing(other_upgrade=True)),
    ],
)
def test_framing_is_rebuilt_from_what_was_noted(
    method: bytes, noted: dict[str, bytes], old: bool, framing: Framing
) -> None:
    found = request_framing(method, noted, old=old)
    assert found == framing
    assert found.body is (framing.chunked or framing.length > 0)


@pytest.mark.parametrize(
    ("noted", "old"),
    [
        ({"transfer-encoding": b"chunked", "content-length": b"5"}, False),
        ({"transfer-encoding": b"gzip, chunked"}, False),
        ({"transfer-encoding": b"chunked, chunked"}, False),
        ({"transfer-encoding": b"identity"}, False),
        ({"transfer-encoding": b"chunked"}, True),
        ({"transfer-encoding": b""}, False),
        ({"content-length": b"-1"}, False),
        ({"content-length": b"+5"}, False),
        ({"content-length": b"5, 5"}, False),
        ({"content-length": b"0x5"}, False),
        ({"content-length": b""}, False),
    ],
)
def test_framing_that_two_parsers_could_read_differently_is_refused(noted: dict[str, bytes], old: bool) -> None:
    with pytest.raises(BadFraming):
        request_framing(b"POST", noted, old=old)
