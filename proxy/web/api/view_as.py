"""Looking on as somebody else, and ending it."""

from typing import Final

from multidict import CIMultiDict

from proxy.model.access import Permission
from proxy.services import users
from proxy.services.problems import NotPossible
from proxy.web import viewing
from proxy.web.api.auth import own_session
from proxy.web.api.callers import csrf_of
from proxy.web.api.keys import Api
from proxy.web.api.models import Answer
from proxy.web.api.operation import PLATFORM, Call, Operation, Reply
from proxy.web.visitors import Visitor

TAG: Final = "checks"


class LookingOn(Answer):
    """A session by which an admin sees what a user sees. Whatever it sends changes nothing."""

    user: str
    """Id of the user."""
    username: str
    name: str
    expires: float
    """When it ends by itself, in seconds since the epoch."""
    csrf: str
    """What DELETE /view-as carries in the header X-Flowward-CSRF."""


async def begin(api: Api, call: Call) -> Reply:
    actor = call.moment.actor
    person = await users.user_at(call.moment, call.path["user"])
    own = Visitor(session=own_session(call), person=actor.person)
    session, cookie = await viewing.begin(api.desk, call.request, own, person)
    user = person.user
    told = LookingOn(
        user=user.id,
        username=user.username,
        name=user.name,
        expires=session.expires,
        csrf=csrf_of(api.desk, session),
    )
    return Reply(content=told, fields=CIMultiDict({"Set-Cookie": cookie}))


async def end(api: Api, call: Call) -> Reply:
    """The admin's own login is back in this browser, unless it has ended meanwhile."""
    session, names = own_session(call), api.desk.logins.cookies
    if not session.viewer:
        raise NotPossible("not_viewing", "You are yourself: there is nothing to end.")
    somebody = Visitor(session=session, person=call.moment.actor.person)
    cookie = await viewing.end(api.desk, call.request, somebody)
    return Reply(content=None, fields=CIMultiDict({"Set-Cookie": cookie or names.remove(names.session)}))


OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/view-as/{user}",
        tag=TAG,
        summary="See what a user sees, and change nothing; the answer sets the cookie of a session for that",
        permission=Permission.PLATFORM_VIEW_AS,
        where=PLATFORM,
        answer=LookingOn,
        audit=("platform.view-as.started",),
        perform=begin,
        hides=True,
    ),
    Operation(
        method="DELETE",
        path="/view-as",
        tag=TAG,
        summary="Be oneself again; the answer sets the cookie of one's own login",
        status=204,
        audit=("platform.view-as.ended",),
        perform=end,
        while_expired=True,
        while_unproven=True,
        while_viewing=True,
    ),
)
