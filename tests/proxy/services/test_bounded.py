"""Memory with a bound."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.services.bounded import Bounded


def test_when_it_is_full_the_oldest_tenth_goes() -> None:
    memory: Bounded[int, str] = Bounded(20)
    for key in range(20):
        assert memory.keep(key, "x") == "x"
    memory.keep(20, "x")
    assert sorted(memory) == list(range(2, 21))


def test_what_is_there_is_replaced_without_forgetting_anything() -> None:
    memory: Bounded[int, str] = Bounded(2)
    memory.keep(1, "a")
    memory.keep(2, "b")
    memory.keep(1, "c")
    assert memory == {1: "c", 2: "b"}


@given(st.integers(1, 30), st.lists(st.integers(0, 100), max_size=80))
def test_it_is_never_larger_than_its_bound_and_knows_the_last(limit: int, keys: list[int]) -> None:
    memory: Bounded[int, int] = Bounded(limit)
    for key in keys:
        memory.keep(key, key)
        assert memory[key] == key
        assert len(memory) <= limit
