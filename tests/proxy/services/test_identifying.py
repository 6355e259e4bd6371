"""Credentials on requests, checked: whose they are, and what guessing costs."""

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typing_extensions import override

from auth_plugins import AuthPlugin, CredentialRequest, Identity, PluginSettings, Refused, Unavailable
from auth_plugins.registry import Provider
from auth_plugins.testkit import kit
from config import schema
from config.auth_schema import AuthEntry
from proxy.model.audit import AuditQuery
from proxy.model.identity import Person, User
from proxy.services.allowances import Allowances
from proxy.services.identifying import Identifying, Recognised, name_in
from proxy.services.lockout import Lockout
from proxy.services.ratelimit import TooOften
from proxy.store import PutPerson, Store
from tests.peers.state import open_store
from tests.proxy.services.test_lockout import OFFICE

ADA = Identity(subject="17", username="ada", groups=("ops",), amr=("pwd", "otp"), ends=2000.0)


class Nothing(PluginSettings):
    """No options."""


class Answering(AuthPlugin[Nothing]):
    """Answers what a test has put there."""

    reads = frozenset({"authorization", "x-badge"})
    answer: Identity | Exception | None = None

    @override
    async def identify(self, request: CredentialRequest) -> Identity | None:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@dataclass
class House:
    identifying: Identifying
    store: Store
    plugin: Answering = field(default_factory=lambda: Answering(Nothing(), kit()))
    person: Person = field(default_factory=lambda: Person(user=User(id="u-ada", username="ada"), memberships={}))
    refused: Refused | None = None
    vouched: bool = False
    now: float = 1000.0

    async def whose(self, provider: Provider, identity: Identity, address: str) -> tuple[Person, bool]:
        if self.refused is not None:
            raise self.refused
        return self.person, self.vouched

    async def ask(
        self, answer: Identity | Exception | None, *, name: str = "ada", again: bool = False
    ) -> Recognised | None:
        self.plugin.answer = answer
        pair = base64.b64encode(f"{name}:secret".encode()).decode()
        request = CredentialRequest(headers={"authorization": f"Basic {pair}"} if name else {"x-badge": "7"})
        provider = Provider(entry=AuthEntry(name="corp", plugin="answering"), plugin=self.plugin)
        return await self.identifying.ask(provider, request, OFFICE, again)

    async def refusal(self, answer: Exception | Identity, *, name: str = "ada", again: bool = False) -> str:
        with pytest.raises(Refused) as refused:
            await self.ask(answer, name=name, again=again)
        return refused.value.code

    async def locked(self) -> int:
        page = await self.store.database.events(AuditQuery(events=("account.locked",)))
        return len(page.items)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_store(tmp_path, lambda: found.now) as store:
        person = Person(user=User(id="u-ada", username="ada"), memberships={})
        await store.database.edit([PutPerson(person=person)], [])
        limits = schema.Limits.model_validate({"login": "1000/1s"})
        rule = schema.Lockout(failures=3)
        identifying = Identifying(
            whose=lambda provider, identity, address: found.whose(provider, identity, address),  # noqa: PLW0108 - found is yet to be
            allowances=Allowances(store.shared, lambda: limits, lambda: found.now),
            lockout=Lockout(
                store.database,
                store.shared,
                lambda: rule,
                lambda: found.now,
                spared=lambda: (),
                notice=lambda _: None,
            ),
            database=store.database,
            now=lambda: found.now,
        )
        found = House(identifying, store)
        yield found


WRONG = Refused("credentials_wrong")


async def test_it_is_our_user_with_what_the_provider_said(house: House) -> None:
    house.vouched = True
    for name in ("ada", ""):
        assert await house.ask(ADA, name=name) == Recognised(
            user_id="u-ada", provider="corp", amr=("pwd", "otp"), groups=("ops",), ends=2000.0, vouched=True
        )


async def test_what_is_none_of_its_kind_is_nobodys_and_no_attempt(house: House) -> None:
    house.identifying.allowances._limits = lambda: schema.Limits.model_validate({"login": "1/60s"})
    for _ in range(3):
        assert await house.ask(None) is None


async def test_an_identity_that_has_ended_is_nobodys(house: House) -> None:
    house.now = 2000.0
    assert await house.refusal(ADA, name="") == "identity_ended"


async def test_guesses_lock_an_account_and_that_is_on_record(house: House) -> None:
    assert [await house.refusal(WRONG) for _ in range(3)] == ["credentials_wrong"] * 3
    assert await house.refusal(ADA) == "account_locked"
    assert await house.refusal(WRONG, name="nobody") == "credentials_wrong"
    assert await house.locked() == 1


async def test_the_same_wrong_one_again_is_no_new_guess_but_opens_nothing_that_is_locked(house: House) -> None:
    for _ in range(5):
        assert await house.refusal(WRONG, again=True) == "credentials_wrong"
    assert await house.ask(ADA) is not None
    for _ in range(3):
        await house.refusal(WRONG)
    assert await house.refusal(WRONG, again=True) == "account_locked"


@pytest.mark.parametrize("code", ["second_factor_required", "sso_required"])
async def test_a_right_password_that_does_not_do_here_is_no_guess(house: House, code: str) -> None:
    house.refused = Refused(code)
    for _ in range(5):
        assert await house.refusal(ADA) == code
    house.refused = None
    assert await house.ask(ADA) is not None


async def test_who_has_a_new_password_to_choose_does_so_first(house: House) -> None:
    house.person = Person(user=User(id="u-ada", username="ada", password_expired=True), memberships={})
    assert await house.refusal(ADA) == "password_expired"


async def test_what_has_no_name_is_not_counted_by_one(house: House) -> None:
    for _ in range(5):
        assert await house.refusal(WRONG, name="") == "credentials_wrong"
    assert await house.ask(ADA) is not None


async def test_trouble_is_no_attempt(house: House) -> None:
    house.identifying.allowances._limits = lambda: schema.Limits.model_validate({"login": "1/60s"})
    for _ in range(3):
        with pytest.raises(Unavailable):
            await house.ask(Unavailable("directory_unreachable"))
    assert await house.ask(ADA) is not None
    with pytest.raises(TooOften):
        await house.ask(ADA)


@pytest.mark.parametrize(
    ("field", "name"),
    [("Basic YWRhOng6eQ==", "ada"), ("Basic YWRh", None), ("Basic !", None), ("Bearer YWRhOng=", None), ("", None)],
)
def test_the_name_is_that_beside_a_password(field: str, name: str | None) -> None:
    assert name_in({"authorization": field}) == name
