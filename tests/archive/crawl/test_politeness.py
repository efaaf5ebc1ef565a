"""When a host may be asked: delays, how many at once, Retry-After, backing off, giving up. By a clock of the test's."""

import math
from datetime import UTC, datetime

import pytest

from sijill.archive.crawl.politeness import Answer, Turns, answer, retry_seconds
from sijill.archive.crawl.site import Politeness

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
FINE, BAD = Answer(True), Answer(False, "reset")


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def turns(clock, *, give_up_after=3, **politeness):
    return Turns(Politeness(**{"delay_seconds": 1, "concurrency": 2, **politeness}), clock, give_up_after=give_up_after)


def test_the_delay_counts_from_the_beginning_of_a_request(clock):
    polite = turns(clock)
    assert polite.wait("a") == 0
    polite.begin("a")
    assert polite.wait("a") == 1
    assert polite.wait("b") == 0
    clock.now += 0.25
    polite.end("a", FINE)
    assert polite.wait("a") == pytest.approx(0.75)
    clock.now += 5
    assert polite.wait("a") == 0


def test_no_more_at_once_than_settings_say(clock):
    polite = turns(clock, delay_seconds=0, concurrency=2)
    polite.begin("a")
    polite.begin("a")
    assert polite.wait("a") == math.inf
    polite.end("a", FINE)
    assert polite.wait("a") == 0


def test_crawl_delay_slows_down_but_never_speeds_up_and_is_bounded(clock):
    polite = turns(clock, max_retry_after_seconds=20)
    polite.begin("a")
    polite.slow_down("a", 10)
    assert polite.wait("a") == 10
    polite.slow_down("a", 0.1)
    clock.now += 10
    polite.end("a", FINE)
    polite.begin("a")
    assert polite.wait("a") == 10
    polite.slow_down("b", 9999)
    polite.begin("b")
    assert polite.wait("b") == 20


def test_a_busy_host_is_left_alone_for_as_long_as_it_asks(clock):
    polite = turns(clock)
    polite.begin("a")
    polite.end("a", answer(429, "30", None, NOW))
    assert polite.wait("a") == 30
    clock.now += 30
    assert polite.wait("a") == 0
    assert polite.aside("a") is None


def test_a_busy_host_that_does_not_say_how_long_is_left_alone_for_longer_each_time(clock):
    polite = turns(clock, give_up_after=9, max_retry_after_seconds=15)
    waits = []
    for _ in range(4):
        polite.begin("a")
        polite.end("a", answer(503, None, None, NOW))
        waits.append(polite.wait("a"))
        clock.now += waits[-1]
    assert waits == [5, 10, 15, 15]
    polite.begin("a")
    polite.end("a", FINE)
    polite.begin("a")
    polite.end("a", answer(503, None, None, NOW))
    assert polite.wait("a") == 5, "success resets it"


def test_a_host_that_asks_for_too_long_is_put_aside(clock):
    polite = turns(clock, max_retry_after_seconds=60)
    polite.begin("a")
    polite.end("a", answer(503, "3600", None, NOW))
    assert "3600 seconds, more than the 60" in polite.aside("a")


def test_failures_in_a_row_put_a_host_aside_and_only_that_host(clock):
    polite = turns(clock, give_up_after=3)
    for result in (BAD, BAD, FINE, BAD, BAD):
        polite.begin("a")
        polite.end("a", result)
    assert polite.aside("a") is None
    polite.begin("a")
    polite.end("a", BAD)
    assert polite.aside("a") == "3 failures in a row, the last: reset"
    assert polite.aside("b") is None


def test_after_a_failure_a_host_is_asked_one_thing_at_a_time(clock):
    polite = turns(clock, delay_seconds=0)
    polite.begin("a")
    polite.end("a", BAD)
    polite.begin("a")
    assert polite.wait("a") == math.inf


@pytest.mark.parametrize(
    ("status", "ok", "busy"),
    [
        *((status, True, False) for status in (200, 301, 404, 410)),
        *((status, False, False) for status in (401, 403, 500, 502)),
        *((status, False, True) for status in (429, 503)),
    ],
)
def test_what_counts_as_a_failure(status, ok, busy):
    result = answer(status, None, None, NOW)
    assert (result.ok, result.busy) == (ok, busy)
    assert answer(None, None, "dns: no such host", NOW) == Answer(False, "dns: no such host")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("Sat, 21 Nov 2026 12:02:00 GMT", 120),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0),
        ("Saturday, 21-Nov-26 12:00:30 GMT", 30),
        ("Sat Nov 21 12:00:10 2026", 10),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
        ("9" * 400, None),
        ("Sat, 99 Nov 2026 12:02:00 GMT", None),
        (None, None),
    ],
)
def test_retry_after_in_all_its_forms(value, seconds):
    assert retry_seconds(value, NOW) == seconds
