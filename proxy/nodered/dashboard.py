"""What becomes of an event of Dashboard 2 on its way to or from one visitor. Pure.

Events are lists: a name, and what goes with it. From the instance come `msg-input:`, `widget-load:`, `widget-sync:` and
`ui-control:`, each with the id of a widget behind it, and `ui-config`; from pages `widget-load`, `widget-action`,
`widget-change` and `widget-send`, each with such an id, `ui-event` and `ui-control`. Widgets of others have events of their
own. Where pages govern, whatever cannot be assigned to a page that the visitor sees is dropped.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from proxy.access.pages import PageView
from proxy.access.rows import Judged, policies_for_widget
from proxy.access.tags import Values
from proxy.model.estate import RowPolicy
from proxy.nodered.dashboard_client import Me, part_for, without_client, without_others
from proxy.nodered.dashboard_config import Outline, Page, Widget, reduced, unset
from proxy.nodered.dashboard_rows import judged, state_of

Words = list[object]

_CONFIG: Final = "ui-config"
_CONTROL: Final = "ui-control"
_EVENT: Final = "ui-event"
_LOAD: Final = "widget-load"
_SYNC: Final = "widget-sync"
_OF_ROWS: Final = frozenset({"msg-input", _LOAD, _SYNC})
"""The events that bring a widget its rows."""
_OF_WIDGETS: Final = frozenset({_LOAD, "widget-action", "widget-change", "widget-send"})
_LOOKING: Final = frozenset({"$pageview", "$pageleave"})
"""What pages tell of themselves, whether or not anybody may press anything there."""
_ALL: Final = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who is at a socket, and what holds for them."""

    view: PageView | None = None
    """None where no pages govern."""
    rows: tuple[RowPolicy, ...] = ()
    """The policies that say whose rows are seen."""
    values: Mapping[str, Values] = field(default_factory=lambda: MappingProxyType({}))
    """Tag of a policy -> the visitor's values."""
    constrained: bool = False
    """Whether messages reach nobody but those they are meant for."""
    looks_on: bool = False
    """Whether nothing may be pressed anywhere."""
    me: Me = field(default_factory=lambda: Me(user_id=None))

    def sees(self, page: str, said: Page) -> bool:
        return self.view is None or self.view.shows(page, said.path)

    def types(self, page: str, said: Page) -> bool:
        """Whether what they press and type on a page is passed on."""
        return not self.looks_on and (self.view is None or self.view.takes_input(page, said.path))


@dataclass(frozen=True, slots=True)
class Told:
    """What of an event goes on to a visitor."""

    words: Words | None
    """None for nothing; the very list that came in where nothing is changed."""
    widget: str = ""
    """Id of the widget it is for, known or not; empty for none."""
    broken: Judged | None = None
    """Where a flow sent rows of others although a policy says that it does not: what was said of them."""


def told(outline: Outline, visitor: Visitor, words: Words, *, socket: str, binary: bool) -> Told:
    """What of an event of the instance's a visitor gets. `socket` is what socket.io calls theirs.

    `binary`: parts of it follow it, and cannot be looked into.
    """
    if words[0] == _CONFIG:
        return Told(_config(outline, visitor, words))
    kind, id_ = _named(outline, words)
    widget = outline.widgets.get(id_)
    controls = kind == _CONTROL or (widget is not None and widget.type == _CONTROL)
    shown: Words | None = words
    if visitor.view is not None:
        shown = _shown(outline, visitor, widget, words, names=controls)
    broken: Judged | None = None
    if shown is not None and visitor.rows and not controls:
        shown, broken = _rows(outline, visitor, kind, id_, shown, binary=binary)
    if shown is not None and visitor.constrained:
        shown = _meant(visitor.me, kind, shown, socket)
    return Told(shown, id_, broken)


