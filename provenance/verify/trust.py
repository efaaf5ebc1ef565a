"""The trust root: the keys an auditor brings. Nothing of it ever comes from the evidence under test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from sijill.provenance.attest.canonical import parse_json_strict
from sijill.provenance.attest.keys import PublicKey
from sijill.provenance.attest.timestamps import format_timestamp, parse_timestamp
from sijill.provenance.errors import MalformedJson, MalformedKey, MalformedNote, MalformedTimestamp
from sijill.provenance.log.note import Algorithm, NoteVerifier
from sijill.provenance.verify.errors import MalformedTrustRoot

MAX_TRUST: Final = 1 << 20
"""The largest trust root accepted, in bytes."""
MAX_KEYS: Final = 1_000
"""The most items of any of its lists."""

_REQUIRED: Final = ("attestationKeys", "logKeys")
_OPTIONAL: Final = (
    "tsaRoots",
    "tsaIntermediates",
    "tsaCertificates",
    "witnesses",
    "validity",
    "revocations",
    "policy",
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Validity:
    """When a key may have signed. Compared with the time at which a statement is shown to exist, not with its own."""

    key: str
    """The keyid of an attestation key, or the vkey of a log key."""
    not_before: datetime | None = None
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Revocation:
    """From when on a key counts for nothing; what was shown to exist before stays good."""

    key: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Policy:
    """How many of those that the trust root names are needed."""

    witnesses: int | None = None
    """Cosignatures; None: of every witness."""
    timestamps: int | None = None
    """Authorities, told apart by the certificates that signed; None: one."""


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """Who is believed, and about what."""

    attestation_keys: tuple[PublicKey, ...]
    """Whose signature on an attestation counts."""
    log_keys: tuple[NoteVerifier, ...]
    """Whose signature on a checkpoint counts, each for the origin that is its name."""
    tsa_roots: tuple[str, ...] = ()
    """Certificates of timestamping authorities' roots, PEM."""
    witnesses: tuple[NoteVerifier, ...] = ()
    """Whose cosignature on a checkpoint counts."""
    tsa_intermediates: tuple[str, ...] = ()
    """Certificates that may stand between a root and a timestamp's signer, PEM. Those in a token never count."""
    tsa_certificates: tuple[str, ...] = ()
    """If there are any, only timestamps signed by one of these certificates count, PEM."""
    validity: tuple[Validity, ...] = ()
    revocations: tuple[Revocation, ...] = ()
    policy: Policy = Policy()

    def attestation_key(self, keyid: str) -> PublicKey | None:
        """The attestation key with this id, or None."""
        return next((key for key in self.attestation_keys if key.keyid == keyid), None)

    def validity_of(self, key: str) -> Validity:
        """When the key with this keyid or vkey may have signed; always, if nothing is said of it."""
        return next((item for item in self.validity if item.key == key), Validity(key))

    def revocation_of(self, key: str) -> Revocation | None:
        """The revocation of the key with this keyid or vkey, or None."""
        return next((item for item in self.revocations if item.key == key), None)

    @property
    def witnesses_needed(self) -> int:
        """How many witnesses must have cosigned a checkpoint."""
        return len(self.witnesses) if self.policy.witnesses is None else self.policy.witnesses

    @property
    def timestamps_needed(self) -> int:
        """How many authorities must have timestamped a checkpoint."""
        if self.policy.timestamps is not None:
            return self.policy.timestamps
        return 1 if self.tsa_roots else 0


