"""Lines of the access log: both lanes write the same."""

from typing import Final

from proxy.gate.principal import Lease
from proxy.services.traffic import WALL

CLIENT_GONE: Final = 499
"""What the log says of an exchange whose client went away; never sent."""
_QUOTE: Final = 0x22
_BACKSLASH: Final = 0x5C


def access_line(
    lease: Lease, *, started: float, address: bytes, method: bytes, target: bytes, status: int, sent: int, micros: int
) -> bytes:
    """One JSON line. The query is left out: it may hold what nobody should read in a log."""
    path = target.partition(b"?")[0]
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
