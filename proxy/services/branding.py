"""Pictures that pages show: which files are taken for one, and those that a process has at hand."""

from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from proxy.store import Database, Image

LARGEST: Final = 128 * 1024
"""Bytes of a picture."""
AT_HAND: Final = 64
"""How many pictures a process remembers, those that were asked for last."""
_BEGINNINGS: Final[Mapping[bytes, str]] = MappingProxyType(
    {
        b"\x89PNG\r\n\x1a\n": "image/png",
        b"\xff\xd8\xff": "image/jpeg",
        b"\x00\x00\x01\x00": "image/x-icon",
    }
)


def picture(content: bytes) -> Image | None:
    """The picture in a file, by the bytes it begins with: PNG, JPEG, WebP or ICO; None for anything else.

    It is never decoded here. SVG is none: it can hold a script.
    """
    kind = next((kind for begins, kind in _BEGINNINGS.items() if content.startswith(begins)), "")
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        kind = "image/webp"
    if not kind:
        return None
    return Image(key=sha256(content).hexdigest()[:32], type=kind, content=content)


class Pictures:
    """What was asked for lately, so that nobody's page waits for the store. What is at a key never changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._at_hand: OrderedDict[str, Image] = OrderedDict()

    async def of(self, key: str) -> Image | None:
        """Raises StoreUnavailable."""
        if not key:
            return None
        found = self._at_hand.get(key) or await self._database.image(key)
        if found is not None:
            self._at_hand[key] = found
            self._at_hand.move_to_end(key)
            if len(self._at_hand) > AT_HAND:
                self._at_hand.popitem(last=False)
        return found
