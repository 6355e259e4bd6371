"""Half logins: somebody has proved the first factor, and is asked for a second one before they get a session."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final

from auth_plugins import Identity
from auth_plugins.registry import Provider
from proxy.model.identity import UserState
from proxy.services.accounts import may_log_in
from proxy.services.login import Target
from proxy.web.keys import Desk
from proxy.web.visitors import Proven

LASTS: Final = 900.0
"""Seconds to find the phone."""
TRIES: Final = 5
"""Wrong answers after which it is over."""
_KIND: Final = "second-factor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """One that is going on. It is a flow of one browser's, never a session: it opens nothing."""

    name: str
    proven: Proven
    target: Target | None
    account: str
    """What the account rested on when it began (`Factors.fingerprint`)."""
    tries: int = 0


async def begin(desk: Desk, hop: str, proven: Proven, target: Target | None) -> str:
    """Its name."""
    account = await desk.factors.fingerprint(proven.person.user)
    return await desk.flows.begin(_KIND, hop, _kept(desk, proven, target, account, 0), lasts=LASTS)


async def going_on(desk: Desk, name: str, hop: str | None) -> Half | None:
    """The one of this name; None when it is over, another browser's, or its person may no longer come in that way: also
    after a change of their password or factors, since what was proved is worth nothing any more.
    """
    kept = await desk.flows.get(_KIND, name, hop)
    return None if kept is None else await _opened(desk, name, kept)


async def finish(desk: Desk, half: Half, hop: str | None) -> bool:
    """Whether it was there to be finished: it becomes one session at most."""
    return await desk.flows.take(_KIND, half.name, hop) is not None


async def failed(desk: Desk, half: Half, hop: str) -> bool:
    """Note a wrong answer; whether it may be tried again."""
    if half.tries + 1 >= TRIES:
        await desk.flows.take(_KIND, half.name, hop)
        return False
    kept = _kept(desk, half.proven, half.target, half.account, half.tries + 1)
    await desk.flows.put(_KIND, half.name, hop, kept, lasts=LASTS)
    return True


def _kept(desk: Desk, proven: Proven, target: Target | None, account: str, tries: int) -> Mapping[str, str]:
    return {
        "user": proven.person.user.id,
        "identity": json.dumps(asdict(proven.identity)),
        "provider": proven.provider.name,
        "amr": json.dumps(proven.amr),
        "target": desk.logins.seal(target) if target else "",
        "account": account,
        "tries": str(tries),
    }


async def _opened(desk: Desk, name: str, kept: Mapping[str, str]) -> Half | None:
    person = await desk.person(kept["user"])
    provider = _provider(desk, kept["provider"])
    if person is None or provider is None or person.user.state is not UserState.ACTIVE or not may_log_in(person.user):
        return None
    if await desk.factors.fingerprint(person.user) != kept["account"]:
        return None
    proven = Proven(
        person=person, identity=_identity(kept["identity"]), provider=provider, amr=tuple(json.loads(kept["amr"]))
    )
    target = desk.logins.unseal(kept["target"])
    return Half(name=name, proven=proven, target=target, account=kept["account"], tries=int(kept["tries"]))


def _provider(desk: Desk, name: str) -> Provider | None:
    return next((each for each in (*desk.providers, desk.local) if each.name == name), None)


def _identity(text: str) -> Identity:
    found = Identity(**json.loads(text))
    groups = None if found.groups is None else tuple(found.groups)
    return replace(found, amr=tuple(found.amr), groups=groups)
