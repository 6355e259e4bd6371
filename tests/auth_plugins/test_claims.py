"""Claims become an Identity, or are refused; nothing in between."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_plugins import Identity, Refused
from auth_plugins.claims import ClaimNames, Claims, check_required, identity_of, loaded, parsed

ADA = {"sub": "u1", "preferred_username": "ada", "email": "ada@acme.example", "email_verified": True, "name": "Ada"}


def named(**claims: object) -> Identity:
    return identity_of(Claims({**ADA, **claims}), ClaimNames())


def code(**claims: object) -> str:
    with pytest.raises(Refused) as refused:
        named(**claims)
    return refused.value.code


def test_claims_become_an_identity() -> None:
    """S-31."""
    identity = named(groups=["a", "b", "a"], picture="https://idp.example/ada.png", amr=["pwd", "otp"], sid="s1")
    assert identity == Identity(
        subject="u1",
        username="ada",
        email="ada@acme.example",
        email_verified=True,
        name="Ada",
        image="https://idp.example/ada.png",
        groups=("a", "b"),
        amr=("pwd", "otp"),
        session="s1",
    )


@pytest.mark.parametrize("said", [None, False, "false", "", 0, "yes", [], {}, 2])
def test_an_address_that_is_not_said_to_be_verified_is_not(said: object) -> None:
    assert not named(email_verified=said).email_verified


@pytest.mark.parametrize("said", [True, "true", 1, "1"])
def test_an_address_may_be_verified_as_some_providers_spell_it(said: object) -> None:
    assert named(email_verified=said).email_verified


def test_no_address_is_not_a_verified_one() -> None:
    assert not named(email=None).email_verified


@pytest.mark.parametrize(
    ("claims", "username"),
    [({}, "ada"), ({"preferred_username": None}, "ada@acme.example"), ({"preferred_username": "", "email": ""}, "u1")],
)
def test_who_has_no_username_goes_by_the_address_or_the_subject(claims: dict[str, object], username: str) -> None:
    """S-21."""
    assert named(**claims).username == username


@pytest.mark.parametrize(
    ("groups", "found"),
    [
        (None, None),
        ([], ()),
        ("", ()),
        (["a", "", "b"], ("a", "b")),
        ("a", ("a",)),
        ("a, b,,a", ("a", "b")),
        (["with, comma"], ("with, comma",)),
    ],
)
def test_groups_come_as_a_list_or_as_text_and_none_is_not_nothing(
    groups: object, found: tuple[str, ...] | None
) -> None:
    """S-22."""
    assert named(groups=groups).groups == found


@pytest.mark.parametrize("groups", [5, True, {"a": "b"}, ["a", 5], [["a"]], [None]])
def test_groups_of_another_shape_are_refused(groups: object) -> None:
    assert code(groups=groups) == "claim_malformed"


def test_a_flood_of_groups_is_refused() -> None:
    assert code(groups=[str(number) for number in range(2001)]) == "claim_too_long"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("realm_access.roles", ["a"]),
        ("resource_access.my.app.roles", ["b"]),
        ("https://acme.example/groups", ["c"]),
        ("realm_access.none", None),
        ("realm_access.roles.deeper", None),
        ("realm_acces", None),
    ],
)
def test_a_path_leads_to_a_claim_also_through_names_with_dots(path: str, found: object) -> None:
    claims = Claims(
        {
            "realm_access": {"roles": ["a"]},
            "resource_access": {"my.app": {"roles": ["b"]}, "my": {"app": {}}},
            "https://acme.example/groups": ["c"],
        }
    )
    assert claims.at(path) == found


def test_groups_of_several_claims_are_taken_together() -> None:
    names = ClaimNames(groups=("groups", "realm_access.roles"))
    claims = Claims({**ADA, "realm_access": {"roles": ["b", "a"]}, "groups": ["a"]})
    assert identity_of(claims, names).groups == ("a", "b")


def test_one_name_of_groups_needs_no_list() -> None:
    assert ClaimNames.model_validate({"groups": "roles"}).groups == ("roles",)
    assert ClaimNames.model_validate({"groups": []}).groups == ()


@pytest.mark.parametrize("subject", [None, "", "  "])
def test_who_has_no_subject_is_nobody(subject: object) -> None:
    assert code(sub=subject) == "subject_missing"


@pytest.mark.parametrize("subject", [True, 1.5, ["u1"], {"a": "b"}, "u\n1", "u\x001", "\ud800"])
def test_a_subject_of_another_shape_is_refused(subject: object) -> None:
    assert code(sub=subject) == "claim_malformed"


def test_a_subject_stays_as_it_is_and_a_number_becomes_text() -> None:
    assert named(sub=" U1").subject == " U1"
    assert named(sub=583231).subject == "583231"


def test_a_claim_as_long_as_a_book_is_refused() -> None:
    assert code(sub="u" * 1025) == "claim_too_long"


def test_what_is_only_shown_is_cleaned() -> None:
    assert named(name="Ada\n\tLovelace\x00").name == "Ada Lovelace"
    assert named(name=["Ada"]).name == ""
    assert named(picture="http://idp.example/ada.png").image == ""
    assert named(picture="javascript:alert(1)").image == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "1",
        "null",
        '{"a": 1, "a": 2}',
        '{"a": {"b": 1, "b": 2}}',
        '{"a": NaN}',
        '{"a": Infinity}',
        "{",
        "\xff",
    ],
)
def test_json_that_could_be_read_in_two_ways_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parsed(text)


def test_json_that_is_nested_without_end_is_not_read() -> None:
    with pytest.raises(ValueError, match="deeply"):
        loaded("[" * 200_000)


@pytest.mark.parametrize("value", ["1", True, [1], float("inf"), float("nan"), 10**400, -(10**400)])
def test_a_time_is_a_number(value: object) -> None:
    with pytest.raises(Refused):
        Claims({"exp": value}).number("exp")


@pytest.mark.parametrize(
    ("claim", "holds"),
    [
        ("acme.example", True),
        (["x", "acme.example"], True),
        ("read acme.example write", True),
        ("acme.example.evil.example", False),
        ("ACME.example", False),
        (None, False),
        (True, False),
        ([1], False),
        ({"acme.example": 1}, False),
    ],
)
def test_a_claim_that_is_required_has_one_of_its_values(claim: object, holds: bool) -> None:
    if holds:
        check_required(Claims({"hd": claim}), {"hd": ("other.example", "acme.example")})
        return
    with pytest.raises(Refused) as refused:
        check_required(Claims({"hd": claim}), {"hd": ("other.example", "acme.example")})
    assert refused.value.code == "claim_required"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*ADA, "groups", "amr", "sid", "picture"]) | st.text(), JSON))
def test_whatever_a_provider_says_is_somebody_or_refused(said: dict[str, object]) -> None:
    try:
        identity = identity_of(parsed(json.dumps(said)), ClaimNames())
    except (Refused, ValueError):
        return
    assert identity.subject == str(said["sub"])
