"""No byte of a package can be changed, removed or added unnoticed, and nothing in it can make the verifier raise."""

import random

import pytest
from evidence import evidence, proof_of, zipped
from hypothesis import given, settings
from hypothesis import strategies as st

from sijill.provenance.package_layout import ATTESTATION, FIXED, PROOF

SEED = 20261121
EVERY = 211
"""Of the bytes of a whole package so many are left out between two that are changed."""
PER_FILE = 10
"""Changes tried in one file."""


@pytest.mark.parametrize("part", range(4))
def test_no_changed_byte_of_the_zip_is_accepted(package, verify, part):
    chance = random.Random(SEED)
    for place in range(part * EVERY // 4, len(package), EVERY * 2):
        broken = bytearray(package)
        broken[place] ^= 1 << chance.randrange(8)
        assert not verify(bytes(broken)).holds, place


@pytest.mark.parametrize("name", sorted(FIXED))
def test_no_changed_byte_of_a_file_is_accepted_though_the_zip_is_whole(true, verify, name):
    files = true.files()
    chance = random.Random(f"{SEED} {name}")
    content = files[name]
    for place in sorted(chance.sample(range(len(content)), min(PER_FILE, len(content)))):
        broken = bytearray(content)
        broken[place] ^= 1 << chance.randrange(8)
        assert not verify(zipped({**files, name: bytes(broken)})).holds, place


@pytest.mark.parametrize("name", sorted(FIXED))
def test_no_file_can_be_cut_lengthened_or_emptied(true, verify, name):
    files = true.files()
    for content in (files[name][:-1], files[name][1:], files[name] + b"\n", b"\n" + files[name], files[name] * 2, b""):
        assert not verify(zipped({**files, name: content})).holds


@pytest.mark.parametrize("name", sorted(FIXED))
def test_no_file_can_be_taken_from_another_capture(true, verify, name):
    from captures import HTML, OTHER_ID, capture

    files, others = true.files(), evidence(capture(OTHER_ID, html=HTML.replace(b"seal", b"logo"))).files()
    if files[name] != others[name]:
        assert not verify(zipped({**files, name: others[name]})).holds


@settings(max_examples=50, deadline=None, derandomize=True)
@given(data=st.data())
def test_no_piece_of_the_zip_can_be_replaced(package, verify, data):
    start = data.draw(st.integers(0, len(package)))
    end = data.draw(st.integers(start, min(len(package), start + 200)))
    broken = package[:start] + data.draw(st.binary(max_size=200)) + package[end:]
    assert verify(broken).holds is (broken == package)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(envelope=st.binary(max_size=300), proof=st.binary(max_size=300))
def test_whatever_stands_for_attestation_and_proof_nothing_raises(true, verify, envelope, proof):
    assert not verify(zipped({**true.files(), ATTESTATION: envelope})).holds
    assert not verify(zipped({**true.files(), PROOF: proof})).holds


@settings(max_examples=50, deadline=None, derandomize=True)
@given(warc=st.binary(max_size=300), cut=st.integers(0, 9_000), more=st.binary(max_size=40))
def test_whatever_stands_for_the_warc_nothing_raises(true, verify, warc, cut, more):
    from evidence import attested

    made = attested(true, true.warc[:cut] + warc + true.warc[cut + len(more) :])
    files = {**true.files(), "archive/data.warc.gz": made.warc, ATTESTATION: made.envelope, PROOF: made.proof}
    assert not verify(zipped(files)).holds or made.warc == true.warc


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    path=st.sampled_from(
        ["captureId", "target", "title", "exchanges", "freshness", "times", "collector", "dependencies", "settings"]
    ),
    value=st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(), st.lists, max_leaves=3
    ),
)
def test_whatever_a_trusted_collector_signs_nothing_raises(true, verify, path, value):
    import copy

    from evidence import signed

    from sijill.provenance.attest.canonical import NotCanonicalisable

    statement = copy.deepcopy(true.statement)
    statement["predicate"][path] = value
    try:
        envelope = signed(statement)
    except NotCanonicalisable:
        return
    report = verify(zipped({**true.files(), ATTESTATION: envelope, PROOF: proof_of(envelope)}))
    assert not report.holds or statement == true.statement
