"""Signed notes and their Ed25519 keys (c2sp.org/signed-note)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from sijill.provenance.attest.keys import PublicKey, SigningKey
from sijill.provenance.errors import MalformedKey, MalformedNote, UnverifiedNote

MAX_NOTE = 1 << 20
"""The largest note accepted, in bytes."""
MAX_SIGNATURES = 100

_KEY_ID_SIZE = 4
_KEY_ID = re.compile(r"[0-9a-f]{8}")
_DASH = "\u2014 "
_PRIVATE = "PRIVATE+KEY+"


class Algorithm(IntEnum):
    """Signature types, by the byte that the specification assigns."""

    ED25519 = 1
    COSIGNATURE_V1 = 4
    """A witness's timestamped Ed25519 cosignature (c2sp.org/tlog-cosignature)."""


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line. Name and key id are claims until the signature is verified."""

    name: str
    key_id: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A text, which ends with a newline, and its signatures."""

    text: str
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """A named public key: what a vkey says."""

    name: str
    key: PublicKey
    algorithm: Algorithm = Algorithm.ED25519

    def __post_init__(self) -> None:
        check_name(self.name)

    @classmethod
    def from_vkey(cls, vkey: str) -> NoteVerifier:
        """Parse `<name>+<key id>+<base64 of type and key>`.

        Raises:
            MalformedNote: it is anything else, has a type that sijill does not use, or its key id is not that of the
                key.
        """
        # The base64 may hold a plus; the name and the key id may not.
        name, key_id, material = _split_key(vkey)
        decoded = _decode(material, "vkey")
        try:
            verifier = cls(name, PublicKey(decoded[1:]), Algorithm(decoded[0]))
        except (MalformedKey, ValueError) as err:
            raise MalformedNote("vkey: not an Ed25519 key or cosignature key") from err
        if verifier.key_id.hex() != key_id or verifier.vkey != vkey:
            raise MalformedNote("vkey: the key id is not that of the key")
        return verifier

    @property
    def key_id(self) -> bytes:
        """The first four bytes of the SHA-256 of name, newline, type and key."""
        preimage = self.name.encode("utf-8") + b"\n" + bytes([self.algorithm]) + self.key.raw
        return hashlib.sha256(preimage).digest()[:_KEY_ID_SIZE]

    @property
    def vkey(self) -> str:
        """The text form of this key."""
        return f"{self.name}+{self.key_id.hex()}+{_encode(bytes([self.algorithm]) + self.key.raw)}"

    def signature_in(self, note: Note) -> NoteSignature | None:
        """The one signature in `note` that names this key; nothing is verified.

        Raises:
            UnverifiedNote: there are several.
        """
        found = [line for line in note.signatures if (line.name, line.key_id) == (self.name, self.key_id)]
        if len(found) > 1:
            raise UnverifiedNote(self.name, "signed more than once")
        return found[0] if found else None

    def verify(self, note: Note) -> None:
        """Check that this key signed the text of `note` as an ordinary note signature.

        Signatures that name other keys are ignored, as the specification asks.

        Raises:
            UnverifiedNote: it has no signature of this key, more than one, or one that does not verify.
        """
        if self.algorithm is not Algorithm.ED25519:
            raise UnverifiedNote(self.name, "the key is for cosignatures")
        signature = self.signature_in(note)
        if signature is None:
            raise UnverifiedNote(self.name, "no signature of this key")
        if not self.key.verify(signature.value, note.text.encode("utf-8")):
            raise UnverifiedNote(self.name, "the signature does not verify")


