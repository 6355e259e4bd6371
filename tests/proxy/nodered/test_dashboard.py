"""What becomes of a Dashboard's events on their way to and from one visitor."""

from dataclasses import replace

import orjson
import pytest

from proxy.access.pages import PageView
from proxy.model.estate import RowKind, RowMode, RowPolicy
from proxy.nodered.dashboard import Visitor, said, told
from proxy.nodered.dashboard_client import Me
from tests.proxy.nodered.dashboards import BASE, config, outline, view

PLACES = {"oil": ["pump", "ui-chart:level"], "gas": ["valve", "ui-table:stock"], "tips": ["hint"]}
KNOWN = outline(PLACES, notice="ui_notification", control="ui_control", event="ui_event")
HERE = "socket-here"
ANN = Me(user_id="u-ann", username="ann", tenant="acme")
OIL = Visitor(view=view("oil", "tips", declared=["gas"], readonly=["tips"]), me=ANN)
"""Sees oil, watches tips, and must not know of gas."""
ANYBODY = Visitor(me=ANN)

Words = list[object]


def gets(visitor: Visitor, *words: object, binary: bool = False) -> Words | None:
    return told(KNOWN, visitor, list(words), socket=HERE, binary=binary).words


def passes(visitor: Visitor, *words: object) -> Words | None:
    return said(KNOWN, visitor, list(words))


# -- pages, from the instance


@pytest.mark.parametrize("event", ["msg-input", "widget-load", "widget-sync", "third-party", "a:b"])
@pytest.mark.parametrize(("widget", "shown"), [("pump", True), ("hint", True), ("valve", False), ("unknown", False)])
def test_g_01_events_of_widgets_on_pages_of_others_do_not_arrive(event: str, widget: str, shown: bool) -> None:
    """G-01."""
    words = [f"{event}:{widget}", {"payload": 1}, {"enabled": True}]
    assert gets(OIL, *words) == (words if shown else None)
    assert gets(ANYBODY, *words) == words


def test_an_event_that_is_not_changed_is_the_one_that_came() -> None:
    words: Words = ["msg-input:pump", {"payload": 1}]
    assert told(KNOWN, OIL, words, socket=HERE, binary=False).words is words


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["my-event"], False),
        (["my-event", {"payload": 1}], False),
        (["my-event", "pump", 1], True),
        (["my-event", "valve", 1], False),
        (["my-event:x", "pump"], True),
        (["msg-input:", "pump"], False),
        (["msg-input:unknown", "pump"], False),
        (["ui-control:unknown", "pump"], False),
    ],
)
def test_where_pages_govern_what_names_no_widget_of_theirs_is_dropped(words: Words, shown: bool) -> None:
    assert gets(OIL, *words) == (words if shown else None)
    assert gets(ANYBODY, *words) == words


def test_g_01_the_configuration_is_that_of_ones_own_pages() -> None:
    """G-01."""
    shown = gets(OIL, "ui-config", BASE, config(PLACES))
    assert shown is not None
    assert shown[:2] == ["ui-config", BASE]
    assert b"gas" not in orjson.dumps(shown).lower()
    assert gets(OIL, "ui-config", BASE, "odd") is None
    assert gets(OIL, "ui-config") is None
    words: Words = ["ui-config", BASE, config(PLACES)]
    assert told(KNOWN, ANYBODY, words, socket=HERE, binary=False).words is words


@pytest.mark.parametrize(
    ("payload", "kept"),
    [
        ({"page": "Oil"}, {"page": "Oil"}),
        ({"page": "Gas"}, None),
        ({"page": 1}, {"page": 1}),
        ({"url": "/gas"}, None),
        ({"pages": {"show": ["page-oil", "page-gas"]}}, {"pages": {"show": ["page-oil"]}}),
        ({"pages": {"show": ["Oil", "Gas"]}}, {"pages": {"show": ["Oil"]}}),
        ({"groups": {"hide": ["group-gas"]}}, {"groups": {"hide": []}}),
        ({"widgets": {"enable": ["pump", "valve"]}}, {"widgets": {"enable": ["pump"]}}),
        ({"valve": 1}, None),
    ],
)
def test_controls_say_nothing_of_pages_of_others(payload: dict[str, object], kept: dict[str, object] | None) -> None:
    for name in ("ui-control:control", "msg-input:control"):
        words: Words = [name, {"payload": payload}]
        assert gets(OIL, *words) == ([name, {"payload": kept}] if kept is not None else None)
        assert gets(ANYBODY, *words) == words


