"""What `ui-config` says of a dashboard: which widget is on which page, and the same document for one visitor. Pure.

Dashboard 2 sends the whole of it to every socket: pages, groups and widgets, each a node by its id. A widget lies in a
group, which lies on a page; or on a page itself, as templates may; or on the dashboard as a whole, such as a notification.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Self

from proxy.access.pages import PageView
from proxy.nodered.dashboard_rows import state_of

Document = Mapping[str, object]

_USERS: Final = ("_users", "_user")
"""Fields in which Node-RED notes which nodes use one: those of foreign pages among them."""
_EDITING: Final = "wysiwyg"
"""In `meta`: what is being edited, and where."""
_NODES: Final = ("pages", "groups", "widgets", "themes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    base: str
    """Id of the ui-base."""
    name: str
    path: str
    """Below the dashboard's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Widget:
    base: str
    type: str
    page: str | None
    """Id of its page; None where it belongs to every page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """Where everything on the dashboards of an instance lies."""

    pages: Mapping[str, Page] = field(default_factory=lambda: MappingProxyType({}))
    groups: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Id -> id of its page."""
    widgets: Mapping[str, Widget] = field(default_factory=lambda: MappingProxyType({}))

    def with_config(self, base: str, config: Document) -> Self:
        """The same with what one dashboard now says of itself."""
        pages = {id_: page for id_, page in self.pages.items() if page.base != base}
        gone = self.pages.keys() - pages.keys()
        groups = {id_: page for id_, page in self.groups.items() if page not in gone}
        widgets = {id_: widget for id_, widget in self.widgets.items() if widget.base != base}
        pages |= {id_: _page(base, each) for id_, each in _nodes(config, "pages")}
        groups |= {id_: page for id_, each in _nodes(config, "groups") if (page := _text(each, "page")) in pages}
        for id_, each in _nodes(config, "widgets"):
            if (widget := _widget(base, each, pages, groups)) is not None:
                widgets[id_] = widget
        return type(self)(pages=pages, groups=groups, widgets=widgets)

    def plain(self) -> dict[str, object]:
        """As JSON has it, for another process."""
        return {
            "pages": {id_: [page.base, page.name, page.path] for id_, page in self.pages.items()},
            "groups": dict(self.groups),
            "widgets": {id_: [widget.base, widget.type, widget.page] for id_, widget in self.widgets.items()},
        }

    @classmethod
    def of(cls, plain: Mapping[str, Mapping[str, object]]) -> Self:
        """What `plain` made."""
        pages = {id_: Page(base=base, name=name, path=path) for id_, (base, name, path) in _rows(plain["pages"])}
        widgets = {
            id_: Widget(base=base, type=type_, page=page) for id_, (base, type_, page) in _rows(plain["widgets"])
        }
        return cls(pages=pages, groups={id_: str(page) for id_, page in plain["groups"].items()}, widgets=widgets)


def reduced(config: Document, view: PageView) -> Document:
    """What a visitor gets to see of a dashboard: the pages that are theirs with all that lies on them, and no word of
    others. Itself where all of it is theirs.
    """
    kept = _kept(config, view)
    foreign = {id_ for part in _NODES for id_, _ in _nodes(config, part) if id_ not in kept[part]}
    if not foreign:
        return config
    said = {part: {id_: each for id_, each in _nodes(config, part) if id_ in kept[part]} for part in _NODES}
    dashboards = dict(_nodes(config, "dashboards")) if kept["pages"] else {}
    meta = config.get("meta")
    told = {key: value for key, value in meta.items() if key != _EDITING} if isinstance(meta, dict) else {}
    document = {"meta": told, "dashboards": dashboards, "heads": {}, **said}
    return {part: without(each, foreign) for part, each in document.items()}


def unset(config: Document, judged: Collection[str]) -> Document:
    """A dashboard less what flows have set in these widgets, which the dashboard tells as if it were made so. Itself where
    there is nothing.
    """
    widgets = dict(_nodes(config, "widgets"))
    changed = {id_: _unset(widget) for id_, widget in widgets.items() if id_ in judged}
    if all(widgets[id_] is widget for id_, widget in changed.items()):
        return config
    return {**config, "widgets": {**widgets, **changed}}


def _unset(widget: Document) -> Document:
    state, props = widget.get("state"), widget.get("props")
    looks = state_of(state)
    if not isinstance(state, dict) or not isinstance(looks, dict) or looks is state:
        return widget
    gone = state.keys() - looks.keys()
    kept = {key: value for key, value in props.items() if key not in gone} if isinstance(props, dict) else props
    return {**widget, "state": looks, "props": kept}


def without(value: object, foreign: set[str]) -> object:
    """A document in whose lists nothing is called by these ids."""
    if isinstance(value, dict):
        return {key: without(each, foreign) for key, each in value.items() if key not in _USERS}
    if isinstance(value, list):
        return [without(each, foreign) for each in value if not (isinstance(each, str) and each in foreign)]
    return value


def _kept(config: Document, view: PageView) -> Mapping[str, set[str]]:
    """Ids of the nodes that a visitor gets to see, by kind."""
    pages = {id_: each for id_, each in _nodes(config, "pages") if view.shows(id_, _text(each, "path"))}
    groups = {id_ for id_, each in _nodes(config, "groups") if _text(each, "page") in pages}
    themes = {_text(each, "theme") for each in pages.values()}
    widgets = {id_ for id_, each in _nodes(config, "widgets") if _is_on(each, pages, groups)}
    return {"pages": set(pages), "groups": groups, "widgets": widgets, "themes": themes}


def _is_on(widget: Document, pages: Mapping[str, object], groups: set[str]) -> bool:
    group, page, ui = _places(widget)
    if group:
        return group in groups
    return page in pages if page else bool(ui) and bool(pages)


def _page(base: str, page: Document) -> Page:
    return Page(base=base, name=_text(page, "name"), path=_text(page, "path"))


def _widget(base: str, widget: Document, pages: Mapping[str, Page], groups: Mapping[str, str]) -> Widget | None:
    """None for one of which nobody can say where it lies."""
    group, page, ui = _places(widget)
    type_ = _text(widget, "type")
    if group or page:
        on = groups.get(group) if group else page
        return Widget(base=base, type=type_, page=on) if on in pages else None
    return Widget(base=base, type=type_, page=None) if ui else None


def _places(widget: Document) -> tuple[str, str, str]:
    """The group, the page and the dashboard that a widget names."""
    props = widget.get("props")
    if not isinstance(props, dict):
        return "", "", ""
    return _text(props, "group"), _text(props, "page"), _text(props, "ui")


def _nodes(config: Document, part: str) -> Iterator[tuple[str, Document]]:
    nodes = config.get(part)
    for id_, node in nodes.items() if isinstance(nodes, dict) else ():
        if isinstance(node, dict):
            yield id_, node


def _text(node: Document, name: str) -> str:
    value = node.get(name)
    return value if isinstance(value, str) else ""


def _rows(table: Mapping[str, object]) -> Iterator[tuple[str, list[str]]]:
    for id_, row in table.items():
        if isinstance(row, list):
            yield id_, row
