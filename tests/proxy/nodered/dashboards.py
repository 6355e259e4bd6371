"""Dashboards as Dashboard 2 tells its pages of them, and what somebody may see of one."""

from collections.abc import Collection, Mapping

from proxy.access.pages import PageView, pages_of
from proxy.model.estate import Estate, InstanceSettings, Resource, ResourceKind
from proxy.nodered.dashboard_config import Outline

BASE = "b45e"
LINE = Resource(
    id="r-line",
    kind=ResourceKind.INSTANCE,
    slug="line",
    owner="s-acme",
    instance=InstanceSettings(upstream="http://127.0.0.1:1880"),
)

Config = dict[str, object]


def config(places: Mapping[str, Collection[str]], base: str = BASE, **of_all: str) -> Config:
    """A dashboard: page -> the widgets on it, each in the page's one group; `of_all` are widgets of no page, by their type.

    The page `oil` has the id `page-oil`, the path `/oil` and the name `Oil`. Widgets are of type ui-text, unless their id
    says otherwise, as in `ui-table:stock`.
    """
    widgets: dict[str, object] = {}
    for page, ids in places.items():
        for id_ in ids:
            type_, _, key = id_.rpartition(":")
            widgets[key] = widget(key, type_ or "ui-text", group=f"group-{page}")
    for key, type_ in of_all.items():
        widgets[key] = widget(key, type_.replace("_", "-"), ui=base)
    return {
        "meta": {"wysiwyg": {"enabled": False, "page": f"page-{next(iter(places), '')}"}},
        "dashboards": {
            base: {"id": base, "type": "ui-base", "path": "/dashboard", "_users": [f"page-{p}" for p in places]}
        },
        "heads": {},
        "pages": {f"page-{page}": _page(page, base) for page in places},
        "themes": {
            f"theme-{page}": {"id": f"theme-{page}", "name": f"Theme {page}", "_users": [f"page-{page}"]}
            for page in places
        },
        "groups": {
            f"group-{page}": {"id": f"group-{page}", "name": f"Group {page}", "page": f"page-{page}"} for page in places
        },
        "widgets": widgets,
    }


def widget(key: str, type_: str, *, group: str = "", page: str = "", ui: str = "") -> Config:
    props = {"group": group, "page": page, "ui": ui, "name": f"Name of {key}", "label": "x"}
    return {"id": key, "type": type_, "props": props, "layout": {"width": 3}, "state": {"enabled": True}, "hooks": {}}


def outline(places: Mapping[str, Collection[str]], **of_all: str) -> Outline:
    return Outline().with_config(BASE, config(places, **of_all))


def view(*shown: str, declared: Collection[str] = (), whole: bool = False, readonly: Collection[str] = ()) -> PageView:
    """What somebody may see: `shown` pages by their short names; `declared` ones are pages of others."""
    names = list(dict.fromkeys((*shown, *declared)))
    pages = [
        Resource(id=f"r-{name}", kind=ResourceKind.PAGE, slug=name, parent=LINE.id, attributes={"match": f"/{name}"})
        for name in names
    ]
    found = pages_of(Estate(resources={each.id: each for each in (LINE, *pages)}), LINE)
    assert found is not None
    theirs = frozenset(f"r-{name}" for name in shown)
    return PageView(
        pages=found, whole=whole, known=whole, shown=theirs, typed=theirs - {f"r-{name}" for name in readonly}
    )


def _page(page: str, base: str) -> Config:
    return {
        "id": f"page-{page}",
        "type": "ui-page",
        "name": page.title(),
        "ui": base,
        "path": f"/{page}",
        "theme": f"theme-{page}",
        "order": 1,
    }
