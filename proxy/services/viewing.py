"""Looking on as somebody else: an admin's login gives way to one that sees what a user sees, and changes nothing.

The admin's own session goes on under an id and a cookie that no browser knows, so that on no host anything of theirs is
left open; when it ends, so does the looking on. Whoever ends that gets a new cookie for it.
"""

from dataclasses import dataclass
from typing import Final

from proxy.model.identity import Session
from proxy.services.sessions import Sessions, Visit

LASTS: Final = 1800.0
"""Seconds for which an admin looks on as somebody."""
PROVIDER: Final = "view-as"
"""What such a session says it began by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """Whom an admin looks on as, from which browser."""

    user_id: str
    host: str
    """The gateway's own."""
    address: str
    agent: str


async def begin(sessions: Sessions, own: Session, looking: Looking) -> tuple[Session, str]:
    """The session that looks on, and the value of its cookie. A second factor that the admin proved counts in it."""
    kept, _ = await sessions.move(own, looking.host)
    visit = Visit(
        user_id=looking.user_id,
        provider=PROVIDER,
        amr=own.amr,
        host=looking.host,
        address=looking.address,
        agent=looking.agent,
        factor=own.factor,
        vouched=True,
        provider_session=kept.id,
        viewer=own.user_id,
        ends=kept.expires,
        absolute=LASTS,
        idle=LASTS,
    )
    return await sessions.start(visit)


async def end(sessions: Sessions, looking: Session, host: str) -> tuple[Session, str] | None:
    """The admin's own session and the value of a new cookie for it; None where it has ended meanwhile."""
    own = await login_of(sessions, looking)
    await sessions.end(looking.id)
    return (own, await sessions.add_host(own.id, host)) if own is not None else None


async def login_of(sessions: Sessions, looking: Session) -> Session | None:
    """The admin's own session."""
    found = await sessions.of(looking.viewer)
    return next((each for each in found if each.id == looking.provider_session), None)
