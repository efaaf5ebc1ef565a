"""The links of a chain of custody: what happened, when, and on whose word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sijill.provenance.attest.custody import CustodyEvent


class Step(StrEnum):
    """What happened, in the order in which it does if times are equal."""

    CAPTURED = "captured"
    STORED = "stored"
    SEALED = "sealed"
    COSIGNED = "cosigned"
    TIMESTAMPED = "timestamped"
    FIXITY_CHECKED = "fixity-checked"
    EXPORTED = "exported"
    HANDED_OVER = "handed over"
    HELD = "held"
    RELEASED = "released"
    TOMBSTONE = "tombstone"


ORDER = {step: place for place, step in enumerate(Step)}
STEPS = {
    CustodyEvent.EXPORTED: Step.EXPORTED,
    CustodyEvent.HANDED_OVER: Step.HANDED_OVER,
    CustodyEvent.HELD: Step.HELD,
    CustodyEvent.RELEASED: Step.RELEASED,
}


class Voucher(StrEnum):
    """Whose word an event is."""

    ARCHIVE = "archive"
    """This archive's, signed."""
    OUTSIDE = "outside party"
    """A timestamping authority's or a witness's, signed."""
    STORE = "store"
    """The object store's; nobody signed it."""


@dataclass(frozen=True, slots=True)
class Event:
    """One link of the chain."""

    step: Step
    at: datetime | None
    """When, by the clock of whoever vouches for it; None if that is not known."""
    detail: str
    vouched_by: Voucher
    by: str
    """Which key, party or store."""
    reference: str
    """The object in the store that says it."""
    doubt: str | None = None
    """Why it is not to be relied on; None if it was verified, or nothing could be: the store's word."""
