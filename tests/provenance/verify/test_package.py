"""Packages as the exporter makes them."""

import base64
import copy
import dataclasses
import io
import json

import pytest
from captures import CAPTURE_ID, GIF, capture, rendered, written
from evidence import (
    ATTESTATION_KEY,
    FOREIGN_KEY,
    LOG,
    attested,
    evidence,
    signed,
    subject,
    zipped,
)

from sijill.archive.capture.exchange import Failure, FailureKind, Outcome
from sijill.archive.capture.spool import MemoryBody
from sijill.archive.errors import MalformedWarc
from sijill.archive.warc.wacz import ARCHIVE
from sijill.archive.warc.zip_writer import write_zip
from sijill.provenance.errors import MalformedEnvelope, MalformedProof
from sijill.provenance.package import UnfitForPackage, evidence_package
from sijill.provenance.package_layout import About, Token


def export(made, **changes):
    arguments = {
        "envelope": made.envelope,
        "warc": MemoryBody(made.warc),
        "proof": made.proof,
        "key": ATTESTATION_KEY.public,
        "log": LOG.verifier,
        "tokens": made.tokens,
    }
    return evidence_package(**{**arguments, **changes})


def with_subject(made, name, data, media_type="image/png"):
    """`made` with a subject attested that its browser is said to have made."""
    statement = copy.deepcopy(made.statement)
    statement["subject"].append(subject(name, media_type, data))
    statement["predicate"]["browser"]["files"].append({"name": name, "made": "2026-11-21T01:16:31.123456Z"})
    return dataclasses.replace(made, statement=statement).sealed(envelope=signed(statement))


def test_members_and_their_order(true):
    assert [name for name, _ in export(true)] == [
        "archive/data.warc.gz",
        "datapackage-digest.json",
        "datapackage.json",
        "indexes/index.cdx.gz",
        "indexes/index.idx",
        "pages/pages.jsonl",
        "provenance/B3SUMS",
        "provenance/SHA256SUMS",
        "provenance/VERIFY.txt",
        "provenance/attestation.alpha.tsr",
        "provenance/attestation.dsse.json",
        "provenance/attestation.pem",
        "provenance/checkpoint",
        "provenance/checkpoint.alpha.tsr",
        "provenance/checkpoint.beta.tsr",
        "provenance/freshness.alpha.tsr",
        "provenance/freshness.beta.tsr",
        "provenance/inclusion.tlog-proof",
        "provenance/log.vkey",
        "provenance/report.html",
    ]


def test_the_same_capture_gives_the_same_bytes(true):
    first, second = io.BytesIO(), io.BytesIO()
    assert write_zip(export(true), first) == write_zip(export(true), second)
    assert first.getvalue() == second.getvalue()


def test_derived_files_say_what_is_signed(true):
    files = true.files()
    package = json.loads(files["datapackage.json"])
    assert package["created"] == "2026-11-21T01:16:32.123456Z"
    assert package["software"] == "sijill 0.1.0"
    assert package["mainPageUrl"] == "https://site.example/statement"
    assert {resource["path"] for resource in package["resources"]} == files.keys() - {
        "datapackage.json",
        "datapackage-digest.json",
    }
    _, page = files["pages/pages.jsonl"].splitlines()
    assert json.loads(page) == {
        "id": CAPTURE_ID,
        "url": "https://site.example/statement",
        "ts": "2026-11-21T01:16:30.323456Z",
        "title": "بيان مشترك",
    }
    assert files["provenance/checkpoint"] == true.proof.partition(b"\n\n")[2]


def test_further_subjects_are_members_and_are_verified(true, verify):
    made = evidence(rendered(("screenshot.png", "image/png", GIF)))
    members = export(made, subjects={"screenshot.png": MemoryBody(GIF)})
    files = {name: body.content for name, body in members}
    assert files["provenance/screenshot.png"] == GIF
    assert base64.b64encode(GIF) in files["provenance/report.html"]
    assert verify(zipped(files)).holds
    report = verify(zipped({**files, "provenance/screenshot.png": GIF[:-1]}))
    assert report.failed == ("E-SUB-02", "E-SUB-03", "E-SUB-04")


