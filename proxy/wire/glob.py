"""Patterns for paths, matched in time that grows no faster than pattern times path: who writes them may mean harm."""

import re
from functools import lru_cache

_WITHIN, _ACROSS = b"*", b"**"


class Glob:
    """A pattern for paths: `*` stays within a segment, `**` crosses segments.

    Backtracking would try every way in which several wildcards may share a path, and one request could hold up all others.
    So all places that can be reached in a path are followed at once, one bit for each.
    """

    __slots__ = ("_between", "_first", "_last")

    def __init__(self, pattern: str) -> None:
        first, *rest = re.split(rb"(\*\*|\*)", pattern.encode())
        self._first = first
        self._last = rest.pop() if rest else None
        """None without a wildcard."""
        self._between = tuple(part for part in rest if part)

    def matches(self, path: bytes) -> bool:
        """Whether the whole path is as the pattern says."""
        first, last = self._first, self._last
        if last is None:
            return path == first
        if len(path) < len(first) + len(last) or not (path.startswith(first) and path.endswith(last)):
            return False
        return _spanned(path[len(first) : len(path) - len(last)], self._between)


@lru_cache(maxsize=4096)
def glob(pattern: str) -> Glob:
    """A pattern, made once."""
    return Glob(pattern)


def _spanned(text: bytes, parts: tuple[bytes, ...]) -> bool:
    """Whether wildcards, and what stands between them, use up a text."""
    reached, end = 1, 1 << len(text)
    for part in parts:
        if part == _ACROSS:
            reached = 2 * end - (reached & -reached)
        elif part == _WITHIN:
            inside = (end - 1) ^ _places(text, b"/")
            # The sum carries each place to the end of its segment: what that changes is what lies on the way.
            reached |= ((reached & inside) + inside) ^ inside
        else:
            reached = _after(text, part, reached)
        if not reached:
            return False
    return bool(reached & end)


def _after(text: bytes, literal: bytes, reached: int) -> int:
    """The places behind a literal, wherever it stands at a place that was reached."""
    for number in range(len(literal)):
        reached &= _places(text, literal[number : number + 1]) >> number
        if not reached:
            return 0
    return reached << len(literal)


@lru_cache(maxsize=256)
def _places(text: bytes, byte: bytes) -> int:
    """Where a byte stands in a text, the first place being the lowest bit. Patterns are tried on one text in a row."""
    marks = bytearray(b"0" * 256)
    marks[byte[0]] = ord("1")
    return int(text[::-1].translate(marks), 2) if text else 0
