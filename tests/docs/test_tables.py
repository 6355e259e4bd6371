"""Tables and names in the pages say what the code says."""

import re
from pathlib import Path

import orjson
import pytest
from pydantic import BaseModel

from config.accounts_schema import PasswordRules
from config.estate_schema import Estate, InstanceEntry
from config.schema import Settings
from config.shape import section_in
from config.times import duration_text
from proxy.access.branding import Part
from proxy.access.password_rules import REUSED, flaws, weak
from proxy.app import reload
from proxy.gate.record import access_line
from proxy.model.access import Reason, Role, Write
from proxy.nodered.presets import ASSERTION, PRESETS
from proxy.nodered.surfaces import RULES, Surface
from proxy.services.audit_catalogue import EVENTS
from proxy.services.traffic import Traffic
from proxy.web.health import TrafficCollector, Vitals
from tests.docs.pages import DOCS, PAGES, ROOT, code_in, prose, rows, snippets
from tests.proxy.gate.doorman import Doorman, standing
from tests.proxy.gate.house import House, head, person
from tests.proxy.gate.test_credentials import CI

SECTIONS = [name for name, field in Settings.model_fields.items() if section_in(field.annotation) and name != "auth"]


def test_every_preset_is_told_with_its_fields() -> None:
    told = {code_in(preset)[0]: code_in(fields) for preset, fields in rows("putting-node-red-behind-it.md", "presets")}
    assert told == {preset: [name for name, _ in fields] for preset, fields in PRESETS.items()}
    assert ASSERTION not in told


def test_every_surface_is_told_with_the_role_it_takes_and_what_protection_does() -> None:
    table = rows("roles.md", "surfaces")
    told = {code_in(surface)[0]: (least, protected) for surface, _, least, protected in table}
    assert told == {surface.label: (_least(surface), _protected(surface)) for surface in Surface}


def _least(surface: Surface) -> str:
    least = RULES[surface].least.label
    return f"{least}, or `min_edit_role`" if RULES[surface].write is Write.DEPLOY else least


def _protected(surface: Surface) -> str:
    return "open" if RULES[surface].write in (Write.NONE, Write.PREFS) else "closed"


