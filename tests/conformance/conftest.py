"""Every implementation of the store, so that one suite holds for all of them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest

from proxy.store import Database, Shared
from proxy.store.sql import Store, open_store

Opener = Callable[[], AbstractAsyncContextManager[Store]]
"""Opens the same state each time, as another process would."""


@pytest.fixture(params=["sqlite"])
def opener(tmp_path: Path) -> Opener:
    return partial(open_store, tmp_path)


@pytest.fixture
async def store(opener: Opener) -> AsyncIterator[Store]:
    async with opener() as opened:
        yield opened


@pytest.fixture
async def other(opener: Opener) -> AsyncIterator[Store]:
    """The same state, opened once more."""
    async with opener() as opened:
        yield opened


@pytest.fixture
def database(store: Store) -> Database:
    return store.database


@pytest.fixture
def shared(store: Store) -> Shared:
    return store.shared
