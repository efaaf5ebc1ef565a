"""Reports of runs: written, read back, cut to what they hold, refused unless they agree with the statement."""

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sijill.archive.crawl.pages import HostRobots, Known, PageOutcome, Row, RunOutcome, Task
from sijill.archive.crawl.site import Site
from sijill.archive.crawl.urls import PathPattern, ScopeHost
from sijill.archive.digest import digest_bytes
from sijill.archive.reading.visible_text import READER
from sijill.provenance.attest.attestation import CollectorName, Software, Subject, Trigger
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.run import REPORT_NAME, REPORT_TYPE, Timing, parse_run_statement, run_statement
from sijill.provenance.attest.run_report import (
    LARGEST,
    MAX_KNOWN,
    MAX_PLANNED,
    check_against,
    parse_run_report,
    report_json,
)
from sijill.provenance.errors import MalformedStatement

STARTED = datetime(2026, 11, 21, 1, 16, 30, 5, tzinfo=UTC)
ENDED = STARTED + timedelta(hours=1)
OWN = "20261121t011630z-k3j2x5m4q7ab"
CAPTURE = "20261121t011700z-k3j2x5m4q7ab"
SITE = Site(
    "network",
    "شبكة",
    ("https://a.example/",),
    (ScopeHost.parse("a.example"),),
    (PathPattern.parse("/بيانات/*"),),
)
HOME = "https://a.example/"
CAPTURED = Row(f"{HOME}s/1", HOME, "link", Task.STATEMENT, PageOutcome.CAPTURED, "", CAPTURE, (), f"{HOME}s/1", 200)
CAPTURED = replace(CAPTURED, sha256="a" * 64, text_sha256="b" * 64)
REFUSED = Row(f"{HOME}s/2", HOME, "link", Task.STATEMENT, PageOutcome.REFUSED_BY_ROBOTS, "line 2")
KNOWN = Known(f"{HOME}s/1", CAPTURE, "a" * 64, text_sha256="b" * 64)
OUTCOME = RunOutcome(
    (CAPTURED, REFUSED),
    7,
    (HostRobots("https://a.example", "robots.txt was read"),),
    (f"{HOME}feed: it is an HTML page, not a feed",),
    1 << 40,
    (("javascript", 2), ("mailto", 3)),
)


def report(outcome=OUTCOME, known=(KNOWN,)):
    return report_json(OWN, site=SITE, ended=ENDED, until=STARTED, missed=(), outcome=outcome, known=known)


def statement(made):
    parsed = parse_run_report(made)
    return parse_run_statement(
        canonical(
            run_statement(
                OWN,
                site=SITE,
                timing=Timing(Trigger.ON_DEMAND, None, STARTED, ENDED, None, []),
                counts=parsed.counts,
                omitted=parsed.omitted,
                problems=len(parsed.problems),
                size=parsed.bytes_received,
                user_agent="sijill/0.1.0",
                report=Subject(REPORT_NAME, REPORT_TYPE, digest_bytes(made)),
                collector=CollectorName("أرشيف", None),
                software=(Software("sijill", "0.1.0"),),
                orchestrator=None,
            )
        )
    )


def test_what_is_reported_is_read_back():
    made = parse_run_report(report())
    assert [part.row for part in made.planned] == [CAPTURED, REFUSED]
    assert made.known_pages() == {KNOWN.url: KNOWN}
    assert made.settings.statements == ("/بيانات/*",)
    assert made.refused_links == {"javascript": 2, "mailto": 3}
    assert made.omitted == 7
    check_against(made, statement(report()))


def test_a_text_that_another_reader_read_is_not_compared():
    other = report().replace(READER.encode(), b"visible-text/0")
    assert parse_run_report(other).known_pages()[KNOWN.url] == replace(KNOWN, text_sha256=None)


def test_too_much_is_cut_and_counted():
    rows = tuple(replace(REFUSED, url=f"{HOME}{n}") for n in range(MAX_PLANNED + 5))
    outcome = replace(OUTCOME, rows=rows, problems=tuple("\ud800" + "p" * 5_000 + str(n) for n in range(5_000)))
    known = (replace(KNOWN, url=f"{HOME}{n}") for n in range(MAX_KNOWN + 5))
    made = parse_run_report(report(outcome, known))
    assert (len(made.planned), made.omitted) == (MAX_PLANNED, 7 + 5)
    assert len(made.problems) == 1_000
    assert (len(made.known), made.known[0].url) == (MAX_KNOWN, f"{HOME}5"), "what was not seen for longest is forgotten"


def test_rows_and_pages_that_are_large_are_fewer():
    long = replace(REFUSED, via=HOME + "v" * 8_000, reason="\x01" * 999)
    rows = tuple(replace(long, url=f"{HOME}{n}/{'u' * 8_000}") for n in range(MAX_PLANNED))
    known = (replace(KNOWN, url=f"{HOME}{n}/{'u' * 8_000}") for n in range(MAX_KNOWN))
    data = report(replace(OUTCOME, rows=rows), known)
    made = parse_run_report(data)
    assert len(data) < LARGEST
    assert 1_000 < len(made.planned) < MAX_PLANNED
    assert len(made.planned) + made.omitted == MAX_PLANNED + 7
    assert 1_000 < len(made.known) < MAX_KNOWN


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("planned.0.captureId", None, "planned.0.captureId"),
        ("planned.1.captureId", CAPTURE, "planned.1.captureId"),
        ("planned.1.url", f"{HOME}s/1", "planned.1.url"),
        ("planned.0.outcome", "perhaps", "planned.0.outcome"),
        ("planned.0.how", "By Magic", "planned.0.how"),
        ("planned.0.textSha256", "B" * 64, "planned.0.textSha256"),
        ("planned.0.extra", 1, "planned.0.extra"),
        ("refusedLinks.Java Script", 1, "refusedLinks"),
        ("known.0.gone", 1, "known.0.gone"),
        ("textReader", "", "textReader"),
    ],
)
def test_a_report_whose_members_do_not_agree_is_refused(path, value, where):
    with pytest.raises(MalformedStatement) as caught:
        parse_run_report(changed(path, value))
    assert caught.value.path.startswith(where)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("runId", CAPTURE),
        ("site", "another"),
        ("ended", "2026-11-21T02:16:31.000000Z"),
        ("missed", ["2026-11-21T02:16:31.000000Z"]),
        ("planned.1.outcome", "out-of-scope"),
        ("omitted", 6),
        ("problems", []),
        ("bytesReceived", 1),
    ],
)
def test_a_report_that_is_not_what_the_statement_says_is_refused(path, value):
    with pytest.raises(MalformedStatement) as caught:
        check_against(parse_run_report(changed(path, value)), statement(report()))
    assert caught.value.path == path.partition(".")[0]


def changed(path, value):
    made = copy.deepcopy(json.loads(report()))
    *steps, last = [int(step) if step.isdecimal() else step for step in path.split(".")]
    part = made
    for step in steps:
        part = part[step]
    part[last] = value
    return canonical(made)
