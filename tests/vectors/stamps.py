"""Packages whose timestamps are too few, of strangers or over other bytes; and good ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime

from asn1crypto import tsp
from captures import rendered
from cryptography.x509.oid import ExtendedKeyUsageOID
from evidence import evidence, zipped
from logs import tsa_root
from parties import ALPHA, BETA, GAMMA, QUOTED_AT, SEALED_AT
from tsa import Authority, authority, rejection
from vector import TRUE, bad, flipped, good, trusting

from sijill.archive.warc.wacz import ARCHIVE
from sijill.provenance.log.checkpoint import parse_checkpoint
from sijill.provenance.log.proof import parse_proof
from sijill.provenance.package_layout import About, Token
from sijill.provenance.verify.trust import Policy

HEAD = parse_proof(TRUE.proof).checkpoint.first_signed
"""The checkpoint with the log's signature alone."""
EXPIRY = datetime(2026, 11, 21, 2, tzinfo=UTC)


def with_tokens(changes: dict[tuple[About, str], bytes | None]) -> Callable[[], bytes]:
    """The true package with some timestamps added, replaced or, if None, left out."""
    tokens = dict(TRUE.tokens) | {Token(about, name): data for (about, name), data in changes.items()}
    kept = {token: data for token, data in tokens.items() if data is not None}
    return lambda: zipped(dataclasses.replace(TRUE, tokens=kept).files())


def stamped(**tokens: bytes | None) -> Callable[[], bytes]:
    """The true package with these timestamps over its checkpoint, and the others that it has."""
    return with_tokens({(About.CHECKPOINT, name): data for name, data in tokens.items()})


def by(tsa: Authority, name: str = "beta") -> Callable[[], bytes]:
    """The true package with a timestamp of `tsa` where that of `name` would be."""
    return stamped(**{name: tsa.respond(HEAD, SEALED_AT)})


def signature_flipped(response: bytes) -> bytes:
    """The response with one bit of its signature changed."""
    parsed = tsp.TimeStampResp.load(response)
    signature = parsed["time_stamp_token"]["content"]["signer_infos"][0]["signature"].native
    return response.replace(signature, flipped(signature))


def resigned_for_later(response: bytes) -> bytes:
    """The response with another time in it under the old signature."""
    return response.replace(b"20261121012005.5Z", b"20261121012004.5Z")


def under_beta(name: str, **changes: object) -> Authority:
    """An authority whose certificate beta's root issued."""
    return authority(name, root=BETA.root, **changes)


def bad_stamp(name: str, note: str, package: Callable[[], bytes], *also: str, **changes: object) -> None:
    """Add a package with too few good timestamps."""
    bad(f"E-TSA-01_{name}", note, package, *also, trust=trusting(**changes))


bad_stamp("none", "no timestamp over the checkpoint", stamped(alpha=None, beta=None))
bad_stamp("too-few", "one authority of two", stamped(beta=None))
bad_stamp("foreign", "an authority that the trust root does not know", by(GAMMA))
bad_stamp(
    "foreign-same-name",
    "a stranger's certificates with the names of the true ones",
    by(authority("beta", intermediate=True, seed=" of a stranger")),
)
bad_stamp("not-for-time", "a certificate without extended key usage", by(under_beta("no usage", usages=())))
bad_stamp(
    "for-code",
    "a certificate for code signing",
    by(under_beta("code", usages=(ExtendedKeyUsageOID.CODE_SIGNING,))),
)
bad_stamp(
    "for-code-too",
    "a certificate for timestamps and code signing",
    by(under_beta("both", usages=(ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING))),
)
bad_stamp(
    "not-critical", "a certificate that says what it is for, but not critically", by(under_beta("idle", critical=False))
)
bad_stamp(
    "expired",
    "a certificate that had expired by then",
    by(under_beta("expired", ends=QUOTED_AT.replace(microsecond=0))),
)
bad_stamp(
    "not-pinned",
    "a good certificate, but not the one that is pinned",
    by(under_beta("twin")),
    tsa_certificates=(ALPHA.signer.pem, BETA.signer.pem),
)
bad_stamp(
    "other-certificate",
    "ESSCertIDv2 names another certificate",
    stamped(beta=BETA.respond(HEAD, SEALED_AT, named=ALPHA.signer)),
)
bad_stamp(
    "signature",
    "a bit of the signature changed",
    stamped(beta=signature_flipped(TRUE.tokens[Token(About.CHECKPOINT, "beta")])),
)
bad_stamp(
    "time",
    "another time than the one that was signed",
    stamped(beta=resigned_for_later(TRUE.tokens[Token(About.CHECKPOINT, "beta")])),
)
bad_stamp("one-authority-twice", "two timestamps of one authority", by(ALPHA))
bad_stamp(
    "root-of-nobody",
    "the trust root knows an authority that was never asked",
    lambda: zipped(TRUE.files()),
    tsa_roots=(tsa_root(),),
    tsa_intermediates=(),
    policy=Policy(timestamps=1),
)
bad_stamp(
    "root-missing",
    "the trust root knows beta's intermediate certificate, but another root",
    lambda: zipped(TRUE.files()),
    tsa_roots=(ALPHA.root.pem, GAMMA.root.pem),
)

