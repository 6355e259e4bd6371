"""What docs/reference says of events, from their catalogue."""

from collections.abc import Iterator
from typing import Final

from proxy.services.audit_catalogue import EVENTS, Level

_INTRODUCTION: Final = """\
# Audit events

Written by `python -m proxy.cli.reference` from the catalogue of events; do not edit it by hand.

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
