"""Which widgets are fed a visitor's data and sent to everybody, read off flows."""

import json
from pathlib import Path

import pytest

from proxy.nodered.client_data import ACCEPTING, Finding, lint
from tests.real.flows import write_flows

Node = dict[str, object]

PLACES: list[Node] = [
    {"id": "tab", "type": "tab"},
    {
        "id": "base",
        "type": "ui-base",
        "acceptsClientConfig": ["ui-chart", "ui-notification"],
        "includeClientData": True,
    },
    {"id": "page", "type": "ui-page", "ui": "base"},
    {"id": "group", "type": "ui-group", "page": "page"},
]
BUTTON: Node = {"id": "button", "type": "ui-button", "z": "tab", "group": "group", "wires": [["next"]]}
TEXT = [Finding(base="base", widget="ui-text", count=1)]


def node(kind: str, key: str, *targets: str, **more: object) -> Node:
    return {"id": key, "type": kind, "z": "tab", "wires": [list(targets)], **more}


def widget(kind: str, key: str, *targets: str, **more: object) -> Node:
    return node(kind, key, *targets, group="group", **more)


@pytest.mark.parametrize(
    "between",
    [
        [widget("ui-text", "next")],
        [node("function", "next", "text", func="return msg"), widget("ui-text", "text")],
        [node("function", "next", "text", func="delete msg._client.socketId\nreturn msg"), widget("ui-text", "text")],
        [node("change", "next", "text", rules=[{"t": "delete", "p": "_client.socketId", "pt": "msg"}]), widget("ui-text", "text")],
        [node("change", "next", "text", rules=[{"t": "delete", "p": "_client", "pt": "flow"}]), widget("ui-text", "text")],
        [node("link out", "next", links=["in"]), node("link in", "in", "text"), widget("ui-text", "text")],
        [node("link call", "next", links=["in"]), node("link in", "in", "text"), widget("ui-text", "text")],
        [node("link call", "next", "text", linkType="dynamic"), widget("ui-text", "text")],
        [node("function", "next", func="throw msg"), node("catch", "caught", "text", scope=None), widget("ui-text", "text")],
        [node("mqtt out", "next"), node("complete", "done", "text", scope=["next"]), widget("ui-text", "text")],
        [node("switch", "next", "next", "text"), widget("ui-text", "text")],
    ],
    ids=["wired", "function", "socketId deleted", "socketId changed", "flow context", "link", "call", "return", "catch", "complete", "loop"],
)  # fmt: skip
def test_d_11_a_type_that_is_fed_client_data_and_does_not_accept_it_is_found(between: list[Node]) -> None:
    assert lint([*PLACES, BUTTON, *between]) == TEXT


@pytest.mark.parametrize(
    "between",
    [
        [widget("ui-chart", "next")],
        [
            node("change", "next", "text", rules=[{"t": "delete", "p": "_client", "pt": "msg"}]),
            widget("ui-text", "text"),
        ],
        [node("debug", "next"), node("inject", "tick", "text"), widget("ui-text", "text")],
        [
            node("debug", "next"),
            node("function", "quiet", "text", func="delete msg._client"),
            widget("ui-text", "text"),
        ],
        [widget("ui-text", "next", d=True)],
        [node("function", "next", "text", d=True), widget("ui-text", "text")],
        [{"id": "off", "type": "tab", "disabled": True}, {**widget("ui-text", "next"), "z": "off"}],
        [node("mqtt out", "next"), node("catch", "caught", "text", scope=["tick"]), widget("ui-text", "text")],
    ],
    ids=[
        "accepting",
        "deleted",
        "not wired",
        "function",
        "disabled",
        "disabled between",
        "disabled tab",
        "another scope",
    ],
)
def test_d_11_what_reaches_nobody_else_is_not_found(between: list[Node]) -> None:
    assert lint([*PLACES, BUTTON, *between]) == []


@pytest.mark.parametrize(
    "source",
    [
        node("function", "source", "text", func="msg._client = { user: { userId: 'u' } }\nreturn msg"),
        node("change", "source", "text", rules=[{"t": "set", "p": "_client.tenant", "pt": "msg", "to": "acme"}]),
        node("change", "source", "text", rules=[{"t": "move", "p": "kept", "to": "_client", "tot": "msg"}]),
        node("ui-event", "source", "text", ui="base"),
        node("ui-template", "source", "text", page="page"),
    ],
    ids=["function", "set", "moved", "page view", "template of a page"],
)
def test_client_data_comes_from_widgets_and_from_flows_that_make_it(source: Node) -> None:
    assert lint([*PLACES, source, widget("ui-text", "text")]) == TEXT


def test_a_dashboard_that_includes_no_client_data_feeds_none() -> None:
    base = {**PLACES[1], "includeClientData": False}
    assert lint([PLACES[0], base, *PLACES[2:], BUTTON, widget("ui-text", "next")]) == []


def test_subflows_are_looked_through_both_ways() -> None:
    subflow: Node = {
        "id": "sub",
        "type": "subflow",
        "in": [{"wires": [{"id": "inner"}]}],
        "out": [{"wires": [{"id": "inner", "port": 0}]}],
    }
    inner = {**node("function", "inner", "meter", func="return msg"), "z": "sub"}
    meter = {**widget("ui-gauge", "meter"), "z": "sub"}
    flows = [*PLACES, subflow, inner, meter, BUTTON, node("subflow:sub", "next", "text"), widget("ui-text", "text")]
    assert lint(flows) == [Finding(base="base", widget="ui-gauge", count=1), *TEXT]


def test_findings_are_counted_by_dashboard_and_type() -> None:
    other: list[Node] = [{"id": "other", "type": "ui-base"}, widget("ui-text", "third")]
    other[1] |= {"group": "", "ui": "other"}
    button = {**BUTTON, "wires": [["first", "second"], ["third"]]}
    texts = [widget("ui-text", "first"), widget("ui-text", "second")]
    found = lint([*PLACES, *other, button, *texts])
    assert found == [Finding(base="base", widget="ui-text", count=2), Finding(base="other", widget="ui-text", count=1)]


def test_a_base_that_does_not_say_accepts_what_dashboard_itself_would() -> None:
    base: Node = {"id": "base", "type": "ui-base"}
    fed = [widget(kind, kind) for kind in (*ACCEPTING, "ui-text")]
    button = {**BUTTON, "wires": [[str(each["id"]) for each in fed]]}
    assert lint([PLACES[0], base, *PLACES[2:], button, *fed]) == TEXT


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"id": 1, "type": "ui-text"},
        {"id": "odd", "type": "ui-text", "group": 7, "wires": "none"},
        {"id": "odd", "type": "subflow", "in": {}, "out": [None, {"wires": [{}]}]},
        {"id": "odd", "type": "change", "rules": [None, {}], "wires": [None, [7]]},
        {"id": "odd", "type": "ui-group", "group": "odd"},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_node_is_passed_over(odd: Node) -> None:
    assert lint([*PLACES, BUTTON, odd, widget("ui-text", "next")]) == TEXT


def test_real_flows_are_understood(tmp_path: Path) -> None:
    """Three sliders to charts, a button to a text and a notice, and a counter that is told as the presser's."""
    flows = json.loads(write_flows(tmp_path / "flows.json", accepting=["ui-notification"]).read_text())
    assert lint(flows) == [
        Finding(base="base", widget="ui-chart", count=3),
        Finding(base="base", widget="ui-text", count=2),
    ]
