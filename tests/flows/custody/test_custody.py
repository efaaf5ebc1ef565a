"""The chain of custody: what is recorded, what is shown, on whose word, and what becomes of it when it is cut short."""

import dataclasses
import http.client
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sijill.archive.digest import digest_bytes
from sijill.flows import evidence
from sijill.flows.context import collector, software
from sijill.flows.custody import holds
from sijill.flows.custody.chain import chain
from sijill.flows.custody.events import Step, Voucher
from sijill.flows.custody.pointers import mend, pointer_key
from sijill.flows.custody.recording import record_event
from sijill.flows.errors import ExitStatus, UnknownCapture, UnusableText, status_of
from sijill.flows.signing import record, recorded
from sijill.flows.stored_captures import load_capture, load_captures
from sijill.flows.wiring import open_archive
from sijill.provenance.attest.attestation import Subject
from sijill.provenance.attest.custody import CustodyEvent, parse_custody_statement
from sijill.provenance.attest.fixity import (
    FixityCounts,
    FixityFinding,
    Sample,
    fixity_statement,
    parse_fixity_statement,
)
from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.log.cosignature import format_line, sign_cosignature
from sijill.provenance.log.entry import Kind
from sijill.provenance.log.layout import attestation_folder, cosignature_key, timestamp_key
from sijill.provenance.log.note import Algorithm, NoteVerifier
from sijill.provenance.log.queue import leaf_index
from sijill.provenance.timestamp import QUERY_TYPE, timestamp_request
from sijill.storage.errors import CapabilityMissing

ROOT = Path(__file__).resolve().parents[3]
ARABIC = "سُلِّم بحضور شاهدين"
HOSTILE = "first\x1b[2Jline\nsecond \u202e gnip \x07"


@pytest.fixture
def archive(archive_settings):
    return open_archive(archive_settings)


@pytest.fixture
def captured(archive, sites):
    made = evidence.archive_url(archive, sites.url("remedylawyers.example", "/robots.txt"))
    evidence.seal(archive)
    return made.capture.id


def steps(events):
    return [event.step for event in events]


def test_from_the_page_to_the_court(archive, captured):
    package = digest_bytes(b"the package")
    record_event(archive, captured, CustodyEvent.EXPORTED, package=package)
    made = record_event(
        archive, captured, CustodyEvent.HANDED_OVER, to="قلم محكمة الاستئناف", note=ARABIC, package=package
    )
    evidence.seal(archive)
    events = chain(archive, captured)
    assert steps(events) == [
        Step.CAPTURED, Step.STORED, Step.STORED, Step.SEALED, Step.EXPORTED, Step.HANDED_OVER
    ]  # fmt: skip
    assert [event.doubt for event in events] == [None] * 6
    assert all(event.at is not None for event in events)
    assert {event.vouched_by for event in events if event.step is Step.STORED} == {Voucher.STORE}
    assert archive.attestation_key.public.keyid in events[0].by
    assert archive.settings.log.origin in events[3].by
    assert package.sha256.hex in events[4].detail
    assert "قلم محكمة الاستئناف" in events[5].detail
    assert ARABIC in events[5].detail
    assert events[5].reference == made.attestation_key
    assert all(archive.store.stat(event.reference) is not None for event in events)


def test_an_event_is_in_the_log_and_pointed_to(archive, captured):
    made = record_event(archive, captured, CustodyEvent.HANDED_OVER, to="the court")
    evidence.seal(archive)
    assert leaf_index(archive.log, made.event_id, Kind.CUSTODY) == 1
    assert archive.log_reader.entry(1).kind is Kind.CUSTODY
    pointer = pointer_key(Kind.CUSTODY, captured, made.event_id)
    assert pointer == f"{attestation_folder(captured)}custody/{made.event_id}"
    assert archive.store.read(pointer, limit=100) == f"{made.event_id}\n".encode()
    assert list(archive.store.list("pending/")) == []
    [found] = recorded(archive, Kind.CUSTODY, parse_custody_statement)
    [capture] = load_captures(archive)
    assert found.ours
    assert found.statement.subject[0].digests == digest_bytes(capture.envelope)


