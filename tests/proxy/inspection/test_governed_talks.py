"""What one process knows of Dashboard sockets, and another finds."""

from collections.abc import Mapping
from pathlib import Path

import orjson
import pytest

from proxy.inspection.governed_outlines import Outlines
from proxy.inspection.governed_talks import MOST, Talks, fingerprint
from proxy.store import StoreUnavailable
from tests.peers.state import open_store
from tests.proxy.nodered.dashboards import BASE, config, outline, view

HERE = "r-line"
DAY = 86400.0


class Clock:
    """Seconds since the epoch, as a test has it."""

    def __init__(self) -> None:
        self.at = 1_000_000.0

    def __call__(self) -> float:
        return self.at


class Away:
    """A store that cannot be reached."""

    async def put(self, *_: object) -> None:
        raise StoreUnavailable("it is away")


class Placed:
    """Where pages were said to be."""

    def __init__(self) -> None:
        self.paths: dict[str, Mapping[str, str]] = {}

    def __call__(self, place: str, paths: Mapping[str, str]) -> None:
        self.paths[place] = paths


def learn(outlines: Outlines, *pages: str) -> None:
    words: list[object] = ["ui-config", BASE, config({page: [f"w-{page}"] for page in pages})]
    outlines.learn(HERE, orjson.dumps(words).decode(), words)


async def test_a_session_that_began_in_one_process_goes_on_in_another(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        clock = Clock()
        one, other = (Talks(store.shared, clock, Placed()) for _ in range(2))
        begun = await one.begin(HERE, "sid", seen="all", most=1000)
        begun.screen.socket = "socket-1"
        await one.note(begun)
        learn(one.outlines, "oil")
        await one.outlines.publish(HERE)
        found = await other.find(HERE, "sid", "all")
        assert found is not None
        assert (found.screen.socket, found.most) == ("socket-1", 1000)
        assert other.outlines.of(HERE) == one.outlines.of(HERE) == outline({"oil": ["w-oil"]})
        assert await other.find(HERE, "sid", "all") is found
        assert await other.find("r-other", "sid", "all") is None
        await one.forget(begun)
        assert await Talks(store.shared, clock, Placed()).find(HERE, "sid", "all") is None


async def test_a_session_that_began_with_other_rights_is_nobodys_any_more(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        one, other = (Talks(store.shared, Clock(), Placed()) for _ in range(2))
        await one.begin(HERE, "sid", seen="all", most=10 * MOST)
        assert await other.find(HERE, "sid", "less") is None
        found = await one.find(HERE, "sid", "all")
        assert found is not None
        assert found.most == MOST
        assert await one.find(HERE, "sid", "less") is None
        assert await one.find(HERE, "sid", "all") is None


async def test_a_session_is_known_for_as_long_as_it_polls(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        clock = Clock()
        one = Talks(store.shared, clock, Placed())
        await one.begin(HERE, "sid", seen="all", most=1000)
        await one.begin(HERE, "silent", seen="all", most=1000)
        for _ in range(10):
            clock.at += 2000
            assert await one.find(HERE, "sid", "all") is not None
        other = Talks(store.shared, clock, Placed())
        assert await other.find(HERE, "sid", "all") is not None
        assert await other.find(HERE, "silent", "all") is None


async def test_what_is_learned_later_is_found_in_its_place(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        clock = Clock()
        one, other = (Outlines(store.shared, clock, Placed()) for _ in range(2))
        await one.refresh(HERE)
        assert one.of(HERE) == other.of(HERE)
        for pages in (["oil"], ["oil", "gas"]):
            learn(one, *pages)
            await one.publish(HERE)
            await other.refresh(HERE)
            assert set(other.of(HERE).widgets) == {f"w-{page}" for page in pages}
        learn(other, "sea")
        await other.refresh(HERE)
        assert set(other.of(HERE).widgets) == {"w-sea"}
        await other.publish(HERE)
        await one.refresh(HERE)
        assert set(one.of(HERE).widgets) == {"w-sea"}


async def test_what_is_known_for_long_is_written_down_again(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        clock = Clock()
        one = Outlines(store.shared, clock, Placed())
        learn(one, "oil")
        for _ in range(10):
            await one.publish(HERE)
            clock.at += 1.1 * DAY
        other = Outlines(store.shared, clock, Placed())
        await other.refresh(HERE)
        assert set(other.of(HERE).widgets) == {"w-oil"}


@pytest.mark.parametrize("words", [["ui-config"], ["ui-config", BASE], ["ui-config", 1, {}], ["ui-config", BASE, []]])
def test_what_is_no_configuration_teaches_nothing(words: list[object]) -> None:
    outlines = Outlines(Away(), Clock(), Placed())  # type: ignore[arg-type]
    outlines.learn(HERE, orjson.dumps(words).decode(), words)
    assert not outlines.of(HERE).pages


async def test_whoever_wants_to_know_is_told_where_the_pages_are(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        here, elsewhere = Placed(), Placed()
        one, other = (Outlines(store.shared, Clock(), placed) for placed in (here, elsewhere))
        learn(one, "oil")
        await one.publish(HERE)
        await other.refresh(HERE)
        assert here.paths == elsewhere.paths == {HERE: {"page-oil": "/oil"}}


def test_what_is_told_to_every_page_is_learned_once() -> None:
    outlines = Outlines(Away(), Clock(), Placed())  # type: ignore[arg-type]
    learn(outlines, "oil")
    known = outlines.of(HERE)
    learn(outlines, "oil")
    assert outlines.of(HERE) is known


async def test_where_nothing_can_be_written_this_process_knows_all_the_same() -> None:
    outlines = Outlines(Away(), Clock(), Placed())  # type: ignore[arg-type]
    learn(outlines, "oil")
    await outlines.publish(HERE)
    await outlines.publish("r-other")
    assert set(outlines.of(HERE).widgets) == {"w-oil"}


def test_a_fingerprint_stands_for_what_is_seen_and_for_nothing_else() -> None:
    seen = [
        None,
        view("oil"),
        view("oil", declared=["gas"]),
        view("gas", declared=["oil"]),
        view("oil", whole=True),
        view("oil", readonly=["oil"]),
    ]
    assert len({fingerprint(each) for each in seen}) == len(seen)
    assert fingerprint(view("oil", "gas")) == fingerprint(view("gas", "oil"))
