"""What is typed stays a value."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.search import compile_filter, parse_filter

from auth_plugins.ldap.filters import filled, of_subject, of_typed, placeholders, subject_text

GUID = "7b95f0d5-a3ed-486c-919c-077b8c9731f2"


def comparison(text: str) -> tuple[str, str]:
    """What the filter asks on the wire, if it is nothing but one comparison."""
    node = compile_filter(parse_filter(text, None, False, True, None, False).elements[0])
    assert node.getName() == "equalityMatch", text
    found = node.getComponent()
    return str(found["attributeDesc"]), bytes(found["assertionValue"]).decode()


@given(st.text(min_size=1).filter(str.strip))
def test_whatever_is_typed_is_one_comparison(typed: str) -> None:
    """S-29, R-41. Blanks around a value mean nothing to a directory."""
    attribute, value = comparison(of_typed("(uid={username})", typed))
    assert (attribute, value.strip()) == ("uid", typed.strip())


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("ada", "(uid=ada)"),
        ("*)(uid=*", "(uid=\\2a\\29\\28uid=\\2a)"),
        ("a\\b\0", "(uid=a\\5cb\\00)"),
        ("{email}", "(uid={email})"),
        ("müller", "(uid=müller)"),
    ],
)
def test_typed_names_are_escaped(typed: str, asked: str) -> None:
    """S-29."""
    assert of_typed("(uid={username})", typed) == asked
    assert of_typed("(uid=${username})", typed) == asked


def test_dns_are_escaped() -> None:
    """S-30."""
    dn = "cn=Star * (the) \\5C #1\\2C Ltd.,ou=people"
    assert filled("(member={dn})", {"dn": dn}) == "(member=cn=Star \\2a \\28the\\29 \\5c5C #1\\5c2C Ltd.,ou=people)"


def test_somebody_known_must_still_match_the_rest() -> None:
    text = "(&(objectClass=person)(|(uid={username})(mail=${email}))(memberOf=cn=makers))"
    assert (
        of_subject(text, "entryUUID", "*)(a=b")
        == "(&(entryUUID=\\2a\\29\\28a=b)(&(objectClass=person)(|(uid=*)(mail=*))(memberOf=cn=makers)))"
    )


def test_a_guid_is_text_to_us_and_bytes_to_the_directory() -> None:
    assert subject_text("objectGUID", UUID(GUID).bytes_le) == GUID
    assert of_subject("(uid={username})", "objectguid", GUID) == (
        "(&(objectguid=\\d5\\f0\\95\\7b\\ed\\a3\\6c\\48\\91\\9c\\07\\7b\\8c\\97\\31\\f2)(uid=*))"
    )
    with pytest.raises(ValueError, match="badly formed"):
        of_subject("(uid={username})", "objectGUID", "ada")
    with pytest.raises(ValueError, match="16-char"):
        subject_text("objectGUID", b"short")


def test_what_a_filter_leaves_open() -> None:
    assert placeholders("(|(uid=${username})(mail={email})(cn={DN}))") == {"username", "email"}
