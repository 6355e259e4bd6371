"""Accounts and addresses that are refused for a while since too many logins failed."""

from typing import Final

from proxy.model.access import Permission
from proxy.services.authority import offered, told
from proxy.services.bans import Ban, Kind
from proxy.services.problems import NotThere
from proxy.services.writer import Moment
from proxy.web.api.keys import Api
from proxy.web.api.models import Item, Meta, Page
from proxy.web.api.operation import PLATFORM, Call, Operation

TAG: Final = "bans"
_ABOUT: Final = frozenset({Permission.PLATFORM_USERS_EDIT})


class BanItem(Item):
    """Something that is refused for now. Times are seconds since the epoch."""

    id: str
    kind: str
    """account or address."""
    user: str | None
    """User id of the account."""
    username: str | None
    address: str
    """The address, of IPv6 its /64. Of an account the one for which it is refused; `elsewhere` for all but those that it
    was lately used from."""
    since: float
    until: float
    times: int
    """The how manieth in a row; each lasts twice as long as the one before it."""


async def find(api: Api, call: Call) -> Page[BanItem]:
    items = [await _item(call.moment, ban) for ban in await api.desk.lockout.bans()]
    return Page[BanItem](meta=Meta(total=len(items)), items=tuple(items))


async def _item(moment: Moment, ban: Ban) -> BanItem:
    of_account = ban.kind is Kind.ACCOUNT
    person = await moment.database.person(ban.subject) if of_account else None
    return BanItem(
        id=ban.id,
        kind=ban.kind,
        user=ban.subject if of_account else None,
        username=person.user.username if person else None,
        address=ban.place if of_account else ban.subject,
        since=ban.since,
        until=ban.until,
        times=ban.times,
        actions=offered(moment, None, _ABOUT),
    )


async def lift(api: Api, call: Call) -> None:
    """Of an account every lock, wherever it holds."""
    wanted, lockout, moment = call.path["ban"], api.desk.lockout, call.moment
    ban = next((each for each in await lockout.bans() if each.id == wanted), None)
    if ban is None:
        raise NotThere(wanted)
    if ban.kind is Kind.ADDRESS:
        await moment.database.record(told(moment, "platform.address.unbanned", body={"address": ban.subject}))
        await lockout.lift_ban(ban.subject)
        return
    person = await moment.database.person(ban.subject)
    await moment.database.record(told(moment, "user.unlocked", person.user if person else None))
    await lockout.lift(ban.subject)


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/bans",
        tag=TAG,
        summary="Accounts and addresses that are refused for now, since too many logins failed",
        permission=Permission.PLATFORM_USERS,
        where=PLATFORM,
        answer=Page[BanItem],
        perform=find,
    ),
    Operation(
        method="DELETE",
        path="/bans/{ban}",
        tag=TAG,
        summary="Lift a ban, and forget what led to it",
        permission=Permission.PLATFORM_USERS_EDIT,
        where=PLATFORM,
        status=204,
        audit=("platform.address.unbanned", "user.unlocked"),
        perform=lift,
    ),
)
