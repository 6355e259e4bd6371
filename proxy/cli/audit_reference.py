"""Writes what docs/reference says of events from their catalogue: a table for people, a JSON Schema for programs.

`python -m proxy.cli.audit_reference [--check]`
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from proxy.cli import audit_schema
from proxy.services.audit_catalogue import EVENTS, Level

_ROOT: Final = Path(__file__).parents[2]
_INTRODUCTION: Final = """\
# Audit events

Written by `python -m proxy.cli.audit_reference` from the catalogue of events; do not edit it by hand.

Every event there is, and the logs it appears on: an event on an instance appears on the log of its application, of the
space that owns it and of the spaces above that, and on the platform's. An event with an `error` says that it was tried and
did not succeed. What one looks like:
[the schema](audit-event.schema.json). How to read, verify and pass them on: [audit](../audit.md).
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


WRITTEN: Final[Mapping[Path, Callable[[], str]]] = {
    Path("docs/reference/audit-events.md"): document,
    Path("docs/reference/audit-event.schema.json"): audit_schema.text,
}


def main(arguments: list[str]) -> int:
    """Writes them, or with --check names what is not as the catalogue has it; exit code 1 if anything is."""
    stale = [path for path, text in WRITTEN.items() if not _is(_ROOT / path, text())]
    if arguments == ["--check"]:
        for path in stale:
            sys.stderr.write(f"{path} is not as the catalogue has it. Run python -m proxy.cli.audit_reference\n")
        return int(bool(stale))
    for path in stale:
        (_ROOT / path).write_text(WRITTEN[path](), encoding="utf-8")
        sys.stdout.write(f"{path}\n")
    return 0


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
