"""What an estate file states of a user: it is changed there alone, or the next time it is applied would bring it back."""

import pytest

from tests.peers.gateway import PASSWORD
from tests.proxy.web.api.house import Answer, Client, House

NEW = "another Horse battery 77!"
LOGIN = {"username": "root", "password": PASSWORD}


def refused(answer: Answer) -> tuple[int, object, bool]:
    return answer.status, answer.json["code"], "estate.yaml" in str(answer.json["detail"])


IN_FILE = (409, "declared_in_file", True)


async def test_a_password_that_a_file_states_neither_expires_nor_is_another_chosen_here(house: House) -> None:
    async with house.user("ada") as ada, house.user("root") as root:
        assert refused(await ada.post("/users/root/expire-password")) == IN_FILE
        assert refused(await ada.post("/users/root/activation-link")) == IN_FILE
        assert refused(await root.put("/me/password", {"current": PASSWORD, "new": NEW})) == IN_FILE
    await house.running.reloader.reload()
    async with house.nobody() as nobody:
        assert (await nobody.post("/auth/login", LOGIN)).status == 200


async def declare(house: House, **more: object) -> None:
    users = house.site.estate["users"]
    assert isinstance(users, list)
    users[0] |= more
    house.site.write()
    await house.running.reloader.reload()


async def home(client: Client, dashboard: str | None, *, fullscreen: bool) -> Answer:
    return await client.put("/users/root/home", {"dashboard": dashboard, "fullscreen": fullscreen})


async def test_what_a_file_states_to_be_seen_first_is_changed_there_alone(house: House) -> None:
    await declare(house, default_dashboard="acme/plant/line-3")
    async with house.user("ada") as ada:
        assert refused(await home(ada, None, fullscreen=False)) == IN_FILE
        assert (await home(ada, "acme/plant/line-3", fullscreen=True)).status == 200
        await declare(house, fullscreen=True)
        assert refused(await home(ada, "acme/plant/line-3", fullscreen=False)) == IN_FILE


async def test_where_a_file_states_nothing_of_a_password_it_is_the_users_own(house: House) -> None:
    users = house.site.estate["users"]
    assert isinstance(users, list)
    users.append({"username": "zoe", "link": "activation", "memberships": {"acme": "viewer"}})
    house.site.write()
    await house.running.reloader.reload()
    async with house.user("ada") as ada:
        link = str((await ada.post("/users/zoe/activation-link")).json["link"])
    await house.running.gateway.accounts.activate(link.rpartition("/")[2], NEW, address="")
    await house.running.reloader.reload()
    async with house.user("zoe", NEW) as zoe, house.user("ada") as ada:
        assert (await zoe.put("/me/password", {"current": NEW, "new": NEW + "!"})).status == 204
        assert (await ada.post("/users/zoe/expire-password")).status == 200
    await house.running.reloader.reload()
    async with house.user("ada") as ada:
        assert (await ada.get("/users/zoe")).json["password_expired"] is True


@pytest.mark.parametrize("expired", [True, False])
async def test_another_password_in_the_file_has_not_expired(house: House, expired: bool) -> None:
    await house.alter("root", password_expired=expired)
    secret = house.site.folder / "root.txt"
    secret.write_text(NEW)
    secret.chmod(0o600)
    users = house.site.estate["users"]
    assert isinstance(users, list)
    del users[0]["password_hash"]
    await declare(house, password={"file": str(secret)})
    async with house.user("root", NEW) as root:
        assert (await root.get("/me")).status == 200