def said(outline: Outline, visitor: Visitor, words: Words) -> Words | None:
    """What of an event of a page's goes on to the instance; None for nothing."""
    name = words[0]
    second = words[1] if len(words) > 1 else None
    id_ = second if isinstance(second, str) else ""
    if name in _OF_WIDGETS:
        passes = _admits(outline, visitor, id_, typing=name != _LOAD)
    elif name == _EVENT:
        passes = _admits_event(outline, visitor, id_, words)
    elif name == _CONTROL:
        passes = _admits_control(outline, visitor, id_, words)
    else:
        passes = _admits(outline, visitor, id_, typing=True)
    if not passes:
        return None
    cleaned = without_client(words)
    return cleaned if isinstance(cleaned, list) else None


# -- from the instance


def _config(outline: Outline, visitor: Visitor, words: Words) -> Words | None:
    config = words[2] if len(words) > 2 else None
    if not isinstance(config, dict):
        return words if visitor.view is None and not visitor.rows else None
    shown = config if visitor.view is None else reduced(config, visitor.view)
    if visitor.rows:
        shown = unset(shown, [id_ for id_ in outline.widgets if _held(outline, visitor, id_)])
    return words if shown is config else [*words[:2], shown]


def _named(outline: Outline, words: Words) -> tuple[str, str]:
    """The kind of an event, and the id of the widget it names, known or not."""
    name = str(words[0])
    kind, _, id_ = name.partition(":")
    if id_ in outline.widgets or kind in _OF_ROWS or kind == _CONTROL:
        return kind, id_
    last, second = name.rpartition(":")[2], words[1] if len(words) > 1 else None
    if last in outline.widgets:
        return name, last
    return name, second if isinstance(second, str) and second in outline.widgets else ""


def _shown(outline: Outline, visitor: Visitor, widget: Widget | None, words: Words, *, names: bool) -> Words | None:
    """What of an event lies on pages that are shown."""
    if widget is None:
        return None
    if widget.page is not None:
        return words if visitor.sees(widget.page, outline.pages[widget.page]) else None
    if not any(visitor.sees(id_, page) for id_, page in _pages(outline, widget.base)):
        return None
    hidden = _Hidden(outline, visitor, names=names)
    kept = [words[0], *(hidden.out_of(word) for word in words[1:])]
    if any(hidden.is_in(word) for word in kept[1:]):
        return None
    return words if all(a is b for a, b in zip(kept, words, strict=True)) else kept


class _Hidden:
    """What a visitor must not hear of: pages that are not theirs, and what lies on them."""

    def __init__(self, outline: Outline, visitor: Visitor, *, names: bool) -> None:
        """`names`: pages are called by their names too, as `ui-control` does."""
        self._outline, self._visitor = outline, visitor
        shown, hidden = set[str](), set[str]()
        for id_, page in outline.pages.items():
            called = {page.path, page.name} if names else {page.path}
            (shown if visitor.sees(id_, page) else hidden).update(called)
        self._said = hidden - shown - {""}

    def called(self, text: object) -> bool:
        if not isinstance(text, str):
            return False
        if text in self._said:
            return True
        outline = self._outline
        widget = outline.widgets.get(text)
        page = widget.page if widget is not None else outline.groups.get(text, text)
        found = outline.pages.get(page) if page is not None else None
        return page is not None and found is not None and not self._visitor.sees(page, found)

    def out_of(self, value: object) -> object:
        """A document less what in its lists is called so. Itself where there is none."""
        if isinstance(value, list):
            kept = [self.out_of(each) for each in value if not self.called(each)]
            same = len(kept) == len(value) and all(a is b for a, b in zip(kept, value, strict=True))
            return value if same else kept
        if isinstance(value, dict):
            each_kept = {key: self.out_of(each) for key, each in value.items()}
            return value if all(each_kept[key] is each for key, each in value.items()) else each_kept
        return value

    def is_in(self, value: object) -> bool:
        if isinstance(value, dict):
            return any(self.called(key) or self.is_in(each) for key, each in value.items())
        return any(map(self.is_in, value)) if isinstance(value, list) else self.called(value)


