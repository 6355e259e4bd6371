"""Instances over HTTP: where they are and listen, how they are protected, and that no secret comes back."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from proxy.model.access import Role
from proxy.model.estate import HttpAuth, InstanceSettings
from proxy.services.allowances import PASSWORDS
from tests.peers.answers import by_path, plain
from tests.peers.upstream import Upstream, upstream
from tests.proxy.web.api.yard import DASHBOARD, MEMBER, OWNER, UPSTREAM, VIEWER, Someone, Team, Yard, opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = (b"Content-Type", b"application/json")
CANARY = "canary-7f3a-secret"
NODE_RED = {
    "/settings": plain(b'{"version":"4.1.0","httpNodeRoot":"/"}', JSON),
    "/auth/login": plain(b"{}", JSON),
    "/dashboard/_setup": plain(b'{"socketio":{}}', JSON),
    "/": plain(b"editor"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_yard(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Yard]:
    """Where the configuration permits instances that anybody may use."""
    folder = tmp_path_factory.mktemp("open")
    async with opened(folder, server={"allow_public_http": True}) as made:
        yield made


async def owned(yard: Yard) -> tuple[Team, Someone, str]:
    """A team, its owner, and the address of its instance in the API."""
    team = await yard.team()
    return team, await yard.someone({team.id: OWNER}), f"/instances/{team.at('p1', 'line')}"


async def settings(yard: Yard, team: Team) -> InstanceSettings:
    found = (await yard.estate()).resources[team.at("p1", "line")].instance
    assert found is not None
    return found


async def test_an_instance_is_registered_with_hosts_and_upstream(yard: Yard) -> None:
    team, owner, _ = await owned(yard)
    host = f"{yard.name('line')}.localhost"
    body = {
        "application": f"{team.slug}/p1",
        "slug": "new",
        "name": "New",
        "hosts": [host],
        "upstream": "http://192.0.2.7:1880",
        "security": {"admin_root": "/admin", "http_auth": {"mode": "user", "public": ["/hooks/*"]}},
    }
    made = await owner.post("/instances", body)
    assert made.status == 201, made.text
    shown = (await owner.get(f"/instances/{made.json['id']}")).json
    assert (shown["upstream"], shown["address"]) == ("http://192.0.2.7:1880", f"{team.slug}/p1/new")
    assert shown["editor_url"] == f"http://{host}:{yard.house.site.port}/admin/"
    security = (await owner.get(f"/instances/{made.json['id']}/security")).json
    assert security["http_auth"]["public"] == ["/hooks/*"]  # type: ignore[index]


async def test_r_11_without_an_upstream_an_instance_is_made_and_answers_nothing_yet(yard: Yard) -> None:
    team = await yard.team()
    user = await yard.someone({team.id: VIEWER}, {team.id: {team.at("p1"): OWNER}})
    body = {"application": team.at("p1"), "slug": "later", "hosts": [f"{yard.name()}.localhost"]}
    made = await user.post("/instances", body)
    assert (made.status, made.json["upstream"]) == (201, None)
    path = f"/instances/{made.json['id']}"
    assert (await user.put(path, {"upstream": UPSTREAM})).status == 403, "that is for owners of the team"
    owner = await yard.someone({team.id: OWNER})
    assert (await owner.put(path, {"upstream": UPSTREAM})).json["upstream"] == UPSTREAM


@pytest.mark.parametrize("role", [DASHBOARD, VIEWER, MEMBER])
async def test_p_02_members_change_no_settings_and_see_no_upstream(yard: Yard, role: Role) -> None:
    team, _, path = await owned(yard)
    user = await yard.someone({team.id: role})
    for answer in (
        await user.put(path, {"name": "x"}),
        await user.put(f"{path}/security", {"viewer_reads_context": True}),
        await user.put(f"{path}/protected", {"enabled": True}),
        await user.post(f"{path}/tokens", {"name": "x"}),
        await user.post(f"{path}/test"),
        await user.delete(path),
    ):
        assert (answer.status, answer.code) == (403, "role_too_low")
    shown = await user.get(path)
    assert shown.status == (200 if role >= VIEWER else 403)
    assert UPSTREAM not in shown.text


@pytest.mark.parametrize(
    ("hosts", "path", "pointer"),
    [
        (["localhost"], "/line", "/hosts/0"),
        (["plant.example"], "", "/hosts/0"),
        (["a.localhost", "a.localhost"], "", "/hosts/1"),
        ([], "", "/hosts"),
        (["a.localhost:8080"], "", "/hosts/0"),
        (["a.localhost"], "/-/x", "/path"),
    ],
    ids=["home", "plain http", "twice", "none", "port", "reserved"],
)
async def test_an_instance_is_reached_at_hosts_of_its_own(
    yard: Yard, hosts: list[str], path: str, pointer: str
) -> None:
    team, owner, _ = await owned(yard)
    body = {"application": team.at("p1"), "slug": "x", "hosts": hosts, "path": path, "upstream": UPSTREAM}
    answer = await owner.post("/instances", body)
    assert (answer.status, list(answer.faults)) == (422, [pointer])


async def test_a_host_is_shared_by_path_within_a_space_and_never_with_another(yard: Yard) -> None:
    team, owner, _ = await owned(yard)
    other = await yard.team()
    stranger = await yard.someone({other.id: OWNER})
    host = (await settings(yard, team)).hosts[0]
    body = {"application": team.at("p1"), "slug": "x", "hosts": [host], "upstream": UPSTREAM}
    assert (await owner.post("/instances", body)).status == 422
    assert (await owner.post("/instances", {**body, "path": "/x"})).status == 201
    theirs = {**body, "application": other.at("p1"), "path": "/y"}
    assert (await stranger.post("/instances", theirs)).status == 422


@pytest.mark.parametrize(
    "there",
    [
        "http://127.0.0.1:1880",
        "http://localhost:1880",
        "http://line.localhost:1880",
        "http://[::1]:1880",
        "http://169.254.169.254",
        "http://[::ffff:169.254.169.254]",
        "http://[64:ff9b::a9fe:a9fe]",
        "http://100.100.100.200",
        "http://[fd00:ec2::254]",
        "http://0.0.0.0:1880",
        "http+unix:///run/docker.sock",
    ],
)
async def test_r_71_no_upstream_leads_to_the_machine_itself_or_to_its_secrets(yard: Yard, there: str) -> None:
    team, owner, path = await owned(yard)
    answer = await owner.put(path, {"upstream": there})
    assert (answer.status, list(answer.faults)) == (422, ["/upstream"])
    assert (await settings(yard, team)).upstream == UPSTREAM


async def test_r_71_only_owners_of_the_team_say_where_an_instance_listens(yard: Yard) -> None:
    team, _, path = await owned(yard)
    customer = await yard.below(team.id)
    above, inside = await yard.someone({team.id: OWNER}), await yard.someone({customer.id: OWNER})
    assert (await above.put(f"/resources/{team.at('p1', 'line')}/owner", {"owner": customer.id})).status == 200
    assert (await inside.put(path, {"name": "Mine"})).status == 200
    assert (await inside.put(path, {"upstream": "http://192.0.2.9"})).status == 403
    assert (await above.put(path, {"upstream": "http://192.0.2.9"})).status == 200
    async with yard.house.program(above.client) as program:
        refused = await program.put(path, {"upstream": "http://192.0.2.8"})
        assert (refused.status, refused.code) == (403, "interactive_session_required")


async def test_r_71_what_a_name_leads_to_is_looked_at_whenever_it_is_connected_to(yard: Yard) -> None:
    """Localhost stands for a name that fits a pattern and leads elsewhere: the fast lane and the gateway's own reader refuse."""
    team, owner, path = await owned(yard)
    host = (await settings(yard, team)).hosts[0]
    async with upstream(by_path(NODE_RED)) as instance, yard.set_to(upstream_allow=("127.0.0.0/8", "::1/128")):
        assert (await owner.put(path, {"upstream": f"http://localhost:{instance.port}"})).status == 200
        assert (await owner.put(f"{path}/security", {"http_auth": {"mode": "user", "public": ["/hook"]}})).status == 200
        assert (await owner.get(f"{path}/status")).json == {"up": True}
        assert await visit(yard, owner, f"http://{host}/hook") == 404, "by the instance"
        await yard.settings(upstream_allow=("localhost",))
        instance.close_idle()
        await instance.until(lambda: not instance.open_connections)
        before = len(instance.connections)
        assert (await owner.get(f"{path}/status")).json == {"up": False}
        assert await visit(yard, owner, f"http://{host}/hook") == 502
        assert len(instance.connections) == before


