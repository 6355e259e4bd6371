"""Field names: nothing the gateway says to an instance ever comes from a client."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.nodered.presets import PRESETS
from proxy.wire.headers import (
    FIELDS_LIMIT,
    HOP_BY_HOP,
    JOINABLE,
    NOTED,
    REQUEST,
    RESPONSE,
    BadFields,
    Treatments,
    as_text,
    canonical,
    treated,
    treatments,
    value_of,
    without_nominated,
)

SET_BY_US = sorted(
    {name for lines in PRESETS.values() for name, _ in lines}
    | {
        "X-Flowward-Assertion",
        "X-Forwarded-Host",
        "X-Forwarded-Prefix",
        "X-Forwarded-Uri",
        "X-Forwarded-Access-Token",
        "X-Real-IP",
        "Forwarded",
        "Via",
        "Cf-Access-Jwt-Assertion",
        "Cf-Connecting-Ip",
        "X-Original-URL",
        "X-Token-User",
        "X-Auth-Request-Access-Token",
    }
)


def spellings(name: str) -> set[str]:
    """Every way to write `-` or `_`, in some cases."""
    parts = name.split("-")
    joined = {
        "".join(part + joint for part, joint in zip(parts, (*joints, ""), strict=True))
        for joints in itertools.product("-_", repeat=len(parts) - 1)
    }
    return {spelled for one in joined for spelled in (one, one.lower(), one.upper(), one.swapcase())}


@pytest.mark.parametrize("name", SET_BY_US)
def test_a_name_that_any_preset_sets_is_dropped_in_every_spelling(name: str) -> None:
    """oauth2-proxy CVE-2025-64484: X_Forwarded_User survived stripping."""
    assert {REQUEST[spelled.encode()] for spelled in spellings(name)} == {None}


@given(st.sampled_from(SET_BY_US), st.data())
def test_no_mutation_of_case_and_joints_gets_a_name_of_ours_through(name: str, data: st.DataObject) -> None:
    spelled = "".join(
        data.draw(st.sampled_from("-_"))
        if character == "-"
        else data.draw(st.sampled_from((character.lower(), character.upper())))
        for character in name
    )
    assert REQUEST[spelled.encode()] is None


@pytest.mark.parametrize("name", sorted(HOP_BY_HOP))
def test_hop_by_hop_fields_end_here_in_both_directions(name: bytes) -> None:
    for spelled in (name, name.upper(), name.title()):
        assert REQUEST[spelled] is None
        assert RESPONSE[spelled] is None


@pytest.mark.parametrize("name", sorted(NOTED))
def test_what_the_gate_looks_at_is_noted_and_its_underscored_twin_dropped(name: bytes) -> None:
    assert REQUEST[name.upper()] == name.decode()
    if b"-" in name:
        assert REQUEST[name.replace(b"-", b"_")] is None


def test_fields_that_change_how_a_message_is_read_are_never_joined() -> None:
    assert not {"host", "content-length", "transfer-encoding", "authorization", "origin"} & JOINABLE.keys()


@pytest.mark.parametrize("name", [b"Accept", b"X-Request-Id", b"Node-RED-API-Version", b"Range", b"X-Forward", b"Cfx"])
def test_other_fields_are_passed_on_as_they_are_spelled(name: bytes) -> None:
    assert REQUEST[name] == b"\r\n" + name + b": "
    assert RESPONSE[name] == b"\r\n" + name + b": "


@pytest.mark.parametrize("name", [b"X-Flowward-Assertion", b"x-flowward-user", b"Service-Worker-Allowed"])
def test_an_instance_says_nothing_in_our_name_and_gives_no_worker_the_whole_host(name: bytes) -> None:
    assert RESPONSE[name] is None


@pytest.mark.parametrize("name", [b"Set-Cookie", b"LOCATION", b"Content-Length", b"Connection"])
def test_what_is_rewritten_in_a_response_is_noted(name: bytes) -> None:
    assert RESPONSE[name] == name.lower().decode()


def test_a_client_does_not_choose_how_much_is_remembered() -> None:
    seen: list[bytes] = []

    def rule(name: bytes) -> None:
        seen.append(name)

    treatments = Treatments(rule)
    for number in range(5000):
        treatments[b"x-%d" % number]
    assert len(treatments) == 4096
    long = b"x" * 8000
    few = Treatments(rule)
    assert few[long] is None
    assert long not in few
    assert few[b"short"] is None
    asked = len(seen)
    assert few[b"short"] is None
    assert len(seen) == asked


LINES = [b"\r\nAccept: ", b"*/*", b"\r\nX-A: ", b"1", b"\r\nx_b: ", b"2", b"\r\nX-A: ", b"3"]


@pytest.mark.parametrize(
    ("connection", "left"),
    [
        (b"close", LINES),
        (b"X-A", LINES[:2] + LINES[4:6]),
        (b"keep-alive, x-a ,x-b", LINES[:2]),
        (b"X_B", LINES[:4] + LINES[6:]),
        (b"", LINES),
    ],
)
def test_fields_that_connection_names_end_here(connection: bytes, left: list[bytes]) -> None:
    assert without_nominated(LINES, connection) == left


def test_the_first_value_of_a_field_is_found_whatever_its_case() -> None:
    assert value_of(LINES, b"x-a") == b"1"
    assert value_of(LINES, b"x-c") is None


def test_a_name_is_compared_as_a_server_may_come_to_read_it() -> None:
    assert canonical(b"X_Forwarded-USER") == b"x-forwarded-user"


def test_a_whole_head_is_sorted_into_lines_and_what_is_noted() -> None:
    lines, noted = treated(
        [
            (b"Host", b"line-3.example"),
            (b"Accept", b"*/*"),
            (b"Cookie", b"a=1"),
            (b"X-Flowward-User", b"forged"),
            (b"cookie", b"b=2"),
            (b"Connection", b"close"),
            (b"connection", b"x-a"),
        ]
    )
    assert lines == [b"\r\nAccept: ", b"*/*"]
    assert noted == {"host": b"line-3.example", "cookie": b"a=1; b=2", "connection": b"close, x-a"}


@pytest.mark.parametrize("name", sorted(NOTED - {name.encode() for name in JOINABLE}))
def test_a_field_that_decides_comes_once(name: bytes) -> None:
    """R-61: also with the same value, and in another case."""
    with pytest.raises(BadFields, match="at most one"):
        treated([(name, b"1"), (name.upper(), b"1")])


def test_a_head_has_a_bounded_number_of_fields() -> None:
    """What is dropped counts too."""
    treated([(b"X-Flowward-User", b"x")] * FIELDS_LIMIT)
    with pytest.raises(BadFields, match="at most 100"):
        treated([(b"X-Flowward-User", b"x")] * (FIELDS_LIMIT + 1))


def test_a_header_that_holds_credentials_is_noted_and_never_passed_on() -> None:
    """Also one that presets set, and is taken off otherwise; other spellings stay what they are."""
    found = treatments(frozenset({"x-badge", "remote-user"}))
    assert (found[b"X-Badge"], found[b"REMOTE-USER"], found[b"remote-name"]) == ("x-badge", "remote-user", None)
    assert (found[b"x_badge"], found[b"Remote_User"]) == (None, None)
    assert found[b"X-Badges"] == b"\r\nX-Badges: "
    with pytest.raises(BadFields, match="at most one x-badge"):
        treated([(b"X-Badge", b"1"), (b"x-badge", b"2")], found)


def test_without_any_nothing_is_different() -> None:
    assert treatments(frozenset()) is REQUEST


@given(st.binary())
def test_as_text_no_byte_of_a_value_is_lost(value: bytes) -> None:
    """Written as UTF-8, which lone surrogates could not be."""
    written = as_text(value).encode()
    assert written == value or written.decode().encode("latin-1") == value
