"""Timestamping authorities (RFC 3161) with keys derived from names: the same responses on every machine.

CMS is put together with asn1crypto and signed with `cryptography` by RFC 6979, which takes its nonces from key and
message. Nothing here is the product's.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

POLICY = "1.3.6.1.4.1.99999.1.1"
BEGINS = datetime(2020, 1, 1, tzinfo=UTC)
ENDS = datetime(2040, 1, 1, tzinfo=UTC)
# secp256r1, SEC 2 §2.4.2.
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(f"sijill test vectors: {text}".encode()).digest(), "big")


@dataclass(frozen=True)
class Identity:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        """The certificate as OpenSSL writes it."""
        return self.certificate.public_bytes(Encoding.PEM).decode("ascii")

    @property
    def der(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.DER)


def identity(
    name: str,
    issuer: Identity | None = None,
    *,
    ca: bool = False,
    usages: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.TIME_STAMPING,),
    critical: bool = True,
    begins: datetime = BEGINS,
    ends: datetime = ENDS,
    seed: str = "",
) -> Identity:
    """The identity called `name`: its key derived from that and `seed`, its serial number from the name."""
    key = ec.derive_private_key(_number(f"{name}{seed}, key") % (_ORDER - 1) + 1, ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(_number(f"{name}, serial number") >> 97)
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(_key_usage(ca=ca), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if usages and not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=critical)
    return Identity(builder.sign(signer, hashes.SHA256(), ecdsa_deterministic=True), key)


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


@dataclass(frozen=True)
class Authority:
    """A timestamping authority."""

    root: Identity
    signer: Identity
    intermediate: Identity | None = None
    digest: str = "sha256"
    """Of the imprint and of the signature."""
    accuracy: tuple[int, int, int] = (1, 0, 0)
    """Seconds, milliseconds, microseconds."""

    @property
    def chain(self) -> tuple[Identity, ...]:
        """What it sends: the signer's certificate, and what leads to its root if that is not the signer's issuer."""
        return (self.signer, self.intermediate, self.root) if self.intermediate else (self.signer,)

    def respond(
        self, message: bytes, moment: datetime, *, status: str = "granted", named: Identity | None = None
    ) -> bytes:
        """A whole response, DER, over `message` at `moment`.

        Args:
            message: what it is over.
            moment: when it says that was.
            status: what it says of the request.
            named: whose certificate ESSCertIDv2 names; the signer's, if None.
        """
        content = self._content(message, moment).dump()
        data = {
            "version": "v3",
            "digest_algorithms": [{"algorithm": self.digest}],
            "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(content)},
            "certificates": _unsorted(self.chain),
            "signer_infos": [self._signer_info(content, named or self.signer)],
        }
        token = cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(data)})
        return tsp.TimeStampResp({"status": {"status": status}, "time_stamp_token": token}).dump()

    def _content(self, message: bytes, moment: datetime) -> tsp.TSTInfo:
        imprint = hashlib.new(self.digest, message).digest()
        # The encoded fraction of a second must not end in a zero (RFC 3161 §2.4.2), which asn1crypto sees to.
        return tsp.TSTInfo(
            {
                "version": "v1",
                "policy": POLICY,
                "message_imprint": {"hash_algorithm": {"algorithm": self.digest}, "hashed_message": imprint},
                "serial_number": _number(f"{imprint.hex()} {moment}, serial number") >> 97,
                "gen_time": moment,
                "accuracy": _accuracy(*self.accuracy),
                "nonce": _number(f"{imprint.hex()} {moment}, nonce") >> 193,
            }
        )

    def _signer_info(self, content: bytes, named: Identity) -> cms.SignerInfo:
        signer = asn1_x509.Certificate.load(self.signer.der)
        certificate = tsp.ESSCertIDv2({"cert_hash": hashlib.sha256(named.der).digest()})
        attributes = cms.CMSAttributes(
            [
                {"type": "content_type", "values": ["tst_info"]},
                {"type": "message_digest", "values": [hashlib.new(self.digest, content).digest()]},
                {"type": "signing_certificate_v2", "values": [tsp.SigningCertificateV2({"certs": [certificate]})]},
            ]
        )
        digest = {"sha256": hashes.SHA256(), "sha512": hashes.SHA512()}[self.digest]
        return cms.SignerInfo(
            {
                "version": "v1",
                "sid": cms.SignerIdentifier(
                    "issuer_and_serial_number", {"issuer": signer.issuer, "serial_number": signer.serial_number}
                ),
                "digest_algorithm": algos.DigestAlgorithm({"algorithm": self.digest}),
                "signed_attrs": attributes,
                "signature_algorithm": {"algorithm": f"{self.digest}_ecdsa"},
                "signature": self.signer.key.sign(attributes.dump(), ec.ECDSA(digest, deterministic_signing=True)),
            }
        )


def rejection() -> bytes:
    """A response that grants nothing."""
    # RFC 3161 §2.4.2 has no token here; asn1crypto asks for one.
    status = tsp.PKIStatusInfo({"status": "rejection", "fail_info": {"bad_request"}}).dump()
    return _constructed(0x30, status)


def authority(
    name: str,
    *,
    intermediate: bool = False,
    digest: str = "sha256",
    accuracy: tuple[int, int, int] = (1, 0, 0),
    usages: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.TIME_STAMPING,),
    critical: bool = True,
    ends: datetime = ENDS,
    root: Identity | None = None,
    seed: str = "",
) -> Authority:
    """The authority called `name`.

    `usages`, `critical` and `ends` are its signer's; `root` is another's; `seed` makes another one of the same name.
    """
    root = root or identity(f"{name} root", ca=True, seed=seed)
    middle = identity(f"{name} intermediate", root, ca=True, seed=seed) if intermediate else None
    signer = identity(f"{name} timestamps", middle or root, usages=usages, critical=critical, ends=ends, seed=seed)
    return Authority(root, signer, middle, digest, accuracy)


def _accuracy(seconds: int, millis: int, micros: int) -> tsp.Accuracy:
    # RFC 3161 §2.4.2: milliseconds and microseconds are from 1 on; what is not there is zero.
    parts = {"seconds": seconds, "millis": millis, "micros": micros}
    return tsp.Accuracy({name: number for name, number in parts.items() if number})


def _unsorted(chain: tuple[Identity, ...]) -> cms.CertificateSet:
    """A SET in another order than DER asks for, as OpenSSL 3.0 sends it; asn1crypto would sort it."""
    contents = b"".join(sorted((one.der for one in chain), reverse=True))
    return cms.CertificateSet.load(_constructed(0x31, contents))


def _constructed(tag: int, contents: bytes) -> bytes:
    """The DER of a constructed value; its length is written as that of any other."""
    return bytes([tag]) + core.OctetString(contents).dump()[1:]
