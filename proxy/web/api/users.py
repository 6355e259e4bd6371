"""Users, for admins."""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from config.mail_schema import is_mailbox
from config.names import parse_username
from proxy.access.branding import of_person
from proxy.model.access import Permission
from proxy.model.audit import Event
from proxy.model.identity import Person, User, UserState
from proxy.services import users
from proxy.services.authority import offered, told
from proxy.services.outbox import Outgoing
from proxy.services.problems import NotPossible
from proxy.services.writer import Moment, Step
from proxy.store import PeopleQuery
from proxy.web.api.keys import Api
from proxy.web.api.me import Belonging, belongings
from proxy.web.api.models import Answer, Body, Item, Line, Page, Query, RoleName, RosterQuery, role_of
from proxy.web.api.operation import PLATFORM, Call, Operation
from proxy.web.api.paging import stretch

TAG: Final = "users"
_ABOUT: Final = frozenset({Permission.PLATFORM_USERS, Permission.PLATFORM_USERS_EDIT})

Username = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+\-]{0,127}$"),
    AfterValidator(parse_username),
    Field(examples=["ada"]),
]
Email = Annotated[Line, StringConstraints(pattern=r"^(?:[^@\s]{1,64}@[^@\s]{1,189})?$"), Field(examples=[""])]


class UserItem(Item):
    """A user."""

    id: str
    username: str
    name: str
    email: str
    image: str
    admin: bool
    kind: str
    """person or service."""
    state: str
    """pending, active or suspended."""
    password_expired: bool
    provider: str | None
    """The login provider that the account is linked to; null for local accounts."""
    declared: str | None
    """The estate file that declares it, and alone may change it; null where it was made by hand."""
    memberships: tuple[Belonging, ...]


class UsersQuery(RosterQuery):
    """Which users are wanted."""

    query: Line = ""
    """Looked for in username, name and e-mail address, without case."""
    state: UserState | None = None


class Account(Body):
    """What an admin decides about an account."""

    username: Username
    """What is typed to log in; unique, whatever the case."""
    name: Line = ""
    email: Email = ""
    admin: bool = False


class NewAccount(Account):
    """A user who chooses a password by an activation link."""

    memberships: Mapping[Line, RoleName] = Field(default={}, max_length=200, examples=[{}])
    """Role by space id or slug."""


class LinkQuery(Query):
    """How a link gets to its user."""

    mail: bool = False
    """1: it is mailed to the user, and not shown."""


class Link(Answer):
    """A link by which a user chooses a password; it is shown this once."""

    link: str | None
    """Null where it was mailed."""
    expires: float
    """Seconds since the epoch."""


def user_item(moment: Moment, person: Person) -> UserItem:
    user = person.user
    return UserItem(
        id=user.id,
        username=user.username,
        name=user.name,
        email=user.email,
        image=user.image,
        admin=user.admin,
        kind=user.kind,
        state=user.state,
        password_expired=user.password_expired,
        provider=user.provider,
        declared=user.declared,
        memberships=tuple(belongings(moment.estate, person)),
        actions=offered(moment, None, _ABOUT),
    )


async def find(_: Api, call: Call) -> Page[UserItem]:
    asked = call.asked(UsersQuery)
    states = frozenset({asked.state}) if asked.state else frozenset(UserState)
    part = stretch(asked)
    found = await call.moment.database.search(part.of(PeopleQuery(text=asked.query, states=states)))
    items = tuple(user_item(call.moment, person) for person in found.items)
    return Page[UserItem](meta=part.meta(found), items=items)


async def show(_: Api, call: Call) -> UserItem:
    return user_item(call.moment, await users.user_at(call.moment, call.path["user"]))


async def create(api: Api, call: Call) -> Step[BaseModel]:
    sent = call.sent(NewAccount)
    user = User(id=api.new_id(), username=sent.username, name=sent.name, email=sent.email, admin=sent.admin)
    roles = {key: role_of(name) for key, name in sent.memberships.items()}
    return _shown(call, await users.create(call.moment, user, roles))


async def update(_: Api, call: Call) -> Step[BaseModel]:
    sent = call.sent(Account)
    step = await users.update(
        call.moment,
        call.path["user"],
        username=sent.username,
        name=sent.name,
        email=sent.email,
        admin=sent.admin,
    )
    return _shown(call, step)


async def delete(_: Api, call: Call) -> Step[None]:
    return await users.delete(call.moment, call.path["user"])


async def suspend(_: Api, call: Call) -> Step[BaseModel]:
    return _shown(call, await users.suspend(call.moment, call.path["user"]))


async def shut_out(api: Api, call: Call) -> None:
    """Sessions of somebody who was suspended end everywhere, and with them their sockets."""
    person = await users.user_at(call.moment, call.path["user"])
    await api.desk.sessions.end_all(person.user.id)


async def resume(_: Api, call: Call) -> Step[BaseModel]:
    return _shown(call, await users.resume(call.moment, call.path["user"]))


async def unlock(api: Api, call: Call) -> None:
    """Failed logins are forgotten, wherever they came from."""
    person = await users.user_at(call.moment, call.path["user"])
    await api.desk.lockout.lift(person.user.id)


async def reset_factors(_: Api, call: Call) -> Step[BaseModel]:
    return _shown(call, await users.reset_factors(call.moment, call.path["user"]))


