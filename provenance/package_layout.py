"""Which files an evidence package holds, and where they lie in it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sijill.archive.warc.wacz import (
    ARCHIVE,
    DATAPACKAGE,
    DATAPACKAGE_DIGEST,
    DEPENDENCIES,
    INDEX,
    INDEX_SUMMARY,
    PAGES,
)
from sijill.provenance.attest.members import WARC_NAME, CaptureStatement

FOLDER: Final = "provenance/"
ATTESTATION: Final = f"{FOLDER}attestation.dsse.json"
ATTESTATION_KEY: Final = f"{FOLDER}attestation.pem"
PROOF: Final = f"{FOLDER}inclusion.tlog-proof"
CHECKPOINT: Final = f"{FOLDER}checkpoint"
LOG_KEY: Final = f"{FOLDER}log.vkey"
SHA256SUMS: Final = f"{FOLDER}SHA256SUMS"
B3SUMS: Final = f"{FOLDER}B3SUMS"
INSTRUCTIONS: Final = f"{FOLDER}VERIFY.txt"
REPORT: Final = f"{FOLDER}report.html"
VERIFY_PAGE: Final = f"{FOLDER}verify.html"
"""The verifier as a page for a browser, which a package may hold; see `verify_page`."""

DERIVED: Final = frozenset(
    {
        INDEX,
        INDEX_SUMMARY,
        PAGES,
        DATAPACKAGE,
        DATAPACKAGE_DIGEST,
        ATTESTATION_KEY,
        CHECKPOINT,
        LOG_KEY,
        SHA256SUMS,
        B3SUMS,
        INSTRUCTIONS,
        REPORT,
    }
)
"""Files that hold nothing which is not made from the others and the keys of the trust root."""
FIXED: Final = DERIVED | {ARCHIVE, ATTESTATION, PROOF}
"""Files that every package holds."""

MAX_TOKEN: Final = 64 << 10
"""The largest response of a timestamping authority that a package holds, in bytes."""
_TOKEN: Final = re.compile(rf"{FOLDER}(checkpoint|attestation|freshness)\.([a-z][a-z0-9-]{{0,63}})\.tsr")
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*")


class About(StrEnum):
    """What a timestamp in a package is over."""

    CHECKPOINT = "checkpoint"
    """The checkpoint in the proof, with the log's signature alone."""
    ATTESTATION = "attestation"
    """The envelope file."""
    FRESHNESS = "freshness"
    """The checkpoint that the attestation quotes, with the log's signature alone."""


@dataclass(frozen=True, slots=True, order=True)
class Token:
    """A timestamp in a package: the whole response of an authority, by the name that the archive gives it."""

    about: About
    name: str

    @property
    def path(self) -> str:
        """Where it lies in the package."""
        return f"{FOLDER}{self.about}.{self.name}.tsr"


def subject_path(name: str) -> str:
    """Where the subject called `name` lies in a package."""
    return ARCHIVE if name == WARC_NAME else f"{FOLDER}{name}"


def bad_subject(name: str, media_type: str) -> str | None:
    """Why a package cannot hold such a subject beside its fixed files, or None if it can."""
    taken = {path.lower() for path in FIXED | {VERIFY_PAGE}}
    path = subject_path(name)
    if name != WARC_NAME and (path.lower() in taken or token_at(path) is not None):
        return "a file of the package has this name"
    if not _MEDIA_TYPE.fullmatch(media_type):
        return "the media type is not one in lower case without parameters"
    return None


def token_at(path: str) -> Token | None:
    """The timestamp that has this place in a package, or None if it is the place of something else."""
    match = _TOKEN.fullmatch(path)
    return None if match is None else Token(About(match[1]), match[2])


def member_names(statement: CaptureStatement, tokens: Iterable[Token], *, verify_page: bool = False) -> tuple[str, ...]:
    """The names of all files of the package of this capture, in their order.

    Args:
        statement: about the capture. It says which timestamps of the quoted checkpoint belong, and whether anything is
            taken from other captures.
        tokens: the timestamps that the package has.
        verify_page: whether it holds the page that verifies it.
    """
    quoted = {Token(About.FRESHNESS, token.name) for token in statement.predicate.freshness_timestamps}
    others = {token for token in tokens if token.about is not About.FRESHNESS}
    subjects = {subject_path(subject.name) for subject in statement.subject}
    dependencies = {DEPENDENCIES} if statement.predicate.dependencies else set()
    page = {VERIFY_PAGE} if verify_page else set()
    return tuple(sorted(FIXED | subjects | dependencies | page | {token.path for token in quoted | others}))
