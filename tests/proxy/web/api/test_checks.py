"""T-12, T-19: groups that mingle customers, the isolation report and upstreams, and who may read them."""

from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.identity import Membership, Person, User
from proxy.store import PutPerson
from tests.proxy.web.api.house import Answer, House


async def test_t_19_admins_read_the_report_of_all_and_owners_that_of_theirs(house: House) -> None:
    async with house.user("ada") as ada, house.user("olga") as olga, house.user("max") as max_:
        of_all = await ada.get("/checks/isolation")
        assert (of_all.status, of_all.json["instances"]) == (200, 1)
        fault = _only(of_all, "faults")
        assert (fault["code"], fault["severity"], fault["address"]) == ("not_looked_at", "info", "acme/plant/line-3")
        assert (await olga.get("/checks/isolation")).status == 403
        theirs = await olga.get("/checks/isolation?space=acme")
        assert (theirs.status, theirs.json["instances"]) == (200, 1)
        assert (await max_.get("/checks/isolation?space=acme")).status == 403
        assert (await olga.get("/checks/isolation?space=nowhere")).status == 404


async def test_t_12_groups_that_bring_customers_together_are_listed(house: House) -> None:
    store = house.running.store.database
    acme = next(space for space in (await store.estate()).spaces.values() if space.slug == "acme")
    spaces = [
        Space(id=slug, kind=kind, slug=slug, title=slug.title(), parent=acme.id)
        for slug, kind in (("a", SpaceKind.CUSTOMER), ("b", SpaceKind.CUSTOMER), ("crew", SpaceKind.GROUP))
    ]
    await store.edit(spaces, [])
    await store.edit([PutPerson(person=_of(customer)) for customer in ("a", "b")], [])
    await house.running.gateway.watch.look()
    async with house.user("ada") as ada, house.user("olga") as olga:
        found = await ada.get("/checks/mingled-groups")
        assert [group["slug"] for group in found.json["groups"]] == ["crew"]  # type: ignore[attr-defined]
        assert (await olga.get("/checks/mingled-groups")).status == 403


def _only(answer: Answer, name: str) -> dict[str, object]:
    found = answer.json[name]
    assert isinstance(found, list)
    (one,) = found
    assert isinstance(one, dict)
    return one


def _of(customer: str) -> Person:
    held = {space: Membership(space=space, role=Role.VIEWER) for space in (customer, "crew")}
    return Person(user=User(id=f"u-{customer}", username=f"of-{customer}"), memberships=held)


async def test_an_instance_of_which_nobody_has_said_where_it_listens_is_reported_as_that(house: House) -> None:
    async with house.user("ada") as ada, house.user("olga") as olga:
        made = await olga.post(
            "/instances",
            {"name": "Line 9", "slug": "line-9", "application": "acme/plant", "hosts": ["line-9.localhost"]},
        )
        assert made.status == 201, made.json
        faults = (await ada.get("/checks/isolation")).json["faults"]
        said = [fault["message"] for fault in faults if fault["address"] == "acme/plant/line-9"]  # type: ignore[attr-defined]
        assert said == ["what its flows do could not be looked at: nobody has said yet where it listens"]
        upstreams = (await ada.get("/checks/upstreams")).json["upstreams"]
        found = {each["address"]: (each["upstream"], each["answers"]) for each in upstreams}  # type: ignore[attr-defined]
        assert found["acme/plant/line-9"] == (None, False)


async def test_upstreams_say_whether_they_answer(house: House) -> None:
    async with house.user("ada") as ada, house.user("olga") as olga:
        upstream = _only(await ada.get("/checks/upstreams"), "upstreams")
        assert upstream["address"] == "acme/plant/line-3"
        assert (upstream["answers"], upstream["local"], upstream["listens_at"]) == (False, True, [])
        assert (await olga.get("/checks/upstreams")).status == 403
