"""Packages whose zip, list of files or derived files are not as they should be, and good ones."""

from __future__ import annotations

import hashlib
import struct
import warnings
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from captures import capture, rendered
from evidence import FOREIGN_KEY, FOREIGN_LOG, evidence, log_head, proof_of, zipped
from parties import QUOTED_AT, cosigned
from vector import TRUE, bad, changed, flipped, good, replaced, without

from sijill.archive.warc.wacz import ARCHIVE, DATAPACKAGE, DATAPACKAGE_DIGEST, INDEX, INDEX_SUMMARY, PAGES
from sijill.provenance.attest.attestation import CollectorCommitment
from sijill.provenance.package_layout import (
    ATTESTATION,
    ATTESTATION_KEY,
    B3SUMS,
    CHECKPOINT,
    INSTRUCTIONS,
    LOG_KEY,
    PROOF,
    REPORT,
    SHA256SUMS,
)

# Zips that hold the true files, but not in the one form.


def ordinary_zip(files: Iterator[tuple[str, bytes]], *, method: int = zipfile.ZIP_STORED, **attributes: Any) -> bytes:
    """A zip as Python's library writes it: differs from ours only in what is asked for."""
    sink = BytesIO()
    with zipfile.ZipFile(sink, "w", method) as archive:
        for name, data in files:
            info = zipfile.ZipInfo(name)
            info.create_system, info.create_version, info.extract_version = 0, 10, 10
            info.external_attr = 0
            info.compress_type = method
            for attribute, value in attributes.items():
                setattr(info, attribute, value)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # one vector has a name twice
                archive.writestr(info, data)
    return sink.getvalue()


def with_comment() -> bytes:
    """The true package with a zip comment."""
    return zipped(TRUE.files())[:-2] + struct.pack("<H", 5) + b"hello"


def with_name(old: str, new: str) -> bytes:
    """The true package with a member renamed in place; both names have one length."""
    return zipped(TRUE.files()).replace(old.encode(), new.encode())


def files() -> Iterator[tuple[str, bytes]]:
    """The true files in their order."""
    return iter(sorted(TRUE.files().items()))


good("partial", "a redirect, a page, an image, and a script whose host does not exist", lambda: zipped(TRUE.files()))


def committed() -> bytes:
    """A collector behind a commitment."""
    collector = CollectorCommitment.to("Archive of Examples", hashlib.sha256(b"salt").digest())
    return zipped(evidence(collector=collector, freshness=b"").files())


def first_entry() -> bytes:
    """The only entry of a log."""
    made = evidence(freshness=b"")
    return zipped(made.sealed(proof_of(made.envelope, index=0, size=1)).files())


good("collector-committed", "the collector keeps its name behind a commitment and quotes no checkpoint", committed)
good("first-entry", "the first and only entry of the log: a proof without hashes", first_entry)
good(
    "stranger-quoted",
    "the attestation quotes a checkpoint of a log that the trust root does not know: reported, not required",
    lambda: zipped(evidence(freshness=cosigned(log_head(3, FOREIGN_LOG), QUOTED_AT)).files()),
    "E-LOG-05",
)
good(
    "younger-quoted",
    "the attestation quotes a checkpoint that is younger than its own entry: reported, not required",
    lambda: zipped(evidence(freshness=cosigned(log_head(6), QUOTED_AT)).files()),
    "E-LOG-05",
)

