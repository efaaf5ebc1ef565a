"""Changes of statements in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sijill.archive.catalog.changes import Change
from sijill.archive.reading.changes import Changed
from sijill.provenance.printable import printable

_NAMED: Final = 5


def headline(change: Change) -> str:
    """What became of which page, on one line."""
    return f"{change.kind}: {printable(change.title or '(no title found)')} ({printable(change.site)})"


def sentences(change: Change) -> Iterator[str]:
    """What changed, each thing for itself."""
    if change.reason:
        yield printable(change.reason)
    if change.as_in is not None:
        yield f"as it was in capture {change.as_in.capture_id} of {change.as_in.captured[:16]}Z"
    if change.changed is not None:
        yield from map(printable, _differences(change.changed))


def _differences(changed: Changed) -> Iterator[str]:
    text = changed.text
    counts = [
        _count(text.words_added, "word", "added"),
        _count(text.words_removed, "word", "removed"),
        _count(text.moved, "paragraph", "moved"),
    ]
    if told := [each for each in counts if each] or ["punctuation"] * text.punctuation:
        yield f"text: {', '.join(told)}"
    if changed.title is not None:
        yield f"title: {_value(changed.title.before)} -> {_value(changed.title.after)}"
    if changed.date is not None:
        yield f"date: {changed.date.before or 'none found'} -> {changed.date.after or 'none found'}"
    signatories = changed.signatories
    if signatories.added:
        yield f"signatories added: {_names(signatories.added)}"
    if signatories.removed:
        yield f"signatories removed: {_names(signatories.removed)}"
    if signatories.renamed:
        yield f"signatories renamed: {_names([f'{one.before} -> {one.after}' for one in signatories.renamed])}"
    if signatories.reordered:
        yield f"signatories in another place: {_names(signatories.reordered)}"
    for name, lists in (
        ("links", changed.links),
        ("linked documents", changed.documents),
        ("languages", changed.languages),
    ):
        if lists.added:
            yield f"{name} added: {_names(lists.added)}"
        if lists.removed:
            yield f"{name} removed: {_names(lists.removed)}"
    if changed.kind is not None:
        yield f"kind of page: {changed.kind.before} -> {changed.kind.after}"
    if text.presentation:
        yield "text: the same words in other characters or other white space"
    if changed.frame:
        yield "around the text: menus, footers or related articles"


def _count(number: int, what: str, done: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'} {done}" if number else ""


def _value(text: str | None) -> str:
    return "none found" if text is None else f"“{text}”"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return "; ".join(names[:_NAMED]) + more
