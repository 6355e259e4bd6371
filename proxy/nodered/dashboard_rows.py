"""Rows in the messages of widgets: they travel in `msg.payload`. Pure.

A chart keeps its history as an array of messages, and has worked out beforehand where each row is drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from proxy.access.rows import Judged, judge_all
from proxy.access.tags import Values
from proxy.model.estate import RowPolicy
from proxy.nodered.dashboard_client import CLIENT

Held = Sequence[tuple[RowPolicy, Values]]

_STATE: Final = frozenset({"enabled", "visible", "class"})
"""What a message without rows, and what is stored of a widget, may still say: how it looks."""
_PAYLOAD: Final = "payload"
_POINTS: Final = "_datapoint"
_BESIDE: Final = frozenset({*_STATE, "topic", "action"})
"""What may stand beside the rows in a message, where it is one word; all else, such as `ui_update`, nobody has judged.

`action`: whether rows replace those that a chart shows.
"""
_WHOLE: Final = frozenset({_PAYLOAD, _POINTS, CLIENT})
"""What has its own judges."""


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
    return _of_one(held, message, chart=chart) if _PAYLOAD in message else _without_rows(message)


def _of_one(held: Held, message: dict[str, object], *, chart: bool) -> Found:
    payload = message[_PAYLOAD]
    found = judge_all(held, payload)
    if found.denied:
        return Found(False, None, found if found.violation else None)
    known = _less(message, _WHOLE, _BESIDE)
    if found.kept is payload or not found.left_out:
        return Found(True, known)
    if chart and not found.kept:  # an empty array would wipe out what the visitor has seen so far
        return _NOTHING
    kept = {key: value for key, value in known.items() if key != _POINTS}
    kept[_PAYLOAD] = found.kept
    if (points := _points(message.get(_POINTS), payload, found.kept)) is not None:
        kept[_POINTS] = points
    return Found(True, kept)


def _points(points: object, rows: object, kept: object) -> list[object] | None:
    """Where a chart draws the rows that are kept; None where that cannot be told."""
    if not (isinstance(points, list) and isinstance(rows, list) and isinstance(kept, list)) or len(points) != len(rows):
        return None
    ours = set(map(id, kept))
    return [point for point, row in zip(points, rows, strict=True) if id(row) in ours]


def state_of(value: object) -> object:
    """What is stored of a widget, less what was never judged, such as the options that a flow gave it."""
    return _less(value, frozenset(), _STATE) if isinstance(value, dict) else None


def _without_rows(message: dict[str, object]) -> Found:
    """A message that brings no rows, whatever policies let pass: that is about payloads."""
    state = _less(message, frozenset({CLIENT}), _STATE)
    return Found(True, state) if state.keys() & _STATE else _NOTHING


def _less(message: dict[str, object], whole: frozenset[str], words: frozenset[str]) -> dict[str, object]:
    """A message less all but these members, of which `words` hold no other. Itself where it has no more."""
    kept = {
        key: value
        for key, value in message.items()
        if key in whole or (key in words and not isinstance(value, dict | list))
    }
    return message if len(kept) == len(message) else kept
