from pathlib import Path

import pytest

from tests.config.conftest import Loaded, Told

HEAD = "spaces: [{slug: acme, kind: team}]\napplications: [{slug: plant, space: acme}]\n"
MINIMAL = "slug: a, application: acme/plant, hosts: [a.localhost], upstream: 'http://127.0.0.1:1880'"


def test_an_instance_is_closed_unless_it_says_otherwise(loaded: Loaded) -> None:
    """What weakens an instance has to be written."""
    (file,) = loaded("", f"{HEAD}instances: [{{{MINIMAL}}}]").estates
    (instance,) = file.estate.instances
    assert instance.http_auth.mode == "user"
    assert instance.http_auth.public == ()
    assert instance.identity == ("assertion", "flowward")
    assert not instance.viewer_reads_context
    assert not instance.upstream_tls.insecure_skip_verify
    assert instance.min_edit_role == "member"
    assert (instance.admin_root, instance.node_root, instance.dashboard) == ("/", "/", "/dashboard")
    assert instance.resource_path == "acme/plant/a"
    assert file.estate.applications[0].path == "acme/plant"


def test_a_password_is_read_from_its_file_and_never_shown(loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/vic").write_text("correct horse\n")
    (file,) = loaded("", "users: [{username: vic, password: {file: secrets/vic}}]").estates
    (user,) = file.estate.users
    assert user.password is not None
    assert user.password.get_secret_value() == "correct horse"
    assert "horse" not in repr(user)


@pytest.mark.parametrize(
    ("estate", "problem"),
    [
        ("spaces: [{slug: No, kind: team}]", "spaces[0].slug: must be 1 to 64 lower-case letters, digits and inner dashes, but it is 'No'. Write for example line-3."),
        ("spaces: [{slug: 5, kind: team}]", "spaces[0].slug: must be 1 to 64 lower-case letters, digits and inner dashes, but it is 5. Write for example line-3; numbers in quotes."),
        ("spaces: [{slug: a, kind: town}]", "spaces[0].kind: must be 'team', 'customer', 'group' or 'everyone', but it is 'town'. Choose one of them."),
        ("users: [{username: ada, password: hunter2}]", "users[0].password: must name a file. Write {file: secrets/name}; a secret does not stand in this file itself."),
        ("users: [{username: ada, password_hash: hunter2}]", "users[0].password_hash: must be an argon2id hash. Write it in single quotes: '$argon2id$v=19$...'."),
        ("users: [{username: ada, email: ada}]", "users[0].email: must be a mail address, but it is 'ada'. Write for example ada@example.org."),
        ("users: [{username: ada, link: mail}]", "users[0].link: must be 'activation', but it is 'mail'. Choose one of them."),
        ("users: [{username: ada, memberships: {acme: boss}}]", "users[0].memberships.acme: must be 'dashboard', 'viewer', 'member' or 'owner', but it is 'boss'. Choose one of them."),
        ("users: [{username: ada, memberships: {acme: none}}]", "users[0].memberships.acme: must be 'dashboard', 'viewer', 'member' or 'owner', but it is 'none'. Choose one of them."),
        ("users: [{username: ada, memberships: {A B: owner}}]", "users[0].memberships.A B: must be 1 to 64 lower-case letters, digits and inner dashes, but it is 'A B'. Write for example line-3."),
        ("users: [{username: ada, overrides: {acme/plant: admin}}]", "users[0].overrides.acme/plant: must be 'none', 'dashboard', 'viewer', 'member' or 'owner', but it is 'admin'. Choose one of them."),
        ("grants: [{target: acme, space: b, role: owner}]", "grants[0].target: must be a path such as acme/plant/line-3, but it is 'acme'. Write for example acme/plant/line-3."),
        (f"instances: [{{{MINIMAL}, http_auth: {{mode: basic, username: m}}}}]", "instances[0].http_auth: in mode basic needs username and a password. Add username and password: {file: path} or password_hash."),
        (f"instances: [{{{MINIMAL}, http_auth: {{username: m}}}}]", "instances[0].http_auth: has a username or password outside mode basic. Write mode: basic or remove them."),
        (f"instances: [{{{MINIMAL}, identity: [jwt]}}]", "instances[0].identity[0]: must be 'assertion', 'flowward', 'remote', 'authentik', 'cloudflare', 'oauth2-proxy' or 'portal', but it is 'jwt'. Choose one of them."),
        (f"instances: [{{{MINIMAL}, path: /-/login}}]", "instances[0].path: must not be below /-/, which the gateway keeps for itself, but it is '/-/login'. Write for example /line-3."),
        (f"instances: [{{{MINIMAL}, admin_token: fws_abc}}]", "instances[0].admin_token: must name a file. Write {file: secrets/name}; a secret does not stand in this file itself."),
        (f"instances: [{{{MINIMAL}, limits: {{per_address: {{rate: 5/s, burst: 9}}}}}}]", "instances[0].limits.per_address: has a burst of 9, more than its rate of 5/s. Lower burst or raise rate."),
        (f"instances: [{{{MINIMAL}, limits: {{per_principal: {{rate: often}}}}}}]", "instances[0].limits.per_principal.rate: must be a count per duration, but it is 'often'. Write for example 5/30s or 100/m."),
        (f"instances: [{{{MINIMAL}, htp_auth: {{mode: none}}}}]", "instances[0].htp_auth: is not a setting. Did you mean http_auth?"),
        (f"instances: [{{{MINIMAL}, upstream_tls: {{skip_verify: x}}}}]", "instances[0].upstream_tls.skip_verify: is not a setting. Did you mean insecure_skip_verify?"),
    ],
)  # fmt: skip
def test_a_bad_entry_is_told_with_place_value_and_remedy(told: Told, estate: str, problem: str) -> None:
    assert told("", estate) == [f"estate.yaml:1: {problem}"]
