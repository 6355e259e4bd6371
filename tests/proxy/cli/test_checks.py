"""T-15: `flowward check personas` names what broke; `flowward check` alone says what it always said."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.model.estate import PersonaCheck
from tests.peers.state import open_store
from tests.proxy.cli.conftest import Run

LINE = "acme/plant/line-3"


async def _keep(folder: Path, expected: Sequence[tuple[str, str, str, bool]]) -> None:
    async with open_store(folder / "var") as store:
        estate = await store.database.estate()
        addresses = {estate.address(each): each.id for each in estate.resources.values()}
        known = addresses | {space.slug: space.id for space in estate.spaces.values()}
        checks = []
        for user, permission, place, allowed in expected:
            account = await store.database.account(user)
            id_ = account.user.id if account is not None else user
            kept = PersonaCheck(user=id_, permission=permission, place=known.get(place, place), allowed=allowed)
            checks.append(replace(kept, note="as agreed"))
        await store.database.edit([replace(estate.settings, persona_checks=tuple(checks))], [])


@pytest.fixture
def expecting(run: Run, site: Path) -> Run:
    """`expecting((user, permission, place, allowed), …)`: check personas where this is kept."""
    assert run("apply").exit_code == 0

    def ask(*expected: tuple[str, str, str, bool], as_json: bool = False) -> object:
        asyncio.run(_keep(site, expected))
        return run("check", "personas", *(["--json"] if as_json else []))

    return ask  # type: ignore[return-value]


def test_t_15_what_holds_is_counted(expecting: Run) -> None:
    asked = expecting(("ada", "instance:edit", LINE, True), ("ada", "platform:settings", "", False))
    assert (asked.exit_code, asked.stdout) == (0, "Expectations: 2. All of them hold.\n")


def test_t_15_what_broke_is_named_with_user_permission_place_and_reason(expecting: Run) -> None:
    asked = expecting(("ada", "instance:edit", LINE, False), ("ada", "platform:settings", "", True))
    assert asked.exit_code == 1
    assert asked.stdout.splitlines() == [
        f"ada may not instance:edit on {LINE}: is allowed, role",
        "  member: owner in acme",
        "  expected since: as agreed",
        "ada may platform:settings: is refused, no_access",
        "  role: platform:settings takes admin; none is held",
        "  expected since: as agreed",
        "Expectations: 2. Broken: 2.",
    ]


def test_t_15_programs_get_every_outcome(expecting: Run) -> None:
    checks = (("ada", "space:read", "acme", True), ("gone", "space:read", "acme", False))
    asked = expecting(*checks, as_json=True)
    assert asked.exit_code == 1
    told = json.loads(asked.stdout)
    assert told["holds"] is False
    assert told["outcomes"][0] == {
        "user": "ada",
        "permission": "space:read",
        "on": "acme",
        "expected": True,
        "found": True,
        "holds": True,
        "reason": "role",
        "role": "owner",
        "because": ["member: owner in acme"],
        "note": "as agreed",
    }
    assert (told["outcomes"][1]["found"], told["outcomes"][1]["reason"]) == (None, "user_gone")


def test_without_a_word_more_it_checks_the_configuration(run: Run, site: Path) -> None:
    asked = run("check")
    assert asked.exit_code == 0
    assert asked.stdout.startswith(f"{site / 'flowward.yaml'} is sound.")
