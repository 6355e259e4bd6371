"""From the ways in that identify requests to what the gate asks."""

from functools import partial

from auth_plugins import Identity
from auth_plugins.registry import Provider
from config.schema import Session
from proxy.gate.readers import Reader
from proxy.model.identity import Person
from proxy.services.identifying import Identifying
from proxy.web.keys import Desk


def readers_of(usual: Session, desk: Desk) -> tuple[Reader, ...]:
    """Those of the ways in that say whose requests are; `usual`: how long a login lasts where they say nothing of it."""

    async def whose(provider: Provider, identity: Identity, address: str) -> Person:
        return await desk.linking.person(provider, identity, address=address)

    identifying = Identifying(
        whose=whose, allowances=desk.allowances, lockout=desk.lockout, database=desk.database, now=desk.now
    )
    return tuple(
        Reader(
            provider,
            partial(identifying.ask, provider),
            idle=provider.entry.session.idle or usual.idle,
            absolute=provider.entry.session.absolute or usual.absolute,
        )
        for provider in desk.providers
        if provider.plugin.identifies()
    )