def test_a_capture_that_is_not_sealed_has_a_chain_too(archive, sites):
    made = evidence.archive_url(archive, sites.url("remedylawyers.example", "/robots.txt"))
    assert steps(chain(archive, made.capture.id)) == [Step.CAPTURED, Step.STORED, Step.STORED]


def test_what_is_missing_is_said(archive, captured):
    capture = load_capture(archive, captured)
    (Path(archive.folder) / "store" / capture.warc_key).unlink()
    events = chain(archive, captured)
    [missing] = [event for event in events if event.doubt is not None]
    assert (missing.step, missing.at, missing.doubt) == (Step.STORED, None, "not in the store")
    assert missing.reference == capture.warc_key


def test_a_statement_of_another_key_is_shown_for_what_it_is(archive, captured):
    stranger = dataclasses.replace(archive, attestation_key=SigningKey.generate())
    record_event(stranger, captured, CustodyEvent.HANDED_OVER, to="someone else")
    [event] = [event for event in chain(archive, captured) if event.step is Step.HANDED_OVER]
    assert event.doubt == "not signed by a key of this archive"


def test_a_pointer_of_someone_else_is_no_event(archive, captured):
    folder = pointer_key(Kind.CUSTODY, captured, "")
    archive.store.create(f"{folder}20261121t011630z-k3j5x2m4q7ab", b"forged")
    archive.store.create(f"{folder}no-id", b"forged")
    assert Step.HANDED_OVER not in steps(chain(archive, captured))


@pytest.fixture(scope="module")
def tsa():
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("tsa_of_custody", ROOT / "deployments" / "tsa" / "serve.py")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    with module.serve_tsa("one") as served:
        yield served


