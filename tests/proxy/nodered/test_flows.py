"""What a deploy changes, node by node."""

import json
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.nodered.flows import NOTHING, Counts, Unreadable, compare, read

Node = dict[str, object]
TAB: Node = {"id": "tab", "type": "tab", "label": "Line"}
A: Node = {"id": "a", "type": "inject", "z": "tab", "x": 100, "y": 100, "wires": [["b", "c"]]}
B: Node = {"id": "b", "type": "debug", "z": "tab", "x": 200, "y": 100, "wires": []}
GROUP: Node = {"id": "g", "type": "group", "z": "tab", "nodes": ["a"], "x": 1, "y": 1, "w": 100, "h": 50}
BEFORE = [TAB, A, B, GROUP]


def flows(nodes: object, **more: object) -> bytes:
    return json.dumps({"flows": nodes, **more}).encode()


def changed(nodes: list[Node]) -> Counts:
    return compare(read(flows(BEFORE)).nodes, read(flows(nodes)).nodes)


@pytest.mark.parametrize(
    ("after", "counts"),
    [
        (BEFORE, Counts()),
        (BEFORE[::-1], Counts()),
        ([TAB, A, B, GROUP, {"id": "c", "type": "comment"}], Counts(added=1)),
        ([TAB, A, B], Counts(removed=1)),
        ([], Counts(removed=4)),
        ([TAB, A, {**B, "active": False}, GROUP], Counts(changed=1)),
        ([TAB, A, {**B, "x": 300}, GROUP], Counts(moved=1)),
        ([TAB, A, {**B, "x": 300, "active": False}, GROUP], Counts(changed=1)),
        ([TAB, A, B, {**GROUP, "w": 200}], Counts(moved=1)),
        ([TAB, {**A, "wires": [["c", "b"]]}, B, GROUP], Counts()),
        ([TAB, {**A, "wires": [["b"], ["c"]]}, B, GROUP], Counts(changed=1)),
        ([TAB, {**A, "z": "other"}, B, GROUP], Counts(changed=1)),
        ([TAB, {**A, "credentials": {"password": "new"}}, B, GROUP], Counts(changed=1)),
        ([TAB, {**A, "credentials": {}}, B, GROUP], Counts()),
        (
            [TAB, {**A, "id": "d"}, {**B, "y": 1}, {**GROUP, "nodes": []}],
            Counts(added=1, changed=1, removed=1, moved=1),
        ),
    ],
)
def test_a_known_pair_gives_exact_counts(after: list[Node], counts: Counts) -> None:
    assert changed(after) == counts


def test_a_bare_list_is_read_as_flows_of_the_first_api() -> None:
    document = read(json.dumps(BEFORE).encode())
    assert document.rev is None
    assert document.nodes == read(flows(BEFORE)).nodes


def test_the_revision_is_read_wherever_it_stands() -> None:
    assert read(b' {"rev" : "r1" , "flows" : [ ] }\r\n').rev == "r1"
    assert read(flows([], rev="r2")).rev == "r2"
    assert read(flows([], rev=None)).rev is None


def test_a_single_flow_counts_its_nodes_and_itself() -> None:
    """The tab of PUT /flow/:id is one more node; its id may stand in the address alone."""
    there = {"id": "tab", "label": "Line", "nodes": [A, B], "configs": [{"id": "k", "type": "broker"}]}
    comes = {"label": "Line 3", "nodes": [A], "configs": [{"id": "k", "type": "broker"}, {"id": "l", "type": "broker"}]}
    before, after = (read(json.dumps(each).encode()).nodes for each in (there, comes))
    assert compare(before, after) == Counts(added=1, changed=1, removed=1)
    assert compare(before, NOTHING.nodes) == Counts(removed=4)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[",
        b"[1]",
        b'[{"type": "no id"}]',
        b'[{"id": 1}]',
        b'{"flows": [{"id": "a"}',
        b'{"flows": [{"id": "a"} {"id": "b"}]}',
        b'{"flows" [] }',
        b"{1: []}",
        b"\xff",
        b"\x1f\x8b\x08",
        b'"text"',
        b"[] []",
        b"[" * 100_000,
        b'{"flows": ' + b'{"a":' * 100_000,
        b"[" + b"9" * 10_000 + b"]",
    ],
)
def test_what_is_no_flows_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read(body)


def test_nothing_that_was_read_keeps_credentials() -> None:
    """R-72: not in what is kept, and not in what is raised."""
    canary = "kept-nowhere-7f3a"
    secret = {**A, "credentials": {"password": canary}}
    document = read(flows([secret], credentials={"a": {"password": canary}}))
    assert canary not in repr(document)
    with pytest.raises(Unreadable) as raised:
        read(flows([secret])[:-2])
    assert canary not in "".join(traceback.format_exception(raised.value))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from([None, 1, "\t"]),
)
def test_nodes_are_the_same_however_they_are_written(content: object, indent: int | str | None) -> None:
    node = {"id": "n", "content": content}
    one = json.dumps([node], indent=indent).encode()
    two = json.dumps({"flows": [dict(reversed(node.items()))]}, ensure_ascii=False).encode("utf-8", "surrogatepass")
    if "\\ud" in one.decode():  # half of a pair is no UTF-8
        return
    assert compare(read(one).nodes, read(two).nodes) == Counts()
