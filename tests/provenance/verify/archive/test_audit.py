"""The audit of a whole archive: each check fails for what it is there for, and nothing else does."""

import dataclasses
import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from archives import COLLECTOR, FIRST, SOFTWARE, MemoryArchive, Version, archive, entry_id
from evidence import ATTESTATION_KEY, FOREIGN_KEY, FOREIGN_LOG, LOG, ORIGIN, TRUST
from parties import ALPHA, BETA, GAMMA, WITNESSES, cosigned, stamp

from sijill.archive.digest import digest_bytes
from sijill.provenance.attest.custody import CustodyEvent, custody_statement
from sijill.provenance.attest.probe import REPORT_NAME, Capability, probe_statement
from sijill.provenance.attest.tombstone import Removed, tombstone_statement
from sijill.provenance.log.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from sijill.provenance.log.edge import RightEdge
from sijill.provenance.log.entry import Kind
from sijill.provenance.log.layout import (
    CHECKPOINT,
    attestation_key,
    batch_key,
    checkpoint_key,
    cosignature_key,
    leaf_index_key,
    timestamp_key,
)
from sijill.provenance.verify.archive.audit import Plan, audit, sample_order
from sijill.provenance.verify.archive.codes import ARCHIVE_SENTENCES, ArchiveCode
from sijill.provenance.verify.archive.journal import opened_journal
from sijill.provenance.verify.archive.report import Verdict
from sijill.provenance.verify.archive.source import Place, name_of, object_key
from sijill.provenance.verify.archive.words import limits
from sijill.provenance.verify.report import Status
from sijill.provenance.verify.trust import Policy, Revocation, Validity

SEALED = FIRST + timedelta(minutes=3)
STAMPED = dataclasses.replace(TRUST, tsa_roots=(ALPHA.root.pem,))
WITNESSED = dataclasses.replace(TRUST, witnesses=tuple(one.verifier for one in WITNESSES))


def run(made, trust=TRUST, *, journal=None, show=lambda step, done, total: None, **plan):
    with opened_journal(journal) as opened:
        return audit(
            lambda: made,
            trust,
            Plan("memory", **plan),
            journal=opened,
            clock=lambda: datetime(2027, 1, 1, tzinfo=UTC),
            new_seed=lambda: "5eed",
            show=show,
        )


def flipped(data, place=-3):
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


def only(report, code):
    """The findings of the one check that failed."""
    assert report.failed == (code,), [(check.code, check.findings) for check in report.checks if check.findings]
    assert report.verdict is Verdict.DOES_NOT_HOLD
    return report.check(code).findings


@pytest.fixture(scope="module")
def good():
    return archive()


def ids(made):
    return [key.split("/")[-2] for key in made.list("captures/") if key.endswith(".json")]


def envelope_sha256(made, capture_id):
    return digest_bytes(made.objects[attestation_key(capture_id)])


def test_a_good_archive_holds(good):
    report = run(good)
    assert report.verdict is Verdict.HOLDS
    assert report.failed == ()
    assert report.log.size == 5
    assert report.counts.read == report.counts.captures == report.counts.objects == 5
    assert report.counts.bytes == sum(len(d) for k, d in good.objects.items() if "objects/" in k or k.endswith(".json"))


def test_every_check_is_in_every_report(good):
    assert [check.code for check in run(good).checks] == list(ArchiveCode)
    assert set(ARCHIVE_SENTENCES) == set(ArchiveCode)
    sentences = {sentence for pair in ARCHIVE_SENTENCES.values() for sentence in (pair.holds, pair.fails)}
    assert len(sentences) == 2 * len(ArchiveCode)
    assert [code.value for code in ArchiveCode] == [f"E-ARC-{number:02d}" for number in range(1, 35)]


