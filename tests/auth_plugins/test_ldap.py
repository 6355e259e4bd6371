"""Logging in by a real OpenLDAP. What is typed here is typed by somebody at the login page."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import trustme
from typing_extensions import override

from auth_plugins import Form, Identity, Refused, Unavailable
from auth_plugins.ldap.plugin import Ldap
from auth_plugins.ldap.settings import LdapSettings
from auth_plugins.testkit import Conformance, Time, Visitor, kit
from tests.conftest import Needs
from tests.peers.changes import DEADLINE, promised
from tests.peers.ports import free_port
from tests.peers.silence import counting, saying, silent
from tests.peers.slapd import (
    BASE,
    GROUPS,
    PASSWORD,
    PEOPLE,
    PERSONS,
    READER,
    READER_PASSWORD,
    Slapd,
    add_person,
    group,
    person,
    slapd,
)

Corp = Callable[..., Ldap]
PATIENT = {"timeout": "30s", "connect_timeout": "10s"}
"""For a directory that answers, on a machine that may be busy."""
AS_SET: dict[str, object] = {name: LdapSettings.model_fields[name].default for name in PATIENT}
"""What operators get who set nothing: with it, three seconds are promised."""


@pytest.fixture(scope="session")
def ca(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
async def corp(openldap: Slapd, ca: Path) -> AsyncIterator[Corp]:
    """Makes a plugin of options; the directory of all tests over ldaps where they say nothing else."""
    async with AsyncExitStack() as stack:
        made: list[Ldap] = []

        def make(*, now: Time | None = None, **options: Any) -> Ldap:
            reader = {"bind_dn": READER, "bind_password": READER_PASSWORD}
            whole = {"url": openldap.ldaps, "ca": str(ca), "base_dn": PEOPLE, **PATIENT, **reader, **options}
            world = kit(now=now or Time(time.time()), name="corp")
            with ThreadPoolExecutor(1) as beside:  # as a gateway reads files beside its loop
                made.append(beside.submit(lambda: Ldap(LdapSettings.model_validate(whole), world)).result())
            return made[-1]

        yield make
        for plugin in made:
            await stack.enter_async_context(plugin.lifespan())


class TestConformance(Conformance):
    @override
    def plugin(self) -> Ldap:
        return Ldap(LdapSettings(url=("ldaps://dir.example",), base_dn=BASE), kit())


async def refusal(plugin: Ldap, username: str, password: str = PASSWORD) -> str:
    with pytest.raises(Refused) as refused:
        await plugin.check_password(username, password)
    return refused.value.code


async def trouble(plugin: Ldap, username: str = "ada", password: str = PASSWORD) -> Unavailable:
    with pytest.raises(Unavailable) as unavailable:
        await plugin.check_password(username, password)
    return unavailable.value


# Logging in


async def test_who_types_the_right_password_is_known_by_a_lasting_key_and_by_what_the_directory_says(
    corp: Corp, openldap: Slapd
) -> None:
    """S-28."""
    ada = await Visitor(corp()).posts(username=" ada ", password=PASSWORD)
    assert isinstance(ada, Identity)
    with openldap.root() as root:
        root.search(person("ada"), "(objectClass=*)", attributes=["entryUUID"])
        assert ada.subject == root.entries[0].entryUUID.value
    assert (ada.username, ada.email, ada.name) == ("ada", "ada@example.org", "Ada Lovelace")
    assert (ada.email_verified, ada.groups, ada.amr) == (True, None, ("pwd",))


@pytest.mark.parametrize(
    ("filter_", "label"), [("", "Username"), ("(|(uid={username})(mail={email}))", "Username or e-mail")]
)
async def test_the_form_is_one_password_managers_know(filter_: str, label: str) -> None:
    settings = LdapSettings(url=("ldaps://dir.example",), base_dn=BASE, user_filter=filter_)
    form = await Visitor(Ldap(settings, kit())).arrives()
    assert isinstance(form, Form)
    assert [(field.name, field.label, field.autocomplete) for field in form.fields] == [
        ("username", label, "username"),
        ("password", "Password", "current-password"),
    ]


async def test_starttls_encrypts_a_plain_port(corp: Corp, openldap: Slapd) -> None:
    """S-28."""
    plugin = corp(url=openldap.ldap, start_tls=True)
    assert (await plugin.check_password("ada", PASSWORD)).username == "ada"
    assert await refusal(plugin, "ada", "wrong") == "credentials_wrong"


async def test_a_plain_port_of_this_very_machine_may_be_asked(corp: Corp, openldap: Slapd) -> None:
    assert (await corp(url=openldap.ldap).check_password("ada", PASSWORD)).username == "ada"


@pytest.mark.parametrize("uid", ["star", "müller"])
async def test_names_that_need_escaping_are_names_like_others(corp: Corp, uid: str) -> None:
    """S-29, S-30."""
    somebody = await corp(groups_from={"mode": "search", "base_dn": GROUPS}).check_password(uid, PASSWORD)
    assert somebody.name == PERSONS[uid]
    assert "ff-acme-member" in (somebody.groups or ())


@pytest.mark.parametrize(
    "filter_", ["(mail={email})", "(mail=${email})", "(&(objectClass=inetOrgPerson)(|(uid=${username})(mail={email})))"]
)
async def test_people_may_be_found_by_their_address(corp: Corp, filter_: str) -> None:
    assert (await corp(user_filter=filter_).check_password("ada@example.org", PASSWORD)).username == "ada"


async def test_attributes_have_the_names_that_the_operator_gives_them(corp: Corp) -> None:
    plugin = corp(
        attributes={"username": "mail", "name": "cn", "email": "no-such"}, subject="uid", email_verified=False
    )
    found = await plugin.check_password("ada", PASSWORD)
    assert (found.subject, found.username, found.name, found.email) == ("ada", "ada@example.org", "Ada Lovelace", "")


async def test_an_address_that_people_write_themselves_is_not_vouched_for(corp: Corp) -> None:
    assert not (await corp(email_verified=False).check_password("ada", PASSWORD)).email_verified


# Who is refused


@pytest.mark.parametrize(
    "typed", ["*)(uid=*", "*", "ada)(|(uid=*", "ad*", "ada)(objectClass=*", "\\61da", "ada\0", "a{username}", "nobody"]
)
async def test_what_is_typed_is_never_part_of_a_filter(corp: Corp, typed: str) -> None:
    """S-29, R-41."""
    assert await refusal(corp(), typed) == "user_unknown"


@pytest.mark.parametrize("password", ["wrong", PASSWORD + " ", PASSWORD.upper(), "\0", PASSWORD + "\0"])
async def test_a_wrong_password_is_refused_every_time(corp: Corp, password: str) -> None:
    """S-29, R-40."""
    plugin = corp()
    for _ in range(3):
        assert await refusal(plugin, "ada", password) == "credentials_wrong"


@pytest.mark.parametrize(("username", "password"), [("ada", ""), ("", PASSWORD), ("", "")])
async def test_an_empty_password_never_reaches_the_directory(username: str, password: str) -> None:
    """S-29. No server is at that address, so the refusal is our own."""
    settings = LdapSettings(url=(f"ldap://127.0.0.1:{free_port()}",), base_dn=BASE)
    assert await refusal(Ldap(settings, kit()), username, password) == "credentials_missing"


async def test_what_is_no_text_is_refused(corp: Corp) -> None:
    assert await refusal(corp(), "ada\ud800") == "credentials_wrong"
    assert await refusal(corp(), "ada", "\ud800") == "credentials_wrong"


async def test_exactly_one_entry_must_match(corp: Corp) -> None:
    """S-28."""
    assert await refusal(corp(base_dn=BASE), "twin") == "user_ambiguous"


@pytest.mark.parametrize(
    ("uid", "code"),
    [
        ("barred", "account_locked"),
        ("expired", "password_expired"),
        ("fresh", "password_must_change"),
        ("bare", "credentials_wrong"),
    ],
)
async def test_the_password_policys_reasons_are_told_apart_though_the_password_is_right(
    corp: Corp, uid: str, code: str
) -> None:
    assert await refusal(corp(), uid) == code


async def test_too_many_wrong_passwords_lock_the_account_at_the_directory(corp: Corp) -> None:
    plugin = corp()
    codes = [await refusal(plugin, "locked", "wrong") for _ in range(4)]
    assert codes[:2] == ["credentials_wrong"] * 2
    assert codes[-1] == "account_locked"
    assert await refusal(plugin, "locked") == "account_locked"


# Groups


async def groups(plugin: Ldap, uid: str) -> tuple[str, ...] | None:
    return (await plugin.check_password(uid, PASSWORD)).groups


@pytest.mark.parametrize("mode", ["search", "member_of"])
async def test_groups_of_names_and_of_unique_names_are_read_by_their_common_name(corp: Corp, mode: str) -> None:
    """S-30."""
    source = {"mode": mode, "base_dn": GROUPS}
    assert await groups(corp(groups_from=source), "ada") == ("ff-acme-member", "unique (ones)")
    assert await groups(corp(groups_from=source), "short") == ()
    assert await groups(corp(groups_from=source), "vic") == ("inner",)


@pytest.mark.parametrize("mode", ["search", "member_of"])
async def test_groups_in_groups_are_walked_once_though_they_go_in_circles(corp: Corp, mode: str) -> None:
    source = {"mode": mode, "base_dn": GROUPS, "nested": "walk"}
    around = ("inner", "middle, of three", "outer")
    assert await groups(corp(groups_from=source), "vic") == around
    assert await groups(corp(groups_from=source), "müller") == ("ff-acme-member", *around)


async def test_a_filter_of_ones_own_chooses_the_groups(corp: Corp) -> None:
    """S-30."""
    filter_ = "(&(objectClass=groupOfUniqueNames)(uniqueMember={dn}))"
    assert await groups(corp(groups_from={"base_dn": GROUPS, "filter": filter_}), "ada") == ("unique (ones)",)


async def test_groups_elsewhere_do_not_count(corp: Corp) -> None:
    elsewhere = {"mode": "member_of", "base_dn": PEOPLE}
    assert await groups(corp(groups_from=elsewhere), "ada") == ()


async def test_a_groups_name_may_be_another_attribute(corp: Corp, openldap: Slapd) -> None:
    openldap.change(group("inner"), {"description": "Inner circle"})
    for mode in ("search", "member_of"):
        source = {"mode": mode, "base_dn": GROUPS, "name": "description"}
        assert await groups(corp(groups_from=source), "vic") == ("Inner circle",)


# People who are logged in already


async def test_somebody_is_looked_up_again_by_their_lasting_key(corp: Corp, openldap: Slapd) -> None:
    add_person(openldap, "eve")
    plugin = corp(groups_from={"base_dn": GROUPS})
    eve = await plugin.check_password("eve", PASSWORD)
    assert eve.groups == ()
    openldap.rename(f"cn=eve,{PEOPLE}", "cn=Eve Moneypenny")
    married = f"cn=Eve Moneypenny,{PEOPLE}"
    openldap.change(married, {"uid": "moneypenny", "mail": "eve@moneypenny.example"})
    openldap.add(group("spies"), {"objectClass": "groupOfNames", "member": married})
    now = await plugin.refresh(eve)
    assert (now.subject, now.username, now.email) == (eve.subject, "moneypenny", "eve@moneypenny.example")
    assert now.groups == ("spies",)


async def test_somebody_who_is_gone_may_no_longer_come(corp: Corp, openldap: Slapd) -> None:
    add_person(openldap, "gone")
    plugin = corp()
    identity = await plugin.check_password("gone", PASSWORD)
    openldap.delete(f"cn=gone,{PEOPLE}")
    with pytest.raises(Refused, match="user_unknown"):
        await plugin.refresh(identity)


async def test_somebody_whom_an_administrator_locked_may_no_longer_come(corp: Corp, openldap: Slapd) -> None:
    add_person(openldap, "fired")
    plugin = corp()
    identity = await plugin.check_password("fired", PASSWORD)
    openldap.change(f"cn=fired,{PEOPLE}", {"pwdAccountLockedTime": "20261101000000Z"})
    assert await plugin.refresh(identity) == identity, "a lock against guessing must not end anybody's session"
    openldap.change(f"cn=fired,{PEOPLE}", {"pwdAccountLockedTime": "000001010000Z"})
    with pytest.raises(Refused, match="account_disabled"):
        await plugin.refresh(identity)


async def test_who_no_longer_matches_the_rest_of_the_filter_may_no_longer_come(corp: Corp, openldap: Slapd) -> None:
    add_person(openldap, "moved")
    openldap.change(f"cn=moved,{PEOPLE}", {"departmentNumber": "7"})
    plugin = corp(user_filter="(&(uid={username})(departmentNumber=7))")
    identity = await plugin.check_password("moved", PASSWORD)
    assert await plugin.refresh(identity) == identity
    openldap.change(f"cn=moved,{PEOPLE}", {"departmentNumber": "8"})
    with pytest.raises(Refused, match="user_unknown"):
        await plugin.refresh(identity)


async def test_who_somebody_would_be_is_told_without_a_password(corp: Corp) -> None:
    plugin = corp(groups_from={"base_dn": GROUPS})
    ada = await plugin.examine("ada")
    assert (ada.username, ada.groups) == ("ada", ("ff-acme-member", "unique (ones)"))
    for sample in ("", "\ud800", "nobody"):
        with pytest.raises(Refused):
            await plugin.examine(sample)


# Trouble, which is nobody's wrong password


async def test_a_certificate_of_another_authority_is_not_trusted(corp: Corp, openldap: Slapd, tmp_path: Path) -> None:
    """S-28."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    for options in ({"url": openldap.ldaps}, {"url": openldap.ldap, "start_tls": True}):
        assert (await trouble(corp(ca=str(other), **options))).code == "tls_failed"
        unverified = corp(ca=str(other), insecure_skip_verify=True, **options)
        assert (await unverified.check_password("ada", PASSWORD)).username == "ada"


