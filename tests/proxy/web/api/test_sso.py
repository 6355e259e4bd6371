"""Login providers, as admins see them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.peers.slapd import GROUPS, PASSWORD, PEOPLE, READER, READER_PASSWORD, Slapd, add_person, person
from tests.proxy.web.api.house import House, house

TEST = "/sso/providers/test"


@pytest.fixture
async def corp(tmp_path: Path, openldap: Slapd, authority: trustme.CA) -> AsyncIterator[House]:
    (tmp_path / "reader").write_text(READER_PASSWORD)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    entry = {
        "name": "corp",
        "plugin": "ldap",
        "url": openldap.ldaps,
        "ca": "ca.pem",
        "bind_dn": READER,
        "bind_password": {"file": "reader"},
        "base_dn": PEOPLE,
        "groups_from": {"base_dn": GROUPS},
        "groups": {"admin": "unique (ones)", "required": False},
        "domains": ["example.org"],
        "provision": True,
    }
    later = {"name": "later", "plugin": "ldap", "url": "ldaps://dir.example", "base_dn": "dc=example", "active": False}
    ways: Any = [{"name": "local", "plugin": "local"}, entry, later]
    async with house(tmp_path, auth=ways) as opened:
        yield opened


async def test_s_27_every_way_in_is_listed_with_what_it_needs_attention_for(corp: House) -> None:
    await corp.running.gateway.notices.look()
    async with corp.user("ada") as ada:
        found = (await ada.get("/sso/providers")).items
        assert [(item["name"], item["active"], item["groups"]) for item in found] == [
            ("local", True, False),
            ("corp", True, True),
            ("later", False, False),
        ]
        one = await ada.get("/sso/providers/corp")
        assert one.json == found[1]
        assert one.json["domains"] == ["example.org"]
        assert [each["level"] for each in one.json["findings"]][:1] == ["ok"]  # type: ignore[index, attr-defined]
        assert (await ada.get("/sso/providers/nope")).status == 404


async def test_what_a_login_would_come_to_is_told_and_no_account_is_touched(corp: House) -> None:
    async with corp.user("ada") as ada:
        answer = await ada.post(TEST, {"provider": "corp", "sample": "star"})
        assert answer.status == 200, answer.text
        told: Any = answer.json
        assert (told["refused"], told["identity"]["username"]) == ("", "star")
        assert (told["user"]["id"], told["user"]["rule"], told["user"]["admin"]) == (None, "made", True)
        assert told["user"]["memberships"] == {"acme": "member"}
        assert {each["group"]: each["gives"] for each in told["groups"]} == {
            "ff-acme-member": "member in acme",
            "unique (ones)": "admin",
        }
        taken: Any = (await ada.post(TEST, {"provider": "corp", "sample": "vic"})).json
        assert (taken["refused"], taken["user"]) == ("username_taken", None)
        assert "vic is a local account" in taken["detail"]
        assert (await ada.get("/users/star")).status == 404
        assert (await ada.post(TEST, {"provider": "later"})).code == "provider_unknown"
        tested: Any = (await ada.get("/audit?event=platform.sso.tested")).items
        assert [(each["body"]["of"], each["body"].get("error")) for each in tested] == [
            ("vic", "username_taken"),
            ("star", None),
        ]


async def test_only_admins_in_a_session_look_at_providers(corp: House) -> None:
    async with corp.user("olga") as olga, corp.user("ada") as ada, corp.program(ada, admin=True) as program:
        for path in ("/sso/providers", "/sso/providers/corp"):
            assert (await olga.get(path)).status in (403, 404)
            assert (await program.get(path)).status in (403, 404)
        assert (await olga.post(TEST, {"provider": "corp"})).status == 403
        assert (await program.post(TEST, {"provider": "corp"})).code == "interactive_session_required"


async def test_s_30_whoever_is_removed_from_the_directory_is_out_when_it_is_asked_again(
    corp: House, openldap: Slapd
) -> None:
    add_person(openldap, "leaver")
    async with corp.nobody() as leaver:
        answer = await leaver.post("/auth/login", {"username": "leaver", "password": PASSWORD, "provider": "corp"})
        assert answer.status == 200, answer.text
        refreshing = corp.running.gateway.refreshing
        corp.pass_(901)
        await refreshing.look()
        assert (await leaver.get("/me")).json["username"] == "leaver"
        openldap.delete(person("leaver"))
        corp.pass_(901)
        await refreshing.look()
        await corp.running.gateway.watch.look()
        assert (await leaver.get("/me")).status == 401
    async with corp.user("ada") as ada:
        events = (await ada.get("/audit?event=user.session.revoked")).items
        assert [(each["source"], each["trigger"]["name"]) for each in events] == [("sso", "corp")]  # type: ignore[index]
