"""FORMAT.md says what the code does: codes, sentences, members, and every value of the worked example."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from captures import CAPTURE_ID
from evidence import ATTESTATION_KEY, LOG, proof_of

from sijill.provenance.attest.envelope import PAYLOAD_TYPE, sign_envelope
from sijill.provenance.attest.members import Exchange, Predicate
from sijill.provenance.package_layout import FIXED
from sijill.provenance.verify.codes import PREREQUISITES, SENTENCES, Code


@pytest.fixture(scope="module")
def described():
    return (Path(__file__).resolve().parents[3] / "provenance" / "FORMAT.md").read_text("utf-8")


def test_every_code_with_its_sentence_and_what_it_needs(described):
    rows = re.findall(r"^\| (E-[A-Z]+-\d\d) \| ([^|]+) \| ([^|]*) ?\|", described, re.MULTILINE)
    assert [(code, sentence) for code, sentence, _ in rows] == [(code, SENTENCES[code].holds) for code in Code]
    for code, _, needs in rows:
        wanted = needs.replace("SUB-02 to SUB-04", "SUB-02, SUB-03, SUB-04")
        assert {f"E-{need.strip()}" for need in wanted.split(",") if need.strip()} == set(PREREQUISITES[Code(code)])


def test_every_member_of_the_zip(described):
    section = described.partition("## 2.")[2].partition("## 3.")[0]
    assert set(re.findall(r"`([a-zA-Z0-9./_-]+)`", section)) >= FIXED


@pytest.mark.parametrize("part", [Predicate, Exchange])
def test_every_member_of_the_statement(described, part):
    section = described.partition("## 4.")[2].partition("## 5.")[0]
    for name, field in part.model_fields.items():
        assert re.search(rf"[`.]{field.alias or name}(\[\])?`", section), name


def test_the_worked_example(described):
    blocks = re.findall(r"```\n(.*?)```", described.partition("## 10.")[2], re.DOTALL)
    key, signed, entry, vkey, proof, hashes = blocks
    public = ATTESTATION_KEY.public
    assert key.split() == [public.spki.hex(), public.keyid]
    envelope = sign_envelope(b"{}", PAYLOAD_TYPE, [ATTESTATION_KEY])
    digest = hashlib.sha256(envelope).hexdigest()
    assert signed.splitlines() == ["DSSEv1 28 application/vnd.in-toto+json 2 {}", envelope.decode(), digest]
    data, leaf = entry.splitlines()
    assert CAPTURE_ID in data
    assert digest in data
    assert hashlib.sha256(b"\0" + data.encode()).hexdigest() == leaf
    assert vkey == f"{LOG.verifier.vkey}\n"
    assert proof.encode() == proof_of(envelope, witnesses=())
    first, second, third = (base64.b64decode(line) for line in proof.splitlines()[2:5])
    steps = [bytes.fromhex(line) for line in hashes.split()]
    assert hashlib.sha256(b"\1" + bytes.fromhex(leaf) + first).digest() == steps[0]
    assert hashlib.sha256(b"\1" + steps[0] + second).digest() == steps[1]
    assert hashlib.sha256(b"\1" + third + steps[1]).digest() == steps[2]
    assert base64.b64encode(steps[2]).decode() in proof
