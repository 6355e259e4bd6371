"""What becomes of a response's Location and Set-Cookie on the way out."""

import re
from collections.abc import Sequence
from typing import Final

_COOKIE_NAMES: Final = (b"__host-flowward", b"flowward", b"flowward-hop", b"flowward-device")


def location(value: bytes, upstreams: Sequence[bytes], origin: bytes, prefix: bytes) -> bytes:
    """A Location as the client must see it: never the instance's own address, and below the prefix it is mounted at.

    `upstreams` are serialised origins of the instance itself, `origin` is this host's.
    """
    lower = value.lower()
    for upstream in upstreams:
        if lower.startswith(upstream) and lower[len(upstream) : len(upstream) + 1] in (b"", b"/", b"?", b"#"):
            return origin + prefix + (value[len(upstream) :] or b"/")
    if not prefix:
        return value
    if lower.startswith(origin + b"/"):
        return origin + _mounted(value[len(origin) :], prefix)
    return _mounted(value, prefix) if value[:1] == b"/" and value[1:2] != b"/" else value


def set_cookie(value: bytes, prefix: bytes) -> bytes | None:
    """A Set-Cookie scoped to this host and prefix; None for one that would pass itself off as the gateway's.

    Domain is dropped: with it an instance could plant cookies on its siblings and on the gateway's home.
    """
    pair, _, attributes = value.partition(b";")
    name = pair.partition(b"=")[0].strip().lower()
    # Browsers read a nameless cookie `=name=value` and `name=value` alike (RFC 6265bis section 5.7).
    if name in _COOKIE_NAMES or name.startswith(b"__host-flowward") or (not name and b"flowward" in pair.lower()):
        return None
    kept = [pair.strip()]
    path = b"/"
    for attribute in attributes.split(b";") if attributes else ():
        key, _, content = attribute.strip().partition(b"=")
        lower = key.strip().lower()
        if lower == b"path":
            path = content.strip() or b"/"
        elif lower and lower != b"domain":
            kept.append(attribute.strip())
    if prefix and not name.startswith(b"__host-"):
        kept.append(b"Path=" + _mounted(path, prefix))
    elif b"path" in attributes.lower():
        kept.append(b"Path=" + path)
    return b"; ".join(kept)


def _mounted(path: bytes, prefix: bytes) -> bytes:
    """A path of the instance as a path of the host."""
    if re.match(re.escape(prefix) + rb"(?:[/?#]|$)", path):
        return path
    return prefix + path if path.startswith(b"/") else prefix + b"/" + path
