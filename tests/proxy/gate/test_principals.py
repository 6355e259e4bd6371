"""Principals are found by key and user, and forgotten when nobody holds them."""

import gc
from math import inf

from proxy.gate.principal import Kind, Principal
from proxy.gate.principals import Principals
from proxy.model.identity import Token, TokenKind


def token(name: str, user: str | None = "u-ada") -> Principal:
    of = Token(id=name, kind=TokenKind.PERSONAL, name=name, created=0.0, user=user)
    return Principal(Kind.TOKEN, f"token:{name}", token=of, expires=inf, idle=inf, seen=0.0)


def test_those_of_a_user_are_found_without_looking_at_others() -> None:
    principals = Principals()
    mine, other, nobodys = [token("a"), token("b")], token("c", "u-vic"), token("d", None)
    for principal in (*mine, other, nobodys):
        principals.add(principal)
    assert {each.key for each in principals.of_user("u-ada")} == {"token:a", "token:b"}
    assert principals.of_user("u-vic") == [other]
    assert principals.of_user("u-nobody") == []
    assert principals.get("token:d") is nobodys


def test_who_is_taken_out_or_held_by_nobody_is_gone() -> None:
    principals = Principals()
    one, other = token("a"), token("b")
    principals.add(one)
    principals.add(other)
    assert principals.pop("token:a") is one
    assert principals.pop("token:a") is None
    assert principals.of_user("u-ada") == [other]
    del other
    gc.collect()
    assert (len(principals), principals.of_user("u-ada")) == (0, [])


def test_those_who_are_gone_take_no_room_for_ever() -> None:
    principals = Principals()
    kept = token("kept")
    principals.add(kept)
    for number in range(5000):
        principals.add(token(str(number), f"u-{number}"))
    gc.collect()
    assert len(principals._by_user) <= 2049
    assert principals.of_user("u-ada") == [kept]


def test_nobody_is_left_after_all_were_forgotten() -> None:
    principals = Principals()
    one = token("a")
    principals.add(one)
    principals.clear()
    assert (list(principals), principals.of_user("u-ada")) == ([], [])
