"""Statements about runs: written, read back, free of URLs, refused unless their members agree."""

import copy
import json
from datetime import UTC, datetime, timedelta

import pytest

from sijill.archive.crawl.pages import PageOutcome
from sijill.archive.crawl.site import Site
from sijill.archive.crawl.urls import PathPattern, ScopeHost
from sijill.archive.digest import digest_bytes
from sijill.provenance.attest.attestation import CollectorName, Orchestrator, Software, Subject, Trigger
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.run import (
    MAX_MISSED,
    REPORT_NAME,
    REPORT_TYPE,
    ScheduleState,
    Timing,
    parse_run_statement,
    run_statement,
)
from sijill.provenance.errors import MalformedStatement

STARTED = datetime(2026, 11, 21, 1, 16, 30, 5, tzinfo=UTC)
OWN = "20261121t011630z-k3j2x5m4q7ab"
CAPTURE = "20261121t011700z-k3j2x5m4q7ab"
SITE = Site(
    "network",
    "شبكة",
    ("https://a.example/",),
    (ScopeHost.parse("a.example"),),
    (PathPattern.parse("/بيانات/*"),),
)


def timing(**changes):
    schedule = ScheduleState("15 3 * * *", "Asia/Beirut", STARTED - timedelta(hours=1))
    members = {"trigger": Trigger.ON_DEMAND, "due": None, "started": STARTED, "ended": STARTED + timedelta(hours=1)}
    return Timing(**({**members, "schedule": schedule, "missed": [STARTED - timedelta(hours=9)]} | changes))


def statement(**changes):
    members = {
        "site": SITE,
        "timing": timing(),
        "counts": {PageOutcome.CAPTURED: 1, PageOutcome.REFUSED_BY_ROBOTS: 1},
        "omitted": 7,
        "problems": 3,
        "size": 1 << 40,
        "user_agent": "sijill/0.1.0",
        "report": Subject(REPORT_NAME, REPORT_TYPE, digest_bytes(b"{}")),
        "collector": CollectorName("أرشيف", None),
        "software": (Software("sijill", "0.1.0"),),
        "orchestrator": None,
    }
    return run_statement(OWN, **(members | changes))


def test_what_is_stated_is_read_back():
    made = statement(timing=timing(trigger=Trigger.SCHEDULE, due=STARTED), orchestrator=Orchestrator("3.8.8", "0b5e"))
    predicate = parse_run_statement(canonical(made)).predicate
    assert (predicate.site.id, predicate.trigger, predicate.due) == ("network", "schedule", STARTED)
    assert predicate.missed[0].due == STARTED - timedelta(hours=9)
    assert (predicate.counts["captured"], predicate.counts["gone"], predicate.omitted) == (1, 0, 7)
    assert predicate.problems == 3
    assert predicate.settings.limits.milliseconds == 21_600_000
    assert predicate.orchestrator.flow_run_id == "0b5e"


def test_no_url_stands_in_it_so_that_they_can_be_erased():
    data = canonical(statement())
    assert data.count(b"://") == 2, "the types of statement and predicate"
    assert b"a.example" not in data


def test_a_run_without_schedule_and_without_finds():
    made = statement(timing=timing(schedule=None, missed=[]), counts={})
    predicate = parse_run_statement(canonical(made)).predicate
    assert (predicate.schedule, set(predicate.counts.values())) == (None, {0})


def test_missed_runs_that_are_too_many_are_cut():
    missed = [STARTED - timedelta(days=2 * MAX_MISSED - n) for n in range(2 * MAX_MISSED)]
    predicate = parse_run_statement(canonical(statement(timing=timing(missed=missed)))).predicate
    assert len(predicate.missed) == MAX_MISSED
    assert predicate.missed[-1].due == missed[-1]


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("predicate.runId", CAPTURE, "predicate.runId"),
        ("predicate.runId", "20261341t011630z-k3j2x5m4q7ab", "predicate.runId"),
        ("predicate.ended", "2026-11-21T01:16:29.000000Z", "predicate.ended"),
        ("predicate.trigger", "browser", "predicate.trigger"),
        ("predicate.trigger", "schedule", "predicate.due"),
        ("predicate.due", "2026-11-21T01:16:30.000000Z", "predicate.due"),
        ("predicate.schedule", None, "predicate.missed"),
        ("predicate.missed", [{"due": "2026-11-21T00:16:31.000000Z"}], "predicate.missed"),
        ("predicate.missed", [{"due": "2026-11-20T00:00:00.000000Z"}] * 2, "predicate.missed"),
        ("predicate.counts.captured", -1, "predicate.counts.captured"),
        ("predicate.counts.lost", 0, "predicate.counts"),
        ("predicate.omitted", -1, "predicate.omitted"),
        ("predicate.problems", ["https://a.example/"], "predicate.problems"),
        ("predicate.planned", [], "predicate.planned"),
        ("predicate.site.id", "Network", "predicate.site.id"),
        ("predicate.settings.politeness.obeyRobots", 1, "predicate.settings.politeness.obeyRobots"),
        ("predicateType", "https://sijill.org/run/v2", "predicateType"),
        ("subject.0.name", "report.json", "subject.0.name"),
        ("subject.0.mediaType", "text/html", "subject.0.mediaType"),
    ],
)
def test_a_statement_whose_members_do_not_agree_is_refused(path, value, where):
    changed = copy.deepcopy(statement())
    *steps, last = [int(step) if step.isdecimal() else step for step in path.split(".")]
    part = changed
    for step in steps:
        part = part[step]
    part[last] = value
    with pytest.raises(MalformedStatement) as caught:
        parse_run_statement(canonical(changed))
    assert caught.value.path.startswith(where)


def test_only_canonical_json_is_read():
    with pytest.raises(MalformedStatement):
        parse_run_statement(json.dumps(statement(), indent=1).encode())
