"""The page about checks names every fault that the isolation report may hold."""

import re

from tests.docs.pages import ROOT, code_in, rows


def test_every_fault_is_told_with_what_helps() -> None:
    sources = sorted((ROOT / "proxy" / "services").glob("checks*.py"))
    codes = {code for source in sources for code in re.findall(r'code="(\w+)"', source.read_text())}
    told = rows("checks.md", "faults")
    assert {code_in(code)[0] for code, _, _ in told} == codes
    assert all(meaning and remedy for _, meaning, remedy in told)
