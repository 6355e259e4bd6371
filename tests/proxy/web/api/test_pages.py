"""Pages of an instance, as they are named, changed and refused."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from proxy.model.access import Role
from tests.proxy.web.api.yard import OWNER, Someone, Team, Yard, opened

pytestmark = pytest.mark.asyncio(loop_scope="module")
WHOLE = {"match": "", "endpoints": [], "readonly": False, "http_auth": None}


async def owned(yard: Yard) -> tuple[Team, Someone]:
    team = await yard.team("p1")
    return team, await yard.someone({team.id: OWNER})


def draft(team: Team, **said: object) -> dict[str, object]:
    return {"instance": team.at("p1", "line"), "slug": "page", **said}


async def test_g_01_a_page_names_a_part_of_the_dashboard_endpoints_or_both(yard: Yard) -> None:
    """G-01."""
    team, owner = await owned(yard)
    made = await owner.post("/pages", draft(team, match="/page1", endpoints=["/api/*"], readonly=True))
    assert made.status == 201
    assert made.json["attributes"] == {**WHOLE, "match": "/page1", "endpoints": ["/api/*"], "readonly": True}
    path = f"/pages/{made.json['id']}"
    changed = await owner.put(path, {"match": "", "readonly": False})
    assert changed.json["attributes"] == {**WHOLE, "endpoints": ["/api/*"]}
    assert (await owner.put(path, {"name": "Page"})).json["attributes"] == changed.json["attributes"]
    told = await yard.events(str(made.json["id"]), "page.created", "page.updated")
    assert [event.event for event in told] == ["page.created", "page.updated", "page.updated"]


@pytest.mark.parametrize(
    ("said", "pointer", "message"),
    [
        ({}, "/match", "must be there unless endpoints has an entry"),
        ({"match": "/page*"}, "/match", "must be the path of a page"),
        ({"match": "/a/../b"}, "/match", "must be the path of a page"),
        ({"match": "/"}, "/match", "must be the path of a page"),
        ({"match": "page one"}, "/match", "must be the path of a page"),
        ({"endpoints": ["api/*"]}, "/endpoints/0", "must be an absolute path"),
        ({"endpoints": ["/api/%2e"]}, "/endpoints/0", "must be an absolute path"),
        ({"endpoints": ["/api/*", "/Api/*/"]}, "/endpoints/1", "names /Api/*/ again"),
        ({"match": "/Taken/"}, "/match", "is /Taken/, which another page of this instance has"),
        ({"match": "cafe"}, "/match", "is cafe, which another page of this instance has"),
        ({"match": "/page1", "http_auth": "basic"}, "/http_auth", ""),
    ],
)
async def test_what_a_page_cannot_be_is_said_with_where_and_why(
    yard: Yard, said: Mapping[str, object], pointer: str, message: str
) -> None:
    team, owner = await owned(yard)
    for slug, match in (("taken", "/taken"), ("by-id", "cafe")):
        assert (await owner.post("/pages", draft(team, slug=slug, match=match))).status == 201
    refused = await owner.post("/pages", {**draft(team), **said})
    assert refused.status == 422
    assert message in refused.faults[pointer]


async def test_a_page_that_is_changed_stays_one(yard: Yard) -> None:
    team, owner = await owned(yard)
    made = await owner.post("/pages", draft(team, match="/page1"))
    path = f"/pages/{made.json['id']}"
    assert (await owner.put(path, {"match": ""})).status == 422
    assert (await owner.put(path, {"match": "/page1", "name": "Same"})).status == 200
    assert (await owner.get(path)).json["attributes"] == {**WHOLE, "match": "/page1"}


async def test_pages_are_made_by_owners_of_the_instance(yard: Yard) -> None:
    team, _ = await owned(yard)
    member = await yard.someone({team.id: Role.MEMBER})
    assert (await member.post("/pages", draft(team, match="/page1"))).status == 403


async def test_c_17_a_page_for_everybody_needs_allow_public_http(yard: Yard) -> None:
    """C-17."""
    team, owner = await owned(yard)
    refused = await owner.post("/pages", draft(team, match="/page1", http_auth="none"))
    assert refused.status == 422
    assert refused.faults == {"/http_auth": "must not be none unless server.allow_public_http is true"}
    made = await owner.post("/pages", draft(team, match="/page1"))
    assert (await owner.put(f"/pages/{made.json['id']}", {"http_auth": "none"})).status == 422


async def test_c_17_where_it_is_permitted_an_owner_opens_a_page_by_its_path_after_a_fresh_proof(
    tmp_path: Path,
) -> None:
    """C-17."""
    async with opened(tmp_path, server={"allow_public_http": True}) as yard:
        team, owner = await owned(yard)
        by_id = await owner.post("/pages", draft(team, match="cafe", http_auth="none"))
        assert "needs an address" in by_id.faults["/match"]
        made = await owner.post("/pages", draft(team, match="/page1", http_auth="none"))
        assert made.status == 201
        path = f"/pages/{made.json['id']}"
        yard.house.pass_(601)
        assert (await owner.put(path, {"name": "Notice"})).status == 200
        assert (await owner.put(path, {"http_auth": None})).json["attributes"] == {**WHOLE, "match": "/page1"}
        late = await owner.put(path, {"http_auth": "none"})
        assert (late.status, late.code) == (403, "reauthentication_required")


async def test_g_04_a_page_of_endpoints_alone_has_no_address_to_open(yard: Yard) -> None:
    """G-04."""
    team, owner = await owned(yard)
    for slug, said in (
        ("hooks", {"endpoints": ["/hooks/*"]}),
        ("orders", {"match": "/orders"}),
        ("id", {"match": "cafe"}),
    ):
        assert (await owner.post("/pages", draft(team, slug=slug, **said))).status == 201
    tiles = {str(each["name"]): each["dashboard_url"] for each in (await owner.get("/dashboards")).items}
    host = yard.house.site.origin(f"line.p1.{team.slug}.localhost")
    assert tiles == {
        "line": f"{host}/dashboard",
        "orders": f"{host}/dashboard/orders",
        "id": f"{host}/dashboard",
        "hooks": None,
    }
