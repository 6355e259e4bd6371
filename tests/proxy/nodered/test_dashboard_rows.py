"""Rows in the messages of widgets."""

import pytest

from proxy.model.estate import RowKind, RowMode, RowPolicy, Unmatched
from proxy.nodered.dashboard_rows import judged

MINE, THEIRS = {"device": "SD-001", "y": 1}, {"device": "AM-307", "y": 2}
POLICY = RowPolicy(name="devices", kind=RowKind.SOCKET, tag="@things", field="device")
VALUES = frozenset({"SD-001"})


def seen(message: object, *, chart: bool = False, **changed: object) -> object:
    """What is left of a message; False for nothing of it."""
    policy = RowPolicy(**{**{each: getattr(POLICY, each) for each in POLICY.__slots__}, **changed})  # type: ignore[arg-type]
    found = judged([(policy, VALUES)], message, chart=chart)
    return found.message if found.shown else False


def test_c_07_of_an_array_those_rows_are_left_that_are_the_visitors() -> None:
    """C-07, T-10."""
    assert seen({"payload": [MINE, THEIRS], "topic": "x"}) == {"payload": [MINE], "topic": "x"}
    assert seen({"payload": [THEIRS]}) == {"payload": []}


def test_a_message_of_ones_own_rows_passes_as_it_is() -> None:
    said = {"payload": [MINE, MINE]}
    assert seen(said) is said
    empty: dict[str, object] = {"payload": []}
    assert seen(empty) is empty


def test_a_single_object_is_one_row() -> None:
    assert seen({"payload": MINE}) == {"payload": MINE}
    assert seen({"payload": THEIRS}) is False


@pytest.mark.parametrize("payload", ["text", 17, None, True, [17], [{"y": 1}]])
def test_what_has_no_rows_is_not_shown_unless_the_policy_lets_it_pass(payload: object) -> None:
    shown = seen({"payload": payload})
    assert shown is False or shown == {"payload": []}


def test_a_policy_may_let_pass_what_has_no_rows() -> None:
    assert seen({"payload": "text"}, on_unmatched=Unmatched.PASS) == {"payload": "text"}


@pytest.mark.parametrize("chart", [True, False])
@pytest.mark.parametrize("unmatched", list(Unmatched))
@pytest.mark.parametrize("payload", [[MINE], MINE, [MINE, THEIRS], []])
def test_nothing_that_nobody_judged_comes_beside_the_rows(payload: object, unmatched: Unmatched, chart: bool) -> None:
    """T-10."""
    beside = {
        "topic": "x",
        "action": "replace",
        "_client": {"user": {"userId": "u"}},
        "enabled": True,
        "visible": True,
        "class": "red",
    }
    unread = {"ui_update": {"options": [THEIRS]}, "rows": [THEIRS], "_msgid": "1", "req": {"row": THEIRS}}
    shown = seen({"payload": payload, **beside, **unread}, chart=chart, on_unmatched=unmatched)
    assert shown == {"payload": [MINE] if isinstance(payload, list) and payload else payload, **beside}
    odd = {"topic": [THEIRS], "action": [THEIRS], "class": {"row": THEIRS}, "enabled": [THEIRS]}
    assert seen({"payload": MINE, **odd}, chart=chart, on_unmatched=unmatched) == {"payload": MINE}


@pytest.mark.parametrize("unmatched", list(Unmatched))
def test_what_a_flow_sets_in_a_widget_is_not_shown_unread(unmatched: Unmatched) -> None:
    """T-10. Options of a dropdown may be rows as well."""
    setting = {"ui_update": {"options": [THEIRS]}}
    assert seen(setting, on_unmatched=unmatched) is False
    assert seen({**setting, "visible": True}, on_unmatched=unmatched) == {"visible": True}


def test_whom_a_message_without_rows_is_meant_for_is_still_told() -> None:
    said = {"enabled": False, "_client": {"user": {"userId": "u"}}}
    assert seen(said) is said
    assert seen({"_client": {"user": {"userId": "u"}}}) is False


def test_a_message_without_a_payload_says_how_the_widget_looks_and_no_more() -> None:
    assert seen({"enabled": False, "class": "red", "rows": [THEIRS]}) == {"enabled": False, "class": "red"}
    assert seen({"rows": [THEIRS]}) is False
    assert seen(None) is None
    assert seen("text") is False


def test_a_history_is_judged_message_by_message() -> None:
    history = [{"payload": MINE, "_datapoint": 1}, {"payload": THEIRS, "_datapoint": 2}]
    assert seen(history, chart=True) == history[:1]
    assert seen(history[1:], chart=True) == []
    assert seen(history[:1]) is not False


def test_a_chart_draws_the_rows_that_are_left_where_they_belong() -> None:
    said = {"payload": [THEIRS, MINE, MINE], "_datapoint": [{"y": 2}, {"y": 1}, {"y": 3}]}
    assert seen(said, chart=True) == {"payload": [MINE, MINE], "_datapoint": [{"y": 1}, {"y": 3}]}


@pytest.mark.parametrize("points", [[{"y": 2}], {"y": 2}, None])
def test_points_that_cannot_be_told_apart_are_not_shown(points: object) -> None:
    assert seen({"payload": [THEIRS, MINE], "_datapoint": points}, chart=True) == {"payload": [MINE]}


def test_rows_of_others_do_not_clear_a_chart() -> None:
    """An empty array would."""
    assert seen({"payload": [THEIRS]}, chart=True) is False


def test_t_10_a_flow_that_breaks_its_word_is_stopped_and_told_of() -> None:
    """T-10, mode assert."""
    policy = RowPolicy(name="devices", kind=RowKind.SOCKET, tag="@things", field="device", mode=RowMode.ASSERT)
    found = judged([(policy, VALUES)], {"payload": [MINE, THEIRS]}, chart=False)
    assert not found.shown
    assert found.broken is not None
    assert (found.broken.policy, found.broken.left_out) == ("devices", 1)
    found = judged([(policy, VALUES)], [{"payload": MINE}, {"payload": THEIRS}], chart=True)
    assert found.message == [{"payload": MINE}]
    assert found.broken is not None
