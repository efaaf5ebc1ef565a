"""The fetch log: what a capture did and met, failures included, as the JSON of its metadata record.

Keys are those of the attestation's exchanges, so that one reader serves both, and two more for each exchange: the
record of its request, and the bytes of interim responses as ISO-8859-1. Times are UTC with microseconds, sizes
bytes, durations milliseconds; there are no fractions. Keys are sorted and nothing is indented.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sijill.archive.capture.exchange import Capture, Exchange, TlsFacts
from sijill.archive.warc.record import warc_date


def fetch_log(capture: Capture, records: Mapping[int, str], requests: Mapping[int, str]) -> bytes:
    """The fetch log of `capture`.

    Args:
        capture: what was done.
        records: exchange number -> WARC-Record-ID of its response or revisit record.
        requests: exchange number -> WARC-Record-ID of its request record.
    """
    limits = capture.limits
    log = {
        "captureId": capture.id,
        "target": capture.target,
        "finalUrl": capture.final_url,
        "title": capture.title,
        "outcome": str(capture.outcome),
        "reasons": list(capture.reasons),
        "started": warc_date(capture.started),
        "ended": warc_date(capture.ended),
        "userAgent": capture.user_agent,
        "limits": {
            "exchangeBytes": limits.exchange_bytes,
            "exchangeMilliseconds": round(limits.exchange_seconds * 1000),
            "captureBytes": limits.capture_bytes,
            "captureMilliseconds": round(limits.capture_seconds * 1000),
            "redirects": limits.redirects,
            "requisites": limits.requisites,
            "headerBytes": limits.header_bytes,
            "parallel": limits.parallel,
        },
        "exchanges": [
            _exchange(exchange, records.get(exchange.number), requests.get(exchange.number))
            for exchange in sorted(capture.exchanges, key=lambda exchange: exchange.number)
        ],
    }
    text = json.dumps(log, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    # A lone surrogate, which no UTF-8 can carry, becomes the JSON escape of itself.
    return text.encode("utf-8", "backslashreplace")


def _exchange(exchange: Exchange, record: str | None, request: str | None) -> dict[str, Any]:
    response, failure, server = exchange.response, exchange.failure, exchange.server
    payload, revisit = exchange.payload, exchange.revisit
    return {
        "number": exchange.number,
        "url": exchange.url,
        "method": exchange.method,
        "purpose": str(exchange.purpose),
        "via": exchange.via,
        "started": warc_date(exchange.started),
        "ended": warc_date(exchange.ended),
        "status": exchange.status,
        "mediaType": exchange.media_type,
        "payload": {"digest": {"sha256": payload.sha256.hex, "blake3": payload.blake3.hex}, "size": payload.size}
        if payload
        else None,
        "surplus": response.surplus if response else 0,
        "truncated": str(response.truncated) if response and response.truncated else None,
        "failure": {"kind": str(failure.kind), "detail": failure.detail} if failure else None,
        "redirectTo": exchange.redirect_to,
        "server": {"ip": server.ip, "port": server.port, "pinned": server.pinned} if server else None,
        "tls": _tls(exchange.tls) if exchange.tls else None,
        "record": record,
        "revisit": {"kind": str(revisit.kind), "captureId": revisit.capture_id, "record": revisit.record}
        if revisit
        else None,
        "requestRecord": request,
        # Interim responses (RFC 9110 §15.2) have no place in a record: tools would take them for the response.
        "interim": response.interim.decode("iso-8859-1") if response else "",
    }


def _tls(tls: TlsFacts) -> dict[str, Any]:
    return {
        "version": tls.version,
        "cipher": tls.cipher,
        "verified": tls.verified,
        "verifyError": tls.verify_error,
        "chain": [hashlib.sha256(certificate).hexdigest() for certificate in tls.chain],
    }
