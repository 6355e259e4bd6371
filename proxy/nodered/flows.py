"""Flows as Node-RED's admin API writes them down, and what a deploy changes in them, node by node."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Final

Outline = Mapping[str, tuple[bytes, str]]
"""Node id -> a fingerprint of what it is, and where it lies on its tab. No content, so no credentials."""

_LISTS: Final = frozenset({"flows", "nodes", "configs", "subflows"})
"""Where nodes stand in what POST /flows, POST /flow and PUT /flow/:id take."""
_ASIDE: Final = frozenset({"id", "rev", "credentials"})
_PLACE: Final = ("x", "y", "w", "h")
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_DECODE: Final = json.JSONDecoder().raw_decode
_ITSELF: Final = ""
"""Stands for what is said of a single flow besides its nodes."""


class Unreadable(ValueError):
    """These are no flows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Flows, taken apart."""

    nodes: Outline
    rev: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many nodes a deploy adds, changes and removes; of those that are otherwise the same, how many it moves."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    moved: int = 0

    def plain(self) -> dict[str, object]:
        return asdict(self)


NOTHING: Final = Document(nodes={})


def read(body: bytes) -> Document:
    """Take flows apart. Raises Unreadable.

    It goes node by node, since each call into the decoder keeps the whole process waiting until it returns.
    """
    try:
        text = _Text(body.decode())
        document = _read(text)
        text.end()
    except (ValueError, TypeError, RecursionError) as error:
        raise Unreadable(str(error)) from None  # with its cause it would show the text, credentials and all
    return document


def compare(before: Outline, after: Outline) -> Counts:
    """What is different, by id. The order of nodes, and of the wires of one port, counts for nothing."""
    both = [(before[key], after[key]) for key in after if key in before]
    return Counts(
        added=len(after) - len(both),
        removed=len(before) - len(both),
        changed=sum(old[0] != new[0] for old, new in both),
        moved=sum(old[0] == new[0] and old[1] != new[1] for old, new in both),
    )


def _read(text: "_Text") -> Document:
    nodes: dict[str, tuple[bytes, str]] = {}
    rest: dict[str, object] = {}
    if text.peek() == "[":
        nodes.update(_nodes(text))
        return Document(nodes=nodes)
    for name in text.members():
        if name in _LISTS and text.peek() == "[":
            nodes.update(_nodes(text))
        else:
            rest[name] = text.value()
    rev = rest.get("rev")
    if itself := {name: value for name, value in rest.items() if name not in _ASIDE}:
        nodes[_ITSELF] = _fingerprint(itself), ""
    return Document(nodes=nodes, rev=rev if isinstance(rev, str) else None)


def _nodes(text: "_Text") -> Iterator[tuple[str, tuple[bytes, str]]]:
    for node in text.elements():
        if not isinstance(node, dict) or not isinstance(node.get("id"), str):
            raise Unreadable("a node has an id")
        place = json.dumps([node.pop(name, None) for name in _PLACE])
        yield node["id"], (_fingerprint(node), place)


def _fingerprint(node: dict[str, object]) -> bytes:
    # Node-RED tells credentials to nobody, and an editor sends those that are new: a node that brings some changes.
    node["credentials"] = bool(node.get("credentials"))
    wires = node.get("wires")
    if isinstance(wires, list):
        node["wires"] = [sorted(map(str, port)) if isinstance(port, list) else port for port in wires]
    return blake2b(json.dumps(node, sort_keys=True).encode(), digest_size=16).digest()


class _Text:
    """JSON (RFC 8259), decoded a piece at a time."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._text[self._at : self._at + 1]

    def end(self) -> None:
        """Raises ValueError where something follows."""
        if self.peek():
            raise ValueError("nothing is expected after the flows")

    def value(self) -> object:
        self.peek()
        value, self._at = _DECODE(self._text, self._at)
        return value

    def elements(self) -> Iterator[object]:
        """The elements of the array that is next."""
        self._take("[")
        if self.peek() != "]":
            yield self.value()
            while self.peek() == ",":
                self._take(",")
                yield self.value()
        self._take("]")

    def members(self) -> Iterator[str]:
        """The names in the object that is next; whoever gets one takes its value before the next."""
        self._take("{")
        if self.peek() != "}":
            yield self._name()
            while self.peek() == ",":
                self._take(",")
                yield self._name()
        self._take("}")

    def _name(self) -> str:
        name = self.value()
        if not isinstance(name, str):
            raise ValueError("a name is a text")  # noqa: TRY004 - of JSON, which is a value here
        self._take(":")
        return name

    def _take(self, mark: str) -> None:
        if self.peek() != mark:
            raise ValueError(f"{mark} is expected")
        self._at += 1
