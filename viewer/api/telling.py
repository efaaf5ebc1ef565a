"""Changes in words, for the feed and for whoever reads the JSON without knowing every member. Pure."""

from __future__ import annotations

from sijill.archive.catalog.changes import Change
from sijill.archive.reading.changes import Changed
from sijill.viewer.api.models import ChangeItem, SeenItem


def change_item(change: Change) -> ChangeItem:
    """A change as the API answers it."""
    return ChangeItem(
        id=change_id(change),
        kind=change.kind,
        site=change.site,
        title=change.title,
        statement=change.statement,
        reason=change.reason,
        before=SeenItem.model_validate(change.before),
        after=SeenItem.model_validate(change.after),
        as_in=None if change.as_in is None else SeenItem.model_validate(change.as_in),
        summary=summary(change),
    )


def change_id(change: Change) -> str:
    """The same for the same change for ever: both captures stand in the log."""
    return f"urn:sijill:change:{change.before.capture_id}:{change.after.capture_id}"


def summary(change: Change) -> str:
    """What became of a page, in one line."""
    details = _details(change.changed) if change.changed is not None else []
    back = [f"as it was in capture {change.as_in.capture_id}"] if change.as_in is not None else []
    said = "; ".join([*([change.reason] if change.reason else []), *details, *back])
    return f"{change.kind}: {said}" if said else change.kind


def _details(changed: Changed) -> list[str]:
    text, signed = changed.text, changed.signatories
    counted = [
        (text.words_added, "words added"),
        (text.words_removed, "words removed"),
        (text.moved, "paragraphs moved"),
        (len(signed.added), "signatories added"),
        (len(signed.removed), "signatories removed"),
        (len(signed.renamed), "signatories renamed"),
        (len(signed.reordered), "signatories in another place"),
        (len(changed.links.added) + len(changed.links.removed), "links added or removed"),
        (len(changed.documents.added) + len(changed.documents.removed), "documents added or removed"),
        (len(changed.languages.added) + len(changed.languages.removed), "language versions added or removed"),
    ]
    flags = [
        (changed.title is not None, "another title"),
        (changed.date is not None, "another date"),
        (text.punctuation and not (text.words_added or text.words_removed), "punctuation"),
        (text.presentation, "the same words in other characters"),
        (changed.frame, "the page around it"),
    ]
    return [f"{count} {what}" for count, what in counted if count] + [what for is_so, what in flags if is_so]