bad("E-PKG-01_not-a-zip", "text", lambda: b"This is not a package.\n" * 3)
bad("E-PKG-01_empty", "no bytes at all", lambda: b"")
bad("E-PKG-01_truncated", "the last byte is missing", lambda: zipped(TRUE.files())[:-1])
bad("E-PKG-01_cut-in-half", "the second half is missing", lambda: (lambda z: z[: len(z) // 2])(zipped(TRUE.files())))
bad("E-PKG-01_byte-before", "a byte before the zip", lambda: b"\n" + zipped(TRUE.files()))
bad("E-PKG-01_byte-after", "a byte after the zip", lambda: zipped(TRUE.files()) + b"\n")
bad("E-PKG-01_comment", "a zip comment", with_comment)
bad("E-PKG-01_deflated", "members deflated", lambda: ordinary_zip(files(), method=zipfile.ZIP_DEFLATED))
bad("E-PKG-01_dated", "members with another date", lambda: ordinary_zip(files(), date_time=(2026, 11, 21, 1, 16, 30)))
bad("E-PKG-01_extra-field", "members with an extra field", lambda: ordinary_zip(files(), extra=b"xx\x01\x00!"))
bad("E-PKG-01_permissions", "members with Unix permissions", lambda: ordinary_zip(files(), external_attr=0o644 << 16))
bad("E-PKG-01_order", "members in reverse order", lambda: ordinary_zip(iter(list(files())[::-1])))
bad(
    "E-PKG-01_duplicate-name",
    "a member twice",
    lambda: ordinary_zip(iter(sorted([*files(), (ATTESTATION, b"{}")], key=lambda member: member[0]))),
)
bad("E-PKG-01_parent-folder", "a member that unpacks beside the folder", lambda: with_name(PAGES, "../es/pages.jsonl"))
bad("E-PKG-01_absolute-path", "a member with an absolute path", lambda: with_name(PAGES, "/ages/pages.jsonl"))
bad("E-PKG-01_crc", "a byte of the WARC changed, CRC-32 left as it was", lambda: flip_in_place(TRUE.warc))
bad(
    "E-PKG-01_crc-of-derived",
    "a byte of VERIFY.txt changed, CRC-32 left as it was",
    lambda: flip_in_place(TRUE.files()[INSTRUCTIONS]),
)


def flip_in_place(content: bytes) -> bytes:
    """The true package with one bit of a member changed, headers left as they were."""
    return replaced(content, flipped(content))(zipped(TRUE.files()))


bad("E-PKG-02_attestation-removed", "no attestation", without(ATTESTATION))
bad("E-PKG-02_proof-removed", "no inclusion proof", without(PROOF))
bad("E-PKG-02_warc-removed", "no WARC", without(ARCHIVE), "E-SUB-01")
bad("E-PKG-02_index-removed", "no index", without(INDEX))
bad("E-PKG-02_instructions-removed", "no VERIFY.txt", without(INSTRUCTIONS))
bad(
    "E-PKG-02_file-added",
    "a file that nothing vouches for",
    lambda: zipped({**TRUE.files(), "provenance/expert-opinion.txt": b"All of this is genuine.\n"}),
)
bad(
    "E-PKG-02_warc-added",
    "a second WARC, which replay tools would show",
    lambda: zipped({**TRUE.files(), "archive/more.warc.gz": evidence(capture(html=b"<p>forged")).warc}),
)


def reserved_subject() -> bytes:
    """A subject that is called like a file of the package."""
    made = evidence(rendered(("checkpoint", "text/plain", TRUE.proof.partition(b"\n\n")[2])))
    return zipped({**TRUE.files(), **made.signed_files(), ARCHIVE: made.warc})


bad("E-PKG-02_reserved-subject", "a subject called like a file of the package", reserved_subject)

bad("E-PKG-03_index", "the index sends the page's URL to the image", changed(INDEX, flipped))
bad("E-PKG-03_index-summary", "another offset", changed(INDEX_SUMMARY, replaced(b'"offset": 0', b'"offset": 1')))
bad(
    "E-PKG-03_pages-title",
    "another title in the page list",
    changed(PAGES, replaced("بيان مشترك".encode(), "بيان مزور".encode())),
)
bad("E-PKG-03_datapackage", "another title", changed(DATAPACKAGE, replaced(b"Evidence package", b"Certified copy")))
bad("E-PKG-03_datapackage-digest", "another digest", changed(DATAPACKAGE_DIGEST, replaced(b"sha256:", b"sha256:0")))
bad(
    "E-PKG-03_attestation-key",
    "attestation.pem is a stranger's",
    changed(ATTESTATION_KEY, lambda _: FOREIGN_KEY.public.pem.encode()),
)
bad(
    "E-PKG-03_log-key",
    "log.vkey is a stranger's",
    changed(LOG_KEY, lambda _: f"{FOREIGN_LOG.verifier.vkey}\n".encode()),
)
bad("E-PKG-03_checkpoint", "checkpoint is another one of the same log", changed(CHECKPOINT, lambda _: log_head(3)))
bad("E-PKG-03_sha256sums", "another digest", changed(SHA256SUMS, flipped))
bad("E-PKG-03_b3sums", "a line less", changed(B3SUMS, lambda data: data[data.index(b"\n") + 1 :]))
bad(
    "E-PKG-03_instructions",
    "VERIFY.txt asks to trust the key beside it",
    changed(INSTRUCTIONS, replaced(b"../trusted.pem", b"provenance/attestation.pem")),
)
bad("E-PKG-03_byte-appended", "a newline after datapackage.json", changed(DATAPACKAGE, lambda data: data + b"\n"))
bad(
    "E-PKG-03_report",
    "report.html names another collector",
    changed(REPORT, replaced(b"Archive of Examples", b"Ministry of Justice")),
)
