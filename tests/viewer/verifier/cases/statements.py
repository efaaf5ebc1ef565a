"""Statements with one thing changed, and what the parser of the product says of each."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.statement import parse_statement
from sijill.provenance.errors import MalformedStatement

STATEMENTS = Path(__file__).resolve().parents[3] / "vectors" / "statement"

# What a member is replaced by.
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 200, 304, 2**53 - 1, "", "x", "a" * 64, "x" * 1_001, "\U0001f600" * 1_000, "\U0001f600" * 1_001,
    [], {}, ["x"], {"a": 1}, {"x": "192.0.2.1"}, "page", "requisite", "reused", "not-modified", "complete", "failed",
    "2026-11-21T01:16:30.123456Z", "2026-02-30T01:16:30.123456Z", "0000-01-01T00:00:00.000000Z", "192.0.2.256", "::1",
    "01.1.1.1", "1::2::3", "fe80::1%eth0", "fe80::1%", "::ffff:192.0.2.1", "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:8:9",
    "http://x", "https://x", "20261121t011630z-k3j5x2m4q7ab", "20261321t011630z-k3j5x2m4q7ab", "image/png",
    "screenshot.png", "GET", "a\n", "it's",
)  # fmt: skip


def statements() -> Iterator[dict[str, Any]]:
    """Each: the statement changed, where, to what (`remove` or `value`), and what is said of it; null if it is good."""
    chance = random.Random(1)
    bases = {name: json.loads((STATEMENTS / name).read_bytes()) for name in ("rich.json", "failed.json")}
    for name, base in bases.items():
        paths = [path for path in places(base) if path]
        for path in paths:
            if isinstance(path[-1], str):
                yield {"base": name, "path": path, "remove": True, "refusal": refusal(changed(base, path))}
        for path in chance.choices(paths, k=300):
            value = chance.choice(VALUES)
            yield {"base": name, "path": path, "value": value, "refusal": refusal(changed(base, path, value))}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield from places(member, (*path, key))


def changed(base: Any, path: tuple[Any, ...], *value: Any) -> Any:
    result = copy.deepcopy(base)
    inside = result
    for step in path[:-1]:
        inside = inside[step]
    if value:
        inside[path[-1]] = value[0]
    else:
        del inside[path[-1]]
    return result


def refusal(statement: Any) -> list[str] | None:
    try:
        parse_statement(canonical(statement))
    except MalformedStatement as err:
        return [err.path, err.reason]
    return None
