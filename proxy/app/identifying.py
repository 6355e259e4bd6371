"""From the ways in that identify requests to what the gate asks."""

from functools import partial

from auth_plugins import Identity, Refused
from auth_plugins.registry import Provider
from config.schema import Session
from proxy.gate.readers import Reader
from proxy.model.identity import Person
from proxy.services.identifying import Identifying
from proxy.web.choosing import may_by_password
from proxy.web.keys import Desk
from proxy.web.visitors import vouches


def readers_of(usual: Session, desk: Desk) -> tuple[Reader, ...]:
    """Those of the ways in that say whose requests are; `usual`: how long a login lasts where they say nothing of it."""
    identifying = Identifying(
        whose=partial(_whose, desk),
        allowances=desk.allowances,
        lockout=desk.lockout,
        database=desk.database,
        now=desk.now,
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


async def _whose(desk: Desk, provider: Provider, identity: Identity, address: str) -> tuple[Person, bool]:
    """As at a login, but that nobody can be asked for a second factor here."""
    person = await desk.linking.person(provider, identity, address=address)
    own = person.user.provider is None
    if own and not may_by_password(desk, person.user, local=False):
        raise Refused("sso_required", f"{person.user.username} is to come in by the provider of their domain")
    vouched = vouches(provider)
    if not vouched:
        held = await desk.factors.of(person.user.id)
        if held.enrolled or desk.factors.policy.concerns(desk.estate(), person):
            raise Refused("second_factor_required", f"{provider.name} stands for none; use a token of theirs instead")
    return person, vouched
