"""The sections of a report about what was checked, what is not proven, and who had the capture in hand."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sijill.provenance.attest.timestamps import format_timestamp
from sijill.provenance.report.dependencies import NOT_PROVEN as _NOT_PROVEN_OF_OTHERS
from sijill.provenance.report.input import ChainEvent, ReportInput, Verification
from sijill.provenance.report.markup import code, facts, items, number, paragraph, plain, section, small, table, text
from sijill.provenance.verify.codes import SENTENCES, Code
from sijill.provenance.verify.render import statement
from sijill.provenance.verify.report import Check, Status

_LISTED: Final = (
    Code.PKG_01,
    Code.PKG_02,
    Code.PKG_03,
    Code.ATT_01,
    Code.ATT_02,
    Code.ATT_03,
    Code.ATT_04,
    Code.ATT_05,
    Code.ATT_06,
    Code.SUB_01,
    Code.SUB_02,
    Code.SUB_03,
    Code.SUB_04,
    Code.WARC_01,
    Code.WARC_02,
    Code.WARC_03,
    Code.WARC_04,
    Code.WARC_05,
    Code.LOG_01,
    Code.LOG_02,
    Code.LOG_03,
    Code.LOG_04,
    Code.LOG_05,
    Code.LOG_06,
    Code.WIT_01,
    Code.TSA_01,
    Code.TSA_02,
    Code.TIM_01,
)
"""The checks that the report in a package lists. Never the enumeration itself: a code that is added later must not
change the bytes of packages that are out in the world."""

_MARKS: Final = {Status.PASSED: "passed", Status.FAILED: "FAILED", Status.NOT_CHECKED: "not checked"}

_DESCRIPTION: Final = (
    "This page was made from the signed files of the evidence package in which it lies. It is not signed, and nothing "
    "on it was checked. Whoever forges a package can forge this page; a verifier makes it again and compares. Verify "
    "the package with keys that you have from elsewhere."
)
_NOT_PROVEN: Final = (
    (
        "What the server sent. The collector signed that it received these bytes; a TLS connection leaves no proof of "
        "its contents for third parties. The server's address and certificate are recorded, so that others can compare."
    ),
    "That others were shown the same page. Servers answer by place, time, language and browser.",
    "Who wrote the text, who controlled the site, and whether what the page says is true.",
    (
        "The collector's times. They are read from the collector's own clock; only T0 and T1 come from others, and "
        "only as far as those others are believed. Without T1, the holder of the keys could have made all of this "
        "later."
    ),
    (
        "Who the collector is. The name stands for whoever holds the signing key; that the key belongs to the one "
        "named is known from wherever the key was published."
    ),
    (
        "That nobody else held the signing key. From the moment a key is stolen, what it signs proves nothing; what "
        "was timestamped before stays good."
    ),
    (
        "That the log is shown to all alike, unless witnesses cosigned the checkpoint: without them a log can be made "
        "for one reader."
    ),
    "That nothing else was captured. A capture that was never entered in the log leaves no trace in it.",
)
_NO_SCREENSHOT: Final = (
    "How the page looked. It was fetched, not rendered; scripts were not run, and what only they would load is missing."
)
_SCREENSHOT: Final = (
    "How the page looked to others. The screenshot shows how the collector's browser rendered what was received; "
    "that it rendered it so is the collector's word, and pages can tell such a browser from a person's."
)


def notice(evidence: ReportInput) -> str:
    """What stands at the top of the report in a package."""
    command = f"sijill-verify {evidence.statement.predicate.capture_id}.wacz --trust trust.json"
    instructions = code("VERIFY.txt")
    return (
        '<div class="box">\n'
        f"{paragraph('<strong>A description, not a verification</strong>')}{paragraph(plain(_DESCRIPTION))}"
        f"{paragraph(f'To verify: {code(command)}, or by stock tools as {instructions} says.')}</div>\n"
    )


def verdict(verification: Verification) -> str:
    """The verdict, and what follows from it."""
    report = verification.report
    words, kind = ("VERIFIED", "good") if report.holds else ("NOT VERIFIED", "bad")
    sentences = "".join(paragraph(text(sentence)) for sentence in statement(report))
    return f'<div class="box {kind}">\n{paragraph(f"<strong>{words}</strong>")}{sentences}</div>\n'


def listed_checks(evidence: ReportInput) -> str:
    """The checks that a verifier makes, for the report in a package."""
    left_out = () if evidence.statement.predicate.dependencies else (Code.WARC_05,)
    rows = ((code(one), plain(SENTENCES[one].holds)) for one in _LISTED if one not in left_out)
    return section(
        "checks",
        "What a verifier checks",
        paragraph(
            "This page is a description made from signed files; it is not a verification itself, and none of this was "
            "checked on it. A verifier finds of each of these whether it is so:"
        ),
        table(("Code", "Check"), rows, kind="checks"),
    )


def made_checks(verification: Verification) -> str:
    """Every check that was made, with its outcome and what was found, and in whom it trusts."""
    report, package = verification.report, verification.package
    return section(
        "checks",
        "What was checked",
        paragraph(
            "This verification was made by the archive that made this report, with the trust root that the archive "
            "publishes. Do not take its word: verify the package yourself, with keys that you have from elsewhere."
        ),
        facts(
            (
                ("Verified at", f"{code(format_timestamp(verification.at))}, by the clock of the machine that did it"),
                ("Verified with", text(verification.software)),
                ("Package, SHA-256", code(package.sha256.hex)),
                ("Package, BLAKE3", code(package.blake3.hex)),
                ("Package, bytes", number(package.size)),
            )
        ),
        table(("Code", "Check", "Outcome"), (_check(check) for check in report.checks), kind="checks"),
        "<h3>Trust root</h3>\n",
        facts(_trusted(verification)),
    )


def limits(evidence: ReportInput) -> str:
    """What none of this proves."""
    shown = evidence.statement.predicate.browser is not None
    others = (_NOT_PROVEN_OF_OTHERS,) if evidence.statement.predicate.dependencies else ()
    return section(
        "limits",
        "What is not proven",
        items(plain(limit) for limit in (*_NOT_PROVEN, *others, _SCREENSHOT if shown else _NO_SCREENSHOT)),
    )


def custody(events: Sequence[ChainEvent]) -> str:
    """The chain of custody, in order of time."""
    rows = (
        (
            "unknown" if event.at is None else code(format_timestamp(event.at)),
            text(event.what),
            text(event.detail),
            text(event.who),
        )
        for event in events
    )
    return section(
        "custody",
        "Chain of custody",
        paragraph("As the archive has it on record. Each time is by the clock of whoever vouches for the event."),
        table(("When", "What", "Detail", "On the word of"), rows, kind="custody"),
    )


def _check(check: Check) -> tuple[str, str, str]:
    findings = "".join(
        small(f"{text(finding.about)}: {text(finding.found)}")
        for finding in (() if check.status is Status.PASSED else check.findings)
    )
    remark = "" if check.required else small("not required")
    outcome = f'<span class="{check.status}">{_MARKS[check.status]}</span>{remark}'
    return code(check.code), f"{plain(check.sentence)}{findings}", outcome


def _trusted(verification: Verification) -> Iterator[tuple[str, str]]:
    trust = verification.report.trust
    yield "Attestation keys", _lines(key.keyid for key in trust.attestation_keys)
    yield "Log keys", _lines(key.vkey for key in trust.log_keys)
    yield "Timestamping roots", _lines(_fingerprint(root) for root in trust.tsa_roots)
    yield "Witnesses", _lines(key.vkey for key in trust.witnesses)


def _lines(values: Iterable[str]) -> str:
    return "<br>".join(code(value) for value in values) or "none"


def _fingerprint(certificate: str) -> str:
    """SHA-256 of the DER of a certificate in PEM."""
    lines = certificate.strip().splitlines()[1:-1]
    return hashlib.sha256(base64.b64decode("".join(lines))).hexdigest()