@pytest.mark.parametrize(
    ("payload", "shown"), [("Gas is out", True), ("Gas", True), ("/gas", False), ("page-gas", False), (["valve"], True)]
)
def test_a_notification_for_everybody_names_no_page_of_others(payload: object, shown: bool) -> None:
    assert (gets(OIL, "msg-input:notice", {"payload": payload}) is not None) is shown


def test_who_sees_no_page_of_a_dashboard_gets_nothing_of_it() -> None:
    nothing = Visitor(view=view(declared=["oil", "gas", "tips"]))
    assert gets(nothing, "msg-input:notice", {"payload": 1}) is None


def test_attachments_that_are_not_looked_into_pass_where_their_widget_is_shown() -> None:
    words: Words = ["msg-input:pump", {"payload": {"_placeholder": True, "num": 0}}]
    assert gets(OIL, *words, binary=True) == words
    assert gets(OIL, "msg-input:valve", *words[1:], binary=True) is None


# -- pages, from the page


@pytest.mark.parametrize(
    ("name", "widget", "passed"),
    [
        ("widget-load", "pump", True),
        ("widget-action", "pump", True),
        ("widget-change", "level", True),
        ("widget-send", "pump", True),
        ("their-own", "pump", True),
        ("widget-action", "notice", True),
        ("widget-load", "valve", False),
        ("widget-action", "valve", False),
        ("widget-change", "valve", False),
        ("widget-send", "valve", False),
        ("their-own", "valve", False),
        ("widget-load", "unknown", False),
        ("widget-load", "ui-notification-of-its-own", False),
        ("widget-load", ["pump"], False),
        ("widget-load", 1, False),
        ("widget-load", None, False),
    ],
)
def test_g_01_what_is_pressed_on_pages_of_others_does_not_reach_the_flow(
    name: str, widget: object, passed: bool
) -> None:
    """G-01."""
    words: Words = [name, widget, {"payload": 1}]
    assert passes(OIL, *words) == (words if passed else None)
    assert passes(ANYBODY, *words) == words


@pytest.mark.parametrize(
    ("name", "passed"),
    [
        ("widget-load", True),
        ("widget-action", False),
        ("widget-change", False),
        ("widget-send", False),
        ("their-own", False),
    ],
)
def test_g_03_a_page_that_is_only_watched_lets_nothing_in(name: str, passed: bool) -> None:
    """G-03."""
    assert (passes(OIL, name, "hint", 1) is not None) is passed


@pytest.mark.parametrize("name", ["widget-load", "widget-action", "their-own", "ui-control", "ui-event"])
def test_who_looks_on_as_somebody_presses_nothing(name: str) -> None:
    looking = replace(ANYBODY, looks_on=True)
    assert (passes(looking, name, "pump", {"topic": "x"}) is not None) is (name == "widget-load")
    assert passes(replace(OIL, looks_on=True), "widget-change", "pump", 1) is None
    assert passes(looking, "ui-event", "all", {"topic": "$pageview"}) is not None


def test_an_event_of_no_words_says_nothing_where_pages_govern() -> None:
    assert passes(OIL, "widget-load") is None
    assert passes(OIL, "ui-event") is None
    assert passes(OIL, "ui-control") is None
    assert passes(ANYBODY, "widget-load") == ["widget-load"]


def page(key: str, **more: object) -> dict[str, object]:
    return {"id": f"page-{key}", "name": key.title(), "path": f"/{key}", **more}


@pytest.mark.parametrize(
    ("topic", "at", "passed"),
    [
        ("$pageview", page("oil"), True),
        ("$pageleave", page("oil"), True),
        ("mine", page("oil"), True),
        ("$pageview", page("tips"), True),
        ("mine", page("tips"), False),
        ("$pageview", page("gas"), False),
        ("$pageview", page("oil", name="Gas"), False),
        ("$pageview", page("oil", path="/gas"), False),
        ("$pageview", {"id": "page-oil"}, True),
        ("$pageview", {"id": ["page-oil"]}, False),
        ("$pageview", {"name": "Oil"}, False),
        ("$pageview", None, False),
        (["$pageview"], page("oil"), True),
        ({"$pageview": 1}, page("tips"), False),
    ],
)
@pytest.mark.parametrize("to", ["all", "event"])
def test_d_12_pages_tell_that_they_are_looked_at(topic: object, at: object, passed: bool, to: str) -> None:
    """D-12, G-01, G-03."""
    words: Words = ["ui-event", to, {"topic": topic, "payload": {"page": at}}]
    assert passes(OIL, *words) == (words if passed else None)
    assert passes(ANYBODY, *words) == words


