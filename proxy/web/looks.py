"""How the gateway's pages look: as they come, or with the name, pictures and colours of an organisation.

What an organisation says reaches a page as text that is escaped, as colours that are read and written anew, and as
addresses made of keys: nothing of it is ever part of a style, a script or an attribute as it was typed.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from markupsafe import Markup

from proxy.model.directory import Branding
from proxy.store import Image
from proxy.web import colours

PICTURES: Final = "/-/branding/"
"""Below it home serves pictures by their keys."""
PRODUCT: Final = "Flowward"
_MARK: Final = (Path(__file__).parent / "static" / "flowward.svg").read_text(encoding="utf-8")
_STOCK_ACCENT: Final = "#0f766e"
_AS_IT_COMES: Final = Markup()
_KEY: Final = re.compile(r"[0-9a-f]{32}")


def _mark(fill: str = _STOCK_ACCENT, line: str = "#fff") -> str:
    """The gateway's own mark, in somebody's colour."""
    drawn = _MARK.replace(_STOCK_ACCENT, fill).replace("#fff", line)
    return f"data:image/svg+xml;base64,{base64.b64encode(drawn.encode()).decode()}"


_STOCK_MARK: Final = _mark()


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a page looks like."""

    product: str = PRODUCT
    icon: str = _STOCK_MARK
    """Address of the favicon."""
    logo: str = _STOCK_MARK
    """Address of the picture beside the name."""
    own_logo: bool = False
    named: bool = True
    """Whether the name stands beside the logo: not where an organisation has a logo alone."""
    style: Markup = _AS_IT_COMES
    """Of colours; empty as they come."""
    style_hash: str = ""
    """What a content security policy calls it."""
    from_home: bool = False
    """Whether pictures are fetched from where the page is."""
    hidden: frozenset[str] = frozenset()
    viewed: str = ""
    """Name of the user whom an admin looks on as."""
    end: str = ""
    """Address of the page on which that ends."""

    def shows(self, part: str) -> bool:
        return part not in self.hidden


STOCK: Final = Look()


@lru_cache(512)
def at_home(branding: Branding) -> Look:
    """For pages of home, which serves the pictures."""
    return _look(branding, logo=_address(branding.logo), icon=_address(branding.favicon))


@lru_cache(64)
def elsewhere(branding: Branding, logo: Image | None, icon: Image | None) -> Look:
    """For pages on an instance's host, which serves nothing of ours: they hold the pictures."""
    return _look(branding, logo=_held(logo), icon=_held(icon))


def _look(branding: Branding, *, logo: str, icon: str) -> Look:
    style, mark = _style(branding), _marked(branding)
    return Look(
        product=branding.product or PRODUCT,
        icon=icon or logo or mark,
        logo=logo or mark,
        own_logo=bool(logo),
        named=bool(branding.product or not logo),
        style=Markup(style),  # noqa: S704 - made of numbers
        style_hash=base64.b64encode(sha256(style.encode()).digest()).decode() if style else "",
        from_home=any(address.startswith(PICTURES) for address in (logo, icon)),
        hidden=branding.hidden,
    )


def _marked(branding: Branding) -> str:
    accent = colours.parsed(branding.accent)
    if accent is None:
        return _STOCK_MARK
    chosen = colours.light(accent, None)
    return _mark(chosen["--accent"], chosen["--on-accent"])


def _style(branding: Branding) -> str:
    chosen = colours.parsed(branding.accent), colours.parsed(branding.background)
    if chosen == (None, None):
        return ""
    return (
        f":root{{{_variables(colours.light(*chosen))}}}"
        f"@media (prefers-color-scheme: dark){{:root{{{_variables(colours.dark(*chosen))}}}}}"
    )


def _variables(found: Mapping[str, str]) -> str:
    return ";".join(f"{name}:{value}" for name, value in found.items())


def _address(key: str) -> str:
    return PICTURES + key if _KEY.fullmatch(key) else ""


def _held(image: Image | None) -> str:
    return f"data:{image.type};base64,{base64.b64encode(image.content).decode()}" if image else ""
