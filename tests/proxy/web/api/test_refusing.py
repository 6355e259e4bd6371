"""Every reason why something is not done has one status and one code."""

import json

import pytest
from pydantic import BaseModel, ValidationError

from auth_plugins import Unavailable
from proxy.access.gcra import Rate
from proxy.model.access import Decision, Permission, Reason
from proxy.services.problems import DeclaredInFile, Denied, Exists, Invalid, NotPossible, NotThere, Wrong
from proxy.services.ratelimit import Late, TooOften
from proxy.services.writer import ActorGone
from proxy.store import Conflict, Dangling, StoreUnavailable
from proxy.web.api.refusing import faults_of, stop_of
from proxy.web.guards import TurnedAway

LATE = Late(policy="login", rate=Rate(count=5, period=30.0), wait=6.0)


def denied(reason: Reason, status: int) -> Denied:
    return Denied(Decision(allowed=False, reason=reason, status=status), Permission.SPACE_EDIT, None)


REASONS = [
    (NotThere("x"), 404, "not_found"),
    (denied(Reason.NOT_FOUND, 404), 404, "not_found"),
    (denied(Reason.ROLE_TOO_LOW, 403), 403, "role_too_low"),
    (denied(Reason.CREDENTIALS_WRONG, 401), 401, "credentials_wrong"),
    (Exists("slug", "acme"), 409, "exists"),
    (Invalid(Wrong(field="role", message="is no role")), 422, "invalid"),
    (NotPossible("last_admin", "No."), 409, "last_admin"),
    (DeclaredInFile("The team acme", "estate.yaml"), 409, "declared_in_file"),
    (Conflict("username", "ada"), 409, "exists"),
    (Dangling("resource.owner", "x"), 409, "dangling"),
    (ActorGone("u"), 401, "session_ended"),
    (TurnedAway(Reason.FOREIGN_ORIGIN, 403), 403, "foreign_origin"),
    (TooOften(LATE, "There were too many logins."), 429, "too_many_requests"),
    (StoreUnavailable("away"), 503, "facts_unavailable"),
    (Unavailable("worker_busy"), 503, "facts_unavailable"),
]


@pytest.mark.parametrize(("error", "status", "code"), REASONS, ids=lambda value: type(value).__name__)
async def test_a_reason_has_a_status_and_a_code(error: Exception, status: int, code: str) -> None:
    answer = stop_of(error).answer()
    assert isinstance(answer.body, bytes)
    told = json.loads(answer.body)
    assert (answer.status, told["status"], told["code"]) == (status, status, code)
    assert ("Retry-After" in answer.headers) is (status in (429, 503))
    assert ("WWW-Authenticate" in answer.headers) is (status == 401)


async def test_what_is_hidden_reads_like_what_is_not_there() -> None:
    hidden, missing = stop_of(denied(Reason.NOT_FOUND, 404)).answer(), stop_of(NotThere("x")).answer()
    assert (hidden.body, dict(hidden.headers)) == (missing.body, dict(missing.headers))


def test_a_pointer_escapes_what_it_must() -> None:
    """RFC 6901 section 3."""

    class Sent(BaseModel):
        roles: dict[str, int]

    with pytest.raises(ValidationError) as raised:
        Sent.model_validate({"roles": {"a/b~c": "x"}})
    (fault,) = faults_of(raised.value, Sent)
    assert fault.pointer == "/roles/a~1b~0c"
