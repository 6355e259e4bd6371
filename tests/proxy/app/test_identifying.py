"""Ways in that identify requests, as a gateway takes them up: what is wrong with them is told at start."""

from pathlib import Path

import pytest

from auth_plugins.registry import UnusablePlugins
from tests.peers.gateway import Site, estate

LOCAL = {"name": "local", "plugin": "local"}


async def told(folder: Path, *auth: dict[str, object]) -> list[str]:
    """Every problem with which a gateway does not start."""
    made = Site(folder, estate([]))
    made.settings["auth"] = list(auth)  # type: ignore[assignment]
    with pytest.raises(UnusablePlugins) as found:
        async with made.running():
            pass
    return list(found.value.problems)


@pytest.mark.parametrize("against", ["corp", "cards"])
async def test_passwords_are_checked_by_a_way_in_that_is_there(tmp_path: Path, against: str) -> None:
    problems = await told(tmp_path, LOCAL, {"name": "programs", "plugin": "basic", "against": against})
    assert problems == [
        f"auth.programs: asks '{against}', which is no active way in that checks passwords. Those are: local"
    ]


async def test_certificates_nobody_is_asked_for_are_told_with_every_other_problem(tmp_path: Path) -> None:
    proxy = {"preset": "authelia", "networks": ["10.0.0.1"], "certificate_names": ["proxy.example"]}
    problems = await told(
        tmp_path,
        LOCAL,
        {"name": "cards", "plugin": "certificate"},
        {"name": "proxy", "plugin": "headers", **proxy},
        {"name": "programs", "plugin": "basic", "against": "none"},
    )
    assert len(problems) == 3
    for name in ("cards", "proxy"):
        assert any(each.startswith(f"auth.{name}: ") and "server.tls.client_ca" in each for each in problems)


async def test_an_entry_that_asks_itself_is_told(tmp_path: Path) -> None:
    [problem] = await told(tmp_path, LOCAL, {"name": "programs", "plugin": "basic", "against": "programs"})
    assert problem.startswith("auth.programs: option 'against' is 'programs'")
