"""Canonical JSON (RFC 8785) without floats, and parsers that accept nothing else.

A float has no place in what is signed: two languages may print it differently, and 3 must not come back as 3.0.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import rfc8785

from sijill.provenance.errors import MalformedJson, NotCanonicalisable

MAX_DEPTH = 32
"""Objects and arrays inside one another, the outermost counted."""

LARGEST_INTEGER = 2**53 - 1
"""RFC 8785 §3.2.2.3 with RFC 7493 §2.2: beyond it a reader may lose digits."""

_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
"""A string, or one that never ends: looked for again from each of its quotation marks it would take quadratic time."""
_BRACKET = re.compile(r"[\[\]{}]")
# The encoder of the standard library is written in C. Of what `_is_plain` it writes just what RFC 8785 wants: the same
# escapes, and keys by their code points, which for ASCII is the order of UTF-16.
_plain_json = json.JSONEncoder(ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":")).encode


def canonical(value: Any) -> bytes:
    """The RFC 8785 bytes of `value`, made of dict, list, tuple, str, int, bool and None.

    Raises:
        NotCanonicalisable: `value` holds a float, an integer beyond 2^53 - 1, a lone surrogate, a key that is not a
            string, another type, or is deeper than `MAX_DEPTH`.
    """
    if not _is_plain(value):
        _check(value, "$", 1)
        return rfc8785.dumps(value)
    try:
        return _plain_json(value).encode("utf-8")
    except UnicodeEncodeError:
        _check(value, "$", 1)
        raise


def parse_canonical(data: bytes, *, limit: int) -> Any:
    """The value of `data`, which must be exactly what `canonical` writes for it.

    Args:
        data: the whole of the bytes, nothing before or after the value.
        limit: the most bytes to accept.

    Raises:
        MalformedJson: `data` is too large, too deep, not UTF-8, not JSON, holds a float, a duplicate key or a lone
            surrogate, or is JSON in any form but the canonical one.
    """
    value = _parse(data, limit)
    try:
        written = canonical(value)
    except NotCanonicalisable as err:
        raise MalformedJson(str(err)) from err
    if written != data:
        raise MalformedJson("not in canonical form (RFC 8785)")
    return value


def parse_json_strict(data: bytes, *, limit: int) -> Any:
    """The value of `data`, whose spacing, key order and escapes are free; all else is as for `parse_canonical`.

    Raises:
        MalformedJson: see `parse_canonical`.
    """
    value = _parse(data, limit)
    try:
        _check(value, "$", 1)
    except NotCanonicalisable as err:
        raise MalformedJson(str(err)) from err
    return value


def _parse(data: bytes, limit: int) -> Any:
    """The value of `data`; its texts and integers are not looked at yet."""
    if len(data) > limit:
        raise MalformedJson(f"{len(data)} bytes, limit {limit}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as err:
        raise MalformedJson(f"not UTF-8 at byte {err.start}") from err
    _check_depth(text)
    try:
        return json.loads(
            text,
            object_pairs_hook=_without_duplicates,
            parse_int=_integer,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
    except json.JSONDecodeError as err:
        raise MalformedJson(f"not JSON: {err.msg} at character {err.pos}") from err


def _check_depth(text: str) -> None:
    # Before parsing: the parser recurses, and what it does at the end of the stack is not ours to rely on.
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_DEPTH:
            raise MalformedJson(f"deeper than {MAX_DEPTH}")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise MalformedJson(f"duplicate key {key[:80]!r}")
            seen.add(key)
    return members


def _integer(digits: str) -> int:
    if len(digits) > len(str(-LARGEST_INTEGER)):
        raise MalformedJson(f"integer of {len(digits)} characters")
    return int(digits)


def _no_float(digits: str) -> NoReturn:
    raise MalformedJson(f"not an integer: {digits[:40]}")


def _is_plain(value: Any) -> bool:
    """Whether `value` has a canonical form, all its keys are ASCII, and none of its types is a subtype.

    A lone surrogate in a text is not looked for: it cannot be encoded.
    """
    level, depth = [value], 0
    while level:
        inner: list[Any] = []
        for one in level:
            kind = type(one)
            if kind is str or kind is bool or one is None:
                continue
            if kind is int:
                if not -LARGEST_INTEGER <= one <= LARGEST_INTEGER:
                    return False
            elif kind is dict:
                try:
                    if not "".join(one).isascii():
                        return False
                except TypeError:
                    return False
                inner.append(None)
                inner.extend(one.values())
            elif kind is list or kind is tuple:
                inner.append(None)
                inner.extend(one)
            else:
                return False
        # Whatever holds others has put at least one thing into the next level.
        depth += bool(inner)
        if depth > MAX_DEPTH:
            return False
        level = inner
    return True


def _check(value: Any, path: str, depth: int) -> None:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise NotCanonicalisable(path, "integer beyond 2^53 - 1")
    elif isinstance(value, dict | list | tuple):
        if depth > MAX_DEPTH:
            raise NotCanonicalisable(path, f"deeper than {MAX_DEPTH}")
        if isinstance(value, dict):
            for key, member in value.items():
                if not isinstance(key, str):
                    raise NotCanonicalisable(path, f"key of type {type(key).__name__}")
                _check_text(key, path)
                _check(member, f"{path}.{key}" if key.isidentifier() else f"{path}[{key[:80]!r}]", depth + 1)
        else:
            for number, member in enumerate(value):
                _check(member, f"{path}[{number}]", depth + 1)
    else:
        raise NotCanonicalisable(path, f"a {type(value).__name__} has no canonical form")


def _check_text(text: str, path: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as err:
        raise NotCanonicalisable(path, f"lone surrogate at character {err.start}") from err
