"""The derived files of a WACZ 1.1.1: pure functions, so that a verifier recomputes them and compares bytes.

ReplayWeb.page does not look into `indexes/index.cdx.gz` unless `indexes/index.idx` says what blocks it has; pywb reads
the former alone. Both are written. Compression of derived files is by stored blocks, because what a deflate library
makes of the same input changes with its version.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from sijill.archive.digest import Digest, digest_bytes
from sijill.archive.warc.cdxj import DEPENDENCIES_NAME, index_lines
from sijill.archive.warc.examine import examine_records
from sijill.archive.warc.gzip_reader import GzipMembers
from sijill.archive.warc.member import gzip_stored

WACZ_VERSION: Final = "1.1.1"

ARCHIVE: Final = "archive/data.warc.gz"
DEPENDENCIES: Final = f"archive/{DEPENDENCIES_NAME}"
"""What the revisit records of the WARC stand for, if it has any."""
INDEX: Final = "indexes/index.cdx.gz"
INDEX_SUMMARY: Final = "indexes/index.idx"
PAGES: Final = "pages/pages.jsonl"
DATAPACKAGE: Final = "datapackage.json"
DATAPACKAGE_DIGEST: Final = "datapackage-digest.json"

BLOCK_LINES: Final = 1024
"""Lines per gzip member of the index."""


@dataclass(frozen=True, slots=True)
class PageEntry:
    """A page of the package, for the list that replay tools show."""

    id: str
    url: str
    ts: str
    """RFC 3339."""
    title: str | None


@dataclass(frozen=True, slots=True)
class PackageResource:
    """A file of the package as datapackage.json lists it."""

    path: str
    size: int
    sha256: Digest


def derive_index(warc: BinaryIO) -> bytes:
    """`indexes/index.cdx.gz` of a WARC read from its first byte to its last.

    Raises:
        MalformedWarc: `warc` is not a WARC of sijill.
    """
    return compress_index(index_lines(examine_records(warc)))


def compress_index(lines: bytes) -> bytes:
    """`indexes/index.cdx.gz` of sorted CDXJ lines: gzip members of `BLOCK_LINES` lines, deflate stored."""
    whole = lines.splitlines(keepends=True)
    blocks = [whole[at : at + BLOCK_LINES] for at in range(0, len(whole), BLOCK_LINES)] or [[]]
    return b"".join(gzip_stored(b"".join(block)) for block in blocks)


def derive_index_summary(index: bytes) -> bytes:
    """`indexes/index.idx` of an `indexes/index.cdx.gz`: for each block its first key, place, length and SHA-256.

    Raises:
        MalformedWarc: `index` is not made of gzip members as `compress_index` makes them.
    """
    header = {"format": "cdxj-gzip-1.0", "filename": INDEX.rpartition("/")[2]}
    summary = [f"!meta 0 {json.dumps(header)}\n"]
    members = GzipMembers(io.BytesIO(index))
    while (member := members.next()) is not None:
        text = b"".join(iter(member.read, b""))
        if not text:
            continue
        key = text.partition(b" {")[0].decode("ascii")
        digest = digest_bytes(index[member.offset : member.offset + member.length]).sha256
        entry = {"offset": member.offset, "length": member.length, "digest": str(digest)}
        summary.append(f"{key} {json.dumps(entry)}\n")
    return "".join(summary).encode("ascii")


def derive_pages(*pages: PageEntry) -> bytes:
    """`pages/pages.jsonl`: the header line, then one line per page."""
    lines = [{"format": "json-pages-1.0", "id": "pages", "title": "All Pages"}]
    for page in pages:
        line = {"id": page.id, "url": page.url, "ts": page.ts}
        if page.title is not None:
            line["title"] = page.title
        lines.append(line)
    return b"".join(_json(line) + b"\n" for line in lines)


def derive_datapackage(
    resources: Sequence[PackageResource],
    *,
    created: str,
    software: str,
    title: str | None = None,
    description: str | None = None,
    main_page_url: str | None = None,
    main_page_date: str | None = None,
) -> bytes:
    """`datapackage.json`, a Frictionless data package; resources are listed in the order given.

    A resource's name is its path in lower case, since Frictionless allows no capitals in names and wants them unique.

    Args:
        resources: every file of the package but this one and `datapackage-digest.json`.
        created: RFC 3339.
        software: what made the package, with its version.
        title: for readers.
        description: for readers; Markdown.
        main_page_url: where replay begins.
        main_page_date: RFC 3339, of the main page.
    """
    package: dict[str, Any] = {
        "profile": "data-package",
        "wacz_version": WACZ_VERSION,
        "created": created,
        "software": software,
        "resources": [
            {
                "name": resource.path.lower(),
                "path": resource.path,
                "hash": str(resource.sha256),
                "bytes": resource.size,
            }
            for resource in resources
        ],
    }
    optional = {
        "title": title,
        "description": description,
        "mainPageUrl": main_page_url,
        "mainPageDate": main_page_date,
    }
    return _json(package | {name: value for name, value in optional.items() if value is not None})


def derive_datapackage_digest(datapackage: bytes) -> bytes:
    """`datapackage-digest.json` of the bytes of `datapackage.json`."""
    return _json({"path": DATAPACKAGE, "hash": f"sha256:{hashlib.sha256(datapackage).hexdigest()}"})


def _json(value: dict[str, Any]) -> bytes:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    # A lone surrogate, which no UTF-8 can carry, becomes the JSON escape of itself.
    return text.encode("utf-8", "backslashreplace")
