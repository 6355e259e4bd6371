"""For tests of plugins: a kit without a network, a visitor who logs in, and the promises every plugin keeps."""

# ruff: noqa: S101, ARG001

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, ParamSpec, TypeVar

from auth_plugins.contract import Accounts, Answer, AuthPlugin, Fetch, Kit, Passwords
from auth_plugins.values import (
    NOTHING,
    CredentialRequest,
    Form,
    Identity,
    LoginRequest,
    Misconfigured,
    ProviderMessage,
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


@dataclass(slots=True)
class Visitor:
    """Someone in front of the login page of one plugin, and on the way to its provider and back."""

    plugin: AuthPlugin[Any]
    flow: str = "flow-1"
    """What the gateway calls this login."""
    kept: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """What the plugin kept when it sent the visitor away."""

    async def arrives(self, *, hint: str = "", again: bool = False) -> Identity | Form | Redirect:
        """The first step; `hint` is what was typed before this way in was chosen."""
        return self._sent(await self.plugin.login(LoginRequest(flow=self.flow, hint=hint, again=again)))

    async def posts(self, **fields: str) -> Identity | Form | Redirect:
        """Fills in the form."""
        return self._sent(await self.plugin.login(LoginRequest(fields=fields, flow=self.flow)))

    async def returns(self, **fields: str) -> Identity | Form | Redirect:
        """Comes back from the provider, which sends the flow along unless another one is given."""
        sent = {self.plugin.flow_field: self.flow, **fields}
        request = LoginRequest(fields=sent, flow=self.flow, returned=True, keep=self.kept)
        return self._sent(await self.plugin.login(request))

    async def sends(
        self, headers: Mapping[str, str] = NOTHING, *, peer: str = "", certificate: bytes = b""
    ) -> Identity | None:
        """Sends a request with these headers, of which the plugin gets to see those that it reads."""
        seen = {name: value for name, value in headers.items() if name in self.plugin.reads}
        return await self.plugin.identify(CredentialRequest(headers=seen, peer=peer, certificate=certificate))

    def _sent(self, step: Identity | Form | Redirect) -> Identity | Form | Redirect:
        if isinstance(step, Redirect):
            self.kept = step.keep
        return step


NONSENSE: Final = (
    "",
    " ",
    "x",
    "\u202e\u0000",
    "A" * 10_000,
    "Basic",
    "Bearer",
    "Basic Og==",
    "e30.e30.",
    "[]",
    "{}",
    "<a/>",
)
"""What nobody sends who means it."""


class Conformance:
    """Promises of every plugin, as tests: subclass it and return the plugin from `plugin`."""

    def plugin(self) -> AuthPlugin[Any]:
        """A plugin as the gateway would build it, anew at each call."""
        raise NotImplementedError

    async def test_a_visitor_who_has_posted_nothing_is_never_let_in(self) -> None:
        if self.plugin().offers_login():
            assert not isinstance(await Visitor(self.plugin()).arrives(), Identity)

    async def test_empty_fields_are_refused(self) -> None:
        form = await Visitor(self.plugin()).arrives() if self.plugin().offers_login() else None
        if isinstance(form, Form):
            names = (each.name for each in form.fields)
            assert not isinstance(await _refused(Visitor(self.plugin()).posts(**dict.fromkeys(names, ""))), Identity)

    async def test_every_field_has_a_label_and_a_name_of_its_own(self) -> None:
        form = await Visitor(self.plugin()).arrives() if self.plugin().offers_login() else None
        if isinstance(form, Form):
            names = [each.name for each in form.fields]
            assert all(each.label for each in form.fields)
            assert len(set(names)) == len(names)

    async def test_whoever_is_sent_away_is_known_when_they_come_back(self) -> None:
        """An address of the provider carries the flow, or nobody could tell whose answer comes back."""
        plugin = self.plugin()
        step = await Visitor(plugin, flow="a-flow-of-its-own").arrives() if plugin.offers_login() else None
        if isinstance(step, Redirect):
            assert "a-flow-of-its-own" in step.url or "a-flow-of-its-own" in step.post.values()

    async def test_whoever_comes_back_with_nonsense_is_not_let_in(self) -> None:
        for nonsense in NONSENSE if self.plugin().offers_login() else ():
            visitor = Visitor(self.plugin())
            if isinstance(await visitor.arrives(), Redirect):
                for fields in ({}, {"code": nonsense}, {"SAMLResponse": nonsense}, {"error": nonsense}):
                    assert not isinstance(await _refused(visitor.returns(**fields)), Identity)

    async def test_whoever_was_never_sent_away_is_not_let_in(self) -> None:
        if self.plugin().offers_login():
            request = LoginRequest(fields={"code": "x", "SAMLResponse": "x"}, returned=True)
            assert not isinstance(await _refused(self.plugin().login(request)), Identity)

    async def test_a_request_without_a_credential_is_nobodys(self) -> None:
        if self.plugin().identifies():
            assert await self.plugin().identify(CredentialRequest()) is None

    async def test_nonsense_is_nobodys_credential(self) -> None:
        """It is refused or passed over; what is raised besides would be a defect."""
        for name in self.plugin().reads - {"peer", "certificate"}:
            for nonsense in NONSENSE:
                sent = CredentialRequest(headers={name: nonsense}, peer="192.0.2.1", certificate=b"x")
                assert await _refused(self.plugin().identify(sent)) is None

    async def test_an_empty_password_is_nobodys(self) -> None:
        if self.plugin().checks_passwords():
            assert await _refused(self.plugin().check_password("ada", "")) is None

    async def test_messages_and_samples_that_are_nonsense_mean_nothing(self) -> None:
        for nonsense in NONSENSE:
            message = ProviderMessage(fields={"logout_token": nonsense, "SAMLRequest": nonsense}, query=nonsense)
            ended = await _refused(self.plugin().ended(message))
            assert ended is None or (ended.subject, ended.session) == ("", "")
            assert await _refused(self.plugin().examine(nonsense)) is None

    def test_what_it_reads_is_spelled_in_lower_case(self) -> None:
        assert all(name == name.lower() for name in self.plugin().reads)


async def _refused(answer: Awaitable[T]) -> T | None:
    """What is answered; None where it is refused, or the provider could not be asked."""
    try:
        return await answer
    except (Refused, Unavailable):
        return None
