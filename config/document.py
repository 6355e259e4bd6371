"""YAML read as its version 1.2 has it (yes, no and on are text), with line numbers and without duplicate keys."""

import re
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

import yaml

from config.problems import Problem
from config.source import Key, Source, key_text

_TAG = "tag:yaml.org,2002:"


def _core_schema(reader: type[yaml.SafeLoader]) -> type[yaml.SafeLoader]:
    """PyYAML's safe loader with the core schema of YAML 1.2 (section 10.3.2), less octal and hexadecimal numbers."""
    loader: type[yaml.SafeLoader] = type("Loader", (reader,), {"yaml_implicit_resolvers": {}})
    loader.add_implicit_resolver(f"{_TAG}null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
    loader.add_implicit_resolver(f"{_TAG}bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
    loader.add_implicit_resolver(f"{_TAG}int", re.compile(r"^[-+]?[0-9]{1,18}$"), list("-+0123456789"))
    loader.add_implicit_resolver(f"{_TAG}float", re.compile(r"^[-+]?[0-9]{1,18}\.[0-9]{1,18}$"), list("-+0123456789"))
    return loader


_CAREFUL = _core_schema(yaml.SafeLoader)
# LibYAML reads five times faster; where PyYAML was built without it, its own reader gives the same.
_FAST = _core_schema(getattr(yaml, "CSafeLoader", yaml.SafeLoader))
_DEEP = 200
_BRACKET = re.compile(r"[\[\]{}]")
_NESTED_ENTRIES = re.compile(rf"(?:[-?:][ \t]++){{{_DEEP}}}")


def _loader(text: str) -> type[yaml.SafeLoader]:
    """The fast one, but for texts nested so deeply that it might run out of stack, which ends the process."""
    depth = accumulate(1 if mark in "[{" else -1 for mark in _BRACKET.findall(text))
    return _CAREFUL if max(depth, default=0) > _DEEP or _NESTED_ENTRIES.search(text) else _FAST


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A mapping as it was written; what could not be read is missing in `data` and told in `problems`."""

    data: dict[str, object]
    source: Source
    problems: tuple[Problem, ...] = ()


@dataclass(slots=True)
class _Reading:
    file: str
    lines: dict[Key, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    above: list[yaml.Node] = field(default_factory=list)

    def value(self, node: yaml.Node, key: Key) -> object:
        self.lines.setdefault(key, node.start_mark.line + 1)
        if node in self.above:
            self._refuse(node, key, "must not contain itself", "Remove the alias.")
            return None
        self.above.append(node)
        try:
            match node:
                case yaml.MappingNode():
                    return self._mapping(node, key)
                case yaml.SequenceNode():
                    return tuple(self.value(item, (*key, index)) for index, item in enumerate(node.value))
                case _:
                    return self._scalar(node, key)
        finally:
            self.above.pop()

    def _refuse(self, node: yaml.Node, key: Key, message: str, remedy: str) -> None:
        line = node.start_mark.line + 1
        self.problems.append(Problem(file=self.file, line=line, key=key_text(key), message=message, remedy=remedy))

    def _mapping(self, node: yaml.MappingNode, key: Key) -> dict[str, object]:
        found: dict[str, object] = {}
        for name_node, value_node in node.value:
            name = name_node.value
            if not isinstance(name, str):
                self._refuse(name_node, key, "has a key that is not text", "Write name: value.")
            elif name in found:
                first = self.lines[(*key, name)]
                self._refuse(name_node, (*key, name), f"is already set in line {first}", "Remove one of the two.")
            else:
                self.lines[(*key, name)] = name_node.start_mark.line + 1
                found[name] = self.value(value_node, (*key, name))
        return found

    def _scalar(self, node: yaml.Node, key: Key) -> object:
        text = str(node.value)
        try:
            match node.tag.removeprefix(_TAG):
                case "str":
                    return text
                case "null":
                    return None
                case "bool":
                    return text.lower() == "true"
                case "int":
                    return int(text)
                case "float":
                    return float(text)
                case _:
                    pass  # an application's own tag
        except ValueError:
            pass  # an explicit tag on something else: !!int abc
        self._refuse(node, key, "has a YAML tag that is not known here", "Write the value without ! tag.")
        return None


def _unreadable(file: str, message: str, remedy: str, line: int | None = None) -> Document:
    problem = Problem(file=file, line=line, message=message, remedy=remedy)
    return Document(data={}, source=Source(file=file), problems=(problem,))


def parse(text: str, file: str) -> Document:
    """The mapping that a YAML text holds; an empty text is an empty mapping. `file` is its name in problems."""
    try:
        node = yaml.compose(text, Loader=_loader(text))
        return Document(data={}, source=Source(file=file)) if node is None else _document(node, file)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        remedy = "Correct the YAML; text that begins with [ { * & ! % @ or holds ': ' needs quotes."
        return _unreadable(file, f"is not YAML: {error.problem or error.context}", remedy, line)
    except yaml.YAMLError:
        return _unreadable(file, "holds characters that YAML does not allow", "Save it as plain UTF-8 text.")
    except RecursionError:
        return _unreadable(file, "is nested too deeply", "Write it flatter; no setting lies deeper than ten levels.")


def _document(node: yaml.Node, file: str) -> Document:
    if not isinstance(node, yaml.MappingNode):
        return _unreadable(file, "must be a mapping at the top", "Write key: value lines.", node.start_mark.line + 1)
    reading = _Reading(file)
    data = reading.value(node, ())
    assert isinstance(data, dict)  # noqa: S101 - a MappingNode that is nobody's child gives a mapping
    return Document(data=data, source=Source(file=file, lines=reading.lines), problems=tuple(reading.problems))


def read(path: Path) -> Document:
    """The mapping that a YAML file holds."""
    try:
        return parse(path.read_text(encoding="utf-8-sig"), str(path))
    except OSError as error:
        return _unreadable(str(path), f"cannot be read: {error.strerror}", "Create it or correct the path.")
    except UnicodeDecodeError:
        return _unreadable(str(path), "is not UTF-8 text", "Save it as UTF-8.")
