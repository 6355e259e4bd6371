"""What is where on a dashboard, and what of it one visitor gets to see."""

import orjson
import pytest

from proxy.nodered.dashboard_config import Outline, Page, Widget, reduced
from tests.proxy.nodered.dashboards import BASE, config, outline, view, widget

TWO = {"oil": ["pump", "ui-chart:level"], "gas": ["valve"]}


def test_a_widget_is_where_its_group_is() -> None:
    known = outline(TWO, notice="ui_notification")
    assert known.pages["page-oil"] == Page(base=BASE, name="Oil", path="/oil")
    assert known.groups == {"group-oil": "page-oil", "group-gas": "page-gas"}
    assert known.widgets == {
        "pump": Widget(base=BASE, type="ui-text", page="page-oil"),
        "level": Widget(base=BASE, type="ui-chart", page="page-oil"),
        "valve": Widget(base=BASE, type="ui-text", page="page-gas"),
        "notice": Widget(base=BASE, type="ui-notification", page=None),
    }


@pytest.mark.parametrize(
    ("place", "page"),
    [
        ({"page": "page-oil"}, "page-oil"),
        ({"group": "group-gas", "page": "page-oil"}, "page-gas"),
        ({"ui": BASE}, None),
    ],
)
def test_a_template_may_belong_to_a_page_or_to_all(place: dict[str, str], page: str | None) -> None:
    said = config(TWO)
    said["widgets"] = {"style": widget("style", "ui-template", **place)}
    assert Outline().with_config(BASE, said).widgets["style"].page == page


@pytest.mark.parametrize("place", [{}, {"group": "gone"}, {"page": "gone"}, {"group": "gone", "ui": BASE}])
def test_a_widget_that_is_nowhere_is_not_known(place: dict[str, str]) -> None:
    said = config(TWO)
    said["widgets"] = {"lost": widget("lost", "ui-text", **place)}
    assert Outline().with_config(BASE, said).widgets == {}


@pytest.mark.parametrize("odd", [{}, {"pages": [], "widgets": 1}, {"widgets": {"a": None, "b": {"props": 1}}}])
def test_what_is_no_configuration_says_nothing(odd: dict[str, object]) -> None:
    assert Outline().with_config(BASE, odd) == Outline(pages={}, groups={}, widgets={})


def test_a_dashboard_says_what_is_so_now_and_nothing_of_the_others() -> None:
    known = outline(TWO).with_config("other", config({"sea": ["buoy"]}, "other"))
    known = known.with_config(BASE, config({"oil": ["level"]}))
    assert set(known.pages) == {"page-oil", "page-sea"}
    assert set(known.groups) == {"group-oil", "group-sea"}
    assert set(known.widgets) == {"level", "buoy"}


def test_another_process_learns_the_same() -> None:
    known = outline(TWO, notice="ui_notification")
    assert Outline.of(orjson.loads(orjson.dumps(known.plain()))) == known


def test_g_01_a_visitor_is_told_of_their_pages_and_of_no_other() -> None:
    """G-01."""
    shown = reduced(config(TWO, notice="ui_notification"), view("oil", declared=["gas"]))
    assert set(shown["pages"]) == {"page-oil"}
    assert set(shown["groups"]) == {"group-oil"}
    assert set(shown["widgets"]) == {"pump", "level", "notice"}
    assert set(shown["themes"]) == {"theme-oil"}
    assert shown["dashboards"] == {BASE: {"id": BASE, "type": "ui-base", "path": "/dashboard"}}
    written = orjson.dumps(shown)
    for foreign in (b"gas", b"Gas", b"valve", b"wysiwyg"):
        assert foreign not in written


def test_who_sees_all_of_it_gets_it_as_it_is() -> None:
    said = config(TWO)
    assert reduced(said, view("oil", "gas")) is said
    assert reduced(said, view("oil", whole=True)) is said


def test_pages_that_nobody_declared_are_for_those_with_a_role_on_the_instance() -> None:
    said = config(TWO)
    assert set(reduced(said, view("oil"))["pages"]) == {"page-oil"}
    assert set(reduced(said, view(declared=["oil"], whole=True))["pages"]) == {"page-gas"}


def test_who_sees_no_page_is_told_of_no_dashboard() -> None:
    shown = reduced(config(TWO, notice="ui_notification"), view(declared=["oil", "gas"]))
    assert shown == {part: {} for part in ("meta", "dashboards", "heads", "pages", "groups", "widgets", "themes")}


def test_a_theme_that_several_pages_share_stays_without_a_word_of_the_others() -> None:
    said = config(TWO)
    for page in said["pages"].values():  # type: ignore[attr-defined]
        page["theme"] = "theme-all"
    said["themes"] = {"theme-all": {"id": "theme-all", "_users": ["page-oil", "page-gas"], "uses": ["page-gas", "x"]}}
    shown = reduced(said, view("oil", declared=["gas"]))
    assert shown["themes"] == {"theme-all": {"id": "theme-all", "uses": ["x"]}}
