"""Whose name a message calls, where a name could be taken for an id."""

import pytest

from proxy.nodered.dashboard_client import Me, part_for, without_others

ANNS = "0123456789abcdef0123456789abcdef"
BOB = Me(user_id="b" * 32, username=ANNS, email="bob@acme.example", tenant="acme")
"""Who is called as another's id from the time when that could be."""
HERE = "socket-here"


@pytest.mark.parametrize("user", [{"userId": ANNS}, {"userId": ANNS, "email": "bob@acme.example"}])
def test_d_11_who_is_called_as_anothers_id_gets_nothing_of_theirs(user: dict[str, object]) -> None:
    """D-11."""
    message = {"payload": 1, "_client": {"user": user}}
    assert not part_for(message, BOB, HERE)[0]
    assert without_others(message, BOB, HERE) == {"payload": 1}


def test_d_11_they_are_reached_by_their_own_id_and_by_their_address() -> None:
    """D-11."""
    for said in (BOB.user_id, BOB.email):
        assert part_for({"_client": {"user": {"userId": said, "email": BOB.email}}}, BOB, HERE)[0]
