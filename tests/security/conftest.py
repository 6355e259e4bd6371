"""Every test in here that asks for `fast_lane` runs on both lanes."""

import pytest


@pytest.fixture(params=[True, False], ids=["fast lane", "aiohttp lane"])
def fast_lane(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)
