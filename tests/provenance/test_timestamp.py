import asyncio
import hashlib
import importlib.util
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import validate_tst_signed_data
from pyhanko.sign.validation.status import TimestampSignatureStatus
from pyhanko_certvalidator import ValidationContext

from sijill.provenance.certificates import split_certificates
from sijill.provenance.errors import MalformedCertificate, MalformedTimestampResponse, ProvenanceError
from sijill.provenance.errors import UnverifiedTimestamp as Unverified
from sijill.provenance.timestamp import (
    MAX_RESPONSE,
    check_answer,
    parse_response,
    timestamp_request,
    verify_timestamp,
)

TESTS = Path(__file__).resolve().parents[1]
MESSAGE = b"sijill.example/log\n42\nroot\n"


def load_script(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


forge = load_script(TESTS / "tsa.py", "tsa_forger")
server = load_script(TESTS.parent / "deployments" / "tsa" / "serve.py", "tsa_server")

DAY = timedelta(days=1)
ROOT = forge.identity("root", ca=True)
MIDDLE = forge.identity("intermediate", ROOT, ca=True)
SIGNER = forge.identity("signer", ROOT)
TWIN = forge.identity("signer", forge.identity("root", ca=True), serial=SIGNER.certificate.serial_number)
DEEP = forge.identity("deep signer", MIDDLE)
STRANGER = forge.identity("root", ca=True)
GOOD = forge.Forgery(SIGNER, MESSAGE)
FOREIGN = GOOD.but(signer=forge.identity("signer", STRANGER))


def pem(*identities):
    return [one.pem for one in identities]


def verify(forgery, roots=(ROOT,), intermediates=(), certificates=()):
    data = forgery if isinstance(forgery, bytes) else forgery.der()
    return verify_timestamp(
        data, MESSAGE, roots=pem(*roots), intermediates=pem(*intermediates), certificates=pem(*certificates)
    )


# What is asked


def test_the_request_is_what_openssl_reads_as_such(tmp_path, tool):
    query = tmp_path / "query.tsq"
    query.write_bytes(timestamp_request(MESSAGE, nonce=0xDEADBEEFCAFE))
    told = subprocess.run(
        [tool("openssl", "openssl"), "ts", "-query", "-in", query, "-text"], capture_output=True, text=True, check=True
    ).stdout
    assert "Hash Algorithm: sha256" in told
    assert "Nonce: 0xDEADBEEFCAFE" in told
    assert "Certificate required: yes" in told
    request = tsp.TimeStampReq.load(query.read_bytes(), strict=True)
    assert request["message_imprint"]["hashed_message"].native == hashlib.sha256(MESSAGE).digest()
    assert request["version"].native == "v1"


@pytest.mark.parametrize("nonce", [0, 1, 127, 128, 2**63, 2**64 - 1])
def test_every_nonce_comes_back(nonce):
    request = tsp.TimeStampReq.load(timestamp_request(MESSAGE, nonce=nonce), strict=True)
    assert request["nonce"].native == nonce
    assert check_answer(GOOD.but(nonce=nonce).der(), MESSAGE, nonce).nonce == nonce


def test_an_answer_must_be_to_the_request():
    with pytest.raises(Unverified, match="another nonce"):
        check_answer(GOOD.but(nonce=8).der(), MESSAGE, 7)
    with pytest.raises(Unverified, match="another nonce"):
        check_answer(GOOD.but(nonce=None).der(), MESSAGE, 7)
    with pytest.raises(Unverified, match="other bytes"):
        check_answer(GOOD.der(), MESSAGE + b"!", 7)
    with pytest.raises(Unverified, match="certificate"):
        check_answer(GOOD.but(certificates=()).der(), MESSAGE, 7)


# What a response says


def test_a_response_says_all_of_it():
    response = parse_response(GOOD.but(imprint_algorithm="sha512", accuracy={"seconds": 2, "micros": 7}).der())
    assert response.time == datetime(2025, 6, 1, 12, 0, 0, 250_000, tzinfo=UTC)
    assert response.accuracy == timedelta(seconds=2, microseconds=7)
    assert (response.serial, response.policy, response.nonce) == (42, "1.3.6.1.4.1.99999.1.1", 7)
    assert (response.imprint_algorithm, response.imprint) == ("sha512", hashlib.sha512(MESSAGE).digest())
    assert response.signer_sha256 == hashlib.sha256(SIGNER.der).hexdigest()
    assert response.signer_subject == "CN=signer"
    assert response.is_over(MESSAGE)
    assert not response.is_over(MESSAGE[:-1])


def test_a_response_need_not_say_how_exact_it_is():
    stamp = verify(GOOD.but(accuracy=None))
    assert stamp.accuracy is None
    assert stamp.earliest == stamp.time == stamp.latest


def test_the_bounds_are_the_time_and_its_accuracy():
    stamp = verify(GOOD.but(accuracy={"millis": 20}))
    assert (stamp.earliest, stamp.latest) == (
        forge.TIME - timedelta(milliseconds=20),
        forge.TIME + timedelta(milliseconds=20),
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a timestamp response"),
        (b"<html>", "not a timestamp response"),
        (GOOD.der() + b"\0", "trailing"),
        (GOOD.der()[:-1], "not a timestamp response"),
        (b"\0" * (MAX_RESPONSE + 1), "larger than 65536 bytes"),
        (forge.rejection(fail_info="time_not_available", text="no clock"), "rejection; time_not_available; no clock"),
        (forge.rejection(), "did not grant it: rejection"),
        (forge.rejection("granted"), "no token"),
        (GOOD.but(status="waiting").der(), "did not grant it: waiting"),
        (GOOD.but(imprint_algorithm="sha1").der(), "by sha1"),
        (GOOD.but(imprint_algorithm="md5").der(), "by md5"),
        (GOOD.but(imprint=b"short").der(), "imprint of 5 bytes"),
        (GOOD.but(signers=2).der(), "2 signers"),
        (GOOD.but(signers=0).der(), "0 signers"),
        (GOOD.but(content_type="data").der(), "no timestamp"),
        (GOOD.but(accuracy={"seconds": 2**70}).der(), "accuracy"),
        (
            GOOD.but(
                certificates=(SIGNER, forge.identity("signer", STRANGER, serial=SIGNER.certificate.serial_number))
            ).der(),
            "several",
        ),
    ],
)
def test_what_is_no_granted_response_is_refused(data, reason):
    with pytest.raises(MalformedTimestampResponse, match=reason):
        parse_response(data)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_response_or_refused(data):
    with pytest.raises(MalformedTimestampResponse):
        parse_response(data)


