"""Ed25519 keys (RFC 8032): making, naming, signing, verifying, and the file a private key lives in."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sijill.provenance.errors import KeyFileExists, KeyFileUnusable, MalformedKey, UnsafeKeyFile

SIGNATURE_SIZE = 64
_KEY_SIZE = 32
_LARGEST_KEY_FILE = 16_384


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 public key, its 32 bytes as RFC 8032 encodes them."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != _KEY_SIZE:
            raise MalformedKey(f"{len(self.raw)} bytes, an Ed25519 public key has {_KEY_SIZE}")

    @classmethod
    def from_pem(cls, pem: str) -> Self:
        """Parse a PEM SubjectPublicKeyInfo, exactly as `pem` and OpenSSL write it.

        Raises:
            MalformedKey: it is not one, not Ed25519, or written in any other way.
        """
        try:
            loaded = serialization.load_pem_public_key(pem.encode("utf-8", "replace"))
        except (ValueError, UnsupportedAlgorithm) as err:
            raise MalformedKey("not a public key in PEM") from err
        if not isinstance(loaded, Ed25519PublicKey):
            raise MalformedKey("not an Ed25519 key")
        key = cls(loaded.public_bytes_raw())
        if key.pem != pem:
            raise MalformedKey("PEM holds more than one key, or is not written as OpenSSL writes it")
        return key

    @property
    def spki(self) -> bytes:
        """The DER SubjectPublicKeyInfo (RFC 8410), 44 bytes."""
        return self._key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    @property
    def pem(self) -> str:
        """The PEM SubjectPublicKeyInfo, with a newline at its end."""
        return (
            self._key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode("ascii")
        )

    @property
    def keyid(self) -> str:
        """Lowercase hexadecimal SHA-256 of the DER SubjectPublicKeyInfo, 64 digits."""
        return hashlib.sha256(self.spki).hexdigest()

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Whether `signature` is this key's pure Ed25519 signature of `message`."""
        if len(signature) != SIGNATURE_SIZE:
            return False
        try:
            self._key().verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def _key(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.raw)


class SigningKey:
    """An Ed25519 private key. Neither `repr` nor errors show it."""

    __slots__ = ("_key",)

    def __init__(self, seed: bytes) -> None:
        """Take the 32-byte private key of RFC 8032 §5.1.5.

        Raises:
            MalformedKey: `seed` has another length.
        """
        if len(seed) != _KEY_SIZE:
            raise MalformedKey(f"{len(seed)} bytes, an Ed25519 private key has {_KEY_SIZE}")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @classmethod
    def generate(cls) -> Self:
        """A new key from the operating system's randomness."""
        return cls(Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Parse an unencrypted PKCS #8 private key in PEM.

        Raises:
            MalformedKey: it is not one, is encrypted, or is not Ed25519.
        """
        try:
            loaded = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as err:
            raise MalformedKey("not an unencrypted private key in PEM") from err
        if not isinstance(loaded, Ed25519PrivateKey):
            raise MalformedKey("not an Ed25519 key")
        return cls(loaded.private_bytes_raw())

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return PublicKey(self._key.public_key().public_bytes_raw())

    @property
    def seed(self) -> bytes:
        """The 32 secret bytes."""
        return self._key.private_bytes_raw()

    @property
    def pem(self) -> bytes:
        """The unencrypted PKCS #8 PEM, secret."""
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def sign(self, message: bytes) -> bytes:
        """The 64-byte pure Ed25519 signature of `message`; the same message gives the same signature."""
        return self._key.sign(message)

    def __repr__(self) -> str:
        return f"SigningKey({self.public.keyid})"


def write_signing_key(path: Path, key: SigningKey) -> None:
    """Write `key` to a new file of mode 0600 and make sure that it is on disk.

    Raises:
        KeyFileExists: there is something at `path`; it is left as it is.
        KeyFileUnusable: the file cannot be written; nothing stays behind.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as err:
        raise KeyFileExists(path) from err
    except OSError as err:
        raise KeyFileUnusable(path, err.strerror or str(err)) from err
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(key.pem)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(path.parent)
    except OSError as err:
        path.unlink(missing_ok=True)
        raise KeyFileUnusable(path, err.strerror or str(err)) from err


def read_signing_key(path: Path) -> SigningKey:
    """Read a private key file.

    Raises:
        UnsafeKeyFile: its group or others have any permission on it.
        KeyFileUnusable: there is no such file, or it cannot be read or is no regular file.
        MalformedKey: it holds no unencrypted Ed25519 PKCS #8 PEM.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise KeyFileUnusable(path, "not a regular file")
            if status.st_mode & 0o077:
                raise UnsafeKeyFile(path, stat.S_IMODE(status.st_mode))
            pem = file.read(_LARGEST_KEY_FILE + 1)
    except OSError as err:
        raise KeyFileUnusable(path, err.strerror or str(err)) from err
    if len(pem) > _LARGEST_KEY_FILE:
        raise MalformedKey(f"{path}: more than {_LARGEST_KEY_FILE} bytes")
    try:
        return SigningKey.from_pem(pem)
    except MalformedKey as err:
        raise MalformedKey(f"{path}: {err.reason}") from err


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