def test_a_failed_capture_has_a_package_without_pages(verify):
    made = capture()
    failed = dataclasses.replace(made.exchanges[3], number=1, url=made.target, purpose=made.exchanges[0].purpose)
    failed = dataclasses.replace(failed, failure=Failure(FailureKind.DNS, "no such host"), via=None)
    made = dataclasses.replace(
        made, exchanges=(failed,), outcome=Outcome.FAILED, final_url=None, title=None, reasons=("no such host",)
    )
    assert written(made)[1] == {}
    files = {name: body.content for name, body in export(evidence(made))}
    assert len(files["pages/pages.jsonl"].splitlines()) == 1
    assert verify(zipped(files)).holds


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"key": FOREIGN_KEY.public}, UnfitForPackage),
        ({"subjects": {"screenshot.png": MemoryBody(GIF)}}, UnfitForPackage),
        ({"warc": MemoryBody(b"no WARC")}, MalformedWarc),
        ({"envelope": b"{}"}, MalformedEnvelope),
        ({"proof": b"none"}, MalformedProof),
    ],
)
def test_what_does_not_fit_is_refused(true, changes, error):
    with pytest.raises(error):
        export(true, **changes)


def test_a_warc_that_is_not_the_attested_one_is_refused(true):
    with pytest.raises(UnfitForPackage, match=r"data\.warc\.gz: size or digests"):
        export(true, warc=MemoryBody(evidence(capture(html=b"<p>other")).warc))


def test_an_attested_subject_must_be_handed_in(true):
    with pytest.raises(UnfitForPackage, match=r"screenshot\.png: attested but not handed in"):
        export(evidence(rendered(("screenshot.png", "image/png", GIF))))


def test_timestamps_of_the_quoted_checkpoint_are_those_that_the_attestation_names(true):
    alpha, gamma = Token(About.FRESHNESS, "alpha"), Token(About.FRESHNESS, "gamma")
    without = {token: data for token, data in true.tokens.items() if token != alpha}
    with pytest.raises(UnfitForPackage, match=r"freshness\.alpha\.tsr: attested but not handed in"):
        export(true, tokens=without)
    with pytest.raises(UnfitForPackage, match=r"freshness\.gamma\.tsr: not attested"):
        export(true, tokens={**true.tokens, gamma: true.tokens[alpha]})
    with pytest.raises(UnfitForPackage, match=r"freshness\.alpha\.tsr: not the attested bytes"):
        export(true, tokens={**true.tokens, alpha: true.tokens[alpha] + b"\0"})


@pytest.mark.parametrize("name", ["checkpoint.alpha.tsr", "attestation.x.tsr", "freshness.tsa-1.tsr"])
def test_a_subject_cannot_take_a_name_that_a_timestamp_could_have(true, name):
    with pytest.raises(UnfitForPackage, match="a file of the package has this name"):
        export(evidence(rendered((name, "text/plain", GIF))), subjects={name: MemoryBody(GIF)})


@pytest.mark.parametrize("name", ["checkpoint", "verify.txt", "sha256sums", "attestation.pem"])
def test_a_subject_cannot_take_the_name_of_a_file_of_the_package(true, name):
    with pytest.raises(UnfitForPackage, match="a file of the package has this name"):
        export(evidence(rendered((name, "text/plain", GIF))), subjects={name: MemoryBody(GIF)})


@pytest.mark.parametrize("media_type", ["image/png; a=$(reboot)", "image", "image/png\n    rm -r ."])
def test_a_media_type_cannot_bring_commands_into_the_instructions(true, verify, media_type):
    made = with_subject(evidence(rendered()), "page.bin", GIF, media_type)
    with pytest.raises(UnfitForPackage, match="media type"):
        export(made, subjects={"page.bin": MemoryBody(GIF)})
    files = {**true.files(), **made.signed_files(), ARCHIVE: made.warc, "provenance/page.bin": GIF}
    assert verify(zipped(files)).failed == ("E-PKG-02", "E-WARC-04")


def test_nothing_that_a_server_chose_is_in_the_instructions(true, verify):
    hostile = "http://site.example/$(touch${IFS}owned)"
    made = attested(true, predicate__target=hostile, predicate__title="`rm -r .`")
    text = made.forged_files()["provenance/VERIFY.txt"].decode("ascii")
    assert "owned" not in text
    assert "site.example" not in text
    assert "`" not in text
