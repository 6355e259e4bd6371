"""Choosing how pages look."""

import base64
from collections.abc import Mapping
from pathlib import Path

import pytest

from proxy.services.branding import LARGEST
from tests.peers.gateway import NAVIGATION
from tests.peers.smtp import sink
from tests.proxy.web.api.house import House
from tests.proxy.web.api.house import house as opened

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
WHERE = "/spaces/acme/branding"
EMPTY: Mapping[str, object] = {"product": "", "logo": "", "favicon": "", "accent": "", "background": ""}


def data(content: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def name_of(shown: object) -> object:
    assert isinstance(shown, dict)
    return shown["product"]


async def test_t_13_an_owner_chooses_the_looks_of_their_space(house: House) -> None:
    wanted = {
        "product": " Acme Monitoring ",
        "logo": data(PNG),
        "accent": "#AA0000",
        "hosts": ["line-3.localhost"],
        "hidden": ["editor", "roles"],
    }
    async with house.user("olga") as olga:
        before = (await olga.get(WHERE)).json
        assert {name: before[name] for name in EMPTY} == EMPTY
        answer = await olga.put(WHERE, wanted)
        assert answer.status == 200, answer.text
        kept = answer.json
        assert (kept["product"], kept["accent"]) == ("Acme Monitoring", "#aa0000")
        assert (kept["hosts"], kept["hidden"]) == (["line-3.localhost"], ["editor", "roles"])
        assert str(kept["logo"]).startswith("/-/branding/")
        again = {name: value for name, value in kept.items() if name not in ("effective", "actions")}
        assert (await olga.put(WHERE, again)).json == kept, "what GET answers can be sent back"
        event = (await olga.get("/audit?scope=space&id=acme&event=branding.updated")).items
        assert len(event) == 1
        picture = await olga.visitor.request("GET", house.site.home + str(kept["logo"]))
        assert (picture.status, await picture.read()) == (200, PNG)
        assert (await olga.delete(WHERE)).status == 204
        assert name_of((await olga.get(WHERE)).json) == ""
        gone = await olga.visitor.request("GET", house.site.home + str(kept["logo"]))
        assert gone.status == 404


async def test_t_13_a_picture_is_served_as_what_it_is_and_can_do_nothing(house: House) -> None:
    async with house.user("olga") as olga, house.nobody() as nobody:
        logo = (await olga.put(WHERE, {"logo": data(PNG)})).json["logo"]
        answer = await nobody.visitor.request("GET", house.site.home + str(logo))
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        elsewhere = await nobody.visitor.request("GET", house.site.origin("line-3.localhost") + str(logo))
        assert elsewhere.status == 404, "an instance's host serves nothing of ours"
        unknown = await nobody.visitor.request("GET", f"{house.site.home}/-/branding/{'0' * 32}")
        assert unknown.status == 404


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"product": "x" * 61}, "/product"),
        ({"product": "Acme\nCorp"}, "/product"),
        ({"product": "\u202egnp.exe"}, "/product"),
        ({"product": "Ac\u200bme"}, "/product"),
        ({"accent": "red"}, "/accent"),
        ({"accent": "#fff"}, "/accent"),
        ({"accent": "url(javascript:alert(1))"}, "/accent"),
        ({"background": "#000000;} body{display:none"}, "/background"),
        ({"background": "</style><script>"}, "/background"),
        ({"logo": "https://evil.example/pixel.png"}, "/logo"),
        ({"logo": "javascript:alert(1)"}, "/logo"),
        ({"logo": data(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml")}, "/logo"),
        ({"logo": data(b"<script>alert(1)</script>")}, "/logo"),
        ({"logo": "data:image/png;base64,***"}, "/logo"),
        ({"logo": "data:image/png,plain"}, "/logo"),
        ({"favicon": data(PNG + b"\0" * LARGEST)}, "/favicon"),
        ({"favicon": "/-/branding/" + "0" * 32}, "/favicon"),
        ({"hidden": ["everything"]}, "/hidden/0"),
        ({"ways_in": ["local", "corp"]}, "/ways_in/1"),
        ({"hosts": ["https://line-3.localhost"]}, "/hosts/0"),
        ({"hosts": ["LINE-3.localhost"]}, "/hosts/0"),
        ({"hosts": ["line-3.localhost", "line-3.localhost"]}, "/hosts/1"),
        ({"hosts": ["localhost"]}, "/hosts/0"),
        ({"hosts": ["nowhere.example"]}, "/hosts/0"),
        ({"script": "alert(1)"}, "/script"),
    ],
)
async def test_t_13_what_could_be_more_than_looks_is_refused(
    house: House, wrong: dict[str, object], pointer: str
) -> None:
    async with house.user("olga") as olga:
        answer = await olga.put(WHERE, wrong)
        assert (answer.status, list(answer.faults)) == (422, [pointer]), answer.text
        assert name_of((await olga.get(WHERE)).json) == ""


async def test_t_14_a_host_that_is_nobodys_is_given_by_admins_and_to_one_space(house: House) -> None:
    async with house.user("ada") as ada, house.user("olga") as olga:
        assert (await ada.put(WHERE, {"hosts": ["login.acme.example"]})).status == 200
        assert (await olga.put(WHERE, {"product": "Acme", "hosts": ["login.acme.example"]})).status == 200
        assert (await ada.post("/spaces", {"kind": "team", "slug": "bravo"})).status == 201
        there = "/spaces/bravo/branding"
        for taken in ("login.acme.example", "line-3.localhost"):
            answer = await ada.put(there, {"hosts": [taken]})
            assert (answer.status, list(answer.faults)) == (422, ["/hosts/0"]), taken


async def test_t_13_mails_have_the_name_that_people_know(tmp_path: Path) -> None:
    """Of the space that somebody is invited to; of the platform where it is about nobody's space."""
    async with sink(tmp_path / "mail") as post, opened(tmp_path / "house", mail=post.settings) as house:
        async with house.user("ada") as ada, house.user("olga") as olga, house.nobody() as nobody:
            assert (await ada.put("/branding", {"product": "Plant Portal"})).status == 200
            assert (await olga.put(WHERE, {"product": "Acme Monitoring"})).status == 200
            asked = await olga.post("/spaces/acme/invitations", {"to": "nora@acme.example", "role": "viewer"})
            assert asked.status == 202, asked.text
            [mail] = await post.mails_to("nora@acme.example")
            assert mail.message["Subject"] == "You are invited at Acme Monitoring"
            assert f"-- \nAcme Monitoring, {house.site.home}" in mail.text
            assert (await nobody.post("/auth/forgot", {"login": "vic"})).status == 202
            [mail] = await post.mails_to("vic@acme.example")
            assert f"-- \nPlant Portal, {house.site.home}" in mail.text


async def test_only_owners_choose_the_looks_of_a_space_and_admins_those_of_the_platform(house: House) -> None:
    for name, status in {"max": 403, "vic": 403, "dora": 403, "nora": 404}.items():
        async with house.user(name) as user:
            for answer in (await user.get(WHERE), await user.put(WHERE, EMPTY), await user.delete(WHERE)):
                assert answer.status == status, name
    async with house.user("olga") as olga:
        for answer in (await olga.get("/branding"), await olga.put("/branding", EMPTY)):
            assert answer.status == 403


async def test_t_13_the_platforms_looks_are_those_of_spaces_that_chose_none(house: House) -> None:
    async with house.user("ada") as ada, house.user("olga") as olga:
        answer = await ada.put("/branding", {"product": "Plant Portal", "accent": "#123456"})
        assert answer.status == 200, answer.text
        assert (await olga.put(WHERE, {"accent": "#aa0000"})).status == 200
        effective = (await olga.get(WHERE)).json["effective"]
        assert isinstance(effective, dict)
        assert (effective["product"], effective["accent"]) == ("Plant Portal", "#aa0000")
        refused = await ada.put("/branding", {"hosts": ["a.example"]})
        assert (refused.status, list(refused.faults)) == (422, ["/hosts"])
        page = await ada.visitor.request("GET", f"{house.site.home}/-/none", headers=NAVIGATION)
        assert "· Plant Portal</title>" in await page.text()
