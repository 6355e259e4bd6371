"""Gateways on the same state have the same secrets, or do not start."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from config.keys import KEPT_AFTER, PUBLISHED_AHEAD, Keys, load_or_create
from config.problems import ConfigurationError
from proxy.services.same_secrets import adopt_secrets, refuse_other_secrets
from proxy.store import Shared
from tests.peers.state import open_store

NOW = 1_800_000_000.0


@pytest.fixture
async def shared(tmp_path: Path) -> AsyncIterator[Shared]:
    async with open_store(tmp_path / "shared") as store:
        yield store.shared


async def keys(folder: Path) -> Keys:
    return await asyncio.to_thread(load_or_create, folder, NOW)


async def test_the_first_to_start_says_whose_state_it_is(shared: Shared, tmp_path: Path) -> None:
    first, other = await keys(tmp_path / "first"), await keys(tmp_path / "other")
    await refuse_other_secrets(shared, first, NOW)
    await refuse_other_secrets(shared, first, NOW + 1)
    with pytest.raises(ConfigurationError) as refused:
        await refuse_other_secrets(shared, other, NOW + 2)
    (problem,) = refused.value.problems
    assert (problem.file, problem.key) == (str(tmp_path / "other" / "secret"), "state.directory")
    assert f"Copy secret and signing-keys.json from the state.directory of one of them to {tmp_path / 'other'}" in str(
        problem
    )


async def test_it_outlasts_every_sweep(shared: Shared, tmp_path: Path) -> None:
    await refuse_other_secrets(shared, await keys(tmp_path / "first"), NOW)
    await shared.sweep(NOW + 20 * 365 * 86400)
    with pytest.raises(ConfigurationError):
        await refuse_other_secrets(shared, await keys(tmp_path / "other"), NOW)


async def test_rotated_keys_are_those_of_the_same_installation(shared: Shared, tmp_path: Path) -> None:
    before = await keys(tmp_path)
    await refuse_other_secrets(shared, before, NOW)
    await refuse_other_secrets(shared, await asyncio.to_thread(before.rotate, NOW), NOW)


async def test_an_older_copy_of_the_keys_is_refused_until_its_keys_are_those_of_the_others(
    shared: Shared, tmp_path: Path
) -> None:
    before = await keys(tmp_path)
    rotated = await asyncio.to_thread(before.rotate, NOW)
    await refuse_other_secrets(shared, rotated, NOW)
    with pytest.raises(ConfigurationError) as refused:
        await refuse_other_secrets(shared, before, NOW + 1)
    (problem,) = refused.value.problems
    assert (problem.file, problem.key) == (str(tmp_path / "signing-keys.json"), "state.directory")
    assert f"lacks the key {rotated.signing[-1].kid}" in problem.message
    await refuse_other_secrets(shared, await keys(tmp_path), NOW + 2)


async def test_other_signing_keys_under_the_same_secret_are_refused(shared: Shared, tmp_path: Path) -> None:
    first, other = await keys(tmp_path / "first"), await keys(tmp_path / "other")
    await refuse_other_secrets(shared, first, NOW)
    with pytest.raises(ConfigurationError, match=r"signing-keys\.json"):
        await refuse_other_secrets(shared, replace(other, secret=first.secret), NOW)


async def test_a_key_that_has_retired_is_missed_by_nobody(shared: Shared, tmp_path: Path) -> None:
    once = await asyncio.to_thread((await keys(tmp_path)).rotate, NOW)
    await refuse_other_secrets(shared, once, NOW)
    later = NOW + PUBLISHED_AHEAD + KEPT_AFTER
    twice = await asyncio.to_thread(once.rotate, later)
    assert len(twice.signing) == 2
    await refuse_other_secrets(shared, twice, later)


async def test_lost_secrets_are_replaced_by_those_that_are_adopted(shared: Shared, tmp_path: Path) -> None:
    lost, new = await keys(tmp_path / "lost"), await keys(tmp_path / "new")
    await refuse_other_secrets(shared, lost, NOW)
    await adopt_secrets(shared, new, NOW)
    await refuse_other_secrets(shared, new, NOW)
    with pytest.raises(ConfigurationError):
        await refuse_other_secrets(shared, lost, NOW)