async def test_a_certificate_for_another_name_is_not_trusted(corp: Corp, openldap: Slapd) -> None:
    """S-28. The certificate is for the address."""
    assert (await trouble(corp(url=openldap.ldaps.replace("127.0.0.1", "localhost")))).code == "tls_failed"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"bind_password": "wrong"}, "search_bind_refused"),
        ({"bind_dn": "cn=nobody,dc=example,dc=org"}, "search_bind_refused"),
        ({"base_dn": "ou=nowhere,dc=example,dc=org"}, "base_not_found"),
        ({"bind_dn": "", "bind_password": None}, "base_not_found"),
        ({"groups_from": {"base_dn": "ou=nowhere,dc=example,dc=org"}}, "base_not_found"),
        ({"subject": "no-such"}, "attribute_missing"),
        ({"attributes": {"username": "no-such"}}, "attribute_missing"),
    ],
)
async def test_what_an_operator_got_wrong_is_not_the_visitors_fault(
    corp: Corp, options: dict[str, object], code: str
) -> None:
    assert (await trouble(corp(**options))).code == code


async def test_a_server_that_refuses_connections_is_trouble_at_once(corp: Corp) -> None:
    async with promised(1):
        assert (await trouble(corp(url=f"ldaps://127.0.0.1:{free_port()}"))).code == "directory_unreachable"


