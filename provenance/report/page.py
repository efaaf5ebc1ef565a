"""The report on one capture, as a page that a person can read, print and file: `report.html`.

The version without a verification lies in each package and is derived: verifiers make it again from the signed files
and compare bytes. It is therefore a pure function of `ReportInput`, and its bytes are part of the evidence format: a
change to any sentence or style in this folder is a change of format.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from sijill.provenance.attest.berkeley import SCREENSHOT_NAME
from sijill.provenance.attest.members import Subject
from sijill.provenance.report.capture import berkeley, course, digests, exchanges, files, overview, software
from sijill.provenance.report.certification import certification
from sijill.provenance.report.checks import custody as custody_chain
from sijill.provenance.report.checks import limits, listed_checks, made_checks, notice, verdict
from sijill.provenance.report.dependencies import taken
from sijill.provenance.report.input import ChainEvent, ReportInput, TokenFacts, Verification
from sijill.provenance.report.markup import code, facts, paragraph, plain, section, text
from sijill.provenance.report.style import STYLE
from sijill.provenance.report.time import bracket, log_place

__all__ = ["ChainEvent", "Paper", "ReportInput", "TokenFacts", "Verification", "report_html"]

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_PNG: Final = "image/png"


class Paper(StrEnum):
    """A size of paper."""

    A4 = "A4"
    LETTER = "letter"


def report_html(
    evidence: ReportInput,
    verification: Verification | None = None,
    custody: Sequence[ChainEvent] = (),
    *,
    screenshot: bytes | None = None,
    paper: Paper | None = None,
) -> bytes:
    """The report as one HTML file that needs no other, without scripts and without links.

    Text from outside is escaped and cannot act. The size is bounded: of long lists the first rows are shown.

    Args:
        evidence: the signed parts of the capture.
        verification: None for the report that lies in a package; it then says that it verifies nothing.
        custody: the chain of custody, if it is known.
        screenshot: the PNG that is a subject of the attestation, to be shown; None to name its file only.
        paper: the size to print on; None leaves it to whoever prints.
    """
    predicate = evidence.statement.predicate
    title = f"Evidence report {predicate.capture_id}"
    parts = (
        f"<h1>Evidence report</h1>\n{paragraph(f'Capture {code(predicate.capture_id)}', kind='lead')}",
        notice(evidence) if verification is None else verdict(verification),
        overview(evidence),
        bracket(evidence, verification),
        files(evidence),
        _screenshot(evidence, screenshot),
        course(evidence.statement),
        exchanges(evidence.statement),
        taken(evidence.statement),
        log_place(evidence),
        software(evidence.statement),
        berkeley(evidence.statement),
        listed_checks(evidence) if verification is None else made_checks(verification),
        limits(evidence),
        custody_chain(custody) if custody else "",
        certification(identified=_identified(evidence)),
    )
    # The id has only letters, digits and a hyphen, so it can stand in a style.
    margin = f'@page {{ @bottom-left {{ content: "{title}"; font: 8pt sans-serif; color: #5b6470; }} }}\n'
    size = "" if paper is None else f"@page {{ size: {paper}; }}\n"
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{plain(_POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{plain(title)}</title>\n<style>{STYLE}{margin}{size}</style>\n</head>\n<body>\n"
        f"{''.join(parts)}</body>\n</html>\n"
    )
    return page.encode("utf-8")


def _screenshot(evidence: ReportInput, image: bytes | None) -> str:
    subject = next((one for one in evidence.statement.subject if one.name == SCREENSHOT_NAME), None)
    if subject is None:
        return ""
    words = (
        f"How the collector's browser rendered the page. File {code(SCREENSHOT_NAME)}, SHA-256 "
        f"{code(subject.digest.sha256)}."
    )
    return section("screenshot", "Screenshot", paragraph(words), _image(subject, image))


def _image(subject: Subject, image: bytes | None) -> str:
    if image is None:
        return paragraph(f"It lies beside this page: {code(SCREENSHOT_NAME)}.")
    if subject.media_type != _PNG:
        return paragraph(f"It is not shown here: its type is {text(subject.media_type)}.")
    encoded = base64.b64encode(image).decode("ascii")
    return f'<img class="shot" alt="Screenshot of the page" src="data:{_PNG};base64,{encoded}">\n'


def _identified(evidence: ReportInput) -> str:
    """Part B of the form: ids and digests, no more."""
    proof = evidence.proof
    origin = proof.checkpoint.checkpoint.origin
    return digests(evidence) + facts(
        (
            ("Capture", code(evidence.statement.predicate.capture_id)),
            ("Attestation key", code(evidence.keyid)),
            ("Log and entry", f"{code(origin)}, index {proof.index}"),
        )
    )
