"""A witness's folder: its key, the logs it knows, and what it remembers of each, so that no kill makes it forget.

    witness.pem     private key
    witness.vkey    name and public key, for those who are to trust this witness
    logs            vkeys of the logs that are witnessed, one a line
    state/…         by the SHA-256 of a log's origin: the checkpoint cosigned last; first of all, an unsigned empty one
    forks/…         checkpoints of one size that a log signed for different trees, if one ever did

A log that is known has a state from the beginning, so that a lost state is never taken for a log that is new.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sijill.flows.errors import BadSettings, WitnessStateUnusable
from sijill.provenance.attest.keys import SigningKey, read_signing_key, write_signing_key
from sijill.provenance.errors import MalformedCheckpoint, MalformedNote
from sijill.provenance.log.checkpoint import Checkpoint, SignedCheckpoint, parse_checkpoint
from sijill.provenance.log.merkle import EMPTY_ROOT
from sijill.provenance.log.note import Algorithm, NoteVerifier

_KEY = "witness.pem"
_VKEY = "witness.vkey"
_LOGS = "logs"
_STATE = "state"
_FORKS = "forks"
_LOCK = "lock"
_MOST_FORKS = 100
"""Checkpoints kept as proof of forks: one pair proves it, and a log must not be able to fill the disk."""


@dataclass(frozen=True, slots=True)
class WitnessFolder:
    """A folder made by `init_witness`. Its state may be used by several threads and processes at once."""

    path: Path
    name: str
    key: SigningKey

    @property
    def verifier(self) -> NoteVerifier:
        """The public half of the witness's key."""
        return _cosigner(self.name, self.key)

    @property
    def state(self) -> FolderState:
        """What this witness remembers."""
        return FolderState(self.path)

    def logs(self, origin: str) -> tuple[NoteVerifier, ...]:
        """The keys of the log with this origin, as they are in the folder now.

        Raises:
            BadSettings: the list of logs cannot be read.
        """
        return tuple(key for key in self.all_logs() if key.name == origin)

    def all_logs(self) -> tuple[NoteVerifier, ...]:
        """The keys of all logs that are witnessed.

        Raises:
            BadSettings: the list cannot be read, or a line is not a log's vkey.
        """
        path = self.path / _LOGS
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as err:
            raise BadSettings(f"{path}: cannot be read: {err}") from err
        keys = []
        for number, line in enumerate(lines, start=1):
            try:
                keys.append(_log_key(line))
            except BadSettings as err:
                raise BadSettings(f"{path}: line {number}: {err}") from err
        return tuple(keys)

    def trust(self, vkey: str) -> bool:
        """Witness the log with this key from now on, also in processes that serve already; False if it is so already.

        Raises:
            BadSettings: it is not the vkey of a log, or the folder cannot be written.
        """
        key = _log_key(vkey)
        try:
            with self.state.locked():
                known = self.all_logs()
                if key in known:
                    return False
                self.state.begin(key.name)
                _write(self.path / _LOGS, "".join(f"{one.vkey}\n" for one in (*known, key)).encode())
        except OSError as err:
            raise BadSettings(f"{err.filename or self.path}: {err.strerror}") from err
        return True


class FolderState:
    """The `WitnessState` in a folder: one file a log, replaced as a whole and on disk before anything is answered."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / _STATE
        self._forks = folder / _FORKS

    def read(self, origin: str) -> SignedCheckpoint | None:
        """The checkpoint cosigned last, or None if none was yet.

        Raises:
            WitnessStateUnusable: it is missing or damaged; nothing may be cosigned.
        """
        path = self._path(origin)
        try:
            data = path.read_bytes()
            if data == _nothing(origin):
                return None
            held = parse_checkpoint(data)
        except OSError as err:
            raise WitnessStateUnusable(path, err.strerror or str(err)) from err
        except MalformedCheckpoint as err:
            raise WitnessStateUnusable(path, err.reason) from err
        if held.checkpoint.origin != origin:
            raise WitnessStateUnusable(path, "the state of another log")
        return held

    def advance(self, origin: str, held: SignedCheckpoint | None, new: SignedCheckpoint) -> bool:
        """Remember `new` on disk if the tree remembered is still that of `held`; see `WitnessState`.

        Raises:
            WitnessStateUnusable: what is remembered cannot be read, or `new` cannot be written.
        """
        with self.locked():
            now = self.read(origin)
            if _tree(now) != _tree(held):
                return False
            if _tree(now) != _tree(new):
                path = self._path(origin)
                try:
                    _write(path, new.data)
                except OSError as err:
                    raise WitnessStateUnusable(path, err.strerror or str(err)) from err
        return True

    def keep_fork(self, held: SignedCheckpoint, other: SignedCheckpoint) -> None:
        """Keep both as files of their own; see `WitnessState`.

        Raises:
            WitnessStateUnusable: they cannot be written.
        """
        try:
            with self.locked():
                self._forks.mkdir(exist_ok=True)
                for signed in (held, other):
                    tree = signed.checkpoint
                    path = self._forks / f"{_file_name(tree.origin)[:16]}-{tree.size}-{tree.root.hex()[:16]}"
                    if not path.exists() and sum(1 for _ in self._forks.iterdir()) < _MOST_FORKS:
                        _write(path, signed.data)
        except OSError as err:
            raise WitnessStateUnusable(self._forks, err.strerror or str(err)) from err

    def begin(self, origin: str) -> None:
        """Remember that nothing of this log was cosigned yet, unless something is remembered."""
        path = self._path(origin)
        if not path.exists():
            _write(path, _nothing(origin))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep all other threads and processes from changing anything.

        Raises:
            WitnessStateUnusable: the lock cannot be had, because the folder is not there or not writable.
        """
        path = self._folder / _LOCK
        # A lock belongs to what `open` returns, so one opened anew each time keeps threads apart as well as processes.
        try:
            file = path.open("ab")
        except OSError as err:
            raise WitnessStateUnusable(path, err.strerror or str(err)) from err
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _path(self, origin: str) -> Path:
        return self._folder / _file_name(origin)


