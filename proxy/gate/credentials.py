"""Whom an Authorization field stands for: a token of ours, an instance's own password, or nothing we know."""

from proxy.gate.charges import charge_address, guessed_enough
from proxy.gate.gate import Gate
from proxy.gate.principal import Principal
from proxy.gate.verdict import Missing, Refusal
from proxy.gate.world import Station
from proxy.model.access import Permission, Reason
from proxy.model.estate import HttpAuth
from proxy.nodered.surfaces import RULES, Surface
from proxy.services.tokens import Presented, presented


def is_open(station: Station, surface: Surface) -> bool:
    """Whether anybody may address the surface, so that no credential but our tokens is the gateway's to look at."""
    if surface is Surface.PUBLIC or surface is Surface.PREFLIGHT:
        return True
    return station.settings.http_auth is HttpAuth.NONE and RULES[surface].permission is Permission.HTTP


class Credentials:
    """The Authorization fields of one connection. Clients that use one send it again and again."""

    __slots__ = ("_field", "_gate", "_token", "opened")

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.opened: tuple[bytes, Station, Surface] | None = None
        """The last field that opened an instance by its own password, and what of which: a station is of one world."""
        self._field: bytes | None = None
        self._token: Presented | None = None
        """The last field, and the token of ours in it."""

    def token(self, field: bytes, station: Station, surface: Surface) -> Presented | None:
        """The token of ours in a field, where it counts: as a password it does so at endpoints alone."""
        if field != self._field:
            self._field, self._token = field, presented(field)
        token = self._token
        return token if token is not None and (not token.basic or _takes_passwords(station, surface)) else None

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


def _takes_passwords(station: Station, surface: Surface) -> bool:
    """Whether a token may come as a password: many a device knows no other way to an endpoint."""
    return station.settings.http_auth is HttpAuth.USER and RULES[surface].permission is Permission.HTTP
