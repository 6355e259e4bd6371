"""`flowward check personas`: whether people may do what is expected of them, and no more."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from proxy.access.personas import Looked, broken, look, place_of
from proxy.cli.opening import FAILED, Opened, config_option, configuration, with_store
from proxy.model.directory import Space
from proxy.model.estate import Estate
from proxy.model.identity import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What was looked at, and whom and what it names."""

    estate: Estate
    people: Mapping[str, Person]
    looked: Sequence[Looked]

    def user(self, each: Looked) -> str:
        person = self.people.get(each.check.user)
        return person.user.username if person is not None else each.check.user

    def place(self, each: Looked) -> str:
        place = place_of(self.estate, each.check)
        if place is None:
            return each.check.place
        return place.slug if isinstance(place, Space) else self.estate.address(place)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print every expectation as JSON, those that hold included.")
@config_option
@click.pass_context
def personas(context: click.Context, path: Path, *, as_json: bool) -> None:
    """Say which expectations about people do not hold any more, and why; exit code 1 where there are any.

    They are kept by PUT /persona-checks, and each user is taken to have just logged in.
    """
    found = with_store(configuration(path), _looked)
    click.echo(_as_json(found) if as_json else "\n".join(_lines(found)))
    if any(broken(found.looked)):
        context.exit(FAILED)


async def _looked(opened: Opened) -> _Found:
    database = opened.store.database
    estate = await database.estate()
    checks = estate.settings.persona_checks
    asked = [await database.person(user) for user in dict.fromkeys(each.user for each in checks)]
    people = {person.user.id: person for person in asked if person is not None}
    return _Found(estate=estate, people=people, looked=look(estate, checks, people, now=time.time()))


def _lines(found: _Found) -> Iterator[str]:
    failed = list(broken(found.looked))
    for each in failed:
        expected, allowed = ("may" if each.check.allowed else "may not"), _allowed(each)
        where = f" on {found.place(each)}" if each.check.place else ""
        yield f"{found.user(each)} {expected} {each.check.permission}{where}: {allowed}, {each.reason}"
        yield from (f"  {line}" for line in each.because)
        if each.check.note:
            yield f"  expected since: {each.check.note}"
    count = len(found.looked)
    yield f"Expectations: {count}. " + (f"Broken: {len(failed)}." if failed else "All of them hold.")


def _allowed(each: Looked) -> str:
    match each.allowed:
        case None:
            return "cannot be asked"
        case True:
            return "is allowed"
        case _:
            return "is refused"


def _as_json(found: _Found) -> str:
    outcomes = [
        {
            "user": found.user(each),
            "permission": each.check.permission,
            "on": found.place(each),
            "expected": each.check.allowed,
            "found": each.allowed,
            "holds": each.holds,
            "reason": each.reason,
            "role": each.role.label,
            "because": each.because,
            "note": each.check.note,
        }
        for each in found.looked
    ]
    return json.dumps({"holds": not any(broken(found.looked)), "outcomes": outcomes}, indent=2)
