"""DSSE envelopes, checked with two other verifiers as well."""

import base64
import hashlib
import json
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope as OtherEnvelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.envelope import (
    PAYLOAD_TYPE,
    envelope_sha256,
    pae,
    parse_envelope,
    sign_envelope,
)
from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.errors import MalformedEnvelope

PAYLOAD = '{"شاهد":"ü"}'.encode()
FIRST = SigningKey(bytes(range(32)))
SECOND = SigningKey(bytes(range(1, 33)))


@pytest.fixture
def envelope() -> bytes:
    return sign_envelope(PAYLOAD, PAYLOAD_TYPE, [FIRST])


def other_key(key: SigningKey, keyid: str | None = None) -> SSlibKey:
    return SSlibKey(keyid or key.public.keyid, "ed25519", "ed25519", {"public": key.public.raw.hex()})


def test_pae_of_the_protocol_document():
    # secure-systems-lab/dsse, protocol.md, "Test Vectors".
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_pae_counts_bytes():
    assert pae("ü", PAYLOAD) == b"DSSEv1 2 \xc3\xbc %d %b" % (len(PAYLOAD), PAYLOAD)


def test_form(envelope):
    value = json.loads(envelope)
    assert list(value) == ["payload", "payloadType", "signatures"]
    assert canonical(value) == envelope
    assert base64.b64decode(value["payload"]) == PAYLOAD
    assert [item["keyid"] for item in value["signatures"]] == [FIRST.public.keyid]
    assert envelope_sha256(envelope) == hashlib.sha256(envelope).hexdigest()


def test_round_trip(envelope):
    parsed = parse_envelope(envelope)
    assert (parsed.payload, parsed.payload_type) == (PAYLOAD, PAYLOAD_TYPE)
    assert parsed.verified_by([FIRST.public]) == {FIRST.public.keyid}


def test_same_input_same_bytes():
    assert sign_envelope(PAYLOAD, PAYLOAD_TYPE, [FIRST, SECOND]) == sign_envelope(
        PAYLOAD, PAYLOAD_TYPE, [SECOND, FIRST]
    )


def test_second_verifier_agrees(envelope):
    other = OtherEnvelope.from_dict(json.loads(envelope))
    assert other.payload == PAYLOAD
    assert set(other.verify([other_key(FIRST)], 1)) == {FIRST.public.keyid}
    with pytest.raises(VerificationError):
        other.verify([other_key(SECOND, FIRST.public.keyid)], 1)


def test_openssl_agrees(envelope, tmp_path, tool):
    parsed = parse_envelope(envelope)
    (tmp_path / "key.pem").write_text(FIRST.public.pem)
    (tmp_path / "message").write_bytes(parsed.message)
    (tmp_path / "signature").write_bytes(parsed.signatures[0].value)
    command = [tool("openssl", "openssl"), "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin"]
    command += ["-in", "message", "-sigfile", "signature"]
    assert subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode == 0
    (tmp_path / "message").write_bytes(parsed.message + b" ")
    assert subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode != 0


def test_only_trusted_keys_with_valid_signatures_count():
    both = parse_envelope(sign_envelope(PAYLOAD, PAYLOAD_TYPE, [FIRST, SECOND]))
    ids = {FIRST.public.keyid, SECOND.public.keyid}
    assert both.verified_by([]) == frozenset()
    assert both.verified_by([SECOND.public]) == {SECOND.public.keyid}
    assert both.verified_by([FIRST.public, SECOND.public, SigningKey.generate().public]) == ids


def test_signature_counts_only_under_the_key_it_names(envelope):
    value = json.loads(envelope)
    value["signatures"][0]["keyid"] = SECOND.public.keyid
    assert parse_envelope(canonical(value)).verified_by([FIRST.public, SECOND.public]) == frozenset()


def test_payload_and_type_are_both_signed(envelope):
    value = json.loads(envelope)
    other_payload = canonical(value | {"payload": base64.b64encode(PAYLOAD + b" ").decode()})
    other_type = canonical(value | {"payloadType": "text/plain"})
    for changed in (other_payload, other_type):
        assert parse_envelope(changed).verified_by([FIRST.public]) == frozenset()


def edited(**changes):
    def change(value):
        return canonical({key: item for key, item in (value | changes).items() if item is not ...})

    return change


def signature_edited(**changes):
    def change(value):
        signature = value["signatures"][0] | changes
        value["signatures"] = [{key: item for key, item in signature.items() if item is not ...}]
        return canonical(value)

    return change


@pytest.mark.parametrize(
    "change",
    [
        edited(payload=...),
        edited(payloadType=...),
        edited(signatures=...),
        edited(signatures=[]),
        edited(signatures={}),
        edited(signatures=None),
        edited(payload=None),
        edited(payload="YQ"),
        edited(payload="YR=="),
        edited(payload="YQ==\n"),
        edited(payload="_-8="),
        edited(payload="Y Q=="),
        edited(payloadType=""),
        edited(payloadType=1),
        edited(payloadType="x" * 201),
        edited(extra=1),
        lambda value: canonical([value]),
        lambda value: canonical(value) + b"\n",
        lambda value: json.dumps(value).encode(),
        lambda value: canonical(value).replace(b'{"keyid"', b'{"cert":"","keyid"', 1),
        lambda value: canonical(value).replace(b'"payloadType"', b'"payload":"YQ==","payloadType"', 1),
        lambda value: canonical(value | {"signatures": value["signatures"] * 2}),
        signature_edited(keyid=...),
        signature_edited(keyid=""),
        signature_edited(keyid=FIRST.public.keyid.upper()),
        signature_edited(keyid=FIRST.public.keyid[:-1]),
        signature_edited(keyid=FIRST.public.keyid[:-1] + "\u0661"),
        signature_edited(sig=...),
        signature_edited(sig=""),
        signature_edited(sig=base64.b64encode(bytes(63)).decode()),
        signature_edited(sig=base64.b64encode(bytes(65)).decode()),
        signature_edited(sig=base64.b64encode(bytes(64)).decode().rstrip("=")),
        signature_edited(sig=[1]),
    ],
)
def test_refused(envelope, change):
    with pytest.raises(MalformedEnvelope):
        parse_envelope(change(json.loads(envelope)))


def test_nothing_is_signed_without_a_key_or_twice_with_one():
    with pytest.raises(MalformedEnvelope):
        sign_envelope(PAYLOAD, PAYLOAD_TYPE, [])
    with pytest.raises(MalformedEnvelope, match="twice"):
        sign_envelope(PAYLOAD, PAYLOAD_TYPE, [FIRST, FIRST])


@given(st.data())
def test_no_changed_byte_goes_unnoticed(data):
    good = sign_envelope(PAYLOAD, PAYLOAD_TYPE, [FIRST])
    place = data.draw(st.integers(0, len(good) - 1))
    changed = bytearray(good)
    changed[place] ^= data.draw(st.integers(1, 255))
    try:
        parsed = parse_envelope(bytes(changed))
    except MalformedEnvelope:
        return
    assert parsed.verified_by([FIRST.public]) == frozenset()
