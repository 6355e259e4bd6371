"""What instances that are made through the API must fit in with."""

import pytest

from config.addresses import Listen
from config.schema import Settings
from proxy.services.administration.instances import own_listeners

LISTEN = Listen(host="127.0.0.1", port=8080)


@pytest.mark.parametrize(
    ("written", "own"),
    [
        ({}, {LISTEN, Listen(host="127.0.0.1", port=9090)}),
        ({"server": {"operations": None}}, {LISTEN}),
        ({"server": {"redirect_http": ["0.0.0.0:80"], "operations": None}}, {LISTEN, Listen(host="0.0.0.0", port=80)}),
        (
            {"server": {"workers": 2}, "state": {"shared": "redis://cache:6379"}},
            {LISTEN, *(Listen(host="127.0.0.1", port=port) for port in (9090, 9091)), Listen(host="cache", port=6379)},
        ),
        (
            {"server": {"operations": None}, "state": {"database": "postgresql://me:it@db/flowward"}},
            {LISTEN, Listen(host="db", port=5432)},
        ),
    ],
)
def test_listeners_and_stores_are_the_gateways_own(written: dict[str, object], own: set[Listen]) -> None:
    assert set(own_listeners(Settings.model_validate(written))) == own
