"""Who is on the other end, when trusted proxies stand in between."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


def trusted(address: str, networks: Sequence[Network]) -> bool:
    """Whether a peer is one of the proxies the operator named. What is no address is not."""
    parsed = _parse(address)
    return parsed is not None and any(parsed in network for network in networks if network.version == parsed.version)


def client_address(peer: str, forwarded_for: bytes | None, networks: Sequence[Network]) -> str:
    """The nearest address that is not a trusted proxy's, walking X-Forwarded-For from right to left.

    An entry that is no address ends the walk: what lies left of it was written by somebody unknown.
    """
    if forwarded_for is None or not trusted(peer, networks):
        return peer
    nearest = peer
    for entry in reversed(forwarded_for.decode("latin-1").split(",")):
        parsed = _parse(entry.strip())
        if parsed is None:
            break
        nearest = str(parsed)
        if not trusted(nearest, networks):
            break
    return nearest


@lru_cache(maxsize=4096)
def subject(address: str) -> str:
    """What a limit by address counts: an IPv6 client owns its /64 and can take another address of it every time."""
    parsed = _parse(address)
    return str(ip_network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else address


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    # A zone (RFC 4007 section 11) may hold any character and says nothing to anybody on another machine.
    bare = text.removeprefix("[").removesuffix("]").partition("%")[0]
    try:
        parsed = ip_address(bare)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed
