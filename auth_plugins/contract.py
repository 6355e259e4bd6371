"""What a way in is: one class that answers who a visitor is, and the kit through which alone it reaches the outside."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, ClassVar, Generic, ParamSpec, Protocol, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, PlainValidator, SecretStr, ValidationInfo
from typing_extensions import override

from auth_plugins.values import (
    CredentialRequest,
    Document,
    Ended,
    Finding,
    Form,
    Identity,
    LoginRequest,
    LogoutRequest,
    ProviderMessage,
    Redirect,
    Refused,
)
from config.files import ExistingFile, parse_secret_file

P = ParamSpec("P")
T = TypeVar("T")


class PluginSettings(BaseModel):
    """Base of a plugin's settings: unknown options are errors, values keep their type, nothing changes afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _secret(value: object, info: ValidationInfo) -> SecretStr:
    return SecretStr(value) if isinstance(value, str) and value else parse_secret_file(value, info)


SecretSetting = Annotated[SecretStr, PlainValidator(_secret)]
"""An option that is a secret: `{file: path}` in the file, plain text where it comes from the environment."""
FileSetting = ExistingFile
"""An option that names a file which is there; a relative path is relative to the configuration file."""

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


class Passwords(Protocol):
    """The other ways in of this gateway that check passwords, by their names in the configuration."""

    async def __call__(self, provider: str, username: str, password: str) -> Identity:
        """Who this is to that provider. Raises Refused and Unavailable as it does; Misconfigured where there is none."""
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
    passwords: Passwords
    name: str
    """The plugin's name in the configuration."""
    base: str
    """The address below which all the plugin's own are, such as `https://gate.example/-/auth/corp`: `/callback` (also as
    `/acs`) for visitors who come back, `/slo` for messages about logouts, `/metadata` for its document."""


class AuthPlugin(Generic[Settings]):
    """A way in. Override `identify`, `login`, or both.

    A plugin returns values and never writes a response. `Refused` means the credential is wrong, `Unavailable` that the
    question could not be asked; any other exception is a defect and lets nobody in.
    """

    settings_type: ClassVar[type[PluginSettings]] = PluginSettings
    reads: frozenset[str] = frozenset()
    """What `identify` looks at: lower-case header names, `peer`, `certificate`. A request that carries none of these
    headers, and no certificate, never reaches it; one that does is asked about once, and then known for a minute at most.
    No instance gets to see such a header. A plugin whose settings name headers sets its own in `__init__`."""
    scheme: ClassVar[str] = ""
    """The authentication scheme (RFC 9110 section 11.1) that programs are asked for where they sent no credential, such as
    `Basic`; empty to ask for none. Browsers are never asked: they would show a dialog."""
    local_accounts: ClassVar[bool] = False
    """Whether it vouches for the gateway's own accounts (through `kit.accounts`) and not for those linked to it."""
    flow_field: ClassVar[str] = "state"
    """The field in which the provider sends `LoginRequest.flow` back."""

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

    @classmethod
    def checks_passwords(cls) -> bool:
        return cls.check_password is not AuthPlugin.check_password

    @classmethod
    def refreshes(cls) -> bool:
        return cls.refresh is not AuthPlugin.refresh

    def speaks_for(self) -> str:
        """The name of the way in whose accounts this one vouches for: its own, unless it only asks another."""
        return self.kit.name

    async def check_password(self, username: str, password: str) -> Identity:
        """Who this is, asked without a page. Raises Refused and Unavailable."""
        raise Refused("passwords_not_checked")

    async def refresh(self, identity: Identity) -> Identity:
        """What the provider says now of somebody who is logged in; raises Refused when they may no longer be."""
        return identity

    async def logout(self, request: LogoutRequest) -> Redirect | None:
        """Where to send a visitor who logs out, so that the provider's session ends too."""
        return None

    async def ended(self, message: ProviderMessage) -> Ended:
        """What a message about a logout at the provider means; raises Refused where it is not the provider's."""
        raise Refused("logout_messages_not_understood")

    async def document(self) -> Document | None:
        """What the gateway publishes for this plugin, such as SAML metadata."""
        return None

    async def examine(self, sample: str) -> Identity:
        """Who a sample would be, without anybody logging in: a username to look up, or a response of the provider."""
        raise Refused("samples_not_understood")

    async def findings(self) -> Sequence[Finding]:
        """What can be said of the provider now: whether it answers, what expires soon."""
        return ()

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Open and close what must live as long as the gateway runs."""
        yield
