"""The ways in of a running gateway: every active entry's plugin at work, with its part of the world."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import ClientSession

from auth_plugins import Identity, Kit, Misconfigured, Unavailable
from auth_plugins.local import Local, LocalSettings
from auth_plugins.registry import Provider, UnusablePlugins, installed, providers
from config.auth_schema import AuthEntry
from config.schema import Settings
from proxy.gate.readers import CERTIFICATE
from proxy.services.accounts import Accounts
from proxy.services.clock import Clock
from proxy.services.offload import Offload
from proxy.services.vault import Vault
from proxy.store import Shared
from proxy.web.outside import Outside

OPENING: Final = 10.0
"""Seconds for a plugin to open what it needs."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaysIn:
    """What people log in by."""

    providers: tuple[Provider, ...]
    """In the order offered."""
    local: Provider
    """The gateway's own accounts; also where they are none of those offered, for admins alone."""


def ways_in(
    settings: Settings, shared: Shared, accounts: Accounts, offload: Offload, outside: ClientSession, clock: Clock
) -> WaysIn:
    """Build every plugin. Blocks; raises UnusablePlugins."""

    async def passwords(provider: str, username: str, password: str) -> Identity:
        if provider not in by_name:
            there = ", ".join(by_name) or "none"
            raise Misconfigured("provider_unknown", f"no way in named {provider} checks passwords; these do: {there}")
        return await by_name[provider].check_password(username, password)

    def kit(name: str) -> Kit:
        return Kit(
            now=clock.wall,
            vault=Vault(shared, name, clock.wall),
            fetch=Outside(outside),
            offload=offload,
            accounts=accounts,
            passwords=passwords,
            name=name,
            base=f"{settings.server.public_url}/-/auth/{name}",
        )

    built = providers([entry for entry in settings.auth if entry.active], installed(), kit)
    by_name = {provider.name: provider.plugin for provider in built if provider.plugin.checks_passwords()}
    lost = [provider for provider in built if provider.plugin.speaks_for() not in {provider.name, *by_name}]
    blind = [
        provider for provider in built if CERTIFICATE in provider.plugin.reads and not _sees_certificates(settings)
    ]
    if lost or blind:
        raise UnusablePlugins([*(_asks_nobody(provider, by_name) for provider in lost), *map(_sees_nothing, blind)])
    own = next((provider for provider in built if provider.plugin.local_accounts), None)
    return WaysIn(providers=built, local=own or _own(kit))


def _asks_nobody(provider: Provider, there: Iterable[str]) -> str:
    asked = provider.plugin.speaks_for()
    known = ", ".join(sorted(there)) or "none"
    return f"auth.{provider.name}: asks '{asked}', which is no active way in that checks passwords. Those are: {known}"


def _sees_certificates(settings: Settings) -> bool:
    return settings.server.tls is not None and settings.server.tls.client_ca is not None


def _sees_nothing(provider: Provider) -> str:
    return (
        f"auth.{provider.name}: looks at client certificates, and nobody is asked for one. "
        "Name the CAs that sign them in server.tls.client_ca"
    )


def _own(kit: Callable[[str], Kit]) -> Provider:
    entry = AuthEntry(name="local", plugin="local")
    return Provider(entry=entry, plugin=Local(LocalSettings(), kit(entry.name)))


@asynccontextmanager
async def at_work(found: Sequence[Provider]) -> AsyncIterator[None]:
    """Keep what the plugins opened until the end. Raises UnusablePlugins.

    One whose provider does not answer now is let be: it is asked again by whoever logs in, and the others work.
    """
    async with AsyncExitStack() as stack:
        for provider in found:
            try:
                async with asyncio.timeout(OPENING):
                    await stack.enter_async_context(provider.plugin.lifespan())
            except Misconfigured as error:
                raise UnusablePlugins([f"auth.{provider.name}: {error.detail or error.code}"]) from error
            except (Unavailable, TimeoutError) as error:
                _log.warning("provider-unavailable", provider=provider.name, reason=str(error) or "no answer in time")
        yield
