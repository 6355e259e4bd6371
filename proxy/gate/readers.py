"""What each plugin that identifies requests looks at, and what a request carries of it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

from auth_plugins import CredentialRequest
from auth_plugins.registry import Provider
from proxy.services.identifying import Recognised

Carried = tuple[bytes | None, ...]
"""The values of everything a reader looks at; None for what is not there."""
Ask = Callable[[CredentialRequest, str, bool], Awaitable[Recognised | None]]
"""(what it reads of a request, the client's address, whether it was wrong before) -> whose it is, None for nobody's."""

PEER: Final = "peer"
CERTIFICATE: Final = "certificate"


class Reader:
    """One provider that identifies requests, as the gate knows it."""

    __slots__ = ("absolute", "ask", "authorization", "certificate", "headers", "idle", "name", "peer", "scheme")

    def __init__(self, provider: Provider, ask: Ask, *, idle: float, absolute: float) -> None:
        """`idle` and `absolute`: seconds after which what goes on under its credentials ends."""
        reads = provider.plugin.reads
        self.name, self.scheme, self.ask = provider.name, provider.plugin.scheme.lower(), ask
        self.idle, self.absolute = idle, absolute
        self.headers = tuple(sorted(reads - {PEER, CERTIFICATE}))
        self.peer, self.certificate = PEER in reads, CERTIFICATE in reads
        self.authorization = "authorization" in reads

    def carried(self, noted: Mapping[str, bytes], peer: str, certificate: bytes) -> Carried | None:
        """What a request carries that this provider is to look at; None where that is nothing.

        A peer alone is nothing, since every request has one, but to who reads nothing else.
        """
        values = [noted.get(name) for name in self.headers]
        shown = certificate if self.certificate and certificate else None
        if shown is None and values.count(None) == len(values) and (values or self.certificate):
            return None
        return (*values, peer.encode() if self.peer else None, shown)

    def request(self, carried: Carried) -> CredentialRequest:
        """What the plugin gets to see."""
        *values, peer, certificate = carried
        there = zip(self.headers, values, strict=True)
        headers = {name: value.decode("utf-8", "surrogateescape") for name, value in there if value is not None}
        return CredentialRequest(headers=headers, peer=(peer or b"").decode(), certificate=certificate or b"")


def names_read(readers: Iterable[Reader]) -> frozenset[str]:
    """Every header that some reader looks at."""
    return frozenset(name for reader in readers for name in reader.headers)
