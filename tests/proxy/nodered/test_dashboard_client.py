"""Whom a message is meant for."""

import pytest

from proxy.nodered.dashboard_client import Me, part_for, without_client, without_others

ANN = Me(user_id="u-ann", username="ann", email="ann@acme.example", tenant="acme")
NOBODY = Me(user_id=None)
HERE, THERE = "socket-here", "socket-there"


def message(**client: object) -> dict[str, object]:
    return {"payload": 1, "_client": client}


@pytest.mark.parametrize(
    ("client", "reaches"),
    [
        ({}, True),
        ({"socketIp": "127.0.0.1"}, True),
        ({"user": {"userId": "u-ann"}}, True),
        ({"user": {"userId": "u-bob"}}, False),
        ({"user": {"userId": "u-bob", "tenant": "acme"}}, False),
        ({"user": {"userId": "u-ann", "tenant": "other"}}, True),
        ({"user": {"tenant": "acme"}}, True),
        ({"user": {"tenant": "other"}}, False),
        ({"tenant": "acme"}, True),
        ({"tenant": "other"}, False),
        ({"tenant": "other", "user": {"userId": "u-ann"}}, False),
        ({"user": {}}, False),
        ({"user": {"role": "owner"}}, False),
        ({"user": "u-ann"}, False),
        ({"socketId": HERE}, True),
        ({"socketId": THERE}, False),
        ({"socketId": 1}, False),
        ({"user": {"userId": "u-ann"}, "socketId": THERE}, False),
        ({"user": {"userId": "u-bob"}, "socketId": HERE}, False),
        ({"user": {"userId": None, "email": None}, "socketId": HERE}, True),
        ({"user": {"userId": None, "email": None}, "socketId": THERE}, False),
        ({"user": {"userId": "ann@acme.example", "email": "ann@acme.example"}}, True),
        ({"user": {"userId": "ann@acme.example"}}, False),
        ({"user": {"userId": "ann"}}, True),
        ({"user": {"userId": "ann", "email": "bob@acme.example"}}, False),
        ({"user": {"userId": ["u-ann"]}}, False),
    ],
)
def test_d_11_a_message_reaches_whom_it_names(client: dict[str, object], reaches: bool) -> None:
    """D-04, D-05, D-11, D-02."""
    assert part_for(message(**client), ANN, HERE)[0] is reaches


@pytest.mark.parametrize("client", [{"user": {"userId": "u-ann"}}, {"tenant": "acme"}, {"user": {"tenant": "acme"}}])
def test_a_visitor_without_a_login_is_nobody_that_a_message_names(client: dict[str, object]) -> None:
    assert not part_for(message(**client), NOBODY, HERE)[0]
    assert part_for(message(socketId=HERE), NOBODY, HERE)[0]


@pytest.mark.parametrize("said", [None, 1, "text", {"payload": 1}, [], [1, {"payload": 2}], {"_client": "x"}])
def test_d_10_what_names_nobody_is_for_everybody(said: object) -> None:
    """D-10."""
    reaches, part = part_for(said, NOBODY, HERE)
    assert reaches
    assert part is said


def test_of_a_history_those_messages_pass_that_reach_somebody() -> None:
    mine, all_, bobs = message(user={"userId": "u-ann"}), {"payload": 2}, message(user={"userId": "u-bob"})
    assert part_for([mine, bobs, [all_, bobs]], ANN, HERE) == (True, [mine, [all_]])
    assert part_for([bobs, [bobs]], ANN, HERE) == (False, [])


def test_a_change_says_who_made_it_and_not_at_which_socket_it_is_meant_to_end() -> None:
    changed = message(user={"userId": "u-ann"}, socketId=THERE)
    assert part_for(changed, ANN, None)[0]
    assert not part_for(message(user={"userId": "u-bob"}, socketId=THERE), ANN, None)[0]


def test_d_11_nobody_hears_who_else_sent_something() -> None:
    """D-11."""
    said = {"payload": {"a": [message(socketId=THERE), message(socketId=HERE)]}, "_client": {"socketIp": "10.0.0.1"}}
    assert without_others(said, ANN, HERE) == {"payload": {"a": [{"payload": 1}, message(socketId=HERE)]}}
    assert without_others({"_client": "odd"}, ANN, HERE) == {}


def test_what_is_the_visitors_own_stays_as_it_is() -> None:
    said = [message(user={"userId": "u-ann"}, socketId=THERE), message(socketId=HERE), {"payload": [1, {"b": 2}]}]
    assert without_others(said, ANN, HERE) is said


def test_what_a_page_says_about_its_visitor_is_taken_out() -> None:
    said = ["widget-action", "a", message(user={"userId": "root"}), [message(), 1]]
    assert without_client(said) == ["widget-action", "a", {"payload": 1}, [{"payload": 1}, 1]]
    plain = ["widget-action", "a", {"payload": {"_client": 1}}]
    assert without_client(plain) is plain
