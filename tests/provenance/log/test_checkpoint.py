"""Checkpoints and tlog-proofs: one spelling each."""

import base64
from pathlib import Path

import pytest

from sijill.provenance.errors import InvalidProof, MalformedCheckpoint, MalformedProof, UnverifiedNote
from sijill.provenance.log.checkpoint import (
    Checkpoint,
    SignedCheckpoint,
    parse_checkpoint,
    parse_decimal,
    parse_text,
    sign_checkpoint,
)
from sijill.provenance.log.merkle import EMPTY_ROOT, leaf_hash, node_hash
from sijill.provenance.log.note import NoteSigner, NoteVerifier
from sijill.provenance.log.proof import LogProof, format_proof, parse_proof

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "c2sp"
ROOT = node_hash(leaf_hash(b"first"), leaf_hash(b"second"))
ROOT_TEXT = base64.b64encode(ROOT).decode()


@pytest.fixture
def signed(logs) -> SignedCheckpoint:
    return parse_checkpoint(sign_checkpoint(Checkpoint(logs.ORIGIN, 2, ROOT), NoteSigner(logs.ORIGIN, logs.KEY)))


@pytest.mark.parametrize("name", ["gosum.checkpoint", "cosigned.checkpoint"])
def test_checkpoints_of_others_round_trip(name):
    data = (VECTORS / name).read_bytes()
    found = parse_checkpoint(data)
    assert found.checkpoint.size == 20852163
    assert base64.b64encode(found.checkpoint.root) == b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
    assert found.data == data


def test_form(signed, logs):
    assert signed.data.startswith(f"{logs.ORIGIN}\n2\n{ROOT_TEXT}\n\n— {logs.ORIGIN} ".encode())
    signed.verify(logs.VERIFIER)


def test_name_of_the_key_is_the_origin(signed, logs):
    other = NoteSigner("sijill.org/log/other", logs.KEY)
    with pytest.raises(MalformedCheckpoint):
        signed.verify(other.verifier)
    with pytest.raises(MalformedCheckpoint):
        sign_checkpoint(Checkpoint(logs.ORIGIN, 2, ROOT), other)
    gosum = parse_checkpoint((VECTORS / "gosum.checkpoint").read_bytes())
    with pytest.raises(MalformedCheckpoint, match="origin"):
        gosum.verify(NoteVerifier.from_vkey((VECTORS / "gosum.vkey").read_text().strip()))


def test_signature_must_verify(signed, logs):
    larger = Checkpoint(logs.ORIGIN, 3, ROOT)
    note = type(signed.note)(larger.text, signed.note.signatures)
    with pytest.raises(UnverifiedNote):
        SignedCheckpoint(larger, note).verify(logs.VERIFIER)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "log\n2\n",
        f"log\n2\n{ROOT_TEXT}",
        f"\n2\n{ROOT_TEXT}\n",
        f"log\n\n{ROOT_TEXT}\n",
        f"log\n2\n{ROOT_TEXT}\n\n",
        f"log\n2\n{ROOT_TEXT}\n\nextension\n",
        f"log\n02\n{ROOT_TEXT}\n",
        f"log\n+2\n{ROOT_TEXT}\n",
        f"log\n-2\n{ROOT_TEXT}\n",
        f"log\n 2\n{ROOT_TEXT}\n",
        f"log\n2 \n{ROOT_TEXT}\n",
        f"log\n2_0\n{ROOT_TEXT}\n",
        f"log\n0x2\n{ROOT_TEXT}\n",
        f"log\n\u0662\n{ROOT_TEXT}\n",
        f"log\n9223372036854775808\n{ROOT_TEXT}\n",
        f"log\n{'9' * 5000}\n{ROOT_TEXT}\n",
        f"log\n0\n{ROOT_TEXT}\n",
        "log\n2\nAAAA\n",
        "log\n2\n=\n",
        f"log\n2\n{ROOT_TEXT[:-1]}\n",
        f"log\n2\n{ROOT_TEXT} \n",
        f"log\n2\n{base64.urlsafe_b64encode(bytes([255] * 32)).decode()}\n",
        f"log\n2\n{base64.b64encode(bytes(33)).decode()}\n",
    ],
)
def test_texts_refused(text):
    with pytest.raises(MalformedCheckpoint):
        parse_text(text)


def test_spare_bits_of_base64_are_checked():
    assert ROOT_TEXT.endswith("=")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = ROOT_TEXT[-2]
    other = alphabet[alphabet.index(last) ^ 1]
    assert base64.b64decode(ROOT_TEXT[:-2] + other + "=") == ROOT
    with pytest.raises(MalformedCheckpoint):
        parse_text(f"log\n2\n{ROOT_TEXT[:-2]}{other}=\n")


