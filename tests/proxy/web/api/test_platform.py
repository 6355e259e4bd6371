"""Settings of the platform, and the audit log."""

import csv
import io
from pathlib import Path

import pytest

from config.schema import Limits
from proxy.model.access import Role
from proxy.model.audit import Event
from proxy.model.identity import Membership, Person
from proxy.store import PutPerson
from tests.proxy.web.api.house import House
from tests.proxy.web.api.house import house as opened
from tests.proxy.web.api.test_dispatch import SETTINGS


async def test_p_14_a_permission_is_switched_off_for_all_but_admins(house: House) -> None:
    team = {"kind": "team", "slug": "new-team", "title": "New"}
    async with house.user("max") as user, house.user("ada") as ada:
        refused = await user.post("/spaces", team)
        assert (refused.status, refused.code) == (403, "switched_off")
        assert (await ada.post("/spaces", team)).status == 201
        assert (await ada.put("/settings", {**SETTINGS, "switched_off": []})).status == 200
        assert (await user.post("/spaces", {**team, "slug": "mine", "title": "Mine"})).status == 201


async def test_settings_are_for_admins(house: House) -> None:
    async with house.user("olga") as olga:
        for answer in (await olga.get("/settings"), await olga.put("/settings", SETTINGS), await olga.get("/stats")):
            assert (answer.status, answer.code) == (403, "no_access")


async def test_h_01_settings_show_what_the_file_says_and_take_none_of_it(tmp_path: Path) -> None:
    times = {"absolute": "2d", "idle": "6h"}
    limits = {"api": "500/60s", "lockout": {"failures": 4}}
    audit = {"retention": "30d"}
    async with (
        opened(tmp_path, server={"allow_public_http": True}, session=times, limits=limits, audit=audit) as house,
        house.user("ada") as ada,
    ):
        shown = (await ada.get("/settings")).json["configured"]
        assert isinstance(shown, dict)
        assert shown["allow_public_http"] is True
        assert shown["session"] == {"absolute": 172800.0, "idle": 21600.0, "grace": 300.0}
        assert shown["limits"]["api"] == {"count": 500, "seconds": 60.0}
        assert shown["limits"]["lockout"] == {"count": 4, "seconds": 900.0}
        assert set(shown["limits"]) == set(Limits.model_fields)
        assert shown["audit"] == {"retention": 2592000.0, "syslog": False, "webhook": False}
        refused = await ada.put("/settings", {**SETTINGS, "configured": {**shown, "allow_public_http": False}})
        assert (refused.status, list(refused.faults)) == (422, ["/configured"])


@pytest.mark.parametrize(
    ("changed", "events"),
    [
        ({"tenant_mode": True}, ["platform.tenant-mode.enabled"]),
        ({"disable_all_users": True}, ["platform.all-users.disabled"]),
        ({"upstream_allow": ["10.1.0.0/16", "*.Plant.example"]}, ["platform.settings.updated"]),
        (
            {"tenant_mode": True, "admin_data_access": "none"},
            ["platform.settings.updated", "platform.tenant-mode.enabled"],
        ),
    ],
)
async def test_each_switch_is_on_record_by_its_name(
    house: House, changed: dict[str, object], events: list[str]
) -> None:
    async with house.user("ada") as ada:
        assert (await ada.put("/settings", {**SETTINGS, **changed})).status == 200
        found = (await ada.get(f"/audit?limit={len(events)}")).items
    assert [item["event"] for item in found] == events


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"upstream_allow": ["10.1.0.0/99"]}, "/upstream_allow/0"),
        ({"upstream_allow": ["http://x"]}, "/upstream_allow/0"),
        ({"switched_off": ["everything"]}, "/switched_off/0"),
        ({"admin_data_access": "some"}, "/admin_data_access"),
    ],
)
async def test_a_setting_that_means_nothing_is_refused(house: House, changed: dict[str, object], pointer: str) -> None:
    async with house.user("ada") as ada:
        answer = await ada.put("/settings", {**SETTINGS, **changed})
    assert (answer.status, list(answer.faults)) == (422, [pointer])


async def test_what_there_is_is_counted(house: House) -> None:
    async with house.user("ada") as ada:
        stats = (await ada.get("/stats")).json
    assert stats["users"] == {"pending": 0, "active": 7, "suspended": 0}
    assert stats["resources"] == {"application": 1, "instance": 1, "device": 0, "page": 0, "thing": 0, "folder": 0}


