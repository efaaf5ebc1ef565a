"""Attacks on a stored archive by whoever has the disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from evidence import FOREIGN_KEY, signed
from matrix import on_archive
from victim import Copy, Verdict, Victim, audited, subject_key, warc_of
from warc_editing import with_later_date

from sijill.archive.digest import digest_bytes
from sijill.provenance.attest.envelope import parse_envelope
from sijill.provenance.log.checkpoint import parse_checkpoint
from sijill.provenance.log.entry import Kind
from sijill.provenance.log.layout import CHECKPOINT, attestation_key, checkpoint_key

OTHER_ID = "20200101t000000z-abcdefghijkl"


def tampered(name: str, code: str, needed: str = "") -> Callable[[Callable[[Copy, Victim], None]], Any]:
    """Add an attack that only changes files."""

    def add(change: Callable[[Copy, Victim], None]) -> None:
        @on_archive(name, code, needed)
        def make(victim: Victim, folder: Path) -> Verdict:
            copy = victim.copy(folder / "store")
            change(copy, victim)
            return audited(copy)

    return add


def newest(copy: Copy) -> int:
    """The size of the log."""
    return parse_checkpoint(copy.read(CHECKPOINT)).checkpoint.size


# With the disk alone.


@on_archive("none: the archive as it is", None)
def untouched(victim: Victim, folder: Path) -> Verdict:
    return audited(victim.copy(folder / "store"), since=victim.earlier)


@tampered("a byte flipped in a WARC", "E-ARC-22")
def flipped_warc(copy: Copy, victim: Victim) -> None:
    copy.flip(warc_of(copy, victim.captures[0]), 200)


@tampered("a byte flipped in a screenshot", "E-ARC-22")
def flipped_screenshot(copy: Copy, victim: Victim) -> None:
    copy.flip(subject_key(copy, victim.pictured, 2))


@tampered("a byte flipped in an attestation", "E-ARC-14")
def flipped_attestation(copy: Copy, victim: Victim) -> None:
    copy.flip(attestation_key(victim.captures[1]), 500)


@tampered("a byte flipped in a tile of hashes", "E-ARC-03")
def flipped_tile(copy: Copy, _: Victim) -> None:
    copy.flip(f"log/tile/0/000.p/{newest(copy)}")


@tampered("a byte flipped in a tile of entries", "E-ARC-04")
def flipped_entries(copy: Copy, _: Victim) -> None:
    key = f"log/tile/entries/000.p/{newest(copy)}"
    copy.flip(key, copy.read(key).index(b'"envelopeSha256":"') + 20)


@tampered("a byte flipped in a checkpoint", "E-ARC-01")
def flipped_checkpoint(copy: Copy, _: Victim) -> None:
    copy.flip(checkpoint_key(newest(copy)), -8)


@tampered("a byte flipped in a record that another capture takes", "E-ARC-34")
def flipped_original(copy: Copy, victim: Victim) -> None:
    [dependency] = copy.statement(victim.taking)["predicate"]["dependencies"]
    record = dependency["records"][0]
    copy.flip(warc_of(copy, dependency["captureId"]), record["offset"] + record["length"] // 2)


@tampered("the WARC removed from which another capture takes records", "E-ARC-34")
def removed_original(copy: Copy, victim: Victim) -> None:
    [dependency] = copy.statement(victim.taking)["predicate"]["dependencies"]
    copy.remove(warc_of(copy, dependency["captureId"]))


@tampered("an object removed", "E-ARC-21")
def removed_object(copy: Copy, victim: Victim) -> None:
    copy.remove(warc_of(copy, victim.captures[0]))


@tampered("an attestation removed", "E-ARC-13")
def removed_attestation(copy: Copy, victim: Victim) -> None:
    copy.remove(attestation_key(victim.captures[0]))


@tampered("an object added", "E-ARC-29")
def added_object(copy: Copy, _: Victim) -> None:
    data = b"what nobody attested"
    sha256 = digest_bytes(data).sha256.hex
    copy.write(f"objects/sha256/{sha256[:2]}/{sha256[2:4]}/{sha256}", data)


@tampered("a capture added, with an attestation that is not in the log", "E-ARC-30")
def added_capture(copy: Copy, victim: Victim) -> None:
    copy.write(attestation_key(OTHER_ID), copy.envelope(victim.captures[0]))


@tampered("two attestations swapped", "E-ARC-14")
def swapped(copy: Copy, victim: Victim) -> None:
    first, second = (attestation_key(capture_id) for capture_id in victim.captures[:2])
    one, two = copy.read(first), copy.read(second)
    copy.write(first, two)
    copy.write(second, one)


@tampered("headers of a WARC altered and all of it compressed anew, so that `warcio check` passes", "E-ARC-22")
def altered_headers(copy: Copy, victim: Victim) -> None:
    key = warc_of(copy, victim.captures[0])
    copy.write(key, with_later_date(copy.read(key)))


@tampered("an object removed, with a tombstone that a stranger signed", "E-ARC-21")
def forged_tombstone(copy: Copy, victim: Victim) -> None:
    copy.remove(warc_of(copy, victim.captures[0]))
    own_id, statement = tombstone_of(copy, victim.captures[0])
    copy.write(attestation_key(own_id, Kind.TOMBSTONE), signed(statement, FOREIGN_KEY))


@tampered("the published checkpoint rolled back", "E-ARC-05")
def rolled_back(copy: Copy, victim: Victim) -> None:
    copy.write(CHECKPOINT, copy.read(checkpoint_key(parse_checkpoint(victim.earlier).checkpoint.size)))


@tampered("two entries of the log reordered", "E-ARC-04")
def reordered(copy: Copy, _: Victim) -> None:
    for key in copy.keys("log/tile/entries/"):
        bundle = copy.read(key)
        size = 2 + int.from_bytes(bundle[:2], "big")
        second = 2 + int.from_bytes(bundle[size : size + 2], "big")
        copy.write(key, bundle[size : size + second] + bundle[:size] + bundle[size + second :])


def tombstone_of(copy: Copy, capture_id: str, envelope: bytes | None = None) -> tuple[str, dict[str, Any]]:
    """A tombstone that takes a capture's WARC away, made from the true one of another capture."""
    [key] = [key for key in copy.keys("tombstones/") if key.endswith(".dsse.json")]
    statement = json.loads(parse_envelope(copy.read(key)).payload)
    predicate, subject = statement["predicate"], copy.statement(capture_id)["subject"][0]
    at = datetime.fromisoformat(predicate["at"])
    own_id = f"{at:%Y%m%dt%H%M%Sz}-abcdefghijkl"
    digests = {"digest": subject["digest"], "size": subject["annotations"]["size"]}
    predicate |= {
        "tombstoneId": own_id,
        "captureId": capture_id,
        "envelopeSha256": digest_bytes(envelope or copy.envelope(capture_id)).sha256.hex,
        "removed": [{"name": subject["name"], "key": warc_of(copy, capture_id), **digests}],
    }
    statement["subject"] = [subject]
    return own_id, statement
