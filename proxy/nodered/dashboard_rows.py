"""Rows in the messages of widgets: they travel in `msg.payload`. Pure.

A chart keeps its history as an array of messages, and has worked out beforehand where each row is drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from proxy.access.rows import Judged, judge_all
from proxy.access.tags import Values
from proxy.model.estate import RowPolicy, Unmatched

Held = Sequence[tuple[RowPolicy, Values]]

_STATE: Final = frozenset({"enabled", "visible", "class"})
"""What a message without rows may still say: how its widget looks."""
_POINTS: Final = "_datapoint"


@dataclass(frozen=True, slots=True)
class Found:
    """What of a message is a visitor's."""

    shown: bool
    message: object = None
    broken: Judged | None = None
    """Where a flow sent rows of others although a policy says that it does not: what was said of them."""


_NOTHING: Final = Found(False)


def judged(held: Held, message: object, *, chart: bool) -> Found:
    """What of a message, or of a history of them, is the visitor's under these policies."""
    if isinstance(message, list):
        each = [judged(held, one, chart=chart) for one in message]
        kept = [one.message for one in each if one.shown]
        same = len(kept) == len(message) and all(a is b for a, b in zip(kept, message, strict=True))
        return Found(
            True, message if same else kept, next((one.broken for one in each if one.broken is not None), None)
        )
    if message is None:
        return Found(True)
    if not isinstance(message, dict):
        return _NOTHING
    return _of_one(held, message, chart=chart) if "payload" in message else _without_rows(held, message)


def _of_one(held: Held, message: dict[str, object], *, chart: bool) -> Found:
    payload = message["payload"]
    found = judge_all(held, payload)
    if found.denied:
        return Found(False, None, found if found.violation else None)
    if found.kept is payload or not found.left_out:
        return Found(True, message)
    if chart and not found.kept:  # an empty array would wipe out what the visitor has seen so far
        return _NOTHING
    kept = {key: value for key, value in message.items() if key != _POINTS}
    kept["payload"] = found.kept
    if (points := _points(message.get(_POINTS), payload, found.kept)) is not None:
        kept[_POINTS] = points
    return Found(True, kept)


def _points(points: object, rows: object, kept: object) -> list[object] | None:
    """Where a chart draws the rows that are kept; None where that cannot be told."""
    if not (isinstance(points, list) and isinstance(rows, list) and isinstance(kept, list)) or len(points) != len(rows):
        return None
    ours = set(map(id, kept))
    return [point for point, row in zip(points, rows, strict=True) if id(row) in ours]


def _without_rows(held: Held, message: dict[str, object]) -> Found:
    """A message that brings no rows: all of it where every policy lets such pass."""
    if all(policy.on_unmatched is Unmatched.PASS for policy, _ in held):
        return Found(True, message)
    state = {key: value for key, value in message.items() if key in _STATE}
    return Found(True, state) if state else _NOTHING
