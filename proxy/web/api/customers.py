"""The people of a customer, and what people see first."""

from functools import partial
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from config.mail_schema import is_mailbox
from proxy.access.branding import composed
from proxy.model.access import Permission
from proxy.model.directory import Space
from proxy.model.estate import Resource
from proxy.model.identity import Person, User
from proxy.services import users
from proxy.services.administration import customer_users
from proxy.services.administration.customer_users import First
from proxy.services.allowances import Policy
from proxy.services.authority import space_at, told
from proxy.services.mailboxes import takes_one_more
from proxy.services.outbox import Outgoing
from proxy.services.problems import Invalid, NotPossible, Wrong
from proxy.services.writer import Moment, Step
from proxy.web.api.items import Ref
from proxy.web.api.keys import Api
from proxy.web.api.members import MemberRole
from proxy.web.api.models import Answer, Body, Line, role_of
from proxy.web.api.operation import PLATFORM, Call, Operation, in_space
from proxy.web.api.users import Link

TAG: Final = "customers"

LocalName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9._+\-]{0,62}[A-Za-z0-9])?$"), Field(examples=["emma"])
]


class NewCustomerUser(Body):
    """Somebody of a customer, who chooses a password by an activation link."""

    username: LocalName
    """Unique in the customer. What is typed to log in is this, a full stop and the customer's slug."""
    name: Line = ""
    """First and last name."""
    role: MemberRole = "dashboard"
    """owner for those who manage the customer and its people, dashboard for those who only look; by a token, dashboard alone."""
    email: Line | None = None
    """Where the link is mailed to; it becomes their address once they have opened it. Absent: the link is answered."""


class CustomerUser(Answer):
    """Somebody who was just made."""

    id: str
    username: str
    """What is typed to log in."""
    name: str
    role: str
    link: str | None
    """The activation link; it is shown this once. Null where it was mailed."""
    expires: float
    """Seconds since the epoch."""


class LinkWanted(Body):
    """How a new link gets to its user."""

    email: Line | None = None
    """Where it is mailed to; absent: it is answered."""


class FirstBody(Body):
    """What somebody is to see first."""

    dashboard: Line | None
    """Id or address of an instance or page; null for what their spaces say."""
    fullscreen: bool
    """Whether that dashboard is all of the gateway that they are shown."""


class FirstItem(Answer):
    """What somebody sees first after logging in."""

    dashboard: Ref | None
    """What is said of them alone; null for nothing, and where whoever asks may not know of it."""
    fullscreen: bool
    landing: Ref | None
    """What they come to now: that, or what their customer or team says, as far as they may open it; null for the list of
    all they may open."""


class HomeBody(Body):
    """What the people of a space are to see first."""

    dashboard: Line | None
    """Id or address of an instance or page; null for what the space above says."""


class HomeItem(Answer):
    """What the people of a space see first, unless something is said of them alone."""

    dashboard: Ref | None


async def make(api: Api, call: Call) -> CustomerUser:
    sent, email = call.sent(NewCustomerUser), call.sent(NewCustomerUser).email
    if email is not None:
        await _refuse_unmailed(api, email)
    step = partial(_made, api.new_id(), call.path["customer"], sent)
    person = await api.writer.write(call.moment.actor, step)
    link = await _linked(api, call, person.user, email)
    return CustomerUser(
        id=person.user.id,
        username=person.user.username,
        name=person.user.name,
        role=sent.role,
        link=link.link,
        expires=link.expires,
    )


async def _made(id_: str, space: str, sent: NewCustomerUser, moment: Moment) -> Step[Person]:
    return await customer_users.make(
        moment, space, id_=id_, username=sent.username, name=sent.name, role=role_of(sent.role)
    )


async def renew(api: Api, call: Call) -> Link:
    email = call.sent(LinkWanted).email
    user = await customer_users.invited(call.moment, call.path["customer"], call.path["user"])
    if email is not None:
        await _refuse_unmailed(api, email)
    return await _linked(api, call, user, email)


async def _refuse_unmailed(api: Api, email: str) -> None:
    """Raises Invalid, NotPossible where nothing can be mailed, and Unavailable."""
    outbox = api.desk.self_help.outbox
    if not is_mailbox(email):
        raise Invalid(Wrong(field="email", message="must be a mail address, such as ada@example.org"))
    if not outbox.configured:
        raise NotPossible("mail_missing", "No mail is configured. Leave email out, and pass the link on.")
    await outbox.ready()


async def _linked(api: Api, call: Call, user: User, email: str | None) -> Link:
    """A new link, shown or mailed; those before it are void."""
    moment, desk = call.moment, api.desk
    event = told(moment, "user.activation.created", user)
    until = moment.now + desk.accounts.rules().activation
    if email is None:
        await moment.database.record(event)
    token = await desk.accounts.issue_link(user.id)
    address = f"{desk.sites().home.origin}/-/activate/{token}"
    if email is None:
        return Link(link=address, expires=until)
    help_, by = desk.self_help, moment.actor.person.user
    await help_.addresses.expect(token, email, until=until)
    customer = space_at(moment.estate, call.path["customer"])
    head = help_.outbox.letterhead().called(composed(moment.estate, customer).product)
    written = head.activation_link(user.username, address, by=by.name or by.username, until=until)
    few = await takes_one_more(help_.recovery.shared, "invitation", email)
    letter = Outgoing(to=email, written=written, until=until, user=user.id)
    await help_.outbox.post([letter] if few else [], event)
    return Link(link=None, expires=until)


