"""Whoever holds a badge and knows its PIN comes in, and nobody else."""

from pathlib import Path

import pytest
from flowward_badge import Badge, BadgeSettings, hashed

from auth_plugins import Form, Identity, Misconfigured, Refused
from auth_plugins.testkit import Conformance, Visitor, kit


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("list") / "people.csv"
    path.write_text(f"0815, ada, Ada Lovelace, {hashed('2718')}\n", encoding="utf-8")
    return path


@pytest.fixture
def badge(people: Path) -> Badge:
    return Badge(BadgeSettings.model_validate({"people": str(people)}), kit())


class TestBadge(Conformance):
    @pytest.fixture(autouse=True)
    def _list(self, badge: Badge) -> None:
        self._badge = badge

    def plugin(self) -> Badge:
        return self._badge


async def test_a_badge_and_its_pin_say_who_it_is(badge: Badge) -> None:
    assert isinstance(await Visitor(badge).arrives(), Form)
    ada = await Visitor(badge).posts(badge=" 0815 ", pin="2718")
    assert isinstance(ada, Identity)
    assert (ada.subject, ada.username, ada.amr) == ("0815", "ada", ("pin",))
    assert (await badge.examine("0815")).name == "Ada Lovelace"


@pytest.mark.parametrize(("number", "pin"), [("0815", "2719"), ("0816", "2718"), ("0815", ""), ("", "2718")])
async def test_a_wrong_pin_and_a_badge_that_nobody_has_are_refused_alike(badge: Badge, number: str, pin: str) -> None:
    with pytest.raises(Refused, match="badge_or_pin_wrong"):
        await Visitor(badge).posts(badge=number, pin=pin)


def test_a_list_that_cannot_be_read_is_told_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("0815, ada\n", encoding="utf-8")
    with pytest.raises(Misconfigured, match="option 'people' names"):
        Badge(BadgeSettings.model_validate({"people": str(path)}), kit())
