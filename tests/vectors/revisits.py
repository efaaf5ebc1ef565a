"""A capture that takes what two others hold already, and packages in which that is not as it should be."""

from __future__ import annotations

import copy
import dataclasses
import gzip
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from captures import CAPTURE_ID, GIF, IMAGE, PAGE, STARTED, capture, records_of, warc_of, written
from captures import exchange as exchange_of
from evidence import Evidence, attested, envelope_sha256, evidence, signed, statement_of, zipped
from vector import TRUE, bad, flipped, forged, good, replaced

from sijill.archive.capture.exchange import Capture, Exchange, Original, Outcome, Revisit, RevisitKind
from sijill.archive.digest import digest_bytes
from sijill.archive.warc.examine import ExaminedRecord, examine_warc
from sijill.archive.warc.record import REVISIT_PROFILES
from sijill.archive.warc.wacz import DEPENDENCIES
from sijill.provenance.attest.timestamps import capture_id_time

FIRST_ID = "20261014t060000z-k3j2x5m4q7ab"
SECOND_ID = "20261121t011429z-abcdefghijkl"
STYLE_URL = "https://site.example/style.css"
SCRIPT_URL = "https://site.example/menu.js"
STYLE = b"body { font-family: serif }\n"
SCRIPT = b"document.title += '.';\n"
HTML = (
    b"<!doctype html><link rel=stylesheet href=style.css><title>Statement</title><img src=seal.gif><script src=menu.js>"
)


def response(media_type: str, body: bytes) -> bytes:
    """A whole response."""
    head = f'HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nETag: "1"\r\nContent-Length: {len(body)}\r\n\r\n'
    return head.encode() + body


def holding(capture_id: str, *exchanges: Exchange) -> Capture:
    """A capture that received everything itself, at the time that its id says."""
    started = capture_id_time(capture_id)
    made = capture(capture_id, HTML)
    shift = started - STARTED
    moved = [
        dataclasses.replace(one, started=one.started + shift, ended=one.ended + shift)
        for one in (*made.exchanges[:2], *exchanges)
    ]
    return dataclasses.replace(
        made,
        started=started,
        ended=started + timedelta(seconds=2),
        exchanges=tuple(moved),
        outcome=Outcome.COMPLETE,
        reasons=(),
    )


def requisite(number: int, url: str, media_type: str, body: bytes) -> Exchange:
    """A requisite, received whole."""
    return exchange_of(number, url, response(media_type, body), body)


STYLED = requisite(3, STYLE_URL, "text/css", STYLE)
PICTURED = requisite(4, IMAGE, "image/gif", GIF)
SCRIPTED = requisite(3, SCRIPT_URL, "text/javascript", SCRIPT)
FIRST = written(holding(FIRST_ID, STYLED, PICTURED))
SECOND = written(holding(SECOND_ID, SCRIPTED))


def record_of(warc: bytes, url: str, kind: str = "response") -> ExaminedRecord:
    """The record of a URL in a WARC."""
    records = examine_warc(io.BytesIO(warc)).records
    return next(one for one in records if one.type == kind and one.field("WARC-Target-URI") == url)


def original(made: Capture, warc: bytes, records: dict[int, str], number: int) -> Original:
    """Where the payload of an exchange is kept."""
    one = next(one for one in made.exchanges if one.number == number)
    record = record_of(warc, one.url)
    return Original(
        capture_id=made.id,
        envelope_sha256=envelope_sha256(signed(statement_of(made, warc, records))),
        warc=digest_bytes(warc),
        record=record.id,
        url=one.url,
        date=one.started,
        media_type=one.media_type,
        payload=one.response.payload,
        offset=record.offset,
        member=digest_bytes(warc[record.offset : record.offset + record.length]),
    )


STYLE_KEPT = original(holding(FIRST_ID, STYLED, PICTURED), *FIRST, 3)
IMAGE_KEPT = original(holding(FIRST_ID, STYLED, PICTURED), *FIRST, 4)
SCRIPT_KEPT = original(holding(SECOND_ID, SCRIPTED), *SECOND, 3)


def member(warc: bytes, kept: Original) -> bytes:
    """The gzip member that is kept."""
    return warc[kept.offset : kept.offset + kept.member.size]


MEMBERS = (member(FIRST[0], STYLE_KEPT), member(FIRST[0], IMAGE_KEPT), member(SECOND[0], SCRIPT_KEPT))
TAKEN = b"".join(MEMBERS)


