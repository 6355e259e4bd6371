import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.model.access import Role
from proxy.model.estate import ResourceKind
from proxy.services.audit_secrets import HIDDEN, plain, readable

CANARY = "canary-4711"
SECRET_NAMES = [
    "password",
    "passwords",
    "password_hash",
    "basic_password_hash",
    "new_password",
    "DB_PASSWORD2",
    "passwordHash",
    "passphrase",
    "admin_token",
    "accessToken",
    "tokens",
    "apikey",
    "api_key",
    "apiKey",
    "key",
    "keys",
    "secret",
    "client_secret",
    "clientSecrets",
    "hash",
    "Authorization",
    "cookie",
    "Cookie",
    "assertion",
    "bearer",
    "csrf",
    "credential",
    "credentials",
    "env",
    "environment",
    "pin",
]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_value_under_the_name_of_a_secret_is_not_shown(name: str) -> None:
    assert plain(CANARY, name) == HIDDEN
    assert plain({"outer": [{name: CANARY}]}) == {"outer": [{name: HIDDEN}]}


@pytest.mark.parametrize("name", ["password_expired", "token_id", "hashed_at", "keyboard", "monkey", "pins_left"])
def test_a_name_that_only_speaks_of_a_secret_hides_nothing(name: str) -> None:
    assert plain("shown", name) == "shown"


def test_of_environment_variables_the_names_are_shown_and_no_value() -> None:
    assert plain({"env": {"A": 1, "B": {"C": CANARY}}}) == {"env": {"A": HIDDEN, "B": {"C": HIDDEN}}}


def test_a_token_that_is_described_is_shown_and_its_value_is_not() -> None:
    told = plain({"token": {"id": "t-1", "name": "ci", "value": "fwp_0123456789abcdef"}})
    assert told == {"token": {"id": "t-1", "name": "ci", "value": HIDDEN}}


def test_it_shows_whether_there_was_a_secret() -> None:
    assert [plain(value, "password") for value in (None, "", True, 0)] == [None, "", True, HIDDEN]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://ada:canary@line-3/", f"http://{HIDDEN}@line-3/"),
        ("kept as $argon2id$v=19$m=1,t=1$c2FsdA$aGFzaA, he said", f"kept as {HIDDEN} he said"),
        ("Bearer fws_abcdefgh-12345", f"Bearer {HIDDEN}"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", HIDDEN),
        ("ada@acme.example", "ada@acme.example"),
        ("nul \0 and half a pair \ud800", "nul \N{REPLACEMENT CHARACTER} and half a pair ?"),
    ],
)
def test_what_looks_like_a_secret_is_not_shown_whatever_its_name(text: str, shown: str) -> None:
    assert readable(text) == shown


def test_values_of_ours_become_plain_ones() -> None:
    told = plain(
        {
            "role": Role.VIEWER,
            "kind": ResourceKind.PAGE,
            "tags": frozenset("ba"),
            "at": datetime(2026, 1, 1, tzinfo=UTC),
        }
    )
    assert told == {"role": "viewer", "kind": "page", "tags": ["a", "b"], "at": "2026-01-01 00:00:00+00:00"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_whatever_comes_is_json_that_every_store_can_keep(value: object) -> None:
    json.dumps(plain(value), allow_nan=False).encode()


@pytest.mark.parametrize(
    "name", sorted({*SECRET_NAMES} - {"key", "keys", "tokens", "admin_token", "accessToken", "api_key", "apiKey"})
)
def test_no_depth_brings_a_secret_to_light(name: str) -> None:
    assert CANARY not in json.dumps(plain({"at": [{name: [CANARY, {"inner": CANARY}]}, {name: {"inner": [CANARY]}}]}))
