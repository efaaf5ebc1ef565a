"""Ed25519 keys and their files."""

import hashlib
import os
import stat
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from sijill.provenance.attest.keys import PublicKey, SigningKey, read_signing_key, write_signing_key
from sijill.provenance.errors import KeyFileExists, KeyFileUnusable, MalformedKey, UnsafeKeyFile

# RFC 8032 §7.1, TEST 1 and TEST 3.
RFC8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.fixture
def key() -> SigningKey:
    return SigningKey(bytes.fromhex(RFC8032[0][0]))


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC8032)
def test_standard_vectors(seed, public, message, signature):
    key = SigningKey(bytes.fromhex(seed))
    assert key.public.raw.hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    assert key.public.verify(bytes.fromhex(signature), bytes.fromhex(message))


def test_verify_is_strict(key):
    signature = key.sign(b"message")
    assert key.public.verify(signature, b"message")
    assert not key.public.verify(signature, b"massage")
    assert not key.public.verify(signature[:-1], b"message")
    assert not key.public.verify(signature + b"\0", b"message")
    assert not key.public.verify(b"", b"message")
    assert not SigningKey.generate().public.verify(signature, b"message")


def test_keyid_is_that_of_openssl(key, tmp_path, tool):
    pem = tmp_path / "public.pem"
    pem.write_text(key.public.pem)
    command = [tool("openssl", "openssl"), "pkey", "-pubin", "-in", str(pem), "-outform", "DER"]
    der = subprocess.run(command, check=True, capture_output=True).stdout
    assert key.public.spki == der
    assert key.public.keyid == hashlib.sha256(der).hexdigest()


def test_public_pem_round_trip(key):
    assert PublicKey.from_pem(key.public.pem) == key.public


@pytest.mark.parametrize(
    "change",
    [
        lambda pem: "",
        lambda pem: pem.rstrip("\n"),
        lambda pem: pem.replace("\n", "\r\n"),
        lambda pem: "comment\n" + pem,
        lambda pem: pem + pem,
        lambda pem: pem.replace("PUBLIC", "PRIVATE"),
        lambda pem: pem + "\ud800",
    ],
)
def test_public_pem_in_any_other_form_is_refused(key, change):
    with pytest.raises(MalformedKey):
        PublicKey.from_pem(change(key.public.pem))


def test_other_kinds_of_keys_are_refused(key):
    other = ec.generate_private_key(ec.SECP256R1())
    public = other.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(MalformedKey, match="not an Ed25519 key"):
        PublicKey.from_pem(public.decode())
    plain = serialization.NoEncryption()
    private = other.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    with pytest.raises(MalformedKey, match="not an Ed25519 key"):
        SigningKey.from_pem(private)
    encrypted = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"password"),
    )
    with pytest.raises(MalformedKey, match="unencrypted"):
        SigningKey.from_pem(encrypted)
    with pytest.raises(MalformedKey):
        SigningKey(b"short")
    with pytest.raises(MalformedKey):
        PublicKey(b"short")


def test_secret_is_not_shown(key):
    assert key.seed.hex() not in repr(key)
    assert repr(key) == f"SigningKey({key.public.keyid})"


@pytest.mark.parametrize("mask", [0o000, 0o277])
def test_file_round_trip_is_for_the_owner_alone(key, tmp_path, mask):
    path = tmp_path / "key.pem"
    before = os.umask(mask)
    try:
        write_signing_key(path, key)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_signing_key(path).seed == key.seed


def test_file_is_what_openssl_reads(key, tmp_path, tool):
    path = tmp_path / "key.pem"
    write_signing_key(path, key)
    command = [tool("openssl", "openssl"), "pkey", "-in", str(path), "-pubout"]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == key.public.pem


def test_file_is_never_overwritten(key, tmp_path):
    path = tmp_path / "key.pem"
    path.write_bytes(b"precious")
    with pytest.raises(KeyFileExists):
        write_signing_key(path, key)
    assert path.read_bytes() == b"precious"
    link = tmp_path / "link.pem"
    link.symlink_to(tmp_path / "elsewhere.pem")
    with pytest.raises(KeyFileExists):
        write_signing_key(link, key)
    assert not (tmp_path / "elsewhere.pem").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o666])
def test_file_that_others_can_use_is_refused(key, tmp_path, mode):
    path = tmp_path / "key.pem"
    write_signing_key(path, key)
    path.chmod(mode)
    with pytest.raises(UnsafeKeyFile) as caught:
        read_signing_key(path)
    assert caught.value.mode == mode
    assert caught.value.path == path


def test_unusable_files(key, tmp_path):
    with pytest.raises(KeyFileUnusable, match="No such file"):
        read_signing_key(tmp_path / "none.pem")
    with pytest.raises(KeyFileUnusable):
        read_signing_key(tmp_path)
    with pytest.raises(KeyFileUnusable):
        write_signing_key(tmp_path / "none" / "key.pem", key)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"not a key", b"x" * 20_000])
def test_files_without_a_key(tmp_path, content):
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(MalformedKey, match=str(path)):
        read_signing_key(path)
