"""Texts that a person gives to be recorded for good."""

from __future__ import annotations

from sijill.flows.errors import UnusableText
from sijill.provenance.attest.parts import MAX_TEXT


def said(name: str, text: str) -> str:
    """`text` as it is recorded: without spaces around it.

    Raises:
        UnusableText: nothing is left, or it is longer than a statement takes, or not Unicode text.
    """
    text = text.strip()
    if not text:
        raise UnusableText(f"{name}: is empty; it is recorded for good, and must say something")
    if len(text) > MAX_TEXT:
        raise UnusableText(f"{name}: {len(text)} characters, at most {MAX_TEXT} are recorded")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as err:
        raise UnusableText(f"{name}: not UTF-8 text at character {err.start + 1}") from err
    return text


def said_or_none(name: str, text: str | None) -> str | None:
    """The same, where nothing may be said.

    Raises:
        UnusableText: see `said`.
    """
    return None if text is None else said(name, text)
