"""The fetch log inside the WARC against the attestation: two accounts of one capture that must not differ."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from sijill.provenance.attest.parts import MAX_TEXT
from sijill.provenance.errors import MalformedJson
from sijill.provenance.verify.report import Finding

_TEXTS: Final = frozenset({"detail", "reasons", "title", "verifyError"})
"""Members whose text the attestation shortens and the log does not."""


def request_records(block: bytes | None) -> dict[int, str]:
    """WARC-Record-ID of the request of each exchange number, as far as the log says; empty if it cannot be read."""
    try:
        log = _parse(block)
    except MalformedJson:
        return {}
    exchanges = log.get("exchanges")
    found: dict[int, str] = {}
    for exchange in exchanges if isinstance(exchanges, list) else []:
        if isinstance(exchange, dict):
            number, record = exchange.get("number"), exchange.get("requestRecord")
            if isinstance(number, int) and isinstance(record, str):
                found[number] = record
    return found


def compare_fetch_log(predicate: dict[str, Any], block: bytes | None, about: str) -> Iterator[Finding]:
    """Each member of the fetch log that is missing, too many, or says something else than the attestation.

    Args:
        predicate: of the attestation, as JSON.
        block: the log as it stands in the WARC; None if it was too large to be kept.
        about: what findings name.
    """
    try:
        log = _parse(block)
    except MalformedJson as err:
        yield Finding(about, f"the fetch log is {err.reason}")
        return
    attested = {
        name: predicate[name] for name in ("captureId", "target", "finalUrl", "title", "outcome", "reasons")
    } | {
        "started": predicate["times"]["started"],
        "ended": predicate["times"]["ended"],
        "userAgent": predicate["settings"]["userAgent"],
        "limits": predicate["settings"]["limits"],
    }
    exchanges = log.pop("exchanges", None)
    yield from _differences(about, attested, log)
    if not isinstance(exchanges, list) or len(exchanges) != len(predicate["exchanges"]):
        yield Finding(about, "the fetch log does not list the attested exchanges")
        return
    for place, (said, exchange) in enumerate(zip(exchanges, predicate["exchanges"], strict=True)):
        if isinstance(said, dict):
            said.pop("requestRecord", None)
            said.pop("interim", None)
        yield from _differences(f"{about} exchanges.{place}", exchange, said)


def _differences(about: str, attested: dict[str, Any], said: Any) -> Iterator[Finding]:
    if not isinstance(said, dict):
        yield Finding(about, "not an object")
        return
    for name in sorted(attested.keys() | said.keys()):
        if name not in attested or name not in said:
            yield Finding(about, f"{name}: only in the {'attestation' if name in attested else 'fetch log'}")
        elif _json(attested[name]) != _json(_shortened(said[name], name)):
            yield Finding(about, f"{name}: not what the attestation says")


def _shortened(value: Any, name: str) -> Any:
    """`value` as the attestation has it: some texts are cut, and what no UTF-8 can carry becomes `?`."""
    if isinstance(value, str) and name in _TEXTS:
        return value.encode("utf-8", "replace").decode("utf-8")[:MAX_TEXT]
    if isinstance(value, list):
        return [_shortened(item, name) for item in value]
    if isinstance(value, dict):
        return {key: _shortened(item, key) for key, item in value.items()}
    return value


def _json(value: Any) -> str:
    # To Python 1, 1.0 and True are equal; in JSON they are three things.
    return json.dumps(value, sort_keys=True)


def _parse(block: bytes | None) -> dict[str, Any]:
    """The log. Unlike in what is signed on its own, a lone surrogate may be in it, escaped.

    Raises:
        MalformedJson: it is not a JSON object without duplicate keys.
    """
    if block is None:
        raise MalformedJson("too large")
    try:
        value = json.loads(block.decode("utf-8"), object_pairs_hook=_members)
    except (ValueError, RecursionError) as err:
        raise MalformedJson("not JSON") from err
    if not isinstance(value, dict):
        raise MalformedJson("not a JSON object")
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedJson("not JSON without duplicate keys")
    return members
