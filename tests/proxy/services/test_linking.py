"""From an identity to a user, on real stores."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from typing_extensions import override

from auth_plugins import Refused
from auth_plugins.registry import Provider
from proxy.access.linking import How
from proxy.access.passwords import hash_password, verify
from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.identity import Factor, FactorKind, Membership, Person, Token, TokenKind, User, UserState
from proxy.store import PutFactor, PutToken
from tests.proxy.services.directory_stage import ADA, Said, Stage, corp, of_ada, stage

MAKING = corp(provision=True, groups={"admin": "boss"})
OTHER = corp(name="other", domains=["other.example"], provision=True)
MINGLED = {"east": SpaceKind.CUSTOMER, "west": SpaceKind.CUSTOMER, "night": SpaceKind.GROUP}
GROUPED = corp(name="grouped", domains=[], groups={})
GONE = ("user.pat.deleted", "user.mfa.reset")


@pytest.fixture
async def corps(place: str) -> AsyncIterator[Stage]:
    async with stage(place, MAKING, OTHER, GROUPED) as ready:
        yield ready


def refused(code: str) -> "pytest.RaisesExc[Refused]":
    return pytest.raises(Refused, match=rf"\A{code}(?::|\Z)")


async def test_s_21_a_new_account_is_made_with_its_groups_and_found_again(corps: Stage) -> None:
    made = await corps.enter(MAKING)
    assert (made.user.username, made.user.email, made.user.provider, made.user.subject) == (
        "ada",
        "ada@acme.example",
        "corp",
        "77",
    )
    assert made.memberships["acme"].role is Role.MEMBER
    before = await corps.store.database.version()
    again = await corps.enter(MAKING, of_ada(username="lovelace"))
    assert again == made
    assert await corps.store.database.version() == before, "nothing is written where nothing changes"
    events = [(each.event, each.source, each.actor_name) for each in await corps.events()]
    assert events == [("user.created-user", "sso", "corp"), ("team.user.added", "sso", "corp")]


async def test_s_21_without_provision_nobody_gets_an_account(corps: Stage) -> None:
    with refused("unknown_sso_user"):
        await corps.enter(GROUPED, of_ada(email=""))
    assert await corps.store.database.users() == []


async def test_s_21_two_logins_at_once_make_one_account(corps: Stage) -> None:
    people = await asyncio.gather(*(corps.enter(MAKING) for _ in range(5)))
    assert len({person.user.id for person in people}) == 1
    assert len(await corps.events("user.created-user")) == 1


async def test_an_account_made_for_a_provider_is_bound_once(corps: Stage) -> None:
    await corps.put(User(id="u-leo", username="leo", provider="grouped", declared="estate.yaml"))
    leo = of_ada(username="Leo", email="", groups=())
    assert (await corps.enter(GROUPED, leo)).user.subject == "77"
    [event] = await corps.events("user.provider-linked")
    assert (event.user, event.address, event.body["rule"]) == ("u-leo", "192.0.2.1", "bound")
    with refused("unknown_sso_user"):
        await corps.enter(GROUPED, of_ada(subject="78", username="leo", email="", groups=()))


async def test_a_local_account_that_passes_to_a_provider_keeps_no_session_of_before(corps: Stage) -> None:
    """Whoever chose its password may have been somebody else, who knew the address."""
    local = await corps.put(User(id="u-ada", username="lovelace", email="Ada@acme.example", state=UserState.PENDING))
    await corps.logged_in(corps.providers[-1], local)
    linked = await corps.enter(MAKING)
    assert (linked.user.id, linked.user.provider, linked.user.state) == ("u-ada", "corp", UserState.ACTIVE)
    assert await corps.sessions.of("u-ada") == []
    [event] = await corps.events("user.provider-linked")
    assert event.body["rule"] == "linked"


@pytest.mark.parametrize("admin", [True, False])
async def test_a_password_from_before_the_provider_opens_nothing_even_for_who_is_made_an_admin(
    corps: Stage, admin: bool
) -> None:
    """The door for admins stays open to one who was an admin when they chose it, and to nobody else."""
    kept = hash_password("correct horse battery")
    await corps.put(User(id="u-ada", username="ada", email="ada@acme.example", admin=admin), password_hash=kept)
    await corps.enter(corp(groups={"admin": "admins"}), of_ada(groups=("admins",)))
    account = await corps.store.database.account("ada")
    assert account is not None
    assert (account.user.admin, verify("correct horse battery", account.password_hash)) == (True, admin)


async def test_nobody_takes_over_an_account_by_its_name_or_by_an_address_not_vouched_for(corps: Stage) -> None:
    before = await corps.put(User(id="u-ada", username="ada", email="ada@acme.example"))
    for identity in (of_ada(email_verified=False), of_ada(email="")):
        with refused("username_taken"):
            await corps.enter(MAKING, identity)
    assert await corps.store.database.person("u-ada") == before


async def test_s_18_a_provider_that_speaks_for_anothers_people_is_refused_and_on_record(corps: Stage) -> None:
    await corps.put(User(id="u-ceo", username="ceo", email="ceo@acme.example", provider="corp", subject="1"))
    for provider in (OTHER, GROUPED):
        for _ in range(3):
            with refused("foreign_domain"):
                await corps.enter(provider, of_ada(username="ceo", email="ceo@acme.example"))
    events = await corps.events("platform.sso.refused")
    assert [(each.actor_name, each.error, each.body["email"]) for each in events] == [
        ("other", "foreign_domain", "ceo@acme.example"),
        ("grouped", "foreign_domain", "ceo@acme.example"),
    ], "the same claim once a minute"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"email": "ada+1@acme.example"}, "plus_address"),
        ({"username": "admin", "email": ""}, "username_reserved"),
        ({"username": "ro\not"}, "identity_malformed"),
    ],
)
async def test_s_32_names_that_nobody_gets_by_themselves(corps: Stage, changed: dict[str, object], code: str) -> None:
    with refused(code):
        await corps.enter(MAKING, of_ada(**changed))
    [event] = await corps.events("platform.sso.refused")
    assert event.error == code


async def test_s_22_a_provider_that_says_nothing_of_groups_lets_nobody_in(corps: Stage) -> None:
    with refused("groups_missing"):
        await corps.enter(MAKING, of_ada(groups=None))
    assert await corps.store.database.users() == []
    lenient = corp(provision=True, groups={"required": False})
    person = await corps.enter(lenient, of_ada(groups=None))
    assert person.memberships == {}


async def test_t_12_a_login_that_mingles_customers_in_a_group_is_let_in_with_a_warning(corps: Stage) -> None:
    spaces = [Space(id=name, kind=kind, slug=name, parent="acme") for name, kind in MINGLED.items()]
    await corps.store.database.edit(spaces, [])
    bob = User(id="u-bob", username="bob")
    await corps.put(bob, *(Membership(space=at, role=Role.VIEWER) for at in ("night", "east")))
    await corps.enter(MAKING, of_ada(groups=("ff-west-viewer",)))
    assert await corps.events("group.mingled") == []
    ada = await corps.enter(MAKING, of_ada(groups=("ff-west-viewer", "ff-night-viewer")))
    assert set(ada.memberships) == {"west", "night"}
    [event] = await corps.events("group.mingled")
    assert (event.user, event.body["group"], event.source) == (ada.user.id, "night", "sso")
    await corps.enter(MAKING, of_ada(groups=("ff-west-viewer", "ff-night-viewer")))
    assert len(await corps.events("group.mingled")) == 1, "told as it comes about, not at each login"


async def test_s_23_groups_hold_from_login_to_login_and_what_was_said_by_hand_survives(corps: Stage) -> None:
    groups = ("ff-acme-viewer", "ff-acme[plant]-owner")
    person = await corps.enter(MAKING, of_ada(groups=groups))
    held = person.memberships["acme"]
    assert (held.source, dict(held.overrides), held.managed) == ("sso", {"plant": Role.OWNER}, {"plant"})
    by_hand = Membership(space="customer", role=Role.MEMBER, overrides={"line": Role.NONE})
    await corps.put(person.user, held, by_hand)
    after = await corps.enter(MAKING, of_ada(groups=("ff-acme-viewer",)))
    assert dict(after.memberships["acme"].overrides) == {}
    assert after.memberships["customer"] == by_hand
    [_, changed] = await corps.events("team.user.permissions-changed")
    assert [(each.key, each.old, each.new) for each in changed.updates] == [("acme/plant", "owner", None)]
    gone = await corps.enter(MAKING, of_ada(groups=()))
    assert list(gone.memberships) == ["customer"]
    assert len(await corps.events("team.user.removed")) == 1


async def test_s_24_the_last_admin_stays_one(corps: Stage) -> None:
    ada = await corps.enter(MAKING, of_ada(groups=("boss",)))
    assert ada.user.admin
    assert (await corps.enter(MAKING, of_ada(groups=()))).user.admin, "nobody else is"
    await corps.put(User(id="u-root", username="root", admin=True))
    assert not (await corps.enter(MAKING, of_ada(groups=()))).user.admin
    assert [each.event for each in await corps.events("user.updated-user")] == ["user.updated-user"]


async def test_s_24_the_last_owner_of_a_team_stays_its_owner(corps: Stage) -> None:
    owner = {at: Membership(space=at, role=Role.OWNER) for at in ("acme", "customer")}
    linked = User(id="u-ada", username="ada", provider="corp", subject="77")
    await corps.put(linked, *owner.values())
    for groups in ((), ("ff-acme-viewer",)):
        kept = await corps.enter(MAKING, of_ada(groups=groups))
        assert kept.memberships["acme"].role is Role.OWNER, "nobody else is"
    await corps.put(User(id="u-olga", username="olga"), owner["acme"])
    assert list((await corps.enter(MAKING, of_ada(groups=()))).memberships) == ["customer"]


async def test_the_gateways_own_accounts_are_found_by_their_id(corps: Stage) -> None:
    own = corps.providers[-1]
    await corps.put(User(id="u-ada", username="ada"))
    assert (await corps.enter(own, of_ada(subject="u-ada"))).user.id == "u-ada"
    await corps.put(User(id="u-sue", username="sue", state=UserState.SUSPENDED))
    for subject in ("u-sue", "nobody"):
        with refused("account_unknown"):
            await corps.enter(own, of_ada(subject=subject))


async def test_a_way_in_that_asks_another_one_opens_the_others_accounts(corps: Stage) -> None:
    class Asks(Said):
        @override
        def speaks_for(self) -> str:
            return "corp"

    basic = corp(name="basic", domains=[])
    asking = Provider(entry=basic.entry, plugin=Asks(basic.plugin.settings, basic.plugin.kit))
    made = await corps.enter(MAKING)
    through = await corps.enter(asking)
    assert through == made


async def test_a_preview_writes_nothing(corps: Stage) -> None:
    before = await corps.store.database.version()
    outcome = await corps.linking.preview(MAKING, of_ada(groups=("ff-acme-owner", "staff")))
    assert (outcome.how, outcome.person.memberships["acme"].role) == (How.MADE, Role.OWNER)
    assert [bool(each.ignored) for each in outcome.readings] == [False, True]
    with refused("foreign_domain"):
        await corps.linking.preview(OTHER, ADA)
    assert await corps.store.database.version() == before
    assert await corps.events() == []


async def test_someone_whose_account_was_removed_meanwhile_is_not_brought_up_to_date(corps: Stage) -> None:
    made = await corps.enter(MAKING)
    after = await corps.linking.again(MAKING, made.user.id, of_ada(groups=("ff-acme-owner",)))
    assert isinstance(after, Person)
    assert after.memberships["acme"].role is Role.OWNER
    assert await corps.linking.again(MAKING, "nobody", ADA) is None
    assert await corps.linking.again(MAKING, made.user.id, of_ada(subject="78")) is None


@pytest.mark.parametrize("admin", [True, False])
async def test_what_was_made_before_an_account_passed_to_its_provider_opens_nothing(corps: Stage, admin: bool) -> None:
    """An admin keeps the password, for when the provider is gone: so that goes for what stands beside it."""
    await corps.put(User(id="u-ada", username="ada", email="ada@acme.example", admin=admin))
    token = Token(id="t-ci", kind=TokenKind.PERSONAL, name="ci", created=1.0, user="u-ada")
    factor = Factor(id="f-1", user="u-ada", kind=FactorKind.TOTP, name="phone", created=1.0)
    database = corps.store.database
    await database.edit([PutToken(token=token, hash=b"h" * 32), PutFactor(factor=factor)], [])
    await corps.enter(corp(groups={"admin": "boss"}), of_ada(groups=("boss",)))
    there = (await database.tokens(user="u-ada"), await database.factors("u-ada"))
    told = [(each.event, each.actor_name, dict(each.body)) for each in await corps.events(*GONE)]
    if admin:
        assert (list(map(len, there)), told) == ([1, 1], [])
        return
    assert list(map(len, there)) == [0, 0]
    assert [(event, by) for event, by, _ in told] == [("user.pat.deleted", "corp"), ("user.mfa.reset", "corp")]
    assert (told[0][2]["name"], told[1][2]["factors"]) == ("ci", 1)
