"""How tokens look, how they are found, and whom they stand for at the API."""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.model.access import Reason
from proxy.model.identity import Person, Token, TokenKind, User, UserState
from proxy.services.tokens import (
    Presented,
    TokenRefused,
    Tokens,
    Uses,
    digest,
    new_value,
    presented,
    reveals,
    within_networks,
)
from proxy.store import StoreUnavailable

VALUE = new_value(TokenKind.PERSONAL, bytes)
NOW = 1_800_000_000.0
CI = Token(id="t-ci", kind=TokenKind.PERSONAL, name="ci", created=NOW, user="u-ada")


def basic(text: str) -> bytes:
    return b"Basic " + base64.b64encode(text.encode())


@dataclass
class Store:
    """What a database says about tokens."""

    known: dict[bytes, Token] = field(default_factory=lambda: {digest(VALUE.encode()): CI})
    people: dict[str, Person] = field(
        default_factory=lambda: {"u-ada": Person(user=User(id="u-ada", username="ada"), memberships={})}
    )
    used: list[tuple[str, float]] = field(default_factory=list)
    away: bool = False

    async def token(self, hash_: bytes) -> Token | None:
        return self.known.get(hash_)

    async def person(self, user_id: str) -> Person | None:
        return self.people.get(user_id)

    async def touch_tokens(self, used: Iterable[tuple[str, float]]) -> None:
        if self.away:
            raise StoreUnavailable("gone")
        self.used += used


@pytest.mark.parametrize(("kind", "prefix"), list(zip(TokenKind, ("fwp_", "fwh_", "fws_"), strict=True)))
def test_a_value_is_a_prefix_and_32_random_bytes(kind: TokenKind, prefix: str) -> None:
    one, other = new_value(kind), new_value(kind)
    assert one != other
    assert re.fullmatch(prefix + r"[A-Za-z0-9_-]{43}", one)
    assert new_value(kind, lambda size: b"\xff" * size) == prefix + base64.urlsafe_b64encode(b"\xff" * 32).decode()[:43]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"Bearer " + VALUE.encode(), Presented(hash=digest(VALUE.encode()))),
        (b"bEARER   " + VALUE.encode() + b" ", Presented(hash=digest(VALUE.encode()))),
        (basic(f"plc:{VALUE}"), Presented(hash=digest(VALUE.encode()), basic=True)),
        (b"Bearer fwp_short", Presented(hash=None)),
        (b"Bearer " + VALUE.encode() + b"x", Presented(hash=None)),
        (basic("plc:fwh_"), Presented(hash=None, basic=True)),
        (b"Bearer ghp_" + b"A" * 43, None),
        (b"Bearer fwx_" + b"A" * 43, None),
        (b"Token " + VALUE.encode(), None),
        (basic(f"{VALUE}:"), None),
        (b"Basic !!", None),
        (b"Basic", None),
        (b"", None),
    ],
)
def test_only_tokens_of_ours_are_recognised(sent: bytes, expected: Presented | None) -> None:
    assert presented(sent) == expected


@given(st.binary(max_size=80))
def test_whatever_is_sent_is_looked_at_without_harm(sent: bytes) -> None:
    found = presented(sent)
    assert found is None or found.hash is None
    assert not reveals(sent) or b"fw" in sent


@pytest.mark.parametrize(
    "sent",
    [
        b"Bearer " + VALUE.encode(),
        b"Token token=" + VALUE.encode(),
        VALUE.encode(),
        basic(f"{VALUE}:"),
        basic(f":{VALUE}"),
    ],
)
def test_a_value_is_noticed_wherever_it_stands(sent: bytes) -> None:
    assert reveals(sent)
    assert not reveals(sent[:30])