async def visit(yard: Yard, user: Someone, url: str) -> int:
    await yard.house.running.gateway.watch.look()
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    answer = await user.client.visitor.request("GET", f"{scheme}://{host}:{yard.house.site.port}/{path}")
    return answer.status


async def test_r_71_no_upstream_leads_to_a_listener_of_the_gateway(yard: Yard) -> None:
    _, owner, path = await owned(yard)
    async with yard.set_to(upstream_allow=("127.0.0.0/8",)):
        for port in (yard.house.site.port, yard.house.site.operations):
            answer = await owner.put(path, {"upstream": f"http://127.0.0.1:{port}"})
            assert (answer.status, list(answer.faults)) == (422, ["/upstream"])


async def test_h_01_an_instance_for_anybody_needs_the_permission_of_the_configuration(
    yard: Yard, open_yard: Yard
) -> None:
    body = {"http_auth": {"mode": "none"}}
    _, owner, path = await owned(yard)
    refused = await owner.put(f"{path}/security", body)
    assert (refused.status, list(refused.faults)) == (422, ["/http_auth/mode"])
    team, owner, path = await owned(open_yard)
    assert (await owner.put(f"{path}/security", body)).json["http_auth"]["mode"] == "none"  # type: ignore[index]
    (event,) = await open_yard.events(team.at("p1", "line"), "project.security.updated")
    assert [(each.key, each.old, each.new) for each in event.updates] == [("instance.http_auth", "user", "none")]


