"""Two customers of one team in tenant mode: what is shared with both tells neither of the other.

Each operation of the table that reads is asked for by people of the one before the other is there, and again afterwards:
no answer may have changed, in a list, a number, a name or a page. Where the other one has done something to what is shared
with both, what is told of it names nobody.
"""

import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from proxy.model.access import Role
from proxy.model.estate import Grant, PlatformSettings
from proxy.services.audit import By, happened, on_resource
from proxy.web.api.openapi import description
from proxy.web.api.table import OPERATIONS
from tests.proxy.web.api.house import Client
from tests.proxy.web.api.probing import asked, probes, shape, tells
from tests.proxy.web.api.tenants import (
    AGENT,
    EVERYWHERE,
    FROM,
    HUB,
    OTHER,
    OWN,
    PEOPLE,
    Names,
    agent,
    estate,
    furnished,
    hub,
    names,
    shared,
    shared_names,
)
from tests.proxy.web.api.yard import Yard, opened

pytestmark = pytest.mark.timeout(300)

READERS = ("owner", "viewer", "dashboard", "customer", "group")
LOGS = {"get_audit", "get_audit_export_csv"}
"""They tell of the very requests that are sent here."""


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[Yard]:
    """Tenant mode, a team, and one customer of it."""
    async with opened(tmp_path, **EVERYWHERE) as yard:
        await yard.put(*hub(), *estate(OWN, HUB), *shared(OWN), agent(OWN), PlatformSettings(tenant_mode=True))
        yield yard


async def the_other_comes(yard: Yard) -> tuple[str, ...]:
    """The second customer, with all that it has; ids of it that do not carry its mark."""
    await yard.put(*estate(OTHER, HUB), *shared(OTHER), agent(OWN, OTHER))
    made = await furnished(yard, OTHER)
    return tuple(made.values())


async def told(client: Client, own: Names) -> Mapping[str, tuple[object, ...]]:
    """What every operation that reads answers, by request."""
    found: dict[str, tuple[object, ...]] = {}
    for operation in asked():
        if operation.method != "GET" or operation.name in LOGS:
            continue
        for probe in probes(operation):
            if not probe.slot:
                answer = await probe.sent(client, own)
                found[str(probe)] = shape(answer, "")
    return found


@pytest.mark.parametrize("who", READERS)
async def test_t_05_t_06_t_20_nothing_that_can_be_read_changes_when_another_tenant_is_there(
    one: Yard, who: str
) -> None:
    """6.1 rows 2 to 6, with tenant mode on."""
    made = await furnished(one, OWN)
    mine = names(OWN, made)
    theirs = shared_names(mine, OWN)
    client = await one.logged_in(f"{OWN}-{who}")
    before = await told(client, mine), await told(client, theirs)
    await the_other_comes(one)
    after = await told(client, mine), await told(client, theirs)
    for was, now in zip(before, after, strict=True):
        changed = [f"{key}: {was[key]} became {now[key]}" for key in was if was[key] != now[key]]
        assert not changed, "\n".join(changed)


@pytest.mark.parametrize("who", READERS)
async def test_t_06_what_another_tenant_did_to_what_is_shared_names_nobody(one: Yard, who: str) -> None:
    """6.1 row 5: actors, members, 'shared with', explanations, previews and errors."""
    yard = one
    made = await furnished(yard, OWN)
    secrets = (OTHER, FROM, *(await the_other_comes(yard)))
    await _history(yard)
    own = shared_names(names(OWN, made), OWN)
    found: list[str] = []
    async with AsyncExitStack() as stack:
        client = await yard.logged_in(f"{OWN}-{who}")
        program = await stack.enter_async_context(yard.house.program(client))
        for caller in (client, program):
            for operation in asked():
                for probe in probes(operation):
                    if probe.slot:
                        continue
                    answer = await probe.sent(caller, own)
                    if leaked := tells(answer, "", secrets):
                        found.append(f"{probe}: {answer.status} {answer.text} tells {leaked}")
    assert not found, "\n".join(found)


async def _history(yard: Yard) -> None:
    """People of the other tenant work with what is shared; its owner hands it on, and takes back."""
    owner = await yard.logged_in(f"{HUB}-owner")
    for name in (OTHER, f"{OTHER}-customer"):
        grant = {"space": f"{name}-slug", "role": "member"}
        for target in ("line", "page", "folder"):
            path = f"/resources/{HUB}-{target}/grants"
            there = (await owner.get(f"{path}/{name}-slug")).status == 200
            assert (await owner.post(path, grant, **({"If_Match": "*"} if there else {}))).status == 200
    assert (await owner.delete(f"/resources/{HUB}-line/grants/{OTHER}-customer-slug")).status == 204
    for space in (f"{OTHER}-slug", f"{HUB}-slug"):
        assert (await owner.put(f"/resources/{HUB}-gauge/owner", {"owner": space})).status == 200
    await yard.put(Grant(target=f"{OWN}-line", space=HUB, role=Role.VIEWER))
    scope = on_resource(await yard.estate(), (await yard.estate()).resources[f"{HUB}-line"])
    by = By(id=f"{OTHER}-member", name=f"{OTHER}-member-login", address=FROM)
    token = By(name=f"{OTHER}-plc", token="t-other", address=FROM)
    events = [happened("flows.set", at=time.time(), by=each, on=scope, body={"type": "full"}) for each in (by, token)]
    await yard.house.running.store.database.record(*events)


async def test_t_06_no_exact_address_no_name_and_no_id_finds_somebody_of_another_tenant(one: Yard) -> None:
    """The same answer as for nobody, letter by letter, from every place that takes a person."""
    await the_other_comes(one)
    owner = await one.logged_in(f"{OWN}-owner")
    group = f"{OWN}-group"
    for key in (f"{OTHER}-member", f"{OTHER}-member-login", f"member@{OTHER}.example"):
        nobody = key.replace(OTHER, "quetzalowl")
        for method, path, body in (
            ("GET", "/directory?query={}", None),
            ("GET", f"/spaces/{group}/members?query={{}}", None),
            ("GET", f"/spaces/{group}/members/{{}}", None),
            ("POST", f"/spaces/{group}/members", {"user": "{}", "role": "viewer"}),
            ("GET", f"/explain?user={{}}&may=instance:http&on={OWN}-line", None),
            ("GET", f"/audit?scope=space&id={OWN}&user={{}}", None),
            ("GET", f"/audit?scope=space&id={OWN}&query={{}}", None),
            ("POST", f"/spaces/{group}/invitations", {"to": "{}", "role": "viewer"}),
        ):
            both = [
                await owner.call(
                    method,
                    path.format(name),
                    {at: value.format(name) for at, value in body.items()} if body else None,
                )
                for name in (key, nobody)
            ]
            assert shape(both[0], key) == shape(both[1], nobody), (method, path, key)


def test_t_20_every_operation_that_offers_people_or_spaces_is_a_picker_and_is_among_those_asked() -> None:
    """Recipients of scheduled reports are chosen from these lists and no others: the gateway itself mails no reports."""
    pickers = {
        path
        for path, methods in json.loads(description())["paths"].items()
        for operation in methods.values()
        if "picker" in operation["tags"]
    }
    assert pickers == {each.path for each in OPERATIONS if each.picker}
    assert pickers <= {each.path for each in asked() if each.method == "GET"}
    assert {"/directory", "/spaces", "/spaces/{space}/members", "/search"} <= pickers


def test_readers_are_of_the_tenant() -> None:
    assert set(READERS) < PEOPLE.keys()
    assert AGENT not in PEOPLE
