"""Slugs of spaces: what goes by them is not had, nor got rid of, by whoever names a space."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from proxy.access.tags import tag_values
from proxy.model.estate import Grant, Resource, ResourceKind
from tests.proxy.web.api.yard import OWNER, VIEWER, Someone, Yard, opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROUPS = {"table": {"staff": {"tabled/plant": "viewer"}}, "teams": ["counted"]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def named(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Yard]:
    """A gateway whose settings name spaces."""
    settings: dict[str, object] = {
        "mfa": {"enforce": ["enforced"]},
        "auth": [{"name": "local", "plugin": "local", "groups": GROUPS}],
    }
    async with opened(tmp_path_factory.mktemp("named"), **settings) as made:  # type: ignore[arg-type]
        yield made


async def renamed(who: Someone, space: str, slug: str) -> tuple[int, object]:
    answer = await who.put(f"/spaces/{space}", {"slug": slug})
    return answer.status, answer.json.get("code")


async def test_a_slug_is_changed_by_owners_of_the_space_above_alone(yard: Yard) -> None:
    team = await yard.team()
    customer = await yard.below(team.id)
    above, inside = await yard.someone({team.id: OWNER}), await yard.someone({customer.id: OWNER})
    admin = await yard.someone(admin=True)
    assert await renamed(inside, customer.id, yard.name("n")) == (403, "role_too_low")
    assert await renamed(above, team.id, yard.name("n")) == (403, "role_too_low")
    assert await renamed(above, customer.id, yard.name("n")) == (200, None)
    assert await renamed(admin, team.id, yard.name("n")) == (200, None)
    assert (await inside.put(f"/spaces/{customer.id}", {"title": "Ours"})).status == 200


async def test_h_10_a_slug_is_changed_in_a_session_that_proved_who_it_is(yard: Yard) -> None:
    team = await yard.team()
    customer = await yard.below(team.id)
    above = await yard.someone({team.id: OWNER})
    async with yard.house.program(above.client) as program:
        answer = await program.put(f"/spaces/{customer.id}", {"slug": yard.name("n")})
        assert (answer.status, answer.code) == (403, "interactive_session_required")
        assert (await program.put(f"/spaces/{customer.id}", {"slug": customer.slug, "title": "x"})).status == 200
    yard.house.pass_(601)
    assert (await renamed(above, customer.id, yard.name("n")))[1] == "reauthentication_required"


@pytest.mark.parametrize(
    ("slug", "setting"),
    [("enforced", "mfa.enforce"), ("tabled", "auth.local.groups.table"), ("counted", "auth.local.groups.teams")],
)
async def test_a_slug_that_the_settings_name_is_not_changed(named: Yard, slug: str, setting: str) -> None:
    team = await named.team()
    admin, above = await named.someone(admin=True), await named.someone({team.id: OWNER})
    made = await above.post(f"/spaces/{team.id}/customers", {"slug": slug})
    assert made.status == 201, made.text
    for who in (admin, above):
        answer = await who.put(f"/spaces/{slug}", {"slug": named.name("n")})
        assert (answer.status, answer.code) == (409, "slug_in_settings"), answer.text
        assert setting in answer.text
    assert (await above.put(f"/spaces/{slug}", {"title": "Other"})).status == 200


async def test_what_a_customers_owner_makes_bears_the_customers_slug(yard: Yard) -> None:
    team = await yard.team()
    customer = await yard.below(team.id)
    inside, above = await yard.someone({customer.id: OWNER}), await yard.someone({team.id: OWNER})
    wanted = yard.name("beta")
    made = await inside.post(f"/spaces/{customer.id}/customers", {"slug": wanted})
    assert (made.status, made.json["slug"]) == (201, f"{wanted}_{customer.slug}")
    group = await inside.post("/spaces", {"kind": "group", "slug": "crew", "parent": customer.id})
    assert (group.status, group.json["slug"]) == (201, f"crew_{customer.slug}")
    below = await inside.post(f"/spaces/{made.json['id']}/customers", {"slug": "c"})
    assert below.json["slug"] == f"c_{wanted}_{customer.slug}"
    assert (await above.post(f"/spaces/{customer.id}/customers", {"slug": wanted})).json["slug"] == wanted
    emma = await inside.post(f"/spaces/{made.json['id']}/users", {"username": "emma"})
    assert emma.json["username"] == f"emma.{wanted}_{customer.slug}"


async def test_t_05_nobody_gets_the_rows_of_a_customer_that_is_gone_by_its_slug(yard: Yard) -> None:
    team = await yard.team()
    alpha, beta = await yard.below(team.id), await yard.below(team.id)
    await yard.put(Grant(target=team.at("p1", "line"), space=alpha.id, role=VIEWER))
    inside, above = await yard.someone({alpha.id: OWNER}), await yard.someone({team.id: OWNER})
    assert (await above.delete(f"/spaces/{beta.id}")).status == 204
    made = await inside.post(f"/spaces/{alpha.id}/customers", {"slug": beta.slug})
    assert (
        await inside.post(f"/spaces/{made.json['id']}/members", {"user": inside.id, "role": "viewer"})
    ).status == 201
    estate = await yard.estate()
    values = tag_values(estate, await yard.person(inside.id), "@tenant", estate.resources[team.at("p1", "line")])
    assert values == {alpha.slug, f"{beta.slug}_{alpha.slug}"}


async def test_a_customers_owner_renames_what_is_below_and_it_goes_on_bearing_the_customers_slug(yard: Yard) -> None:
    team = await yard.team()
    customer = await yard.below(team.id)
    inside, above = await yard.someone({customer.id: OWNER}), await yard.someone({team.id: OWNER})
    made = (await inside.post(f"/spaces/{customer.id}/customers", {"slug": "first"})).json
    assert (await inside.put(f"/spaces/{made['id']}", {"slug": made["slug"], "title": "x"})).status == 200, "as it was"
    assert (await inside.put(f"/spaces/{made['id']}", {"slug": "first"})).json["slug"] == made["slug"]
    second = await inside.put(f"/spaces/{made['id']}", {"slug": "second"})
    assert (second.status, second.json["slug"]) == (200, f"second_{customer.slug}")
    foreign = await inside.put(f"/spaces/{made['id']}", {"slug": "third_other"})
    assert (foreign.status, list(foreign.faults)) == (422, ["/slug"])
    chosen = yard.name("chosen")
    assert (await above.put(f"/spaces/{made['id']}", {"slug": chosen})).json["slug"] == chosen


async def test_no_slug_that_is_chosen_reads_like_one_that_the_gateway_made(yard: Yard) -> None:
    team = await yard.team()
    above = await yard.someone({team.id: OWNER})
    answer = await above.post(f"/spaces/{team.id}/customers", {"slug": "beta_alpha"})
    assert (answer.status, list(answer.faults)) == (422, ["/slug"])


async def test_a_slug_that_gets_too_long_is_refused_with_the_room_there_is(yard: Yard) -> None:
    team = await yard.team()
    customer = await yard.below(team.id)
    inside = await yard.someone({customer.id: OWNER})
    long = await inside.post(f"/spaces/{customer.id}/customers", {"slug": "a" * 60})
    answer = await inside.post(f"/spaces/{long.json['id']}/customers", {"slug": "b" * 60})
    assert (long.status, answer.status, list(answer.faults)) == (201, 422, ["/slug"])
    assert f"_{customer.slug} within 128" in answer.text


async def test_what_goes_back_above_from_such_a_customer_has_a_slug_of_its_own_kind(yard: Yard) -> None:
    team = await yard.team()
    customer = await yard.below(team.id)
    inside = await yard.someone({customer.id: OWNER})
    made = (await inside.post(f"/spaces/{customer.id}/customers", {"slug": "sub"})).json
    for at, owner in (("one", customer.id), ("two", str(made["id"]))):
        thing = Resource(id=f"{owner}-{at}", kind=ResourceKind.THING, slug="meter", owner=owner)
        await yard.put(thing)
    assert (await inside.delete(f"/spaces/{made['id']}")).status == 204
    estate = await yard.estate()
    assert estate.resources[f"{made['id']}-two"].slug == f"meter-sub-{customer.slug}"


async def test_t_06_what_is_not_for_whoever_names_a_space_has_no_title_there(yard: Yard) -> None:
    """In tenant mode; those of which they know go on having titles of their own."""
    team = await yard.team()
    hidden, mine = await yard.below(team.id), await yard.below(team.id)
    inside, above = await yard.someone({mine.id: OWNER}), await yard.someone({team.id: OWNER})
    async with yard.set_to(tenant_mode=True):
        same = await inside.put(f"/spaces/{mine.id}", {"title": hidden.title})
        assert same.status == 200, same.text
        again = await above.put(f"/spaces/{hidden.id}", {"title": f" {hidden.title.upper()}"})
        assert (again.status, again.code) == (409, "exists")
        for title in ("Here", "here"):
            answer = await inside.post(f"/spaces/{mine.id}/customers", {"slug": yard.name(), "title": title})
        assert (answer.status, answer.code) == (409, "exists")
        nothing = await inside.post(f"/spaces/{mine.id}/customers", {"slug": hidden.slug})
        assert nothing.status == 201, "a slug that others have is none of theirs to be told of"


async def test_t_06_no_filter_confirms_the_name_of_a_space_that_is_hidden(yard: Yard) -> None:
    team = await yard.team()
    customer = await yard.below(team.id)
    await yard.put(Grant(target=team.at("p1", "line"), space=customer.id, role=VIEWER))
    inside, above = await yard.someone({customer.id: OWNER}), await yard.someone({team.id: OWNER})
    async with yard.set_to(tenant_mode=True):
        assert (await inside.get("/instances")).total == 1
        for key in (team.slug, team.id, "nope"):
            assert (await inside.get(f"/instances?space={key}")).total == 0
            assert (await inside.get(f"/devices?space={key}")).total == 0
            assert (await inside.get(f"/spaces?parent={key}")).total == 0
        assert (await above.get(f"/instances?space={team.slug}")).total == 2
        assert (await above.get(f"/spaces?parent={team.slug}")).items[0]["id"] == customer.id