class NoteSigner:
    """A named private key."""

    __slots__ = ("_key", "name")

    def __init__(self, name: str, key: SigningKey) -> None:
        """Give `key` the `name` it signs under.

        Raises:
            MalformedNote: the name is empty or has a space, a plus or a control character.
        """
        check_name(name)
        self.name = name
        self._key = key

    @classmethod
    def from_skey(cls, skey: str) -> NoteSigner:
        """Parse `PRIVATE+KEY+<name>+<key id>+<base64 of type and seed>`, as the Go tools write it.

        Raises:
            MalformedNote: it is anything else, is not for Ed25519, or its key id is not that of the key.
        """
        if not skey.startswith(_PRIVATE):
            raise MalformedNote("skey: not a private note key")
        name, key_id, material = _split_key(skey.removeprefix(_PRIVATE))
        decoded = _decode(material, "skey")
        if decoded[:1] != bytes([Algorithm.ED25519]):
            raise MalformedNote("skey: not an Ed25519 key")
        try:
            signer = cls(name, SigningKey(decoded[1:]))
        except MalformedKey as err:
            raise MalformedNote("skey: not an Ed25519 key") from err
        if signer.verifier.key_id.hex() != key_id:
            raise MalformedNote("skey: the key id is not that of the key")
        return signer

    @property
    def skey(self) -> str:
        """The text form of this key, secret."""
        material = _encode(bytes([Algorithm.ED25519]) + self._key.seed)
        return f"{_PRIVATE}{self.name}+{self.verifier.key_id.hex()}+{material}"

    @property
    def verifier(self) -> NoteVerifier:
        """The public half."""
        return NoteVerifier(self.name, self._key.public)

    def sign(self, text: str) -> Note:
        """The note of `text` with this key's signature; the same text gives the same bytes."""
        value = self._key.sign(text.encode("utf-8"))
        return Note(text, (NoteSignature(self.name, self.verifier.key_id, value),))

    def __repr__(self) -> str:
        return f"NoteSigner({self.verifier.vkey})"


def format_note(note: Note) -> bytes:
    """The bytes of `note`.

    Raises:
        MalformedNote: text, names or signatures are such that `parse_note` would not give `note` back.
    """
    lines = (f"{_DASH}{line.name} {_encode(line.key_id + line.value)}\n" for line in note.signatures)
    data = f"{note.text}\n{''.join(lines)}".encode("utf-8", "replace")
    if parse_note(data) != note:
        raise MalformedNote("text or names that a note cannot hold")
    return data


def parse_note(data: bytes) -> Note:
    """Parse a signed note. Nothing is verified.

    Raises:
        MalformedNote: `data` is not UTF-8, holds a control character, has no signature or too many, or a line that is
            not written the one way it may be.
    """
    if len(data) > MAX_NOTE:
        raise MalformedNote(f"{len(data)} bytes, limit {MAX_NOTE}")
    try:
        content = data.decode("utf-8")
    except UnicodeDecodeError as err:
        raise MalformedNote(f"not UTF-8 at byte {err.start}") from err
    if any(character < " " and character != "\n" for character in content):
        raise MalformedNote("a control character")
    # The text may hold empty lines; the last one ends it.
    text, separator, signed = content.rpartition("\n\n")
    if not separator:
        raise MalformedNote("no empty line before the signatures")
    if not signed.endswith("\n"):
        raise MalformedNote("no newline at the end")
    lines = signed[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise MalformedNote(f"more than {MAX_SIGNATURES} signatures")
    return Note(f"{text}\n", _signatures(lines))


def check_name(name: str) -> None:
    """Check that a key may have this name.

    Raises:
        MalformedNote: it is empty, or has a Unicode space, a plus, a control character or a lone surrogate.
    """
    if not name or "+" in name or any(character.isspace() or character < " " for character in name):
        raise MalformedNote(f"not a key name: {name[:80]!r}")
    if any("\ud800" <= character <= "\udfff" for character in name):
        raise MalformedNote("a lone surrogate in a key name")


def _signatures(lines: Sequence[str]) -> tuple[NoteSignature, ...]:
    return tuple(_signature(line) for line in lines)


def _signature(line: str) -> NoteSignature:
    if not line.startswith(_DASH):
        raise MalformedNote(f"not a signature line: {line[:80]!r}")
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not space:
        raise MalformedNote(f"not a signature line: {line[:80]!r}")
    check_name(name)
    decoded = _decode(encoded, "signature")
    if len(decoded) <= _KEY_ID_SIZE:
        raise MalformedNote("signature: no bytes beside the key id")
    return NoteSignature(name, decoded[:_KEY_ID_SIZE], decoded[_KEY_ID_SIZE:])


def _split_key(text: str) -> tuple[str, str, str]:
    parts = text.split("+", 2)
    if len(parts) != 3 or not _KEY_ID.fullmatch(parts[1]):
        raise MalformedNote("not a note key")
    return parts[0], parts[1], parts[2]


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decode(text: str, what: str) -> bytes:
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as err:
        raise MalformedNote(f"{what}: not base64") from err
    if not decoded or _encode(decoded) != text:
        raise MalformedNote(f"{what}: not the standard base64 of its bytes")
    return decoded
