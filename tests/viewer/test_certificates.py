"""Certificates out of a WARC: what they say, and that what is none is told apart from what is missing."""

import io
import zipfile
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from sijill.provenance.attest.envelope import parse_envelope
from sijill.provenance.attest.statement import parse_statement
from sijill.viewer.certificates import certificates, chains


def self_signed(name):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(4711)
        .not_valid_before(datetime(2024, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )


def test_a_certificate_says_whose_it_is_and_until_when():
    made = self_signed("statements.example")
    broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    [(digest, found), (_, none)] = certificates(made.public_bytes(Encoding.PEM) + broken)
    assert digest == made.fingerprint(hashes.SHA256()).hex()
    assert found.subject == found.issuer == "CN=statements.example"
    assert found.names == ("statements.example",)
    assert found.not_after - found.not_before == timedelta(days=90)
    assert none is None


def test_chains_are_those_that_were_attested_and_what_of_them_is_there(repository):
    with zipfile.ZipFile(repository / "tests" / "vectors" / "good" / "browser" / "package.wacz") as package:
        statement = parse_statement(parse_envelope(package.read("provenance/attestation.dsse.json")).payload)
        warc = package.read("archive/data.warc.gz")
    [chain] = chains(statement.predicate.exchanges, io.BytesIO(warc))
    assert chain.hosts == ("site.example",)
    assert not chain.verified
    # The vectors' certificates are no X.509: they are there, and say nothing.
    assert chain.held == frozenset(chain.digests)
    assert chain.certificates == (None,) * len(chain.digests)
