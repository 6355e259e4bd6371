"""What requests cost before anybody is known: limits by address and by login, and the refusal when one is used up."""

from math import ceil

from proxy.access.gcra import Bucket
from proxy.gate.gate import Gate
from proxy.gate.principal import Lease, Principal
from proxy.gate.verdict import Refusal
from proxy.gate.world import Station
from proxy.model.access import Reason
from proxy.nodered.surfaces import Surface
from proxy.wire.address import subject


def charge_address(
    gate: Gate, address: str, station: Station, surface: Surface, now: float, lease: Lease | None = None
) -> Refusal | None:
    """Charge an address for what was asked without a login, guesses of a password or token included."""
    return _charged(gate.anonymous.of(subject(address), now), now, station, surface, lease)


def guessed_enough(gate: Gate, address: str, station: Station, surface: Surface, now: float) -> Refusal | None:
    """Whether an address has guessed too often to be looked up. Looking up what is right costs it nothing."""
    wait = gate.anonymous.of(subject(address), now).wait(now)
    return _late(wait, station, surface, None) if wait > 0 else None


def charge_sid(
    gate: Gate, address: str, station: Station, lease: Lease, principal: Principal, now: float
) -> Refusal | None:
    """Charge a login for a sid that nobody knows: it is about to be written down for days. Nobody's never are."""
    if principal is gate.nobody:
        return None
    shared = principal is gate.instance_password
    who = f"{principal.key} {subject(address)}" if shared else principal.key
    return _charged(gate.new_sids.of(who, now), now, station, lease.surface, lease)


def _charged(bucket: Bucket, now: float, station: Station, surface: Surface, lease: Lease | None) -> Refusal | None:
    """Take one from a bucket; the refusal where it is empty."""
    return None if bucket.admit(now) else _late(bucket.wait(now), station, surface, lease)


def _late(wait: float, station: Station, surface: Surface, lease: Lease | None) -> Refusal:
    return Refusal(Reason.TOO_MANY_REQUESTS, 429, "", station, surface, lease, retry_after=max(1, ceil(wait)))
