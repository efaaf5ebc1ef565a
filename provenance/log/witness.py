"""A witness: cosigns a log's checkpoints as long as the log only grows (c2sp.org/tlog-witness). Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.errors import InvalidProof, MalformedCheckpoint, MalformedRequest, UnverifiedNote
from sijill.provenance.log.checkpoint import SignedCheckpoint, parse_checkpoint, parse_decimal
from sijill.provenance.log.cosignature import format_line, sign_cosignature
from sijill.provenance.log.merkle import EMPTY_ROOT, HASH_SIZE, verify_consistency
from sijill.provenance.log.note import Algorithm, Note, NoteVerifier

MAX_REQUEST = 1 << 16
"""The largest request accepted, in bytes; the specification names no bound."""
MAX_HASHES = 63
SIZE_TYPE = "text/x.tlog.size"
"""The media type of an answer that says which size the witness holds."""
TEXT_TYPE = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """What a log asks: to cosign `checkpoint`, given that `proof` shows it to extend the tree of `old` entries."""

    old: int
    proof: tuple[bytes, ...]
    checkpoint: SignedCheckpoint


@dataclass(frozen=True, slots=True)
class Response:
    """What a witness answers over HTTP."""

    status: int
    content_type: str
    body: bytes
    summary: str
    """What was decided, for the witness's own records; holds text of the request."""


class WitnessState(Protocol):
    """What a witness remembers of each log. If anything of it is lost, the key must never be used again."""

    def read(self, origin: str) -> SignedCheckpoint | None:
        """The checkpoint of this log that was cosigned last, or None before the first."""

    def advance(self, origin: str, held: SignedCheckpoint | None, new: SignedCheckpoint) -> bool:
        """Remember `new` if the tree remembered still is that of `held`, in one step, durably before returning True.

        Returns:
            False, and nothing is changed, if the tree remembered is another.
        """

    def keep_fork(self, held: SignedCheckpoint, other: SignedCheckpoint) -> None:
        """Keep two checkpoints of one size that the log signed for different trees: together they prove a fork."""


class Witness:
    """One witness key at work. May be called from several threads and processes that share a state."""

    def __init__(
        self,
        name: str,
        key: SigningKey,
        *,
        logs: Callable[[str], Sequence[NoteVerifier]],
        state: WitnessState,
        clock: Callable[[], datetime],
    ) -> None:
        """Cosign as `name` with `key` for the logs whose keys `logs` gives by origin.

        Raises:
            MalformedNote: the name cannot be that of a key.
        """
        self.verifier = NoteVerifier(name, key.public, Algorithm.COSIGNATURE_V1)
        self._key = key
        self._logs = logs
        self._state = state
        self._clock = clock

    def add_checkpoint(self, body: bytes) -> Response:
        """Answer a request: with a cosignature, or with the reason why there is none.

        What `logs` and `state` raise is passed on; nothing was cosigned then.
        """
        try:
            request = parse_request(body)
        except MalformedRequest as err:
            return _refusal(400, f"malformed request: {err.reason}")
        tree = request.checkpoint.checkpoint
        keys = self._logs(tree.origin)
        if not keys:
            return _refusal(404, "unknown origin", tree.origin)
        try:
            signed = _signed_by(keys, request.checkpoint)
        except UnverifiedNote as err:
            return _refusal(403, err.reason, tree.origin)
        if request.old > tree.size:
            return _refusal(400, f"old size {request.old} is greater than the checkpoint's, {tree.size}", tree.origin)
        return self._cosign(request, signed)

    def _cosign(self, request: AddCheckpoint, signed: SignedCheckpoint) -> Response:
        tree = signed.checkpoint
        held = self._state.read(tree.origin)
        size, root = (held.checkpoint.size, held.checkpoint.root) if held else (0, EMPTY_ROOT)
        forked = size == tree.size and root != tree.root
        if forked and held:
            self._state.keep_fork(held, signed)
        if request.old != size:
            return _conflict(size, tree.origin)
        try:
            verify_consistency(size, tree.size, request.proof, root, tree.root)
        except InvalidProof as err:
            # The specification asks for 409 if size and proof are right and only the root is another.
            status = 409 if forked and not request.proof else 422
            return _refusal(status, f"from size {size} to {tree.size}: {err.reason}", tree.origin)
        # Taken before the state moves: nothing larger had been cosigned then, so what is signed is true of this moment.
        seconds = int(self._clock().timestamp())
        if not self._state.advance(tree.origin, held, signed):
            newer = self._state.read(tree.origin)
            return _conflict(newer.checkpoint.size if newer else 0, tree.origin)
        line = sign_cosignature(signed.note.text, self._key, self.verifier.name, seconds)
        return Response(200, TEXT_TYPE, format_line(line), f"{tree.origin}: cosigned, from size {size} to {tree.size}")


