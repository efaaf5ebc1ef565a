"""The timestamps of the vectors: pyHanko and `openssl ts` against our verdict."""

import asyncio
import hashlib
import subprocess
import zipfile
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import pytest
from asn1crypto import tsp
from asn1crypto.pem import unarmor
from asn1crypto.x509 import Certificate
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import validate_tst_signed_data
from pyhanko.sign.validation.status import TimestampSignatureStatus
from pyhanko_certvalidator import ValidationContext

from sijill.provenance.attest.envelope import parse_envelope
from sijill.provenance.attest.statement import parse_statement
from sijill.provenance.errors import MalformedTimestampResponse, ProvenanceError, UnverifiedTimestamp
from sijill.provenance.log.checkpoint import parse_checkpoint
from sijill.provenance.package_layout import ATTESTATION, CHECKPOINT, About, token_at
from sijill.provenance.timestamp import parse_response
from sijill.provenance.verify.trust import parse_trust
from sijill.provenance.verify.vouchers import stamped

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
LESS_STRICT = {"E-TSA-01_not-critical", "E-TSA-01_for-code-too"}
"""RFC 3161 §2.3: timeStamping alone, critical. pyHanko looks only whether it is there."""


@dataclass(frozen=True)
class Stamp:
    data: bytes
    message: bytes
    trust: bytes


@pytest.fixture(scope="module")
def stamps():
    """Each timestamp of the vectors that are about them, with what it should be over and the trust root."""
    found = {}
    for case in sorted([*VECTORS.glob("good/*"), *VECTORS.glob("bad/E-TSA-*"), *VECTORS.glob("bad/E-TIM-*")]):
        own = case / "trust.json"
        trust = (own if own.exists() else VECTORS / "trust.json").read_bytes()
        with zipfile.ZipFile(case / "package.wacz") as package:
            files = {name: package.read(name) for name in package.namelist() if name.startswith("provenance/")}
        for name, data in files.items():
            token = token_at(name)
            message = None if token is None else message_of(token.about, files)
            if message is not None:
                found.setdefault(Stamp(data, message, trust), case.name)
    return found


def message_of(about, files):
    try:
        if about is About.CHECKPOINT:
            return parse_checkpoint(files[CHECKPOINT]).first_signed
        if about is About.ATTESTATION:
            return files[ATTESTATION]
        quoted = parse_statement(parse_envelope(files[ATTESTATION]).payload).predicate.freshness
        return None if quoted is None else parse_checkpoint(quoted.encode()).first_signed
    except (KeyError, ProvenanceError):
        return None


def ours(stamp):
    try:
        return bool(stamped(parse_trust(stamp.trust), stamp.data, stamp.message).party)
    except (MalformedTimestampResponse, UnverifiedTimestamp):
        return False


def certificates(pems):
    return [Certificate.load(unarmor(pem.encode())[2]) for pem in pems]


def pyhankos(stamp):
    trust = parse_trust(stamp.trust)
    try:
        response = tsp.TimeStampResp.load(stamp.data, strict=True)
        signed_data = response["time_stamp_token"]["content"]
        moment = signed_data["encap_content_info"]["content"].parsed["gen_time"].native
    except (ValueError, TypeError):
        return False
    context = ValidationContext(
        trust_roots=certificates(trust.tsa_roots),
        other_certs=certificates(trust.tsa_intermediates),
        moment=moment.astimezone(UTC),
        allow_fetching=False,
    )
    try:
        found = asyncio.run(
            validate_tst_signed_data(signed_data, context, lambda name: hashlib.new(name, stamp.message).digest())
        )
    except (SignatureValidationError, ValueError):
        return False
    status = TimestampSignatureStatus(**found)
    pinned = {certificate.sha256 for certificate in certificates(trust.tsa_certificates)}
    return status.valid and status.intact and status.trusted and (not pinned or status.signing_cert.sha256 in pinned)


def test_pyhanko_agrees(stamps):
    verdicts = {stamp: ours(stamp) for stamp in stamps}
    assert sum(verdicts.values()) > 20
    assert list(verdicts.values()).count(False) > 20
    for stamp, verdict in verdicts.items():
        assert pyhankos(stamp) is (verdict or stamps[stamp] in LESS_STRICT), stamps[stamp]


def test_openssl_accepts_what_we_accept_and_no_other(stamps, tmp_path, tool):
    openssl = tool("openssl", "openssl")
    for stamp, vector in stamps.items():
        trust = parse_trust(stamp.trust)
        if not trust.tsa_roots or trust.tsa_certificates:
            continue  # it has no option for a pinned certificate
        written = {"data": stamp.message, "response": stamp.data}
        written |= {"roots": "".join(trust.tsa_roots).encode(), "between": "".join(trust.tsa_intermediates).encode()}
        for name, data in written.items():
            (tmp_path / name).write_bytes(data)
        command = [openssl, "ts", "-verify", "-in", "response", "-data", "data", "-CAfile", "roots"]
        command += ["-untrusted", "between"] if trust.tsa_intermediates else []
        command += ["-attime", str(moment_of(stamp.data))]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) is ours(stamp), (vector, done.stderr)


def moment_of(response):
    try:
        return int(parse_response(response).time.timestamp())
    except MalformedTimestampResponse:
        return 0
