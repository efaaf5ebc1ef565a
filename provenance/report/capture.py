"""The sections of a report about the capture itself: what, where, when, by whom, with what, and what came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sijill.archive.capture.exchange import RevisitKind
from sijill.archive.digest import DigestSet, digest_bytes
from sijill.provenance.attest.members import CaptureStatement, Exchange, NamedCollector, Predicate, Tls
from sijill.provenance.attest.timestamps import format_timestamp
from sijill.provenance.package_layout import ATTESTATION, subject_path
from sijill.provenance.report.browser import changes
from sijill.provenance.report.dependencies import REVISITS
from sijill.provenance.report.input import ReportInput
from sijill.provenance.report.markup import (
    MAX_ROWS,
    code,
    count,
    facts,
    items,
    more,
    number,
    paragraph,
    plain,
    section,
    small,
    table,
    text,
    url,
)

_SHORT: Final = 300
"""Characters of a URL in a table."""
_FEW: Final = 100
"""Entries of lists that are rarely long."""
_TRIGGERS: Final = {
    "on-demand": "on demand",
    "schedule": "by schedule",
    "browser": "on demand, in a browser",
}
_ITEMS: Final = {
    "url": "Web address",
    "html-source": "HTML source code",
    "screenshot": "Full-page capture with date and time",
    "embedded-media": "Embedded media files",
    "metadata": "Embedded metadata",
    "context": "Contextual data",
    "collector": "Collection data",
    "hashes": "Hash values",
}


def overview(evidence: ReportInput) -> str:
    """What was captured, from where, when, by whom, and how it ended."""
    predicate = evidence.statement.predicate
    times = predicate.times
    rows = [
        ("Title of the page", "none stated" if predicate.title is None else text(predicate.title)),
        ("Address asked for", url(predicate.target)),
        ("Address it led to", "no page was reached" if predicate.final_url is None else url(predicate.final_url)),
        ("Outcome", _outcome(predicate)),
        ("Began", code(format_timestamp(times.started))),
        ("Ended", code(format_timestamp(times.ended))),
        ("Clock", _clock(times.clock.offset_microseconds)),
        ("Collected by", _collector(predicate)),
        ("Signed with key", code(evidence.keyid)),
        ("Requests came from", "not stated" if predicate.egress is None else code(predicate.egress)),
        ("Started", _TRIGGERS[predicate.trigger]),
        ("Capture", code(predicate.capture_id)),
    ]
    if predicate.supersedes is not None:
        rows.append(("Supersedes", code(predicate.supersedes)))
    return section(
        "overview",
        "What was captured, where, when, and by whom",
        paragraph("All of this is stated by the collector, in the signed attestation."),
        facts(rows),
    )


def digests(evidence: ReportInput) -> str:
    """Every file that the attestation binds, and the attestation."""
    rows = [
        (_file(subject_path(subject.name), text(subject.media_type), subject.digests), _pair(subject.digests))
        for subject in evidence.statement.subject
    ]
    envelope = digest_bytes(evidence.envelope)
    rows.append((_file(ATTESTATION, "the attestation", envelope), _pair(envelope)))
    return table(("File in the package", "Digests"), rows, kind="digests")


def _file(path: str, what: str, found: DigestSet) -> str:
    return f"{code(path)}{small(f'{what}, {number(found.size)} bytes')}"


def _pair(found: DigestSet) -> str:
    return small(f"SHA-256 {code(found.sha256.hex)}") + small(f"BLAKE3 {code(found.blake3.hex)}")


def files(evidence: ReportInput) -> str:
    """The section on files and digests."""
    return section(
        "files",
        "Files and their digests",
        paragraph(
            "The attestation names each file with its size and two digests; both must match. The log names the "
            "attestation by its SHA-256."
        ),
        digests(evidence),
    )


def course(statement: CaptureStatement) -> str:
    """Redirects, outcome with reasons, and robots.txt."""
    predicate = statement.predicate
    robots = predicate.robots
    consulted = "was read" if robots.consulted else "was not read"
    hops = [exchange for exchange in predicate.exchanges if exchange.purpose == "page"]
    rows = ((number(hop.number), url(hop.url, limit=_SHORT), _result(hop)) for hop in hops)
    reasons = predicate.reasons
    return section(
        "course",
        "From the address asked for to the page",
        table(("No.", "Address", "Answer"), rows, limit=_FEW) if hops else paragraph("Nothing was asked for."),
        f"<h3>Outcome: {plain(predicate.outcome)}</h3>\n",
        items(text(reason) for reason in reasons[:_FEW]) + more(len(reasons) - _FEW)
        if reasons
        else paragraph("The page and all that it asked for were received whole."),
        "<h3>robots.txt</h3>\n",
        paragraph(
            f"It {consulted}. {'' if robots.decision is None else f'Decision: {text(robots.decision)}. '}"
            f"Reason: {text(robots.reason)}"
        ),
    )


def exchanges(statement: CaptureStatement) -> str:
    """Every request with what came of it, and the certificates that were sent."""
    listed = statement.predicate.exchanges
    asked = [exchange for exchange in listed if not _reused(exchange)]
    chains = _chains(listed)
    rows = (_exchange(exchange, chains) for exchange in listed[:MAX_ROWS])
    answered = sum(exchange.status is not None for exchange in asked)
    return section(
        "exchanges",
        "Requests and responses",
        paragraph(
            f"{count(len(asked), 'request')}, {number(answered)} answered. Digests are those of the payload: the body "
            "as sent, without the framing of chunks. The bytes are in the WARC record named."
        ),
        table(("No.", "Address and facts", "Status", "Type", "Bytes"), rows, kind="exchanges")
        + more(len(listed) - MAX_ROWS)
        if listed
        else paragraph("No request was sent."),
    ) + section("certificates", "TLS certificates that servers sent", _certificates(chains))


def software(statement: CaptureStatement) -> str:
    """With what software and settings."""
    predicate = statement.predicate
    settings = predicate.settings
    limits = settings.limits
    orchestrator = predicate.orchestrator
    rows = [
        ("Software", "<br>".join(f"{text(item.name)} {text(item.version)}" for item in predicate.software)),
        ("Run by", "no workflow server")
        if orchestrator is None
        else (
            "Run by",
            f"{plain(orchestrator.name)} {text(orchestrator.version)}, run {text(orchestrator.flow_run_id)}",
        ),
        ("User-Agent sent", text(settings.user_agent)),
        (
            "Limits",
            (
                f"{number(limits.exchange_bytes)} bytes and {number(limits.exchange_milliseconds)} ms an exchange; "
                f"{number(limits.capture_bytes)} bytes and {number(limits.capture_milliseconds)} ms in all; "
                f"{number(limits.redirects)} redirects; {number(limits.requisites)} parts of a page; "
                f"{number(limits.header_bytes)} bytes of headers; {number(limits.parallel)} at once"
            ),
        ),
        (
            "Invalid certificates",
            "were refused" if settings.reject_invalid_certificates else "were recorded, and the response kept",
        ),
        ("Allowed private networks", _few(text(network) for network in settings.allowed_networks)),
        (
            "Addresses set by hand",
            _few(f"{text(name)} is {code(settings.pins[name])}" for name in sorted(settings.pins)),
        ),
        ("Changes to the bytes received", changes(statement)),
    ]
    return section("software", "Software and settings", facts(rows))


def berkeley(statement: CaptureStatement) -> str:
    """The checklist of the Berkeley Protocol."""
    rows = (
        (
            plain(_ITEMS[entry.item]),
            '<span class="met">met</span>' if entry.met else '<span class="unmet">not met</span>',
            text(entry.reason),
        )
        for entry in statement.predicate.berkeley
    )
    return section(
        "berkeley",
        "Checklist of the Berkeley Protocol",
        paragraph(
            "What the Berkeley Protocol on Digital Open Source Investigations (2022), paragraph 155, asks to collect. "
            "The collector's software worked it out from what was captured; where the Protocol leaves room, an item "
            "counts as not met."
        ),
        table(("Item", "", "Why"), rows, kind="berkeley"),
    )


def _outcome(predicate: Predicate) -> str:
    asked = sum(not _reused(exchange) for exchange in predicate.exchanges)
    return f"<b>{plain(predicate.outcome)}</b>, {count(asked, 'request')}"


def _clock(offset: int | None) -> str:
    claim = "the collector's own; its times are a claim"
    if offset is None:
        return f"{claim}, and it was compared with no other clock"
    side = "ahead of" if offset >= 0 else "behind"
    return f"{claim}; it was {number(abs(offset))} microseconds {side} the reference that it was compared with"


def _collector(predicate: Predicate) -> str:
    collector = predicate.collector
    if isinstance(collector, NamedCollector):
        contact = "" if collector.contact is None else small(text(collector.contact))
        return f"<b>{text(collector.name)}</b>{contact}"
    return f"someone who is bound by the commitment {code(collector.commitment)} and can open it"


def _result(exchange: Exchange) -> str:
    if exchange.failure is not None:
        return f"{plain(exchange.failure.kind)}: {text(exchange.failure.detail)}"
    onwards = "" if exchange.redirect_to is None else f", leads to {url(exchange.redirect_to, limit=_SHORT)}"
    return f"status {exchange.status}{onwards}"


def _exchange(exchange: Exchange, chains: dict[tuple[str, ...], int]) -> Sequence[str]:
    return (
        number(exchange.number),
        f"{url(exchange.url, limit=_SHORT)}{''.join(_facts(exchange, chains))}",
        "none" if exchange.status is None else f"{exchange.status}",
        "" if exchange.media_type is None else text(exchange.media_type, limit=80),
        "" if exchange.payload is None else number(exchange.payload.size),
    )


def _facts(exchange: Exchange, chains: dict[tuple[str, ...], int]) -> Iterator[str]:
    via = "" if exchange.via is None else f", asked for by {url(exchange.via, limit=_SHORT)}"
    yield small(f"{plain(exchange.method)}, {plain(exchange.purpose)}{via}")
    yield small(f"{format_timestamp(exchange.started)} to {format_timestamp(exchange.ended)}")
    if exchange.revisit is not None:
        yield small(
            f"{plain(REVISITS[exchange.revisit.kind])}; the payload is that of capture "
            f"{code(exchange.revisit.capture_id)}, record {code(exchange.revisit.record)}"
        )
    if not _reused(exchange):
        yield small(f"{_server(exchange)}; {_tls(exchange, chains)}")
    if exchange.failure is not None:
        failure = f"{plain(exchange.failure.kind)}: {text(exchange.failure.detail)}"
        yield small(failure, kind="failed")
    if exchange.truncated is not None:
        yield small(f"cut short: {plain(exchange.truncated)}", kind="failed")
    if exchange.surplus:
        yield small(f"{number(exchange.surplus)} bytes after the end of the body")
    if exchange.payload is not None:
        yield _pair(exchange.payload.digests)
    if exchange.record is not None:
        yield small(f"record {code(exchange.record)}")


def _reused(exchange: Exchange) -> bool:
    """Whether no request was made, because another capture had received it."""
    return exchange.revisit is not None and exchange.revisit.kind is RevisitKind.REUSED


def _server(exchange: Exchange) -> str:
    server = exchange.server
    if server is None:
        return "no connection"
    pinned = ", an address set by hand" if server.pinned else ""
    return f"from {code(server.ip)} port {server.port}{pinned}"


def _tls(exchange: Exchange, chains: dict[tuple[str, ...], int]) -> str:
    tls = exchange.tls
    if tls is None:
        return "TLS not established" if exchange.url.startswith("https:") else "plain HTTP, no TLS"
    return f"{text(tls.version)}, {text(tls.cipher)}, {_verified(tls)}{_chain(tls, chains)}"


def _verified(tls: Tls) -> str:
    if tls.verified:
        return "certificate verified by the collector"
    return f"certificate <b>not verified</b>: {text(tls.verify_error or '')}"


def _chain(tls: Tls, chains: dict[tuple[str, ...], int]) -> str:
    return f", chain {chains[tls.chain]}" if tls.chain else ""


def _chains(listed: Iterable[Exchange]) -> dict[tuple[str, ...], int]:
    """The certificate chains that were met, numbered from 1 in their order."""
    chains: dict[tuple[str, ...], int] = {}
    for exchange in listed:
        if exchange.tls is not None and exchange.tls.chain:
            chains.setdefault(exchange.tls.chain, len(chains) + 1)
    return chains


def _certificates(chains: dict[tuple[str, ...], int]) -> str:
    if not chains:
        return paragraph("None: nothing was received over TLS.")
    rows = (
        (f"{order}", plain("of the server" if place == 0 else f"{place} above it"), code(fingerprint))
        for chain, order in chains.items()
        for place, fingerprint in enumerate(chain)
    )
    return table(("Chain", "Certificate", "SHA-256 of its DER"), rows) + paragraph(
        "The certificates themselves are in the WARC.", kind="note"
    )


def _few(markup: Iterable[str]) -> str:
    listed = list(markup)
    left = len(listed) - _FEW
    return ("<br>".join(listed[:_FEW]) or "none") + (f"<br>{number(left)} more" if left > 0 else "")
