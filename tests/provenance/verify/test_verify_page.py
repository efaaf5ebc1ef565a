"""The page that verifies, as a file of packages: only the one that comes with the verifier is let in."""

import dataclasses
import hashlib
import json

import pytest
from captures import GIF, rendered
from evidence import evidence, signed, zipped

from sijill.archive.capture.spool import MemoryBody
from sijill.provenance import verify_page
from sijill.provenance.package import evidence_package
from sijill.provenance.package_layout import VERIFY_PAGE
from sijill.provenance.verify.codes import Code

PAGE = b"<!DOCTYPE html>\n<title>the page</title>\n"


@pytest.fixture
def shipped(monkeypatch):
    """As if `PAGE` were the page that came with the software."""
    monkeypatch.setattr(verify_page, "shipped_page", lambda: PAGE)


def packed(made, page):
    members = evidence_package(
        envelope=made.envelope,
        warc=MemoryBody(made.warc),
        proof=made.proof,
        key=made.key,
        log=made.log,
        tokens=made.tokens,
        verify_page=page,
    )
    return {name: body.content for name, body in members}


def findings(report, code="E-PKG-03"):
    return [(one.about, one.found) for one in report.check(Code(code)).findings]


@pytest.mark.usefixtures("shipped")
def test_a_package_with_the_page_is_verified_and_lists_it(true, verify):
    files = packed(true, PAGE)
    assert verify(zipped(files)).holds
    digest = hashlib.sha256(PAGE).hexdigest()
    assert f"{digest}  {VERIFY_PAGE}\n" in files["provenance/SHA256SUMS"].decode()
    assert VERIFY_PAGE in files["provenance/B3SUMS"].decode()
    resources = json.loads(files["datapackage.json"])["resources"]
    assert {"bytes": len(PAGE), "hash": f"sha256:{digest}", "name": VERIFY_PAGE, "path": VERIFY_PAGE} in resources
    assert "sha256sum provenance/verify.html" in files["provenance/VERIFY.txt"].decode()
    without = packed(true, None)
    assert VERIFY_PAGE not in without
    assert "verify.html" not in without["provenance/VERIFY.txt"].decode()


@pytest.mark.usefixtures("shipped")
def test_another_page_is_refused_even_where_all_agrees_with_it(true, verify):
    report = verify(zipped(packed(true, PAGE + b"<script>alert('VERIFIED')</script>")))
    assert report.failed == ("E-PKG-03",)
    assert findings(report) == [(VERIFY_PAGE, "not a page that this verifier knows")]


@pytest.mark.usefixtures("shipped")
def test_a_page_put_into_a_package_that_does_not_list_it_is_refused(true, verify):
    report = verify(zipped({**packed(true, None), VERIFY_PAGE: PAGE}))
    assert report.failed == ("E-PKG-03",)
    assert ("provenance/SHA256SUMS", "differs") in findings(report)
    assert ("provenance/VERIFY.txt", "differs") in findings(report)


@pytest.mark.usefixtures("shipped")
def test_a_page_that_is_too_large_is_not_read(true, verify, monkeypatch):
    monkeypatch.setattr("sijill.provenance.verify.verify.MAX_PAGE", len(PAGE) - 1)
    report = verify(zipped(packed(true, PAGE)))
    assert report.failed == ("E-PKG-03",)
    assert (VERIFY_PAGE, f"more than {len(PAGE) - 1} bytes") in findings(report)


def test_a_page_of_an_earlier_release_is_let_in(true, verify, monkeypatch):
    monkeypatch.setattr(verify_page, "_EARLIER", frozenset({hashlib.sha256(PAGE).hexdigest()}))
    assert verify(zipped(packed(true, PAGE))).holds


def test_without_a_page_of_its_own_a_verifier_knows_none(true, verify, monkeypatch):
    monkeypatch.setattr(verify_page, "NAME", "absent.html")
    assert verify_page.shipped_page() is None
    assert verify(zipped(packed(true, None))).holds
    assert verify(zipped(packed(true, PAGE))).failed == ("E-PKG-03",)


def test_no_subject_can_have_the_page_s_name(verify):
    made = evidence(rendered(("screenshot.png", "image/png", GIF)))
    text = json.dumps(made.statement).replace("screenshot.png", "verify.html").replace("image/png", "text/html")
    statement = json.loads(text)
    statement["predicate"]["browser"]["screenshots"] = []
    statement["predicate"]["transformations"] = []
    forged = dataclasses.replace(made, statement=statement, others={"verify.html": GIF})
    report = verify(zipped(forged.sealed(envelope=signed(statement)).forged_files()))
    assert "E-PKG-02" in report.failed
    assert ("verify.html", "a file of the package has this name") in findings(report, "E-PKG-02")
