"""Ways in that identify requests, as a gateway takes them up: what is wrong with them is told at start."""

from pathlib import Path

import pytest
from aiohttp import ClientSession, encode_basic_auth

from auth_plugins.registry import UnusablePlugins
from tests.peers.answers import plain
from tests.peers.gateway import PASSWORD, Site, estate
from tests.peers.upstream import upstream
from tests.proxy.app.house import HOST, site

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


@pytest.mark.parametrize(("enforce", "status"), [("none", 200), ("all", 401), ("admins", 200)])
async def test_a_password_alone_does_not_do_where_a_second_factor_is_asked_for(
    tmp_path: Path, enforce: str, status: int
) -> None:
    async with upstream(plain(b"ok")) as instance:
        made = site(tmp_path, instance.url)
        made.settings["auth"] = [LOCAL, {"name": "programs", "plugin": "basic", "against": "local"}]  # type: ignore[assignment]
        made.settings["mfa"] = {"enforce": enforce}
        async with made.running(), ClientSession() as client:
            field = {"Host": f"{HOST}:{made.port}", "Authorization": encode_basic_auth("max", PASSWORD)}
            async with client.get(f"http://127.0.0.1:{made.port}/api", headers=field) as answer:
                assert answer.status == status