def test_every_part_of_pages_that_can_be_hidden_is_told() -> None:
    table = (DOCS / "branding.md").read_text().partition("| part |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(Part)


def test_every_role_is_told_in_order() -> None:
    table = (DOCS / "roles.md").read_text().partition("| role |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [role.label for role in Role]


def test_every_metric_is_told_with_its_labels() -> None:
    vitals = Vitals(
        traffic=Traffic(),
        open_sockets=dict,
        clients=lambda: 0,
        troubles=list,
        reloads=lambda: (0, 0),
        dropped_log_lines=lambda: 0,
    )
    families = {
        f"{family.name}_total" if family.type == "counter" else family.name: family._labelnames
        for family in TrafficCollector(vitals).collect()
    }
    told = {
        code_in(metric)[0]: tuple(label for label in labels.split(", ") if label)
        for metric, labels, _ in rows("operations.md", "metrics")
    }
    assert told == families


def test_every_reason_that_is_told_exists() -> None:
    table = (DOCS / "how-a-request-travels.md").read_text().partition("| status | codes |")[2].partition("\n\n")[0]
    told = [code for code in code_in(table) if code != "Retry-After"]
    assert len(told) == len(set(told))
    assert set(told) <= set(Reason)


def test_every_event_that_is_told_is_logged() -> None:
    table = (DOCS / "operations.md").read_text().partition("| event | |")[2].partition("\n\n")[0]
    source = "".join(path.read_text() for path in (ROOT / "proxy").rglob("*.py"))
    logged = set(re.findall(r'_log\.\w+\(\s*"([a-z-]+)"', source))
    told = {name for line in table.splitlines() for name in code_in(line.split("|")[1] if "|" in line else "")}
    assert told == logged


def test_what_a_reload_takes_over_is_told() -> None:
    told = (DOCS / "operations.md").read_text().partition("Taken over are ")[2].partition(". ")[0]
    before = Settings()
    changed = {name: before.model_copy(update={name: object()}) for name in Settings.model_fields if name != "server"}
    for name in type(before.server).model_fields:
        server = before.server.model_copy(update={name: object()})
        changed[f"server.{name}"] = before.model_copy(update={"server": server})
    assert set(code_in(told)) == {name for name, after in changed.items() if not reload._needing_restart(before, after)}


async def test_every_field_of_an_access_line_is_told() -> None:
    """Those of a token's request and those of a credential's; all others have no more."""
    house, doorman = House().open(), Doorman()
    house.facts.people["u-ada"] = person("ada", Role.MEMBER)
    doorman.lets_in("Custom ada", "u-ada")
    standing(house, doorman)
    shown = (house.give(CI), {"Authorization": "Custom ada"})
    leases = [(await house.passed(house.caller(), head("/api", fields))).lease for fields in shown]
    lines = [
        access_line(lease, started=0, address=b"", method=b"GET", target=b"/", status=200, sent=0, micros=0)
        for lease in leases
    ]
    told = (DOCS / "operations.md").read_text().partition("**Access lines** (`log.access`) have ")[2]
    named = set(code_in(told.partition("They are")[0])) - {"auth"}
    assert named == {field for line in lines for field in orjson.loads(line)}


def settings_named(page: Path) -> set[str]:
    """Words in code type that name a setting by its section."""
    written = page.read_text() if page.is_relative_to(DOCS) else prose(page)
    keys = "|".join(SECTIONS)
    return set(re.findall(rf"`((?:{keys})\.[a-z_]+(?:\.[a-z_]+)*)(?=[`:])", written))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_setting_that_is_named_exists(page: Path) -> None:
    for name in settings_named(page) - EVENTS.keys():
        section: type[BaseModel] | None = Settings
        for part in name.split("."):
            assert section is not None, name
            assert part in section.model_fields, name
            section = section_in(section.model_fields[part].annotation)


def test_defaults_that_are_told_are_those_of_the_schema() -> None:
    settings = Settings()
    text = (DOCS / "logins-and-sessions.md").read_text()
    assert f"| `session.absolute` | {settings.session.absolute / 86400:.0f} days |" in text
    assert f"| `session.idle` | {settings.session.idle / 3600:.0f} hours |" in text
    assert (settings.limits.login.count, settings.limits.login.seconds) == (5, 30)
    assert f"`server.connections` ({settings.server.connections:,})" in (DOCS / "operations.md").read_text()


def test_every_limit_is_told_with_its_default() -> None:
    limits = Settings().limits
    refusals = {"lockout": limits.lockout, "ban": limits.ban}
    counted = {name: f"{each.failures} in {duration_text(each.seconds)}" for name, each in refusals.items()}
    told = {code_in(setting)[0]: default for setting, default, *_ in rows("limits.md", "limits")}
    assert told == {
        f"limits.{name}": counted.get(name, f"`{getattr(limits, name)}`") for name in type(limits).model_fields
    }


def test_every_rule_of_passwords_is_told_with_its_codes() -> None:
    table = rows("accounts-and-passwords.md", "rules")
    assert [code_in(setting)[0] for setting, *_ in table] == list(PasswordRules.model_fields)
    told = {code for *_, codes in table for code in code_in(codes)}
    strict = {
        "min_length": 12,
        "max_length": 20,
        "require": ["upper", "lower", "digit", "special"],
        "whitespace": False,
    }
    rules = PasswordRules.model_validate(strict)
    broken = {flaw.code for password in ("\u00a0", "\u00a0" * 21) for flaw in flaws(rules, password, ())}
    assert told == broken | {REUSED.code} | {flaw.code for flaw in weak("password", (), 1)}


def test_keys_of_an_instance_that_are_told_exist() -> None:
    known = {*InstanceEntry.model_fields, *Estate.model_fields}
    for section in (InstanceEntry, *(section_in(field.annotation) for field in InstanceEntry.model_fields.values())):
        known |= set(section.model_fields) if section else set()
    shown = {
        key
        for snippet in snippets("yaml")
        if snippet.text.startswith("# an instance")
        for key in re.findall(r"^ *([a-z_]+):", snippet.text, re.MULTILINE)
    }
    assert shown <= known | {"file"}
