"""Whom a credential on a request stands for: a token of ours, an instance's own password, what a plugin knows, or nobody."""

from collections.abc import Mapping
from typing import Final

from proxy.gate.charges import charge_address, guessed_enough
from proxy.gate.checks import by_browser
from proxy.gate.gate import Gate
from proxy.gate.identified import Outcome
from proxy.gate.principal import Principal
from proxy.gate.readers import Carried, Reader
from proxy.gate.verdict import Head, Missing, Refusal
from proxy.gate.world import Station
from proxy.model.access import Permission, Reason
from proxy.model.estate import HttpAuth
from proxy.nodered.surfaces import RULES, Surface
from proxy.services.tokens import Presented, presented

REALM: Final = "flowward"
_PUBLIC, _PREFLIGHT = Surface.PUBLIC, Surface.PREFLIGHT  # looking a member up costs more than all else of `is_open`
_NONE, _HTTP = HttpAuth.NONE, Permission.HTTP


def is_open(station: Station, surface: Surface) -> bool:
    """Whether anybody may address the surface, so that no credential but our tokens is the gateway's to look at."""
    if surface is _PUBLIC or surface is _PREFLIGHT:
        return True
    return station.settings.http_auth is _NONE and RULES[surface].permission is _HTTP


def realm_for(gate: Gate, head: Head) -> str | None:
    """What to ask a program for its name and password by, where a plugin takes them: many a one sends them only then."""
    return REALM if gate.asks_for_basic and not by_browser(head) else None


