"""Which way in is meant: the one that was asked for, the one an e-mail address belongs to, or the first with a form."""

from collections.abc import Sequence

from auth_plugins.registry import Provider
from proxy.model.identity import User
from proxy.web.keys import Desk


def offered(desk: Desk, shown: Sequence[str] = ()) -> tuple[Provider, ...]:
    """Those with a login page, in the order of the configuration; of those that branding names, these alone, in its order."""
    found = tuple(provider for provider in desk.providers if provider.plugin.offers_login())
    return tuple(each for name in shown for each in found if each.name == name) or found


def named(desk: Desk, name: str) -> Provider | None:
    """The active way in of this name."""
    return next((provider for provider in desk.providers if provider.name == name), None)


def first(desk: Desk, shown: Sequence[str] = ()) -> Provider | None:
    """The way in that stands on the login page: the first that checks passwords, else the only one there is."""
    found = offered(desk, shown)
    form = next((provider for provider in found if provider.plugin.checks_passwords()), None)
    return form or (found[0] if len(found) == 1 else None)


def chosen(desk: Desk, name: str, shown: Sequence[str] = ()) -> Provider | None:
    """The way in with a login page that was asked for by its name, else the one that stands there."""
    asked = named(desk, name)
    return asked if asked is not None and asked.plugin.offers_login() else first(desk, shown)


def speaker(desk: Desk, login: str) -> Provider | None:
    """The way in that speaks for the domain of an e-mail address, what stands behind its last @; None for other names."""
    _, at, domain = login.strip().rpartition("@")
    domain = domain.lower().removesuffix(".")
    return next((each for each in desk.providers if at and domain in each.entry.domains), None)


def by_domains(desk: Desk) -> bool:
    """Whether an e-mail address alone leads some people to their way in."""
    return any(each.entry.domains and not each.plugin.local_accounts for each in desk.providers)


def may_by_password(desk: Desk, user: User, *, local: bool) -> bool:
    """Whether a right password of the gateway's own lets this user in.

    Not where a provider speaks for their domain. `local` is the door that stays open for admins: whatever the providers do.
    """
    if local and user.admin:
        return True
    speaks = speaker(desk, user.email)
    return desk.local in desk.providers and (speaks is None or speaks.plugin.local_accounts)
