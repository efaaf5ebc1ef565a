"""Forges timestamp responses of every kind, with keys of its own: what no `openssl ts` would sign.

Loaded by its path, as `load_script` in tests/flows/conftest.py does. Independent of what it is there to test: the CMS
is put together here with asn1crypto and signed with `cryptography`.
"""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

TIME = datetime(2025, 6, 1, 12, 0, 0, 250_000, tzinfo=UTC)
"""When forged tokens are made, unless they say otherwise."""


@dataclass(frozen=True)
class Identity:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self):
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def der(self):
        return self.certificate.public_bytes(Encoding.DER)


def identity(
    name,
    issuer=None,
    *,
    ca=False,
    usages=(ExtendedKeyUsageOID.TIME_STAMPING,),
    critical=True,
    key_usage=True,
    begins=TIME - timedelta(days=365),
    ends=TIME + timedelta(days=365),
    serial=None,
    digest=None,
    key=None,
):
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if key_usage:
        flags = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
        ) | {"encipher_only": False, "decipher_only": False}
        usage = x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, **flags)
        builder = builder.add_extension(usage, critical=True)
    if not ca and usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(list(usages)), critical=critical)
    return Identity(builder.sign((issuer.key if issuer else key), digest or hashes.SHA256()), key)


@dataclass(frozen=True)
class Forgery:
    """What goes into a response; change it with `but`."""

    signer: Identity
    message: bytes
    time: datetime = TIME
    nonce: int | None = 7
    status: str = "granted"
    imprint_algorithm: str = "sha256"
    imprint: bytes | None = None
    digest: str = "sha256"
    accuracy: dict | None = field(default_factory=lambda: {"seconds": 1, "millis": 500})
    version: str = "v1"
    certificates: tuple[Identity, ...] | None = None
    """What is sent along, in this order; the signer alone if None."""
    ess: str | None = "v2"
    """The form of the signing-certificate attribute, or None for none."""
    ess_certificate: Identity | None = None
    signers: int = 1
    tsa: bytes | None = None
    """DER of the name that the token says its authority has."""
    extension: bool = False
    """A critical extension that nobody knows."""
    content_type: str = "tst_info"
    breaks_signature: bool = False
    with_attributes: bool = True

    def but(self, **changes):
        return replace(self, **changes)

    def der(self):
        return response(self)


def response(forgery):
    token = cms.ContentInfo({"content_type": "signed_data", "content": _signed_data(forgery)})
    return tsp.TimeStampResp({"status": {"status": forgery.status}, "time_stamp_token": token}).dump()


def rejection(status="rejection", fail_info=None, text=None):
    info = {"status": status}
    if fail_info:
        info["fail_info"] = {fail_info}
    if text:
        info["status_string"] = [text]
    # RFC 3161 §2.4.2 has no token here; asn1crypto's own type asks for one.
    contents = tsp.PKIStatusInfo(info).dump()
    return b"\x30" + core.OctetString(contents).dump()[1:]


def _signed_data(forgery):
    content = _tst_info(forgery).dump()
    certificates = (forgery.signer,) if forgery.certificates is None else forgery.certificates
    data = {
        "version": "v3",
        "digest_algorithms": [algos.DigestAlgorithm({"algorithm": forgery.digest})],
        "encap_content_info": cms.EncapsulatedContentInfo(
            {"content_type": forgery.content_type, "content": core.ParsableOctetString(content)}
        ),
        "signer_infos": [_signer_info(forgery, content)] * forgery.signers,
    }
    if certificates:
        data["certificates"] = _unsorted(certificates)
    return cms.SignedData(data)


def _unsorted(certificates):
    """A SET in the order given, as OpenSSL 3.0 writes it; asn1crypto would sort it."""
    contents = b"".join(certificate.der for certificate in certificates)
    encoded = core.OctetString(contents).dump()  # for its length
    return cms.CertificateSet.load(b"\x31" + encoded[1:])


def _tst_info(forgery):
    algorithm = forgery.imprint_algorithm
    imprint = hashlib.new(algorithm, forgery.message).digest() if forgery.imprint is None else forgery.imprint
    info = {
        "version": forgery.version,
        "policy": "1.3.6.1.4.1.99999.1.1",
        "message_imprint": {"hash_algorithm": {"algorithm": algorithm}, "hashed_message": imprint},
        "serial_number": 42,
        "gen_time": forgery.time,
        "ordering": False,
    }
    if forgery.accuracy is not None:
        info["accuracy"] = tsp.Accuracy(forgery.accuracy)
    if forgery.nonce is not None:
        info["nonce"] = forgery.nonce
    if forgery.tsa is not None:
        info["tsa"] = asn1_x509.GeneralName("directory_name", asn1_x509.Name.load(forgery.tsa))
    if forgery.extension:
        info["extensions"] = [{"extn_id": "1.3.6.1.4.1.99999.9", "critical": True, "extn_value": b"\x05\x00"}]
    return tsp.TSTInfo(info)


def _signer_info(forgery, content):
    signer = asn1_x509.Certificate.load(forgery.signer.der)
    digest = {"sha1": hashes.SHA1, "sha256": hashes.SHA256, "sha512": hashes.SHA512}[forgery.digest]()
    info = {
        "version": "v1",
        "sid": cms.SignerIdentifier(
            "issuer_and_serial_number", {"issuer": signer.issuer, "serial_number": signer.serial_number}
        ),
        "digest_algorithm": {"algorithm": forgery.digest},
        "signature_algorithm": {"algorithm": f"{forgery.digest}_ecdsa"},
    }
    signed = content
    if forgery.with_attributes:
        attributes = cms.CMSAttributes(_attributes(forgery, content))
        info["signed_attrs"] = attributes
        signed = attributes.dump()
    signature = forgery.signer.key.sign(signed, ec.ECDSA(digest))
    if forgery.breaks_signature:
        signature = forgery.signer.key.sign(signed + b"!", ec.ECDSA(digest))
    info["signature"] = signature
    return cms.SignerInfo(info)


def _attributes(forgery, content):
    attributes = [
        {"type": "content_type", "values": [forgery.content_type]},
        {"type": "message_digest", "values": [hashlib.new(forgery.digest, content).digest()]},
    ]
    named = (forgery.ess_certificate or forgery.signer).der
    if forgery.ess == "v2":
        value = tsp.SigningCertificateV2({"certs": [{"cert_hash": hashlib.sha256(named).digest()}]})
        attributes.append({"type": "signing_certificate_v2", "values": [value]})
    elif forgery.ess == "v1":
        value = tsp.SigningCertificate({"certs": [{"cert_hash": hashlib.sha1(named).digest()}]})
        attributes.append({"type": "signing_certificate", "values": [value]})
    return attributes