async def test_passwords_of_instances_are_not_set_without_end(yard: Yard) -> None:
    """Each is hashed where logins are checked; one of somebody who may not set it is not."""
    team, owner, path = await owned(yard)
    member = await yard.someone({team.id: MEMBER})
    body = {"http_auth": {"mode": "basic", "username": "machine", "password": CANARY}}
    with yard.house.still():
        statuses = [(await owner.put(f"{path}/security", body)).status for _ in range(PASSWORDS.count + 1)]
    assert statuses == [200] * PASSWORDS.count + [429]
    assert (await owner.put(f"{path}/security", {"http_auth": {"mode": "basic", "username": "other"}})).status == 200
    assert (await member.put(f"{path}/security", body)).status == 403


async def test_h_02_mode_basic_has_one_name_and_a_password_that_is_kept_hashed(yard: Yard) -> None:
    team, owner, path = await owned(yard)
    incomplete = await owner.put(f"{path}/security", {"http_auth": {"mode": "basic", "username": "m"}})
    assert (incomplete.status, list(incomplete.faults)) == (422, ["/http_auth"])
    body = {"http_auth": {"mode": "basic", "username": "machine", "password": CANARY}}
    answer = await owner.put(f"{path}/security", body)
    assert answer.status == 200, answer.text
    assert answer.json["http_auth"] == {
        "mode": "basic",
        "public": [],
        "username": "machine",
        "password": {"set": True},
    }
    kept = await settings(yard, team)
    assert kept.basic_password_hash.startswith("$argon2id$")
    again = await owner.put(f"{path}/security", {"http_auth": {"mode": "basic", "public": ["/x"]}})
    assert again.status == 200
    assert (await settings(yard, team)).basic_password_hash == kept.basic_password_hash
    await owner.put(f"{path}/security", {"http_auth": {"mode": "user"}})
    last = await settings(yard, team)
    assert (last.http_auth, last.basic_password_hash) == (HttpAuth.USER, "")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"admin_root": "/dashboard"}, "/dashboard"),
        ({"admin_root": "admin"}, "/admin_root"),
        ({"session": {"idle": "7d", "absolute": "1d"}}, "/session"),
        ({"identity": ["nobody"]}, "/identity/0"),
        ({"http_auth": {"mode": "user", "password": "long enough"}}, "/http_auth"),
        ({"http_auth": {"mode": "basic", "username": "a:b", "password": "long enough"}}, "/http_auth/username"),
        ({"http_auth": {"mode": "basic", "username": "a", "password": "short"}}, "/http_auth/password"),
        ({"http_auth": {"mode": "basic", "username": "a", "password": {"file": "/etc/passwd"}}}, "/http_auth/password"),
        ({"admin_token": "two words"}, "/admin_token"),
        ({"limit_per_address": {"count": 5, "period": "1s", "burst": 6}}, "/limit_per_address"),
        ({"min_edit_role": "viewer"}, "/min_edit_role"),
        ({"protected": True}, "/protected"),
    ],
)
async def test_what_does_not_fit_is_refused_by_the_name_of_the_member(
    yard: Yard, body: dict[str, object], pointer: str
) -> None:
    _, owner, path = await owned(yard)
    answer = await owner.put(f"{path}/security", body)
    assert (answer.status, list(answer.faults)) == (422, [pointer])