def test_no_damaged_response_verifies_or_fails_otherwise():
    good = bytearray(GOOD.but(tsa=SIGNER.certificate.subject.public_bytes()).der())
    verify(bytes(good))
    # The status is not signed: granted may become granted with modifications, and nothing else.
    status = good.index(b"\x30\x03\x02\x01\x00") + 4
    for place in range(len(good)):
        damaged = bytearray(good)
        damaged[place] ^= 2 if place == status else 1 << place % 8
        with pytest.raises(ProvenanceError):
            verify(bytes(damaged))


def test_torn_and_patched_responses_are_refused_in_order():
    good = GOOD.but(signer=DEEP, certificates=(DEEP, MIDDLE, ROOT)).der()
    chance = random.Random(7)
    for _ in range(500):
        torn = bytearray(good)
        begin = chance.randrange(len(torn))
        torn[begin : begin + chance.randrange(4)] = chance.randbytes(chance.randrange(4))
        try:
            parse_response(bytes(torn))
        except MalformedTimestampResponse:
            continue


# What verifies. Each line: what is wrong, the forgery, and the verdicts of ours, `openssl ts -verify`, and pyHanko.

KINDS = {
    "good": (GOOD, "", True, True, True),
    "SHA-512": (GOOD.but(imprint_algorithm="sha512", digest="sha512"), "", True, True, True),
    "bound by SHA-1, as RFC 3161 had it": (GOOD.but(ess="v1"), "", True, True, True),
    "granted, but not quite as asked": (GOOD.but(status="granted_with_mods"), "", True, True, True),
    "its root sent along": (GOOD.but(certificates=(ROOT, SIGNER)), "", True, True, True),
    # FORMAT.md: the auditor's certificates alone make the path, so that it is his what he believes.
    "an intermediate sent along": (
        GOOD.but(signer=DEEP, certificates=(DEEP, MIDDLE)), "only the timestamp brings", False, True, True,
    ),
    "certificate expired since": (
        GOOD.but(signer=forge.identity("a", ROOT, ends=forge.TIME + DAY)), "", True, True, True,
    ),
    "names its authority": (GOOD.but(tsa=SIGNER.certificate.subject.public_bytes()), "", True, True, True),
    "an intermediate kept back": (GOOD.but(signer=DEEP), "no path leads", False, False, False),
    "a foreign authority": (FOREIGN, "no path leads", False, False, False),
    "a foreign authority that brings its root": (
        FOREIGN.but(certificates=(FOREIGN.signer, STRANGER)), "no path leads", False, False, False,
    ),
    "over other bytes": (GOOD.but(message=b"other"), "over other bytes", False, False, False),
    "signature broken": (GOOD.but(breaks_signature=True), "signature does not verify", False, False, False),
    "certificate expired then": (
        GOOD.but(signer=forge.identity("a", ROOT, ends=forge.TIME - DAY)),
        "not valid at its time", False, False, False,
    ),
    "certificate not valid yet": (
        GOOD.but(signer=forge.identity("a", ROOT, begins=forge.TIME + DAY)),
        "not valid at its time", False, False, False,
    ),
    "no extended key usage": (
        GOOD.but(signer=forge.identity("a", ROOT, usages=())), "no extended key usage", False, False, False,
    ),
    "another extended key usage": (
        GOOD.but(signer=forge.identity("a", ROOT, usages=[ExtendedKeyUsageOID.CODE_SIGNING])),
        "not for timestamps", False, False, False,
    ),
    # RFC 3161 §2.3 asks for it; pyHanko looks only whether the usage is there.
    "not critical": (
        GOOD.but(signer=forge.identity("a", ROOT, critical=False)), "critically", False, False, True,
    ),
    "one usage more": (
        GOOD.but(
            signer=forge.identity(
                "a", ROOT, usages=[ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING]
            )
        ),
        "not for them alone", False, False, True,
    ),
    "bound to another certificate": (GOOD.but(ess_certificate=ROOT), "another certificate", False, False, False),
    # RFC 5816 §2.2.1: one of the two attributes must be there.
    "bound to no certificate": (GOOD.but(ess=None), "bound to no certificate", False, False, True),
    "no signed attributes": (GOOD.but(with_attributes=False), "no signed attributes", False, False, True),
    # Whoever can make two contents with one SHA-1 can move a signature from one to the other.
    "signed by SHA-1": (GOOD.but(digest="sha1"), "by sha1", False, True, False),
    "names another authority": (
        GOOD.but(tsa=ROOT.certificate.subject.public_bytes()), "authority that it names", False, False, True,
    ),
    # RFC 5280 §4.2: whoever does not know a critical extension must refuse what bears it.
    "a critical extension": (GOOD.but(extension=True), "critical extension", False, True, True),
    "does not bring its certificate": (GOOD.but(certificates=()), "certificate of its signer", False, False, False),
    "issued by what is no authority": (
        GOOD.but(signer=forge.identity("a", SIGNER), certificates=(forge.identity("b", ROOT), SIGNER)),
        "certificate of its signer", False, False, False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_our_verdict(kind):
    forgery, reason, ours, _, _ = KINDS[kind]
    if ours:
        stamp = verify(forgery)
        assert stamp.time == forge.TIME
        assert stamp.signer_sha256 == hashlib.sha256(forgery.signer.der).hexdigest()
    else:
        with pytest.raises(Unverified, match=reason):
            verify(forgery)


@pytest.mark.parametrize("kind", KINDS)
def test_openssl_agrees_or_is_less_strict(kind, tmp_path, tool):
    forgery, _, ours, openssl, _ = KINDS[kind]
    (tmp_path / "root.pem").write_text(ROOT.pem)
    (tmp_path / "message").write_bytes(MESSAGE)
    (tmp_path / "response.tsr").write_bytes(forgery.der())
    at = str(int(forgery.time.timestamp()))
    command = [tool("openssl", "openssl"), "ts", "-verify", "-attime", at, "-data", "message", "-in", "response.tsr"]
    done = subprocess.run([*command, "-CAfile", "root.pem"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == openssl, done.stderr
    assert openssl or not ours


@pytest.mark.parametrize("kind", KINDS)
def test_pyhanko_agrees_or_is_less_strict(kind):
    forgery, _, ours, _, pyhanko = KINDS[kind]
    assert pyhanko_believes(forgery) == pyhanko
    assert pyhanko or not ours


def pyhanko_believes(forgery):
    signed_data = tsp.TimeStampResp.load(forgery.der())["time_stamp_token"]["content"]
    context = ValidationContext(
        trust_roots=[asn1_x509.Certificate.load(ROOT.der)], moment=forgery.time, allow_fetching=False
    )
    try:
        found = asyncio.run(
            validate_tst_signed_data(signed_data, context, lambda name: hashlib.new(name, MESSAGE).digest())
        )
    except (SignatureValidationError, ValueError):
        return False
    status = TimestampSignatureStatus(**found)
    return status.valid and status.intact and status.trusted


# Whose word counts


def test_given_intermediates_lead_to_a_root_and_are_none():
    deep = GOOD.but(signer=DEEP)
    for sent in permutations((DEEP, MIDDLE, ROOT)):
        assert verify(deep.but(certificates=sent), intermediates=(MIDDLE,)).time == forge.TIME
    assert verify(deep, intermediates=(MIDDLE,)).time == forge.TIME
    with pytest.raises(Unverified, match="no path leads"):
        verify(deep, roots=(STRANGER,), intermediates=(MIDDLE,))
    with pytest.raises(Unverified, match="no path leads"):
        verify(deep, roots=(MIDDLE,))
    # One that signed itself would be a root to the library.
    with pytest.raises(Unverified, match="no path leads"):
        verify(FOREIGN, intermediates=(STRANGER,))


def test_the_path_is_as_of_its_time():
    expired = forge.identity("intermediate", ROOT, ca=True, ends=forge.TIME - DAY)
    with pytest.raises(Unverified, match="no path leads"):
        verify(GOOD.but(signer=forge.identity("a", expired)), intermediates=(expired,))
    root = forge.identity("old root", ca=True, ends=forge.TIME + DAY)
    assert verify(GOOD.but(signer=forge.identity("a", root)), roots=(root,)).time == forge.TIME


def test_an_end_entity_issues_nothing():
    with pytest.raises(Unverified, match="no path leads"):
        verify(GOOD.but(signer=forge.identity("a", SIGNER)), intermediates=(SIGNER,))


def test_a_pinned_certificate_is_the_signers():
    assert verify(GOOD, certificates=(DEEP, SIGNER)).signer_subject == "CN=signer"
    with pytest.raises(Unverified, match="none of the certificates that are pinned"):
        verify(GOOD, certificates=(DEEP,))
    # A pin stands in for no root.
    with pytest.raises(Unverified, match="no path leads"):
        verify(GOOD, roots=(STRANGER,), certificates=(SIGNER,))
    with pytest.raises(Unverified, match="no root"):
        verify(GOOD, roots=(), certificates=(SIGNER,))


def test_certificates_must_be_some():
    with pytest.raises(MalformedCertificate):
        verify_timestamp(GOOD.der(), MESSAGE, roots=["root"])
    with pytest.raises(MalformedCertificate):
        split_certificates(b"nothing here")
    spoilt = f"# two\n{ROOT.pem}\r\n{MIDDLE.pem}".encode()
    assert split_certificates(spoilt) == (ROOT.pem, MIDDLE.pem)


# A real authority


def ask(tsa, message=MESSAGE):
    import urllib.request

    request = urllib.request.Request(
        tsa.url, timestamp_request(message, nonce=9), headers={"Content-Type": "application/timestamp-query"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


@pytest.mark.parametrize("with_rsa", [False, True])
def test_a_real_authority_is_verified(tool, with_rsa):
    tool("openssl", "openssl")
    exactness = {"accuracy": "secs:1, millisecs:500, microsecs:100", "digits": 6}
    with server.serve_tsa("real", with_rsa=with_rsa, **exactness) as tsa:
        data = ask(tsa)
    check_answer(data, MESSAGE, 9)
    stamp = verify_timestamp(data, MESSAGE, roots=[tsa.root_pem], certificates=[tsa.certificate_pem])
    assert stamp.accuracy == timedelta(seconds=1, milliseconds=500, microseconds=100)
    assert abs(stamp.time - datetime.now(UTC)) < timedelta(minutes=5)


def test_a_real_authoritys_chain_may_come_in_any_order(tool):
    """OpenSSL 3.0 writes the certificates in the order it has them; the right order is a matter of chance here."""
    tool("openssl", "openssl")
    for _ in range(40):
        with server.serve_tsa("chain", intermediate=True, chain_in_token=True) as tsa:
            data = ask(tsa)
        given = tsp.TimeStampResp.load(data)["time_stamp_token"]["content"]["certificates"]
        ders = [choice.dump() for choice in given]
        verify_timestamp(data, MESSAGE, roots=[tsa.root_pem], intermediates=[tsa.intermediate_pem])
        if ders != sorted(ders):
            return
    pytest.fail("no chain of 40 was out of order: this OpenSSL does sort them, so nothing was tested")


@pytest.mark.parametrize("usage", [usage for usage in server.Usage if usage is not server.Usage.RIGHT])
def test_a_real_authority_of_another_usage_is_refused(usage, tool):
    tool("openssl", "openssl")
    with server.serve_tsa("wrong", usage=usage) as tsa:
        data = ask(tsa)
    check_answer(data, MESSAGE, 9)
    with pytest.raises(Unverified, match="for timestamps"):
        verify_timestamp(data, MESSAGE, roots=[tsa.root_pem])
