"""Two tenants in one gateway: whoever of one asks whatever of the other's, nothing comes back, not even that it is there.

Each operation of the table is asked with names of the other tenant's things and, beside each, with a name of nothing that
reads alike: both answers have to be the same, but for what was sent.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from proxy.model.estate import PlatformSettings
from proxy.web.api.table import OPERATIONS
from tests.proxy.web.api.house import Client
from tests.proxy.web.api.probing import BODIES, LEFT_OUT, Probe, asked, probes, shape, tells
from tests.proxy.web.api.tenants import (
    EVERYWHERE,
    HUB,
    NOBODYS,
    OTHER,
    OWN,
    PEOPLE,
    Names,
    estate,
    furnished,
    hub,
    names,
)
from tests.proxy.web.api.yard import Yard, opened

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Two:
    """The gateway with both tenants in it."""

    yard: Yard
    above: str | None
    """The team whose customers they are; None where they are teams themselves."""
    own: Names
    other: Names
    secrets: tuple[str, ...]
    """What no answer to the one tenant holds: the other's mark, and its ids that have none."""


@pytest.fixture
async def two(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Two]:
    above: str | None = getattr(request, "param", None)
    async with opened(tmp_path, **EVERYWHERE) as yard:
        await yard.put(*(hub() if above else ()), *estate(OWN, above), *estate(OTHER, above))
        own, other = await furnished(yard, OWN), await furnished(yard, OTHER)
        secrets = (OTHER, *other.values())
        yield Two(yard=yard, above=above, own=names(OWN, own), other=names(OTHER, other), secrets=secrets)


def nobodys(value: str) -> str:
    """A name of nothing that reads like this one."""
    return value.replace(OTHER, NOBODYS) if OTHER in value else value[::-1]


EVERYBODY = [*((who, False) for who in PEOPLE), ("owner", True), ("customer", True)]
AS_CUSTOMERS = [("owner", False), ("viewer", False), ("customer", False), ("owner", True)]
"""Where the tenants are customers of one team: whoever else there is has less than one of these."""


@pytest.mark.parametrize(
    ("two", "tenant_mode", "who", "token"),
    [
        *((None, tenant_mode, *each) for tenant_mode in (False, True) for each in EVERYBODY),
        *((HUB, True, *each) for each in AS_CUSTOMERS),
    ],
    ids=str,
    indirect=["two"],
)
async def test_one_tenant_does_not_learn_whether_something_is_anothers_or_is_not_at_all(
    two: Two, who: str, token: bool, tenant_mode: bool
) -> None:
    yard = two.yard
    await yard.put(replace(PlatformSettings(), tenant_mode=tenant_mode))
    found: list[str] = []
    async with AsyncExitStack() as stack:
        client = await yard.logged_in(f"{OWN}-{who}")
        if token:
            client = await stack.enter_async_context(yard.house.program(client))
        for operation in asked():
            for probe in probes(operation):
                found += await _leaks(two, client, probe)
    assert not found, "\n".join(found)


async def _leaks(two: Two, client: Client, probe: Probe) -> list[str]:
    """What is wrong with the answers to a probe, in words."""
    if not probe.slot:
        answer = await probe.sent(client, two.own)
        await _put_back(two, answer.status, probe)
        told = tells(answer, "", two.secrets)
        return [f"{probe}: {answer.status} {answer.text} tells {told}"] if told else []
    found: list[str] = []
    for value in two.other[probe.kind]:
        answer = await probe.sent(client, two.own, value)
        await _put_back(two, answer.status, probe)
        if told := tells(answer, value, two.secrets):
            found.append(f"{probe} as {value}: {answer.status} {answer.text} tells {told}")
        if probe.taken:
            continue
        nothing = await probe.sent(client, two.own, nobodys(value))
        await _put_back(two, nothing.status, probe)
        if shape(answer, value) != shape(nothing, nobodys(value)):
            found.append(
                f"{probe} as {value}: {answer.status} {answer.text} differs from {nothing.status} {nothing.text}"
            )
    return found


async def _put_back(two: Two, status: int, probe: Probe) -> None:
    """What was changed is again as it was, so that the next request meets the same."""
    if status < 300 and probe.operation.method != "GET":
        await two.yard.put(*estate(OWN, two.above))


def test_every_operation_is_asked() -> None:
    assert {each.name for each in OPERATIONS if each.body and each.name not in LEFT_OUT} == BODIES.keys()
    assert LEFT_OUT.keys() <= {each.name for each in OPERATIONS}