@pytest.mark.parametrize("options", [{}, {"start_tls": True}, {"insecure_plain": True}])
async def test_a_server_that_says_nothing_is_trouble_within_three_seconds(corp: Corp, options: dict[str, bool]) -> None:
    with silent() as port:
        scheme = "ldap" if options else "ldaps"
        plugin = corp(url=f"{scheme}://127.0.0.1:{port}", **AS_SET, **options)
        async with promised(3):
            await trouble(plugin)


@pytest.mark.parametrize(
    "words",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"0\x05\x02\x01\x01a\x00",
        b"0\x0c\x02\x01\x01a\x07\n\x01\xff\x04\x00\x04\x00",
        bytes(range(256)),
        b"\x30\x84\x7f\xff\xff\xff",
        b"\0" * 64,
        b"0\x80\0\0",
    ],
)
async def test_a_server_that_answers_nonsense_is_trouble(corp: Corp, words: bytes) -> None:
    with saying(words) as port:
        found = await trouble(corp(url=f"ldap://127.0.0.1:{port}"))
        assert found.code in {"directory_unreachable", "search_bind_refused"}


async def test_a_host_name_that_is_not_known_is_trouble(corp: Corp) -> None:
    assert "not known" in (await trouble(corp(url="ldaps://no-such-host.invalid"))).detail


