"""Asking witnesses to cosign the log's checkpoints (c2sp.org/tlog-witness), and keeping what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sijill.flows.errors import PartnerUnreachable
from sijill.flows.partners.posting import Answer, Asked, post
from sijill.flows.settings import Settings
from sijill.flows.wiring import Archive
from sijill.provenance.errors import (
    LogDamaged,
    MalformedCheckpoint,
    MalformedNote,
    NoSuchCheckpoint,
    UnverifiedNote,
)
from sijill.provenance.log.checkpoint import SignedCheckpoint, parse_checkpoint, parse_decimal
from sijill.provenance.log.cosignature import (
    format_line,
    parse_line,
    parse_lines,
    verify_cosignature,
    with_cosignatures,
)
from sijill.provenance.log.layout import CHECKPOINT, checkpoint_key, cosignature_key
from sijill.provenance.log.note import Note, NoteSignature, NoteVerifier
from sijill.provenance.log.witness import build_request, parse_held_size
from sijill.provenance.printable import printable
from sijill.storage.layout import PENDING

_CONTENT_TYPE = "text/plain; charset=utf-8"
_LONGEST_ANSWER = 1 << 16
_ATTEMPTS = 3
"""Requests to one witness about one checkpoint: the size it holds may be guessed wrongly, and others ask as well."""
_CLOCK_SECONDS = 600
"""By how much a witness's clock may differ from ours before it is worth a word."""
_COSIGNATURE = ".cosignature"


@dataclass(frozen=True, slots=True)
class ConfiguredWitness:
    """A witness that settings name."""

    url: str
    key: NoteVerifier
    timeout_seconds: float


def configured_witnesses(settings: Settings) -> tuple[ConfiguredWitness, ...]:
    """The witnesses of `[[witnesses]]`."""
    return tuple(
        ConfiguredWitness(section.url, NoteVerifier.from_vkey(section.vkey), section.timeout_seconds)
        for section in settings.witnesses
    )


def cosign_checkpoint(archive: Archive, size: int, note: bytes) -> tuple[Asked, ...]:
    """Ask every witness of the settings that has not yet done so to cosign the checkpoint `note`, all at once.

    A witness that does not answer, or answers nonsense, is reported and keeps nobody waiting for longer than its
    timeout allows.

    Raises:
        LogDamaged: the stored log is not what its own key says.
        StorageError: the store failed.
    """
    witnesses = configured_witnesses(archive.settings)
    if not witnesses:
        return ()
    signed = parse_checkpoint(note)
    with ThreadPoolExecutor(len(witnesses)) as threads:
        return tuple(threads.map(lambda witness: _Asking(archive, witness, size, signed).ask(), witnesses))


def cosigned(archive: Archive, size: int) -> bytes:
    """The checkpoint of `size` with all cosignatures that are stored, those of former witnesses included.

    Raises:
        NoSuchCheckpoint: the log keeps none of that size.
        LogDamaged: what is stored is not a checkpoint of the log, or not a cosignature line of the key it is stored by.
        StorageError: the store failed.
    """
    kept = archive.log_reader.checkpoint_at(size)
    known = {witness.key.key_id: witness.key for witness in configured_witnesses(archive.settings)}
    known |= {key.key_id: key for key in archive.trust.witnesses}
    lines = []
    for key in archive.log.list(f"{checkpoint_key(size)}."):
        if key.endswith(_COSIGNATURE) and (data := archive.log.read(key)) is not None:
            line = _stored(key, data)
            if cosignature_key(size, line.key_id) != key:
                raise LogDamaged(key, f"a line of the key {line.key_id.hex()}")
            if line.key_id in known:
                _verify_stored(key, kept.note.text, line, known[line.key_id])
            lines.append(data)
    return with_cosignatures(kept.data, lines)


def publish(archive: Archive, size: int) -> bool:
    """Add the stored cosignatures to `log/checkpoint` if it is the checkpoint of `size`; whether it was changed.

    Raises:
        LogDamaged: see `cosigned`.
        StorageError: the store failed.
    """
    published = archive.log.read(CHECKPOINT)
    if published is None:
        return False
    try:
        found = parse_checkpoint(published)
    except MalformedCheckpoint as err:
        raise LogDamaged(CHECKPOINT, err.reason) from err
    if found.checkpoint.size != size or published == (wanted := cosigned(archive, size)):
        return False
    archive.log.replace(CHECKPOINT, wanted)
    return True


class _Problem(Exception):
    """Why there is no cosignature. `str()` is the line reported."""


