"""The trust root: the keys an auditor brings. Nothing of it ever comes from the evidence under test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sijill.provenance.attest.canonical import parse_json_strict
from sijill.provenance.attest.keys import PublicKey
from sijill.provenance.errors import MalformedJson, MalformedKey, MalformedNote
from sijill.provenance.log.note import Algorithm, NoteVerifier
from sijill.provenance.verify.errors import MalformedTrustRoot

MAX_TRUST: Final = 1 << 20
"""The largest trust root accepted, in bytes."""
MAX_KEYS: Final = 1_000
"""The most items of any of its lists."""

_REQUIRED: Final = ("attestationKeys", "logKeys")
_OPTIONAL: Final = ("tsaRoots", "witnesses")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """Who is believed, and about what."""

    attestation_keys: tuple[PublicKey, ...]
    """Whose signature on an attestation counts."""
    log_keys: tuple[NoteVerifier, ...]
    """Whose signature on a checkpoint counts, each for the origin that is its name."""
    tsa_roots: tuple[str, ...] = ()
    """Certificates of timestamping authorities, PEM."""
    witnesses: tuple[NoteVerifier, ...] = ()
    """Whose cosignature on a checkpoint counts."""

    def attestation_key(self, keyid: str) -> PublicKey | None:
        """The attestation key with this id, or None."""
        return next((key for key in self.attestation_keys if key.keyid == keyid), None)


def parse_trust(data: bytes) -> TrustRoot:
    """Parse `trust.json`. Spacing and the order of members are free; the lists keep their order.

    Raises:
        MalformedTrustRoot: `data` is not JSON, has a duplicate, unknown or missing member, an item that is no key of
            its kind or is there twice, a keyid that is not that of its key, or no attestation key or log key at all.
    """
    try:
        value = parse_json_strict(data, limit=MAX_TRUST)
    except MalformedJson as err:
        raise MalformedTrustRoot("", err.reason) from err
    members = _members(value, "", _REQUIRED, _OPTIONAL)
    trust = TrustRoot(
        _items(members, "attestationKeys", _attestation_key),
        _items(members, "logKeys", _note_key(Algorithm.ED25519)),
        _items(members, "tsaRoots", _certificate),
        _items(members, "witnesses", _note_key(Algorithm.COSIGNATURE_V1)),
    )
    for name, keys in (("attestationKeys", trust.attestation_keys), ("logKeys", trust.log_keys)):
        if not keys:
            raise MalformedTrustRoot(name, "names no key, so that nothing could be verified")
    return trust


def format_trust(trust: TrustRoot) -> bytes:
    """`trust.json` of `trust`, indented for people, with a newline at its end."""
    value = {
        "attestationKeys": [{"keyid": key.keyid, "publicKey": key.pem} for key in trust.attestation_keys],
        "logKeys": [key.vkey for key in trust.log_keys],
        "tsaRoots": list(trust.tsa_roots),
        "witnesses": [key.vkey for key in trust.witnesses],
    }
    return json.dumps(value, indent=2, ensure_ascii=False).encode("utf-8") + b"\n"


def _members(value: Any, path: str, required: Iterable[str], optional: Iterable[str] = ()) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedTrustRoot(path, "not an object")
    if unknown := sorted(set(value) - {*required, *optional}):
        raise MalformedTrustRoot(path, f"unknown member {unknown[0][:80]!r}")
    if missing := sorted(set(required) - set(value)):
        raise MalformedTrustRoot(path, f"no member {missing[0]!r}")
    return value


def _items(members: dict[str, Any], name: str, parse: Callable[[Any, str], T]) -> tuple[T, ...]:
    listed = members.get(name, [])
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise MalformedTrustRoot(name, f"not a list of at most {MAX_KEYS}")
    items: list[T] = []
    for place, value in enumerate(listed):
        item = parse(value, f"{name}.{place}")
        if item in items:
            raise MalformedTrustRoot(f"{name}.{place}", "is there twice")
        items.append(item)
    return tuple(items)


def _attestation_key(value: Any, path: str) -> PublicKey:
    members = _members(value, path, ("keyid", "publicKey"))
    try:
        key = PublicKey.from_pem(_text(members["publicKey"], f"{path}.publicKey"))
    except MalformedKey as err:
        raise MalformedTrustRoot(f"{path}.publicKey", err.reason) from err
    if members["keyid"] != key.keyid:
        raise MalformedTrustRoot(f"{path}.keyid", f"not that of the key, which is {key.keyid}")
    return key


def _note_key(algorithm: Algorithm) -> Callable[[Any, str], NoteVerifier]:
    def parse(value: Any, path: str) -> NoteVerifier:
        try:
            key = NoteVerifier.from_vkey(_text(value, path))
        except MalformedNote as err:
            raise MalformedTrustRoot(path, err.reason) from err
        if key.algorithm is not algorithm:
            raise MalformedTrustRoot(path, f"a key of type {key.algorithm:d}, expected {algorithm:d}")
        return key

    return parse


def _certificate(value: Any, path: str) -> str:
    # Only a trust root that names an authority pays for loading X.509.
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    text = _text(value, path)
    try:
        certificate = x509.load_pem_x509_certificate(text.encode("utf-8", "replace"))
    except ValueError as err:
        raise MalformedTrustRoot(path, "not a certificate in PEM") from err
    if certificate.public_bytes(Encoding.PEM).decode("ascii") != text:
        raise MalformedTrustRoot(path, "PEM holds more than one certificate, or is not written as OpenSSL writes it")
    return text


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise MalformedTrustRoot(path, "not a string")
    return value
