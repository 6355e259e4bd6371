"""What is written, told and answered when tokens and service accounts are made, changed and revoked."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from proxy.model.access import Role
from proxy.model.audit import Source
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, HttpAuth, InstanceSettings, Resource, ResourceKind
from proxy.model.identity import Actor, Membership, Person, Token, TokenKind, User, UserKind
from proxy.services.audit import By, by
from proxy.services.problems import Exists, Invalid, NotPossible, NotThere
from proxy.services.token_changes import MOST, MOST_ACCOUNTS, Desk, Wanted, WantedHttp
from proxy.services.tokens import digest
from proxy.services.writer import Moment
from proxy.store import Account, Page, PeopleQuery, PutPerson, PutToken, Remove

NOW = 1_800_000_000.0
ACME = Space(id="s-acme", kind=SpaceKind.TEAM, slug="acme")
BELOW = Space(id="s-below", kind=SpaceKind.CUSTOMER, slug="below", parent="s-acme")
OTHER = Space(id="s-other", kind=SpaceKind.TEAM, slug="other")
PLANT = Resource(id="r-plant", kind=ResourceKind.APPLICATION, slug="plant", owner="s-acme")
LINE = Resource(
    id="r-line",
    kind=ResourceKind.INSTANCE,
    slug="line",
    parent="r-plant",
    instance=InstanceSettings(upstream="http://127.0.0.1:1880"),
)
ESTATE = Estate(
    version=3,
    spaces={each.id: each for each in (ACME, BELOW, OTHER)},
    resources={each.id: each for each in (PLANT, LINE)},
)
ADA = Person(user=User(id="u-ada", username="ada"), memberships={"s-acme": Membership(space="s-acme", role=Role.OWNER)})
ROOT = Person(user=User(id="u-root", username="root", admin=True), memberships={})
BOT = Person(
    user=User(id="u-bot", username="bot", kind=UserKind.SERVICE),
    memberships={"s-acme": Membership(space="s-acme", role=Role.MEMBER)},
)


@dataclass
class Store:
    """What a database says about tokens and names."""

    held: Sequence[Token] = ()
    names: dict[str, User] = field(default_factory=dict)
    accounts: Sequence[Person] = ()

    async def tokens(self, *, user: str | None = None, instance: str | None = None) -> Sequence[Token]:
        return self.held

    async def search(self, query: PeopleQuery) -> Page[Person]:
        """The service accounts there are."""
        assert query.kind is UserKind.SERVICE
        return Page(items=self.accounts, total=len(self.accounts), more=False)

    async def account(self, login: str) -> Account | None:
        user = self.names.get(login)
        return Account(user=user, password_hash=None) if user else None


def desk(store: Store | None = None) -> Desk:
    return Desk(
        estate=ESTATE,
        database=store or Store(),  # type: ignore[arg-type]
        now=NOW,
        by=By(id="u-ada", name="ada", source=Source.API, address="203.0.113.7"),
        randomness=bytes,
        new_id=lambda: "t-1",
    )


async def test_a_personal_token_is_kept_by_its_hash_and_told_without_its_value() -> None:
    step = await desk().personal(
        ADA, Wanted(name=" ci ", expires=NOW + 60, read_only=True, spaces=frozenset({"s-acme"}))
    )
    made = step.result
    assert made.value == "fwp_" + "A" * 43
    assert made.token == Token(
        id="t-1",
        kind=TokenKind.PERSONAL,
        name="ci",
        created=NOW,
        created_by="u-ada",
        expires=NOW + 60,
        user="u-ada",
        read_only=True,
        spaces=frozenset({"s-acme"}),
    )
    assert step.edits == [PutToken(token=made.token, hash=digest(made.value.encode()))]
    [event] = step.events
    assert (event.event, event.scope_kind, event.scope_id, event.user) == ("user.pat.created", "user", "u-ada", "u-ada")
    assert (event.actor, event.source, event.address) == ("u-ada", Source.API, "203.0.113.7")
    assert event.body["spaces"] == ["s-acme"]
    assert made.value not in repr(event)
    assert digest(made.value.encode()).hex() not in repr(event)


async def test_a_token_for_endpoints_is_told_at_its_instance() -> None:
    wanted = WantedHttp(
        name="plc", paths=("/api/*", "/hooks/**", "/"), methods=("get", "POST"), networks=("10.0.0.0/8", "192.0.2.1")
    )
    step = await desk().http(LINE, wanted)
    token = step.result.token
    assert step.result.value.startswith("fwh_")
    assert (token.paths, token.methods) == (("/api", "/hooks", "/"), ("GET", "POST"))
    assert token.networks == ("10.0.0.0/8", "192.0.2.1/32")
    assert (token.user, token.instance) == (None, "r-line")
    [event] = step.events
    assert (event.event, event.scope_kind, event.scope_id) == ("project.httpToken.created", "instance", "r-line")
    assert event.within == ("r-line", "r-plant", "s-acme")


@pytest.mark.parametrize("mode", [HttpAuth.NONE, HttpAuth.BASIC])
async def test_tokens_for_endpoints_need_the_mode_in_which_they_work(mode: HttpAuth) -> None:
    assert LINE.instance is not None
    line = replace(LINE, instance=replace(LINE.instance, http_auth=mode))
    with pytest.raises(NotPossible, match=f"mode {mode}"):
        await desk().http(line, WantedHttp(name="plc"))


@pytest.mark.parametrize(
    ("wanted", "fields"),
    [
        (Wanted(name=""), ["name"]),
        (Wanted(name="x" * 65), ["name"]),
        (Wanted(name="a\nb"), ["name"]),
        (Wanted(name="x", expires=NOW), ["expires"]),
        (Wanted(name="x", expires=float("inf")), ["expires"]),
        (Wanted(name="x", expires=float("nan")), ["expires"]),
        (Wanted(name="x", spaces=frozenset()), ["spaces"]),
        (Wanted(name="x", spaces=frozenset({"s-other"})), ["spaces"]),
        (Wanted(name="x", spaces=frozenset({"s-nowhere", "s-acme"})), ["spaces"]),
        (Wanted(name="x", admin=True), ["admin"]),
        (Wanted(name="x", networks=("10.0.0.0/8", "10.0.0.1/8")), ["networks/1"]),
        (Wanted(name="", expires=1.0, admin=True), ["name", "expires", "admin"]),
    ],
)
async def test_everything_that_is_wrong_is_told_at_once(wanted: Wanted, fields: list[str]) -> None:
    with pytest.raises(Invalid) as invalid:
        await desk().personal(ADA, wanted)
    assert [wrong.field for wrong in invalid.value.wrongs] == fields
    assert all(wrong.remedy for wrong in invalid.value.wrongs)


@pytest.mark.parametrize(
    ("wanted", "fields"),
    [
        (WantedHttp(name="x", paths=("api",)), ["paths/0"]),
        (WantedHttp(name="x", paths=("/api", "/a/*/b")), ["paths/1"]),
        (WantedHttp(name="x", paths=("/a/../b",)), ["paths/0"]),
        (WantedHttp(name="x", paths=("/a%2fb",)), ["paths/0"]),
        (WantedHttp(name="x", paths=("//x",)), ["paths/0"]),
        (WantedHttp(name="x", methods=("GET POST",)), ["methods/0"]),
        (WantedHttp(name="x", networks=("everywhere",)), ["networks/0"]),
    ],
)
async def test_limits_that_would_not_hold_are_refused(wanted: WantedHttp, fields: list[str]) -> None:
    with pytest.raises(Invalid) as invalid:
        await desk().http(LINE, wanted)
    assert [wrong.field for wrong in invalid.value.wrongs] == fields


async def test_a_member_of_a_space_may_limit_a_token_to_what_lies_below_it() -> None:
    step = await desk().personal(ADA, Wanted(name="x", spaces=frozenset({"s-below"})))
    assert step.result.token.spaces == {"s-below"}


async def test_an_admin_may_have_a_token_act_as_one_in_any_space() -> None:
    step = await desk().personal(ROOT, Wanted(name="x", admin=True, spaces=frozenset({"s-other"})))
    assert step.result.token.admin
    with pytest.raises(Invalid):
        await desk().personal(ROOT, Wanted(name="x", spaces=frozenset({"s-other"})))


async def test_nobody_has_more_tokens_than_anybody_could_look_through() -> None:
    held = [Token(id=str(n), kind=TokenKind.PERSONAL, name="x", created=NOW) for n in range(MOST)]
    full = Store(held=[*held, replace(held[0], expires=NOW)])
    with pytest.raises(NotPossible, match=f"ada has {MOST} tokens, and {MOST} is the most"):
        await desk(full).personal(ADA, Wanted(name="x"))
    with pytest.raises(NotPossible, match="line has"):
        await desk(full).http(LINE, WantedHttp(name="x"))
    expired = Store(held=[*held[1:], replace(held[0], expires=NOW)])
    assert (await desk(expired).personal(ADA, Wanted(name="x"))).result.token.name == "x"


async def test_a_changed_token_keeps_all_but_name_and_end() -> None:
    token = (await desk().personal(ADA, Wanted(name="ci", read_only=True))).result.token
    step = desk().revise(token, name="other", expires=NOW + 5)
    assert step.result == replace(token, name="other", expires=NOW + 5)
    assert step.edits == [PutToken(token=step.result)]
    [event] = step.events
    assert event.event == "user.pat.updated"
    assert {each.key: (each.old, each.new) for each in event.updates} == {
        "name": ("ci", "other"),
        "expires": (None, NOW + 5),
    }
    assert desk().revise(token, name="ci", expires=None).edits == ()
    with pytest.raises(Invalid):
        desk().revise(token, name="ci", expires=NOW - 1)


async def test_a_revoked_token_is_removed_and_told() -> None:
    token = (await desk().http(LINE, WantedHttp(name="plc"))).result.token
    step = desk().revoke(token)
    assert step.edits == [Remove(kind=Token, id="t-1")]
    assert [event.event for event in step.events] == ["project.httpToken.deleted"]


async def test_a_service_account_is_a_member_without_a_way_in() -> None:
    step = await desk().account(ACME, "deploy-bot", Role.MEMBER)
    person = step.result
    assert (person.user.kind, person.user.admin) == (UserKind.SERVICE, False)
    assert person.memberships["s-acme"].role is Role.MEMBER
    assert step.edits == [PutPerson(person=person)]
    [event] = step.events
    assert (event.event, event.within) == ("user.created-user", ("t-1", "s-acme"))
    made = await desk().service(person, Wanted(name="deploy"))
    assert made.result.value.startswith("fws_")
    assert (made.events[0].event, made.events[0].within) == ("user.pat.created", ("t-1", "s-acme"))
    gone = desk().revoke(made.result.token, person)
    assert (gone.events[0].event, gone.events[0].within) == ("user.pat.deleted", ("t-1", "s-acme"))


async def test_a_service_account_has_a_name_of_its_own_and_no_more_than_an_owners_role() -> None:
    taken = Store(names={"ada": ADA.user})
    with pytest.raises(Exists):
        await desk(taken).account(ACME, "ada", Role.MEMBER)
    for name, role in (("a b", Role.MEMBER), ("0a" * 16, Role.MEMBER), ("bot", Role.ADMIN), ("bot", Role.NONE)):
        with pytest.raises(Invalid):
            await desk().account(ACME, name, role)


async def test_a_space_has_so_many_service_accounts_and_everyone_none() -> None:
    with pytest.raises(NotPossible, match="acme has 100 service accounts"):
        await desk(Store(accounts=[BOT] * MOST_ACCOUNTS)).account(ACME, "bot", Role.MEMBER)
    with pytest.raises(NotPossible, match="everyone"):
        await desk().account(replace(ACME, kind=SpaceKind.EVERYONE), "bot", Role.MEMBER)


async def test_a_service_account_by_name_has_a_username_that_nobody_else_has() -> None:
    """Or whoever makes one would learn which names are taken by people of whom they may not know."""
    taken = Store(names={"bot": ADA.user}, accounts=[replace(BOT, user=replace(BOT.user, name="Bot"))])
    made = (await desk(Store(names={"bot": ADA.user})).account_named(ACME, "bot", Role.MEMBER)).result.user
    assert (made.username, made.name) == ("bot-t-1", "bot")
    with pytest.raises(Exists) as refused:
        await desk(taken).account_named(ACME, "bot", Role.MEMBER)
    assert refused.value.field == "name"


def test_a_service_account_gets_another_role_in_its_own_space() -> None:
    step = desk().set_role(ACME, BOT, Role.VIEWER)
    assert step.edits == [PutPerson(person=step.result)]
    assert step.result.memberships["s-acme"].role is Role.VIEWER
    [event] = step.events
    assert (event.event, event.scope_id, event.user) == ("team.user.role-changed", "s-acme", "u-bot")
    assert [(each.key, each.old, each.new) for each in event.updates] == [("role", "member", "viewer")]
    assert desk().set_role(ACME, BOT, Role.MEMBER).edits == ()
    with pytest.raises(Invalid):
        desk().set_role(ACME, BOT, Role.ADMIN)
    for space, account in ((OTHER, BOT), (ACME, ADA)):
        with pytest.raises(NotThere):
            desk().set_role(space, account, Role.VIEWER)


async def test_only_service_accounts_have_their_tokens() -> None:
    with pytest.raises(NotPossible, match="ada is a person"):
        await desk().service(ADA, Wanted(name="x"))


def test_a_service_account_goes_from_its_own_space() -> None:
    step = desk().remove_account(ACME, BOT)
    assert step.edits == [Remove(kind=User, id="u-bot")]
    assert [event.event for event in step.events] == ["user.deleted"]
    for space, account in ((OTHER, BOT), (ACME, ADA)):
        with pytest.raises(NotThere):
            desk().remove_account(space, account)


def test_a_moment_says_who_acts_and_when() -> None:
    actor = Actor(
        person=ADA, token=Token(id="t-9", kind=TokenKind.PERSONAL, name="x", created=NOW), address="192.0.2.1"
    )
    made = Desk.at(Moment(estate=ESTATE, actor=actor, now=NOW, database=Store(), by=by(actor)))  # type: ignore[arg-type]
    assert (made.by.id, made.by.token, made.by.address, made.now) == ("u-ada", "t-9", "192.0.2.1", NOW)
