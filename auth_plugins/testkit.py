"""For tests of plugins: a kit without a network, a visitor who logs in, and the promises every plugin keeps."""

# ruff: noqa: S101, ARG001

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from auth_plugins.contract import Accounts, Answer, AuthPlugin, Fetch, Kit, Passwords
from auth_plugins.values import (
    CredentialRequest,
    Form,
    Identity,
    LoginRequest,
    Misconfigured,
    Redirect,
    Refused,
    Unavailable,
)

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class Time:
    """A clock that moves only when told."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass(slots=True)
class Memory:
    """A vault in a dict."""

    clock: Callable[[], float]
    kept: dict[str, tuple[str, float]] = field(default_factory=dict)

    async def put_new(self, key: str, value: str, seconds: float) -> str:
        found = self.kept.get(key)
        if found is None or found[1] <= self.clock():
            found = self.kept[key] = (value, self.clock() + seconds)
        return found[0]

    async def take(self, key: str) -> str | None:
        value, until = self.kept.pop(key, ("", 0.0))
        return value if until > self.clock() else None


@dataclass(slots=True)
class People:
    """Accounts by username: (password, identity)."""

    known: Mapping[str, tuple[str, Identity]]

    async def check(self, username: str, password: str) -> Identity:
        kept, identity = self.known.get(username, ("", None))
        if identity is None or kept != password:
            raise Refused("credentials_wrong")
        return identity


async def nothing_outside(
    method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> Answer:
    """A fetch that reaches nobody."""
    raise Unavailable("no_network")


async def at_once(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """An offload that does not wait for anything."""
    return work(*args, **kwargs)


async def no_passwords(provider: str, username: str, password: str) -> Identity:
    """A gateway without another way in."""
    raise Misconfigured("provider_unknown", f"there is no way in named {provider}")


def kit(
    *,
    now: Callable[[], float] | None = None,
    accounts: Accounts | None = None,
    fetch: Fetch = nothing_outside,
    passwords: Passwords = no_passwords,
    name: str = "test",
    base: str = "https://gate.example/-/auth/test",
) -> Kit:
    """A kit for tests: a clock that stands still, an empty vault, nobody known, nothing outside."""
    clock = now or Time()
    return Kit(
        now=clock,
        vault=Memory(clock),
        fetch=fetch,
        offload=at_once,
        accounts=accounts or People({}),
        passwords=passwords,
        name=name,
        base=base,
    )


@dataclass(frozen=True, slots=True)
class Visitor:
    """Someone in front of the login page of one plugin."""

    plugin: AuthPlugin[Any]

    async def arrives(self) -> Identity | Form | Redirect:
        return await self.plugin.login(LoginRequest())

    async def posts(self, **fields: str) -> Identity | Form | Redirect:
        return await self.plugin.login(LoginRequest(fields=fields))


class Conformance:
    """Promises of every plugin, as tests: subclass it and return the plugin from `plugin`."""

    def plugin(self) -> AuthPlugin[Any]:
        raise NotImplementedError

    async def test_a_visitor_who_has_posted_nothing_is_never_let_in(self) -> None:
        if self.plugin().offers_login():
            assert not isinstance(await Visitor(self.plugin()).arrives(), Identity)

    async def test_empty_fields_are_refused(self) -> None:
        form = await Visitor(self.plugin()).arrives() if self.plugin().offers_login() else None
        if isinstance(form, Form):
            try:
                answer = await Visitor(self.plugin()).posts(**dict.fromkeys((each.name for each in form.fields), ""))
            except Refused:
                return
            assert not isinstance(answer, Identity)

    async def test_every_field_has_a_label_and_a_name_of_its_own(self) -> None:
        form = await Visitor(self.plugin()).arrives() if self.plugin().offers_login() else None
        if isinstance(form, Form):
            names = [each.name for each in form.fields]
            assert all(each.label for each in form.fields)
            assert len(set(names)) == len(names)

    async def test_a_request_without_a_credential_is_nobodys(self) -> None:
        if self.plugin().identifies():
            assert await self.plugin().identify(CredentialRequest()) is None

    def test_what_it_reads_is_spelled_in_lower_case(self) -> None:
        assert all(name == name.lower() for name in self.plugin().reads)
