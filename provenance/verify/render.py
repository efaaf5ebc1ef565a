"""A report as JSON for programs and as text for people. Text from the evidence is shown so that it can do no harm."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from typing import Any, Final

from sijill.provenance.attest.timestamps import format_timestamp
from sijill.provenance.printable import printable
from sijill.provenance.verify.report import Attested, Bound, Check, LogHead, Report, Status

FORMAT: Final = "https://sijill.org/verification-report/v1"
_MARKS: Final = {Status.PASSED: "passed     ", Status.FAILED: "FAILED     ", Status.NOT_CHECKED: "not checked"}

Style = Callable[[str, Status], str]
"""Given a text and the status it speaks of, the text as the terminal should get it."""


def report_json(report: Report) -> dict[str, Any]:
    """The report as FORMAT.md lays it down: JSON values only, no floats."""
    head = report.quoted
    place = report.place
    return {
        "format": FORMAT,
        "verified": report.holds,
        "statement": list(statement(report)),
        "checks": [_check_json(check) for check in report.checks],
        "attested": _attested_json(report.attested) if report.attested else None,
        "log": {"origin": place.origin, "index": place.index, "size": place.size} if place else None,
        "quoted": {"origin": head.origin, "size": head.size} if head else None,
        "notBefore": _bound_json(report.bracket.not_before),
        "notAfter": _bound_json(report.bracket.not_after),
        "trustRoot": {
            "attestationKeys": [key.keyid for key in report.trust.attestation_keys],
            "logKeys": [key.vkey for key in report.trust.log_keys],
            "tsaRoots": [_fingerprint(root) for root in report.trust.tsa_roots],
            "witnesses": [key.vkey for key in report.trust.witnesses],
        },
    }


def report_text(report: Report, *, name: str, style: Style) -> Iterator[str]:
    """The report as lines for people.

    Args:
        report: what to show.
        name: what was verified.
        style: colours a text, or gives it back as it is.
    """
    if report.attested:
        yield from _attested_lines(report.attested)
        yield ""
    for check in report.checks:
        yield style(f"{_MARKS[check.status]}  {check.code:9}  {check.sentence}{_remark(check)}", check.status)
        if check.status is not Status.PASSED:
            yield from (f"{'':24}{printable(f.about)}: {printable(f.found)}" for f in check.findings)
    yield ""
    yield f"trust root: attestation {_count(len(report.trust.attestation_keys), 'key')}"
    yield from (f"            {key.keyid}" for key in report.trust.attestation_keys)
    yield f"            log {_count(len(report.trust.log_keys), 'key')}"
    yield from (f"            {printable(key.vkey)}" for key in report.trust.log_keys)
    for number, root in enumerate(report.trust.tsa_roots, start=1):
        yield f"            timestamping authority {number}: certificate {_fingerprint(root)}"
    yield from (f"            witness {printable(key.vkey)}" for key in report.trust.witnesses)
    yield ""
    verdict = Status.PASSED if report.holds else Status.FAILED
    yield style(f"{printable(name)}: {'VERIFIED' if report.holds else 'NOT VERIFIED'}", verdict)
    yield from (printable(sentence) for sentence in statement(report))


def statement(report: Report) -> tuple[str, ...]:
    """What the evidence shows and what it does not, sentence by sentence."""
    attested = report.attested
    if not report.holds or attested is None or report.place is None:
        return ("Not every required check passed, so nothing follows from this evidence.",)
    collector = attested.collector or f"A collector known here only by the commitment {attested.commitment}"
    started, ended = format_timestamp(attested.started), format_timestamp(attested.ended)
    place = report.place
    claim = (
        f"{collector} signed a statement that it received these bytes; the statement existed no later than T1 and was "
        "made no earlier than T0; neither has changed since. It does not prove what the server sent."
    )
    latest = (
        f"T1: {_not_after(report.bracket.not_after)} It is in the log {place.origin}, at index {place.index}, under a "
        f"checkpoint of {_entries(place.size)}."
    )
    earliest = f"T0: {_not_before(report.bracket.not_before, report.quoted)}"
    clock = f"By the collector's own clock it received them from {started} to {ended}; nobody else vouches for that."
    return (claim, latest, earliest, clock)


def _not_after(bound: Bound | None) -> str:
    if bound is None:
        return "no trusted time, because no outside party of the trust root put a time on it."
    return f"{format_timestamp(bound.time)}, as {' and '.join(bound.vouchers)} vouch for."


def _not_before(bound: Bound | None, head: LogHead | None) -> str:
    order = "" if head is None else f" It quotes the checkpoint of the log {head.origin} with {_entries(head.size)}."
    if bound is None:
        return f"no trusted time, because it quotes nothing that an outside party of the trust root dated.{order}"
    return f"{format_timestamp(bound.time)}, because it quotes what {' and '.join(bound.vouchers)} made then.{order}"


def _attested_lines(attested: Attested) -> Iterator[str]:
    yield f"capture    {attested.capture_id}"
    yield f"target     {printable(attested.target)}"
    if attested.final_url is not None and attested.final_url != attested.target:
        yield f"led to     {printable(attested.final_url)}"
    if attested.title is not None:
        yield f"title      {printable(attested.title)}"
    yield f"outcome    {attested.outcome}, {_count(attested.exchanges, 'exchange')}"
    yield from (f"           {printable(reason)}" for reason in attested.reasons)
    yield f"collector  {printable(attested.collector or f'commitment {attested.commitment}')}"
    yield from (f"key        {keyid}" for keyid in attested.keyids)


def _remark(check: Check) -> str:
    return "" if check.required else " (not required)"


def _entries(number: int) -> str:
    return f"{number} {'entry' if number == 1 else 'entries'}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _fingerprint(certificate: str) -> str:
    """SHA-256 of the DER of a certificate in PEM, lowercase hexadecimal."""
    lines = certificate.strip().splitlines()[1:-1]
    return hashlib.sha256(base64.b64decode("".join(lines))).hexdigest()


def _bound_json(bound: Bound | None) -> dict[str, Any] | None:
    return None if bound is None else {"time": format_timestamp(bound.time), "vouchers": list(bound.vouchers)}


def _check_json(check: Check) -> dict[str, Any]:
    return {
        "code": str(check.code),
        "sentence": check.sentence,
        "status": str(check.status),
        "required": check.required,
        "findings": [{"about": finding.about, "found": finding.found} for finding in check.findings],
    }


def _attested_json(attested: Attested) -> dict[str, Any]:
    return {
        "captureId": attested.capture_id,
        "target": attested.target,
        "finalUrl": attested.final_url,
        "title": attested.title,
        "outcome": attested.outcome,
        "reasons": list(attested.reasons),
        "exchanges": attested.exchanges,
        "started": format_timestamp(attested.started),
        "ended": format_timestamp(attested.ended),
        "collector": {"name": attested.collector} if attested.collector else {"commitment": attested.commitment},
        "keyids": list(attested.keyids),
    }
