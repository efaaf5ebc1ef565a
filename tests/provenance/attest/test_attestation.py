"""What the builder states, member by member."""

import dataclasses
import hashlib
import json
from datetime import datetime
from pathlib import Path

import pytest

from sijill.archive.capture.browser.seams import MOST_LISTED
from sijill.archive.capture.exchange import Failure, FailureKind
from sijill.provenance.attest.attestation import CollectorCommitment, Subject, capture_statement
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.parts import MAX_TEXT
from sijill.provenance.attest.statement import parse_statement
from sijill.provenance.errors import MalformedStatement, MalformedTimestamp

GOLDEN = Path(__file__).resolve().parents[2] / "vectors" / "statement"


def build(samples, capture, context, subjects=None):
    return capture_statement(
        capture,
        subjects=subjects or samples.subjects(capture),
        records=samples.records_of(capture),
        context=context,
    )


@pytest.mark.parametrize("kind", ["rich", "plain", "failed"])
def test_bytes_never_change(samples, kind):
    # A statement signed years ago must still come out of the same facts; a change here is a change of the format.
    capture = getattr(samples, f"{kind}_capture")()
    context = samples.rich_context() if kind == "rich" else samples.plain_context()
    statement = build(samples, capture, context)
    assert canonical(statement) == (GOLDEN / f"{kind}.json").read_bytes().rstrip(b"\n")


@pytest.mark.parametrize("kind", ["rich", "plain", "failed"])
def test_what_is_built_parses_to_the_same_facts(samples, kind):
    capture = getattr(samples, f"{kind}_capture")()
    context = samples.rich_context() if kind == "rich" else samples.plain_context()
    parsed = parse_statement(canonical(build(samples, capture, context)))
    predicate = parsed.predicate
    assert predicate.capture_id == capture.id
    assert predicate.target == capture.target
    assert predicate.final_url == capture.final_url
    assert predicate.redirect_chain == capture.redirect_chain
    assert predicate.outcome is capture.outcome
    assert predicate.reasons == capture.reasons
    assert (predicate.times.started, predicate.times.ended) == (capture.started, capture.ended)
    assert predicate.title == capture.title
    for stated, made in zip(predicate.exchanges, capture.exchanges, strict=True):
        assert (stated.number, stated.url, stated.purpose, stated.via) == (
            made.number,
            made.url,
            made.purpose,
            made.via,
        )
        assert (stated.started, stated.ended) == (made.started, made.ended)
        assert stated.redirect_to == made.redirect_to
        assert (stated.status, stated.media_type) == (made.status, made.media_type)
        assert (None if stated.payload is None else stated.payload.digests) == made.payload
        if made.response is not None:
            assert stated.truncated is made.response.truncated
            assert stated.surplus == made.response.surplus
            assert stated.record == samples.records_of(capture)[made.number]
        if made.tls is not None:
            assert stated.tls is not None
            assert stated.tls.chain == tuple(hashlib.sha256(der).hexdigest() for der in made.tls.chain)
    assert parsed.warc.digests == samples.subjects()[0].digests


def test_what_the_browser_did_is_stated(samples):
    capture = samples.rich_capture()
    statement = parse_statement(canonical(build(samples, capture, samples.rich_context())))
    browser, shown = statement.predicate.browser, samples.rendering()
    assert browser is not None
    assert [(one.name, one.made) for one in browser.files] == [(one.name, one.made) for one in shown.files]
    assert [one.media_type for one in statement.subject[1:]] == ["text/html", *["image/png"] * 4, "application/json"]
    assert (browser.name, browser.sandboxed, browser.headless) == ("Chromium", False, True)
    assert (browser.viewport.width, browser.device_scale_factor_thousandths) == (1280, 1000)
    assert browser.waiting == {"milliseconds": 1234, "ended": "quiet"}
    assert [(one.kind, one.url) for one in browser.blocked] == [("websocket", "wss://example.org/live")]
    assert (browser.blocked_left_out, browser.not_collected_left_out) == (1, 2)
    assert [one.output for one in statement.predicate.transformations] == ["screenshot-captioned.png"]
    assert browser.quality is not None
    assert browser.quality.score == 985


