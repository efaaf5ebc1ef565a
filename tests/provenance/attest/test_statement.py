"""The strict parser: every member is required, typed, bounded and consistent."""

import copy
from typing import get_args

import pytest
from pydantic import BaseModel

from sijill.provenance.attest.attestation import capture_statement
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.members import MAX_EXCHANGES, CaptureStatement, Predicate
from sijill.provenance.attest.statement import parse_statement
from sijill.provenance.errors import MalformedStatement


@pytest.fixture(scope="module")
def rich(samples):
    capture = samples.rich_capture()
    return capture_statement(
        capture,
        subjects=samples.subjects(capture),
        records=samples.records_of(capture),
        context=samples.rich_context(),
    )


@pytest.fixture(scope="module")
def failed(samples):
    capture = samples.failed_capture()
    return capture_statement(
        capture,
        subjects=samples.subjects(),
        records={},
        context=samples.plain_context(),
    )


def places(value, path=()):
    """Every path in a JSON value."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for number in range(len(value)):
            yield from places(value[number], (*path, number))


def at(value, path):
    for step in path:
        value = value[step]
    return value


def changed(statement, path, new):
    result = copy.deepcopy(statement)
    if not path:
        return new
    at(result, path[:-1])[path[-1]] = new
    return result


FREE = (("pins",), ("waiting",))
"""Objects whose members are named by what they are about."""


def refusal(statement):
    with pytest.raises(MalformedStatement) as caught:
        parse_statement(canonical(statement))
    return caught.value


def models(annotation):
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models(field.annotation)
    for inner in get_args(annotation):
        yield from models(inner)


def test_every_member_of_the_format_is_in_the_sample_with_a_value(rich):
    seen = {path[-1] for path in places(rich) if path and at(rich, path) is not None}
    expected = {field.alias for model in models(CaptureStatement) for field in model.model_fields.values()}
    assert {"_type", "flowRunId", "verifyError", "chain"} < expected
    # The sample names its collector and has a browser; commitment and fallback have tests of their own.
    assert expected - seen == {"commitment", "browserFallback"}


def test_every_object_refuses_a_further_member(rich):
    for path in places(rich):
        if isinstance(at(rich, path), dict) and path[-1:] not in FREE:
            error = refusal(changed(rich, path, at(rich, path) | {"unknown": 1}))
            assert "unknown" in error.path
            assert "not permitted" in error.reason


def test_every_object_refuses_a_missing_member(rich):
    for path in places(rich):
        parent = path[:-1]
        if path and isinstance(at(rich, parent), dict) and parent[-1:] not in FREE:
            without = {key: value for key, value in at(rich, parent).items() if key != path[-1]}
            assert refusal(changed(rich, parent, without)).path


def test_no_value_is_converted_from_another_type(rich):
    for path in places(rich):
        value = at(rich, path)
        if value is None or path[-2:-1] == ("waiting",):  # of numbers and texts
            continue
        others = ({}, 7, "7", True)
        for other in others:
            if type(other) is type(value) or (not path):
                continue
            # A member that may be text cannot be told from other text; all else is refused by its type.
            refusal(changed(rich, path, other))


def test_null_stands_only_where_the_format_allows_it(rich):
    nullable = set()
    unstamped = changed(rich, STAMPS, [])  # a checkpoint that was timestamped must be there
    for path in places(unstamped):
        if path and at(unstamped, path) is not None:
            try:
                parse_statement(canonical(changed(unstamped, path, None)))
            except MalformedStatement:
                continue
            nullable.add(path[-1])
    assert nullable == {
        "title",
        "via",
        "mediaType",
        "truncated",
        "failure",
        "redirectTo",
        "offsetMicroseconds",
        "contact",
        "egress",
        "orchestrator",
        "decision",
        "freshness",
        "quality",
        "supersedes",
    }


def test_lists_are_bounded(rich):
    for path in places(rich):
        value = at(rich, path)
        if isinstance(value, list) and path != ("predicate", "exchanges"):
            number = MAX_EXCHANGES + 1 if path == ("predicate", "reasons") else 1_001
            assert refusal(changed(rich, path, [value[0] if value else "x"] * number)).path.startswith(path[0])


def test_exchanges_are_bounded():
    # So many real ones would take seconds to write.
    bounds = [getattr(item, "max_length", None) for item in Predicate.model_fields["exchanges"].metadata]
    assert MAX_EXCHANGES in bounds


def test_texts_are_bounded(rich):
    for path in places(rich):
        if isinstance(at(rich, path), str):
            refusal(changed(rich, path, "x" * 65_537))


def test_integers_are_not_negative(rich):
    for path in places(rich):
        if type(at(rich, path)) is int and path[-1] != "offsetMicroseconds":
            refusal(changed(rich, path, -1))


EXCHANGE = ("predicate", "exchanges", 1)
STAMPS = ("predicate", "freshnessTimestamps")
UNANSWERED = ("predicate", "exchanges", 4)
REUSED = ("predicate", "exchanges", 6)
IDENTICAL = ("predicate", "exchanges", 7)
NOT_MODIFIED = ("predicate", "exchanges", 8)
DEPENDENCIES = ("predicate", "dependencies")
BROWSER = ("predicate", "browser")


@pytest.mark.parametrize(
    ("path", "new"),
    [
        (("_type",), "https://in-toto.io/Statement/v0.1"),
        (("predicateType",), "https://sijill.org/capture/v2"),
        (("subject",), []),
        (("subject", 0, "name"), "other.warc.gz"),
        (("subject", 0, "mediaType"), "application/gzip"),
        (("subject", 1, "name"), "data.warc.gz"),
        (("subject", 1, "name"), "../x"),
        (("subject", 1, "name"), "a/b"),
        (("subject", 1, "name"), "Upper.png"),
        (("subject", 1, "name"), ".hidden"),
        (("subject", 1, "name"), "new\nline"),
        (("subject", 1, "name"), "screenshot.png\n"),
        (("subject", 0, "digest", "sha256"), "A" * 64),
        (("subject", 0, "digest", "sha256"), "a" * 63),
        (("subject", 0, "digest", "blake3"), "a" * 64 + "\n"),
        (("predicate", "captureId"), "20261121t011631z-k3j2x5m4q7ab"),
        (("predicate", "captureId"), "20261121t011630z-k3j9x2m4q7ab"),
        (("predicate", "captureId"), "20261121t011630z-k3j2x5m4q7ab\n"),
        (("predicate", "captureId"), "20261321t011630z-k3j2x5m4q7ab"),
        (("predicate", "trigger"), "manual"),
        (("predicate", "outcome"), "complete"),
        (("predicate", "outcome"), "failed"),
        (("predicate", "outcome"), "COMPLETE"),
        (("predicate", "reasons"), []),
        (("predicate", "finalUrl"), None),
        (("predicate", "finalUrl"), "https://example.org/other"),
        (("predicate", "redirectChain"), ["https://example.org/b"]),
        (("predicate", "redirectChain"), []),
        (("predicate", "times", "started"), "2026-11-21T01:16:30Z"),
        (("predicate", "times", "started"), "2026-11-21T01:16:30.123456+00:00"),
        (("predicate", "times", "started"), "2026-11-21T01:16:31.123456Z"),
        (("predicate", "times", "ended"), "2026-11-21T01:16:30.123455Z"),
        (("predicate", "times", "ended"), "2026-02-30T01:16:30.123455Z"),
        (("predicate", "times", "clock", "source"), "ntp"),
        (("predicate", "collector"), {"name": "a", "contact": None, "commitment": "0" * 64}),
        (("predicate", "collector"), {"commitment": "0" * 63}),
        (("predicate", "collector"), {"name": "", "contact": None}),
        (("predicate", "egress"), "example.org"),
        (("predicate", "software"), []),
        (("predicate", "settings", "pins"), {"example.org:80": "nowhere"}),
        (("predicate", "orchestrator", "name"), "cron"),
        (("predicate", "freshness"), None),
        ((*STAMPS, 0, "name"), "A-tsa"),
        ((*STAMPS, 0, "name"), "1-tsa"),
        ((*STAMPS, 0, "name"), "a" * 65),
        ((*STAMPS, 0, "name"), "a.tsr"),
        ((*STAMPS, 0, "name"), "a-tsa\n"),
        ((*STAMPS, 0, "name"), "other-tsa"),
        ((*STAMPS, 0, "name"), "zeta"),
        ((*STAMPS, 0, "sha256"), "A" * 64),
        ((*STAMPS, 0, "sha256"), "a" * 63),
        (("predicate", "dependencies"), [{"captureId": "20261121t011630z-k3j2x5m4q7ab"}]),
        (("predicate", "transformations"), ["redacted"]),
        (("predicate", "transformations", 0, "output"), "page"),
        (("predicate", "transformations", 0, "output"), "other.png"),
        (("predicate", "transformations", 0, "input"), "screenshot-captioned.png"),
        (("predicate", "transformations", 0, "input"), "other.png"),
        (("predicate", "browser"), None),
        (("predicate", "browserFallback"), "no Chromium was found"),
        ((*BROWSER, "files"), []),
        ((*BROWSER, "files", 0, "name"), "dom.htm"),
        ((*BROWSER, "files", 0, "made"), "2026-11-21T01:16:32Z"),
        ((*BROWSER, "screenshots"), []),
        ((*BROWSER, "screenshots", 1, "name"), "screenshot-9.png"),
        ((*BROWSER, "screenshots", 1, "name"), "screenshot.png"),
        ((*BROWSER, "screenshots", 1, "name"), "dom.html"),
        ((*BROWSER, "screenshots", 0, "kind"), "captioned"),
        ((*BROWSER, "screenshots", 0, "kind"), "as-I-remember"),
        ((*BROWSER, "screenshots", 0, "top"), 1),
        ((*BROWSER, "screenshots", 1, "top"), 0),
        ((*BROWSER, "scripts", 0, "sha256"), "C" * 64),
        ((*BROWSER, "waiting"), {"": 1}),
        ((*BROWSER, "waiting"), {"seconds": None}),
        ((*BROWSER, "blocked", 0, "kind"), "gossip"),
        ((*BROWSER, "quality", "score"), 1001),
        (("subject", 1, "name"), "page.html"),
        (("subject", 2, "mediaType"), "image/jpeg"),
        (("predicate", "supersedes"), "20261121t011630z-k3j2x5m4q7ab"),
        (("predicate", "berkeley"), []),
        (("predicate", "berkeley", 0, "item"), "html-source"),
        (("predicate", "exchanges"), []),
        ((*EXCHANGE, "number"), 3),
        ((*EXCHANGE, "number"), 1),
        ((*EXCHANGE, "method"), "get"),
        ((*EXCHANGE, "purpose"), "frame"),
        ((*EXCHANGE, "ended"), "2026-11-21T01:16:30.000000Z"),
        ((*EXCHANGE, "status"), None),
        ((*EXCHANGE, "status"), 1000),
        ((*EXCHANGE, "payload"), None),
        ((*EXCHANGE, "record"), None),
        ((*EXCHANGE, "record"), "urn:uuid:00000000-0000-4000-8000-000000000001"),
        ((*EXCHANGE, "record"), "<urn:uuid:00000000-0000-4000-8000-0000000000ff>"),
        ((*EXCHANGE, "server"), None),
        ((*EXCHANGE, "server", "ip"), "example.org"),
        ((*EXCHANGE, "server", "port"), 0),
        ((*EXCHANGE, "server", "port"), 65_536),
        ((*EXCHANGE, "tls"), None),
        ((*EXCHANGE, "tls", "verified"), False),
        ((*EXCHANGE, "tls", "verifyError"), "expired"),
        ((*EXCHANGE, "truncated"), "size"),
        ((*UNANSWERED, "failure"), None),
        ((*UNANSWERED, "mediaType"), "text/html"),
        ((*UNANSWERED, "truncated"), "time"),
        ((*UNANSWERED, "redirectTo"), "https://example.org/"),
        ((*UNANSWERED, "surplus"), 1),
        ((*UNANSWERED, "failure", "kind"), "unknown"),
        ((*REUSED, "revisit"), None),
        ((*REUSED, "revisit", "kind"), "identical"),
        ((*REUSED, "revisit", "kind"), "copied"),
        ((*REUSED, "revisit", "captureId"), "20261120t011630z-aaaaaaaaaaaa"),
        ((*REUSED, "revisit", "record"), "urn:uuid:00000000-0000-4000-8000-000000000103"),
        ((*REUSED, "record"), None),
        ((*REUSED, "status"), 304),
        ((*REUSED, "purpose"), "page"),
        ((*REUSED, "method"), "HEAD"),
        ((*REUSED, "url"), "https://example.org/other.svg"),
        ((*REUSED, "mediaType"), "image/png"),
        ((*REUSED, "payload", "size"), 9),
        ((*REUSED, "truncated"), "time"),
        ((*REUSED, "surplus"), 1),
        ((*REUSED, "redirectTo"), "https://example.org/"),
        ((*REUSED, "failure"), {"kind": "reset", "detail": ""}),
        ((*REUSED, "server"), {"ip": "192.0.2.1", "port": 443, "pinned": False}),
        ((*IDENTICAL, "server"), None),
        ((*IDENTICAL, "tls"), None),
        ((*IDENTICAL, "status"), 304),
        ((*IDENTICAL, "payload", "digest", "blake3"), "0" * 64),
        ((*NOT_MODIFIED, "status"), 200),
        ((*NOT_MODIFIED, "server"), None),
        ((*NOT_MODIFIED, "revisit"), None),
        (DEPENDENCIES, []),
        ((*DEPENDENCIES, 0, "captureId"), "20261120t011632z-aaaaaaaaaaaa"),
        ((*DEPENDENCIES, 0, "captureId"), "20261121t011630z-k3j2x5m4q7ab"),
        ((*DEPENDENCIES, 0, "envelopeSha256"), "A" * 64),
        ((*DEPENDENCIES, 0, "records"), []),
        ((*DEPENDENCIES, 1, "warc", "size"), 5699),
        ((*DEPENDENCIES, 1, "records", 0, "offset"), 4301),
        ((*DEPENDENCIES, 1, "records", 0, "offset"), 6000),
        ((*DEPENDENCIES, 1, "records", 0, "length"), 0),
        ((*DEPENDENCIES, 1, "records", 0, "record"), "urn:uuid:00000000-0000-4000-8000-0000000001ff"),
        ((*DEPENDENCIES, 1, "records", 0, "record"), "urn:uuid:00000000-0000-4000-8000-000000000106"),
        ((*DEPENDENCIES, 1, "records", 0, "url"), "https://example.org/other.css"),
        ((*DEPENDENCIES, 1, "records", 0, "payload", "digest", "sha256"), "0" * 64),
        ((*DEPENDENCIES, 1, "records", 0, "mediaType"), None),
    ],
)
def test_contradictions_and_unknown_words_are_refused(rich, path, new):
    error = refusal(changed(rich, path, new))
    assert error.path
    assert error.reason


def test_timestamps_belong_to_a_quoted_checkpoint(rich):
    error = refusal(changed(rich, ("predicate", "freshness"), None))
    assert error.path == "predicate.freshnessTimestamps"
    parse_statement(canonical(changed(changed(rich, ("predicate", "freshness"), None), STAMPS, [])))


def test_a_record_that_nobody_needs_is_no_dependency(rich):
    records = at(rich, (*DEPENDENCIES, 1, "records"))
    further = records[1] | {"record": "urn:uuid:00000000-0000-4000-8000-0000000001ff", "offset": 7000}
    error = refusal(changed(rich, (*DEPENDENCIES, 1, "records"), [*records, further]))
    assert (error.path, error.reason) == ("predicate.dependencies", "a record that no exchange names")


def test_two_exchanges_may_stand_on_one_record(rich):
    another = at(rich, REUSED) | {"number": 10, "record": "urn:uuid:00000000-0000-4000-8000-0000000000aa"}
    exchanges = [*at(rich, ("predicate", "exchanges")), another]
    parse_statement(canonical(changed(rich, ("predicate", "exchanges"), exchanges)))


def test_error_names_the_member(rich):
    error = refusal(changed(rich, (*EXCHANGE, "server", "port"), 0))
    assert error.path == "predicate.exchanges.1.server.port"


def test_tls_needs_https(rich):
    tls = at(rich, (*EXCHANGE, "tls"))
    assert refusal(changed(rich, ("predicate", "exchanges", 0, "tls"), tls)).path == "predicate.exchanges.0.tls"


def test_screenshot_is_met_only_with_date_and_time(rich):
    bare = changed(rich, ("predicate", "transformations"), [])
    for names in (["screenshot.png"], ["screenshot-captioned.png"], []):
        kept = [one for one in bare["subject"][1:] if one["name"] in names]
        less = changed(bare, ("subject",), [bare["subject"][0], *kept])
        less["predicate"]["browser"]["files"] = [
            one for one in bare["predicate"]["browser"]["files"] if one["name"] in names
        ]
        less["predicate"]["browser"]["screenshots"] = [
            one for one in bare["predicate"]["browser"]["screenshots"] if one["name"] in names
        ]
        assert refusal(less).path == "predicate.berkeley"


def test_subjects_are_those_that_the_browser_made(rich):
    assert refusal(changed(rich, ("subject",), rich["subject"][:1])).path == "predicate.browser.files"
    swapped = [rich["subject"][0], *reversed(rich["subject"][1:])]
    assert refusal(changed(rich, ("subject",), swapped)).path == "predicate.browser.files"


def test_failed_capture_reached_no_page(failed):
    assert parse_statement(canonical(failed)).predicate.final_url is None
    refusal(changed(failed, ("predicate", "finalUrl"), "https://example.org/b"))


def test_statement_is_frozen(rich):
    parsed = parse_statement(canonical(rich))
    with pytest.raises(ValueError, match="frozen"):
        parsed.predicate.target = "other"


@pytest.mark.parametrize("payload", [b"", b"null", b"[]", b'"x"', b"{}", b"{", b'{"_type":1.5}'])
def test_other_payloads(payload):
    with pytest.raises(MalformedStatement):
        parse_statement(payload)


def test_form_must_be_canonical(rich):
    with pytest.raises(MalformedStatement, match="canonical"):
        parse_statement(canonical(rich).replace(b'{"_type":', b'{ "_type":', 1))
    with pytest.raises(MalformedStatement, match="duplicate key"):
        parse_statement(canonical(rich).replace(b'{"_type":', b'{"_type":"x","_type":', 1))
