"""S-02 on the gateway as an operator starts it: logins, forged addresses, and millions of addresses."""

from pathlib import Path

import pytest
from aiohttp import ClientResponse

from proxy.access.gcra import Rate
from proxy.store import SUBJECTS
from proxy.store.memory import LocalLimits
from tests.peers.answers import plain
from tests.peers.gateway import PASSWORD, Site, Visitor, estate, visitor
from tests.peers.upstream import upstream
from tests.proxy.app.house import metrics, value

SLOW: dict[str, object] = {"login": "5/1h"}
"""As many as by default, and none of them comes back while passwords are hashed."""
FORGED = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Client-IP", "CF-Connecting-IP")


async def _login(somebody: Visitor, name: str, password: str, **headers: str) -> ClientResponse:
    body = f'{{"username": "{name}", "password": "{password}"}}'
    sent = {"Content-Type": "application/json", "Origin": somebody.site.home, **headers}
    return await somebody.request("POST", f"{somebody.site.home}/-/api/v1/auth/login", headers=sent, data=body)


async def test_s_02_the_sixth_login_waits_whatever_is_forged_and_another_address_does_not(tmp_path: Path) -> None:
    async with upstream(plain(b"ok")) as instance:
        site = Site(tmp_path, estate([{"slug": "a", "hosts": ["a.localhost"], "upstream": instance.url}]))
        site.settings = {"server": {"trusted_proxies": ["127.0.0.2/32"]}, "limits": SLOW}
        async with site.process(), visitor(site) as somebody:
            forged = [{name: f"203.0.113.{number}"} for number, name in enumerate(FORGED)]
            answers = [await _login(somebody, "max", "wrong", **headers) for headers in forged]
            assert [answer.status for answer in answers] == [401] * 5
            for headers in ({}, *forged):
                answer = await _login(somebody, "max", PASSWORD, **headers)
                assert answer.status == 429
                assert 0 < int(answer.headers["Retry-After"]) <= 720
                assert answer.headers["RateLimit-Policy"] == '"login";q=5;w=3600'
            assert (await _login(somebody, "vic", PASSWORD)).status == 200, "another account"
            told = await metrics(site)
            assert value(told, "flowward_refusals_total", instance="", reason="too_many_requests") == 6
        site.settings = {"server": {"trusted_proxies": ["127.0.0.1/32"]}, "limits": SLOW}
        async with site.process(), visitor(site) as somebody:
            from_one = [
                (await _login(somebody, "max", "wrong", **{"X-Forwarded-For": "192.0.2.1"})).status for _ in range(6)
            ]
            assert from_one == [401] * 5 + [429]
            other = await _login(somebody, "max", PASSWORD, **{"X-Forwarded-For": "192.0.2.1, 192.0.2.2"})
            assert other.status == 200, "another address"


@pytest.mark.parametrize("subjects", [200_000])
def test_millions_of_addresses_take_bounded_memory_and_set_none_of_the_worst_free(subjects: int) -> None:
    limit = LocalLimits(lambda: 1000.0).limit("anonymous", Rate(count=2, period=60.0))
    worst = [f"192.0.2.{number}" for number in range(200)]
    for address in worst:
        while limit.admit(address) == 0:
            pass
    for number in range(subjects):
        limit.admit(f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::/64")
    assert len(limit._buckets) <= SUBJECTS
    assert all(limit.admit(address) > 0 for address in worst)
