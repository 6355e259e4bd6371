"""Whoever the Nextcloud vouches for comes in; without its word nobody does."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import pytest
from flowward_nextcloud import Nextcloud, NextcloudSettings
from pydantic import ValidationError

from auth_plugins import Answer, Identity, Redirect, Refused, Unavailable
from auth_plugins.testkit import Conformance, Visitor, kit

SETTINGS = {"url": "https://cloud.example/", "client_id": "flowward", "client_secret": "s3cret"}
ADA = {"id": "ada", "display-name": "Ada Lovelace", "email": "ada@acme.example", "groups": ["ff-acme-member"]}


@dataclass
class Cloud:
    """What stands for the Nextcloud: `fetch` as a plugin has it."""

    who: dict[str, object] = field(default_factory=lambda: dict(ADA))
    token: str = "t0ken"

    async def __call__(self, method: str, url: str, *, headers: Mapping[str, str] = {}, body: bytes = b"") -> Answer:
        path = urlsplit(url).path
        if path.endswith("/token"):
            right = parse_qs(body.decode()).get("code") == ["c0de"] and headers["Authorization"].startswith("Basic ")
            return said({"access_token": self.token}) if right else said({"error": "invalid_grant"}, 400)
        if headers.get("Authorization") == f"Bearer {self.token}":
            return said({"ocs": {"data": self.who}})
        return said({"versionstring": "31.0.1"}) if path == "/status.php" else said({}, 401)


def said(told: object, status: int = 200) -> Answer:
    return Answer(status=status, headers={}, body=json.dumps(told).encode())


def plugin(cloud: Cloud | None = None) -> Nextcloud:
    return Nextcloud(NextcloudSettings.model_validate(SETTINGS), kit(fetch=cloud or Cloud()))


class TestNextcloud(Conformance):
    def plugin(self) -> Nextcloud:
        return plugin()


async def test_a_visitor_goes_there_and_comes_back_as_somebody() -> None:
    visitor = Visitor(plugin())
    away = await visitor.arrives()
    assert isinstance(away, Redirect)
    assert parse_qs(urlsplit(away.url).query)["redirect_uri"] == ["https://gate.example/-/auth/test/callback"]
    ada = await visitor.returns(code="c0de")
    assert isinstance(ada, Identity)
    assert (ada.subject, ada.name, ada.groups) == ("ada", "Ada Lovelace", ("ff-acme-member",))
    assert not ada.email_verified


@pytest.mark.parametrize(
    ("fields", "code"),
    [({"code": "stolen"}, "code_refused"), ({"error": "access_denied"}, "declined"), ({}, "code_missing")],
)
async def test_without_a_right_code_nobody_comes_in(fields: dict[str, str], code: str) -> None:
    with pytest.raises(Refused, match=code):
        await Visitor(plugin()).returns(**fields)


async def test_an_answer_that_cannot_be_read_is_trouble_and_no_refusal() -> None:
    with pytest.raises(Unavailable, match="answer_unreadable"):
        await Visitor(plugin(Cloud(who={"id": "ada"}))).returns(code="c0de")


async def test_whoever_is_disabled_there_may_no_longer_come_in() -> None:
    cloud = Cloud()
    ada = await Visitor(plugin(cloud)).returns(code="c0de")
    assert isinstance(ada, Identity)
    assert await plugin(cloud).refresh(ada) == ada
    cloud.token = "another"
    with pytest.raises(Refused, match="account_unknown"):
        await plugin(cloud).refresh(ada)


async def test_it_says_whether_the_nextcloud_answers() -> None:
    assert [each.level for each in await plugin().findings()] == ["ok"]


def test_an_address_without_tls_is_refused() -> None:
    with pytest.raises(ValidationError, match="must start with https://"):
        NextcloudSettings.model_validate(SETTINGS | {"url": "http://cloud.example"})
