"""A plugin that identifies requests as a test says, and what it was asked."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from typing_extensions import override

from auth_plugins import AuthPlugin, CredentialRequest, Identity, PluginSettings
from auth_plugins.registry import Provider
from auth_plugins.testkit import kit
from config.auth_schema import AuthEntry
from proxy.gate.readers import Reader
from proxy.services.identifying import Recognised
from tests.proxy.gate.house import House

IDLE: Final = 3600.0
ABSOLUTE: Final = 7 * 86400.0


class Nothing(PluginSettings):
    """No options."""


class Silent(AuthPlugin[Nothing]):
    """Reads what it is told to read; whom it takes a request for, the doorman says."""

    reads = frozenset({"authorization"})

    @override
    async def identify(self, request: CredentialRequest) -> Identity | None:
        return None


@dataclass
class Doorman:
    """By everything that was sent for it: whose it is, None where it is not its to judge, or what is raised."""

    name: str = "corp"
    reads: Iterable[str] = ("authorization",)
    scheme: str = ""
    knows: dict[str, Recognised | Exception | None] = field(default_factory=dict)
    asked: list[CredentialRequest] = field(default_factory=list)
    again: list[bool] = field(default_factory=list)
    pause: Callable[[], Awaitable[None]] | None = None

    def reader(self) -> Reader:
        plugin = Silent(Nothing(), kit(name=self.name))
        plugin.reads = frozenset(self.reads)
        reader = Reader(
            Provider(entry=AuthEntry(name=self.name, plugin="silent"), plugin=plugin),
            self._ask,
            idle=IDLE,
            absolute=ABSOLUTE,
        )
        reader.scheme = self.scheme
        return reader

    def lets_in(self, sent: str, user_id: str, **more: object) -> None:
        known = Recognised(user_id=user_id, provider=self.name, amr=("pwd",))
        self.knows[sent] = replace(known, **more)  # type: ignore[arg-type]

    async def _ask(self, request: CredentialRequest, address: str, again: bool) -> Recognised | None:
        self.asked.append(request)
        self.again.append(again)
        found = self.knows.get(" ".join(request.headers.values()) or request.certificate.decode())
        if self.pause is not None:
            await self.pause()
        if isinstance(found, Exception):
            raise found
        return found


def standing(house: House, *doormen: Doorman) -> House:
    house.gate.identify_by(tuple(doorman.reader() for doorman in doormen))
    return house
