"""What the checks share: a fault as it is reported, and the ways in which instances are looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from json import JSONDecodeError, loads

from proxy.model.estate import Resource
from proxy.services.administration.probing import Ask, Said, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something by which people may get to what is not theirs, or what could not be looked at."""

    code: str
    severity: Severity
    place: Resource
    message: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """How instances are looked at. Both raise Unreachable."""

    ask: Ask
    """In the gateway's own name; flows, too, are whole."""
    knock: Ask
    """As anybody who reaches the instance past the gateway."""


def document(said: Said) -> object:
    """The JSON of an answer of 200; None for any other."""
    if said.status != 200:
        return None
    try:
        found: object = loads(said.body)
    except (JSONDecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found


def member(found: object, name: str) -> object:
    """A member of a JSON object; None where there is none."""
    return found.get(name) if isinstance(found, Mapping) else None
