"""An audit by ranges of the log: the report is, byte for byte, the one of a single process."""

import base64
import dataclasses
import json
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context

import pytest
from archives import COLLECTOR, FIRST, SOFTWARE, MemoryArchive, archive, entry_id
from evidence import FOREIGN_KEY, TRUST
from parties import ALPHA, stamp

from sijill.archive.digest import digest_bytes
from sijill.flows.audit.source import open_source
from sijill.flows.audit.spread import examine_range_at, in_order
from sijill.provenance.attest.attestation import Subject
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.members import WARC_NAME
from sijill.provenance.attest.tombstone import ENVELOPE_NAME, ENVELOPE_TYPE, Removed, tombstone_statement
from sijill.provenance.errors import RangeRefused
from sijill.provenance.log.entry import Kind
from sijill.provenance.log.layout import attestation_folder, attestation_key, leaf_index_key
from sijill.provenance.log.tiles import WIDTH, tile_at
from sijill.provenance.verify.archive.audit import Plan, audit
from sijill.provenance.verify.archive.codes import ArchiveCode
from sijill.provenance.verify.archive.journal import opened_journal
from sijill.provenance.verify.archive.ranges import Spread, examine_range, split_log
from sijill.provenance.verify.archive.render import archive_report_json
from sijill.provenance.verify.archive.report import Verdict
from sijill.provenance.verify.archive.source import object_key
from sijill.provenance.verify.trust import Validity

STAMPED = dataclasses.replace(TRUST, tsa_roots=(ALPHA.root.pem,))
CAPTURES = 70


def run(open_source, *, trust=TRUST, spread=None, journal=None, **plan):
    with opened_journal(journal) as opened:
        return audit(
            open_source,
            trust,
            Plan("archive", **plan),
            journal=opened,
            clock=lambda: datetime(2027, 1, 1, tzinfo=UTC),
            new_seed=lambda: "5eed",
            show=lambda step, done, total: None,
            spread=spread,
        )


def written(report):
    return canonical(archive_report_json(report))


def here(made, ranges):
    return Spread(ranges, lambda sent: (examine_range(text, made) for text in sent))


def flip(made, key, place=-3):
    data = bytearray(made.objects[key])
    data[place] ^= 1
    made.objects[key] = bytes(data)


def warc_key(made, capture_id):
    envelope = json.loads(made.objects[attestation_key(capture_id)])
    [warc, *_] = json.loads(base64.b64decode(envelope["payload"]))["subject"]
    return object_key(warc["digest"]["sha256"])


@pytest.fixture(scope="module")
def whole():
    return archive(CAPTURES, batches=7)


@pytest.fixture(scope="module")
def damaged():
    """Every kind of trouble that an entry can be in, and much that is in order beside it."""
    made = MemoryArchive()
    ids = [made.capture(number) for number in range(CAPTURES)]
    made.capture(CAPTURES, key=FOREIGN_KEY)
    keys = [attestation_key(ids[30]), warc_key(made, ids[30])]
    tombstone = entry_id(900, FIRST + timedelta(hours=1))
    named = ((ENVELOPE_NAME, ENVELOPE_TYPE), (WARC_NAME, "application/warc"))
    removed = [
        Removed(Subject(name, media_type, digest_bytes(made.objects[key])), key)
        for (name, media_type), key in zip(named, keys, strict=True)
    ]
    sha256 = digest_bytes(made.objects[keys[0]]).sha256.hex
    made.seal()
    statement = tombstone_statement(
        tombstone,
        capture_id=ids[30],
        envelope_sha256=sha256,
        removed=removed,
        reason="asked for by who is shown",
        authority="the board",
        at=FIRST + timedelta(hours=1),
        collector=COLLECTOR,
        software=SOFTWARE,
    )
    made.attest(Kind.TOMBSTONE, tombstone, statement)
    made.seal()
    for key in keys:
        del made.objects[key]
    flip(made, warc_key(made, ids[3]), 60)
    flip(made, attestation_key(ids[7]))
    del made.objects[warc_key(made, ids[60])]
    del made.objects[attestation_key(ids[61])]
    made.objects[leaf_index_key(ids[62])] = b"5\n"
    made.objects[f"{attestation_folder(ids[63])}attestation.alpha.tsr"] = b"no token"
    token = stamp(ALPHA, made.objects[attestation_key(ids[64])], FIRST + timedelta(days=30))
    made.objects[f"{attestation_folder(ids[64])}attestation.alpha.tsr"] = token
    made.put(b"a stranger")
    return made


@pytest.mark.parametrize(("size", "ranges"), [(0, 3), (1, 9), (255, 2), (700, 7), (70_000, 10), (100_000_000, 10_000)])
def test_ranges_cover_the_log_and_share_no_bundle(size, ranges):
    parts = split_log(size, ranges)
    assert len(parts) <= ranges
    assert sum(map(len, parts)) == size
    assert [part.start for part in parts[1:]] == [part.stop for part in parts[:-1]]
    if size > ranges * WIDTH:
        assert all(part.start % WIDTH == 0 for part in parts)


