"""Whether an instance can be reached past the gateway, as far as that can be seen from where the gateway is."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from proxy.model.estate import InstanceSettings, Resource
from proxy.services.administration.probing import Severity, Unreachable
from proxy.services.checks import Fault, Probes, document, member

_SECONDS: Final = 1.0
# Reserved for documentation (RFC 5737, RFC 3849): they lead out of the machine, and nothing is ever sent to them.
_OUTSIDE: Final = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How an instance can be reached."""

    answers: bool
    """Whether it answers the gateway."""
    local: bool
    """Whether the gateway reaches it without leaving its machine: by the loopback, or by a socket file."""
    listens_at: tuple[str, ...] = ()
    """Further addresses of the gateway's machine at which the same port answers."""
    admin_open: bool = False
    """Whether its admin API asks nobody for a login."""


async def reach(probes: Probes, instance: Resource, settings: InstanceSettings) -> Reached:
    """Try it as somebody would who goes past the gateway."""
    local = is_local(settings.upstream)
    try:
        said = await probes.knock(instance, f"{settings.admin_root.rstrip('/')}/settings")
    except Unreachable:
        return Reached(answers=False, local=local)
    admin_open = member(document(said), "version") is not None
    listens_at = await _listens_at(urlsplit(settings.upstream)) if local else ()
    return Reached(answers=True, local=local, listens_at=listens_at, admin_open=admin_open)


def past_the_gateway(instance: Resource, settings: InstanceSettings, found: Reached) -> Iterator[Fault]:
    """What of it lets people past the gateway."""
    if found.admin_open:
        yield Fault(
            code="admin_api_open",
            severity=Severity.WARNING if found.local and not found.listens_at else Severity.ERROR,
            place=instance,
            message=f"whoever reaches {settings.upstream} past the gateway may deploy: its admin API asks for no login",
            remedy="Add what `flowward nodered snippet` prints to its settings.js.",
        )
    if found.listens_at:
        yield Fault(
            code="upstream_reachable",
            severity=Severity.ERROR,
            place=instance,
            message=f"it also answers at {', '.join(found.listens_at)}: others reach its dashboards past the gateway",
            remedy="Set uiHost in its settings.js to 127.0.0.1.",
        )
    if found.answers and not found.local:
        yield Fault(
            code="upstream_elsewhere",
            severity=Severity.INFO,
            place=instance,
            message=f"it listens at {settings.upstream}; whether others than the gateway reach that is not seen from here",
            remedy="Put it on a network of the gateway's own, and try the address from a machine outside of that.",
        )


def is_local(upstream: str) -> bool:
    """Whether an upstream is on the gateway's own machine, out of everybody else's reach by its address."""
    parts = urlsplit(upstream)
    if parts.scheme == "http+unix":
        return True
    host = parts.hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


async def _listens_at(upstream: SplitResult) -> tuple[str, ...]:
    if upstream.scheme == "http+unix":
        return ()
    port = upstream.port or (443 if upstream.scheme == "https" else 80)
    found = [address for address in own_addresses() if await _answers(address, port)]
    return tuple(f"[{address}]:{port}" if ":" in address else f"{address}:{port}" for address in found)


def own_addresses() -> Iterator[str]:
    """The addresses by which this machine is known outside; none on one without a network."""
    for family, outside in _OUTSIDE:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asked:
            asked.setblocking(False)
            asked.connect((outside, 9))  # chooses an address, and sends nothing
            yield str(asked.getsockname()[0])


async def _answers(address: str, port: int) -> bool:
    try:
        async with asyncio.timeout(_SECONDS):
            _, writer = await asyncio.open_connection(address, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True