good(
    "pinned",
    "only the certificates count that are pinned",
    lambda: zipped(TRUE.files()),
    trust=trusting(tsa_certificates=(ALPHA.signer.pem, BETA.signer.pem)),
)
good("stranger-stamped", "a third timestamp, of an authority that the trust root does not know", by(GAMMA, "gamma"))
good(
    "certificate-expired-since",
    "a timestamp whose certificate was good at its time and has expired since",
    by(under_beta("expires", ends=EXPIRY)),
)
good(
    "stamped-again",
    "two more timestamps a year later, one by a certificate that did not exist before; the first ones bound the time",
    stamped(
        **{
            "alpha-20271121t011630z": ALPHA.respond(HEAD, datetime(2027, 11, 21, 1, 16, 30, tzinfo=UTC)),
            "beta-20271121t011630z": under_beta("later").respond(HEAD, datetime(2027, 11, 21, 1, 16, 30, tzinfo=UTC)),
        }
    ),
)


# Timestamps that are not what they are called. A third one each, so that there are enough of the others.

THIRD = GAMMA.respond(HEAD, SEALED_AT)
for defect, note, data in (
    ("other-bytes", "over the attestation instead of the checkpoint", GAMMA.respond(TRUE.envelope, SEALED_AT)),
    (
        "cosigned-bytes",
        "over the checkpoint with its cosignatures",
        GAMMA.respond(parse_proof(TRUE.proof).checkpoint.data, SEALED_AT),
    ),
    ("garbage", "no response at all", b"This is no timestamp.\n"),
    ("empty", "an empty file", b""),
    ("rejection", "a response that grants nothing", rejection()),
    ("trailing-byte", "a byte after the response", THIRD + b"\0"),
    ("token-alone", "a token without a response around it", tsp.TimeStampResp.load(THIRD)["time_stamp_token"].dump()),
    ("cut-short", "the last byte is missing", THIRD[:-1]),
):  # fmt: skip
    bad(f"E-TSA-02_{defect}", note, stamped(gamma=data))
bad(
    "E-TSA-02_over-the-other-file",
    "the timestamp called attestation is over the checkpoint",
    with_tokens({(About.ATTESTATION, "alpha"): ALPHA.respond(HEAD, SEALED_AT)}),
)


def quoted_token(data: bytes | None, name: str = "alpha") -> Callable[[], bytes]:
    """The true package with another timestamp of the quoted checkpoint, or without it, all else derived from that."""
    tokens = dict(TRUE.tokens) | {Token(About.FRESHNESS, name): data}
    kept = {token: found for token, found in tokens.items() if found is not None}
    return lambda: zipped(dataclasses.replace(TRUE, tokens=kept).forged_files())


QUOTED_HEAD = parse_checkpoint(TRUE.statement["predicate"]["freshness"].encode()).first_signed
bad(
    "E-TSA-02_not-the-attested-one",
    "a true timestamp of the quoted checkpoint by the same authority, but not the one that the attestation names",
    quoted_token(ALPHA.respond(QUOTED_HEAD, SEALED_AT)),
)
bad("E-PKG-02_quoted-timestamp-removed", "a timestamp that the attestation names is missing", quoted_token(None))
bad(
    "E-PKG-02_quoted-timestamp-added",
    "a timestamp of the quoted checkpoint that the attestation does not name",
    quoted_token(GAMMA.respond(QUOTED_HEAD, QUOTED_AT), "gamma"),
    "E-TSA-02",
)
bad(
    "E-PKG-02_timestamp-name",
    "a timestamp under a name that none may have",
    lambda: zipped({**TRUE.files(), "provenance/checkpoint.Gamma.tsr": THIRD}),
)
bad(
    "E-PKG-02_timestamp-of-nothing",
    "a timestamp that is not said to be over anything",
    lambda: zipped({**TRUE.files(), "provenance/gamma.tsr": THIRD}),
)


def subject_named(name: str, data: bytes) -> bytes:
    """The true package with one more subject, which is called like a timestamp."""
    made = evidence(rendered((name, "application/timestamp-reply", data)))
    return zipped({**TRUE.files(), **made.signed_files(), ARCHIVE: made.warc, f"provenance/{name}": data})


bad(
    "E-PKG-02_subject-like-a-timestamp",
    "a subject called like a timestamp of the checkpoint",
    lambda: subject_named("checkpoint.gamma.tsr", THIRD),
    "E-TSA-02",
)