def stamp(tsa, message):
    parts = urlsplit(tsa.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    connection.request("POST", parts.path or "/", timestamp_request(message, nonce=7), {"Content-Type": QUERY_TYPE})
    return connection.getresponse().read()


def test_what_outside_parties_say(archive, captured, tsa):
    checkpoint = archive.log_reader.checkpoint_at(1)
    folder = attestation_folder(captured)
    envelope = archive.store.read(f"{folder}attestation.dsse.json", limit=1 << 20)
    store = archive.store
    store.create(timestamp_key(1, "one"), stamp(tsa, checkpoint.data))
    store.create(timestamp_key(1, "forged"), stamp(tsa, b"something else"))
    store.create(timestamp_key(1, "broken"), b"not a response")
    store.create(f"{folder}attestation.one.tsr", stamp(tsa, envelope))
    witness, unknown, liar = (SigningKey.generate() for _ in range(3))
    seconds = int(archive.clock().timestamp())
    keys = {}
    for key, name in ((witness, "partner.example"), (unknown, "unknown.example"), (liar, "liar.example")):
        text = "another text\n" if key is liar else checkpoint.note.text
        line = sign_cosignature(text, key, name, seconds)
        keys[name] = NoteVerifier(name, key.public, Algorithm.COSIGNATURE_V1)
        store.create(cosignature_key(1, line.key_id), format_line(line))
    trust = dataclasses.replace(
        archive.trust, tsa_roots=(tsa.root_pem,), witnesses=(keys["partner.example"], keys["liar.example"])
    )
    events = chain(dataclasses.replace(archive, trust=trust), captured)
    said = {event.reference.rpartition("/")[2]: event for event in events if event.vouched_by is Voucher.OUTSIDE}
    assert len(said) == 7
    for name, about in (("1.one.tsr", "the checkpoint of 1"), ("attestation.one.tsr", "the attestation")):
        assert (said[name].step, said[name].doubt) == (Step.TIMESTAMPED, None)
        assert said[name].detail.startswith(about)
        assert abs(said[name].at - archive.clock()) < timedelta(minutes=10)
    assert "other bytes" in said["1.forged.tsr"].doubt
    assert "not a timestamp" in said["1.broken.tsr"].doubt
    cosigned = {event.by.split()[1].partition("+")[0]: event for event in events if event.step is Step.COSIGNED}
    assert (cosigned["partner.example"].doubt, int(cosigned["partner.example"].at.timestamp())) == (None, seconds)
    assert "no such witness" in cosigned["unknown.example"].doubt
    assert "does not verify" in cosigned["liar.example"].doubt
    distrustful = chain(archive, captured)
    assert all(event.doubt for event in distrustful if event.vouched_by is Voucher.OUTSIDE)


def test_a_later_checkpoint_counts_if_nobody_spoke_of_the_first(archive, captured, tsa):
    record_event(archive, captured, CustodyEvent.HANDED_OVER, to="the court")
    evidence.seal(archive)
    archive.store.create(timestamp_key(2, "one"), stamp(tsa, archive.log_reader.checkpoint_at(2).data))
    trust = dataclasses.replace(archive.trust, tsa_roots=(tsa.root_pem,))
    [event] = [event for event in chain(dataclasses.replace(archive, trust=trust), captured) if event.doubt is None
               and event.step is Step.TIMESTAMPED]  # fmt: skip
    assert event.detail.startswith("the checkpoint of 2")


def check_fixity(archive, size, *, sample=None, findings=()):
    """Record that an audit was made of the log of `size`."""
    started = archive.clock()
    fixity_id = archive.new_capture_id(started)
    statement = fixity_statement(
        fixity_id,
        checkpoint=archive.log_reader.checkpoint_at(size).data.decode(),
        sample=sample,
        started=started,
        ended=archive.clock(),
        counts=FixityCounts(size, size, size, 1),
        passed=not findings,
        findings=findings,
        report=Subject("audit-report.json", "application/json", digest_bytes(b"{}")),
        collector=collector(archive),
        software=software(),
    )
    record(archive, Kind.FIXITY, fixity_id, statement, parse=parse_fixity_statement)


def test_fixity_checks_that_covered_the_capture(archive, captured, sites):
    check_fixity(archive, 1)
    check_fixity(archive, 1, sample=Sample("ab", 1, (captured,)), findings=[FixityFinding("E-SUB-02", "x", "y")])
    check_fixity(archive, 1, sample=Sample("cd", 1, ("20261121t011630z-k3j5x2m4q7ab",)))
    later = evidence.archive_url(archive, sites.url("remedylawyers.example", "/robots.txt")).capture.id
    check_fixity(archive, 1)
    evidence.seal(archive)
    checks = [event for event in chain(archive, captured) if event.step is Step.FIXITY_CHECKED]
    assert [event.detail for event in checks] == [
        "full audit passed", "sample audit failed, findings: 1", "full audit passed"
    ]  # fmt: skip
    assert [event.doubt for event in checks] == [None] * 3
    assert Step.FIXITY_CHECKED not in steps(chain(archive, later)), "the log of 1 did not have it yet"


@pytest.mark.parametrize("capture_id", ["nonsense", "", "../../log", "20261121t011630z-k3j5x2m4q7ab", "x" * 5000])
def test_unknown_captures(archive, capture_id):
    for call in (
        lambda: chain(archive, capture_id),
        lambda: record_event(archive, capture_id, CustodyEvent.HANDED_OVER, to="the court"),
        lambda: holds.hold(archive, capture_id),
    ):
        with pytest.raises(UnknownCapture) as caught:
            call()
        assert status_of(caught.value) is ExitStatus.BAD_INPUT
        assert len(str(caught.value)) < 400
    assert list(archive.store.list("custody/")) == []


@pytest.mark.parametrize("text", ["", "  \n", "x" * 1001, "\udc80"])
def test_what_cannot_be_recorded_is_refused_before_anything_is_stored(archive, captured, text):
    for given in ({"to": text}, {"to": "the court", "note": text}):
        with pytest.raises(UnusableText):
            record_event(archive, captured, CustodyEvent.HANDED_OVER, **given)
    assert list(archive.store.list("custody/")) == list(archive.store.list("pending/")) == []


def test_a_store_without_legal_hold_records_none(archive, captured):
    for call in (holds.hold, holds.release):
        with pytest.raises(CapabilityMissing):
            call(archive, captured)
    assert list(archive.store.list("custody/")) == []


def test_a_hold_is_recorded_once_and_before_it_is_put(s3_archive, sites):
    archive = open_archive(s3_archive("locked"))
    captured = evidence.archive_url(archive, sites.url("remedylawyers.example", "/robots.txt")).capture.id

    class Unwilling:
        can_hold = True

        def __getattr__(self, name):
            return getattr(archive.store, name)

        def hold(self, _key):
            raise CapabilityMissing("here", "refused")

    with pytest.raises(CapabilityMissing):
        holds.hold(dataclasses.replace(archive, store=Unwilling()), captured)
    assert steps(chain(archive, captured))[-1] is Step.HELD, "recorded, though not put"
    assert not any(lock.held for lock in holds.locks(archive, captured))
    holds.hold(archive, captured)
    holds.hold(archive, captured)
    assert all(lock.held for lock in holds.locks(archive, captured))
    assert steps(chain(archive, captured)).count(Step.HELD) == 1
    holds.hold(archive, captured, note="for another case")
    holds.release(archive, captured)
    holds.release(archive, captured)
    assert not any(lock.held for lock in holds.locks(archive, captured))
    assert steps(chain(archive, captured))[-3:] == [Step.HELD, Step.HELD, Step.RELEASED]


def test_releasing_what_nobody_held_says_nothing(s3_archive, sites):
    archive = open_archive(s3_archive("locked"))
    captured = evidence.archive_url(archive, sites.url("remedylawyers.example", "/robots.txt")).capture.id
    holds.release(archive, captured)
    assert list(archive.store.list("custody/")) == []
    archive.store.hold(load_capture(archive, captured).warc_key)
    holds.release(archive, captured)
    assert steps(chain(archive, captured))[-1] is Step.RELEASED


def test_what_was_left_half_recorded_long_ago_is_forgotten(archive, captured):
    archive.store.replace("pending/custody/20261121t011630z-k3j5x2m4q7ab", b"")
    assert mend(archive) == 0
    assert list(archive.store.list("pending/")) == ["pending/custody/20261121t011630z-k3j5x2m4q7ab"], "still young"
    now = archive.clock()
    assert mend(dataclasses.replace(archive, clock=lambda: now + timedelta(days=2))) == 0
    assert list(archive.store.list("pending/")) == []


@pytest.mark.timeout(300)
def test_no_death_loses_an_event(archive, captured, tmp_path):
    script = Path(__file__).with_name("killed_custody.py")
    (tmp_path / "attempts").mkdir()
    done = subprocess.run(
        [sys.executable, script, archive.folder, tmp_path / "attempts", "event"],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    states = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(states) > 10
    assert states[-1]["finished"]
    assert {state["after"]["stored"] for state in states} == {0, 1}
    for state in states:
        mended = state["mended"]
        assert mended["logged"] == mended["stored"] == state["after"]["stored"], state
        assert state["pending"] == [] or mended["stored"] == 0, state
        assert state["again"]["logged"] == mended["stored"] + 1, state
        assert state["steps"].count("handed over") == mended["stored"] + 1, state


def test_the_commands(run, archive, captured, tmp_path):
    settings = archive.folder / "sijill.toml"

    def sijill(*arguments):
        return run("sijill", "--config", settings, *arguments)

    package = tmp_path / "statement.wacz"
    package.write_bytes(b"the package")
    done = sijill("handover", captured, "--to", "قلم المحكمة", "--note", HOSTILE, "--package", package, "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["package"]["blake3"] == digest_bytes(b"the package").blake3.hex
    assert leaf_index(archive.log, made["eventId"], Kind.CUSTODY) == 1, "sealed by the same command"
    shown = sijill("custody", captured)
    assert shown.returncode == 0, shown.stderr
    assert "قلم المحكمة" in shown.stdout
    assert not {"\x1b", "\u202e", "\x07"} & set(shown.stdout)
    assert r"\u{1b}[2J" in shown.stdout
    assert shown.stdout.count("\n") == 1 + 5, "a heading and a line for each event"
    events = json.loads(sijill("custody", captured, "--json").stdout)["events"]
    assert [event["event"] for event in events] == ["captured", "stored", "stored", "sealed", "handed over"]
    assert HOSTILE.strip() in events[-1]["detail"]
    for bad in (
        ("handover", captured),
        ("handover", captured, "--to", ""),
        ("handover", captured, "--to", "x", "--package", tmp_path / "absent"),
        ("handover", captured, "--to", "x", "--package", tmp_path),
        ("handover", "nonsense", "--to", "x"),
        ("custody", "20261121t011630z-k3j5x2m4q7ab"),
        ("hold", captured),
    ):
        refused = sijill(*bad)
        assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1), (bad, refused.stderr)
    assert len(list(recorded(archive, Kind.CUSTODY, parse_custody_statement))) == 1
