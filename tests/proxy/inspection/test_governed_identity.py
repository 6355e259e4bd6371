"""D-04, D-06: no packet that a page makes up changes who it is to a flow, whichever way it says so."""

import asyncio
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.inspection.governed_outlines import Outlines
from proxy.inspection.governed_screen import Screen
from proxy.nodered.dashboard import Visitor
from proxy.nodered.dashboard_client import Me
from proxy.wire.engineio import Packet, pack, unpack
from tests.peers.dashboard import PATH, dashboard
from tests.peers.state import open_store
from tests.proxy.inspection.house import house
from tests.proxy.nodered.dashboards import BASE, config, view

ROOT: Final = '{"user":{"userId":"u-root","username":"root","tenant":"acme"},"tenant":"acme","socketId":"there"}'
CONFIG: Final = "42" + json.dumps(["ui-config", BASE, config({"oil": ["pump"], "gas": ["valve"]})])
ANN: Final = {"user": {"userId": "u-ann", "username": "ann"}}
"""What the gateway knows of who is there, as it tells it."""
ME: Final = Me(user_id="u-ann", username="ann", tenant="acme")
VISITORS: Final = {
    "anybody": Visitor(me=ME),
    "of one page": Visitor(view=view("oil", declared=["gas"]), me=ME),
    "who looks on": Visitor(looks_on=True, me=ME),
    "where the constraint is held": Visitor(constrained=True, me=ME),
}

# -- what a page may say, as text: JSON may name a member twice, or spell it with escapes

_KEYS = st.sampled_from(['"_client"', '"\\u005fclient"', '"__proto__"', '"payload"', '"topic"', '"user"', '"page"'])
_CLAIMS = st.sampled_from([ROOT, f"[{ROOT}]", "null", '"root"', "1", "{}", '{"userId":"u-root"}'])


def _object(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(st.tuples(_KEYS, inner), max_size=4).map(
        lambda pairs: "{" + ",".join(f"{key}:{value}" for key, value in pairs) + "}"
    )


def _array(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(inner, max_size=3).map(lambda values: "[" + ",".join(values) + "]")


_VALUES = st.recursive(_CLAIMS, lambda inner: _object(inner) | _array(inner), max_leaves=6)
_LOOKING = st.just('{"topic":"$pageview","payload":{"page":{"id":"page-oil"}},"_client":' + ROOT + "}")
_NAMES = st.sampled_from(
    ["widget-load", "widget-action", "widget-change", "widget-send", "ui-event", "ui-control", "of-others"]
)
_IDS = st.sampled_from(["pump", "valve", "all", "unknown"])
_EVENTS = st.builds(
    lambda head, name, id_, said: f'4{head}["{name}","{id_}"' + "".join(f",{each}" for each in said) + "]",
    st.sampled_from(["2", "21", "2/,7", "2/admin,"]),
    _NAMES,
    _IDS,
    st.lists(_LOOKING | _object(_VALUES) | _VALUES, max_size=3),
)
_CONNECTS = st.builds(
    lambda space, auth: f"40{space}{auth}", st.sampled_from(["", "/,", "/admin,"]), st.just("") | _object(_VALUES)
)
_BINARY = st.builds(
    lambda name, id_, said: [f'451-["{name}","{id_}",{said},{{"_placeholder":true,"num":0}}]', ROOT.encode()],
    _NAMES,
    _IDS,
    _object(_VALUES),
)
_SAID = st.lists((_EVENTS | _CONNECTS).map(lambda text: [text]) | _BINARY, max_size=6).map(
    lambda each: ["40" + ROOT, *(packet for packets in each for packet in packets)]
)
"""A page's packets, in their order; it connects first."""

# -- what an instance makes of them: a Dashboard with an add-on that believes whatever comes


def heard(packets: Iterable[Packet]) -> Iterator[Mapping[str, object]]:
    """The `_client` of each message that flows get."""
    auth: object = None
    for packet in packets:
        if isinstance(packet, bytes):
            continue
        read = re.fullmatch(r"4([0-6])(?:\d+-)?(/[^,]*,)?\d*(.*)", packet, re.DOTALL)
        assert read is not None, packet
        kind, space, data = read.groups()
        assert space in (None, "/,"), "nothing but the dashboard listens"
        if kind == "0":
            auth = json.loads(data) if data else {}
        elif kind in "25":
            for message in _messages(json.loads(data)[1:]):
                yield {**_claimed(message), **_mapping(auth)}


def _messages(value: object) -> Iterator[Mapping[str, object]]:
    if isinstance(value, list):
        for each in value:
            yield from _messages(each)
    elif isinstance(value, dict):
        yield value


def _claimed(message: Mapping[str, object]) -> Mapping[str, object]:
    """What a page claims of itself in a message; anything but an object is a claim as well."""
    return _mapping(message["_client"]) or {"claimed": message["_client"]} if "_client" in message else {}


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


@pytest.mark.parametrize("visitor", VISITORS)
@pytest.mark.parametrize("auth", [ANN, None], ids=["ann", "nobody"])
async def test_d_04_d_06_whatever_a_page_says_it_is_to_a_flow_who_it_is(
    tmp_path: Path, visitor: str, auth: Mapping[str, object] | None
) -> None:
    """A property: of any packets, over a websocket or by polls, the identity that leaves is the verified one."""
    async with open_store(tmp_path) as store:
        outlines = Outlines(store.shared, lambda: 0.0, lambda _place, _paths: None)
        reached = [0]

        @settings(max_examples=100, suppress_health_check=list(HealthCheck), database=None)
        @given(_SAID)
        def holds(said: Sequence[Packet]) -> None:
            screen = Screen(outlines, "r-line")
            screen.who, screen.auth = lambda: VISITORS[visitor], auth
            screen.down(CONFIG)
            passed = [kept for each in said if (kept := screen.up(each)) is not None]
            assert unpack(pack(passed)) == passed
            told = list(heard(passed))
            assert [each for each in told if each != (auth or {})] == []
            reached[0] += len(told)

        holds()
        assert reached[0] > 0, "something does reach flows"


async def test_d_04_d_06_an_instance_is_never_told_who_a_page_says_it_is(tmp_path: Path) -> None:
    """The same through the whole gateway: hundreds of packets over one websocket, and what came of them."""
    said: list[Packet] = []

    @settings(max_examples=60, suppress_health_check=list(HealthCheck), database=None)
    @given(_SAID)
    def collect(packets: Sequence[Packet]) -> None:
        said.extend(packets)

    collect()
    async with (
        dashboard() as instance,
        house(tmp_path, instance.url, enforce_client_constraint=True) as gate,
        await gate.open_socket(f"{PATH}?EIO=4&transport=websocket", await gate.log_in("mia")) as page,
    ):
        assert (await page.receive_str(timeout=30)).startswith("0{")
        for packet in [*said, '42["of-others","the last"]']:
            await (page.send_str(packet) if isinstance(packet, str) else page.send_bytes(packet))
        async with asyncio.timeout(30):
            await instance.until_heard('42["of-others","the last"]')
        auths = {json.dumps(each) for each in heard(instance.heard)}
        assert len(auths) == 1
        assert '"userId": "u-mia"' in auths.pop()
