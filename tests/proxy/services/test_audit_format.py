import csv
import io
import json

import pytest

from proxy.model.audit import Event, Phase, Recorded, Source, Update
from proxy.services.audit_format import COLUMNS, as_csv, as_json, as_line

FULL = Recorded(
    id=7,
    hash="ab",
    event=Event(
        event="team.user.role-changed",
        at=1_800_000_000.0,
        actor="u-ada",
        actor_name="ada",
        source=Source.API,
        token="t-1",
        address="192.0.2.1",
        scope_kind="space",
        scope_id="s-acme",
        within=("s-acme",),
        user="u-max",
        error="role_too_low",
        updates=(Update(key="role", old=None, new="owner"),),
        body={"name": "max"},
        phase=Phase.OUTCOME,
        intent=6,
    ),
)


def test_a_full_event_as_json() -> None:
    """A-01."""
    assert as_json(FULL) == {
        "id": 7,
        "createdAt": "2027-01-15T08:00:00.000Z",
        "event": "team.user.role-changed",
        "source": "api",
        "sourceContext": {"tokenId": "t-1"},
        "scope": {"type": "space", "id": "s-acme"},
        "within": ["s-acme"],
        "trigger": {"type": "token", "id": "u-ada", "name": "ada"},
        "address": "192.0.2.1",
        "phase": "outcome",
        "intent": 6,
        "body": {
            "name": "max",
            "user": {"id": "u-max"},
            "error": "role_too_low",
            "updates": [{"key": "role", "old": None, "new": "owner"}],
        },
        "hash": "ab",
    }
    assert json.loads(as_line(FULL)) == as_json(FULL)
    assert "\n" not in as_line(FULL)


@pytest.mark.parametrize(
    ("source", "kind"),
    [("gateway", "gateway"), ("cli", "command-line"), ("file", "file"), ("ui", "nobody"), ("instance", "nobody")],
)
def test_what_is_empty_is_left_out(source: str, kind: str) -> None:
    """A-01: null parts are omitted."""
    bare = Recorded(id=1, hash="ab", event=Event(event="account.login", at=0.0, source=source))
    assert as_json(bare) == {
        "id": 1,
        "createdAt": "1970-01-01T00:00:00.000Z",
        "event": "account.login",
        "source": source,
        "scope": {"type": "platform"},
        "trigger": {"type": kind},
        "hash": "ab",
    }


def test_a_row_of_csv_has_every_column() -> None:
    [row] = csv.reader(io.StringIO(as_csv([FULL])))
    told = dict(zip(COLUMNS, row, strict=True))
    assert (told["id"], told["tokenId"], told["userId"], told["phase"]) == ("7", "t-1", "u-max", "outcome")
    assert json.loads(told["details"])["name"] == "max"


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_no_cell_is_taken_for_a_formula(name: str) -> None:
    [row] = csv.reader(
        io.StringIO(as_csv([Recorded(id=1, hash="", event=Event(event="account.login", at=0.0, actor_name=name))]))
    )
    assert row[COLUMNS.index("triggerName")] == f"'{name}"
