"""Whose account an identity opens, rule by rule."""

from dataclasses import replace

import pytest

from auth_plugins import Identity, Refused
from config.auth_schema import AuthEntry
from proxy.access.linking import Found, How, link, refuse_foreign, sound
from proxy.model.identity import Person, User, UserKind, UserState

CORP = AuthEntry(name="corp", plugin="ldap", domains=("acme.example",))
MAKING = CORP.model_copy(update={"provision": True})
OPEN = AuthEntry(name="corp", plugin="oidc", provision=True)
ADMINS = AuthEntry.model_validate(
    {"name": "corp", "plugin": "x", "domains": ["acme.example"], "groups": {"admin": "a"}}
)
ADA = Identity(subject="77", username="ada", email="ada@acme.example", email_verified=True, name="Ada")
LOCAL = User(id="u-ada", username="ada", email="ada@acme.example")
MADE_FOR_CORP = replace(LOCAL, provider="corp")


def found(*, subject: User | None = None, username: User | None = None, email: User | None = None) -> Found:
    def person(user: User | None) -> Person | None:
        return Person(user=user, memberships={}) if user else None

    return Found(by_subject=person(subject), by_username=person(username), by_email=person(email))


def both(user: User) -> Found:
    return found(username=user, email=user)


OPENED = {
    # An entry, who comes, the accounts they could mean, and the rule.
    "the provider's own key": (CORP, ADA, found(subject=replace(MADE_FOR_CORP, subject="77")), How.KNOWN),
    "its key, whatever name they have by now": (
        CORP,
        replace(ADA, username="lovelace"),
        found(subject=replace(MADE_FOR_CORP, subject="77")),
        How.KNOWN,
    ),
    "an account that waits, by username": (CORP, replace(ADA, email=""), found(username=MADE_FOR_CORP), How.BOUND),
    "an account that waits, by address": (
        CORP,
        replace(ADA, username="x"),
        found(email=replace(MADE_FOR_CORP, username="lovelace")),
        How.BOUND,
    ),
    "a declared account that waits": (CORP, ADA, both(replace(MADE_FOR_CORP, declared="estate.yaml")), How.BOUND),
    "a local account, by an address vouched for": (CORP, ADA, both(LOCAL), How.LINKED),
    "one that was never activated": (CORP, ADA, both(replace(LOCAL, state=UserState.PENDING)), How.LINKED),
    "an admin's, where admins are managed": (ADMINS, ADA, both(replace(LOCAL, admin=True)), How.LINKED),
    "nobody's": (MAKING, ADA, found(), How.MADE),
}

REFUSED = {
    # An entry, who comes, the accounts they could mean, and the code.
    "S-21: nobody is known": (CORP, ADA, found(), "unknown_sso_user"),
    "a username alone opens no local account": (CORP, replace(ADA, email=""), both(LOCAL), "unknown_sso_user"),
    "an address that is not vouched for": (CORP, replace(ADA, email_verified=False), both(LOCAL), "unknown_sso_user"),
    "an address of no domain of the provider's": (OPEN, ADA, both(LOCAL), "username_taken"),
    "an admin's account": (CORP, ADA, both(replace(LOCAL, admin=True)), "unknown_sso_user"),
    "an account that a file declares as local": (
        CORP,
        ADA,
        both(replace(LOCAL, declared="e.yaml")),
        "unknown_sso_user",
    ),
    "a service account": (CORP, ADA, both(replace(LOCAL, kind=UserKind.SERVICE)), "unknown_sso_user"),
    "another provider's account": (CORP, ADA, both(replace(LOCAL, provider="other")), "unknown_sso_user"),
    "an account that another person of the provider has": (
        CORP,
        ADA,
        both(replace(MADE_FOR_CORP, subject="78")),
        "unknown_sso_user",
    ),
    "an account that waits for another address": (
        CORP,
        replace(ADA, username="x", email_verified=False),
        found(email=MADE_FOR_CORP),
        "unknown_sso_user",
    ),
    "whose username is the address of who waits": (
        CORP,
        replace(ADA, username="ada@acme.example", email=""),
        found(username=replace(MADE_FOR_CORP, username="lovelace")),
        "unknown_sso_user",
    ),
    "a username that is the same to Unicode alone": (
        CORP,
        replace(ADA, username="\N{LATIN SMALL LETTER LONG S}am", email=""),
        found(username=replace(MADE_FOR_CORP, username="sam")),
        "unknown_sso_user",
    ),
    "an address that is the same to Unicode alone": (
        CORP,
        replace(ADA, email="\N{LATIN SMALL LETTER LONG S}am@acme.example"),
        both(replace(LOCAL, username="sam", email="sam@acme.example")),
        "unknown_sso_user",
    ),
    "a domain that is the same to Unicode alone": (
        CORP.model_copy(update={"domains": ("kiln.example",)}),
        replace(ADA, email="ada@\N{KELVIN SIGN}iln.example"),
        both(replace(LOCAL, email="ada@kiln.example")),
        "unknown_sso_user",
    ),
    "somebody suspended": (
        CORP,
        ADA,
        found(subject=replace(MADE_FOR_CORP, subject="77", state=UserState.SUSPENDED)),
        "account_suspended",
    ),
    "somebody suspended, by address": (CORP, ADA, both(replace(LOCAL, state=UserState.SUSPENDED)), "account_suspended"),
    "a service account by its key": (
        CORP,
        ADA,
        found(subject=replace(MADE_FOR_CORP, subject="77", kind=UserKind.SERVICE)),
        "service_account",
    ),
    "S-21: the username is taken": (MAKING, replace(ADA, email=""), found(username=LOCAL), "username_taken"),
    "S-32: a reserved name": (MAKING, replace(ADA, username="Root"), found(), "username_reserved"),
    "S-32: a plus-address": (MAKING, replace(ADA, email="ada+2@acme.example"), found(), "plus_address"),
    "a name that is none": (OPEN, replace(ADA, username="A B", email=""), found(), "username_unusable"),
    "a name that could be an id": (OPEN, replace(ADA, username="0a" * 16, email=""), found(), "username_unusable"),
}