@pytest.mark.parametrize("ranges", [1, 2, 13, CAPTURES])
def test_ranges_give_the_report_of_one_process(whole, ranges):
    report = run(lambda: whole, spread=here(whole, ranges))
    assert report.verdict is Verdict.HOLDS
    assert written(report) == written(run(lambda: whole))


LIMITED = dataclasses.replace(
    STAMPED, validity=(Validity(TRUST.attestation_keys[0].keyid, not_before=FIRST - timedelta(days=1)),)
)


@pytest.mark.parametrize("trust", [TRUST, STAMPED, LIMITED], ids=["keys", "stamps", "limited"])
@pytest.mark.parametrize("plan", [{}, {"sample": 20}, {"sample": 60, "seed": "ab"}], ids=["all", "few", "most"])
def test_damage_is_found_and_told_of_as_by_one_process(damaged, trust, plan):
    alone = run(lambda: damaged, trust=trust, **plan)
    report = run(lambda: damaged, trust=trust, spread=here(damaged, 9), **plan)
    assert report.verdict is Verdict.DOES_NOT_HOLD
    expected = {ArchiveCode.ATTESTED, ArchiveCode.PLACES, ArchiveCode.ENVELOPES}
    assert expected <= set(report.failed), report.failed
    assert report.counts.gone == 1
    assert written(report) == written(alone)


def test_other_processes_examine_an_archive_that_they_open_themselves(damaged, tmp_path):
    url = damaged.write(tmp_path / "store").as_uri()
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        spread = Spread(6, in_order(lambda text: pool.submit(examine_range_at, url, text), ahead=3))
        report = run(lambda: open_source(url), spread=spread)
    assert written(report) == written(run(lambda: open_source(url)))


def test_what_is_sent_is_small_and_holds_no_bodies(whole):
    sent, returned = [], []

    def watched(ranges):
        for text in ranges:
            sent.append(text)
            returned.append(examine_range(text, whole))
            yield returned[-1]

    run(lambda: whole, spread=Spread(3, watched))
    assert len(sent) == 3
    assert all(len(text) < 2_000 + len(json.loads(text)["trust"]) for text in sent)
    assert sum(map(len, returned)) < 700 * CAPTURES


class Stopped(Exception):
    pass


def test_an_interrupted_audit_goes_on_with_the_ranges_that_are_left(damaged, tmp_path):
    def stopping(ranges):
        for number, text in enumerate(ranges):
            if number == 4:
                raise Stopped
            yield examine_range(text, damaged)

    journal, left = tmp_path / "journal", []

    def going_on(ranges):
        for text in ranges:
            left.append(json.loads(text))
            yield examine_range(text, damaged)

    with pytest.raises(Stopped):
        run(lambda: damaged, spread=Spread(8, stopping), journal=journal)
    report = run(lambda: damaged, spread=Spread(8, going_on), journal=journal)
    width = len(split_log(CAPTURES + 2, 8)[0])
    assert left[0]["runs"][0][0] == 4 * width, "nothing is examined again"
    assert written(report) == written(run(lambda: damaged))


def test_a_range_is_refused_where_the_archive_is_another(whole, damaged):
    other = archive(CAPTURES, batches=3)
    with pytest.raises(RangeRefused, match="has another log/checkpoints/"):
        run(lambda: whole, spread=here(damaged, 4))
    changed = MemoryArchive(dict(whole.objects))
    flip(changed, tile_at(None, 0, CAPTURES).key, 60)
    with pytest.raises(RangeRefused):
        run(lambda: whole, spread=here(changed, 4))
    assert run(lambda: other, spread=here(other, 4)).verdict is Verdict.HOLDS


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda outcome: outcome["found"].pop(), "not of the entries"),
        (lambda outcome: outcome["found"].reverse(), "not of the entries"),
        (lambda outcome: outcome.update(start=1), "the outcome is of 1"),
        (lambda outcome: outcome.update(more=1), "more: "),
        (lambda outcome: outcome["found"][0].update(bytes="many"), "found.0.bytes: "),
    ],
)
def test_an_outcome_that_is_not_of_the_range_is_refused(whole, spoil, reason):
    def spoilt(ranges):
        for text in ranges:
            outcome = json.loads(examine_range(text, whole))
            spoil(outcome)
            yield json.dumps(outcome)

    with pytest.raises(RangeRefused, match=reason):
        run(lambda: whole, spread=Spread(2, spoilt))


def test_a_range_that_nobody_examined_is_no_range_without_faults(whole):
    def lazy(ranges):
        for number, text in enumerate(ranges):
            if number:
                return
            yield examine_range(text, whole)

    with pytest.raises(RangeRefused, match="was not examined"):
        run(lambda: whole, spread=Spread(20, lazy))
