"""Removing a capture for good: what goes, what stays provable, what is refused, and what happens when cut short."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sijill.archive.capture.spool import MemoryBody
from sijill.archive.digest import digest_bytes
from sijill.flows import evidence
from sijill.flows.custody import erasing, holds
from sijill.flows.custody.chain import chain
from sijill.flows.custody.events import Step
from sijill.flows.custody.recording import record_event
from sijill.flows.custody.tombstones import all_of, all_tombstones, erased_keys, find_tombstone, refuse_tombstoned
from sijill.flows.errors import (
    ExitStatus,
    NotSealed,
    RemovalRefused,
    TombstonedCapture,
    UnknownCapture,
    UnusableText,
    status_of,
)
from sijill.flows.signing import recorded
from sijill.flows.stored_captures import load_capture, load_captures
from sijill.flows.wiring import open_archive
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.custody import CustodyEvent
from sijill.provenance.attest.envelope import PAYLOAD_TYPE, sign_envelope
from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.attest.statement import parse_statement
from sijill.provenance.attest.tombstone import parse_tombstone_statement
from sijill.provenance.errors import LogDamaged
from sijill.provenance.log.entry import Kind, LogEntry
from sijill.provenance.log.queue import enqueue, leaf_index
from sijill.storage.copying import compare, copy
from sijill.storage.errors import ObjectLocked
from sijill.storage.layout import attestation_key
from sijill.storage.open import open_store

REASON = "يذكر اسم قاصر"
AUTHORITY = "محكمة الاستئناف، الأمر 7/2026"
HOSTILE = "first\x1b[2Jline\nsecond \u202e gnip \x07"


@pytest.fixture
def archive(archive_settings):
    return open_archive(archive_settings)


@pytest.fixture
def capture(archive, sites):
    """`capture()` makes a capture and seals it."""

    def make(archive=archive, *, seal=True):
        made = evidence.archive_url(archive, sites.url("remedylawyers.example", "/robots.txt")).capture.id
        if seal:
            evidence.seal(archive)
        return made

    return make


def remove(archive, capture_id, *, with_attestation=False, reason=REASON, authority=AUTHORITY):
    removal = erasing.plan_removal(archive, capture_id, with_attestation=with_attestation)
    return erasing.remove(archive, removal, reason=reason, authority=authority)


def everything(archive):
    """Keys with their bytes, less what comes and goes."""
    return {key: archive.store.read(key, limit=1 << 20) for key in archive.store.list("") if "probe/" not in key}


def test_the_payload_goes_and_the_rest_stays_provable(archive, capture):
    captured, other = capture(), capture()
    warc, kept = (load_capture(archive, one).warc_key for one in (captured, other))
    before = everything(archive)
    [tombstone] = remove(archive, captured)
    assert (tombstone.reason, tombstone.authority, tombstone.keys) == (REASON, AUTHORITY, (warc,))
    after = everything(archive)
    assert set(before) - set(after) == {warc}
    assert all(after[key] == before[key] for key in before if key not in (warc, "log/checkpoint"))
    assert kept in after
    assert find_tombstone(archive, captured) == tombstone
    assert find_tombstone(archive, other) is None
    assert list(all_tombstones(archive)) == [tombstone]
    assert erased_keys(archive) == {warc}
    [found] = recorded(archive, Kind.TOMBSTONE, parse_tombstone_statement)
    assert found.statement.subject[0].digests == digest_bytes(before[warc])
    reader = archive.log_reader
    assert reader.entry(0) == LogEntry(captured, digest_bytes(before[attestation_key(captured)]).sha256.hex)
    assert reader.entry(2) == LogEntry(tombstone.tombstone_id, digest_bytes(found.envelope).sha256.hex, Kind.TOMBSTONE)
    with pytest.raises(TombstonedCapture) as caught:
        refuse_tombstoned(archive, captured)
    assert status_of(caught.value) is ExitStatus.FAILED
    assert REASON in str(caught.value)
    refuse_tombstoned(archive, other)
    events = chain(archive, captured)
    assert [event.step for event in events] == [Step.CAPTURED, Step.STORED, Step.SEALED, Step.TOMBSTONE]
    assert [event.doubt for event in events] == [None] * 4
    assert REASON in events[-1].detail
    assert AUTHORITY in events[-1].detail


def test_the_attestation_goes_too_if_asked(archive, capture):
    captured = capture()
    envelope = archive.store.read(attestation_key(captured), limit=1 << 20)
    target = load_capture(archive, captured).statement.predicate.target
    record_event(archive, captured, CustodyEvent.HANDED_OVER, to="the court")
    [tombstone] = remove(archive, captured, with_attestation=True)
    assert tombstone.attestation_removed
    assert archive.store.stat(attestation_key(captured)) is None
    assert not any(target.encode() in data for data in everything(archive).values()), "no URL is left"
    [found] = recorded(archive, Kind.TOMBSTONE, parse_tombstone_statement)
    assert found.statement.predicate.envelope_sha256 == digest_bytes(envelope).sha256.hex
    assert archive.log_reader.entry(0) == LogEntry(captured, digest_bytes(envelope).sha256.hex)
    events = chain(archive, captured)
    assert [event.step for event in events] == [Step.SEALED, Step.HANDED_OVER, Step.TOMBSTONE]
    assert [event.doubt for event in events] == [None] * 3
    with pytest.raises(TombstonedCapture):
        record_event(archive, captured, CustodyEvent.HANDED_OVER, to="the court")
    assert list(load_captures(archive)) == []


def test_the_attestation_may_go_later(archive, capture):
    captured = capture()
    remove(archive, captured)
    first, second = remove(archive, captured, with_attestation=True, reason="its URL, too")
    assert (first.attestation_removed, second.attestation_removed) == (False, True)
    assert second.keys == (attestation_key(captured),)
    assert find_tombstone(archive, captured) == first
    assert list(all_of(archive, captured)) == [first, second]
    assert [event.step for event in chain(archive, captured)] == [Step.SEALED, Step.TOMBSTONE, Step.TOMBSTONE]


@pytest.mark.parametrize("with_attestation", [False, True])
def test_again_changes_nothing(archive, capture, with_attestation):
    captured = capture()
    first = remove(archive, captured, with_attestation=with_attestation)
    before = everything(archive)
    assert remove(archive, captured, with_attestation=with_attestation, reason="another") == first
    assert remove(archive, captured, reason="another") == first
    assert everything(archive) == before


def test_what_is_not_sealed_is_refused(archive, capture):
    captured = capture(seal=False)
    before = everything(archive)
    with pytest.raises(NotSealed, match="nothing was removed"):
        remove(archive, captured)
    assert everything(archive) == before


@pytest.mark.parametrize("index", [b"7\n", b"1\n"])
def test_a_place_in_the_log_that_is_not_the_captures_is_refused(archive, capture, index):
    captured, _ = capture(), capture()
    path = archive.folder / "store" / attestation_key(captured).replace("attestation.dsse.json", "leaf-index")
    path.chmod(0o644)
    path.write_bytes(index)
    with pytest.raises(LogDamaged):
        remove(archive, captured)
    assert list(all_tombstones(archive)) == []


@pytest.mark.parametrize("capture_id", ["nonsense", "", "20261121t011630z-k3j5x2m4q7ab", "../log"])
def test_unknown_captures(archive, capture_id):
    with pytest.raises(UnknownCapture) as caught:
        remove(archive, capture_id)
    assert status_of(caught.value) is ExitStatus.BAD_INPUT


@pytest.mark.parametrize("given", [{"reason": ""}, {"reason": " \n"}, {"authority": ""}, {"authority": "x" * 1001}])
def test_without_reason_and_authority_nothing_goes(archive, capture, given):
    captured = capture()
    before = everything(archive)
    with pytest.raises(UnusableText):
        remove(archive, captured, **given)
    assert everything(archive) == before


def another_attestation(archive, captured, *, key=None):
    """A capture whose attestation names the WARC of `captured` as its own."""
    capture = load_capture(archive, captured)
    statement = json.loads(capture.payload)
    made = capture.statement.predicate.times.started.replace(microsecond=0)
    statement["predicate"]["captureId"] = archive.new_capture_id(made)
    payload = canonical(statement)
    assert parse_statement(payload).warc.digests == capture.statement.warc.digests
    envelope = sign_envelope(payload, PAYLOAD_TYPE, [key or archive.attestation_key])
    made = statement["predicate"]["captureId"]
    digests = digest_bytes(envelope)
    archive.store.put(attestation_key(made), MemoryBody(envelope), expected=digests)
    if key is None:
        enqueue(archive.log, LogEntry(made, digests.sha256.hex))
        evidence.seal(archive)
    return made


def test_what_another_capture_names_is_refused(archive, capture):
    captured = capture()
    other = another_attestation(archive, captured)
    before = everything(archive)
    for one, named in ((captured, other), (other, captured)):
        with pytest.raises(RemovalRefused) as caught:
            remove(archive, one)
        assert named in str(caught.value)
        assert status_of(caught.value) is ExitStatus.FAILED
    assert everything(archive) == before


def test_a_forged_attestation_keeps_nobody_from_removing(archive, capture):
    captured = capture()
    another_attestation(archive, captured, key=SigningKey.generate())
    assert remove(archive, captured)


def test_a_forged_tombstone_is_none(archive, capture):
    captured = capture()
    stranger = dataclasses.replace(archive, attestation_key=SigningKey.generate())
    removal = erasing.plan_removal(archive, captured, with_attestation=False)
    erasing.remove(stranger, removal, reason="a lie", authority="nobody")
    assert find_tombstone(archive, captured) is None
    assert list(all_tombstones(archive)) == []


@pytest.mark.parametrize("bucket", ["plain", "versioned", "locked"])
def test_every_version_goes_from_a_bucket(s3_archive, capture, bucket):
    archive = open_archive(s3_archive(bucket))
    captured = capture(archive)
    keys = (load_capture(archive, captured).warc_key, attestation_key(captured))
    remove(archive, captured, with_attestation=True)
    assert [version for key in keys for version in archive.store.versions(key)] == []
    assert archive.log_reader.entry(1).kind is Kind.TOMBSTONE


@pytest.mark.parametrize("mode", ["governance", "compliance"])
def test_a_locked_capture_stays_and_nothing_is_recorded(s3_archive, capture, run, mode):
    settings = s3_archive("locked", lock=mode, lock_days=1)
    archive = open_archive(settings)
    captured = capture(archive)
    with pytest.raises(ObjectLocked) as caught:
        remove(archive, captured)
    assert caught.value.until is not None
    assert not list(archive.store.list("tombstones/"))
    assert archive.log_reader.checkpoint().checkpoint.size == 1
    done = run("sijill", "--config", settings, "tombstone", captured, "--reason", "r", "--authority", "a", "--yes")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert "locked until 20" in done.stderr
    assert load_capture(archive, captured).leaf_index == 0


def test_a_held_capture_stays_until_it_is_released(s3_archive, capture):
    archive = open_archive(s3_archive("locked"))
    captured = capture(archive)
    holds.hold(archive, captured)
    with pytest.raises(ObjectLocked) as caught:
        remove(archive, captured, with_attestation=True)
    assert caught.value.held
    holds.release(archive, captured)
    remove(archive, captured)
    with pytest.raises(TombstonedCapture):
        holds.hold(archive, captured)


def test_a_copy_follows(archive, capture, tmp_path):
    captured, other = capture(), capture()
    target = open_store((tmp_path / "copy").as_uri(), create=True)
    copy(archive.store, target)
    remove(archive, captured)
    [gone] = erased_keys(archive)
    assert gone in {found.key for found in compare(archive.store, target) if found.what == "only in the target"}
    copied = copy(archive.store, target, erased=erased_keys(archive))
    assert (copied.erased, copied.differences) == (1, ())
    assert target.stat(gone) is None
    assert compare(archive.store, target) == ()
    assert target.stat(load_capture(archive, other).warc_key) is not None
    assert copy(archive.store, target, erased=erased_keys(archive)).erased == 0


def test_a_new_copy_has_no_difference(archive, capture, run, tmp_path):
    captured = capture()
    remove(archive, captured, with_attestation=True)
    done = run("sijill", "--config", archive.folder / "sijill.toml", "copy", (tmp_path / "copy").as_uri(), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["equal"]


def test_a_copy_brings_nothing_back(archive, capture, tmp_path):
    captured = capture()
    target = open_store((tmp_path / "copy").as_uri(), create=True)
    copy(archive.store, target)
    there = dataclasses.replace(archive, store=target)
    remove(there, captured)
    [gone] = erased_keys(there)
    copy(archive.store, target, withheld=erased_keys(there))
    assert target.stat(gone) is None
    assert archive.store.stat(gone) is not None


def test_a_copy_that_is_locked_says_so(s3_archive, archive, capture):
    captured = capture()
    target = open_archive(s3_archive("locked", lock="compliance", lock_days=1)).store
    copy(archive.store, target)
    remove(archive, captured)
    [difference] = copy(archive.store, target, erased=erased_keys(archive)).differences
    assert difference.key in erased_keys(archive)
    assert "locked until" in difference.what


@pytest.mark.timeout(400)
def test_at_every_death_nothing_is_gone_or_the_tombstone_is_logged(archive, capture, tmp_path):
    capture()
    capture()
    script = Path(__file__).with_name("killed_custody.py")
    (tmp_path / "attempts").mkdir()
    done = subprocess.run(
        [sys.executable, script, archive.folder, tmp_path / "attempts", "tombstone"],
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    states = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(states) > 10
    assert states[-1]["finished"]
    assert {state["after"]["gone"] for state in states} == {0, 1, 2}
    for state in states:
        after, mended, again = state["after"], state["mended"], state["again"]
        assert not after["gone"] or after["logged"] == 1, state
        assert mended["logged"] == mended["stored"] == after["stored"], state
        assert again == {"gone": 2, "stored": 1, "logged": 1, "entries": 3, "capture": True}, state
        assert state["steps"] == ["sealed", "tombstone"], state


@pytest.fixture
def sijill(run, archive):
    def call(*arguments):
        return run("sijill", "--config", archive.folder / "sijill.toml", *arguments)

    return call


def test_the_command(sijill, archive, capture):
    captured = capture()
    for bad, says in (
        ((captured, "--reason", "r", "--authority", "a"), "--yes"),
        ((captured, "--reason", "r", "--yes"), "--authority"),
        ((captured, "--reason", " ", "--authority", "a", "--yes"), "--reason"),
        (("nonsense", "--reason", "r", "--authority", "a", "--yes"), "no such capture"),
    ):
        refused = sijill("tombstone", *bad)
        assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1), (bad, refused.stderr)
        assert says in refused.stderr
    assert list(archive.store.list("tombstones/")) == []
    done = sijill("tombstone", captured, "--reason", HOSTILE, "--authority", AUTHORITY, "--yes")
    assert done.returncode == 0, done.stderr
    assert AUTHORITY in done.stdout
    shown = sijill("custody", captured)
    refused = sijill("hold", captured)
    assert refused.returncode == 1
    for text in (done.stdout, shown.stdout, refused.stderr):
        assert not {"\x1b", "\u202e", "\x07"} & set(text)
        assert r"\u{1b}[2J" in text
    again = sijill("tombstone", captured, "--reason", "r", "--authority", "a", "--yes", "--json")
    assert again.returncode == 0, again.stderr
    [tombstone] = all_tombstones(archive)
    assert json.loads(again.stdout)["tombstones"] == [tombstone.tombstone_id]
    assert leaf_index(archive.log, tombstone.tombstone_id, Kind.TOMBSTONE) == 1


@pytest.mark.parametrize(("answer", "status"), [("n\n", 1), ("y\n", 0)])
def test_the_command_asks_on_a_terminal(archive, capture, answer, status):
    captured = capture()
    ours, theirs = os.openpty()
    try:
        os.write(ours, answer.encode())
        done = subprocess.run(
            [
                Path(sys.executable).parent / "sijill", "--config", archive.folder / "sijill.toml",
                "tombstone", captured, "--reason", REASON, "--authority", AUTHORITY,
            ],
            stdin=theirs, capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == status, done.stderr
    assert "objects/sha256/" in done.stderr
    assert ("nothing was changed" in done.stderr) == bool(status)
    assert (find_tombstone(archive, captured) is None) == bool(status)
