"""What the commands print: tables for people, JSON for machines, progress on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sijill.archive.capture.exchange import Exchange
from sijill.archive.digest import DigestSet
from sijill.archive.errors import BadTarget
from sijill.flows import evidence
from sijill.flows.init import Initialised
from sijill.flows.wiring import Archive
from sijill.provenance.attest.timestamps import format_timestamp
from sijill.provenance.log import log as transparency
from sijill.provenance.printable import printable

if TYPE_CHECKING:
    from rich.status import Status


class CaptureProgress:
    """A status line on a terminal, with each exchange; plain lines per URL when stderr is piped."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        self._quiet = quiet
        self._status: Status | None = None
        self._total = total
        self._number = 0
        self._exchanges = 0
        self._target = ""

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and not self._quiet:
            from rich.console import Console

            self._status = Console(stderr=True, highlight=False).status("")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def begin(self, target: str) -> None:
        """The next URL is being captured."""
        self._number += 1
        self._exchanges = 0
        self._target = printable(target)
        self._show(f"[{self._number}/{self._total}] {self._target}", also_plain=True)

    def exchange(self, exchange: Exchange) -> None:
        """One exchange ended."""
        self._exchanges += 1
        self._show(f"[{self._number}/{self._total}] {self._target}: {self._exchanges} exchanges")

    def refused(self, error: BadTarget) -> None:
        """The URL is not one that can be captured."""
        print(f"refused {printable(str(error))}", file=sys.stderr)

    def sealing(self, progress: transparency.SealProgress) -> None:
        """Entries of a batch are being settled."""
        self._show(f"sealing the log: {progress.done} of {progress.total}, {progress.size} in all")

    def _show(self, line: str, *, also_plain: bool = False) -> None:
        if self._status is not None:
            from rich.text import Text

            self._status.update(Text(line))
        elif also_plain and not self._quiet:
            print(line, file=sys.stderr, flush=True)


class SealProgress(CaptureProgress):
    """Progress of `sijill seal`."""

    def __init__(self, *, quiet: bool) -> None:
        super().__init__(0, quiet=quiet)


def print_init(made: Initialised, *, as_json: bool) -> None:
    """What `sijill init` wrote."""
    if as_json:
        _print_json(
            {
                "settings": str(made.settings),
                "trust": str(made.trust),
                "attestationKeyid": made.attestation_keyid,
                "logKey": made.log_vkey,
            }
        )
        return
    _print_facts(
        {
            "Settings": str(made.settings),
            "Trust root": f"{made.trust}  (hand it to auditors, by a way that you both trust)",
            "Attestation key": made.attestation_keyid,
            "Log key": made.log_vkey,
        }
    )


def print_captures(
    archive: Archive,
    results: list[evidence.Archived],
    refused: list[BadTarget],
    sealed: transparency.SealResult,
    *,
    as_json: bool,
) -> None:
    """What became of each URL."""
    stored = [evidence.load_capture(archive, result.capture.id) for result in results]
    if as_json:
        _print_json(
            {
                "captures": [
                    {**_summary(capture), "warc": _digests(result.warc), "exchanges": _exchange_count(capture)}
                    for result, capture in zip(results, stored, strict=True)
                ],
                "refused": [{"target": error.target, "reason": error.reason} for error in refused],
                "log": {"size": sealed.size, "added": sealed.added},
            }
        )
        return
    for result, capture in zip(results, stored, strict=True):
        _print_facts(
            {
                "Capture": capture.capture_id,
                "Target": capture.statement.predicate.target,
                "Outcome": _outcome(capture),
                "Recorded": _recorded(capture, result.warc.size),
                "SHA-256": result.warc.sha256.hex,
                "BLAKE3": result.warc.blake3.hex,
                "Log index": _index(capture),
            }
        )
        print()


def print_list(captures: Iterable[evidence.StoredCapture], *, as_json: bool) -> None:
    """One line a capture; as JSON one object a line, so that a long list streams."""
    if as_json:
        for capture in captures:
            print(json.dumps(_summary(capture), ensure_ascii=False))
        return
    count = 0
    for capture in captures:
        count += 1
        state = "" if capture.leaf_index is not None else "  (not sealed)"
        target = printable(capture.statement.predicate.target)
        outcome = capture.statement.predicate.outcome
        print(f"{capture.capture_id}  {outcome:8}  {target}{state}")
    if not count:
        print("no captures yet; make one with: sijill capture URL", file=sys.stderr)


