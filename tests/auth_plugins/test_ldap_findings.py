"""What is said of each server of a directory to whoever sets it up."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from auth_plugins import Finding
from auth_plugins.ldap.plugin import Ldap
from auth_plugins.ldap.settings import LdapSettings
from auth_plugins.testkit import Time, kit
from tests.peers.changes import promised
from tests.peers.ports import free_port
from tests.peers.silence import silent
from tests.peers.slapd import BASE, GROUPS, READER, READER_PASSWORD, Slapd


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> Path:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path / "ca.pem"


async def findings(openldap: Slapd, ca: Path, *, now: float = 0.0, **options: Any) -> dict[str, Finding]:
    """By code."""
    reader = {"bind_dn": READER, "bind_password": READER_PASSWORD}
    whole = {"url": openldap.ldaps, "ca": str(ca), "base_dn": BASE, "timeout": "30s", **reader, **options}
    world = kit(now=Time(now or time.time()))
    with ThreadPoolExecutor(1) as beside:
        plugin = beside.submit(lambda: Ldap(LdapSettings.model_validate(whole), world)).result()
    async with plugin.lifespan():
        return {each.code: each for each in await plugin.findings()}


async def test_a_directory_that_is_well_says_so(openldap: Slapd, ca: Path) -> None:
    """S-28."""
    found = await findings(openldap, ca, groups_from={"base_dn": GROUPS})
    assert {code: each.level for code, each in found.items()} == {"directory_ready": "ok"}
    assert openldap.ldaps in found["directory_ready"].detail


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"url": f"ldaps://127.0.0.1:{free_port()}"}, "directory_unreachable"),
        ({"url": "ldaps://no-such-host.invalid"}, "directory_unreachable"),
        ({"bind_password": "wrong"}, "search_bind_refused"),
        ({"base_dn": "ou=nowhere,dc=example,dc=org"}, "base_not_found"),
        ({"groups_from": {"base_dn": "ou=nowhere,dc=example,dc=org"}}, "base_not_found"),
    ],
)
async def test_each_thing_that_can_be_wrong_has_a_code_of_its_own(
    openldap: Slapd, ca: Path, options: dict[str, object], code: str
) -> None:
    """S-28."""
    found = await findings(openldap, ca, **options)
    assert {each.code: each.level for each in found.values()} == {code: "error"}


async def test_a_certificate_that_is_not_trusted_is_told(openldap: Slapd, tmp_path: Path) -> None:
    """S-28."""
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    found = await findings(openldap, tmp_path / "other.pem")
    assert found["tls_failed"].level == "error"
    assert "certificate verify failed" in found["tls_failed"].detail
    found = await findings(openldap, tmp_path / "other.pem", insecure_skip_verify=True)
    assert found["certificate_not_verified"].level == "warning"
    assert "directory_ready" in found


async def test_every_server_is_looked_at(openldap: Slapd, ca: Path) -> None:
    with silent() as port:
        both = [f"ldaps://127.0.0.1:{port}", openldap.ldaps]
        async with promised(3):
            found = await findings(openldap, ca, url=both, connect_timeout="2s")
        assert {each.level for each in found.values()} == {"error", "ok"}


async def test_passwords_in_the_clear_are_warned_of(openldap: Slapd, ca: Path) -> None:
    found = await findings(openldap, ca, url=openldap.ldap)
    assert (found["not_encrypted"].level, found["directory_ready"].level) == ("warning", "ok")


async def test_a_certificate_that_expires_soon_is_warned_of(openldap: Slapd, ca: Path) -> None:
    """Those of the tests do with the millennium."""
    end = datetime(3000, 1, 1, tzinfo=UTC).timestamp()
    assert "certificate_expires" not in await findings(openldap, ca, now=end - 40 * 86_400)
    found = await findings(openldap, ca, now=end - 20 * 86_400)
    assert (found["certificate_expires"].level, found["certificate_expires"].ends) == ("warning", end)
    assert found["directory_ready"].level == "ok"
