"""Widgets that get messages with a visitor's data in them, and that Dashboard 2 then sends to everybody.

Dashboard sends a message to those its `_client` names only where the widget's type stands under "Accept Client Data"
(`acceptsClientConfig` of the ui-base); messages to all other types go to every page, with `_client` in them. Which
widgets get such messages is read off the wires. What a function does to a message cannot be read off it, so it counts
as passing on what it gets; a change node that deletes `msg._client` is understood.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

ACCEPTING: Final = ("ui-control", "ui-notification")
"""The types that accept client data where a ui-base does not say which (Dashboard 1.31.0)."""

_CLIENT: Final = "_client"
_PARENTS: Final = ("group", "page", "ui")
"""The fields in which a widget, a group and a page name what they stand in."""
_INSTANCE_OF: Final = "subflow:"
_DELETION: Final = re.compile(r"\bdelete\s+[\w.?]+\._client\b")

Node = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Finding:
    """A widget type that is sent to everybody though messages with client data are wired to it."""

    base: str
    """Id of the ui-base under whose "Accept Client Data" it is missing."""
    widget: str
    """The node type, such as `ui-text`."""
    count: int
    """How many nodes of the type get such messages."""


def lint(flows: Sequence[Node]) -> Sequence[Finding]:
    """Each widget type that is fed client data and does not accept it, sorted; nodes that are disabled count for nothing.

    `flows` are the nodes as `GET /flows` tells them; what is no node is passed over.
    """
    graph = _Graph(flows)
    broadcast = Counter(
        (str(base["id"]), str(node["type"]))
        for node in graph.fed()
        if (base := graph.base(node)) is not None and node["type"] not in _accepted(base)
    )
    return sorted(Finding(base=base, widget=widget, count=count) for (base, widget), count in broadcast.items())


class _Graph:
    """Flows as a graph of what may pass from node to node."""

    def __init__(self, flows: Sequence[Node]) -> None:
        sound = [node for node in flows if isinstance(node.get("id"), str) and isinstance(node.get("type"), str)]
        off = {node["id"] for node in sound if node["type"] == "tab" and node.get("disabled") is True}
        live = [node for node in sound if node.get("d") is not True and node.get("z") not in off]
        self._nodes: dict[str, Node] = {str(node["id"]): node for node in live}
        self._onward: defaultdict[str, set[str]] = defaultdict(set)
        for node in live:
            for source, target in _edges(node, live):
                self._onward[source].add(target)

    def fed(self) -> Iterator[Node]:
        """The nodes that messages with client data get to."""
        seen: set[str] = set()
        ahead = {target for key, node in self._nodes.items() if self._tells(node) for target in self._onward[key]}
        while ahead:
            seen |= ahead
            passing = [key for key in ahead if not _deletes_client(self._nodes.get(key, {}))]
            ahead = {target for key in passing for target in self._onward[key]} - seen
        return (self._nodes[key] for key in seen if key in self._nodes)

    def base(self, node: Node) -> Node | None:
        """The ui-base that a node belongs to; None where it belongs to none."""
        for _ in _PARENTS:
            named = (node[field] for field in _PARENTS if node.get(field))
            parent = self._nodes.get(str(next(named, None)))
            if parent is None or parent["type"] == "ui-base":
                return parent
            node = parent
        return None

    def _tells(self, node: Node) -> bool:
        """Whether client data that did not come into a node may come out of it."""
        if node["type"] == "function":
            return _CLIENT in _DELETION.sub("", str(node.get("func")))
        if node["type"] == "change":
            return any(_is_client(rule.get("to" if rule.get("t") == "move" else "p")) for rule in _rules(node))
        base = self.base(node)
        return base is not None and base.get("includeClientData", True) is not False


def _accepted(base: Node) -> Sequence[str]:
    said = base.get("acceptsClientConfig")
    return _texts(said) if isinstance(said, list) else ACCEPTING


def _edges(node: Node, live: Iterable[Node]) -> Iterator[tuple[str, str]]:
    """What a node is connected to by wires, by links and by its scope; an end of a subflow has the subflow's id."""
    key, kind = str(node["id"]), str(node["type"])
    if kind in ("link out", "link call"):
        yield from ((key, target) for target in _texts(node.get("links")))
    if kind in ("catch", "complete"):
        yield from ((str(watched["id"]), key) for watched in live if _watches(node, watched))
    if kind == "subflow":
        yield from ((key, inner) for inner in _inside(node.get("in")))
        yield from ((inner, _leaving(key)) for inner in _inside(node.get("out")))
    source = key
    if kind.startswith(_INSTANCE_OF):
        definition = kind.removeprefix(_INSTANCE_OF)
        yield key, definition
        source = _leaving(definition)
    yield from ((source, target) for port in _list(node.get("wires")) for target in _texts(port))


def _leaving(subflow: str) -> str:
    return f"{subflow} out"


def _inside(ports: object) -> Iterator[str]:
    """The nodes that a subflow's ports are wired to."""
    for port in _mappings(ports):
        yield from (str(wire.get("id")) for wire in _mappings(port.get("wires")))


def _watches(node: Node, other: Node) -> bool:
    """Whether a catch or complete node passes on what another one had; without a scope, all of its tab."""
    scope = node.get("scope")
    if isinstance(scope, list):
        return other["id"] in scope
    return node is not other and "wires" in other and other.get("z") == node.get("z")


def _deletes_client(node: Node) -> bool:
    if node.get("type") != "change":
        return False
    deleted = (rule for rule in _mappings(node.get("rules")) if rule.get("t") == "delete")
    return any(rule.get("p") == _CLIENT and rule.get("pt", "msg") == "msg" for rule in deleted)


def _rules(node: Node) -> Iterator[Node]:
    """The rules of a change node that put something somewhere."""
    return (rule for rule in _mappings(node.get("rules")) if rule.get("t") in ("set", "move"))


def _is_client(field: object) -> bool:
    return str(field).partition(".")[0] == _CLIENT


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _texts(value: object) -> Sequence[str]:
    return [each for each in _list(value) if isinstance(each, str)]


def _mappings(value: object) -> Sequence[Node]:
    return [each for each in _list(value) if isinstance(each, Mapping)]
