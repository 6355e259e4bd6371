"""The examples load, the published files are as the schema has them, and every setting is explained."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
import yaml
from pydantic import BaseModel

from config.estate_schema import Estate
from config.load import load
from config.publish import documents, main
from config.schema import Settings
from config.shape import section_in

CONFIG = Path(__file__).parents[2] / "config"


def sections(root: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield root
    for field in root.model_fields.values():
        inner = section_in(field.annotation)
        if inner is not None:
            yield from sections(inner)


def test_what_is_published_is_as_the_schema_has_it() -> None:
    assert main(["--check"]) == 0


def test_the_examples_load_without_a_problem(tmp_path: Path) -> None:
    shutil.copy(CONFIG / "flowward.example.yaml", tmp_path / "flowward.yaml")
    shutil.copy(CONFIG / "estate.example.yaml", tmp_path / "estate.yaml")
    config = load(tmp_path / "flowward.yaml", {})
    assert config.warnings == ()
    assert len(config.estates) == 1


def test_the_example_shows_the_defaults(tmp_path: Path) -> None:
    text = (CONFIG / "flowward.example.yaml").read_text().replace("estate: [estate.yaml]", "")
    (tmp_path / "flowward.yaml").write_text(text)
    (tmp_path / "empty.yaml").touch()
    assert load(tmp_path / "flowward.yaml", {}).settings == load(tmp_path / "empty.yaml", {}).settings


@pytest.mark.parametrize("name", ["flowward", "estate"])
def test_the_examples_fit_the_json_schemas(name: str) -> None:
    schema = json.loads((CONFIG / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load((CONFIG / f"{name}.example.yaml").read_text()), schema)


@pytest.mark.parametrize("name", ["flowward", "estate"])
def test_defaults_in_the_json_schemas_fit_them(name: str) -> None:
    schema = json.loads((CONFIG / f"{name}.schema.json").read_text())
    for section in (schema, *schema["$defs"].values()):
        for setting in section["properties"].values():
            if "default" in setting:
                jsonschema.validate(setting["default"], {**setting, "$defs": schema["$defs"]})


@pytest.mark.parametrize(
    "section", [*dict.fromkeys([*sections(Settings), *sections(Estate)])], ids=lambda section: section.__name__
)
def test_every_setting_is_explained(section: type[BaseModel]) -> None:
    reference = documents()[Path("docs/reference/configuration.md")]
    for name, field in section.model_fields.items():
        assert field.description, name
        assert field.description in reference
