"""The report on one capture, as a page that a person can read, print and file: `report.html`.

The version without a verification lies in each package and is derived: verifiers make it again from the signed files
and compare bytes. It is therefore a pure function of `ReportInput`, and its bytes are part of the evidence format: a
change to any sentence or style in this folder is a change of format.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from sijill.provenance.report.browser import screenshot, showing
from sijill.provenance.report.capture import berkeley, course, digests, exchanges, files, overview, software
from sijill.provenance.report.certification import certification
from sijill.provenance.report.checks import custody as custody_chain
from sijill.provenance.report.checks import limits, listed_checks, made_checks, notice, verdict
from sijill.provenance.report.dependencies import taken
from sijill.provenance.report.input import ChainEvent, ReportInput, TokenFacts, Verification
from sijill.provenance.report.markup import code, facts, paragraph, plain
from sijill.provenance.report.style import STYLE
from sijill.provenance.report.time import bracket, log_place

__all__ = ["ChainEvent", "Paper", "ReportInput", "TokenFacts", "Verification", "report_html"]

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


class Paper(StrEnum):
    """A size of paper."""

    A4 = "A4"
    LETTER = "letter"


def report_html(
    evidence: ReportInput,
    verification: Verification | None = None,
    custody: Sequence[ChainEvent] = (),
    *,
    paper: Paper | None = None,
) -> bytes:
    """The report as one HTML file that needs no other, without scripts and without links.

    Text from outside is escaped and cannot act. The size is bounded: of long lists the first rows are shown.

    Args:
        evidence: the signed parts of the capture.
        verification: None for the report that lies in a package; it then says that it verifies nothing.
        custody: the chain of custody, if it is known.
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
        screenshot(evidence.statement, evidence.pictures),
        course(evidence.statement),
        exchanges(evidence.statement),
        taken(evidence.statement),
        showing(evidence.statement),
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