@pytest.mark.parametrize(("name", "passed"), [("Oil", True), ("Gas", False), ("Tips", False), (None, False)])
def test_a_page_tells_which_page_it_shows_now(name: str | None, passed: bool) -> None:
    words: Words = ["ui-control", "control", "change", {"page": 0, "name": name}]
    assert passes(OIL, *words) == (words if passed else None)
    assert passes(ANYBODY, *words) == words
    assert passes(OIL, "ui-control", "unknown", "change", {"name": "Oil"}) is None


def test_d_06_what_a_page_claims_about_its_visitor_never_passes() -> None:
    """D-06, D-11."""
    claims = {"payload": 1, "_client": {"user": {"userId": "root"}}}
    for visitor in (OIL, ANYBODY):
        assert passes(visitor, "widget-action", "pump", claims) == ["widget-action", "pump", {"payload": 1}]
        assert passes(visitor, "widget-send", "pump", [[claims]]) == ["widget-send", "pump", [[{"payload": 1}]]]


# -- whom a message is meant for

CONSTRAINED = Visitor(constrained=True, me=ANN)
BOBS = {"payload": "b", "_client": {"user": {"userId": "u-bob"}, "socketId": "there"}}
ANNS = {"payload": "a", "_client": {"user": {"userId": "u-ann"}}}


def test_d_11_what_is_meant_for_somebody_else_does_not_arrive() -> None:
    """D-11."""
    assert gets(CONSTRAINED, "msg-input:pump", BOBS) is None
    assert gets(CONSTRAINED, "msg-input:pump", ANNS) == ["msg-input:pump", ANNS]
    assert gets(CONSTRAINED, "my-event", BOBS) is None
    assert gets(ANYBODY, "msg-input:pump", BOBS) == ["msg-input:pump", BOBS]


def test_d_11_a_widget_whose_last_message_is_anothers_still_has_its_state() -> None:
    assert gets(CONSTRAINED, "widget-load:pump", BOBS, {"enabled": True}) == [
        "widget-load:pump",
        None,
        {"enabled": True},
    ]
    assert gets(CONSTRAINED, "widget-load:pump", BOBS) is None
    assert gets(CONSTRAINED, "widget-load:level", [BOBS, ANNS]) == ["widget-load:level", [ANNS]]


def test_a_change_reaches_the_other_tabs_of_its_writer() -> None:
    changed = {"payload": 1, "_client": {"user": {"userId": "u-ann"}, "socketId": "there"}}
    assert gets(CONSTRAINED, "widget-sync:pump", changed) == ["widget-sync:pump", changed]
    assert gets(CONSTRAINED, "msg-input:pump", changed) is None


def test_d_11_a_broadcast_has_no_client_of_others() -> None:
    """D-11."""
    wrapped = {"payload": {"last": BOBS}, "_client": {"socketIp": "10.0.0.1"}}
    assert gets(CONSTRAINED, "msg-input:pump", wrapped) == ["msg-input:pump", {"payload": {"last": {"payload": "b"}}}]


# -- rows

DEVICES = RowPolicy(name="devices", kind=RowKind.SOCKET, tag="@things", field="device", types=("ui-table", "ui-chart"))
ROWS = Visitor(rows=(DEVICES,), values={"@things": frozenset({"SD-001"})}, me=ANN)
MIXED = {"payload": [{"device": "SD-001"}, {"device": "AM-307"}]}


@pytest.mark.parametrize("event", ["msg-input", "widget-load", "widget-sync"])
def test_c_07_a_table_shows_ones_own_rows(event: str) -> None:
    """C-07, T-08, T-10."""
    assert gets(ROWS, f"{event}:stock", MIXED) == [f"{event}:stock", {"payload": [{"device": "SD-001"}]}]
    assert gets(ROWS, f"{event}:pump", MIXED) == [f"{event}:pump", MIXED]


def test_what_a_policy_cannot_look_into_does_not_arrive() -> None:
    assert gets(ROWS, "msg-input:stock", MIXED, binary=True) is None
    assert gets(ROWS, "their-own:stock", MIXED) is None
    assert gets(ROWS, "their-own", "stock", MIXED) is None
    assert gets(ROWS, "their-own", MIXED) is None
    assert gets(ROWS, "msg-input:unknown", {"payload": "x"}) is None
    assert gets(ROWS, "msg-input:stock") == ["msg-input:stock"]


