"""What may be a username, wherever the API takes one: nothing that could be read as the id of somebody else."""

from pathlib import Path

import pytest

from tests.peers.gateway import PASSWORD
from tests.peers.smtp import sink
from tests.proxy.web.api.house import House, house

IDS = ("0123456789abcdef" * 2, "0123456789ABCDEF" * 2)
ALMOST = "0123456789abcdef" * 2 + "0"


@pytest.mark.parametrize("username", IDS)
async def test_an_admin_gives_nobody_a_username_that_could_be_an_id(house: House, username: str) -> None:
    account = {"username": username, "name": "Zoe", "email": "zoe@acme.example", "admin": False}
    async with house.user("ada") as ada:
        for answer in (await ada.post("/users", account), await ada.put("/users/max", account)):
            assert (answer.status, list(answer.faults)) == (422, ["/username"])
            assert "not 32 hexadecimal digits" in answer.faults["/username"]
            assert "Write for example ada." in answer.faults["/username"]
        assert (await ada.post("/users", {**account, "username": ALMOST})).status == 201


async def test_s_32_nobody_signs_up_under_what_could_be_an_id(tmp_path: Path) -> None:
    """S-32. Messages that are meant for a user, and say whom by id, would be theirs."""
    accounts: dict[str, object] = {"sign_up": {"enabled": True, "domains": ["plant.example"]}}
    async with sink(tmp_path) as post, house(tmp_path, mail=post.settings, accounts=accounts) as here:
        async with here.nobody() as somebody:
            wanted = {"email": "zoe@plant.example", "password": f"{PASSWORD} more", "name": "Zoe"}
            refused = await somebody.post("/auth/register", {**wanted, "username": IDS[0]})
            assert (refused.status, refused.code) == (400, "username_invalid")
            assert "not 32 hexadecimal digits" in refused.faults["/username"]
            assert (await somebody.post("/auth/register", {**wanted, "username": ALMOST})).status == 202
