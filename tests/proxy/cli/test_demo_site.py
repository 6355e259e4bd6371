from pathlib import Path

from config.load import load
from proxy.cli.demo_site import INSTANCE, Site


def test_the_demo_writes_a_sound_configuration_with_a_user_of_each_role(tmp_path: Path) -> None:
    Site(folder=tmp_path / "demo", port=8080, operations=9191, upstream=1881).write()
    config = load(tmp_path / "demo" / "flowward.yaml", {})
    [file] = config.estates
    assert [one.resource_path for one in file.estate.instances] == [INSTANCE]
    roles = {user.username: "admin" if user.admin else user.memberships["acme"] for user in file.estate.users}
    assert roles == {"dora": "dashboard", "vic": "viewer", "max": "member", "olga": "owner", "ada": "admin"}


def test_the_password_stays_the_same_and_is_nobody_elses_to_read(tmp_path: Path) -> None:
    site = Site(folder=tmp_path, port=8080, operations=9191, upstream=1881)
    password = site.write()
    assert site.write() == password
    assert (tmp_path / "password").stat().st_mode & 0o077 == 0
    assert password in site.what_to_try(password, real=True, command="flowward")
    assert password not in (tmp_path / "estate.yaml").read_text()


def test_what_to_try_fits_a_screen(tmp_path: Path) -> None:
    site = Site(folder=tmp_path, port=8080, operations=9191, upstream=1881)
    lines = site.what_to_try("secret", real=False, command="flowward").strip().splitlines()
    assert len(lines) <= 14
    assert all(len(line) <= 120 for line in lines if str(tmp_path) not in line)
