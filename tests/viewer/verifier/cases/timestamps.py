"""Timestamps whose certificates are odd: what they may do, when they were valid, how they name one another."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sijill.provenance.errors import ProvenanceError
from sijill.provenance.timestamp import verify_timestamp

VECTORS = Path(__file__).resolve().parents[3] / "vectors"
MESSAGE = b"sijill.example/log\n42\nroot\n"
TIME = datetime(2025, 6, 1, 12, 0, 0, 250_000, tzinfo=UTC)
SECOND = TIME.replace(microsecond=0)
YEAR = timedelta(days=365)


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tsa", VECTORS / "tsa.py")
    if spec is None or spec.loader is None:
        raise ImportError("tests/vectors/tsa.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["tsa"] = module
    spec.loader.exec_module(module)
    return module


TSA = loaded()
USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip
SIGNS = ("digital_signature",)
ISSUES = ("key_cert_sign",)
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.9"), b"\x05\x00")


def number(text: str) -> int:
    return int.from_bytes(hashlib.sha512(f"sijill cases: {text}".encode()).digest(), "big")


def identity(
    name: str,
    issuer: Any = None,
    *,
    ca: bool = False,
    length: int | None = None,
    constraints: bool = True,
    usage: tuple[str, ...] | None = None,
    purposes: tuple[x509.ObjectIdentifier, ...] | None = None,
    begins: datetime = TIME - YEAR,
    ends: datetime = TIME + YEAR,
    extra: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    curve: ec.EllipticCurve | None = None,
    issuer_name: x509.Name | None = None,
    digest: hashes.HashAlgorithm | None = None,
    seed: str = "",
) -> Any:
    key = ec.derive_private_key(number(f"{name}{seed}, key") >> 264, curve or ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name or (issuer.certificate.subject if issuer else subject))
        .public_key(key.public_key())
        .serial_number((number(f"{name}{seed}, serial number") >> 400) + 1)
        .not_valid_before(begins)
        .not_valid_after(ends)
    )
    if constraints:
        builder = builder.add_extension(x509.BasicConstraints(ca, length), critical=True)
    if usage is not None:
        builder = builder.add_extension(x509.KeyUsage(**{one: one in usage for one in USAGES}), critical=True)
    wanted = purposes if purposes is not None else () if ca else (ExtendedKeyUsageOID.TIME_STAMPING,)
    if wanted:
        builder = builder.add_extension(x509.ExtendedKeyUsage(wanted), critical=True)
    for extension, critical in extra:
        builder = builder.add_extension(extension, critical)
    signer = issuer.key if issuer else key
    return TSA.Identity(builder.sign(signer, digest or hashes.SHA256(), ecdsa_deterministic=True), key)


def timestamps() -> Iterator[dict[str, Any]]:
    """Each: a response over the message, roots, intermediates, and what comes out: time and signer, or an error."""
    root = identity("root", ca=True)
    for usage in (None, SIGNS, ("content_commitment",), (*SIGNS, "key_encipherment"), ISSUES, ("crl_sign",)):
        yield case(f"signer for {usage}", identity("a", root, usage=usage), root)
        middle = identity("middle", root, ca=True, usage=usage)
        yield case(f"intermediate for {usage}", identity("a", middle), root, middle)
        other = identity("other root", ca=True, usage=usage)
        yield case(f"root for {usage}", identity("a", other), other)
    for constraints, usage in ((True, ISSUES), (False, ISSUES), (False, None)):
        middle = identity("middle", root, constraints=constraints, usage=usage, purposes=())
        yield case(f"intermediate, constraints {constraints}, {usage}", identity("a", middle), root, middle)
        other = identity("other root", constraints=constraints, usage=usage, purposes=())
        yield case(f"root, constraints {constraints}, {usage}", identity("a", other), other)
    yield from of_lengths()
    yield from of_times(root)
    yield from of_names(root)
    yield from of_kinds(root)


def of_lengths() -> Iterator[dict[str, Any]]:
    for length in (0, 1):
        root = identity("root", ca=True, length=length)
        first = identity("first", root, ca=True)
        second = identity("second", first, ca=True)
        yield case(f"length {length}, none between", identity("a", root), root)
        yield case(f"length {length}, one between", identity("a", first), root, first)
        yield case(f"length {length}, two between", identity("a", second), root, first, second)
        yield case(f"length {length}, two between, the other way round", identity("a", second), root, second, first)


def of_times(root: Any) -> Iterator[dict[str, Any]]:
    for seconds in (-1, 0, 1):
        edge = SECOND + timedelta(seconds=seconds)
        for name, times_ in (("begins", {"begins": edge}), ("ends", {"ends": edge})):
            yield case(f"signer {name} {seconds}", identity("a", root, **times_), root)
            yield case(f"signer {name} {seconds}, whole second", identity("a", root, **times_), root, moment=SECOND)
            middle = identity("middle", root, ca=True, **times_)
            yield case(f"intermediate {name} {seconds}", identity("a", middle), root, middle)
            other = identity("other root", ca=True, **times_)
            yield case(f"root {name} {seconds}", identity("a", other), other)


def of_names(root: Any) -> Iterator[dict[str, Any]]:
    for text in ("  ROOT ", "root", "rooty"):
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
        yield case(f"issued by {text!r}", identity("a", root, issuer_name=name), root)
    known = identity("known", ca=True, extra=((x509.SubjectKeyIdentifier(b"1" * 20), False),))
    serial = known.certificate.serial_number
    issuer = [x509.DirectoryName(known.certificate.subject)]
    stranger = [x509.DirectoryName(root.certificate.subject)]
    for named in (
        x509.AuthorityKeyIdentifier(b"1" * 20, None, None),
        x509.AuthorityKeyIdentifier(b"2" * 20, None, None),
        x509.AuthorityKeyIdentifier(None, issuer, serial),
        x509.AuthorityKeyIdentifier(None, issuer, serial + 1),
        x509.AuthorityKeyIdentifier(None, stranger, serial),
    ):
        yield case(f"issuer named {named!r}", identity("a", known, extra=((named, False),)), known)
    yield case("a root of the same name", identity("a", root), identity("root", ca=True, seed="another"))
    yield case("a root that did not sign itself", identity("a", root), identity("a", root))
    itself = identity("itself", usage=SIGNS)
    yield case("a signer that is its root", itself, itself)
    foreign = identity("foreign", ca=True)
    yield case("an intermediate that signed itself", identity("a", foreign), root, foreign)


def of_kinds(root: Any) -> Iterator[dict[str, Any]]:
    for critical in (False, True):
        extra = ((UNKNOWN, critical),)
        yield case(f"unknown extension of the signer, critical {critical}", identity("a", root, extra=extra), root)
        other = identity("other root", ca=True, extra=extra)
        yield case(f"unknown extension of the root, critical {critical}", identity("a", other), other)
    code = ExtendedKeyUsageOID.CODE_SIGNING
    for purposes in ((), (code,), (code, ExtendedKeyUsageOID.TIME_STAMPING)):
        yield case(f"for {len(purposes)} purposes", identity("a", root, purposes=purposes), root)
    for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()):
        for digest, by in (("sha256", hashes.SHA256()), ("sha512", hashes.SHA512())):
            other = identity("other root", ca=True, curve=curve)
            signer = identity("a", other, curve=curve, digest=by)
            yield case(f"{curve.name}, {digest}", signer, other, digest=digest)
    yield case("the names of another", identity("a", root), root, named=root)


def case(
    label: str,
    signer: Any,
    root: Any,
    *between: Any,
    moment: datetime = TIME,
    digest: str = "sha256",
    named: Any = None,
) -> dict[str, Any]:
    authority = TSA.Authority(root, signer, digest=digest)
    response = authority.respond(MESSAGE, moment, named=named)
    roots, intermediates = [root.pem], [one.pem for one in between]
    try:
        stamp = verify_timestamp(response, MESSAGE, roots=roots, intermediates=intermediates)
    except ProvenanceError as err:
        outcome = {"error": type(err).__name__, "reason": str(err)}
    else:
        outcome = {"time": stamp.time.isoformat(timespec="microseconds"), "signer": stamp.signer_sha256}
    return {
        "label": label,
        "response": base64.b64encode(response).decode("ascii"),
        "roots": roots,
        "intermediates": intermediates,
        **outcome,
    }