# Several servers, and connections that are used again


async def test_another_server_is_asked_when_the_first_is_gone_or_silent(corp: Corp, openldap: Slapd) -> None:
    plugin = corp(url=[f"ldaps://127.0.0.1:{free_port()}", openldap.ldaps])
    assert (await plugin.check_password("ada", PASSWORD)).username == "ada"
    with counting() as (port, came):
        plugin = corp(url=[f"ldaps://127.0.0.1:{port}", openldap.ldaps], connect_timeout="2s")
        assert (await plugin.check_password("ada", PASSWORD)).username == "ada"
        before = came()
        assert before > 0
        assert await refusal(plugin, "ada", "wrong") == "credentials_wrong"
        assert came() == before, "the first is remembered as down"


async def test_a_server_that_comes_back_is_asked_again_after_a_while(
    corp: Corp, needs: Needs, authority: trustme.CA
) -> None:
    """And the one that is left answers in between; with both gone it is trouble, and over when one is back."""
    with slapd(needs("slapd"), authority) as one, slapd(needs("slapd"), authority) as two:
        clock = Time(time.time())
        plugin = corp(url=[one.ldaps, two.ldaps], now=clock)
        one.kill()
        assert (await plugin.check_password("ada", PASSWORD)).username == "ada"
        one.start()
        two.kill()
        assert (await plugin.check_password("ada", PASSWORD)).username == "ada", "one that was down is the last resort"
        one.kill()
        async with promised(3):
            assert (await trouble(plugin)).code == "directory_unreachable"
        one.start()
        assert (await plugin.check_password("ada", PASSWORD)).username == "ada"


