"""Verification of a WARC, an attestation and a proof as they lie in a store."""

import io

from captures import GIF, rendered
from evidence import attested, evidence

from sijill.provenance.verify.codes import Code
from sijill.provenance.verify.report import Status
from sijill.provenance.verify.verify import verify_parts


class Forward(io.RawIOBase):
    """Can be read once, from beginning to end."""

    def __init__(self, data):
        self._inner = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self._inner.readinto(buffer)


def check(made, trust, **changes):
    arguments = {"warc": io.BytesIO(made.warc), "attestation": made.envelope, "proof": made.proof} | changes
    return verify_parts(trust=trust, **{"tokens": made.tokens} | arguments)


def test_good_parts_hold_and_say_that_they_are_no_package(true, trust):
    report = check(true, trust)
    assert report.holds
    for code in (Code.PKG_01, Code.PKG_02, Code.PKG_03):
        assert report.check(code).status is Status.NOT_CHECKED
        assert not report.check(code).required


def test_the_warc_need_not_be_seekable(true, trust):
    assert check(true, trust, warc=io.BufferedReader(Forward(true.warc))).holds


def test_without_a_proof_nothing_is_verified(true, trust):
    report = check(true, trust, proof=None)
    assert not report.holds
    assert report.failed == ()
    assert report.check(Code.LOG_01).status is Status.NOT_CHECKED
    assert report.check(Code.LOG_01).required
    assert report.check(Code.WARC_04).status is Status.PASSED


def test_a_wrong_warc_fails_by_its_digests(true, trust):
    assert check(true, trust, warc=io.BytesIO(true.warc[:-1])).failed == (Code.SUB_02, Code.SUB_03, Code.SUB_04)


def test_timestamps_count_if_they_are_handed_in(true, trust):
    report = check(true, trust, tokens={})
    assert report.failed == (Code.TSA_01,)
    assert not report.check(Code.TSA_02).required
    assert report.bracket.not_after.vouchers == ("witness-one.example", "witness-two.example")


def test_a_proof_of_another_attestation_fails(true, trust):
    other = attested(true, predicate__egress=None)
    assert check(other, trust, attestation=true.envelope).failed == (Code.LOG_04, Code.TSA_02)


def test_other_subjects_are_looked_at_when_they_are_given(trust):
    made = evidence(rendered(("screenshot.png", "image/png", GIF)))
    assert check(made, trust).failed == (Code.SUB_01,)
    for content, failed in ((GIF, ()), (GIF[:-1] + b"?", (Code.SUB_02, Code.SUB_03))):
        subjects = {"screenshot.png": io.BytesIO(content)}
        report = check(made, trust, subjects=subjects)
        assert report.failed == failed
        assert report.holds is not bool(failed)


def test_a_warc_of_countless_records_is_given_up_but_still_hashed(true, trust):
    from captures import records_of, warc_of

    records = records_of(true.warc)
    many = [records[2].replace(b"-000000000003>", b"-%012x>" % (1_000 + number)) for number in range(50)]
    report = check(attested(true, warc_of([*records[:-1], *many, records[-1]])), trust)
    assert report.failed == (Code.WARC_01,)
    assert "more than 14 records" in report.check(Code.WARC_01).findings[0].found
