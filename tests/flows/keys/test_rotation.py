"""Keys that follow one another: all stays verifiable, and no death in between loses a key or doubles an event."""

import dataclasses
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from sijill.archive.digest import digest_stream
from sijill.flows import evidence
from sijill.flows.commands.keys import key as key_commands
from sijill.flows.errors import KeyRefused, UnusableText
from sijill.flows.export import export_package
from sijill.flows.keys import events as key_events
from sijill.flows.keys.rotation import CLOCKS_DIFFER, GRACE, keys, revoke, rotate, unfinished
from sijill.flows.keys.trust import write_trust
from sijill.flows.signing import recorded
from sijill.flows.stored_captures import load_capture
from sijill.flows.wiring import open_archive
from sijill.provenance.attest.envelope import parse_envelope
from sijill.provenance.attest.key_event import Event, NamedKey, Purpose, parse_key_event
from sijill.provenance.attest.keys import SigningKey, read_signing_key, write_signing_key
from sijill.provenance.attest.timestamps import parse_timestamp
from sijill.provenance.errors import UnfinishedBatch
from sijill.provenance.log.batch import parse_batch
from sijill.provenance.log.entry import Kind
from sijill.provenance.log.layout import batch_key
from sijill.provenance.log.log import seal
from sijill.provenance.log.note import Algorithm, NoteVerifier
from sijill.provenance.log.queue import leaf_index
from sijill.provenance.verify.trust import Policy, Revocation, parse_trust
from sijill.provenance.verify.verify import verify_package

WITNESS = NoteVerifier("witness.example", SigningKey(b"w" * 32).public, Algorithm.COSIGNATURE_V1)


@pytest.fixture
def settings(archive_settings):
    return archive_settings


@pytest.fixture
def reopen(settings):
    return lambda: open_archive(settings)


@pytest.fixture
def capture(reopen, sites):
    """Captures a page with the keys in use and leaves it queued."""

    def call(archive=None):
        url = sites.url("remedylawyers.example", "/robots.txt")
        return evidence.archive_url(archive or reopen(), url).capture.id

    return call


@pytest.fixture
def outsider(reopen):
    """Someone in the trust root who shows times; its word is not needed here, only that there is such a one."""
    archive = reopen()
    trust = dataclasses.replace(archive.trust, witnesses=(WITNESS,), policy=Policy(witnesses=1))
    write_trust(archive.folder / "trust.json", trust)


@pytest.fixture
def command(settings):
    def call(*arguments):
        return CliRunner().invoke(key_commands, list(arguments), obj=settings)

    return call


def events(archive):
    return list(recorded(archive, Kind.KEY, parse_key_event))


def verified(archive, capture_id, folder):
    """Whether the package of a capture verifies with the archive's trust root, times apart."""
    path = folder / f"{capture_id}.wacz"
    export_package(archive, capture_id, path)
    trust = dataclasses.replace(
        parse_trust((archive.folder / "trust.json").read_bytes()), witnesses=(), policy=Policy()
    )
    trust = dataclasses.replace(trust, validity=(), revocations=())
    with path.open("rb") as file:
        return verify_package(file, trust).holds


@pytest.mark.parametrize("purpose", Purpose)
def test_after_a_rotation_what_was_before_and_what_comes_after_verify(reopen, purpose, capture, tmp_path):
    before, queued = capture(), None
    evidence.seal(reopen())
    queued = capture()
    old = reopen()
    rotated = rotate(reopen, purpose, reason="a year has passed")
    after = capture()
    evidence.seal(reopen())
    archive = reopen()
    used = {Purpose.ATTESTATION: archive.attestation_key, Purpose.LOG: archive.log_key}[purpose]
    was = {Purpose.ATTESTATION: old.attestation_key, Purpose.LOG: old.log_key}[purpose]
    assert used.public == rotated.new.public
    assert was.public == rotated.old.public != rotated.new.public
    assert read_signing_key(rotated.retired_file).public == was.public
    assert rotated.retired_file == archive.folder / "keys" / "retired" / f"{was.public.keyid}.pem"
    assert rotated.retired_file.stat().st_mode & 0o077 == 0
    assert unfinished(archive) == ()
    for capture_id in (before, queued, after):
        assert load_capture(archive, capture_id).signed_by_us
        assert verified(archive, capture_id, tmp_path)
    assert leaf_index(archive.log, after) == archive.log_reader.checkpoint().checkpoint.size - 1
    [event] = events(archive)
    assert event.statement.named_key == rotated.new
    assert event.statement.predicate.replaces == rotated.old.name
    assert event.statement.predicate.reason == "a year has passed"
    assert event.ours
    with archive.store.open(
        f"objects/sha256/{(digest := event.statement.subject[0].digest.sha256)[:2]}/{digest[2:4]}/{digest}"
    ) as file:
        assert digest_stream(file) == event.statement.subject[0].digests


