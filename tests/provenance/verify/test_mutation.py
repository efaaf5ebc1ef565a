"""No byte of a package can be changed, removed or added unnoticed, and nothing in it can make the verifier raise."""

import contextlib
import dataclasses
import io
import random

import pytest
from asn1crypto import tsp
from evidence import FULL_TRUST, evidence, zipped
from hypothesis import given, settings
from hypothesis import strategies as st
from parties import AUTHORITIES

from sijill.provenance.errors import MalformedTimestampResponse, UnverifiedTimestamp
from sijill.provenance.log.proof import parse_proof
from sijill.provenance.package_layout import ATTESTATION, FIXED, PROOF, About, Token
from sijill.provenance.verify.codes import Code
from sijill.provenance.verify.trust import Policy
from sijill.provenance.verify.verify import verify_package
from sijill.provenance.verify.vouchers import stamped

SEED = 20261121
EVERY = 701
"""Of the bytes of a whole package so many are left out between two that are changed."""
PER_FILE = 8
"""Changes tried in one file."""
STAMPS = [Token(about, name) for about in About for name in AUTHORITIES if (about, name) != (About.ATTESTATION, "beta")]
NAMES = sorted(FIXED | {token.path for token in STAMPS})


@pytest.mark.parametrize("part", range(4))
def test_no_changed_byte_of_the_zip_is_accepted(package, verify, part):
    chance = random.Random(SEED)
    for place in range(part * EVERY // 4, len(package), EVERY * 2):
        broken = bytearray(package)
        broken[place] ^= 1 << chance.randrange(8)
        assert not verify(bytes(broken)).holds, place


@pytest.mark.parametrize("name", NAMES)
def test_no_changed_byte_of_a_file_is_accepted_though_the_zip_is_whole(true, verify, name):
    files = true.files()
    chance = random.Random(f"{SEED} {name}")
    content = files[name]
    for place in sorted(chance.sample(range(len(content)), min(PER_FILE, len(content)))):
        broken = bytearray(content)
        broken[place] ^= 1 << chance.randrange(8)
        assert not verify(zipped({**files, name: bytes(broken)})).holds, place


@pytest.mark.parametrize("name", NAMES)
def test_no_file_can_be_cut_lengthened_or_emptied(true, verify, name):
    files = true.files()
    for content in (files[name][:-1], files[name][1:], files[name] + b"\n", b"\n" + files[name], files[name] * 2, b""):
        assert not verify(zipped({**files, name: content})).holds


@pytest.mark.parametrize("name", NAMES)
def test_no_file_can_be_taken_from_another_capture(true, verify, name):
    from captures import HTML, OTHER_ID, capture

    files, others = true.files(), evidence(capture(OTHER_ID, html=HTML.replace(b"seal", b"logo"))).files()
    if files[name] != others[name]:
        assert not verify(zipped({**files, name: others[name]})).holds


# What follows is by someone who makes all derived files anew, so that nothing but the signatures is in the way.


def flips(content, number=PER_FILE, seed=SEED):
    """The content with one bit changed, at so many places."""
    chance = random.Random(seed)
    for place in sorted(chance.sample(range(len(content)), number)):
        yield content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1 :]


@pytest.mark.parametrize("token", STAMPS, ids=lambda token: token.path)
def test_a_changed_timestamp_fails_or_says_the_same_or_does_not_count(true, verify, token):
    unchanged = verify(zipped(true.files()))
    for data in flips(true.tokens[token], 2 * PER_FILE):
        made = dataclasses.replace(true, tokens={**true.tokens, token: data})
        report = verify(zipped(made.forged_files()))
        if token.about is About.FRESHNESS:
            # The attestation names it by its digest.
            assert report.failed == (Code.TSA_02,)
        elif report.holds:
            # Authorities do not sign the status of a response, nor certificates that they send beside their own.
            assert report.bracket == unchanged.bracket
        else:
            assert set(report.failed) <= {Code.TSA_01, Code.TSA_02}


def test_no_byte_of_a_timestamp_that_brings_one_certificate_is_free_but_that_of_the_status(true, trust):
    token = Token(About.CHECKPOINT, "alpha")
    message = parse_proof(true.proof).checkpoint.first_signed
    for data in flips(true.tokens[token], 200):
        with contextlib.suppress(MalformedTimestampResponse, UnverifiedTimestamp):
            stamped(trust, data, message)
            assert parse_status(data) == "granted_with_mods"


def parse_status(response):
    return tsp.TimeStampResp.load(response)["status"]["status"].native


def test_no_byte_of_a_cosignature_of_a_known_witness_is_free(true, verify):
    note = parse_proof(true.proof).checkpoint.data
    lines = note[note.index(b"\n\n") + 2 :].splitlines(keepends=True)
    for data in flips(b"".join(lines[1:]), 3 * PER_FILE):
        proof = true.proof.replace(b"".join(lines[1:]), data)
        report = verify(zipped({**true.files(), **dataclasses.replace(true, proof=proof).signed_files()}))
        assert not report.holds
        assert set(report.failed) & {Code.WIT_01, Code.LOG_01}


def test_what_nobody_needs_can_be_taken_away_and_bounds_the_time_no_more(true, package):
    trust = dataclasses.replace(FULL_TRUST, witnesses=(), policy=Policy(timestamps=1))
    whole = verify_package(io.BytesIO(package), trust)
    fewer = {token: data for token, data in true.tokens.items() if token.about is not About.ATTESTATION}
    report = verify_package(io.BytesIO(zipped(dataclasses.replace(true, tokens=fewer).files())), trust)
    assert report.holds
    assert report.bracket.not_after.time > whole.bracket.not_after.time


@settings(max_examples=30, deadline=None, derandomize=True)
@given(data=st.data())
def test_no_piece_of_the_zip_can_be_replaced(package, verify, data):
    start = data.draw(st.integers(0, len(package)))
    end = data.draw(st.integers(start, min(len(package), start + 200)))
    broken = package[:start] + data.draw(st.binary(max_size=200)) + package[end:]
    assert verify(broken).holds is (broken == package)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(envelope=st.binary(max_size=300), proof=st.binary(max_size=300))
def test_whatever_stands_for_attestation_and_proof_nothing_raises(true, verify, envelope, proof):
    assert not verify(zipped({**true.files(), ATTESTATION: envelope})).holds
    assert not verify(zipped({**true.files(), PROOF: proof})).holds


@settings(max_examples=30, deadline=None, derandomize=True)
@given(warc=st.binary(max_size=300), cut=st.integers(0, 9_000), more=st.binary(max_size=40))
def test_whatever_stands_for_the_warc_nothing_raises(true, verify, warc, cut, more):
    from evidence import attested

    made = attested(true, true.warc[:cut] + warc + true.warc[cut + len(more) :])
    files = {**true.files(), **made.signed_files(), "archive/data.warc.gz": made.warc}
    assert not verify(zipped(files)).holds or made.warc == true.warc


@settings(max_examples=30, deadline=None, derandomize=True)
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
    report = verify(zipped({**true.files(), **true.sealed(envelope=envelope).signed_files()}))
    assert not report.holds or statement == true.statement