def print_capture(capture: evidence.StoredCapture, *, as_json: bool) -> None:
    """All about one capture."""
    if as_json:
        _print_json({**_summary(capture), "statement": json.loads(capture.payload)})
        return
    predicate = capture.statement.predicate
    warc = capture.statement.warc.digests
    _print_facts(
        {
            "Capture": capture.capture_id,
            "Target": predicate.target,
            "Final URL": predicate.final_url or "none reached",
            "Title": predicate.title or "",
            "Outcome": _outcome(capture),
            "Started": format_timestamp(predicate.times.started),
            "Ended": format_timestamp(predicate.times.ended),
            "Recorded": _recorded(capture, warc.size),
            "WARC": capture.warc_key,
            "SHA-256": warc.sha256.hex,
            "BLAKE3": warc.blake3.hex,
            "Signature": "by this archive's key" if capture.signed_by_us else "NOT by this archive's key",
            "Log index": _index(capture),
        }
    )
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("#", "Status", "Type", "Bytes", "URL", box=None, pad_edge=False)
    for exchange in predicate.exchanges:
        status = str(exchange.status) if exchange.status is not None else ""
        if exchange.failure is not None:
            status = f"{status} {exchange.failure.kind}".strip()
        size = str(exchange.payload.size) if exchange.payload is not None else ""
        row = (str(exchange.number), status, exchange.media_type or "", size, exchange.url)
        table.add_row(*(Text(printable(cell), overflow="fold") for cell in row))
    # What is piped is for other programs, or for a file: as wide as it needs to be.
    Console(highlight=False, width=None if sys.stdout.isatty() else 10_000).print(table)


def print_export(path: Path, digests: DigestSet, *, as_json: bool) -> None:
    """The package that was written."""
    if as_json:
        _print_json({"package": str(path), **_digests(digests)})
        return
    _print_facts(
        {
            "Package": str(path),
            "Bytes": str(digests.size),
            "SHA-256": digests.sha256.hex,
            "BLAKE3": digests.blake3.hex,
        }
    )


def print_seal(sealed: transparency.SealResult, *, as_json: bool) -> None:
    """The log after sealing."""
    rejected = [{"key": item.key, "reason": item.reason} for item in sealed.rejected]
    if as_json:
        _print_json(
            {
                "size": sealed.size,
                "added": sealed.added,
                "rejected": rejected,
            }
        )
        return
    _print_facts({"Log size": str(sealed.size), "Added": str(sealed.added)})
    for item in sealed.rejected:
        print(f"left in the queue: {printable(item.key)}: {printable(item.reason)}", file=sys.stderr)


def _summary(capture: evidence.StoredCapture) -> dict[str, Any]:
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


def _exchange_count(capture: evidence.StoredCapture) -> int:
    return len(capture.statement.predicate.exchanges)


def _recorded(capture: evidence.StoredCapture, size: int) -> str:
    exchanges = capture.statement.predicate.exchanges
    failed = sum(exchange.failure is not None for exchange in exchanges)
    return f"{len(exchanges)} exchanges" + (f", {failed} of them failed" if failed else "") + f", {size} bytes of WARC"


def _outcome(capture: evidence.StoredCapture) -> str:
    predicate = capture.statement.predicate
    return "; ".join([str(predicate.outcome), *predicate.reasons])


def _index(capture: evidence.StoredCapture) -> str:
    return str(capture.leaf_index) if capture.leaf_index is not None else "not sealed yet; run: sijill seal"


def _digests(digests: DigestSet) -> dict[str, Any]:
    return {"size": digests.size, "sha256": digests.sha256.hex, "blake3": digests.blake3.hex}


def _print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _print_facts(facts: dict[str, str]) -> None:
    # One line a fact, never folded: digests and paths are there to be copied.
    bold, plain = ("\x1b[1m", "\x1b[0m") if sys.stdout.isatty() and "NO_COLOR" not in os.environ else ("", "")
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{bold}{name:<{width}}{plain}  {printable(value)}")
