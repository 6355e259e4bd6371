"""The pages a reader sees, taken apart: snippets, tables, words in code type."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    *sorted(DOCS.rglob("*.md")),
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY", "CHANGELOG")),
]
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Snippet:
    """A fenced block of a page."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def snippets(*languages: str) -> list[Snippet]:
    """Every fenced block in one of these languages."""
    return [each for page in PAGES for each in _snippets(page) if each.language in languages]


def _snippets(page: Path) -> Iterator[Snippet]:
    text = page.read_text()
    for found in _FENCED.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Snippet(str(page.relative_to(ROOT)), line, found[1], found[2])


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCED.sub("", page.read_text())


def rows(page: str, mark: str) -> list[list[str]]:
    """The cells of the table that follows a comment which starts with `mark`, without its head."""
    table = (DOCS / page).read_text().partition(f"<!-- {mark}: ")[2].partition("|")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def code_in(text: str) -> list[str]:
    """What stands in code type."""
    return re.findall(r"`([^`\n]+)`", text)
