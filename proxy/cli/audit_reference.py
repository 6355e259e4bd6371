"""Writes docs/reference/audit-events.md from the catalogue of events: `python -m proxy.cli.audit_reference [--check]`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from proxy.services.audit_catalogue import EVENTS, Level

PATH: Final = Path("docs/reference/audit-events.md")
_ROOT: Final = Path(__file__).parents[2]
_INTRODUCTION: Final = """\
# Audit events

Written by `python -m proxy.cli.audit_reference` from the catalogue of events; do not edit it by hand.

Every event there is, and the logs it appears on: an event on an instance appears on the log of its application, of the
space that owns it and of the spaces above that, and on the platform's. An event with an `error` says that it was tried and
did not succeed. How to read, verify and pass them on: [audit](../audit.md).
"""


def document() -> str:
    """The reference as it should be."""
    return "\n".join([_INTRODUCTION, *_lines()])


def _lines() -> Iterator[str]:
    families: dict[str, list[str]] = {}
    for name in EVENTS:
        families.setdefault(name.partition(".")[0], []).append(name)
    for family, names in families.items():
        yield from (f"## {family}", "", "| Event | Says | On the logs of |", "| --- | --- | --- |")
        for name in names:
            yield f"| `{name}` | {EVENTS[name].words} | {_levels(EVENTS[name].levels)} |"
        yield ""


def _levels(levels: tuple[Level, ...]) -> str:
    return ", ".join(levels)


def main(arguments: list[str]) -> int:
    """Writes the reference, or with --check says that it is not as the catalogue has it; exit code 1 if so."""
    text, path = document(), _ROOT / PATH
    stale = not path.is_file() or path.read_text(encoding="utf-8") != text
    if arguments == ["--check"]:
        if stale:
            sys.stderr.write(f"{PATH} is not as the catalogue has it. Run python -m proxy.cli.audit_reference\n")
        return int(stale)
    if stale:
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{PATH}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
