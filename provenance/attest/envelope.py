"""DSSE v1 envelopes as RFC 8785 files: signing, strict parsing, and which trusted keys signed.

The form, protocol and pre-authentication encoding are those of github.com/secure-systems-lab/dsse, v1.0.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sijill.provenance.attest.canonical import canonical, parse_canonical
from sijill.provenance.attest.keys import SIGNATURE_SIZE, PublicKey, SigningKey
from sijill.provenance.errors import MalformedEnvelope, MalformedJson

PAYLOAD_TYPE = "application/vnd.in-toto+json"
"""The payload type of an in-toto Statement."""

MAX_ENVELOPE = 64 << 20
"""The largest envelope file accepted, in bytes."""

MAX_SIGNATURES = 16
_KEYID = re.compile(r"[0-9a-f]{64}")
_MAX_PAYLOAD_TYPE = 200


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature of an envelope. `keyid` is a claim until the signature is verified."""

    keyid: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload with its signatures, none of them verified yet."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]

    @property
    def message(self) -> bytes:
        """The bytes that are signed."""
        return pae(self.payload_type, self.payload)

    def verified_by(self, trusted: Iterable[PublicKey]) -> frozenset[str]:
        """The keyids among `trusted` whose signature is here and verifies; empty if there is none.

        A signature counts only under the key it names. It shows that the key's holder signed these bytes, not when.
        """
        keys = {key.keyid: key for key in trusted}
        message = self.message
        return frozenset(
            signature.keyid
            for signature in self.signatures
            if signature.keyid in keys and keys[signature.keyid].verify(signature.value, message)
        )


def pae(payload_type: str, payload: bytes) -> bytes:
    """The DSSE v1 pre-authentication encoding of a payload: what is signed in its place."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign_envelope(payload: bytes, payload_type: str, keys: Iterable[SigningKey]) -> bytes:
    """The envelope file: RFC 8785 JSON, signatures ordered by keyid, no newline at its end.

    Raises:
        MalformedEnvelope: `keys` is empty, or names a key twice, or more than `MAX_SIGNATURES`.
    """
    message = pae(payload_type, payload)
    signatures = sorted(((key.public.keyid, key.sign(message)) for key in keys), key=lambda pair: pair[0])
    data = canonical(
        {
            "payloadType": payload_type,
            "payload": base64.b64encode(payload).decode("ascii"),
            "signatures": [
                {"keyid": keyid, "sig": base64.b64encode(value).decode("ascii")} for keyid, value in signatures
            ],
        }
    )
    parse_envelope(data)
    return data


def parse_envelope(data: bytes) -> Envelope:
    """Parse an envelope file, accepting only the form that `sign_envelope` writes (signatures in any order).

    Raises:
        MalformedEnvelope: `data` is not canonical JSON, has an unknown or missing member, base64 that is not the one
            standard encoding, no signature, a keyid that is missing or used twice, or a signature that is not 64 bytes.
    """
    try:
        value = parse_canonical(data, limit=MAX_ENVELOPE)
    except MalformedJson as err:
        raise MalformedEnvelope(err.reason) from err
    members = _members(value, "envelope", ("payload", "payloadType", "signatures"))
    payload_type = _text(members["payloadType"], "payloadType", _MAX_PAYLOAD_TYPE)
    listed = members["signatures"]
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_SIGNATURES:
        raise MalformedEnvelope(f"signatures: not a list of 1 to {MAX_SIGNATURES}")
    signatures = tuple(_signature(item, f"signatures.{number}") for number, item in enumerate(listed))
    if len({signature.keyid for signature in signatures}) != len(signatures):
        raise MalformedEnvelope("signatures: a keyid occurs twice")
    return Envelope(payload_type, _base64(members["payload"], "payload"), signatures)


def envelope_sha256(data: bytes) -> str:
    """`envelopeSha256`: lowercase hexadecimal SHA-256 of the envelope file exactly as stored."""
    return hashlib.sha256(data).hexdigest()


def _signature(value: Any, path: str) -> Signature:
    members = _members(value, path, ("keyid", "sig"))
    keyid = _text(members["keyid"], f"{path}.keyid", 64)
    if not _KEYID.fullmatch(keyid):
        raise MalformedEnvelope(f"{path}.keyid: not 64 lowercase hexadecimal digits")
    signature = _base64(members["sig"], f"{path}.sig")
    if len(signature) != SIGNATURE_SIZE:
        raise MalformedEnvelope(f"{path}.sig: {len(signature)} bytes, an Ed25519 signature has {SIGNATURE_SIZE}")
    return Signature(keyid, signature)


def _members(value: Any, path: str, names: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedEnvelope(f"{path}: not an object")
    if unknown := sorted(set(value) - set(names)):
        raise MalformedEnvelope(f"{path}: unknown member {unknown[0][:80]!r}")
    if missing := sorted(set(names) - set(value)):
        raise MalformedEnvelope(f"{path}: no member {missing[0]!r}")
    return value


def _text(value: Any, path: str, limit: int) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= limit:
        raise MalformedEnvelope(f"{path}: not a string of 1 to {limit} characters")
    return value


def _base64(value: Any, path: str) -> bytes:
    if not isinstance(value, str):
        raise MalformedEnvelope(f"{path}: not a string")
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as err:
        raise MalformedEnvelope(f"{path}: not standard base64") from err
    # A decoder drops the spare bits of the last character, so several texts would give the same bytes.
    if base64.b64encode(decoded).decode("ascii") != value:
        raise MalformedEnvelope(f"{path}: not the standard base64 of its bytes")
    return decoded
