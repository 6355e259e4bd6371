"""A house for every test of the API."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.proxy.web.api import house as houses
from tests.proxy.web.api import yard as yards


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[houses.House]:
    async with houses.house(tmp_path) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def yard(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[yards.Yard]:
    """One for all tests of a file, which run on its loop."""
    async with yards.opened(tmp_path_factory.mktemp("yard")) as made:
        yield made
