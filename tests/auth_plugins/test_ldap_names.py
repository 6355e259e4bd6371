"""Distinguished names as directories write them."""

import pytest

from auth_plugins.ldap.names import below, leaf


@pytest.mark.parametrize(
    ("dn", "name"),
    [
        ("cn=makers,ou=groups", "makers"),
        ("CN=Makers", "Makers"),
        (" cn = makers ,ou=groups", "makers "),
        ("cn=a\\,b,ou=groups", "a,b"),
        ("cn=a\\2Cb,ou=groups", "a,b"),
        ("cn=\\C3\\B6l,ou=groups", "öl"),
        ("cn=a\\5Cb+ou=x,ou=groups", "a\\b"),
        ("cn=a\\+b\\=c\\#\\ ,ou=groups", "a+b=c# "),
        ("cn=\\ffx,dc=org", "\ufffdx"),
        ("ou=makers,dc=org", ""),
        ("cn=#04024869,dc=org", ""),
        ("no name at all", ""),
        ("", ""),
    ],
)
def test_a_groups_name_is_the_first_part_of_its_dn(dn: str, name: str) -> None:
    assert leaf(dn, "cn") == name


@pytest.mark.parametrize(
    ("base", "dn", "inside"),
    [
        ("", "cn=a,dc=org", True),
        ("dc=org", "cn=a,dc=org", True),
        ("DC=Org", "cn=a , dc = org", True),
        ("ou=groups, dc=org", "cn=a,OU=Groups,DC=org", True),
        ("dc=org", "dc=org", True),
        ("dc=org", "cn=a,xdc=org", False),
        ("dc=org", "cn=a\\,dc=org", False),
        ("ou=groups,dc=org", "cn=a,dc=org", False),
    ],
)
def test_what_is_below_a_base(base: str, dn: str, inside: bool) -> None:
    assert below(base, dn) is inside
