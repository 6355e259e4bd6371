"""Whatever colours are chosen, text can be read."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.web import colours
from proxy.web.colours import CARD, DARK_CARD, DARK_PAGE, LEAST, TEXT, VISIBLE, WHITE, Colour, contrast, parsed

COLOURS = st.tuples(*[st.integers(0, 255)] * 3)
PAGES = {colours.light: (CARD, WHITE), colours.dark: (DARK_CARD, DARK_PAGE)}


def read(found: Mapping[str, str], name: str) -> Colour:
    colour = parsed(found[name])
    assert colour is not None
    return colour


@pytest.mark.parametrize("shade", [colours.light, colours.dark])
@given(accent=COLOURS, background=COLOURS)
def test_t_13_every_text_on_every_chosen_colour_meets_wcag_aa(shade, accent: Colour, background: Colour) -> None:  # type: ignore[no-untyped-def]
    found = shade(accent, background)
    card = PAGES[shade][0]
    assert contrast(read(found, "--on-accent"), read(found, "--accent")) >= LEAST
    assert contrast(read(found, "--on-accent"), read(found, "--accent-dark")) >= LEAST
    for behind in (card, read(found, "--tint")):
        assert contrast(read(found, "--link"), behind) >= LEAST
        assert contrast(read(found, "--link-dark"), behind) >= LEAST
    for name in ("--on-page", "--on-page-soft", "--on-page-link"):
        assert contrast(read(found, name), read(found, "--page")) >= LEAST
    if shade is colours.dark:
        assert contrast(read(found, "--accent"), card) >= VISIBLE


@given(background=COLOURS)
def test_a_page_is_dark_where_people_like_it_dark(background: Colour) -> None:
    assert contrast(read(colours.dark(None, background), "--page"), WHITE) > 7


def test_a_colour_that_can_be_read_is_left_as_it_is() -> None:
    found = colours.light(parsed("#0f766e"), parsed("#f4f6f6"))
    assert found["--accent"] == found["--link"] == "#0f766e"
    assert (found["--page"], found["--on-page"]) == ("#f4f6f6", "#17211f")
    assert contrast(TEXT, WHITE) > LEAST


@pytest.mark.parametrize(
    "written", ["", "red", "#fff", "#12345g", "#1234567", "#123456;", " #123456", "#123456\n", "url(javascript:x)"]
)
def test_nothing_but_rrggbb_is_a_colour(written: str) -> None:
    assert parsed(written) is None


def test_the_ratio_is_that_of_the_standard() -> None:
    assert contrast((0, 0, 0), WHITE) == pytest.approx(21)
    assert contrast(WHITE, WHITE) == 1
    assert contrast((0x76, 0x76, 0x76), WHITE) == pytest.approx(4.54, abs=0.01)
