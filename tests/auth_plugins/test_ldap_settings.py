"""What an operator may write about a directory, and what they are told where it is wrong."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from auth_plugins import Misconfigured
from auth_plugins.ldap.plugin import Ldap
from auth_plugins.ldap.settings import LdapSettings
from auth_plugins.registry import UnusablePlugins, choose, installed
from auth_plugins.testkit import kit
from config.auth_schema import AuthEntry

ROOT = Path(__file__).parents[2]
GOOD: Mapping[str, object] = {"url": "ldaps://dir.example", "base_dn": "dc=example,dc=org"}


def chosen(tmp_path: Path, options: Mapping[str, object]) -> LdapSettings:
    """The settings of an entry, as a gateway reads it. Raises UnusablePlugins."""
    entry = AuthEntry.model_validate(
        {"name": "corp", "plugin": "ldap", **GOOD, **options}, context={"directory": tmp_path}
    )
    settings = choose([entry], installed())[0].settings
    assert isinstance(settings, LdapSettings)
    return settings


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"url": "ldap://dir.example"},
            "'url' is ldap://dir.example:389, to which passwords would go in",
        ),
        (
            {"url": ["ldaps://a", "ldap://b"]},
            "is ldap://b:389, to which passwords would go in the clear. Write ldaps://",
        ),
        (
            {"url": "ldaps://a", "start_tls": True},
            "is ldaps://a:636, but start_tls is true. Write ldap:// for StartTLS",
        ),
        (
            {"url": "https://dir.example"},
            "is 'https://dir.example', which is no address of a server. Write for example",
        ),
        ({"url": "dir.example:636"}, "is no address of a server"),
        ({"url": "ldaps://dir.example:x"}, "is no address of a server"),
        ({"url": "ldaps://ada@dir.example"}, "is no address of a server"),
        ({"url": "ldaps://dir.example/dc=org"}, "is no address of a server"),
        ({"url": []}, "'url' is not valid: Tuple should have at least 1 item"),
        ({"base_dn": ""}, "'base_dn' is not valid"),
        ({"bind_dn": "cn=reader"}, "'bind_password' and bind_dn go together. Write both, or neither"),
        ({"bind_password": {"file": "password"}}, "'bind_password' and bind_dn go together"),
        ({"ca": "nowhere.pem"}, "'ca' must be a file that exists"),
        ({"user_filter": "(uid=ada)"}, "'user_filter' names nobody in particular. Use one of {email}"),
        ({"user_filter": "(uid={name}{username})"}, "has {name}, which stands for nothing"),
        ({"user_filter": "uid={username}"}, "'user_filter' is no LDAP filter. Write one as of RFC 4515"),
        ({"user_filter": "(&(uid={username})"}, "is no LDAP filter"),
        ({"user_filter": "(uid{username})"}, "is no LDAP filter"),
        ({"groups_from": {"filter": "(cn=makers)"}}, "'groups_from.filter' names nobody in particular"),
        ({"groups_from": {"filter": "(member={email})"}}, "names nobody in particular. Use one of {dn}, {username}"),
        (
            {"groups_from": {"mode": "member_of", "nested": "rule"}},
            "'groups_from' has nested: rule, which",
        ),
        ({"groups_from": {"mode": "none", "filter": "(member={dn})"}}, "has a filter, which mode: none does not use"),
        ({"timeout": 0}, "'timeout' must be longer than 0"),
        ({"connections": 0}, "'connections' is not valid"),
        ({"verify": False}, "'verify' is unknown. Plugin 'ldap' has these options: "),
    ],
)
def test_what_is_wrong_is_told_with_the_remedy(tmp_path: Path, options: Mapping[str, object], told: str) -> None:
    """S-28."""
    (tmp_path / "password").write_text("secret\n")
    with pytest.raises(UnusablePlugins) as raised:
        chosen(tmp_path, options)
    (problem,) = raised.value.problems
    assert problem.startswith("auth.corp: option ")
    assert told in problem


@pytest.mark.parametrize(
    ("options", "servers"),
    [
        ({}, ["ldaps://dir.example:636"]),
        ({"url": ["ldaps://a:1636/", "ldaps://[2001:db8::1]"]}, ["ldaps://a:1636", "ldaps://[2001:db8::1]:636"]),
        ({"url": "ldap://dir.example", "start_tls": True}, ["ldap://dir.example:389"]),
        ({"url": "ldap://localhost"}, ["ldap://localhost:389"]),
        ({"url": ["ldap://127.0.0.1", "ldap://[::1]"]}, ["ldap://127.0.0.1:389", "ldap://[::1]:389"]),
        ({"url": "ldap://dir.example", "insecure_plain": True}, ["ldap://dir.example:389"]),
    ],
)
def test_passwords_go_encrypted_or_stay_on_this_machine(
    tmp_path: Path, options: Mapping[str, object], servers: list[str]
) -> None:
    """S-28."""
    assert [str(each) for each in chosen(tmp_path, options).servers] == servers


def test_the_password_is_in_a_file_of_its_own_and_never_shown(tmp_path: Path) -> None:
    """S-28."""
    (tmp_path / "password").write_text("hunter2\n")
    settings = chosen(tmp_path, {"bind_dn": "cn=reader", "bind_password": {"file": "password"}})
    assert settings.bind_password is not None
    assert settings.bind_password.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("options", "mode", "base_dn", "filter_", "walk"),
    [
        ({}, "none", "dc=example,dc=org", "(|(member={dn})(uniqueMember={dn}))", False),
        ({"groups_from": {}}, "search", "dc=example,dc=org", "(|(member={dn})(uniqueMember={dn}))", False),
        (
            {"groups_from": {"base_dn": "ou=g", "filter": "(memberUid=${username})", "nested": "walk"}},
            "search",
            "ou=g",
            "(memberUid=${username})",
            True,
        ),
        ({"groups_from": {"mode": "member_of"}}, "member_of", "", "(|(member={dn})(uniqueMember={dn}))", False),
        ({"active_directory": True}, "member_of", "", "(|(member={dn})(uniqueMember={dn}))", False),
        (
            {"active_directory": True, "groups_from": {"nested": "rule"}},
            "search",
            "dc=example,dc=org",
            "(member:1.2.840.113556.1.4.1941:={dn})",
            False,
        ),
        (
            {"active_directory": True, "groups_from": {"mode": "none"}},
            "none",
            "dc=example,dc=org",
            "(|(member={dn})(uniqueMember={dn}))",
            False,
        ),
    ],
)
def test_where_groups_come_from(
    tmp_path: Path, options: Mapping[str, object], mode: str, base_dn: str, filter_: str, walk: bool
) -> None:
    """S-30."""
    groups = chosen(tmp_path, options).groups
    assert (groups.mode, groups.base_dn, groups.filter, groups.walk) == (mode, base_dn, filter_, walk)


def test_an_authority_without_a_certificate_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing of the kind")
    with pytest.raises(Misconfigured, match=r"option 'ca' names .*ca\.pem, which holds no certificate"):
        Ldap(chosen(tmp_path, {"ca": "ca.pem"}), kit())


def test_every_option_and_every_code_is_told_on_a_page() -> None:
    """S-28."""
    pages = "".join((ROOT / "docs" / f"log-in-with-{name}.md").read_text() for name in ("openldap", "active-directory"))
    sources = "".join(path.read_text() for path in (ROOT / "auth_plugins").glob("ldap/*.py"))
    codes = set(re.findall(r'(?:Refused\(|Unavailable\(|Lost\(|return |: \(|or \()"([a-z]+(?:_[a-z]+)+)"', sources))
    assert {"directory_slow", "account_locked", "login_place", "search_refused", "tls_required"} <= codes
    untold = {name for name in {*LdapSettings.model_fields, *codes} if not re.search(rf"\b{name}\b", pages)}
    assert not untold - {"sample_missing"}
