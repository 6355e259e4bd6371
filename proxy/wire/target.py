"""Request targets: in which ways an instance may read a path, and which paths nobody should have to."""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

_CONTROL: Final = re.compile(rb"[\x00-\x1f\x7f\\#]")
_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_PARAMETERS: Final = re.compile(rb";[^/]*")
_SLASHES: Final = re.compile(rb"//+")
_PLAIN: Final = re.compile(rb"(?:/[A-Za-z0-9_~@$&+,:=!'()*-][A-Za-z0-9._~@$&+,:=!'()*-]*)*/?")
_ABSOLUTE: Final = re.compile(rb"(https?)://([^/?#]*)(/[^#]*|\?[^#]*|)", re.IGNORECASE)


class BadTarget(ValueError):
    """A target that two servers could read differently; args[0] says what is wrong with it."""


def path_of(target: bytes) -> bytes:
    return target.partition(b"?")[0]


def readings(path: bytes) -> tuple[bytes, ...]:
    """The path as an instance may come to match it: raw and once decoded, folded. One where all are the same.

    Folded: lower case, doubled slashes gone, no slash at the end (but the root's). Where there is a `;`, the path is read
    without parameters and, before that, with them: Express takes `;x` for a part of a segment, and others drop it.
    Raises BadTarget for dot segments, backslashes, control characters, `#` and broken escapes, raw or decoded.
    """
    if _PLAIN.fullmatch(path):
        return (_fold(path),)
    if path[:1] != b"/":
        raise BadTarget("a path starts with /")
    if b" " in path:
        raise BadTarget("a path holds no space; it is written %20")
    if _ESCAPE.search(path):
        raise BadTarget("a percent sign is followed by two hexadecimal digits")
    decoded = unquote_to_bytes(path)
    for reading in (path, decoded):
        _refuse_odd(reading)
    bare = (_PARAMETERS.sub(b"", path), _PARAMETERS.sub(b"", decoded)) if b";" in decoded else ()
    return tuple(dict.fromkeys(_fold(reading) for reading in (path, decoded, *bare)))


def origin_form(target: bytes, host: bytes) -> bytes:
    """The origin form of an absolute-form target that names the same host.

    RFC 9112 section 3.2.2 lets the target win over Host. We are stricter: a difference is refused.
    """
    match = _ABSOLUTE.fullmatch(target)
    if match is None:
        raise BadTarget("a request target is a path, or an absolute http URL")
    if match[2].lower() != host.lower():
        raise BadTarget("an absolute target names the same host as the Host field")
    rest = match[3]
    return rest if rest[:1] == b"/" else b"/" + rest


def _refuse_odd(path: bytes) -> None:
    if _CONTROL.search(path):
        raise BadTarget("a path holds no backslash, # or control character")
    for segment in path.split(b"/"):
        if segment.partition(b";")[0] in (b".", b".."):
            raise BadTarget("a path holds no dot segments")


def _fold(path: bytes) -> bytes:
    if b"//" in path:
        path = _SLASHES.sub(b"/", path)
    return path.lower().rstrip(b"/") or b"/"