class Credentials:
    """The credentials on one connection. Clients that use one send it again and again."""

    __slots__ = ("_certificate", "_field", "_gate", "_keys", "_peer", "_token", "opened")

    def __init__(self, gate: Gate, peer: str = "", certificate: bytes = b"") -> None:
        self._gate, self._peer, self._certificate = gate, peer, certificate
        self._keys: dict[str, tuple[Carried, bytes]] = {}
        """By provider: what the last request carried for it, and what that is remembered by."""
        self.opened: tuple[bytes, Station, Surface] | None = None
        """The last field that opened an instance by its own password, and what of which: a station is of one world."""
        self._field: bytes | None = None
        self._token: Presented | None = None
        """The last field, and the token of ours in it."""

    def token(self, field: bytes, station: Station, surface: Surface) -> Presented | None:
        """The token of ours in a field, where it counts: as a password it does so at endpoints alone."""
        token = self._presented(field)
        return token if token is not None and (not token.basic or _takes_passwords(station, surface)) else None

    def _presented(self, field: bytes) -> Presented | None:
        if field != self._field:
            self._field, self._token = field, presented(field)
        return self._token

    def of(self, head: Head, station: Station, surface: Surface, address: str) -> Principal | Missing | Refusal | None:
        """Whom the credentials on a request stand for; None where they are not the gateway's to look at.

        Our own tokens come first, then the instance's password, then plugins.
        """
        field, wrong = head.noted.get("authorization"), None
        if field is not None:
            token = self.token(field, station, surface)
            if token is not None:
                return self.bearer(token, station, surface, address)
            if not RULES[surface].admin and not is_open(station, surface):
                found = self.instance_password(field, station, surface, address)
                if not isinstance(found, Refusal) or found.reason is not Reason.CREDENTIALS_WRONG:
                    return found
                wrong = found
        shown = self.shown(head, station, surface, address) if self._gate.readers else None
        return wrong if shown is None else shown

    def bearer_of(
        self, field: bytes | None, station: Station, surface: Surface, address: str
    ) -> Principal | Missing | Refusal | None:
        """Whom a token of ours stands for that no browser sends by itself; None where the field holds none."""
        token = self._presented(field) if field is not None else None
        return self.bearer(token, station, surface, address) if token is not None and not token.basic else None

    def bearer(
        self, token: Presented, station: Station, surface: Surface, address: str
    ) -> Principal | Missing | Refusal:
        """Whom a token of ours stands for. A wrong one is as good as none where anybody may go, and else a guess."""
        gate = self._gate
        found = gate.token(token.hash) if token.hash else None
        if isinstance(found, Principal):
            return found
        opened = is_open(station, surface)
        if found is not None:
            late = guessed_enough(gate, address, station, surface)
            return found if late is None else gate.nobody if opened else late
        if opened:
            return gate.nobody
        detail = "no such token, or it was revoked"
        wrong = Refusal(Reason.CREDENTIALS_WRONG, 401, detail, station, surface)
        return charge_address(gate, address, station, surface) or wrong

    def instance_password(
        self, field: bytes, station: Station, surface: Surface, address: str
    ) -> Principal | Missing | Refusal:
        """Whom a field that is no token of ours stands for, where the instance asks for its own password, or for users."""
        settings, gate = station.settings, self._gate
        if settings.http_auth is HttpAuth.BASIC:
            right = gate.password(station, field)
            if isinstance(right, Missing):
                return charge_address(gate, address, station, surface) or right
            if right:
                self.opened = field, station, surface
                return gate.instance_password
        realm = station.name if settings.http_auth is HttpAuth.BASIC else None
        detail = "the Authorization field holds no credential this instance accepts"
        return Refusal(Reason.CREDENTIALS_WRONG, 401, detail, station, surface, realm=realm)

    def carried(self, noted: Mapping[str, bytes]) -> bool:
        """Whether a request may carry something that a plugin looks at."""
        return bool(self._certificate) or not self._gate.names_read.isdisjoint(noted)

    def shown(
        self, head: Head, station: Station | None, surface: Surface | None, address: str
    ) -> Principal | Missing | Refusal | None:
        """Whom the first plugin takes this for that knows what to make of it; None where none does.

        A wrong one is a guess, and as good as none where anybody may go.
        """
        noted = head.noted
        ours = "authorization" in noted and self._presented(noted["authorization"]) is not None
        for reader in self._gate.readers:
            carried = reader.carried(noted, self._peer, self._certificate)
            if carried is None or (ours and reader.authorization):
                continue
            key = self._key(reader, carried)
            found: Principal | Outcome | Missing | Refusal
            found = self._gate.identified.look_up(reader, carried, key, address)
            if isinstance(found, Missing):
                found = guessed_enough(self._gate, address, station, surface) or found
            if not isinstance(found, Outcome | Refusal):
                return found
            stopped = self._stopped(found, reader, station, surface, address)
            if stopped is not None:
                stopped.realm = realm_for(self._gate, head) if stopped.status == 401 else None
                return stopped
        return None

    def _key(self, reader: Reader, carried: Carried) -> bytes:
        last = self._keys.get(reader.name)
        if last is None or last[0] != carried:
            last = self._keys[reader.name] = carried, self._gate.identified.key(reader, carried)
        return last[1]

    def _stopped(
        self, found: Outcome | Refusal, reader: Reader, station: Station | None, surface: Surface | None, address: str
    ) -> Refusal | None:
        """The refusal of a credential that lets nobody in; None where another plugin may know it, or nobody need."""
        wrong = isinstance(found, Outcome) and found.reason in (None, Reason.CREDENTIALS_WRONG)
        opened = station is not None and surface is not None and is_open(station, surface)
        # Without an answer nobody knows whether this is a password of ours, which the instance must not get to see.
        if opened and (wrong or not reader.authorization):
            return None
        if isinstance(found, Refusal):
            return found
        match found.reason:
            case None:
                return None
            case Reason.CREDENTIALS_WRONG:
                refusal = Refusal(found.reason, found.status, "", station, surface)
                return charge_address(self._gate, address, station, surface) or refusal
            case reason:
                again = found.late.retry_after if found.late else None
                return Refusal(reason, found.status, "", station, surface, retry_after=again, limit=found.late)


def _takes_passwords(station: Station, surface: Surface) -> bool:
    """Whether a token may come as a password: many a device knows no other way to an endpoint."""
    return station.settings.http_auth is HttpAuth.USER and RULES[surface].permission is Permission.HTTP
