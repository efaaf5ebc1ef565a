"""Reports: when they hold, what they say, and that text from the evidence cannot act on a terminal."""

import dataclasses
import hashlib
import io
import json
import re
from datetime import timedelta

import pytest
from evidence import FULL_TRUST, TRUST, attested, evidence, zipped
from hypothesis import given
from hypothesis import strategies as st
from parties import ALPHA, ATTESTED_AT, BETA, QUOTED_AT, SEALED_AT
from tsa import authority

from sijill.provenance.attest.attestation import CollectorCommitment
from sijill.provenance.printable import printable
from sijill.provenance.verify.codes import PREREQUISITES, SENTENCES, Code
from sijill.provenance.verify.render import report_json, report_text, statement
from sijill.provenance.verify.report import MAX_FINDINGS, Bound, Bracket, Check, Finding, Ledger, Report, Status
from sijill.provenance.verify.trust import Policy
from sijill.provenance.verify.verify import verify_package


def text_of(report):
    return "\n".join(report_text(report, name="x.wacz", style=lambda text, _: text))


def test_nothing_checked_does_not_hold(trust):
    assert not Report((), trust).holds
    assert not Ledger(trust).report().holds


def test_all_codes_are_in_every_report(trust):
    report = Ledger(trust).report()
    assert tuple(check.code for check in report.checks) == tuple(Code)
    assert {check.status for check in report.checks} == {Status.NOT_CHECKED}
    assert "E-ATT-01" in report.check(Code.ATT_02).findings[0].found


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("required", [True, False])
def test_only_passed_is_good_enough_for_a_required_check(trust, status, required):
    checks = (Check(Code.ATT_01, Status.PASSED, True), Check(Code.LOG_01, status, required))
    assert Report(checks, trust).holds is (status is Status.PASSED or not required)


def test_every_code_has_its_sentences_and_prerequisites():
    assert list(SENTENCES) == list(PREREQUISITES) == list(Code)
    assert len({sentence for each in SENTENCES.values() for sentence in (each.holds, each.fails)}) == 2 * len(Code)


def test_many_findings_are_cut_and_counted(trust):
    ledger = Ledger(trust)
    ledger.record(Code.WARC_02, [Finding(str(number), "differs") for number in range(1_000)])
    findings = ledger.report().check(Code.WARC_02).findings
    assert len(findings) == MAX_FINDINGS
    assert findings[-1] == Finding("findings", "1000 in all")


def test_the_statement_says_what_is_shown_and_what_is_not(package, verify):
    claim, latest, earliest, clock = statement(verify(package))
    assert claim == (
        "Archive of Examples signed a statement that it received these bytes; the statement existed no later than T1 "
        "and was made no earlier than T0; neither has changed since. It does not prove what the server sent."
    )
    # The witnesses' whole seconds end before the second authority's accuracy does.
    assert latest == (
        "T1: 2026-11-21T01:20:05.000000Z, as witness-one.example and witness-two.example vouch for. It is in the log "
        "archive.example/log, at index 4, under a checkpoint of 7 entries."
    )
    assert earliest == (
        "T0: 2026-11-20T23:55:10.000000Z, because it quotes what witness-one.example and witness-two.example made then."
        " It quotes the checkpoint of the log archive.example/log with 3 entries."
    )
    assert "2026-11-21T01:16:30.123456Z" in clock


def test_without_outside_parties_the_statement_says_that_there_is_no_trusted_time(package):
    _, latest, earliest, _ = statement(verify_package(io.BytesIO(package), TRUST))
    assert "T1: no trusted time, because no outside party of the trust root" in latest
    assert "T0: no trusted time, because it quotes nothing that an outside party of the trust root dated." in earliest
    assert "with 3 entries" in earliest


def bracket_of(package, **changes):
    trust = dataclasses.replace(FULL_TRUST, **changes)
    return verify_package(io.BytesIO(package), trust).bracket


def test_the_bracket_of_authorities_alone(package):
    bracket = bracket_of(package, witnesses=())
    # The second of the two needed: beta saw the checkpoint, with an accuracy of half a second and 20 microseconds.
    assert bracket.not_after == Bound(
        SEALED_AT + timedelta(microseconds=500_020), ("timestamping authority 1", "timestamping authority 2")
    )
    # The earlier of the two: alpha's accuracy is a second.
    assert bracket.not_before.time == QUOTED_AT - timedelta(seconds=1)


