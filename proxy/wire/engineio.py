"""Engine.IO 4 as far as a gateway must know it: the session id in the query, and the transport."""

from typing import Final
from urllib.parse import parse_qsl

from proxy.wire.target import BadTarget

LONGEST_SID: Final = 128
"""Bytes; engine.io's own have 20. What is bound to a session is kept, so clients must not choose how long it is."""


def sid_of(target: bytes) -> bytes | None:
    """The engine.io session id a poll or upgrade belongs to; None on the handshake.

    Raises BadTarget where the query names several, since server and gateway could pick different ones, and for one
    that is empty or too long to be engine.io's.
    """
    _, _, query = target.partition(b"?")
    if b"sid" not in query and b"%" not in query:
        return None
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="latin-1")  # any byte may come
    found = [value.encode("latin-1") for name, value in pairs if name.partition("[")[0] == "sid"]
    if not found:
        return None
    if len(found) > 1 or not found[0]:
        raise BadTarget("a query names at most one engine.io sid")
    if len(found[0]) > LONGEST_SID:
        raise BadTarget(f"an engine.io sid has at most {LONGEST_SID} bytes")
    return found[0]
