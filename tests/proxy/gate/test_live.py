"""Open connections, by whose they are."""

from dataclasses import dataclass, field, replace

import pytest

from proxy.gate.live import LiveConnections, close_code, rights_of
from proxy.gate.principal import Kind, Principal
from proxy.model.access import Decision, Reason, Role
from proxy.nodered.surfaces import Surface
from tests.proxy.gate.house import LINE_3, House, instance


def principal(key: str) -> Principal:
    return Principal(Kind.SESSION, key, expires=1.0, idle=1.0, seen=0.0)


@dataclass(eq=False)
class Open:
    principal: Principal
    resource_id: str = "r-line-3"
    surface: Surface = Surface.SOCKET
    rights: object = None
    place: object = None
    told: list[Reason] = field(default_factory=list)

    def end(self, reason: Reason) -> None:
        self.told.append(reason)


def test_connections_are_found_by_principal_until_they_are_gone() -> None:
    live = LiveConnections()
    ada, vic = principal("ada"), principal("vic")
    first, second, third = Open(ada), Open(ada, "r-line-4"), Open(vic)
    for one in (first, second, third):
        live.add(one)
    assert len(live) == 3
    assert set(live.of(["ada", "nobody"])) == {first, second}
    assert live.count_by_instance() == {"r-line-3": 2, "r-line-4": 1}
    live.remove(first)
    live.remove(first)
    assert set(live.of(["ada"])) == {second}
    live.remove(second)
    assert live.of(["ada"]) == []
    assert list(live) == [third]


def test_all_are_told_why_they_end() -> None:
    live = LiveConnections()
    one = Open(principal("ada"))
    live.add(one)
    live.end_all(Reason.DRAINING)
    assert one.told == [Reason.DRAINING]


def test_an_open_editor_stays_while_its_scopes_do_and_a_dashboard_while_its_role_does() -> None:
    station = House().world([instance("line-3", LINE_3)]).stations["r-line-3"]
    member = Decision(allowed=True, reason=Reason.ROLE, role=Role.MEMBER)
    owner = replace(member, role=Role.OWNER)
    viewer = replace(member, role=Role.VIEWER)
    assert rights_of(station, Surface.COMMS, member) == rights_of(station, Surface.COMMS, owner)
    assert rights_of(station, Surface.COMMS, member) != rights_of(station, Surface.COMMS, viewer)
    assert rights_of(station, Surface.SOCKET, member) != rights_of(station, Surface.SOCKET, owner)


@pytest.mark.parametrize(
    ("reason", "code"),
    [(Reason.SESSION_ENDED, 4401), (Reason.NO_ACCESS, 4403), (Reason.NOT_FOUND, 4403), (Reason.DRAINING, 1012)],
)
def test_a_websocket_is_told_by_its_close_code_why(reason: Reason, code: int) -> None:
    assert close_code(reason) == code
