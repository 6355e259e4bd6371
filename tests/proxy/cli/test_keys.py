import json
import re
import time
from pathlib import Path

from config.keys import load_or_create
from tests.proxy.cli.conftest import Run


def test_a_rotated_key_is_published_before_it_signs(run: Run, site: Path) -> None:
    before = load_or_create(site / "var", time.time())
    told = run("keys", "rotate")
    after = load_or_create(site / "var", time.time())
    assert told.exit_code == 0
    assert len(after.jwks(time.time())["keys"]) == 2
    assert after.current(time.time()).kid == before.current(time.time()).kid
    assert after.current(time.time() + 700).kid in told.stdout


def test_the_snippet_names_the_instance_and_the_published_keys(run: Run, site: Path) -> None:
    run("apply")
    printed = run("nodered", "snippet", "acme/plant/line-3")
    jwks = load_or_create(site / "var", time.time()).jwks(time.time())
    assert printed.exit_code == 0
    assert jwks["keys"][0]["kid"] in printed.stdout
    audience = re.search(r"audience: (.*),", printed.stdout)
    assert audience
    assert len(json.loads(audience[1])) == 32


def test_an_instance_that_is_not_there_is_told_with_those_that_are(run: Run) -> None:
    assert "Instances are: none yet; run flowward apply first." in run("nodered", "snippet", "acme/plant/line-3").stderr
    run("apply")
    refused = run("nodered", "snippet", "line-3")
    assert refused.exit_code == 1
    assert refused.stderr == "flowward: There is no instance line-3. Instances are: acme/plant/line-3.\n"