def test_old_and_new_attestation_key_sign_the_event(reopen):
    old = reopen().attestation_key.public
    rotated = rotate(reopen, Purpose.ATTESTATION)
    [event] = events(reopen())
    both = {old.keyid, rotated.new.public.keyid}
    assert parse_envelope(event.envelope).verified_by([old, rotated.new.public]) == both


def test_the_event_is_the_last_that_the_old_log_key_sealed(reopen, capture):
    capture()
    rotated = rotate(reopen, Purpose.LOG)
    last = reopen().log_reader.checkpoint()
    assert last.checkpoint.size == leaf_index(reopen().log, rotated.event_id, Kind.KEY) + 1
    last.verify(NoteVerifier.from_vkey(rotated.old.name))
    capture()
    evidence.seal(reopen())
    archive = reopen()
    archive.log_reader.checkpoint().verify(NoteVerifier.from_vkey(rotated.new.name))
    assert parse_batch(archive.log.read(batch_key(last.checkpoint.size))).vkey == rotated.new.name


def test_validity_is_stated_where_someone_shows_times(reopen, outsider):
    rotated = rotate(reopen, Purpose.ATTESTATION)
    trust = reopen().trust
    assert rotated.old_until == rotated.at + GRACE
    assert trust.validity_of(rotated.old.name).not_after == rotated.at + GRACE
    assert trust.validity_of(rotated.old.name).not_before is None
    assert trust.validity_of(rotated.new.name).not_before == rotated.at - CLOCKS_DIFFER
    assert trust.validity_of(rotated.new.name).not_after is None
    assert trust.witnesses == (WITNESS,)
    again = rotate(reopen, Purpose.ATTESTATION, grace=timedelta(0))
    trust = reopen().trust
    assert again.old == rotated.new
    assert trust.validity_of(again.old.name).not_before == rotated.at - CLOCKS_DIFFER
    assert trust.validity_of(again.old.name).not_after == again.at
    assert trust.validity_of(rotated.old.name).not_after == rotated.at + GRACE
    assert [key.keyid for key in trust.attestation_keys] == [rotated.old.name, again.old.name, again.new.name]


def test_without_anyone_who_shows_times_no_validity_is_stated(reopen):
    rotated = rotate(reopen, Purpose.LOG)
    assert rotated.old_until is None
    assert reopen().trust.validity == ()
    assert {key.vkey for key in reopen().log_keys} == {rotated.old.name, rotated.new.name}


def test_a_worker_that_still_has_the_old_attestation_key(reopen, capture, tmp_path, outsider):
    slow = reopen()
    rotated = rotate(reopen, Purpose.ATTESTATION)
    queued = capture(slow)
    evidence.seal(reopen())
    archive = reopen()
    assert parse_envelope(load_capture(archive, queued).envelope).verified_by([rotated.old.public])
    assert load_capture(archive, queued).signed_by_us
    assert verified(archive, queued, tmp_path)
    assert archive.trust.validity_of(rotated.old.name).not_after > archive.clock()


def test_a_sealer_that_still_has_the_old_log_key(reopen, capture):
    slow = reopen()
    rotate(reopen, Purpose.LOG)
    first = capture()
    evidence.seal(slow)
    second = capture()
    evidence.seal(reopen())
    archive = reopen()
    assert [leaf_index(archive.log, one) for one in (first, second)] == [1, 2]
    archive.log_reader.check_root(3)


def test_a_batch_that_the_old_log_key_left_unfinished_says_who_can_finish_it(reopen, capture, settings):
    slow = reopen()
    rotated = rotate(reopen, Purpose.LOG)
    capture()

    class Died(BaseException):
        pass

    class Dying:
        def __init__(self, log):
            self.log = log

        def __getattr__(self, name):
            return getattr(self.log, name)

        def create(self, key, data):
            if key.startswith("log/checkpoints/"):
                raise Died
            return self.log.create(key, data)

    with pytest.raises(Died):
        seal(Dying(slow.log), origin=slow.settings.log.origin, signer=slow.log_key, verifiers=slow.log_keys)
    with pytest.raises(UnfinishedBatch, match="seal once with that key"):
        evidence.seal(reopen())
    text = settings.read_text(encoding="utf-8")
    retired = f"keys/retired/{rotated.old.public.keyid}.pem"
    settings.write_text(text.replace('"keys/log.pem"', f'"{retired}"'), encoding="utf-8")
    assert evidence.seal(reopen()).log.completed == 1
    settings.write_text(text, encoding="utf-8")
    capture()
    assert evidence.seal(reopen()).log.size == 3


