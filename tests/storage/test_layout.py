"""Key names."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sijill.storage import layout
from sijill.storage.errors import BadKey, ImmutableKey

ID = "20261121t011630z-k3j7x2m4q7ab"
FOLDER = f"captures/2026/11/21/{ID}/"


def test_the_names_of_the_design():
    sha256 = "0a1b" + "f" * 60
    assert layout.object_key(sha256) == f"objects/sha256/0a/1b/{sha256}"
    assert layout.capture_prefix(ID) == FOLDER
    assert layout.attestation_key(ID) == f"{FOLDER}attestation.dsse.json"
    assert layout.leaf_index_key(ID) == f"{FOLDER}leaf-index"
    assert layout.queue_key(ID) == f"queue/{ID}"
    assert layout.captures_on(date(2026, 11, 21)) == "captures/2026/11/21/"
    assert layout.captures_on(date(207, 1, 2)) == "captures/0207/01/02/"
    assert layout.capture_started(ID).isoformat() == "2026-11-21T01:16:30+00:00"


@pytest.mark.parametrize(
    "name",
    [
        "",
        ID.upper(),
        ID + "\n",
        ID[:-1],
        ID + "a",
        ID[:-1] + "1",
        "20261321t011630z-k3j7x2m4q7ab",
        "20260230t011630z-k3j7x2m4q7ab",
        "20261121t241630z-k3j7x2m4q7ab",
        "20261121t011660z-k3j7x2m4q7ab",
        "00001121t011630z-k3j7x2m4q7ab",
        "٢٠٢٦1121t011630z-k3j7x2m4q7ab",
        "../../../etc/passwd",
    ],
)
def test_what_is_no_capture_id(name):
    for key_of in (layout.capture_prefix, layout.attestation_key, layout.leaf_index_key, layout.queue_key):
        with pytest.raises(BadKey):
            key_of(name)


@pytest.mark.parametrize("text", ["", "ab" * 31, "AB" * 32, "ab" * 32 + "\n", "zz" * 32, "../" * 21 + "a"])
def test_what_is_no_sha256(text):
    with pytest.raises(BadKey):
        layout.object_key(text)


@given(
    st.datetimes().map(lambda t: f"{t.replace(microsecond=0).isoformat()}z"),
    st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=12, max_size=12),
)
def test_every_capture_id_has_valid_keys(time, random):
    capture_id = re.sub("[-:]", "", time).lower() + "-" + random
    key = layout.attestation_key(capture_id)
    layout.check_key(key)
    layout.check_key(layout.leaf_index_key(capture_id))
    layout.check_key(layout.queue_key(capture_id))
    assert layout.attested_capture(key) == capture_id
    assert key.startswith(layout.captures_on(layout.capture_started(capture_id).date()))


@pytest.mark.parametrize("key", [f"{FOLDER}leaf-index", f"queue/{ID}", "trust/attestation.dsse.json", FOLDER])
def test_keys_of_other_things_attest_nothing(key):
    assert layout.attested_capture(key) is None


@pytest.mark.parametrize(
    "key",
    [
        f"captures/2026/11/22/{ID}/attestation.dsse.json",
        f"captures/{ID}/attestation.dsse.json",
        "captures/2026/11/21/else/attestation.dsse.json",
        "captures/attestation.dsse.json",
    ],
)
def test_an_attestation_in_the_wrong_folder(key):
    with pytest.raises(BadKey):
        layout.attested_capture(key)


def test_what_is_mutable():
    assert layout.is_mutable("queue/x")
    assert layout.is_mutable("log/checkpoint")
    for key in ("log/checkpoints/1", "log/checkpoint.1", "queue", "queued/x", "log/batches/0", "trust/queue/x"):
        assert not layout.is_mutable(key)
        with pytest.raises(ImmutableKey):
            layout.check_mutable(key)


@pytest.mark.parametrize("key", ["log/tile/0/x001/067.p/8", "log/checkpoints/12.tsa-1.tsr", "a", "x" * 128, "a..b/c"])
def test_keys_that_must_be_allowed(key):
    layout.check_key(key)


@given(st.text(max_size=20) | st.text("ab./-_A0 \n", max_size=12))
def test_a_key_is_what_the_grammar_says(text):
    allowed = set("abcdefghijklmnopqrstuvwxyz0123456789._-")
    good = all(s and set(s) <= allowed and s[0] not in "._-" and s[-1] not in "._-" for s in text.split("/"))
    try:
        layout.check_key(text)
    except BadKey:
        assert not good
    else:
        assert good
        for length in range(len(text) + 1):
            layout.check_prefix(text[:length])


@given(st.text("ab./-_A0", max_size=12))
def test_a_prefix_is_what_a_key_begins_with(text):
    try:
        layout.check_prefix(text)
    except BadKey:
        for rest in ("a", "0/a"):
            with pytest.raises(BadKey):
                layout.check_key(text + rest)
    else:
        layout.check_key(text + "a")