@pytest.mark.parametrize(("entry", "identity", "known", "how"), OPENED.values(), ids=OPENED)
def test_s_21_an_account_is_opened_by(entry: AuthEntry, identity: Identity, known: Found, how: How) -> None:
    opened = link(entry, identity, known, new_id="u-new")
    user = opened.person.user
    assert (opened.how, user.provider, user.subject, user.state) == (how, "corp", "77", UserState.ACTIVE)


@pytest.mark.parametrize(("entry", "identity", "known", "code"), REFUSED.values(), ids=REFUSED)
def test_s_21_nobody_gets_in_by(entry: AuthEntry, identity: Identity, known: Found, code: str) -> None:
    with pytest.raises(Refused) as refused:
        link(entry, identity, known, new_id="u-new")
    assert refused.value.code == code
    assert refused.value.detail, "whoever runs the gateway is told why"


@pytest.mark.parametrize(
    ("entry", "identity", "username", "email"),
    [
        (MAKING, ADA, "ada", "ada@acme.example"),
        (MAKING, replace(ADA, username="ACME\\ada"), "ada@acme.example", "ada@acme.example"),
        (MAKING, replace(ADA, username="0a" * 16), "ada@acme.example", "ada@acme.example"),
        (OPEN, ADA, "ada", "ada@acme.example"),
        (OPEN, replace(ADA, email_verified=False), "ada", ""),
        (OPEN, replace(ADA, username="ceo@other.example"), "ada@acme.example", "ada@acme.example"),
    ],
    ids=[
        "as it is called",
        "no username",
        "an id",
        "any address",
        "an address not vouched for",
        "an address as username",
    ],
)
def test_s_21_a_new_account_has_only_names_that_the_provider_may_speak_of(
    entry: AuthEntry, identity: Identity, username: str, email: str
) -> None:
    user = link(entry, identity, found(), new_id="u-new").person.user
    assert (user.id, user.username, user.email, user.name, user.admin) == ("u-new", username, email, "Ada", False)


def test_an_account_follows_the_address_that_its_provider_gives() -> None:
    held = replace(MADE_FOR_CORP, subject="77", email="old@acme.example")
    assert link(CORP, ADA, found(subject=held), new_id="").person.user.email == "ada@acme.example"
    other = replace(LOCAL, id="u-other", username="other")
    assert link(CORP, ADA, found(subject=held, email=other), new_id="").person.user.email == "old@acme.example"
    declared = replace(held, declared="estate.yaml")
    assert link(CORP, ADA, found(subject=declared), new_id="").person.user == declared


@pytest.mark.parametrize(
    ("entry", "changed", "others"),
    [
        (CORP, {"email": "ceo@other.example"}, set()),
        (CORP, {"email": "ceo@sub.acme.example"}, set()),
        (CORP, {"email": "ceo@acme.example@other.example"}, set()),
        (CORP, {"email": "", "username": "ceo@other.example"}, set()),
        (OPEN, {"email": "ceo@other.example"}, {"other.example"}),
        (OPEN, {"email": "ceo@OTHER.example."}, {"other.example"}),
    ],
)
def test_s_18_a_provider_speaks_for_its_own_domains_alone(
    entry: AuthEntry, changed: dict[str, str], others: set[str]
) -> None:
    with pytest.raises(Refused) as refused:
        refuse_foreign(entry, replace(ADA, **changed), others)  # type: ignore[arg-type]
    assert refused.value.code == "foreign_domain"


def test_s_18_whoever_is_of_its_domains_or_of_nobodys_is_not_foreign() -> None:
    refuse_foreign(CORP, replace(ADA, email="Ada@ACME.example"), {"other.example"})
    refuse_foreign(CORP, replace(ADA, email=""), {"other.example"})
    refuse_foreign(OPEN, ADA, {"other.example"})


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": "7" * 256},
        {"username": "a\0da"},
        {"subject": "7\n7"},
        {"username": "\ud800"},
        {"groups": ("ff-acme-owner\n",)},
        {"groups": ("x" * 1025,)},
        {"groups": tuple(map(str, range(5001)))},
        {"groups": ("x" * 1024,) * 257},
        {"email": "a" * 255},
    ],
)
def test_what_nobody_should_keep_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(Refused) as refused:
        sound(replace(ADA, **changed))  # type: ignore[arg-type]
    assert refused.value.code == "identity_malformed"


def test_as_many_groups_as_may_be_are_kept() -> None:
    some = replace(ADA, groups=tuple(map(str, range(5000))))
    assert sound(some).groups == some.groups


def test_what_is_only_for_show_is_put_right() -> None:
    odd = replace(ADA, name="Ada\n\0 Lovelace" + "x" * 300, image="javascript:alert(1)", email="no address")
    clean = sound(odd)
    assert (clean.name[:14], len(clean.name), clean.image, clean.email) == ("Ada Lovelacexx", 200, "", "")
    assert sound(replace(ADA, image="https://idp.example/ada.png")).image == "https://idp.example/ada.png"
