"""Cosignatures: those of real witnesses verify, and ours are written as theirs."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.errors import MalformedNote, UnverifiedNote
from sijill.provenance.log.checkpoint import parse_checkpoint
from sijill.provenance.log.cosignature import (
    cosigned_message,
    format_line,
    parse_line,
    parse_lines,
    sign_cosignature,
    verify_cosignature,
    with_cosignatures,
)
from sijill.provenance.log.note import Algorithm, Note, NoteSignature, NoteSigner, NoteVerifier, parse_note

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "c2sp"
# A checkpoint that a public staging log of Certificate Transparency published in May 2026, with the cosignatures of
# four witnesses run by four organisations, and their public keys.
ARCHE = """\
arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev \
zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev \
ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— transparency.dev/DEV:witness-little-garden \
2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
— witness1.smartit.nu/witness1 \
pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
— remora.n621.de \
2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
— witness.stagemole.eu \
Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
""".encode()
ARCHE_LOG = "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
ARCHE_WITNESSES = (
    "transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
    "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
)
KEY = SigningKey(bytes(range(32)))
NAME = "witness.example/w1"
WITNESS = NoteVerifier(NAME, KEY.public, Algorithm.COSIGNATURE_V1)
TEXT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"


def other(number, name="witness.example/other"):
    return sign_cosignature(TEXT, SigningKey(bytes([number]) * 32), name, 1_700_000_000 + number)


@pytest.mark.parametrize("vkey", ARCHE_WITNESSES)
def test_cosignatures_of_real_witnesses_verify(vkey):
    signed = parse_checkpoint(ARCHE)
    signed.verify(NoteVerifier.from_vkey(ARCHE_LOG))
    witness = NoteVerifier.from_vkey(vkey)
    assert witness.vkey == vkey
    assert verify_cosignature(signed.note, witness) == 1_779_573_024
    elsewhere = Note(signed.note.text.replace("1432088532", "1432088533"), signed.note.signatures)
    with pytest.raises(UnverifiedNote):
        verify_cosignature(elsewhere, witness)


def test_we_sign_the_message_of_the_specification():
    line = sign_cosignature(TEXT, KEY, NAME, 1_679_315_147)
    assert cosigned_message(TEXT, 1_679_315_147) == b"cosignature/v1\ntime 1679315147\n" + TEXT.encode()
    assert line.key_id == WITNESS.key_id
    assert line.value[:8] == bytes.fromhex("00000000641850cb")
    assert KEY.public.verify(line.value[8:], b"cosignature/v1\ntime 1679315147\n" + TEXT.encode())
    assert verify_cosignature(Note(TEXT, (line,)), WITNESS) == 1_679_315_147


@given(st.integers(1, 2**63 - 1), st.integers(0, 71), st.integers(0, 7))
def test_no_bit_of_a_cosignature_can_be_changed(seconds, place, bit):
    line = sign_cosignature(TEXT, KEY, NAME, seconds)
    assert verify_cosignature(Note(TEXT, (line,)), WITNESS) == seconds
    value = bytearray(line.value)
    value[place] ^= 1 << bit
    with pytest.raises(UnverifiedNote):
        verify_cosignature(Note(TEXT, (NoteSignature(NAME, line.key_id, bytes(value)),)), WITNESS)


@pytest.mark.parametrize("seconds", [0, -1, 2**63])
def test_a_cosignature_states_a_time(seconds):
    with pytest.raises(ValueError, match="time"):
        sign_cosignature(TEXT, KEY, NAME, seconds)
    if seconds >= 0:
        value = seconds.to_bytes(8, "big") + KEY.sign(cosigned_message(TEXT, seconds))
        with pytest.raises(UnverifiedNote):
            verify_cosignature(Note(TEXT, (NoteSignature(NAME, WITNESS.key_id, value),)), WITNESS)


@pytest.mark.parametrize("value", [b"x", b"x" * 8, b"x" * 71, b"x" * 73])
def test_cosignatures_of_another_length_do_not_verify(value):
    with pytest.raises(UnverifiedNote):
        verify_cosignature(Note(TEXT, (NoteSignature(NAME, WITNESS.key_id, value),)), WITNESS)


def test_a_log_signature_is_no_cosignature_and_the_reverse():
    log = NoteSigner(NAME, KEY)
    with pytest.raises(UnverifiedNote):
        verify_cosignature(log.sign(TEXT), WITNESS)
    with pytest.raises(UnverifiedNote):
        verify_cosignature(log.sign(TEXT), log.verifier)
    with pytest.raises(UnverifiedNote):
        log.verifier.verify(Note(TEXT, (sign_cosignature(TEXT, KEY, NAME, 1),)))


def test_a_line_is_read_as_it_is_written():
    data = (VECTORS / "cosigned.checkpoint").read_bytes()
    last = data.splitlines(keepends=True)[-1]
    line = parse_line(last)
    assert (line.name, line.key_id.hex()) == ("witness.example.com/w1", "8d66cf3f")
    assert format_line(line) == last
    assert parse_lines(b"".join(data.splitlines(keepends=True)[-2:])) == parse_note(data).signatures


@pytest.mark.parametrize(
    "change",
    [
        lambda line: b"",
        lambda line: line[:-1],
        lambda line: line + b"\n",
        lambda line: b"\n" + line,
        lambda line: b"text\n\n" + line,
        lambda line: line + line,
        lambda line: line.replace(b" ", b"  ", 1),
        lambda line: line.replace(b"\n", b"\r\n"),
        lambda line: line.replace("—".encode(), b"-"),
        lambda line: line.replace(b"=\n", b"\n"),
        lambda line: b"\xff" + line,
    ],
)
def test_lines_refused(change):
    line = format_line(NoteSignature(NAME, b"1234", b"x" * 73))
    assert parse_line(line)
    with pytest.raises(MalformedNote):
        parse_line(change(line))


@given(st.binary(max_size=200))
def test_whatever_is_read_as_lines_is_written_so(data):
    try:
        lines = parse_lines(data)
    except MalformedNote:
        return
    assert b"".join(map(format_line, lines)) == data


def test_cosignatures_come_after_the_log_sorted_by_key_id():
    signer = NoteSigner("example.com/behind-the-sofa", KEY)
    checkpoint = (
        f"{TEXT}\n— {signer.name} "
        + base64.b64encode(signer.verifier.key_id + signer.sign(TEXT).signatures[0].value).decode()
        + "\n"
    ).encode()
    lines = [format_line(other(number)) for number in range(1, 9)]
    together = with_cosignatures(checkpoint, lines)
    note = parse_note(together)
    assert together.startswith(checkpoint)
    signer.verifier.verify(note)
    assert [line.key_id for line in note.signatures[1:]] == sorted(other(number).key_id for number in range(1, 9))
    assert with_cosignatures(checkpoint, reversed(lines)) == together
    assert with_cosignatures(together, lines) == together, "each line once"
    assert with_cosignatures(with_cosignatures(checkpoint, lines[:3]), lines[3:]) == together
    assert with_cosignatures(checkpoint, []) == checkpoint


def test_two_cosignatures_of_one_key_are_refused():
    log = other(1)
    checkpoint = f"{TEXT}\n".encode() + format_line(log)
    posing = NoteSignature(log.name, log.key_id, b"x" * 72)
    first = sign_cosignature(TEXT, KEY, NAME, 1)
    second = sign_cosignature(TEXT, KEY, NAME, 2)
    for lines in ([format_line(first), format_line(second)], [format_line(posing)]):
        with pytest.raises(MalformedNote):
            with_cosignatures(checkpoint, lines)
    with pytest.raises(MalformedNote):
        with_cosignatures(b"no note\n", [])
    with pytest.raises(MalformedNote):
        sign_cosignature(TEXT, KEY, "a name", 1)
