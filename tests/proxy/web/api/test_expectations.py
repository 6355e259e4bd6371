"""T-15: what is expected of people is kept, looked at again, and named where it is broken."""

from tests.proxy.web.api.house import House

LINE = "acme/plant/line-3"
CHECKS = [
    {"user": "dora", "permission": "instance:http", "on": LINE, "allowed": True},
    {"user": "dora", "permission": "instance:flows:view", "on": LINE, "allowed": False, "note": "dashboards alone"},
    {"user": "nora", "permission": "space:read", "on": "acme", "allowed": False},
    {"user": "ada", "permission": "platform:settings", "allowed": True},
]


async def test_t_15_a_rule_that_breaks_is_named(house: House) -> None:
    async with house.user("ada") as ada:
        assert (await ada.put("/persona-checks", {"checks": CHECKS})).status == 200
        before = await ada.post("/checks/personas", {})
        assert (before.status, before.json["holds"], before.json["broken"]) == (200, True, 0)
        dora = await house.person("dora")
        space = next(iter(dora.memberships))
        assert (await ada.put(f"/spaces/{space}/members/u-dora", {"role": "viewer"})).status == 200
        after = (await ada.post("/checks/personas", {})).json
        assert (after["holds"], after["broken"]) == (False, 1)
        outcomes = after["outcomes"]
        assert isinstance(outcomes, list)
        (broken,) = [each for each in outcomes if not each["holds"]]
        assert broken["expected"] == {
            "user": "u-dora",
            "username": "dora",
            "permission": "instance:flows:view",
            "on": broken["expected"]["on"],
            "address": LINE,
            "allowed": False,
            "note": "dashboards alone",
        }
        assert (broken["found"], broken["reason"], broken["role"]) == (True, "role", "viewer")
        assert broken["because"] == ["member: viewer in acme"]


async def test_t_15_expectations_may_be_tried_without_keeping_them(house: House) -> None:
    async with house.user("ada") as ada, house.program(ada, admin=True) as program:
        tried = await program.post("/checks/personas", {"checks": [{**CHECKS[0], "allowed": False}]})
        assert (tried.json["holds"], tried.json["broken"]) == (False, 1)
        assert (await ada.get("/persona-checks")).json["checks"] == []


async def test_the_list_is_kept_whole_by_whoever_has_seen_it(house: House) -> None:
    async with house.user("ada") as ada:
        first = await ada.get("/persona-checks")
        kept = await ada.put("/persona-checks", {"checks": CHECKS}, If_Match=first.headers["ETag"])
        assert kept.status == 200
        assert [each["username"] for each in kept.json["checks"]] == ["dora", "dora", "nora", "ada"]  # type: ignore[attr-defined]
        assert (await ada.put("/persona-checks", {"checks": []}, If_Match=first.headers["ETag"])).status == 412
        (event, *_) = (await ada.get("/audit?event=platform.settings.updated")).items
        assert event["body"]["persona_checks"] == 4  # type: ignore[index]
        settings = (await ada.get("/settings")).json
        changed = {name: settings[name] for name in ("tenant_mode", "disable_all_users", "admin_data_access")}
        body = {**changed, "switched_off": settings["switched_off"], "upstream_allow": settings["upstream_allow"]}
        assert (await ada.put("/settings", body)).status == 200
        assert len((await ada.get("/persona-checks")).json["checks"]) == 4  # type: ignore[arg-type]


async def test_what_names_nobody_or_nothing_is_told_where_it_stands(house: House) -> None:
    wrong = [
        {"user": "gone", "permission": "instance:http", "on": LINE, "allowed": True},
        {"user": "dora", "permission": "instance:http", "on": "acme/gone", "allowed": True},
        {"user": "dora", "permission": "instance:http", "on": "acme", "allowed": True},
        {"user": "dora", "permission": "instance:http", "allowed": True},
    ]
    async with house.user("ada") as ada:
        for check, field in zip(wrong, ("user", "on", "on", "on"), strict=True):
            answer = await ada.put("/persona-checks", {"checks": [CHECKS[0], check]})
            assert (answer.status, list(answer.faults)) == (422, [f"/checks/1/{field}"])


async def test_only_admins_read_or_change_them(house: House) -> None:
    async with house.user("olga") as olga:
        assert (await olga.get("/persona-checks")).status == 403
        assert (await olga.put("/persona-checks", {"checks": []})).status == 403
        assert (await olga.post("/checks/personas", {})).status == 403