def test_lists_of_a_hostile_page_are_cut_and_counted(samples):
    shown = samples.rendering()
    many = tuple(
        dataclasses.replace(shown.blocked[0], reason=f"\udcff{n}" + "x" * 2_000) for n in range(MOST_LISTED + 5)
    )
    facts = tuple((f"fact{number}", True) for number in range(50))
    shown = dataclasses.replace(shown, blocked=many, waiting=dataclasses.replace(shown.waiting, facts=facts))
    capture = dataclasses.replace(samples.rich_capture(), rendering=shown)
    browser = parse_statement(canonical(build(samples, capture, samples.rich_context()))).predicate.browser
    assert browser is not None
    assert (len(browser.blocked), browser.blocked_left_out) == (MOST_LISTED, 6)
    assert browser.blocked[0].reason == "?0" + "x" * (MAX_TEXT - 2)
    assert len(browser.waiting) == 40


def test_why_no_browser_was_used_is_stated(samples):
    capture = dataclasses.replace(samples.plain_capture(), browser_fallback="no Chromium was found")
    predicate = parse_statement(canonical(build(samples, capture, samples.plain_context()))).predicate
    assert (predicate.browser, predicate.browser_fallback) == (None, "no Chromium was found")


def test_no_float_and_no_unordered_value(samples):
    def walk(value):
        assert isinstance(value, dict | list | str | int | None)
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            walk(inner)

    statement = build(samples, samples.rich_capture(), samples.rich_context())
    walk(statement)
    assert statement["predicate"]["settings"]["limits"]["exchangeMilliseconds"] == 2500


def test_collector_can_be_committed_to(samples):
    salt = bytes(range(32))
    commitment = CollectorCommitment.to("Name", salt)
    context = dataclasses.replace(samples.rich_context(), collector=commitment)
    statement = build(samples, samples.rich_capture(), context)
    assert statement["predicate"]["collector"] == {"commitment": hashlib.sha256(salt + b"Name").hexdigest()}
    assert b"Archive of" not in canonical(statement)
    parse_statement(canonical(statement))
    assert commitment.opens_to("Name", salt)
    assert not commitment.opens_to("Other", salt)
    assert not commitment.opens_to("Name", bytes(32))
    # Name and salt cannot be shifted against each other.
    assert not CollectorCommitment(commitment.commitment).opens_to("\x1fName", salt[:-1])
    with pytest.raises(ValueError, match="32 bytes of salt"):
        CollectorCommitment.to("Name", b"short")
    with pytest.raises(ValueError, match="name"):
        CollectorCommitment.to("", salt)


def test_descriptive_text_is_cut_and_made_writable(samples):
    capture = samples.failed_capture()
    failure = Failure(FailureKind.MALFORMED, "\udcff" + "x" * 2_000)
    first = dataclasses.replace(capture.exchanges[0], failure=failure)
    capture = dataclasses.replace(capture, exchanges=(first,), title="t" * 2_000, reasons=("r" * 2_000,))
    predicate = parse_statement(canonical(build(samples, capture, samples.plain_context()))).predicate
    stated = predicate.exchanges[0].failure
    assert stated is not None
    assert stated.detail == "?" + "x" * (MAX_TEXT - 1)
    assert (predicate.title, predicate.reasons) == ("t" * MAX_TEXT, ("r" * MAX_TEXT,))


def test_response_without_a_record_is_refused(samples):
    capture = samples.rich_capture()
    records = samples.records_of(capture)
    del records[3]
    with pytest.raises(MalformedStatement) as caught:
        capture_statement(capture, subjects=samples.subjects(capture), records=records, context=samples.plain_context())
    assert caught.value.path == "predicate.exchanges.2.record"


def test_records_of_failures_are_not_stated_as_responses(samples):
    capture = samples.failed_capture()
    records = {1: "urn:uuid:00000000-0000-4000-8000-000000000001"}
    statement = capture_statement(
        capture, subjects=samples.subjects(), records=records, context=samples.plain_context()
    )
    assert statement["predicate"]["exchanges"][0]["record"] is None


def test_time_without_offset_is_refused(samples):
    capture = dataclasses.replace(samples.plain_capture(), started=datetime(2026, 11, 21))  # noqa: DTZ001
    with pytest.raises(MalformedTimestamp):
        build(samples, capture, samples.plain_context())


def test_subject_gives_both_digests_and_size(samples):
    warc = samples.subjects()[0]
    statement = build(samples, samples.plain_capture(), samples.plain_context(), [warc])
    assert json.loads(canonical(statement))["subject"] == [
        {
            "name": "data.warc.gz",
            "mediaType": "application/warc",
            "digest": {"sha256": warc.digests.sha256.hex, "blake3": warc.digests.blake3.hex},
            "annotations": {"size": 13},
        }
    ]
    assert isinstance(warc, Subject)
