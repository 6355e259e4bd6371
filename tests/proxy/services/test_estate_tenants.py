"""Tags, pages and row policies that estate files declare: planned, told and refused."""

import pytest

from proxy.model.estate import PageSettings, ResourceKind, RowKind, RowMode
from proxy.services.estate_plan import render_diff
from tests.proxy.services.test_estate_plan import EMPTY, done, planned, problems, read, resource_id, space_id, user

TENANTS = """
spaces:
  - {slug: acme, kind: team}
  - {slug: north, kind: customer, parent: acme, tags: {tenantid: north}}
users:
  - username: emma
    memberships: {north: dashboard}
    tags: {shift: early}
    default_dashboard: acme/plant/line-3/building
    fullscreen: true
applications:
  - {slug: plant, space: acme}
instances:
  - slug: line-3
    application: acme/plant
    upstream: "http://127.0.0.1:1880"
    pages:
      - {slug: building, match: /building, space: north}
      - {slug: api, endpoints: [/api/*], readonly: true}
    rows:
      - {name: own, kind: socketio, tag: "@things", field: device.id, types: [ui-table]}
      - {name: checked, kind: http, tag: tenantid, field: tenant, rows: $.rows, paths: [/api/rows], mode: assert}
grants:
  - {target: acme/plant/line-3/building, space: north, role: dashboard}
"""


OWN = "kind socketio, tag @things, field device.id, rows $, types [{}], mode filter, on_unmatched deny"


def test_what_tells_visitors_apart_is_planned_as_it_is_declared() -> None:
    steps = planned(EMPTY, read(TENANTS))
    assert render_diff(steps).splitlines() == [
        "+ team acme",
        "+ customer north",
        "+ application acme/plant",
        "+ instance acme/plant/line-3",
        "+ page acme/plant/line-3/api",
        "+ page acme/plant/line-3/building",
        "+ user emma",
        "+ grant acme/plant/line-3/building with north",
    ]
    after = done(EMPTY, steps)
    resources = after.estate.resources
    page = resources[resource_id(after, "acme/plant/line-3/building")]
    assert (page.kind, page.owner, PageSettings.of(page).match) == (
        ResourceKind.PAGE,
        space_id(after, "north"),
        "/building",
    )
    api = PageSettings.of(resources[resource_id(after, "acme/plant/line-3/api")])
    assert (api.endpoints, api.readonly, api.public) == (("/api/*",), True, False)
    settings = resources[resource_id(after, "acme/plant/line-3")].instance
    assert settings is not None
    assert [(each.name, each.kind, each.mode) for each in settings.rows] == [
        ("own", RowKind.SOCKET, RowMode.FILTER),
        ("checked", RowKind.HTTP, RowMode.ASSERT),
    ]
    emma = user(after, "emma").user
    assert (dict(emma.tags), emma.default_dashboard, emma.fullscreen) == ({"shift": "early"}, page.id, True)
    assert dict(after.estate.spaces[space_id(after, "north")].tags) == {"tenantid": "north"}
    assert not planned(after, read(TENANTS)), "applying again plans nothing"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("tenantid: north}", "tenantid: south}", "~ customer north: tags.tenantid north -> south"),
        ("shift: early", "shift: late", "~ user emma: tags.shift early -> late"),
        ("fullscreen: true", "fullscreen: false", "~ user emma: fullscreen true -> (none)"),
        ("match: /building", "match: /house", "~ page acme/plant/line-3/building: match /building -> /house"),
        (", readonly: true", "", "~ page acme/plant/line-3/api: readonly true -> (none)"),
        (
            "types: [ui-table]",
            "types: [ui-chart]",
            f"~ instance acme/plant/line-3: rows.own {OWN.format('ui-table')} -> {OWN.format('ui-chart')}",
        ),
        ("      - {slug: api, endpoints: [/api/*], readonly: true}\n", "", "- page acme/plant/line-3/api"),
    ],
)
def test_a_change_of_them_is_told_by_field(old: str, new: str, told: str) -> None:
    before = done(EMPTY, planned(EMPTY, read(TENANTS)))
    assert render_diff(planned(before, read(TENANTS.replace(old, new)))) == told


def test_where_a_file_says_nothing_of_tags_and_dashboards_they_stay() -> None:
    before = done(EMPTY, planned(EMPTY, read(TENANTS)))
    silent = TENANTS.replace(", tags: {tenantid: north}", "").replace("    tags: {shift: early}\n", "")
    silent = silent.replace("    default_dashboard: acme/plant/line-3/building\n    fullscreen: true\n", "")
    steps = planned(before, read(silent)).steps
    assert {(step.name, *(each.key for each in step.updates)) for step in steps} == {("emma", "stated")}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("space: north}", "space: nowhere}", "names nowhere, which is not there"),
        ("rows: $.rows", "rows: $..rows", "rows"),
        ("default_dashboard: acme/plant/line-3/building", "default_dashboard: acme/plant", "is no instance or page"),
    ],
)
def test_what_leads_nowhere_is_refused(old: str, new: str, told: str) -> None:
    found = problems(EMPTY, read(TENANTS.replace(old, new, 1)))
    assert any(told in each for each in found), found
