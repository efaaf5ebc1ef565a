"""A verifier of checkpoint, proof and envelope written here from the standards alone, which must agree with ours.

It takes nothing from the product but the package: C2SP tlog-proof and signed-note, RFC 6962 §2.1.1, DSSE v1, and
Ed25519 from the cryptography library. securesystemslib is a second reader of the envelope.
"""

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from evidence import proof_of
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey


def leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\0" + data).digest()


def root_from_path(m: int, n: int, path: list[bytes], value: bytes) -> bytes:
    """The root that PATH(m, D[n]) leads to, by the recursive definition of RFC 6962 §2.1.1, read backwards."""
    if n == 1:
        assert not path
        return value
    k = 1
    while k * 2 < n:
        k *= 2
    *below, last = path
    if m < k:
        return hashlib.sha256(b"\1" + root_from_path(m, k, below, value) + last).digest()
    return hashlib.sha256(b"\1" + last + root_from_path(m - k, n - k, below, value)).digest()


def checked_head(note: str, vkey: str) -> tuple[str, int, bytes]:
    """Origin, size and root of a checkpoint that the key signed (c2sp.org/signed-note, tlog-checkpoint)."""
    name, key_hash, encoded = vkey.split("+", 2)
    material = base64.b64decode(encoded)
    assert material[0] == 1
    expected = hashlib.sha256(name.encode() + b"\n" + material).digest()[:4]
    assert key_hash == expected.hex()
    text, _, signatures = note.rpartition("\n\n")
    line = next(line for line in signatures.splitlines() if line.startswith(f"\u2014 {name} "))
    signature = base64.b64decode(line.split(" ")[2])
    assert signature[:4] == expected
    Ed25519PublicKey.from_public_bytes(material[1:]).verify(signature[4:], f"{text}\n".encode())
    origin, size, root, *extensions = text.split("\n")
    assert origin == name
    assert not extensions
    return origin, int(size), base64.b64decode(root)


def shown_in_log(proof: bytes, entry: bytes, vkey: str) -> tuple[str, int, int]:
    head, _, note = proof.decode().partition("\n\n")
    version, index_line, *hashes = head.split("\n")
    assert version == "c2sp.org/tlog-proof@v1"
    index = int(index_line.removeprefix("index "))
    origin, size, root = checked_head(note, vkey)
    assert root_from_path(index, size, [base64.b64decode(line) for line in hashes], leaf(entry)) == root
    return origin, index, size


def entry_of(envelope: bytes, capture_id: str) -> bytes:
    digest = hashlib.sha256(envelope).hexdigest()
    return (
        f'{{"envelopeSha256":"{digest}","id":"{capture_id}","kind":"capture","type":"https://sijill.org/log-entry/v1"}}'
    ).encode()


def test_a_package_is_in_the_log(true, trust, verify, package):
    files = true.files()
    envelope = files["provenance/attestation.dsse.json"]
    payload = json.loads(base64.b64decode(json.loads(envelope)["payload"]))
    entry = entry_of(envelope, payload["predicate"]["captureId"])
    place = shown_in_log(files["provenance/inclusion.tlog-proof"], entry, trust.log_keys[0].vkey)
    ours = verify(package).place
    assert place == (ours.origin, ours.index, ours.size)
    assert files["provenance/checkpoint"] == files["provenance/inclusion.tlog-proof"].partition(b"\n\n")[2]


@pytest.mark.parametrize("size", range(1, 18))
def test_every_place_in_logs_of_all_shapes(true, trust, size):
    entry = entry_of(true.envelope, true.statement["predicate"]["captureId"])
    for index in range(size):
        proof = proof_of(true.envelope, index=index, size=size)
        assert shown_in_log(proof, entry, trust.log_keys[0].vkey)[1:] == (index, size)


def test_the_envelope_is_signed_as_dsse_says(true, trust):
    envelope = json.loads(true.envelope)
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    key = load_pem_public_key(trust.attestation_keys[0].pem.encode())
    key.verify(base64.b64decode(envelope["signatures"][0]["sig"]), signed)


def test_securesystemslib_accepts_the_envelope(true, trust):
    key = trust.attestation_keys[0]
    other = SSlibKey(key.keyid, "ed25519", "ed25519", {"public": key.raw.hex()})
    found = Envelope.from_dict(json.loads(true.envelope))
    # Its dictionary form names signatures by keyid; the payload type it knows is the in-toto one.
    assert found.verify([other], threshold=1).keys() == {key.keyid}
