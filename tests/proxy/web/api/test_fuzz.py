"""Requests made from the gateway's own description: right ones, wrong ones, and one tenant's against another's things."""

import json
from collections.abc import Iterator

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
each_operation = pytest.mark.parametrize("name", sorted(OPERATIONS))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("fuzzed")) as ready:
        yield ready


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
@each_operation
def test_h_14_nothing_breaks_and_every_answer_is_described(
    gateway: Stage, name: str, mode: schemathesis.GenerationMode
) -> None:
    @FEW
    @given(case=OPERATIONS[name].as_strategy(generation_mode=mode), real=st.booleans())
    def holds(case: schemathesis.Case, real: bool) -> None:
        if real:
            case.path_parameters.update({key: gateway.parts.get(key, "x") for key in case.path_parameters})
        answer = case.call(base_url=gateway.url, headers=dict(gateway.sessions["ada"]))
        case.validate_response(answer, checks=CHECKS)

    holds()


@each_operation
def test_one_tenant_learns_nothing_of_another(gateway: Stage, name: str) -> None:
    """Whatever the owner of one team asks about another team's things, no name, id or count of it comes back."""

    @FEW
    @given(case=OPERATIONS[name].as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE))
    def holds(case: schemathesis.Case) -> None:
        case.path_parameters.update({key: gateway.parts.get(key, "x") for key in case.path_parameters})
        answer = case.call(base_url=gateway.url, headers=dict(gateway.sessions["beta-olga"]))
        text = answer.text
        assert SECRET not in text, text
        assert not [id_ for id_ in gateway.ids if id_ in text], text
        if set(case.path_parameters) & set(gateway.parts):
            assert answer.status_code >= 400, text

    holds()
