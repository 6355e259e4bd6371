"""A Redis that would lose sessions: told in words with the setting and the remedy."""

from pathlib import Path

import pytest

from tests.conftest import Needs
from tests.peers import redis as peers
from tests.peers.state import open_redis
from tests.proxy.store.redis.conftest import Published

LASTING = ("appendonly yes",)


async def told(folder: Path, *options: str) -> tuple[str, ...]:
    with peers.single(folder, *options) as server:
        async with open_redis(peers.address_of(server), Published()) as parts:
            return parts.doubts


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        (LASTING, []),
        (("appendonly no",), ["appendonly"]),
        (("appendonly no", "save 60 1"), ["appendonly"]),
        ((*LASTING, "maxmemory 100mb", "maxmemory-policy allkeys-lru"), ["maxmemory-policy"]),
        ((*LASTING, "maxmemory 100mb", "maxmemory-policy noeviction"), []),
        ((*LASTING, "maxmemory-policy allkeys-lru"), []),
        (("maxmemory 100mb", "maxmemory-policy volatile-ttl"), ["appendonly", "maxmemory-policy"]),
    ],
)
async def test_what_a_redis_forgets_is_told_with_the_setting_to_change(
    needs: Needs, tmp_path: Path, options: tuple[str, ...], settings: list[str]
) -> None:
    needs("redis-server")
    doubts = await told(tmp_path, *options)
    assert [doubt.split()[4] for doubt in doubts] == settings
    assert all(f". Set {setting} " in doubt for doubt, setting in zip(doubts, settings, strict=True))


async def test_a_redis_that_may_not_be_asked_is_used_without_a_word(needs: Needs, tmp_path: Path) -> None:
    """As where a provider of Redis keeps INFO to itself."""
    needs("redis-server")
    assert await told(tmp_path, "user default on nopass ~* &* +@all -info") == ()


async def test_a_cluster_is_asked_as_well(needs: Needs, tmp_path: Path) -> None:
    needs(*peers.PROGRAMS)
    with peers.cluster(tmp_path) as nodes:
        async with open_redis(peers.address_of_cluster(nodes), Published()) as parts:
            (doubt,) = parts.doubts
    assert "appendonly no" in doubt
