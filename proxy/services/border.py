"""Where upstreams that people set through the API may lead: not to the machine itself, nor to what clouds keep for it."""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from config.addresses import Listen, is_local_name

IpAddress = IPv4Address | IPv6Address

_METADATA: Final = frozenset(
    map(ip_address, ("169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"))
)
"""Where clouds tell a machine its secrets; not all of them are link-local."""
_NAT64: Final = ip_network("64:ff9b::/96")
"""IPv4 addresses as IPv6 networks write them (RFC 6052 section 2.1)."""
_NOWHERE: Final = ".invalid"
"""Names that nobody need be asked about (RFC 6761 section 6.4): instances have one until they are given an upstream."""
_LOOPBACK: Final = ip_address("127.0.0.1")


class UpstreamForbidden(OSError):
    """An upstream leads where it may not; for whoever connects, it cannot be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Border:
    """Where upstreams that were set through the API may lead. Files are the operator's own and go beyond it."""

    allow: tuple[str, ...] = ()
    """Networks in CIDR notation and patterns of host names; none for every address that is not special."""
    listeners: tuple[Listen, ...] = ()
    """The gateway's own: nobody reaches them from behind."""

    def admits_host(self, host: str, port: int) -> bool:
        """Whether a host may be named. Where a name leads is looked at when it is connected to, every time."""
        address = _literal(host)
        if address is not None:
            return self.admits(host, address, port)
        return not self.allow or bool(_networks(self.allow)) or self._named(host)

    def admits(self, host: str, address: IpAddress, port: int) -> bool:
        """Whether `address`, to which `host` leads, may be connected to.

        Special addresses (loopback, link-local, multicast …) and where clouds keep a machine's secrets have to be listed
        as networks: a name proves nothing. May ask the system which addresses it has, without waiting.
        """
        plain = _embedded(address)
        if self._is_own(plain, port):
            return False
        if any(plain in network for network in _networks(self.allow)):
            return True
        return not _is_special(plain) and (not self.allow or self._named(host))

    async def resolved(self, host: str, port: int) -> Sequence[str]:
        """The addresses of a host that may be connected to, at least one. Raises OSError; UpstreamForbidden for none."""
        if host.lower().rstrip(".").endswith(_NOWHERE):
            raise UpstreamForbidden(f"{host} leads nowhere")
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = dict.fromkeys(str(each[4][0]) for each in found)
        good = [each for each in addresses if self.admits(host, ip_address(each.partition("%")[0]), port)]
        if not good:
            raise UpstreamForbidden(f"{host} leads to no address that the setting upstream_allow admits")
        return good

    def _named(self, host: str) -> bool:
        return any(fnmatchcase(host.lower(), pattern.lower()) for pattern in self.allow)

    def _is_own(self, address: IpAddress, port: int) -> bool:
        hosts = [_literal(listen.host) for listen in self.listeners if listen.port == port]
        if any(host is None or host == address for host in hosts):
            return True
        return any(host.is_unspecified for host in hosts if host is not None) and _is_here(address)


@lru_cache(64)
def _networks(allow: tuple[str, ...]) -> Sequence[IPv4Network | IPv6Network]:
    found = []
    for entry in allow:
        try:
            found.append(ip_network(entry))
        except ValueError:
            continue  # a pattern of names
    return found


def _literal(host: str) -> IpAddress | None:
    """The address that a host is without asking anybody; None for a name. A zone (RFC 6874) makes it no other address."""
    if is_local_name(host) and host != "::1":
        return _LOOPBACK
    try:
        return ip_address(host.removeprefix("[").removesuffix("]").partition("%")[0])
    except ValueError:
        return None


def _embedded(address: IpAddress) -> IpAddress:
    """The IPv4 address that an IPv6 one stands for, where it does: packets go there."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_special(address: IpAddress) -> bool:
    kinds = (
        address.is_loopback,
        address.is_link_local,
        address.is_unspecified,
        address.is_multicast,
        address.is_reserved,
    )
    return any(kinds) or address in _METADATA


def _is_here(address: IpAddress) -> bool:
    """Whether an address is one of this machine's own: the way to it begins where it ends. Sends nothing."""
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect((str(address), 9))
        except OSError:
            return False
        return bool(probe.getsockname()[0] == str(address))
