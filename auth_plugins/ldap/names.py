"""Distinguished names as directories write them (RFC 4514)."""

import re
from typing import Final

_FIRST: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9.-]*)\s*=\s*((?:\\.|[^\\,+])*)", re.DOTALL)
_BETWEEN: Final = re.compile(r"\s*([,=+])\s*")
_SPECIAL: Final = re.compile(r"\\([ \"#+,;<=>\\])")
_ESCAPED: Final = re.compile(r"((?:\\[0-9A-Fa-f]{2})+)|\\(.)", re.DOTALL)


def leaf(dn: str, attribute: str) -> str:
    """The value of the name's first part, if that is of this attribute; else nothing."""
    found = _FIRST.match(dn)
    if found is None or found[1].lower() != attribute.lower() or found[2].startswith("#"):
        return ""
    return _ESCAPED.sub(_unescaped, found[2])


def below(base: str, dn: str) -> bool:
    """Whether the name is that of an object below this one; everything is below none."""
    return not base or f",{_plain(dn)}".endswith(f",{_plain(base)}")


def _plain(dn: str) -> str:
    """With each name spelled in one way, and its escaped separators as digits."""
    spelled = _SPECIAL.sub(lambda found: f"\\{ord(found[1]):02x}", dn)
    return _BETWEEN.sub(r"\1", spelled).lower()


def _unescaped(found: re.Match[str]) -> str:
    """Pairs of digits are bytes of UTF-8, anything else after a backslash stands for itself (RFC 4514 section 3)."""
    if found[1] is None:
        return found[2]
    return bytes.fromhex(found[1].replace("\\", "")).decode(errors="replace")
