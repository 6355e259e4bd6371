import pytest
from jsonschema import Draft202012Validator

from proxy.cli.audit_schema import event_schema
from proxy.model.audit import Event, Phase, Recorded
from proxy.services.audit_format import as_json
from tests.peers.events import unfit

BARE = as_json(Recorded(id=1, hash="ab" * 32, event=Event(event="account.login", at=0.0)))


def test_the_schema_is_one_itself() -> None:
    Draft202012Validator.check_schema(event_schema())


def test_an_event_fits_it() -> None:
    """A-01."""
    assert unfit([BARE]) == []
    outcome = Event(event="flows.set", at=0.0, phase=Phase.OUTCOME, intent=1, token="t-1", actor="u-max")
    assert unfit([as_json(Recorded(id=2, hash="ab" * 32, event=outcome))]) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"event": "no.such"},
        {"createdAt": "yesterday"},
        {"source": "elsewhere"},
        {"sourceContext": {"tokenId": "t-1"}},
        {"scope": {"type": "gateway"}},
        {"trigger": {"type": "user", "password": "x"}},
        {"phase": "outcome"},
        {"intent": 1},
        {"phase": "done"},
        {"body": {"error": "Something went wrong."}},
        {"body": {"updates": [{"key": "role", "new": "owner"}]}},
        {"body": {"user": "ada"}},
        {"within": []},
        {"hash": "ab"},
        {"further": True},
    ],
    ids=str,
)
def test_what_is_no_event_does_not_fit_it(wrong: dict[str, object]) -> None:
    assert unfit([{**BARE, **wrong}])
