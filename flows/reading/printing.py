"""What the commands that look things up print: tables for people, JSON and CSV for machines."""

from __future__ import annotations

import csv
import dataclasses
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sijill.archive.catalog.search import Found, Hit, Snippet
from sijill.archive.catalog.statement_rows import StatementRow
from sijill.archive.catalog.statements import Signatory, Statement, Statements
from sijill.flows.printing import print_facts, print_json, print_table
from sijill.provenance.printable import printable

if TYPE_CHECKING:
    from sijill.flows.reading.making import Read

_MOST_SAID = 10
"""Captures of which the reason is said one by one."""
_ACTED_ON = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""

_HIT = (
    "statement", "title", "published", "language", "site", "url", "kind", "capture", "captured", "newest",
    "payloadSha256", "sourceSha256", "warcSha256", "snippet",
)  # fmt: skip
_STATEMENT = (
    "statement", "title", "published", "languages", "sites", "publications", "captures", "versions", "signatories",
)  # fmt: skip
_VERSION = (
    "statement", "url", "site", "language", "published", "title", "version", "versions", "capture", "captured",
    "outcome", "payloadSha256", "sourceSha256", "warcSha256", "reader",
)  # fmt: skip
_SIGNED = (
    "signatory", "organisation", "verbatim", "number", "statement", "title", "published", "url", "newest", "capture",
    "sourceSha256",
)  # fmt: skip


def print_read(read: Read, *, as_json: bool) -> None:
    """What reading captures came to."""
    if as_json:
        problems = [{"capture": one.capture_id, "reason": one.reason} for one in read.problems]
        print_json({"read": read.made, "noPage": read.no_page, "removed": read.removed, "problems": problems})
        return
    more = [f"{read.no_page} reached no page"] * bool(read.no_page) + [f"{read.removed} removed"] * bool(read.removed)
    print(", ".join([f"{read.made:,} captures read", *more]))
    say_problems(read)


def say_problems(read: Read, *, left: int = 0) -> None:
    """Say on stderr which captures could not be read, and how many are still to be."""
    for one in read.problems[:_MOST_SAID]:
        print(f"capture {one.capture_id} cannot be read: {printable(one.reason)}", file=sys.stderr)
    if (more := len(read.problems) - _MOST_SAID) > 0:
        print(f"and {more:,} more", file=sys.stderr)
    if left:
        print(f"{left:,} captures are not read yet; run: sijill read", file=sys.stderr)


def print_found(found: Found, *, as_json: bool, as_csv: bool) -> None:
    """What a search found."""
    if as_json:
        print_json({"total": found.total, "hits": [_hit_json(hit) for hit in found.hits]})
    elif as_csv:
        print_csv(_HIT, ({**_hit_json(hit), "snippet": _marked(hit.snippet, "[", "]")} for hit in found.hits))
    else:
        bold, plain = ("\x1b[1m", "\x1b[0m") if _coloured() else ("[", "]")
        for hit in found.hits:
            # The marks are put in last: what a page says may act on no terminal.
            print(printable(hit.title or "(no title found)"))
            facts = [hit.published or "no date found", hit.language or "no language found", hit.site]
            facts += [hit.kind] * (hit.kind != "statement") + ["an earlier version"] * (not hit.newest)
            print(f"  {printable(' · '.join(facts))}")
            print(f"  {printable(hit.url)}")
            print(f"  {_shown(hit.snippet, bold, plain)}")
            print(f"  capture {hit.capture_id}, read from sha256:{hit.source_sha256}")
            print(f"  statement {hit.statement_id}\n" if hit.statement_id else "")
        print(_count(len(found.hits), found.total, "page"))


def print_statements(found: Statements, *, as_json: bool, as_csv: bool) -> None:
    """A list of statements."""
    if as_json:
        print_json({"total": found.total, "statements": [_row_json(row) for row in found.rows]})
    elif as_csv:
        print_csv(_STATEMENT, (_row_json(row) for row in found.rows))
    else:
        print_table(
            ("Statement", "Published", "Languages", "Sites", "Signatories", "Title"),
            (
                (
                    row.statement_id,
                    row.published or "-",
                    " ".join(row.languages) or "-",
                    printable(" ".join(row.sites)),
                    str(row.signatories),
                    _text(row.title or "(no title found)"),
                )
                for row in found.rows
            ),
        )
        print(_count(len(found.rows), found.total, "statement"))


def print_statement(found: Statement, *, as_json: bool, as_csv: bool) -> None:
    """All that is known of one statement; as CSV, a line for each capture."""
    if as_json:
        print_json(_statement_json(found))
        return
    if as_csv:
        print_csv(_VERSION, _capture_lines(found))
        return
    row = found.row
    print_facts(
        {
            "Statement": row.statement_id,
            "Title": row.title or "(no title found)",
            "Published": row.published or "no date found",
            "Languages": " ".join(row.languages) or "none found",
        }
    )
    for publication in found.publications:
        print(f"\n{printable(publication.url)}")
        current = publication.versions[-1]
        print(f"  {publication.language or 'no language found'} · {publication.published or 'no date found'}")
        if publication.excerpt_of is not None:
            print(f"  an excerpt of {printable(publication.excerpt_of)}")
        if publication.published is None:
            print(f"  date: {printable(current.reasons.get('date', 'not found'))}")
        for version in publication.versions:
            seen = [one for one in publication.captures if one.version == version.number]
            print(
                f"  version {version.number}: {version.characters:,} characters, {version.signatories} signatories, "
                f"captured {_times(len(seen))}, {seen[0].captured[:16]}Z to {seen[-1].captured[:16]}Z"
            )
            print(f"    capture {seen[-1].capture_id}, read from sha256:{seen[-1].source_sha256}")
        for one in publication.captures:
            if one.version is None:
                print(f"  {one.captured[:16]}Z: {one.outcome}, capture {one.capture_id}: nothing read from it")
    if found.related:
        print("\nElsewhere in part:")
        for related in found.related:
            print(f"  {related.kind} at {printable(related.url)}")
    print(f"\nSignatories: {len(found.signatories) or 'none found'}")
    for number, signed in enumerate(found.signatories, 1):
        earlier = " (in an earlier version only)" if signed.withdrawn else ""
        print(f"  {number}. {printable(signed.verbatim[0])}{earlier}")


