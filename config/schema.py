"""flowward.yaml: what an operator decides about the gateway itself."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from config.accounts_schema import Accounts
from config.addresses import HostName, Listen, ListenSetting, NetworkSetting, Origin, OriginSetting
from config.audit_schema import Audit
from config.auth_schema import AuthEntry
from config.base import Listing, Section, wrong
from config.files import ExistingFile, PathSetting
from config.mail_schema import Mail
from config.mfa_schema import Mfa
from config.stores import DatabaseSetting, SharedSetting
from config.times import Duration, PositiveDuration, Rate, RateSetting, duration_text


class Certificate(Section):
    """A certificate and its key, both PEM."""

    certificate: ExistingFile = Field(description="PEM file with the certificate, then its chain.")
    key: ExistingFile = Field(description="PEM file with the private key, without a passphrase.")


class Tls(Certificate):
    """TLS on every address of `server.listen`."""

    hosts: Mapping[HostName, Certificate] = Field(
        default={}, description="Certificates for further host names, chosen by SNI."
    )
    client_ca: ExistingFile | None = Field(
        default=None,
        description="PEM file of the CAs whose client certificates are taken, for the plugins certificate and headers; "
        "null asks visitors for none.",
    )
    client_crl: ExistingFile | None = Field(
        default=None,
        description="PEM file with a revocation list of every CA in client_ca; null where nothing is revoked.",
    )
    client_certificate: Literal["optional", "required"] = Field(
        default="optional", description="Whether a connection without a client certificate is refused."
    )

    @field_validator("client_crl", "client_certificate")
    @classmethod
    def _needs_client_ca(cls, value: object, info: ValidationInfo) -> object:
        if value not in (None, "optional") and info.data.get("client_ca") is None:
            raise wrong("has no effect without client_ca", "Name the CAs in client_ca, or leave this out.")
        return value


class Timeouts(Section):
    """How long each step of an exchange may take."""

    head: PositiveDuration = Field(default=10.0, description="For a client to send a complete request head.")
    idle: PositiveDuration = Field(default=75.0, description="For a kept-alive client connection without a request.")
    connect: PositiveDuration = Field(default=5.0, description="For a connection to an instance, TLS included.")
    response: PositiveDuration = Field(
        default=60.0, description="For an instance to begin its response; longer than engine.io's polls of 25s."
    )
    stream: PositiveDuration = Field(default=120.0, description="For a pause inside a body, in either direction.")
    event_stream: PositiveDuration = Field(
        default=3600.0, description="For a pause inside a text/event-stream response."
    )
    pooled: PositiveDuration = Field(
        default=4.0, description="For an unused connection to an instance; below Node's own 5s."
    )


class Server(Section):
    """Where the gateway listens and how it is reached."""

    listen: Listing[ListenSetting] = Field(
        default=(Listen(host="127.0.0.1", port=8080),), min_length=1, description="Addresses for visitors."
    )
    public_url: OriginSetting = Field(
        default=Origin(scheme="http", host="localhost", port=8080),
        description="The gateway's own origin as browsers see it: login, console, API. Plain http only on localhost names.",
    )
    homes: Listing[OriginSetting] = Field(
        default=(), description="Further origins of the gateway itself, which carry no instance."
    )
    trusted_proxies: Listing[NetworkSetting] = Field(
        default=(), description="Networks whose X-Forwarded-* and Forwarded headers are believed."
    )
    operations: ListenSetting | None = Field(
        default=Listen(host="127.0.0.1", port=9090),
        description="Address of /healthz, /readyz and /metrics; null for none.",
    )
    workers: int = Field(default=1, ge=1, description="Processes. More than 1 needs a Redis in state.shared.")
    fast_lane: bool = Field(
        default=True, description="Carry ordinary traffic in the fast lane; false sends all of it through aiohttp."
    )
    allow_public_http: bool = Field(
        default=False, description="Permit instances with http_auth mode none, which anyone may use."
    )
    insecure_shared_origin: bool = Field(
        default=False,
        description="Permit instances on the gateway's own host, where their scripts share its origin. Warned of at start.",
    )
    tls: Tls | None = Field(default=None, description="Certificates; null where a proxy in front ends TLS.")
    redirect_http: Listing[ListenSetting] = Field(
        default=(), description="Addresses that answer plain http with 308 to the same address on https."
    )
    hsts: Duration = Field(
        default=31536000.0, description="max-age of Strict-Transport-Security where tls is on; 0 sends none."
    )
    drain: Duration = Field(default=30.0, description="For requests under way to finish after SIGTERM.")
    connections: int = Field(default=20000, ge=1, description="Open client connections at most, websockets included.")
    connections_per_address: int = Field(default=2048, ge=1, description="The same, per address.")
    timeouts: Timeouts = Field(default=Timeouts(), description="Deadlines of the steps of an exchange.")


SHORTEST_TIMEOUT: Final = 1.0
"""Seconds for the state to answer; anything shorter fails at every hiccup of a disk."""
LONGEST_TIMEOUT: Final = 60.0
"""Seconds; nobody waits longer for a page."""


class State(Section):
    """Where state is kept."""

    directory: PathSetting = Field(
        default=Path("var"), validate_default=True, description="Directory of the secrets and of SQLite's files."
    )
    database: DatabaseSetting = Field(
        default="sqlite", description="Users, spaces, resources, grants and audit: SQLite's file, or a PostgreSQL."
    )
    shared: SharedSetting = Field(
        default="embedded",
        description="Sessions, limits and what wakes other processes: within the database and this process, or a Redis "
        "for several workers or replicas.",
    )
    timeout: PositiveDuration = Field(
        default=3.0, description="For an answer of the database, or of Redis, that a request waits for; 1s to 1m."
    )

    @field_validator("timeout")
    @classmethod
    def _timeout_is_bearable(cls, timeout: float) -> float:
        if not SHORTEST_TIMEOUT <= timeout <= LONGEST_TIMEOUT:
            limits = f"{duration_text(SHORTEST_TIMEOUT)} to {duration_text(LONGEST_TIMEOUT)}"
            raise wrong(f"must be {limits}", "Keep 3s unless the database is far away or its disk is slow.")
        return timeout

    @property
    def alone(self) -> bool:
        """Whether everything is in the directory, so that no other machine can share it."""
        return self.database == "sqlite" and self.shared == "embedded"


class Session(Section):
    """How long a login lasts."""

    absolute: PositiveDuration = Field(default=604800.0, description="From login to the end, whatever happens.")
    idle: PositiveDuration = Field(
        default=115200.0, description="Without activity; polls and open sockets are none. Shorter than absolute."
    )
    grace: Duration = Field(
        default=300.0, description="For known sessions to go on while their store cannot be reached."
    )

    @field_validator("idle")
    @classmethod
    def _idle_is_shorter(cls, idle: float, info: ValidationInfo) -> float:
        absolute = info.data.get("absolute")
        if absolute is not None and idle >= absolute:
            raise wrong(f"must be shorter than absolute ({duration_text(absolute)})", "Lower idle or raise absolute.")
        return idle


class Lockout(Section):
    """When an account refuses logins for a while, the right password included."""

    failures: int = Field(
        default=10, ge=2, le=1000, description="Wrong passwords within `seconds`, without a right one in between."
    )
    seconds: PositiveDuration = Field(
        default=900.0, description="How long it then refuses every login; twice as long each time it happens again."
    )
    longest: PositiveDuration = Field(
        default=86400.0, description="The longest it gets. After twice this time without a lock it begins anew."
    )

    @field_validator("longest")
    @classmethod
    def _is_no_shorter(cls, longest: float, info: ValidationInfo) -> float:
        return _no_shorter(longest, info)


class Ban(Section):
    """When an address may not try to log in for a while, whatever the account."""

    failures: int = Field(
        default=50, ge=2, le=10000, description="Wrong passwords from one address within `seconds`, over all accounts."
    )
    seconds: PositiveDuration = Field(
        default=900.0, description="How long it is then refused; twice as long each time it happens again."
    )
    longest: PositiveDuration = Field(
        default=86400.0, description="The longest it gets. After twice this time without a ban it begins anew."
    )

    @field_validator("longest")
    @classmethod
    def _is_no_shorter(cls, longest: float, info: ValidationInfo) -> float:
        return _no_shorter(longest, info)


def _no_shorter(longest: float, info: ValidationInfo) -> float:
    seconds = info.data.get("seconds", longest)
    if longest < seconds:
        raise wrong(f"must not be shorter than seconds ({duration_text(seconds)})", "Raise longest or lower seconds.")
    return longest


class Limits(Section):
    """How often something may be tried, as count per duration. All of it may come at once."""

    login: RateSetting = Field(
        default=Rate(count=5, seconds=30.0),
        description="Logins per address and account; twenty times as many per address.",
    )
    mfa: RateSetting = Field(
        default=Rate(count=5, seconds=30.0), description="Second factors tried, per login and per account."
    )
    lockout: Lockout = Field(default=Lockout(), description="What becomes of an account whose password is guessed at.")
    ban: Ban = Field(default=Ban(), description="What becomes of an address that guesses at many accounts.")
    forgot: RateSetting = Field(
        default=Rate(count=2, seconds=60.0), description="Requests for a link to a new password, per address."
    )
    sign_up: RateSetting = Field(default=Rate(count=2, seconds=60.0), description="Sign-ups, per address.")
    verify: RateSetting = Field(
        default=Rate(count=2, seconds=60.0),
        description="Codes that are tried to verify a mail address, per address, and changes of one's own address.",
    )
    token_create: RateSetting = Field(default=Rate(count=5, seconds=30.0), description="New tokens, per user.")
    activation: RateSetting = Field(
        default=Rate(count=5, seconds=30.0), description="Passwords chosen by an activation link, per address."
    )
    invites: RateSetting = Field(default=Rate(count=5, seconds=30.0), description="Invitations, per user.")
    callback: RateSetting = Field(
        default=Rate(count=20, seconds=60.0),
        description="Answers that visitors bring from login providers, and logouts they bring, per address.",
    )
    checks: RateSetting = Field(
        default=Rate(count=10, seconds=60.0),
        description="Isolation reports, for each of which all instances of a space are asked, per user.",
    )
    api: RateSetting = Field(
        default=Rate(count=1000, seconds=60.0), description="Requests to the API, per session or token."
    )
    anonymous: RateSetting = Field(
        default=Rate(count=100, seconds=60.0),
        description="Requests without a login, to the gateway's own pages and wherever an instance asks for one, per "
        "address.",
    )


class Log(Section):
    """What is written to standard output."""

    format: Literal["json", "console"] = Field(default="json", description="One JSON object per line, or for people.")
    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="The least that is logged.")
    access: bool = Field(default=True, description="Log one line per request.")


class Settings(Section):
    """flowward.yaml, whole."""

    server: Server = Field(default=Server(), description="Listeners, addresses and deadlines.")
    state: State = Field(default=State(), description="Where state is kept.")
    session: Session = Field(default=Session(), description="How long a login lasts.")
    auth: Listing[AuthEntry] = Field(
        default=(AuthEntry(name="local", plugin="local"),),
        min_length=1,
        description="Ways to log in, in the order offered.",
    )
    mfa: Mfa = Field(default=Mfa(), description="Who has to prove a second factor.")
    accounts: Accounts = Field(default=Accounts(), description="Passwords that are taken, and who may make an account.")
    mail: Mail | None = Field(default=None, description="The mail server; null to mail nothing.")
    limits: Limits = Field(default=Limits(), description="How often something may be tried.")
    audit: Audit = Field(default=Audit(), description="How long the audit log is kept, and where it goes.")
    log: Log = Field(default=Log(), description="What is logged, and how.")
    estate: Listing[PathSetting] = Field(
        default=(), description="Estate files, applied at start; what they declare is read-only in the console."
    )

    @field_validator("auth")
    @classmethod
    def _names_are_unique(cls, entries: tuple[AuthEntry, ...]) -> tuple[AuthEntry, ...]:
        names = [entry.name for entry in entries]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise wrong(f"has the name {twice[0]} more than once", "Give every entry a name of its own.")
        return entries

    @model_validator(mode="before")
    @classmethod
    def _parts_know_their_file(cls, value: object) -> object:
        # A default is not validated, so paths in it would be relative to the process, not to the file.
        local = {"name": "local", "plugin": "local"}
        return {"state": {}, "auth": [local], **value} if isinstance(value, Mapping) else value
