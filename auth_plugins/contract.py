"""What a way in is: one class that answers who a visitor is, and the kit through which alone it reaches the outside."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar, Generic, ParamSpec, Protocol, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict
from typing_extensions import override

from auth_plugins.values import CredentialRequest, Document, Form, Identity, LoginRequest, Redirect, Refused

P = ParamSpec("P")
T = TypeVar("T")


class PluginSettings(BaseModel):
    """Base of a plugin's settings: unknown options are errors, values keep their type, nothing changes afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


Settings = TypeVar("Settings", bound=PluginSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back from an address outside. Redirects are not followed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Fetch(Protocol):
    """An HTTP request to the outside, with a deadline; raises Unavailable where no answer came."""

    async def __call__(
        self, method: str, url: str, *, headers: Mapping[str, str] = ..., body: bytes = ...
    ) -> Answer: ...


class Vault(Protocol):
    """A plugin's memory, shared by all processes of the gateway and by no other plugin."""

    async def put_new(self, key: str, value: str, seconds: float) -> str:
        """Keep the value if the key is new, else leave the one that is there; either way return what is kept."""
        ...

    async def take(self, key: str) -> str | None:
        """Return the value once and forget it; None when absent or past its time."""
        ...


class Offload(Protocol):
    """Runs a blocking or expensive call beside the loop; raises Unavailable when too many wait already."""

    async def __call__(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...


class Accounts(Protocol):
    """The gateway's own accounts."""

    async def check(self, username: str, password: str) -> Identity:
        """Who this is. Raises Refused, after the same time whatever was wrong."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """All that a plugin may use of the world."""

    now: Callable[[], float]
    """Seconds since the epoch."""
    vault: Vault
    fetch: Fetch
    offload: Offload
    accounts: Accounts


class AuthPlugin(Generic[Settings]):
    """A way in. Override `identify`, `login`, or both.

    A plugin returns values and never writes a response. `Refused` means the credential is wrong, `Unavailable` that the
    question could not be asked; any other exception is a defect and lets nobody in.
    """

    settings_type: ClassVar[type[PluginSettings]] = PluginSettings
    reads: ClassVar[frozenset[str]] = frozenset()
    """What `identify` looks at: lower-case header names, `peer`, `certificate`. Other requests never reach it."""
    local_accounts: ClassVar[bool] = False
    """Whether it vouches for the gateway's own accounts (through `kit.accounts`) and not for those linked to it."""

    @override
    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for base in getattr(cls, "__orig_bases__", ()):
            if get_origin(base) is AuthPlugin and isinstance(settings := get_args(base)[0], type):
                cls.settings_type = settings
        if not cls.identifies() and not cls.offers_login():
            raise TypeError(f"{cls.__name__} overrides neither identify nor login, so nobody could come in by it")
        if cls.identifies() and not cls.reads:
            raise TypeError(f"{cls.__name__} overrides identify, so it must declare in reads what that looks at")

    def __init__(self, settings: Settings, kit: Kit) -> None:
        self.settings = settings
        self.kit = kit

    @classmethod
    def identifies(cls) -> bool:
        return cls.identify is not AuthPlugin.identify

    @classmethod
    def offers_login(cls) -> bool:
        return cls.login is not AuthPlugin.login

    async def identify(self, request: CredentialRequest) -> Identity | None:
        """Who sent this request; None when it carries no credential of this plugin's kind."""
        return None

    async def login(self, request: LoginRequest) -> Identity | Form | Redirect:
        """The next step of an interactive login."""
        raise Refused("login_not_offered")

    async def refresh(self, identity: Identity) -> Identity:
        """What the provider says now; raises Refused when the person may no longer come in."""
        return identity

    async def logout(self, identity: Identity) -> Redirect | None:
        """Where to send a visitor who logs out, so that the provider's session ends too."""
        return None

    async def document(self, callback: str) -> Document | None:
        """What the gateway publishes for this plugin, such as SAML metadata."""
        return None

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Open and close what must live as long as the gateway runs."""
        yield