def build_request(old: int, proof: Sequence[bytes], checkpoint: bytes) -> bytes:
    """The request to cosign `checkpoint`, a signed note, of a log whose tree of `old` entries the witness holds.

    Raises:
        MalformedRequest: a member cannot be written.
    """
    hashes = "".join(f"{base64.b64encode(value).decode('ascii')}\n" for value in proof)
    data = f"old {old}\n{hashes}\n".encode("ascii") + checkpoint
    request = parse_request(data)
    if (request.old, request.proof) != (old, tuple(proof)):
        raise MalformedRequest("members that a request cannot hold")
    return data


def parse_request(data: bytes) -> AddCheckpoint:
    """Parse the body of an `add-checkpoint` request. Nothing is verified.

    Raises:
        MalformedRequest: it is not one, written in the one way it may be written.
    """
    if len(data) > MAX_REQUEST:
        raise MalformedRequest(f"{len(data)} bytes, limit {MAX_REQUEST}")
    head, separator, note = data.partition(b"\n\n")
    if not separator:
        raise MalformedRequest("no empty line before the checkpoint")
    try:
        first, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as err:
        raise MalformedRequest(f"not ASCII at byte {err.start}") from err
    old = parse_decimal(first.removeprefix("old ")) if first.startswith("old ") else None
    if old is None:
        raise MalformedRequest(f"the first line is not an old size: {first[:40]!r}")
    if len(lines) > MAX_HASHES:
        raise MalformedRequest(f"more than {MAX_HASHES} hashes")
    try:
        checkpoint = parse_checkpoint(note)
    except MalformedCheckpoint as err:
        raise MalformedRequest(f"checkpoint: {err.reason}") from err
    return AddCheckpoint(old, tuple(_hash(line) for line in lines), checkpoint)


def parse_held_size(content_type: str | None, body: bytes) -> int | None:
    """The size that an answer with status 409 says the witness holds; None if it says none."""
    number, newline, rest = body.decode("latin-1").partition("\n")
    if content_type != SIZE_TYPE or not newline or rest:
        return None
    return parse_decimal(number)


def _signed_by(keys: Sequence[NoteVerifier], signed: SignedCheckpoint) -> SignedCheckpoint:
    """`signed` with the signatures of `keys` only, all of which verify.

    Raises:
        UnverifiedNote: there is none of `keys`, or one that does not verify.
    """
    lines = []
    for key in keys:
        if (line := key.signature_in(signed.note)) is not None:
            key.verify(signed.note)
            lines.append(line)
    if not lines:
        raise UnverifiedNote(signed.checkpoint.origin, "no signature of a key that this witness knows")
    return SignedCheckpoint(signed.checkpoint, Note(signed.note.text, tuple(lines)))


def _refusal(status: int, reason: str, origin: str = "") -> Response:
    summary = f"{origin}: refused, {reason}" if origin else f"refused, {reason}"
    return Response(status, TEXT_TYPE, f"{reason}\n".encode(), summary)


def _conflict(size: int, origin: str) -> Response:
    return Response(409, SIZE_TYPE, f"{size}\n".encode("ascii"), f"{origin}: refused, size {size} is held")


def _hash(line: str) -> bytes:
    try:
        value = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError) as err:
        raise MalformedRequest("a hash is not base64") from err
    if len(value) != HASH_SIZE or base64.b64encode(value).decode("ascii") != line:
        raise MalformedRequest(f"a hash is not the standard base64 of {HASH_SIZE} bytes")
    return value
