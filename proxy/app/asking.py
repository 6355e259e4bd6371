"""Asking instances in the gateway's own name, for operations of the API."""

from collections.abc import Awaitable, Callable
from typing import Final

from proxy.gate.gate import Gate
from proxy.inspection.exchange import UpstreamFailed
from proxy.inspection.reading import OwnReader
from proxy.model.estate import Resource
from proxy.services.administration.probing import Ask, Said, Unreachable
from proxy.services.checks import Probes

_MOST: Final = 1024 * 1024
_FLOWS: Final = 16 * 1024 * 1024
_SECONDS: Final = 5.0


def probing(gate: Gate, reader: OwnReader, look: Callable[[], Awaitable[None]]) -> Probes:
    """What looks at instances for the checks."""
    return Probes(ask=asking(gate, reader, look, most=_FLOWS), knock=asking(gate, reader, look, as_nobody=True))


def asking(
    gate: Gate,
    reader: OwnReader,
    look: Callable[[], Awaitable[None]],
    *,
    most: int = _MOST,
    as_nobody: bool = False,
) -> Ask:
    """What asks an instance of the estate; `look` lets what was written a moment ago hold here.

    A body of more than `most` bytes is cut. `as_nobody`: without saying who asks.
    """

    async def ask(instance: Resource, path: str) -> Said:
        station = gate.world.stations.get(instance.id)
        if station is None or station.resource != instance:
            await look()
            station = gate.world.stations.get(instance.id)
        if station is None:
            raise Unreachable("not_known_yet")
        try:
            status, body = await reader.ask(
                station, path.encode("ascii", "replace"), most=most, seconds=_SECONDS, as_nobody=as_nobody
            )
        except UpstreamFailed as error:
            raise Unreachable(error.reason) from error
        return Said(status=status, body=body)

    return ask
