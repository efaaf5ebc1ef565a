"""What the collector states about a capture, as the JSON of an in-toto Statement v1."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sijill.archive.capture.browser.rendering import RenderingFile
from sijill.archive.capture.exchange import Capture, Exchange, Limits, Original
from sijill.archive.digest import DigestSet
from sijill.provenance.attest.berkeley import checklist
from sijill.provenance.attest.browser import browser_json, plain_type, transformations_json
from sijill.provenance.attest.members import PREDICATE_TYPE, STATEMENT_TYPE, WARC_NAME, WARC_TYPE
from sijill.provenance.attest.parts import bounded
from sijill.provenance.attest.timestamps import format_timestamp
from sijill.provenance.errors import MalformedStatement

SALT_SIZE = 32
"""Bytes of salt that `CollectorCommitment.to` asks for."""


class Trigger(StrEnum):
    """What made the capture happen."""

    ON_DEMAND = "on-demand"
    SCHEDULE = "schedule"
    BROWSER = "browser"


@dataclass(frozen=True, slots=True)
class Subject:
    """A stored object that the attestation is about."""

    name: str
    media_type: str
    digests: DigestSet

    @classmethod
    def warc(cls, digests: DigestSet) -> Subject:
        """The capture's WARC file, which must be the first subject."""
        return cls(WARC_NAME, WARC_TYPE, digests)

    @classmethod
    def file(cls, file: RenderingFile, digests: DigestSet) -> Subject:
        """A file that was made of the page as shown; these follow the WARC in the order of the rendering."""
        return cls(file.name, plain_type(file.media_type), digests)


@dataclass(frozen=True, slots=True)
class CollectorName:
    """The collector in the open."""

    name: str
    contact: str | None = None


@dataclass(frozen=True, slots=True)
class CollectorCommitment:
    """SHA-256 of salt and name: whoever has both can show later who collected; nobody can guess it before."""

    commitment: str

    @classmethod
    def to(cls, name: str, salt: bytes) -> CollectorCommitment:
        """Commit to `name` with a random, secret salt of `SALT_SIZE` bytes, which the caller must keep.

        Raises:
            ValueError: the salt has another length, or the name is empty.
        """
        if len(salt) != SALT_SIZE or not name:
            raise ValueError(f"a commitment takes a name and {SALT_SIZE} bytes of salt")
        return cls(hashlib.sha256(salt + name.encode("utf-8")).hexdigest())

    def opens_to(self, name: str, salt: bytes) -> bool:
        """Whether this is the commitment to `name` with `salt`."""
        return len(salt) == SALT_SIZE and bool(name) and CollectorCommitment.to(name, salt) == self