def test_one_authority_that_is_enough_bounds_the_time_more_tightly(package):
    bracket = bracket_of(package, witnesses=(), policy=Policy(timestamps=1))
    assert bracket.not_after == Bound(ATTESTED_AT + timedelta(seconds=1), ("timestamping authority 1",))
    assert bracket.not_before == Bound(QUOTED_AT - timedelta(microseconds=500_020), ("timestamping authority 2",))


def test_too_few_parties_give_no_bracket(package):
    stranger = authority("stranger").root.pem
    bracket = bracket_of(package, witnesses=(), tsa_roots=(stranger, FULL_TRUST.tsa_roots[0]))
    assert bracket == Bracket()


def test_a_collector_behind_a_commitment_and_no_quoted_checkpoint(verify):
    commitment = CollectorCommitment.to("Archive of Examples", bytes(32))
    claim, _, earliest, _ = statement(verify(zipped(evidence(collector=commitment, freshness=b"").files())))
    assert commitment.commitment in claim
    assert earliest == ("T0: no trusted time, because it quotes nothing that an outside party of the trust root dated.")


def test_a_report_that_does_not_hold_claims_nothing(package, verify):
    report = verify(package[:-1])
    assert statement(report) == ("Not every required check passed, so nothing follows from this evidence.",)
    assert "NOT VERIFIED" in text_of(report)
    assert report.attested is None


def test_what_is_not_verified_is_not_repeated(true, verify):
    from evidence import FOREIGN_KEY, signed

    made = {**true.files(), "provenance/attestation.dsse.json": signed(true.statement, FOREIGN_KEY)}
    report = verify(zipped(made))
    assert report.attested is None
    assert "site.example" not in text_of(report) + json.dumps(report_json(report))


def test_json_is_what_the_format_says(package, verify):
    value = report_json(verify(package))
    assert json.loads(json.dumps(value)) == value
    assert value["format"] == "https://sijill.org/verification-report/v1"
    assert value["verified"] is True
    assert [check["code"] for check in value["checks"]] == list(Code)
    assert value["log"] == {"origin": "archive.example/log", "index": 4, "size": 7}
    assert value["quoted"] == {"origin": "archive.example/log", "size": 3}
    witnesses = ["witness-one.example", "witness-two.example"]
    assert value["notBefore"] == {"time": "2026-11-20T23:55:10.000000Z", "vouchers": witnesses}
    assert value["notAfter"] == {"time": "2026-11-21T01:20:05.000000Z", "vouchers": witnesses}
    assert value["trustRoot"]["tsaRoots"] == [hashlib.sha256(tsa.root.der).hexdigest() for tsa in (ALPHA, BETA)]
    assert value["attested"]["captureId"] == "20261121t011630z-k3j2x5m4q7ab"
    assert value["attested"]["collector"] == {"name": "Archive of Examples"}


HOSTILE = "http://x.example/\x1b]0;owned\x07\x1b[2J\r\n\u202eexe.cod\u2066\u200b\ufeff"


def test_hostile_text_is_shown_by_its_numbers(true, verify):
    made = attested(true, predicate__title=HOSTILE, predicate__target=HOSTILE)
    shown = text_of(verify(zipped(made.forged_files())))
    assert "\\u{1b}]0;owned\\u{7}" in shown
    assert "\\u{202e}" in shown
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]", shown)


def test_hostile_text_in_findings_is_shown_by_its_numbers(true, verify):
    files = true.files()
    proof = files["provenance/inclusion.tlog-proof"].replace(b"archive.example/log\n7", "a\u202eb\n7".encode())
    report = verify(zipped({**files, "provenance/inclusion.tlog-proof": proof}))
    assert report.failed == (Code.LOG_02,)
    assert "a\\u{202e}b" in text_of(report)


def test_arabic_and_persian_stay_readable():
    assert printable("بيان مشترك می\u200cخواهیم") == "بيان مشترك می\u200cخواهیم"


@given(st.text())
def test_printable_has_no_control_character(text):
    assert not any(
        ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 or 0xD800 <= ord(letter) < 0xE000 for letter in printable(text)
    )


def test_long_text_is_cut():
    assert len(printable("x" * 100_000)) < 2_000
