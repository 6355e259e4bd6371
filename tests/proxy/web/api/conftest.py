"""A house for every test of the API."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.proxy.web.api import house as houses


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[houses.House]:
    async with houses.house(tmp_path) as opened:
        yield opened
