"""Whether what knows sessions answers, and whether it still knows them."""

from pathlib import Path

from structlog.testing import capture_logs

from proxy.gate.pulse import Pulse
from proxy.services.clock import Clock
from proxy.store import StoreUnavailable
from tests.peers.state import open_store
from tests.proxy.gate.test_watch import Versioned


def clock(steady: float = 0.0) -> Clock:
    return Clock(wall=lambda: 1_800_000_000.0, steady=lambda: steady)


async def test_processes_that_share_sessions_find_the_same_word(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        one, other = Pulse(store.shared, clock()), Pulse(store.shared, clock())
        assert [await pulse.feel() for pulse in (one, other, one, other)] == [False] * 4


async def test_what_was_forgotten_is_noticed_once_by_each() -> None:
    facts = Versioned()
    one, other = (Pulse(facts, clock()) for _ in range(2))  # type: ignore[arg-type]
    assert not await one.feel()
    assert not await other.feel()
    facts.kept.clear()
    assert [await one.feel(), await one.feel()] == [True, False]
    assert [await other.feel(), await other.feel()] == [True, False]


async def test_trouble_is_no_loss_and_is_told_once() -> None:
    facts = Versioned()
    now = 5.0
    pulse = Pulse(facts, Clock(wall=lambda: 0.0, steady=lambda: now))  # type: ignore[arg-type]
    await pulse.feel()
    facts.shared_fails, now = StoreUnavailable("gone"), 6.0
    with capture_logs() as told:
        assert [await pulse.feel(), await pulse.feel()] == [False, False]
        assert (pulse.failing, pulse.felt) == (True, 5.0)
        facts.shared_fails = None
        assert not await pulse.feel()
    assert (pulse.failing, pulse.felt) == (False, 6.0)
    assert [each["event"] for each in told] == ["sessions-unavailable", "sessions-available"]
