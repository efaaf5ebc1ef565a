"""Which fault a TOML file of sites has, and in which line: for people who wrote it by hand. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from itertools import takewhile

from pydantic import ValidationError


def first_fault(error: ValidationError, text: str, keys: Mapping[str, Collection[str]]) -> str:
    """The first fault in one line: where it is, the key, what is wrong with it; and how many more there are.

    Args:
        error: what validation found.
        text: the file.
        keys: the keys that each table knows, by the table's name; "" for the outermost.
    """
    found = error.errors(include_url=False)
    # A list whose items are at fault is called too short as well.
    faults = [
        fault
        for fault in found
        if fault["type"] != "too_short"
        or not any(len(other["loc"]) > len(fault["loc"]) == _common(other["loc"], fault["loc"]) for other in found)
    ]
    # A key that nobody knows is often the reason why another is missing.
    fault = min(faults, key=lambda fault: fault["type"] != "extra_forbidden")
    where = tuple(fault["loc"])
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        message = f"unknown key{_suggestion(where, keys)}; sijill sites example documents every key"
    elif fault["type"] == "missing":
        message = "missing; add it as sijill sites example shows"
    elif fault["type"] == "string_pattern_mismatch":
        message = f"{str(fault['input'])[:80]!r} is not written as {fault['ctx']['pattern']}"
    # What a whole site is at fault for begins with the key.
    key, colon, rest = message.partition(": ")
    if fault["type"] == "value_error" and len(where) == 2 and colon and key in keys["sites"]:
        where, message = (*where, key), rest
    line = _line_of(text, where)
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{f', line {line}' if line else ''}: {_key(where)}: {message}{more}"


def _common(one: tuple[int | str, ...], other: tuple[int | str, ...]) -> int:
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))))


def _key(where: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).removeprefix(".") or "sites"


def _suggestion(where: tuple[int | str, ...], keys: Mapping[str, Collection[str]]) -> str:
    tables = [part for part in where[:-1] if isinstance(part, str)]
    near = difflib.get_close_matches(str(where[-1]), keys.get(tables[-1] if tables else "", ()), n=1)
    return f", is {near[0]!r} meant?" if near else ""


def _line_of(text: str, where: tuple[int | str, ...]) -> int | None:
    """The line of a key, from 1, in a file written as the example is; None if it cannot be told."""
    names = [part for part in where if isinstance(part, str)]
    index = next((part for part in where if isinstance(part, int)), None)
    if names[:1] != ["sites"]:
        return _search(text.splitlines(), 0, rf"\s*\[*\s*{re.escape(names[0])}\b") if names else None
    lines = text.splitlines()
    heads = [number for number, line in enumerate(lines) if re.match(r"\s*\[\[\s*sites\s*\]\]", line)]
    if index is None or index >= len(heads):
        return None
    start = heads[index]
    end = heads[index + 1] if index + 1 < len(heads) else len(lines)
    if len(names) == 1:
        return start + 1
    block = lines[start:end]
    table = next(
        (n for n, line in enumerate(block) if re.match(rf"\s*\[\s*sites\.{re.escape(names[1])}\s*\]", line)), None
    )
    if table is not None and len(names) > 2:
        return _search(block[table:], start + table, rf"\s*\"?{re.escape(names[2])}\"?\s*=") or start + table + 1
    if table is not None:
        return start + table + 1
    return _search(block, start, rf"\s*\"?{re.escape(names[1])}\"?\s*=") or start + 1


def _search(lines: list[str], before: int, pattern: str) -> int | None:
    return next((before + number for number, line in enumerate(lines, start=1) if re.match(pattern, line)), None)