async def delete(_: Api, call: Call) -> Step[None]:
    return await customer_users.delete(call.moment, call.path["customer"], call.path["user"])


async def show_first(_: Api, call: Call) -> FirstItem:
    return _first(call, await customer_users.first_of(call.moment, call.path["customer"], call.path["user"]))


async def set_first(_: Api, call: Call) -> Step[None]:
    sent, path = call.sent(FirstBody), call.path
    step = await customer_users.set_first(
        call.moment, path["customer"], path["user"], dashboard=sent.dashboard, fullscreen=sent.fullscreen
    )
    return Step(result=None, edits=step.edits, events=step.events)


async def show_anybodys_first(_: Api, call: Call) -> FirstItem:
    return _first(call, customer_users.first(call.moment, await users.user_at(call.moment, call.path["user"])))


async def set_anybodys_first(_: Api, call: Call) -> Step[None]:
    sent, person = call.sent(FirstBody), await users.user_at(call.moment, call.path["user"])
    step = customer_users.put_first(call.moment, person, dashboard=sent.dashboard, fullscreen=sent.fullscreen)
    return Step(result=None, edits=step.edits, events=step.events)


def _first(call: Call, first: First) -> FirstItem:
    own, landing = customer_users.seen(call.moment, (first.dashboard, first.landing))
    return FirstItem(dashboard=_ref(own), fullscreen=first.fullscreen, landing=_ref(landing))


async def show_home(_: Api, call: Call) -> HomeItem:
    return _home(call, space_at(call.moment.estate, call.path["space"]))


async def set_home(_: Api, call: Call) -> Step[None]:
    step = customer_users.set_home(call.moment, call.path["space"], call.sent(HomeBody).dashboard)
    return Step(result=None, edits=step.edits, events=step.events)


def _home(call: Call, space: Space) -> HomeItem:
    (found,) = customer_users.seen(call.moment, [call.moment.estate.resources.get(space.home_dashboard or "")])
    return HomeItem(dashboard=_ref(found))


def _ref(resource: Resource | None) -> Ref | None:
    return Ref(id=resource.id, slug=resource.slug, name=resource.name) if resource else None


_CUSTOMER: Final = in_space("customer")
_USERS: Final = Permission.CUSTOMER_USERS

OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/spaces/{customer}/users",
        tag=TAG,
        summary="Make somebody of a customer, with an activation link that is answered or mailed",
        permission=_USERS,
        where=_CUSTOMER,
        body=NewCustomerUser,
        answer=CustomerUser,
        status=201,
        audit=("user.created-user", "customer.user.added", "user.activation.created"),
        perform=make,
        held=Policy.INVITES,
    ),
    Operation(
        method="DELETE",
        path="/spaces/{customer}/users/{user}",
        tag=TAG,
        summary="Delete the account of somebody who is of a customer and of nothing else",
        permission=_USERS,
        where=_CUSTOMER,
        status=204,
        audit=("user.deleted",),
        change=delete,
    ),
    Operation(
        method="POST",
        path="/spaces/{customer}/users/{user}/activation-link",
        tag=TAG,
        summary="Make another activation link for somebody of a customer who has not chosen a password yet",
        permission=_USERS,
        where=_CUSTOMER,
        body=LinkWanted,
        answer=Link,
        audit=("user.activation.created",),
        perform=renew,
        held=Policy.INVITES,
    ),
    Operation(
        method="GET",
        path="/spaces/{customer}/users/{user}/home",
        tag=TAG,
        summary="What somebody of a customer sees first",
        permission=_USERS,
        where=_CUSTOMER,
        depends=True,
        answer=FirstItem,
        perform=show_first,
    ),
    Operation(
        method="PUT",
        path="/spaces/{customer}/users/{user}/home",
        tag=TAG,
        summary="Say what somebody of a customer sees first",
        permission=_USERS,
        where=_CUSTOMER,
        body=FirstBody,
        answer=FirstItem,
        audit=("user.updated-user",),
        change=set_first,
    ),
    Operation(
        method="GET",
        path="/users/{user}/home",
        tag="users",
        summary="What a user sees first",
        permission=Permission.PLATFORM_USERS,
        where=PLATFORM,
        hides=True,
        answer=FirstItem,
        perform=show_anybodys_first,
    ),
    Operation(
        method="PUT",
        path="/users/{user}/home",
        tag="users",
        summary="Say what a user sees first",
        permission=Permission.PLATFORM_USERS_EDIT,
        where=PLATFORM,
        hides=True,
        body=FirstBody,
        answer=FirstItem,
        audit=("user.updated-user",),
        change=set_anybodys_first,
    ),
    Operation(
        method="GET",
        path="/spaces/{space}/home",
        tag="spaces",
        summary="What the people of a space see first",
        permission=Permission.SPACE_READ,
        where=in_space(),
        answer=HomeItem,
        perform=show_home,
    ),
    Operation(
        method="PUT",
        path="/spaces/{space}/home",
        tag="spaces",
        summary="Say what the people of a space see first, unless something is said of them alone",
        permission=Permission.SPACE_EDIT,
        where=in_space(),
        body=HomeBody,
        answer=HomeItem,
        audit=("team.updated", "customer.updated", "group.updated"),
        change=set_home,
    ),
)