def init_witness(path: Path, name: str) -> WitnessFolder:
    """Make a witness with a new key in the new or empty folder `path`.

    Raises:
        BadSettings: there is something in the folder, the name cannot be that of a key, or it cannot be written.
    """
    key = SigningKey.generate()
    try:
        vkey = _cosigner(name, key).vkey
    except MalformedNote as err:
        raise BadSettings(f"{err.reason}; a name like witness.example/w1 is usual") from err
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise BadSettings(f"{path} is not empty; nothing was written. Choose another folder")
        (path / _STATE).mkdir(mode=0o700)
        write_signing_key(path / _KEY, key)
        _write(path / _LOGS, b"")
        _write(path / _VKEY, f"{vkey}\n".encode())
    except OSError as err:
        raise BadSettings(f"{err.filename or path}: {err.strerror}") from err
    return WitnessFolder(path, name, key)


def open_witness(path: Path) -> WitnessFolder:
    """The witness in `path`.

    Raises:
        BadSettings: there is none, or it is damaged.
        ProvenanceError: its key file is unsafe or not a key.
    """
    vkey = path / _VKEY
    try:
        text = vkey.read_text(encoding="utf-8")
    except FileNotFoundError as err:
        raise BadSettings(f"{path}: no witness here; make one with: sijill witness init FOLDER --name NAME") from err
    except (OSError, UnicodeDecodeError) as err:
        raise BadSettings(f"{vkey}: cannot be read: {err}") from err
    key = read_signing_key(path / _KEY)
    name = text.partition("+")[0]
    try:
        ours = _cosigner(name, key).vkey
    except MalformedNote as err:
        raise BadSettings(f"{vkey}: {err.reason}") from err
    if text != f"{ours}\n":
        raise BadSettings(f"{vkey}: not the public half of {path / _KEY}")
    folder = WitnessFolder(path, name, key)
    for log in folder.all_logs():
        folder.state.read(log.name)
    return folder


def _cosigner(name: str, key: SigningKey) -> NoteVerifier:
    return NoteVerifier(name, key.public, Algorithm.COSIGNATURE_V1)


def _log_key(vkey: str) -> NoteVerifier:
    try:
        key = NoteVerifier.from_vkey(vkey)
    except MalformedNote as err:
        raise BadSettings(f"{vkey[:80]!r}: not a log's vkey: {err.reason.removeprefix('vkey: ')}") from err
    if key.algorithm is not Algorithm.ED25519:
        raise BadSettings(f"{vkey[:80]!r}: the vkey of a witness, not of a log")
    return key


def _tree(signed: SignedCheckpoint | None) -> tuple[int, bytes]:
    return (signed.checkpoint.size, signed.checkpoint.root) if signed else (0, EMPTY_ROOT)


def _nothing(origin: str) -> bytes:
    return Checkpoint(origin, 0, EMPTY_ROOT).text.encode()


def _file_name(origin: str) -> str:
    return hashlib.sha256(origin.encode()).hexdigest()


def _write(path: Path, data: bytes) -> None:
    """Replace `path` as a whole and have it on disk before returning. Writers of one path must exclude each other."""
    new = path.with_name(f".{path.name}.new")
    with new.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
