"""Each line of the threat model names a test that is there."""

import re

from tests.docs.pages import DOCS, ROOT, code_in

LINES = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (DOCS / "threat-model.md").read_text().splitlines()
    if re.match(r"\| [STRIDE] \|", line)
]
TESTS = {
    name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())
}


def test_every_line_is_held_by_a_test() -> None:
    assert len(LINES) > 60
    for line in LINES:
        _, threat, held, tests = line
        assert held, threat
        assert code_in(tests), threat


def test_every_test_that_is_named_exists() -> None:
    named = {name for line in LINES for name in code_in(line[-1])}
    functions = {name for name in named if name.startswith("test_")}
    assert functions <= TESTS, functions - TESTS
    assert all((ROOT / file).is_file() for file in named - functions)