def test_a_widget_whose_rows_are_all_of_others_still_has_its_state() -> None:
    words = ["widget-load:stock", {"payload": "no rows"}, {"enabled": True}]
    assert gets(ROWS, *words) == ["widget-load:stock", None, {"enabled": True}]
    assert gets(ROWS, *words[:2]) is None
    assert gets(ROWS, "msg-input:stock", *words[1:]) is None


@pytest.mark.parametrize("message", [MIXED, {"payload": "no rows"}, None])
def test_what_is_stored_of_a_widget_says_no_more_than_how_it_looks(message: object) -> None:
    """T-10. What a flow set in it, such as options, nobody has judged."""
    stored = {"enabled": True, "class": "red", "options": [{"device": "AM-307"}]}
    loaded = gets(ROWS, "widget-load:stock", message, stored, {"device": "AM-307"})
    assert loaded is not None
    assert loaded[2:] == [{"enabled": True, "class": "red"}]
    assert gets(ROWS, "widget-load:stock", None, [{"device": "AM-307"}]) == ["widget-load:stock", None, None]
    assert gets(ROWS, "widget-load:pump", message, stored) == ["widget-load:pump", message, stored]
    assert gets(ROWS, "msg-input:stock", None, stored) == ["msg-input:stock", None]


@pytest.mark.parametrize("pages", [None, view("gas", declared=["oil"])], ids=["all", "gas"])
def test_a_dashboard_tells_nothing_that_a_flow_set_in_a_widget_of_rows(pages: PageView | None) -> None:
    """T-10. It tells what was set as if the widget had been made so."""
    document = config(PLACES)
    said_of = {"enabled": True, "options": [{"device": "AM-307"}], "class": {"device": "AM-307"}}
    for each in ("stock", "valve"):
        made = document["widgets"][each]  # type: ignore[index]
        made.update(state=said_of, props={**made["props"], **said_of})
    shown = gets(replace(ROWS, view=pages), "ui-config", BASE, document)
    assert shown is not None
    stock, valve = (shown[2]["widgets"][each] for each in ("stock", "valve"))  # type: ignore[index]
    assert "AM-307" not in str(stock)
    assert (stock["state"], stock["props"]["enabled"], stock["props"]["name"]) == (
        {"enabled": True},
        True,
        "Name of stock",
    )
    assert valve["state"] == said_of
    everything = replace(ROWS, values={"@things": None})
    assert gets(everything, "ui-config", BASE, document) == ["ui-config", BASE, document]
    assert gets(ROWS, "ui-config", BASE, [document]) is None


def test_controls_have_no_rows() -> None:
    words: Words = ["ui-control:control", {"payload": {"page": "Oil"}}]
    assert gets(replace(ROWS, rows=(replace(DEVICES, types=()),)), *words) == words


def test_who_has_every_value_sees_every_row() -> None:
    words: Words = ["msg-input:stock", MIXED]
    assert gets(replace(ROWS, values={"@things": None}), *words) == words


def test_t_10_a_flow_that_sends_rows_of_others_is_told_of() -> None:
    """T-10, mode assert."""
    visitor = replace(ROWS, rows=(replace(DEVICES, mode=RowMode.ASSERT),))
    found = told(KNOWN, visitor, ["msg-input:stock", MIXED], socket=HERE, binary=False)
    assert found.words is None
    assert found.widget == "stock"
    assert found.broken is not None
    assert found.broken.left_out == 1


@pytest.mark.parametrize("page_", ["page-gas", "/gas", "/GAS/"])
def test_t_08_a_policy_may_name_a_page(page_: str) -> None:
    """T-08."""
    visitor = replace(ROWS, rows=(replace(DEVICES, types=(), pages=(page_,)),))
    assert gets(visitor, "msg-input:valve", {"payload": "x"}) is None
    assert gets(visitor, "msg-input:pump", {"payload": "x"}) is not None


def test_pages_rows_and_constraints_hold_at_once() -> None:
    visitor = replace(ROWS, view=view("gas", declared=["oil"]), constrained=True)
    mine = {**MIXED, "_client": {"tenant": "acme"}}
    assert gets(visitor, "msg-input:stock", mine) == ["msg-input:stock", {"payload": [{"device": "SD-001"}]}]
    assert gets(visitor, "msg-input:stock", {**MIXED, "_client": {"tenant": "other"}}) is None
    assert gets(visitor, "msg-input:pump", MIXED) is None
