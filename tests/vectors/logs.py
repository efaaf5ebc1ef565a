"""Packages whose proof or checkpoint is not as it should be."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime

from captures import OTHER_ID, capture
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from evidence import (
    FOREIGN_KEY,
    FOREIGN_LOG,
    INDEX,
    LOG_KEY,
    SIZE,
    attested,
    evidence,
    proof_of,
    zipped,
)
from vector import TRUE, bad, changed, flipped, replaced

from sijill.provenance.log.cosignature import format_line
from sijill.provenance.log.note import NoteSigner
from sijill.provenance.log.proof import parse_proof
from sijill.provenance.package_layout import PROOF


def with_proof(edit: Callable[[bytes], bytes]) -> Callable[[], bytes]:
    """The true package with another proof."""
    return changed(PROOF, edit)


def hashes_edited(edit: Callable[[list[bytes]], list[bytes]]) -> Callable[[], bytes]:
    """The true package with other hashes in its proof."""
    lines, _, note = TRUE.proof.partition(b"\n\n")
    first, index, *hashes = lines.split(b"\n")
    return changed(PROOF, lambda _: b"\n".join([first, index, *edit(hashes)]) + b"\n\n" + note)


index_line = f"index {INDEX}\n".encode()
bad("E-LOG-01_index-leading-zero", "index 04", with_proof(replaced(index_line, f"index 0{INDEX}\n".encode())))
bad("E-LOG-01_index-sign", "index +4", with_proof(replaced(index_line, f"index +{INDEX}\n".encode())))
bad("E-LOG-01_extra-data", "a line of extra data", with_proof(replaced(b"index ", b"extra Z2VudWluZQ==\nindex ")))
bad("E-LOG-01_version", "another version of the format", with_proof(replaced(b"@v1", b"@v2")))
bad("E-LOG-01_short-hash", "a hash of 31 bytes", hashes_edited(lambda h: [base64.b64encode(bytes(31)), *h[1:]]))
bad("E-LOG-01_no-newline", "no newline at the end", with_proof(lambda data: data[:-1]))
bad("E-LOG-01_trailing-line", "a line after the signatures", with_proof(lambda data: data + b"genuine\n"))
bad(
    "E-LOG-01_size-leading-zero",
    "a tree size with a leading zero",
    with_proof(replaced(f"\n{SIZE}\n".encode(), f"\n0{SIZE}\n".encode())),
)


def signature_changed(proof: bytes) -> bytes:
    """The proof with one bit of the log's signature changed; the cosignatures stay."""
    note = parse_proof(proof).checkpoint.note
    log = note.signatures[0]
    other = dataclasses.replace(log, value=flipped(log.value))
    return proof.replace(format_line(log), format_line(other))


TRUE_ROOT = parse_proof(TRUE.proof).checkpoint.checkpoint.root
OTHER_ORIGIN = NoteSigner("elsewhere.example/log", LOG_KEY)


def with_log(signer: NoteSigner) -> bytes:
    """The true package, included in another log."""
    return zipped(TRUE.sealed(proof_of(TRUE.envelope, signer=signer), log=signer.verifier).files())


bad("E-LOG-02_foreign-key", "a checkpoint of the same origin, signed by a stranger", lambda: with_log(FOREIGN_LOG))
bad("E-LOG-02_foreign-origin", "the checkpoint of another log that uses the same key", lambda: with_log(OTHER_ORIGIN))
bad("E-LOG-03_signature", "a bit of the log's signature changed", with_proof(signature_changed))
bad(
    "E-LOG-03_root",
    "another root under the old signature",
    with_proof(replaced(base64.b64encode(TRUE_ROOT), base64.b64encode(bytes(32)))),
)
bad("E-LOG-03_size", "another size under the old signature", with_proof(replaced(f"\n{SIZE}\n".encode(), b"\n8\n")))


bad(
    "E-LOG-04_other-leaf",
    "the proof of another attestation",
    lambda: zipped(TRUE.sealed(evidence(capture(OTHER_ID)).proof).files()),
)


def envelope_replaced() -> bytes:
    """The true package with an attestation that its log did not take in, but an authority saw."""
    other = attested(TRUE, predicate__egress="198.51.100.10").envelope
    return zipped({**TRUE.files(), **TRUE.sealed(TRUE.proof, envelope=other).signed_files()})


bad("E-LOG-04_index", "another index", with_proof(replaced(index_line, b"index 5\n")))
bad("E-LOG-04_hash", "another hash", hashes_edited(lambda h: [base64.b64encode(bytes(32)), *h[1:]]))
bad("E-LOG-04_hash-missing", "a hash less", hashes_edited(lambda h: h[:-1]))
bad("E-LOG-04_hash-added", "a hash more", hashes_edited(lambda h: [*h, h[0]]))
bad("E-LOG-04_index-beyond", "an index that the tree does not have", with_proof(replaced(index_line, b"index 7\n")))
bad(
    "E-LOG-04_envelope-replaced",
    "another attestation of the same collector about the same capture, which is not in the log",
    envelope_replaced,
)
bad(
    "E-LOG-04_capture-id",
    "the log took the attestation in under another id",
    lambda: zipped(TRUE.sealed(proof_of(TRUE.envelope, OTHER_ID)).files()),
)


def tsa_root() -> str:
    """The certificate of an authority that nobody needs."""
    key = Ed25519PrivateKey.from_private_bytes(FOREIGN_KEY.seed)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Example TSA")])
    began, ends = datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, began, ends)
    return builder.sign(key, None).public_bytes(Encoding.PEM).decode("ascii")
