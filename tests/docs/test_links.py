"""Pages lead where they say, and every page can be found."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, PAGES, prose

LINK = re.compile(r"\]\(\s*([^)\s]+)\s*\)")


def anchors(page: Path) -> set[str]:
    """The headings of a page as its links spell them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_pages_and_headings_that_are_there(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        if re.match(r"https?://", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_in_the_index() -> None:
    index = DOCS / "index.md"
    linked = {(DOCS / link.partition("#")[0]).resolve() for link in LINK.findall(index.read_text())}
    pages = {page.resolve() for page in DOCS.rglob("*.md")}
    assert pages - {index.resolve()} <= linked


def test_the_pages_fetch_nothing_from_elsewhere() -> None:
    """No image, no badge: what a page shows is in the repository."""
    for page in PAGES:
        assert not re.search(r"!\[[^]]*\]\(https?:", page.read_text()), page
