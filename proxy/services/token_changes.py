"""Making, changing and revoking tokens and service accounts: what is written, told and answered. Nothing is written here."""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self
from uuid import uuid4

from proxy.model.access import Role
from proxy.model.audit import Event, Update
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import HttpAuth, Resource
from proxy.model.identity import Membership, Person, Token, TokenKind, User, UserKind
from proxy.services.audit import Scope, changes, facts, happened, on_resource, on_space, on_user
from proxy.services.problems import Exists, Invalid, NotPossible, NotThere, Wrong
from proxy.services.token_rules import (
    networks,
    prefix,
    wrong_account,
    wrong_admin,
    wrong_http,
    wrong_network,
    wrong_role,
)
from proxy.services.tokens import Randomness, digest, new_value
from proxy.services.writer import Occasion, Step
from proxy.store import Page, PeopleQuery, PutPerson, PutToken, Remove

MOST: Final = 100
"""Living tokens that a user or an instance may have."""
MOST_ACCOUNTS: Final = 100
"""Service accounts that a space may have."""
LONGEST_NAME: Final = 64
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked of a token that acts for a person or service account."""

    name: str
    expires: float | None = None
    """Seconds since the epoch; None for no end."""
    read_only: bool = False
    spaces: frozenset[str] | None = None
    """Ids of spaces; None for all that the user may."""
    admin: bool = False
    networks: tuple[str, ...] = ()
    """CIDRs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedHttp:
    """What is asked of a token for the endpoints of an instance."""

    name: str
    expires: float | None = None
    paths: tuple[str, ...] = ()
    """Prefixes, such as /api or /api/*, as the instance knows its paths."""
    methods: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A new token and its value, which is never to be had again."""

    token: Token
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk(Occasion):
    """Where tokens are made and revoked. Whether one may is decided before."""

    randomness: Randomness = secrets.token_bytes
    new_id: Callable[[], str] = lambda: uuid4().hex

    @classmethod
    def at(cls, occasion: Occasion) -> Self:
        return cls(estate=occasion.estate, database=occasion.database, now=occasion.now, by=occasion.by)

    async def personal(self, person: Person, wanted: Wanted) -> Step[Made]:
        """A new token that acts as its person. Raises Invalid and NotPossible."""
        return await self._for(person, wanted, TokenKind.PERSONAL)

    async def service(self, account: Person, wanted: Wanted) -> Step[Made]:
        """A new token that acts as a service account. Raises Invalid and NotPossible."""
        if account.user.kind is not UserKind.SERVICE:
            raise NotPossible("no_service_account", f"{account.user.username} is a person, not a service account.")
        return await self._for(account, wanted, TokenKind.SERVICE)

    async def http(self, instance: Resource, wanted: WantedHttp) -> Step[Made]:
        """A new token for the dashboards and endpoints of an instance. Raises Invalid and NotPossible."""
        settings = instance.instance
        if settings is None or settings.http_auth is not HttpAuth.USER:
            mode = settings.http_auth if settings else "none"
            raise NotPossible(
                "http_auth_not_user",
                f"{instance.slug} has http_auth mode {mode}, where tokens open nothing. Set the mode to user first.",
            )
        paths, methods = tuple(map(prefix, wanted.paths)), tuple(method.upper() for method in wanted.methods)
        _refuse(*self._wrong(wanted.name, wanted.expires, wanted.networks), *wrong_http(paths, methods))
        self._refuse_more(await self.database.tokens(instance=instance.id), f"{instance.slug} has")
        token = Token(
            id=self.new_id(),
            kind=TokenKind.HTTP,
            name=wanted.name.strip(),
            created=self.now,
            created_by=self.by.id,
            expires=wanted.expires,
            instance=instance.id,
            paths=paths,
            methods=methods,
            networks=networks(wanted.networks),
        )
        return self._made(token)

    def revise(self, token: Token, *, name: str, expires: float | None) -> Step[Token]:
        """Another name and end for a token; all else of it stays. Raises Invalid."""
        _refuse(*self._wrong(name, expires, ()))
        after = replace(token, name=name.strip(), expires=expires)
        differing = changes(token, after)
        if not differing:
            return Step(result=token)
        event = happened(
            f"{_verb(token)}.updated",
            at=self.now,
            by=self.by,
            on=self._scope(token),
            user=token.user,
            updates=differing,
        )
        return Step(result=after, edits=[PutToken(token=after)], events=[event])

    def revoke(self, token: Token, account: Person | None = None) -> Step[None]:
        """From the next request on it opens nothing, and what it holds open ends; `account` is the one it acts as."""
        return Step(
            result=None, edits=[Remove(kind=Token, id=token.id)], events=[self._told("deleted", token, account)]
        )

    async def account_named(self, space: Space, name: str, role: Role) -> Step[Person]:
        """A new service account whose username is its name and what the gateway adds, so that it is never taken.

        Nobody learns by it what others are called. Raises Invalid, Exists and NotPossible.
        """
        if any(name.casefold() == each.user.name.casefold() for each in (await self._accounts(space)).items):
            raise Exists("name", name)
        return await self.account(space, f"{name}-{self.new_id()[:8]}", role, name=name)

    async def account(self, space: Space, username: str, role: Role, *, name: str = "") -> Step[Person]:
        """A new service account, a member of a space. It has no password and never logs in.

        Raises Invalid, Exists and NotPossible.
        """
        _refuse(*wrong_account(username), *wrong_role(role))
        if space.kind is SpaceKind.EVERYONE:
            raise NotPossible("built_in", "The space of everyone has no members of its own. Take a team or customer.")
        if await self.database.account(username) is not None:
            raise Exists("username", username)
        if (there := (await self._accounts(space)).total) >= MOST_ACCOUNTS:
            detail = f"{space.slug} has {there} service accounts, and {MOST_ACCOUNTS} is the most. Delete one first."
            raise NotPossible("too_many_service_accounts", detail)
        user = User(id=self.new_id(), username=username, name=name or username, kind=UserKind.SERVICE)
        person = Person(user=user, memberships={space.id: Membership(space=space.id, role=role)})
        body = {"name": username, "kind": user.kind, "space": space.slug, "role": role.label}
        put = PutPerson(person=person)
        return Step(result=person, edits=[put], events=[self._account_event("created-user", person, body)])

    async def _accounts(self, space: Space) -> Page[Person]:
        query = PeopleQuery(spaces=frozenset({space.id}), kind=UserKind.SERVICE, limit=MOST_ACCOUNTS)
        return await self.database.search(query)

    def set_role(self, space: Space, account: Person, role: Role) -> Step[Person]:
        """Another role for a service account. Raises Invalid, and NotThere for one that is not of this space."""
        _refuse(*wrong_role(role))
        held = _membership(space, account)
        if held.role is role:
            return Step(result=account)
        after = replace(account, memberships={**account.memberships, space.id: replace(held, role=role)})
        event = happened(
            f"{space.kind}.user.role-changed",
            at=self.now,
            by=self.by,
            on=on_space(self.estate, space),
            user=account.user.id,
            updates=(Update(key="role", old=held.role.label, new=role.label),),
        )
        return Step(result=after, edits=[PutPerson(person=after)], events=[event])

    def remove_account(self, space: Space, account: Person) -> Step[None]:
        """A service account goes, with its tokens. Raises NotThere for one that is none, or not of this space."""
        _membership(space, account)
        event = self._account_event("deleted", account, {"name": account.user.username})
        return Step(result=None, edits=[Remove(kind=User, id=account.user.id)], events=[event])

    async def _for(self, person: Person, wanted: Wanted, kind: TokenKind) -> Step[Made]:
        user = person.user
        _refuse(
            *self._wrong(wanted.name, wanted.expires, wanted.networks),
            *self._wrong_spaces(person, wanted.spaces, admin=wanted.admin and user.admin),
            *wrong_admin(user, wanted.admin),
        )
        self._refuse_more(await self.database.tokens(user=user.id), f"{user.username} has")
        token = Token(
            id=self.new_id(),
            kind=kind,
            name=wanted.name.strip(),
            created=self.now,
            created_by=self.by.id,
            expires=wanted.expires,
            user=user.id,
            read_only=wanted.read_only,
            spaces=wanted.spaces,
            admin=wanted.admin,
            networks=networks(wanted.networks),
        )
        return self._made(token, person)

    def _made(self, token: Token, person: Person | None = None) -> Step[Made]:
        value = new_value(token.kind, self.randomness)
        made = Made(token=token, value=value)
        edits = [PutToken(token=token, hash=digest(value.encode()))]
        return Step(result=made, edits=edits, events=[self._told("created", token, person)])

    def _told(self, verb: str, token: Token, person: Person | None) -> Event:
        body: Mapping[str, object] = {
            name: value for name, value in facts(token).items() if name not in ("created", "created_by", "last_used")
        }
        scope = self._scope(token, person)
        return happened(f"{_verb(token)}.{verb}", at=self.now, by=self.by, on=scope, user=token.user, body=body)

    def _scope(self, token: Token, person: Person | None = None) -> Scope:
        instance = self.estate.resources.get(token.instance) if token.instance else None
        if instance is not None:
            return on_resource(self.estate, instance)
        if person is not None and token.kind is TokenKind.SERVICE:
            return self._account_scope(person)
        return on_user(token.user or "")

    def _account_scope(self, account: Person) -> Scope:
        """A service account in the spaces it is of: their owners read of it."""
        spaces = (self.estate.spaces[id_] for id_ in account.memberships if id_ in self.estate.spaces)
        above = (id_ for space in spaces for id_ in on_space(self.estate, space).within)
        return Scope(kind="user", id=account.user.id, within=(account.user.id, *above))

    def _account_event(self, verb: str, account: Person, body: Mapping[str, object]) -> Event:
        scope = self._account_scope(account)
        return happened(f"user.{verb}", at=self.now, by=self.by, on=scope, user=account.user.id, body=body)

    def _refuse_more(self, tokens: Sequence[Token], whose: str) -> None:
        """One that has expired is about to be removed, and does not count."""
        there = sum(token.alive(self.now) for token in tokens)
        if there >= MOST:
            raise NotPossible("too_many_tokens", f"{whose} {there} tokens, and {MOST} is the most. Revoke one first.")

    def _wrong(self, name: str, expires: float | None, networks: Sequence[str]) -> Iterator[Wrong]:
        if not 1 <= len(name.strip()) <= LONGEST_NAME or _CONTROL.search(name):
            yield Wrong(
                field="name",
                message=f"must be 1 to {LONGEST_NAME} characters without control characters, but it is {name!r}",
                remedy="Say what the token is for, such as plc-7.",
            )
        if expires is not None and not self.now < expires < float("inf"):
            yield Wrong(
                field="expires",
                message="lies in the past",
                remedy="Give a time to come, or none for a token without end.",
            )
        for number, network in enumerate(networks):
            yield from wrong_network(f"networks/{number}", network)

    def _wrong_spaces(self, person: Person, spaces: frozenset[str] | None, *, admin: bool) -> Iterator[Wrong]:
        if spaces is None:
            return
        if not spaces:
            yield Wrong(field="spaces", message="is empty", remedy="Name a space, or leave spaces out for all of them.")
        for id_ in sorted(spaces):
            space = self.estate.spaces.get(id_)
            above = {at.id for at in self.estate.lineage(space)} if space else set()
            if space is None or not (admin or above & person.memberships.keys()):
                yield Wrong(
                    field="spaces",
                    message=f"{person.user.username} is no member of {id_}",
                    remedy="Name spaces of which the token's user is a member, or that lie below one.",
                )


def _membership(space: Space, account: Person) -> Membership:
    held = account.memberships.get(space.id)
    if account.user.kind is not UserKind.SERVICE or held is None:
        raise NotThere(account.user.id)
    return held


def _refuse(*wrongs: Wrong) -> None:
    if wrongs:
        raise Invalid(*wrongs)


def _verb(token: Token) -> str:
    return "project.httpToken" if token.kind is TokenKind.HTTP else "user.pat"