def print_signatories(found: Sequence[Signatory], *, as_json: bool, as_csv: bool) -> None:
    """Bodies with what they signed."""
    if as_json:
        print_json({"signatories": [_signatory_json(one) for one in found]})
    elif as_csv:
        print_csv(_SIGNED, (line for one in found for line in _signed_lines(one)))
    else:
        for one in found:
            print(printable(one.name))
            others = [spelling for spelling in one.spellings if spelling != one.name]
            if others:
                print(f"  also: {printable('; '.join(others))}")
            for signed in one.signed:
                row = signed.statement
                earlier = "" if signed.newest else " (in an earlier version only)"
                print(f"  {row.published or 'no date found'}  {printable(row.title or '(no title found)')}{earlier}")
                print(f"    {printable(signed.url)}")
                print(f"    statement {row.statement_id}, capture {signed.capture_id}")
                print(f"    read from sha256:{signed.source_sha256}")
            print()


def _hit_json(hit: Hit) -> dict[str, Any]:
    return {
        "statement": hit.statement_id,
        "title": hit.title,
        "published": hit.published,
        "language": hit.language,
        "site": hit.site,
        "url": hit.url,
        "kind": hit.kind,
        "capture": hit.capture_id,
        "captured": hit.captured,
        "newest": hit.newest,
        "payloadSha256": hit.payload_sha256,
        "sourceSha256": hit.source_sha256,
        "warcSha256": hit.warc_sha256,
        "score": hit.score,
        "snippet": {"text": hit.snippet.text, "marks": [list(mark) for mark in hit.snippet.marks]},
    }


def _row_json(row: StatementRow) -> dict[str, Any]:
    return {
        "statement": row.statement_id,
        "title": row.title,
        "published": row.published,
        "languages": list(row.languages),
        "sites": list(row.sites),
        "publications": row.publications,
        "captures": row.captures,
        "versions": row.versions,
        "signatories": row.signatories,
    }


def _statement_json(found: Statement) -> dict[str, Any]:
    whole = _camel(dataclasses.asdict(found))
    return {**_row_json(found.row), **{name: whole[name] for name in ("publications", "related", "signatories")}}


def _signatory_json(one: Signatory) -> dict[str, Any]:
    whole = _camel(dataclasses.asdict(one))
    return {
        **whole,
        "signed": [
            {**said, "statement": _row_json(signed.statement)}
            for said, signed in zip(whole["signed"], one.signed, strict=True)
        ],
    }


def _camel(value: Any) -> Any:
    """The members of dataclasses with the names that JSON has everywhere here; what maps by a name of its own stays."""
    if isinstance(value, dict):
        return {re.sub("_(.)", lambda match: match[1].upper(), name): _camel(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_camel(part) for part in value]
    return value


def _capture_lines(found: Statement) -> Iterable[dict[str, Any]]:
    for publication in found.publications:
        versions = {version.number: version for version in publication.versions}
        for one in publication.captures:
            version = versions.get(one.version or 0)
            yield {
                "statement": found.row.statement_id,
                "url": publication.url,
                "site": publication.site,
                "language": version and version.language,
                "published": version and version.published,
                "title": version and version.title,
                "version": one.version,
                "versions": len(versions),
                "capture": one.capture_id,
                "captured": one.captured,
                "outcome": one.outcome,
                "payloadSha256": one.payload_sha256,
                "sourceSha256": one.source_sha256,
                "warcSha256": one.warc_sha256,
                "reader": one.reader,
            }


def _signed_lines(one: Signatory) -> Iterable[dict[str, Any]]:
    for signed in one.signed:
        yield {
            "signatory": one.name,
            "organisation": one.organisation,
            "verbatim": signed.verbatim,
            "number": signed.number,
            "statement": signed.statement.statement_id,
            "title": signed.statement.title,
            "published": signed.statement.published,
            "url": signed.url,
            "newest": signed.newest,
            "capture": signed.capture_id,
            "sourceSha256": signed.source_sha256,
        }


def print_csv(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    """RFC 4180 but for line ends; lists are parted by spaces, and nothing is taken for a formula by a spreadsheet."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[column]) for column in columns])


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            text = " ".join(map(str, value))
        case _:
            text = str(value)
    return f"'{text}" if text.startswith(_ACTED_ON) else text


def _marked(snippet: Snippet, before: str, behind: str) -> str:
    text, end, parts = snippet.text, 0, []
    for start, stop in snippet.marks:
        parts += [text[end:start], before, text[start:stop], behind]
        end = stop
    return "".join((*parts, text[end:]))


def _shown(snippet: Snippet, before: str, behind: str) -> str:
    text, end, parts = snippet.text, 0, []
    for start, stop in snippet.marks:
        parts += [printable(text[end:start]), before, printable(text[start:stop]), behind]
        end = stop
    return "".join((*parts, printable(text[end:])))


def _text(text: str) -> Any:
    from rich.text import Text

    return Text(printable(text))


def _coloured() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def _count(shown: int, total: int, what: str) -> str:
    whole = f"{total:,} {what}{'' if total == 1 else 's'}"
    return whole if shown == total else f"the first {shown:,} of {whole}; more: --limit"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
