"""The isolation report as each of its readers gets it: of what they may open, by names they may know, and not too often."""

import pytest

from proxy.model.estate import InstanceSettings, Resource, ResourceKind
from proxy.services.administration.instances import UNSET
from tests.proxy.web.api.house import Answer
from tests.proxy.web.api.yard import NONE, OWNER, Someone, Team, Yard

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def lines(yard: Yard) -> Team:
    """A team whose instances listen nowhere yet, so that nothing has to be waited for."""
    team = await yard.team()
    for slug in ("p1", "p2"):
        line = (await yard.estate()).resources[team.at(slug, "line")]
        await yard.put(unset(line.id, team.at(slug)))
    return team


def unset(id_: str, parent: str, owner: str | None = None) -> Resource:
    settings = InstanceSettings(upstream=UNSET, hosts=(f"{id_}.localhost",))
    return Resource(
        id=id_,
        kind=ResourceKind.INSTANCE,
        slug="line" if owner is None else id_,
        parent=parent,
        owner=owner,
        instance=settings,
    )


async def report(who: Someone, space: str) -> Answer:
    answer = await who.get(f"/checks/isolation?space={space}")
    assert answer.status == 200, answer.text
    return answer


def told(answer: Answer) -> list[tuple[object, object]]:
    faults = answer.json["faults"]
    assert isinstance(faults, list)
    return [(fault["place"]["id"], fault["address"]) for fault in faults]


async def test_t_19_an_owner_who_is_kept_out_of_an_instance_reads_nothing_of_it(yard: Yard) -> None:
    team = await lines(yard)
    all_, kept_out = (
        await yard.someone({team.id: OWNER}),
        await yard.someone({team.id: OWNER}, {team.id: {team.at("p2"): NONE}}),
    )
    assert (await kept_out.get(f"/instances/{team.at('p2', 'line')}")).status == 403
    whole, part = await report(all_, team.id), await report(kept_out, team.id)
    line = (team.at("p1", "line"), f"{team.slug}/p1/line")
    assert (told(part), part.json["instances"]) == ([line], 1)
    assert (told(whole), whole.json["instances"]) == ([line, (team.at("p2", "line"), f"{team.slug}/p2/line")], 2)
    assert team.at("p2") not in part.text


async def test_t_06_the_report_names_nothing_that_its_reader_may_not_know(yard: Yard) -> None:
    team = await lines(yard)
    customer = await yard.below(team.id)
    theirs = unset(yard.name("line"), team.at("p1"), customer.id)
    await yard.put(theirs)
    inside = await yard.someone({customer.id: OWNER})
    async with yard.set_to(tenant_mode=True):
        found = await report(inside, customer.id)
        assert (await inside.get(f"/instances/{theirs.id}")).json["address"] is None
    assert told(found) == [(theirs.id, None)]
    assert team.slug not in found.text


async def test_a_report_is_had_as_often_as_the_limit_of_checks_says(yard: Yard) -> None:
    team = await lines(yard)
    owner, other = await yard.someone({team.id: OWNER}), await yard.someone({team.id: OWNER})
    answers = [await owner.get(f"/checks/isolation?space={team.id}") for _ in range(20)]
    statuses = [answer.status for answer in answers]
    assert statuses[:10] == [200] * 10
    assert 429 in statuses
    refused = next(answer for answer in answers if answer.status == 429)
    assert refused.code == "too_many_requests"
    async with yard.house.program(owner.client, read_only=True) as program:
        assert (await program.get(f"/checks/isolation?space={team.id}")).status == 429, "a token is its user's"
    assert (await report(other, team.id)).status == 200
