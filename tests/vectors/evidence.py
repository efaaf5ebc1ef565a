"""Small captures and everything around them, made by the product's own builders with fixed keys.

The keys are public: they are here. All bytes are the same on every machine; WARC members are deflated by stored blocks,
because what a deflate library makes of its input changes with its version.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import io
import itertools
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sijill.archive.capture.exchange import (
    Capture,
    Exchange,
    Failure,
    FailureKind,
    Limits,
    Outcome,
    Purpose,
    Response,
    ServerAddress,
    TlsFacts,
)
from sijill.archive.capture.spool import MemoryBody
from sijill.archive.digest import digest_bytes
from sijill.archive.warc.cdxj import index_lines
from sijill.archive.warc.examine import examine_warc
from sijill.archive.warc.member import gzip_stored
from sijill.archive.warc.writer import write_capture
from sijill.archive.warc.zip_writer import write_zip
from sijill.provenance.attest.attestation import (
    CollectorName,
    Context,
    Robots,
    Software,
    Subject,
    Trigger,
    capture_statement,
)
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.envelope import PAYLOAD_TYPE, envelope_sha256, sign_envelope
from sijill.provenance.attest.keys import PublicKey, SigningKey
from sijill.provenance.attest.statement import parse_statement
from sijill.provenance.log.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from sijill.provenance.log.entry import LogEntry
from sijill.provenance.log.merkle import inclusion_proof, leaf_hash, perfect_root, root
from sijill.provenance.log.note import NoteSigner, NoteVerifier
from sijill.provenance.log.proof import LogProof, format_proof, parse_proof
from sijill.provenance.package import ATTESTATION, PROOF, Signed, derive, evidence_package, subject_path
from sijill.provenance.verify.trust import TrustRoot

ORIGIN = "archive.example/log"
ATTESTATION_KEY = SigningKey(hashlib.sha256(b"sijill test vectors: attestation key").digest())
LOG_KEY = SigningKey(hashlib.sha256(b"sijill test vectors: log key").digest())
FOREIGN_KEY = SigningKey(hashlib.sha256(b"sijill test vectors: a stranger's key").digest())
LOG = NoteSigner(ORIGIN, LOG_KEY)
FOREIGN_LOG = NoteSigner(ORIGIN, FOREIGN_KEY)
TRUST = TrustRoot(attestation_keys=(ATTESTATION_KEY.public,), log_keys=(LOG.verifier,))

STARTED = datetime(2026, 11, 21, 1, 16, 30, 123456, tzinfo=UTC)
CAPTURE_ID = "20261121t011630z-k3j2x5m4q7ab"
OTHER_ID = "20261121t011630z-abcdefghijkl"
TARGET = "http://site.example/statement"
PAGE = "https://site.example/statement"
IMAGE = "https://site.example/seal.gif"
HTML = "<!doctype html><html lang=ar><title>بيان مشترك</title><p>نحن المنظمات الموقعة أدناه<img src=seal.gif>".encode()
GIF = bytes.fromhex("47494638396101000100800000000000ffffff2c00000000010001000002024401003b")
TLS = TlsFacts(
    "TLSv1.3",
    "TLS_AES_256_GCM_SHA384",
    (b"not a real certificate: site.example", b"not a real certificate: issuer"),
    verified=False,
    verify_error="self-signed certificate in certificate chain",
)
INDEX = 4
SIZE = 7
QUOTED_SIZE = 3


def capture(capture_id: str = CAPTURE_ID, html: bytes = HTML) -> Capture:
    """A redirect to a page in chunks, an image, and a script whose host does not exist."""
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(html), html)
    exchanges = (
        _exchange(
            1, TARGET, b"HTTP/1.1 301 Moved\r\nLocation: " + PAGE.encode() + b"\r\nContent-Length: 0\r\n\r\n", b""
        ),
        _exchange(
            2,
            PAGE,
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
            + chunked,
            html,
        ),
        _exchange(
            3,
            IMAGE,
            b"HTTP/1.1 200 OK\r\nContent-Type: image/gif\r\nContent-Length: %d\r\n\r\n" % len(GIF) + GIF,
            GIF,
        ),
        dataclasses.replace(
            _exchange(4, "https://nowhere.example/x.js", b"HTTP/1.1 200 OK\r\n\r\n", b""),
            request=b"",
            response=None,
            server=None,
            tls=None,
            failure=Failure(FailureKind.DNS, "no such host"),
        ),
    )
    return Capture(
        id=capture_id,
        target=TARGET,
        final_url=PAGE,
        outcome=Outcome.PARTIAL,
        reasons=("https://nowhere.example/x.js: no such host",),
        started=STARTED,
        ended=STARTED + timedelta(seconds=2),
        exchanges=exchanges,
        limits=Limits(),
        user_agent="sijill/0.1.0 (+https://archive.example/)",
        title="بيان مشترك",
    )


def _exchange(number: int, url: str, raw: bytes, payload: bytes) -> Exchange:
    head = raw[: raw.index(b"\r\n\r\n") + 4]
    status_line, *fields = head.decode().rstrip().split("\r\n")
    headers = tuple(tuple(field.split(": ", 1)) for field in fields)
    page = number <= 2
    started = STARTED + timedelta(milliseconds=100 * number)
    path = url.partition("://")[2].partition("/")[2]
    host = url.partition("://")[2].partition("/")[0]
    secure = url.startswith("https:")
    return Exchange(
        number=number,
        url=url,
        method="GET",
        purpose=Purpose.PAGE if page else Purpose.REQUISITE,
        via=None if page else PAGE,
        started=started,
        ended=started + timedelta(milliseconds=50),
        request=f"GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(),
        response=Response(
            raw=MemoryBody(raw),
            head_size=len(head),
            http_version="1.1",
            status=int(status_line.split(" ")[1]),
            reason=status_line.split(" ", 2)[2],
            headers=headers,
            payload=digest_bytes(payload),
            surplus=0,
            truncated=None,
        ),
        failure=None,
        server=ServerAddress("192.0.2.7", 443 if secure else 80, pinned=False),
        tls=TLS if secure else None,
        redirect_to=PAGE if number == 1 else None,
    )


def records_of(warc: bytes) -> list[bytes]:
    """The records of a WARC, each decompressed."""
    found = []
    while warc:
        inflater = zlib.decompressobj(wbits=31)
        found.append(inflater.decompress(warc))
        warc = inflater.unused_data
    return found


def warc_of(records: list[bytes]) -> bytes:
    """A WARC of these records."""
    return b"".join(gzip_stored(record) for record in records)


def written(made: Capture) -> tuple[bytes, dict[int, str]]:
    """The WARC of a capture, and the ids of its response records by exchange number."""
    numbers = itertools.count(1)
    sink = io.BytesIO()
    result = write_capture(
        made,
        sink,
        new_id=lambda: f"urn:uuid:00000000-0000-4000-8000-{next(numbers):012x}",
        info={"software": "sijill/0.1.0"},
    )
    return warc_of(records_of(sink.getvalue())), dict(result.records)


def statement_of(made: Capture, warc: bytes, records: Mapping[int, str], **changes: Any) -> dict[str, Any]:
    """The statement about a capture; `changes` are to its context."""
    context = Context(
        trigger=Trigger.ON_DEMAND,
        collector=CollectorName("Archive of Examples", "archive@archive.example"),
        software=(Software("sijill", "0.1.0"), Software("CPython", "3.11.2")),
        robots=Robots(consulted=False, decision=None, reason="captured on demand"),
        egress="198.51.100.9",
        freshness=log_head(QUOTED_SIZE).decode(),
    )
    return capture_statement(
        made,
        subjects=[Subject.warc(digest_bytes(warc))],
        records=records,
        context=dataclasses.replace(context, **changes),
    )


def subject(name: str, media_type: str, data: bytes) -> dict[str, Any]:
    """A subject of a statement."""
    found = digest_bytes(data)
    return {
        "name": name,
        "mediaType": media_type,
        "digest": {"sha256": found.sha256.hex, "blake3": found.blake3.hex},
        "annotations": {"size": found.size},
    }


def signed(statement: dict[str, Any], key: SigningKey = ATTESTATION_KEY, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """The envelope of a statement."""
    return sign_envelope(canonical(statement), payload_type, [key])


def _entries(entry: bytes | None, size: int, index: int) -> list[bytes]:
    """Leaf hashes of a log whose other entries are of no interest."""
    leaves = [leaf_hash(b"entry %d" % number) for number in range(size)]
    if entry is not None:
        leaves[index] = leaf_hash(entry)
    return leaves


def _reader(leaves: list[bytes]):
    return lambda level, place: perfect_root(leaves[place << level : (place + 1) << level])


def log_head(size: int, signer: NoteSigner = LOG) -> bytes:
    """The checkpoint of the log before the capture came to it."""
    return sign_checkpoint(Checkpoint(signer.name, size, root(_reader(_entries(None, size, 0)), size)), signer)


def proof_of(
    envelope: bytes,
    capture_id: str = CAPTURE_ID,
    *,
    signer: NoteSigner = LOG,
    index: int = INDEX,
    size: int = SIZE,
) -> bytes:
    """The inclusion proof of an attestation in a log of `size` entries."""
    leaves = _entries(LogEntry(capture_id, envelope_sha256(envelope)).data, size, index)
    read = _reader(leaves)
    checkpoint = parse_checkpoint(sign_checkpoint(Checkpoint(signer.name, size, root(read, size)), signer))
    return format_proof(LogProof(index, inclusion_proof(read, index, size), checkpoint))


@dataclass(frozen=True)
class Evidence:
    """All parts of a package; `changed` gives another with some of them replaced."""

    warc: bytes
    statement: dict[str, Any]
    envelope: bytes
    proof: bytes
    key: PublicKey = ATTESTATION_KEY.public
    log: NoteVerifier = LOG.verifier

    def files(self) -> dict[str, bytes]:
        """The files of the package by name, as the exporter makes them."""
        members = evidence_package(
            envelope=self.envelope, warc=MemoryBody(self.warc), proof=self.proof, key=self.key, log=self.log
        )
        return {name: body.content for name, body in members}

    def forged_files(self) -> dict[str, bytes]:
        """The files as someone would make them who does not care whether they are true."""
        proof = parse_proof(self.proof)
        parts = Signed(
            envelope=self.envelope,
            statement=parse_statement(canonical(self.statement)),
            proof=self.proof,
            checkpoint=proof.checkpoint.data,
            key=self.key,
            log=self.log,
            index=index_lines(examine_warc(io.BytesIO(self.warc)).records),
        )
        own = {subject_path("data.warc.gz"): self.warc, ATTESTATION: self.envelope, PROOF: self.proof}
        return derive(parts) | own


def evidence(made: Capture | None = None, **changes: Any) -> Evidence:
    """A capture from WARC to proof, all true; `changes` are to the statement's context."""
    made = made or capture()
    warc, records = written(made)
    statement = statement_of(made, warc, records, **changes)
    envelope = signed(statement)
    return Evidence(warc, statement, envelope, proof_of(envelope, made.id))


def attested(base: Evidence, warc: bytes | None = None, **edits: Any) -> Evidence:
    """`base` with a WARC and statement that its own collector signed and its own log took in, true or not.

    `edits` maps a path in the statement, its steps joined by `__`, to a new value.
    """
    statement = copy.deepcopy(base.statement)
    warc = base.warc if warc is None else warc
    statement["subject"][0] = subject("data.warc.gz", "application/warc", warc)
    for path, value in edits.items():
        *steps, last = path.split("__")
        at = statement
        for step in steps:
            at = at[int(step)] if isinstance(at, list) else at[step]
        at[int(last) if isinstance(at, list) else last] = value
    envelope = signed(statement)
    return dataclasses.replace(
        base,
        warc=warc,
        statement=statement,
        envelope=envelope,
        proof=proof_of(envelope, statement["predicate"]["captureId"]),
    )


def zipped(files: Mapping[str, bytes]) -> bytes:
    """The zip of these files, in the one form that packages have."""
    sink = io.BytesIO()
    write_zip([(name, MemoryBody(data)) for name, data in sorted(files.items())], sink)
    return sink.getvalue()
