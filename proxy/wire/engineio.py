"""Engine.IO 4 as far as a gateway must know it: the session id in the query, and the transport."""

from urllib.parse import parse_qsl

from proxy.wire.target import BadTarget


def sid_of(target: bytes) -> bytes | None:
    """The engine.io session id a poll or upgrade belongs to; None on the handshake.

    Raises BadTarget where the query names several, since server and gateway could pick different ones.
    """
    _, _, query = target.partition(b"?")
    if b"sid" not in query and b"%" not in query:
        return None
    found = [value for name, value in parse_qsl(query, keep_blank_values=True) if name.partition(b"[")[0] == b"sid"]
    if not found:
        return None
    if len(found) > 1 or not found[0]:
        raise BadTarget("a query names at most one engine.io sid")
    return found[0]