async def test_every_setting_comes_back_as_it_was_sent_but_secrets(yard: Yard) -> None:
    _, owner, path = await owned(yard)
    body = {
        "admin_root": "/admin",
        "node_root": "/api",
        "dashboard": "/ui",
        "identity": ["assertion"],
        "origins": ["https://plant.example"],
        "endpoints": ["/api/*"],
        "min_edit_role": "owner",
        "viewer_reads_context": True,
        "enforce_client_constraint": True,
        "limit_per_address": {"count": 10, "period": "1m", "burst": 5},
    }
    sent = {**body, "session": {"idle": "12h", "absolute": None}, "admin_token": CANARY}
    answer = await owner.put(f"{path}/security", sent)
    shown = answer.json
    expected = {**body, "limit_per_address": {"count": 10, "period": 60.0, "burst": 5}}
    assert {name: shown[name] for name in body} == expected
    assert (shown["session"], shown["admin_token"]) == ({"idle": 43200.0, "absolute": None}, {"set": True})
    optional = ("limit_per_address", "enforce_client_constraint")
    cleared = (await owner.put(f"{path}/security", {"admin_token": None, **dict.fromkeys(optional)})).json
    assert (cleared["admin_token"], *(cleared[name] for name in optional)) == ({"set": False}, None, None)


async def test_no_secret_comes_back_and_none_is_on_record(yard: Yard) -> None:
    team, owner, path = await owned(yard)
    basic = {"mode": "basic", "username": "machine", "password": CANARY}
    changed = await owner.put(f"{path}/security", {"http_auth": basic, "admin_token": CANARY})
    everything = [changed, await owner.get(path), await owner.get(f"{path}/security"), await owner.get(f"{path}/audit")]
    events = await yard.events(team.at("p1", "line"))
    kept = (await settings(yard, team)).basic_password_hash
    for text in [*(answer.text for answer in everything), repr(events)]:
        assert (CANARY in text, kept in text) == (False, False)
    viewer = await yard.someone({team.id: VIEWER})
    assert "machine" not in (await viewer.get(f"{path}/security")).text


async def test_p_12_only_owners_deploy_where_the_instance_says_so(yard: Yard) -> None:
    team, owner, path = await owned(yard)
    member = await yard.someone({team.id: MEMBER})
    await owner.put(f"{path}/security", {"min_edit_role": "owner"})
    for user, may in ((owner, True), (member, False)):
        shown = await user.get(path)
        assert ("instance:flows:edit" in shown.json["actions"]) is may  # type: ignore[operator]
    elsewhere = await member.get(f"/instances/{team.at('p2', 'line')}")
    assert "instance:flows:edit" in elsewhere.json["actions"]  # type: ignore[operator]


async def test_l_01_protection_is_switched_by_owners_and_each_switch_is_on_record(yard: Yard) -> None:
    team, owner, path = await owned(yard)
    for enabled in (True, True, False):
        answer = await owner.put(f"{path}/protected", {"enabled": enabled})
        assert (answer.status, answer.json["enabled"]) == (200, enabled)
        shown = await owner.get(path)
        assert ("instance:flows:edit" in shown.json["actions"]) is not enabled  # type: ignore[operator]
    told = [event.event for event in await yard.events(team.at("p1", "line"))]
    assert told == ["project.protected", "project.unprotected"]


@pytest.mark.parametrize("enabled", [0, 1, "false", "true", None, {}, []])
async def test_l_03_protection_is_true_or_false_and_nothing_like_it(yard: Yard, enabled: object) -> None:
    team, owner, path = await owned(yard)
    answer = await owner.put(f"{path}/protected", {"enabled": enabled})
    assert (answer.status, list(answer.faults)) == (422, ["/enabled"])
    assert (await settings(yard, team)).protected is False


async def test_l_03_switched_off_is_off(yard: Yard) -> None:
    team, owner, path = await owned(yard)
    await owner.put(f"{path}/protected", {"enabled": True})
    await owner.put(f"{path}/protected", {"enabled": False})
    assert (await settings(yard, team)).protected is False


async def test_h_10_no_token_changes_how_an_instance_is_protected(yard: Yard) -> None:
    team, owner, path = await owned(yard)
    new = {"application": team.at("p1"), "slug": "new", "hosts": [f"{yard.name()}.localhost"]}
    async with yard.house.program(owner.client) as program:
        for answer in (
            await program.put(f"{path}/security", {"viewer_reads_context": True}),
            await program.put(f"{path}/protected", {"enabled": True}),
            await program.post(f"{path}/tokens", {"name": "x"}),
            await program.post("/instances", {**new, "security": {"http_auth": {"mode": "user", "public": ["/**"]}}}),
        ):
            assert (answer.status, answer.code) == (403, "interactive_session_required")
        assert (await program.post("/instances", new)).status == 201


