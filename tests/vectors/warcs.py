"""Packages whose files are not the attested ones, and attested WARCs that are not what they should be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from captures import GIF, HTML, OTHER_ID, capture, records_of, warc_of
from evidence import Evidence, attested, evidence, zipped
from vector import TRUE, bad, flipped, forged, replaced

from sijill.archive.warc.wacz import ARCHIVE


def with_warc(warc: bytes) -> Callable[[], bytes]:
    """The true package with another WARC."""
    return lambda: zipped({**TRUE.files(), ARCHIVE: warc})


def edited_record(number: int, old: bytes, new: bytes) -> bytes:
    """The true WARC with one text in one record replaced."""
    records = records_of(TRUE.warc)
    records[number] = replaced(old, new)(records[number])
    return warc_of(records)


OTHER = evidence(capture(OTHER_ID, html=HTML.replace(b"seal", b"logo")))
bad("E-SUB-02_byte-changed", "a bit of the WARC changed", with_warc(flipped(TRUE.warc)), "E-SUB-03")
bad("E-SUB-02_other-capture", "the WARC of another capture", with_warc(OTHER.warc), "E-SUB-03")
bad("E-SUB-02_byte-appended", "a byte after the WARC", with_warc(TRUE.warc + b"\0"), "E-SUB-03", "E-SUB-04")
bad(
    "E-SUB-02_header-altered",
    "another WARC-Date; no digest inside the WARC covers it",
    with_warc(edited_record(2, b"01:16:30.2", b"01:16:31.2")),
    "E-SUB-03",
)
bad(
    "E-SUB-02_record-added",
    "one record more, a copy of the last under a new id",
    with_warc(
        warc_of([*records_of(TRUE.warc), replaced(b"-000000000009>", b"-00000000000a>")(records_of(TRUE.warc)[-1])])
    ),
    "E-SUB-03",
    "E-SUB-04",
)


def only(code: str, note: str, **edits: Any) -> None:
    """Add a package whose attestation is wrong in one of size, SHA-256 and BLAKE3."""
    made = attested(TRUE, **{f"subject__0__{path}": value for path, value in edits.items()})
    bad(code, note, lambda: zipped({**TRUE.files(), **made.signed_files()}))


ZEROS = "0" * 64
only("E-SUB-02_only-sha256", "BLAKE3 and size are right, SHA-256 is not", digest__sha256=ZEROS)
only("E-SUB-03_only-blake3", "SHA-256 and size are right, BLAKE3 is not", digest__blake3=ZEROS)
only("E-SUB-04_only-size", "both digests are right, the size is not", annotations__size=len(TRUE.warc) + 1)


# WARCs that the collector signed although they are not what they should be.


def bad_warc(name: str, note: str, warc: bytes) -> None:
    """Add a package whose WARC is attested, but no WARC of ours; derived files are those of the true one."""
    made = attested(TRUE, warc)
    bad(name, note, lambda: zipped({**TRUE.files(), **made.signed_files(), ARCHIVE: warc}))


def digest_line(record: bytes, name: bytes) -> bytes:
    """The header line called `name`."""
    start = record.index(name)
    return record[start : record.index(b"\r\n", start)]


LENGTH = digest_line(records_of(TRUE.warc)[0], b"Content-Length") + b"\r\n"
bad_warc("E-WARC-01_cut-short", "the last record has no end", TRUE.warc[:-20])
bad_warc("E-WARC-01_fetch-log-missing", "no fetch log at the end", warc_of(records_of(TRUE.warc)[:-1]))
bad_warc("E-WARC-01_bytes-after", "bytes after the last record", TRUE.warc + b"more")
bad_warc(
    "E-WARC-01_header-field", "an unknown header field", edited_record(0, b"WARC-Type", b"WARC-Note: x\r\nWARC-Type")
)
bad_warc("E-WARC-01_length", "a Content-Length that is too small", edited_record(0, LENGTH, b"Content-Length: 9\r\n"))
bad_warc(
    "E-WARC-01_gzip-name",
    "a gzip member with a file name",
    b"\x1f\x8b\x08\x08" + TRUE.warc[4:10] + b"x\0" + TRUE.warc[10:],
)
bad_warc("E-WARC-01_not-gzip", "records without compression", b"".join(records_of(TRUE.warc)))
bad_warc("E-WARC-01_two-in-one-member", "all records in one gzip member", warc_of([b"".join(records_of(TRUE.warc))]))


def forged_warc(name: str, note: str, made: Evidence, *also: str) -> None:
    """Add a package with everything signed and derived anew."""
    bad(name, note, forged(made), *also)


RECORDS = records_of(TRUE.warc)
BLOCK = digest_line(RECORDS[1], b"WARC-Block-Digest")
PAYLOAD = digest_line(RECORDS[5], b"WARC-Payload-Digest")
forged_warc(
    "E-WARC-02_block-digest",
    "a block digest of another block",
    attested(TRUE, edited_record(1, BLOCK, b"WARC-Block-Digest: sha256:" + ZEROS.encode())),
)
forged_warc(
    "E-WARC-03_payload-digest",
    "a payload digest of another payload",
    attested(TRUE, edited_record(5, PAYLOAD, b"WARC-Payload-Digest: sha256:" + ZEROS.encode())),
)

RESPONSE_ADDED = replaced(b"-000000000006>", b"-0000000000ff>")(RECORDS[5])
REQUEST_ADDED = replaced(b"-000000000007>", b"-0000000000fe>")(RECORDS[6])
RESOURCE_ADDED = replaced(b"-000000000008>", b"-0000000000fd>")(RECORDS[7])


def exchange(number: int, path: str, value: Any) -> Evidence:
    """The true capture with one member of an exchange attested otherwise."""
    return attested(TRUE, **{f"predicate__exchanges__{number - 1}__{path}": value})


def arranged(*records: bytes) -> Evidence:
    """The true capture with other records in its WARC."""
    return attested(TRUE, warc_of(list(records)))


TLS_VERIFIED = TRUE.statement["predicate"]["exchanges"][2]["tls"] | {"verified": True, "verifyError": None}

for defect, explanation, evidence_made in (
    ("response-added", "a response that no exchange has", arranged(*RECORDS[:-1], RESPONSE_ADDED, RECORDS[-1])),
    ("request-added", "a request that no exchange has", arranged(*RECORDS[:-1], REQUEST_ADDED, RECORDS[-1])),
    ("response-missing", "no response for the image", arranged(*RECORDS[:5], *RECORDS[7:])),
    ("request-missing", "no request for the image", arranged(*RECORDS[:6], *RECORDS[7:])),
    ("certificates-missing", "no certificate chain", arranged(*RECORDS[:7], *RECORDS[8:])),
    ("resource-added", "a resource that nothing accounts for", arranged(*RECORDS[:-1], RESOURCE_ADDED, RECORDS[-1])),
    ("order", "the image before the page", arranged(*RECORDS[:3], *RECORDS[5:7], *RECORDS[3:5], *RECORDS[7:])),
    ("url", "the image is attested under another URL", exchange(3, "url", "https://site.example/other.gif")),
    ("status", "the image is attested with another status", exchange(3, "status", 404)),
    ("media-type", "the image is attested as text", exchange(3, "mediaType", "text/html")),
    ("payload-size", "the image is attested one byte longer", exchange(3, "payload__size", len(GIF) + 1)),
    ("payload-sha256", "the image's payload has another SHA-256", exchange(3, "payload__digest__sha256", ZEROS)),
    ("payload-blake3", "the image's payload has another BLAKE3", exchange(3, "payload__digest__blake3", ZEROS)),
    ("surplus", "surplus bytes are attested where there are none", exchange(3, "surplus", 1)),
    ("time", "the image is attested a second earlier", exchange(3, "started", "2026-11-21T01:16:29.423456Z")),
    ("address", "the image is attested to come from elsewhere", exchange(3, "server__ip", "192.0.2.8")),
    ("tls-version", "the image is attested to come over TLS 1.2", exchange(3, "tls__version", "TLSv1.2")),
    ("certificates", "another certificate chain is attested", exchange(3, "tls__chain", [ZEROS])),
    ("certificate-verified", "the certificate is attested as verified", exchange(3, "tls", TLS_VERIFIED)),
    ("failure", "another failure than the fetch log's is attested", exchange(4, "failure__kind", "timeout")),
    ("method", "the image is attested as posted", exchange(3, "method", "POST")),
    ("target", "another target than the fetch log's is attested", attested(TRUE, predicate__target="http://site.example/")),
    ("title", "another title than the fetch log's is attested", attested(TRUE, predicate__title="بيان")),
):  # fmt: skip
    forged_warc(f"E-WARC-04_{defect}", explanation, evidence_made)
