"""What is printed for settings.js must be what Node-RED reads."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from config.keys import load_or_create
from proxy.model.estate import InstanceSettings
from proxy.nodered.snippet import snippet

Needs = Callable[..., Path]

NODE_RED = Path(__file__).parents[3] / "node-red"
SHOW = "const {flowward, adminAuth} = {...require('./flowward.settings.js')}; console.log(JSON.stringify({flowward, header: adminAuth.tokenHeader}))"


def printed(tmp_path: Path, admin_root: str = "/admin", issuer: str = "http://localhost:8080") -> tuple[str, object]:
    jwks = load_or_create(tmp_path / "var", now=0.0).jwks(0.0)
    settings = InstanceSettings(upstream="http://127.0.0.1:1880", admin_root=admin_root)
    jwks_url = f"{issuer}/-/jwks.json"
    return snippet("acme/plant/line-3", "id-1", settings, issuer=issuer, jwks=jwks, jwks_url=jwks_url), jwks


def test_the_snippet_is_a_module_whose_settings_the_package_accepts(tmp_path: Path, needs: Needs) -> None:
    text, jwks = printed(tmp_path)
    (tmp_path / "flowward.settings.js").write_text(text)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "node-red-dashboard-2-flowward").symlink_to(NODE_RED)
    command = [needs("node"), "-e", SHOW]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=30)
    assert "nobody can open the editor" not in ran.stderr
    assert json.loads(ran.stdout) == {
        "flowward": {
            "issuer": "http://localhost:8080",
            "audience": "id-1",
            "jwks": jwks,
            "jwksUrl": "http://localhost:8080/-/jwks.json",
        },
        "header": "x-flowward-assertion",
    }


def test_the_snippet_says_what_settings_js_must_agree_with(tmp_path: Path) -> None:
    text, _ = printed(tmp_path)
    assert '//      httpAdminRoot: "/admin",' in text
    assert '//      httpNodeRoot: "/",' in text
    assert "...require('./flowward.settings.js')," in text


def test_values_cannot_break_out_of_the_module(tmp_path: Path, needs: Needs) -> None:
    text, _ = printed(tmp_path, issuer='http://x"};process.exit(3);//\u2028')
    (tmp_path / "flowward.settings.js").write_text(text)
    ran = subprocess.run([needs("node"), "--check", "flowward.settings.js"], cwd=tmp_path, check=False, timeout=30)
    assert ran.returncode == 0


def test_no_private_key_is_printed(tmp_path: Path) -> None:
    text, _ = printed(tmp_path)
    assert '"d"' not in text
    assert "PRIVATE" not in text
