"""Packages of a page that a browser showed: pictures and other files beside the WARC, and in it."""

from __future__ import annotations

import dataclasses
import struct
import zlib
from collections.abc import Callable
from typing import Any

from captures import PAGE, capture, exchange, records_of, rendered, warc_of
from evidence import Evidence, attested, evidence, subject, zipped
from vector import bad, flipped, forged, good, replaced

from sijill.archive.capture.browser.rendering import (
    Blocked,
    BlockedKind,
    NotCollected,
    NotCollectedKind,
    Quality,
    Screenshot,
    ScreenshotKind,
    Script,
    Transformation,
    Waiting,
)
from sijill.archive.capture.exchange import Capture, Exchange, Purpose
from sijill.archive.capture.spool import MemoryBody


def png(width: int, height: int, grey: int) -> bytes:
    """A picture of one grey; deflated by a stored block, so that it is the same bytes everywhere."""
    lines = (b"\0" + bytes([grey]) * width) * height
    stored = struct.pack("<BHH", 1, len(lines), len(lines) ^ 0xFFFF) + lines
    packed = b"\x78\x01" + stored + struct.pack(">I", zlib.adler32(lines))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


SEEN, FURTHER, CLEAN, CAPTIONED = png(16, 20, 200), png(16, 6, 180), png(16, 20, 240), png(16, 24, 100)
_FILES = (
    ("dom.html", "text/html; charset=utf-8", "<html><body><p>نحن المنظمات الموقعة أدناه</p></body></html>".encode()),
    ("text.txt", "text/plain; charset=utf-8", "نحن المنظمات الموقعة أدناه\n".encode()),
    ("screenshot.png", "image/png", SEEN),
    ("screenshot-2.png", "image/png", FURTHER),
    ("screenshot-clean.png", "image/png", CLEAN),
    ("screenshot-captioned.png", "image/png", CAPTIONED),
    ("page.pdf", "application/pdf", b"%PDF-1.7 not really"),
    ("page.json", "application/json", b'{"title":"x"}'),
)
_PICTURES = (
    Screenshot("screenshot.png", ScreenshotKind.AS_SEEN, 16, 20, 0),
    Screenshot("screenshot-2.png", ScreenshotKind.AS_SEEN, 16, 6, 20),
    Screenshot("screenshot-clean.png", ScreenshotKind.OVERLAYS_REMOVED, 16, 20, 0),
    Screenshot("screenshot-captioned.png", ScreenshotKind.CAPTIONED, 16, 24, 0),
)


def shown(*further: tuple[str, str, bytes]) -> Capture:
    """The small capture, its page shown by a browser; `further` are made of it, too."""
    made = rendered(*_FILES, *further)
    rendering = dataclasses.replace(
        made.rendering,
        screenshots=_PICTURES,
        scripts=(Script("observe.js", "c0" * 32),),
        transformations=(
            Transformation("overlays-removed", "page", "screenshot-clean.png", "A banner was hidden."),
            Transformation("caption", "screenshot.png", "screenshot-captioned.png", "Under a strip with URL and time."),
        ),
        waiting=Waiting((("milliseconds", 812), ("ended", "quiet"))),
        blocked=(Blocked(BlockedKind.WEBSOCKET, "wss://site.example/live", "no WebSocket is let through"),),
        not_collected=(NotCollected(NotCollectedKind.PLAYER, "https://www.youtube.com/embed/x", "player of YouTube"),),
        quality=Quality(1000, 1000, 996, 999, ""),
    )
    return dataclasses.replace(made, rendering=rendering)


def shown_with(captioned: bytes) -> Capture:
    """The same with another copy under a strip."""
    made = shown()
    files = tuple(
        dataclasses.replace(file, body=MemoryBody(captioned)) if file.name == "screenshot-captioned.png" else file
        for file in made.rendering.files
    )
    return dataclasses.replace(made, rendering=dataclasses.replace(made.rendering, files=files))


def failing() -> Capture:
    """The small capture by plain HTTP, although a browser was asked for."""
    return dataclasses.replace(capture(), browser_fallback="no Chromium was found")


SHOWN = evidence(shown())
RECORDS = records_of(SHOWN.warc)
FIRST = next(number for number, record in enumerate(RECORDS) if b"urn:sijill:rendering:" in record)
"""The record of `dom.html`."""
OTHER = png(16, 20, 77)

good("browser", "a page as a browser showed it: pictures, PDF, DOM and text are subjects and records", forged(SHOWN))
good("browser-missing", "a browser was asked for, and there was none", lambda: zipped(evidence(failing()).files()))


def _asked(number: int, method: str, answer: bytes) -> Exchange:
    """What a script asked of the page's own address by another method; HEAD tells a length, and sends no body."""
    body = answer.partition(b"\r\n\r\n")[2]
    made = exchange(number, PAGE, answer, body)
    return dataclasses.replace(
        made,
        method=method,
        request=made.request.replace(b"GET", method.encode(), 1),
        purpose=Purpose.REQUISITE,
        via=PAGE,
    )


