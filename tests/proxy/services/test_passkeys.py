"""Passkeys: what is taken for one, and all that is not."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from webauthn.helpers import base64url_to_bytes

from auth_plugins import Refused
from proxy.model.identity import Person, User
from proxy.services.passkeys import LASTS, Challenges, Passkeys
from proxy.store import PutFactor, PutPerson
from tests.peers.authenticator import Authenticator, text
from tests.peers.state import open_store

HOST, ORIGIN = "gate.example", "https://gate.example"
ADA, EVE = User(id="u-ada", username="ada", name="Ada"), User(id="u-eve", username="eve")
BINDER = "flow 1"


@dataclass(slots=True)
class Desk:
    passkeys: Passkeys
    now: float = 1_000.0

    async def registered(self, device: Authenticator, user: User = ADA, name: str = "key") -> None:
        made = device.make(self.passkeys.to_register(user, (), BINDER))
        factor = await self.passkeys.registered(user, made, BINDER, id_=f"f-{name}", name=name, now=self.now)
        await self.passkeys.database.edit([PutFactor(factor=factor)], [])

    def options(self) -> str:
        return self.passkeys.to_assert((), BINDER)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_store(tmp_path) as store:
        await store.database.edit([PutPerson(person=Person(user=user, memberships={})) for user in (ADA, EVE)], [])
        made: list[Desk] = []
        challenges = Challenges(store.shared, b"k" * 32, lambda: made[0].now)
        passkeys = Passkeys(
            database=store.database, challenges=challenges, host=HOST, origin=ORIGIN, name=lambda: "Flowward"
        )
        made.append(Desk(passkeys))
        yield made[0]


def device(**more: object) -> Authenticator:
    return Authenticator(host=HOST, origin=ORIGIN, **more)  # type: ignore[arg-type]


async def refusal(desk: Desk, sent: str, of: User | None = None, binder: str = BINDER) -> str:
    with pytest.raises(Refused) as refused:
        await desk.passkeys.asserted(sent, binder, now=desk.now, of=of)
    return refused.value.code


@pytest.mark.parametrize(
    ("key", "amr"), [(device(), ("hwk",)), (device(synchronised=True), ("swk",)), (device(counts=False), ("hwk",))]
)
async def test_a_passkey_is_kept_and_proven(desk: Desk, key: Authenticator, amr: tuple[str, ...]) -> None:
    await desk.registered(key)
    for _ in range(2):
        found = await desk.passkeys.asserted(key.prove(desk.options()), BINDER, now=desk.now)
        assert (found.factor.user, found.amr) == ("u-ada", amr)
        assert (await desk.passkeys.asserted(key.prove(desk.options()), BINDER, now=desk.now, of=ADA)).amr == amr


async def test_an_assertion_is_good_once_also_of_a_device_that_counts_nothing(desk: Desk) -> None:
    key = device(counts=False)
    await desk.registered(key)
    sent = key.prove(desk.options())
    await desk.passkeys.asserted(sent, BINDER, now=desk.now)
    assert await refusal(desk, sent) == "challenge_spent"


async def test_of_many_who_send_the_same_assertion_one_is_right(desk: Desk) -> None:
    key = device(counts=False)
    await desk.registered(key)
    sent = key.prove(desk.options())
    tries = [desk.passkeys.asserted(sent, BINDER, now=desk.now) for _ in range(8)]
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(not isinstance(each, Refused) for each in found) == 1


Change = Callable[[Desk, Authenticator], str]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda d, k: k.prove(d.options(), origin="https://gate.example.evil"), "passkey_wrong"),
        (lambda d, k: k.prove(d.options(), origin="http://gate.example"), "passkey_wrong"),
        (lambda d, k: k.prove(d.options(), type="webauthn.create"), "passkey_wrong"),
        (lambda d, k: k.prove(d.options(), challenge="AAAA"), "challenge_spent"),
        (lambda d, k: replace(k, host="evil.example").prove(d.options()), "passkey_wrong"),
        (lambda d, k: replace(k, counter=0).prove(d.options()), "passkey_wrong"),  # a copy that lags behind
        (lambda d, k: device(credential=k.credential).prove(d.options()), "passkey_wrong"),  # another key
        (lambda d, _: device().prove(d.options()), "passkey_unknown"),
        (lambda d, k: k.prove(d.passkeys.to_assert((), "flow 2")), "challenge_spent"),  # another login's
        (lambda d, k: _without_presence(k.prove(d.options())), "passkey_wrong"),
        (lambda _, __: "", "passkey_wrong"),
        (lambda _, __: "null", "passkey_wrong"),
        (lambda _, __: '{"rawId": 1, "response": []}', "passkey_wrong"),
    ],
)
async def test_what_is_not_right_is_refused(desk: Desk, change: Change, code: str) -> None:
    key = device()
    await desk.registered(key)
    await desk.passkeys.asserted(key.prove(desk.options()), BINDER, now=desk.now)
    assert await refusal(desk, change(desk, key)) == code


def _without_presence(sent: str) -> str:
    said = json.loads(sent)
    data = said["response"]["authenticatorData"]
    said["response"]["authenticatorData"] = data[:43] + "A" + data[44:]
    return json.dumps(said)


async def test_one_of_somebody_elses_proves_nothing(desk: Desk) -> None:
    key = device()
    await desk.registered(key)
    assert await refusal(desk, key.prove(desk.options()), of=EVE) == "passkey_unknown"


async def test_a_device_that_does_not_know_its_owner_is_a_second_factor_and_not_both(desk: Desk) -> None:
    key = device(verifies=False)
    await desk.registered(key)
    assert await refusal(desk, key.prove(desk.options())) == "passkey_wrong"
    assert await desk.passkeys.asserted(key.prove(desk.options()), BINDER, now=desk.now, of=ADA)


async def test_a_challenge_lasts_ten_minutes(desk: Desk) -> None:
    key = device()
    await desk.registered(key)
    sent = key.prove(desk.options())
    desk.now += LASTS
    assert await refusal(desk, sent) == "challenge_spent"


async def test_a_registration_is_to_a_challenge_of_its_own(desk: Desk) -> None:
    key = device()
    made = key.make(desk.passkeys.to_register(ADA, (), BINDER))
    for sent, binder in ((made, "flow 2"), (key.prove(desk.options()), BINDER), ("{}", BINDER)):
        with pytest.raises(Refused):
            await desk.passkeys.registered(ADA, sent, binder, id_="f", name="", now=desk.now)
    await desk.passkeys.registered(ADA, made, BINDER, id_="f", name="", now=desk.now)
    with pytest.raises(Refused, match="challenge_spent"):
        await desk.passkeys.registered(ADA, made, BINDER, id_="f", name="", now=desk.now)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "rawId", "type", "response", "clientDataJSON", "x"]), inner, max_size=5
        )
    ),
    max_leaves=12,
)


NESTED = "[" * 15_000


@pytest.mark.parametrize(
    "sent",
    [
        NESTED,
        json.dumps({"rawId": "AAAA", "response": {"clientDataJSON": text(NESTED[:9000].encode())}}),
        '{"rawId": "AAAA", "response": ' + NESTED,
    ],
    ids=["all of it", "what the browser signed", "a part"],
)
async def test_what_is_nested_too_deeply_to_be_read_is_refused(desk: Desk, sent: str) -> None:
    assert await refusal(desk, sent) == "passkey_wrong"
    with pytest.raises(Refused, match="passkey_wrong"):
        await desk.passkeys.registered(ADA, sent, BINDER, id_="f", name="", now=desk.now)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text() | JSON.map(json.dumps))
def test_whatever_is_sent_is_refused_and_nothing_else(sent: str) -> None:
    passkeys = Passkeys(
        database=None,  # type: ignore[arg-type]
        challenges=Challenges(None, b"k" * 32, lambda: 0.0),  # type: ignore[arg-type]
        host=HOST,
        origin=ORIGIN,
        name=lambda: "x",
    )
    for ask in (
        passkeys.asserted(sent, BINDER, now=0.0),
        passkeys.registered(ADA, sent, BINDER, id_="f", name="", now=0.0),
    ):
        with pytest.raises(Refused):
            asyncio.run(ask)


@settings(max_examples=200)
@given(st.binary(max_size=300), st.integers(min_value=0, max_value=250), st.booleans())
def test_whatever_an_authenticator_is_made_to_say_is_refused_or_taken(noise: bytes, at: int, cut: bool) -> None:
    """Bytes put in the place of some of what it signs or describes."""

    class Kept:
        async def put_new(self, key: str, value: str, until: float, now: float) -> str:
            return value

    challenges = Challenges(Kept(), b"k" * 32, lambda: 0.0)  # type: ignore[arg-type]
    passkeys = Passkeys(database=None, challenges=challenges, host=HOST, origin=ORIGIN, name=lambda: "x")  # type: ignore[arg-type]
    made = json.loads(device().make(passkeys.to_register(ADA, (), BINDER)))
    right = base64url_to_bytes(made["response"]["attestationObject"])
    wrong = right[:at] + noise + (b"" if cut else right[at + len(noise) :])
    made["response"]["attestationObject"] = text(wrong)
    with suppress(Refused):
        asyncio.run(passkeys.registered(ADA, json.dumps(made), BINDER, id_="f", name="", now=0.0))