@pytest.mark.parametrize("kind", ["symlink", "folder"])
def test_a_key_that_is_no_file_of_its_own_is_not_rotated(reopen, kind):
    archive = reopen()
    path = archive.folder / "keys" / "attestation.pem"
    if kind == "symlink":
        path.symlink_to(path.rename(path.with_name("elsewhere.pem")))
    else:
        path.rename(path.with_name("elsewhere.pem"))
        path.mkdir()
        reopen = lambda: archive  # noqa: E731 - an archive that was opened before
    with pytest.raises(KeyRefused, match=r"keys\.attestation"):
        rotate(reopen, Purpose.ATTESTATION)
    assert sorted(found.name for found in (archive.folder / "keys").iterdir()) == sorted(
        ["attestation.pem", "collector.salt", "elsewhere.pem", "log.pem"]
    )
    assert events(archive) == []


def test_a_half_written_draft_is_never_taken_for_a_key(reopen):
    folder = reopen().folder / "keys"
    (folder / ".attestation.pem.new.draft").write_bytes(b"-----BEGIN")
    rotated = rotate(reopen, Purpose.ATTESTATION)
    assert read_signing_key(folder / "attestation.pem").public == rotated.new.public
    assert not list(folder.glob(".*"))


def test_an_event_that_only_the_old_key_signed_is_not_taken_for_the_rotation(reopen):
    # Whoever has the old key alone could otherwise say when a rotation was that is still going on.
    archive = reopen()
    new = SigningKey.generate()
    write_signing_key(archive.folder / "keys" / "attestation.pem.new", new)
    old, named = NamedKey.attestation(archive.attestation_key.public), NamedKey.attestation(new.public)
    key_events.record(archive, Event.INTRODUCED, named, replaces=old, reason="forged")
    rotated = rotate(reopen, Purpose.ATTESTATION, reason="true")
    assert rotated.new == named
    told = {event.statement.predicate.reason: event.entry_id for event in events(reopen())}
    assert told["true"] == rotated.event_id != told["forged"]


def test_a_retired_key_is_revoked(reopen, capture):
    rotated = rotate(reopen, Purpose.ATTESTATION)
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    revoked = revoke(reopen, rotated.old.name[:8], reason="  the disk was stolen ", at=at)
    archive = reopen()
    assert archive.trust.revocations == (Revocation(rotated.old.name, at, "the disk was stolen"),)
    event = next(found for found in events(archive) if found.entry_id == revoked.event_id)
    assert event.statement.predicate.event is Event.REVOKED
    assert event.statement.predicate.at == at
    assert parse_envelope(event.envelope).verified_by([archive.attestation_key.public])
    assert leaf_index(archive.log, revoked.event_id, Kind.KEY) == 1
    [shown] = [one for one in keys(archive) if one.revocation is not None]
    assert (shown.key, shown.in_use) == (rotated.old, False)
    capture()
    evidence.seal(reopen())


def test_a_revocation_is_moved_to_an_earlier_time_and_never_to_a_later_one(reopen):
    old = rotate(reopen, Purpose.LOG).old
    first, earlier = (datetime(2026, 1, day, tzinfo=UTC) for day in (9, 3))
    revoke(reopen, old.name, reason="lost", at=first)
    for at in (None, first, first + timedelta(days=1)):
        with pytest.raises(KeyRefused, match="revoked already"):
            revoke(reopen, old.name, reason="lost", at=at)
    revoke(reopen, old.name, reason="lost for longer", at=earlier)
    assert reopen().trust.revocations == (Revocation(old.name, earlier, "lost for longer"),)
    assert len(events(reopen())) == 3


@pytest.mark.parametrize("purpose", Purpose)
def test_a_key_in_use_is_not_revoked_unless_it_is_rotated_first(reopen, purpose):
    archive = reopen()
    used = next(one.key for one in keys(archive) if one.key.purpose is purpose)
    with pytest.raises(KeyRefused, match=f"sijill key rotate {purpose}"):
        revoke(reopen, used.name, reason="lost")
    assert events(archive) == []
    revoked = revoke(reopen, used.public.keyid[:10], reason="lost", rotate_first=True)
    assert revoked.rotated.old == revoked.key == used
    assert reopen().trust.revocation_of(used.name).reason == "lost"
    assert [str(event.statement.predicate.event) for event in events(reopen())] == ["introduced", "revoked"]


@pytest.mark.parametrize("named", ["", "f", "0" * 64, "archive.example/log+00000000+AAAA"])
def test_a_key_that_is_not_there_is_not_revoked(reopen, named):
    with pytest.raises(KeyRefused, match="sijill key list"):
        revoke(reopen, named, reason="lost")
    assert events(reopen()) == []


