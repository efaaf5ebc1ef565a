"""RFC 8785, without floats."""

import json
import string
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from sijill.provenance.attest.canonical import (
    LARGEST_INTEGER,
    MAX_DEPTH,
    canonical,
    parse_canonical,
    parse_json_strict,
)
from sijill.provenance.errors import MalformedJson, NotCanonicalisable

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "jcs"
NAMES = sorted(path.name for path in (VECTORS / "input").glob("*.json"))
WITH_FLOATS = ["structures.json", "values.json"]
LIMIT = 1 << 20

text = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST_INTEGER, LARGEST_INTEGER) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=20,
)


def test_all_vectors_are_there():
    assert len(NAMES) == 6
    assert set(WITH_FLOATS) < set(NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITH_FLOATS])
def test_standard_vectors(name):
    expected = (VECTORS / "output" / name).read_bytes()
    assert canonical(json.loads((VECTORS / "input" / name).read_bytes())) == expected
    assert canonical(parse_canonical(expected, limit=LIMIT)) == expected
    assert canonical(parse_json_strict((VECTORS / "input" / name).read_bytes(), limit=LIMIT)) == expected


@pytest.mark.parametrize("name", WITH_FLOATS)
def test_floats_are_refused_even_where_the_standard_knows_them(name):
    given_bytes = (VECTORS / "input" / name).read_bytes()
    value = json.loads(given_bytes)
    assert rfc8785.dumps(value) == (VECTORS / "output" / name).read_bytes()
    with pytest.raises(NotCanonicalisable, match="float"):
        canonical(value)
    with pytest.raises(MalformedJson, match="not an integer"):
        parse_json_strict(given_bytes, limit=LIMIT)


@given(values)
def test_what_is_written_reads_back(value):
    assert parse_canonical(canonical(value), limit=LIMIT) == value


@given(values, st.data())
def test_any_other_spelling_is_refused(value, data):
    written = canonical(value)
    place = data.draw(st.integers(0, len(written)))
    changed = written[:place] + data.draw(st.sampled_from([b" ", b"\n", b"0", b"\\u0041", b'"'])) + written[place:]
    try:
        parsed = parse_canonical(changed, limit=LIMIT)
    except MalformedJson:
        return
    assert parsed != value
    assert canonical(parsed) == changed


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" {}",
        b"{}\n",
        b"{}{}",
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a": 1}',
        b"[1,]",
        b"1.0",
        b"1e3",
        b"-0",
        b"01",
        b"+1",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"9007199254740992",
        b"-9007199254740992",
        b"1" * 5000,
        b'"\\u0041"',
        b'"\\ud800"',
        b'{"\\udfff":1}',
        b'"\xed\xa0\x80"',
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        b'"\x01"',
        b'"\\/"',
        b"'a'",
        b'"a',
        b'["\\"]',
        b"nul",
        b"[" * 100_000,
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1),
    ],
)
def test_refused(data):
    with pytest.raises(MalformedJson):
        parse_canonical(data, limit=LIMIT)


def test_limits_are_exact():
    deepest = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert canonical(parse_canonical(deepest, limit=len(deepest))) == deepest
    with pytest.raises(MalformedJson, match="limit"):
        parse_canonical(deepest, limit=len(deepest) - 1)
    largest = str(LARGEST_INTEGER).encode()
    assert parse_canonical(largest, limit=LIMIT) == LARGEST_INTEGER
    assert parse_canonical(b"-" + largest, limit=LIMIT) == -LARGEST_INTEGER
    brackets = canonical({"[" * 100: "{" * 100 + '\\"'})
    assert parse_canonical(brackets, limit=LIMIT) == {"[" * 100: "{" * 100 + '\\"'}


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        {"a": [0.5]},
        LARGEST_INTEGER + 1,
        -LARGEST_INTEGER - 1,
        "\ud800",
        {"\ud800": 1},
        {1: 2},
        b"bytes",
        {"a": {1, 2}},
    ],
)
def test_values_that_have_no_canonical_form(value):
    with pytest.raises(NotCanonicalisable):
        canonical(value)


def test_too_deep_to_write():
    value: list[object] = []
    for _ in range(MAX_DEPTH):
        value = [value]
    with pytest.raises(NotCanonicalisable, match="deeper"):
        canonical(value)


def test_strict_json_is_free_in_form_only():
    assert parse_json_strict(b' {"b" : 1,\n"a":[true, null]} ', limit=LIMIT) == {"b": 1, "a": [True, None]}
    with pytest.raises(MalformedJson, match="duplicate key 'a'"):
        parse_json_strict(b'{"a":1, "a":1}', limit=LIMIT)


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST_INTEGER, LARGEST_INTEGER) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(string.printable), inner, max_size=4),
    max_leaves=20,
)


@given(plain | values)
def test_whatever_the_keys_it_is_what_another_implementation_writes(value):
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("code", [*range(0x21), 0x22, 0x5C, 0x7F, 0x80, 0x2028, 0xFFFF, 0x1F600])
def test_escapes_are_those_of_the_standard(code):
    assert canonical({"a": chr(code)}) == rfc8785.dumps({"a": chr(code)})


def test_keys_are_ordered_by_utf16():
    # RFC 8785 §3.2.3: a character beyond the basic plane sorts by its surrogates, before U+FB33.
    assert canonical({"\ufb33": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufb33":1}'.encode()
    assert canonical(dict.fromkeys(string.ascii_letters)).startswith(b'{"A":null')


def test_a_string_that_never_ends_is_looked_for_once():
    with pytest.raises(MalformedJson):
        parse_canonical(b"[" * 65 + b'"' + b'\\"' * 2_000_000, limit=8 << 20)
