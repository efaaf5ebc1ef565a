"""What the commands print: facts and tables for people, JSON for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sijill.archive.digest import DigestSet
from sijill.archive.errors import BadTarget
from sijill.flows.browser_facts import browser_facts, file_rows
from sijill.flows.custody.holds import Lock
from sijill.flows.custody.tombstones import Tombstone, tombstone_line
from sijill.flows.init import Initialised
from sijill.flows.printing import print_facts, print_json, print_table
from sijill.flows.stored_captures import StoredCapture, load_capture
from sijill.flows.wiring import Archive
from sijill.provenance.attest.timestamps import format_timestamp
from sijill.provenance.printable import printable

if TYPE_CHECKING:
    from sijill.flows.copying import ArchiveCopy
    from sijill.flows.evidence import Archived, Sealed
    from sijill.flows.export import Exported
    from sijill.flows.probe import Probed


def print_init(made: Initialised, *, as_json: bool) -> None:
    """What `sijill init` wrote."""
    if as_json:
        print_json(
            {
                "settings": str(made.settings),
                "trust": str(made.trust),
                "attestationKeyid": made.attestation_keyid,
                "logKey": made.log_vkey,
            }
        )
        return
    print_facts(
        {
            "Settings": str(made.settings),
            "Trust root": f"{made.trust}  (hand it to auditors, by a way that you both trust)",
            "Attestation key": made.attestation_keyid,
            "Log key": made.log_vkey,
        }
    )


def print_captures(
    archive: Archive,
    results: list[Archived],
    refused: list[BadTarget],
    sealed: Sealed,
    packages: Mapping[str, Path],
    *,
    as_json: bool,
) -> None:
    """What became of each URL; `packages` has those that were written, by capture."""
    stored = [load_capture(archive, result.capture.id) for result in results]
    if as_json:
        print_json(
            {
                "captures": [
                    {
                        **_summary(capture),
                        "warc": _digests(result.warc),
                        "exchanges": _exchange_count(capture),
                        **({"package": str(packages[capture.capture_id])} if packages else {}),
                    }
                    for result, capture in zip(results, stored, strict=True)
                ],
                "refused": [{"target": error.target, "reason": error.reason} for error in refused],
                "log": _sealed(sealed),
            }
        )
        return
    for result, capture in zip(results, stored, strict=True):
        print_facts(
            {
                "Capture": capture.capture_id,
                "Target": capture.statement.predicate.target,
                "Outcome": _outcome(capture),
                "Recorded": _recorded(capture, result.warc.size),
                **browser_facts(capture.statement),
                "SHA-256": result.warc.sha256.hex,
                "BLAKE3": result.warc.blake3.hex,
                "Log index": _index(capture),
                **({"Package": str(packages[capture.capture_id])} if packages else {}),
            }
        )
        print()
    _print_partners(sealed)


def print_list(captures: Iterable[StoredCapture], tombstones: Iterable[Tombstone], *, as_json: bool) -> None:
    """One line a capture; as JSON one object a line, so that a long list streams; those without attestation last."""
    removed: dict[str, Tombstone] = {}
    bare: dict[str, Tombstone] = {}
    for tombstone in tombstones:
        removed.setdefault(tombstone.capture_id, tombstone)
        if tombstone.attestation_removed:
            bare[tombstone.capture_id] = removed[tombstone.capture_id]
    if as_json:
        for capture in captures:
            print(json.dumps({**_summary(capture), "removed": capture.capture_id in removed}, ensure_ascii=False))
        for capture_id in bare:
            print(json.dumps({"captureId": capture_id, "removed": True}))
        return
    count = 0
    for capture in captures:
        count += 1
        state = "" if capture.leaf_index is not None else "  (not sealed)"
        state += "  (REMOVED, see: sijill custody)" if capture.capture_id in removed else ""
        target = printable(capture.statement.predicate.target)
        outcome = capture.statement.predicate.outcome
        print(f"{capture.capture_id}  {outcome:8}  {target}{state}")
    for capture_id, tombstone in bare.items():
        print(f"{capture_id}  REMOVED   {printable(tombstone.reason)}")
    if not count and not bare:
        print("no captures yet; make one with: sijill capture URL", file=sys.stderr)


def print_capture(capture: StoredCapture, locks: Sequence[Lock], tombstone: Tombstone | None, *, as_json: bool) -> None:
    """All about one capture, and how its store protects it."""
    if as_json:
        statement = json.loads(capture.payload)
        removed = None if tombstone is None else tombstone.tombstone_id
        held = [_lock(lock) for lock in locks]
        print_json({**_summary(capture), "tombstone": removed, "locks": held, "statement": statement})
        return
    if tombstone is not None:
        print(f"REMOVED: {tombstone_line(tombstone)}\n")
    predicate = capture.statement.predicate
    warc = capture.statement.warc.digests
    print_facts(
        {
            "Capture": capture.capture_id,
            "Target": predicate.target,
            "Final URL": predicate.final_url or "none reached",
            "Title": predicate.title or "",
            "Outcome": _outcome(capture),
            "Started": format_timestamp(predicate.times.started),
            "Ended": format_timestamp(predicate.times.ended),
            "Recorded": _recorded(capture, warc.size),
            **browser_facts(capture.statement),
            "WARC": capture.warc_key,
            "SHA-256": warc.sha256.hex,
            "BLAKE3": warc.blake3.hex,
            "Signature": "by this archive's key" if capture.signed_by_us else "NOT by this archive's key",
            "Log index": _index(capture),
            "Locked until": _protection(locks),
        }
    )
    from rich.text import Text

    rows = []
    for exchange in predicate.exchanges:
        status = str(exchange.status) if exchange.status is not None else ""
        if exchange.failure is not None:
            status = f"{status} {exchange.failure.kind}".strip()
        size = str(exchange.payload.size) if exchange.payload is not None else ""
        cells = (str(exchange.number), status, exchange.media_type or "", size, exchange.url)
        rows.append([Text(printable(cell), overflow="fold") for cell in cells])
    print_table(("#", "Status", "Type", "Bytes", "URL"), rows)
    if files := file_rows(capture.statement):
        print()
        print_table(("File", "Type", "Bytes", "SHA-256"), [[Text(printable(cell)) for cell in row] for row in files])


def print_locks(locks: Sequence[Lock], *, as_json: bool) -> None:
    """How the store protects each object of a capture."""
    if as_json:
        print_json({"locks": [_lock(lock) for lock in locks]})
        return
    print_facts({lock.key: _protection([lock]) for lock in locks})


def print_probe(archive: Archive, probed: Probed, *, as_json: bool) -> None:
    """What the store was seen to do and not to do."""
    if as_json:
        print_json(
            {
                "probeId": probed.probe_id,
                "store": archive.store.url,
                "capabilities": [
                    {"name": one.name, "holds": one.holds, "fact": one.fact} for one in probed.capabilities
                ],
                "attestationKey": probed.attestation_key,
            }
        )
        return
    from rich.text import Text

    print(f"{archive.store.url}\n")
    words = {True: "yes", False: "NO", None: "unknown"}
    print_table(
        ("Capability", "Has it", "What was seen"),
        [(Text(one.name), Text(words[one.holds]), Text(printable(one.fact))) for one in probed.capabilities],
    )
    print(f"\nSigned and logged as probe {probed.probe_id}")


def print_copy(archive: Archive, copied: ArchiveCopy, *, as_json: bool) -> None:
    """What was copied, and in what the two stores differ."""
    if as_json:
        print_json(
            {
                "from": archive.store.url,
                "to": copied.target,
                "copied": copied.copied,
                "presentAlready": copied.present,
                "erased": copied.erased,
                "equal": not copied.differences,
                "differences": [{"key": one.key, "what": one.what} for one in copied.differences],
            }
        )
        return
    for one in copied.differences:
        print(f"{printable(one.key)}: {printable(one.what)}")
    print_facts(
        {
            "From": archive.store.url,
            "To": copied.target,
            "Copied": f"{copied.copied} objects, {copied.present} were there already",
            **({"Erased": f"{copied.erased} objects, as tombstones say"} if copied.erased else {}),
            "Result": "they differ" if copied.differences else "equal, object by object, by size and both digests",
        }
    )


def print_export(path: Path, exported: Exported, *, as_json: bool) -> None:
    """The package that was written."""
    digests = exported.digests
    vouchers = {"timestamps": list(exported.timestamps), "witnesses": list(exported.witnesses)}
    if as_json:
        missing = list(exported.missing)
        print_json({"package": str(path), **_digests(digests), **vouchers, "missing": missing})
        return
    print_facts(
        {
            "Package": str(path),
            "Bytes": str(digests.size),
            "SHA-256": digests.sha256.hex,
            "BLAKE3": digests.blake3.hex,
            **{name.capitalize(): ", ".join(names) or "none" for name, names in vouchers.items()},
        }
    )
    if exported.missing:
        names = printable(", ".join(exported.missing))
        print(f"missing: {names}; the next sealing asks again, export once more after it", file=sys.stderr)


def print_seal(sealed: Sealed, *, as_json: bool) -> None:
    """The log after sealing."""
    if as_json:
        print_json(_sealed(sealed))
        return
    print_facts({"Log size": str(sealed.log.size), "Added": str(sealed.log.added)})
    _print_partners(sealed)
    for item in sealed.log.rejected:
        print(f"left in the queue: {printable(item.key)}: {printable(item.reason)}", file=sys.stderr)


def _sealed(sealed: Sealed) -> dict[str, Any]:
    return {
        "size": sealed.log.size,
        "added": sealed.log.added,
        "rejected": [{"key": item.key, "reason": item.reason} for item in sealed.log.rejected],
        "partners": [{"name": asked.name, "held": asked.held, "problem": asked.problem} for asked in sealed.asked],
    }


def _print_partners(sealed: Sealed) -> None:
    held = [asked.name for asked in sealed.asked if asked.held]
    if held:
        print(f"checkpoint of {sealed.log.size} vouched for by: {printable(', '.join(held))}")
    for asked in sealed.asked:
        if not asked.held:
            missing = f"{asked.name}: {asked.problem}; asked again by the next sealing"
            print(f"missing: {printable(missing)}", file=sys.stderr)


def _summary(capture: StoredCapture) -> dict[str, Any]:
    predicate = capture.statement.predicate
    return {
        "captureId": capture.capture_id,
        "target": predicate.target,
        "finalUrl": predicate.final_url,
        "title": predicate.title,
        "outcome": str(predicate.outcome),
        "reasons": list(predicate.reasons),
        "started": format_timestamp(predicate.times.started),
        "leafIndex": capture.leaf_index,
        "warcKey": capture.warc_key,
        "signedByThisArchive": capture.signed_by_us,
    }


def _exchange_count(capture: StoredCapture) -> int:
    return len(capture.statement.predicate.exchanges)


def _recorded(capture: StoredCapture, size: int) -> str:
    exchanges = capture.statement.predicate.exchanges
    failed = sum(exchange.failure is not None for exchange in exchanges)
    return f"{len(exchanges)} exchanges" + (f", {failed} of them failed" if failed else "") + f", {size} bytes of WARC"


def _outcome(capture: StoredCapture) -> str:
    predicate = capture.statement.predicate
    return "; ".join([str(predicate.outcome), *predicate.reasons])


def _index(capture: StoredCapture) -> str:
    return str(capture.leaf_index) if capture.leaf_index is not None else "not sealed yet; run: sijill seal"


def _digests(digests: DigestSet) -> dict[str, Any]:
    return {"size": digests.size, "sha256": digests.sha256.hex, "blake3": digests.blake3.hex}


def _lock(lock: Lock) -> dict[str, Any]:
    until = None if lock.locked_until is None else lock.locked_until.isoformat()
    return {"key": lock.key, "lockedUntil": until, "held": lock.held}


def _protection(locks: Sequence[Lock]) -> str:
    """Until when all of `locks` hold, and whether each is under a legal hold."""
    ends = [lock.locked_until for lock in locks]
    until = [end for end in ends if end is not None]
    said = f"{min(until):%Y-%m-%dT%H:%M:%SZ}" if until and len(until) == len(ends) else "not locked"
    return f"{said}, legal hold" if locks and all(lock.held for lock in locks) else said