def parse_trust(data: bytes) -> TrustRoot:
    """Parse `trust.json`. Spacing and the order of members are free; the lists keep their order.

    Raises:
        MalformedTrustRoot: `data` is not JSON, has a duplicate, unknown or missing member, an item that is no key of
            its kind or is there twice, a keyid that is not that of its key, a validity or revocation of a key that it
            does not name, a policy that asks for more than it names, a member that would have no effect, two witnesses
            with one key, or no attestation key or log key at all.
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
        _items(members, "tsaIntermediates", _certificate),
        _items(members, "tsaCertificates", _certificate),
        _items(members, "validity", _validity),
        _items(members, "revocations", _revocation),
        _policy(members.get("policy", {})),
    )
    for name, keys in (("attestationKeys", trust.attestation_keys), ("logKeys", trust.log_keys)):
        if not keys:
            raise MalformedTrustRoot(name, "names no key, so that nothing could be verified")
    _check_consistent(trust)
    return trust


def format_trust(trust: TrustRoot) -> bytes:
    """`trust.json` of `trust`, indented for people, with a newline at its end."""
    value = {
        "attestationKeys": [{"keyid": key.keyid, "publicKey": key.pem} for key in trust.attestation_keys],
        "logKeys": [key.vkey for key in trust.log_keys],
        "tsaRoots": list(trust.tsa_roots),
        "witnesses": [key.vkey for key in trust.witnesses],
    }
    extensions: dict[str, Any] = {
        "tsaIntermediates": list(trust.tsa_intermediates),
        "tsaCertificates": list(trust.tsa_certificates),
        "validity": [
            {"key": item.key, "notBefore": _written(item.not_before), "notAfter": _written(item.not_after)}
            for item in trust.validity
        ],
        "revocations": [
            {"key": item.key, "at": format_timestamp(item.at), "reason": item.reason} for item in trust.revocations
        ],
        "policy": {
            name: number
            for name, number in (("witnesses", trust.policy.witnesses), ("timestamps", trust.policy.timestamps))
            if number is not None
        },
    }
    value |= {name: member for name, member in extensions.items() if member}
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
    except (ValueError, x509.InvalidVersion) as err:
        raise MalformedTrustRoot(path, "not a certificate in PEM") from err
    if certificate.public_bytes(Encoding.PEM).decode("ascii") != text:
        raise MalformedTrustRoot(path, "PEM holds more than one certificate, or is not written as OpenSSL writes it")
    return text


def _validity(value: Any, path: str) -> Validity:
    members = _members(value, path, ("key",), ("notBefore", "notAfter"))
    times = [_time(members.get(name), f"{path}.{name}") for name in ("notBefore", "notAfter")]
    first, last = times
    if first is None and last is None:
        raise MalformedTrustRoot(path, "neither notBefore nor notAfter")
    if first is not None and last is not None and first > last:
        raise MalformedTrustRoot(path, "notBefore is after notAfter")
    return Validity(_text(members["key"], f"{path}.key"), first, last)


def _revocation(value: Any, path: str) -> Revocation:
    members = _members(value, path, ("key", "at", "reason"))
    at = _time(_text(members["at"], f"{path}.at"), f"{path}.at")
    if at is None:
        raise MalformedTrustRoot(f"{path}.at", "not a time")
    return Revocation(_text(members["key"], f"{path}.key"), at, _text(members["reason"], f"{path}.reason"))


def _time(value: Any, path: str) -> datetime | None:
    if value is None:
        return None
    try:
        return parse_timestamp(_text(value, path))
    except MalformedTimestamp as err:
        raise MalformedTrustRoot(path, err.reason) from err


def _policy(value: Any) -> Policy:
    members = _members(value, "policy", (), ("witnesses", "timestamps"))
    for name, number in members.items():
        if type(number) is not int or number < 1:
            raise MalformedTrustRoot(f"policy.{name}", "not a number from 1 on")
    return Policy(members.get("witnesses"), members.get("timestamps"))


def _check_consistent(trust: TrustRoot) -> None:
    """Refuse what would quietly have no effect, or could never be met."""
    named = {key.keyid for key in trust.attestation_keys} | {key.vkey for key in trust.log_keys}
    said: tuple[tuple[str, list[str]], ...] = (
        ("validity", [item.key for item in trust.validity]),
        ("revocations", [item.key for item in trust.revocations]),
    )
    for name, keys in said:
        for place, key in enumerate(keys):
            if key not in named:
                raise MalformedTrustRoot(f"{name}.{place}.key", "no key of this trust root")
            if key in keys[:place]:
                raise MalformedTrustRoot(f"{name}.{place}.key", "is there twice")
    # One key under two names would count as two witnesses, and a log's own key as none at all.
    witnesses = [*(key.key for key in trust.log_keys), *(key.key for key in trust.witnesses)]
    for place, witness in enumerate(trust.witnesses):
        if witness.key in witnesses[: place + len(trust.log_keys)]:
            raise MalformedTrustRoot(f"witnesses.{place}", "the key of a log, or of another witness")
    if trust.witnesses_needed > len(trust.witnesses):
        raise MalformedTrustRoot("policy.witnesses", f"more than the {len(trust.witnesses)} that are named")
    if not trust.tsa_roots:
        for name, there in (
            ("policy.timestamps", trust.policy.timestamps),
            ("tsaIntermediates", trust.tsa_intermediates),
            ("tsaCertificates", trust.tsa_certificates),
        ):
            if there:
                raise MalformedTrustRoot(name, "has no effect, because no tsaRoots are named")


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else format_timestamp(moment)


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise MalformedTrustRoot(path, "not a string")
    return value
