"""What do decisions and rows cost with many customers and things? python -m benchmarks.things

10,000 customers, 100,000 things, half of them the team's own, and fifty shares with each customer, against ten customers
with as much each. Pure: no gateway, no store; CPU time, so that it says the
same on a busy machine. See docs/benchmarks.md for what is promised.
"""

import gc
import random
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from proxy.access.decide import decide
from proxy.access.tags import THINGS, tag_values
from proxy.model.access import Permission, Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, Grant, InstanceSettings, Resource, ResourceKind
from proxy.model.identity import Actor, Membership, Person, Session, User

SHARES = 50
"""With each customer."""
THINGS_EACH = 10
"""For each customer: half of them its own, half the team's."""
ROUNDS = 15
AT_ONCE = 2048
"""Decisions in a round."""
VISITORS = 64
"""Who come again and again, as in benchmarks.growth."""
DECISION_LIMIT = 1.15
"""Of the large estate by the small one, median of the rounds."""
THINGS_LIMIT_SECONDS = 0.005
_ALIKE = random.Random(20260)  # the same estate every time


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """An estate, and somebody of each of many customers with what they ask about."""

    estate: Estate
    askers: tuple[tuple[Actor, Resource], ...]

    def again(self) -> "Plant":
        """The same with a few who ask as often together."""
        return Plant(estate=self.estate, askers=self.askers[:VISITORS] * (AT_ONCE // VISITORS))


def plant(customers: int) -> Plant:
    """A team with one instance for all, its things and customers."""
    team = Space(id="team", kind=SpaceKind.TEAM, slug="team")
    spaces = [Space(id=f"c{n}", kind=SpaceKind.CUSTOMER, slug=f"c{n}", parent="team") for n in range(customers)]
    own = [thing(f"own-{n}", f"c{n % customers}") for n in range(customers * THINGS_EACH // 2)]
    common = [thing(f"common-{n}", "team") for n in range(customers * THINGS_EACH // 2)]
    line = Resource(
        id="line",
        kind=ResourceKind.INSTANCE,
        slug="line",
        owner="team",
        instance=InstanceSettings(upstream="http://line"),
    )
    grants = tuple(
        Grant(target=target.id, space=space.id, role=Role.DASHBOARD)
        for space in spaces
        for target in _ALIKE.sample(common, min(SHARES, len(common)))
    )
    estate = Estate(
        spaces={space.id: space for space in (team, *spaces)},
        resources={each.id: each for each in (line, *own, *common)},
        grants=grants,
    )
    asked = _ALIKE.choices(grants, k=AT_ONCE)
    askers = tuple((somebody(grant.space), estate.resources[grant.target]) for grant in asked)
    return Plant(estate=estate, askers=askers)


def thing(name: str, owner: str) -> Resource:
    attributes = {"subtype": "device", "external_id": f"external-{name}", "data": {}}
    return Resource(id=name, kind=ResourceKind.THING, slug=name, owner=owner, attributes=attributes)


def somebody(space: str) -> Actor:
    user = User(id=f"user-{space}", username=f"user-{space}")
    person = Person(user=user, memberships={space: Membership(space=space, role=Role.DASHBOARD)})
    session = Session(
        id="s", user_id=user.id, provider="local", amr=("pwd",), created=0.0, seen=0.0, expires=2e9, idle=1e9
    )
    return Actor(person=person, session=session)


def decisions(at: Plant) -> float:
    """Seconds for one decision, of many."""
    began = time.process_time()
    for actor, resource in at.askers:
        if not decide(at.estate, actor, Permission.THING_READ, resource, now=1.0).allowed:
            raise AssertionError("a share does not open what it is on")
    return (time.process_time() - began) / len(at.askers)


def things(at: Plant) -> list[float]:
    """Seconds that it takes for each of some visitors to know which rows are theirs."""
    taken = []
    for actor, _ in at.askers[:500]:
        began = time.process_time()
        values = tag_values(at.estate, actor.person, THINGS, at.estate.resources["line"])
        taken.append(time.process_time() - began)
        if values is None or len(values) < min(SHARES, len(at.estate.resources) // 4):
            raise AssertionError("somebody does not see what is shared with them")
    return taken


def timed(what: str, work: Callable[[], object]) -> None:
    began = time.process_time()
    work()
    print(f"  {what:48} {(time.process_time() - began) * 1000:9.1f} ms", flush=True)


def said(holds: bool, bar: str) -> str:
    return f"{'holds' if holds else 'MISSED'}: {bar}"


def compare(what: str, small: Plant, large: Plant) -> float:
    """The cost in the large estate by that in the small one, median of the rounds."""
    ratios, costs = [], []
    for number in range(ROUNDS):
        cost = {id(at): decisions(at) for at in ([small, large] if number % 2 else [large, small])}
        costs.append(cost[id(large)])
        ratios.append(cost[id(large)] / cost[id(small)])
    ratio = statistics.median(ratios)
    spread = f"{ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}) x small"
    print(f"  {what:30} {statistics.median(costs) * 1e6:5.1f} us, {spread}", flush=True)
    return ratio


def main() -> int:
    small, large = plant(10), plant(10_000)
    gc.freeze()
    print(
        f"{len(large.estate.spaces):,} spaces, {len(large.estate.resources):,} resources, {len(large.estate.grants):,} shares"
    )
    timed("first decision after a change, with its indexes", lambda: decisions(small) and decisions(large))
    timed("first visitor's things after a change, the same", lambda: things(large)[:1])
    things(small)
    often = compare("decision", small.again(), large.again())
    decided = often <= DECISION_LIMIT
    print(f"  {said(decided, f'<= {DECISION_LIMIT} where visitors come again')}")
    compare("decision, each visitor once", small, large)
    taken = sorted(things(large))
    middle, slow = statistics.median(taken), taken[int(len(taken) * 0.99)]
    found = slow <= THINGS_LIMIT_SECONDS
    print(f"  @things {middle * 1e3:.2f} ms, 99 of 100 within {slow * 1e3:.2f} ms  {said(found, '<= 5 ms')}")
    return 0 if decided and found else 1


if __name__ == "__main__":
    sys.exit(main())
