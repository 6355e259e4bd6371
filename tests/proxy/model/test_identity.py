"""People and their sessions."""

import pytest

from proxy.model.access import Role
from proxy.model.identity import Session


@pytest.mark.parametrize(("now", "alive"), [(0.0, True), (59.9, True), (60.0, False), (100.0, False)])
def test_a_session_is_alive_until_it_is_idle_or_at_its_end(now: float, alive: bool) -> None:
    session = Session(id="s", user_id="u", provider="local", amr=(), created=0.0, seen=0.0, expires=100.0, idle=60.0)
    assert session.alive(now) is alive


@pytest.mark.parametrize(
    ("now", "idle", "absolute", "alive"),
    [
        (59.0, None, None, True),
        (59.0, 50.0, None, False),
        (90.0, 99.0, None, True),
        (30.0, None, 30.0, False),
        (29.0, None, 30.0, True),
        (101.0, 500.0, 500.0, False),
    ],
)
def test_an_instance_may_have_times_of_its_own(
    now: float, idle: float | None, absolute: float | None, alive: bool
) -> None:
    session = Session(id="s", user_id="u", provider="local", amr=(), created=0.0, seen=0.0, expires=100.0, idle=60.0)
    assert session.alive(now, idle=idle, absolute=absolute) is alive


def test_roles_are_ordered_and_named() -> None:
    assert sorted(Role) == [Role.NONE, Role.DASHBOARD, Role.VIEWER, Role.MEMBER, Role.OWNER, Role.ADMIN]
    assert [role.label for role in Role] == ["none", "dashboard", "viewer", "member", "owner", "admin"]
