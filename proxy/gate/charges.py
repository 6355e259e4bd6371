"""What requests cost: limits by address and by login, and the refusal when one is used up."""

from typing import Final

from proxy.gate.fees import Fee, Payer, fee
from proxy.gate.gate import Gate
from proxy.gate.principal import Lease, Principal
from proxy.gate.verdict import Refusal
from proxy.gate.world import Station
from proxy.model.access import Reason
from proxy.nodered.surfaces import Surface
from proxy.services.ratelimit import Late
from proxy.store import Limit
from proxy.wire.address import subject

_BY_PRINCIPAL: Final = "too many requests by this login or token; try again later"


def charge_address(
    gate: Gate, address: str, station: Station | None, surface: Surface | None, lease: Lease | None = None
) -> Refusal | None:
    """Charge an address for what was asked without a login, guesses of a password or token included."""
    wait = gate.anonymous.admit(subject(address))
    return _late("anonymous", gate.anonymous, wait, station, surface, lease) if wait > 0 else None


def guessed_enough(gate: Gate, address: str, station: Station | None, surface: Surface | None) -> Refusal | None:
    """Whether an address has guessed too often to be looked up. Looking up what is right costs it nothing."""
    limit = gate.anonymous
    wait = limit.rate.wait(limit.ahead(subject(address)))
    return _late("anonymous", limit, wait, station, surface) if wait > 0 else None


def charge_sid(gate: Gate, address: str, station: Station, lease: Lease, principal: Principal) -> Refusal | None:
    """Charge a login for a sid that nobody knows: it is about to be written down for days. Nobody's never are."""
    due = fee(Payer.PRINCIPAL, gate.new_sids, principal)
    wait = 0.0 if due is None else due.charge(subject(address))
    return _late("sids", gate.new_sids, wait, station, lease.surface, lease, _BY_PRINCIPAL) if wait > 0 else None


def charge_request(lease: Lease, subject: str) -> Refusal | None:
    """Charge a request that is about to be carried to the limits of its instance; `subject` stands for its address."""
    for due in lease.fees:
        wait = due.charge(subject)
        if wait > 0:
            return _unpaid(lease, due, wait, subject)
    return None


def _unpaid(lease: Lease, due: Fee, wait: float, subject: str) -> Refusal:
    """What is refused costs nothing: else neighbours at an address could use up what others have for themselves."""
    for paid in lease.fees[: lease.fees.index(due)]:
        paid.give_back(subject)
    detail = _BY_PRINCIPAL if due.payer is Payer.PRINCIPAL else ""
    return _late(due.payer, due.limit, wait, lease.station, lease.surface, lease, detail)


def _late(
    policy: str,
    limit: Limit,
    wait: float,
    station: Station | None,
    surface: Surface | None,
    lease: Lease | None = None,
    detail: str = "",
) -> Refusal:
    late = Late(policy=policy, rate=limit.rate, wait=wait)
    reason, again = Reason.TOO_MANY_REQUESTS, late.retry_after
    return Refusal(reason, 429, detail, station, surface, lease, retry_after=again, limit=late)
