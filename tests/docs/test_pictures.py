"""Pictures are drawings that can be read, show the real thing, and stand on a page."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.docs.pages import DOCS, PAGES

PICTURES = sorted((DOCS / "pictures").iterdir())
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_runs_nothing_and_fetches_nothing(picture: Path) -> None:
    root = ET.fromstring(picture.read_text())
    assert root.tag == f"{SVG}svg"
    for element in root.iter():
        assert element.tag.removeprefix(SVG) not in {"script", "foreignObject"}
        assert not [name for name in element.attrib if name.startswith("on")]
        assert element.get("href", "data:image/svg+xml").startswith("data:image/svg+xml")


def test_every_picture_is_on_a_page_and_says_what_it_shows() -> None:
    shown = {
        (page.parent / target).resolve(): alternative
        for page in PAGES
        for alternative, target in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", page.read_text())
    }
    assert set(PICTURES) == shown.keys()
    assert all(shown.values())
