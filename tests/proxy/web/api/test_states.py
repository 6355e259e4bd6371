"""Counts by state, R-04: they are what the lists hold, for whoever asks; and what the gateway knows of instances."""

from dataclasses import replace
from typing import get_args

import pytest

from proxy.model.estate import Grant, HttpAuth
from proxy.web.api.states import State
from tests.peers.answers import plain
from tests.peers.upstream import upstream
from tests.proxy.web.api.yard import DASHBOARD, MEMBER, NONE, OWNER, VIEWER, Team, Yard

pytestmark = pytest.mark.asyncio(loop_scope="module")

STATES: tuple[State, ...] = get_args(State)


async def mixed(yard: Yard) -> Team:
    """Instances in every state: p1 up and protected, p2 down, p3 anybody's, p4 never asked."""
    team = await yard.team("p1", "p2", "p3", "p4")
    resources = (await yard.estate()).resources
    for slug, changed in (("p1", {"protected": True}), ("p3", {"http_auth": HttpAuth.NONE})):
        line = resources[team.at(slug, "line")]
        assert line.instance is not None
        await yard.put(replace(line, instance=replace(line.instance, **changed)))  # type: ignore[arg-type]
    traffic = yard.house.running.gateway.traffic
    traffic.upstream(f"{team.slug}/p1/line", None)
    traffic.upstream(f"{team.slug}/p2/line", "refused")
    return team


async def test_r04_counts_by_state_are_what_the_lists_hold_for_every_role(yard: Yard) -> None:
    team = await mixed(yard)
    customer = await yard.below(team.id)
    await yard.put(Grant(target=team.at("p2"), space=customer.id, role=VIEWER))
    people = [await yard.someone({team.id: role}) for role in (DASHBOARD, VIEWER, MEMBER, OWNER)]
    people += [
        await yard.someone({team.id: VIEWER}, {team.id: {team.at("p1"): NONE}}),
        await yard.someone({team.id: DASHBOARD}, {team.id: {team.at("p2"): MEMBER}}),
        await yard.someone({customer.id: OWNER}),
        await yard.someone(),
    ]
    for person in people:
        everything = set(await person.ids("/instances"))
        found = {state: await person.ids(f"/instances?state={state}") for state in STATES}
        for state, ids in found.items():
            counts = (await person.get(f"/counts?kind=instance&state={state}")).json
            assert {name: number for name, number in counts.items() if number is not None} == {"instances": len(ids)}
        assert {*found["protected"], *found["open"]} == everything
        assert sorted([*found["up"], *found["down"], *found["unknown"]]) == sorted(everything)


async def test_each_state_holds_its_instances(yard: Yard) -> None:
    team = await mixed(yard)
    viewer = await yard.someone({team.id: VIEWER})
    found = {state: {id_.split("-")[1] for id_ in await viewer.ids(f"/instances?state={state}")} for state in STATES}
    assert found == {
        "protected": {"p1"},
        "open": {"p2", "p3", "p4"},
        "public": {"p3"},
        "up": {"p1"},
        "down": {"p2"},
        "unknown": {"p3", "p4"},
    }


async def test_an_instance_is_up_once_it_was_reached(yard: Yard) -> None:
    team = await yard.team("p1")
    owner = await yard.someone({team.id: OWNER})
    line = (await yard.estate()).resources[team.at("p1", "line")]
    assert line.instance is not None
    assert await owner.ids("/instances?state=unknown") == [line.id]
    await yard.settings(upstream_allow=("127.0.0.0/8",))
    try:
        async with upstream(plain(b"ok")) as node:
            at = f"http://127.0.0.1:{node.port}"
            public = replace(line.instance, upstream=at, public=("/api",))
            await yard.put(replace(line, instance=public))
            url = yard.house.site.home.replace("localhost", line.instance.hosts[0])
            assert (await owner.client.visitor.request("GET", f"{url}/api")).status == 200
        assert await owner.ids("/instances?state=up") == [line.id]
    finally:
        await yard.settings()


async def test_the_launcher_knows_no_more_of_an_instance_than_whether_it_is_up(yard: Yard) -> None:
    team = await mixed(yard)
    user = await yard.someone({team.id: DASHBOARD})
    assert await user.ids("/instances?view=launcher&state=up") == [team.at("p1", "line")]
    for state in ("protected", "open", "public"):
        answer = await user.get(f"/instances?view=launcher&state={state}")
        assert (answer.status, list(answer.faults)) == (422, ["?state"])
