"""The container files agree with the code: there is no Docker in the test run to find it out the slow way."""

import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from config.configuration import Config
from config.load import load
from config.stores import RedisAddress
from proxy.cli.commands import flowward as command_line
from proxy.cli.nodered_setup import DASHBOARD, DASHBOARD_PACKAGE, NODE_RED, OWN_PLUGIN
from proxy.nodered.snippet import FILE_NAME
from tests.conftest import Needs

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
REPLICAS = DOCKER / "replicas"
SEVERAL = yaml.safe_load((REPLICAS / "compose.yaml").read_text())
GATEWAYS = {name: each for name, each in SEVERAL["services"].items() if name.startswith("flowward-")}
DATABASE = "postgresql://flowward:secret@postgres:5432/flowward"


def instructions(name: str) -> list[tuple[str, str]]:
    """(keyword, rest) of each instruction of a Dockerfile, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", (DOCKER / name).read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(keyword, rest.strip()) for keyword, _, rest in (line.strip().partition(" ") for line in lines)]


def only(name: str, keyword: str) -> str:
    found = [rest for each, rest in instructions(name) if each == keyword]
    assert len(found) == 1, f"{keyword} in {name}: {found}"
    return found[0]


def copied(name: str) -> Iterator[str]:
    """Sources in the repository that a Dockerfile copies."""
    for keyword, rest in instructions(name):
        words = [word for word in rest.split() if not word.startswith("--chown")]
        if keyword == "COPY" and not words[0].startswith("--from"):
            yield from words[:-1]


@pytest.fixture(scope="module")
def configured() -> Config:
    return load(DOCKER / "flowward.yaml", {})


@pytest.mark.parametrize("name", ["Dockerfile", "node-red.Dockerfile"])
def test_what_an_image_copies_is_there_and_not_ignored(name: str) -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for source in copied(name):
        assert (ROOT / source).exists(), source
        assert any(source == each or source.startswith(f"{each}/") for each in kept), f"{source} is ignored"


def test_every_stage_has_the_oldest_python_that_is_supported() -> None:
    oldest = PROJECT["requires-python"].removeprefix(">=")
    bases = {rest.split()[0] for keyword, rest in instructions("Dockerfile") if keyword == "FROM"}
    assert bases == {f"python:{oldest}-slim-bookworm"}


def test_the_image_runs_the_command_as_a_numeric_user_without_rights() -> None:
    assert json.loads(only("Dockerfile", "ENTRYPOINT")) == list(PROJECT["scripts"])
    command, option, _ = json.loads(only("Dockerfile", "CMD"))
    parameters = command_line.commands[command].params
    assert any(option in parameter.opts for parameter in parameters)
    user, group = only("Dockerfile", "USER").split(":")
    assert int(user) > 0
    assert int(group) > 0


def test_the_image_names_its_version_and_licence() -> None:
    labels = dict(word.split("=", 1) for word in shlex.split(only("Dockerfile", "LABEL")))
    assert labels["org.opencontainers.image.version"] == PROJECT["version"]
    assert labels["org.opencontainers.image.licenses"] == PROJECT["license"]
    assert SERVICES["flowward"]["image"] == SERVICES["snippet"]["image"] == f"flowward:{PROJECT['version']}"


def test_the_health_check_asks_the_operations_listener(configured: Config) -> None:
    operations = configured.settings.server.operations
    assert operations is not None
    check = only("Dockerfile", "HEALTHCHECK")
    assert f"'{operations.host}', {operations.port}" in check
    assert "'/healthz'" in check


def test_the_health_check_is_a_program() -> None:
    program = json.loads(only("Dockerfile", "HEALTHCHECK").partition("CMD ")[2])[2]
    compile(program, "HEALTHCHECK", "exec")


def test_ports_and_folders_are_those_of_the_configuration(configured: Config) -> None:
    [listen] = configured.settings.server.listen
    assert only("Dockerfile", "EXPOSE") == str(listen.port)
    published = SERVICES["flowward"]["ports"][0].split(":")
    assert published[-1] == str(listen.port)
    assert published[-2] == str(configured.settings.server.public_url.port)
    assert only("Dockerfile", "VOLUME") == str(configured.settings.state.directory)
    assert f"state:{configured.settings.state.directory}" in SERVICES["flowward"]["volumes"]


def test_the_configuration_is_sound_and_warned_of_for_its_public_hook_alone(configured: Config) -> None:
    assert [warning.key for warning in configured.warnings] == ["instances[0].http_auth.public"]


def test_mounted_files_are_there() -> None:
    volumes = [volume for service in SERVICES.values() for volume in service.get("volumes", [])]
    mounted = [volume.split(":")[0] for volume in volumes]
    assert all((DOCKER / path).exists() for path in mounted if path.startswith("."))
    assert {path for path in mounted if not path.startswith(".")} <= COMPOSE["volumes"].keys()


def test_versions_of_node_red_are_the_pinned_ones() -> None:
    assert only("node-red.Dockerfile", "FROM") == f"nodered/node-red:{NODE_RED}"
    assert SERVICES["node-red"]["image"] == f"flowward-node-red:{NODE_RED}"
    installed = next(rest for keyword, rest in instructions("node-red.Dockerfile") if rest.startswith("npm install"))
    assert installed.split()[-2:] == [f"{DASHBOARD_PACKAGE}@{DASHBOARD}", f"/opt/{OWN_PLUGIN}"]


def test_node_red_is_reached_through_the_gateway_alone_where_the_estate_says(configured: Config) -> None:
    assert SERVICES["node-red"]["network_mode"] == "service:flowward"
    assert "ports" not in SERVICES["node-red"]
    [instance] = configured.estates[0].estate.instances
    settings = (DOCKER / "settings.js").read_text()
    assert f"uiHost: '{instance.upstream.host}'" in settings
    assert f"uiPort: {instance.upstream.port}," in settings
    assert f"httpAdminRoot: '{instance.admin_root}'" in settings
    assert instance.node_root == "/"


def test_node_red_gets_the_snippet_of_the_declared_instance(configured: Config) -> None:
    [instance] = configured.estates[0].estate.instances
    assert f"nodered snippet {instance.resource_path} " in SERVICES["snippet"]["command"][0]
    assert SERVICES["snippet"]["command"][0].endswith(f"> /run/flowward/{FILE_NAME}")
    assert f"require('/run/flowward/{FILE_NAME}')" in (DOCKER / "settings.js").read_text()


def test_services_for_more_than_one_gateway_wait_for_their_profile() -> None:
    assert {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service} == {
        "postgres": ["postgres"],
        "redis": ["redis"],
    }


# -- two gateways behind a load balancer


@pytest.fixture(scope="module")
def replicas() -> Config:
    return load(REPLICAS / "flowward.yaml", {"FLOWWARD_STATE__DATABASE": DATABASE})


def test_replicas_share_database_redis_and_secrets(replicas: Config) -> None:
    assert replicas.warnings == ()
    state = replicas.settings.state
    assert isinstance(state.shared, RedisAddress)
    assert {server.host for server in state.shared.servers} | {"postgres"} <= SEVERAL["services"].keys()
    assert f"printf '{DATABASE.replace('secret', '%s')}'" in (REPLICAS / "compose.yaml").read_text()
    assert len(GATEWAYS) == 2
    for gateway in GATEWAYS.values():
        assert gateway["image"] == f"flowward:{PROJECT['version']}"
        assert gateway["environment"] == {"FLOWWARD_STATE__DATABASE_FILE": "/run/secrets/database"}
        assert f"secrets:{state.directory}" in gateway["volumes"]
        assert "ports" not in gateway


def test_what_replicas_mount_is_there_and_every_network_and_secret_is_declared() -> None:
    services = SEVERAL["services"].values()
    mounted = [volume.split(":")[0] for service in services for volume in service.get("volumes", [])]
    assert all((REPLICAS / path).exists() for path in mounted if path.startswith("."))
    assert {path for path in mounted if not path.startswith(".")} == SEVERAL["volumes"].keys()
    for kind in ("networks", "secrets"):
        assert {name for service in services for name in service.get(kind, [])} == SEVERAL[kind].keys()


def test_the_page_tells_what_the_file_does_and_all_that_replicas_need_is_made_first() -> None:
    shown = re.findall(r"^#   (.+)$", (REPLICAS / "compose.yaml").read_text(), re.MULTILINE)
    assert "\n".join(["```sh", *shown, "```"]) in (ROOT / "docs" / "replicas.md").read_text()
    up = next(at for at, line in enumerate(shown) if " up " in line)
    first = "\n".join(shown[:up])
    assert f"docker build -f docker/Dockerfile -t flowward:{PROJECT['version']} ." in first
    for secret in SEVERAL["secrets"].values():
        made = (REPLICAS / secret["file"]).resolve().relative_to(ROOT)
        assert re.search(rf" > {made}$", first, re.MULTILINE), made


def test_replicas_believe_the_balancer_alone(replicas: Config) -> None:
    [network] = replicas.settings.server.trusted_proxies
    inside = SEVERAL["networks"]["inside"]
    assert inside["ipam"]["config"] == [{"subnet": str(network)}]
    assert inside["internal"]
    named = [name for name, service in SEVERAL["services"].items() if "outside" in service["networks"]]
    assert named == ["balancer"]


def test_the_balancer_knows_both_gateways_and_where_they_tell_how_they_are(replicas: Config) -> None:
    server, text = replicas.settings.server, (REPLICAS / "haproxy.cfg").read_text()
    assert re.findall(r"^ +server (\S+) (\S+)$", text, re.MULTILINE) == [
        (name, f"{name}:{server.listen[0].port}") for name in GATEWAYS
    ]
    assert server.operations is not None
    assert f"check port {server.operations.port} " in text
    assert f"bind :{server.public_url.port}\n" in text
    stream = re.search(r"timeout server (\d+)s", text)
    assert stream is not None
    assert int(stream[1]) > server.timeouts.stream


def test_the_balancers_configuration_is_sound(needs: Needs) -> None:
    command = [needs("haproxy"), "-c", "-f", REPLICAS / "haproxy.cfg"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert checked.returncode == 0, checked.stderr