@dataclass(frozen=True, slots=True)
class Software:
    """A program or library that took part."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Robots:
    """Whether robots.txt was read, what it said, and why."""

    consulted: bool
    decision: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Orchestrator:
    """The Prefect flow run that made the capture."""

    version: str
    flow_run_id: str
    name: str = "prefect"


@dataclass(frozen=True, slots=True)
class Context:
    """What is stated beside the capture itself."""

    trigger: Trigger
    collector: CollectorName | CollectorCommitment
    software: tuple[Software, ...]
    robots: Robots
    egress: str | None = None
    """The IP address the requests came from, if known."""
    allowed_networks: tuple[str, ...] = ()
    pins: Mapping[str, str] = field(default_factory=dict)
    """`host:port` to IP address."""
    reject_invalid_certificates: bool = False
    orchestrator: Orchestrator | None = None
    """None if no server orchestrated the capture."""
    freshness: str | None = None
    """The latest checkpoint known when the capture began, the whole note verbatim."""
    freshness_timestamps: Mapping[str, str] = field(default_factory=dict)
    """By name, the SHA-256 of each timestamp over that checkpoint that was known then, lowercase hexadecimal."""
    clock_offset_microseconds: int | None = None
    """How far the system clock was ahead of a reference, if it was compared with one."""
    supersedes: str | None = None
    """The id of the capture that this one takes the place of."""


def capture_statement(
    capture: Capture, *, subjects: Sequence[Subject], records: Mapping[int, str], context: Context
) -> dict[str, Any]:
    """The statement about `capture`, ready for `canonical`; it holds no float.

    Title, reasons and details are cut to 1,000 characters; whatever of them is not Unicode text becomes `?`.

    Args:
        capture: what was captured.
        subjects: the stored objects: the WARC file, then the files of the capture's rendering in their order.
        records: for the number of each exchange with a response, the WARC-Record-ID of its response record without
            angle brackets.
        context: everything that the capture itself does not know.

    Raises:
        MalformedStatement: an exchange has a response but no record.
        MalformedTimestamp: a time of the capture does not say its offset from UTC.
    """
    named = isinstance(context.collector, CollectorName)
    findings = checklist(
        capture,
        collector_named=named,
        egress_known=context.egress is not None,
    )
    return {
        "_type": STATEMENT_TYPE,
        "subject": [subject_json(subject) for subject in subjects],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "captureId": capture.id,
            "trigger": context.trigger.value,
            "target": capture.target,
            "finalUrl": capture.final_url,
            "redirectChain": list(capture.redirect_chain),
            "title": None if capture.title is None else bounded(capture.title),
            "outcome": capture.outcome.value,
            "reasons": [bounded(reason) for reason in capture.reasons],
            "exchanges": [_exchange(exchange, records) for exchange in capture.exchanges],
            "times": {
                "started": format_timestamp(capture.started),
                "ended": format_timestamp(capture.ended),
                "clock": {"source": "system", "offsetMicroseconds": context.clock_offset_microseconds},
            },
            "collector": collector_json(context.collector),
            "egress": context.egress,
            "software": [{"name": item.name, "version": item.version} for item in context.software],
            "settings": {
                "limits": _limits(capture.limits),
                "userAgent": capture.user_agent,
                "allowedNetworks": list(context.allowed_networks),
                "pins": dict(context.pins),
                "rejectInvalidCertificates": context.reject_invalid_certificates,
            },
            "robots": {
                "consulted": context.robots.consulted,
                "decision": context.robots.decision,
                "reason": context.robots.reason,
            },
            "orchestrator": _orchestrator(context.orchestrator),
            "freshness": context.freshness,
            "freshnessTimestamps": [
                {"name": name, "sha256": sha256} for name, sha256 in sorted(context.freshness_timestamps.items())
            ],
            "dependencies": _dependencies(capture.exchanges),
            "supersedes": context.supersedes,
            "browser": None if capture.rendering is None else browser_json(capture.rendering),
            "browserFallback": None if capture.browser_fallback is None else bounded(capture.browser_fallback),
            "transformations": [] if capture.rendering is None else transformations_json(capture.rendering),
            "berkeley": [{"item": found.item, "met": found.met, "reason": found.reason} for found in findings],
        },
    }


def subject_json(subject: Subject) -> dict[str, Any]:
    """A subject as statements write it."""
    return {
        "name": subject.name,
        "mediaType": subject.media_type,
        "digest": _digest(subject.digests),
        "annotations": {"size": subject.digests.size},
    }


def _digest(digests: DigestSet) -> dict[str, str]:
    return {"sha256": digests.sha256.hex, "blake3": digests.blake3.hex}


def _sized(digests: DigestSet) -> dict[str, Any]:
    return {"digest": _digest(digests), "size": digests.size}


def _exchange(exchange: Exchange, records: Mapping[int, str]) -> dict[str, Any]:
    response = exchange.response
    payload = exchange.payload
    if exchange.answered and exchange.number not in records:
        raise MalformedStatement(f"predicate.exchanges.{exchange.number - 1}.record", "a response without a record")
    return {
        "number": exchange.number,
        "url": exchange.url,
        "method": exchange.method,
        "purpose": exchange.purpose.value,
        "via": exchange.via,
        "started": format_timestamp(exchange.started),
        "ended": format_timestamp(exchange.ended),
        "status": exchange.status,
        "mediaType": exchange.media_type,
        "payload": None if payload is None else _sized(payload),
        "surplus": 0 if response is None else response.surplus,
        "truncated": None if response is None or response.truncated is None else response.truncated.value,
        "failure": None
        if exchange.failure is None
        else {"kind": exchange.failure.kind.value, "detail": bounded(exchange.failure.detail)},
        "redirectTo": exchange.redirect_to,
        "server": _server(exchange),
        "tls": _tls(exchange),
        "record": records[exchange.number] if exchange.answered else None,
        "revisit": None
        if exchange.revisit is None
        else {
            "kind": exchange.revisit.kind.value,
            "captureId": exchange.revisit.capture_id,
            "record": exchange.revisit.record,
        },
    }


def _dependencies(exchanges: Sequence[Exchange]) -> list[dict[str, Any]]:
    """The captures that keep payloads for this one, by id, each with the records that do, by their place."""
    kept: dict[str, dict[str, Original]] = {}
    for exchange in exchanges:
        if exchange.revisit is not None:
            kept.setdefault(exchange.revisit.capture_id, {})[exchange.revisit.record] = exchange.revisit.original
    return [
        _dependency(sorted(originals.values(), key=lambda original: original.offset))
        for _, originals in sorted(kept.items())
    ]


def _dependency(originals: Sequence[Original]) -> dict[str, Any]:
    capture = originals[0]
    return {
        "captureId": capture.capture_id,
        "envelopeSha256": capture.envelope_sha256,
        "warc": _sized(capture.warc),
        "records": [
            {
                "record": original.record,
                "url": original.url,
                "date": format_timestamp(original.date),
                "mediaType": original.media_type,
                "payload": _sized(original.payload),
                "offset": original.offset,
                "length": original.member.size,
                "digest": _digest(original.member),
            }
            for original in originals
        ],
    }


def _server(exchange: Exchange) -> dict[str, Any] | None:
    server = exchange.server
    return None if server is None else {"ip": server.ip, "port": server.port, "pinned": server.pinned}


def _tls(exchange: Exchange) -> dict[str, Any] | None:
    tls = exchange.tls
    if tls is None:
        return None
    return {
        "version": tls.version,
        "cipher": tls.cipher,
        "verified": tls.verified,
        "verifyError": None if tls.verify_error is None else bounded(tls.verify_error),
        "chain": [hashlib.sha256(certificate).hexdigest() for certificate in tls.chain],
    }


def collector_json(collector: CollectorName | CollectorCommitment) -> dict[str, Any]:
    """The collector as statements write it."""
    if isinstance(collector, CollectorName):
        return {"name": collector.name, "contact": collector.contact}
    return {"commitment": collector.commitment}


def _limits(limits: Limits) -> dict[str, int]:
    return {
        "exchangeBytes": limits.exchange_bytes,
        "exchangeMilliseconds": round(limits.exchange_seconds * 1000),
        "captureBytes": limits.capture_bytes,
        "captureMilliseconds": round(limits.capture_seconds * 1000),
        "redirects": limits.redirects,
        "requisites": limits.requisites,
        "headerBytes": limits.header_bytes,
        "parallel": limits.parallel,
    }


def _orchestrator(orchestrator: Orchestrator | None) -> dict[str, str] | None:
    if orchestrator is None:
        return None
    return {
        "name": orchestrator.name,
        "version": orchestrator.version,
        "flowRunId": orchestrator.flow_run_id,
    }