def test_an_empty_store_is_not_a_good_archive():
    report = run(MemoryArchive())
    assert report.verdict is Verdict.DOES_NOT_HOLD
    assert report.failed == ()
    assert report.check(ArchiveCode.SIGNED).status is Status.NOT_CHECKED
    assert report.log is None


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 700])
def test_logs_of_all_shapes_are_recomputed(size):
    made = MemoryArchive()
    leaves = [b"not an entry %d" % number for number in range(size)]
    build_log(made, leaves, batches=[1, size // 2, size])
    report = run(made)
    assert only(report, ArchiveCode.ENTRIES)
    assert report.check(ArchiveCode.ENTRIES).total == size
    for code in (ArchiveCode.TILES, ArchiveCode.ROOTS, ArchiveCode.BATCHES, ArchiveCode.NEWEST):
        assert report.check(code).status is Status.PASSED


def build_log(made, leaves, batches):
    """A log of any leaves, all else of it as it should be."""
    edge = RightEdge.empty()
    for end in sorted(set(batches) - {0}):
        start, part = edge.size, leaves[edge.size : end]
        entries = b",".join(part)
        made.objects[batch_key(start)] = (
            b'{"entries":[%b],"key":%b,"start":%d,"type":"https://sijill.org/log-batch/v1"}'
            % (entries, json.dumps(LOG.verifier.vkey).encode(), start)
        )
        made.objects |= {tile.key: data for tile, data in edge.append(part)}
        made.objects[checkpoint_key(end)] = sign_checkpoint(Checkpoint(ORIGIN, end, edge.root()), LOG)
    made.objects[CHECKPOINT] = made.objects[checkpoint_key(edge.size)]


# The log.


@pytest.mark.parametrize(
    "forge",
    [
        lambda data: flipped(data),
        lambda data: sign_checkpoint(parse_checkpoint(data).checkpoint, FOREIGN_LOG),
        lambda data: data + parse_checkpoint(data).data.split(b"\n")[-2] + b"\n",
        lambda data: b"",
    ],
    ids=["flipped", "foreign", "signed-twice", "empty"],
)
def test_01_a_checkpoint_that_the_log_did_not_sign(good, forge):
    made = good.copy()
    made.objects[checkpoint_key(2)] = forge(made.head(2))
    [finding] = only(run(made), ArchiveCode.SIGNED)
    assert finding.about == checkpoint_key(2)


def test_01_a_checkpoint_removed(good):
    made = good.copy()
    del made.objects[checkpoint_key(2)]
    [finding] = only(run(made), ArchiveCode.SIGNED)
    assert "missing" in finding.found


def test_02_an_entry_bundle_removed(good):
    made = good.copy()
    del made.objects["log/tile/entries/000.p/5"]
    report = run(made)
    only(report, ArchiveCode.ENTRIES)
    assert report.check(ArchiveCode.ATTESTED).status is Status.NOT_CHECKED


@pytest.mark.parametrize("key", ["log/tile/0/000.p/2", "log/tile/0/000.p/5", "log/tile/entries/000.p/4"])
@pytest.mark.parametrize("forge", [flipped, lambda data: data + b"\0", lambda data: None], ids=["flip", "more", "gone"])
def test_03_a_tile_that_is_not_what_the_entries_give(good, key, forge):
    made = good.copy()
    if (data := forge(made.objects.pop(key))) is not None:
        made.objects[key] = data
    [finding] = only(run(made), ArchiveCode.TILES)
    assert finding.about == key


def test_03_a_tile_of_a_size_that_never_was(good):
    made = good.copy()
    made.objects["log/tile/0/000.p/3"] = made.objects["log/tile/0/000.p/5"][: 3 * 32]
    made.objects["log/tile/1/000"] = bytes(256 * 32)
    assert {finding.about for finding in only(run(made), ArchiveCode.TILES)} == {"log/tile/0/000.p/3", "log/tile/1/000"}


def test_04_a_checkpoint_with_another_root_signed_by_the_true_key(good):
    made = good.copy()
    made.objects[checkpoint_key(2)] = sign_checkpoint(Checkpoint(ORIGIN, 2, b"\1" * 32), LOG)
    [finding] = only(run(made), ArchiveCode.ROOTS)
    assert finding.about == checkpoint_key(2)


@pytest.mark.parametrize(
    "forge",
    [
        lambda made: made.head(2),
        lambda made: None,
        lambda made: flipped(made.head()),
        lambda made: sign_checkpoint(Checkpoint(ORIGIN, 9, b"\1" * 32), LOG),
    ],
    ids=["rolled-back", "removed", "flipped", "never-kept"],
)
def test_05_the_published_checkpoint(good, forge):
    made = good.copy()
    data = forge(made)
    del made.objects[CHECKPOINT]
    if data is not None:
        made.objects[CHECKPOINT] = data
    only(run(made), ArchiveCode.NEWEST)


def test_05_a_published_checkpoint_may_be_cosigned_and_may_have_moved_on(good):
    made = good.copy()
    made.objects[CHECKPOINT] = cosigned(made.head(), SEALED)
    assert run(made).verdict is Verdict.HOLDS

    def grow(step, done, total):
        if not (grown and made.objects):
            grown.append(made.capture(77))
            made.seal()

    grown = []
    made = good.copy()
    report = run(made, show=grow)
    assert report.verdict is Verdict.HOLDS
    assert grown


@pytest.mark.parametrize("forge", [flipped, lambda data: data[:-1], lambda data: None], ids=["flip", "cut", "gone"])
def test_06_a_record_of_a_batch(good, forge):
    made = good.copy()
    if (data := forge(made.objects.pop(batch_key(2)))) is not None:
        made.objects[batch_key(2)] = data
    [finding] = only(run(made), ArchiveCode.BATCHES)
    assert finding.about == batch_key(2)


def test_06_a_record_where_no_batch_is(good):
    made = good.copy()
    made.objects[batch_key(9)] = made.objects[batch_key(2)]
    [finding] = only(run(made), ArchiveCode.BATCHES)
    assert finding.about == batch_key(9)


def test_07_a_log_rewritten_by_its_true_key(good):
    rewritten = MemoryArchive()
    for number in (0, 2, 3, 4, 5):
        rewritten.capture(number)
    rewritten.seal()
    since = parse_checkpoint(good.head(4))
    report = run(rewritten)
    assert report.verdict is Verdict.HOLDS, "without anything from outside, nothing can be seen"
    [finding] = only(run(rewritten, since=since), ArchiveCode.SINCE)
    assert "root" in finding.found


def test_07_a_log_cut_back_by_its_true_key(good):
    cut = archive(2, batches=1)
    assert run(cut).verdict is Verdict.HOLDS
    [finding] = only(run(cut, since=parse_checkpoint(good.head())), ArchiveCode.SINCE)
    assert "only 2" in finding.found


def test_07_a_checkpoint_that_the_log_still_goes_on_from(good):
    for size in (2, 4, 5):
        report = run(good, since=parse_checkpoint(good.head(size)))
        assert report.verdict is Verdict.HOLDS
        assert report.check(ArchiveCode.SINCE).status is Status.PASSED
    foreign = parse_checkpoint(sign_checkpoint(parse_checkpoint(good.head(2)).checkpoint, FOREIGN_LOG))
    only(run(good, since=foreign), ArchiveCode.SINCE)


def test_07_the_size_need_not_be_one_that_is_still_kept(good):
    made = good.copy()
    del made.objects[checkpoint_key(2)]
    report = run(made, since=parse_checkpoint(good.head(2)))
    assert report.check(ArchiveCode.SINCE).status is Status.PASSED


def test_08_an_id_twice():
    made = MemoryArchive()
    same = made.capture(0)
    made.seal()
    made.attest(Kind.PROBE, same, probe(made, same))
    made.seal()
    [finding] = only(run(made), ArchiveCode.ONCE)
    assert finding.about == same


def probe(made, own_id, moment=FIRST):
    return probe_statement(
        own_id,
        store="file:///store",
        started=moment,
        ended=moment,
        capabilities=[Capability("versioning", False, "a folder keeps none")],
        report=made.report(b"[]", REPORT_NAME),
        collector=COLLECTOR,
        software=SOFTWARE,
    )


# Who vouches for times.


def test_09_witnesses(good):
    made = good.copy()
    only(run(made, WITNESSED), ArchiveCode.WITNESSES)
    made.vouch(5, SEALED, witnesses=WITNESSES[:1])
    [finding] = only(run(made, WITNESSED), ArchiveCode.WITNESSES)
    assert "2 needed, 1 found" in finding.found
    made.vouch(4, SEALED, witnesses=WITNESSES)
    only(run(made, WITNESSED), ArchiveCode.WITNESSES)
    made.vouch(5, SEALED, witnesses=WITNESSES)
    report = run(made, WITNESSED)
    assert report.verdict is Verdict.HOLDS
    assert (report.shown.size, report.shown.by) == (5, SEALED.replace(microsecond=0))


def test_10_timestamps(good):
    made = good.copy()
    trust = dataclasses.replace(
        TRUST,
        tsa_roots=(ALPHA.root.pem, BETA.root.pem),
        tsa_intermediates=(BETA.intermediate.pem,),
        policy=Policy(timestamps=2),
    )
    only(run(made, trust), ArchiveCode.TIMESTAMPS)
    made.vouch(5, SEALED, authorities={"alpha": ALPHA, "gamma": GAMMA})
    findings = only(run(made, trust), ArchiveCode.TIMESTAMPS)
    assert "2 needed, 1 found" in findings[0].found
    made.vouch(5, SEALED, authorities={"beta": BETA})
    report = run(made, trust)
    assert report.verdict is Verdict.HOLDS
    assert report.shown.by - SEALED < timedelta(seconds=2)


def test_11_what_vouches_for_other_bytes(good):
    for forge in (
        lambda made: {timestamp_key(5, "other"): stamp(ALPHA, made.head(4), SEALED)},
        lambda made: {timestamp_key(4, "other"): b"not a response"},
        lambda made: {cosignature_key(5, WITNESSES[0].verifier.key_id): WITNESSES[0].line(made.head(4), SEALED)},
        lambda made: {cosignature_key(5, bytes(4)): WITNESSES[0].line(made.head(5), SEALED)},
    ):
        made = good.copy()
        made.vouch(5, SEALED, authorities={"alpha": ALPHA}, witnesses=WITNESSES[1:])
        made.objects |= forge(made)
        trust = dataclasses.replace(STAMPED, witnesses=WITNESSED.witnesses, policy=Policy(witnesses=1))
        only(run(made, trust), ArchiveCode.VOUCHERS)


def test_11_a_timestamp_by_nobody_that_the_auditor_knows_is_no_fault(good):
    made = good.copy()
    made.vouch(4, SEALED, authorities={"gamma": GAMMA})
    assert run(made).verdict is Verdict.HOLDS


def test_11_a_named_timestamp_removed():
    made, token = fresh_archive()
    assert run(made, STAMPED).verdict is Verdict.HOLDS
    del made.objects[token]
    [finding] = only(run(made, STAMPED), ArchiveCode.VOUCHERS)
    assert "missing" in finding.found


def fresh_archive(later=timedelta(hours=1)):
    """An archive whose second capture quotes a checkpoint with a timestamp made before it; that timestamp's key."""
    made = MemoryArchive()
    made.capture(0)
    made.seal()
    made.vouch(1, SEALED, authorities={"alpha": ALPHA})
    token = timestamp_key(1, "alpha")
    sha256 = hashlib.sha256(made.objects[token]).hexdigest()
    made.capture(1, moment=SEALED + later, freshness=made.head(1).decode(), freshness_timestamps={"alpha": sha256})
    made.seal()
    made.vouch(2, SEALED + timedelta(hours=2), authorities={"alpha": ALPHA})
    return made, token


@pytest.mark.parametrize("key", ["log", "attestation"])
def test_12_and_17_keys_in_their_time(good, key):
    name, code = (
        (LOG.verifier.vkey, ArchiveCode.LOG_KEYS) if key == "log" else (ATTESTATION_KEY.public.keyid, ArchiveCode.KEYS)
    )
    made = good.copy()
    made.vouch(5, SEALED, authorities={"alpha": ALPHA})

    def limited(**limits):
        return dataclasses.replace(STAMPED, validity=(Validity(name, **limits),))

    def revoked(at):
        return dataclasses.replace(STAMPED, revocations=(Revocation(name, at, "lost"),))

    hour = timedelta(hours=1)
    assert run(made, revoked(SEALED + hour)).verdict is Verdict.HOLDS
    assert run(made, limited(not_before=FIRST - hour, not_after=FIRST + hour)).verdict is Verdict.HOLDS
    for trust in (revoked(SEALED - hour), limited(not_after=FIRST - hour), limited(not_before=SEALED + hour)):
        only(run(made, trust), code)
    unknown = dataclasses.replace(revoked(SEALED + hour), tsa_roots=())
    report = run(made, unknown)
    assert report.verdict is Verdict.DOES_NOT_HOLD, "nobody says when"
    assert report.failed == ()
    assert report.check(code).status is Status.NOT_CHECKED


def test_18_a_capture_that_ended_after_it_was_shown_to_exist():
    made = MemoryArchive()
    made.capture(0, moment=FIRST + timedelta(hours=5))
    made.seal()
    made.vouch(1, FIRST, authorities={"alpha": ALPHA})
    [finding] = only(run(made, STAMPED), ArchiveCode.TIMES)
    assert "was there by" in finding.found


def test_18_a_capture_that_says_it_began_before_what_it_quotes():
    made, _ = fresh_archive(later=timedelta(hours=-3))
    [finding] = only(run(made, STAMPED), ArchiveCode.TIMES)
    assert "made after" in finding.found
    made = MemoryArchive()
    made.capture(0)
    made.seal()
    quoted = cosigned(made.head(1), SEALED + timedelta(hours=3)).decode()
    made.capture(1, freshness=quoted)
    made.seal()
    made.vouch(2, SEALED + timedelta(hours=4), witnesses=WITNESSES)
    [finding] = only(run(made, WITNESSED), ArchiveCode.TIMES)
    assert "made after" in finding.found


def test_18_a_few_minutes_are_nothing():
    made, _ = fresh_archive(later=timedelta(minutes=-5))
    assert run(made, STAMPED).verdict is Verdict.HOLDS


def test_33_what_was_shown_to_exist_late_is_told_and_no_fault():
    made = MemoryArchive()
    made.capture(0)
    made.seal()
    made.vouch(1, FIRST + timedelta(days=6), authorities={"alpha": ALPHA})
    trust = dataclasses.replace(STAMPED, policy=Policy(timestamps=1))
    assert run(made, trust).check(ArchiveCode.LATE).status is Status.PASSED
    made = MemoryArchive()
    made.capture(0)
    made.seal()
    made.vouch(1, FIRST + timedelta(days=9), authorities={"alpha": ALPHA})
    report = run(made, trust)
    [finding] = report.check(ArchiveCode.LATE).findings
    assert "only" in finding.found
    assert report.verdict is Verdict.HOLDS
    assert any("Timestamps alone" in said for said in limits(report))


def test_a_timestamp_over_the_attestation_counts():
    made = MemoryArchive()
    own = made.capture(0, moment=FIRST + timedelta(hours=5))
    made.seal()
    key = attestation_key(own)
    token = key.replace(".dsse.json", ".alpha.tsr")
    made.objects[token] = stamp(ALPHA, made.objects[key], FIRST)
    trust = dataclasses.replace(STAMPED, policy=Policy(timestamps=1))
    report = run(made, trust)
    assert ArchiveCode.TIMES in report.failed
    made.objects[token] = stamp(ALPHA, b"other bytes", FIRST)
    assert ArchiveCode.VOUCHERS in run(made, trust).failed


# Attestations.


def test_13_an_attestation_removed(good):
    made = good.copy()
    victim = ids(made)[3]
    del made.objects[attestation_key(victim)]
    report = run(made)
    [finding] = only(report, ArchiveCode.ATTESTED)
    assert victim in finding.about
    assert report.check(ArchiveCode.STRANGE_OBJECTS).status is Status.NOT_CHECKED


def test_14_two_attestations_swapped(good):
    made = good.copy()
    first, second = (attestation_key(one) for one in ids(made)[1:3])
    made.objects[first], made.objects[second] = made.objects[second], made.objects[first]
    assert {finding.about for finding in only(run(made), ArchiveCode.ENVELOPES)} == {first, second}


def test_15_an_attestation_by_a_stranger():
    made = MemoryArchive()
    made.capture(0)
    made.capture(1, key=FOREIGN_KEY)
    made.seal()
    [finding] = only(run(made), ArchiveCode.SIGNERS)
    assert FOREIGN_KEY.public.keyid in finding.found


def test_16_a_statement_about_something_else():
    made = MemoryArchive()
    true = made.capture(0)
    other = entry_id(1)
    statement = {}
    made.capture(2, edit=statement.update, queued=False)
    made.capture(3, edit=lambda one: one["predicate"].update(extra=1))
    made.seal()
    [finding] = only(run(only_logged(made)), ArchiveCode.STATEMENTS)
    assert "extra" in finding.found
    made = MemoryArchive()
    true = made.capture(0, queued=False)
    moved = made.objects.pop(attestation_key(true))
    made.attest(Kind.CAPTURE, other, json_of(moved))
    made.seal()
    [finding] = only(run(made), ArchiveCode.STATEMENTS)
    assert true in finding.found


def json_of(envelope):
    from sijill.provenance.attest.envelope import parse_envelope

    return json.loads(parse_envelope(envelope).payload)


def warc_key(made, capture_id):
    [subject] = json_of(made.objects[attestation_key(capture_id)])["subject"]
    return object_key(subject["digest"]["sha256"])


def only_logged(made):
    """The same without captures that are not in the log."""
    for key in [key for key in made.objects if key.endswith("attestation.dsse.json")]:
        if key.replace("attestation.dsse.json", "leaf-index") not in made.objects:
            [subject] = json_of(made.objects.pop(key))["subject"]
            made.objects.pop(object_key(subject["digest"]["sha256"]), None)
    return made


@pytest.mark.parametrize("fork", ["root", "size", "too-young"])
def test_19_a_checkpoint_quoted_that_is_not_of_this_log(fork):
    made = MemoryArchive()
    made.capture(0)
    made.seal()
    quoted = {
        "root": sign_checkpoint(Checkpoint(ORIGIN, 1, b"\1" * 32), LOG),
        "size": sign_checkpoint(Checkpoint(ORIGIN, 3, b"\1" * 32), LOG),
        "too-young": sign_checkpoint(Checkpoint(ORIGIN, 7, b"\1" * 32), LOG),
    }[fork]
    made.capture(1, freshness=quoted.decode())
    made.seal()
    only(run(made), ArchiveCode.QUOTED)


@pytest.mark.parametrize("data", [b"7\n", b"01\n", b"", None])
def test_20_a_leaf_index(good, data):
    made = good.copy()
    key = leaf_index_key(ids(made)[1])
    del made.objects[key]
    if data is not None:
        made.objects[key] = data
    [finding] = only(run(made), ArchiveCode.PLACES)
    assert finding.about == key


def test_16_a_kind_without_a_parser_is_held_to_what_all_statements_have():
    from sijill.provenance.attest.canonical import canonical
    from sijill.provenance.errors import MalformedStatement
    from sijill.provenance.verify.archive.statements import parse_common

    made = MemoryArchive()
    payload = canonical(probe(made, entry_id(1)))
    assert parse_common("https://sijill.org/store-probe/v1", payload).predicate["probeId"] == entry_id(1)
    for other in (payload + b"\n", payload.replace(b'"predicate":', b'"predicatf":'), b"{}"):
        with pytest.raises(MalformedStatement):
            parse_common("https://sijill.org/store-probe/v1", other)
    with pytest.raises(MalformedStatement):
        parse_common("https://sijill.org/run/v1", payload)


# Objects.


def test_21_an_object_removed(good):
    made = good.copy()
    key = next(made.list("objects/"))
    del made.objects[key]
    [finding] = only(run(made), ArchiveCode.PRESENT)
    assert finding.about == key


def test_22_23_a_byte_flipped(good):
    made = good.copy()
    key = next(made.list("objects/"))
    made.objects[key] = flipped(made.objects[key], 100)
    report = run(made)
    assert report.failed == (ArchiveCode.SHA256, ArchiveCode.BLAKE3)
    assert report.check(ArchiveCode.SHA256).findings[0].about == key


@pytest.mark.parametrize("what", ["sha256", "blake3", "size"])
def test_22_to_24_each_digest_counts(what):
    made = MemoryArchive()

    def edit(statement):
        subject = statement["subject"][0]
        if what == "size":
            subject["annotations"]["size"] += 1
        else:
            subject["digest"][what] = "0" * 64

    own = made.capture(0, edit=edit)
    if what == "sha256":
        [(key, data)] = [(key, data) for key, data in made.objects.items() if key.startswith("objects/")]
        del made.objects[key]
        made.objects[object_key("0" * 64)] = data
    made.seal()
    code = {"sha256": ArchiveCode.SHA256, "blake3": ArchiveCode.BLAKE3, "size": ArchiveCode.SIZES}[what]
    [finding] = only(run(made), code)
    assert own in finding.found


def test_25_a_warc_that_is_none():
    made = MemoryArchive()
    made.capture(0, warc=b"this is no WARC")
    made.seal()
    only(run(made), ArchiveCode.WARCS)


def test_26_a_warc_that_says_something_else():
    made = MemoryArchive()
    made.capture(0, edit=lambda statement: statement["predicate"].update(title="another title"))
    made.seal()
    only(run(made), ArchiveCode.AGREEMENT)


def test_27_a_capture_that_something_depends_on_is_not_in_the_log(good):
    made = good.copy()
    absent, own = entry_id(99), entry_id(100)
    made.attest(Kind.CUSTODY, own, custody(own, absent, digest_bytes(b"gone")))
    made.seal()
    [finding] = only(run(made), ArchiveCode.DEPENDENCIES)
    assert absent in finding.found


def custody(own, capture_id, envelope):
    return custody_statement(
        own,
        capture_id=capture_id,
        envelope=envelope,
        event=CustodyEvent.HELD,
        at=FIRST,
        to=None,
        note=None,
        package=None,
        collector=COLLECTOR,
        software=SOFTWARE,
    )


def tombstone(made, own, capture_id, keys):
    removed = [Removed(subject_of(made, key), key) for key in keys]
    return tombstone_statement(
        own,
        capture_id=capture_id,
        envelope_sha256=envelope_sha256(made, capture_id).sha256.hex,
        removed=removed,
        reason="a court said so",
        authority="the court",
        at=FIRST,
        collector=COLLECTOR,
        software=SOFTWARE,
    )


def subject_of(made, key):
    from sijill.provenance.attest.attestation import Subject

    if key.endswith(".json"):
        return Subject("attestation.dsse.json", "application/vnd.dsse+json", digest_bytes(made.objects[key]))
    return Subject("data.warc.gz", "application/warc", digest_bytes(made.objects[key]))


@pytest.mark.parametrize("whole", [False, True])
def test_a_removal_that_a_tombstone_tells_of_is_fine(good, whole):
    made = good.copy()
    victim, own = ids(made)[2], entry_id(100)
    keys = [warc_key(made, victim), *([attestation_key(victim)] if whole else [])]
    made.attest(Kind.TOMBSTONE, own, tombstone(made, own, victim, keys))
    made.seal()
    assert run(made).verdict is Verdict.HOLDS, "not removed yet"
    for key in keys:
        del made.objects[key]
    report = run(made)
    assert report.verdict is Verdict.HOLDS
    assert report.counts.gone == 1
    del made.objects[attestation_key(own, Kind.TOMBSTONE)]
    assert ArchiveCode.ATTESTED in run(made).failed


def test_28_a_tombstone_of_what_is_not_its_captures(good):
    made = good.copy()
    one, other = ids(made)[1:3]
    own, key = entry_id(100), warc_key(made, other)
    made.attest(Kind.TOMBSTONE, own, tombstone(made, own, one, [key]))
    made.seal()
    [finding] = only(run(made), ArchiveCode.TOMBSTONES)
    assert key in finding.found
    del made.objects[key]
    assert run(made).failed == (ArchiveCode.PRESENT, ArchiveCode.TOMBSTONES)


def test_28_a_tombstone_of_a_capture_that_was_never_logged(good):
    made = good.copy()
    unlogged = made.capture(50, queued=False)
    key, own = warc_key(made, unlogged), entry_id(100)
    made.attest(Kind.TOMBSTONE, own, tombstone(made, own, unlogged, [key]))
    made.seal()
    del made.objects[attestation_key(unlogged)], made.objects[key]
    only(run(made), ArchiveCode.TOMBSTONES)


# The store.


def test_29_an_object_that_nobody_attested(good):
    made = good.copy()
    key = made.put(b"planted evidence")
    [finding] = only(run(made), ArchiveCode.STRANGE_OBJECTS)
    assert finding.about == key


@pytest.mark.parametrize(
    "key",
    [
        f"captures/2026/11/21/{entry_id(1)}/notes.txt",
        f"captures/2026/11/22/{entry_id(1)}/attestation.dsse.json",
        f"captures/2026/11/21/{entry_id(60)}/attestation.dsse.json",
        f"probes/2026/11/21/{entry_id(1)}/leaf-index",
        f"captures/2026/11/21/{entry_id(1)}/custody/{entry_id(2)}",
        "objects/sha256/00/00/short",
        "log/checkpoints/7.alpha.tsr",
        "log/notes",
        "readme",
    ],
)
def test_30_what_belongs_to_nothing(good, key):
    made = good.copy()
    made.objects[key] = b"planted"
    [finding] = only(run(made), ArchiveCode.STRANGE_KEYS)
    assert finding.about == key


def test_29_30_a_capture_taken_out_of_the_log(good):
    rewritten = archive(4)
    leftover = good.copy()
    for key in list(leftover.objects):
        if key.startswith("log/"):
            del leftover.objects[key]
    leftover.objects |= {key: data for key, data in rewritten.objects.items() if key.startswith(("log/", "captures/"))}
    assert run(leftover).failed == (ArchiveCode.STRANGE_OBJECTS, ArchiveCode.STRANGE_KEYS)


@pytest.mark.parametrize("deletion", [False, True])
def test_31_second_versions_and_deletions(good, deletion):
    made = good.copy()
    key = next(made.list("objects/"))
    made.extra = [Version(key, 7, deletion), Version(CHECKPOINT, 7), Version("queue/x", 1), Version("queue/x", 2)]
    [finding] = only(run(made), ArchiveCode.VERSIONS)
    assert finding.about == key


def test_32_what_waits_too_long_is_told_and_no_fault(good):
    made = good.copy()
    made.capture(70)
    report = run(made)
    assert report.verdict is Verdict.HOLDS
    assert report.counts.waiting == 1
    assert report.check(ArchiveCode.WAITING).status is Status.PASSED
    made.capture(71, moment=FIRST - timedelta(days=2))
    report = run(made)
    assert report.failed == (ArchiveCode.WAITING,)
    assert report.verdict is Verdict.HOLDS


def test_the_keys_that_come_and_go_are_known(good):
    made = good.copy()
    made.objects |= {"pending/timestamps/alpha/5": b"", "probe/canary": b"x", "trust/trust.json": b"{}"}
    own, captured = entry_id(100), ids(made)[0]
    made.attest(Kind.CUSTODY, own, custody(own, captured, envelope_sha256(made, captured)))
    made.objects[f"{attestation_key(captured).rpartition('/')[0]}/custody/{own}"] = f"{own}\n".encode()
    made.seal()
    assert run(made).verdict is Verdict.HOLDS


def test_a_name_is_read_only_one_way():
    for key in ("log/checkpoints/01", "log/tile/0/000.p/256", "log/tile/00/000", "log/batches/-1", "objects/sha256/00"):
        assert name_of(key).place is Place.UNKNOWN
    assert name_of("log/tile/entries/x001/x234/067.p/9").tile.index == 1_234_067


# Samples, resuming.


def test_a_sample_is_labelled_and_can_be_taken_again(good):
    report = run(good, sample=2, seed="ab")
    assert report.verdict is Verdict.HOLDS_FOR_SAMPLE
    assert report.counts.read == 2
    chosen = sorted(sorted(ids(good), key=lambda one: sample_order("ab", one))[:2])
    assert list(report.scope.captures) == chosen
    assert run(good, sample=2, seed="ab").scope == report.scope
    for code in (ArchiveCode.SHA256, ArchiveCode.AGREEMENT):
        assert report.check(code).status is Status.NOT_CHECKED
        assert report.check(code).sampled
    assert run(good, sample=99).verdict is Verdict.HOLDS, "all were read"


def test_a_sample_sees_damage_only_where_it_looks(good):
    made = good.copy()
    chosen = run(good, sample=2, seed="ab").scope.captures
    keys = {one: warc_key(made, one) for one in ids(made)}
    inside, outside = keys[chosen[0]], next(key for one, key in keys.items() if one not in chosen)
    for key, verdict in ((outside, Verdict.HOLDS_FOR_SAMPLE), (inside, Verdict.DOES_NOT_HOLD)):
        damaged = made.copy()
        damaged.objects[key] = flipped(damaged.objects[key], 50)
        assert run(damaged, sample=2, seed="ab").verdict is verdict
    gone = made.copy()
    del gone.objects[outside]
    only(run(gone, sample=2, seed="ab"), ArchiveCode.PRESENT)
    shorter = made.copy()
    shorter.objects[outside] = shorter.objects[outside][:-1]
    only(run(shorter, sample=2, seed="ab"), ArchiveCode.SIZES)


class Interrupting(MemoryArchive):
    """Interrupts the audit when an object is opened for the n-th time."""

    opened = 0
    limit = None

    def open(self, key):
        self.opened += 1
        if self.opened == self.limit:
            raise KeyboardInterrupt
        return super().open(key)


def test_an_interrupted_audit_goes_on(tmp_path):
    made = Interrupting(archive(150, batches=3).objects)
    made.objects[next(made.list("objects/"))] += b"damage"
    made.limit = 130
    journal = tmp_path / "journal"
    with pytest.raises(KeyboardInterrupt):
        run(made, journal=journal)
    before, made.limit = made.opened, None
    report = run(made, journal=journal)
    assert made.opened - before == 150 - (before - 1), "nothing is read again but what was being read"
    whole = run(made)
    assert report.checks == whole.checks
    assert report.counts == whole.counts


def test_a_journal_is_of_one_audit(good, tmp_path):
    from sijill.provenance.errors import JournalUnusable

    journal = tmp_path / "journal"
    run(good, journal=journal)
    for other in ({"sample": 1}, {"since": parse_checkpoint(good.head(2))}, {"trust": STAMPED}):
        with pytest.raises(JournalUnusable, match="another audit"):
            run(good, journal=journal, **other)
    (tmp_path / "text").write_bytes(b"this is no database" * 100)
    with pytest.raises(JournalUnusable):
        run(good, journal=tmp_path / "text")


def test_threads_give_the_same_log():
    made = MemoryArchive()
    build_log(made, [b"entry %d" % number for number in range(3000)], batches=[1000, 3000])
    one, several = (run(made, jobs=jobs) for jobs in (1, 3))
    assert one.checks == several.checks