def _many_methods() -> Capture:
    made = shown()
    further = (
        _asked(5, "POST", b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nposted"),
        _asked(6, "OPTIONS", b"HTTP/1.1 204 No Content\r\nAllow: GET, POST\r\n\r\n"),
        _asked(7, "HEAD", b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 512\r\n\r\n"),
    )
    return dataclasses.replace(made, exchanges=(*made.exchanges, *further))


ASKED = evidence(_many_methods())

good("methods", "a script asked by POST, OPTIONS and HEAD, too; the index leads to answers to GET", forged(ASKED))
bad(
    "E-PKG-03_index-of-post",
    "the index leads to the answer to POST as well",
    lambda: zipped(ASKED.forged_files(every_method=True)),
)


def with_file(name: str, data: bytes, made: Evidence = SHOWN) -> Callable[[], bytes]:
    """The package with another file in the place of a subject, derived files as they were."""
    return lambda: zipped({**made.files(), f"provenance/{name}": data})


def without_file() -> bytes:
    """The package without one of the pictures."""
    return zipped({name: data for name, data in SHOWN.files().items() if name != "provenance/screenshot.png"})


bad("E-SUB-01_screenshot-missing", "an attested screenshot is not there", without_file, "E-PKG-02")
bad("E-SUB-02_screenshot-altered", "a bit of a picture changed", with_file("screenshot.png", flipped(SEEN)), "E-SUB-03")
bad(
    "E-SUB-02_screenshot-swapped",
    "the picture of another capture in its place, as large",
    with_file("screenshot.png", OTHER),
    "E-SUB-03",
)
REPORT = "provenance/report.html"
bad(
    "E-PKG-03_report-picture",
    "report.html shows another picture",
    lambda: zipped({**SHOWN.files(), REPORT: evidence(shown_with(OTHER)).files()[REPORT]}),
)


def claimed(name: str, data: bytes) -> Evidence:
    """The capture with a subject attested that is not what its WARC holds."""
    statement = SHOWN.statement
    number = next(number for number, one in enumerate(statement["subject"]) if one["name"] == name)
    lied = subject(name, statement["subject"][number]["mediaType"], data)
    made = attested(SHOWN, **{f"subject__{number}": lied})
    return dataclasses.replace(made, others={**SHOWN.others, name: data})


def arranged(*records: bytes) -> Evidence:
    """The capture with other records in its WARC."""
    return attested(SHOWN, warc_of(list(records)))


def edited(number: int, old: bytes, new: bytes) -> Evidence:
    """The capture with one text in the record of one file replaced."""
    record = replaced(old, new)(RECORDS[FIRST + number])
    return arranged(*RECORDS[: FIRST + number], record, *RECORDS[FIRST + number + 1 :])


EXTRA = evidence(shown(("receipt.txt", "text/plain", b"paid\n")))
EXTRA_RECORD = next(record for record in records_of(EXTRA.warc) if b"receipt.txt" in record)
FILES = RECORDS[FIRST : FIRST + len(_FILES)]
LOG = RECORDS[-1]


def again(record: bytes) -> bytes:
    """A record under another id."""
    return replaced(b"<urn:uuid:00000000-0000-4000-8000-", b"<urn:uuid:00000000-0000-4000-9000-")(record)


def made_at(moment: str) -> Evidence:
    """The capture with another time attested of its first file."""
    return attested(SHOWN, predicate__browser__files__0__made=moment)


BEFORE, SWAPPED = RECORDS[:FIRST], (FILES[1], FILES[0], *FILES[2:])
for defect, explanation, forgery in (
    ("picture-of-another", "the attested picture is not the one in the WARC", claimed("screenshot.png", OTHER)),
    ("file-without-record", "an attested file has no record", arranged(*BEFORE, *FILES[1:], LOG)),
    ("file-twice", "a file has two records", arranged(*RECORDS[:-1], again(FILES[0]), LOG)),
    ("record-without-file", "a file's record and no subject", arranged(*RECORDS[:-1], again(EXTRA_RECORD), LOG)),
    ("files-order", "the files' records in another order", arranged(*BEFORE, *SWAPPED, LOG)),
    ("file-of-another-capture", "a record names another capture's file", edited(0, b"q7ab:d", b"aaaa:d")),
    ("file-type", "a record has another type than is attested", edited(0, b"text/html", b"text/htm1")),
    ("file-date", "a record is a second older than is attested", edited(0, b"T01:16:31", b"T01:16:30")),
    ("file-made", "a file is attested younger than its record", made_at("2026-11-21T01:16:32.123456Z")),
):  # fmt: skip
    bad(f"E-WARC-04_{defect}", explanation, forged(forgery))


def bad_statement(name: str, note: str, **edits: Any) -> None:
    """Add a package whose attestation contradicts itself; its other files are those of the true one."""
    bad(name, note, lambda: zipped({**SHOWN.files(), **attested(SHOWN, **edits).signed_files()}))


PICTURES = SHOWN.statement["predicate"]["browser"]["screenshots"]
bad_statement(
    "E-ATT-05_screenshot-absent",
    "the list of screenshots names one that is no subject",
    predicate__browser__screenshots=[*PICTURES, {**PICTURES[1], "name": "screenshot-3.png"}],
)
bad_statement(
    "E-ATT-05_picture-unlisted",
    "a picture is a subject, and nothing says what it shows",
    predicate__browser__screenshots=PICTURES[:-1],
)
bad_statement("E-ATT-05_browser-denied", "files that a browser made, and no browser", predicate__browser=None)
bad_statement(
    "E-ATT-05_file-unlisted",
    "a subject that nothing made",
    predicate__browser__files=SHOWN.statement["predicate"]["browser"]["files"][:-1],
)
bad_statement(
    "E-ATT-05_transformation-of-nothing",
    "a file was made of one that is not there",
    predicate__transformations__1__input="original.png",
)
