"""What of a JSON document a visitor gets to see, spec 6.4."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.access.rows import (
    BadRowsPath,
    Judged,
    judge_all,
    judge_rows,
    policies_for_path,
    policies_for_widget,
    rows_path,
)
from proxy.access.tags import Values
from proxy.model.estate import RowKind, RowMode, RowPolicy, Unmatched
from proxy.wire.target import BadTarget

MINE = frozenset({"a", "7"})
DENIED = Judged(denied=True)


def policy(
    *,
    rows: str = "$",
    field: str = "tenant",
    mode: RowMode = RowMode.FILTER,
    on_unmatched: Unmatched = Unmatched.DENY,
    kind: RowKind = RowKind.HTTP,
    paths: tuple[str, ...] = (),
    methods: tuple[str, ...] = (),
    widgets: tuple[str, ...] = (),
    types: tuple[str, ...] = (),
    pages: tuple[str, ...] = (),
) -> RowPolicy:
    return RowPolicy(
        name="own",
        kind=kind,
        tag="tenantid",
        field=field,
        rows=rows,
        mode=mode,
        on_unmatched=on_unmatched,
        paths=paths,
        methods=methods,
        widgets=widgets,
        types=types,
        pages=pages,
    )


def row(tenant: object, number: int = 1) -> dict[str, object]:
    return {"tenant": tenant, "number": number}


@pytest.mark.parametrize(
    ("rows", "document", "kept", "left_out"),
    [
        ("$", [row("a"), row("b"), row("a", 2)], [row("a"), row("a", 2)], 1),
        ("$", [row("b")], [], 1),
        ("$", [], [], 0),
        ("$", row("a"), row("a"), 0),
        ("$[*]", [row("a"), row("b")], [row("a")], 1),
        ("$.rows", {"rows": [row("b"), row("a")], "total": 2}, {"rows": [row("a")], "total": 2}, 1),
        ("$['the rows']", {"the rows": [row("b")]}, {"the rows": []}, 1),
        ("$.*", {"x": row("a"), "y": row("b")}, {"x": row("a")}, 1),
        ("$.plants[*].rows", {"plants": [{"rows": [row("a")]}, {"rows": [row("b")]}]}, {"plants": [{"rows": [row("a")]}, {"rows": []}]}, 1),
        ("$[-1]", [1, [row("a"), row("b")]], [1, [row("a")]], 1),
    ],
)  # fmt: skip
def test_t10_rows_of_others_are_left_out(rows: str, document: object, kept: object, left_out: int) -> None:
    """T-10."""
    assert judge_rows(policy(rows=rows), MINE, document) == Judged(kept=kept, left_out=left_out)


@pytest.mark.parametrize(
    ("said", "mine"),
    [
        ("a", True),
        ("A", False),
        (7, True),
        ("7", True),
        (7.0, False),
        (["b", "a"], True),
        (["b", 7], True),
        (["b"], False),
        ([], False),
        ([["a"]], False),
        ({"a": 1}, False),
        (None, False),
        (True, False),
        ("", False),
    ],
)
def test_values_are_compared_as_text_and_of_a_list_one_will_do(said: object, mine: bool) -> None:
    assert judge_rows(policy(), MINE, [row(said)]).left_out == (not mine)


@pytest.mark.parametrize("odd", [1, None, "a", True, [], ["tenant"], {}, {"tenants": "a"}])
def test_a_row_that_says_nothing_is_somebody_elses(odd: object) -> None:
    assert judge_rows(policy(), MINE, [odd]).kept == []


def test_a_field_may_lie_deeper() -> None:
    document = [{"device": {"id": "a"}}, {"device": {"id": "b"}}, {"device": "a"}, {"device.id": "a"}]
    assert judge_rows(policy(field="device.id"), MINE, document).kept == document[:1]


def test_an_object_that_is_one_row_of_somebody_else_is_not_shown_at_all() -> None:
    assert judge_rows(policy(), MINE, row("b")) == Judged(left_out=1, denied=True)


@pytest.mark.parametrize(
    ("rows", "document"),
    [
        ("$", "a"),
        ("$", None),
        ("$", 7),
        ("$.rows", {"result": [row("a")]}),
        ("$.rows", [row("a")]),
        ("$.rows", {"rows": "a"}),
        ("$.rows", {"rows": None}),
        ("$[0]", {"0": [row("a")]}),
        ("$[3]", [[row("a")]]),
        ("$.plants[*].rows", {"plants": [{"rows": [row("a")]}, {"secret": "b"}]}),
    ],
)
def test_what_has_no_rows_where_they_should_be_is_denied_unless_it_may_pass(rows: str, document: object) -> None:
    assert judge_rows(policy(rows=rows), MINE, document) == DENIED
    assert judge_rows(policy(rows=rows, on_unmatched=Unmatched.PASS), MINE, document).kept == document


def test_what_passes_without_rows_still_leaves_out_those_that_are_found() -> None:
    document = {"plants": [{"rows": [row("b")]}, {"note": "none here"}]}
    judged = judge_rows(policy(rows="$.plants[*].rows", on_unmatched=Unmatched.PASS), MINE, document)
    assert judged == Judged(kept={"plants": [{"rows": []}, {"note": "none here"}]}, left_out=1)


def test_t10_a_flow_that_sends_rows_of_others_although_it_says_it_does_not_is_stopped() -> None:
    """T-10, mode assert."""
    asserted = policy(mode=RowMode.ASSERT)
    assert judge_rows(asserted, MINE, [row("a"), row("b")]) == Judged(left_out=1, violation=True, denied=True)
    assert judge_rows(asserted, MINE, [row("a")]) == Judged(kept=[row("a")])
    assert judge_rows(asserted, frozenset(), []) == Judged(kept=[])


def test_t10_who_has_every_value_is_shown_all_of_what_others_are_not() -> None:
    """T-10."""
    document = [row("a"), row("b")]
    assert judge_rows(policy(), None, document).kept == document
    assert judge_rows(policy(), frozenset({"a"}), document).left_out == 1


def test_of_several_policies_every_one_must_show_a_row() -> None:
    document = [{"tenant": "a", "site": "n"}, {"tenant": "a", "site": "s"}, {"tenant": "b", "site": "n"}]
    judged = judge_all([(policy(), MINE), (policy(field="site"), frozenset({"n"}))], document)
    assert judged == Judged(kept=document[:1], left_out=2)
    assert judge_all([(policy(rows="$.x"), MINE), (policy(), MINE)], document).denied
    assert judge_all([], document) == Judged(kept=document)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rows",
        "$.",
        "$..rows",
        "$.rows[?@.a == 1]",
        "$.rows[0:2]",
        "$['a', 'b']",
        "$.rows | $.x",
        "$[",
        "\ud800",
        "$[ ?:3.0",
        "$[?" + "(" * 240,
    ],
)
def test_a_path_that_could_take_any_time_is_refused_and_a_policy_with_one_shows_nothing(text: str) -> None:
    with pytest.raises(BadRowsPath, match=r"JSONPath|names, indexes"):
        rows_path(text)
    assert judge_rows(policy(rows=text, on_unmatched=Unmatched.PASS), MINE, {"rows": []}) == DENIED


# -- guarantees


@given(st.text(max_size=8) | st.text("$.[]*'\"?@()!&|=<>0123456789-,: rowsn\\u\ud800", max_size=12).map("$".__add__))
def test_whatever_is_written_as_a_path_is_one_or_is_refused(text: str) -> None:
    try:
        steps = rows_path(text)
    except BadRowsPath:
        return
    assert all(step is None or isinstance(step, str | int) for step in steps)


SCALARS = (
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.sampled_from(["a", "b", "7", ""])
)
DOCUMENTS = st.recursive(
    SCALARS | st.builds(row, SCALARS | st.lists(SCALARS, max_size=2)),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["rows", "tenant", "plants", "x"]), inner, max_size=3)
    ),
    max_leaves=20,
)
POLICIES = st.builds(
    policy,
    rows=st.sampled_from(["$", "$.rows", "$[*]", "$.plants[*].rows", "$.*", "$[0]", "$.."]),
    field=st.sampled_from(["tenant", "x.tenant", "rows"]),
    mode=st.sampled_from(RowMode),
    on_unmatched=st.sampled_from(Unmatched),
)
VALUES = st.frozensets(st.sampled_from(["a", "b", "7", "true", "null", ""]), max_size=3)


def rows_of(document: object, rows: str) -> Sequence[object]:
    """The rows at a path, as somebody would who walks there by hand."""
    nodes = [document]
    for step in {"$": [], "$.rows": ["rows"], "$.plants[*].rows": ["plants", "*", "rows"]}[rows]:
        found: list[object] = []
        for node in nodes:
            if step == "*" and isinstance(node, list | dict):
                found += node if isinstance(node, list) else node.values()
            elif isinstance(node, dict) and step in node:
                found.append(node[step])
        nodes = found
    lists = [one for node in nodes if isinstance(node, list) for one in node]
    return [*lists, *(node for node in nodes if isinstance(node, dict))]


def is_of(one: object, values: frozenset[str]) -> bool:
    said = one.get("tenant") if isinstance(one, dict) else None
    texts = {
        each if isinstance(each, str) else json.dumps(each)
        for each in (said if isinstance(said, list) else [said])
        if each is not None and not isinstance(each, list | dict)
    }
    return bool(texts & values)


@given(
    POLICIES.filter(lambda one: one.rows in {"$", "$.rows", "$.plants[*].rows"} and one.field == "tenant"),
    VALUES,
    DOCUMENTS,
)
def test_t10_never_is_a_row_of_others_shown(one: RowPolicy, values: frozenset[str], document: object) -> None:
    """T-10."""
    judged = judge_rows(one, values, document)
    assert all(is_of(shown, values) for shown in rows_of(judged.kept, one.rows))
    assert not (judged.denied and judged.kept is not None)
    assert judged.denied or not judged.violation


@given(POLICIES, DOCUMENTS)
def test_t10_an_admin_sees_all(one: RowPolicy, document: object) -> None:
    """T-10."""
    assert judge_rows(one, None, document) == Judged(kept=document)


@given(POLICIES.filter(lambda one: one.on_unmatched is Unmatched.DENY), DOCUMENTS)
def test_t10_without_a_value_no_row_is_shown(one: RowPolicy, document: object) -> None:
    """T-10."""
    judged = judge_rows(one, frozenset(), document)
    if not judged.denied and one.rows in {"$", "$.rows", "$.plants[*].rows"}:
        assert rows_of(judged.kept, one.rows) == []


@given(POLICIES, VALUES, DOCUMENTS)
def test_judging_changes_no_document_and_what_is_kept_is_kept_again(
    one: RowPolicy, values: Values, document: object
) -> None:
    before = json.dumps(document)
    judged = judge_rows(one, values, document)
    assert json.dumps(document) == before
    if not judged.denied and judged.left_out and one.rows == "$":
        assert judge_rows(one, values, judged.kept) == Judged(kept=judged.kept)


@given(st.lists(POLICIES, max_size=3), VALUES, DOCUMENTS)
def test_the_order_of_policies_lets_no_more_through(
    several: list[RowPolicy], values: frozenset[str], document: object
) -> None:
    filters = [replace(one, mode=RowMode.FILTER, rows="$", field="tenant") for one in several]
    there, back = ([(one, values) for one in order] for order in (filters, filters[::-1]))
    assert judge_all(there, document) == judge_all(back, document)


# -- which policies hold


@pytest.mark.parametrize(
    ("paths", "asked", "root", "holds"),
    [
        ((), b"/anything", "/", True),
        (("/rows",), b"/rows", "/", True),
        (("/rows",), b"/rows?tenant=b", "/", True),
        (("/rows",), b"/ROWS/", "/", True),
        (("/Rows/",), b"//rows", "/", True),
        (("rows",), b"/rows", "/", True),
        (("/rows",), b"/r%6fws", "/", True),
        (("/rows",), b"/rows/1", "/", False),
        (("/rows/**",), b"/rows/1/2", "/", True),
        (("/rows",), b"/api/rows", "/api", True),
        (("/rows",), b"/API/rows", "/api/", True),
        (("/rows",), b"/rows", "/api", False),
        (("/",), b"/api", "/api", True),
    ],
)
def test_a_policy_holds_for_a_path_however_it_is_written(
    paths: tuple[str, ...], asked: bytes, root: str, holds: bool
) -> None:
    assert bool(policies_for_path([policy(paths=paths)], b"GET", asked, root)) is holds


@pytest.mark.parametrize(
    ("methods", "asked", "holds"),
    [((), b"POST", True), (("GET",), b"HEAD", True), (("head",), b"GET", True), (("POST",), b"GET", False)],
)
def test_a_policy_holds_for_its_methods(methods: tuple[str, ...], asked: bytes, holds: bool) -> None:
    assert bool(policies_for_path([policy(methods=methods)], asked, b"/rows")) is holds


def test_a_policy_of_sockets_does_not_hold_for_paths_nor_the_other_way_round() -> None:
    assert not policies_for_path([policy(kind=RowKind.SOCKET)], b"GET", b"/rows")
    assert not policies_for_widget([policy()], "w", "ui-table", ["p"])
    with pytest.raises(BadTarget):
        policies_for_path([policy()], b"GET", b"/a/../rows")


@pytest.mark.parametrize(
    ("wanted", "holds"),
    [
        ({}, True),
        ({"widgets": ("w1",)}, True),
        ({"widgets": ("w2",)}, False),
        ({"types": ("ui-table",)}, True),
        ({"types": ("ui-chart",)}, False),
        ({"pages": ("p1",)}, True),
        ({"pages": ("page1",)}, True),
        ({"pages": ("/Page1/",)}, True),
        ({"pages": ("p2",)}, False),
        ({"types": ("ui-table",), "pages": ("p2",)}, False),
        ({"widgets": ("w1", "w2"), "pages": ("p2", "p1")}, True),
    ],
)
def test_a_policy_holds_for_widgets_by_id_type_and_page(wanted: dict[str, tuple[str, ...]], holds: bool) -> None:
    one = replace(policy(kind=RowKind.SOCKET), **wanted)  # type: ignore[arg-type]
    assert bool(policies_for_widget([one], "w1", "ui-table", ["p1", "/page1"])) is holds


def test_a_policy_holds_where_type_and_page_of_a_widget_are_not_known() -> None:
    one = policy(kind=RowKind.SOCKET, types=("ui-table",), pages=("p1",))
    assert policies_for_widget([one], "w1", None, cast("list[str]", []))
