"""What plugins said of credentials, kept for a short while: under what was sent, and never longer than it may hold."""

import hmac
import secrets
from dataclasses import dataclass
from math import inf
from typing import Final

import structlog

from auth_plugins import Refused, Unavailable
from proxy.gate.principal import Kind, Principal
from proxy.gate.principals import Principals
from proxy.gate.readers import Carried, Reader
from proxy.gate.verdict import CredentialFact, Missing
from proxy.model.access import Reason
from proxy.services.bounded import Bounded
from proxy.services.clock import Clock
from proxy.services.identifying import Recognised
from proxy.services.ratelimit import Late, TooOften
from proxy.services.traffic import Traffic
from proxy.store import StoreUnavailable

LASTS: Final = 60.0
"""Seconds for which a credential that was right is not checked again."""
WRONG_LASTS: Final = 30.0
"""Seconds for which one that was wrong, or nobody's, is not."""
TROUBLE_LASTS: Final = 1.0
"""Seconds for which a provider that gave no answer is not asked again about the same."""
_GUESS_LASTS: Final = 900.0
"""Seconds for which the same wrong value is no new guess: a program goes on sending the old password for a while."""
_KEPT: Final = 4096
_CHANGED: Final = 4096
_TRIES: Final = 3
_TOKENS: Final = 64
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A credential that lets nobody in."""

    until: float
    """Steady seconds."""
    reason: Reason | None = None
    """Why; None where it is none of this provider's kind."""
    status: int = 401
    late: Late | None = None
    """The limit that is used up."""
    guess: float = -inf
    """Steady seconds until which the same is no new guess."""


class Identified:
    """By the HMAC of what was sent, under a secret of this process: no password stays in memory."""

    def __init__(self, principals: Principals, clock: Clock, traffic: Traffic) -> None:
        self._principals, self._clock, self._traffic = principals, clock, traffic
        self._secret = secrets.token_bytes(32)
        self._right: Bounded[bytes, tuple[Principal, float]] = Bounded(_KEPT)
        self._wrong: Bounded[bytes, Outcome] = Bounded(_KEPT)
        self._turn = self._all_changed = 0
        self._changed: Bounded[str, int] = Bounded(_CHANGED)
        """User id -> the turn in which something about them changed last."""

    def key(self, reader: Reader, carried: Carried) -> bytes:
        """What this much of a request is remembered by: the provider and every value, each with its length."""
        parts = [reader.name.encode(), *carried]
        told = b"".join(b"-;" if part is None else b"%d:%b;" % (len(part), part) for part in parts)
        return hmac.digest(self._secret, told, "sha256")

    def look_up(self, reader: Reader, carried: Carried, key: bytes, address: str) -> Principal | Outcome | Missing:
        """Whose credential this is, or what became of it; what to learn where that is not known any more."""
        now = self._clock.steady()
        right = self._right.get(key)
        if right is not None and right[1] > now and right[0].alive(now):
            return right[0]
        wrong = self._wrong.get(key)
        if wrong is not None and wrong.until > now:
            return wrong
        return Missing([CredentialFact(key, reader, carried, address)])

    async def fetch(self, fact: CredentialFact) -> None:
        """Ask the plugin. Any defect of it lets nobody in, and is told apart from a refusal."""
        now, before = self._clock.steady(), self._wrong.get(fact.key)
        guessed = before is not None and before.guess > now
        try:
            outcome = await self._asked(fact, again=guessed)
        except TooOften as error:
            outcome = self._trouble(Reason.TOO_MANY_REQUESTS, 429, late=error.late)
        except Refused as refused:
            self._say(fact, refused)
            until = self._clock.steady() + WRONG_LASTS
            guess = before.guess if before is not None and guessed else now + _GUESS_LASTS
            outcome = Outcome(until=until, reason=Reason.CREDENTIALS_WRONG, guess=guess)
        except Unavailable as error:
            _log.warning("provider-unavailable", provider=fact.reader.name, code=error.code, detail=error.detail)
            outcome = self._trouble(Reason.FACTS_UNAVAILABLE, 503)
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001 - a plugin may be anybody's: its defect is neither a welcome nor a refusal
            _log.exception("plugin-failed", provider=fact.reader.name)
            outcome = self._trouble(Reason.DEFECT, 500)
        if outcome is not None:
            self._right.pop(fact.key, None)
            self._wrong.keep(fact.key, outcome)

    async def _asked(self, fact: CredentialFact, *, again: bool) -> Outcome | None:
        """None where it was right, and is known now."""
        reader = fact.reader
        request = reader.request(fact.carried)
        for _ in range(_TRIES):
            turn = self._turn
            found = await reader.ask(request, fact.address, again)
            if found is None:
                return Outcome(until=self._clock.steady() + WRONG_LASTS)
            if max(self._all_changed, self._changed.get(found.user_id, 0)) <= turn:
                self._know(fact, found)
                return None
        return self._trouble(Reason.FACTS_UNAVAILABLE, 503)

    def _know(self, fact: CredentialFact, found: Recognised) -> None:
        now, ahead = self._clock.steady(), self._clock.steady() - self._clock.wall()
        ends = inf if found.ends is None else found.ends + ahead
        principal = self._principal(fact.reader, found, min(ends, now + fact.reader.absolute), now)
        if len(principal.cookies) >= _TOKENS:  # renewed again and again: most are no longer known
            principal.cookies.intersection_update(self._right)
        principal.cookies.add(fact.key)
        self._wrong.pop(fact.key, None)
        self._right.keep(fact.key, (principal, min(ends, now + LASTS)))

    def _principal(self, reader: Reader, found: Recognised, ends: float, now: float) -> Principal:
        """The one principal of a person by this provider in this process: it stays when a token is renewed."""
        key = f"credential:{found.provider}:{found.user_id}"
        known = self._principals.get(key)
        if known is not None and known.alive(now):
            if known.recognised != found:
                known.recognised = found
                known.doubt()
            known.expires = max(known.expires, ends)
            return known
        if known is not None:
            known.end()
        made = Principal(Kind.CREDENTIAL, key, recognised=found, expires=ends, idle=reader.idle, seen=now)
        made.consumes = reader.authorization
        self._principals.add(made)
        return made

    def forget(self, user_id: str, concerned: list[Principal]) -> None:
        """Something about a user changed, the password perhaps: whoever came by a credential shows it again."""
        self._turn += 1
        self._changed.keep(user_id, self._turn)
        for principal in concerned:
            if principal.kind is Kind.CREDENTIAL:
                principal.end()
                self._principals.pop(principal.key)
                for key in principal.cookies:
                    self._right.pop(key, None)

    def forget_all(self) -> None:
        self._turn += 1
        self._all_changed = self._turn
        self._right.clear()
        self._wrong.clear()

    def _trouble(self, reason: Reason, status: int, late: Late | None = None) -> Outcome:
        return Outcome(until=self._clock.steady() + TROUBLE_LASTS, reason=reason, status=status, late=late)

    def _say(self, fact: CredentialFact, refused: Refused) -> None:
        self._traffic.credential_refused(fact.reader.name, refused.code)
        _log.info(
            "credential-refused",
            provider=fact.reader.name,
            code=refused.code,
            detail=refused.detail,
            client=fact.address,
        )
