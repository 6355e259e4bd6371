from proxy.cli.audit_reference import document
from proxy.cli.reference import main
from proxy.services.audit_catalogue import EVENTS


def test_the_reference_of_events_is_as_the_catalogue_has_it() -> None:
    assert main(["--check"]) == 0


def test_it_holds_every_event_once() -> None:
    told = [line.split("`")[1] for line in document().splitlines() if line.startswith("| `")]
    assert sorted(told) == sorted(EVENTS)
