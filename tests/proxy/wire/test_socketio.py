"""Packets of socket.io: what is one, and what it comes back as."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.engineio import Malformed
from proxy.wire.socketio import DEEPEST, MOST_ATTACHMENTS, Type, decode, encode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.text(min_size=1).filter(lambda name: name not in {"connect", "disconnect", "connect_error"})
SPACES = st.sampled_from(["", "/admin,", "/a/b?c=d,", "/,"])


@pytest.mark.parametrize(
    ("text", "type_", "namespace", "id_", "data"),
    [
        ("0", Type.CONNECT, "/", "", None),
        ('0{"sid":"a"}', Type.CONNECT, "/", "", {"sid": "a"}),
        ('0/admin,{"token":"123"}', Type.CONNECT, "/admin", "", {"token": "123"}),
        ("0/admin", Type.CONNECT, "/admin", "", None),
        ("1", Type.DISCONNECT, "/", "", None),
        ("1/admin,", Type.DISCONNECT, "/admin", "", None),
        ('2["msg-input:a",{"payload":1}]', Type.EVENT, "/", "", ["msg-input:a", {"payload": 1}]),
        ('2/admin,456["project:delete",123]', Type.EVENT, "/admin", "456", ["project:delete", 123]),
        ("3/admin,456[]", Type.ACK, "/admin", "456", []),
        ('4{"message":"Not authorized"}', Type.CONNECT_ERROR, "/", "", {"message": "Not authorized"}),
        ('4"no"', Type.CONNECT_ERROR, "/", "", "no"),
        ('51-["a",{"_placeholder":true,"num":0}]', Type.BINARY_EVENT, "/", "", ["a", {"_placeholder": True, "num": 0}]),
        (
            '61-/admin,456[{"_placeholder":true,"num":0}]',
            Type.BINARY_ACK,
            "/admin",
            "456",
            [{"_placeholder": True, "num": 0}],
        ),
    ],
)
def test_a_packet_is_read_as_its_protocol_says(text: str, type_: Type, namespace: str, id_: str, data: object) -> None:
    packet = decode(text)
    assert (packet.type, packet.namespace, packet.id, packet.data) == (type_, namespace, id_, data)
    assert packet.attachments == (1 if text[0] in "56" else 0)
    assert encode(packet.head, packet.data) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "2",
        "2[]",
        "2[1]",
        '2{"a":1}',
        '2["connect"]',
        '2["disconnecting"]',
        '2 ["a"]',
        '2 1["a"]',
        '2\u0661["a"]',
        '21-["a"]',
        '2["a"',
        '2["a"]x',
        '2["a",NaN]',
        '2/admin["a"]',
        "0[]",
        '0"a"',
        '01{"a":1}',
        "1{}",
        "3[]",
        '3{"a":1}',
        "4",
        "4[]",
        '5["a"]',
        '50-["a"]',
        f'5{MOST_ATTACHMENTS + 1}-["a"]',
        '5-1-["a"]',
        '51.0-["a"]',
        "61-[]",
        '2["a",' + "[" * 3000 + "]" * 3000 + "]",
        '2["a",' + "1" * 5000 + "e]",
    ],
)
def test_what_another_might_read_differently_is_no_packet(text: str) -> None:
    with pytest.raises(Malformed):
        decode(text)


@pytest.mark.parametrize("name", ["\ud800", "a\udfffb"])
def test_halves_of_surrogate_pairs_pass_as_javascript_writes_them(name: str) -> None:
    text = json.dumps(["a", name], separators=(",", ":"))
    packet = decode("2" + text)
    assert packet.words == ["a", name]
    assert encode(packet.head, packet.data) == "2" + text


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize("depth", [DEEPEST + 1, 900, 1020, 5000])
def test_data_nested_too_deeply_to_be_looked_into_is_no_packet(depth: int, opening: str, closing: str) -> None:
    around = '2["widget-action","a",', "]"
    fitting = DEEPEST - 1  # the event itself is a list
    packet = decode(f"{around[0]}{opening * fitting}{closing * fitting}{around[1]}".replace(":}", ":1}"))
    assert packet.words[0] == "widget-action"
    with pytest.raises(Malformed):
        decode(f"{around[0]}{opening * (depth - 1)}{closing * (depth - 1)}{around[1]}".replace(":}", ":1}"))


def test_much_that_lies_side_by_side_is_not_deep() -> None:
    words = ["a", [[{"n": number}] for number in range(500)]]
    assert decode(encode("2", words)).words == words


def test_data_that_cannot_be_written_is_no_packet() -> None:
    deep: object = "x"
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Malformed):
        encode("2", ["a", deep])


@given(NAMES, st.lists(JSON, max_size=3), SPACES, st.none() | st.integers(0, 10**14))
def test_every_event_comes_back_as_it_was_said(name: str, words: list[object], space: str, id_: int | None) -> None:
    head = f"2{space}{'' if id_ is None else id_}"
    packet = decode(encode(head, [name, *words]))
    assert packet.words == [name, *words]
    assert packet.namespace == (space.rstrip(",") or "/")
    assert packet.head == head


@given(st.text())
def test_any_text_is_a_packet_that_comes_back_or_none(text: str) -> None:
    try:
        packet = decode(text)
    except Malformed:
        return
    assert decode(encode(packet.head, packet.data)) == packet
