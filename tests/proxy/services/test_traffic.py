"""Counters with bounded labels, and an access log that never holds anybody up."""

import threading

import pytest

from proxy.services.traffic import BUCKETS, AccessLog, Traffic


def test_a_surface_of_an_instance_has_one_tally() -> None:
    traffic = Traffic()
    tally = traffic.tally("acme/line-3", "dashboard")
    assert traffic.tally("acme/line-3", "dashboard") is tally
    assert traffic.tally("acme/line-3", "editor") is not tally


def test_refusals_and_upstream_trouble_are_counted_by_reason() -> None:
    traffic = Traffic()
    for _ in range(2):
        traffic.refused("acme/line-3", "login_required")
    traffic.upstream("acme/line-3", "upstream_timeout")
    assert traffic.refusals == {("acme/line-3", "login_required"): 2}
    assert traffic.upstream_failures == {("acme/line-3", "upstream_timeout"): 1}
    assert traffic.upstream_up == {"acme/line-3": False}
    traffic.upstream("acme/line-3", None)
    assert traffic.upstream_up == {"acme/line-3": True}


def test_what_belongs_to_instances_that_are_gone_is_forgotten() -> None:
    traffic = Traffic()
    for name in ("stays", "goes"):
        traffic.tally(name, "dashboard")
        traffic.refused(name, "no_access")
        traffic.upstream(name, "upstream_timeout")
    traffic.refused("", "unknown_host")
    traffic.keep_only({"stays": None})
    assert set(traffic.tallies) == {("stays", "dashboard")}
    assert set(traffic.refusals) == {("stays", "no_access"), ("", "unknown_host")}
    assert set(traffic.upstream_failures) == {("stays", "upstream_timeout")}
    assert set(traffic.upstream_up) == {"stays"}


class Disk:
    """A sink that may be slow or full."""

    def __init__(self) -> None:
        self.written = b""
        self.full = False
        self.go_on = threading.Event()
        self.go_on.set()

    def write(self, data: bytes, /) -> None:
        assert self.go_on.wait(30)
        if self.full:
            raise OSError("no space left")
        self.written += data


def test_lines_are_written_in_order_by_the_end() -> None:
    disk = Disk()
    log = AccessLog(disk)
    assert log.enabled
    log.lines += [b"1\n", b"2\n"]
    log.flush()
    log.flush()
    log.lines.append(b"3\n")
    log.close()
    assert disk.written == b"1\n2\n3\n"
    assert log.dropped == 0


def test_a_slow_disk_drops_lines_and_holds_nobody_up() -> None:
    disk = Disk()
    disk.go_on.clear()
    log = AccessLog(disk)
    for _ in range(400):
        log.lines.append(b"x\n")
        log.flush()
    assert log.dropped >= 400 - 256 - 1
    disk.go_on.set()
    log.close()
    assert disk.written.count(b"\n") + log.dropped == 400


def test_a_disk_that_hangs_does_not_hold_up_the_end() -> None:
    disk = Disk()
    disk.go_on.clear()
    log = AccessLog(disk)
    for _ in range(400):
        log.lines.append(b"x\n")
        log.flush()
    ending = threading.Thread(target=log.close, daemon=True)
    ending.start()
    ending.join(10)
    assert not ending.is_alive()
    disk.go_on.set()


def test_a_full_disk_drops_lines_and_the_log_goes_on() -> None:
    disk = Disk()
    disk.full = True
    log = AccessLog(disk)
    log.lines.append(b"1\n")
    log.close()
    assert (disk.written, log.dropped) == (b"", 1)


def test_a_log_that_is_switched_off_starts_no_thread() -> None:
    before = threading.active_count()
    log = AccessLog(None)
    assert not log.enabled
    log.close()
    assert threading.active_count() == before


def test_events_are_written_where_requests_are_not() -> None:
    disk = Disk()
    log = AccessLog(disk, requests=False)
    assert not log.enabled
    log.say(b"event\n")
    log.close()
    assert disk.written == b"event\n"


def test_an_event_that_finds_no_room_is_dropped_and_counted() -> None:
    disk = Disk()
    disk.go_on.clear()
    log = AccessLog(disk)
    for _ in range(400):
        log.say(b"event\n")
    assert log.dropped >= 400 - 256 - 1
    disk.go_on.set()
    log.close()


@pytest.mark.parametrize(("status", "where"), [(101, 1), (200, 2), (499, 4), (599, 5), (799, 5)])
def test_an_outcome_is_counted_by_its_class_and_its_latency_by_powers_of_two(status: int, where: int) -> None:
    """An instance may answer with any three digits."""
    tally = Traffic().tally("acme/line-3", "dashboard")
    tally.count(status, 1500)
    tally.count(status, 2**40)
    assert tally.outcomes[where] == 2
    assert (tally.buckets[11], tally.buckets[BUCKETS - 1]) == (1, 1)
    assert tally.micros == 1500 + 2**40
