"""Rows: what of a JSON document a visitor gets to see. Pure.

Whatever a policy does not understand, nobody sees: a row without its field is somebody else's, and a document without rows
where they should be is not shown at all, unless the policy lets such documents pass.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from jsonpath import JSONPathEnvironment, JSONPathError
from jsonpath.segments import JSONPathChildSegment, JSONPathSegment
from jsonpath.selectors import IndexSelector, NameSelector, WildcardSelector

from proxy.access.tags import Values
from proxy.model.estate import RowKind, RowMode, RowPolicy, Unmatched
from proxy.wire.glob import glob
from proxy.wire.target import readings

Step = str | int | None
"""A member's name, an item's index, or None for every member and item."""
Location = tuple[str | int, ...]

_ENVIRONMENT: Final = JSONPathEnvironment(strict=True)


class BadRowsPath(ValueError):
    """A JSONPath that policies do not take; says which, and what they take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What becomes of a document."""

    kept: object = None
    """The document, less the rows that are somebody else's; nothing of it where it is denied."""
    left_out: int = 0
    """How many rows are somebody else's."""
    violation: bool = False
    """Whether a flow sent rows of others although it says that it does not; it is denied then."""
    denied: bool = False
    """Whether nothing of the document may be shown."""
    policy: str = ""
    """Of several policies: the name of the one that denies it."""


def judge_rows(policy: RowPolicy, values: Values, document: object) -> Judged:
    """What a visitor with these values of the policy's tag may see of a JSON document."""
    if values is None:
        return Judged(kept=document)
    try:
        found, odd = _rows(rows_path(policy.rows), document)
    except BadRowsPath:
        return Judged(denied=True)
    if odd and policy.on_unmatched is Unmatched.DENY:
        return Judged(denied=True)
    foreign = [at for at, row in found if values.isdisjoint(_said(row, policy.field))]
    return _without_foreign(policy, foreign, document)


def judge_all(policies: Iterable[tuple[RowPolicy, Values]], document: object) -> Judged:
    """The same under several policies, each with the visitor's values of its tag: only what all of them show."""
    judged = Judged(kept=document)
    for policy, values in policies:
        one = judge_rows(policy, values, judged.kept)
        left_out = judged.left_out + one.left_out
        if one.denied:
            return replace(one, left_out=left_out, policy=policy.name)
        judged = Judged(kept=one.kept, left_out=left_out)
    return judged


@lru_cache(maxsize=1024)
def rows_path(text: str) -> tuple[Step, ...]:
    """A JSONPath (RFC 9535) of names, indexes and [*], step by step. Raises BadRowsPath.

    Filters and descendants are refused: they could take any amount of time.
    """
    try:
        path = _ENVIRONMENT.compile(text)
    except (JSONPathError, ValueError, RecursionError) as error:  # the latter two of what it should refuse
        raise BadRowsPath(f"{text!r} is no JSONPath (RFC 9535), such as $.rows") from error
    return tuple(_step(text, segment) for segment in getattr(path, "segments", ()))


def policies_for_path(
    policies: Iterable[RowPolicy], method: bytes, path: bytes, root: str = "/"
) -> Sequence[RowPolicy]:
    """Those that hold for an answer of an endpoint; `path` as the instance gets it, `root` is its node root.

    Node-RED takes no notice of case, nor of a slash at the end, so neither do they. Raises BadTarget.
    """
    http = [policy for policy in policies if policy.kind is RowKind.HTTP]
    if not http:
        return ()
    below = [_below(root, reading) for reading in readings(path.partition(b"?")[0])]
    asked = "GET" if method == b"HEAD" else method.decode("latin-1").upper()
    return [policy for policy in http if _asks(policy, asked) and _covers(policy, below)]


def policies_for_widget(
    policies: Iterable[RowPolicy], widget: str, type_: str | None, pages: Collection[str]
) -> Sequence[RowPolicy]:
    """Those that hold for the messages of a widget; `pages` are the id and the path of the page it is on.

    Where type or pages are not known, those that ask for one hold too.
    """
    folded = {_page(page) for page in pages}
    return [
        policy
        for policy in policies
        if policy.kind is RowKind.SOCKET
        and (not policy.widgets or widget in policy.widgets)
        and (not policy.types or type_ is None or type_ in policy.types)
        and (not policy.pages or not folded or not folded.isdisjoint(map(_page, policy.pages)))
    ]


