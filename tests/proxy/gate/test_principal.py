"""Who acts, and until when."""

from dataclasses import replace

import pytest

from proxy.gate.principal import Kind, Principal, nobody
from proxy.model.estate import InstanceSettings
from proxy.model.identity import Session

SESSION = Session(id="s", user_id="u", provider="local", amr=(), created=0.0, seen=0.0, expires=0.0, idle=0.0)


@pytest.mark.parametrize(
    ("now", "idle", "absolute", "alive"),
    [
        (100.0, None, None, True),
        (159.9, None, None, True),
        (160.0, None, None, False),
        (160.0, 500.0, None, True),
        (110.0, 10.0, None, False),
        (999.9, 5000.0, None, True),
        (1000.0, 5000.0, None, False),
        (199.9, 5000.0, 200.0, True),
        (200.0, 5000.0, 200.0, False),
        (1000.0, 5000.0, 9000.0, False),
    ],
)
def test_a_session_ends_at_its_absolute_end_or_when_idle(
    now: float, idle: float | None, absolute: float | None, alive: bool
) -> None:
    """An instance may have times of its own; its absolute end is never later than the session's."""
    settings = InstanceSettings(upstream="http://127.0.0.1:1", session_idle=idle, session_absolute=absolute)
    session = replace(SESSION, expires=1000.0)
    principal = Principal(Kind.SESSION, "s", session=session, expires=1000.0, idle=60.0, seen=100.0)
    assert principal.alive(now, settings) is alive
    principal.end()
    assert not principal.alive(now, settings)


@pytest.mark.parametrize("idle", [None, 1.0])
def test_who_has_no_session_has_none_that_could_end(idle: float | None) -> None:
    """An instance's own idle time says nothing about visitors without a login."""
    assert nobody().alive(1e9, InstanceSettings(upstream="http://127.0.0.1:1", session_idle=idle))
    assert nobody().user_id is None