async def test_h_04_a_token_for_endpoints_shows_its_value_once(yard: Yard) -> None:
    team, owner, path = await owned(yard)
    made = await owner.post(f"{path}/tokens", {"name": "scada", "paths": ["/api/*"], "methods": ["GET"]})
    assert (made.status, str(made.json["value"])[:4], made.json["paths"]) == (201, "fwh_", ["/api"])
    listed = await owner.get(f"{path}/tokens")
    assert [item["name"] for item in listed.items] == ["scada"]
    assert str(made.json["value"]) not in listed.text
    token = f"{path}/tokens/{made.json['id']}"
    assert (await owner.put(token, {"name": "other"})).json["name"] == "other"
    assert (await owner.delete(token)).status == 204
    told = [event.event for event in await yard.events(team.at("p1", "line"))]
    assert told == ["project.httpToken.created", "project.httpToken.updated", "project.httpToken.deleted"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node_red() -> AsyncIterator[Upstream]:
    async with upstream(by_path(NODE_RED)) as instance:
        yield instance


async def codes(owner: Someone, path: str) -> dict[str, str]:
    """What a test of an instance found: code -> severity."""
    answer = await owner.post(f"{path}/test")
    assert answer.status == 200, answer.text
    found = answer.json["findings"]
    assert isinstance(found, list)
    return {each["code"]: each["severity"] for each in found}


async def test_a_test_says_what_there_is_and_what_does_not_fit(yard: Yard, node_red: Upstream) -> None:
    _, owner, path = await owned(yard)
    async with yard.set_to(upstream_allow=("127.0.0.0/8",)):
        assert (await owner.put(path, {"upstream": f"http://127.0.0.1:{node_red.port}"})).status == 200
        assert await codes(owner, path) == {
            "no_admin_auth": "warning",
            "node_red": "info",
            "dashboard": "info",
            "direct_access": "info",
        }
        await owner.put(f"{path}/security", {"admin_root": "/elsewhere", "node_root": "/api"})
        found = await codes(owner, path)
        assert (found["admin_root_wrong"], found["no_dashboard"]) == ("error", "warning")
        await owner.put(path, {"upstream": "http://127.0.0.1:1"})
        assert await codes(owner, path) == {"unreachable": "error"}


async def test_everybody_who_may_use_an_instance_sees_whether_it_is_up(yard: Yard) -> None:
    team, _, path = await owned(yard)
    owner, user = await yard.someone({team.id: OWNER}), await yard.someone({team.id: DASHBOARD})
    async with yard.set_to(upstream_allow=("127.0.0.0/8",)):
        await owner.put(path, {"upstream": "http://127.0.0.1:1"})
        assert (await user.get(f"{path}/status")).json == {"up": False}


async def test_the_log_of_an_instance_is_for_its_viewers(yard: Yard) -> None:
    team, owner, path = await owned(yard)
    await owner.put(path, {"name": "Renamed"})
    viewer, user = await yard.someone({team.id: VIEWER}), await yard.someone({team.id: DASHBOARD})
    assert [item["event"] for item in (await viewer.get(f"{path}/audit")).items] == ["project.settings.updated"]
    assert (await user.get(f"{path}/audit")).status == 403


async def test_what_a_file_declares_is_read_only_its_protection_included(yard: Yard) -> None:
    admin = await yard.someone(admin=True)
    path = "/instances/acme%2Fplant%2Fline-3"
    for answer in (
        await admin.put(path, {"name": "x"}),
        await admin.put(f"{path}/security", {"viewer_reads_context": True}),
        await admin.put(f"{path}/protected", {"enabled": True}),
        await admin.delete(path),
    ):
        assert (answer.status, answer.code) == (409, "declared_in_file")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            {"http_auth": {"mode": "basic", "username": "panel", "password": "a first password"}},
            {"http_auth": {"mode": "basic", "username": "panel", "password": "a second password"}},
        ),
        ({"admin_token": "first-token"}, {"admin_token": "second-token"}),
    ],
    ids=["password", "admin_token"],
)
async def test_of_two_who_change_a_secret_only_who_saw_it_last_succeeds(
    yard: Yard, first: dict[str, object], second: dict[str, object]
) -> None:
    """A tag tells that a secret has changed; the body does not."""
    team = await yard.team()
    owner, line = await yard.someone({team.id: OWNER}), f"/instances/{team.at('p1', 'line')}/security"
    assert (await owner.put(line, first)).status == 200
    seen = await owner.get(line)
    changed = await owner.put(line, second, If_Match=seen.headers["ETag"])
    late = await owner.put(line, first, If_Match=seen.headers["ETag"])
    assert (changed.status, late.status, late.code) == (200, 412, "changed")
    again = await owner.get(line)
    assert changed.headers["ETag"] == again.headers["ETag"] != seen.headers["ETag"]
    assert again.text == seen.text
