"""Requests made from the gateway's own description: right ones, wrong ones, and one tenant's against another's things."""

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from proxy.web.api.openapi import description
from tests.proxy.web.api.fuzzing import SECRET, Stage, stage

EVERYBODYS = {"tag"}
"""What is no tenant's."""
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
)
LEFT_OUT = {
    "get_me_events": "goes on for a minute",
    "post_auth_logout": "would end the session that the others are sent by",
    "post_auth_login": "would give the others another session",
    "get_checks_isolation": "waits for every instance, and nobody answers where those that are made here are",
    "get_checks_upstreams": "the same",
}
SCHEMA = schemathesis.openapi.from_dict(json.loads(description()))
OPERATIONS = {
    operation.definition.raw["operationId"]: operation
    for operation in (result.ok() for result in SCHEMA.get_all_operations())
    if operation.definition.raw["operationId"] not in LEFT_OUT
}
FEW = settings(
    max_examples=4,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
    database=None,
)
each_operation = pytest.mark.parametrize("operation", sorted(OPERATIONS))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("fuzzed")) as ready:
        yield ready


class Named(StrEnum):
    """What the parts of a path name."""

    ANYTHING = "anything"
    GIVEN = "given"
    """What a file declares."""
    MADE = "made"
    """What was made over the API, and may be changed."""


def speak_of(gateway: Stage, case: schemathesis.Case, named: Named, made: Mapping[str, str]) -> None:
    """Have a request speak of real things, and overwrite whatever is there."""
    if named is Named.ANYTHING:
        return
    case.path_parameters.update(
        {key: made[key] if named is Named.MADE else gateway.given.get(key, "x") for key in case.path_parameters}
    )
    if case.method in {"PUT", "DELETE"}:
        case.headers["If-Match"] = "*"


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
@each_operation
def test_h_14_nothing_breaks_and_every_answer_is_described(
    gateway: Stage, operation: str, mode: schemathesis.GenerationMode
) -> None:
    made = gateway.made(OPERATIONS[operation].path)

    @FEW
    @given(case=OPERATIONS[operation].as_strategy(generation_mode=mode), named=st.sampled_from(Named))
    def holds(case: schemathesis.Case, named: Named) -> None:
        speak_of(gateway, case, named, made)
        answer = case.call(base_url=gateway.url, headers=dict(gateway.session("ada")))
        case.validate_response(answer, checks=CHECKS)

    holds()


@each_operation
def test_one_tenant_learns_nothing_of_another(gateway: Stage, operation: str) -> None:
    """Whatever the owner of one team asks about another team's things, no name, id or count of it comes back."""
    made = gateway.made(OPERATIONS[operation].path)

    @FEW
    @given(
        case=OPERATIONS[operation].as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE),
        named=st.sampled_from([Named.GIVEN, Named.MADE]),
    )
    def holds(case: schemathesis.Case, named: Named) -> None:
        speak_of(gateway, case, named, made)
        answer = case.call(base_url=gateway.url, headers=dict(gateway.session("beta-olga")))
        text = answer.text
        assert SECRET not in text, text
        assert not [id_ for id_ in gateway.ids if id_ in text], text
        if set(case.path_parameters) - EVERYBODYS:
            assert answer.status_code >= 400, text

    holds()
