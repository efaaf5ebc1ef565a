"""What is printed of changes: lists, and word by word."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from sijill.archive.catalog.changes import Change, ReadingSource, Seen
from sijill.archive.catalog.statements import Captured, Publication, Statement
from sijill.archive.reading.diff import diff_texts, render_plain
from sijill.archive.reading.versions import compare_versions
from sijill.flows.printing import print_json
from sijill.flows.reading.describing import headline, sentences
from sijill.flows.reading.printing import print_csv
from sijill.provenance.printable import MAX_SHOWN, printable

_COLUMNS = (
    "kind", "site", "title", "urlBefore", "urlAfter", "captureBefore", "captureAfter", "capturedBefore",
    "capturedAfter", "sourceSha256Before", "sourceSha256After", "asIn", "what",
)  # fmt: skip


def print_changes(found: Sequence[Change], *, limit: int, as_json: bool, as_csv: bool) -> None:
    """A list of changes."""
    if as_json:
        print_json({"changes": [_json(one) for one in found]})
    elif as_csv:
        print_csv(_COLUMNS, map(_line, found))
    else:
        for one in found:
            print(headline(one))
            for sentence in sentences(one):
                print(f"  {sentence}")
            for name, seen in (("before", one.before), ("after", one.after)):
                print(f"  {name}: {seen.captured[:16]}Z {printable(seen.url)}")
                source = f"read from sha256:{seen.source_sha256}" if seen.source_sha256 else "nothing was reached"
                print(f"    capture {seen.capture_id}, {source}")
            print()
        more = "; there may be earlier ones: --limit" if len(found) == limit else ""
        print(f"{len(found):,} change{'' if len(found) == 1 else 's'}{more}")


def print_diffs(found: Statement, readings: ReadingSource) -> None:
    """How the versions of each publication differ, word by word, and what stands in one language only."""
    for publication in found.publications:
        for before, after in _successive(publication):
            print(f"\n{printable(publication.url)}")
            print(f"  version {before.version}, capture {before.capture_id} of {before.captured[:16]}Z")
            print(f"  version {after.version}, capture {after.capture_id} of {after.captured[:16]}Z")
            for line in _differing(before, after, readings):
                print(f"  {line}")
    for line in _languages(found, readings):
        print(line)


def _successive(publication: Publication) -> Iterator[tuple[Captured, Captured]]:
    """Captures that follow one another and show different versions: A, B and A again are two such pairs."""
    read = [one for one in publication.captures if one.version is not None]
    for before, after in pairwise(read):
        if before.version != after.version:
            yield before, after


def _differing(before: Captured, after: Captured, readings: ReadingSource) -> Iterator[str]:
    one, other = readings.reading(before.capture_id), readings.reading(after.capture_id)
    if one is None or other is None:
        yield "not compared: a reading is not there; run: sijill read"
    elif one.reader != other.reader:
        yield f"not compared: read by {one.reader} and by {other.reader}; run: sijill read --again"
    else:
        diff = diff_texts(one.text, other.text)
        if diff.changed:
            yield from map(_printable_whole, render_plain(diff))
        elif diff.presentation:
            yield "the same words in other characters or other white space"
        else:
            yield "the same text; what differs is its title, date or signatories"


def _printable_whole(line: str) -> str:
    return "".join(printable(line[start : start + MAX_SHOWN]) for start in range(0, len(line), MAX_SHOWN))


def _languages(found: Statement, readings: ReadingSource) -> Iterator[str]:
    newest = []
    for publication in found.publications:
        read = [one for one in publication.captures if one.version is not None]
        reading = readings.reading(read[-1].capture_id) if read else None
        if reading is not None and publication.language is not None:
            newest.append((publication, reading))
    for position, (first, one) in enumerate(newest):
        for second, other in newest[position + 1 :]:
            if first.language == second.language:
                continue
            compared = compare_versions(one, other)
            yield f"\n{first.language} {printable(first.url)}\n{second.language} {printable(second.url)}"
            for missing in compared.missing:
                where = first.language if missing.only_in == "first" else second.language
                yield f"  only in {where}: {missing.what}: {printable(missing.text)}"
            for publication, names in zip((first, second), compared.untold, strict=True):
                if names:
                    yield f"  cannot be told whether the other names them, {publication.language}: " + printable(
                        "; ".join(names)
                    )
            if not compared.missing and not any(compared.untold):
                yield "  no paragraph and no signatory is missing in either"


def _json(change: Change) -> dict[str, Any]:
    changed = None if change.changed is None else dataclasses.asdict(change.changed)
    return {
        "kind": change.kind,
        "statement": change.statement,
        "site": change.site,
        "title": change.title,
        "reason": change.reason,
        "before": _seen(change.before),
        "after": _seen(change.after),
        "asIn": None if change.as_in is None else change.as_in.capture_id,
        "changed": changed and _camel_words(changed),
    }


def _camel_words(changed: dict[str, Any]) -> dict[str, Any]:
    text = changed["text"]
    return {
        **changed,
        "text": {
            "wordsAdded": text["words_added"],
            "wordsRemoved": text["words_removed"],
            "paragraphsMoved": text["moved"],
            "presentation": text["presentation"],
            "punctuation": text["punctuation"],
        },
    }


def _seen(seen: Seen) -> dict[str, Any]:
    return {
        "capture": seen.capture_id,
        "leafIndex": seen.leaf_index,
        "captured": seen.captured,
        "url": seen.url,
        "sourceSha256": seen.source_sha256,
        "payloadSha256": seen.payload_sha256,
        "warcSha256": seen.warc_sha256,
        "reader": seen.reader,
    }


def _line(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "site": change.site,
        "title": change.title,
        "urlBefore": change.before.url,
        "urlAfter": change.after.url,
        "captureBefore": change.before.capture_id,
        "captureAfter": change.after.capture_id,
        "capturedBefore": change.before.captured,
        "capturedAfter": change.after.captured,
        "sourceSha256Before": change.before.source_sha256,
        "sourceSha256After": change.after.source_sha256,
        "asIn": None if change.as_in is None else change.as_in.capture_id,
        "what": "; ".join(sentences(change)),
    }
