"""Refusals as pages: what happened, why, and what to do now."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from proxy.model.access import Reason, Role
from proxy.web.openings import Opening
from proxy.web.render import Page, framed, page

RETRY: Final = 5
"""Seconds after which a page about trouble tries again by itself."""

_TEXTS: Final[Mapping[Reason, tuple[str, str]]] = MappingProxyType(
    {
        Reason.ROLE_TOO_LOW: ("Your role does not reach this far", "This part of the instance asks for a higher role."),
        Reason.NO_ACCESS: ("You have no access here", "Nobody has given you a role on this instance."),
        Reason.PROTECTED_INSTANCE: (
            "This instance is protected",
            "Changes are blocked for everyone until an owner lifts the protection.",
        ),
        Reason.ADMIN_DATA_ACCESS: (
            "Closed to administrators",
            "The settings of this gateway keep administrators out of what instances hold.",
        ),
        Reason.UNLISTED_ENDPOINT: (
            "This address takes no changes from your role",
            "If it belongs to a flow and is meant to, its owner can list it under the instance's endpoints.",
        ),
        Reason.VIEWING_AS: (
            "You are looking on as somebody else",
            "Nothing you do changes anything. End it first, to act as yourself.",
        ),
        Reason.SECOND_FACTOR_REQUIRED: (
            "A second factor is needed here",
            "Log in once more on the gateway's own pages, and prove it there.",
        ),
        Reason.CREDENTIALS_WRONG: (
            "You are not let in here",
            "Nobody here is known by the password, certificate or proxy that you come with.",
        ),
        Reason.FOREIGN_ORIGIN: ("Sent from another site", "This request came from a page that may not send it."),
        Reason.FOREIGN_SID: ("This connection belongs to another session", "Reload the page to get one of your own."),
        Reason.UNKNOWN_HOST: ("Nothing is at this address", "No instance is reachable under this host name."),
        Reason.NOT_FOUND: ("Page not found", "It does not exist, or you may not know of it."),
        Reason.TOO_MANY_REQUESTS: ("Too many requests", "Please wait a moment before you try again."),
        Reason.TOO_MANY_CONNECTIONS: ("Too many connections", "Please close some pages, then try again."),
        Reason.FACTS_UNAVAILABLE: ("Not available just now", "The gateway cannot reach what it needs to let you in."),
        Reason.DRAINING: ("Restarting", "The gateway is about to restart."),
        Reason.UPSTREAM_UNREACHABLE: ("Node-RED does not answer", "It may be restarting, or is switched off."),
        Reason.UPSTREAM_BROKEN: ("Node-RED broke off its answer", "It may be restarting."),
        Reason.UPSTREAM_TIMEOUT: ("Node-RED takes too long", "It is there, but did not answer in time."),
    }
)


def refusal(
    reason: Reason,
    status: int,
    *,
    home: str,
    user: str = "",
    role: Role = Role.NONE,
    needed: Role | None = None,
    openings: tuple[Opening, ...] = (),
    retry_after: int = 0,
    detail: str = "",
) -> Page:
    """A page for a navigation that was refused.

    `home` is the gateway's own origin, `user` the visitor's name where known, `needed` the role that would do, `openings`
    what the visitor may open instead. Pages about trouble load themselves again.
    """
    title, text = _TEXTS.get(reason, (HTTPStatus(status).phrase, "The request could not be carried out."))
    again = max(RETRY, retry_after) if status in {502, 503, 504} else 0
    return page(
        "refusal.html",
        status=status,
        retry_after=retry_after or again,
        title=title,
        text=detail or text,
        status_code=status,
        code=reason,
        home=home,
        user=user,
        role=role.label if role else "",
        needed=needed.label if needed else "",
        openings=openings,
        again=again,
    )


def login_beside(path: str) -> Page:
    """What a frame on another site's page shows to who is not logged in: no form is ever shown in one."""
    return framed(path if path.startswith("/") and not path.startswith("//") else "/")
