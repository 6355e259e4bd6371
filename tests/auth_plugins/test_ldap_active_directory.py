"""Logging in by what answers as Active Directory does. What it answers is taken from MS-ADTS and from its own messages."""

import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
import trustme

from auth_plugins import Refused, Unavailable
from auth_plugins.ldap.plugin import Ldap
from auth_plugins.ldap.settings import LdapSettings
from auth_plugins.testkit import Time, kit
from tests.peers.active_directory import (
    DOMAIN,
    GUID,
    IN_CHAIN,
    PASSWORD,
    READER,
    READER_PASSWORD,
    Domain,
    active_directory,
)


class Corp(Protocol):
    def __call__(self, *, now: Time | None = None, **options: Any) -> Ldap: ...


@pytest.fixture
def domain(authority: trustme.CA) -> Iterator[Domain]:
    with active_directory(authority) as domain:
        yield domain


@pytest.fixture
async def corp(domain: Domain, authority: trustme.CA, tmp_path: Path) -> AsyncIterator[Corp]:
    """Makes a plugin for the domain."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with AsyncExitStack() as stack:
        made: list[Ldap] = []

        def make(*, now: Time | None = None, **options: Any) -> Ldap:
            whole = {
                "active_directory": True,
                "url": f"ldaps://127.0.0.1:{domain.tls_port}",
                "ca": str(tmp_path / "ca.pem"),
                "bind_dn": READER,
                "bind_password": READER_PASSWORD,
                "base_dn": DOMAIN,
                "timeout": "30s",
                "connect_timeout": "10s",
                **options,
            }
            world = kit(now=now or Time(time.time()))
            with ThreadPoolExecutor(1) as beside:
                made.append(beside.submit(lambda: Ldap(LdapSettings.model_validate(whole), world)).result())
            return made[-1]

        yield make
        for plugin in made:
            await stack.enter_async_context(plugin.lifespan())


@pytest.mark.parametrize("typed", ["ada", "ADA", "ada@corp.example"])
async def test_people_come_by_their_account_name_or_their_principal_name(
    corp: Corp, domain: Domain, typed: str
) -> None:
    """S-28. Beside the entry there is a referral, which is not followed."""
    domain.add("Ada")
    domain.add("Vic")
    ada = await corp().check_password(typed, PASSWORD)
    assert (ada.subject, ada.username, ada.email) == (str(GUID), "ada", "ada@corp.example")
    assert (ada.name, ada.groups) == ("Ada of Corp", ())


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("530", "login_hours"),
        ("531", "login_place"),
        ("532", "password_expired"),
        ("533", "account_disabled"),
        ("701", "account_expired"),
        ("773", "password_must_change"),
        ("775", "account_locked"),
        ("999", "credentials_wrong"),
    ],
)
async def test_why_windows_refuses_is_told_apart(corp: Corp, domain: Domain, reason: str, code: str) -> None:
    domain.refused[domain.add("Ada")] = reason
    with pytest.raises(Refused) as refused:
        await corp().check_password("ada", PASSWORD)
    assert refused.value.code == code
    assert reason in refused.value.detail


async def test_a_wrong_password_is_just_that(corp: Corp, domain: Domain) -> None:
    domain.add("Ada")
    with pytest.raises(Refused, match="credentials_wrong: the password is wrong"):
        await corp().check_password("ada", "wrong")


async def test_groups_are_those_the_entry_names(corp: Corp, domain: Domain) -> None:
    """S-30."""
    ada = domain.add("Ada")
    domain.group("Everything, really", domain.group("Makers", ada))
    assert (await corp().check_password("ada", PASSWORD)).groups == ("Makers",)


async def test_groups_in_groups_are_found_by_the_rule_of_the_directory_itself(corp: Corp, domain: Domain) -> None:
    """S-30."""
    ada = domain.add("Ada")
    domain.add("Vic")
    domain.group("Everything, really", domain.group("Makers", ada))
    domain.group("Others", domain.add("Zoe"))
    plugin = corp(groups_from={"nested": "rule"})
    assert (await plugin.check_password("ada", PASSWORD)).groups == ("Everything, really", "Makers")
    assert (await plugin.check_password("vic", PASSWORD)).groups == ()
    assert set(domain.rules) == {IN_CHAIN}


async def test_groups_in_groups_may_be_walked_too(corp: Corp, domain: Domain) -> None:
    ada = domain.add("Ada")
    domain.group("Everything, really", domain.group("Makers", ada))
    plugin = corp(groups_from={"nested": "walk"})
    assert (await plugin.check_password("ada", PASSWORD)).groups == ("Everything, really", "Makers")


async def test_somebody_is_looked_up_again_by_their_guid(corp: Corp, domain: Domain) -> None:
    dn = domain.add("Ada")
    plugin = corp()
    ada = await plugin.check_password("ada", PASSWORD)
    domain.entries[dn]["sAMAccountName"] = ["lovelace"]
    domain.group("Makers", dn)
    now = await plugin.refresh(ada)
    assert (now.subject, now.username, now.groups) == (ada.subject, "lovelace", ("Makers",))


@pytest.mark.parametrize(
    ("attribute", "value", "code"),
    [
        ("userAccountControl", "514", "account_disabled"),
        ("userAccountControl", "66050", "account_disabled"),
        ("accountExpires", "116444736000000000", "account_expired"),
        ("accountExpires", "132223104000000000", "account_expired"),
    ],
)
async def test_who_was_disabled_or_has_expired_may_no_longer_come(
    corp: Corp, domain: Domain, attribute: str, value: str, code: str
) -> None:
    dn = domain.add("Ada")
    plugin = corp()
    ada = await plugin.check_password("ada", PASSWORD)
    domain.entries[dn][attribute] = [value]
    with pytest.raises(Refused, match=code):
        await plugin.refresh(ada)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("userAccountControl", "66048"), ("accountExpires", "0"), ("accountExpires", "160000000000000000"), ("info", "")],
)
async def test_an_account_that_is_one_may_come(corp: Corp, domain: Domain, attribute: str, value: str) -> None:
    """The last but one is in the year 2108."""
    domain.add("Ada", **{attribute: [value]})
    plugin = corp()
    ada = await plugin.check_password("ada", PASSWORD)
    assert await plugin.refresh(ada) == ada


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"bind_dn": "", "bind_password": None}, "search_refused"),
        ({"bind_password": "wrong"}, "search_bind_refused"),
        ({"subject": "userPrincipalNam"}, "attribute_missing"),
    ],
)
async def test_what_an_operator_got_wrong_is_told_apart(
    corp: Corp, domain: Domain, options: dict[str, object], code: str
) -> None:
    domain.add("Ada")
    with pytest.raises(Unavailable, match=code):
        await corp(**options).check_password("ada", PASSWORD)


async def test_a_domain_that_wants_tls_says_so(corp: Corp, domain: Domain) -> None:
    domain.add("Ada")
    with pytest.raises(Unavailable, match=r"search_bind_refused.*integrity checking"):
        await corp(url=f"ldap://127.0.0.1:{domain.port}").check_password("ada", PASSWORD)


async def test_a_domain_that_is_well_says_so(corp: Corp) -> None:
    (found,) = await corp().findings()
    assert (found.code, found.level) == ("directory_ready", "ok")