def _rows(
    outline: Outline, visitor: Visitor, kind: str, id_: str, words: Words, *, binary: bool
) -> tuple[Words | None, Judged | None]:
    """What of an event is the visitor's, and whether a flow broke its word."""
    held = _held(outline, visitor, id_)
    if not held:
        return words, None
    if binary or kind not in _OF_ROWS:
        return None, None
    widget = outline.widgets.get(id_)
    found = judged(held, words[1] if len(words) > 1 else None, chart=widget is not None and widget.type == "ui-chart")
    state = [state_of(words[2])] if kind == _LOAD and len(words) > 2 else []
    if not found.shown:
        return [words[0], None, *state] if state else None, found.broken
    kept = [words[0], *([found.message] if len(words) > 1 else []), *state]
    same = len(kept) == len(words) and all(a is b for a, b in zip(kept, words, strict=True))
    return words if same else kept, found.broken


def _held(outline: Outline, visitor: Visitor, id_: str) -> Sequence[tuple[RowPolicy, Values]]:
    """The policies that a widget's messages are held to, less those by which everything is the visitor's."""
    widget = outline.widgets.get(id_)
    page = outline.pages.get(widget.page) if widget is not None and widget.page is not None else None
    pages = (widget.page, page.path) if widget is not None and widget.page is not None and page is not None else ()
    policies = (
        policies_for_widget(visitor.rows, id_, widget.type if widget is not None else None, pages)
        if id_
        else visitor.rows
    )
    return [(policy, values) for policy in policies if (values := visitor.values[policy.tag]) is not None]


def _meant(me: Me, kind: str, words: Words, socket: str) -> Words | None:
    """What of an event is meant for the visitor. A widget whose last message is not theirs still has its state."""
    parts: Words = [words[0]]
    for number, word in enumerate(words[1:], 1):
        reaches, part = part_for(word, me, None if kind == _SYNC else socket)
        if not reaches and not (kind == _LOAD and number == 1 and len(words) > 2):
            return None
        parts.append(without_others(part, me, socket) if reaches else None)
    return words if all(a is b for a, b in zip(parts, words, strict=True)) else parts


# -- from the page


def _admits(outline: Outline, visitor: Visitor, id_: str, *, typing: bool) -> bool:
    """Whether a widget hears from the visitor."""
    if visitor.view is None:
        return not (typing and visitor.looks_on)
    widget = outline.widgets.get(id_)
    if widget is None:
        return False
    asked = visitor.types if typing else visitor.sees
    if widget.page is not None:
        return asked(widget.page, outline.pages[widget.page])
    return any(asked(page_id, page) for page_id, page in _pages(outline, widget.base))


def _admits_event(outline: Outline, visitor: Visitor, id_: str, words: Words) -> bool:
    """Whether a page may tell what happens on it."""
    message = words[2] if len(words) > 2 else None
    if not isinstance(message, dict):
        return False
    topic = message.get("topic")
    looking = isinstance(topic, str) and topic in _LOOKING
    if visitor.view is None:
        return looking or not visitor.looks_on
    payload = message.get("payload")
    page = payload.get("page") if isinstance(payload, dict) else None
    return (id_ == _ALL or _admits(outline, visitor, id_, typing=False)) and _is_at(outline, visitor, page, looking)


def _is_at(outline: Outline, visitor: Visitor, said: object, looking: bool) -> bool:
    """Whether a page that an event names is the visitor's, and called what it is called."""
    id_ = said.get("id") if isinstance(said, dict) else None
    page = outline.pages.get(id_) if isinstance(id_, str) else None
    if not isinstance(said, dict) or not isinstance(id_, str) or page is None:
        return False
    if said.get("name", page.name) != page.name or said.get("path", page.path) != page.path:
        return False
    return visitor.sees(id_, page) and (looking or visitor.types(id_, page))


def _admits_control(outline: Outline, visitor: Visitor, id_: str, words: Words) -> bool:
    """Whether a page may tell that it is shown now; it tells its name."""
    if visitor.view is None or not _admits(outline, visitor, id_, typing=True):
        return visitor.view is None and not visitor.looks_on
    change = words[3] if len(words) > 3 else None
    name = change.get("name") if isinstance(change, dict) else None
    return any(page.name == name and visitor.types(page_id, page) for page_id, page in outline.pages.items())


def _pages(outline: Outline, base: str) -> Iterator[tuple[str, Page]]:
    return ((id_, page) for id_, page in outline.pages.items() if page.base == base)