def taking() -> Capture:
    """A page whose style is unchanged, whose image is the same, and whose script was received for another page."""
    unchanged = exchange_of(3, STYLE_URL, b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n', b"")
    same = requisite(4, IMAGE, "image/gif", GIF)
    reused = dataclasses.replace(
        requisite(5, SCRIPT_URL, "text/javascript", SCRIPT), request=b"", response=None, server=None, tls=None
    )
    kinds = (
        (unchanged, RevisitKind.NOT_MODIFIED, STYLE_KEPT),
        (same, RevisitKind.IDENTICAL, IMAGE_KEPT),
        (reused, RevisitKind.REUSED, SCRIPT_KEPT),
    )
    revisits = tuple(dataclasses.replace(one, revisit=Revisit(kind, kept)) for one, kind, kept in kinds)
    made = capture(CAPTURE_ID, HTML)
    return dataclasses.replace(made, exchanges=(*made.exchanges[:2], *revisits), outcome=Outcome.COMPLETE, reasons=())


SHARING = evidence(taking(), taken=TAKEN)
RECORDS = records_of(SHARING.warc)
STYLE_AT, IMAGE_AT, SCRIPT_AT = 5, 7, 9
"""Places of the revisit records in the WARC; the requests of the first two follow them."""
RECORDED: list[dict[str, Any]] = [
    record for one in SHARING.statement["predicate"]["dependencies"] for record in one["records"]
]

good(
    "taken-from-others",
    "a style that is unchanged and an image that is the same, kept by one capture, and a script kept by another",
    lambda: zipped(SHARING.files()),
)


def with_taken(taken: bytes) -> Callable[[], bytes]:
    """The true package with other bytes in the place of what is taken from others."""
    return lambda: zipped({**SHARING.files(), DEPENDENCIES: taken})


def missing() -> bytes:
    """The package without what it takes from others."""
    return zipped({name: data for name, data in SHARING.files().items() if name != DEPENDENCIES})


bad("E-WARC-05_missing", "what is taken from others is not there", missing, "E-PKG-02")
bad(
    "E-WARC-05_byte-changed",
    "a bit of a record of another capture changed",
    with_taken(flipped(MEMBERS[0]) + MEMBERS[1] + MEMBERS[2]),
)
bad("E-WARC-05_swapped", "two records in each other's place", with_taken(MEMBERS[1] + MEMBERS[0] + MEMBERS[2]))
REQUEST = record_of(FIRST[0], STYLE_URL, "request")
bad(
    "E-WARC-05_another-record",
    "the request in the place of the response",
    with_taken(FIRST[0][REQUEST.offset : REQUEST.offset + REQUEST.length] + MEMBERS[1] + MEMBERS[2]),
)
bad("E-WARC-05_record-added", "a record more than is attested", with_taken(TAKEN + MEMBERS[0]))
bad("E-WARC-05_cut-short", "the last record has no end", with_taken(TAKEN[:-1]))
bad("E-WARC-05_empty", "nothing in the file", with_taken(b""))
bad(
    "E-WARC-05_compressed-anew",
    "the same records, deflated otherwise",
    with_taken(gzip.compress(records_of(MEMBERS[0])[0], mtime=0) + MEMBERS[1] + MEMBERS[2]),
)
bad(
    "E-PKG-02_dependencies-added",
    "records of other captures where none are attested, which replay tools would show",
    lambda: zipped({**TRUE.files(), DEPENDENCIES: TAKEN}),
)


# What the collector signed although it is not true.


def otherwise(**edits: Any) -> Evidence:
    """The true capture, attested otherwise."""
    return attested(SHARING, **edits)


def standing_on(changed: bytes) -> Evidence:
    """The capture with other bytes in the place of the style's record, and their digests attested."""
    found = digest_bytes(changed)
    statement = copy.deepcopy(SHARING.statement)
    records = statement["predicate"]["dependencies"][0]["records"]
    # Where it is said to lie in the other capture's WARC does not matter to a package.
    records[0] |= {"length": found.size, "digest": {"sha256": found.sha256.hex, "blake3": found.blake3.hex}}
    records[1]["offset"] += found.size
    statement["predicate"]["dependencies"][0]["warc"]["size"] += found.size
    made = dataclasses.replace(SHARING, statement=statement, taken=changed + MEMBERS[1] + MEMBERS[2])
    return made.sealed(envelope=signed(statement))


def digest_line(record: bytes, name: bytes) -> bytes:
    """The header line called `name`."""
    start = record.index(name)
    return record[start : record.index(b"\r\n", start)]


def reframed(record: bytes) -> bytes:
    """The record with its payload in one chunk."""
    head, _, block = record.partition(b"\r\n\r\n")
    http, _, body = block.removesuffix(b"\r\n\r\n").partition(b"\r\n\r\n")
    length = b"Content-Length: %d" % len(body)
    chunked = http.replace(length, b"Transfer-Encoding: chunked") + b"\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    return with_block(head, chunked)


def with_block(head: bytes, block: bytes) -> bytes:
    """A record of another block, its digest and length made anew."""
    found = f"WARC-Block-Digest: {digest_bytes(block).sha256}".encode()
    head = head.replace(digest_line(head, b"WARC-Block-Digest"), found)
    start = head.rindex(b"Content-Length: ")
    return head[:start] + b"Content-Length: %d" % len(block) + b"\r\n\r\n" + block + b"\r\n\r\n"


def in_block(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """An edit of a record's block."""

    def edit(record: bytes) -> bytes:
        head, _, block = record.partition(b"\r\n\r\n")
        return with_block(head, replaced(old, new)(block.removesuffix(b"\r\n\r\n")))

    return edit


ZEROS = "0" * 64
NOBODY = b"urn:uuid:00000000-0000-4000-8000-0000000000ff"


def without_block_digest(record: bytes) -> bytes:
    """The record with the digest of another block."""
    return replaced(digest_line(record, b"WARC-Block-Digest"), b"WARC-Block-Digest: sha256:" + ZEROS.encode())(record)


def without_payload_digest(record: bytes) -> bytes:
    """The record without the digest of its payload."""
    return replaced(digest_line(record, b"WARC-Payload-Digest") + b"\r\n", b"")(record)


PAYLOAD_DIGEST = b"WARC-Payload-Digest"
for defect, explanation, edit in (
    ("other-url", "the record is of another URL", replaced(STYLE_URL.encode(), b"https://site.example/other.css")),
    ("other-date", "the record is of another time", replaced(b"WARC-Date: 2026-10", b"WARC-Date: 2025-10")),
    ("other-id", "the record has another id", replaced(STYLE_KEPT.record.encode(), NOBODY)),
    ("other-payload", "the record has another payload", in_block(b"serif", b"Arial")),
    ("other-type", "the record has another media type", in_block(b"text/css", b"text/csv")),
    ("not-200", "the record is of an error page", in_block(b"200 OK", b"404 No")),
    (
        "truncated",
        "the record says of itself that it was cut short",
        replaced(PAYLOAD_DIGEST, b"WARC-Truncated: time\r\n" + PAYLOAD_DIGEST),
    ),
    ("chunked", "the record's payload is in chunks", reframed),
    ("block-digest", "a block digest of another block", without_block_digest),
    ("no-payload-digest", "the record does not say its payload's digest", without_payload_digest),
    ("two-records", "two records in one member", lambda record: record + record),
    ("not-a-record", "no record at all", lambda _: b"signed by hand"),
):
    bad(
        f"E-WARC-05_{defect}",
        f"signed all the same: {explanation}",
        forged(standing_on(warc_of([edit(records_of(MEMBERS[0])[0])]))),
    )
bad("E-WARC-05_two-members", "signed all the same: two records", forged(standing_on(MEMBERS[0] + MEMBERS[0])))


def arranged(place: int, edit: Callable[[bytes], bytes]) -> Evidence:
    """The capture with one record of its WARC changed."""
    return attested(SHARING, warc_of([*RECORDS[:place], edit(RECORDS[place]), *RECORDS[place + 1 :]]))


def refers_to(kept: Original) -> Callable[[bytes], bytes]:
    """An edit of what the style's revisit refers to."""
    return replaced(f"Refers-To: <{STYLE_KEPT.record}>".encode(), f"Refers-To: <{kept.record}>".encode())


def head_of(record: bytes) -> bytes:
    """The named fields of a record."""
    return record.partition(b"\r\n\r\n")[0]


def without_record(place: int) -> Evidence:
    """The capture with a record of its WARC left out."""
    return attested(SHARING, warc_of([*RECORDS[:place], *RECORDS[place + 1 :]]))


def request_added() -> Evidence:
    """A request for what was reused, named in no log."""
    target = replaced(STYLE_URL.encode(), SCRIPT_URL.encode())(RECORDS[STYLE_AT + 1])
    named = replaced(digest_line(target, b"WARC-Record-ID"), b"WARC-Record-ID: <" + NOBODY + b">")(target)
    return attested(SHARING, warc_of([*RECORDS[: SCRIPT_AT + 1], named, *RECORDS[SCRIPT_AT + 1 :]]))


def as_response(record: bytes) -> bytes:
    """The image's revisit record as the response that it stands for."""
    kept = [
        line for line in head_of(record).split(b"\r\n") if not line.startswith((b"WARC-Refers-To", b"WARC-Profile"))
    ]
    return with_block(replaced(b"revisit", b"response")(b"\r\n".join(kept)), response("image/gif", GIF))


IDENTICAL, NOT_MODIFIED = (
    REVISIT_PROFILES[kind].encode() for kind in (RevisitKind.IDENTICAL, RevisitKind.NOT_MODIFIED)
)
for defect, explanation, made in (
    ("revisit-elsewhere", "the style's revisit refers to the image", arranged(STYLE_AT, refers_to(IMAGE_KEPT))),
    (
        "revisit-other-url",
        "the style's revisit refers to another URL",
        arranged(STYLE_AT, replaced(b"Refers-To-Target-URI: https://site", b"Refers-To-Target-URI: https://evil")),
    ),
    (
        "revisit-other-date",
        "the style's revisit refers to another time",
        arranged(STYLE_AT, replaced(b"Refers-To-Date: 2026-10", b"Refers-To-Date: 2025-10")),
    ),
    (
        "revisit-other-payload",
        "the style's revisit states another payload",
        arranged(STYLE_AT, replaced(STYLE_KEPT.payload.sha256.hex.encode(), ZEROS.encode())),
    ),
    (
        "revisit-profile",
        "what is unchanged, says the server, stands there as fetched again",
        arranged(STYLE_AT, replaced(NOT_MODIFIED, IDENTICAL)),
    ),
    (
        "revisit-status",
        "the server's answer is another than attested",
        arranged(STYLE_AT, in_block(b"304 Not Modified", b"200 OK")),
    ),
    (
        "revisit-with-body",
        "a revisit that holds more than the head",
        arranged(IMAGE_AT, lambda one: with_block(head_of(one), response("image/gif", GIF))),
    ),
    (
        "revisit-without-head",
        "a revisit without the head that came",
        arranged(IMAGE_AT, lambda one: with_block(head_of(one), b"")),
    ),
    (
        "revisit-reused-with-head",
        "a head where no request was sent",
        arranged(SCRIPT_AT, lambda one: with_block(head_of(one), b"HTTP/1.1 200 OK\r\n\r\n")),
    ),
    (
        "revisit-reused-from",
        "an address where no request was sent",
        arranged(SCRIPT_AT, replaced(PAYLOAD_DIGEST, b"WARC-IP-Address: 192.0.2.7\r\n" + PAYLOAD_DIGEST)),
    ),
    ("revisit-missing", "no revisit for the script", without_record(SCRIPT_AT)),
    ("revisit-request-missing", "no request for the style", without_record(STYLE_AT + 1)),
    ("revisit-request-added", "a request for the script", request_added()),
    (
        "revisit-stored-in-full",
        "the image is there in full, attested as kept elsewhere",
        arranged(IMAGE_AT, as_response),
    ),
    (
        "revisit-kind",
        "another kind than the fetch log's is attested",
        otherwise(
            predicate__exchanges__3__revisit__kind="reused",
            predicate__exchanges__3__server=None,
            predicate__exchanges__3__tls=None,
        ),
    ),
):
    bad(f"E-WARC-04_{defect}", explanation, forged(made))


def untrue(name: str, note: str, edit: Callable[[dict[str, Any]], None]) -> None:
    """Add a package whose attestation contradicts itself."""
    statement = copy.deepcopy(SHARING.statement)
    edit(statement["predicate"])
    made = SHARING.sealed(envelope=signed(statement))
    bad(f"E-ATT-05_{name}", note, lambda: zipped({**SHARING.files(), **made.signed_files()}))


def on(*path: Any) -> Callable[[dict[str, Any]], Any]:
    """What is at a path of a predicate."""

    def at(predicate: dict[str, Any]) -> Any:
        for step in path:
            predicate = predicate[step]
        return predicate

    return at


FROM_FIRST, LISTED = on("dependencies", 0, "records"), on("dependencies")
untrue("dependency-unlisted", "a revisit of a record that no dependency lists", lambda one: FROM_FIRST(one).pop(0))
untrue("dependency-unused", "a dependency that nothing stands on", lambda one: on("exchanges")(one).pop())
untrue("dependency-twice", "a dependency twice", lambda one: LISTED(one).append(LISTED(one)[-1]))
untrue("dependency-order", "dependencies in another order", lambda one: LISTED(one).reverse())
untrue("dependency-places", "records that overlap", lambda one: FROM_FIRST(one)[1].update(offset=STYLE_KEPT.offset))
untrue(
    "dependency-beyond",
    "a record beyond the end of its WARC",
    lambda one: on("dependencies", 0, "warc")(one).update(size=9),
)
untrue("dependency-itself", "a dependency on itself", lambda one: LISTED(one)[1].update(captureId=CAPTURE_ID))
untrue(
    "revisit-url",
    "a revisit of another URL",
    lambda one: on("exchanges", 2)(one).update(url="https://site.example/x.css"),
)
untrue(
    "revisit-of-page",
    "the page itself is kept elsewhere",
    lambda one: (on("exchanges", 2)(one).update(purpose="page", url=PAGE), one["redirectChain"].append(PAGE)),
)
untrue("revisit-status", "a revisit of an error page", lambda one: on("exchanges", 3)(one).update(status=404))
untrue(
    "revisit-reused-from",
    "a server where no request was sent",
    lambda one: on("exchanges", 4)(one).update(server={"ip": "192.0.2.7", "pinned": False, "port": 443}),
)
