"""Connections are counted in all and by address."""

from proxy.gate.crowd import Crowd


def test_an_address_may_hold_so_many_connections_and_no_more() -> None:
    crowd = Crowd(connections=10, connections_per_address=2)
    assert [crowd.enter("::1") for _ in range(3)] == [True, True, False]
    assert crowd.enter("::2")
    crowd.leave("::1")
    crowd.leave("::1")
    assert crowd.enter("::1")


def test_a_proxy_that_speaks_for_many_is_limited_in_all_only() -> None:
    crowd = Crowd(connections=3, connections_per_address=1)
    assert [crowd.enter("::1", trusted=True) for _ in range(4)] == [True, True, True, False]


def test_other_limits_hold_for_those_who_come() -> None:
    crowd = Crowd(connections=3, connections_per_address=3)
    assert crowd.enter("::1")
    crowd.take_over(connections=1, connections_per_address=1)
    assert not crowd.enter("::2")
    assert len(crowd) == 2
