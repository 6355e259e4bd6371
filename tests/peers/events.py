"""Events of the audit log, held against their published schema."""

from collections.abc import Iterable, Mapping

from jsonschema import Draft202012Validator

from proxy.cli.audit_schema import event_schema


def unfit(events: Iterable[Mapping[str, object]]) -> list[str]:
    """What of these events does not fit, in words."""
    validator = Draft202012Validator(event_schema())
    return [
        f"{event.get('event')}: {error.json_path} {error.message}"
        for event in events
        for error in validator.iter_errors(event)
    ]
