"""The chain of the audit log: what makes a hash, and what breaks it."""

import json
from dataclasses import replace
from hashlib import sha256

import pytest

from proxy.model.audit import Event, Phase, Recorded, Update
from proxy.store.chain import GENESIS, PRUNED, Link, beginning, canonical, following, verify

EVENT = Event(
    event="user.created", at=12, actor_name="Ådå", within=("b", "a"), updates=(Update(key="admin", new=True),)
)


def chained(*events: Event) -> list[Recorded]:
    rows: list[Recorded] = []
    link = GENESIS
    for event in events:
        link = following(link, event)
        rows.append(Recorded(id=link.id, event=event, hash=link.hash))
    return rows


ROWS = chained(*(replace(EVENT, at=float(time)) for time in range(5)))


def test_an_event_is_spelled_with_sorted_keys_and_without_what_is_empty() -> None:
    spelled = canonical(EVENT).decode()
    assert spelled == (
        '{"actor_name":"Ådå","at":12.0,"event":"user.created","phase":"done","scope_kind":"platform","source":"ui",'
        '"updates":[{"key":"admin","new":true,"old":null}],"within":["b","a"]}'
    )


def test_a_hash_can_be_computed_by_anybody() -> None:
    """With no more than sha256 and the row's canonical JSON."""
    first = sha256(b"0" * 64 + canonical(ROWS[0].event)).hexdigest()
    assert ROWS[0].hash == first
    assert ROWS[1].hash == sha256(first.encode() + canonical(ROWS[1].event)).hexdigest()


def test_what_json_reads_back_has_the_same_hash() -> None:
    event = replace(EVENT, at=1_700_000_000.123456, body={"ratio": 0.1, "list": [1, 2.0, None], "deep": {"ö": "ü"}})
    again = replace(event, body=json.loads(json.dumps(dict(event.body))))
    assert canonical(again) == canonical(event)


def test_a_whole_chain_fits_in_one_go_and_in_parts() -> None:
    assert verify(ROWS, GENESIS) is None
    assert verify(ROWS[2:], Link(id=2, hash=ROWS[1].hash)) is None
    assert verify([], GENESIS) is None


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ([ROWS[0], replace(ROWS[1], event=replace(EVENT, actor_name="Eve")), *ROWS[2:]], 2),
        ([ROWS[0], *ROWS[2:]], 3),
        (ROWS[1:], 2),
        ([ROWS[1], ROWS[0]], 2),
        ([*ROWS[:2], replace(ROWS[2], hash="0" * 64), *ROWS[3:]], 3),
        ([*ROWS[:3], replace(ROWS[3], event=replace(ROWS[3].event, phase=Phase.OUTCOME))], 4),
        ([*ROWS, ROWS[4]], 5),
    ],
    ids=["changed", "one gone", "the first gone", "swapped", "another hash", "another phase", "twice"],
)
def test_the_first_row_that_does_not_fit_is_named(rows: list[Recorded], wrong: int) -> None:
    found = verify(rows, GENESIS)
    assert found is not None
    assert found.id == wrong


def test_a_pruned_chain_begins_where_the_pruning_says() -> None:
    pruning = Event(event=PRUNED, at=9.0, body={"count": 2, "last": 2, "hash": ROWS[1].hash})
    assert verify(ROWS[2:], beginning(pruning)) is None
    assert verify(ROWS[3:], beginning(pruning)) is not None
    assert beginning(None) == GENESIS
