"""Colours of pages from the two that an organisation chooses, such that every text on them can be read (WCAG 2.2, 1.4.3)."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

LEAST: Final = 4.5
"""Contrast of text with what is behind it, level AA."""
VISIBLE: Final = 3.0
"""Contrast of a control with what is around it (1.4.11)."""
_HEX: Final = re.compile(r"#[0-9a-fA-F]{6}")

Colour = tuple[int, int, int]

WHITE: Final[Colour] = (255, 255, 255)
BLACK: Final[Colour] = (0, 0, 0)
# As the style sheet has them.
TEXT: Final[Colour] = (0x17, 0x21, 0x1F)
CARD: Final[Colour] = WHITE
DARK_TEXT: Final[Colour] = (0xE8, 0xEE, 0xEC)
DARK_CARD: Final[Colour] = (0x18, 0x21, 0x1F)
DARK_PAGE: Final[Colour] = (0x10, 0x16, 0x15)


def parsed(colour: str) -> Colour | None:
    """The colour that #rrggbb names; None for anything else."""
    if not _HEX.fullmatch(colour):
        return None
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def contrast(one: Colour, other: Colour) -> float:
    """From 1, the same, to 21, black and white (WCAG 2.2, contrast ratio)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def light(accent: Colour | None, background: Colour | None) -> Mapping[str, str]:
    """The style sheet's variables where people like pages light."""
    found = _accents(accent, accent, card=CARD, toward=BLACK, tinted=0.12) if accent else {}
    return found | (_behind(background, TEXT) if background else {})


def dark(accent: Colour | None, background: Colour | None) -> Mapping[str, str]:
    """The same where they like them dark. A light background becomes a dark one of its hue."""
    found: Mapping[str, str] = {}
    if accent:
        found = _accents(accent, _apart(accent, [DARK_CARD], WHITE, VISIBLE), card=DARK_CARD, toward=WHITE, tinted=0.2)
    if background is None:
        return found
    is_dark = contrast(background, WHITE) >= 10
    return {**found, **_behind(background if is_dark else _mixed(background, DARK_PAGE, 0.94), DARK_TEXT)}


def _accents(accent: Colour, fill: Colour, *, card: Colour, toward: Colour, tinted: float) -> dict[str, str]:
    tint = _mixed(card, accent, tinted)
    link = _apart(accent, [card, tint], toward, LEAST)
    on_fill = _on(fill, WHITE)
    away = BLACK if on_fill == WHITE else WHITE
    return {
        "--accent": _written(fill),
        "--accent-dark": _written(_mixed(fill, away, 0.2)),
        "--on-accent": _written(on_fill),
        "--tint": _written(tint),
        "--link": _written(link),
        "--link-dark": _written(_mixed(link, toward, 0.3)),
    }


def _behind(page: Colour, text: Colour) -> dict[str, str]:
    on_page = _written(_on(page, text))
    return {"--page": _written(page), "--on-page": on_page, "--on-page-soft": on_page, "--on-page-link": on_page}


def _on(behind: Colour, liked: Colour) -> Colour:
    """A colour for text: the liked one where it can be read, else black or white, of which one always can."""
    if contrast(liked, behind) >= LEAST:
        return liked
    return max((WHITE, BLACK), key=lambda colour: contrast(colour, behind))


def _apart(colour: Colour, behind: Sequence[Colour], toward: Colour, least: float) -> Colour:
    """The colour, moved towards another one until it stands out from all that is behind it."""
    for step in range(26):
        found = _mixed(colour, toward, step / 25)
        if all(contrast(found, each) >= least for each in behind):
            return found
    return toward


def _mixed(one: Colour, other: Colour, share: float) -> Colour:
    """The first colour with this share of the other."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _luminance(colour: Colour) -> float:
    red, green, blue = (_linear(part / 255) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _written(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