@pytest.mark.parametrize(
    ("networks", "address", "inside"),
    [
        ((), "203.0.113.7", True),
        (("10.0.0.0/8",), "10.1.2.3", True),
        (("10.0.0.0/8",), "::ffff:10.1.2.3", True),
        (("10.0.0.0/8",), "11.0.0.1", False),
        (("10.0.0.0/8", "2001:db8::/32"), "2001:db8::1", True),
        (("fe80::/10",), "fe80::1%eth0", True),
        (("10.0.0.0/8",), "unix", False),
    ],
)
def test_networks_say_from_where(networks: tuple[str, ...], address: str, inside: bool) -> None:
    assert within_networks(replace(CI, networks=networks), address) is inside


async def test_a_use_is_written_down_once_a_minute_and_not_lost() -> None:
    store, uses = Store(), Uses()
    for at in (0, 30, 59.9):
        uses.note(CI, NOW + at)
    await uses.flush(store)  # type: ignore[arg-type]
    uses.note(CI, NOW + 60)
    store.away = True
    with pytest.raises(StoreUnavailable):
        await uses.flush(store)  # type: ignore[arg-type]
    store.away = False
    await uses.flush(store)  # type: ignore[arg-type]
    await uses.flush(store)  # type: ignore[arg-type]
    assert store.used == [("t-ci", NOW), ("t-ci", NOW + 60)]


async def test_what_is_on_record_already_is_not_written_again() -> None:
    store, uses = Store(), Uses()
    uses.note(replace(CI, last_used=NOW - 10), NOW)
    await uses.flush(store)  # type: ignore[arg-type]
    assert store.used == []


def tokens(store: Store) -> Tokens:
    return Tokens(database=store, uses=Uses(), now=lambda: NOW)  # type: ignore[arg-type]


async def test_a_token_acts_for_its_person() -> None:
    store = Store()
    api = tokens(store)
    actor = await api.actor_of(b"Bearer " + VALUE.encode(), "203.0.113.7")
    assert actor is not None
    assert (actor.user_id, actor.token, actor.session, actor.address) == ("u-ada", CI, None, "203.0.113.7")
    await api.uses.flush(store)  # type: ignore[arg-type]
    assert store.used == [("t-ci", NOW)]


@pytest.mark.parametrize("sent", [b"Bearer other", basic(f"ada:{VALUE}")])
async def test_what_presents_no_bearer_token_of_ours_is_nobody(sent: bytes) -> None:
    assert await tokens(Store()).actor_of(sent, "") is None


HTTP = replace(CI, kind=TokenKind.HTTP, user=None, instance="r-line-3")


@pytest.mark.parametrize(
    ("token", "state", "reason", "status"),
    [
        (None, UserState.ACTIVE, Reason.CREDENTIALS_WRONG, 401),
        (replace(CI, expires=NOW), UserState.ACTIVE, Reason.CREDENTIALS_WRONG, 401),
        (CI, UserState.SUSPENDED, Reason.CREDENTIALS_WRONG, 401),
        (replace(CI, user="u-gone"), UserState.ACTIVE, Reason.CREDENTIALS_WRONG, 401),
        (HTTP, UserState.ACTIVE, Reason.TOKEN_SCOPE, 403),
        (replace(CI, networks=("10.0.0.0/8",)), UserState.ACTIVE, Reason.TOKEN_SCOPE, 403),
    ],
)
async def test_a_token_that_is_not_good_is_refused(
    token: Token | None, state: UserState, reason: Reason, status: int
) -> None:
    store = Store()
    store.known = {digest(VALUE.encode()): token} if token else {}
    ada = store.people["u-ada"]
    store.people["u-ada"] = replace(ada, user=replace(ada.user, state=state))
    with pytest.raises(TokenRefused) as denied:
        await tokens(store).actor_of(b"Bearer " + VALUE.encode(), "203.0.113.7")
    assert (denied.value.decision.reason, denied.value.decision.status) == (reason, status)
    owner = "u-ada" if token and token.user == "u-ada" else None
    by = denied.value.by
    assert (by.id, by.token, by.source, by.address) == (owner, token.id if token else None, "api", "203.0.113.7")


async def test_what_only_looks_like_a_token_is_refused_without_asking() -> None:
    with pytest.raises(TokenRefused):
        await tokens(Store()).actor_of(b"Bearer fws_nothing", "")