@pytest.mark.parametrize(("reason", "error"), [("", UnusableText), (" ", UnusableText), ("x" * 1001, UnusableText)])
def test_a_reason_says_something(reopen, reason, error):
    used = keys(reopen())[0].key.name
    with pytest.raises(error):
        revoke(reopen, used, reason=reason, rotate_first=True)
    with pytest.raises(error):
        rotate(reopen, Purpose.LOG, reason=reason)
    assert events(reopen()) == []
    assert unfinished(reopen()) == ()


def test_a_revocation_in_the_future_is_refused(reopen):
    old = rotate(reopen, Purpose.LOG).old
    with pytest.raises(KeyRefused, match="future"):
        revoke(reopen, old.name, reason="lost", at=datetime.now(UTC) + timedelta(days=1))


def test_the_commands(command, reopen):
    listed = json.loads(command("list", "--json").output)
    assert [(one["purpose"], one["inUse"]) for one in listed["keys"]] == [("attestation", True), ("log", True)]
    rotated = json.loads(command("rotate", "log", "--reason", "routine", "--grace", "3", "--json").output)
    assert (rotated["old"], rotated["oldUntil"]) == (listed["keys"][1]["key"], None)
    shown = command("list").output
    assert "not in use" in shown
    assert rotated["new"] in shown
    refused = command("revoke", rotated["old"], "--reason", "lost", "--at", "2026-01-02")
    assert refused.exit_code == 2
    assert "offset from UTC" in refused.output
    assert "not a time" in command("revoke", rotated["old"], "--reason", "lost", "--at", "yesterday").output
    done = command("revoke", rotated["old"], "--reason", "lost", "--at", "2026-01-02T04:00:00+01:00", "--json")
    assert json.loads(done.output)["at"] == "2026-01-02T03:00:00.000000Z"
    assert parse_timestamp("2026-01-02T03:00:00.000000Z") == reopen().trust.revocation_of(rotated["old"]).at
    assert "revoked" in command("list").output.lower()
    refused = command("revoke", rotated["new"], "--reason", "lost")
    assert isinstance(refused.exception, KeyRefused)
    both = command("revoke", rotated["new"], "--reason", "lost", "--rotate")
    assert both.exit_code == 0
    assert rotated["new"] in both.output
    assert command("rotate", "tsa").exit_code == 2


def test_a_rotation_that_is_not_complete_is_shown(command, reopen):
    archive = reopen()
    write_signing_key(archive.folder / "keys" / "log.pem.new", SigningKey.generate())
    assert json.loads(command("list", "--json").output)["unfinished"] == ["log"]
    assert "sijill key rotate log" in command("list").stderr


@pytest.mark.timeout(400)
@pytest.mark.parametrize("action", ["attestation", "log", "revoke"])
def test_no_death_loses_a_key_or_doubles_an_event(action, reopen, settings, capture, tmp_path):
    capture()
    evidence.seal(reopen())
    if action == "revoke":
        rotate(reopen, Purpose.ATTESTATION)
    before = reopen()
    script = Path(__file__).with_name("killed_keys.py")
    (tmp_path / "deaths").mkdir()
    done = subprocess.run(
        [sys.executable, script, settings, action, tmp_path / "deaths"],
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    states = [json.loads(line) for line in done.stdout.splitlines()]
    assert states[-1]["finished"]
    assert len(states) > 20
    was = {"attestation": before.attestation_key, "log": before.log_key}.get(action)
    earlier = len(events(before))
    for state in states:
        found, completed = state["found"], state.get("completed", state["found"])
        for seen in (found, completed):
            assert seen["captures"] == [True], state
            assert seen["queue"] == [], state
            assert len(seen["loggedEvents"]) == len(set(seen["loggedEvents"])), "an event is in the log twice"
            assert set(seen["used"]) <= set(seen["held"]), "the private key in use is on disk"
            assert seen["size"] == 1 + len(seen["loggedEvents"]), state
            if was is not None:
                assert was.public.keyid in seen["held"], "the old private key is still on disk"
        assert len(completed["events"]) == earlier + 1, "one event, however often it was tried"
        assert completed["loggedEvents"] == sorted(event[2] for event in completed["events"])
        assert completed["between"] == [], state
        assert completed["drafts"] == [], state
        if action == "revoke":
            assert len(completed["revoked"]) == 1
            assert completed["used"] == found["used"]
        else:
            [(event, introduced, _)] = completed["events"]
            assert event == "introduced"
            assert introduced in completed["named"]
            assert len(completed["named"]) == 3, "no key that was never used is named"
            assert was.public.keyid not in completed["used"]
            assert len(completed["held"]) == 3, "no private key more than those of the trust root"
    deaths = [state for state in states if not state["finished"]]
    assert {len(state["found"]["events"]) for state in deaths} == {earlier, earlier + 1}