async def test_a_connection_that_was_cut_is_replaced_unnoticed(corp: Corp, needs: Needs, authority: trustme.CA) -> None:
    with slapd(needs("slapd"), authority) as server:
        plugin = corp(url=server.ldaps)
        before = await plugin.check_password("ada", PASSWORD)
        server.kill()
        server.start()
        assert await plugin.check_password("ada", PASSWORD) == before


async def test_a_server_that_falls_silent_is_trouble_within_three_seconds_and_then_well_again(
    corp: Corp, needs: Needs, authority: trustme.CA
) -> None:
    with slapd(needs("slapd"), authority) as server:
        plugin = corp(url=server.ldaps, **AS_SET)
        await again_and_again(plugin)
        server.hang()
        async with promised(3):
            found = await asyncio.gather(
                *(plugin.check_password("ada", PASSWORD) for _ in range(12)), return_exceptions=True
            )
        assert all(isinstance(each, Unavailable) for each in found), found
        server.go_on()
        await again_and_again(plugin)


async def again_and_again(plugin: Ldap) -> None:
    """Until ada is let in: a busy machine may need longer for once than a plugin waits that promises three seconds."""
    async with asyncio.timeout(DEADLINE):
        while True:
            with suppress(Unavailable):
                assert (await plugin.check_password("ada", PASSWORD)).username == "ada"
                return


async def test_many_people_come_at_once(corp: Corp) -> None:
    plugin = corp()
    found = await asyncio.gather(*(plugin.check_password("ada", PASSWORD) for _ in range(40)))
    assert {each.username for each in found} == {"ada"}


async def test_more_than_the_queue_holds_are_turned_away_at_once(corp: Corp) -> None:
    with silent() as port:
        plugin = corp(url=f"ldaps://127.0.0.1:{port}", connections=1, timeout="300ms")
        asked = (plugin.check_password("ada", PASSWORD) for _ in range(80))
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(each, Unavailable) for each in found)
        assert "directory_busy" in {each.code for each in found if isinstance(each, Unavailable)}