class _Asking:
    """One witness asked about one checkpoint."""

    def __init__(self, archive: Archive, witness: ConfiguredWitness, size: int, signed: SignedCheckpoint) -> None:
        self._archive = archive
        self._witness = witness
        self._size = size
        self._text = signed.note.text
        # What others cosigned is none of this witness's business.
        self._checkpoint = signed.first_signed
        self._key = cosignature_key(size, witness.key.key_id)
        self._hint_key = f"{PENDING}witnesses/{witness.key.key_id.hex()}"

    def ask(self) -> Asked:
        name = self._witness.key.name
        if (data := self._archive.log.read(self._key)) is not None:
            _verify_stored(self._key, self._text, _stored(self._key, data), self._witness.key)
            return Asked(name, held=True)
        try:
            line, seconds = self._cosignature(self._answer())
        except (_Problem, PartnerUnreachable) as err:
            return Asked(name, held=False, problem=str(err))
        # Another sealer may have stored one that was made at another time: as good as this.
        self._archive.log.create(self._key, format_line(line))
        self._remember(self._size)
        away = seconds - int(self._archive.clock().timestamp())
        strange = f"its clock is {away:+d} s from ours" if abs(away) > _CLOCK_SECONDS else None
        return Asked(name, held=True, problem=strange)

    def _answer(self) -> bytes:
        """The body of an answer that says 200.

        Raises:
            _Problem: there is none.
            PartnerUnreachable: there is no answer at all.
        """
        old = self._remembered()
        for _ in range(_ATTEMPTS):
            answer = self._post(old)
            if answer.status == 200:
                return answer.body
            if answer.status != 409:
                raise _Problem(f"it answered {answer.status}: {_first_line(answer.body)}")
            held = parse_held_size(answer.content_type, answer.body)
            if held is None:
                raise _Problem(f"it answered 409: {_first_line(answer.body)}")
            if held == old:
                raise _Problem(f"it refuses the size that it says it holds, {old}")
            if held > self._size:
                raise _Problem(f"it has cosigned size {held} already, and cosigns no smaller one")
            old = held
        raise _Problem("it names another size each time that it is asked")

    def _post(self, old: int) -> Answer:
        try:
            # From the empty tree no proof leads anywhere, and the log keeps no checkpoint of it.
            proof: Sequence[bytes] = self._archive.log_reader.consistency(old, self._size) if old else ()
        except NoSuchCheckpoint as err:
            raise _Problem(f"it holds size {err.size}, of which this log keeps no checkpoint") from err
        return post(
            f"{self._witness.url.rstrip('/')}/add-checkpoint",
            build_request(old, proof, self._checkpoint),
            content_type=_CONTENT_TYPE,
            accept=None,
            timeout_seconds=self._witness.timeout_seconds,
            limit=_LONGEST_ANSWER,
            ca_file=self._archive.ca_file,
        )

    def _cosignature(self, body: bytes) -> tuple[NoteSignature, int]:
        """The cosignature in an answer and when it says it was made; lines of other keys are passed over.

        Raises:
            _Problem: there is none that verifies.
        """
        key = self._witness.key
        try:
            lines = [line for line in parse_lines(body) if (line.name, line.key_id) == (key.name, key.key_id)]
            seconds = verify_cosignature(Note(self._text, tuple(lines)), key)
        except (MalformedNote, UnverifiedNote) as err:
            raise _Problem(f"its answer is no cosignature of this checkpoint: {err}") from err
        return lines[0], seconds

    def _remembered(self) -> int:
        """The size that the witness is likely to hold; only a hint, it says itself what it holds."""
        data = self._archive.log.read(self._hint_key) or b""
        size = parse_decimal(data.decode("latin-1").removesuffix("\n"))
        return size if size is not None and size <= self._size else 0

    def _remember(self, size: int) -> None:
        data = f"{size}\n".encode("ascii")
        if self._archive.log.read(self._hint_key) != data:
            self._archive.log.replace(self._hint_key, data)


def _stored(key: str, data: bytes) -> NoteSignature:
    try:
        return parse_line(data)
    except MalformedNote as err:
        raise LogDamaged(key, err.reason) from err


def _verify_stored(key: str, text: str, line: NoteSignature, witness: NoteVerifier) -> None:
    try:
        verify_cosignature(Note(text, (line,)), witness)
    except UnverifiedNote as err:
        raise LogDamaged(key, str(err)) from err


def _first_line(body: bytes) -> str:
    lines = body[:200].decode("utf-8", "replace").splitlines()
    return printable(lines[0]) if lines else "nothing more"
