"""What is half done, and whose it is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proxy.services.flows import Flows
from proxy.services.sealing import Seal
from proxy.store import Shared
from tests.peers.state import at_rest, open_store

HOP = "the browser's own"
KEPT = {"verifier": "Canary-of-the-mine", "provider": "corp"}


@pytest.fixture
async def shared(tmp_path: Path) -> AsyncIterator[Shared]:
    async with open_store(tmp_path) as store:
        yield store.shared


def flows(shared: Shared, *, secret: bytes = b"k" * 32) -> Flows:
    return Flows(shared, lambda: 1_800_000_000.0, Seal(secret))


async def test_a_flow_is_gone_on_with_by_its_browser_alone_and_once(shared: Shared) -> None:
    ours = flows(shared)
    name = await ours.begin("login", HOP, KEPT)
    for kind, hop in (("login", "another's"), ("login", None), ("logout", HOP)):
        assert await ours.take(kind, name, hop) is None
    assert await flows(shared).get("login", name, HOP) == KEPT
    assert await ours.take("login", name, HOP) == KEPT
    assert await ours.take("login", name, HOP) is None


async def test_a_10_of_a_flow_neither_the_name_nor_what_is_kept_is_at_rest_in_clear(
    shared: Shared, tmp_path: Path
) -> None:
    """A-10: it may hold what proves a login, and what a provider gave while a second factor is waited for."""
    name = await flows(shared).begin("login", HOP, KEPT)
    copied = at_rest(tmp_path)
    assert [secret for secret in (name, HOP, *KEPT.values()) if secret.encode() in copied] == []


async def test_a_flow_that_cannot_be_read_any_more_is_over(shared: Shared) -> None:
    """It is of another secret, or of a version that sealed none: the visitor begins anew."""
    name = await flows(shared, secret=b"o" * 32).begin("login", HOP, KEPT)
    assert await flows(shared).get("login", name, HOP) is None
    assert await flows(shared).take("login", name, HOP) is None