async def test_a_03_who_may_read_which_log(house: House) -> None:
    line, plant = "scope=instance&id=acme/plant/line-3", "scope=application&id=acme/plant"
    logs = [line, plant, "scope=space&id=acme", "scope=platform"]
    expected = {
        "nora": [404, 404, 404, 403],
        "dora": [403, 403, 403, 403],
        "vic": [200, 403, 403, 403],
        "max": [200, 403, 403, 403],
        "olga": [200, 200, 200, 403],
        "ada": [200, 200, 200, 200],
    }
    for name, statuses in expected.items():
        async with house.user(name) as user:
            assert [(await user.get(f"/audit?{log}")).status for log in logs] == statuses, name
            assert (await user.get(f"/audit?scope=user&id=u-{name}")).status == 200
            if name != "ada":
                assert (await user.get("/audit?scope=user&id=u-ada")).status == 403


async def test_a_03_what_an_override_hides_is_absent_from_the_teams_log(house: House) -> None:
    estate = house.running.gateway.gate.world.estate
    plant = next(each for each in estate.resources.values() if each.slug == "plant")
    person = await house.person("olga")
    (held,) = person.memberships.values()
    hidden = Membership(space=held.space, role=held.role, overrides={plant.id: Role.NONE})
    olga = Person(user=person.user, memberships={held.space: hidden})
    event = Event(
        event="application.updated", at=1.0, scope_kind="application", scope_id=plant.id, within=(plant.id, held.space)
    )
    await house.running.store.database.edit([PutPerson(person=olga)], [event])
    async with house.user("olga") as owner, house.user("ada") as ada:
        log = "/audit?scope=space&id=acme&event=application.updated"
        assert (await owner.get(log)).total == 0
        assert (await ada.get(log)).total == 1


@pytest.fixture
async def seeded(house: House) -> House:
    """250 events of two kinds by two users, at seconds 0 to 249."""
    events = [
        Event(
            event="flows.set" if number % 2 else "inject",
            at=float(number),
            actor="u-max" if number % 5 else "u-vic",
            actor_name="max" if number % 5 else "vic",
            body={"node": f"n-{number}"},
        )
        for number in range(250)
    ]
    await house.running.store.database.record(*events)
    return house


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", range(250)),
        ("&event=flows.set", range(1, 250, 2)),
        ("&event=flows.set&event=inject", range(250)),
        ("&user=VIC", range(0, 250, 5)),
        ("&query=N-24", [24, *range(240, 250)]),
        ("&since=100", range(100, 250)),
        ("&since=100&event=inject&user=vic", range(100, 250, 10)),
    ],
)
async def test_a_04_each_filter_finds_exactly_what_it_says(seeded: House, query: str, wanted: range) -> None:
    """The walk along the cursors yields each event once, newest first, and the CSV as many."""
    async with seeded.user("ada") as ada:
        found: list[object] = []
        cursor: object = ""
        while cursor is not None:
            page = await ada.get(f"/audit?until=250&limit=40&cursor={cursor}{query}")
            found += [item["body"]["node"] for item in page.items]  # type: ignore[index]
            assert page.total == len(wanted)
            cursor = page.onward
        exported = await ada.get(f"/audit/export.csv?until=250{query}")
    assert found == [f"n-{number}" for number in reversed(wanted)]
    assert exported.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert len(list(csv.reader(io.StringIO(exported.text)))) == len(wanted) + 1


async def test_a_09_what_a_token_does_is_told_with_its_id(house: House) -> None:
    async with house.user("olga") as olga, house.program(olga) as program, house.user("ada") as ada:
        (token,) = (await olga.get("/me/tokens")).items
        changed = await program.put("/spaces/acme", {"slug": "acme", "title": "Acme Ltd", "active": True})
        assert changed.status in (200, 409), changed.text
        made = await program.post("/spaces", {"kind": "group", "slug": "crew", "title": "Crew", "parent": "acme"})
        assert made.status == 201, made.text
        (event,) = (await ada.get("/audit?limit=1&event=group.created")).items
    assert (event["source"], event["sourceContext"]) == ("api", {"tokenId": token["id"]})
    assert event["trigger"] == {"type": "token", "id": "u-olga", "name": "olga"}


async def test_a_05_the_log_is_verified(house: House) -> None:
    async with house.user("ada") as ada, house.user("olga") as olga:
        verdict = (await ada.get("/audit/verify")).json
        assert (verdict["sound"], verdict["broken"]) == (True, None)
        assert verdict["last"] == verdict["count"]
        assert (await olga.get("/audit/verify")).status == 403
