"""Which page a request is for, where an instance is shared page by page. Pure but for a memory of paths.

A path is read as surfaces are: raw and once decoded, folded. Every reading has to be for the visitor to see, so that none
is let in by an encoding that the instance undoes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from proxy.access.pages import Pages, PageView
from proxy.nodered.surfaces import Layout
from proxy.services.bounded import Bounded
from proxy.wire.target import path_of, readings

_REMEMBERED: Final = 1024
_LONGEST_REMEMBERED: Final = 256
_NONE: Final[frozenset[str]] = frozenset()
_DESCRIPTION: Final = b"_setup"
_OWN: Final = frozenset({b"assets", _DESCRIPTION})
"""First segments below the dashboard of what it is made of."""


class Place(Enum):
    """What of an instance one reading of a path is."""

    FRAME = auto()
    """What every page of the Dashboard is made of: scripts, styles, its description. All of it is only ever read."""
    SOCKET = auto()
    """The dashboard's own, where it answers and no flow does; what is written there is sorted out page by page."""
    ENTRY = auto()
    """The dashboard's own address, from which its script goes on to a page."""
    PAGE = auto()
    ENDPOINT = auto()


@dataclass(frozen=True, slots=True)
class Part:
    """One reading of a path."""

    place: Place
    pages: frozenset[str] = _NONE
    """Ids of the page resources that name it; none where nobody has declared it."""


class Parts:
    """The parts of one instance."""

    __slots__ = ("_known", "_layout", "_pages", "_placed", "paths")

    def __init__(self, layout: Layout, pages: Pages, before: "Parts | None" = None) -> None:
        """`before`: the same instance's as they were, which have learned something."""
        self._layout, self._pages = layout, pages
        self.paths: Mapping[str, str] = before.paths if before is not None else {}
        """Where the Dashboard has its pages, by their ids, as far as it has said so."""
        self._placed = pages.placed(self.paths)
        """Where those of them are that are declared by their ids."""
        self._known: Bounded[bytes, tuple[Part, ...]] = Bounded(_REMEMBERED)

    def learn(self, paths: Mapping[str, str]) -> None:
        """Take in where the Dashboard has its pages: id -> path below the dashboard."""
        if paths != self.paths:
            self.paths, self._placed = paths, self._pages.placed(paths)
            self._known.clear()

    def of(self, target: bytes) -> tuple[Part, ...]:
        """What a target may be read as; it is one that the layout could classify."""
        path = path_of(target)
        found = self._known.get(path)
        if found is None:
            found = tuple(self._part(reading) for reading in readings(path))
            if len(path) <= _LONGEST_REMEMBERED:
                self._known.keep(path, found)
        return found

    def _part(self, reading: bytes) -> Part:
        below, within = self._layout.in_dashboard(reading), self._layout.in_node(reading)
        if below is None:
            return Part(Place.ENDPOINT, self._pages.around(within))
        if not below:
            return Part(Place.ENTRY)
        if _first(below) == b"socket.io":
            return Part(Place.SOCKET)
        path = b"/" + below
        if named := self._pages.at(path) | self._placed.get(path, _NONE):
            return Part(Place.PAGE, named)
        if around := self._around(within, below):
            return Part(Place.ENDPOINT, around)
        return Part(Place.FRAME if _is_frame(below) else Place.PAGE)

    def _around(self, within: bytes, below: bytes) -> frozenset[str]:
        """Ids of the pages to which an endpoint below the dashboard belongs; `within` is its path below the node root.

        A page that names all that lies there, down to the description of the Dashboard, takes its scripts from nobody.
        """
        around = self._pages.around(within)
        if around and _first(below) in _OWN:
            around -= self._pages.around(within.removesuffix(below) + _DESCRIPTION)
        return around


def shows(view: PageView, parts: tuple[Part, ...], *, writes: bool = False) -> bool:
    """Whether what a request is for is there for a visitor. What only the Dashboard names is there to be read."""
    return all(_shown(view, part, writes=writes) for part in parts)


def takes(view: PageView, parts: tuple[Part, ...]) -> bool:
    """Whether a visitor may also write to what is there for them."""
    return all(not view.typed.isdisjoint(part.pages) for part in parts if part.pages)


def _shown(view: PageView, part: Part, *, writes: bool) -> bool:
    if part.pages:
        return not view.shown.isdisjoint(part.pages)
    if part.place is Place.SOCKET:
        return view.enters
    if writes or part.place is Place.ENDPOINT:
        return view.whole
    match part.place:
        case Place.FRAME:
            return view.enters
        case Place.ENTRY:
            return view.whole or (view.known and view.enters)
        case Place.PAGE:
            # Nobody may have said yet where a page is that is declared by its id; and what is served at any path is the
            # same empty frame.
            return view.whole or (view.known and view.is_anywhere)


def _is_frame(below: bytes) -> bool:
    """Whether a path below the dashboard is a file of its own, as long as no page names it: Dashboard 2 has some directly
    there, and all others below `assets`.
    """
    return _first(below) in _OWN or (b"/" not in below and b"." in below)


def _first(below: bytes) -> bytes:
    return below.partition(b"/")[0]