def _without_foreign(policy: RowPolicy, foreign: Sequence[Location], document: object) -> Judged:
    if not foreign:
        return Judged(kept=document)
    if policy.mode is RowMode.ASSERT:
        return Judged(left_out=len(foreign), violation=True, denied=True)
    if () in foreign or not isinstance(document, dict | list):
        return Judged(left_out=1, denied=True)
    return Judged(kept=_without(document, foreign), left_out=len(foreign))


def _step(text: str, segment: JSONPathSegment) -> Step:
    if isinstance(segment, JSONPathChildSegment) and len(segment.selectors) == 1:
        match segment.selectors[0]:
            case NameSelector(name=name):
                return name
            case IndexSelector(index=index):
                return index
            case WildcardSelector():
                return None
            case _:
                pass
    raise BadRowsPath(
        f"{text!r} asks for more than the names, indexes and [*] that a policy takes, such as $.plants[*].rows"
    )


def _rows(steps: Iterable[Step], document: object) -> tuple[list[tuple[Location, object]], bool]:
    """Every row and where it is; and whether something was not as the path has it."""
    nodes: list[tuple[Location, object]] = [((), document)]
    odd = False
    for step in steps:
        found = [_stepped(at, node, step) for at, node in nodes]
        odd = odd or None in found
        nodes = [one for some in found if some is not None for one in some]
    rows: list[tuple[Location, object]] = []
    for at, node in nodes:
        if isinstance(node, list):
            rows += (((*at, number), row) for number, row in enumerate(node))
        elif isinstance(node, dict):
            rows.append((at, node))
        else:
            odd = True
    return rows, odd


def _stepped(at: Location, node: object, step: Step) -> Iterable[tuple[Location, object]] | None:
    """Where a step leads from a node; None where there is no such way."""
    if step is None:
        return [((*at, key), child) for key, child in _children(node)] if isinstance(node, dict | list) else None
    if isinstance(step, str):
        return [((*at, step), node[step])] if isinstance(node, dict) and step in node else None
    if isinstance(node, list) and -len(node) <= step < len(node):
        return [((*at, step % len(node)), node[step])]
    return None


def _children(node: dict[str, object] | list[object]) -> Iterator[tuple[str | int, object]]:
    yield from node.items() if isinstance(node, dict) else enumerate(node)


def _without(document: dict[str, object] | list[object], left_out: Iterable[Location]) -> object:
    """A document less what is at some places in it; what is not on the way there is not copied."""
    gone: set[str | int] = set()
    deeper: dict[str | int, list[Location]] = {}
    for first, *rest in left_out:
        if rest:
            deeper.setdefault(first, []).append(tuple(rest))
        else:
            gone.add(first)
    kept = (
        (key, _without(child, deeper[key]) if key in deeper and isinstance(child, dict | list) else child)
        for key, child in _children(document)
        if key not in gone
    )
    return dict(kept) if isinstance(document, dict) else [child for _, child in kept]


def _said(row: object, field: str) -> Iterator[str]:
    """What a row says in a field, as text: each item where it is a list, nothing where there is no such field."""
    at = row
    for name in field.split("."):
        if not isinstance(at, dict) or name not in at:
            return
        at = at[name]
    for value in at if isinstance(at, list) else (at,):
        if isinstance(value, str):
            yield value
        elif isinstance(value, bool | int | float):
            yield json.dumps(value)


def _asks(policy: RowPolicy, method: str) -> bool:
    return not policy.methods or method in {"GET" if one.upper() == "HEAD" else one.upper() for one in policy.methods}


def _covers(policy: RowPolicy, below: Iterable[bytes | None]) -> bool:
    if not policy.paths:
        return True
    patterns = [glob("/" + pattern.strip("/").lower()) for pattern in policy.paths]
    return any(pattern.matches(path) for path in below if path is not None for pattern in patterns)


def _below(root: str, path: bytes) -> bytes | None:
    """What follows the root in a folded path; None outside it."""
    folded = root.strip("/").lower().encode()
    if not folded:
        return path
    if path == b"/" + folded:
        return b"/"
    return path.removeprefix(b"/" + folded) if path.startswith(b"/" + folded + b"/") else None


def _page(name: str) -> str:
    return name.strip("/").lower()