async def begin_anew(api: Api, call: Call) -> None:
    """Whoever holds the lost factor is out, too; failed attempts are forgotten."""
    user, desk = (await users.user_at(call.moment, call.path["user"])).user, api.desk
    await desk.sessions.end_all(user.id)
    await desk.lockout.lift(user.id)
    outbox = desk.self_help.outbox
    await outbox.notify(user, outbox.letterhead().factors_reset(user.username, at=desk.now()))


async def expire_password(_: Api, call: Call) -> Step[BaseModel]:
    return _shown(call, await users.expire_password(call.moment, call.path["user"]))


async def link(api: Api, call: Call) -> Link:
    moment, desk = call.moment, api.desk
    user = (await users.user_at(moment, call.path["user"])).user
    users.refuse_link(user)
    mail, event = call.asked(LinkQuery).mail, told(moment, "user.activation.created", user)
    if mail:
        await _refuse_unmailed(api, user)
    else:
        await moment.database.record(event)
    address = await desk.accounts.activation_link(desk.sites().home.origin, user.id)
    expires = moment.now + desk.accounts.rules().activation
    if mail:
        await _mail_link(api, call, user, address, expires, event)
    return Link(link=None if mail else address, expires=expires)


async def _refuse_unmailed(api: Api, user: User) -> None:
    """Raises NotPossible for whom nothing can be mailed to, and Unavailable."""
    outbox = api.desk.self_help.outbox
    if not outbox.configured:
        raise NotPossible("mail_missing", "No mail is configured. Ask for the link itself, and pass it on.")
    if not is_mailbox(user.email):
        raise NotPossible("email_missing", f"{user.username} has no address that mail can be sent to.")
    await outbox.ready()


async def _mail_link(api: Api, call: Call, user: User, address: str, expires: float, event: Event) -> None:
    outbox, by = api.desk.self_help.outbox, call.moment.actor.person.user
    person = await call.moment.database.person(user.id)
    product = of_person(call.moment.estate, person).product if person else ""
    head = outbox.letterhead().called(product)
    written = head.activation_link(user.username, address, by=by.name or by.username, until=expires)
    await outbox.post([Outgoing(to=user.email, written=written, until=expires, user=user.id)], event)


def _shown(call: Call, step: Step[Person]) -> Step[BaseModel]:
    return Step(result=user_item(call.moment, step.result), edits=step.edits, events=step.events)


_READ: Final = Permission.PLATFORM_USERS
_WRITE: Final = Permission.PLATFORM_USERS_EDIT

OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/users",
        tag=TAG,
        summary="Find users",
        permission=_READ,
        where=PLATFORM,
        query=UsersQuery,
        answer=Page[UserItem],
        perform=find,
        picker=True,
    ),
    Operation(
        method="POST",
        path="/users",
        tag=TAG,
        summary="Make a user, who then chooses a password by an activation link",
        permission=_WRITE,
        where=PLATFORM,
        body=NewAccount,
        answer=UserItem,
        status=201,
        audit=("user.created-user", "group.mingled"),
        change=create,
    ),
    Operation(
        method="GET",
        path="/users/{user}",
        tag=TAG,
        summary="One user, by id or username",
        permission=_READ,
        where=PLATFORM,
        hides=True,
        answer=UserItem,
        perform=show,
    ),
    Operation(
        method="PUT",
        path="/users/{user}",
        tag=TAG,
        summary="Change an account; the last active admin stays one",
        permission=_WRITE,
        where=PLATFORM,
        hides=True,
        body=Account,
        answer=UserItem,
        audit=("user.updated-user",),
        change=update,
    ),
    Operation(
        method="DELETE",
        path="/users/{user}",
        tag=TAG,
        summary="Delete a user, but not the last active admin, nor the last active owner of a team",
        permission=_WRITE,
        where=PLATFORM,
        hides=True,
        status=204,
        audit=("user.deleted",),
        change=delete,
    ),
    Operation(
        method="POST",
        path="/users/{user}/suspend",
        tag=TAG,
        summary="Shut a user out: sessions, tokens and open sockets end at once",
        permission=_WRITE,
        where=PLATFORM,
        hides=True,
        answer=UserItem,
        audit=("user.suspended",),
        change=suspend,
        afterwards=shut_out,
    ),
    Operation(
        method="POST",
        path="/users/{user}/resume",
        tag=TAG,
        summary="Let a user in again who is suspended, or locked since too many logins failed",
        permission=_WRITE,
        where=PLATFORM,
        hides=True,
        answer=UserItem,
        audit=("user.updated-user", "user.unlocked"),
        change=resume,
        afterwards=unlock,
    ),
    Operation(
        method="POST",
        path="/users/{user}/expire-password",
        tag=TAG,
        summary="Let a user do nothing but choose a new password",
        permission=_WRITE,
        where=PLATFORM,
        hides=True,
        answer=UserItem,
        audit=("user.updated-user",),
        change=expire_password,
    ),
    Operation(
        method="POST",
        path="/users/{user}/reset-mfa",
        tag=TAG,
        summary="Take all of a user's second factors away, for one who has lost them; their sessions end",
        permission=_WRITE,
        where=PLATFORM,
        hides=True,
        answer=UserItem,
        audit=("user.mfa.reset",),
        change=reset_factors,
        afterwards=begin_anew,
    ),
    Operation(
        method="POST",
        path="/users/{user}/activation-link",
        tag=TAG,
        summary="Make a link by which a user chooses a password; links before it are void",
        permission=_WRITE,
        where=PLATFORM,
        hides=True,
        query=LinkQuery,
        answer=Link,
        audit=("user.activation.created",),
        perform=link,
    ),
)
