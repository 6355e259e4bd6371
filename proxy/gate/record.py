"""Lines of the access log: both lanes write the same."""

from typing import Final

from proxy.gate.principal import Lease
from proxy.services.traffic import WALL

CLIENT_GONE: Final = 499
"""What the log says of an exchange whose client went away; never sent."""
_QUOTE: Final = 0x22
_BACKSLASH: Final = 0x5C

_OWN: Final = b"/-/"
_LINKS: Final = (b"/-/activate/", b"/-/reset/", b"/-/email/", b"/-/api/v1/auth/reset/")
"""What follows opens an account for whoever has it, until it is used."""


def access_line(
    lease: Lease, *, started: float, address: bytes, method: bytes, target: bytes, status: int, sent: int, micros: int
) -> bytes:
    """One JSON line. The query is left out: it may hold what nobody should read in a log."""
    path = target.partition(b"?")[0]
    if path.startswith(_OWN):
        path = _without_secret(path)
    if _QUOTE in path or _BACKSLASH in path or not path.isascii():
        path = path.decode("latin-1").encode("ascii", "backslashreplace").replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'{"time":%d,"address":"%b","method":"%b","path":"%b","status":%d,"bytes":%d,"us":%d%b' % (
        (started + WALL) * 1000,
        address,
        method,
        path,
        status,
        sent,
        micros,
        lease.log,
    )


def _without_secret(path: bytes) -> bytes:
    return next((link + b"***" for link in _LINKS if path.startswith(link)), path)
