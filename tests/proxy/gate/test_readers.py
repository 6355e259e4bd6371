"""What a request carries for a plugin."""

import pytest

from tests.proxy.gate.doorman import Doorman

SENT = {"authorization": b"Basic x", "cookie": b"a=b"}


@pytest.mark.parametrize(
    ("reads", "noted", "certificate", "carried"),
    [
        (("authorization",), SENT, b"", (b"Basic x", None, None)),
        (("authorization",), {"cookie": b"a=b"}, b"", None),
        (("authorization", "x-a"), SENT, b"", (b"Basic x", None, None, None)),
        (("authorization", "x-a"), {"x-a": b""}, b"", (None, b"", None, None)),
        # a peer alone is nothing, since every request has one
        (("x-a", "peer"), {}, b"", None),
        (("x-a", "peer"), {"x-a": b"1"}, b"", (b"1", b"192.0.2.1", None)),
        (("certificate",), SENT, b"", None),
        (("certificate",), {}, b"der", (None, b"der")),
        (("certificate", "peer"), {}, b"", None),
        (("x-a",), {}, b"der", None),
        # but to who reads nothing else
        (("peer",), {}, b"", (b"192.0.2.1", None)),
    ],
)
def test_a_request_carries_what_is_declared_or_nothing(
    reads: tuple[str, ...], noted: dict[str, bytes], certificate: bytes, carried: tuple[bytes | None, ...] | None
) -> None:
    found = Doorman(reads=reads).reader().carried(noted, "192.0.2.1", certificate)
    assert found == carried


def test_a_plugin_gets_to_see_that_and_nothing_else() -> None:
    reader = Doorman(reads=("authorization", "x-a", "peer")).reader()
    carried = reader.carried({**SENT, "x-b": b"2"}, "192.0.2.1", b"der")
    assert carried is not None
    request = reader.request(carried)
    assert (request.headers, request.peer, request.certificate) == ({"authorization": "Basic x"}, "192.0.2.1", b"")


def test_bytes_that_are_no_text_reach_it_all_the_same() -> None:
    """Refusing them is its own to do."""
    reader = Doorman().reader()
    carried = reader.carried({"authorization": b"\xff"}, "192.0.2.1", b"")
    assert carried is not None
    assert reader.request(carried).headers == {"authorization": "\udcff"}
