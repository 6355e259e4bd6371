import pytest

from config.document import parse, read


def test_every_key_and_entry_has_its_line() -> None:
    document = parse("a:\n  - b\n  - c: 1\nd: {e: f}\n", "x.yaml")
    assert document.data == {"a": ("b", {"c": 1}), "d": {"e": "f"}}
    assert document.source.lines[("a",)] == 1
    assert document.source.lines[("a", 0)] == 2
    assert document.source.lines[("a", 1, "c")] == 3
    assert document.source.lines[("d", "e")] == 4


@pytest.mark.parametrize(
    ("written", "value"),
    [
        # YAML 1.1 would read these as booleans, a number of seconds, an octal number and a date
        ("no", "no"),
        ("on", "on"),
        ("1:30", "1:30"),
        ("2026-01-02", "2026-01-02"),
        ("0600", 600),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("-3", -3),
        ("1.5", 1.5),
        ("1e3", "1e3"),
        ("'5'", "5"),
        ("9" * 19, "9" * 19),
    ],
)
def test_a_scalar_is_read_as_yaml_1_2_has_it(written: str, value: object) -> None:
    assert parse(f"a: {written}", "x.yaml").data == {"a": value}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "x.yaml:4: b.c: is already set in line 3. Remove one of the two."),
        ("- a\n", "x.yaml:1: must be a mapping at the top. Write key: value lines."),
        ("a: !!python/object/apply:os.system [id]\nb: !x y\n", "x.yaml:2: b: has a YAML tag that is not known here."),
        ("a: !!int x\n", "x.yaml:1: a: has a YAML tag that is not known here. Write the value without ! tag."),
        ("? [a]\n: b\n", "x.yaml:1: has a key that is not text. Write name: value."),
        ("a: &a [*a]\n", "x.yaml:1: a[0]: must not contain itself. Remove the alias."),
        ("a: [::1]:8080\n", "x.yaml:1: is not YAML: "),
        ("a: [\n", "x.yaml:2: is not YAML: "),
        ("a: 1\n---\nb: 2\n", "x.yaml:2: is not YAML: "),
        ("a: \0", "x.yaml: holds characters that YAML does not allow. Save it as plain UTF-8 text."),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, problem: str) -> None:
    (told,) = parse(text, "x.yaml").problems
    assert str(told).startswith(problem)


def test_an_alias_is_the_value_it_names() -> None:
    assert parse("a: &x {b: 1}\nc: *x\n", "x.yaml").data == {"a": {"b": 1}, "c": {"b": 1}}


def test_an_empty_file_is_an_empty_mapping() -> None:
    assert parse("# nothing\n", "x.yaml").data == {}


def test_a_file_that_is_absent_or_not_text_is_told(tmp_path) -> None:
    absent = tmp_path / "absent.yaml"
    (problem,) = read(absent).problems
    assert str(problem) == f"{absent}: cannot be read: No such file or directory. Create it or correct the path."
    other = tmp_path / "latin.yaml"
    other.write_bytes(b"a: \xe4\n")
    (problem,) = read(other).problems
    assert str(problem) == f"{other}: is not UTF-8 text. Save it as UTF-8."


@pytest.mark.parametrize(
    "nested", ["[" * 100_000, "a: " + "{a: " * 50_000, "- " * 100_000, "a:\n  " + "[" * 900 + "]" * 900]
)
def test_a_text_nested_without_end_is_a_problem_and_not_the_end(nested: str) -> None:
    [problem] = parse(nested, "x.yaml").problems
    assert "nested too deeply" in str(problem)
