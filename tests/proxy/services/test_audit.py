import json
from dataclasses import replace

import pytest

from proxy.model.access import Role
from proxy.model.audit import Source, Update
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, Grant, InstanceSettings, PlatformSettings, Resource, ResourceKind
from proxy.model.identity import Actor, Membership, Person, Session, Token, TokenKind, User
from proxy.services.audit import PLATFORM, by, changes, happened, on, updates
from proxy.services.audit_catalogue import EVENTS
from proxy.services.audit_secrets import HIDDEN

ADA = User(id="u-ada", username="ada")
SESSION = Session(
    id="s", user_id="u-ada", provider="local", amr=(), created=0.0, seen=0.0, expires=9.0, idle=9.0, address="192.0.2.1"
)
ESTATE = Estate(
    spaces={
        "s-acme": Space(id="s-acme", kind=SpaceKind.TEAM, slug="acme"),
        "s-cust": Space(id="s-cust", kind=SpaceKind.CUSTOMER, slug="cust", parent="s-acme"),
    },
    resources={
        "r-plant": Resource(id="r-plant", kind=ResourceKind.APPLICATION, slug="plant", owner="s-acme"),
        "r-line": Resource(id="r-line", kind=ResourceKind.INSTANCE, slug="line", parent="r-plant"),
        "r-theirs": Resource(
            id="r-theirs", kind=ResourceKind.INSTANCE, slug="theirs", parent="r-plant", owner="s-cust"
        ),
    },
)
CANARY = "canary-4711"


def actor(token: Token | None = None) -> Actor:
    person = Person(user=ADA, memberships={})
    return Actor(person=person, session=None if token else SESSION, token=token, address="192.0.2.1")


def test_who_acts_in_a_session_acts_by_the_ui() -> None:
    told = by(actor())
    assert (told.id, told.name, told.source, told.token, told.address) == ("u-ada", "ada", Source.UI, None, "192.0.2.1")


def test_who_acts_by_a_token_acts_by_the_api_and_the_token_is_named() -> None:
    """A-09."""
    told = by(actor(Token(id="t-1", kind=TokenKind.PERSONAL, name="ci", created=0.0, user="u-ada")))
    assert (told.source, told.token) == (Source.API, "t-1")


@pytest.mark.parametrize(
    ("place", "kind", "within"),
    [
        (None, "platform", ()),
        (ADA, "user", ("u-ada",)),
        (ESTATE.spaces["s-cust"], "space", ("s-cust", "s-acme")),
        (ESTATE.resources["r-line"], "instance", ("r-line", "r-plant", "s-acme")),
        (ESTATE.resources["r-theirs"], "instance", ("r-theirs", "r-plant", "s-cust", "s-acme")),
    ],
)
def test_an_event_lies_within_all_that_its_place_belongs_to(
    place: Resource | Space | User | None, kind: str, within: tuple[str, ...]
) -> None:
    """A-02: so it appears on every log above."""
    scope = on(ESTATE, place)
    assert (scope.kind, scope.within) == (kind, within)
    assert not within or scope.id == within[0]


def test_an_event_that_is_not_in_the_catalogue_cannot_be_made() -> None:
    with pytest.raises(ValueError, match=r"There is no event account.logon: add it"):
        happened("account.logon", at=1.0, by=by(actor()), on=PLATFORM)


def test_updates_hold_what_differs_and_nothing_else() -> None:
    """A-07: the same value again is no event."""
    assert updates({"a": 1, "b": {"c": 2, "d": 3}}, {"a": 1, "b": {"c": 5}, "e": []}) == (
        Update(key="b.c", old=2, new=5),
        Update(key="b.d", old=3),
        Update(key="e", new=[]),
    )
    assert updates({"a": {"b": 1}}, {"a": {"b": 1}}) == ()


def test_changes_of_a_thing_are_named_by_its_fields() -> None:
    old = ESTATE.resources["r-line"]
    settings = InstanceSettings(upstream="http://a:1", min_edit_role=Role.MEMBER, hosts=("a",))
    new = replace(old, name="Line", instance=settings)
    told = {update.key: update.new for update in changes(replace(old, instance=replace(settings, protected=True)), new)}
    assert told == {"name": "Line", "instance.protected": False}
    assert changes(new, new) == ()
    assert {update.key for update in changes(None, ADA)} >= {"username", "admin"}


SECRETIVE = InstanceSettings(
    upstream=f"http://ada:{CANARY}@line:1880", basic_username="line", basic_password_hash=CANARY, admin_token=CANARY
)


@pytest.mark.parametrize("name", EVENTS)
def test_no_event_tells_a_secret_whatever_it_is_told(name: str) -> None:
    """A-10, for every event there is."""
    bare = replace(ESTATE.resources["r-line"], instance=InstanceSettings(upstream="http://line:1880"))
    event = happened(
        name,
        at=1.0,
        by=replace(by(actor()), name=f"fwp_{CANARY}"),
        on=PLATFORM,
        updates=(
            *changes(bare, replace(bare, instance=SECRETIVE, attributes={"env": {"DB": CANARY}})),
            *updates(
                {}, {"password": CANARY, "env": {"A": CANARY}, "token.value": f"fws_{CANARY}", "credentials": [CANARY]}
            ),
        ),
        body={"password_hash": CANARY, "request": {"headers": {"Authorization": CANARY}}, "secret": {"inner": CANARY}},
    )
    told = json.dumps([event.actor_name, dict(event.body), [[each.key, each.old, each.new] for each in event.updates]])
    assert CANARY not in told
    assert Update(key="password", old=None, new=HIDDEN) in event.updates


def test_settings_and_grants_can_be_compared_too() -> None:
    settings = PlatformSettings()
    assert changes(settings, replace(settings, tenant_mode=True)) == (Update(key="tenant_mode", old=False, new=True),)
    grant = Grant(target="r-plant", space="s-cust", role=Role.VIEWER)
    event = happened(
        "share.updated", at=1.0, by=by(actor()), on=PLATFORM, updates=changes(grant, replace(grant, role=Role.MEMBER))
    )
    assert event.updates == (Update(key="role", old="viewer", new="member"),)


def test_what_a_membership_says_is_told_by_names() -> None:
    member = Membership(space="s-acme", role=Role.OWNER, overrides={"r-plant": Role.NONE})
    event = happened(
        "team.user.permissions-changed", at=1.0, by=by(actor()), on=PLATFORM, updates=changes(None, member)
    )
    assert Update(key="overrides.r-plant", new="none") in event.updates
