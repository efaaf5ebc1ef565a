"""Packages whose attestation is not as it should be.

Whoever changes an attestation cannot change the log; here the log took every one of them in, so that it is the
attestation's own check which fails.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from captures import OTHER_ID
from evidence import (
    ATTESTATION_KEY,
    FOREIGN_KEY,
    FOREIGN_LOG,
    proof_of,
    signed,
    zipped,
)
from vector import TRUE, bad, replaced, spare_bits

from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.envelope import PAYLOAD_TYPE, pae


def with_envelope(envelope: bytes) -> bytes:
    """The true package with another envelope, which its log took in."""
    return zipped({**TRUE.files(), **TRUE.sealed(envelope=envelope).signed_files()})


def envelope_json(**changes: Any) -> bytes:
    """The true envelope with members changed, canonical."""
    return canonical(json.loads(TRUE.envelope) | changes)


def signed_payload(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """An envelope of any payload, truly signed."""
    key = ATTESTATION_KEY
    signature = {"keyid": key.public.keyid, "sig": base64.b64encode(key.sign(pae(payload_type, payload))).decode()}
    return canonical(
        {"payloadType": payload_type, "payload": base64.b64encode(payload).decode(), "signatures": [signature]}
    )


def signature(**changes: str) -> list[dict[str, str]]:
    """The true envelope's signatures with members changed."""
    return [json.loads(TRUE.envelope)["signatures"][0] | changes]


def bad_envelope(name: str, note: str, envelope: Callable[[], bytes], *also: str) -> None:
    """Add a package whose envelope is bad."""
    bad(name, note, lambda: with_envelope(envelope()), *also)


bad_envelope(
    "E-ATT-01_duplicate-key",
    "payload twice; readers differ in which they take",
    lambda: replaced(b'{"payload":', b'{"payload":"e30=","payload":')(TRUE.envelope),
)
bad_envelope("E-ATT-01_trailing-byte", "a newline after the JSON", lambda: TRUE.envelope + b"\n")
bad_envelope("E-ATT-01_spaces", "JSON with spaces", lambda: json.dumps(json.loads(TRUE.envelope)).encode())
bad_envelope("E-ATT-01_no-signature", "an empty list of signatures", lambda: envelope_json(signatures=[]))
bad_envelope("E-ATT-01_unknown-member", "an unknown member", lambda: envelope_json(comment="genuine"))
bad_envelope(
    "E-ATT-01_keyid-missing",
    "a signature without keyid",
    lambda: envelope_json(signatures=[{"sig": signature()[0]["sig"]}]),
)
bad_envelope(
    "E-ATT-01_base64-spare-bits",
    "base64 with spare bits set, which decoders drop",
    lambda: envelope_json(signatures=signature(sig=spare_bits(signature()[0]["sig"]))),
)
bad_envelope("E-ATT-01_not-json", "not JSON", lambda: b"signed by hand")


bad_envelope(
    "E-ATT-02_payload-type",
    "a payload type that is not known, truly signed",
    lambda: signed(TRUE.statement, payload_type="text/plain"),
)


def foreign() -> bytes:
    """Everything re-signed with a stranger's keys."""
    envelope = signed(TRUE.statement, FOREIGN_KEY)
    proof = proof_of(envelope, signer=FOREIGN_LOG)
    made = TRUE.sealed(proof, envelope=envelope, key=FOREIGN_KEY.public, log=FOREIGN_LOG.verifier)
    return zipped(made.files())


bad_envelope("E-ATT-03_foreign-key", "signed by a stranger", lambda: signed(TRUE.statement, FOREIGN_KEY))
bad("E-ATT-03_all-foreign", "a whole package by a stranger, with the stranger's keys in it", foreign, "E-LOG-02")
bad_envelope(
    "E-ATT-03_keyid-of-stranger",
    "the true signature under another keyid",
    lambda: envelope_json(signatures=signature(keyid=FOREIGN_KEY.public.keyid)),
)
bad_envelope(
    "E-ATT-04_claimed-key",
    "a stranger's signature under the trusted keyid",
    lambda: envelope_json(
        signatures=signature(sig=json.loads(signed(TRUE.statement, FOREIGN_KEY))["signatures"][0]["sig"])
    ),
)
bad_envelope(
    "E-ATT-04_payload-changed",
    "another target, the signature left as it was",
    lambda: envelope_json(payload=base64.b64encode(payload(b"site.example", b"evil.example")).decode()),
)
bad_envelope(
    "E-ATT-04_type-not-signed",
    "the signature is over the payload alone, without its type",
    lambda: envelope_json(
        signatures=signature(sig=base64.b64encode(ATTESTATION_KEY.sign(canonical(TRUE.statement))).decode())
    ),
)


def payload(old: bytes, new: bytes) -> bytes:
    """The true payload with one text replaced."""
    return replaced(old, new)(canonical(TRUE.statement))


bad_envelope(
    "E-ATT-05_duplicate-key",
    "captureId twice",
    lambda: signed_payload(payload(b'"captureId":', f'"captureId":"{OTHER_ID}","captureId":'.encode())),
)
bad_envelope(
    "E-ATT-05_not-canonical",
    "a space in the payload",
    lambda: signed_payload(payload(b'"captureId":', b'"captureId": ')),
)
bad_envelope("E-ATT-05_trailing-byte", "a newline after it", lambda: signed_payload(canonical(TRUE.statement) + b"\n"))
bad_envelope("E-ATT-05_float", "a port that is 80.0", lambda: signed_payload(payload(b'"port":80', b'"port":80.0')))
bad_envelope(
    "E-ATT-05_unknown-member",
    "an unknown member",
    lambda: signed_payload(payload(b'"captureId":', b'"approved":true,"captureId":')),
)
bad_envelope(
    "E-ATT-05_predicate",
    "a predicate that is not known",
    lambda: signed_payload(payload(b"https://sijill.org/capture/v1", b"https://sijill.org/capture/v9")),
)
bad_envelope(
    "E-ATT-05_contradiction",
    "outcome complete, with reasons why it is not",
    lambda: signed_payload(payload(b'"outcome":"partial"', b'"outcome":"complete"')),
)