def test_extension_lines_are_kept():
    found = parse_text(f"log\n2\n{ROOT_TEXT}\none\ntwo\n")
    assert found.extensions == ("one", "two")
    assert found.text == f"log\n2\n{ROOT_TEXT}\none\ntwo\n"


@pytest.mark.parametrize(
    "checkpoint",
    [
        Checkpoint("", 2, ROOT),
        Checkpoint("a\nb", 2, ROOT),
        Checkpoint("log", -1, ROOT),
        Checkpoint("log", 2**63, ROOT),
        Checkpoint("log", 2, ROOT[:-1]),
        Checkpoint("log", 2, ROOT, ("",)),
        Checkpoint("log", 0, ROOT),
    ],
)
def test_checkpoints_that_cannot_be_written(checkpoint):
    with pytest.raises(MalformedCheckpoint):
        _ = checkpoint.text


def test_empty_log_has_a_text():
    assert parse_text(Checkpoint("log", 0, EMPTY_ROOT).text).size == 0


def test_decimal():
    assert parse_decimal("0") == 0
    assert parse_decimal(str(2**63 - 1)) == 2**63 - 1
    for text in ("", "00", "01", "1\n", "1.0", "1e3", "１"):
        assert parse_decimal(text) is None


def proof_of(signed, index=1):
    return LogProof(index, (leaf_hash(b"first"),), signed)


def test_proof_round_trip(signed):
    data = format_proof(proof_of(signed))
    assert data == (b"c2sp.org/tlog-proof@v1\nindex 1\n%b\n\n%b" % (base64.b64encode(leaf_hash(b"first")), signed.data))
    parsed = parse_proof(data)
    assert parsed == proof_of(signed)
    parsed.verify(b"second")
    with pytest.raises(InvalidProof):
        parsed.verify(b"first")
    with pytest.raises(InvalidProof):
        proof_of(signed, 0).verify(b"second")


def test_proof_without_hashes(logs):
    alone = Checkpoint(logs.ORIGIN, 1, leaf_hash(b"x"))
    signed = parse_checkpoint(sign_checkpoint(alone, NoteSigner(logs.ORIGIN, logs.KEY)))
    data = format_proof(LogProof(0, (), signed))
    assert data.startswith(b"c2sp.org/tlog-proof@v1\nindex 0\n\nsijill.org/")
    parse_proof(data).verify(b"x")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"c2sp.org/tlog-proof@v1", b"c2sp.org/tlog-proof@v2"),
        (b"c2sp.org/tlog-proof@v1\n", b"c2sp.org/tlog-proof@v1\r\n"),
        (b"c2sp.org/tlog-proof@v1\n", b"\nc2sp.org/tlog-proof@v1\n"),
        (b"c2sp.org/tlog-proof@v1\n", b""),
        (b"index 1", b"extra AAAA\nindex 1"),
        (b"index 1", b"extra \nindex 1"),
        (b"index 1", b"index 01"),
        (b"index 1", b"index +1"),
        (b"index 1", b"index  1"),
        (b"index 1", b"index 1 "),
        (b"index 1", b"index"),
        (b"index 1\n", b""),
        (b"index 1\n", b"index 1\nindex 1\n"),
        (b"index 1\n", b"index 1\nAAAA\n"),
        (b"index 1\n", b"index 1\n" + b"A" * 43 + b"=\n" * 64),
        (b"index 1\n", b"index 1\n" + (b"A" * 43 + b"=\n") * 63),
        (b"index 1\n", b"index 1\n\xc3\xbc\n"),
        (b"\n\nsijill", b"\nsijill"),
        (b"\n\nsijill", b"\n\n\nsijill"),
        (b"\n2\n", b"\n02\n"),
    ],
)
def test_proofs_refused(signed, old, new):
    data = format_proof(proof_of(signed))
    assert old in data
    with pytest.raises(MalformedProof):
        parse_proof(data.replace(old, new, 1))


def test_proof_bounds(signed):
    data = format_proof(proof_of(signed))
    for changed in (b"", data[:-1], data + b"\n", data + b"x" * (2 << 20)):
        with pytest.raises(MalformedProof):
            parse_proof(changed)
    with pytest.raises(MalformedProof):
        format_proof(LogProof(-1, (), signed))
    with pytest.raises(MalformedProof):
        format_proof(LogProof(1, (b"short",), signed))
