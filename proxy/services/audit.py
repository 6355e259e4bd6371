"""Telling what happened: who acted, on what, and what is different now. Every event is made by `happened`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

from proxy.model.audit import Event, Phase, Source, Update
from proxy.model.directory import Space
from proxy.model.estate import Estate, Resource
from proxy.model.identity import Actor, Token, User
from proxy.services.audit_catalogue import EVENTS
from proxy.services.audit_secrets import plain, readable

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who acted, and by what way."""

    id: str | None = None
    """User id; None where nobody was known."""
    name: str = ""
    source: Source = Source.UI
    token: str | None = None
    """Id of the token that acted."""
    address: str = ""


GATEWAY: Final = By(name="flowward", source=Source.GATEWAY)
FILE: Final = By(source=Source.FILE)
COMMAND_LINE: Final = By(source=Source.CLI)


def by(actor: Actor, source: Source | None = None) -> By:
    """Who acts: with a token by the API, else by the UI, unless `source` says otherwise."""
    usual = Source.UI if actor.token is None else Source.API
    return by_user(actor.person.user, source=source or usual, token=actor.token, address=actor.address)


def by_user(user: User, *, source: Source = Source.UI, token: Token | None = None, address: str = "") -> By:
    """A user, where there is no Actor."""
    return By(id=user.id, name=user.username, source=source, token=token.id if token else None, address=address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What something was done to, and all that it belonged to then."""

    kind: str
    id: str
    within: tuple[str, ...]


PLATFORM: Final = Scope(kind="platform", id="", within=())


def on_resource(estate: Estate, resource: Resource) -> Scope:
    """A resource, in what lies above it, its owner and the spaces above that."""
    owner = estate.owner(resource)
    spaces = estate.lineage(owner) if owner else ()
    within = (*(at.id for at in estate.path(resource)), *(space.id for space in spaces))
    return Scope(kind=resource.kind.value, id=resource.id, within=within)


def on_space(estate: Estate, space: Space) -> Scope:
    """A space, in the spaces above it."""
    return Scope(kind="space", id=space.id, within=tuple(at.id for at in estate.lineage(space)))


def on_user(user_id: str) -> Scope:
    return Scope(kind="user", id=user_id, within=(user_id,))


def on(estate: Estate, place: Resource | Space | User | None) -> Scope:
    """Whatever it is; None is the platform."""
    match place:
        case Resource():
            return on_resource(estate, place)
        case Space():
            return on_space(estate, place)
        case User():
            return on_user(place.id)
        case None:
            return PLATFORM


def happened(
    event: str,
    *,
    at: float,
    by: By,
    on: Scope,
    user: str | None = None,
    error: str = "",
    updates: tuple[Update, ...] = (),
    body: Mapping[str, object] = NOTHING,
    phase: Phase = Phase.DONE,
    intent: int | None = None,
) -> Event:
    """An event of the catalogue, free of secrets.

    In `body`, a text under a name such as `key`, `token` or `password` is hidden: call it by what it is (`path`, `name`).
    """
    if event not in EVENTS:
        raise ValueError(f"There is no event {event}: add it to services/audit_catalogue.py")
    return Event(
        event=event,
        at=at,
        actor=by.id,
        actor_name=readable(by.name),
        source=by.source,
        token=by.token,
        address=by.address,
        scope_kind=on.kind,
        scope_id=on.id,
        within=on.within,
        user=user,
        error=error,
        updates=tuple(_harmless(update) for update in updates),
        body={name: plain(value, name) for name, value in body.items()},
        phase=phase,
        intent=intent,
    )


def _harmless(update: Update) -> Update:
    key = update.key
    return Update(key=key, old=_shown(update.old, key), new=_shown(update.new, key))


def _shown(value: object, key: str) -> object:
    """A value of a dotted key, as it would be shown inside of mappings."""
    for name in reversed(key.split(".")):
        value = {name: value}
    shown = plain(value)
    for _ in key.split("."):
        shown = next(iter(cast("Mapping[str, object]", shown).values()))
    return shown


def updates(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[Update, ...]:
    """What differs between two representations, by dotted keys; nothing where they are equal."""
    before, after = dict(_flat(old)), dict(_flat(new))
    keys = [*before, *(key for key in after if key not in before)]
    return tuple(
        Update(key=key, old=before.get(key), new=after.get(key)) for key in keys if before.get(key) != after.get(key)
    )


def changes(old: "DataclassInstance | None", new: "DataclassInstance | None") -> tuple[Update, ...]:
    """What differs between a thing as it was and as it is now; None where it was or is not there."""
    return updates(facts(old) if old else NOTHING, facts(new) if new else NOTHING)


def facts(thing: "DataclassInstance") -> Mapping[str, object]:
    """What a thing says of itself, as mappings of its values."""
    return {each.name: _fact(getattr(thing, each.name)) for each in fields(thing) if each.name != "id"}


def _fact(value: object) -> object:
    match value:
        case Mapping():
            return {str(key): _fact(inner) for key, inner in value.items()}
        case tuple() | list():
            return [_fact(inner) for inner in value]
        case frozenset() | set():
            return sorted((_fact(inner) for inner in value), key=str)
        case _ if is_dataclass(value) and not isinstance(value, type):
            return facts(value)
        case _:
            return value


def _flat(facts: Mapping[str, object], above: str = "") -> Iterator[tuple[str, object]]:
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield above + name, value
